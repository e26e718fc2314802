/* deal.c: who gets which work when; see engine.h. */
#include <string.h>

#include "base/futex.h"
#include "run/engine.h"

#define QUICK_NS 2000000  /* a window used up faster than this is doubled */
#define SLOW_NS  10000000 /* a worker that takes longer for one job gets few ahead */

/* ---- requests ---- */

static void put_request(struct slot *s, struct chunk *c, bool bulk)
{
    size_t len = (size_t)(c->args_end - c->args);
    struct request r = {.len = (uint32_t)(sizeof(r) + (bulk ? 0 : len)),
                        .count = c->count - c->done,
                        .task = c->future->task,
                        .bulk = bulk ? len : 0,
                        .star = c->future->star};
    uint8_t *at = s->place.req + s->write_pos % RING_SIZE;
    memcpy(at, &r, sizeof(r));
    memcpy(bulk ? s->place.bulk_in : at + sizeof(r), c->args, len);
    if (bulk)
        s->bulk = c;
    c->pos = s->write_pos;
    s->write_pos += r.len;
    list_push_back(&s->inflight, &c->link);
    s->count++;
}

/* Writes c's request; false when there is no room for it now. */
static bool try_request(struct slot *s, struct chunk *c)
{
    size_t len = (size_t)(c->args_end - c->args);
    bool bulk = len > INLINE_MAX;
    uint64_t used = s->write_pos - atomic_load_explicit(&s->place.channel->req.tail, memory_order_acquire);
    if (used + sizeof(struct request) + (bulk ? 0 : len) > RING_SIZE || (bulk && s->bulk != NULL))
        return false;
    put_request(s, c, bulk);
    return true;
}

/* A chunk that no worker needs to see: empty, or too large for anyone. */
static bool settle_here(struct engine *e, struct chunk *c)
{
    if (c->args_end - c->args > ROOST_PAYLOAD_MAX)
        while (c->done < c->count) {
            c->attempts = (uint32_t)e->pool->options.retries;
            roost__pool_item_failed(e->pool, c, ROOST_ELIMIT, 0,
                                    "its chunk is over 256 MiB: use smaller chunks");
        }
    if (c->done < c->count)
        return false;
    roost__chunk_close(c, "");
    return true;
}

/* Gives s up to n jobs; how many are left in the queue. */
static uint32_t give(struct engine *e, struct slot *s, uint32_t n)
{
    struct list chunks;
    uint32_t left, given = 0;
    list_init(&chunks);
    roost__pool_take(e->pool, n, &chunks, &left);
    while (!list_empty(&chunks)) {
        struct chunk *c = container_of(list_first(&chunks), struct chunk, link);
        list_remove(&c->link);
        if (settle_here(e, c))
            continue;
        if (!try_request(s, c)) {
            list_push_front(&chunks, &c->link);
            break;
        }
        given++;
    }
    if (!list_empty(&chunks))
        roost__pool_give_back(e->pool, &chunks);
    if (given == 0)
        return left;
    s->refilled = e->now;
    s->refill = s->finished + s->count;
    uint64_t claim = atomic_load(&s->place.channel->claim);
    while (!atomic_compare_exchange_weak(&s->place.channel->claim, &claim,
                                         claim_of(claim_next(claim), claim_end(claim) + given)))
        continue;
    roost__channel_ring(s->place.channel);
    return left;
}

/* A worker that used up what it had quickly gets more ahead; a slow one little. */
static void adapt_window(struct engine *e, struct slot *s)
{
    int64_t took = e->now - s->refilled;
    if (s->count <= s->window / 2 && s->finished + s->count == s->refill && took < QUICK_NS)
        s->window = s->window * 2 < WINDOW_MAX ? s->window * 2 : WINDOW_MAX;
    else if (s->count > 0 && took > SLOW_NS)
        s->window = WINDOW_MIN;
}

uint32_t roost__engine_queue(roost_pool *p)
{
    pthread_mutex_lock(&p->lock);
    uint32_t n = p->incoming_count;
    pthread_mutex_unlock(&p->lock);
    return n;
}

/* Deals the queue out: first to those who have nothing, in equal shares. */
void roost__engine_deal(struct engine *e)
{
    uint32_t left = roost__engine_queue(e->pool);
    for (int round = 0; round < 2; round++) {
        for (int i = 0; i < e->size && left > 0; i++) {
            struct slot *s = &e->slots[i];
            if (!s->wanted || s->count > s->window / 2 || (round == 0) != (s->count == 0))
                continue;
            adapt_window(e, s);
            uint32_t share = left / (uint32_t)e->size + 1, room = s->window - s->count;
            left = give(e, s, share < room ? share : room);
        }
    }
}

/* ---- fairness ---- */

static uint32_t unclaimed(const struct slot *s)
{
    uint64_t claim = atomic_load(&s->place.channel->claim);
    return claim_end(claim) - claim_next(claim);
}

/* Takes the last job back that the worker has not claimed, or returns NULL. */
static struct chunk *take_back(struct slot *s)
{
    uint64_t claim = atomic_load(&s->place.channel->claim);
    do {
        if (claim_next(claim) == claim_end(claim))
            return NULL;
    } while (!atomic_compare_exchange_weak(&s->place.channel->claim, &claim,
                                           claim_of(claim_next(claim), claim_end(claim) - 1)));
    struct chunk *c = container_of(s->inflight.prev, struct chunk, link);
    list_remove(&c->link);
    s->count--;
    s->refill--;
    s->write_pos = c->pos;
    if (s->bulk == c)
        s->bulk = NULL;
    return c;
}

/* When the queue is empty and a worker idle, half of what the fullest has not begun goes back to the queue.
 */
void roost__engine_rebalance(struct engine *e)
{
    struct slot *idle = NULL, *full = NULL;
    uint32_t most = 0;
    for (int i = 0; i < e->size; i++) {
        struct slot *s = &e->slots[i];
        if (s->wanted && s->count == 0)
            idle = s;
        uint32_t n = s->count > 1 ? unclaimed(s) : 0;
        if (n > most) {
            most = n;
            full = s;
        }
    }
    if (idle == NULL || full == NULL || roost__engine_queue(e->pool) > 0)
        return;
    struct list back;
    struct chunk *c;
    list_init(&back);
    for (uint32_t n = (most + 1) / 2; n > 0 && (c = take_back(full)) != NULL; n--)
        list_push_front(&back, &c->link);
    roost__pool_give_back(e->pool, &back);
    roost__engine_deal(e);
}
