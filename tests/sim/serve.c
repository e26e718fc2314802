/* serve.c: a server's end of connections: sessions opened and resumed, frames as events; see world.h. */
#include <inttypes.h>

#include "tests/sim/world.h"

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

static void welcome(struct world *w, unsigned link, uint64_t session, bool resumed)
{
    uint8_t bytes[16];
    struct buf b = {.data = bytes, .cap = sizeof(bytes), .max = sizeof(bytes)};
    for (unsigned k = 0; k < w->link_count; k++) /* the old connection is closed */
        if (k != link && w->links[k].node == w->links[link].node && w->links[k].session == session)
            w->links[k].server_end = false;
    w->links[link].session = session;
    roost__put_array(&b, 2);
    roost__put_uint(&b, session);
    roost__put_bool(&b, resumed);
    say_world(w, "server: session %" PRIu64 " %s", session, resumed ? "is resumed" : "opens");
    net_answer(w);
    net_say(w, link, 'w', buf_slice(&b));
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
    net_say(w, link, 'r', slice_of(NULL, 0));
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
