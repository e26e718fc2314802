/* predict.c: what the model expects of a step, and what the core has answered; see world.h. */
#include <inttypes.h>

#include "tests/sim/world.h"

static uint64_t hash_of(struct slice s)
{
    uint64_t h = 1469598103934665603u;
    for (size_t i = 0; i < s.len; i++)
        h = (h ^ s.data[i]) * 1099511628211u;
    return h;
}

struct seen {
    uint64_t session, number;
    int code;
    struct slice frame, result; /* result: one value */
};

static struct seen read_effect(const struct effects *e, size_t i)
{
    struct seen s = {.session = e->items[i].session};
    s.frame = slice_of(e->bytes.data + e->items[i].at + FRAME_HEADER, e->items[i].len - FRAME_HEADER);
    struct item it;
    const uint8_t *p = roost__scan_item(s.frame.data, &it);
    p = roost__scan_item(p, &it);
    bool is_error = it.as.i == FRAME_ERROR;
    p = roost__scan_item(p, &it);
    s.number = it.as.u;
    s.result = scan_next(&p);
    s.code = is_error ? (int)scan_value(s.result).as.i : 0;
    return s;
}

/* The tokens of an answer: new ones rise, the others are what they were. */
static void take_token(struct world *w, struct manswer *a, unsigned i, uint64_t token)
{
    struct model *m = w->model;
    if (a->token[i] != 0 && a->token[i] != token)
        fail_world(w, "token %" PRIu64 " instead of %" PRIu64, token, a->token[i]);
    if (a->token[i] != 0)
        return;
    if (token <= m->last_token)
        fail_world(w, "token %" PRIu64 " after %" PRIu64, token, m->last_token);
    m->last_token = token;
    for (size_t k = 0; k < m->hold_count; k++)
        if (m->holds[k].grant == a->grant[i])
            m->holds[k].token = token;
}

static void check_grants(struct world *w, struct manswer *a, struct slice result)
{
    struct item it;
    uint8_t bytes[256];
    struct buf b = {.data = bytes, .cap = sizeof(bytes), .max = sizeof(bytes)};
    const uint8_t *p = roost__scan_item(result.data, &it);
    if (a->shape != SHAPE_GRANT)
        roost__put_array(&b, a->shape == SHAPE_WOKEN ? 3 : a->grant_count);
    if (a->shape == SHAPE_WOKEN)
        roost__put_bool(&b, a->notified), p = roost__scan_skip(p);
    for (unsigned i = 0; i < a->grant_count && i < it.len; i++) {
        struct item token;
        if (a->shape == SHAPE_GRANTS)
            p = roost__scan_item(p, &token);
        if (a->shape != SHAPE_WOKEN)
            roost__put_array(&b, 2);
        roost__scan_item(p, &token);
        take_token(w, a, i, token.as.u);
        roost__put_uint(&b, token.as.u);
        roost__put_bool(&b, a->died[i]);
        p = roost__scan_skip(roost__scan_skip(p));
    }
    if (!slice_equal(buf_slice(&b), result))
        fail_world(w, "session %" PRIu64 " call %" PRIu64 ": another grant than expected", a->session,
                   a->number);
}

static void check_answer(struct world *w, struct manswer *a, const struct seen *s)
{
    if (a->shape == SHAPE_AGAIN) {
        if (hash_of(s->frame) != a->hash)
            fail_world(w, "session %" PRIu64 " call %" PRIu64 " sent again: another answer", s->session,
                       s->number);
        return;
    }
    if (a->code != s->code)
        fail_world(w, "session %" PRIu64 " call %" PRIu64 ": code %d, expected %d", s->session, s->number,
                   s->code, a->code);
    if (a->code == 0 && a->shape != SHAPE_PLAIN)
        check_grants(w, a, s->result);
    else if (a->code == 0 && !slice_equal(s->result, slice_of(w->model->out.data + a->at, a->len)))
        fail_world(w, "session %" PRIu64 " call %" PRIu64 ": another result than expected", s->session,
                   s->number);
}

/* The answers were kept in the order in which they were sent. */
static void keep(struct world *w, const struct seen *s)
{
    struct msession *m = s->session <= w->model->session_count ? &w->model->sessions[s->session - 1] : NULL;
    for (size_t i = 0; m != NULL && i < m->kept_count; i++)
        if (m->kept[i].number == s->number && m->kept[i].fresh) {
            struct mkept k = m->kept[i];
            k.fresh = false;
            k.hash = hash_of(s->frame);
            REMOVE_AT(m->kept, m->kept_count, i);
            m->kept[m->kept_count++] = k;
            return;
        }
}

/* Of a keyed_lock, or when several were wanted, each thing has a line of its own. */
static bool has_lines(struct model *m, const struct manswer *a)
{
    const struct mobject *o = model_object(m, a->object);
    return o == NULL || o->type == ROOST_TYPE_keyed_lock || a->shape == SHAPE_GRANTS;
}

/* The order of granting is that of the tokens. */
static void sort_holds(struct model *m)
{
    for (size_t i = 1; i < m->hold_count; i++)
        for (size_t k = i; k > 0 && m->holds[k - 1].token > m->holds[k].token; k--) {
            struct mhold h = m->holds[k];
            m->holds[k] = m->holds[k - 1];
            m->holds[k - 1] = h;
        }
}

static void compare_model(struct world *w, const struct effects *e)
{
    struct model *m = w->model;
    size_t place[M_ANSWERS];
    for (size_t i = 0; i < e->len; i++) {
        struct seen s = read_effect(e, i);
        size_t k = 0;
        while (k < m->answer_count &&
               (m->answers[k].session != s.session || m->answers[k].number != s.number))
            k++;
        if (k == m->answer_count)
            fail_world(w, "session %" PRIu64 " call %" PRIu64 ": answered (%d), which was not expected",
                       s.session, s.number, s.code);
        check_answer(w, &m->answers[k], &s);
        place[i] = k;
        for (size_t before = 0; before < i; before++)
            if (m->answers[place[before]].object == m->answers[k].object && !has_lines(m, &m->answers[k]) &&
                place[before] >= k)
                fail_world(w, "session %" PRIu64 " call %" PRIu64 ": answered out of turn", s.session,
                           s.number);
        keep(w, &s);
    }
    sort_holds(m);
    if (e->len < m->answer_count)
        fail_world(w, "%zu answers, expected %zu, such as to session %" PRIu64 " call %" PRIu64 " (%d)",
                   e->len, m->answer_count, m->answers[e->len].session, m->answers[e->len].number,
                   m->answers[e->len].code);
}

void predict(struct world *w, const struct event *event, int rc, const struct effects *e)
{
    for (size_t i = 0; i < e->len && w->verbose; i++)
        say_frame(w, "answers", e->items[i].session, read_effect(e, i).frame);
    int expected = model_step(w->model, event);
    if (rc != expected || e->opened != w->model->opened)
        fail_world(w, "the step returns %d, expected %d", rc, expected);
    compare_model(w, e);
}
