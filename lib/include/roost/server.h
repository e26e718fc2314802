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

/* Who holds the object and who waits for it, in order: a map. */
ROOST_API int roost_server_who(roost_manager *m, roost_value object, roost_value *ret);

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
