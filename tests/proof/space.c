/* space.c: see space.h. */
#include "tests/proof/space.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

bool space_run(const char *command)
{
    char quiet[256];
    snprintf(quiet, sizeof(quiet), "%s 2>/dev/null", command);
    return system(quiet) == 0;
}

bool space_own(void)
{
    return unshare(CLONE_NEWNET) == 0 && space_run("ip link set lo up");
}

static _Noreturn void keep(int up)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (unshare(CLONE_NEWNET) == 0)
        (void)!write(up, "u", 1);
    close(up);
    for (;;)
        pause();
}

pid_t space_new(void)
{
    int up[2];
    char byte;
    if (pipe(up) != 0)
        return -1;
    pid_t keeper = fork();
    if (keeper == 0)
        keep(up[1]);
    close(up[1]);
    bool made = read(up[0], &byte, 1) == 1;
    close(up[0]);
    if (made)
        return keeper;
    space_end(keeper);
    return -1;
}

void space_end(pid_t keeper)
{
    if (keeper <= 0)
        return;
    kill(keeper, SIGKILL);
    waitpid(keeper, NULL, 0);
}

void space_enter(pid_t keeper)
{
    char path[64];
    snprintf(path, sizeof(path), "/proc/%d/ns/net", keeper);
    int there = open(path, O_RDONLY | O_CLOEXEC);
    if (there < 0 || setns(there, CLONE_NEWNET) != 0)
        _exit(1);
    close(there);
}

bool space_run_in(pid_t keeper, const char *command)
{
    int status;
    pid_t pid = fork();
    if (pid == 0) {
        space_enter(keeper);
        _exit(space_run(command) ? 0 : 1);
    }
    return waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}
