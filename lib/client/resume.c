/*
 * resume.c: the way to the server that serves: the first stream of a session, and another when one has ended.
 *
 * A resume is run by the leader, whoever that is: a thread that waits for an answer, or pulse.c's. The
 * others' calls wait meanwhile and notice nothing. A leader whose own wait has a deadline may leave it
 * unfinished: the next one goes on. See conn.h.
 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <time.h>

#include "base/error.h"
#include "client/clock.h"
#include "client/conn.h"

enum {
    SEVERAL_MS = 60000, /* so long at least a session with several servers looks for the one that leads */
    LAST_LOOK_MS = 250  /* what an attempt has for a thread that cannot wait any longer */
};

static int min(int a, int b)
{
    return a < 0 ? b : b < 0 || a < b ? a : b;
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

/* ---- looking for the server ---- */

static struct wishes wishes_at(const struct conn *c, const char *url, int timeout_ms)
{
    struct wishes w = c->options.wishes;
    w.url = url;
    w.timeout_ms = timeout_ms;
    if (strncmp(url, "ipc://", 6) != 0)
        w.ring = 0;
    return w;
}

static int ask(struct conn *c, struct transport *t, const struct wishes *w, struct terms *terms,
               struct leader *ret_leader)
{
    int64_t deadline = roost__clock_deadline(w->timeout_ms);
    *ret_leader = (struct leader){""};
    buf_reset(&c->in);
    int rc = roost__transport_open(w->url, &w->tls, w->timeout_ms, t);
    if (rc == ROOST_OK) {
        struct wishes rest = *w;
        rest.timeout_ms = roost__clock_left(deadline);
        rc = roost__handshake(t, &rest, terms, &c->in, ret_leader);
    }
    if (rc != ROOST_OK)
        roost__transport_close(t);
    return rc;
}

int roost__reach(struct conn *c, struct search *s, struct transport *t, struct terms *terms, int64_t until)
{
    const char *url;
    struct leader leader;
    int ms, rc;
    for (bool asked = false; (rc = roost__search_next(s, &url, &ms)) == ROOST_OK;) {
        int left = roost__clock_left(until);
        if (left == 0 && asked)
            return roost__fail(ROOST_ETIMEDOUT, "no server has been found yet");
        if (url == NULL) {
            if (failed_within(c, min(ms, left)) != 0)
                return roost__fail(ROOST_ECLOSED, "the manager was closed");
            continue;
        }
        asked = true;
        struct wishes w = wishes_at(c, url, min(ms, left >= 0 && left < LAST_LOOK_MS ? LAST_LOOK_MS : left));
        rc = ask(c, t, &w, terms, &leader);
        if (rc == ROOST_OK)
            roost__search_found(s);
        if (rc == ROOST_OK || (rc = roost__search_failed(s, rc, leader.url)) != ROOST_OK)
            return rc;
    }
    return rc;
}

/* ---- resuming ---- */

static int patience_ms(const struct conn *c)
{
    if (c->options.reconnect_ms != 0)
        return c->options.reconnect_ms;
    int64_t granted_ms = c->terms.grace_ms + c->terms.lease_ms;
    bool several = roost__addresses_len(c->options.addresses) > 1;
    if (several && granted_ms < SEVERAL_MS)
        return SEVERAL_MS;
    return granted_ms < INT_MAX ? (int)granted_ms : INT_MAX;
}

static int go_on(struct conn *c)
{
    int rc = roost__send_again(c);
    if (rc == ROOST_OK && failed_within(c, 0) != 0)
        roost__transport_shutdown(&c->transport); /* it was closed while there were two streams */
    return rc;
}

/* Tries until it succeeds, is refused, or the time is up. ROOST_ETIMEDOUT: `until` came first. */
static int try_all(struct conn *c, int64_t until)
{
    int ms = patience_ms(c), rc;
    struct search s;
    struct terms terms = c->terms;
    roost__search_begin(&s, c->options.addresses, ms, true);
    s.attempt_max_ms = c->options.wishes.timeout_ms;
    do
        rc = roost__reach(c, &s, &c->next, &terms, until);
    while (rc == ROOST_OK && (rc = go_on(c)) == ROOST_ENOMEM && roost__clock_left(s.deadline) != 0);
    bool is_over = s.deadline >= 0 && roost__clock_left(s.deadline) == 0;
    if (is_over &&
        (rc == ROOST_ECONN || rc == ROOST_ETIMEDOUT || rc == ROOST_ENOTLEADER || rc == ROOST_ENOMEM))
        return roost__fail(ROOST_ECONN, "connection lost, and not back within %d ms: %s", ms, roost_errmsg());
    return rc;
}

static roost_state state_after(int rc)
{
    return rc == ROOST_OK ? ROOST_RESUMED : rc == ROOST_EEPOCH ? ROOST_RESTARTED : ROOST_SESSION_LOST;
}

bool roost__resumable(const struct conn *c, int code)
{
    return c->terms.grace_ms > 0 && code == ROOST_ECONN && !c->dismissed;
}

static void begin(struct conn *c)
{
    roost__pollable_detach(c);
    roost__transport_shutdown(&c->transport); /* who writes shall not wait */
    if (!c->resuming)
        c->options.tell(c->options.owner, ROOST_DISCONNECTED);
    c->resuming = true;
}

int roost__resume(struct conn *c, int code, int64_t until)
{
    char why[REASON_MAX];
    snprintf(why, sizeof(why), "%s", roost_errmsg());
    if (failed_within(c, 0) != 0)
        return code;
    begin(c);
    int rc = code;
    if (roost__resumable(c, code))
        rc = try_all(c, until);
    else
        roost__fail(code, "%s", why);
    c->resuming = rc == ROOST_ETIMEDOUT;
    if (rc != ROOST_ECLOSED && !c->resuming)
        c->options.tell(c->options.owner, state_after(rc));
    return rc;
}
