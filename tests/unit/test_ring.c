/* test_ring.c: lib/base/ring.h: bytes through shared memory, and what the other side may do to it. */
#include "tests/support/test.h"

#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/futex.h"
#include "base/ring.h"

enum { SIZE = RING_SIZE_MIN, BYTES = 1 << 20 };

static struct ring server, client;

static int begin(void **state)
{
    (void)state;
    int fd;
    bool ok = roost__ring_create(SIZE, &server, &fd) && roost__ring_attach(fd, SIZE, &client);
    close(fd);
    return ok ? 0 : -1;
}

static int end(void **state)
{
    (void)state;
    roost__ring_detach(&server);
    roost__ring_detach(&client);
    return 0;
}

static void sizes_are_powers_of_two_within_bounds(void **state)
{
    (void)state;
    assert_int_equal(roost__ring_size(-1), 0);
    assert_int_equal(roost__ring_size(0), 0);
    assert_int_equal(roost__ring_size(1), RING_SIZE_MIN);
    assert_int_equal(roost__ring_size(RING_SIZE_MIN + 1), 2 * RING_SIZE_MIN);
    assert_int_equal(roost__ring_size(INT64_MAX), RING_SIZE_MAX);
}

static uint8_t byte_at(size_t i)
{
    return (uint8_t)(i * 31 + i / 253);
}

static void *write_all(void *arg)
{
    (void)arg;
    uint8_t piece[700];
    for (size_t at = 0; at < BYTES;) {
        size_t n = 1 + at % sizeof(piece);
        for (size_t i = 0; i < n; i++)
            piece[i] = byte_at(at + i);
        ssize_t put = ring_put(&client.out, piece, n < BYTES - at ? n : BYTES - at);
        assert_true(put >= 0);
        at += (size_t)put;
    }
    return NULL;
}

/* The counts begin just before they wrap around. */
static void bytes_arrive_in_order_around_the_end_and_past_the_largest_count(void **state)
{
    (void)state;
    pthread_t thread;
    uint8_t piece[300];
    const uint32_t from = UINT32_MAX - 2 * SIZE + 6;
    atomic_store(&server.in.way->written, from);
    atomic_store(&server.in.way->read, from);
    server.in.at = client.out.at = client.out.seen = from;
    assert_int_equal(pthread_create(&thread, NULL, write_all, NULL), 0);
    for (size_t at = 0; at < BYTES;) {
        ssize_t n = ring_take(&server.in, piece, 1 + at % sizeof(piece));
        assert_true(n >= 0);
        for (ssize_t i = 0; i < n; i++)
            if (piece[i] != byte_at(at + (size_t)i))
                fail();
        at += (size_t)n;
    }
    pthread_join(thread, NULL);
    assert_int_equal(ring_filled(&server.in), 0);
}

static void a_full_ring_takes_nothing_and_an_empty_one_gives_nothing(void **state)
{
    (void)state;
    static uint8_t bytes[SIZE];
    size_t put = 0;
    for (ssize_t n; (n = ring_put(&server.out, bytes, sizeof(bytes))) > 0;)
        put += (size_t)n;
    assert_int_equal(put, SIZE);
    assert_int_equal(ring_room(&server.out), 0);
    assert_int_equal(ring_take(&client.in, bytes, 10), 10);
    assert_int_equal(ring_put(&server.out, bytes, sizeof(bytes)), 10);
    assert_int_equal(ring_take(&server.in, bytes, sizeof(bytes)), 0);
}

static void counts_out_of_bounds_break_the_ring(void **state)
{
    (void)state;
    static uint8_t bytes[SIZE];
    atomic_store(&server.in.way->written, SIZE + 1);
    assert_int_equal(ring_take(&server.in, bytes, sizeof(bytes)), RING_BROKEN);
    atomic_store(&server.in.way->written, SIZE);
    assert_true(ring_take(&server.in, bytes, sizeof(bytes)) > 0);
    atomic_store(&server.in.way->written, 0); /* back behind what was read */
    assert_int_equal(ring_take(&server.in, bytes, sizeof(bytes)), RING_BROKEN);
    atomic_store(&server.out.way->read, 1); /* more than was written */
    assert_int_equal(ring_room(&server.out), RING_BROKEN);
    atomic_store(&server.out.way->read, 0);
    while (ring_put(&server.out, bytes, SIZE) > 0)
        ;
    atomic_store(&server.out.way->read, SIZE + 1);
    assert_int_equal(ring_put(&server.out, bytes, SIZE), RING_BROKEN);
    atomic_store(&server.out.way->read, UINT32_MAX); /* further back than the ring is long */
    assert_int_equal(ring_put(&server.out, bytes, SIZE), RING_BROKEN);
}

static void who_is_awake_or_gone_is_not_woken(void **state)
{
    (void)state;
    _Atomic uint32_t *word = &server.out.way->reader;
    assert_false(ring_wake_reader(&server.out));
    atomic_store(word, RING_ON_WORD);
    assert_false(ring_wake_reader(&server.out)); /* by the word, which is done */
    assert_int_equal(atomic_load(word), RING_AWAKE);
    atomic_store(word, RING_ON_BELL);
    assert_true(ring_wake_reader(&server.out));
    assert_int_equal(atomic_load(word), RING_AWAKE);
    atomic_store(word, RING_GONE);
    assert_false(ring_wake_reader(&server.out));
    assert_int_equal(atomic_load(word), RING_GONE);
}

static void *sleep_on_word(void *arg)
{
    (void)arg;
    _Atomic uint32_t *word = &client.in.way->reader;
    while (atomic_load(word) == RING_ON_WORD)
        futex_wait(word, RING_ON_WORD, FOREVER);
    return NULL;
}

/* Through two mappings: by the memory behind them, not by address. */
static void who_sleeps_on_the_word_is_woken(void **state)
{
    (void)state;
    pthread_t thread;
    atomic_store(&client.in.way->reader, RING_ON_WORD);
    assert_int_equal(pthread_create(&thread, NULL, sleep_on_word, NULL), 0);
    assert_false(ring_wake_reader(&server.out));
    pthread_join(thread, NULL);
}

static void a_writer_is_woken_when_half_is_free(void **state)
{
    (void)state;
    static uint8_t bytes[SIZE];
    while (ring_put(&client.out, bytes, sizeof(bytes)) > 0)
        ;
    atomic_store(&client.out.way->writer, RING_ON_BELL);
    assert_true(ring_take(&server.in, bytes, SIZE / 2 - 1) > 0);
    assert_false(ring_wake_writer(&server.in));
    while (ring_filled(&server.in) > SIZE / 2)
        assert_true(ring_take(&server.in, bytes, SIZE) > 0);
    assert_true(ring_wake_writer(&server.in));
    assert_int_equal(atomic_load(&client.out.way->writer), RING_AWAKE);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(sizes_are_powers_of_two_within_bounds),
        CASE(bytes_arrive_in_order_around_the_end_and_past_the_largest_count),
        CASE(a_full_ring_takes_nothing_and_an_empty_one_gives_nothing),
        CASE(counts_out_of_bounds_break_the_ring),
        CASE(who_is_awake_or_gone_is_not_woken),
        CASE(who_sleeps_on_the_word_is_woken),
        CASE(a_writer_is_woken_when_half_is_free),
    };
    return cmocka_run_group_tests_name("ring", tests, NULL, NULL);
}
