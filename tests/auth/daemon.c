/* daemon.c: see daemon.h. */
#include "tests/auth/daemon.h"

#include <fcntl.h>
#include <ftw.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "roost/roost.h"

enum { ARGS_MAX = 32, PATH_LEN = 128, LOG_MAX = 1 << 20 };

struct daemon daemon_;
static char folder[64];

void assert_ok(int rc, const char *what)
{
    if (rc != 0)
        fail_msg("%s: %s", what, roost_errmsg());
}

void assert_fails(int rc, const char *what, int code, const char *words)
{
    if (rc != code)
        fail_msg("%s: %d, not %d: %s", what, rc, code, rc == 0 ? "" : roost_errmsg());
    if (strstr(roost_errmsg(), words) == NULL)
        fail_msg("%s: the message is \"%s\", without \"%s\"", what, roost_errmsg(), words);
}

/* ---- files ---- */

int folder_make(void **state)
{
    (void)state;
    strcpy(folder, "/tmp/roost-auth-XXXXXX");
    return mkdtemp(folder) == NULL;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *walk)
{
    (void)st;
    (void)type;
    (void)walk;
    return remove(path);
}

int folder_remove(void **state)
{
    (void)state;
    return nftw(folder, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

const char *in_folder(const char *name)
{
    static char buffers[16][PATH_LEN];
    static unsigned next;
    char *b = buffers[next++ % 16];
    snprintf(b, PATH_LEN, "%s/%s", folder, name);
    return b;
}

const char *write_file(const char *name, unsigned mode, const char *text)
{
    const char *path = in_folder(name);
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, mode);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    assert_int_equal(fchmod(fd, mode), 0);
    close(fd);
    return path;
}

/* ---- the daemon ---- */

/* In the child: its log goes to the folder. */
static void become(const char *const args[], int ready)
{
    char fd[16], owner[16]; /* it ends with the test, however that ends */
    const char *argv[ARGS_MAX] = {"roostd", "--owner", owner};
    int n = 3;
    snprintf(owner, sizeof(owner), "%d", (int)getppid());
    snprintf(fd, sizeof(fd), "%d", ready);
    if (ready >= 0) {
        argv[n++] = "--ready-fd";
        argv[n++] = fd;
    }
    while (*args != NULL && n < ARGS_MAX - 1)
        argv[n++] = *args++;
    int log = open(in_folder("log"), O_WRONLY | O_CREAT | O_TRUNC, 0600);
    dup2(log, STDERR_FILENO);
    union { /* execv() does not write to them, for all its type says */
        const char *const *in;
        char *const *out;
    } words = {.in = argv};
    execv(getenv("ROOSTD"), words.out);
    _exit(127);
}

void daemon_start(const char *const args[])
{
    int ready[2];
    assert_int_equal(pipe(ready), 0);
    daemon_.pid = fork();
    if (daemon_.pid == 0) {
        close(ready[0]);
        become(args, ready[1]);
    }
    close(ready[1]);
    FILE *from = fdopen(ready[0], "r");
    if (fgets(daemon_.url, sizeof(daemon_.url), from) == NULL) {
        log_says("\n");
        fail_msg("roostd did not start");
    }
    daemon_.url[strcspn(daemon_.url, "\n")] = '\0';
    fclose(from);
}

void daemon_refuses(const char *const args[], const char *words)
{
    int status;
    pid_t pid = fork();
    if (pid == 0)
        become(args, -1);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) != 0 && WEXITSTATUS(status) != 127);
    assert_true(log_says(words));
}

void daemon_stop(void)
{
    int status;
    kill(daemon_.pid, SIGTERM);
    assert_int_equal(waitpid(daemon_.pid, &status, 0), daemon_.pid);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

/* ---- its log ---- */

static bool log_has(const char *words)
{
    static char text[LOG_MAX];
    char path[PATH_LEN]; /* looked at often: the caller's in_folder() names stay */
    snprintf(path, sizeof(path), "%s/log", folder);
    FILE *f = fopen(path, "r");
    assert_non_null(f);
    size_t n = fread(text, 1, sizeof(text) - 1, f);
    text[n] = '\0';
    fclose(f);
    return strstr(text, words) != NULL;
}

bool log_says(const char *words)
{
    time_t end = time(NULL) + 20;
    while (!log_has(words)) {
        if (time(NULL) > end)
            return false;
        sched_yield();
    }
    return true;
}

bool log_lacks(const char *words)
{
    return !log_has(words);
}
