/*
 * roost/namespace.h: named attributes on the server, Python's multiprocessing Namespace.
 *
 * roost/object.h says what holds for all handles: ownership, threads, blocking, errors.
 */
#ifndef ROOST_NAMESPACE_H
#define ROOST_NAMESPACE_H

#include "roost/manager.h"
#include "roost/object.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct roost_namespace roost_namespace;

ROOST_API int roost_namespace_new(roost_manager *m, roost_namespace **ret);
ROOST_API int roost_namespace_open(roost_manager *m, const char *name, roost_namespace **ret);

/* As open (name NULL: as new); a namespace that is created gets the items of a map with string keys. */
ROOST_API int roost_namespace_open_with(roost_manager *m, const char *name, roost_value items,
                                        roost_namespace **ret);

ROOST_API int roost_namespace_from(roost_manager *m, roost_value ref, roost_namespace **ret);
ROOST_API roost_value roost_namespace_ref(const roost_namespace *handle);
ROOST_API void roost_namespace_close(roost_namespace *handle);

/* Errors of get and delete: ROOST_EKEY when the attribute is absent. */
ROOST_API int roost_namespace_get(roost_namespace *n, const char *attribute, roost_value *ret);
ROOST_API int roost_namespace_set(roost_namespace *n, const char *attribute, roost_value value);
ROOST_API int roost_namespace_delete(roost_namespace *n, const char *attribute);

/* The attributes' names in insertion order (an array); all attributes with their values (a map). */
ROOST_API int roost_namespace_names(roost_namespace *n, roost_value *ret);
ROOST_API int roost_namespace_all(roost_namespace *n, roost_value *ret);

#ifdef __cplusplus
}
#endif
#endif
