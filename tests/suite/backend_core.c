/* backend_core.c: the bare core: frames are events, time is a number. The second backend saves the core,
 * destroys it and loads it again before each event. */
#include <stdlib.h>

#include "core/admin.h"
#include "core/core.h"
#include "tests/suite/suite.h"
#include "wire/frame.h"
#include "wire/methods.h"

enum { REST_BYTES = 1000 };

struct inbox {
    uint64_t session;
    struct buf bytes; /* frames not yet received */
    struct list in_all;
};

static struct core *core;
static struct effects effects;
static struct list inboxes;
static int64_t now_us;
static bool saves;
static size_t rest; /* a large core is not saved again for so many events */

static void start_core(void)
{
    now_us = 1000000;
    struct core_options options = {.now_us = now_us, .epoch = 7, .hash_key = {1, 2, 3}};
    core = core_create(&options);
    assert_non_null(core);
    effects_init(&effects);
    list_init(&inboxes);
}

static void start(void)
{
    saves = false;
    start_core();
}

static void start_saved(void)
{
    saves = true;
    rest = 0;
    start_core();
}

static void stop(void)
{
    core_destroy(core);
    effects_free(&effects);
}

static void deliver(void)
{
    for (size_t i = 0; i < effects.len; i++) {
        list_each (it, &inboxes) {
            struct inbox *in = container_of(it, struct inbox, in_all);
            if (in->session == effects.items[i].session)
                buf_append(&in->bytes, effects.bytes.data + effects.items[i].at, effects.items[i].len);
        }
    }
}

/* The same core, as another one with another secret. */
static void save_and_load(void)
{
    struct core_options options = {.hash_key = {9, 8, 7}};
    struct buf bytes = buf_make(SIZE_MAX / 2);
    uint8_t before[CORE_HASH_LEN], after[CORE_HASH_LEN];
    struct core_counts counts;
    uint64_t bytes_by_type[TYPE_COUNT];
    core_counts(core, &counts);
    uint64_t memory = counts.memory;
    memcpy(bytes_by_type, counts.bytes_by_type, sizeof(bytes_by_type));
    assert_int_equal(core_hash(core, before), ROOST_OK);
    assert_int_equal(core_save(core, &bytes), ROOST_OK);
    core_destroy(core);
    if (core_load(&options, buf_slice(&bytes), &core) != ROOST_OK)
        fail_msg("%s", roost_errmsg());
    rest = bytes.len / REST_BYTES;
    roost__buf_free(&bytes);
    assert_int_equal(core_hash(core, after), ROOST_OK);
    assert_memory_equal(before, after, CORE_HASH_LEN);
    core_counts(core, &counts);
    assert_int_equal(counts.memory, memory);
    assert_memory_equal(counts.bytes_by_type, bytes_by_type, sizeof(bytes_by_type));
}

static void step(enum event_kind kind, uint64_t session, struct slice payload)
{
    if (saves && rest-- == 0)
        save_and_load();
    effects_reset(&effects);
    struct event event = {.kind = kind, .now_us = now_us, .session = session, .payload = payload};
    assert_int_equal(core_step(core, &event, &effects), ROOST_OK);
    assert_int_equal(effects.broken_len, 0);
    deliver();
}

static void *open_session(void)
{
    static const uint8_t no_info = 0x80;
    struct inbox *in = calloc(1, sizeof(*in));
    assert_non_null(in);
    step(EVENT_OPEN, 0, slice_of(&no_info, 1));
    in->session = effects.opened;
    in->bytes = buf_make(SIZE_MAX / 2);
    list_push_back(&inboxes, &in->in_all);
    return in;
}

static void lose_session(void *link)
{
    struct inbox *in = link;
    list_remove(&in->in_all);
    step(EVENT_LOST, in->session, slice_of(NULL, 0));
    roost__buf_free(&in->bytes);
    free(in);
}

static void send_frame(void *link, struct slice frame)
{
    struct slice payload = slice_of(frame.data + FRAME_HEADER, frame.len - FRAME_HEADER);
    assert_true(roost__scan_check(payload, FRAME_DEPTH_MAX));
    int kind = roost__frame_kind(payload);
    step(kind == FRAME_ACK      ? EVENT_ACK
         : kind == FRAME_CANCEL ? EVENT_CANCEL
                                : EVENT_CALL,
         ((struct inbox *)link)->session, payload);
}

/* Only the clock can bring an answer that is not here: it moves to the next deadline. */
static bool receive(void *link, struct buf *frame)
{
    struct inbox *in = link;
    while (in->bytes.len == 0) {
        int64_t next = core_next_deadline_us(core);
        if (next == INT64_MAX)
            return false;
        now_us = next;
        step(EVENT_TIME, 0, slice_of(NULL, 0));
    }
    size_t len = get_u32be(in->bytes.data);
    buf_append(frame, in->bytes.data + FRAME_HEADER, len);
    roost__buf_consume(&in->bytes, FRAME_HEADER + len);
    return true;
}

static void pass(int64_t ms)
{
    now_us += ms * 1000;
    step(EVENT_TIME, 0, slice_of(NULL, 0));
}

const struct backend backend_core = {.name = "core",
                                     .start = start,
                                     .stop = stop,
                                     .open = open_session,
                                     .lose = lose_session,
                                     .send = send_frame,
                                     .receive = receive,
                                     .real_time = false,
                                     .pass_time = pass};

const struct backend backend_saved = {.name = "saved",
                                      .start = start_saved,
                                      .stop = stop,
                                      .open = open_session,
                                      .lose = lose_session,
                                      .send = send_frame,
                                      .receive = receive,
                                      .real_time = false,
                                      .pass_time = pass};
