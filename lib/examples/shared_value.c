/*
 * shared_value.c: two processes add 1 and 3, fifty thousand times each, to a value in shared memory: first by
 * reading it and writing it back, which loses additions; then holding its lock; then by one atomic call.
 *
 *   $ example_shared_value
 *   without lock: 150002 of 200000
 *   with lock:    200000 of 200000
 *   atomic:       200000 of 200000
 */
#include "die.h"

enum { TIMES = 50000 };

struct job {
    roost_local_value *v;
    int64_t step;
};

static int read_and_write(roost_local_value *v, int64_t step)
{
    roost_value now;
    int rc = roost_local_value_get(v, &now);
    return rc != 0 ? rc : roost_local_value_set(v, roost_int(now.as.i + step));
}

static int add_without_lock(void *arg)
{
    struct job *j = arg;
    for (int i = 0; i < TIMES; i++)
        if (read_and_write(j->v, j->step) != 0)
            return roost_die("add");
    return 0;
}

static int add_with_lock(void *arg)
{
    struct job *j = arg;
    roost_local_rlock *lock = roost_local_value_lock(j->v);
    for (int i = 0; i < TIMES; i++) {
        if (roost_local_rlock_acquire(lock, NULL, -1) != 0 || read_and_write(j->v, j->step) != 0)
            return roost_die("add");
        roost_local_rlock_release(lock);
    }
    return 0;
}

static int add_atomically(void *arg)
{
    struct job *j = arg;
    for (int i = 0; i < TIMES; i++)
        if (roost_local_value_add_int(j->v, j->step, NULL) != 0)
            return roost_die("add");
    return 0;
}

static int try_it(const char *how, int (*add)(void *arg))
{
    roost_local_value *v;
    if (roost_local_value_new("q", roost_int(0), true, &v) != 0)
        return roost_die("value");
    struct job jobs[2] = {{v, 1}, {v, 3}};
    int failed = run_processes(2, add, jobs, sizeof(jobs[0]));
    roost_value sum;
    if (roost_local_value_get(v, &sum) != 0)
        return roost_die("get");
    printf("%-13s %lld of %d\n", how, (long long)sum.as.i, 4 * TIMES);
    roost_local_value_close(v);
    return failed;
}

int main(void)
{
    return try_it("without lock:", add_without_lock) != 0 || try_it("with lock:", add_with_lock) != 0 ||
           try_it("atomic:", add_atomically) != 0;
}
