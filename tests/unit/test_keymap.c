/* test_keymap.c: the insertion-ordered map against an array, and what memory it takes. */
#include "tests/support/test.h"
#undef fail /* the core has one of its own */

#include <stdlib.h>

#include "core/expiry.h"
#include "core/undo.h"

enum { KEYS = 500, TURNS = 60000 };

/* The map, and the naive one: which keys are inside, in order. */
struct both {
    struct core *core;
    struct keymap map;
    int keys[KEYS];
    int len;
    unsigned seed;
};

static struct core *make_core(void)
{
    struct core *core = calloc(1, sizeof(*core));
    assert_non_null(core);
    core->scratch = buf_make(1024);
    core->limits = core_limits_standard;
    expiries_init(core);
    return core;
}

static void free_core(struct core *core)
{
    roost__buf_free(&core->scratch);
    roost__heap_free(&core->expiries);
    free(core);
}

static struct slice number(struct buf *b, int n)
{
    buf_reset(b);
    roost__put_int(b, n);
    return buf_slice(b);
}

static struct entry *find(struct both *t, int n)
{
    struct key key;
    struct buf bytes = buf_make(16);
    assert_true(key_of(t->core, number(&bytes, n), &key));
    struct entry *e = keymap_find(&t->map, &key);
    roost__buf_free(&bytes);
    return e;
}

static void put(struct both *t, int n, int value)
{
    struct key key;
    bool is_new;
    struct buf bytes = buf_make(16), value_bytes = buf_make(16);
    assert_true(key_of(t->core, number(&bytes, n), &key));
    assert_int_equal(
        keymap_put(t->core, NULL, &t->map, &key, number(&value_bytes, value), VALUE_NEW, &is_new), 0);
    roost__buf_free(&bytes);
    roost__buf_free(&value_bytes);
}

static int at_of(const struct both *t, int n)
{
    int at = 0;
    while (at < t->len && t->keys[at] != n)
        at++;
    return at;
}

static void change(struct both *t, int n)
{
    int at = at_of(t, n);
    if (at == t->len) {
        put(t, n, 1);
        t->keys[t->len++] = n;
    } else if (rand_r(&t->seed) % 4 == 0) {
        put(t, n, rand_r(&t->seed)); /* another length: another block in the same place */
    } else {
        keymap_remove(t->core, &t->map, find(t, n));
        memmove(&t->keys[at], &t->keys[at + 1], (size_t)(--t->len - at) * sizeof(t->keys[0]));
    }
}

/* The same keys in the same order, all of them found, numbers rising, each page beginning where it should. */
static void compare(struct both *t)
{
    int i = 0;
    uint64_t before = 0;
    assert_int_equal(keymap_len(&t->map), t->len);
    keymap_each (at, &t->map) {
        const struct entry *e = keymap_at(&t->map, at);
        assert_ptr_equal(find(t, t->keys[i]), e);
        assert_true(e->number > before);
        assert_int_equal(keymap_after(&t->map, before), at);
        assert_ptr_equal(keymap_numbered(&t->map, e->number), e);
        before = e->number;
        i++;
    }
    assert_int_equal(i, t->len);
    assert_int_equal(keymap_after(&t->map, before), t->map.end);
}

static void it_is_an_array_of_keys_in_order_whatever_comes_and_goes(void **state)
{
    (void)state;
    struct both *t = calloc(1, sizeof(*t));
    assert_non_null(t);
    t->core = make_core();
    t->seed = 7;
    keymap_init(&t->map);
    for (int i = 0; i < TURNS; i++) {
        int range = i / 1000 % 2 == 0 ? KEYS : 10; /* it grows, and falls to almost nothing */
        change(t, rand_r(&t->seed) % range);
        if (i % 97 == 0)
            compare(t);
    }
    compare(t);
    keymap_clear(t->core, &t->map);
    free_core(t->core);
    free(t);
}

/* First in, first out: what left at the front makes no room needed for ever. */
static void a_map_used_as_a_queue_takes_the_memory_of_what_is_inside(void **state)
{
    (void)state;
    struct both t = {.core = make_core()};
    keymap_init(&t.map);
    for (int i = 0; i < 100000; i++) {
        put(&t, i, i);
        if (i >= 10)
            keymap_remove(t.core, &t.map, keymap_at(&t.map, t.map.first));
        assert_true(t.map.cap <= 32);
    }
    assert_int_equal(keymap_len(&t.map), 10);
    for (int i = 0; i < 10; i++)
        keymap_remove(t.core, &t.map, keymap_at(&t.map, t.map.end - 1));
    assert_null(t.map.places); /* an empty one takes none */
    keymap_clear(t.core, &t.map);
    free_core(t.core);
}

static void a_transaction_that_empties_and_refills_is_taken_back_place_for_place(void **state)
{
    (void)state;
    struct both t = {.core = make_core()};
    struct undo undo;
    keymap_init(&t.map);
    t.map.live = true;
    for (int i = 0; i < 100; i++)
        put(&t, i, i), t.keys[t.len++] = i;
    keymap_remove(t.core, &t.map, find(&t, 50)); /* an empty place among the others */
    memmove(&t.keys[50], &t.keys[51], (size_t)(--t.len - 50) * sizeof(t.keys[0]));
    undo_begin(t.core, &undo);
    while (keymap_len(&t.map) > 20)
        keymap_remove(t.core, &t.map,
                      keymap_at(&t.map, keymap_len(&t.map) % 2 ? t.map.first : t.map.end - 1));
    for (int i = 1000; i < 1300; i++)
        put(&t, i, i);
    while (keymap_len(&t.map) > 0)
        keymap_remove(t.core, &t.map, keymap_at(&t.map, t.map.first));
    for (int i = 0; i < 100; i++)
        put(&t, i, -i);
    undo_end(t.core, &undo, false);
    compare(&t);
    keymap_clear(t.core, &t.map);
    free_core(t.core);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_is_an_array_of_keys_in_order_whatever_comes_and_goes),
        cmocka_unit_test(a_map_used_as_a_queue_takes_the_memory_of_what_is_inside),
        cmocka_unit_test(a_transaction_that_empties_and_refills_is_taken_back_place_for_place)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
