/* conn.c: calls over one connection; see conn.h. */
#include "client/conn.h"

#include <assert.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/error.h"
#include "client/reply.h"
#include "wire/decode.h"
#include "wire/encode.h"
#include "wire/frame.h"
#include "wire/methods.h"

enum {
    RECEIVE_ROOM = 16 << 10, /* free bytes offered to every receive */
    BUFFER_KEEP = 1 << 20    /* a larger buffer is given back after use */
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
    return as_call(roost__hmap_find(&c->calls, number, has_number, &number));
}

static void set_reason(char reason[REASON_MAX], struct slice text)
{
    size_t n = text.len < REASON_MAX - 1 ? text.len : REASON_MAX - 1;
    if (n > 0)
        memcpy(reason, text.data, n);
    reason[n] = '\0';
}

/* ---- failing ---- */

void roost__conn_fail(struct conn *c, int code, const char *reason)
{
    assert(code < 0);
    pthread_mutex_lock(&c->lock);
    if (c->code == 0) {
        c->code = code;
        set_reason(c->reason, slice_str(reason));
    }
    list_each (it, &c->followers)
        pthread_cond_signal(&container_of(it, struct call, link)->wake);
    pthread_mutex_unlock(&c->lock);
    roost__transport_shutdown(&c->transport);
}

static int protocol_error(void)
{
    return roost__fail(ROOST_EPROTO, "the server sent bytes that are no frame of the protocol");
}

/* ---- sending ---- */

/* Begins a CALL frame of so many elements up to its arguments; roost__frame_end() completes it. */
static size_t begin_call(struct conn *c, uint32_t elements, uint64_t target, uint32_t method, uint32_t argc)
{
    size_t at = frame_begin(&c->out);
    roost__put_array(&c->out, elements);
    roost__put_uint(&c->out, FRAME_CALL);
    roost__put_uint(&c->out, c->number + 1);
    roost__put_uint(&c->out, thread_number());
    roost__put_uint(&c->out, target);
    roost__put_uint(&c->out, method);
    roost__put_array(&c->out, argc);
    return at;
}

/* Completes the frame begun at `at` when rc is 0, else takes it back. A call put becomes the one numbered
 * last. */
static int end_call(struct conn *c, size_t at, int rc)
{
    if (rc == ROOST_OK && !roost__frame_end(&c->out, at))
        rc = roost__fail(ROOST_ELIMIT,
                         "the arguments take more than %d bytes, or there is no memory for them", FRAME_MAX);
    if (rc == ROOST_OK) {
        c->number++;
    } else {
        c->out.failed = false;
        c->out.len = at < c->out.len ? at : c->out.len;
    }
    return rc;
}

/* Its answer finds no call and is dropped. */
static void put_releases(struct conn *c)
{
    if (atomic_load_explicit(&c->refs->queued, memory_order_relaxed) == 0)
        return;
    size_t at = begin_call(c, 6, 0, METHOD_server_release, 1);
    roost__refs_put_releases(c->refs, &c->out);
    (void)end_call(c, at, ROOST_OK);
}

static int put_call(struct conn *c, const struct call *call)
{
    size_t at = begin_call(c, call->path != NULL ? 7 : 6, call->target, call->method, call->argc);
    int rc = ROOST_OK;
    for (uint32_t i = 0; i < call->argc && rc == ROOST_OK; i++)
        rc = roost__put_value(&c->out, &call->args[i]);
    if (rc == ROOST_OK && call->path != NULL)
        rc = roost__put_value(&c->out, call->path);
    return end_call(c, at, rc);
}

static int fail_as(int code, const char *reason)
{
    return roost__fail(code, "%s", reason);
}

/* From here on the answer finds the call. */
static int register_call(struct conn *c, struct call *call)
{
    pthread_mutex_lock(&c->lock);
    int rc = c->code != 0 ? fail_as(c->code, c->reason) : ROOST_OK;
    call->number = call->node.hash = c->number;
    if (rc == ROOST_OK && !roost__hmap_add(&c->calls, &call->node))
        rc = roost__fail(ROOST_ENOMEM, "no memory for one more call");
    pthread_mutex_unlock(&c->lock);
    return rc;
}

/* Sends what is in `out`. A failure needs no telling: it ends the stream, and the reader finds out. */
static int send_out(struct conn *c)
{
    int rc = roost__transport_send(&c->transport, c->out.data, c->out.len);
    if (c->out.cap > BUFFER_KEEP)
        roost__buf_free(&c->out);
    buf_reset(&c->out);
    return rc;
}

static int send_call(struct conn *c, struct call *call)
{
    pthread_mutex_lock(&c->write_lock);
    put_releases(c);
    size_t before = c->out.len;
    int rc = put_call(c, call);
    if (rc == ROOST_OK) {
        rc = register_call(c, call);
        if (rc != ROOST_OK)
            c->out.len = before, c->number--;
    }
    (void)send_out(c);
    pthread_mutex_unlock(&c->write_lock);
    return rc;
}

void roost__conn_send_releases(struct conn *c)
{
    pthread_mutex_lock(&c->write_lock);
    put_releases(c);
    (void)send_out(c);
    pthread_mutex_unlock(&c->write_lock);
}

/* Only what is acknowledged is ours (PROTOCOL.md, section 5). */
static int send_ack(struct conn *c, uint64_t number)
{
    pthread_mutex_lock(&c->write_lock);
    size_t at = frame_begin(&c->out);
    roost__put_array(&c->out, 2);
    roost__put_uint(&c->out, FRAME_ACK);
    roost__put_uint(&c->out, number);
    bool put = roost__frame_end(&c->out, at);
    int rc = send_out(c);
    pthread_mutex_unlock(&c->write_lock);
    return put ? rc : roost__fail(ROOST_ENOMEM, "no memory to acknowledge a delivery");
}

/* ---- receiving: the leader ---- */

/* A value with references in it keeps them until it is freed. */
static int decode_result(struct conn *c, struct slice bytes, roost_value *ret)
{
    bool refs = roost__scan_has_ref(bytes);
    int rc = roost__decode(bytes, refs, ret);
    if (rc == ROOST_OK && refs && (rc = c->adopt(c->owner, ret)) != ROOST_OK)
        roost_value_free(ret);
    return rc;
}

/* Gives a call its answer. An answer that no call waits for is that of a release. */
static int answer(struct conn *c, const struct reply *reply)
{
    pthread_mutex_lock(&c->lock);
    struct call *call = find_call(c, reply->number);
    if (call != NULL)
        roost__hmap_remove(&c->calls, &call->node);
    pthread_mutex_unlock(&c->lock);
    if (call == NULL)
        return ROOST_OK;

    call->code = reply->code;
    if (reply->kind == FRAME_ERROR) {
        set_reason(call->reason, reply->message);
    } else if ((call->code = decode_result(c, reply->result, &call->result)) != ROOST_OK) {
        set_reason(call->reason, slice_str(roost_errmsg()));
    }
    pthread_mutex_lock(&c->lock);
    call->done = true;
    if (call->asleep)
        pthread_cond_signal(&call->wake);
    pthread_mutex_unlock(&c->lock);
    return ROOST_OK;
}

static int take_frame(struct conn *c, struct slice payload)
{
    struct reply reply;
    if (!roost__reply_parse(payload, &reply) || reply.kind == FRAME_WELCOME)
        return protocol_error();
    if (reply.kind == FRAME_GOODBYE)
        return roost__fail(ROOST_ECONN, "the server closed the connection: %.*s", (int)reply.message.len,
                           (const char *)reply.message.data);
    return answer(c, &reply);
}

/* The first whole frame received, its payload in *ret; false when there is none yet, or (rc) the length is a
 * lie. */
static bool next_frame(const struct conn *c, size_t at, struct slice *ret, int *rc)
{
    size_t left = c->in.len - at;
    if (left < FRAME_HEADER)
        return false;
    uint32_t len = get_u32be(c->in.data + at);
    if (len == 0 || len > FRAME_MAX) {
        *rc = protocol_error();
        return false;
    }
    *ret = slice_of(c->in.data + at + FRAME_HEADER, len);
    return left - FRAME_HEADER >= len;
}

/* Takes apart every whole frame received. */
static int take_frames(struct conn *c)
{
    struct slice payload;
    size_t at = 0;
    int rc = ROOST_OK;
    while (rc == ROOST_OK && next_frame(c, at, &payload, &rc)) {
        rc = take_frame(c, payload);
        at += FRAME_HEADER + payload.len;
    }
    roost__buf_consume(&c->in, at);
    if (c->in.len == 0 && c->in.cap > BUFFER_KEEP)
        roost__buf_free(&c->in);
    return rc;
}

/* One receive into `in`. */
static int receive(struct conn *c)
{
    if (!roost__buf_reserve(&c->in, RECEIVE_ROOM))
        return roost__fail(ROOST_ENOMEM, "no memory to receive");
    ssize_t n = roost__transport_recv(&c->transport, c->in.data + c->in.len, c->in.cap - c->in.len);
    if (n < 0)
        return (int)n;
    if (n == 0)
        return roost__fail(ROOST_ECONN, "connection lost: the server closed it");
    c->in.len += (size_t)n;
    return ROOST_OK;
}

/* Reads until the leader's own call has its answer; the others' are given out on the way. */
static void lead(struct conn *c, const struct call *call)
{
    int rc = ROOST_OK;
    while (rc == ROOST_OK && !call->done) {
        rc = receive(c);
        if (rc == ROOST_OK)
            rc = take_frames(c);
    }
    if (rc != ROOST_OK)
        roost__conn_fail(c, rc == ROOST_EPROTO ? rc : ROOST_ECONN, roost_errmsg());
}

/* ---- waiting ---- */

/* Sleeps until the leader has an answer, or nobody leads. Lock held. */
static void follow(struct conn *c, struct call *call)
{
    pthread_cond_init(&call->wake, NULL);
    list_push_back(&c->followers, &call->link);
    call->asleep = true;
    pthread_cond_wait(&call->wake, &c->lock);
    call->asleep = false;
    list_remove(&call->link);
    pthread_cond_destroy(&call->wake);
}

/* Takes a call off a failed connection; false when the leader is just giving it its answer. Lock held. */
static bool give_up(struct conn *c, struct call *call)
{
    if (find_call(c, call->number) != call)
        return false;
    roost__hmap_remove(&c->calls, &call->node);
    call->code = c->code;
    set_reason(call->reason, slice_str(c->reason));
    return true;
}

/* Waits for the answer, leading or following. */
static void await(struct conn *c, struct call *call)
{
    pthread_mutex_lock(&c->lock);
    while (!call->done && (c->code == 0 || !give_up(c, call))) {
        if (c->led) {
            follow(c, call);
            continue;
        }
        c->led = true;
        pthread_mutex_unlock(&c->lock);
        lead(c, call);
        pthread_mutex_lock(&c->lock);
        c->led = false;
    }
    struct list *next = list_first(&c->followers);
    if (!c->led && next != NULL)
        pthread_cond_signal(&container_of(next, struct call, link)->wake);
    pthread_mutex_unlock(&c->lock);
}

int roost__conn_call(struct conn *c, struct call *call)
{
    call->done = call->asleep = false;
    list_init(&call->link);
    int rc = send_call(c, call);
    if (rc != ROOST_OK)
        return rc;
    await(c, call);
    if (call->code != ROOST_OK)
        return fail_as(call->code, call->reason);
    const struct method *method = roost__method_by_code(call->method);
    if (method == NULL || (method->flags & METHOD_DELIVERS) == 0)
        return ROOST_OK;
    rc = send_ack(c, call->number);
    if (rc != ROOST_OK)
        roost_value_free(&call->result);
    return rc;
}

/* ---- opening and freeing ---- */

static int send_hello(struct conn *c, const char *label)
{
    char host[256] = "";
    gethostname(host, sizeof(host) - 1);
    roost_pair info[] = {{roost_str("host"), roost_str(host)},
                         {roost_str("pid"), roost_int(getpid())},
                         {roost_str("label"), roost_str(label)}};
    roost_value map = roost_map(info, label != NULL ? 3 : 2);
    size_t at = frame_begin(&c->out);
    roost__put_array(&c->out, 4);
    roost__put_uint(&c->out, FRAME_HELLO);
    roost__put_cstr(&c->out, "roost");
    roost__put_uint(&c->out, PROTOCOL_VERSION);
    int rc = roost__put_value(&c->out, &map);
    if (rc == ROOST_OK && (!roost__frame_end(&c->out, at) || c->out.len > FRAME_HEADER + FRAME_HELLO_MAX))
        rc = roost__fail(ROOST_EINVAL, "the label is too long");
    return rc == ROOST_OK ? send_out(c) : rc;
}

static int await_welcome(struct conn *c)
{
    struct slice payload;
    struct reply reply;
    int rc = ROOST_OK;
    while (rc == ROOST_OK && !next_frame(c, 0, &payload, &rc))
        if (rc == ROOST_OK)
            rc = receive(c);
    if (rc != ROOST_OK)
        return rc;
    if (!roost__reply_parse(payload, &reply))
        return protocol_error();
    if (reply.kind == FRAME_GOODBYE)
        return roost__fail(reply.code, "the server refuses: %.*s", (int)reply.message.len,
                           (const char *)reply.message.data);
    if (reply.kind != FRAME_WELCOME)
        return protocol_error();
    roost__buf_consume(&c->in, FRAME_HEADER + payload.len);
    return ROOST_OK;
}

static int greet(struct conn *c, const struct conn_options *options)
{
    roost__transport_patience(&c->transport, options->timeout_ms);
    int rc = send_hello(c, options->label);
    if (rc == ROOST_OK)
        rc = await_welcome(c);
    roost__transport_patience(&c->transport, -1);
    return rc == ROOST_OK ? rc : roost__fail_at("%s", options->url);
}

int roost__conn_open(const struct conn_options *options, struct conn **ret)
{
    struct conn *c = calloc(1, sizeof(*c));
    if (c == NULL)
        return roost__fail(ROOST_ENOMEM, "no memory for a connection");
    c->transport.fd = -1;
    c->refs = options->refs;
    c->adopt = options->adopt;
    c->owner = options->owner;
    c->out = buf_make(2 * (size_t)FRAME_MAX);
    c->in = buf_make(2 * (size_t)FRAME_MAX);
    list_init(&c->followers);
    list_init(&c->link);
    pthread_mutex_init(&c->write_lock, NULL);
    pthread_mutex_init(&c->lock, NULL);
    int rc = roost__transport_open(options->url, options->timeout_ms, &c->transport);
    if (rc == ROOST_OK)
        rc = greet(c, options);
    if (rc != ROOST_OK) {
        roost__conn_free(c);
        return rc;
    }
    *ret = c;
    return ROOST_OK;
}

void roost__conn_free(struct conn *c)
{
    if (c == NULL)
        return;
    assert(c->calls.len == 0 && list_empty(&c->followers));
    roost__transport_close(&c->transport);
    roost__buf_free(&c->out);
    roost__buf_free(&c->in);
    roost__hmap_free(&c->calls);
    pthread_mutex_destroy(&c->write_lock);
    pthread_mutex_destroy(&c->lock);
    free(c);
}
