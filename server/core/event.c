/* event.c: a flag to wait for. Invariant: while the flag is set nobody waits. */
#include "core/handlers.h"
#include "core/save.h"
#include "core/undo.h"

enum { LINE_WAIT };

struct event_object {
    struct object object;
    bool set;
};

static struct event_object *event_of(const struct object *o)
{
    return (struct event_object *)(uintptr_t)o;
}

static unsigned event_describe(const struct object *o, struct buf *out)
{
    roost__put_cstr(out, "set");
    roost__put_bool(out, event_of(o)->set);
    return 1;
}

static void event_save(const struct object *o, struct buf *out)
{
    save_uint(out, event_of(o)->set);
}

static void event_load(struct loader *l, struct object *o)
{
    event_of(o)->set = load_bool(l);
}

const struct type type_event = {.code = ROOST_TYPE_event,
                                .size = sizeof(struct event_object),
                                .describe = event_describe,
                                .save = event_save,
                                .load = event_load};

void on_event_open(struct call *c)
{
    bool found;
    struct object *o = object_open(c, &type_event, &found);
    if (o != NULL)
        reply_ref(c, o);
}

void on_event_is_set(struct call *c)
{
    reply_bool(c, event_of(c->object)->set);
}

static void wake_all(struct core *core, struct object *o)
{
    for (struct waiter *w; (w = line_first(o, LINE_WAIT)) != NULL;) {
        answer_nil(core, &w->caller);
        waiter_free(core, w);
    }
}

static void put_flag(struct call *c, bool set)
{
    bool *flag = &event_of(c->object)->set;
    if (!undo_bytes(c->core, flag, sizeof(*flag))) {
        fail_memory(c);
        return;
    }
    *flag = set;
    reply_nil(c);
    if (set)
        undo_wake(c->core, c->object, wake_all);
}

void on_event_set(struct call *c)
{
    put_flag(c, true);
}

void on_event_clear(struct call *c)
{
    put_flag(c, false);
}

void on_event_wait(struct call *c)
{
    if (event_of(c->object)->set)
        reply_nil(c);
    else if (arg_int(c, 0, -1) == 0)
        fail(c, ROOST_ETIMEDOUT, "the event is not set");
    else
        park(c, c->object, LINE_WAIT, 0);
}
