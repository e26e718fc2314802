/*
 * test_wire.c: a conversation over tcp:// in which the first, second, third … send or recv goes wrong, on
 * either side: it has the same outcome as without, for its sessions are resumed.
 *
 * Client and server are threads of this program.
 */
#include "tests/support/test.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "roost/roost.h"
#include "shell/net.h"
#include "shell/server.h"
#include "tests/faults/wire_faults.h"

enum { ITEMS = 12 };

static struct server server;
static struct listener *listener;

#define OK(call) assert_ok(call, #call)

static void assert_ok(int rc, const char *what)
{
    if (rc != 0)
        fail_msg("%s: %s", what, roost_errmsg());
}

/* A connection that breaks before there is a session is the caller's to make again. */
static roost_manager *connect_at_last(void)
{
    roost_manager *m;
    int rc;
    do
        rc = roost_connect(listener->url, NULL, &m);
    while (rc == ROOST_ECONN || rc == ROOST_ETIMEDOUT);
    assert_ok(rc, "connect");
    return m;
}

/* Takes what the other session puts, and notes it under a lock that both want. */
static void *consume(void *arg)
{
    roost_manager *m = connect_at_last();
    roost_queue *q;
    roost_list *l;
    roost_lock *lock;
    roost_value v;
    (void)arg;
    OK(roost_queue_open(m, "wire.queue", NULL, &q));
    OK(roost_list_open(m, "wire.list", &l));
    OK(roost_lock_open(m, "wire.lock", &lock));
    for (int i = 0; i < ITEMS; i++) {
        OK(roost_queue_get(q, &v, -1));
        OK(roost_lock_acquire(lock, NULL, -1));
        OK(roost_list_append(l, v));
        OK(roost_lock_release(lock));
        roost_value_free(&v);
        OK(roost_queue_task_done(q, 1));
    }
    roost_lock_close(lock);
    roost_list_close(l);
    roost_queue_close(q);
    roost_manager_close(m);
    return NULL;
}

static void produce(roost_manager *m, roost_queue *q, roost_dict *d)
{
    roost_lock *lock;
    roost_value sum;
    OK(roost_lock_open(m, "wire.lock", &lock));
    for (int i = 0; i < ITEMS; i++) {
        OK(roost_lock_acquire(lock, NULL, -1));
        OK(roost_dict_incr(d, roost_str("sum"), roost_int(i), &sum));
        OK(roost_lock_release(lock));
        OK(roost_queue_put(q, sum, -1));
        roost_value_free(&sum);
    }
    roost_lock_close(lock);
}

static void delete_all(roost_manager *m)
{
    static const char *const names[] = {"wire.queue", "wire.list", "wire.lock"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        OK(roost_server_delete(m, roost_str(names[i])));
}

/* The whole conversation; what came of it as text. */
static void converse(char *ret, size_t size)
{
    static char large[100000];
    roost_manager *m = connect_at_last();
    roost_queue *q;
    roost_dict *d;
    roost_list *l;
    roost_value all, pairs;
    pthread_t consumer;
    memset(large, 'x', sizeof(large));
    OK(roost_queue_open(m, "wire.queue", &(roost_queue_options){.maxsize = 2}, &q));
    OK(roost_dict_new(m, &d));
    OK(roost_list_open(m, "wire.list", &l));
    assert_int_equal(pthread_create(&consumer, NULL, consume, NULL), 0);
    produce(m, q, d);
    OK(roost_dict_set(d, roost_str("large"), roost_bytes(large, sizeof(large))));
    OK(roost_queue_join(q, -1));
    pthread_join(consumer, NULL);
    OK(roost_list_copy(l, &all));
    OK(roost_dict_items(d, &pairs));
    assert_int_equal(pairs.as.items[1].as.items[1].len, sizeof(large));
    FILE *out = fmemopen(ret, size, "w");
    assert_non_null(out);
    roost_value_print(out, all);
    roost_value_print(out, pairs.as.items[0]);
    fclose(out);
    roost_value_free(&all);
    roost_value_free(&pairs);
    delete_all(m);
    roost_list_close(l);
    roost_dict_close(d);
    roost_queue_close(q);
    roost_manager_close(m);
}

/* The conversation with every n-th call going wrong, or the n-th only. True: one did. */
static bool converse_with(enum wire_fault fault, unsigned long n, bool every)
{
    static const char *const names[] = {"reset", "short", "interrupted", "again"};
    static char without[4096];
    char with[4096] = "";
    if (without[0] == '\0')
        converse(without, sizeof(without));
    wire_fail(fault, n, every);
    converse(with, sizeof(with));
    bool hit = wire_mend();
    if (strcmp(with, without) != 0)
        fail_msg("call %lu %s: %s instead of %s", n, names[fault], with, without);
    return hit;
}

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
enum { STRIDE = 41 };
#else
enum { STRIDE = 1 };
#endif

static void conversation_is_the_same(enum wire_fault fault)
{
    unsigned long n = 1 + fault % STRIDE, tried = 0;
    for (; converse_with(fault, n, false); n += STRIDE)
        tried++;
    print_message("%lu of %lu calls\n", tried, n);
    assert_true(tried > 100 / STRIDE);
}

static void a_reset_connection_is_resumed(void **state)
{
    (void)state;
    conversation_is_the_same(WIRE_RESET);
}

static void connections_reset_all_the_time_are_resumed(void **state)
{
    (void)state;
    for (unsigned long n = 20; n < 30; n += 3) /* a resumption takes some ten calls itself */
        assert_true(converse_with(WIRE_RESET, n, true));
}

static void frames_come_in_pieces(void **state)
{
    (void)state;
    conversation_is_the_same(WIRE_SHORT);
    for (unsigned long n = 2; n < 5; n++)
        assert_true(converse_with(WIRE_SHORT, n, true));
}

static void signals_interrupt_nothing(void **state)
{
    (void)state;
    conversation_is_the_same(WIRE_INTERRUPT);
    assert_true(converse_with(WIRE_INTERRUPT, 2, true));
}

static void a_socket_that_is_not_ready_is_tried_again(void **state)
{
    (void)state;
    conversation_is_the_same(WIRE_AGAIN);
    assert_true(converse_with(WIRE_AGAIN, 2, true));
}

static void note_disconnection(roost_manager *m, roost_state state, void *arg)
{
    (void)m;
    if (state == ROOST_DISCONNECTED)
        atomic_store((atomic_bool *)arg, true);
}

static void a_manager_that_is_closed_was_not_disconnected(void **state)
{
    atomic_bool disconnected = false;
    roost_options options = {.on_state = note_disconnection, .on_state_arg = &disconnected};
    (void)state;
    for (int i = 0; i < 100; i++) {
        roost_manager *m;
        OK(roost_connect(listener->url, &options, &m));
        roost_manager_close(m);
    }
    assert_false(disconnected);
}

static int start(void **state)
{
    char why[128];
    (void)state;
    if (server_start(&server, NULL, NULL) != ROOST_OK)
        return -1;
    listener = net_listen(&server, "tcp://127.0.0.1:0", &(struct listen_options){0}, why, sizeof(why));
    return listener != NULL ? 0 : -1;
}

static int stop(void **state)
{
    (void)state;
    listener->stop(listener);
    server_stop(&server);
    listener->free(listener);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_reset_connection_is_resumed),
        cmocka_unit_test(connections_reset_all_the_time_are_resumed),
        cmocka_unit_test(frames_come_in_pieces),
        cmocka_unit_test(signals_interrupt_nothing),
        cmocka_unit_test(a_socket_that_is_not_ready_is_tried_again),
        cmocka_unit_test(a_manager_that_is_closed_was_not_disconnected),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
