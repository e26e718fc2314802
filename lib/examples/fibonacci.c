/*
 * fibonacci.c: submit to an executor, and take the results in the order in which they are ready.
 *
 *   $ example_fibonacci
 *   fib(20) = 6765       … to fib(29) = 514229, in the order of finishing
 */
#include "die.h"

enum { FIRST = 20, COUNT = 10 };

static int64_t fib(int64_t n)
{
    return n < 2 ? n : fib(n - 1) + fib(n - 2);
}

static int fib_task(const roost_value *args, roost_value *result)
{
    int64_t n = args->as.items[0].as.i;
    return roost_value_copy(roost_list_of(roost_int(n), roost_int(fib(n))), result);
}

int main(void)
{
    roost_executor *e;
    roost_future *futures[COUNT], *f;
    roost_completion *c;
    int rc;
    if (roost_executor_new(NULL, &e) != 0)
        return roost_die("executor");
    for (int i = 0; i < COUNT; i++)
        if (roost_executor_submit(e, fib_task, roost_list_of(roost_int(FIRST + i)), &futures[i]) != 0)
            return roost_die("submit");
    if (roost_as_completed(futures, COUNT, NULL, &c) != 0)
        return roost_die("as_completed");
    while ((rc = roost_completion_next(c, &f, -1)) == 0) {
        roost_value v;
        if (roost_future_result(f, &v, 0) != 0)
            return roost_die("result");
        printf("fib(%lld) = %lld\n", (long long)v.as.items[0].as.i, (long long)v.as.items[1].as.i);
    }
    roost_completion_free(c);
    for (int i = 0; i < COUNT; i++)
        roost_future_free(futures[i]);
    roost_executor_shutdown(e, true, false);
    roost_executor_free(e);
    return rc != ROOST_EEMPTY;
}
