/* window.c: the limit of asynchronous calls under way; see window.h. */
#include "client/window.h"

#include "base/error.h"
#include "client/clock.h"
#include "client/conn.h"

void roost__window_init(struct window *w, size_t calls_max, size_t bytes_max)
{
    *w = (struct window){.calls_max = calls_max != 0 ? calls_max : WINDOW_CALLS,
                         .bytes_max = bytes_max != 0 ? bytes_max : WINDOW_BYTES};
    list_init(&w->waiting);
}

/* On a connection that has failed everybody gets in: sending tells why. Lock held. */
static bool try(struct conn *c, size_t bytes)
{
    struct window *w = &c->window;
    bool room = w->calls < w->calls_max && (w->calls == 0 || w->bytes + bytes <= w->bytes_max);
    if (!room && c->code == 0)
        return false;
    w->calls++;
    w->bytes += bytes;
    return true;
}

bool roost__window_try(struct conn *c, size_t bytes)
{
    pthread_mutex_lock(&c->lock);
    bool in = try(c, bytes);
    pthread_mutex_unlock(&c->lock);
    return in;
}

static int fail_full(const struct conn *c, int timeout_ms)
{
    if (timeout_ms == 0)
        return roost__fail(ROOST_EFULL, "%zu calls or %zu bytes are under way: the window is full",
                           c->window.calls_max, c->window.bytes_max);
    return roost__fail(ROOST_ETIMEDOUT, "no room in the window of calls under way within %d ms", timeout_ms);
}

/* A server does not keep any number of answers that nobody reads. */
static void look(struct conn *c)
{
    if (!roost__conn_try_lead(c))
        return;
    (void)roost__conn_look(c, true);
    roost__conn_hand_on(c);
}

/* Gets in, or waits until somebody leaves, or the deadline. False: that has passed. */
static bool await_room(struct conn *c, size_t bytes, int64_t deadline, bool *ret_in)
{
    struct call ticket;
    struct watch watch = {.ticket = &ticket};
    call_init(&ticket);
    pthread_mutex_lock(&c->lock);
    *ret_in = try(c, bytes);
    if (!*ret_in)
        list_push_back(&c->window.waiting, &watch.link);
    pthread_mutex_unlock(&c->lock);
    if (*ret_in)
        return true;
    bool in_time = roost__conn_await(c, &ticket, deadline);
    pthread_mutex_lock(&c->lock);
    list_remove(&watch.link);
    pthread_mutex_unlock(&c->lock);
    return in_time;
}

int roost__window_enter(struct conn *c, size_t bytes, int timeout_ms)
{
    pthread_mutex_lock(&c->lock);
    bool in = try(c, bytes);
    bool due = in && ++c->window.since_look % LOOK_EVERY == 0;
    pthread_mutex_unlock(&c->lock);
    if (due)
        look(c);
    int64_t deadline = in ? 0 : roost__clock_deadline(timeout_ms);
    for (bool in_time = true; !in && in_time;) {
        in_time = await_room(c, bytes, deadline, &in);
        in = in || roost__window_try(c, bytes);
    }
    return in ? ROOST_OK : fail_full(c, timeout_ms);
}

void roost__window_leave(struct conn *c, size_t bytes)
{
    c->window.calls--;
    c->window.bytes -= bytes;
    roost__watches_mark(&c->window.waiting);
}

void roost__window_undo(struct conn *c, size_t bytes)
{
    pthread_mutex_lock(&c->lock);
    roost__window_leave(c, bytes);
    pthread_mutex_unlock(&c->lock);
}

void roost__watches_mark(struct list *watches)
{
    for (struct list *it; (it = list_first(watches)) != NULL;) {
        list_remove(it);
        roost__conn_mark(container_of(it, struct watch, link)->ticket);
    }
}
