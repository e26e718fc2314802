/* object.c: handles and the calls on them; see object.h and roost/object.h. */
#include "client/object.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "client/capture.h"
#include "client/guard.h"
#include "client/manager.h"

/* ---- messages ---- */

/* A path as text, malloc'ed. */
static int path_text(const roost_value *path, char **ret)
{
    size_t size;
    FILE *out = open_memstream(ret, &size);
    if (out == NULL)
        return roost__fail_sys("a message");
    roost_value_print(out, *path);
    return fclose(out) == 0 ? ROOST_OK : roost__fail_sys("a message");
}

/* Puts what and where before the message: queue "jobs": get: …, or dict "scores" at ["k", 0]: list.append: …
 */
int roost__fail_at_method(const struct object *o, const char *method)
{
    char *where = NULL, id[32];
    snprintf(id, sizeof(id), "#%" PRIu64, o->id);
    const char *name = *o->name == '\0' ? id : o->name, *quote = *o->name == '\0' ? "" : "\"";
    if (o->path.kind == ROOST_NIL)
        return roost__fail_at("%s %s%s%s: %s", roost_type_name(o->type), quote, name, quote, method);
    int rc = path_text(&o->path, &where);
    if (rc == ROOST_OK)
        rc = roost__fail_at("%s %s%s%s at %s: %s.%s", roost_type_name(o->root), quote, name, quote, where,
                            roost_type_name(o->type), method);
    free(where);
    return rc;
}

/* ---- calling ---- */

static int run_call(roost_manager *m, struct call *call, roost_value *ret)
{
    int rc = roost__manager_call(m, call);
    if (rc != ROOST_OK)
        return rc;
    if (ret != NULL)
        *ret = call->result;
    else
        roost_value_free(&call->result);
    return ROOST_OK;
}

/* Makes a call, of o or (NULL) the server, under the thread's guard, unless somebody captures it. */
static int run(roost_manager *m, const struct object *o, const struct method *row, const roost_value *args,
               uint32_t argc, roost_value *ret)
{
    struct call call;
    call_init(&call);
    call.method = row->code;
    call.args = args;
    call.argc = argc;
    if (o != NULL) {
        call.target = o->id;
        call.path = o->path.kind == ROOST_NIL ? NULL : &o->path;
    }
    roost_guard guard = roost__guard();
    call.guard_lock = guard.lock.as.ref;
    call.guard_token = guard.token;
    int rc = roost__capture(m, o, &call);
    return rc == ROOST_OK ? run_call(m, &call, ret) : rc;
}

int roost__call(struct object *o, enum method_code method, const roost_value *args, uint32_t argc,
                roost_value *ret)
{
    const struct method *row = roost__method_by_code((uint64_t)method);
    if (o == NULL)
        return roost__fail(ROOST_EINVAL, "%s: %s: the handle is NULL", roost_type_name(row->type), row->name);
    int rc = run(o->manager, o, row, args, argc, ret);
    return rc >= ROOST_OK ? rc : roost__fail_at_method(o, row->name);
}

int roost__server_call(roost_manager *m, enum method_code method, const roost_value *args, uint32_t argc,
                       roost_value *ret)
{
    const struct method *row = roost__method_by_code((uint64_t)method);
    if (m == NULL)
        return roost__fail(ROOST_EINVAL, "server: %s: the manager is NULL", row->name);
    int rc = run(m, NULL, row, args, argc, ret);
    return rc >= ROOST_OK ? rc : roost__fail_at("server: %s", row->name);
}

int roost__unexpected(const struct object *o, enum method_code method, roost_value *v)
{
    roost__fail(ROOST_EPROTO, "the server answered a %s", roost_kind_name(v->kind));
    roost_value_free(v);
    return roost__fail_at_method(o, roost__method_by_code((uint64_t)method)->name);
}

int roost__timed_out(const struct object *o, enum method_code method, int timeout_ms)
{
    roost__fail(ROOST_ETIMEDOUT, "timed out after %d ms", timeout_ms);
    return roost__fail_at_method(o, roost__method_by_code((uint64_t)method)->name);
}

/* A call whose result must be of one kind. */
static int call_for(struct object *o, enum method_code method, const roost_value *args, uint32_t argc,
                    roost_kind kind, roost_value *ret)
{
    int rc = roost__call(o, method, args, argc, ret);
    return rc == ROOST_OK && ret->kind != kind ? roost__unexpected(o, method, ret) : rc;
}

int roost__call_bool(struct object *o, enum method_code method, const roost_value *args, uint32_t argc,
                     bool *ret)
{
    roost_value v;
    int rc = call_for(o, method, args, argc, ROOST_BOOL, &v);
    if (rc == ROOST_OK && ret != NULL)
        *ret = v.as.b;
    return rc;
}

int roost__call_int(struct object *o, enum method_code method, const roost_value *args, uint32_t argc,
                    int64_t *ret)
{
    roost_value v;
    int rc = call_for(o, method, args, argc, ROOST_INT, &v);
    if (rc == ROOST_OK && ret != NULL)
        *ret = v.as.i;
    return rc;
}

int roost__read_grant(const roost_value *v, uint32_t at, roost_grant *ret)
{
    if (v->kind != ROOST_ARRAY || v->len != at + 2)
        return ROOST_EPROTO;
    const roost_value *token = &v->as.items[at], *died = &v->as.items[at + 1];
    if ((token->kind != ROOST_INT && token->kind != ROOST_UINT) || died->kind != ROOST_BOOL)
        return ROOST_EPROTO;
    if (ret != NULL)
        *ret = (roost_grant){.token = token->as.u, .owner_died = died->as.b};
    return ROOST_OK;
}

int roost__call_grant(struct object *o, enum method_code method, const roost_value *args, uint32_t argc,
                      roost_grant *ret)
{
    roost_value v;
    int rc = call_for(o, method, args, argc, ROOST_ARRAY, &v);
    if (rc != ROOST_OK)
        return rc;
    if (roost__read_grant(&v, 0, ret) != ROOST_OK)
        return roost__unexpected(o, method, &v);
    roost_value_free(&v);
    return ROOST_OK;
}

/* ---- handles ---- */

/* A handle; the reference is counted for it already. */
static int new_object(roost_manager *m, roost_value ref, const char *name, struct object **ret)
{
    size_t name_size = strlen(name) + 1;
    struct object *o = malloc(sizeof(*o) + name_size);
    if (o == NULL)
        return roost__fail(ROOST_ENOMEM, "no memory for a handle");
    *o = (struct object){
        .manager = m, .id = ref.as.ref, .type = (roost_type)ref.len, .root = (roost_type)ref.len};
    memcpy(o->name, name, name_size);
    roost__manager_keep(m);
    *ret = o;
    return ROOST_OK;
}

/* Counts a reference for a handle: shared with what this process holds already, or asked of the server. */
static int take_ref(roost_manager *m, roost_value ref)
{
    if (roost__refs_share(&m->refs, ref.as.ref))
        return ROOST_OK;
    roost_value id = roost_uint(ref.as.ref);
    roost_value ids = roost_array(&id, 1);
    struct call retain = {.method = METHOD_server_retain, .args = &ids, .argc = 1}; /* changes no object */
    int rc = run_call(m, &retain, NULL);
    return rc == ROOST_OK ? roost__refs_received(&m->refs, ref.as.ref) : rc;
}

static int make_handle(roost_manager *m, roost_value ref, const char *name, struct object **ret)
{
    int rc = take_ref(m, ref);
    if (rc == ROOST_OK && (rc = new_object(m, ref, name, ret)) != ROOST_OK)
        roost__manager_drop_ref(m, ref.as.ref);
    return rc;
}

int roost__open(roost_manager *m, enum method_code open, const roost_value *args, uint32_t argc,
                void *ret_handle)
{
    const struct method *row = roost__method_by_code((uint64_t)open);
    if (m == NULL || ret_handle == NULL)
        return roost__fail(ROOST_EINVAL, "%s: open: the manager or the result is NULL",
                           roost_type_name(row->type));
    const char *name = argc > 0 && args[0].kind == ROOST_STR ? args[0].as.s : "";
    while (argc > 0 && args[argc - 1].kind == ROOST_NIL)
        argc--; /* left out; of kind v, nil would be a value */
    roost_value ref;
    int rc = run(m, NULL, row, args, argc, &ref);
    if (rc == ROOST_OK) {
        rc = ref.kind == ROOST_REF && ref.len == (uint32_t)row->type
                 ? make_handle(m, ref, name, ret_handle)
                 : roost__fail(ROOST_EPROTO, "the server answered a %s", roost_kind_name(ref.kind));
        roost_value_free(&ref);
    }
    if (rc == ROOST_OK)
        return rc;
    return *name != '\0' ? roost__fail_at("%s \"%s\": open", roost_type_name(row->type), name)
                         : roost__fail_at("%s: open", roost_type_name(row->type));
}

int roost__find(roost_manager *m, roost_type type, const char *name, struct object **ret)
{
    roost_value ref, text = roost_str(name);
    int rc = run(m, NULL, roost__method_by_code(METHOD_server_find), &text, 1, &ref);
    if (rc != ROOST_OK)
        return rc;
    rc = ref.len == (uint32_t)type ? make_handle(m, ref, name, ret)
                                   : roost__fail(ROOST_EEXIST, "\"%s\" is a %s, not a %s", name,
                                                 roost_type_name((roost_type)ref.len), roost_type_name(type));
    roost_value_free(&ref);
    return rc;
}

int roost__from(roost_manager *m, roost_type type, roost_value ref, void *ret_handle)
{
    if (m == NULL || ret_handle == NULL)
        return roost__fail(ROOST_EINVAL, "%s: from: the manager or the result is NULL",
                           roost_type_name(type));
    if (ref.kind != ROOST_REF)
        return roost__fail(ROOST_ETYPE, "%s: from: the value is a %s, not a reference", roost_type_name(type),
                           roost_kind_name(ref.kind));
    if (ref.len != (uint32_t)type)
        return roost__fail(ROOST_ETYPE, "%s: from: the reference leads to a %s", roost_type_name(type),
                           roost_type_name((roost_type)ref.len));
    int rc = make_handle(m, ref, "", ret_handle);
    return rc == ROOST_OK ? rc : roost__fail_at("%s #%" PRIu64 ": from", roost_type_name(type), ref.as.ref);
}

/* The path of a view of a view goes on where the first one's ends. */
static int join_paths(const roost_value *first, roost_value second, roost_value *ret)
{
    uint32_t n = first->kind == ROOST_NIL ? 0 : first->len;
    roost_value *steps = malloc((n + second.len + 1) * sizeof(*steps));
    if (steps == NULL)
        return roost__fail(ROOST_ENOMEM, "no memory for a path");
    for (uint32_t i = 0; i < n + second.len; i++)
        steps[i] = i < n ? first->as.items[i] : second.as.items[i - n];
    int rc = roost_value_copy(roost_array(steps, n + second.len), ret);
    free(steps);
    return rc;
}

int roost__at(struct object *of, roost_type type, roost_value path, void *ret_handle)
{
    const char *word = roost_type_name(type);
    roost_value whole;
    struct object *o = NULL;
    if (of == NULL || ret_handle == NULL)
        return roost__fail(ROOST_EINVAL, "%s_at: the handle or the result is NULL", word);
    if (path.kind != ROOST_ARRAY || path.len == 0)
        return roost__fail(ROOST_EINVAL, "%s_at: the path must be an array of one step at least", word);
    int rc = join_paths(&of->path, path, &whole);
    if (rc != ROOST_OK)
        return rc;
    roost_value root = {.kind = ROOST_REF, .len = (uint32_t)of->root, .as.ref = of->id};
    rc = make_handle(of->manager, root, of->name, &o);
    if (rc != ROOST_OK) {
        roost_value_free(&whole);
        return rc;
    }
    o->type = type;
    o->path = whole;
    *(struct object **)ret_handle = o;
    return ROOST_OK;
}

roost_value roost__ref(const struct object *o)
{
    if (o == NULL || o->path.kind != ROOST_NIL) /* what a view shows is no object */
        return roost_nil();
    return (roost_value){.kind = ROOST_REF, .len = (uint32_t)o->type, .as.ref = o->id};
}

void roost__close(struct object *o)
{
    if (o == NULL)
        return;
    roost__manager_drop_ref(o->manager, o->id);
    roost__manager_drop(o->manager);
    roost_value_free(&o->path);
    free(o);
}
