/* hosts.c: see hosts.h. */
#include "tests/support/test.h"

#include "tests/proof/hosts.h"

#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "tests/cluster/nodes.h"
#include "tests/proof/space.h"

#define PEERS   "10.213.8."
#define CLIENTS "10.213.9."
#define DISK    "size=160m" /* a leader wants 48 MiB of room */

static pid_t hosts[NODES + 1]; /* who keeps them */
static int home = -1;          /* the test's own network */

static void go(int id)
{
    if (id != 0)
        space_enter(hosts[id]);
    else
        assert_int_equal(setns(home, CLONE_NEWNET), 0);
}

/* A link of one host to one of the two bridges. */
static bool make_link(int id, const char *bridge, const char *network)
{
    char command[256];
    snprintf(command, sizeof(command),
             "ip link add %s%d type veth peer name %s netns %d && ip link set %s%d master %s up", bridge, id,
             bridge, hosts[id], bridge, id, bridge);
    if (!space_run(command))
        return false;
    snprintf(command, sizeof(command), "ip addr add %s%d/24 dev %s && ip link set %s up", network, id, bridge,
             bridge);
    return space_run_in(hosts[id], command);
}

static bool make_host(int id)
{
    hosts[id] = space_new();
    return hosts[id] > 0 && space_run_in(hosts[id], "ip link set lo up") && make_link(id, "peers", PEERS) &&
           make_link(id, "clients", CLIENTS);
}

static bool own_mounts(void)
{
    return unshare(CLONE_NEWNS) == 0 && mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0;
}

bool hosts_make(int n)
{
    static const struct cluster_place place = {.peers = PEERS, .clients = CLIENTS, .go = go};
    bool made = space_own() && own_mounts() && space_run("ip link add peers type bridge") &&
                space_run("ip link set peers up") && space_run("ip link add clients type bridge") &&
                space_run("ip addr add " CLIENTS "254/24 dev clients") && space_run("ip link set clients up");
    home = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
    for (int id = 1; made && id <= n; id++)
        made = make_host(id);
    if (made)
        cluster_place = &place;
    return made;
}

void hosts_end(void)
{
    for (int id = 1; id <= NODES; id++)
        space_end(hosts[id]);
    if (home >= 0)
        close(home);
    home = -1;
    cluster_place = NULL;
}

static void folder_of(int id, char path[128])
{
    snprintf(path, 128, "%s/%d", cluster_folder, id);
}

void hosts_mount(int n)
{
    char path[128];
    for (int id = 1; id <= n; id++) {
        folder_of(id, path);
        assert_int_equal(mkdir(path, 0700), 0);
        assert_int_equal(mount("none", path, "tmpfs", 0, DISK), 0);
    }
}

void hosts_unmount(int n)
{
    char path[128];
    for (int id = 1; id <= n; id++) {
        folder_of(id, path);
        assert_int_equal(umount2(path, MNT_DETACH), 0);
    }
}

static void set_link(const char *bridge, int id, bool cut)
{
    char command[64];
    snprintf(command, sizeof(command), "ip link set %s%d %s", bridge, id, cut ? "down" : "up");
    assert_true(space_run(command));
}

void hosts_cut(int id, int links, bool cut)
{
    if (links & TO_PEERS)
        set_link("peers", id, cut);
    if (links & TO_CLIENTS)
        set_link("clients", id, cut);
}

static void ballast_of(int id, char path[160])
{
    char folder[128];
    folder_of(id, folder);
    snprintf(path, 160, "%s/ballast", folder);
}

void hosts_fill(int id, long long left)
{
    char path[160];
    struct statvfs disk;
    ballast_of(id, path);
    int fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(fstatvfs(fd, &disk), 0);
    long long room = (long long)(disk.f_bavail * disk.f_frsize) - left;
    if (room > 0)
        (void)posix_fallocate(fd, 0, room); /* the node may have been faster */
    close(fd);
}

void hosts_make_room(int id)
{
    char path[160];
    ballast_of(id, path);
    assert_int_equal(unlink(path), 0);
}
