/* client.c: a client: threads that call and wait, answers, connections lost and found; see world.h. */
#include <inttypes.h>
#include <stdlib.h>

#include "tests/sim/world.h"

enum { PAUSE_US = 3000 };

void client_act_later(struct world *w, unsigned client, int64_t in_us)
{
    if (!w->clients[client].acts)
        agenda_add(w, (struct entry){.what = CLIENT_ACTS, .client = client}, in_us);
    w->clients[client].acts = true;
}

/* ---- calls ---- */

/* A CALL as it is sent: its payload, and what it confirms. */
static void send_call(struct world *w, unsigned client, const struct pending *p, uint64_t seen)
{
    struct item head;
    struct buf b = w->scratch;
    const uint8_t *body = roost__scan_item(p->frame.data, &head), *options = body;
    const uint8_t *end = p->frame.data + p->frame.len;
    for (unsigned i = 0; i < CALL_PARTS; i++)
        options = roost__scan_skip(options);
    buf_reset(&b);
    roost__put_array(&b, head.len);
    buf_append(&b, body, (size_t)(options - body));
    roost__put_uint(&b, seen);
    options = roost__scan_skip(options);
    buf_append(&b, options, (size_t)(end - options));
    w->scratch = b;
    net_send(w, client, 'c', buf_slice(&b));
}

static void tell(struct world *w, unsigned client, char kind, uint64_t number)
{
    uint8_t bytes[24];
    struct buf b = {.data = bytes, .cap = sizeof(bytes), .max = sizeof(bytes)};
    roost__put_array(&b, 2);
    roost__put_int(&b, kind == 'k' ? FRAME_ACK : FRAME_CANCEL);
    roost__put_uint(&b, number);
    net_send(w, client, kind, buf_slice(&b));
}

static void begin_call(struct world *w, unsigned client, unsigned thread)
{
    struct client *c = &w->clients[client];
    struct pending *p = &c->pending[thread];
    struct buf args = buf_make(FRAME_BYTES), options = buf_make(FRAME_BYTES);
    uint64_t target = 0;
    unsigned method = 0;
    play(w, c, thread, &target, &method, &args, &options);
    p->number = ++c->number;
    p->method = method;
    p->object = target;
    p->cancelled = false;
    buf_reset(&p->frame);
    roost__put_array(&p->frame, CALL_PARTS + 1 + (options.len > 0));
    roost__put_int(&p->frame, FRAME_CALL);
    roost__put_uint(&p->frame, p->number);
    roost__put_uint(&p->frame, thread);
    roost__put_uint(&p->frame, target);
    roost__put_uint(&p->frame, method);
    buf_append(&p->frame, args.data, args.len);
    roost__put_uint(&p->frame, 0);
    buf_append(&p->frame, options.data, options.len);
    roost__buf_free(&args);
    roost__buf_free(&options);
    say_world(w, "client %u thread %u: %s.%s", client, thread,
              roost_type_name(roost__method_by_code(method)->type), roost__method_by_code(method)->name);
    say_frame(w, "asks", 0, buf_slice(&p->frame));
    send_call(w, client, p, c->grace_ms > 0 ? c->seen : 0);
}

/* ---- answers ---- */

static void remember_grant(struct world *w, struct client *c, unsigned thread, uint64_t object,
                           uint64_t token)
{
    c->grants[roll(&w->dice, GRANTS)] = (struct grant){.object = object, .token = token, .thread = thread};
}

/* The tokens in the answer of a call that takes something. */
static void learn(struct world *w, struct client *c, unsigned thread, const struct pending *p,
                  const uint8_t *result)
{
    struct item it, args;
    const uint8_t *a = p->frame.data;
    bool waits = p->method == METHOD_condition_wait, several = p->method == METHOD_server_acquire;
    const struct method *row = roost__method_by_code(p->method);
    if (row->reply[0] != 'g' && !waits && !several)
        return;
    result = roost__scan_item(result, &it);
    if (!several) {
        roost__scan_item(waits ? roost__scan_skip(result) : result, &it);
        remember_grant(w, c, thread, p->object, it.as.u);
        return;
    }
    a = roost__scan_item(a, &args);
    for (unsigned i = 0; i < CALL_PARTS - 1; i++)
        a = roost__scan_skip(a);
    a = roost__scan_item(a, &args); /* the arguments, and of them the array of objects */
    a = roost__scan_item(a, &args);
    for (uint32_t i = it.len; i > 0; i--) {
        struct item token;
        roost__scan_item(roost__scan_item(result, &token), &token);
        remember_grant(w, c, thread, scan_value(scan_next(&a)).as.u, token.as.u);
        result = roost__scan_skip(result);
    }
}

static void forget_acks(struct client *c, uint64_t answered)
{
    for (size_t i = c->ack_count; i-- > 0;)
        if (answered > c->acks[i].after)
            REMOVE_AT(c->acks, c->ack_count, i);
}

void client_answer(struct world *w, unsigned client, struct slice payload)
{
    struct client *c = &w->clients[client];
    struct item kind, it;
    const uint8_t *p = roost__scan_item(payload.data, &it);
    p = roost__scan_item(p, &kind);
    p = roost__scan_item(p, &it);
    c->seen = it.as.u;
    for (unsigned t = 0; t < c->threads; t++) {
        struct pending *call = &c->pending[t];
        if (call->number != it.as.u || call->number == 0)
            continue;
        call->number = 0;
        forget_acks(c, it.as.u);
        if (kind.as.i == FRAME_REPLY)
            learn(w, c, t, call, p);
        bool delivers = roost__method_by_code(call->method)->flags & METHOD_DELIVERS;
        if (kind.as.i == FRAME_REPLY && delivers && c->ack_count < ACKS_MAX) {
            c->acks[c->ack_count++] = (struct ack){.number = it.as.u, .after = c->number};
            tell(w, client, 'k', it.as.u);
        }
    }
}

/* ---- connections ---- */

static void forget_all(struct client *c)
{
    for (unsigned t = 0; t < THREADS; t++)
        c->pending[t].number = 0;
    c->ack_count = 0;
    c->session = 0;
    c->number = c->seen = 0;
    memset(c->grants, 0, sizeof(c->grants));
}

void client_refused(struct world *w, unsigned client)
{
    forget_all(&w->clients[client]);
    w->clients[client].mood = AWAY;
    client_act_later(w, client, 1 + roll(&w->dice, PAUSE_US));
}

static int by_number(const void *a, const void *b)
{
    const struct pending *x = *(const struct pending *const *)a, *y = *(const struct pending *const *)b;
    return (x->number > y->number) - (x->number < y->number);
}

void client_welcome(struct world *w, unsigned client, uint64_t session, bool resumed)
{
    struct client *c = &w->clients[client];
    const struct pending *again[THREADS];
    unsigned n = 0;
    c->mood = UP;
    c->session = session;
    c->epoch = w->epoch;
    c->seen = 0;
    for (size_t i = 0; i < c->ack_count && resumed; i++)
        tell(w, client, 'k', c->acks[i].number);
    for (unsigned t = 0; t < c->threads; t++)
        if (c->pending[t].number != 0)
            again[n++] = &c->pending[t];
    qsort(again, n, sizeof(again[0]), by_number);
    for (unsigned i = 0; i < n; i++) {
        send_call(w, client, again[i], 0);
        if (again[i]->cancelled)
            tell(w, client, 'x', again[i]->number);
    }
    client_act_later(w, client, 1 + roll(&w->dice, PAUSE_US));
}

void client_disconnect(struct world *w, unsigned client)
{
    struct client *c = &w->clients[client];
    net_break(w, client);
    c->mood = DOWN;
    if (c->session == 0 || c->grace_ms == 0)
        client_refused(w, client);
}

/* A new process begins. */
static void begin(struct world *w, unsigned client)
{
    static const uint8_t graces[] = {0, 20, 60, 200};
    struct client *c = &w->clients[client];
    forget_all(c);
    c->threads = 1 + roll(&w->dice, THREADS);
    c->grace_ms = graces[roll(&w->dice, 4)];
    for (unsigned i = 0; i < SECRET_LEN; i++)
        c->secret[i] = (uint8_t)roll(&w->dice, 256);
    net_connect(w, client);
}

/* True when something went wrong instead of going on. */
static bool misfortune(struct world *w, unsigned client)
{
    struct client *c = &w->clients[client];
    if (w->calm || roll(&w->dice, 1000) >= w->faults)
        return false;
    switch (roll(&w->dice, 6)) {
    case 0: /* killed; another process takes its place */
        net_break(w, client);
        forget_all(c);
        c->mood = AWAY;
        break;
    case 1: /* ends in order */
        net_send(w, client, 'e', slice_of(NULL, 0));
        forget_all(c);
        c->mood = AWAY;
        break;
    case 2: /* stopped, for a moment or beyond its lease */
        c->until_us = w->now_us + 1000 + roll(&w->dice, 100000);
        c->mood = STOPPED;
        if (c->until_us - w->now_us > 30000)
            agenda_add(w, (struct entry){.what = CLOSED, .link = c->link}, 30000);
        client_act_later(w, client, c->until_us - w->now_us);
        return true;
    default:
        client_disconnect(w, client);
    }
    client_act_later(w, client, 1 + roll(&w->dice, chance(&w->dice, 70) ? 10000 : 300000));
    return true;
}

static void awake(struct world *w, unsigned client)
{
    struct client *c = &w->clients[client];
    c->mood = UP;
    if (!w->links[c->link].server_end)
        client_disconnect(w, client);
}

/* ---- acting ---- */

static void use_threads(struct world *w, unsigned client)
{
    struct client *c = &w->clients[client];
    unsigned t = roll(&w->dice, c->threads);
    struct pending *p = &c->pending[t];
    if (p->number == 0 && !w->calm) {
        begin_call(w, client, t);
    } else if (p->number != 0 && chance(&w->dice, 4)) {
        p->cancelled = true;
        tell(w, client, 'x', p->number);
    } else if (p->number != 0 && c->grace_ms > 0 && chance(&w->dice, 4)) {
        send_call(w, client, p, 0); /* twice: the server knows it */
    }
}

void client_act(struct world *w, unsigned client)
{
    struct client *c = &w->clients[client];
    c->acts = false;
    if (w->acts_left > 0)
        w->acts_left--;
    if (c->mood == STOPPED)
        awake(w, client);
    if (c->mood == AWAY && !w->calm && w->model->session_count < w->sessions_max)
        begin(w, client);
    else if (c->mood == DOWN)
        net_connect(w, client);
    else if (c->mood == UP && !misfortune(w, client))
        use_threads(w, client);
    client_act_later(w, client, 1 + roll(&w->dice, PAUSE_US));
}
