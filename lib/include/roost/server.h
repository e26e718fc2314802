/*
 * roost/server.h: questions to the server itself. `object` is an object's name (roost_str()) or a reference.
 *
 * Any thread; each waits for the server's answer. Results are maps and arrays to read with roost_map_get(),
 * to free with roost_value_free(). Errors: ROOST_ENOENT (no such object) and what roost/object.h says of all
 * calls.
 */
#ifndef ROOST_SERVER_H
#define ROOST_SERVER_H

#include "roost/manager.h"
#include "roost/object.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Answers with the payload: a round trip. */
ROOST_API int roost_server_ping(roost_manager *m, roost_value payload, roost_value *ret);

/* Version, counts and limits of the server: a map. */
ROOST_API int roost_server_info(roost_manager *m, roost_value *ret);

/* A description of every object, or of those of one type ("dict" …; NULL: all): an array of maps. */
ROOST_API int roost_server_list(roost_manager *m, const char *type, roost_value *ret);

/* A reference to the object of that name, for roost_T_from(). */
ROOST_API int roost_server_find(roost_manager *m, const char *name, roost_value *ret);

/* Type, size, parameters and counts of one object: a map. */
ROOST_API int roost_server_describe(roost_manager *m, roost_value object, roost_value *ret);

/* Who holds the object and who waits for it, in order: a map (PROTOCOL.md, section 6). */
ROOST_API int roost_server_who(roost_manager *m, roost_value object, roost_value *ret);

/* Somebody who holds something or waits for it. Strings may be NULL: the client did not say. */
typedef struct roost_party {
    uint64_t session;
    uint64_t thread; /* its number within the process */
    const char *host;
    uint64_t pid;
    const char *label;  /* of its manager (roost_options) */
    const char *method; /* a waiter's call; NULL for a holder */
    uint64_t token;     /* a holder's; 0 for a waiter */
    uint64_t depth;     /* a holder's levels; 0 for a waiter */
    int64_t age_ms;     /* since it was granted, or began to wait */
    int64_t left_ms;    /* until the grant lapses, or the time is up; -1: never */
    roost_value keys;   /* keyed_lock: an array of the waiter's keys, or of the holder's one; else nil */
} roost_party;

/* Both lists are in order: of granting, and of line. One block of memory holds it all. */
typedef struct roost_parties {
    const roost_party *holders;
    size_t holder_count;
    const roost_party *waiters;
    size_t waiter_count;
    void *block; /* not for users */
} roost_parties;

/* The answer of roost_server_who() as structs, to free with roost_parties_free(). */
ROOST_API int roost_server_parties(roost_manager *m, roost_value object, roost_parties *ret);
ROOST_API void roost_parties_free(roost_parties *p);

/*
 * Takes several locks, rlocks and permits of semaphores at once, or none: objects is an array of 1 to 1024
 * names and references. It holds nothing while it waits, stands in the line of each, and is served as soon as
 * all are free and nobody who came before it wants any of them. ret, unless NULL, points to as many grants,
 * in the objects' order. Errors: ROOST_ETIMEDOUT, ROOST_EDEADLK, ROOST_ENOENT, ROOST_ETYPE (it cannot be
 * taken), ROOST_EINVAL (none, or one named twice).
 */
ROOST_API int roost_server_acquire(roost_manager *m, roost_value objects, roost_grant *ret, int timeout_ms);
ROOST_API int roost_server_acquire_with(roost_manager *m, roost_value objects,
                                        const roost_acquire_options *options, roost_grant *ret,
                                        int timeout_ms);

/*
 * Gives a level or permit of each back, all or none; tokens, unless NULL, are those of the grants, which must
 * still hold. Errors: as release of the one that is not to be given back, which the message names.
 */
ROOST_API int roost_server_give_back(roost_manager *m, roost_value objects, const uint64_t *tokens);

/* Deletes an object; who waits for it gets ROOST_EDELETED. */
ROOST_API int roost_server_delete(roost_manager *m, roost_value object);

/*
 * Counts references to objects by hand, for a language binding that keeps references beyond the values and
 * handles of this library (those count by themselves). ids: an array of ids; counts: an array id, count, id,
 * count …
 */
ROOST_API int roost_server_retain(roost_manager *m, roost_value ids);
ROOST_API int roost_server_release(roost_manager *m, roost_value counts);

/* How often each method was called: a map. */
ROOST_API int roost_server_methods(roost_manager *m, roost_value *ret);

/*
 * A page of all sessions, or of the descriptions of all objects, in the order of their ids: an array
 * [elements, cursor], to be freed. Begin with cursor 0; the next page's is the cursor given, which is nil
 * when there is no more. max: how many at most (0, or more than 1000: 1000). A session is a map of id, peer,
 * label, host, pid, age_ms, connected, calls, held, waiting, refs and kept_bytes.
 */
ROOST_API int roost_server_sessions(roost_manager *m, uint64_t cursor, uint32_t max, roost_value *ret);
ROOST_API int roost_server_objects(roost_manager *m, uint64_t cursor, uint32_t max, roost_value *ret);

/*
 * Ends another session at once, as if its process had died: what it held passes on, its client's calls fail
 * with ROOST_ESESSION. Errors: ROOST_ENOENT, ROOST_EINVAL (one's own).
 */
ROOST_API int roost_server_kill(roost_manager *m, uint64_t session);

/*
 * The cluster that the server leads: a map, to be freed, of leader and node (ids), term, applied (the last
 * entry of the log that took effect) and nodes: an array of maps of id, peer and client (addresses), role
 * ("voter", "standby", "spare"), leads, and match (the last entry that it has, as far as its leader knows).
 * Errors, of the next three too: ROOST_EINVAL (the server is of no cluster), ROOST_EPERM; those of the
 * connection.
 */
ROOST_API int roost_server_cluster(roost_manager *m, roost_value *ret);

/*
 * add: a node that was started with `roostd --join`, or that has moved: where its peers (host:port) and its
 * clients (a URL) reach it. Returns when it has caught up and votes; ROOST_ECONN: it is known but cannot be
 * reached: call again. remove: takes it out; stop it then. transfer: node `id` leads from now on; 0: whoever
 * has come farthest; this connection ends and is resumed there. One change at a time: ROOST_EBUSY.
 * ROOST_EINVAL: a node that leads is not removed, a bad address; ROOST_ENOENT: no such node. Blocking for as
 * long as it takes: seconds.
 */
ROOST_API int roost_server_cluster_add(roost_manager *m, uint64_t id, const char *peer, const char *client);
ROOST_API int roost_server_cluster_remove(roost_manager *m, uint64_t id);
ROOST_API int roost_server_cluster_transfer(roost_manager *m, uint64_t id);

/*
 * An object's time to live: in ttl_ms milliseconds of the server's time (at least 1) it is deleted as by
 * roost_server_delete(). ttl: the milliseconds left, begun ones counted whole; -1: no end. persist takes it
 * away; *ret says whether there was one. Errors: ROOST_ENOENT, ROOST_EINVAL.
 */
ROOST_API int roost_server_expire(roost_manager *m, roost_value object, int64_t ttl_ms);
ROOST_API int roost_server_ttl(roost_manager *m, roost_value object, int64_t *ret);
ROOST_API int roost_server_persist(roost_manager *m, roost_value object, bool *ret);

#ifdef __cplusplus
}
#endif
#endif
