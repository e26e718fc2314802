/* havoc.c: see havoc.h. */
#include "tests/support/test.h"

#include "tests/proof/havoc.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "tests/proof/hosts.h"

enum { LAST_MS = 2500, PAUSE_MS = 800, ROOM = 64 << 20 };

static uint64_t chance(struct havoc *h, uint64_t n)
{
    h->random = h->random * 6364136223846793005u + 1442695040888963407u;
    return (h->random >> 33) % n;
}

static const int links[MISHAPS] = {
    [CUT_FROM_PEERS] = TO_PEERS, [CUT_FROM_CLIENTS] = TO_CLIENTS, [CUT_OFF] = TO_PEERS | TO_CLIENTS};

static void begin(struct havoc *h, int id, enum mishap mishap, int64_t now)
{
    h->at[id].mishap = mishap;
    h->at[id].until = now + (int64_t)(50 + chance(h, LAST_MS)) * 1000000;
    h->did[mishap]++;
    if (mishap == KILLED || mishap == STOPPED)
        node_kill(id, mishap == KILLED ? SIGKILL : SIGSTOP);
    else if (mishap == DISK_FULL)
        hosts_fill(id, chance(h, 2) == 0 ? 0 : (long long)chance(h, ROOM));
    else
        hosts_cut(id, links[mishap], true);
}

static void end(struct havoc *h, int id)
{
    enum mishap mishap = h->at[id].mishap;
    h->at[id].mishap = NO_MISHAP;
    if (mishap == STOPPED)
        node_kill(id, SIGCONT);
    else if (mishap == DISK_FULL)
        hosts_make_room(id);
    else if (mishap != KILLED)
        hosts_cut(id, links[mishap], false);
    if (nodes[id].pid == 0)
        node_start(id);
}

static void fail_ended(int id, int status)
{
    char command[128];
    snprintf(command, sizeof(command), "tail -n 20 %s/%d.log >&2", cluster_folder, id);
    (void)!system(command);
    fail_msg("node %d ended by itself: status %x", id, (unsigned)status);
}

/* Nobody ends but who is told to. */
static void see_who_ended(struct havoc *h)
{
    int status;
    for (int id = 1; id <= h->nodes; id++)
        if (nodes[id].pid != 0 && waitpid(nodes[id].pid, &status, WNOHANG) == nodes[id].pid) {
            nodes[id].pid = 0;
            if (h->at[id].mishap != DISK_FULL || !WIFEXITED(status))
                fail_ended(id, status);
            h->ended_on_full_disk++;
        }
}

static int whole(const struct havoc *h)
{
    int n = 0;
    for (int id = 1; id <= h->nodes; id++)
        n += h->at[id].mishap == NO_MISHAP;
    return n;
}

/* Who leads, of those whom nothing befalls; 0: nobody. */
static int leader(const struct havoc *h)
{
    struct look l;
    for (int id = 1; id <= h->nodes; id++)
        if (h->at[id].mishap == NO_MISHAP && node_look(id, &l) && strcmp(l.role, "leader") == 0)
            return id;
    return 0;
}

static void strike(struct havoc *h, int64_t now)
{
    enum mishap mishap = (enum mishap)(1 + chance(h, h->hosts ? MISHAPS - 1 : STOPPED));
    bool majority_stays = whole(h) - 1 > h->nodes / 2;
    if (!majority_stays && chance(h, 8) != 0)
        return;
    int leads = chance(h, 3) != 0 ? leader(h) : 0;
    int id = leads != 0 ? leads : 1 + (int)chance(h, (uint64_t)h->nodes);
    if (h->at[id].mishap != NO_MISHAP)
        return;
    h->of_leader += leads != 0;
    h->majorities_lost += !majority_stays;
    begin(h, id, mishap, now);
}

static void kill_all(struct havoc *h, int64_t now)
{
    h->majorities_lost++;
    for (int id = 1; id <= h->nodes; id++)
        if (h->at[id].mishap == NO_MISHAP)
            begin(h, id, KILLED, now);
}

void havoc_look(struct havoc *h, int64_t now)
{
    see_who_ended(h);
    for (int id = 1; id <= h->nodes; id++)
        if (h->at[id].mishap != NO_MISHAP && h->at[id].until <= now)
            end(h, id);
    if (now < h->next || now == INT64_MAX)
        return;
    h->next = now + (int64_t)chance(h, PAUSE_MS) * 1000000;
    if (chance(h, 40) == 0)
        kill_all(h, now);
    else
        strike(h, now);
}

void havoc_tell(const struct havoc *h, char *ret, unsigned long len)
{
    snprintf(
        ret, len,
        "nodes: %d killed, %d stopped, %d cut from peers, %d from clients, %d from both, %d disks filled "
        "(%d ended); %d times the leader, %d times a majority",
        h->did[KILLED], h->did[STOPPED], h->did[CUT_FROM_PEERS], h->did[CUT_FROM_CLIENTS], h->did[CUT_OFF],
        h->did[DISK_FULL], h->ended_on_full_disk, h->of_leader, h->majorities_lost);
}
