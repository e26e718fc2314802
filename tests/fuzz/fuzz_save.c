/*
 * fuzz_save.c: the loader of saved states under arbitrary bytes; see README.md. The input is what stands
 * behind the header, which is made to fit it.
 */
#include <assert.h>
#include <stdlib.h>

#include "base/crc32c.h"
#include "core/core.h"
#include "core/save.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void put_header(uint8_t *header, const uint8_t *data, size_t size)
{
    memcpy(header, SAVE_MAGIC, SAVE_MAGIC_LEN);
    put_u32be(header + 8, SAVE_VERSION);
    put_u32be(header + 12, 0);
    put_u32be(header + 16, (uint32_t)size);
    put_u32be(header + 20, roost__crc32c(roost__crc32c(0, header, SAVE_HEADER - 4), data, size));
}

/* What is loaded saves as the bytes it came from. */
static void check_saved(const struct core *core, struct slice bytes)
{
    struct buf again = buf_make(SIZE_MAX / 2);
    assert(core_save(core, &again) == ROOST_OK);
    assert(slice_equal(buf_slice(&again), bytes));
    roost__buf_free(&again);
}

static void step(struct core *core, struct event event)
{
    struct effects effects;
    effects_init(&effects);
    (void)core_step(core, &event, &effects);
    effects_free(&effects);
}

/* It works: what is due happens; a session that comes looks around; all others end. */
static void use(struct core *core)
{
    static const uint8_t no_info = 0x80, list[] = {0x96, 1, 1, 1, 0, METHOD_server_list, 0x90},
                         info[] = {0x96, 1, 2, 1, 0, METHOD_server_info, 0x90};
    uint64_t last = core->last_session;
    step(core, (struct event){.kind = EVENT_OPEN, .now_us = core->now_us, .payload = slice_of(&no_info, 1)});
    uint64_t looks = core->last_session;
    for (int i = 0; i < 2; i++) {
        step(core,
             (struct event){.kind = EVENT_CALL, .session = looks, .payload = slice_of(list, sizeof(list))});
        step(core,
             (struct event){.kind = EVENT_CALL, .session = looks, .payload = slice_of(info, sizeof(info))});
        step(core, (struct event){.kind = EVENT_TIME, .now_us = core->now_us + 1000000});
    }
    for (uint64_t id = last > 100 ? last - 100 : 1; id <= last; id++)
        step(core, (struct event){.kind = EVENT_LOST, .session = id});
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct core_options options = {.hash_key = {1}};
    struct core *core;
    uint8_t *bytes = malloc(SAVE_HEADER + size);
    assert(bytes != NULL);
    if (size > 0)
        memcpy(bytes + SAVE_HEADER, data, size);
    put_header(bytes, bytes + SAVE_HEADER, size);
    if (core_load(&options, slice_of(bytes, SAVE_HEADER + size), &core) == ROOST_OK) {
        check_saved(core, slice_of(bytes, SAVE_HEADER + size));
        use(core);
        core_destroy(core);
    }
    free(bytes);
    return 0;
}
