/* record.c: writing events down and giving them again; see record.h. */
#include "tests/faults/record.h"

#include <stdlib.h>

#include "tests/support/test.h"

struct core *__real_core_create(const struct core_options *options);
int __real_core_step(struct core *core, const struct event *event, struct effects *effects);
struct core *__wrap_core_create(const struct core_options *options);
int __wrap_core_step(struct core *core, const struct event *event, struct effects *effects);

static struct record *open_record;

void record_begin(struct record *r)
{
    *r = (struct record){0};
    open_record = r;
}

void record_end(void)
{
    open_record = NULL;
}

static struct slice copy(struct slice s)
{
    uint8_t *data = malloc(s.len + 1);
    assert_non_null(data);
    if (s.len > 0)
        memcpy(data, s.data, s.len);
    return slice_of(data, s.len);
}

void record_give_grace(struct record *r)
{
    static const char info[] = "\x81\xa8grace_ms\x01", secret[] = "sixteen secrets";
    for (size_t i = 0; i < r->len; i++) {
        struct event *e = &r->events[i];
        if (e->kind != EVENT_OPEN)
            continue;
        free((void *)(uintptr_t)e->payload.data);
        free((void *)(uintptr_t)e->secret.data);
        e->payload = copy(slice_of(info, sizeof(info) - 1));
        e->secret = copy(slice_of(secret, sizeof(secret)));
    }
}

void record_free(struct record *r)
{
    for (size_t i = 0; i < r->len; i++) {
        free((void *)(uintptr_t)r->events[i].payload.data);
        free((void *)(uintptr_t)r->events[i].secret.data);
    }
    free(r->events);
}

struct core *__wrap_core_create(const struct core_options *options)
{
    if (open_record != NULL)
        open_record->options = *options;
    return __real_core_create(options);
}

static void write_down(struct record *r, const struct event *event)
{
    if (r->len == r->cap) {
        r->cap = r->cap * 2 + 64;
        r->events = realloc(r->events, r->cap * sizeof(*r->events));
        assert_non_null(r->events);
    }
    struct event *e = &r->events[r->len++];
    *e = *event;
    e->payload = copy(event->payload);
    e->secret = copy(event->secret);
}

int __wrap_core_step(struct core *core, const struct event *event, struct effects *effects)
{
    if (open_record != NULL)
        write_down(open_record, event);
    return __real_core_step(core, event, effects);
}

struct core *replay(const struct record *r, size_t n, struct effects *effects)
{
    struct core *core = core_create(&r->options);
    assert_non_null(core);
    effects_init(effects);
    for (size_t i = 0; i < n; i++) {
        effects_reset(effects);
        (void)core_step(core, &r->events[i], effects);
    }
    effects_reset(effects);
    return core;
}
