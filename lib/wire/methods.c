/* methods.c: methods.def and types.def as arrays; see methods.h. */
#include "wire/methods.h"

#include <assert.h>
#include <string.h>

#define READ       METHOD_READ
#define WRITE      METHOD_WRITE
#define BLOCKS     METHOD_BLOCKS
#define IDEMPOTENT METHOD_IDEMPOTENT
#define ADMIN      METHOD_ADMIN
#define DELIVERS   METHOD_DELIVERS

const struct method roost__methods[] = {
#define ROOST_METHOD(type_, name_, number_, handler_, params_, reply_, flags_, cost_, help_) \
    {.name = #name_,                                                                         \
     .params = (params_),                                                                    \
     .reply = (reply_),                                                                      \
     .cost = (cost_),                                                                        \
     .help = (help_),                                                                        \
     .code = METHOD_##type_##_##name_,                                                       \
     .type = ROOST_TYPE_##type_,                                                             \
     .flags = (flags_)},
#include "wire/methods.def"
#undef ROOST_METHOD
};

const unsigned roost__method_count = sizeof(roost__methods) / sizeof(roost__methods[0]);

enum row {
    ROW_NONE,
#define ROOST_METHOD(type_, name_, number_, handler_, params_, reply_, flags_, cost_, help_) \
    ROW_##type_##_##name_,
#include "wire/methods.def"
#undef ROOST_METHOD
};

/* Every call looks here, on both sides: no search. */
static const uint16_t row_of_code[] = {
#define ROOST_METHOD(type_, name_, number_, handler_, params_, reply_, flags_, cost_, help_) \
    [METHOD_##type_##_##name_] = ROW_##type_##_##name_,
#include "wire/methods.def"
#undef ROOST_METHOD
};

const struct method *roost__method_by_code(uint64_t code)
{
    unsigned row = code < sizeof(row_of_code) / sizeof(row_of_code[0]) ? row_of_code[code] : ROW_NONE;
    return row == ROW_NONE ? NULL : &roost__methods[row - 1];
}

const struct method *roost__method_by_name(roost_type type, const char *name)
{
    for (unsigned i = 0; i < roost__method_count; i++)
        if (roost__methods[i].type == type && strcmp(roost__methods[i].name, name) == 0)
            return &roost__methods[i];
    return NULL;
}

static const struct {
    const char *name;
    const char *help;
} types[TYPE_COUNT] = {
#define ROOST_TYPE(name_, code_, help_) [code_] = {#name_, help_},
#include "roost/types.def"
#undef ROOST_TYPE
};

int roost__type_by_name(const char *name, size_t len)
{
    for (int t = 0; t < TYPE_COUNT; t++)
        if (strlen(types[t].name) == len && memcmp(types[t].name, name, len) == 0)
            return t;
    return -1;
}

const char *roost__type_help(roost_type type)
{
    return (unsigned)type < TYPE_COUNT ? types[type].help : "?";
}

const char *roost_type_name(roost_type type)
{
    return (unsigned)type < TYPE_COUNT ? types[type].name : "?";
}

unsigned roost__method_params(const struct method *m, struct param ret[METHOD_PARAMS_MAX])
{
    unsigned n = 0;
    for (const char *p = m->params; *p != '\0'; n++) {
        assert(n < METHOD_PARAMS_MAX);
        const char *colon = strchr(p, ':');
        assert(colon != NULL);
        ret[n] = (struct param){.name = p, .name_len = (uint32_t)(colon - p), .kind = colon[1]};
        ret[n].optional = colon[2] == '?';
        p = colon + (ret[n].optional ? 3 : 2);
        p += *p == ' ';
    }
    return n;
}
