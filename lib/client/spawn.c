/* spawn.c: a private roostd; see spawn.h. */
#include "client/spawn.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/error.h"
#include "client/clock.h"

extern char **environ;

enum {
    READY_FD = 3,    /* where roostd writes its URL */
    END_WAIT = 5000, /* ms that a server may take to end before it is killed */
    URL_MAX = 256
};

/* ---- finding roostd ---- */

static bool runnable(const char *dir, size_t dir_len, char path[PATH_MAX])
{
    int n = snprintf(path, PATH_MAX, "%.*s/roostd", (int)dir_len, dir);
    return n > 0 && n < PATH_MAX && access(path, X_OK) == 0;
}

static bool beside_program(char path[PATH_MAX])
{
    char self[PATH_MAX];
    ssize_t n = readlink("/proc/self/exe", self, sizeof(self));
    const char *slash = n > 0 ? memrchr(self, '/', (size_t)n) : NULL;
    return slash != NULL && runnable(self, (size_t)(slash - self), path);
}

static bool in_path(char path[PATH_MAX])
{
    const char *p = getenv("PATH");
    while (p != NULL && *p != '\0') {
        size_t len = strcspn(p, ":");
        if (len > 0 && runnable(p, len, path))
            return true;
        p += len + (p[len] == ':');
    }
    return false;
}

static int find_program(const char *given, char path[PATH_MAX])
{
    const char *source = given != NULL ? "options" : "$ROOSTD";
    if (given == NULL)
        given = getenv("ROOSTD");
    if (given != NULL && *given != '\0') {
        if (access(given, X_OK) != 0 || strlen(given) >= PATH_MAX)
            return roost__fail(ROOST_ENOENT, "no server program: %s (from %s) is not executable", given,
                               source);
        strcpy(path, given);
        return ROOST_OK;
    }
    if (beside_program(path) || in_path(path) || runnable(ROOST_BINDIR, strlen(ROOST_BINDIR), path))
        return ROOST_OK;
    return roost__fail(ROOST_ENOENT, "no roostd in $ROOSTD, beside the program, in $PATH or in %s",
                       ROOST_BINDIR);
}

/* ---- starting ---- */

/* A path nobody can guess for a socket only this user may connect to; the server removes it when it ends. */
static int choose_path(char path[SOCKET_PATH_MAX])
{
    const char *runtime = getenv("XDG_RUNTIME_DIR");
    uint64_t random;
    if (runtime == NULL || *runtime != '/' || strlen(runtime) > 64 || access(runtime, W_OK) != 0)
        runtime = "/tmp";
    if (getrandom(&random, sizeof(random), 0) != sizeof(random))
        return roost__fail_sys("cannot choose a name for the server's socket");
    snprintf(path, SOCKET_PATH_MAX, "%s/roost-%016" PRIx64 ".sock", runtime, random);
    return ROOST_OK;
}

/* Its stdin and stdout are /dev/null, stderr is ours, no other descriptor is inherited; a terminal's Ctrl-C
 * does not reach it, so that the owner can end in order. */
static int spawn(const char *program, const char *path, int ready, pid_t *ret)
{
    char url[URL_MAX], owner[24], fd[12];
    snprintf(url, sizeof(url), "ipc://%s", path);
    snprintf(owner, sizeof(owner), "%ld", (long)getpid());
    snprintf(fd, sizeof(fd), "%d", READY_FD);
    const char *const argv[] = {program,      "--listen", url,           "--owner", owner,
                                "--ready-fd", fd,         "--log-level", "warn",    NULL};
    posix_spawn_file_actions_t files;
    posix_spawnattr_t how;
    sigset_t none;
    sigemptyset(&none);
    posix_spawn_file_actions_init(&files);
    posix_spawnattr_init(&how);
    posix_spawn_file_actions_adddup2(&files, ready, READY_FD);
    posix_spawn_file_actions_addopen(&files, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_addopen(&files, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
    posix_spawn_file_actions_addclosefrom_np(&files, READY_FD + 1);
    posix_spawnattr_setsigmask(&how, &none);
    posix_spawnattr_setflags(&how, POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGMASK);
    union { /* posix_spawn() does not write to them, for all its type says */
        const char *const *in;
        char *const *out;
    } args = {.in = argv};
    int error = posix_spawn(ret, program, &files, &how, args.out, environ);
    posix_spawn_file_actions_destroy(&files);
    posix_spawnattr_destroy(&how);
    errno = error;
    return error == 0 ? ROOST_OK : roost__fail_sys(program);
}

/* Reads one line from fd: the URL where the server listens. */
static int read_url(int fd, int64_t deadline, char url[URL_MAX])
{
    size_t len = 0;
    while (len < URL_MAX - 1) {
        struct pollfd p = {.fd = fd, .events = POLLIN};
        int ready = poll(&p, 1, roost__clock_left(deadline));
        ssize_t n = ready > 0 ? read(fd, url + len, URL_MAX - 1 - len) : ready;
        if (n < 0 && errno == EINTR)
            continue;
        if (ready == 0)
            return roost__fail(ROOST_ETIMEDOUT, "the server did not start in time");
        if (n <= 0)
            break;
        len += (size_t)n;
        url[len] = '\0';
        char *newline = strchr(url, '\n');
        if (newline != NULL) {
            *newline = '\0';
            return ROOST_OK;
        }
    }
    return roost__fail(ROOST_EDIED, "the server ended before it listened (its reason is on stderr)");
}

static int start_and_wait(const char *program, int timeout_ms, struct server_process *s, char **ret_url)
{
    int ready[2];
    char url[URL_MAX];
    if (pipe2(ready, O_CLOEXEC) < 0)
        return roost__fail_sys("cannot make a pipe to the server");
    int rc = spawn(program, s->path, ready[1], &s->pid);
    close(ready[1]);
    if (rc == ROOST_OK)
        rc = read_url(ready[0], roost__clock_deadline(timeout_ms), url);
    close(ready[0]);
    if (rc == ROOST_OK && (*ret_url = strdup(url)) == NULL)
        rc = roost__fail(ROOST_ENOMEM, "no memory for a URL");
    return rc;
}

int roost__spawn_server(const char *program, int timeout_ms, struct server_process *ret, char **ret_url)
{
    char path[PATH_MAX];
    struct server_process s = {0};
    int rc = find_program(program, path);
    if (rc == ROOST_OK)
        rc = choose_path(s.path);
    if (rc != ROOST_OK)
        return rc;
    rc = start_and_wait(path, timeout_ms, &s, ret_url);
    if (rc == ROOST_OK) {
        *ret = s;
        return ROOST_OK;
    }
    char why[256];
    snprintf(why, sizeof(why), "%s", roost_errmsg());
    (void)roost__end_server(&s);
    return roost__fail(rc, "%s: %s", path, why);
}

/* ---- ending ---- */

/* Waits for the end of pid; false when the time is up first. ECHILD: somebody else has reaped it. */
static bool reaped(pid_t pid, int pidfd, int64_t deadline, int *ret_status)
{
    struct pollfd p = {.fd = pidfd, .events = POLLIN};
    while (pidfd >= 0 && poll(&p, 1, roost__clock_left(deadline)) <= 0)
        if (roost__clock_left(deadline) == 0)
            return false;
    pid_t got;
    do
        got = waitpid(pid, ret_status, 0);
    while (got < 0 && errno == EINTR);
    if (got < 0)
        *ret_status = 0;
    return true;
}

int roost__end_server(struct server_process *s)
{
    int status = 0;
    if (s->pid > 0) {
        int pidfd = (int)syscall(SYS_pidfd_open, s->pid, 0);
        kill(s->pid, SIGTERM);
        if (!reaped(s->pid, pidfd, roost__clock_deadline(END_WAIT), &status)) {
            kill(s->pid, SIGKILL);
            (void)reaped(s->pid, pidfd, -1, &status);
        }
        if (pidfd >= 0)
            close(pidfd);
    }
    unlink(s->path); /* for a server that was killed */
    *s = (struct server_process){0};
    if (status != 0)
        return roost__fail(ROOST_EDIED, "the server did not end well: %s %d",
                           WIFSIGNALED(status) ? "signal" : "exit status",
                           WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
    return ROOST_OK;
}
