/* model_call.c: a CALL: was it sent before, whom does it concern, is it good; see model.h. */
#include "tests/sim/model.h"

/* ---- calls sent again ---- */

static void confirm(struct msession *s, uint64_t seen)
{
    for (size_t i = 0; i < s->kept_count && seen != s->confirmed; i++)
        if (s->kept[i].number == seen) {
            s->confirmed = seen;
            memmove(s->kept, &s->kept[i + 1], (s->kept_count - i - 1) * sizeof(s->kept[0]));
            s->kept_count -= i + 1;
        }
}

/* A new call after a resume: what the client did not send again before it has the answer to. */
static void confirm_what_was_left_out(struct msession *s)
{
    size_t left = 0;
    for (size_t i = 0; i < s->kept_count; i++)
        if (s->kept[i].connection == s->connection)
            s->kept[left++] = s->kept[i];
    s->kept_count = left;
}

static void answer_again(struct model *m, uint64_t session, const struct mkept *kept)
{
    assert(m->answer_count < M_ANSWERS);
    m->answers[m->answer_count++] = (struct manswer){
        .session = session, .number = kept->number, .shape = SHAPE_AGAIN, .hash = kept->hash};
}

/* True when nothing is left to do for a call that was sent before. */
static bool sent_before(struct model *m, uint64_t session, uint64_t number)
{
    struct msession *s = model_session(m, session);
    if (number > s->last_number) {
        s->last_number = number;
        confirm_what_was_left_out(s);
        return false;
    }
    for (size_t i = 0; i < m->waiter_count; i++)
        if (m->waiters[i].session == session && m->waiters[i].number == number)
            return true;
    for (size_t i = 0; i < s->kept_count; i++) {
        struct mkept kept = s->kept[i];
        if (kept.number != number)
            continue;
        if (kept.connection == s->connection)
            return true;
        REMOVE_AT(s->kept, s->kept_count, i);
        if (kept.repeatable)
            return false;
        answer_again(m, session, &kept);
        kept.connection = s->connection;
        kept.fresh = true; /* its place among what is sent in this step is seen later */
        s->kept[s->kept_count++] = kept;
        return true;
    }
    return false;
}

/* ---- the call ---- */

static void note_thread(struct msession *s, uint64_t thread)
{
    for (unsigned i = 0; i < s->thread_count; i++)
        if (s->threads[i] == thread)
            return;
    assert(s->thread_count < M_THREADS);
    s->threads[s->thread_count++] = thread;
}

static void make(struct model *m, struct mcall *c)
{
    switch (c->method >> 8) {
    case ROOST_TYPE_server:
        model_server_call(m, c);
        break;
    case ROOST_TYPE_dict:
    case ROOST_TYPE_set:
    case ROOST_TYPE_namespace:
        model_dict_call(m, c);
        break;
    case ROOST_TYPE_list:
        model_list_call(m, c);
        break;
    case ROOST_TYPE_queue:
        model_queue_call(m, c);
        break;
    case ROOST_TYPE_value:
    case ROOST_TYPE_array:
        model_number_call(m, c);
        break;
    case ROOST_TYPE_condition:
    case ROOST_TYPE_event:
    case ROOST_TYPE_barrier:
        model_wait_call(m, c);
        break;
    default:
        model_take_call(m, c);
    }
}

static bool nests(const struct mobject *o)
{
    return o->type == ROOST_TYPE_dict || o->type == ROOST_TYPE_list || o->type == ROOST_TYPE_namespace;
}

/* The guard's grant is in force. */
static bool guard_holds(struct model *m, struct mcall *c, struct slice guard)
{
    struct item it;
    const uint8_t *p = roost__scan_item(guard.data, &it);
    uint64_t id = scan_value(scan_next(&p)).as.u, token = scan_value(scan_next(&p)).as.u;
    const struct mobject *o = model_object(m, id);
    if (o != NULL && o->type == ROOST_TYPE_condition)
        id = o->lock;
    const struct mhold *h = model_object(m, id) != NULL ? hold_by_token(m, id, token) : NULL;
    c->guarded = true;
    c->guard = h != NULL ? h->uid : 0;
    return h != NULL;
}

void model_serve(struct model *m, struct mcall *c)
{
    bool opens = (c->method & 0xff) == 0, of_server = c->method >> 8 == ROOST_TYPE_server;
    bool nested = c->path.len > 0 && scan_value(c->path).len > 0;
    c->o = opens || of_server ? NULL : model_object(m, c->id);
    if (c->o != NULL)
        c->items = &c->o->items;
    if (of_server || opens)
        opens && !of_server ? model_open(m, c) : make(m, c);
    else if (c->o == NULL)
        say_error(m, c, ROOST_ENOENT);
    else if (nested ? !nests(c->o) : c->o->type != c->method >> 8)
        say_error(m, c, ROOST_ETYPE);
    else if (nested)
        model_path_call(m, c);
    else
        make(m, c);
}

static void take_options(struct slice options, struct mcall *c, struct slice *ret_guard)
{
    struct item head;
    const uint8_t *p = options.data;
    if (options.len == 0)
        return;
    p = roost__scan_item(p, &head);
    for (uint32_t i = 0; i < head.len; i++) {
        struct item key = scan_value(scan_next(&p));
        if (slice_equal(slice_of(key.as.bytes, key.len), slice_str("guard")))
            *ret_guard = scan_next(&p);
        else
            c->path = scan_next(&p);
    }
}

void model_call(struct model *m, uint64_t session, struct slice payload)
{
    struct msession *s = model_session(m, session);
    struct call_frame frame;
    struct slice guard = {0};
    bool good = roost__frame_call(payload, &frame);
    assert(good);
    if (s->keeps && frame.seen != 0)
        confirm(s, frame.seen);
    if (s->keeps && sent_before(m, session, frame.number))
        return;
    note_thread(s, frame.thread);
    struct mcall c = {.session = session,
                      .number = frame.number,
                      .thread = frame.thread,
                      .method = (unsigned)frame.method,
                      .id = frame.target,
                      .argc = frame.argc};
    const uint8_t *p = frame.args;
    for (unsigned i = 0; i < c.argc; i++) {
        c.arg[i] = scan_next(&p);
        const struct method *row = roost__method_by_code(c.method);
        struct param params[METHOD_PARAMS_MAX];
        roost__method_params(row, params);
        if (scan_value(c.arg[i]).kind == ROOST_NIL && params[i].optional && params[i].kind != 'v' &&
            params[i].kind != 'k')
            c.arg[i] = slice_of(NULL, 0);
    }
    take_options(frame.options, &c, &guard);
    if (c.id != 0 && model_object(m, c.id) == NULL)
        say_error(m, &c, ROOST_ENOENT);
    else if (guard.len > 0 && !guard_holds(m, &c, guard))
        say_error(m, &c, ROOST_ENOTOWNER);
    else
        model_serve(m, &c);
}
