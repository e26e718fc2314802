/* net.c: one server: it answers at once, and may start anew with nothing; see world.h. */
#include "tests/sim/world.h"

unsigned net_node(const struct world *w, unsigned client)
{
    (void)w;
    (void)client;
    return 0;
}

void net_say(struct world *w, unsigned link, char kind, struct slice payload)
{
    net_post(w, link, TO_CLIENT, kind, payload);
}

void net_answer(struct world *w)
{
    const struct effects *x = &w->effects[0];
    for (size_t i = 0; i < x->len; i++) {
        struct slice payload =
            slice_of(x->bytes.data + x->items[i].at + FRAME_HEADER, x->items[i].len - FRAME_HEADER);
        for (unsigned k = 0; k < w->link_count; k++)
            if (w->links[k].server_end && w->links[k].session == x->items[i].session)
                net_say(w, k, 'a', payload);
    }
}

void net_restart(struct world *w)
{
    say_world(w, "server: starts anew");
    check_end(w);
    check_begin(w);
    for (unsigned k = 0; k < w->link_count; k++) {
        w->links[k].server_end = false;
        w->links[k].session = 0;
    }
    for (unsigned i = 0; i < CLIENTS; i++)
        if (w->clients[i].mood == UP || w->clients[i].mood == CONNECTING)
            net_break(w, i), w->clients[i].mood = DOWN;
}
