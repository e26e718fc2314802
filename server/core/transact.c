/*
 * transact.c: several calls on several objects, together or not at all, when conditions hold.
 *
 * Check, then apply with a log. The shape of all conditions and calls is checked first. When the conditions
 * hold, the calls run one after the other, each through the same dispatch as any call, so each sees what
 * those before it did; their answers go into effects of their own. If one fails, the log takes everything
 * back (undo.h). Checking all calls beforehand instead would be simpler only by half: whether a call succeeds
 * may depend on the calls before it. Copies of the objects to go back to would cost their size, the log costs
 * what was changed.
 *
 * Why nothing of a transaction that fails is ever seen: the core is one step, so nobody looks in between;
 * answers of the calls and the references in them are counted only at the end; and who waits for one of the
 * objects (a get, an acquire, another transaction) is served after the commit, seeing the final state only.
 */
#include "core/transact.h"

#include <assert.h>
#include <stdlib.h>

#include "core/clause.h"
#include "core/effects.h"
#include "core/handlers.h"
#include "core/rights.h"
#include "core/undo.h"

enum { CONDITIONS, CALLS, TIMEOUT }; /* the arguments */
enum { PARTS_MAX = 10000 };

struct watch {
    struct list in_object;
    struct transaction *transaction;
};

struct transaction {
    struct waiter *waiter;
    uint64_t order; /* of arrival */
    struct list in_woken;
    struct slice arg[2]; /* conditions and calls, copied to bytes */
    uint8_t *bytes;
    struct watch *watches;
    size_t watch_len;
};
/* ---- calls ---- */

struct wanted {
    struct part part; /* [target, method, arguments, path] */
    const struct method *method;
};

/* "dict.set", or "set" of the target's type, or a code. */
static const struct method *find_method(const struct part *p)
{
    struct item it = scan_value(p->item[1]);
    char name[64];
    if (it.kind == ROOST_INT)
        return roost__method_by_code(it.as.u);
    if (it.kind != ROOST_STR || it.len >= sizeof(name))
        return NULL;
    memcpy(name, it.as.bytes, it.len);
    name[it.len] = '\0';
    const char *dot = strchr(name, '.');
    if (dot == NULL)
        return roost__method_by_name(p->object->type->code, name);
    int type = roost__type_by_name(name, (size_t)(dot - name));
    return type < 0 ? NULL : roost__method_by_name((roost_type)type, dot + 1);
}

/* A queue's puts and gets run as if with timeout 0 (queue.c); what else may wait has no place in one step. */
static bool may_run(const struct method *m)
{
    bool extends = m->type != ROOST_TYPE_list && strcmp(m->name, "extend") == 0;
    return m->type != ROOST_TYPE_server && m->type != ROOST_TYPE_keyed_lock && (m->code & 0xff) != 0 &&
           !extends &&
           ((m->flags & METHOD_BLOCKS) == 0 || (m->type == ROOST_TYPE_queue && m->code != METHOD_queue_join));
}

static bool is_array(struct slice value)
{
    return value.len > 0 && scan_value(value).kind == ROOST_ARRAY;
}

static bool read_call(struct call *c, unsigned index, struct slice value, struct wanted *w)
{
    *w = (struct wanted){.part = {.what = "call", .index = index}};
    if (!read_part(c, value, 0, &w->part))
        return false;
    w->method = find_method(&w->part);
    if (w->method == NULL)
        fail_part(c, &w->part, ROOST_ENOMETHOD, "no such method");
    else if (!may_run(w->method))
        fail_part(c, &w->part, ROOST_EINVAL,
                  "a method that waits, opens, extends, or is the server's or a keyed_lock's cannot be part "
                  "of a transaction");
    else if ((w->part.len > 2 && !is_array(w->part.item[2])) ||
             (w->part.len > 3 && !is_array(w->part.item[3])))
        fail_part(c, &w->part, ROOST_EINVAL, "the arguments and the path must be arrays");
    else
        return rights_check(c, w->part.object, rights_of_method(w->method));
    return false;
}

/* Nothing runs, or waits, unless all calls have the right shape. */
static bool check_calls(struct call *c)
{
    struct item head;
    const uint8_t *p = roost__scan_item(c->arg[CALLS].data, &head);
    struct wanted w;
    if (head.len > PARTS_MAX || scan_value(c->arg[CONDITIONS]).len > PARTS_MAX) {
        fail(c, ROOST_ELIMIT, "more than %d conditions or calls", PARTS_MAX);
        return false;
    }
    for (uint32_t i = 0; i < head.len; i++)
        if (!read_call(c, i, scan_next(&p), &w))
            return false;
    return true;
}

static void run_call(const struct call *c, const struct wanted *w)
{
    static const uint8_t no_arguments = 0x90;
    struct slice args = w->part.len > 2 ? w->part.item[2] : slice_of(&no_arguments, 1);
    struct call sub = {.core = c->core, .caller = c->caller, .method = w->method, .path = w->part.item[3]};
    struct call_frame frame = {.target = w->part.object->id};
    struct item head;
    frame.args = roost__scan_item(args.data, &head);
    frame.argc = head.len;
    sub.caller.keeps = false; /* its answer is a part of the transaction's */
    core__serve(&sub, &frame);
}

/* A call's answer: the frame's result, or its code and message. Returns the code. */
static int read_answer(const struct effects *answers, size_t i, struct slice *ret_result,
                       struct item *ret_message)
{
    struct slice payload = slice_of(answers->bytes.data + answers->items[i].at + FRAME_HEADER,
                                    answers->items[i].len - FRAME_HEADER);
    struct item it;
    const uint8_t *p = roost__scan_item(payload.data, &it);
    p = roost__scan_skip(roost__scan_skip(p));
    if (roost__frame_kind(payload) == FRAME_REPLY) {
        *ret_result = scan_next(&p);
        return ROOST_OK;
    }
    p = roost__scan_item(p, &it);
    roost__scan_item(p, ret_message);
    return (int)it.as.i;
}

static void fail_call(struct call *c, const struct wanted *w, int code, const struct item *message)
{
    char words[OBJECT_WORDS_MAX];
    object_words(w->part.object, words, sizeof(words));
    fail(c, code, "call %u (%s: %s): %.*s", w->part.index, words, w->method->name, (int)message->len,
         (const char *)message->as.bytes);
}

/* What the calls have to say has room, as a step's own answer has. */
static bool ready_for_answers(struct call *c, struct effects *answers)
{
    bool ready = effects_ready(answers, 1);
    if (!ready)
        fail_memory(c);
    return ready;
}

/* Runs all calls, their answers going to `answers`. False: one failed, and so has c; all is to be taken back.
 */
static bool run_calls(struct call *c, struct effects *answers)
{
    struct core *core = c->core;
    struct effects *outer = core->effects;
    struct item head, message;
    const uint8_t *p = roost__scan_item(c->arg[CALLS].data, &head);
    for (uint32_t i = 0; i < head.len; i++) {
        struct wanted w;
        struct slice result;
        if (!read_call(c, i, scan_next(&p), &w))
            return false;
        core->effects = answers;
        run_call(c, &w);
        core->effects = outer;
        if (core->undo->failed || answers->broken_len > 0 || answers->len != i + 1) {
            fail_memory(c);
            return false;
        }
        int code = read_answer(answers, i, &result, &message);
        if (code != ROOST_OK) {
            fail_call(c, &w, code, &message);
            return false;
        }
    }
    return true;
}

/* The answer has room; else the call has failed. It must not fail when all is done. */
static bool room_for_answer(struct call *c, const struct effects *answers)
{
    struct buf *out = &c->core->effects->bytes;
    if (answers->bytes.len > FRAME_MAX - 64) {
        fail(c, ROOST_ELIMIT, "the answers are larger than %d bytes: ask for less at a time", FRAME_MAX);
        return false;
    }
    if (roost__buf_reserve(out, answers->bytes.len + 64))
        return true;
    out->failed = false;
    fail_memory(c);
    return false;
}

static void answer_results(struct call *c, const struct effects *answers)
{
    struct buf *out = reply_begin(c->core, &c->caller);
    struct slice result = {0};
    struct item message;
    roost__put_array(out, answers->len);
    for (size_t i = 0; i < answers->len; i++) {
        int code = read_answer(answers, i, &result, &message);
        assert(code == ROOST_OK);
        buf_append(out, result.data, result.len);
        count_sent_refs(c->core, &c->caller, result);
    }
    reply_end(c->core, &c->caller);
    c->done = true;
}

static void apply(struct call *c)
{
    struct undo undo = {0};
    struct effects answers;
    effects_init(&answers);
    c->core->undo = &undo;
    if (ready_for_answers(c, &answers) && run_calls(c, &answers) && room_for_answer(c, &answers)) {
        answer_results(c, &answers);
        undo_commit(c->core);
    } else {
        undo_roll_back(c->core);
    }
    effects_free(&answers);
}

/* ---- waiting ---- */

void transaction_free(struct transaction *t)
{
    if (t == NULL)
        return;
    list_remove(&t->in_woken);
    for (size_t i = 0; i < t->watch_len; i++)
        list_remove(&t->watches[i].in_object);
    free(t->watches);
    free(t->bytes);
    free(t);
}

static struct transaction *transaction_new(const struct call *c)
{
    struct slice conditions = c->arg[CONDITIONS], calls = c->arg[CALLS];
    struct transaction *t = calloc(1, sizeof(*t));
    if (t == NULL)
        return NULL;
    list_init(&t->in_woken);
    t->bytes = malloc(conditions.len + calls.len);
    t->watches = calloc(scan_value(conditions).len, sizeof(*t->watches));
    if (t->bytes == NULL || t->watches == NULL) {
        transaction_free(t);
        return NULL;
    }
    memcpy(t->bytes, conditions.data, conditions.len);
    memcpy(t->bytes + conditions.len, calls.data, calls.len);
    t->arg[CONDITIONS] = slice_of(t->bytes, conditions.len);
    t->arg[CALLS] = slice_of(t->bytes + conditions.len, calls.len);
    return t;
}

static void watch_all(struct core *core, struct transaction *t)
{
    struct item head;
    const uint8_t *p = roost__scan_item(t->arg[CONDITIONS].data, &head);
    for (uint32_t i = 0; i < head.len; i++) {
        struct item it;
        const uint8_t *target = roost__scan_skip(roost__scan_item(p, &it));
        struct object *o = find_target(core, scan_next(&target));
        p = roost__scan_skip(p);
        t->watches[t->watch_len].transaction = t;
        list_push_back(&o->watches, &t->watches[t->watch_len++].in_object);
    }
}

static void wait_for_change(struct call *c)
{
    struct transaction *t = transaction_new(c);
    if (t == NULL) {
        fail_memory(c);
        return;
    }
    t->waiter = park(c, &c->core->server, 0, TIMEOUT);
    if (t->waiter == NULL) {
        transaction_free(t);
        return;
    }
    t->waiter->transaction = t;
    t->order = ++c->core->last_order;
    watch_all(c->core, t);
}

void on_server_transact(struct call *c)
{
    struct condition unmet;
    bool hold;
    if (!check_calls(c) || !conditions_hold(c, c->arg[CONDITIONS], &hold, &unmet))
        return;
    if (hold)
        apply(c);
    else if (arg_int(c, TIMEOUT, -1) == 0)
        fail_part(c, &unmet.part, ROOST_ETIMEDOUT, "does not hold");
    else
        wait_for_change(c);
}

/* Looks at a waiting transaction again. True: it is answered, and its waiter freed. */
static bool retry(struct core *core, struct waiter *w, struct condition *ret_unmet)
{
    struct transaction *t = w->transaction;
    struct call c = {.core = core, .caller = w->caller, .method = w->method, .argc = 2};
    bool hold = false;
    c.arg[CONDITIONS] = t->arg[CONDITIONS];
    c.arg[CALLS] = t->arg[CALLS];
    if (conditions_hold(&c, t->arg[CONDITIONS], &hold, ret_unmet) && hold) {
        list_remove(&w->in_guard); /* it holds now: the calls may end the grant themselves */
        apply(&c);
    }
    if (c.done)
        waiter_free(core, w);
    return c.done;
}

static void transact_expire(struct core *core, struct waiter *w)
{
    struct condition unmet;
    char words[OBJECT_WORDS_MAX];
    if (retry(core, w, &unmet))
        return;
    object_words(unmet.part.object, words, sizeof(words));
    answer_error(core, &w->caller, ROOST_ETIMEDOUT,
                 "timed out after %lld ms: condition %u (%s): does not hold",
                 (long long)((w->deadline.at_us - w->since_us) / 1000), unmet.part.index, words);
    waiter_free(core, w);
}

static const struct type type_server = {
    .code = ROOST_TYPE_server, .size = sizeof(struct object), .expire = transact_expire};

void transactions_init(struct core *core)
{
    object_init(&core->server, &type_server);
    list_init(&core->woken);
}

void object_changed(struct core *core, struct object *o)
{
    list_each (it, &o->watches) {
        struct transaction *t = container_of(it, struct watch, in_object)->transaction;
        struct list *at = &core->woken;
        if (!list_empty(&t->in_woken))
            continue;
        while (at->prev != &core->woken &&
               container_of(at->prev, struct transaction, in_woken)->order > t->order)
            at = at->prev;
        list_insert_before(at, &t->in_woken);
    }
}

void transactions_retry(struct core *core)
{
    struct condition unmet;
    for (struct list *first; (first = list_first(&core->woken)) != NULL;) {
        struct transaction *t = container_of(first, struct transaction, in_woken);
        list_remove(&t->in_woken);
        (void)retry(core, t->waiter, &unmet);
    }
}

void transactions_deleted(struct core *core, struct object *o)
{
    char words[OBJECT_WORDS_MAX];
    object_words(o, words, sizeof(words));
    for (struct list *first; (first = list_first(&o->watches)) != NULL;) {
        struct waiter *w = container_of(first, struct watch, in_object)->transaction->waiter;
        answer_error(core, &w->caller, ROOST_EDELETED, "%s, which a condition names, was deleted", words);
        waiter_free(core, w);
    }
}
