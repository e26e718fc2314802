/*
 * as_completed.c: one thread asks five queues at once, and takes the answers in the order in which they come.
 *
 * Five processes put one item each into a queue of their own, when they are through with their work. The gets
 * are sent before any of them is: roost_async() does not wait. roost_pending_wait_many() waits for the next
 * that is done.
 *
 *   $ example_as_completed
 *   worker 0: 500500 …      five lines, in the order of finishing
 */
#include "die.h"

enum { WORKERS = 5 };

struct work {
    roost_queue *results;
    int number;
};

static int run(void *arg)
{
    const struct work *w = arg;
    int64_t sum = 0;
    for (int i = 1; i <= 1000 * (w->number + 1); i++)
        sum += i;
    return roost_queue_put(w->results, roost_int(sum), -1) != 0 ? roost_die("put") : 0;
}

/* Prints those that are done, frees them, and closes the gap; how many are left. */
static size_t take_done(roost_pending **gets, int *numbers, size_t n)
{
    size_t left = 0;
    for (size_t i = 0; i < n; i++) {
        roost_value v;
        if (!roost_pending_done(gets[i])) {
            gets[left] = gets[i];
            numbers[left++] = numbers[i];
            continue;
        }
        if (roost_pending_result(gets[i], &v, 0) == 0)
            printf("worker %d: %lld\n", numbers[i], (long long)v.as.i);
        else
            roost_die("result");
        roost_pending_free(gets[i]);
    }
    return left;
}

int main(int argc, char **argv)
{
    roost_manager *m;
    struct work all[WORKERS];
    roost_pending *gets[WORKERS];
    roost_process *processes[WORKERS];
    int numbers[WORKERS], failed = 0;
    size_t left = WORKERS;
    if (open_manager(argc, argv, &m) != 0)
        return roost_die("start");
    for (int i = 0; i < WORKERS; i++) {
        all[i].number = numbers[i] = i;
        if (roost_queue_new(m, 0, &all[i].results) != 0 ||
            roost_async(&gets[i], -1, roost_queue_get(all[i].results, NULL, -1)) != 0)
            return roost_die("ask");
    }
    for (int i = 0; i < WORKERS; i++)
        if (roost_process_start(&processes[i], run, &all[i], NULL) != 0)
            return roost_die("start a process");
    while (left > 0) {
        if (roost_pending_wait_many(gets, left, ROOST_FIRST_COMPLETED, NULL, -1) != 0)
            return roost_die("wait");
        left = take_done(gets, numbers, left);
    }
    for (int i = 0; i < WORKERS; i++) {
        failed += finish_process(processes[i]);
        roost_queue_close(all[i].results);
    }
    return roost_manager_shutdown(m) != 0 || failed != 0;
}
