/* net.c: connections that are slow, break, and are noticed to be broken or not; see world.h. */
#include <inttypes.h>

#include "tests/sim/world.h"

enum { DELAY_US = 3000, LEASE_US = 30000, UP_WAY = 0, DOWN_WAY = 1 };

/* Puts a frame on its way. */
static void post(struct world *w, unsigned link, enum what what, char kind, struct slice payload)
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
    w->links[c->link] = (struct link){.client = client, .client_end = true, .server_end = true};
    roost__put_array(&b, 4);
    roost__put_uint(&b, c->session);
    roost__put_uint(&b, c->epoch);
    roost__put_int(&b, c->grace_ms);
    roost__put_bytes(&b, slice_of(c->secret, SECRET_LEN));
    post(w, c->link, TO_SERVER, 'h', buf_slice(&b));
}

void net_send(struct world *w, unsigned client, char kind, struct slice payload)
{
    post(w, w->clients[client].link, TO_SERVER, kind, payload);
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

static void close_link(struct world *w, unsigned link, bool ends)
{
    struct link *l = &w->links[link];
    if (!l->server_end)
        return;
    l->server_end = false;
    if (l->session != 0) {
        say_world(w, "server: session %" PRIu64 " %s", l->session, ends ? "ends" : "has no connection");
        check_step(w, (struct event){.kind = ends ? EVENT_LOST : EVENT_DETACHED, .session = l->session});
        net_answer(w);
    }
}

void net_closed(struct world *w, const struct entry *e)
{
    close_link(w, e->link, false);
}

void net_answer(struct world *w)
{
    const struct effects *x = &w->effects[0];
    for (size_t i = 0; i < x->len; i++) {
        struct slice payload =
            slice_of(x->bytes.data + x->items[i].at + FRAME_HEADER, x->items[i].len - FRAME_HEADER);
        for (unsigned k = 0; k < w->link_count; k++)
            if (w->links[k].server_end && w->links[k].session == x->items[i].session)
                post(w, k, TO_CLIENT, 'a', payload);
    }
}

/* ---- the server's end ---- */

static void welcome(struct world *w, unsigned link, uint64_t session, bool resumed)
{
    uint8_t bytes[16];
    struct buf b = {.data = bytes, .cap = sizeof(bytes), .max = sizeof(bytes)};
    for (unsigned k = 0; k < w->link_count; k++) /* the old connection is closed */
        if (k != link && w->links[k].session == session)
            w->links[k].server_end = false;
    w->links[link].session = session;
    roost__put_array(&b, 2);
    roost__put_uint(&b, session);
    roost__put_bool(&b, resumed);
    say_world(w, "server: session %" PRIu64 " %s", session, resumed ? "is resumed" : "opens");
    net_answer(w);
    post(w, link, TO_CLIENT, 'w', buf_slice(&b));
}

static void open_session(struct world *w, unsigned link, int64_t grace_ms, struct slice secret)
{
    uint8_t bytes[64];
    struct buf b = {.data = bytes, .cap = sizeof(bytes), .max = sizeof(bytes)};
    roost__put_map(&b, 1);
    roost__put_cstr(&b, "grace_ms");
    roost__put_int(&b, grace_ms);
    check_step(w, (struct event){.kind = EVENT_OPEN, .payload = buf_slice(&b), .secret = secret});
    welcome(w, link, w->effects[0].opened, false);
}

static void hello(struct world *w, unsigned link, struct slice payload)
{
    struct item it;
    const uint8_t *p = roost__scan_item(payload.data, &it);
    uint64_t session = scan_value(scan_next(&p)).as.u, epoch = scan_value(scan_next(&p)).as.u;
    int64_t grace_ms = scan_value(scan_next(&p)).as.i;
    uint8_t secret[SECRET_LEN];
    memcpy(secret, scan_value(scan_next(&p)).as.bytes, SECRET_LEN);
    if (session == 0) {
        open_session(w, link, grace_ms, slice_of(secret, SECRET_LEN));
        return;
    }
    struct event event = {.kind = EVENT_RESUMED, .session = session, .secret = slice_of(secret, SECRET_LEN)};
    if (chance(&w->dice, 10)) { /* somebody tries who does not know the secret */
        secret[0]++;
        check_step(w, event);
        net_answer(w);
        secret[0]--;
    }
    if (epoch == w->epoch && check_step(w, event) == ROOST_OK) {
        welcome(w, link, session, true);
        return;
    }
    if (epoch == w->epoch)
        net_answer(w);
    say_world(w, "server: session %" PRIu64 " is not there any more", session);
    post(w, link, TO_CLIENT, 'r', slice_of(NULL, 0));
    w->links[link].server_end = false;
}

void net_to_server(struct world *w, const struct entry *e)
{
    struct link *l = &w->links[e->link];
    struct slice payload = slice_of(w->bytes.data + e->at, e->len);
    if (!l->server_end || e->kind == 0)
        return;
    if (e->kind == 'h') {
        hello(w, e->link, payload);
        return;
    }
    if (e->kind == 'e') {
        close_link(w, e->link, true);
        return;
    }
    buf_reset(&w->scratch);
    buf_append(&w->scratch, payload.data, payload.len);
    say_frame(w, "is asked by", l->session, buf_slice(&w->scratch));
    struct event event = {.kind = e->kind == 'c'   ? EVENT_CALL
                                  : e->kind == 'k' ? EVENT_ACK
                                                   : EVENT_CANCEL,
                          .session = l->session,
                          .payload = buf_slice(&w->scratch)};
    check_step(w, event);
    net_answer(w);
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
    } else if (e->kind == 'w') {
        struct item it;
        const uint8_t *p = roost__scan_item(payload.data, &it);
        uint64_t session = scan_value(scan_next(&p)).as.u;
        client_welcome(w, e->client, session, scan_value(scan_next(&p)).as.b);
    } else {
        client_answer(w, e->client, payload);
    }
}
