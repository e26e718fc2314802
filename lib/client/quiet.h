/*
 * quiet.h: starts a thread of the library's own, which takes none of the program's signals.
 *
 * Called by pulse.c and callbacks.c.
 */
#ifndef ROOST_CLIENT_QUIET_H
#define ROOST_CLIENT_QUIET_H

#include <pthread.h>
#include <signal.h>
#include <stdbool.h>

static inline bool roost__start_quietly(pthread_t *ret, void *(*run)(void *arg), void *arg)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    bool runs = pthread_create(ret, NULL, run, arg) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return runs;
}

#endif
