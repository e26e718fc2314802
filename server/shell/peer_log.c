/* peer_log.c: see peer_log.h. */
#include "shell/peer_log.h"

#include <stdio.h>
#include <string.h>

#include "shell/log.h"

/* The node's state; a new one, of whom nothing is known, is in *ret_new. */
static struct peer_state *state_of(struct peer_log *log, raft_id id, bool *ret_new)
{
    for (int i = 0; i < PEER_LOG_NODES; i++)
        if (log->nodes[i].id == id)
            return &log->nodes[i];
    struct peer_state *s = &log->nodes[log->next++ % PEER_LOG_NODES];
    *s = (struct peer_state){.id = id};
    *ret_new = true;
    return s;
}

void peer_log_call(struct peer_log *log, raft_id id, const char *address, const char *why)
{
    bool is_new = false;
    struct peer_state *s = state_of(log, id, &is_new);
    char now[PEER_LOG_WHY];
    snprintf(now, sizeof(now), "%s", why != NULL ? why : "");
    if (!is_new && strcmp(now, s->why) == 0)
        return;
    strcpy(s->why, now);
    if (why == NULL)
        log_info("node %llu at %s answers", id, address);
    else
        log_warn("node %llu at %s cannot be reached: %s", id, address, why);
}

void peer_log_refused(struct peer_log *log, uint64_t now_ms, const char *from, const char *why)
{
    if (log->refused_ms != 0 && now_ms - log->refused_ms < PEER_LOG_EVERY_MS) {
        log->unlogged++;
        return;
    }
    log_warn("%s, who called as a node, is refused: %s (%lu more since the last such line)", from, why,
             log->unlogged);
    log->refused_ms = now_ms;
    log->unlogged = 0;
}
