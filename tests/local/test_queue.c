/* test_queue.c: local queues and pipes: order, bounds, many at once, and deaths in the middle of it. */
#include "tests/local/kids.h"

#include <stdio.h>
#include <sys/ptrace.h>

#include "local/segment.h"
#include "roost/local/event.h"
#include "roost/local/pipe.h"
#include "roost/local/queue.h"

enum { KIDS = 3, ITEMS = 5000 };

struct world {
    roost_local_queue *q;
    _Atomic int step;
    _Atomic int got[KIDS][ITEMS]; /* how often each item came */
    _Atomic int next_item[KIDS];
};

static struct world *w;

static int set_up(void **state)
{
    (void)state;
    w = shared(sizeof(*w));
    ok(roost_local_queue_new(NULL, &w->q));
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    roost_local_queue_close(w->q);
    munmap(w, sizeof(*w));
    return 0;
}

static void use_queue(int64_t maxsize, size_t max_bytes)
{
    roost_local_queue_close(w->q);
    ok(roost_local_queue_new(&(roost_local_queue_options){.maxsize = maxsize, .max_bytes = max_bytes},
                             &w->q));
}

/* ---- one process ---- */

static void items_come_out_as_they_went_in(void **state)
{
    (void)state;
    roost_value got, pair = roost_list_of(roost_str("k"), roost_float(0.5));
    const roost_value items[] = {roost_nil(), roost_int(-7), roost_str("ähm"), roost_bytes("\0x", 2), pair};
    for (size_t i = 0; i < 5; i++)
        ok(roost_local_queue_put(w->q, items[i], 0));
    assert_int_equal(roost_local_queue_qsize(w->q), 5);
    for (size_t i = 0; i < 5; i++) {
        ok(roost_local_queue_get(w->q, &got, 0));
        assert_true(roost_value_equal(got, items[i]));
        roost_value_free(&got);
    }
    assert_true(roost_local_queue_empty(w->q));
    assert_int_equal(roost_local_queue_get(w->q, &got, 0), ROOST_EEMPTY);
    assert_int_equal(roost_local_queue_get(w->q, &got, 5), ROOST_ETIMEDOUT);
    assert_string_equal(roost_errmsg(), "local queue: get: timed out after 5 ms");
    assert_int_equal(roost_local_queue_put(w->q, roost_strn("\xff", 1), 0), ROOST_EINVAL);
    assert_true(roost_local_queue_empty(w->q));
}

static void ring_wraps_around_at_every_place(void **state)
{
    (void)state;
    char text[200];
    roost_value got;
    use_queue(0, 512);
    memset(text, 'x', sizeof(text));
    ok(roost_local_queue_put(w->q, roost_int(0), 0)); /* never empty: positions go on and on */
    for (uint32_t i = 0; i < 5000; i++) {
        ok(roost_local_queue_put(w->q, roost_strn(text, i * 7 % 190), 0));
        ok(roost_local_queue_get(w->q, &got, 0));
        assert_true(i == 0 ? got.kind == ROOST_INT
                           : got.len == (i - 1) * 7 % 190 && memcmp(got.as.s, text, got.len) == 0);
        roost_value_free(&got);
    }
}

static void bounds_hold_in_items_and_in_bytes(void **state)
{
    (void)state;
    static char text[4000];
    roost_value got;
    use_queue(2, 4096);
    ok(roost_local_queue_put(w->q, roost_int(1), 0));
    assert_false(roost_local_queue_full(w->q));
    ok(roost_local_queue_put(w->q, roost_int(2), 0));
    assert_true(roost_local_queue_full(w->q));
    assert_int_equal(roost_local_queue_put(w->q, roost_int(3), 0), ROOST_EFULL);
    assert_int_equal(roost_local_queue_put(w->q, roost_int(3), 5), ROOST_ETIMEDOUT);
    ok(roost_local_queue_get(w->q, &got, 0));
    assert_int_equal(roost_local_queue_put(w->q, roost_bytes(text, 4095), 0), ROOST_ELIMIT);
    assert_non_null(strstr(roost_errmsg(), "raise max_bytes"));
    ok(roost_local_queue_get(w->q, &got, 0));
    ok(roost_local_queue_put(w->q, roost_bytes(text, 4000), 0));
    assert_int_equal(roost_local_queue_put(w->q, roost_bytes(text, 200), 0), ROOST_EFULL);
    ok(roost_local_queue_get(w->q, &got, 0));
    assert_int_equal(got.len, 4000);
    roost_value_free(&got);
}

/* ---- many processes ---- */

static roost_value numbered(int writer, int number)
{
    static roost_value items[2];
    items[0] = roost_int(writer);
    items[1] = roost_int(number);
    return roost_array(items, 2);
}

static int write_all(void *writer)
{
    for (int i = 0; i < ITEMS; i++)
        if (roost_local_queue_put(w->q, numbered((int)(intptr_t)writer, i), -1) != 0)
            return 1;
    return 0;
}

/* Takes items until a nil comes; each writer's must come in order. */
static int read_all(void *unused)
{
    int last[KIDS];
    (void)unused;
    for (int i = 0; i < KIDS; i++)
        last[i] = -1;
    for (;;) {
        roost_value v;
        if (roost_local_queue_get(w->q, &v, 30000) != 0)
            return 1;
        if (v.kind == ROOST_NIL)
            return 0;
        int64_t writer = v.as.items[0].as.i, number = v.as.items[1].as.i;
        roost_value_free(&v);
        if (number <= last[writer])
            return 2;
        last[writer] = (int)number;
        w->got[writer][number]++;
    }
}

static void transfer(void)
{
    pid_t readers[KIDS], writers[KIDS];
    for (int i = 0; i < KIDS; i++) {
        readers[i] = kid(read_all, NULL);
        writers[i] = kid(write_all, (void *)(intptr_t)i);
    }
    for (int i = 0; i < KIDS; i++)
        assert_int_equal(reap(writers[i]), 0);
    for (int i = 0; i < KIDS; i++)
        ok(roost_local_queue_put(w->q, roost_nil(), 30000));
    for (int i = 0; i < KIDS; i++)
        assert_int_equal(reap(readers[i]), 0);
    for (int i = 0; i < KIDS; i++)
        for (int n = 0; n < ITEMS; n++)
            assert_int_equal(atomic_exchange(&w->got[i][n], 0), 1);
}

static void every_item_comes_once_and_in_its_writers_order(void **state)
{
    (void)state;
    transfer();
    use_queue(3, 0);
    transfer();
    use_queue(0, 128);
    transfer();
}

static int wait_for_an_item(void *unused)
{
    roost_value v;
    (void)unused;
    w->step++;
    return roost_local_queue_get(w->q, &v, 30000) == 0 ? 0 : 1;
}

static void reader_killed_in_its_sleep_takes_nothing(void **state)
{
    (void)state;
    pid_t pids[2];
    for (int i = 0; i < 2; i++)
        pids[i] = kid(wait_for_an_item, NULL);
    until(&w->step, 2);
    until_asleep(pids[0]);
    until_asleep(pids[1]);
    kill_kid(pids[0]);
    ok(roost_local_queue_put(w->q, roost_int(1), 0));
    assert_int_equal(reap(pids[1]), 0);
}

/* ---- killed at random ---- */

/* Goes on where its killed predecessor stopped: an item may be put again, never left out. */
static int write_on(void *writer)
{
    int me = (int)(intptr_t)writer;
    for (int i = w->next_item[me]; i < ITEMS; i = ++w->next_item[me])
        if (roost_local_queue_put(w->q, numbered(me, i), -1) != 0)
            return 1;
    return 0;
}

static int read_on(void *unused)
{
    (void)unused;
    for (;;) {
        roost_value v;
        if (roost_local_queue_get(w->q, &v, 30000) != 0)
            return 1;
        if (v.kind == ROOST_NIL)
            return 0;
        w->got[v.as.items[0].as.i][v.as.items[1].as.i]++;
        roost_value_free(&v);
    }
}

static void random_kills_leave_the_queue_whole(void **state)
{
    (void)state;
    pid_t readers[KIDS], writers[KIDS];
    int kills_of_readers = 0, kills_of_writers = 0, missing = 0, doubled = 0, running = KIDS;
    use_queue(16, 2048);
    srand((unsigned)getpid());
    for (int i = 0; i < KIDS; i++) {
        readers[i] = kid(read_on, NULL);
        writers[i] = kid(write_on, (void *)(intptr_t)i);
    }
    while (running > 0) {
        int victim = rand() % KIDS, status;
        usleep((useconds_t)(rand() % 1000)); /* at any moment: this is no waiting */
        if (rand() % 2 == 0) {
            kill_kid(readers[victim]);
            readers[victim] = kid(read_on, NULL);
            kills_of_readers++;
        } else if (writers[victim] > 0) {
            kill(writers[victim], SIGKILL);
            waitpid(writers[victim], &status, 0);
            assert_true(WIFSIGNALED(status) || WEXITSTATUS(status) == 0);
            bool done = WIFEXITED(status);
            kills_of_writers += !done;
            running -= done;
            writers[victim] = done ? 0 : kid(write_on, (void *)(intptr_t)victim);
        }
    }
    for (int i = 0; i < KIDS; i++)
        ok(roost_local_queue_put(w->q, roost_nil(), 30000));
    for (int i = 0; i < KIDS; i++)
        assert_int_equal(reap(readers[i]), 0);
    assert_true(roost_local_queue_empty(w->q));
    for (int i = 0; i < KIDS; i++)
        for (int n = 0; n < ITEMS; n++) {
            missing += w->got[i][n] == 0;
            doubled += w->got[i][n] > 1 ? w->got[i][n] - 1 : 0;
        }
    assert_in_range(missing, 0, kills_of_readers); /* a reader dies with what it has just taken */
    assert_in_range(doubled, 0, kills_of_writers); /* a writer dies before it has noted what it put */
}

/* ---- killed after any instruction ---- */

/* What is done once in a process is done, so that there is less to step through. */
static void warm_up(void)
{
    roost_local_queue *q;
    roost_value v;
    roost_local_queue_new(NULL, &q);
    roost_local_queue_put(q, roost_str("warm"), 0);
    roost_local_queue_get(q, &v, 0);
    roost_value_free(&v);
}

static int put_traced(void *unused)
{
    (void)unused;
    warm_up();
    ptrace(PTRACE_TRACEME, 0, NULL, NULL);
    raise(SIGSTOP);
    return roost_local_queue_put(w->q, roost_str("second"), -1) == 0 ? 0 : 1;
}

static int get_traced(void *unused)
{
    roost_value v;
    (void)unused;
    warm_up();
    ptrace(PTRACE_TRACEME, 0, NULL, NULL);
    raise(SIGSTOP);
    return roost_local_queue_get(w->q, &v, -1) == 0 ? 0 : 1;
}

enum { SNAPSHOTS_MAX = 1000 };

/* Runs fn in a child, one instruction at a time; keeps what was in the queue's memory whenever it had
 * changed. The child is dead then, as if it had been killed right there. How many there are. */
static int step_through(int (*fn)(void *), struct segment *s, uint8_t *snapshots)
{
    int status, n = 0;
    pid_t pid = kid(fn, NULL);
    waitpid(pid, &status, 0);
    while (WIFSTOPPED(status)) {
        if (n == 0 || memcmp(snapshots + (size_t)(n - 1) * s->size, s->head, s->size) != 0) {
            assert_true(n < SNAPSHOTS_MAX);
            memcpy(snapshots + (size_t)n++ * s->size, s->head, s->size);
        }
        assert_int_equal(ptrace(PTRACE_SINGLESTEP, pid, NULL, NULL), 0);
        waitpid(pid, &status, 0);
    }
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    return n;
}

/* The queue holds `first` items or, once the child came far enough, `then`; all of them whole. */
static bool check_whole(int first, int then)
{
    int64_t found = roost_local_queue_qsize(w->q);
    assert_true(found == first || found == then);
    ok(roost_local_queue_put(w->q, roost_str("last"), 0));
    for (int64_t n = found; n >= 0; n--) {
        roost_value v;
        ok(roost_local_queue_get(w->q, &v, 0));
        assert_true(n > 0 ? v.len == 5 || v.len == 6 : roost_value_equal(v, roost_str("last")));
        roost_value_free(&v);
    }
    assert_true(roost_local_queue_empty(w->q));
    return found == then;
}

static void kill_everywhere(int (*fn)(void *), int before, int then)
{
    struct segment *s = (struct segment *)(void *)w->q; /* a handle begins with it */
    uint8_t *snapshots = malloc(SNAPSHOTS_MAX * s->size);
    for (int i = 0; i < before; i++)
        ok(roost_local_queue_put(w->q, roost_str("first"), 0));
    int n = step_through(fn, s, snapshots), done = 0;
    for (int i = 0; i < n; i++) {
        memcpy(s->head, snapshots + (size_t)i * s->size, s->size);
        done += check_whole(before, then);
    }
    assert_in_range(done, 1, n - 1); /* both sides of the moment were seen */
    free(snapshots);
}

static void put_and_get_killed_anywhere_leave_the_queue_whole(void **state)
{
    (void)state;
    use_queue(0, 256);
    kill_everywhere(put_traced, 1, 2);
    kill_everywhere(get_traced, 2, 1);
}

/* ---- joining, shutting down ---- */

static int work_off(void *unused)
{
    roost_value v;
    (void)unused;
    while (roost_local_queue_get(w->q, &v, 30000) == 0)
        roost_local_queue_task_done(w->q, 1);
    return roost_errcode() == ROOST_ESHUTDOWN ? 0 : 1;
}

static void join_waits_until_all_is_worked_off(void **state)
{
    (void)state;
    for (int i = 0; i < 100; i++)
        ok(roost_local_queue_put(w->q, roost_int(i), -1));
    assert_int_equal(roost_local_queue_join(w->q, 0), ROOST_ETIMEDOUT);
    pid_t pid = kid(work_off, NULL);
    ok(roost_local_queue_join(w->q, 30000));
    assert_int_equal(roost_local_queue_task_done(w->q, 1), ROOST_EOVERRELEASE);
    until_asleep(pid);
    roost_local_queue_shutdown(w->q, false);
    assert_int_equal(reap(pid), 0);
    assert_int_equal(roost_local_queue_put(w->q, roost_int(1), -1), ROOST_ESHUTDOWN);
}

static void shutdown_lets_items_be_taken_unless_immediate(void **state)
{
    (void)state;
    roost_value v;
    ok(roost_local_queue_put(w->q, roost_int(1), 0));
    ok(roost_local_queue_put(w->q, roost_int(2), 0));
    roost_local_queue_shutdown(w->q, false);
    ok(roost_local_queue_get(w->q, &v, -1));
    roost_local_queue_shutdown(w->q, true);
    assert_int_equal(roost_local_queue_get(w->q, &v, -1), ROOST_ESHUTDOWN);
    ok(roost_local_queue_task_done(w->q, 1)); /* of the one taken; the other counts as done */
    ok(roost_local_queue_join(w->q, 0));
}

/* ---- pipes ---- */

static int echo(void *pipe)
{
    roost_value v;
    while (roost_pipe_recv(pipe, &v, 30000) == 0) {
        if (roost_pipe_send(pipe, v, 30000) != 0)
            return 1;
        roost_value_free(&v);
    }
    return roost_errcode() == ROOST_ECLOSED ? 0 : 2;
}

static roost_pipe *a, *b;

static int echo_on_b(void *unused)
{
    (void)unused;
    roost_pipe_close(a);
    return echo(b);
}

static void values_of_every_size_travel_both_ways(void **state)
{
    (void)state;
    const uint32_t sizes[] = {0, 1, 1000, 65535, 65536, 65537, 200000, 16 << 20};
    uint8_t *data = calloc(1, 16 << 20);
    ok(roost_pipe_new(true, &a, &b));
    pid_t pid = kid(echo_on_b, NULL);
    roost_pipe_close(b);
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        roost_value got;
        memset(data, (int)i + 1, sizes[i]);
        ok(roost_pipe_send(a, roost_bytes(data, sizes[i]), 30000));
        ok(roost_pipe_recv(a, &got, 30000));
        assert_true(roost_value_equal(got, roost_bytes(data, sizes[i])));
        roost_value_free(&got);
    }
    roost_pipe_close(a);
    assert_int_equal(reap(pid), 0); /* it saw the end */
    free(data);
}

static void message_longer_than_the_buffer_stays(void **state)
{
    (void)state;
    char buf[8];
    size_t len;
    roost_value v;
    ok(roost_pipe_new(true, &a, &b));
    ok(roost_pipe_send_bytes(a, "longer than it", 14, 0));
    assert_int_equal(roost_pipe_recv_bytes_into(b, buf, sizeof(buf), &len, 0), ROOST_ELIMIT);
    assert_int_equal(len, 14);
    void *whole;
    ok(roost_pipe_recv_bytes(b, &whole, &len, 0));
    assert_memory_equal(whole, "longer than it", 14);
    free(whole);
    ok(roost_pipe_send_bytes(a, "fits", 4, 0));
    ok(roost_pipe_recv_bytes_into(b, buf, sizeof(buf), &len, 0));
    assert_int_equal(len, 4);
    ok(roost_pipe_send_bytes(a, "", 0, 0));
    ok(roost_pipe_recv_bytes_into(b, NULL, 0, &len, 0));
    assert_int_equal(len, 0);
    ok(roost_pipe_send_bytes(a, "\xc1", 1, 0));
    assert_int_equal(roost_pipe_recv(b, &v, 0), ROOST_EPROTO);
    assert_int_equal(roost_pipe_recv(b, &v, 0), ROOST_ETIMEDOUT);
    assert_int_equal(roost_pipe_poll(b, 1), ROOST_ETIMEDOUT);
    roost_pipe_close(a);
    ok(roost_pipe_poll(b, 0)); /* the end counts */
    assert_int_equal(roost_pipe_recv(b, &v, -1), ROOST_ECLOSED);
    assert_int_equal(roost_pipe_send(b, roost_int(1), -1), ROOST_ECLOSED);
    roost_pipe_close(b);
}

static void one_way_pipe_goes_one_way(void **state)
{
    (void)state;
    roost_value v;
    ok(roost_pipe_new(false, &a, &b));
    assert_int_equal(roost_pipe_send(a, roost_int(1), -1), ROOST_ECLOSED);
    assert_int_equal(roost_pipe_recv(b, &v, -1), ROOST_ECLOSED);
    ok(roost_pipe_send(b, roost_int(1), 0));
    ok(roost_pipe_recv(a, &v, 0));
    assert_int_equal(v.as.i, 1);
    int sent = 0;
    while (roost_pipe_send(b, roost_int(sent), 0) == 0)
        sent++;
    assert_int_equal(roost_errcode(), ROOST_ETIMEDOUT);
    for (int i = 0; i < sent; i++) {
        ok(roost_pipe_recv(a, &v, 0));
        assert_int_equal(v.as.i, i);
    }
    roost_pipe_close(a);
    roost_pipe_close(b);
}

static int send_half(void *unused)
{
    static uint8_t data[4 << 20];
    (void)unused;
    roost_pipe_close(b);
    w->step++;
    return roost_pipe_send_bytes(a, data, sizeof(data), -1); /* never read: it will not come to its end */
}

static void sender_killed_in_the_middle_spoils_no_other_message(void **state)
{
    (void)state;
    roost_value v;
    ok(roost_pipe_new(true, &a, &b));
    pid_t pid = kid(send_half, NULL);
    until(&w->step, 1);
    until_asleep(pid);
    kill_kid(pid);
    int rc;
    while ((rc = roost_pipe_send(a, roost_str("whole"), 0)) ==
           ROOST_ETIMEDOUT) /* the pieces fill the socket */
        assert_int_equal(roost_pipe_recv(b, &v, 1), ROOST_ETIMEDOUT);
    ok(rc);
    ok(roost_pipe_recv(b, &v, 30000));
    assert_true(roost_value_equal(v, roost_str("whole")));
    roost_value_free(&v);
    roost_pipe_close(a);
    roost_pipe_close(b);
}

static void waiting_for_many_says_which(void **state)
{
    (void)state;
    roost_pipe *ends[3][2];
    int fds[3];
    bool ready[3];
    for (int i = 0; i < 3; i++) {
        ok(roost_pipe_new(false, &ends[i][0], &ends[i][1]));
        fds[i] = roost_pipe_fd(ends[i][0]);
    }
    assert_int_equal(roost_wait_fds(fds, 3, ready, 1), ROOST_ETIMEDOUT);
    assert_false(ready[0] || ready[1] || ready[2]);
    ok(roost_pipe_send(ends[1][1], roost_nil(), 0));
    roost_pipe_close(ends[2][1]);
    ok(roost_wait_fds(fds, 3, ready, -1));
    assert_true(!ready[0] && ready[1] && ready[2]);
    assert_int_equal(roost_wait_fds(fds, 0, ready, 0), ROOST_EINVAL);
    for (int i = 0; i < 3; i++) {
        roost_pipe_close(ends[i][0]);
        if (i != 2)
            roost_pipe_close(ends[i][1]);
    }
}

#define IN_A_WORLD(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_A_WORLD(items_come_out_as_they_went_in),
        IN_A_WORLD(ring_wraps_around_at_every_place),
        IN_A_WORLD(bounds_hold_in_items_and_in_bytes),
        IN_A_WORLD(every_item_comes_once_and_in_its_writers_order),
        IN_A_WORLD(reader_killed_in_its_sleep_takes_nothing),
        IN_A_WORLD(random_kills_leave_the_queue_whole),
        IN_A_WORLD(put_and_get_killed_anywhere_leave_the_queue_whole),
        IN_A_WORLD(join_waits_until_all_is_worked_off),
        IN_A_WORLD(shutdown_lets_items_be_taken_unless_immediate),
        IN_A_WORLD(values_of_every_size_travel_both_ways),
        IN_A_WORLD(message_longer_than_the_buffer_stays),
        IN_A_WORLD(one_way_pipe_goes_one_way),
        IN_A_WORLD(sender_killed_in_the_middle_spoils_no_other_message),
        IN_A_WORLD(waiting_for_many_says_which),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
