/*
 * object.h: what every typed handle is inside, and the few functions all proxies are lines over.
 *
 * A handle is an object's id and type, its name for messages, and one count on the reference (refs.h). It
 * never changes after it is made, so any number of threads may use it. Called by the proxy files (dict.c,
 * list.c …), call.c and tools/roost.
 */
#ifndef ROOST_CLIENT_OBJECT_H
#define ROOST_CLIENT_OBJECT_H

#include "roost/manager.h"
#include "roost/object.h"
#include "wire/methods.h"

struct object {
    struct roost_manager *manager;
    uint64_t id;
    roost_type type;
    roost_type root;  /* the object's; differs from type in a view of what is nested in it (at.h) */
    roost_value path; /* of a view: an array; else nil. Owned */
    char name[];      /* "" when anonymous, or reached by a reference */
};

/* Arguments of a call: ARGS(a, b) or NO_ARGS stand for two parameters, the array and its length. */
#define ARGS(...) \
    (const roost_value[]){__VA_ARGS__}, (uint32_t)(sizeof((roost_value[]){__VA_ARGS__}) / sizeof(roost_value))
#define NO_ARGS NULL, 0

/* Calls a method of o. *ret is the caller's to free; ret NULL drops the result. A failure's message begins
 * with the object and the method. */
int roost__call(struct object *o, enum method_code method, const roost_value *args, uint32_t argc,
                roost_value *ret);

/* The same for results of one kind; another kind is ROOST_EPROTO. ret may be NULL. */
int roost__call_bool(struct object *o, enum method_code method, const roost_value *args, uint32_t argc,
                     bool *ret);
int roost__call_int(struct object *o, enum method_code method, const roost_value *args, uint32_t argc,
                    int64_t *ret);
int roost__call_grant(struct object *o, enum method_code method, const roost_value *args, uint32_t argc,
                      roost_grant *ret);

/* Puts what and where before the thread's message: queue "jobs": get: … */
int roost__fail_at_method(const struct object *o, const char *method);

/* What a call by name is for: an object without a name, of which manager is NULL for the server's methods.
 * Errors: ROOST_ENOMETHOD, ROOST_ETYPE. */
union target {
    struct object object;
    char room[sizeof(struct object) + 1]; /* and the end of its name */
};
int roost__target(roost_manager *m, roost_value target, int code, union target *ret);

/* Calls one of the server's own methods. */
int roost__server_call(roost_manager *m, enum method_code method, const roost_value *args, uint32_t argc,
                       roost_value *ret);

/* Words a result of the wrong kind (ROOST_EPROTO), which it frees; words a time that is up (ROOST_ETIMEDOUT).
 */
int roost__unexpected(const struct object *o, enum method_code method, roost_value *v);
int roost__timed_out(const struct object *o, enum method_code method, int timeout_ms);

/* Reads the last two elements of an array, from index `at`, as a grant. Errors: ROOST_EPROTO, not worded. */
int roost__read_grant(const roost_value *v, uint32_t at, roost_grant *ret);

/* Calls a type's method `open`, whose first argument is the name (nil: anonymous), and makes a handle of the
 * answer. */
int roost__open(roost_manager *m, enum method_code open, const roost_value *args, uint32_t argc,
                void *ret_handle);

/* A handle of the object of that name, which must exist and have the type. Errors: ROOST_ENOENT,
 * ROOST_EEXIST. */
int roost__find(roost_manager *m, roost_type type, const char *name, struct object **ret);

/* A view, of type `type`, of what is nested in `of` at path; the tail of roost_…_dict_at() and …_list_at().
 */
int roost__at(struct object *of, roost_type type, roost_value path, void *ret_handle);

/* The tail of every proxy's roost_…_from(), _ref(), _close(); see roost/object.h. */
int roost__from(roost_manager *m, roost_type type, roost_value ref, void *ret_handle);
roost_value roost__ref(const struct object *o);
void roost__close(struct object *o);

/* An optional argument: nil where a number is left out. */
static inline roost_value optional_int(int64_t i)
{
    return i == ROOST_NONE ? roost_nil() : roost_int(i);
}

/* The same for a time to live, where 0 stands for none. */
static inline roost_value optional_ttl(int64_t ttl_ms)
{
    return ttl_ms == 0 ? roost_nil() : roost_int(ttl_ms);
}

static inline roost_value ttl_of(const roost_acquire_options *options)
{
    return options == NULL ? roost_nil() : optional_ttl(options->ttl_ms);
}

/* A typed handle as the object it is; NULL stays NULL, and becomes ROOST_EINVAL in roost__call(). */
#define OBJECT(handle) ((struct object *)(handle))

/*
 * The functions that every proxy has, for handle type roost_HANDLE of the wire's type TYPE:
 * roost_HANDLE_from(), roost_HANDLE_ref(), roost_HANDLE_close(). Declared, and described, in the public
 * headers.
 */
#define PROXY_COMMON(HANDLE, TYPE)                                                     \
    struct roost_##HANDLE {                                                            \
        struct object object;                                                          \
    };                                                                                 \
    int roost_##HANDLE##_from(roost_manager *m, roost_value ref, roost_##HANDLE **ret) \
    {                                                                                  \
        return roost__from(m, ROOST_TYPE_##TYPE, ref, ret);                            \
    }                                                                                  \
    roost_value roost_##HANDLE##_ref(const roost_##HANDLE *handle)                     \
    {                                                                                  \
        return roost__ref((const struct object *)handle);                              \
    }                                                                                  \
    void roost_##HANDLE##_close(roost_##HANDLE *handle)                                \
    {                                                                                  \
        roost__close(OBJECT(handle));                                                  \
    }

#endif
