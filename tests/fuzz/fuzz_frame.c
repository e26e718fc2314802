/*
 * fuzz_frame.c: the payload of one frame, from either side, before anybody looks at what it asks for; see
 * README.md. Whatever is read out of it lies inside of it.
 */
#include <assert.h>

#include "client/reply.h"
#include "wire/frame.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_inside(struct slice whole, struct slice part)
{
    assert(part.len <= whole.len);
    assert(part.len == 0 || (part.data >= whole.data && part.data + part.len <= whole.data + whole.len));
}

static void check_call(struct slice payload)
{
    struct call_frame call;
    if (!roost__frame_call(payload, &call))
        return;
    const uint8_t *p = call.args;
    for (uint32_t i = 0; i < call.argc; i++)
        p = roost__scan_skip(p);
    check_inside(payload, slice_of(call.args, (size_t)(p - call.args)));
    check_inside(payload, call.options);
    if (call.options.len > 0) {
        assert(roost__scan_check(call.options, FRAME_DEPTH_MAX));
        struct item guard = roost__map_item(call.options, "guard");
        if (guard.kind == ROOST_STR || guard.kind == ROOST_BYTES)
            check_inside(call.options, slice_of(guard.as.bytes, guard.len));
    }
}

static void check_reply(struct slice payload)
{
    struct reply reply;
    if (!roost__reply_parse(payload, &reply))
        return;
    check_inside(payload, reply.message);
    check_inside(payload, reply.result);
    check_inside(payload, reply.terms);
    assert((int)reply.kind == roost__frame_kind(payload));
    if (reply.kind == FRAME_REPLY)
        assert(roost__scan_check(reply.result, FRAME_DEPTH_MAX));
    if (reply.kind == FRAME_ERROR || reply.kind == FRAME_GOODBYE)
        assert(reply.code < 0);
    if (reply.kind == FRAME_WELCOME)
        assert(roost__scan_check(reply.terms, FRAME_DEPTH_MAX));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice payload = slice_of(data, size);
    check_reply(payload); /* checks by itself */
    if (!roost__scan_check(payload, FRAME_DEPTH_MAX))
        return 0;
    assert(size > 0 && roost__scan_skip(data) == data + size);
    int kind = roost__frame_kind(payload);
    assert(kind >= -1 && kind <= 127);
    check_call(payload);
    return 0;
}
