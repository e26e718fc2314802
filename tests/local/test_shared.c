/* test_shared.c: local values and arrays, and the names under which unrelated processes find objects. */
#include "tests/local/kids.h"

#include <errno.h>
#include <stdio.h>
#include <sys/shm.h>

#include "local/segment.h"
#include "roost/local/array.h"
#include "roost/local/event.h"
#include "roost/local/queue.h"
#include "roost/local/value.h"
#include "roost/object.h"

enum { KIDS = 4, ROUNDS = 20000 };

static int64_t int_of(roost_local_value *v)
{
    roost_value got;
    ok(roost_local_value_get(v, &got));
    assert_int_equal(got.kind, ROOST_INT);
    return got.as.i;
}

/* ---- values ---- */

static int add_many(void *v)
{
    for (int i = 0; i < ROUNDS; i++)
        if (roost_local_value_add(v, roost_int(1), NULL) != 0)
            return 1;
    return 0;
}

static int add_many_ints(void *v)
{
    for (int i = 0; i < ROUNDS; i++)
        if (roost_local_value_add_int(v, 1, NULL) != 0)
            return 1;
    return 0;
}

static void no_addition_is_lost(void **state)
{
    (void)state;
    const char *const codes[] = {"q", "i", "d"};
    for (int with_lock = 0; with_lock < 2; with_lock++)
        for (int c = 0; c < 3; c++) {
            roost_local_value *v;
            roost_value sum;
            pid_t pids[KIDS];
            ok(roost_local_value_new(codes[c], roost_int(0), with_lock != 0, &v));
            for (int i = 0; i < KIDS; i++)
                pids[i] = kid(i % 2 == 0 || c == 2 ? add_many : add_many_ints, v);
            for (int i = 0; i < KIDS; i++)
                assert_int_equal(reap(pids[i]), 0);
            ok(roost_local_value_get(v, &sum));
            assert_true(roost_value_equal(sum, roost_int(KIDS * ROUNDS)));
            roost_local_value_close(v);
        }
}

struct bounds {
    const char *code;
    int64_t low;
    uint64_t high;
};

static void nothing_wraps(void **state)
{
    (void)state;
    const struct bounds all[] = {
        {"b", INT8_MIN, INT8_MAX},   {"B", 0, UINT8_MAX},  {"h", INT16_MIN, INT16_MAX}, {"H", 0, UINT16_MAX},
        {"i", INT32_MIN, INT32_MAX}, {"I", 0, UINT32_MAX}, {"q", INT64_MIN, INT64_MAX}, {"Q", 0, UINT64_MAX},
        {"l", INT64_MIN, INT64_MAX}, {"L", 0, UINT64_MAX}};
    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
        roost_local_value *v;
        roost_value got;
        ok(roost_local_value_new(all[i].code, roost_uint(all[i].high), i % 2 == 0, &v));
        assert_int_equal(roost_local_value_add(v, roost_int(1), NULL), ROOST_ERANGE);
        ok(roost_local_value_get(v, &got));
        assert_true(roost_value_equal(got, roost_uint(all[i].high)));
        ok(roost_local_value_set(v, roost_int(all[i].low)));
        assert_int_equal(roost_local_value_add(v, roost_int(-1), NULL), ROOST_ERANGE);
        assert_int_equal(roost_local_value_add_int(v, -1, NULL), ROOST_ERANGE);
        ok(roost_local_value_get(v, &got));
        assert_true(roost_value_equal(got, roost_int(all[i].low)));
        roost_local_value_close(v);
    }
}

static void value_takes_only_its_kind(void **state)
{
    (void)state;
    roost_local_value *v;
    roost_value got;
    assert_int_equal(roost_local_value_new("x", roost_int(0), true, &v), ROOST_EINVAL);
    assert_int_equal(roost_local_value_new("i", roost_float(0.5), true, &v), ROOST_ETYPE);
    ok(roost_local_value_new("i", roost_int(7), true, &v));
    assert_int_equal(roost_local_value_set(v, roost_str("7")), ROOST_ETYPE);
    assert_string_equal(roost_errmsg(), "local value: set: typecode 'i' takes an integer, not str");
    assert_int_equal(roost_local_value_add(v, roost_float(0.5), &got), ROOST_ETYPE);
    assert_int_equal(int_of(v), 7);
    roost_local_value_close(v);
    ok(roost_local_value_new("u", roost_str("ö"), false, &v));
    ok(roost_local_value_get(v, &got));
    assert_true(roost_value_equal(got, roost_str("ö")));
    roost_value_free(&got);
    roost_local_value_close(v);
    ok(roost_local_value_new("d", roost_float(0.5), true, &v));
    ok(roost_local_value_add(v, roost_int(1), &got));
    assert_int_equal(roost_local_value_add_int(v, 1, NULL), ROOST_ETYPE);
    assert_true(got.kind == ROOST_FLOAT && got.as.f == 1.5);
    assert_true(*(double *)roost_local_value_data(v) == 1.5);
    roost_local_value_close(v);
}

static void compare_and_set_sets_only_what_was_expected(void **state)
{
    (void)state;
    for (int with_lock = 0; with_lock < 2; with_lock++) {
        roost_local_value *v;
        bool done;
        ok(roost_local_value_new("h", roost_int(1), with_lock != 0, &v));
        ok(roost_local_value_compare_and_set(v, roost_int(2), roost_int(9), &done));
        assert_false(done);
        ok(roost_local_value_compare_and_set(v, roost_float(1.0), roost_int(9), &done));
        assert_true(done);
        assert_int_equal(int_of(v), 9);
        assert_true((roost_local_value_lock(v) != NULL) == (with_lock != 0));
        roost_local_value_close(v);
    }
}

static int die_in_the_lock(void *v)
{
    roost_local_rlock_acquire(roost_local_value_lock(v), NULL, -1);
    roost_local_value_set(v, roost_int(5)); /* its own lock lets it in */
    raise(SIGKILL);
    return 0;
}

static void value_survives_one_who_died_with_its_lock(void **state)
{
    (void)state;
    roost_local_value *v;
    ok(roost_local_value_new("i", roost_int(0), true, &v));
    assert_int_equal(reap(kid(die_in_the_lock, v)), -SIGKILL);
    assert_int_equal(int_of(v), 5);
    roost_local_value_close(v);
}

/* ---- arrays ---- */

static void array_reads_and_writes_slices_as_python_does(void **state)
{
    (void)state;
    roost_local_array *a;
    roost_value got;
    ok(roost_local_array_new("i", roost_list_of(roost_int(0), roost_int(1), roost_int(2), roost_int(3)), true,
                             &a));
    assert_int_equal(roost_local_array_len(a), 4);
    ok(roost_local_array_slice(a, -1, ROOST_NONE, -2, &got));
    assert_true(roost_value_equal(got, roost_list_of(roost_int(3), roost_int(1))));
    roost_value_free(&got);
    ok(roost_local_array_set_slice(a, 1, 3, 1, roost_list_of(roost_int(8), roost_int(9))));
    assert_int_equal(roost_local_array_set_slice(a, 1, 3, 1, roost_list_of(roost_int(8))), ROOST_EINVAL);
    assert_int_equal(roost_local_array_set_slice(a, 0, 2, 1, roost_list_of(roost_int(8), roost_str("x"))),
                     ROOST_ETYPE);
    ok(roost_local_array_slice(a, ROOST_NONE, ROOST_NONE, 1, &got));
    assert_true(
        roost_value_equal(got, roost_list_of(roost_int(0), roost_int(8), roost_int(9), roost_int(3))));
    roost_value_free(&got);
    assert_int_equal(roost_local_array_get(a, 4, &got), ROOST_EINDEX);
    ok(roost_local_array_add(a, -1, roost_int(4), &got));
    assert_int_equal(got.as.i, 7);
    assert_int_equal(((int32_t *)roost_local_array_data(a))[3], 7);
    bool done;
    ok(roost_local_array_compare_and_set(a, 3, roost_int(7), roost_int(1), &done));
    assert_true(done);
    roost_local_array_close(a);
    ok(roost_local_array_new("c", roost_int(3), false, &a));
    ok(roost_local_array_set(a, 1, roost_bytes("x", 1)));
    ok(roost_local_array_slice(a, 0, 2, 1, &got));
    assert_true(roost_value_equal(got, roost_list_of(roost_bytes("", 1), roost_bytes("x", 1))));
    roost_value_free(&got);
    roost_local_array_close(a);
    assert_int_equal(roost_local_array_new("d", roost_int(INT64_MAX), false, &a), ROOST_ELIMIT);
    assert_int_equal(roost_local_array_new("d", roost_int(-1), false, &a), ROOST_EINVAL);
}

/* ---- names ---- */

static char name[64];

/* How many segments with the test's name the kernel has. */
static int segments(void)
{
    struct shm_info info;
    struct shmid_ds d;
    int n = 0, last = shmctl(0, SHM_INFO, (struct shmid_ds *)(void *)&info);
    for (int i = 0; i <= last; i++) {
        int id = shmctl(i, SHM_STAT, &d);
        if (id < 0 || d.shm_perm.uid != geteuid() || d.shm_segsz < sizeof(struct segment_head))
            continue;
        const struct segment_head *head = shmat(id, NULL, SHM_RDONLY);
        if ((intptr_t)head == -1)
            continue;
        n += strcmp(head->name, name) == 0;
        shmdt(head);
    }
    return n;
}

static int new_name(void **state)
{
    static int n;
    (void)state;
    snprintf(name, sizeof(name), "roost-test-%d-%d", (int)getpid(), n++);
    return 0;
}

/* What `test_shared NAME` does, a process of its own. */
static int be_stranger(const char *its_name)
{
    roost_local_value *v;
    if (roost_local_value_open(its_name, "q", roost_int(-1), true, &v) != 0)
        return 1;
    roost_local_value_add(v, roost_int(5), NULL);
    roost_local_value_close(v);
    return 0;
}

static int exec_stranger(void *unused)
{
    (void)unused;
    execl("/proc/self/exe", "test_shared", name, (char *)NULL);
    return 9;
}

static void unrelated_processes_meet_by_name_and_the_last_takes_it_away(void **state)
{
    (void)state;
    roost_local_value *v;
    ok(roost_local_value_open(name, "q", roost_int(100), true, &v));
    assert_int_equal(reap(kid(exec_stranger, NULL)), 0);
    assert_int_equal(int_of(v), 105);
    assert_int_equal(segments(), 1);
    roost_local_value_close(v);
    assert_int_equal(segments(), 0);
    ok(roost_local_value_open(name, "q", roost_int(1), true, &v)); /* anew */
    assert_int_equal(int_of(v), 1);
    roost_local_value_close(v);
}

static int open_and_die(void *unused)
{
    roost_local_queue *q;
    (void)unused;
    if (roost_local_queue_open(name, NULL, &q) != 0)
        return 1;
    roost_local_queue_put(q, roost_str("left behind"), -1);
    raise(SIGKILL);
    return 0;
}

static void segment_goes_with_its_last_user_killed_or_not(void **state)
{
    (void)state;
    assert_int_equal(reap(kid(open_and_die, NULL)), -SIGKILL);
    assert_int_equal(segments(), 0);
}

static void name_is_of_one_type_and_one_set_of_parameters(void **state)
{
    (void)state;
    roost_local_value *v;
    roost_local_array *a;
    roost_local_queue *q;
    char long_name[200];
    memset(long_name, 'n', sizeof(long_name));
    long_name[sizeof(long_name) - 1] = '\0';
    ok(roost_local_value_open(name, "q", roost_int(0), true, &v));
    assert_int_equal(roost_local_queue_open(name, NULL, &q), ROOST_EEXIST);
    assert_non_null(strstr(roost_errmsg(), "exists as a local value, not as a queue"));
    roost_local_value *other;
    assert_int_equal(roost_local_value_open(name, "i", roost_int(0), true, &other), ROOST_EEXIST);
    assert_int_equal(roost_local_value_open(name, "q", roost_int(0), false, &other), ROOST_EEXIST);
    assert_int_equal(roost_local_array_open(name, "q", roost_int(1), true, &a), ROOST_EEXIST);
    assert_int_equal(roost_local_value_open("", "q", roost_int(0), true, &other), ROOST_EINVAL);
    assert_int_equal(roost_local_value_open(long_name, "q", roost_int(0), true, &other), ROOST_EINVAL);
    roost_local_value_close(v);
    assert_int_equal(segments(), 0);
}

static void die_at_birth(struct segment_head *head, const void *arg)
{
    (void)head;
    (void)arg;
    raise(SIGKILL);
}

static int die_while_creating(void *unused)
{
    const struct segment_plan plan = {name, LOCAL_VALUE, 4096, die_at_birth, NULL};
    struct segment s;
    (void)unused;
    return roost__segment_open(&plan, &s, NULL);
}

static void creator_killed_at_work_is_in_nobodys_way(void **state)
{
    (void)state;
    roost_local_value *v;
    assert_int_equal(reap(kid(die_while_creating, NULL)), -SIGKILL);
    ok(roost_local_value_open(name, "q", roost_int(3), true, &v));
    assert_int_equal(int_of(v), 3);
    assert_int_equal(segments(), 1);
    roost_local_value_close(v);
    assert_int_equal(segments(), 0);
}

static _Atomic int *gate;

static int open_at_once(void *unused)
{
    roost_local_value *v;
    (void)unused;
    while (*gate == 0)
        ;
    if (roost_local_value_open(name, "q", roost_int(0), true, &v) != 0)
        return 1;
    roost_local_value_add(v, roost_int(1), NULL);
    for (int i = 0; i < 30000 && int_of(v) < KIDS; i++)
        usleep(1000);
    return int_of(v) == KIDS ? 0 : 2;
}

static void many_who_open_at_once_get_the_same(void **state)
{
    pid_t pids[KIDS];
    gate = shared(4096);
    for (int round = 0; round < 50; round++) {
        new_name(state);
        *gate = 0;
        for (int i = 0; i < KIDS; i++)
            pids[i] = kid(open_at_once, NULL);
        *gate = 1;
        for (int i = 0; i < KIDS; i++)
            assert_int_equal(reap(pids[i]), 0);
        assert_int_equal(segments(), 0);
    }
    munmap(gate, 4096);
}

#define NAMED(f) cmocka_unit_test_setup(f, new_name)

int main(int argc, char **argv)
{
    if (argc == 2)
        return be_stranger(argv[1]);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_addition_is_lost),
        cmocka_unit_test(nothing_wraps),
        cmocka_unit_test(value_takes_only_its_kind),
        cmocka_unit_test(compare_and_set_sets_only_what_was_expected),
        cmocka_unit_test(value_survives_one_who_died_with_its_lock),
        cmocka_unit_test(array_reads_and_writes_slices_as_python_does),
        NAMED(unrelated_processes_meet_by_name_and_the_last_takes_it_away),
        NAMED(segment_goes_with_its_last_user_killed_or_not),
        NAMED(name_is_of_one_type_and_one_set_of_parameters),
        NAMED(creator_killed_at_work_is_in_nobodys_way),
        NAMED(many_who_open_at_once_get_the_same),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
