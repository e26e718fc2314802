/*
 * queue_sums.c: two processes each compute the sum of i + i² + i³ for i < 1000 and hand it over by a queue in
 * shared memory. No server.
 *
 *   $ example_queue_sums
 *   249833583000 + 249833583000 = 499667166000
 */
#include "die.h"

static int job(void *arg)
{
    roost_local_queue *q = *(roost_local_queue **)arg;
    int64_t sum = 0;
    for (int64_t i = 0; i < 1000; i++)
        sum += i + i * i + i * i * i;
    return roost_local_queue_put(q, roost_int(sum), -1) != 0 ? roost_die("put") : 0;
}

int main(void)
{
    roost_local_queue *q;
    roost_value a, b;
    if (roost_local_queue_new(NULL, &q) != 0)
        return roost_die("queue");
    roost_local_queue *args[2] = {q, q};
    int failed = run_processes(2, job, args, sizeof(args[0]));
    if (roost_local_queue_get(q, &a, 1000) != 0 || roost_local_queue_get(q, &b, 1000) != 0)
        return roost_die("get");
    printf("%lld + %lld = %lld\n", (long long)a.as.i, (long long)b.as.i,
           (long long)a.as.i + (long long)b.as.i);
    roost_local_queue_close(q);
    return failed != 0;
}
