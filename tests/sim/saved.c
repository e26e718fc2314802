/*
 * saved.c: in every fourth history one of the two cores is saved, destroyed and loaded again and again, with
 * another hash key each time; the other never is. Both must go on alike, and save as the same bytes. See
 * world.h.
 */
#include "core/admin.h"
#include "tests/sim/world.h"

enum { EVERY_SEED = 4, PERCENT = 12 };

/* Of their own: the other histories are what they were before there was this. */
static struct dice dice;

void saved_begin(const struct world *w)
{
    dice.state = w->seed ^ 0x73617665;
}

static void save(struct world *w, const struct core *core, struct buf *out)
{
    *out = buf_make(SIZE_MAX / 2);
    if (core_save(core, out) != ROOST_OK)
        fail_world(w, "the core could not be saved");
}

static struct core *load(struct world *w, struct slice bytes)
{
    struct core_options options = {.now_us = 1, .epoch = 1};
    struct core *core;
    uint64_t key = dice_next(&dice);
    memcpy(options.hash_key, &key, sizeof(key));
    if (core_load(&options, bytes, &core) != ROOST_OK)
        fail_world(w, "the core could not be loaded: %s", roost_errmsg());
    return core;
}

static void expect_equal(struct world *w, const struct buf *a, const struct buf *b, const char *what)
{
    size_t at = 0, n = a->len < b->len ? a->len : b->len;
    while (at < n && a->data[at] == b->data[at])
        at++;
    if (at < n || a->len != b->len)
        fail_world(w, "%s: %zu and %zu bytes, which differ at %zu", what, a->len, b->len, at);
}

static void expect_equal_hashes(struct world *w)
{
    uint8_t hash[2][CORE_HASH_LEN];
    for (int i = 0; i < 2; i++)
        if (core_hash(w->core[i], hash[i]) != ROOST_OK)
            fail_world(w, "no hash");
    if (memcmp(hash[0], hash[1], CORE_HASH_LEN) != 0)
        fail_world(w, "equal states, other hashes");
}

/* What follows from the state and is not in the bytes: who takes how much memory. */
static void expect_equal_sums(struct world *w)
{
    struct core_counts a, b;
    core_counts(w->core[0], &a);
    core_counts(w->core[1], &b);
    if (a.memory != b.memory ||
        memcmp(a.bytes_by_type, b.bytes_by_type, TYPE_COUNT * sizeof(*a.bytes_by_type)) != 0 ||
        memcmp(a.objects_by_type, b.objects_by_type, TYPE_COUNT * sizeof(*a.objects_by_type)) != 0)
        fail_world(w, "equal states, other sums of memory: %llu and %llu", (unsigned long long)a.memory,
                   (unsigned long long)b.memory);
}

void saved_now_and_then(struct world *w)
{
    struct buf never, before, after;
    if (w->seed % EVERY_SEED != 0 || !chance(&dice, PERCENT))
        return;
    say_world(w, "the second core is saved and loaded");
    save(w, w->core[0], &never);
    save(w, w->core[1], &before);
    core_destroy(w->core[1]);
    w->core[1] = NULL;
    w->core[1] = load(w, buf_slice(&before));
    save(w, w->core[1], &after);
    expect_equal(w, &never, &before, "equal histories, saved");
    expect_equal(w, &before, &after, "saved, loaded and saved");
    expect_equal_hashes(w);
    expect_equal_sums(w);
    roost__buf_free(&never);
    roost__buf_free(&before);
    roost__buf_free(&after);
}
