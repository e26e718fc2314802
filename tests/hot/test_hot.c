/*
 * test_hot.c: what calls cost once everything is warm: how many allocations, how many writes.
 *
 * Client and server are threads of this program: what is counted is what both do.
 */
#include "tests/support/test.h"

#include <limits.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "client/cork.h"
#include "roost/roost.h"
#include "shell/net.h"
#include "shell/server.h"
#include "tests/faults/countdown.h"

enum { WINDOW = 64, WARM = 4 * WINDOW, CALLS = 1024, ROUNDS = 20, TRIES = 200 };
/* Added to a number, its encoding has one length: an entry whose value changes its length is another block.
 */
enum { SAME_LEN = 1000 };

static struct server server;
static struct listener *listeners[2];
static roost_manager *m;
static roost_dict *d;

#define OK(call) assert_ok(call, #call)

static void assert_ok(int rc, const char *what)
{
    if (rc != 0)
        fail_msg("%s: %s", what, roost_errmsg());
}

/* ---- counting writes ---- */

static atomic_ulong writes;

/* What the linker's --wrap makes of the name. */
ssize_t __real_send(int fd, const void *data, size_t len, int flags);
ssize_t __wrap_send(int fd, const void *data, size_t len, int flags);

ssize_t __wrap_send(int fd, const void *data, size_t len, int flags)
{
    atomic_fetch_add(&writes, 1);
    return __real_send(fd, data, len, flags);
}

/* ---- a server, and a client over each transport ---- */

static struct listener *listen_at(const char *url)
{
    char why[256];
    struct listen_options options = {.socket_mode = 0600};
    struct listener *l = net_listen(&server, url, &options, why, sizeof(why));
    if (l == NULL)
        fail_msg("%s: %s", url, why);
    return l;
}

static int start_server(void **state)
{
    char url[64];
    (void)state;
    snprintf(url, sizeof(url), "ipc:///tmp/roost-hot-%ld", (long)getpid());
    assert_int_equal(server_start(&server, NULL, NULL), ROOST_OK);
    listeners[0] = listen_at("tcp://127.0.0.1:0");
    listeners[1] = listen_at(url);
    return 0;
}

static int stop_server(void **state)
{
    (void)state;
    for (int i = 0; i < 2; i++)
        listeners[i]->stop(listeners[i]);
    server_stop(&server);
    for (int i = 0; i < 2; i++)
        listeners[i]->free(listeners[i]);
    return 0;
}

static int connect_to(const char *url, const roost_options *options)
{
    OK(roost_connect(url, options, &m));
    OK(roost_dict_new(m, &d));
    OK(roost_dict_set(d, roost_str("key"), roost_int(0)));
    return 0;
}

static int over_tcp(void **state)
{
    (void)state;
    return connect_to(listeners[0]->url, &(roost_options){.no_ring = true});
}

static int over_ipc(void **state)
{
    (void)state;
    return connect_to(listeners[1]->url, NULL);
}

static int disconnect(void **state)
{
    (void)state;
    roost_dict_close(d);
    return roost_manager_shutdown(m);
}

/* ---- what is done ---- */

static void get_and_set(int n)
{
    for (int i = 0; i < n; i++) {
        roost_value v;
        OK(roost_dict_set(d, roost_str("key"), roost_int(SAME_LEN + i)));
        OK(roost_dict_get(d, roost_str("key"), &v));
        assert_int_equal(v.as.i, SAME_LEN + i);
    }
}

static void get_text(int n)
{
    for (int i = 0; i < n; i++) {
        roost_value v;
        OK(roost_dict_get(d, roost_str("text"), &v));
        roost_value_free(&v);
    }
}

/* Never more than a window under way; one in as one goes out. */
static void move_a_window(int n)
{
    roost_pending *p[WINDOW] = {NULL};
    for (int i = 0; i < n + WINDOW; i++) {
        roost_pending **slot = &p[i % WINDOW];
        if (*slot != NULL)
            OK(roost_pending_result(*slot, NULL, -1));
        roost_pending_free(*slot);
        *slot = NULL;
        if (i < n)
            OK(roost_async(slot, -1, roost_dict_set(d, roost_str("key"), roost_int(SAME_LEN + i))));
    }
}

static void send_batches(int n)
{
    static roost_batch *b;
    uint32_t failed;
    if (n == 0) {
        roost_batch_free(b);
        b = NULL;
        return;
    }
    if (b == NULL)
        OK(roost_batch_new(m, &b));
    for (int i = 0; i < n; i++) {
        OK(roost_batch_add(b, roost_dict_set(d, roost_str("key"), roost_int(SAME_LEN + i))));
        if (i % WINDOW < WINDOW - 1)
            continue;
        OK(roost_batch_send(b, &failed, -1));
        assert_int_equal(failed, 0);
        roost_batch_clear(b);
    }
}

/* ---- allocations ---- */

/* The fewest that both sides need for n operations: buffers grow until they have seen their largest load,
 * which may be in a later round. With AddressSanitizer nothing is recycled (base/spares.h): nothing to count.
 */
static unsigned long allocations_of(void (*work)(int n), int n, unsigned long enough)
{
    unsigned long least = ULONG_MAX;
    work(WARM);
#ifdef __SANITIZE_ADDRESS__
    (void)n;
    return enough;
#endif
    for (int i = 0; i < ROUNDS && least > enough; i++) {
        unsigned long before = allocations();
        work(n);
        unsigned long made = allocations() - before;
        least = made < least ? made : least;
    }
    return least;
}

static void gets_and_sets_allocate_nothing(void **state)
{
    (void)state;
    assert_int_equal(allocations_of(get_and_set, CALLS, 0), 0);
}

static void a_result_that_owns_memory_is_one_block(void **state)
{
    (void)state;
    roost_value text = roost_str("more than a cell holds"), list = roost_list_of(text, text, roost_int(1));
    OK(roost_dict_set(d, roost_str("text"), text));
    assert_int_equal(allocations_of(get_text, CALLS, CALLS), CALLS);
    OK(roost_dict_set(d, roost_str("text"), list));
    assert_int_equal(allocations_of(get_text, CALLS, CALLS), CALLS);
}

static void pending_calls_allocate_nothing(void **state)
{
    (void)state;
    assert_int_equal(allocations_of(move_a_window, CALLS, 0), 0);
}

static void batches_allocate_nothing(void **state)
{
    (void)state;
    unsigned long made = allocations_of(send_batches, CALLS, 0);
    send_batches(0);
    assert_int_equal(made, 0);
}

/* ---- writes ---- */

/* The fewest that both sides needed for a window: whoever is put off for a while may need more. */
static unsigned long writes_of(void (*work)(int n), unsigned long enough)
{
    unsigned long least = ULONG_MAX;
    work(WARM);
    for (int i = 0; i < TRIES && least > enough; i++) {
        unsigned long before = atomic_load(&writes);
        work(WINDOW);
        unsigned long made = atomic_load(&writes) - before;
        least = made < least ? made : least;
    }
    return least;
}

static void a_window_of_pending_calls_takes_few_writes(void **state)
{
    (void)state;
    unsigned long enough = 2 * (WINDOW / CORK_CALLS + 2);
    assert_in_range(writes_of(move_a_window, enough), 2, enough);
}

static void a_batch_takes_one_write_and_its_answers_another(void **state)
{
    (void)state;
    unsigned long made = writes_of(send_batches, 2);
    send_batches(0);
    assert_int_equal(made, 2);
}

static void calls_that_nobody_waits_for_are_sent_all_the_same(void **state)
{
    (void)state;
    roost_manager *other;
    roost_dict *same;
    roost_value v;
    roost_pending *p[3];
    OK(roost_connect(listeners[0]->url, NULL, &other));
    OK(roost_dict_from(other, roost_dict_ref(d), &same));
    for (int i = 0; i < 3; i++)
        OK(roost_async(&p[i], -1, roost_dict_set(d, roost_str("fired"), roost_int(i))));
    do
        OK(roost_dict_get_or(same, roost_str("fired"), roost_int(-1), &v));
    while (v.as.i != 2);
    for (int i = 0; i < 3; i++)
        roost_pending_free(p[i]);
    roost_dict_close(same);
    roost_manager_close(other);
}

static void what_is_held_is_sent_when_the_manager_closes(void **state)
{
    (void)state;
    roost_manager *leaving;
    roost_dict *same;
    roost_pending *p[3];
    OK(roost_connect(listeners[0]->url, NULL, &leaving));
    OK(roost_dict_from(leaving, roost_dict_ref(d), &same));
    for (int i = 0; i < 3; i++)
        OK(roost_async(&p[i], -1, roost_dict_set(same, roost_str("last"), roost_int(i))));
    for (int i = 0; i < 3; i++)
        roost_pending_free(p[i]);
    roost_dict_close(same);
    roost_manager_close(leaving);
    roost_value v;
    do
        OK(roost_dict_get_or(d, roost_str("last"), roost_int(-1), &v));
    while (v.as.i != 2);
}

#define TCP(test) cmocka_unit_test_setup_teardown(test, over_tcp, disconnect)
#define IPC(test)                                      \
    {                                                  \
        "ipc_" #test, test, over_ipc, disconnect, NULL \
    }

int main(void)
{
    const struct CMUnitTest tests[] = {TCP(gets_and_sets_allocate_nothing),
                                       IPC(gets_and_sets_allocate_nothing),
                                       TCP(a_result_that_owns_memory_is_one_block),
                                       IPC(a_result_that_owns_memory_is_one_block),
                                       TCP(pending_calls_allocate_nothing),
                                       IPC(pending_calls_allocate_nothing),
                                       TCP(batches_allocate_nothing),
                                       IPC(batches_allocate_nothing),
                                       TCP(a_window_of_pending_calls_takes_few_writes),
                                       TCP(a_batch_takes_one_write_and_its_answers_another),
                                       TCP(calls_that_nobody_waits_for_are_sent_all_the_same),
                                       TCP(what_is_held_is_sent_when_the_manager_closes)};
    return cmocka_run_group_tests(tests, start_server, stop_server);
}
