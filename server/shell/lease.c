/* lease.c: see lease.h. */
#include "shell/lease.h"

#include "shell/conn.h"
#include "shell/log.h"
#include "shell/server.h"

void lease_begin(struct conn *c, int64_t ms)
{
    if (ms <= 0)
        return;
    ms = ms < LEASE_MS_MIN ? LEASE_MS_MIN : ms > LEASE_MS_MAX ? LEASE_MS_MAX : ms;
    c->lease.us = ms * 1000;
    lease_heard(c);
    int64_t due_us = server_now_us() + c->lease.us;
    if (due_us < c->server->lease_next_us)
        c->server->lease_next_us = due_us;
}

void lease_heard(struct conn *c)
{
    atomic_store_explicit(&c->lease.heard_us, server_now_us(), memory_order_relaxed);
}

/* When the peer is overdue; INT64_MAX: never, or it was cut off. */
static int64_t due_us(const struct conn *c)
{
    if (c->lease.us == 0 || c->lease.over)
        return INT64_MAX;
    return atomic_load_explicit(&c->lease.heard_us, memory_order_relaxed) + c->lease.us;
}

/* A healthy peer is heard of several times within its lease, so the looks are about as rare as the shortest
 * lease. */
void lease_check(struct server *s, int64_t now_us)
{
    s->lease_next_us = INT64_MAX;
    list_each (it, &s->conns) {
        struct conn *c = container_of(it, struct conn, in_server);
        if (due_us(c) <= now_us) {
            log_info("%s: session %llu: nothing heard for %lld ms", c->peer, (unsigned long long)c->session,
                     (long long)c->lease.us / 1000);
            c->lease.over = true;
            c->ops->close(c);
        } else if (due_us(c) < s->lease_next_us) {
            s->lease_next_us = due_us(c);
        }
    }
}
