/*
 * even_fails.c: a task that fails for even numbers, and a done-callback that reports it.
 *
 * A failure is a result too: the others go on, and the future tells what the task said.
 *
 *   $ example_even_fails
 *   1 is fine
 *   failed: task only_odd: 2 is even      … to 6, in the order of finishing
 */
#include "die.h"

static int only_odd(const roost_value *args, roost_value *result)
{
    long long n = args->as.items[0].as.i;
    if (n % 2 == 0)
        return roost_task_fail("%lld is even", n);
    *result = roost_int(n);
    return 0;
}

static void report(roost_future *f, void *arg)
{
    roost_failure failure;
    roost_value v;
    (void)arg;
    if (roost_future_exception(f, &failure, 0) == 0 && failure.code != 0) {
        printf("failed: %s\n", failure.message);
    } else if (roost_future_result(f, &v, 0) == 0) {
        printf("%lld is fine\n", (long long)v.as.i);
    }
}

int main(void)
{
    roost_executor *e;
    if (roost_executor_new(NULL, &e) != 0)
        return roost_die("executor");
    for (int i = 1; i <= 6; i++) {
        roost_future *f;
        if (roost_executor_submit(e, only_odd, roost_list_of(roost_int(i)), &f) != 0 ||
            roost_future_add_done_callback(f, report, NULL) != 0)
            return roost_die("submit");
        roost_future_free(f);
    }
    int rc = roost_executor_shutdown(e, true, false);
    roost_executor_free(e);
    return rc != 0;
}
