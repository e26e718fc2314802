/* link.c: connections that are slow and break, and the clients' end of them; see world.h. */
#include "tests/sim/world.h"

enum { UP_WAY = 0, DOWN_WAY = 1 };

/* Puts a frame on its way. */
void net_post(struct world *w, unsigned link, enum what what, char kind, struct slice payload)
{
    struct link *l = &w->links[link];
    int64_t *last_us = &l->last_us[what == TO_SERVER ? UP_WAY : DOWN_WAY], at_us;
    at_us = w->now_us + 1 + roll(&w->dice, chance(&w->dice, 10) ? 10 * DELAY_US : DELAY_US);
    *last_us = at_us > *last_us ? at_us : *last_us;
    struct entry e = {.what = what, .link = link, .client = l->client, .kind = kind};
    e.at = (uint32_t)w->bytes.len;
    e.len = (uint32_t)payload.len;
    buf_append(&w->bytes, payload.data, payload.len);
    agenda_add(w, e, *last_us - w->now_us);
}

void net_connect(struct world *w, unsigned client)
{
    struct client *c = &w->clients[client];
    uint8_t bytes[64];
    struct buf b = {.data = bytes, .cap = sizeof(bytes), .max = sizeof(bytes)};
    if (w->link_count == LINKS_MAX)
        return;
    c->link = w->link_count++;
    c->mood = CONNECTING;
    w->links[c->link] =
        (struct link){.client = client, .client_end = true, .server_end = true, .node = net_node(w, client)};
    roost__put_array(&b, 4);
    roost__put_uint(&b, c->session);
    roost__put_uint(&b, c->epoch);
    roost__put_int(&b, c->grace_ms);
    roost__put_bytes(&b, slice_of(c->secret, SECRET_LEN));
    net_post(w, c->link, TO_SERVER, 'h', buf_slice(&b));
}

void net_send(struct world *w, unsigned client, char kind, struct slice payload)
{
    net_post(w, w->clients[client].link, TO_SERVER, kind, payload);
}

void net_break(struct world *w, unsigned client)
{
    struct link *l = &w->links[w->clients[client].link];
    int64_t cut_us = w->now_us + roll(&w->dice, DELAY_US);
    l->client_end = false;
    say_world(w, "client %u: its connection breaks", client);
    for (size_t i = 0; i < w->agenda_len; i++) { /* of what was sent, a part arrives */
        struct entry *e = &w->agenda[i];
        if (e->what == TO_SERVER && e->link == w->clients[client].link && e->at_us > cut_us)
            e->kind = 0;
    }
    if (cut_us > l->last_us[UP_WAY])
        cut_us = w->now_us;
    agenda_add(w, (struct entry){.what = CLOSED, .link = w->clients[client].link},
               DELAY_US + (chance(&w->dice, 30) ? LEASE_US : roll(&w->dice, DELAY_US)));
}

/* ---- the client's end ---- */

void net_to_client(struct world *w, const struct entry *e)
{
    struct client *c = &w->clients[e->client];
    struct slice payload = slice_of(w->bytes.data + e->at, e->len);
    if (!w->links[e->link].client_end || c->link != e->link)
        return;
    if (c->mood == STOPPED) { /* it will see it when it goes on */
        agenda_add(w, *e, c->until_us - w->now_us + 1);
        return;
    }
    if (e->kind == 'r') {
        w->links[e->link].client_end = false;
        client_refused(w, e->client);
    } else if (e->kind == 'b') {
        client_disconnect(w, e->client);
    } else if (e->kind == 'w') {
        struct item it;
        const uint8_t *p = roost__scan_item(payload.data, &it);
        uint64_t session = scan_value(scan_next(&p)).as.u;
        client_welcome(w, e->client, session, scan_value(scan_next(&p)).as.b);
    } else {
        client_answer(w, e->client, payload);
    }
}
