/* frame.c: beginning, ending and reading frames; see frame.h. */
#include "wire/frame.h"

#include <assert.h>

bool roost__frame_end(struct buf *b, size_t at)
{
    size_t len = b->len - at;
    if (b->failed || len - FRAME_HEADER > FRAME_MAX) {
        if (b->len > at)
            b->len = at;
        b->failed = false;
        return false;
    }
    put_u32be(b->data + at, (uint32_t)(len - FRAME_HEADER));
    return true;
}

int roost__frame_kind(struct slice payload)
{
    struct item head, kind;
    if (payload.len > 1 && payload.data[0] > 0x90 && payload.data[0] < 0xa0 && payload.data[1] < 0x80)
        return payload.data[1]; /* as every short frame begins */
    const uint8_t *p = roost__scan_item(payload.data, &head);
    if (head.kind != ROOST_ARRAY || head.len == 0)
        return -1;
    roost__scan_item(p, &kind);
    return kind.kind == ROOST_INT && kind.as.i >= 0 && kind.as.i <= 127 ? (int)kind.as.i : -1;
}

/* What stands behind the arguments: seen, then options. */
static bool call_extras(const uint8_t *p, uint32_t left, struct call_frame *ret)
{
    ret->seen = 0;
    ret->options = slice_of(NULL, 0);
    if (left > 0 && !roost__scan_uint(&p, &ret->seen))
        return false;
    if (left > 1)
        ret->options = scan_next(&p);
    return left <= 1 || (left == 2 && scan_value(ret->options).kind == ROOST_MAP);
}

bool roost__frame_call(struct slice payload, struct call_frame *ret)
{
    struct item it;
    uint64_t kind;
    const uint8_t *p = roost__scan_item(payload.data, &it);
    uint32_t parts = it.len;
    if (it.kind != ROOST_ARRAY || parts < CALL_PARTS || !roost__scan_uint(&p, &kind) || kind != FRAME_CALL)
        return false;
    if (!roost__scan_uint(&p, &ret->number) || !roost__scan_uint(&p, &ret->thread) ||
        !roost__scan_uint(&p, &ret->target) || !roost__scan_uint(&p, &ret->method))
        return false;
    const uint8_t *args = p;
    ret->args = roost__scan_item(p, &it);
    ret->argc = it.len;
    return it.kind == ROOST_ARRAY &&
           call_extras(parts > CALL_PARTS ? roost__scan_skip(args) : args, parts - CALL_PARTS, ret);
}
