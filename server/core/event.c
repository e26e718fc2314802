/* event.c: a flag to wait for. Invariant: while the flag is set nobody waits. */
#include "core/handlers.h"

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

const struct type type_event = {
    .code = ROOST_TYPE_event, .size = sizeof(struct event_object), .describe = event_describe};

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

void on_event_set(struct call *c)
{
    event_of(c->object)->set = true;
    reply_nil(c);
    for (struct waiter *w; (w = line_first(c->object, LINE_WAIT)) != NULL;) {
        answer_nil(c->core, &w->caller);
        waiter_free(c->core, w);
    }
}

void on_event_clear(struct call *c)
{
    event_of(c->object)->set = false;
    reply_nil(c);
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
