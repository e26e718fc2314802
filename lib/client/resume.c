/*
 * resume.c: the stream has ended: the session goes on over another, or it is over.
 *
 * Run by the leader, whoever that is: a thread that waits for an answer, or pulse.c's. The others' calls wait
 * meanwhile and notice nothing. See conn.h.
 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <time.h>

#include "base/error.h"
#include "client/clock.h"
#include "client/conn.h"

enum {
    PAUSE_FIRST_MS = 20, /* doubled after every attempt, up to … */
    PAUSE_LAST_MS = 1000,
    ATTEMPT_FIRST_MS = 1000 /* how long one attempt may take; doubled too, up to the time for connecting */
};

struct attempts {
    int64_t deadline;
    int pause_ms;
    int attempt_ms;
    uint64_t random;
};

static int min(int a, int b)
{
    return b < 0 || a < b ? a : b;
}

/* Between half of n and n: clients that were cut off together do not come back together. */
static int jitter(struct attempts *a, int n)
{
    a->random = a->random * 6364136223846793005u + 1442695040888963407u;
    return n - (int)((a->random >> 33) % (unsigned)(n / 2 + 1));
}

/* The connection's code, waiting for one up to ms. */
static int failed_within(struct conn *c, int ms)
{
    struct timespec end;
    clock_gettime(CLOCK_MONOTONIC, &end);
    end.tv_sec += ms / 1000;
    end.tv_nsec += ms % 1000 * 1000000L;
    if (end.tv_nsec >= 1000000000L) {
        end.tv_sec++;
        end.tv_nsec -= 1000000000L;
    }
    pthread_mutex_lock(&c->lock);
    while (c->code == 0 && ms > 0)
        if (pthread_cond_timedwait(&c->failed, &c->lock, &end) == ETIMEDOUT)
            break;
    int code = c->code;
    pthread_mutex_unlock(&c->lock);
    return code;
}

static int attempt(struct conn *c, int timeout_ms)
{
    struct wishes wishes = c->options.wishes;
    struct terms terms = c->terms;
    wishes.timeout_ms = timeout_ms;
    buf_reset(&c->in);
    int rc = roost__transport_open(wishes.url, &wishes.tls, timeout_ms, &c->next);
    if (rc == ROOST_OK)
        rc = roost__handshake(&c->next, &wishes, &terms, &c->in);
    if (rc != ROOST_OK) {
        roost__transport_close(&c->next);
        return rc;
    }
    rc = roost__send_again(c);
    if (rc == ROOST_OK && failed_within(c, 0) != 0)
        roost__transport_shutdown(&c->transport); /* it was closed while there were two streams */
    return rc;
}

static bool worth_another(int rc)
{
    return rc == ROOST_ECONN || rc == ROOST_ETIMEDOUT || rc == ROOST_ENOMEM;
}

/* Tries until it succeeds, is refused, or the time is up. */
static int try_all(struct conn *c)
{
    int patience_ms = c->options.reconnect_ms;
    if (patience_ms == 0) {
        int64_t granted_ms = c->terms.grace_ms + c->terms.lease_ms;
        patience_ms = granted_ms < INT_MAX ? (int)granted_ms : INT_MAX;
    }
    struct attempts a = {.deadline = roost__clock_deadline(patience_ms),
                         .pause_ms = PAUSE_FIRST_MS,
                         .attempt_ms = ATTEMPT_FIRST_MS,
                         .random = (uint64_t)roost__clock_us() ^ c->terms.session};
    for (;;) {
        int rc = attempt(c, min(a.attempt_ms, roost__clock_left(a.deadline)));
        if (rc == ROOST_OK || !worth_another(rc))
            return rc;
        if (roost__clock_left(a.deadline) == 0)
            return roost__fail(ROOST_ECONN, "connection lost, and not back within %d ms: %s", patience_ms,
                               roost_errmsg());
        if (failed_within(c, min(jitter(&a, a.pause_ms), roost__clock_left(a.deadline))) != 0)
            return roost__fail(ROOST_ECLOSED, "the manager was closed");
        a.pause_ms = min(2 * a.pause_ms, PAUSE_LAST_MS);
        a.attempt_ms = min(2 * a.attempt_ms, c->options.wishes.timeout_ms);
    }
}

static roost_state state_after(int rc)
{
    return rc == ROOST_OK ? ROOST_RESUMED : rc == ROOST_EEPOCH ? ROOST_RESTARTED : ROOST_SESSION_LOST;
}

bool roost__resumable(const struct conn *c, int code)
{
    return c->terms.grace_ms > 0 && code == ROOST_ECONN && !c->dismissed;
}

int roost__resume(struct conn *c, int code)
{
    if (failed_within(c, 0) != 0)
        return code;
    roost__pollable_detach(c);
    roost__transport_shutdown(&c->transport); /* who writes shall not wait */
    char why[REASON_MAX];
    snprintf(why, sizeof(why), "%s", roost_errmsg());
    c->options.tell(c->options.owner, ROOST_DISCONNECTED);
    int rc = code;
    if (roost__resumable(c, code))
        rc = try_all(c);
    else
        roost__fail(code, "%s", why);
    if (rc != ROOST_ECLOSED)
        c->options.tell(c->options.owner, state_after(rc));
    return rc;
}
