/* check.c: both cores and the model take each event, and must agree; see world.h. */
#include <inttypes.h>

#include "tests/sim/world.h"

/* ---- the two cores ---- */

static void compare_cores(struct world *w, const int *rc)
{
    const struct effects *a = &w->effects[0], *b = &w->effects[1];
    bool equal = rc[0] == rc[1] && a->len == b->len && a->opened == b->opened &&
                 a->bytes.len == b->bytes.len &&
                 (a->bytes.len == 0 || memcmp(a->bytes.data, b->bytes.data, a->bytes.len) == 0);
    for (size_t i = 0; equal && i < a->len; i++)
        equal = a->items[i].session == b->items[i].session && a->items[i].at == b->items[i].at;
    if (!equal)
        fail_world(w, "equal histories, other effects: %d and %d, %zu and %zu answers", rc[0], rc[1], a->len,
                   b->len);
    if (a->broken_len > 0)
        fail_world(w, "a session could not be answered");
}

int check_step(struct world *w, struct event event)
{
    int rc[2];
    event.now_us = w->now_us + w->offset_us;
    w->steps++;
    saved_now_and_then(w);
    for (int i = 0; i < 2; i++) {
        effects_reset(&w->effects[i]);
        rc[i] = core_step(w->core[i], &event, &w->effects[i]);
    }
    compare_cores(w, rc);
    predict(w, &event, rc[0], &w->effects[0]);
    int64_t next_us = core_next_deadline_us(w->core[0]), wanted_us = model_next_deadline_us(w->model);
    if (next_us != wanted_us)
        fail_world(w, "the next deadline is %" PRId64 ", expected %" PRId64, next_us, wanted_us);
    return rc[0];
}

/* ---- begin, end ---- */

void check_begin(struct world *w)
{
    static const uint8_t no_info = 0x80;
    struct core_options options = {.now_us = w->now_us + w->offset_us, .epoch = ++w->epoch};
    for (int i = 0; i < 2; i++) {
        memset(options.hash_key, i == 0 ? 1 : (int)w->seed, sizeof(options.hash_key));
        w->core[i] = core_create(&options);
        assert(w->core[i] != NULL);
    }
    model_init(w->model, options.now_us);
    check_step(w, (struct event){.kind = EVENT_OPEN, .payload = slice_of(&no_info, 1)});
    w->observer = w->effects[0].opened;
    w->observed = 0;
}

void check_end(struct world *w)
{
    for (int i = 0; i < 2; i++) {
        core_destroy(w->core[i]);
        w->core[i] = NULL;
    }
}
