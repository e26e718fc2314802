/*
 * methods.h: the table of methods (methods.def) as data, and its look-ups.
 *
 * Invariant: rows are sorted by code, so that a code finds its row by type and number without a search.
 * Read by the core's dispatcher, the client, the CLI and the tests.
 */
#ifndef ROOST_WIRE_METHODS_H
#define ROOST_WIRE_METHODS_H

#include <stdbool.h>
#include <stdint.h>

#include "roost/value.h"

enum method_flags {
    METHOD_READ = 1,
    METHOD_WRITE = 2,
    METHOD_BLOCKS = 4,
    METHOD_IDEMPOTENT = 8,
    METHOD_ADMIN = 16,
    METHOD_DELIVERS = 32,
};

/* The wire codes: METHOD_dict_get and so on. */
enum method_code {
#define ROOST_METHOD(type, name, number, handler, params, reply, flags, cost, help) \
    METHOD_##type##_##name = ROOST_TYPE_##type << 8 | (number),
#include "wire/methods.def"
#undef ROOST_METHOD
};

struct method {
    const char *name;
    const char *params; /* as written in the table */
    const char *reply;
    const char *cost;
    const char *help;
    uint32_t code;
    roost_type type;
    unsigned flags;
};

enum { METHOD_PARAMS_MAX = 4, TYPE_COUNT = ROOST_TYPE_keyed_lock + 1 };

struct param {
    const char *name; /* name_len bytes inside the row's params */
    uint32_t name_len;
    char kind;
    bool optional;
};

extern const struct method roost__methods[];
extern const unsigned roost__method_count;

/* The row of a wire code, or NULL. */
const struct method *roost__method_by_code(uint64_t code);

/* The row of a type's method by name, or NULL. */
const struct method *roost__method_by_name(roost_type type, const char *name);

/* The type of that name, or -1. */
int roost__type_by_name(const char *name, size_t len);

/* One line about a type. Static storage. */
const char *roost__type_help(roost_type type);

/* Splits a row's params; returns how many there are. */
unsigned roost__method_params(const struct method *m, struct param ret[METHOD_PARAMS_MAX]);

#endif
