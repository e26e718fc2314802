/* call.c: any method by its name or code; see roost/call.h. */
#include "roost/call.h"

#include <string.h>

#include "base/error.h"
#include "client/object.h"

int roost_method_code(const char *method)
{
    const char *dot = method != NULL ? strchr(method, '.') : NULL;
    int type = dot != NULL ? roost__type_by_name(method, (size_t)(dot - method)) : -1;
    const struct method *row = type >= 0 ? roost__method_by_name((roost_type)type, dot + 1) : NULL;
    if (row == NULL)
        return roost__fail(ROOST_ENOMETHOD, "no method \"%s\"", method != NULL ? method : "");
    return (int)row->code;
}

int roost__target(roost_manager *m, roost_value target, int code, union target *ret)
{
    const struct method *row = code >= 0 ? roost__method_by_code((uint64_t)code) : NULL;
    if (row == NULL)
        return roost__fail(ROOST_ENOMETHOD, "no method has the code %d", code);
    if (target.kind != ROOST_NIL && (target.kind != ROOST_REF || target.len != (uint32_t)row->type))
        return roost__fail(ROOST_ETYPE, "%s: %s: the target is no reference to a %s",
                           roost_type_name(row->type), row->name, roost_type_name(row->type));
    *ret = (union target){.room = {0}};
    ret->object.id = target.as.ref;
    ret->object.type = ret->object.root = row->type;
    ret->object.manager = target.kind == ROOST_NIL ? NULL : m;
    return ROOST_OK;
}

int roost_call_code(roost_manager *m, roost_value target, int code, const roost_value *args, uint32_t argc,
                    roost_value *ret)
{
    union target to;
    int rc = roost__target(m, target, code, &to);
    if (rc != ROOST_OK)
        return rc;
    if (to.object.manager == NULL)
        return roost__server_call(m, (enum method_code)code, args, argc, ret);
    return roost__call(&to.object, (enum method_code)code, args, argc, ret);
}

int roost_call(roost_manager *m, roost_value target, const char *method, const roost_value *args,
               uint32_t argc, roost_value *ret)
{
    int code = roost_method_code(method);
    return code < 0 ? code : roost_call_code(m, target, code, args, argc, ret);
}
