/* model_answer.c: what the model expects to be answered; see model.h. */
#include "tests/sim/model.h"

struct mcall mcall_of_waiter(const struct mwaiter *w)
{
    return (struct mcall){.session = w->session,
                          .number = w->number,
                          .thread = w->thread,
                          .method = w->method,
                          .id = w->object};
}

/* The answer stays until the client confirms it; which bytes it has is seen later. */
static void keep(struct model *m, const struct mcall *c, bool refs)
{
    struct msession *s = model_session(m, c->session);
    const struct method *row = roost__method_by_code(c->method);
    bool reads = (row->flags & METHOD_READ) != 0 && (row->flags & METHOD_IDEMPOTENT) != 0;
    if (s == NULL || !s->keeps)
        return;
    assert(s->kept_count < M_KEPT);
    s->kept[s->kept_count++] = (struct mkept){
        .number = c->number, .connection = s->connection, .repeatable = reads && !refs, .fresh = true};
}

static struct manswer *add(struct model *m, const struct mcall *c, bool refs)
{
    assert(m->answer_count < M_ANSWERS);
    keep(m, c, refs);
    struct manswer *a = &m->answers[m->answer_count++];
    *a = (struct manswer){.session = c->session, .number = c->number, .object = c->id};
    return a;
}

struct buf *say_begin(struct model *m, const struct mcall *c)
{
    (void)c;
    m->begun_at = m->out.len;
    return &m->out;
}

struct counting {
    struct model *m;
    uint64_t session;
    bool any;
};

static void count_ref(void *context, uint64_t id)
{
    struct counting *k = context;
    struct msession *s = model_session(k->m, k->session);
    k->any = true;
    if (s != NULL && model_object(k->m, id) != NULL)
        s->refs[id - 1]++;
}

void count_refs(struct model *m, uint64_t session, struct slice value)
{
    each_ref_in(value, count_ref, &(struct counting){.m = m, .session = session});
}

void say_end(struct model *m, const struct mcall *c, bool stored)
{
    if (m->in_transaction)
        return; /* a part of the transaction's answer */
    struct slice result = slice_of(m->out.data + m->begun_at, m->out.len - m->begun_at);
    struct counting k = {.m = m, .session = c->session};
    if (stored)
        each_ref_in(result, count_ref, &k);
    struct manswer *a = add(m, c, k.any);
    a->at = m->begun_at;
    a->len = result.len;
}

void say_error(struct model *m, const struct mcall *c, int code)
{
    if (m->in_transaction)
        m->code = code;
    else
        add(m, c, false)->code = code;
}

void say_nil(struct model *m, const struct mcall *c)
{
    roost__put_nil(say_begin(m, c));
    say_end(m, c, false);
}

void say_int(struct model *m, const struct mcall *c, int64_t v)
{
    roost__put_int(say_begin(m, c), v);
    say_end(m, c, false);
}

void say_bool(struct model *m, const struct mcall *c, bool v)
{
    roost__put_bool(say_begin(m, c), v);
    say_end(m, c, false);
}

void say_value(struct model *m, const struct mcall *c, struct slice value, bool stored)
{
    buf_append(say_begin(m, c), value.data, value.len);
    say_end(m, c, stored);
}

void say_ref(struct model *m, const struct mcall *c, uint64_t id)
{
    roost__put_ref(say_begin(m, c), id, model_object(m, id)->type);
    say_end(m, c, true);
}

void say_grants(struct model *m, const struct mcall *c, enum shape shape, const uint64_t *holds,
                const bool *died, unsigned n, bool notified)
{
    struct manswer *a = add(m, c, false);
    a->shape = shape;
    a->notified = notified;
    a->grant_count = n;
    for (unsigned i = 0; i < n; i++) {
        a->died[i] = died[i];
        for (size_t k = 0; k < m->hold_count; k++)
            if (m->holds[k].uid == holds[i])
                a->grant[i] = m->holds[k].grant, a->token[i] = m->holds[k].token;
    }
}
