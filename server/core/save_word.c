/* save_word.c: numbers and runs of bytes of the format; see save.h and FORMAT.md. */
#include <stdlib.h>

#include "core/save.h"

enum { MORE = 0x80, BITS = 7, SHIFT_LAST = 63 };

void save_uint(struct buf *out, uint64_t v)
{
    uint8_t bytes[10];
    size_t n = 0;
    for (; v >= MORE; v >>= BITS)
        bytes[n++] = (uint8_t)(v | MORE);
    bytes[n++] = (uint8_t)v;
    buf_append(out, bytes, n);
}

/* Zigzag: numbers near zero are short, whatever their sign. */
void save_int(struct buf *out, int64_t v)
{
    save_uint(out, (uint64_t)v << 1 ^ (v < 0 ? UINT64_MAX : 0));
}

void save_bytes(struct buf *out, struct slice bytes)
{
    save_uint(out, bytes.len);
    buf_append(out, bytes.data, bytes.len);
}

static void note(struct loader *l, int code, const char *why)
{
    if (l->code != ROOST_OK)
        return;
    l->code = code;
    l->why = why;
    l->where = l->at;
    l->at = l->end;
}

void load_bad(struct loader *l, const char *why)
{
    note(l, ROOST_EDAMAGED, why);
}

void load_no_memory(struct loader *l)
{
    note(l, ROOST_ENOMEM, "no memory");
}

uint64_t load_uint(struct loader *l)
{
    uint64_t v = 0;
    for (unsigned shift = 0; l->at < l->end && shift <= SHIFT_LAST; shift += BITS) {
        uint8_t byte = *l->at++;
        if ((shift == SHIFT_LAST && byte > 1) || (shift > 0 && byte == 0))
            break; /* too large, or written with more bytes than it needs */
        v |= (uint64_t)(byte & ~MORE) << shift;
        if (byte < MORE)
            return v;
    }
    load_bad(l, "a number ends too early or is too long");
    return 0;
}

int64_t load_int(struct loader *l)
{
    uint64_t v = load_uint(l);
    return (int64_t)(v >> 1 ^ (v & 1 ? UINT64_MAX : 0));
}

bool load_bool(struct loader *l)
{
    uint64_t v = load_uint(l);
    if (v > 1)
        load_bad(l, "neither yes nor no");
    return v == 1;
}

/* From 0 to max; 0 after a fault. */
static int64_t load_time(struct loader *l, int64_t max)
{
    int64_t at_us = load_int(l);
    if (at_us >= 0 && at_us <= max)
        return at_us;
    load_bad(l, "a time that cannot be");
    return 0;
}

int64_t load_past(struct loader *l)
{
    return load_time(l, INT64_MAX / 4);
}

int64_t load_future(struct loader *l)
{
    return load_time(l, INT64_MAX);
}

size_t load_count(struct loader *l)
{
    uint64_t n = load_uint(l);
    if (n <= (size_t)(l->end - l->at))
        return (size_t)n;
    load_bad(l, "more things than bytes");
    return 0;
}

struct slice load_bytes(struct loader *l, size_t max)
{
    size_t n = load_count(l);
    if (n > max) {
        load_bad(l, "too many bytes");
        n = 0;
    }
    struct slice s = slice_of(l->at, n);
    l->at += n;
    return s;
}

struct slice load_value(struct loader *l, bool may_be_empty)
{
    struct slice s = load_bytes(l, FRAME_MAX);
    if ((s.len == 0 && may_be_empty) || !load_good(l) || (s.len > 0 && roost__scan_check(s, FRAME_DEPTH_MAX)))
        return s;
    load_bad(l, "a value is not well-formed");
    return slice_of(NULL, 0);
}

struct session *load_session(struct loader *l)
{
    struct session *s = session_find(l->core, load_uint(l));
    if (s == NULL)
        load_bad(l, "there is no such session");
    return s;
}

struct object *load_object(struct loader *l)
{
    struct object *o = object_find(l->core, load_uint(l));
    if (o == NULL)
        load_bad(l, "there is no such object");
    return o;
}
