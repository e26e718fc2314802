/*
 * roost/value.h: roost_value, the one type every argument and result is made of.
 *
 * A value is a small tagged struct, passed by value. Values built by roost_int(), roost_str(), roost_array()
 * … borrow what they point to and need no free. Values received from roost (results, copies) own one block of
 * memory, freed by one roost_value_free(); everything nested inside lives in that block.
 *
 * Threads: a value is plain data; two threads may read one value, and must not free it while another reads.
 * Nothing here blocks, except that freeing a value that holds object references may queue a message.
 */
#ifndef ROOST_VALUE_H
#define ROOST_VALUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "roost/error.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum roost_kind {
    ROOST_NIL,
    ROOST_BOOL,
    ROOST_INT,   /* -2^63 … 2^63-1 */
    ROOST_UINT,  /* only what ROOST_INT cannot hold: 2^63 … 2^64-1 */
    ROOST_FLOAT, /* a C double */
    ROOST_STR,   /* UTF-8, followed by a NUL in received values; may contain NULs: see len */
    ROOST_BYTES,
    ROOST_ARRAY,
    ROOST_MAP, /* pairs in insertion order */
    ROOST_REF  /* a reference to an object of a server */
} roost_kind;

/* The type of the object behind a reference, or of a handle. */
typedef enum roost_type {
#define ROOST_TYPE(name, code, help) ROOST_TYPE_##name = (code),
#include "roost/types.def"
#undef ROOST_TYPE
} roost_type;

typedef struct roost_pair roost_pair;

typedef struct roost_value {
    roost_kind kind;
    uint32_t len; /* bytes of STR and BYTES, elements of ARRAY, pairs of MAP, roost_type of REF; else 0 */
    union {
        bool b;
        int64_t i;
        uint64_t u;
        double f;
        const char *s;
        const void *bytes;
        const struct roost_value *items;
        const roost_pair *pairs;
        uint64_t ref; /* object id */
    } as;
    void *block; /* the memory this value owns, NULL when it borrows. Not for users. */
} roost_value;

struct roost_pair {
    roost_value key;
    roost_value value;
};

/* ---- building: all borrow what they are given. Written so that C++ reads them too ---- */

/* Fields one by one: a struct set as a whole is put together on the stack by small stores and fetched by one
 * large load, for which the processor waits. Measured, that was a third of a pool's time for a small task. */
static inline roost_value roost__value_of(roost_kind kind, uint32_t len)
{
    roost_value v;
    v.kind = kind;
    v.len = len;
    v.as.u = 0;
    v.block = NULL;
    return v;
}

static inline roost_value roost_nil(void)
{
    return roost__value_of(ROOST_NIL, 0);
}

static inline roost_value roost_bool(bool b)
{
    roost_value v = roost__value_of(ROOST_BOOL, 0);
    v.as.b = b;
    return v;
}

static inline roost_value roost_int(int64_t i)
{
    roost_value v = roost__value_of(ROOST_INT, 0);
    v.as.i = i;
    return v;
}

static inline roost_value roost_uint(uint64_t u)
{
    roost_value v =
        roost__value_of(u <= INT64_MAX ? ROOST_INT : ROOST_UINT, 0); /* the two share their bits */
    v.as.u = u;
    return v;
}

static inline roost_value roost_float(double f)
{
    roost_value v = roost__value_of(ROOST_FLOAT, 0);
    v.as.f = f;
    return v;
}

/* n bytes of UTF-8. */
static inline roost_value roost_strn(const char *s, uint32_t n)
{
    roost_value v = roost__value_of(ROOST_STR, n);
    v.as.s = s;
    return v;
}

/* A NUL-terminated UTF-8 string of less than 4 GiB; NULL becomes nil. */
static inline roost_value roost_str(const char *s)
{
    return s == NULL ? roost_nil() : roost_strn(s, (uint32_t)strlen(s));
}

static inline roost_value roost_bytes(const void *p, uint32_t n)
{
    roost_value v = roost__value_of(ROOST_BYTES, n);
    v.as.bytes = p;
    return v;
}

/* An array of n values that stay the caller's. */
static inline roost_value roost_array(const roost_value *items, uint32_t n)
{
    roost_value v = roost__value_of(ROOST_ARRAY, n);
    v.as.items = items;
    return v;
}

/* A map of n pairs that stay the caller's. */
static inline roost_value roost_map(const roost_pair *pairs, uint32_t n)
{
    roost_value v = roost__value_of(ROOST_MAP, n);
    v.as.pairs = pairs;
    return v;
}

/* roost_list_of(roost_int(1), roost_str("a")): an array of the values named; lives as long as the enclosing
 * block. C only. */
#define roost_list_of(...) \
    roost_array((roost_value[]){__VA_ARGS__}, sizeof((roost_value[]){__VA_ARGS__}) / sizeof(roost_value))

/* ---- owning ---- */

/* Frees what a received value owns and makes it nil. A borrowing value just becomes nil; NULL is allowed. */
ROOST_API void roost_value_free(roost_value *v);

/* A deep copy that owns its memory. Errors: ROOST_ENOMEM. References are copied without being counted. */
ROOST_API int roost_value_copy(roost_value v, roost_value *ret);

/* ---- reading ---- */

/*
 * Equal as in Python: numbers and bools by their number (1, 1.0 and true are equal), maps whatever their
 * order, strings never equal to bytes. NaN equals nothing.
 */
ROOST_API bool roost_value_equal(roost_value a, roost_value b);

/* The value of a map's key, or NULL. Borrowed from the map. O(n). */
ROOST_API const roost_value *roost_map_get(roost_value map, roost_value key);

/* The number as int64_t / double. Errors: ROOST_ETYPE when v is no number, ROOST_ERANGE when it does not fit
 * exactly. */
ROOST_API int roost_value_int(roost_value v, int64_t *ret);
ROOST_API int roost_value_float(roost_value v, double *ret);

/* "nil", "bool", "int" … for messages. Static storage. A ROOST_UINT is an "int". */
ROOST_API const char *roost_kind_name(roost_kind kind);

/* "dict", "queue" … or "?" for a code that is none. Static storage. */
ROOST_API const char *roost_type_name(roost_type type);

/*
 * Prints v on one line as JSON, no newline. Keys are printed as strings, so 2 and "2", two keys, look alike.
 * What JSON lacks is printed as a readable word: bytes as "base64:…" strings, references as "<queue #7>", NaN
 * and infinities as strings. Errors: ROOST_ESYS when the stream fails.
 */
ROOST_API int roost_value_print(FILE *out, roost_value v);

/* ---- bytes: a value as one block of MessagePack, for files and pipes of your own ---- */

/* Encodes v; *ret is malloc'ed and the caller's. Errors: ROOST_ENOMEM, ROOST_EINVAL (a string that is no
 * UTF-8), ROOST_ELIMIT (too deep). */
ROOST_API int roost_value_encode(roost_value v, void **ret, size_t *ret_len);

/* Decodes exactly len bytes into an owning value. Errors: ROOST_EPROTO when they are no well-formed value,
 * ROOST_ENOMEM. */
ROOST_API int roost_value_decode(const void *data, size_t len, roost_value *ret);

#ifdef __cplusplus
}
#endif
#endif
