/* kids.h: forked children, memory they share, and waiting for things: what the tests of lib/local share. */
#ifndef ROOST_TESTS_LOCAL_KIDS_H
#define ROOST_TESTS_LOCAL_KIDS_H

#include "tests/support/test.h"

#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "roost/error.h"

#define ok(call) assert_int_equal((call), ROOST_OK)

/* A child that runs fn and exits with what it returns; dies with its parent. */
static inline pid_t kid(int (*fn)(void *arg), void *arg)
{
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        _exit(fn(arg));
    }
    return pid;
}

/* Waits for a child; its exit code, or minus the signal. */
static inline int reap(pid_t pid)
{
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

static inline void kill_kid(pid_t pid)
{
    kill(pid, SIGKILL);
    assert_int_equal(reap(pid), -SIGKILL);
}

/* Zeroed memory that children share. */
static inline void *shared(size_t size)
{
    void *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_true(p != MAP_FAILED);
    return p;
}

/* Waits until *word has (at least) the value. */
static inline void until(_Atomic int *word, int value)
{
    for (int i = 0; i < 30000 && *word < value; i++)
        usleep(1000);
    assert_true(*word >= value);
}

/* Waits until a child that said so is asleep: where it waits, for there is nowhere else. */
static inline void until_asleep(pid_t pid)
{
    char path[32], state = '?';
    snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
    for (int i = 0; i < 30000 && state != 'S'; i++) {
        FILE *f = fopen(path, "r");
        if (f != NULL && fscanf(f, "%*d (%*[^)]) %c", &state) != 1)
            state = '?';
        if (f != NULL)
            fclose(f);
        usleep(1000);
    }
    assert_int_equal(state, 'S');
}

#endif
