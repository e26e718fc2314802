/* cork.c: holding calls, and the thread that writes what was held; see cork.h. */
#include "client/cork.h"

#include <time.h>

#include "client/clock.h"
#include "client/conn.h"
#include "client/quiet.h"

void roost__cork_init(struct cork *k)
{
    *k = (struct cork){0};
    pthread_cond_init(&k->changed, NULL);
}

void roost__cork_free(struct cork *k)
{
    pthread_cond_destroy(&k->changed);
}

/* Gives the program CORK_US for more calls, or for a write of its own. write_lock held. */
static void pause_for_company(struct conn *c)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_nsec += CORK_US * 1000;
    if (until.tv_nsec >= 1000000000) {
        until.tv_sec++;
        until.tv_nsec -= 1000000000;
    }
    pthread_cond_clockwait(&c->cork.changed, &c->write_lock, CLOCK_MONOTONIC, &until);
}

static void *write_held(void *arg)
{
    struct conn *c = arg;
    struct cork *k = &c->cork;
    pthread_mutex_lock(&c->write_lock);
    while (!k->ends) {
        uint64_t writes = k->writes;
        if (k->calls == 0) {
            k->idle = true;
            pthread_cond_wait(&k->changed, &c->write_lock);
            k->idle = false;
            continue;
        }
        pause_for_company(c);
        if (k->calls > 0 && k->writes == writes)
            roost__send_out(c);
    }
    pthread_mutex_unlock(&c->write_lock);
    return NULL;
}

bool roost__cork_hold(struct conn *c)
{
    struct cork *k = &c->cork;
    if (c->transport.ring.memory != NULL)
        return false;
    int64_t now_us = roost__clock_us();
    bool first = now_us - k->last_us > CORK_US;
    k->last_us = now_us;
    if (first || k->calls + 1 >= CORK_CALLS || c->out.len >= CORK_BYTES)
        return false;
    if (!k->runs)
        k->runs = !k->ends && roost__start_quietly(&k->thread, write_held, c);
    if (!k->runs)
        return false;
    if (k->calls++ == 0)
        roost__pollable_notice(c); /* a program with an event loop writes them there */
    atomic_store_explicit(&k->holds, true, memory_order_relaxed);
    if (k->idle)
        pthread_cond_signal(&k->changed);
    return true;
}

void roost__cork_wrote(struct cork *k)
{
    k->calls = 0;
    k->writes++;
    atomic_store_explicit(&k->holds, false, memory_order_relaxed);
}

void roost__cork_stop(struct conn *c)
{
    struct cork *k = &c->cork;
    pthread_mutex_lock(&c->write_lock);
    bool runs = k->runs;
    k->ends = true;
    k->runs = false;
    pthread_cond_signal(&k->changed);
    pthread_mutex_unlock(&c->write_lock);
    if (runs)
        pthread_join(k->thread, NULL);
}
