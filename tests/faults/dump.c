/* dump.c: asking a core for everything; see dump.h. */
/* before cmocka, which has a macro fail */
#include "core/memory.h"

#include "tests/faults/dump.h"

#include <stdio.h>
#include <stdlib.h>

#include "tests/support/test.h"
#include "wire/decode.h"
#include "wire/frame.h"
#include "wire/methods.h"

struct dumper {
    struct core *core;
    int64_t now_us;
    uint64_t session;
    uint64_t number;
    struct effects effects;
};

/* What shows all that is in an object, by its type; 0: describe and who say it. */
static const struct {
    uint64_t method;
    bool drains; /* an argument: how many at most */
} contents[TYPE_COUNT] = {
    [ROOST_TYPE_dict] = {METHOD_dict_items, false},
    [ROOST_TYPE_list] = {METHOD_list_copy, false},
    [ROOST_TYPE_set] = {METHOD_set_copy, false},
    [ROOST_TYPE_queue] = {METHOD_queue_get_many, true},
    [ROOST_TYPE_namespace] = {METHOD_namespace_all, false},
    [ROOST_TYPE_value] = {METHOD_value_get, false},
    [ROOST_TYPE_array] = {METHOD_array_slice, false},
    [ROOST_TYPE_keyed_lock] = {METHOD_keyed_lock_held, false},
    [ROOST_TYPE_barrier] = {METHOD_barrier_broken, false},
    [ROOST_TYPE_event] = {METHOD_event_is_set, false},
};

static void step(struct dumper *d, enum event_kind kind, struct slice payload)
{
    effects_reset(&d->effects);
    struct event event = {.kind = kind, .now_us = d->now_us, .session = d->session, .payload = payload};
    assert_int_equal(core_step(d->core, &event, &d->effects), ROOST_OK);
    assert_int_equal(d->effects.broken_len, 0);
}

/* The result (or the error's code and message) of a call, until the next. */
static struct slice ask(struct dumper *d, uint64_t target, uint64_t method, struct slice args)
{
    struct buf b = buf_make(FRAME_MAX);
    roost__put_array(&b, CALL_PARTS);
    roost__put_int(&b, FRAME_CALL);
    roost__put_uint(&b, ++d->number);
    roost__put_uint(&b, 1);
    roost__put_uint(&b, target);
    roost__put_uint(&b, method);
    buf_append(&b, args.data, args.len);
    step(d, EVENT_CALL, buf_slice(&b));
    roost__buf_free(&b);
    for (size_t i = 0; i < d->effects.len; i++) {
        const struct effect *e = &d->effects.items[i];
        if (e->session != d->session)
            continue;
        struct slice payload = slice_of(d->effects.bytes.data + e->at + FRAME_HEADER, e->len - FRAME_HEADER);
        assert_true(roost__scan_check(payload, FRAME_DEPTH_MAX));
        const uint8_t *p = payload.data;
        struct item it;
        p = roost__scan_item(p, &it);
        p = roost__scan_skip(roost__scan_skip(p));
        return slice_of(p, (size_t)(payload.data + payload.len - p));
    }
    fail_msg("the dumper got no answer");
    return slice_of(NULL, 0);
}

/* A description, but for how many calls there were, and the bytes (dump_memory()). */
static void dump_description(struct slice map, struct buf *out)
{
    struct item head;
    const uint8_t *p = roost__scan_item(map.data, &head);
    roost__put_map(out, head.len - 2);
    for (uint32_t i = 0; i < head.len; i++) {
        struct slice key = scan_next(&p), value = scan_next(&p);
        struct item name = scan_value(key);
        struct slice word = slice_of(name.as.bytes, name.len);
        if (slice_equal(word, slice_str("calls")) || slice_equal(word, slice_str("bytes")))
            continue;
        buf_append(out, key.data, key.len);
        buf_append(out, value.data, value.len);
    }
}

static void dump_object(struct dumper *d, uint64_t id, roost_type type, struct buf *out)
{
    static const uint8_t none[] = {0x90}, many[] = {0x92, 0xcd, 0x7f, 0xff, 0x00};
    struct buf ref = buf_make(64);
    roost__put_array(&ref, 1);
    roost__put_ref(&ref, id, type);
    struct slice answer = ask(d, 0, METHOD_server_describe, buf_slice(&ref));
    dump_description(answer, out);
    answer = ask(d, 0, METHOD_server_who, buf_slice(&ref));
    buf_append(out, answer.data, answer.len);
    roost__buf_free(&ref);
    if (contents[type].method == 0)
        return;
    answer = ask(d, id, contents[type].method,
                 contents[type].drains ? slice_of(many, sizeof(many)) : slice_of(none, sizeof(none)));
    buf_append(out, answer.data, answer.len);
}

/* Counts that do not depend on how many calls failed. */
static void dump_counts(struct dumper *d, struct buf *out)
{
    static const char *const names[] = {"sessions", "detached", "objects",   "named",
                                        "waiters",  "holds",    "deliveries"};
    static const uint8_t none = 0x90;
    struct slice info = ask(d, 0, METHOD_server_info, slice_of(&none, 1));
    roost__put_map(out, sizeof(names) / sizeof(names[0]));
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        roost__put_cstr(out, names[i]);
        roost__put_uint(out, roost__map_item(info, names[i]).as.u);
    }
}

uint64_t dump_memory(struct core *core, int64_t now_us)
{
    static const uint8_t no_info = 0x80, none = 0x90;
    struct dumper d = {.core = core, .now_us = now_us};
    effects_init(&d.effects);
    step(&d, EVENT_OPEN, slice_of(&no_info, 1));
    d.session = d.effects.opened;
    struct slice info = ask(&d, 0, METHOD_server_info, slice_of(&none, 1));
    uint64_t memory = roost__map_item(info, "memory").as.u - roost__map_item(info, "kept_bytes").as.u -
                      roost__map_item(info, "kept").as.u * COST_KEPT;
    effects_free(&d.effects);
    return memory;
}

void dump_core(struct core *core, int64_t now_us, struct buf *out)
{
    static const uint8_t no_info = 0x80, none = 0x90;
    struct dumper d = {.core = core, .now_us = now_us};
    effects_init(&d.effects);
    step(&d, EVENT_OPEN, slice_of(&no_info, 1));
    d.session = d.effects.opened;
    dump_counts(&d, out);
    struct slice all = ask(&d, 0, METHOD_server_list, slice_of(&none, 1));
    struct buf list = buf_make(FRAME_MAX);
    buf_append(&list, all.data, all.len);
    struct item head;
    const uint8_t *p = roost__scan_item(list.data, &head);
    for (uint32_t i = 0; i < head.len; i++) {
        struct slice one = scan_next(&p);
        struct item type = roost__map_item(one, "type");
        int code = roost__type_by_name((const char *)type.as.bytes, type.len);
        dump_object(&d, roost__map_item(one, "id").as.u, (roost_type)code, out);
    }
    assert_false(out->failed);
    roost__buf_free(&list);
    effects_free(&d.effects);
}

static void print(FILE *out, const char *title, const uint8_t *p, const uint8_t *end)
{
    roost_value v;
    fprintf(out, "%s: ", title);
    if (p < end && roost__decode(slice_of(p, (size_t)(roost__scan_skip(p) - p)), false, &v) == ROOST_OK) {
        roost_value_print(out, v);
        roost_value_free(&v);
    }
    fputc('\n', out);
}

char *dump_difference(const struct buf *a, const struct buf *b)
{
    const uint8_t *p = a->data, *q = b->data, *p_end = p + a->len, *q_end = q + b->len;
    while (p < p_end && q < q_end) {
        struct slice x = slice_of(p, (size_t)(roost__scan_skip(p) - p)),
                     y = slice_of(q, (size_t)(roost__scan_skip(q) - q));
        if (!slice_equal(x, y))
            break;
        p += x.len;
        q += y.len;
    }
    char *text = NULL;
    size_t len;
    FILE *out = open_memstream(&text, &len);
    assert_non_null(out);
    print(out, "\n  before", p, p_end);
    print(out, "  after", q, q_end);
    fclose(out);
    return text;
}
