/* json.c: see json.h. */
#include "shell/json.h"

#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>

#include "wire/encode.h"
#include "wire/scan.h"

static void put(struct buf *out, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void put(struct buf *out, const char *format, ...)
{
    char text[64];
    va_list args;
    va_start(args, format);
    int n = vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    buf_append(out, text, (size_t)n);
}

void json_put_text(struct buf *out, struct slice text)
{
    put(out, "\"");
    for (size_t i = 0; i < text.len; i++) {
        uint8_t c = text.data[i];
        if (c == '"' || c == '\\')
            put(out, "\\%c", c);
        else if (c < 0x20 || c == '<' || c == 0x7f) /* '<': it may stand in a page */
            put(out, "\\u%04x", c);
        else
            buf_append(out, &text.data[i], 1);
    }
    put(out, "\"");
}

/* At most max bytes of a text, whole characters. */
static struct slice cut(struct slice text, size_t max)
{
    if (text.len <= max)
        return text;
    while (max > 0 && (text.data[max] & 0xc0) == 0x80)
        max--;
    return slice_of(text.data, max);
}

static void put_hex(struct buf *out, struct slice bytes)
{
    put(out, "\"");
    for (size_t i = 0; i < bytes.len; i++)
        put(out, "%02x", bytes.data[i]);
    put(out, "\"");
}

static const uint8_t *put_item(struct buf *out, const uint8_t *p, size_t max);

static const uint8_t *put_key(struct buf *out, const uint8_t *p, size_t max)
{
    struct slice key = scan_next(&p);
    struct item it = scan_value(key);
    struct buf words = buf_make(1 << 20);
    if (it.kind == ROOST_STR) {
        json_put_text(out, slice_of(it.as.bytes, it.len));
    } else {
        put_item(&words, key.data, max);
        json_put_text(out, buf_slice(&words));
    }
    roost__buf_free(&words);
    return p;
}

static const uint8_t *put_elements(struct buf *out, const uint8_t *p, const struct item *it, size_t max)
{
    bool map = it->kind == ROOST_MAP;
    put(out, map ? "{" : "[");
    for (uint32_t i = 0; i < it->len; i++) {
        put(out, i > 0 ? ", " : "");
        if (map) {
            p = put_key(out, p, max);
            put(out, ": ");
        }
        p = put_item(out, p, max);
    }
    put(out, map ? "}" : "]");
    return p;
}

static const uint8_t *put_item(struct buf *out, const uint8_t *p, size_t max)
{
    struct item it;
    p = roost__scan_item(p, &it);
    switch (it.kind) {
    case ROOST_NIL:
        put(out, "null");
        break;
    case ROOST_BOOL:
        put(out, it.as.b ? "true" : "false");
        break;
    case ROOST_INT:
        put(out, "%" PRId64, it.as.i);
        break;
    case ROOST_UINT:
        put(out, "%" PRIu64, it.as.u);
        break;
    case ROOST_FLOAT:
        isfinite(it.as.f) ? put(out, "%.17g", it.as.f) : put(out, "null");
        break;
    case ROOST_STR:
        json_put_text(out, cut(slice_of(it.as.bytes, it.len), max));
        break;
    case ROOST_BYTES:
        put_hex(out, slice_of(it.as.bytes, it.len < max ? it.len : max));
        break;
    case ROOST_REF:
        put(out, "\"#%" PRIu64 "\"", it.as.u);
        break;
    case ROOST_ARRAY:
    case ROOST_MAP:
        return put_elements(out, p, &it, max);
    }
    return p;
}

void json_put(struct buf *out, struct slice value, size_t max)
{
    put_item(out, value.data, max);
}
