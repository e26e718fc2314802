/* place.c: see place.h. */
#include "shell/place.h"

#include <sched.h>
#include <stddef.h>

#include "base/spin.h"

enum {
    TOGETHER_MAX = 8,                           /* wake-ups … */
    TOGETHER_US = TOGETHER_MAX * (SPIN_US + 5), /* … within this time: looking would have been worth it */
    PAUSE_MIN_US = 1000,                        /* between two moves; doubled each time, up to … */
    PAUSE_MAX_US = 1000000,
    EAGER = 4,      /* looks after a move … */
    EAGER_US = 200, /* … that are so long: a virtual CPU that slept takes 30 µs and more to run again */
    HELPED = 64     /* looks that found something: the move before was a good one, the next starts anew */
};

/* The mask does without the CPU for a moment, which is how a thread is moved. */
static bool move_off(unsigned cpu)
{
    cpu_set_t mask, others;
    if (cpu >= CPU_SETSIZE || sched_getaffinity(0, sizeof(mask), &mask) != 0)
        return false;
    others = mask;
    CPU_CLR(cpu, &others);
    if (CPU_COUNT(&others) == 0 || sched_setaffinity(0, sizeof(others), &others) != 0)
        return false;
    sched_setaffinity(0, sizeof(mask), &mask);
    return true;
}

/* How long the next move must wait, now that one more is due. */
static int64_t next_pause(const struct place *p)
{
    if (p->moved_us == 0 || p->found >= HELPED)
        return PAUSE_MIN_US;
    return p->pause_us < PAUSE_MAX_US / 2 ? 2 * p->pause_us : PAUSE_MAX_US;
}

bool place_woken(struct place *p, const void *client, uint32_t client_cpu, int64_t now_us)
{
    int cpu = sched_getcpu();
    bool same = client == p->client;
    p->client = client;
    if (!same || client_cpu == 0 || cpu < 0 || client_cpu - 1 != (uint32_t)cpu) {
        p->together = 0;
        return false;
    }
    if (now_us - p->since_us > TOGETHER_US)
        p->together = 0;
    if (p->together == 0)
        p->since_us = now_us;
    if (++p->together < TOGETHER_MAX || now_us - p->moved_us < p->pause_us)
        return false;
    p->together = 0;
    p->pause_us = next_pause(p);
    p->found = 0;
    p->moved_us = now_us;
    p->eager = EAGER;
    return move_off((unsigned)cpu);
}

int64_t place_look_us(struct place *p)
{
    if (p->eager == 0)
        return SPIN_US;
    p->eager--;
    return EAGER_US;
}
