/*
 * encode.h: MessagePack out: msgpack-c's packer writing into a struct buf.
 *
 * A failed buffer (full, no memory) makes further puts no-ops: ask b->failed once at the end.
 * Called by the core for replies, by the client for requests, by lib/local and lib/run for items and results.
 */
#ifndef ROOST_WIRE_ENCODE_H
#define ROOST_WIRE_ENCODE_H

#include "base/buf.h"
#include "roost/value.h"

enum {
    WIRE_DEPTH_MAX = 24,     /* levels of arrays and maps in a user's value */
    WIRE_EXT_REF = 1,        /* the extension type of object references */
    WIRE_EXT_REF_LEN = 9,    /* u64 id big-endian, u8 type */
    WIRE_FRAME_DEPTH_MAX = 6 /* levels that a frame adds around a value */
};

void roost__put_nil(struct buf *b);
void roost__put_bool(struct buf *b, bool v);
void roost__put_int(struct buf *b, int64_t v);
void roost__put_uint(struct buf *b, uint64_t v);
void roost__put_float(struct buf *b, double v);
void roost__put_str(struct buf *b, struct slice s);
void roost__put_cstr(struct buf *b, const char *s);
void roost__put_bytes(struct buf *b, struct slice s);
void roost__put_array(struct buf *b, size_t n);
void roost__put_map(struct buf *b, size_t n);
void roost__put_ref(struct buf *b, uint64_t id, roost_type type);

/* Puts v with all it holds. Errors (worded): ROOST_EINVAL no UTF-8 or a bad kind, ROOST_ELIMIT nested too
 * deep or too large. */
int roost__put_value(struct buf *b, const roost_value *v);

/* At least as many bytes as that puts. */
size_t roost__value_bound(const roost_value *v);

/* True when s is well-formed UTF-8 (no surrogates, no overlong forms, at most U+10FFFF). */
bool roost__utf8_ok(struct slice s);

#endif
