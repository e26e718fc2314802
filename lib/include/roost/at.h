/*
 * roost/at.h: plain maps and arrays inside a dict, a list or a namespace, changed where they are.
 *
 * Python's managers lose d["k"].append(x): it changes a copy. Here a view does what is meant, in one call and
 * one step on the server:
 *
 *     roost_list *inner;
 *     roost_list_at(d, roost_list_of(roost_str("k")), &inner);     d["k"]
 *     roost_list_append(inner, roost_int(1));                      d["k"].append(1)
 *
 * A view is a handle like any other (roost/object.h): every method of roost/dict.h (roost/list.h) works on
 * the map (array) at the path, and roost_dict_close() (roost_list_close()) gives it back. It is an address,
 * not a copy: it finds at each call what is there then, and making one asks nothing of the server. A path is
 * an array of steps: keys into maps, indices (negative ones from the end) into arrays. The first write
 * through a path costs what the nested value has in size; later ones what they cost in a dict or list of that
 * size, whatever is around it.
 *
 * Errors of calls through a view, each naming the step: ROOST_EKEY (no such key), ROOST_EINDEX (no such
 * index), ROOST_ETYPE (a step into a scalar; into a reference, behind which is an object to be called itself;
 * or a map where an array is wanted), ROOST_ELIMIT (nested deeper than 24 levels). roost_dict_ref() of a view
 * is nil.
 */
#ifndef ROOST_AT_H
#define ROOST_AT_H

#include "roost/dict.h"
#include "roost/list.h"
#include "roost/namespace.h"

#ifdef __cplusplus
extern "C" {
#endif

/*
 * A view of the map (dict_at) or array (list_at) at path. The path is copied; *ret is the caller's, and may
 * outlive the handle it was made from. Any thread; never blocks. Errors: ROOST_EINVAL (NULL, or no array of
 * one step at least), ROOST_ENOMEM.
 */
ROOST_API int roost_dict_dict_at(roost_dict *d, roost_value path, roost_dict **ret);
ROOST_API int roost_dict_list_at(roost_dict *d, roost_value path, roost_list **ret);
ROOST_API int roost_list_dict_at(roost_list *l, roost_value path, roost_dict **ret);
ROOST_API int roost_list_list_at(roost_list *l, roost_value path, roost_list **ret);
ROOST_API int roost_namespace_dict_at(roost_namespace *n, roost_value path, roost_dict **ret);
ROOST_API int roost_namespace_list_at(roost_namespace *n, roost_value path, roost_list **ret);

#ifdef __cplusplus
}
#else

/* The same, whatever the handle is of. C only. */
#define roost_dict_at(of, path, ret)                 \
    _Generic((of), roost_dict *                      \
             : roost_dict_dict_at, roost_list *      \
             : roost_list_dict_at, roost_namespace * \
             : roost_namespace_dict_at)((of), (path), (ret))
#define roost_list_at(of, path, ret)                 \
    _Generic((of), roost_dict *                      \
             : roost_dict_list_at, roost_list *      \
             : roost_list_list_at, roost_namespace * \
             : roost_namespace_list_at)((of), (path), (ret))

#endif
#endif
