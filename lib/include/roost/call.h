/*
 * roost/call.h: any method of any object by its name, for language bindings and tools. C programs have the
 * typed headers.
 *
 * Threads, blocking and errors as roost/object.h says of all calls.
 */
#ifndef ROOST_CALL_H
#define ROOST_CALL_H

#include "roost/manager.h"
#include "roost/object.h"

#ifdef __cplusplus
extern "C" {
#endif

/*
 * Calls a method: target is a reference (roost_T_ref(), or received), or nil for `server` methods and for
 * `open`. method is "type.method" as in `roost help`, for example "dict.set". args are given in order; those
 * left out at the end are optional ones; nil stands for one left out in between. *ret is the caller's to
 * free; it may be NULL. Errors: ROOST_ENOMETHOD, and those of the method.
 */
ROOST_API int roost_call(roost_manager *m, roost_value target, const char *method, const roost_value *args,
                         uint32_t argc, roost_value *ret);

/* The same by the method's code on the wire (PROTOCOL.md, section 6), which saves looking up the name. */
ROOST_API int roost_call_code(roost_manager *m, roost_value target, int code, const roost_value *args,
                              uint32_t argc, roost_value *ret);

/* The code of "type.method". Never blocks. Errors: ROOST_ENOMETHOD. */
ROOST_API int roost_method_code(const char *method);

#ifdef __cplusplus
}
#endif
#endif
