/* results.c: what workers wrote, checked and stored; see engine.h. */
#include <signal.h>
#include <string.h>

#include "base/error.h"
#include "base/futex.h"
#include "run/cells.h"
#include "run/engine.h"

void roost__slot_finish_job(struct slot *s, struct chunk *c)
{
    list_remove(&c->link);
    s->count--;
    s->finished++;
    if (s->bulk == c) {
        roost__bulk_release(s->place.bulk_in, (size_t)(c->args_end - c->args));
        s->bulk = NULL;
    }
    roost__chunk_close(c, "");
}

/* Takes the value of a result; a negative code when it is none. */
static int own_result(struct slot *s, const struct result *r, const uint8_t *body, roost_value *ret)
{
    if (r->kind != RESULT_BULK)
        return roost__cell_own(slice_of(body, r->len - sizeof(*r)), ret);
    if (r->body > ROOST_PAYLOAD_MAX)
        return roost__fail(ROOST_EPROTO, "a worker wrote a result of %u bytes", r->body);
    size_t len = ((size_t)r->body + 7) & ~(size_t)7;
    int rc = roost__cell_own(slice_of(s->place.bulk_out, len), ret);
    roost__bulk_release(s->place.bulk_out, len);
    atomic_store(&s->place.channel->bulk_full, 0);
    return rc;
}

static void take_result(struct engine *e, struct slot *s, const struct result *r, const uint8_t *body)
{
    roost_pool *p = e->pool;
    struct chunk *c = container_of(list_first(&s->inflight), struct chunk, link);
    roost_value v = roost_nil();
    int code = ROOST_ETASK, rc = r->status;
    const char *message = (const char *)body;
    if (r->kind != RESULT_FAILED) {
        code = rc = own_result(s, r, body, &v);
        message = roost_errmsg();
    }
    if (p->trace != NULL)
        roost__trace_item(p->trace, c->future->task, (int)(s - e->slots), r->start, r->end, rc == 0);
    if (rc == 0) {
        chunk_result(c, v);
        e->good++;
    } else {
        c->attempts = (uint32_t)p->options.retries; /* the worker has tried them all */
        roost__pool_item_failed(p, c, code, rc, message);
    }
    if (c->done == c->count)
        roost__slot_finish_job(s, c);
}

void roost__slot_kill(struct slot *s)
{
    if (s->pidfd >= 0)
        syscall(SYS_pidfd_send_signal, s->pidfd, SIGKILL, NULL, 0);
}

/* Is what stands at the ring's tail a record? A task that scribbles may have written anything. */
static bool record_ok(const struct slot *s, const struct result *r, const uint8_t *body, uint64_t there)
{
    if (there > RING_SIZE || there < sizeof(*r) || r->len > there || r->len < sizeof(*r) || r->len % 8 != 0)
        return false;
    if (r->kind == RESULT_FAILED && memchr(body, '\0', r->len - sizeof(*r)) == NULL)
        return false;
    return r->kind < RESULT_SCALAR && !list_empty(&s->inflight);
}

/* Takes the scalar at `at`, if one stands there. */
static bool take_scalar(struct engine *e, struct slot *s, const uint8_t *at, uint64_t there)
{
    struct scalar_result r;
    if (there < sizeof(r) || list_empty(&s->inflight))
        return false;
    memcpy(&r, at, sizeof(r));
    roost_value v = roost__value_of((roost_kind)r.value_kind, r.value_len);
    v.as.u = r.bits;
    if (r.kind != RESULT_SCALAR || r.len != sizeof(r) || r.value_kind > ROOST_REF || !is_scalar(&v))
        return false;
    struct chunk *c = container_of(s->inflight.next, struct chunk, link);
    chunk_result(c, v);
    e->good++;
    if (c->done == c->count)
        roost__slot_finish_job(s, c);
    return true;
}

/* Takes the record at `at`; returns its length, 0 when none stands there. */
static uint32_t take_record(struct engine *e, struct slot *s, const uint8_t *at, uint64_t there)
{
    struct result r;
    if (take_scalar(e, s, at, there))
        return sizeof(struct scalar_result);
    memcpy(&r, at, sizeof(r));
    if (!record_ok(s, &r, at + sizeof(r), there))
        return 0;
    take_result(e, s, &r, at + sizeof(r));
    return r.len;
}

void roost__slot_drain(struct engine *e, struct slot *s)
{
    struct channel *c = s->place.channel;
    uint64_t head = atomic_load_explicit(&c->res.head, memory_order_acquire);
    uint64_t tail = atomic_load_explicit(&c->res.tail, memory_order_relaxed), began = tail;
    bool had_bulk = atomic_load(&c->bulk_full) != 0;
    while (tail != head) {
        uint32_t len =
            head - tail <= RING_SIZE ? take_record(e, s, s->place.res + tail % RING_SIZE, head - tail) : 0;
        if (len == 0)
            roost__slot_kill(s);
        tail = len > 0 ? tail + len : head;
    }
    if (tail == began)
        return;
    e->busy = true;
    atomic_fetch_add_explicit(&e->pool->finished, e->good, memory_order_relaxed);
    e->good = 0;
    atomic_store(&c->res.tail, tail);
    if (head - began > RING_SIZE / 2 || had_bulk)
        roost__channel_ring(c); /* it may be waiting for room */
}
