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
    const uint8_t *p = roost__scan_item(payload.data, &head);
    if (head.kind != ROOST_ARRAY || head.len == 0)
        return -1;
    roost__scan_item(p, &kind);
    return kind.kind == ROOST_INT && kind.as.i >= 0 && kind.as.i <= 127 ? (int)kind.as.i : -1;
}

static bool next_uint(const uint8_t **p, uint64_t *ret)
{
    struct item it;
    *p = roost__scan_item(*p, &it);
    *ret = it.as.u;
    return it.kind == ROOST_UINT || (it.kind == ROOST_INT && it.as.i >= 0);
}

/* The path behind the arguments, when there are elements left. */
static bool call_path(const uint8_t *p, uint32_t left, struct slice *ret)
{
    *ret = left > 0 ? scan_next(&p) : slice_of(NULL, 0);
    return left == 0 || (left == 1 && scan_value(*ret).kind == ROOST_ARRAY);
}

bool roost__frame_call(struct slice payload, struct call_frame *ret)
{
    struct item it;
    uint64_t kind;
    const uint8_t *p = roost__scan_item(payload.data, &it);
    uint32_t elements = it.len;
    if (it.kind != ROOST_ARRAY || elements < 6 || !next_uint(&p, &kind) || kind != FRAME_CALL)
        return false;
    if (!next_uint(&p, &ret->number) || !next_uint(&p, &ret->thread) || !next_uint(&p, &ret->target) ||
        !next_uint(&p, &ret->method))
        return false;
    ret->args = roost__scan_item(p, &it);
    ret->argc = it.len;
    return it.kind == ROOST_ARRAY &&
           call_path(elements > 6 ? roost__scan_skip(p) : p, elements - 6, &ret->path);
}
