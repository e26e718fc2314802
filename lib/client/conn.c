/* conn.c: calls over one connection; see conn.h. */
#include "client/conn.h"

#include <assert.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "base/error.h"
#include "client/clock.h"
#include "client/reply.h"
#include "wire/decode.h"
#include "wire/encode.h"
#include "wire/frame.h"
#include "wire/methods.h"

enum { BUFFER_KEEP = 1 << 20 }; /* a larger buffer is given back after use */

static struct call *as_call(struct hnode *n)
{
    return n == NULL ? NULL : container_of(n, struct call, node);
}

static bool has_number(const struct hnode *n, const void *number)
{
    return ((const struct call *)(const void *)n)->number == *(const uint64_t *)number;
}

static struct call *find_call(struct conn *c, uint64_t number)
{
    return as_call(roost__hmap_find(&c->calls, hash_u64(number), has_number, &number));
}

static void set_reason(char reason[REASON_MAX], struct slice text)
{
    size_t n = text.len < REASON_MAX - 1 ? text.len : REASON_MAX - 1;
    if (n > 0)
        memcpy(reason, text.data, n);
    reason[n] = '\0';
}

/* ---- failing ---- */

/* Takes out all calls that no thread gives up by itself. Lock held. */
static void take_unattended(struct conn *c, struct list *ret)
{
    list_init(ret);
    for (size_t i = 0; i < c->calls.cap; i++) {
        struct call *call = as_call(c->calls.slots[i].node);
        if (call != NULL && call->finish != NULL)
            list_push_back(ret, &call->link);
    }
    list_each (it, ret)
        roost__hmap_take(&c->calls, &container_of(it, struct call, link)->node);
}

static void finish_abandoned(struct conn *c, struct list *abandoned)
{
    for (struct list *it; (it = list_first(abandoned)) != NULL;) {
        struct call *call = container_of(it, struct call, link);
        list_remove(it);
        pthread_mutex_lock(&c->lock);
        call->code = c->code;
        set_reason(call->reason, slice_str(c->reason));
        bool drops = call->finish(c, call);
        pthread_mutex_unlock(&c->lock);
        if (drops)
            call->drop(call);
    }
}

/* No call begins any more, and none waits; ret: those that no thread gives up by itself. */
static void mark_failed(struct conn *c, int code, const char *reason, struct list *ret)
{
    assert(code < 0);
    pthread_mutex_lock(&c->lock);
    if (c->code == 0) {
        c->code = code;
        set_reason(c->reason, slice_str(reason));
    }
    take_unattended(c, ret);
    list_each (it, &c->followers)
        pthread_cond_signal(&container_of(it, struct call, link)->wake);
    pthread_cond_broadcast(&c->failed);
    pthread_mutex_unlock(&c->lock);
}

void roost__conn_fail(struct conn *c, int code, const char *reason)
{
    struct list abandoned;
    mark_failed(c, code, reason, &abandoned);
    roost__pollable_detach(c);
    roost__transport_shutdown(&c->transport);
    finish_abandoned(c, &abandoned);
    roost__pollable_notice(c);
}

static int fail_as(int code, const char *reason)
{
    return roost__fail(code, "%s", reason);
}

int roost__conn_register(struct conn *c, struct call *call)
{
    pthread_mutex_lock(&c->lock);
    int rc = c->code != 0 ? fail_as(c->code, c->reason) : ROOST_OK;
    call->node.hash = hash_u64(call->number);
    if (rc == ROOST_OK && !roost__hmap_add(&c->calls, &call->node))
        rc = roost__fail(ROOST_ENOMEM, "no memory for one more call");
    pthread_mutex_unlock(&c->lock);
    return rc;
}

void roost__conn_send_releases(struct conn *c)
{
    (void)roost__send_call(c, NULL);
}

/* ---- receiving: the leader ---- */

/* A value with references in it keeps them until it is freed. */
static int decode_result(struct conn *c, struct slice bytes, roost_value *ret)
{
    bool refs = roost__scan_has_ref(bytes);
    int rc = roost__decode(bytes, refs, ret);
    if (rc == ROOST_OK && refs && (rc = c->options.adopt(c->options.owner, ret)) != ROOST_OK)
        roost_value_free(ret);
    return rc;
}

/* A call and its answer come together. Lock held. True: the call is to be dropped, without it. */
static bool settle(struct conn *c, struct call *call, int code, struct slice reason, roost_value result)
{
    roost__hmap_take(&c->calls, &call->node);
    call->code = code;
    call->result = result;
    if (code != ROOST_OK)
        set_reason(call->reason, reason);
    if (call->finish != NULL)
        return call->finish(c, call);
    roost__conn_mark(call);
    return false;
}

/* Gives a call its answer. An answer that no call waits for is that of a release, or comes a second time. */
static void answer(struct conn *c, const struct reply *reply)
{
    int code = reply->code;
    roost_value result = roost_nil();
    struct slice reason = reply->message;
    if (code != ROOST_ELIMIT) /* a refusal is not kept: PROTOCOL.md, section 2 */
        atomic_store_explicit(&c->seen, reply->number, memory_order_relaxed);
    if (reply->kind == FRAME_REPLY && (code = decode_result(c, reply->result, &result)) != ROOST_OK)
        reason = slice_str(roost_errmsg());
    pthread_mutex_lock(&c->lock);
    struct call *call = find_call(c, reply->number);
    bool drops = call != NULL && settle(c, call, code, reason, result);
    pthread_mutex_unlock(&c->lock);
    if (drops)
        call->drop(call);
    if (call == NULL)
        roost_value_free(&result);
}

/* A server that leads no more leaves its sessions to the one that will. */
static int take_goodbye(struct conn *c, const struct reply *reply)
{
    struct leader leader = roost__leader_of(reply);
    c->dismissed = reply->code != ROOST_ENOTLEADER;
    if (leader.url[0] != '\0')
        roost__addresses_led(c->options.addresses, leader.url);
    return roost__fail(ROOST_ECONN, "the server closed the connection: %.*s", (int)reply->message.len,
                       (const char *)reply->message.data);
}

static int take_frame(struct conn *c, struct slice payload)
{
    struct reply reply;
    if (!roost__reply_parse(payload, &reply) || reply.kind == FRAME_WELCOME)
        return roost__protocol_error();
    if (reply.kind == FRAME_GOODBYE)
        return take_goodbye(c, &reply);
    if (reply.kind != FRAME_PONG)
        answer(c, &reply);
    return ROOST_OK;
}

/* Takes apart every whole frame received. */
static int take_frames(struct conn *c)
{
    struct slice payload;
    size_t at = 0;
    int rc = ROOST_OK;
    while (rc == ROOST_OK && roost__next_frame(&c->in, at, &payload, &rc)) {
        rc = take_frame(c, payload);
        at += FRAME_HEADER + payload.len;
    }
    roost__buf_consume(&c->in, at);
    if (c->in.len == 0 && c->in.cap > BUFFER_KEEP)
        roost__buf_free(&c->in);
    return rc;
}

static int receive(struct conn *c, bool now)
{
    if (c->resuming)
        return roost__fail(ROOST_ECONN, "connection lost");
    int rc = roost__receive(&c->transport, &c->in, now);
    if (rc != ROOST_OK)
        return rc;
    atomic_store_explicit(&c->heard, true, memory_order_relaxed);
    return take_frames(c);
}

/* A reason that the caller is to know; all others mean that the connection is lost. */
static bool is_final(int rc)
{
    return rc == ROOST_EPROTO || rc == ROOST_ESESSION || rc == ROOST_EEPOCH || rc == ROOST_EAUTH;
}

/* The stream has ended because of rc: it goes on, or the connection has failed; ROOST_ETIMEDOUT: neither by
 * the deadline. */
static int recover(struct conn *c, int rc, int64_t deadline)
{
    rc = roost__resume(c, rc, deadline);
    if (rc == ROOST_OK)
        rc = take_frames(c); /* what came right behind WELCOME */
    if (rc == ROOST_ETIMEDOUT)
        return rc;
    if (rc != ROOST_OK)
        roost__conn_fail(c, is_final(rc) ? rc : ROOST_ECONN, roost_errmsg());
    return rc;
}

/* A receive that waits until a deadline: ROOST_ETIMEDOUT. */
static int receive_by(struct conn *c, int64_t deadline)
{
    int left = roost__clock_left(deadline);
    if (left <= 0)
        return receive(c, left == 0);
    roost__transport_patience(&c->transport, left);
    int rc = receive(c, false);
    roost__transport_patience(&c->transport, -1);
    return rc;
}

/* Reads until the leader's own call has its answer, or the deadline; the others' are given out on the way. */
static void lead(struct conn *c, const struct call *call, int64_t deadline)
{
    int rc = ROOST_OK;
    while (rc == ROOST_OK && !call->done) {
        rc = receive_by(c, deadline);
        if (rc == ROOST_ETIMEDOUT && deadline >= 0)
            return;
        if (rc != ROOST_OK)
            rc = recover(c, rc, deadline);
    }
}

bool roost__conn_look(struct conn *c, bool resumes)
{
    int rc;
    do
        rc = receive(c, true);
    while (rc == ROOST_OK);
    if (rc == ROOST_ETIMEDOUT)
        return true;
    if (!resumes && roost__resumable(c, rc))
        return false;
    (void)recover(c, rc, -1);
    return true;
}

/* ---- waiting ---- */

/* Lock held. */
static void begin_to_lead(struct conn *c)
{
    c->led = true;
    roost__pollable_disarm(c);
}

static void end_to_lead(struct conn *c)
{
    c->led = false;
    roost__pollable_arm(c);
}

bool roost__conn_try_lead(struct conn *c)
{
    pthread_mutex_lock(&c->lock);
    bool free = !c->led && c->code == 0;
    if (free)
        begin_to_lead(c);
    pthread_mutex_unlock(&c->lock);
    return free;
}

/* The next leader is the follower who waits longest. Lock held. */
static void hand_on(struct conn *c)
{
    struct list *next = list_first(&c->followers);
    if (!c->led && next != NULL)
        pthread_cond_signal(&container_of(next, struct call, link)->wake);
}

void roost__conn_hand_on(struct conn *c)
{
    pthread_mutex_lock(&c->lock);
    end_to_lead(c);
    hand_on(c);
    pthread_mutex_unlock(&c->lock);
}

void roost__conn_mark(struct call *ticket)
{
    ticket->done = true;
    if (ticket->asleep)
        pthread_cond_signal(&ticket->wake);
}

/* Sleeps until the leader has an answer, or nobody leads, or the deadline. Lock held. */
static void follow(struct conn *c, struct call *call, int64_t deadline)
{
    struct timespec until = {.tv_sec = deadline / 1000, .tv_nsec = deadline % 1000 * 1000000};
    pthread_cond_init(&call->wake, NULL);
    list_push_back(&c->followers, &call->link);
    call->asleep = true;
    if (deadline < 0)
        pthread_cond_wait(&call->wake, &c->lock);
    else
        pthread_cond_clockwait(&call->wake, &c->lock, CLOCK_MONOTONIC, &until);
    call->asleep = false;
    list_remove(&call->link);
    pthread_cond_destroy(&call->wake);
}

/* Takes a call off a failed connection; false when it is a ticket. Lock held. */
static bool give_up(struct conn *c, struct call *call)
{
    if (find_call(c, call->number) != call)
        return false;
    roost__hmap_take(&c->calls, &call->node);
    call->code = c->code;
    set_reason(call->reason, slice_str(c->reason));
    return true;
}

/* We have left a stream that has ended: where nobody waits, the program's event loop or pulse.c goes on. */
static void have_it_resumed(struct conn *c)
{
    roost__pollable_notice(c);
    if (c->pulse.runs)
        roost__pulse_poke(c);
}

bool roost__conn_await(struct conn *c, struct call *call, int64_t deadline)
{
    bool late = false, unfinished = false;
    roost__send_held(c);
    pthread_mutex_lock(&c->lock);
    while (!call->done && !late && (c->code == 0 || !give_up(c, call))) {
        late = roost__clock_left(deadline) == 0; /* a last look */
        if (c->led) {
            if (!late)
                follow(c, call, deadline);
            continue;
        }
        begin_to_lead(c);
        pthread_mutex_unlock(&c->lock);
        lead(c, call, deadline);
        unfinished = c->resuming;
        pthread_mutex_lock(&c->lock);
        end_to_lead(c);
    }
    hand_on(c);
    bool done = call->done;
    pthread_mutex_unlock(&c->lock);
    if (unfinished)
        have_it_resumed(c);
    return done;
}

/* Only what is acknowledged is ours (PROTOCOL.md, section 5). When the stream broke just now, or while this
 * process was stopped past its lease with the answer waiting in its socket, a call there and back tells
 * whether the session goes on: the acknowledgement is sent again before it. */
int roost__conn_acknowledge(struct conn *c, const uint64_t *numbers, size_t n)
{
    int rc = roost__send_acks(c, numbers, n);
    if (rc != ROOST_ECONN || c->terms.grace_ms == 0)
        return rc;
    struct call ping = {.method = METHOD_server_ping};
    return roost__conn_call(c, &ping);
}

int roost__conn_call(struct conn *c, struct call *call)
{
    call->done = call->asleep = call->cancelled = false;
    call->caller = pthread_self();
    list_init(&call->link);
    int rc = roost__send_call(c, call);
    if (rc != ROOST_OK)
        return rc;
    (void)roost__conn_await(c, call, -1);
    if (call->code != ROOST_OK)
        return fail_as(call->code, call->reason);
    const struct method *method = roost__method_by_code(call->method);
    if (method == NULL || (method->flags & METHOD_DELIVERS) == 0)
        return ROOST_OK;
    rc = roost__conn_acknowledge(c, &call->number, 1);
    if (rc != ROOST_OK)
        roost_value_free(&call->result);
    return rc;
}

/* The number of the call that a thread waits for; 0: none. */
static uint64_t mark_cancelled(struct conn *c, pthread_t thread)
{
    uint64_t number = 0;
    pthread_mutex_lock(&c->lock);
    for (size_t i = 0; i < c->calls.cap && number == 0; i++) {
        struct call *call = as_call(c->calls.slots[i].node);
        if (call != NULL && call->finish == NULL && pthread_equal(call->caller, thread)) {
            call->cancelled = true;
            number = call->number;
        }
    }
    pthread_mutex_unlock(&c->lock);
    return number;
}

int roost__conn_cancel(struct conn *c, pthread_t thread)
{
    uint64_t number = mark_cancelled(c, thread);
    if (number == 0)
        return roost__fail(ROOST_ENOENT, "the thread waits for no call");
    roost__send_cancel(c, number);
    return ROOST_OK;
}

void roost__conn_give_up(struct conn *c, uint64_t number)
{
    pthread_mutex_lock(&c->lock);
    struct call *call = find_call(c, number);
    if (call != NULL)
        call->cancelled = true;
    pthread_mutex_unlock(&c->lock);
    if (call != NULL)
        roost__send_cancel(c, number);
}

/* ---- opening and closing ---- */

static int greet(struct conn *c)
{
    struct search s;
    roost__search_begin(&s, c->options.addresses, c->options.wishes.timeout_ms, false);
    int rc = roost__reach(c, &s, &c->transport, &c->terms, -1);
    return rc == ROOST_OK ? roost__pulse_start(c) : rc;
}

static void init_locks(struct conn *c)
{
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_mutex_init(&c->write_lock, NULL);
    pthread_mutex_init(&c->lock, NULL);
    pthread_cond_init(&c->failed, &monotonic);
    pthread_condattr_destroy(&monotonic);
}

int roost__conn_open(const struct conn_options *options, struct conn **ret)
{
    struct conn *c = calloc(1, sizeof(*c));
    if (c == NULL)
        return roost__fail(ROOST_ENOMEM, "no memory for a connection");
    c->options = *options;
    c->transport.fd = c->next.fd = -1;
    c->out = buf_make(2 * (size_t)FRAME_MAX);
    c->in = buf_make(2 * (size_t)FRAME_MAX);
    c->releases = buf_make(FRAME_MAX);
    c->acks = buf_make(SIZE_MAX / 2);
    list_init(&c->followers);
    list_init(&c->link);
    roost__window_init(&c->window, options->window_calls, options->window_bytes);
    roost__callbacks_init(&c->callbacks);
    roost__cork_init(&c->cork);
    init_locks(c);
    int rc = greet(c);
    if (rc != ROOST_OK) {
        roost__conn_free(c);
        return rc;
    }
    *ret = c;
    return ROOST_OK;
}

void roost__conn_end_session(struct conn *c)
{
    roost__send_farewell(c);
}

void roost__conn_close(struct conn *c, int code, const char *reason)
{
    struct list abandoned;
    mark_failed(c, code, reason,
                &abandoned); /* first: the server's closing after END is no break to recover from */
    roost__conn_end_session(c);
    roost__transport_shutdown(&c->transport);
    finish_abandoned(c, &abandoned);
    roost__pulse_stop(c);
    roost__cork_stop(c);
    roost__callbacks_stop(c);
}

void roost__conn_free(struct conn *c)
{
    if (c == NULL)
        return;
    assert(list_empty(&c->followers) && !c->pulse.runs && c->calls.len == 0);
    roost__pollable_close(&c->pollable);
    roost__transport_close(&c->transport);
    roost__buf_free(&c->out);
    roost__buf_free(&c->in);
    roost__buf_free(&c->releases);
    roost__buf_free(&c->acks);
    roost__hmap_free(&c->calls);
    roost__callbacks_free(&c->callbacks);
    roost__cork_free(&c->cork);
    pthread_mutex_destroy(&c->write_lock);
    pthread_mutex_destroy(&c->lock);
    pthread_cond_destroy(&c->failed);
    free(c);
}
