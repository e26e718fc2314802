/*
 * die.h: what the examples share: saying why a call failed, and finding a server.
 */
#ifndef ROOST_EXAMPLES_DIE_H
#define ROOST_EXAMPLES_DIE_H

#include <roost/roost.h>
#include <stdio.h>

/* Says what failed and why; returns 1, for main and for child processes to return. */
static inline int roost_die(const char *what)
{
    fprintf(stderr, "%s: %s\n", what, roost_errmsg());
    return 1;
}

/* The server of the URL in argv[1], or a private one when there is none. */
static inline int open_manager(int argc, char **argv, roost_manager **ret)
{
    return argc > 1 ? roost_connect(argv[1], NULL, ret) : roost_manager_start(NULL, ret);
}

/* Waits for a process to end, frees its handle; returns whether it failed. */
static inline int finish_process(roost_process *p)
{
    int code = 1;
    roost_process_join(p, -1);
    roost_process_exitcode(p, &code);
    roost_process_close(p);
    return code != 0;
}

/* Starts n processes (at most 64) that run fn on an element each of args; waits for all. Returns how many
 * failed. */
static inline int run_processes(int n, int (*fn)(void *arg), void *args, size_t arg_size)
{
    roost_process *processes[64];
    int started = 0, failed = 0;
    while (started < n && started < 64 &&
           roost_process_start(&processes[started], fn, (char *)args + (size_t)started * arg_size, NULL) == 0)
        started++;
    if (started < n)
        failed += roost_die("start a process");
    for (int i = 0; i < started; i++)
        failed += finish_process(processes[i]);
    return failed;
}

static inline void print_line(const char *name, roost_value v)
{
    printf("%s = ", name);
    roost_value_print(stdout, v);
    putchar('\n');
}

#endif
