/* daemon.c: see daemon.h. */
#include "tests/support/test.h"

#include "tests/durable/daemon.h"

#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

enum { OPTIONS_MAX = 24 };

static void init(struct daemon *d, const char *where)
{
    *d = (struct daemon){0};
    snprintf(d->folder, sizeof(d->folder), "%s/roost-folder-XXXXXX", where);
    assert_non_null(mkdtemp(d->folder));
    snprintf(d->url, sizeof(d->url), "ipc://%s/sock", d->folder);
}

void daemon_init(struct daemon *d)
{
    init(d, "/tmp");
}

void daemon_init_in_memory(struct daemon *d)
{
    init(d, access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
}

void daemon_free(struct daemon *d)
{
    daemon_end(d, SIGKILL);
    assert_int_equal(daemon_shell(d, "rm -r %s", d->folder), 0);
}

static void run(struct daemon *d, int ready, const char *const *more)
{
    char data[80], log[80], fd[16];
    snprintf(data, sizeof(data), "%s/data", d->folder);
    snprintf(log, sizeof(log), "%s/log", d->folder);
    snprintf(fd, sizeof(fd), "%d", ready);
    const char *words[OPTIONS_MAX] = {"roostd", "--listen", d->url,        "--ready-fd", fd,
                                      "--data", data,       "--log-level", "warn"};
    for (size_t n = 9; more != NULL && *more != NULL && n + 1 < OPTIONS_MAX; n++)
        words[n] = *more++;
    dup2(open(log, O_CREAT | O_TRUNC | O_WRONLY | O_APPEND, 0600), 2);
    if (d->traced && ptrace(PTRACE_TRACEME, 0, NULL, NULL) != 0)
        _exit(126);
    char *args[OPTIONS_MAX];
    memcpy(args, words, sizeof(args));
    execv(getenv("ROOSTD"), args);
    _exit(127);
}

void daemon_launch(struct daemon *d, const char *const *more)
{
    int ready[2];
    assert_int_equal(pipe(ready), 0);
    fcntl(ready[0], F_SETFD, FD_CLOEXEC);
    d->pid = fork();
    if (d->pid == 0)
        run(d, ready[1], more);
    close(ready[1]);
    d->ready = ready[0];
}

const char *daemon_log(struct daemon *d)
{
    char log[80];
    snprintf(log, sizeof(log), "%s/log", d->folder);
    int fd = open(log, O_RDONLY);
    ssize_t n = read(fd, d->said, sizeof(d->said) - 1);
    close(fd);
    d->said[n > 0 ? n : 0] = '\0';
    return d->said;
}

bool daemon_await(struct daemon *d)
{
    char line[256];
    bool runs = read(d->ready, line, sizeof(line)) > 0;
    close(d->ready);
    if (runs)
        return true;
    waitpid(d->pid, NULL, 0);
    d->pid = 0;
    daemon_log(d);
    return false;
}

bool daemon_start(struct daemon *d, const char *const *more)
{
    daemon_launch(d, more);
    return daemon_await(d);
}

void daemon_end(struct daemon *d, int signal_number)
{
    if (d->pid <= 0)
        return;
    kill(d->pid, signal_number);
    waitpid(d->pid, NULL, 0);
    d->pid = 0;
}

roost_manager *daemon_connect(const struct daemon *d)
{
    roost_manager *m;
    OK(roost_connect(d->url, NULL, &m));
    return m;
}

int daemon_shell(const struct daemon *d, const char *format, ...)
{
    char command[1024];
    int n = snprintf(command, sizeof(command), "cd %s && ", d->folder);
    va_list args;
    va_start(args, format);
    vsnprintf(command + n, sizeof(command) - (size_t)n, format, args);
    va_end(args);
    int status = system(command);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}
