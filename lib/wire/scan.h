/*
 * scan.h: reading encoded values in place, without a tree and without memory.
 *
 * Bytes from outside go through roost__scan_check() once. Everything else here takes *checked* bytes and
 * asserts nothing about them: a walk over a checked value cannot leave it. msgpack-c's own unpacker is only
 * ever given checked bytes (unchecked, five bytes make it ask for 16 GiB). Called by the core (arguments,
 * stored values), the shell (frames) and decode.c.
 */
#ifndef ROOST_WIRE_SCAN_H
#define ROOST_WIRE_SCAN_H

#include "base/slice.h"
#include "roost/value.h"

/* One decoded header: a scalar, a string's bytes, or a container's count. */
struct item {
    roost_kind kind;
    uint32_t len; /* bytes of STR and BYTES, elements of ARRAY, pairs of MAP, type of REF */
    union {
        bool b;
        int64_t i;
        uint64_t u; /* UINT, and the id of REF */
        double f;
        const uint8_t *bytes;
    } as;
};

/*
 * Is s exactly one well-formed value, nested at most depth_max levels, its strings UTF-8, its extensions
 * object references only? No recursion, no allocation.
 */
bool roost__scan_check(struct slice s, unsigned depth_max);

/* roost__scan_item() of what is no small number. */
const uint8_t *roost__scan_other(const uint8_t *p, struct item *ret);

/* The item at p; returns where the next begins: behind a scalar or string, at the first element of a
 * container. Small numbers, most of what a frame is made of, are read in place. */
static inline const uint8_t *roost__scan_item(const uint8_t *p, struct item *ret)
{
    if (*p >= 0x80)
        return roost__scan_other(p, ret);
    *ret = (struct item){.kind = ROOST_INT, .as.u = *p};
    return p + 1;
}

/* The number >= 0 at *p, which moves behind it. False: it is none. */
static inline bool roost__scan_uint(const uint8_t **p, uint64_t *ret)
{
    struct item it;
    if ((*p)[0] < 0x80) {
        *ret = *(*p)++;
        return true;
    }
    if ((*p)[0] == 0xcd) { /* 16 bits: a method's code, most numbers of calls */
        *ret = (uint64_t)(*p)[1] << 8 | (*p)[2];
        *p += 3;
        return true;
    }
    *p = roost__scan_other(*p, &it);
    *ret = it.as.u;
    return it.kind == ROOST_UINT || (it.kind == ROOST_INT && it.as.i >= 0);
}

/* Where the value that begins at p ends. */
const uint8_t *roost__scan_skip(const uint8_t *p);

/* True when a reference stands anywhere in the value. */
bool roost__scan_has_ref(struct slice s);

/* The item of a whole value. */
static inline struct item scan_value(struct slice s)
{
    struct item it;
    roost__scan_item(s.data, &it);
    return it;
}

/* The value of a text key of a checked map (the last of equal keys), or nil: not there, or no map. */
struct item roost__map_item(struct slice map, const char *key);

/* The value at *p as a slice; moves *p behind it. */
static inline struct slice scan_next(const uint8_t **p)
{
    const uint8_t *end = roost__scan_skip(*p);
    struct slice s = slice_of(*p, (size_t)(end - *p));
    *p = end;
    return s;
}

#endif
