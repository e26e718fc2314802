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

/* Starts n processes that run fn(arg) and waits for all of them. Returns how many failed. */
static inline int run_processes(int n, int (*fn)(void *arg), void *args, size_t arg_size)
{
    roost_process *processes[64];
    int failed = 0;
    for (int i = 0; i < n; i++)
        if (roost_process_start(&processes[i], fn, (char *)args + (size_t)i * arg_size, NULL) != 0)
            return roost_die("start a process");
    for (int i = 0; i < n; i++) {
        int code = 1;
        roost_process_join(processes[i], -1);
        roost_process_exitcode(processes[i], &code);
        roost_process_close(processes[i]);
        failed += code != 0;
    }
    return failed;
}

static inline void print_line(const char *name, roost_value v)
{
    printf("%s = ", name);
    roost_value_print(stdout, v);
    putchar('\n');
}

#endif
