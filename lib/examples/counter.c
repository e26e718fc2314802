/*
 * counter.c: five processes add to one value, 200 times each: under a lock, and in one call.
 *
 * Reading and writing are two calls, so they need the lock, or additions get lost. roost_shared_value_incr()
 * is one call and needs none. If a process died while it held the lock, the next would get it, and be told.
 *
 *   $ example_counter
 *   under the lock: 1000
 *   in one call: 1000
 */
#include "die.h"

enum { PROCESSES = 5, ROUNDS = 200 };

struct adder {
    roost_lock *lock;
    roost_shared_value *locked, *atomic;
};

static int add_under_lock(const struct adder *a)
{
    roost_value now;
    int rc = roost_lock_acquire(a->lock, NULL, -1);
    if (rc != 0)
        return rc;
    rc = roost_shared_value_get(a->locked, &now);
    if (rc == 0)
        rc = roost_shared_value_set(a->locked, roost_int(now.as.i + 1));
    int released = roost_lock_release(a->lock);
    return rc != 0 ? rc : released;
}

static int add(void *arg)
{
    const struct adder *a = arg;
    for (int i = 0; i < ROUNDS; i++)
        if (add_under_lock(a) != 0 || roost_shared_value_incr(a->atomic, roost_int(1), NULL) != 0)
            return roost_die("add");
    return 0;
}

int main(int argc, char **argv)
{
    roost_manager *m;
    struct adder a;
    if (open_manager(argc, argv, &m) != 0 || roost_lock_new(m, &a.lock) != 0 ||
        roost_shared_value_new(m, "i", roost_int(0), &a.locked) != 0 ||
        roost_shared_value_new(m, "q", roost_int(0), &a.atomic) != 0)
        return roost_die("start");
    struct adder all[PROCESSES];
    for (int i = 0; i < PROCESSES; i++)
        all[i] = a;
    int failed = run_processes(PROCESSES, add, all, sizeof(all[0]));

    roost_value locked, atomic;
    if (roost_shared_value_get(a.locked, &locked) != 0 || roost_shared_value_get(a.atomic, &atomic) != 0)
        return roost_die("read");
    printf("under the lock: %lld\nin one call: %lld\n", (long long)locked.as.i, (long long)atomic.as.i);
    roost_lock_close(a.lock);
    roost_shared_value_close(a.locked);
    roost_shared_value_close(a.atomic);
    return roost_manager_shutdown(m) != 0 || failed != 0;
}
