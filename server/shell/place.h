/*
 * place.h: keeps the loop's thread off the CPU of a client that waits for it while another CPU may be had.
 *
 * Two processes that run in turns on one CPU look to the scheduler like one that is never done: it sees no
 * reason to move either, though another CPU is idle, and every call costs two switches instead of none. So a
 * thread that is woken time and again by one client of its own CPU, so soon that it would have seen the
 * request by looking (base/spin.h), moves to another and stays where it went. In all other cases it is well
 * off where it is: with several clients in turns, or rare calls, waking a CPU that sleeps costs more than a
 * switch.
 *
 * Invariants: the thread's affinity mask is afterwards what it was before, and is never left; whoever pinned
 * the thread to one CPU keeps it there. Moves that do not help become rare: a second apart at least. Only the
 * calling thread is ever moved. What a client says of its CPU is believed only so far: a lie costs a move.
 * Called by net_epoll.c, one place to a loop.
 */
#ifndef ROOST_SHELL_PLACE_H
#define ROOST_SHELL_PLACE_H

#include <stdbool.h>
#include <stdint.h>

struct place {
    const void *client; /* who woke the thread last */
    unsigned together;  /* wake-ups in a row by that client, of our CPU … */
    int64_t since_us;   /* … since then */
    int64_t moved_us;   /* the last move, 0: none yet */
    unsigned found;     /* looks of the loop that found something since then; the loop's to count */
    int64_t pause_us;   /* how long the next has to wait for it */
    unsigned eager; /* looks still to be long ones: the client has just been left alone and is waking up */
};

/* The thread was woken by a client that ran on this CPU (from 1; 0: not known). True: it has moved away. */
bool place_woken(struct place *p, const void *client, uint32_t client_cpu, int64_t now_us);

/* How long the loop's next look is. */
int64_t place_look_us(struct place *p);

#endif
