/* model_several.c: several things at once: keyed locks, server.acquire, server.give_back; see model.h. */
#include "tests/sim/model_take.h"

/* ---- keys ---- */

/* The keys of argument 0, each once. */
static unsigned keys_of(const struct mcall *c, struct mwant *ret)
{
    struct item it;
    unsigned n = 0;
    const uint8_t *p = roost__scan_item(c->arg[0].data, &it);
    for (uint32_t i = 0; i < it.len; i++) {
        struct mwant want = {.object = c->id, .key = mkey_of(scan_next(&p))};
        bool again = false;
        for (unsigned k = 0; k < n; k++)
            again = again || want_same(&ret[k], &want);
        assert(again || n < M_WANTS);
        if (!again)
            ret[n++] = want;
    }
    return n;
}

static void release_keys(struct model *m, struct mcall *c)
{
    struct mwant list[M_WANTS];
    uint64_t token = (uint64_t)int_arg(c, 1, 0);
    unsigned n = given(c, 0) ? keys_of(c, list) : 0;
    bool refused = given(c, 0) && n == 0, any = n > 0;
    for (unsigned i = 0; i < n; i++) {
        const struct mhold *h = mhold_of(m, &list[i]);
        refused = refused || h == NULL || h->session != c->session || (token != 0 && h->token != token);
    }
    for (size_t i = 0; i < m->hold_count && n == 0; i++)
        any = any || (m->holds[i].what.object == c->id && m->holds[i].session == c->session &&
                      (token != 0 ? m->holds[i].token == token : m->holds[i].thread == c->thread));
    if (refused || !any) {
        say_error(m, c, ROOST_ENOTOWNER);
        return;
    }
    say_nil(m, c);
    for (size_t i = 0; i < m->hold_count;) {
        const struct mhold *h = &m->holds[i];
        bool mine = h->what.object == c->id && h->session == c->session;
        bool named = n == 0 && (token != 0 ? h->token == token : h->thread == c->thread);
        for (unsigned k = 0; k < n; k++)
            named = named || want_same(&h->what, &list[k]);
        if (mine && named) {
            hold_drop(m, i);
            i = 0;
        } else {
            i++;
        }
    }
}

void keyed_call(struct model *m, struct mcall *c)
{
    struct mwant list[M_WANTS];
    if (c->method == METHOD_keyed_lock_release) {
        release_keys(m, c);
    } else if (c->method == METHOD_keyed_lock_locked) {
        say_bool(m, c, mhold_of(m, &(struct mwant){.object = c->id, .key = mkey_of(c->arg[0])}) != NULL);
    } else if (ttl_good(m, c, 2)) {
        unsigned n = keys_of(c, list);
        n == 0 ? say_error(m, c, ROOST_EINVAL)
               : model_acquire(m, c, list, n, int_arg(c, 1, -1), int_arg(c, 2, 0) * 1000);
    }
}

/* ---- several at once ---- */

/* The objects of argument 0; 0 or a code. */
static int several(struct model *m, const struct mcall *c, struct mwant *ret, unsigned *ret_n)
{
    struct item it;
    const uint8_t *p = roost__scan_item(c->arg[0].data, &it);
    assert(it.len <= M_WANTS);
    for (*ret_n = 0; *ret_n < it.len; ++*ret_n) {
        uint64_t id = model_said(m, scan_next(&p));
        if (id == 0)
            return ROOST_ENOENT;
        roost_type type = model_object(m, id)->type;
        if (!can_be_taken(type) || type == ROOST_TYPE_keyed_lock)
            return ROOST_ETYPE;
        ret[*ret_n] = (struct mwant){.object = id};
    }
    for (unsigned i = 0; i < *ret_n; i++)
        for (unsigned k = 0; k < i; k++)
            if (ret[i].object == ret[k].object)
                return ROOST_EINVAL;
    return it.len == 0 ? ROOST_EINVAL : 0;
}

static void give_all_back(struct model *m, struct mcall *c, const struct mwant *list, unsigned n)
{
    uint64_t tokens[M_WANTS] = {0};
    struct item it;
    if (given(c, 1)) {
        const uint8_t *p = roost__scan_item(c->arg[1].data, &it);
        for (unsigned i = 0; i < n; i++)
            tokens[i] = scan_value(scan_next(&p)).as.u;
    }
    for (unsigned i = 0; i < n; i++) {
        int code = may_release(m, c, list[i].object, tokens[i], 1);
        if (code != 0) {
            say_error(m, c, code);
            return;
        }
    }
    say_nil(m, c);
    for (unsigned i = 0; i < n; i++)
        if (model_object(m, list[i].object) != NULL)
            model_release(m, c, list[i].object, tokens[i], 1);
}

void model_take_server(struct model *m, struct mcall *c)
{
    struct mwant list[M_WANTS];
    unsigned n;
    bool takes = c->method == METHOD_server_acquire;
    if (takes && !ttl_good(m, c, 2))
        return;
    int code = several(m, c, list, &n);
    if (code != 0)
        say_error(m, c, code);
    else if (takes)
        model_acquire(m, c, list, n, int_arg(c, 1, -1), int_arg(c, 2, 0) * 1000);
    else
        give_all_back(m, c, list, n);
}
