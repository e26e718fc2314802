/* partition.c: see partition.h. */
#include "tests/support/test.h"

#include "tests/proof/partition.h"

#include <stdio.h>

#include "tests/proof/space.h"

static pid_t there; /* who keeps the other side */

static bool make_other(void)
{
    char move[64];
    there = space_new();
    snprintf(move, sizeof(move), "ip link set far netns %d", there);
    return there > 0 && space_run("ip link add near type veth peer name far") && space_run(move) &&
           space_run_in(there, "ip addr add " PARTITION_THERE "/24 dev far") &&
           space_run_in(there, "ip link set far up");
}

void partition_end(void)
{
    space_end(there);
    there = 0;
}

void partition_cross(void)
{
    space_enter(there);
}

bool partition_make(void)
{
    return space_own() && make_other() && space_run("ip addr add " PARTITION_HERE "/24 dev near") &&
           space_run("ip link set near up");
}

void partition_cut(bool cut)
{
    assert_true(space_run(cut ? "ip link set near down" : "ip link set near up"));
}
