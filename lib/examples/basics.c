/*
 * basics.c: processes and threads, the same verbs for both.
 *
 * A thread shares the program's memory; a process works on a copy. What the function returns is the exit
 * code; a process that a signal ended has the signal's negative number.
 *
 *   $ example_basics
 *   thread Thread-1: exit code 3, the counter is 1
 *   process Process-1: exit code 3, the counter is 1
 *   process sleeper: not done after 0 ms
 *   process sleeper: exit code -15
 */
#include "die.h"

#include <unistd.h>

static int counter;

static int count(void *arg)
{
    counter++;
    return *(const int *)arg;
}

static int sleep_for_ever(void *arg)
{
    (void)arg;
    while (pause() != 0)
        continue;
    return 0;
}

static int thread_story(int *code)
{
    roost_thread *t;
    int exit_code;
    if (roost_thread_start(&t, count, code, NULL) != 0 || roost_thread_join(t, -1) != 0 ||
        roost_thread_exitcode(t, &exit_code) != 0)
        return roost_die("thread");
    printf("thread %s: exit code %d, the counter is %d\n", roost_thread_name(t), exit_code, counter);
    return roost_thread_close(t);
}

static int process_story(int *code)
{
    roost_process *p;
    int exit_code;
    if (roost_process_start(&p, count, code, NULL) != 0 || roost_process_join(p, -1) != 0 ||
        roost_process_exitcode(p, &exit_code) != 0)
        return roost_die("process");
    printf("process %s: exit code %d, the counter is %d\n", roost_process_name(p), exit_code, counter);
    return roost_process_close(p);
}

static int terminate_story(void)
{
    roost_process *p;
    int exit_code;
    if (roost_process_start(&p, sleep_for_ever, NULL, &(roost_process_options){.name = "sleeper"}) != 0)
        return roost_die("start");
    if (roost_process_join(p, 0) == ROOST_ETIMEDOUT)
        printf("process %s: not done after 0 ms\n", roost_process_name(p));
    if (roost_process_terminate(p) != 0 || roost_process_join(p, -1) != 0 ||
        roost_process_exitcode(p, &exit_code) != 0)
        return roost_die("terminate");
    printf("process %s: exit code %d\n", roost_process_name(p), exit_code);
    return roost_process_close(p);
}

int main(void)
{
    int code = 3;
    return thread_story(&code) != 0 || process_story(&code) != 0 || terminate_story() != 0;
}
