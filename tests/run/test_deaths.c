/* test_deaths.c: workers and parents that die in every way: nothing hangs, nothing is lost or doubled. */
#include "tests/run/tasks.h"

#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "roost/process.h"

static _Atomic uint8_t *runs; /* how often each task began: shared with the workers */

static void forget_runs(uint32_t n)
{
    for (uint32_t i = 0; i < n; i++)
        runs[i] = 0;
}

static int quit(const roost_value *args, roost_value *result)
{
    (void)result;
    exit((int)args->as.items[0].as.i);
}

static int crash(const roost_value *args, roost_value *result)
{
    (void)args;
    (void)result;
    signal(SIGABRT, SIG_DFL);
    abort();
}

static int kill_self(const roost_value *args, roost_value *result)
{
    (void)args;
    (void)result;
    raise(SIGKILL);
    return 0;
}

static void expect_death(roost_pool *p, roost_task task, const char *words, int status)
{
    roost_future *f;
    roost_failure failure;
    ok(roost_pool_apply_async(p, task, roost_list_of(roost_int(3)), NULL, &f));
    ok(roost_future_exception(f, &failure, 60000));
    assert_int_equal(failure.code, ROOST_EDIED);
    assert_int_equal(failure.status, status);
    assert_non_null(strstr(failure.message, words));
    roost_future_free(f);
}

static void task_that_ends_its_worker_fails_its_own_future(void **state)
{
    (void)state;
    roost_pool *p = pool_with((roost_pool_options){.size = 2});
    roost_value v;
    expect_death(p, quit, "task quit: it ended its worker", 3);
    expect_death(p, crash, "was killed by signal 6 (Aborted)", -SIGABRT);
    expect_death(p, kill_self, "task kill_self: its worker", -SIGKILL);
    ok(roost_pool_apply(p, square, roost_list_of(roost_int(5)), &v, 60000));
    assert_int_equal(v.as.i, 25);
    roost_pool_stats stats;
    roost_pool_stat(p, &stats);
    assert_int_equal(stats.replaced, 3);
    end_pool(p);
}

static int count_and_die_at_seven(const roost_value *args, roost_value *result)
{
    int64_t i = args->as.items[0].as.i;
    runs[i]++;
    if (i % 10 == 7)
        _exit(1);
    *result = roost_int(i);
    return 0;
}

static void only_the_culprit_of_a_chunk_fails_and_the_rest_runs_once(void **state)
{
    (void)state;
    enum { N = 100 };
    roost_value *in = numbers(N), v;
    roost_pool *p = pool_with((roost_pool_options){.size = 2});
    roost_future *f;
    forget_runs(N);
    ok(roost_pool_map_async(p, count_and_die_at_seven, roost_array(in, N), 50, NULL, &f));
    assert_int_equal(roost_future_result(f, &v, 60000), ROOST_EDIED);
    for (uint32_t i = 0; i < N; i++) {
        assert_int_equal(roost_future_item(f, i, &v), i % 10 == 7 ? ROOST_EDIED : ROOST_OK);
        assert_int_equal(runs[i], 1);
    }
    roost_future_free(f);
    end_pool(p);
    free(in);
}

static int count(const roost_value *args, roost_value *result)
{
    int64_t i = args->as.items[0].as.i;
    runs[i]++;
    for (volatile int k = 0; k < 5000; k++) /* some microseconds to be killed in */
        continue;
    *result = roost_int(i * 2);
    return 0;
}

static atomic_bool killing;
static atomic_int kills;

static void *kill_at_random(void *arg)
{
    unsigned seed = 7;
    while (killing) {
        pid_t pids[8];
        int n = roost_pool_pids(arg, pids, 8);
        if (n > 0 && kill(pids[(unsigned)rand_r(&seed) % (unsigned)n], SIGKILL) == 0)
            kills++;
        usleep(500 + (unsigned)rand_r(&seed) % 2000);
    }
    return NULL;
}

static void random_kills_lose_and_double_nothing(void **state)
{
    (void)state;
    enum { N = 200000, CHUNK = 20 }; /* 105,000 tasks */
    roost_value *in = numbers(N), v;
    roost_pool *p = pool_with((roost_pool_options){.size = 3});
    roost_future *f[N / CHUNK];
    pthread_t killer;
    forget_runs(N);
    kills = 0;
    killing = true;
    pthread_create(&killer, NULL, kill_at_random, p);
    for (int i = 0; i < N / CHUNK; i++) /* a mixture of singles and chunks */
        if (i % 2 == 0)
            ok(roost_pool_map_async(p, count, roost_array(in + i * CHUNK, CHUNK), 5, NULL, &f[i]));
        else
            ok(roost_pool_apply_async(p, count, roost_list_of(in[i * CHUNK]), NULL, &f[i]));
    int died = 0;
    for (int i = 0; i < N / CHUNK; i++) {
        ok(roost_future_wait(f[i], 120000));
        for (uint32_t k = 0; k < roost_future_len(f[i]); k++) {
            int rc = roost_future_item(f[i], k, &v);
            uint32_t n = (uint32_t)i * CHUNK + k;
            assert_true(rc == ROOST_OK || rc == ROOST_EDIED);
            assert_true(rc == ROOST_EDIED ? runs[n] <= 1 : runs[n] == 1);
            if (rc == ROOST_OK)
                assert_int_equal(v.as.i, 2 * (int64_t)n);
            died += rc == ROOST_EDIED;
        }
        roost_future_free(f[i]);
    }
    killing = false;
    pthread_join(killer, NULL);
    assert_true(kills > 20);
    assert_true(died <= kills);
    end_pool(p);
    free(in);
}

static void killed_keeper_is_replaced(void **state)
{
    (void)state;
    enum { N = 40 };
    roost_pool *p = pool_with((roost_pool_options){.size = 2, .retries = 3});
    roost_future *f[N];
    roost_value v;
    for (int i = 0; i < N; i++)
        ok(roost_pool_apply_async(p, nap, roost_list_of(roost_int(10)), NULL, &f[i]));
    pid_t pid;
    while (roost_pool_pids(p, &pid, 1) == 0)
        usleep(100);
    char path[64], line[256] = "";
    snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
    FILE *stat = fopen(path, "r");
    assert_non_null(stat);
    assert_non_null(fgets(line, sizeof(line), stat));
    fclose(stat);
    kill((pid_t)atoi(strrchr(line, ')') + 4), SIGKILL);
    for (int i = 0; i < N; i++) {
        ok(roost_future_result(f[i], &v, 60000));
        roost_future_free(f[i]);
    }
    end_pool(p);
}

static int fail_twice(const roost_value *args, roost_value *result)
{
    int64_t i = args->as.items[0].as.i;
    *result = roost_int(i);
    runs[i]++;
    if (runs[i] > 2)
        return 0;
    if (i % 2 == 0)
        raise(SIGKILL);
    return roost_task_fail("not yet");
}

static void failing_task_is_tried_again_as_often_as_asked(void **state)
{
    (void)state;
    roost_value *in = numbers(8), v;
    forget_runs(8);
    roost_pool *p = pool_with((roost_pool_options){.size = 2, .retries = 2});
    ok(roost_pool_map(p, fail_twice, roost_array(in, 8), 4, &v, 60000));
    for (uint32_t i = 0; i < 8; i++) {
        assert_int_equal(v.as.items[i].as.i, i);
        assert_int_equal(runs[i], 3);
    }
    roost_value_free(&v);
    end_pool(p);
    forget_runs(8);
    p = pool_with((roost_pool_options){.size = 2, .retries = 1});
    assert_int_equal(roost_pool_apply(p, fail_twice, roost_list_of(roost_int(1)), &v, 60000), ROOST_ETASK);
    assert_int_equal(roost_pool_apply(p, fail_twice, roost_list_of(roost_int(2)), &v, 60000), ROOST_EDIED);
    end_pool(p);
    free(in);
}

static void task_over_its_time_limit_is_killed_and_no_other(void **state)
{
    (void)state;
    roost_value in[] = {roost_int(0), roost_int(60000), roost_int(1), roost_int(60000), roost_int(2)}, v;
    roost_pool *p = pool_with((roost_pool_options){.size = 2, .time_limit_ms = 100});
    roost_future *f;
    ok(roost_pool_map_async(p, nap, roost_array(in, 5), 5, NULL, &f));
    assert_int_equal(roost_future_result(f, &v, 30000), ROOST_ETIMEDOUT);
    assert_non_null(strstr(roost_errmsg(), "task nap: over its time limit of 100 ms"));
    for (uint32_t i = 0; i < 5; i++)
        assert_int_equal(roost_future_item(f, i, &v), i % 2 == 1 ? ROOST_ETIMEDOUT : ROOST_OK);
    roost_future_free(f);
    end_pool(p);
}

static void worker_is_replaced_after_its_number_of_tasks(void **state)
{
    (void)state;
    enum { N = 12 };
    roost_value *in = numbers(N), v;
    roost_pool *p = pool_with((roost_pool_options){.size = 1, .max_tasks = 3});
    ok(roost_pool_map(p, say_pid, roost_array(in, N), 1, &v, 60000));
    for (uint32_t i = 0; i < N; i++)
        assert_int_equal(v.as.items[i].as.i == v.as.items[i / 3 * 3].as.i, 1);
    assert_int_not_equal(v.as.items[0].as.i, v.as.items[3].as.i);
    roost_value_free(&v);
    end_pool(p);
    free(in);
}

static int scribble(const roost_value *args, roost_value *result)
{
    (void)args;
    *result = (roost_value){.kind = ROOST_STR, .len = 3, .as.s = "\xff\xfe\xfd"};
    return 0;
}

static void result_that_is_no_value_is_an_error(void **state)
{
    (void)state;
    roost_pool *p = pool_with((roost_pool_options){.size = 1});
    roost_value v;
    assert_int_equal(roost_pool_apply(p, scribble, roost_list_of(roost_nil()), &v, 60000), ROOST_ETASK);
    assert_non_null(strstr(roost_errmsg(), "UTF-8"));
    end_pool(p);
}

static int die_at_start(void *arg)
{
    (void)arg;
    raise(SIGKILL);
    return 0;
}

static void workers_that_never_start_break_the_pool(void **state)
{
    (void)state;
    roost_pool *p = pool_with((roost_pool_options){.size = 2, .initializer = die_at_start});
    roost_value v;
    assert_int_equal(roost_pool_apply(p, square, roost_list_of(roost_int(1)), &v, 60000), ROOST_EDIED);
    roost_pool_free(p);
}

struct family {
    _Atomic int pids[4];
    _Atomic int ready;
};

static int be_pool_owner(void *arg)
{
    struct family *family = arg;
    roost_pool *p;
    pid_t pids[3];
    if (setpgid(0, 0) != 0 || roost_pool_new(&(roost_pool_options){.size = 3}, &p) != 0)
        return 1;
    for (int i = 0; i < 3; i++)
        roost_pool_apply_async(p, nap, roost_list_of(roost_int(60000)), NULL, NULL);
    while (roost_pool_pids(p, pids, 3) < 3)
        usleep(100);
    for (int i = 0; i < 3; i++)
        family->pids[i] = pids[i];
    family->ready = 1;
    for (;;)
        pause();
}

/* Starts the owner of a pool, ends it by `end`, and sees its workers go. */
static int end_owner(void (*end)(roost_process *owner))
{
    struct family *family = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    roost_process *owner;
    int code;
    ok(roost_process_start(&owner, be_pool_owner, family, NULL));
    while (family->ready == 0)
        usleep(100);
    struct pollfd fds[3];
    for (int i = 0; i < 3; i++) {
        fds[i] = (struct pollfd){.fd = (int)syscall(SYS_pidfd_open, family->pids[i], 0), .events = POLLIN};
        assert_true(fds[i].fd >= 0);
        kill(family->pids[i], SIGINT); /* Ctrl-C is none of their business */
        assert_int_equal(poll(&fds[i], 1, 0), 0);
    }
    end(owner);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(poll(&fds[i], 1, 10000), 1);
        close(fds[i].fd);
    }
    ok(roost_process_join(owner, 10000));
    ok(roost_process_exitcode(owner, &code));
    ok(roost_process_close(owner));
    munmap(family, 4096);
    return code;
}

static void kill_owner(roost_process *owner)
{
    ok(roost_process_kill(owner));
}

static void workers_die_with_their_parent_even_when_it_is_killed(void **state)
{
    (void)state;
    assert_int_equal(end_owner(kill_owner), -SIGKILL);
}

/* What a terminal does: everybody in the foreground gets it. */
static void press_ctrl_c(roost_process *owner)
{
    assert_int_equal(kill(-roost_process_pid(owner), SIGINT), 0);
}

static void one_ctrl_c_ends_the_program_and_its_workers(void **state)
{
    (void)state;
    assert_int_equal(end_owner(press_ctrl_c), -SIGINT);
}

static int end_thread(const roost_value *args, roost_value *result)
{
    if (args->as.items[0].as.i == 3)
        pthread_exit(NULL);
    *result = args->as.items[0];
    return 0;
}

static void task_that_ends_its_thread_fails_alone(void **state)
{
    (void)state;
    roost_value *in = numbers(6), v;
    roost_pool *p = pool_with((roost_pool_options){.size = 2, .threads = true});
    roost_future *f;
    ok(roost_pool_map_async(p, end_thread, roost_array(in, 6), 6, NULL, &f));
    assert_int_equal(roost_future_result(f, &v, 60000), ROOST_EDIED);
    assert_string_equal(roost_errmsg(), "task end_thread: it ended its worker thread");
    for (uint32_t i = 0; i < 6; i++)
        assert_int_equal(roost_future_item(f, i, &v), i == 3 ? ROOST_EDIED : ROOST_OK);
    roost_future_free(f);
    end_pool(p);
    free(in);
}

static void forked_child_cannot_use_the_pool(void **state)
{
    (void)state;
    roost_pool *p = pool_with((roost_pool_options){.size = 1});
    roost_value v;
    ok(roost_pool_apply(p, square, roost_list_of(roost_int(1)), &v, -1));
    pid_t pid = fork();
    if (pid == 0)
        _exit(roost_pool_apply(p, square, roost_list_of(roost_int(1)), &v, -1) == ROOST_EINVAL ? 0 : 1);
    int status;
    waitpid(pid, &status, 0);
    assert_int_equal(status, 0);
    end_pool(p);
}

static void pools_leave_no_descriptor_and_no_process(void **state)
{
    (void)state;
    roost_value v;
    int before = open_fds();
    for (int i = 0; i < 20; i++) {
        roost_pool *p = pool_with((roost_pool_options){.size = 2, .threads = i % 5 == 4});
        ok(roost_pool_apply(p, square, roost_list_of(roost_int(1)), &v, -1));
        if (i % 2 == 0)
            end_pool(p);
        else
            roost_pool_free(p);
    }
    assert_int_equal(open_fds(), before);
    assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
}

int main(void)
{
    runs = mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(task_that_ends_its_worker_fails_its_own_future),
        cmocka_unit_test(only_the_culprit_of_a_chunk_fails_and_the_rest_runs_once),
        cmocka_unit_test(random_kills_lose_and_double_nothing),
        cmocka_unit_test(killed_keeper_is_replaced),
        cmocka_unit_test(failing_task_is_tried_again_as_often_as_asked),
        cmocka_unit_test(task_over_its_time_limit_is_killed_and_no_other),
        cmocka_unit_test(worker_is_replaced_after_its_number_of_tasks),
        cmocka_unit_test(result_that_is_no_value_is_an_error),
        cmocka_unit_test(workers_that_never_start_break_the_pool),
        cmocka_unit_test(workers_die_with_their_parent_even_when_it_is_killed),
        cmocka_unit_test(one_ctrl_c_ends_the_program_and_its_workers),
        cmocka_unit_test(task_that_ends_its_thread_fails_alone),
        cmocka_unit_test(forked_child_cannot_use_the_pool),
        cmocka_unit_test(pools_leave_no_descriptor_and_no_process),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
