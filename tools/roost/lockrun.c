/*
 * lockrun.c: `roost lock run NAME -- COMMAND…`: holds a lock (or a permit) while a command runs, as flock(1)
 * does.
 *
 * The lock is the session's: it goes to the next in line when this process ends, however that comes about.
 * The command finds the fencing token of the grant in $ROOST_TOKEN.
 */
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "cli.h"

extern char **environ;

enum { NOT_EXECUTABLE = 126, NOT_FOUND = 127, SIGNALLED = 128 };

bool cli_can_run_under(roost_type type)
{
    return type == ROOST_TYPE_lock || type == ROOST_TYPE_rlock || type == ROOST_TYPE_semaphore ||
           type == ROOST_TYPE_bounded_semaphore;
}

/* ---- the command ---- */

static volatile sig_atomic_t command_pid;

/* A terminal's Ctrl-C reaches the command by itself; what another process sends to us alone is passed on. */
static void pass_on(int number, siginfo_t *from, void *context)
{
    (void)context;
    int saved = errno;
    if (from->si_code != SI_KERNEL && command_pid > 0)
        kill((pid_t)command_pid, number);
    errno = saved;
}

static const int passed_on[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2};
enum { PASSED_ON = sizeof(passed_on) / sizeof(passed_on[0]) };

static int wait_for(pid_t pid)
{
    int status;
    while (waitpid(pid, &status, 0) < 0)
        if (errno != EINTR)
            return STATUS_REFUSED;
    return WIFSIGNALED(status) ? SIGNALLED + WTERMSIG(status) : WEXITSTATUS(status);
}

/* Runs the command with the signals as they are, and waits for its end. */
static int run_command(char **words)
{
    struct sigaction before[PASSED_ON], handler = {.sa_sigaction = pass_on, .sa_flags = SA_SIGINFO};
    sigset_t blocked, mask;
    pid_t pid;
    posix_spawnattr_t how;
    sigemptyset(&blocked);
    for (int i = 0; i < PASSED_ON; i++)
        sigaddset(&blocked, passed_on[i]);
    sigprocmask(SIG_BLOCK, &blocked, &mask); /* until there is somebody to pass them on to */
    posix_spawnattr_init(&how);
    posix_spawnattr_setsigmask(&how, &mask);
    posix_spawnattr_setflags(&how, POSIX_SPAWN_SETSIGMASK);
    int error = posix_spawnp(&pid, words[0], NULL, &how, words, environ);
    posix_spawnattr_destroy(&how);
    if (error == 0) {
        command_pid = pid;
        for (int i = 0; i < PASSED_ON; i++)
            if (sigaction(passed_on[i], NULL, &before[i]) == 0 && before[i].sa_handler != SIG_IGN)
                sigaction(passed_on[i], &handler, NULL);
    }
    sigprocmask(SIG_SETMASK, &mask, NULL);
    if (error != 0) {
        fprintf(stderr, "roost: %s: %s\n", words[0], strerror(error));
        return error == ENOENT ? NOT_FOUND : NOT_EXECUTABLE;
    }
    int status = wait_for(pid);
    for (int i = 0; i < PASSED_ON; i++)
        sigaction(passed_on[i], &before[i], NULL);
    command_pid = 0;
    return status;
}

/* ---- the lock ---- */

/* Reads NAME [--timeout MS] -- COMMAND… Returns the index of the command, or -1. */
static int read_words(int n, char **words, const char **ret_name, int64_t *ret_timeout)
{
    int i = 0;
    for (; i < n && strcmp(words[i], "--") != 0; i++) {
        const char *text = NULL;
        if (strncmp(words[i], "--timeout=", 10) == 0)
            text = words[i] + 10;
        else if (strcmp(words[i], "--timeout") == 0 && i + 1 < n)
            text = words[++i];
        else if (*ret_name == NULL && strncmp(words[i], "--", 2) != 0)
            *ret_name = words[i];
        else
            return -1;
        char *end = NULL;
        if (text != NULL)
            *ret_timeout = strtoll(text, &end, 10);
        if (text != NULL && (*text == '\0' || *end != '\0'))
            return -1;
    }
    return *ret_name != NULL && i + 1 < n ? i + 1 : -1;
}

static int run_under(struct object *lock, roost_type type, int64_t timeout, char **command)
{
    roost_grant grant;
    char token[24];
    const struct method *acquire = roost__method_by_name(type, "acquire");
    const struct method *release = roost__method_by_name(type, "release");
    if (roost__call_grant(lock, (enum method_code)acquire->code, ARGS(roost_int(timeout)), &grant) != 0)
        return cli_fail();
    if (grant.owner_died)
        fputs("roost: the holder before ended without giving the lock back\n", stderr);
    snprintf(token, sizeof(token), "%" PRIu64, grant.token);
    setenv("ROOST_TOKEN", token, 1);
    int status = run_command(command);
    unsetenv("ROOST_TOKEN");
    if (roost__call(lock, (enum method_code)release->code, NO_ARGS, NULL) != 0)
        (void)cli_fail(); /* the status is the command's all the same */
    return status;
}

int cli_lock_run(struct cli *c, roost_type type, int n, char **words)
{
    const char *name = NULL;
    int64_t timeout = -1;
    struct object *lock;
    int command = read_words(n, words, &name, &timeout);
    if (command < 0)
        return cli_usage("usage: roost %s run NAME [--timeout MS] -- COMMAND...", roost_type_name(type));
    int status = cli_object(c, roost__method_by_name(type, "acquire"), name, &lock);
    if (status != STATUS_DONE)
        return status;
    fflush(stdout);
    char **argv = words + command; /* argv and the prompt's words end with NULL */
    status = run_under(lock, type, timeout, argv);
    roost__close(lock);
    return status;
}
