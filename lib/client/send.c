/*
 * send.c: what a connection writes: calls, releases, acknowledgements, and all of that again after a resume.
 *
 * Invariant: frames are written under write_lock in the order of their numbers; whatever the server may not
 * have received yet is in c->calls or c->acks when the session can be resumed. Called by conn.c, resume.c and
 * pulse.c. See conn.h.
 */
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>

#include "base/error.h"
#include "client/conn.h"
#include "wire/encode.h"
#include "wire/frame.h"
#include "wire/methods.h"

enum {
    BUFFER_KEEP = 1 << 20,   /* a larger buffer is given back after use */
    TOGETHER_MAX = 64 << 10, /* bytes of several threads' calls that wait to be sent together */
    AGAIN_MAX = 1 << 20      /* bytes collected before a write, when much is sent again */
};

/* A delivery acknowledged after the call `after` was written: the answer to a later call says it arrived. */
struct ack {
    uint64_t number;
    uint64_t after;
};

/* Names the calling thread within the session (an rlock's owner). */
static uint64_t thread_number(void)
{
    static atomic_uint_least64_t last;
    static _Thread_local uint64_t mine;
    if (mine == 0)
        mine = atomic_fetch_add(&last, 1) + 1;
    return mine;
}

static bool resumable(const struct conn *c)
{
    return c->terms.grace_ms > 0;
}

/* Completes the frame begun at `at` when rc is 0, else takes it back. */
static int end_frame(struct conn *c, size_t at, int rc)
{
    bool no_memory = c->out.failed && c->out.no_memory;
    if (rc == ROOST_OK && !roost__frame_end(&c->out, at))
        rc = no_memory ? roost__fail(ROOST_ENOMEM, "no memory for the arguments")
                       : roost__fail(ROOST_ELIMIT, "the arguments take more than %d bytes", FRAME_MAX);
    if (rc != ROOST_OK) {
        c->out.failed = false;
        c->out.len = at < c->out.len ? at : c->out.len;
    }
    return rc;
}

/* The options of a guarded call, and of one for what is nested at a path. */
static int put_options(struct conn *c, const struct call *call)
{
    bool guarded = call->guard_token != 0;
    roost__put_map(&c->out, (size_t)guarded + (call->path != NULL) + call->goes_on);
    if (guarded) {
        roost__put_cstr(&c->out, "guard");
        roost__put_array(&c->out, 2);
        roost__put_uint(&c->out, call->guard_lock);
        roost__put_uint(&c->out, call->guard_token);
    }
    if (call->goes_on) {
        roost__put_cstr(&c->out, "async");
        roost__put_bool(&c->out, true);
    }
    if (call->path == NULL)
        return ROOST_OK;
    roost__put_cstr(&c->out, "at");
    return roost__put_value(&c->out, call->path);
}

static int put_call(struct conn *c, const struct call *call)
{
    uint64_t seen = resumable(c) ? atomic_load_explicit(&c->seen, memory_order_relaxed) : 0;
    bool options = call->guard_token != 0 || call->path != NULL || call->goes_on;
    size_t at = frame_begin(&c->out);
    int rc = ROOST_OK;
    roost__put_array(&c->out, options ? CALL_PARTS + 2 : seen != 0 ? CALL_PARTS + 1 : CALL_PARTS);
    roost__put_uint(&c->out, FRAME_CALL);
    roost__put_uint(&c->out, call->number);
    roost__put_uint(&c->out, call->thread);
    roost__put_uint(&c->out, call->target);
    roost__put_uint(&c->out, call->method);
    roost__put_array(&c->out, call->argc);
    if (call->raw.len > 0)
        buf_append(&c->out, call->raw.data, call->raw.len);
    else
        for (uint32_t i = 0; i < call->argc && rc == ROOST_OK; i++)
            rc = roost__put_value(&c->out, &call->args[i]);
    if (seen != 0 || options)
        roost__put_uint(&c->out, seen);
    if (rc == ROOST_OK && options)
        rc = put_options(c, call);
    return end_frame(c, at, rc);
}

static void empty_out(struct conn *c)
{
    if (c->out.cap > BUFFER_KEEP)
        roost__buf_free(&c->out);
    buf_reset(&c->out);
    roost__cork_wrote(&c->cork);
}

int roost__send_out(struct conn *c)
{
    if (c->out.len == 0)
        return ROOST_OK;
    int rc = roost__transport_send(&c->transport, c->out.data, c->out.len);
    empty_out(c);
    return rc;
}

void roost__send_held(struct conn *c)
{
    if (!atomic_load_explicit(&c->cork.holds, memory_order_relaxed))
        return;
    pthread_mutex_lock(&c->write_lock);
    (void)roost__send_out(c);
    pthread_mutex_unlock(&c->write_lock);
}

/* Numbers a call and puts its frame; a registered one's answer finds it. */
static int put_new(struct conn *c, struct call *call, bool registered)
{
    size_t before = c->out.len;
    call->number = c->number + 1;
    call->thread = thread_number();
    int rc = put_call(c, call);
    if (rc == ROOST_OK && registered && (rc = roost__conn_register(c, call)) != ROOST_OK)
        c->out.len = before;
    if (rc == ROOST_OK)
        c->number++;
    return rc;
}

static bool finish_release(struct conn *c, struct call *call)
{
    (void)c;
    (void)call;
    return true;
}

static void drop_release(struct call *call)
{
    roost_value_free(&call->result);
    free(call);
}

/* A release that may have to be sent again lives until its answer comes. Without memory it is sent once. */
static struct call *release_of(struct conn *c)
{
    struct call *call = malloc(sizeof(*call) + c->releases.len);
    if (call == NULL)
        return NULL;
    void *args = call + 1;
    memcpy(args, c->releases.data, c->releases.len);
    *call = (struct call){.finish = finish_release,
                          .drop = drop_release,
                          .method = METHOD_server_release,
                          .argc = 1,
                          .raw = slice_of(args, c->releases.len)};
    return call;
}

static void put_releases(struct conn *c)
{
    if (atomic_load_explicit(&c->options.refs->queued, memory_order_relaxed) == 0)
        return;
    buf_reset(&c->releases);
    roost__refs_put_releases(c->options.refs, &c->releases);
    if (c->releases.failed)
        return;
    struct call *kept = resumable(c) ? release_of(c) : NULL;
    struct call once = {.method = METHOD_server_release, .argc = 1, .raw = buf_slice(&c->releases)};
    if (put_new(c, kept != NULL ? kept : &once, kept != NULL) != ROOST_OK)
        free(kept);
}

/* Who waits is counted, who need not wait spares himself that. */
static void lock_to_write(struct conn *c)
{
    if (pthread_mutex_trylock(&c->write_lock) == 0)
        return;
    atomic_fetch_add(&c->writers, 1);
    pthread_mutex_lock(&c->write_lock);
    atomic_fetch_sub(&c->writers, 1);
}

/*
 * A thread that finds others waiting to write leaves its frames to them: the last one sends all in one write.
 * Every frame here is a call, which is registered, so a failure needs no telling: its reader finds out.
 */
int roost__send_calls(struct conn *c, struct call *const *calls, size_t n, size_t *ret_sent)
{
    int rc = ROOST_OK;
    size_t sent = 0;
    lock_to_write(c);
    put_releases(c);
    while (sent < n && (rc = put_new(c, calls[sent], true)) == ROOST_OK)
        sent++;
    bool last = atomic_load(&c->writers) == 0;
    bool held = n == 1 && sent == 1 && calls[0]->may_wait && roost__cork_hold(c);
    if ((last && !held) || c->out.len > TOGETHER_MAX)
        (void)roost__send_out(c);
    pthread_mutex_unlock(&c->write_lock);
    *ret_sent = sent;
    return rc;
}

int roost__send_call(struct conn *c, struct call *call)
{
    size_t sent;
    return roost__send_calls(c, &call, call != NULL, &sent);
}

/* A frame that is a list of calls' numbers, ACK or CANCEL. */
static int put_numbers(struct conn *c, unsigned kind, const uint64_t *numbers, size_t n)
{
    size_t at = frame_begin(&c->out);
    roost__put_array(&c->out, n + 1);
    roost__put_uint(&c->out, kind);
    for (size_t i = 0; i < n; i++)
        roost__put_uint(&c->out, numbers[i]);
    return end_frame(c, at, ROOST_OK);
}

/* Forgets the acknowledgements that have arrived for certain, and remembers one more. */
static bool note_ack(struct conn *c, uint64_t number)
{
    struct ack *acks = (struct ack *)(void *)c->acks.data, one = {.number = number, .after = c->number};
    uint64_t seen = atomic_load_explicit(&c->seen, memory_order_relaxed);
    size_t n = c->acks.len / sizeof(one), left = 0;
    for (size_t i = 0; i < n; i++)
        if (acks[i].after >= seen)
            acks[left++] = acks[i];
    c->acks.len = left * sizeof(one);
    bool noted = buf_append(&c->acks, &one, sizeof(one));
    c->acks.failed = false;
    return noted;
}

int roost__send_acks(struct conn *c, const uint64_t *numbers, size_t n)
{
    int rc = ROOST_OK;
    pthread_mutex_lock(&c->write_lock);
    for (size_t i = 0; i < n && rc == ROOST_OK && resumable(c); i++)
        rc = note_ack(c, numbers[i]) ? ROOST_OK : ROOST_ENOMEM;
    if (rc == ROOST_OK)
        rc = put_numbers(c, FRAME_ACK, numbers, n);
    if (rc == ROOST_OK)
        rc = roost__send_out(c);
    else
        rc = roost__fail(ROOST_ENOMEM, "no memory to acknowledge a delivery");
    if (rc == ROOST_OK && c->terms.lease_ms > 0 && roost__transport_hung_up(&c->transport))
        rc = roost__fail(ROOST_ECONN, "the server closed the connection"); /* maybe while we were stopped */
    pthread_mutex_unlock(&c->write_lock);
    return rc;
}

void roost__send_cancel(struct conn *c, uint64_t number)
{
    pthread_mutex_lock(&c->write_lock);
    if (put_numbers(c, FRAME_CANCEL, &number, 1) == ROOST_OK)
        (void)roost__send_out(c);
    pthread_mutex_unlock(&c->write_lock);
}

/* A part of a frame would spoil the stream: it ends. */
static void send_now(struct conn *c, const void *data, size_t len)
{
    if (!roost__transport_send_now(&c->transport, data, len))
        roost__transport_shutdown(&c->transport);
}

/* Who is writing now is a sign of life himself. */
void roost__send_signal(struct conn *c, unsigned frame_kind)
{
    const uint8_t frame[] = {0, 0, 0, 2, 0x91, (uint8_t)frame_kind};
    if (pthread_mutex_trylock(&c->write_lock) != 0)
        return;
    send_now(c, frame, sizeof(frame));
    pthread_mutex_unlock(&c->write_lock);
}

void roost__send_farewell(struct conn *c)
{
    static const uint8_t frame[] = {0, 0, 0, 2, 0x91, FRAME_END};
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += 1; /* who writes, like the cork's thread, is through in microseconds, or stuck */
    if (pthread_mutex_timedlock(&c->write_lock, &until) != 0)
        return;
    if (resumable(c))
        buf_append(&c->out, frame, sizeof(frame));
    if (c->out.len > 0)
        send_now(c, c->out.data, c->out.len);
    empty_out(c);
    pthread_mutex_unlock(&c->write_lock);
}

/* ---- after a resume ---- */

static int by_number(const void *a, const void *b)
{
    const struct call *const *x = a, *const *y = b;
    return (*x)->number < (*y)->number ? -1 : (*x)->number > (*y)->number;
}

/* All calls without an answer, in the order of their numbers; *ret is malloc'ed. They stay: the leader, who
 * asks, is the one who answers them, and write_lock keeps new ones out. */
static int unanswered(struct conn *c, struct call ***ret, size_t *ret_n)
{
    pthread_mutex_lock(&c->lock);
    struct call **calls = malloc((c->calls.len + 1) * sizeof(struct call *));
    size_t n = 0;
    for (size_t i = 0; calls != NULL && i < c->calls.cap; i++)
        if (c->calls.slots[i].node != NULL)
            calls[n++] = container_of(c->calls.slots[i].node, struct call, node);
    pthread_mutex_unlock(&c->lock);
    if (calls == NULL)
        return roost__fail(ROOST_ENOMEM, "no memory to send calls again");
    qsort(calls, n, sizeof(struct call *), by_number);
    *ret = calls;
    *ret_n = n;
    return ROOST_OK;
}

static bool is_cancelled(struct conn *c, const struct call *call)
{
    pthread_mutex_lock(&c->lock);
    bool cancelled = call->cancelled;
    pthread_mutex_unlock(&c->lock);
    return cancelled;
}

static int put_again(struct conn *c, const struct call *call)
{
    int rc = put_call(c, call);
    if (rc == ROOST_OK && is_cancelled(c, call))
        rc = put_numbers(c, FRAME_CANCEL, &call->number, 1);
    if (rc == ROOST_OK && c->out.len > AGAIN_MAX)
        (void)roost__send_out(c);
    return rc;
}

static int put_acks_again(struct conn *c)
{
    const struct ack *acks = (const struct ack *)(const void *)c->acks.data;
    int rc = ROOST_OK;
    for (size_t i = 0; i < c->acks.len / sizeof(*acks) && rc == ROOST_OK; i++)
        rc = put_numbers(c, FRAME_ACK, &acks[i].number, 1);
    return rc;
}

int roost__send_again(struct conn *c)
{
    struct call **calls = NULL;
    size_t n = 0;
    pthread_mutex_lock(&c->write_lock);
    empty_out(c); /* what was held is sent again with the others */
    atomic_store(&c->seen, 0);
    atomic_store(&c->heard, true);
    int rc = roost__transport_replace(&c->transport, &c->next);
    if (rc == ROOST_OK && !roost__pollable_attach(c))
        rc = roost__fail_sys("cannot put the new connection's socket into an epoll");
    if (rc == ROOST_OK)
        rc = put_acks_again(c);
    if (rc == ROOST_OK)
        rc = unanswered(c, &calls, &n);
    for (size_t i = 0; i < n && rc == ROOST_OK; i++)
        rc = put_again(c, calls[i]);
    if (rc == ROOST_OK)
        (void)roost__send_out(c);
    pthread_mutex_unlock(&c->write_lock);
    free(calls);
    return rc;
}
