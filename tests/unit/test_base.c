/* test_base.c: the data structures of lib/base. */
#include "tests/support/test.h"

#include <stdlib.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/heap.h"
#include "base/hmap.h"
#include "base/list.h"

static void buf_never_grows_past_its_maximum(void **state)
{
    (void)state;
    struct buf b = buf_make(1000);
    uint8_t block[400] = {1};
    assert_true(buf_append(&b, block, 400));
    assert_true(buf_append(&b, block, 400));
    assert_false(buf_append(&b, block, 400));
    assert_true(b.failed);
    assert_int_equal(b.len, 800);
    assert_false(buf_append(&b, block, 1)); /* the failure sticks */
    buf_reset(&b);
    assert_true(buf_append(&b, block, 1));
    roost__buf_free(&b);
}

static void buf_consume_keeps_the_rest(void **state)
{
    (void)state;
    struct buf b = buf_make(100);
    buf_append(&b, "hello world", 11);
    roost__buf_consume(&b, 6);
    assert_int_equal(b.len, 5);
    assert_memory_equal(b.data, "world", 5);
    roost__buf_free(&b);
}

struct thing {
    struct hnode hash;
    struct heap_node heap;
    struct list list;
    uint64_t key;
};

static bool thing_is(const struct hnode *n, const void *key)
{
    return container_of((struct hnode *)(uintptr_t)n, struct thing, hash)->key == *(const uint64_t *)key;
}

/* Hashes collide on purpose: three bits of the key are all the table sees. */
static uint64_t bad_hash(uint64_t key)
{
    return key & 7;
}

static void hmap_finds_what_is_inside_and_nothing_else(void **state)
{
    (void)state;
    enum { N = 600 };
    struct thing *things = calloc(N, sizeof(*things));
    bool inside[N] = {false};
    struct hmap m = {0};
    unsigned seed = 1;
    for (int step = 0; step < 20000; step++) {
        uint64_t k = (uint64_t)rand_r(&seed) % N;
        struct thing *t = &things[k];
        t->key = k;
        t->hash.hash = bad_hash(k);
        if (inside[k])
            roost__hmap_remove(&m, &t->hash);
        else
            assert_true(roost__hmap_add(&m, &t->hash));
        inside[k] = !inside[k];
        uint64_t probe = (uint64_t)rand_r(&seed) % N;
        struct hnode *found = roost__hmap_find(&m, bad_hash(probe), thing_is, &probe);
        assert_ptr_equal(found, inside[probe] ? &things[probe].hash : NULL);
    }
    roost__hmap_free(&m);
    free(things);
}

static bool least_key(const struct heap_node *a, const struct heap_node *b)
{
    const struct thing *x = container_of((struct heap_node *)(uintptr_t)a, struct thing, heap);
    const struct thing *y = container_of((struct heap_node *)(uintptr_t)b, struct thing, heap);
    return x->key < y->key;
}

static void heap_gives_the_least_even_after_removals_in_the_middle(void **state)
{
    (void)state;
    enum { N = 500 };
    struct thing *things = calloc(N, sizeof(*things));
    struct heap h;
    heap_init(&h, least_key);
    unsigned seed = 7;
    for (int i = 0; i < N; i++) {
        things[i].key = (uint64_t)rand_r(&seed) * N + (uint64_t)i;
        heap_node_init(&things[i].heap);
        assert_true(roost__heap_push(&h, &things[i].heap));
    }
    for (int i = 0; i < N; i += 3)
        roost__heap_remove(&h, &things[i].heap);
    roost__heap_remove(&h, &things[0].heap); /* harmless when out */
    uint64_t before = 0;
    size_t n = 0;
    for (struct heap_node *first; (first = heap_first(&h)) != NULL; n++) {
        struct thing *t = container_of(first, struct thing, heap);
        assert_true(t->key >= before);
        before = t->key;
        roost__heap_remove(&h, first);
    }
    assert_int_equal(n, N - (N + 2) / 3);
    roost__heap_free(&h);
    free(things);
}

static void list_keeps_order_and_forgets_what_is_removed(void **state)
{
    (void)state;
    struct list head;
    struct thing t[4];
    list_init(&head);
    for (uint64_t i = 0; i < 4; i++) {
        t[i].key = i;
        list_init(&t[i].list);
        list_push_back(&head, &t[i].list);
    }
    list_remove(&t[1].list);
    list_push_front(&head, &t[1].list);
    uint64_t expected[] = {1, 0, 2, 3};
    int n = 0;
    list_each_safe (it, &head) {
        assert_int_equal(container_of(it, struct thing, list)->key, expected[n++]);
        list_remove(it);
    }
    assert_int_equal(n, 4);
    assert_true(list_empty(&head));
}

static void error_messages_wrap_from_the_inside_out(void **state)
{
    (void)state;
    assert_int_equal(roost__fail(ROOST_ETIMEDOUT, "timed out after %d ms", 250), ROOST_ETIMEDOUT);
    assert_int_equal(roost__fail_at("queue \"%s\": get", "jobs"), ROOST_ETIMEDOUT);
    assert_string_equal(roost_errmsg(), "queue \"jobs\": get: timed out after 250 ms");
    assert_int_equal(roost_errcode(), ROOST_ETIMEDOUT);
    assert_string_equal(roost_errname(ROOST_EEMPTY), "ROOST_EEMPTY");
    assert_string_equal(roost_strerror(12345), "unknown error");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(buf_never_grows_past_its_maximum),
        cmocka_unit_test(buf_consume_keeps_the_rest),
        cmocka_unit_test(hmap_finds_what_is_inside_and_nothing_else),
        cmocka_unit_test(heap_gives_the_least_even_after_removals_in_the_middle),
        cmocka_unit_test(list_keeps_order_and_forgets_what_is_removed),
        cmocka_unit_test(error_messages_wrap_from_the_inside_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
