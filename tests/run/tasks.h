/* tasks.h: the tasks and the small checks that the tests of pools share. */
#ifndef ROOST_TESTS_RUN_TASKS_H
#define ROOST_TESTS_RUN_TASKS_H

#include "tests/support/test.h"

#include <dirent.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "roost/executor.h"

#define ok(call) assert_int_equal((call), ROOST_OK)

static inline int square(const roost_value *args, roost_value *result)
{
    int64_t x = 0;
    int rc = roost_value_int(args->as.items[0], &x);
    *result = roost_int(x * x);
    return rc;
}

static inline int fail_if_even(const roost_value *args, roost_value *result)
{
    int64_t x = args->as.items[0].as.i;
    *result = roost_int(x);
    return x % 2 == 0 ? roost_task_fail("%d is even", (int)x) : 0;
}

static inline int nap(const roost_value *args, roost_value *result)
{
    usleep((useconds_t)args->as.items[0].as.i * 1000);
    *result = args->as.items[0];
    return 0;
}

static inline int say_pid(const roost_value *args, roost_value *result)
{
    (void)args;
    *result = roost_int(getpid());
    return 0;
}

/* The integers 0 … n-1, to be freed. */
static inline roost_value *numbers(uint32_t n)
{
    roost_value *v = calloc(n, sizeof(*v));
    assert_non_null(v);
    for (uint32_t i = 0; i < n; i++)
        v[i] = roost_int(i);
    return v;
}

static inline roost_pool *pool_with(roost_pool_options o)
{
    roost_pool *p;
    ok(roost_pool_new(&o, &p));
    return p;
}

/* Which kind of workers pool_of() makes: a program's tests run once for each. */
static bool threads;

static inline roost_pool *pool_of(int size)
{
    return pool_with((roost_pool_options){.size = size, .threads = threads});
}

static inline int use_threads(void **state)
{
    (void)state;
    threads = true;
    return 0;
}

#define RUN_ON_BOTH(tests)                                           \
    (cmocka_run_group_tests_name("processes", (tests), NULL, NULL) + \
     cmocka_run_group_tests_name("threads", (tests), use_threads, NULL))

static inline void end_pool(roost_pool *p)
{
    ok(roost_pool_close(p));
    ok(roost_pool_join(p, 60000));
    roost_pool_free(p);
}

static inline int open_fds(void)
{
    int n = 0;
    DIR *d = opendir("/proc/self/fd");
    while (readdir(d) != NULL)
        n++;
    closedir(d);
    return n;
}

#endif
