/* reply.c: reading a server's frames; see reply.h. */
#include "client/reply.h"

#include <limits.h>

#include "roost/error.h"

/* A code and a message, the end of ERROR and GOODBYE. *ret_p is behind them. */
static bool parse_refusal(const uint8_t *p, struct reply *ret, const uint8_t **ret_p)
{
    struct item code, message;
    p = roost__scan_item(p, &code);
    *ret_p = roost__scan_item(p, &message);
    if (code.kind != ROOST_INT || code.as.i >= 0 || code.as.i < INT_MIN || message.kind != ROOST_STR)
        return false;
    ret->code = (int)code.as.i;
    ret->message = slice_of(message.as.bytes, message.len);
    return true;
}

/* GOODBYE may say more in a map. */
static bool parse_goodbye(const uint8_t *p, bool has_info, struct reply *ret)
{
    if (!parse_refusal(p, ret, &p))
        return false;
    struct slice info = has_info ? scan_next(&p) : slice_of(NULL, 0);
    if (!has_info || scan_value(info).kind != ROOST_MAP)
        return !has_info;
    struct item leader = roost__map_item(info, "leader");
    if (leader.kind == ROOST_STR)
        ret->leader = slice_of(leader.as.bytes, leader.len);
    return true;
}

static bool parse_welcome(const uint8_t *p, struct reply *ret)
{
    struct item it;
    uint64_t version;
    p = roost__scan_item(p, &it);
    if (it.kind != ROOST_STR || !slice_equal(slice_of(it.as.bytes, it.len), slice_str("roost")))
        return false;
    if (!roost__scan_uint(&p, &version) || version != PROTOCOL_VERSION ||
        !roost__scan_uint(&p, &ret->number) || !roost__scan_uint(&p, &ret->epoch))
        return false;
    p = roost__scan_skip(p); /* limits */
    ret->terms = scan_next(&p);
    return scan_value(ret->terms).kind == ROOST_MAP;
}

bool roost__reply_parse(struct slice payload, struct reply *ret)
{
    static const uint32_t lengths[] = {
        [FRAME_WELCOME] = 7, [FRAME_REPLY] = 3, [FRAME_ERROR] = 4, [FRAME_GOODBYE] = 3, [FRAME_PONG] = 1};
    struct item it;
    uint64_t kind;
    if (!roost__scan_check(payload, FRAME_DEPTH_MAX))
        return false;
    const uint8_t *p = roost__scan_item(payload.data, &it);
    if (it.kind != ROOST_ARRAY || it.len == 0 || !roost__scan_uint(&p, &kind) || kind > FRAME_PONG ||
        (it.len != lengths[kind] && !(kind == FRAME_GOODBYE && it.len > lengths[kind])))
        return false;
    *ret = (struct reply){.kind = (enum frame_kind)kind};
    switch (kind) {
    case FRAME_WELCOME:
        return parse_welcome(p, ret);
    case FRAME_REPLY:
        if (!roost__scan_uint(&p, &ret->number))
            return false;
        ret->result = slice_of(p, (size_t)(payload.data + payload.len - p));
        return true;
    case FRAME_ERROR:
        return roost__scan_uint(&p, &ret->number) && parse_refusal(p, ret, &p);
    case FRAME_PONG:
        return true;
    default:
        return parse_goodbye(p, it.len > lengths[kind], ret);
    }
}
