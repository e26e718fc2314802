/* partition.c: see partition.h. */
#include "tests/support/test.h"

#include "tests/proof/partition.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

static pid_t keeper; /* the process whose namespace the other side is */

static bool run(const char *command)
{
    char quiet[256];
    snprintf(quiet, sizeof(quiet), "%s 2>/dev/null", command);
    return system(quiet) == 0;
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

static bool make_other(void)
{
    int up[2];
    char byte, move[64];
    if (pipe(up) != 0 || (keeper = fork()) < 0)
        return false;
    if (keeper == 0)
        keep(up[1]);
    close(up[1]);
    bool made = read(up[0], &byte, 1) == 1;
    close(up[0]);
    snprintf(move, sizeof(move), "ip link set far netns %d", keeper);
    return made && run("ip link add near type veth peer name far") && run(move);
}

void partition_end(void)
{
    if (keeper > 0) {
        kill(keeper, SIGKILL);
        waitpid(keeper, NULL, 0);
    }
    keeper = 0;
}

void partition_cross(void)
{
    char path[64];
    snprintf(path, sizeof(path), "/proc/%d/ns/net", keeper);
    int there = open(path, O_RDONLY | O_CLOEXEC);
    if (there < 0 || setns(there, CLONE_NEWNET) != 0)
        _exit(1);
    close(there);
}

static bool set_up_far(void)
{
    pid_t pid = fork();
    if (pid == 0) {
        partition_cross();
        _exit(run("ip addr add " PARTITION_THERE "/24 dev far") && run("ip link set far up") ? 0 : 1);
    }
    int status;
    return waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

bool partition_make(void)
{
    return unshare(CLONE_NEWNET) == 0 && run("ip link set lo up") && make_other() && set_up_far() &&
           run("ip addr add " PARTITION_HERE "/24 dev near") && run("ip link set near up");
}

void partition_cut(bool cut)
{
    assert_true(run(cut ? "ip link set near down" : "ip link set near up"));
}
