/* goals.c: the goals, one line each; see goals.h. */
#include "goals.h"

#include <stddef.h>
#include <string.h>

static const struct {
    const char *row;
    double ratio;
} goals[] = {
    /* one synchronous client on the same host */
    {"ipc.dict.get", 20},
    {"ipc.dict.set", 20},
    {"ipc.lock.pair", 20},
    {"ipc.redis.get", 6},
    {"ipc.redis.set", 6},
    {"ring.dict.get.floor", 0.4},
    {"ring.dict.set.floor", 0.4},
    /* between two processes */
    {"ipc.queue.there_and_back", 10},
    {"ipc.redis.queue.there_and_back", 3},
    {"ipc.lock.hand_off", 5},
};

double bench_goal(const char *row)
{
    for (size_t i = 0; i < sizeof(goals) / sizeof(goals[0]); i++)
        if (strcmp(goals[i].row, row) == 0)
            return goals[i].ratio;
    return 0;
}
