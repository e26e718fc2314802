/* play_values.c: random values, objects, timeouts; see play.h. */
#include "tests/sim/play.h"

uint64_t any_object(struct play *p, roost_type type)
{
    uint64_t found = 0;
    unsigned n = 0;
    for (uint64_t id = 1; id <= p->m->object_count; id++)
        if (p->m->objects[id - 1].live && p->m->objects[id - 1].type == type && pick(p, ++n) == 0)
            found = id;
    return found;
}

void put_object(struct play *p, struct buf *b, uint64_t id)
{
    const struct mobject *o = &p->m->objects[id - 1];
    if (o->name[0] != '\0' && likely(p, 30))
        roost__put_cstr(b, o->name);
    else
        roost__put_ref(b, id, o->type);
}

void put_any_ref(struct play *p, struct buf *b)
{
    uint64_t id = p->m->object_count > 0 ? 1 + pick(p, (unsigned)p->m->object_count) : 99;
    roost__put_ref(b, id, id == 99 ? ROOST_TYPE_dict : p->m->objects[id - 1].type);
}

void put_scalar(struct play *p, struct buf *b)
{
    switch (pick(p, 8)) {
    case 0:
        roost__put_bool(b, true);
        break;
    case 1:
        roost__put_float(b, 1.0);
        break;
    case 2:
        roost__put_cstr(b, likely(p, 50) ? "a" : "b");
        break;
    case 3:
        roost__put_nil(b);
        break;
    default:
        roost__put_int(b, pick(p, 4));
    }
}

void put_key(struct play *p, struct buf *b)
{
    unsigned which = pick(p, 7);
    if (which < 4)
        roost__put_int(b, which);
    else if (which == 4)
        roost__put_float(b, 1.0);
    else
        roost__put_cstr(b, which == 5 ? "k" : "l");
}

void put_stored(struct play *p, struct buf *b)
{
    unsigned which = pick(p, 12), n = pick(p, 3);
    if (which < 2) {
        put_any_ref(p, b);
    } else if (which == 2) {
        roost__put_array(b, n);
        for (unsigned i = 0; i < n; i++)
            i == 0 && likely(p, 20) ? put_any_ref(p, b) : roost__put_int(b, pick(p, 4));
    } else if (which == 3) {
        roost__put_map(b, 1);
        roost__put_cstr(b, "k");
        likely(p, 50) ? roost__put_array(b, 0) : roost__put_int(b, pick(p, 4));
    } else {
        put_scalar(p, b);
    }
}

int64_t any_timeout(struct play *p)
{
    if (p->m->waiter_count > M_WAITERS - 24)
        return 0;
    unsigned which = pick(p, 10);
    return which < 2 ? 0 : which < 5 ? -1 : (int64_t)(1 + pick(p, 30));
}

struct grant any_grant(struct play *p, uint64_t object)
{
    const struct grant *g = &p->client->grants[pick(p, GRANTS)];
    if (likely(p, 10)) /* somebody else's */
        g = &p->w->clients[pick(p, CLIENTS)].grants[pick(p, GRANTS)];
    for (unsigned i = 0; i < GRANTS && object != 0 && g->object != object; i++)
        g = &p->client->grants[i];
    return object == 0 || g->object == object ? *g : (struct grant){.object = object};
}
