/* rank.c: see rank.h. */
#include "shell/rank.h"

#include <stdlib.h>

#include "shell/server.h"

enum { SAME_LOOK_US = 500 * 1000 };

void rank_init(struct rank *r)
{
    *r = (struct rank){.seen = NULL};
}

void rank_free(struct rank *r)
{
    free(r->seen);
    free(r->fresh);
    rank_init(r);
}

static bool is_ready(struct rank *r)
{
    if (r->seen == NULL)
        r->seen = calloc(RANK_SEEN, sizeof(*r->seen)); /* the system gives pages as they are written */
    if (r->fresh == NULL)
        r->fresh = calloc(RANK_SEEN, sizeof(*r->fresh));
    return r->seen != NULL && r->fresh != NULL;
}

/* Does a come before b? */
static bool is_before(const struct ranked *a, const struct ranked *b)
{
    if (a->busy != b->busy)
        return a->busy > b->busy;
    if (a->recent != b->recent)
        return a->recent > b->recent;
    return a->calls != b->calls ? a->calls > b->calls : a->id < b->id;
}

/* The best so far, as a heap with the last of them on top. */
struct best {
    struct ranked *at;
    size_t len, max;
};

static void sink(struct best *b, size_t i, struct ranked one)
{
    for (size_t child; (child = 2 * i + 1) < b->len; i = child) {
        if (child + 1 < b->len && is_before(&b->at[child], &b->at[child + 1]))
            child++;
        if (!is_before(&one, &b->at[child]))
            break;
        b->at[i] = b->at[child];
    }
    b->at[i] = one;
}

static void rise(struct best *b, size_t i, struct ranked one)
{
    for (; i > 0 && is_before(&b->at[(i - 1) / 2], &one); i = (i - 1) / 2)
        b->at[i] = b->at[(i - 1) / 2];
    b->at[i] = one;
}

static void offer(struct best *b, struct ranked one)
{
    if (b->len < b->max)
        rise(b, b->len++, one);
    else if (is_before(&one, &b->at[0]))
        sink(b, 0, one);
}

/* The calls that the last look saw of an object, whose id is greater than those asked for before. */
static uint64_t calls_before(const struct rank *r, size_t *at, uint64_t id, uint64_t calls)
{
    while (*at < r->seen_len && r->seen[*at].id < id)
        (*at)++;
    bool known = *at < r->seen_len && r->seen[*at].id == id && r->seen[*at].calls <= calls;
    return known ? r->seen[*at].calls : 0;
}

static size_t next_batch(struct server *s, uint64_t *cursor, struct core_object *ret)
{
    pthread_mutex_lock(&s->mutex);
    size_t n = core_objects(s->core, cursor, ret, RANK_BATCH);
    pthread_mutex_unlock(&s->mutex);
    return n;
}

static void remember(struct rank *r, size_t len, int64_t now_us)
{
    struct rank_seen *old = r->seen;
    r->seen = r->fresh;
    r->fresh = old;
    r->seen_len = len;
    r->since_us = now_us;
}

static int by_rank(const void *a, const void *b)
{
    return is_before(a, b) ? -1 : 1;
}

size_t rank_look(struct rank *r, struct server *s, struct ranked *ret, size_t max)
{
    struct core_object batch[RANK_BATCH];
    struct best best = {.at = ret, .max = max};
    uint64_t cursor = 0;
    int64_t now_us = server_now_us();
    size_t at = 0, len = 0;
    if (!is_ready(r))
        return 0;
    for (size_t n; len < RANK_SEEN && (n = next_batch(s, &cursor, batch)) > 0;) {
        for (size_t i = 0; i < n && len < RANK_SEEN; i++) {
            const struct core_object *o = &batch[i];
            uint64_t before = calls_before(r, &at, o->id, o->calls);
            offer(&best, (struct ranked){o->holders + o->waiters, o->calls - before, o->calls, o->id});
            r->fresh[len++] = (struct rank_seen){o->id, o->calls};
        }
    }
    if (r->seen_len == 0 || now_us - r->since_us >= SAME_LOOK_US)
        remember(r, len, now_us);
    qsort(ret, best.len, sizeof(*ret), by_rank);
    return best.len;
}
