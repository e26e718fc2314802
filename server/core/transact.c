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
#include <stdio.h>
#include <stdlib.h>

#include "core/cells.h"
#include "core/handlers.h"
#include "core/keymap.h"
#include "core/order.h"
#include "core/path.h"
#include "core/undo.h"

enum { CONDITIONS, CALLS, TIMEOUT }; /* the arguments */
enum { PARTS_MAX = 10000, WORDS_MAX = 300 };

struct watch {
    struct list in_object;
    struct transaction *transaction;
};

struct transaction {
    struct waiter *waiter;
    struct list in_woken;
    struct slice arg[2]; /* conditions and calls, copied to bytes */
    uint8_t *bytes;
    struct watch *watches;
    size_t watch_len;
};

/* ---- reading: an array of arrays ---- */

struct part {
    const char *what; /* "condition" or "call" */
    unsigned index;
    uint32_t len;
    struct slice item[4];
    struct object *object;
};

static void fail_part(struct call *c, const struct part *p, int code, const char *why)
{
    char words[WORDS_MAX] = "";
    if (p->object != NULL)
        object_words(p->object, words, sizeof(words));
    fail(c, code, "%s %u%s%s%s: %s", p->what, p->index, *words != '\0' ? " (" : "", words,
         *words != '\0' ? ")" : "", why);
}

static struct object *find_target(struct core *core, struct slice target)
{
    struct item it = scan_value(target);
    if (it.kind == ROOST_STR)
        return object_find_name(core, slice_of(it.as.bytes, it.len));
    return it.kind == ROOST_REF ? object_find(core, it.as.u) : NULL;
}

/* The elements of one condition or call; `target` of them says the object. False: the call has failed. */
static bool read_part(struct call *c, struct slice value, uint32_t target, struct part *p)
{
    struct item head;
    const uint8_t *at = roost__scan_item(value.data, &head);
    p->object = NULL;
    p->len = head.len;
    if (head.kind != ROOST_ARRAY || head.len < 2 || head.len > 4) {
        fail_part(c, p, ROOST_EINVAL, "must be an array of 2 to 4 elements");
        return false;
    }
    for (uint32_t i = 0; i < 4; i++)
        p->item[i] = i < head.len ? scan_next(&at) : slice_of(NULL, 0);
    roost_kind kind = scan_value(p->item[target]).kind;
    p->object = find_target(c->core, p->item[target]);
    if (kind != ROOST_STR && kind != ROOST_REF)
        fail_part(c, p, ROOST_ETYPE, "the target must be an object's name or a reference");
    else if (p->object == NULL)
        fail_part(c, p, ROOST_ENOENT, "no such object, or it was deleted");
    return p->object != NULL;
}

static bool is_array(struct slice value)
{
    return value.len > 0 && scan_value(value).kind == ROOST_ARRAY;
}

/* ---- conditions ---- */

struct condition {
    struct part part; /* [kind, target, …] */
    const struct condition_kind *kind;
    struct slice path, value;
    uint64_t n;
};

/* Says in *ret whether the condition holds. Returns 0, or the code of what is wrong with it, and why. */
typedef int condition_holds(struct core *core, const struct condition *q, bool *ret, const char **why);

struct condition_kind {
    const char *name;
    const char *params; /* p path, v value, n number; capitals may be left out */
    condition_holds *holds;
};

static roost_type type_of(const struct condition *q)
{
    return q->part.object->type->code;
}

static bool is_keyed(roost_type type)
{
    return type == ROOST_TYPE_dict || type == ROOST_TYPE_set || type == ROOST_TYPE_namespace;
}

static int wrong_type(const char **why, const char *text)
{
    *why = text;
    return ROOST_ETYPE;
}

static int equals(struct core *core, const struct condition *q, bool *ret, const char **why)
{
    uint8_t bytes[16];
    struct slice value;
    bool inside = scan_value(q->path).len > 0;
    if (type_of(q) == ROOST_TYPE_value && !inside) {
        *ret = order_equal(value_bytes(q->part.object, bytes), q->value, &core->scratch);
        return ROOST_OK;
    }
    if (!path_root(q->part.object) || !inside)
        return wrong_type(why, "equals is for a value, or a path into a dict, a list or a namespace");
    *ret = path_value(core, q->part.object, q->path, &value) && order_equal(value, q->value, &core->scratch);
    return ROOST_OK;
}

static bool in_set(struct core *core, struct object *set, struct slice path)
{
    struct key key;
    const uint8_t *p = path.data;
    struct item head;
    p = roost__scan_item(p, &head);
    return key_of(core, scan_next(&p), &key) &&
           keymap_find(&container_of(set, struct keyed, object)->map, &key) != NULL;
}

static int present(struct core *core, const struct condition *q, bool *ret, const char **why)
{
    uint32_t steps = scan_value(q->path).len;
    if (type_of(q) == ROOST_TYPE_set && steps == 1)
        *ret = in_set(core, q->part.object, q->path);
    else if (path_root(q->part.object) && steps > 0)
        *ret = path_leads(core, q->part.object, q->path);
    else
        return wrong_type(
            why,
            "present and absent are for a path into a dict, a list or a namespace, or one value of a set");
    return ROOST_OK;
}

static int absent(struct core *core, const struct condition *q, bool *ret, const char **why)
{
    int rc = present(core, q, ret, why);
    *ret = !*ret;
    return rc;
}

static int token(struct core *core, const struct condition *q, bool *ret, const char **why)
{
    (void)core;
    roost_type type = type_of(q);
    if (type != ROOST_TYPE_lock && type != ROOST_TYPE_rlock && type != ROOST_TYPE_semaphore &&
        type != ROOST_TYPE_bounded_semaphore)
        return wrong_type(why, "token is for locks and semaphores");
    *ret = false;
    list_each (it, &q->part.object->holds)
        *ret = *ret || container_of(it, struct hold, in_object)->token == q->n;
    return ROOST_OK;
}

static int len(struct core *core, const struct condition *q, bool *ret, const char **why)
{
    struct object *o = q->part.object;
    size_t n = 0;
    if (q->path.len > 0 && scan_value(q->path).len > 0) {
        if (!path_root(o))
            return wrong_type(why, "a path begins in a dict, a list or a namespace");
        *ret = path_len(core, o, q->path, &n) && n >= q->n;
        return ROOST_OK;
    }
    if (is_keyed(type_of(q)))
        n = keymap_len(&container_of(o, struct keyed, object)->map);
    else if (type_of(q) == ROOST_TYPE_list)
        n = list_cells(o)->len;
    else if (type_of(q) == ROOST_TYPE_queue)
        n = queue_size(o);
    else
        return wrong_type(why, "len is for dicts, lists, sets, queues and namespaces");
    *ret = n >= q->n;
    return ROOST_OK;
}

/* What a queue that was shut down will never have again is an error, not a reason to wait. */
static int queue_answer(const struct condition *q, bool holds, bool *ret, const char **why)
{
    *ret = holds;
    *why = "the queue was shut down";
    return !holds && queue_is_shut(q->part.object) ? ROOST_ESHUTDOWN : ROOST_OK;
}

static int not_empty(struct core *core, const struct condition *q, bool *ret, const char **why)
{
    (void)core;
    if (type_of(q) != ROOST_TYPE_queue)
        return wrong_type(why, "not_empty is for queues");
    return queue_answer(q, queue_size(q->part.object) > 0, ret, why);
}

static int has_room(struct core *core, const struct condition *q, bool *ret, const char **why)
{
    (void)core;
    if (type_of(q) != ROOST_TYPE_queue)
        return wrong_type(why, "has_room is for queues");
    return queue_answer(q, queue_has_room(q->part.object, q->n), ret, why);
}

static const struct condition_kind kinds[] = {
    {"equals", "pv", equals},    {"present", "p", present}, {"absent", "p", absent},
    {"token", "n", token},       {"len", "nP", len},        {"not_empty", "", not_empty},
    {"has_room", "N", has_room},
};

static const struct condition_kind *kind_of(struct slice name)
{
    struct item it = scan_value(name);
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]) && it.kind == ROOST_STR; i++)
        if (slice_equal(slice_of(it.as.bytes, it.len), slice_str(kinds[i].name)))
            return &kinds[i];
    return NULL;
}

/* Gives the elements behind the target to the kind's parameters. Returns what is wrong, or NULL. */
static const char *take_params(struct condition *q)
{
    const char *params = q->kind->params;
    q->n = 1;
    for (uint32_t i = 2; i < q->part.len; i++, params++) {
        struct item it = scan_value(q->part.item[i]);
        if (*params == '\0')
            return "too many elements";
        if (*params == 'v')
            q->value = q->part.item[i];
        else if ((*params == 'p' || *params == 'P') && it.kind == ROOST_ARRAY)
            q->path = q->part.item[i];
        else if ((*params == 'n' || *params == 'N') && it.kind == ROOST_INT && it.as.i >= 0)
            q->n = it.as.u;
        else
            return *params == 'p' || *params == 'P' ? "the path must be an array"
                                                    : "the number must be an integer >= 0";
    }
    return *params >= 'a' ? "an element is missing" : NULL;
}

static bool read_condition(struct call *c, unsigned index, struct slice value, struct condition *q)
{
    *q = (struct condition){.part = {.what = "condition", .index = index}};
    if (!read_part(c, value, 1, &q->part))
        return false;
    q->kind = kind_of(q->part.item[0]);
    const char *wrong = q->kind == NULL ? "no kind of condition is called that" : take_params(q);
    if (wrong != NULL)
        fail_part(c, &q->part, ROOST_EINVAL, wrong);
    return wrong == NULL;
}

/* Do all conditions hold? *ret_unmet: the first that does not. False: the call has failed. */
static bool conditions_hold(struct call *c, bool *ret, struct condition *ret_unmet)
{
    struct item head;
    const uint8_t *p = roost__scan_item(c->arg[CONDITIONS].data, &head);
    *ret = true;
    for (uint32_t i = 0; i < head.len; i++) {
        struct condition q;
        bool holds = false;
        const char *why = "";
        if (!read_condition(c, i, scan_next(&p), &q))
            return false;
        int rc = q.kind->holds(c->core, &q, &holds, &why);
        if (rc != ROOST_OK) {
            fail_part(c, &q.part, rc, why);
            return false;
        }
        if (!holds && *ret)
            *ret_unmet = q;
        *ret = *ret && holds;
    }
    return true;
}

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
    return m->type != ROOST_TYPE_server && (m->code & 0xff) != 0 &&
           ((m->flags & METHOD_BLOCKS) == 0 || (m->type == ROOST_TYPE_queue && m->code != METHOD_queue_join));
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
                  "a method that waits, opens or is the server's cannot be part of a transaction");
    else if ((w->part.len > 2 && !is_array(w->part.item[2])) ||
             (w->part.len > 3 && !is_array(w->part.item[3])))
        fail_part(c, &w->part, ROOST_EINVAL, "the arguments and the path must be arrays");
    else
        return true;
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
    struct call sub = {.core = c->core, .caller = c->caller, .method = w->method};
    struct call_frame frame = {.target = w->part.object->id, .path = w->part.item[3]};
    struct item head;
    frame.args = roost__scan_item(args.data, &head);
    frame.argc = head.len;
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
    char words[WORDS_MAX];
    object_words(w->part.object, words, sizeof(words));
    fail(c, code, "call %u (%s: %s): %.*s", w->part.index, words, w->method->name, (int)message->len,
         (const char *)message->as.bytes);
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
    struct slice result;
    struct item message;
    roost__put_array(out, answers->len);
    for (size_t i = 0; i < answers->len; i++) {
        read_answer(answers, i, &result, &message);
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
    if (run_calls(c, &answers) && room_for_answer(c, &answers)) {
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
    watch_all(c->core, t);
}

void on_server_transact(struct call *c)
{
    struct condition unmet;
    bool hold;
    if (!check_calls(c) || !conditions_hold(c, &hold, &unmet))
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
    if (conditions_hold(&c, &hold, ret_unmet) && hold)
        apply(&c);
    if (c.done)
        waiter_free(core, w);
    return c.done;
}

static void transact_expire(struct core *core, struct waiter *w)
{
    struct condition unmet;
    char words[WORDS_MAX];
    if (retry(core, w, &unmet))
        return;
    object_words(unmet.part.object, words, sizeof(words));
    answer_error(core, &w->caller, ROOST_ETIMEDOUT,
                 "timed out after %lld ms: condition %u (%s): does not hold",
                 (long long)((w->deadline_us - w->since_us) / 1000), unmet.part.index, words);
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
               container_of(at->prev, struct transaction, in_woken)->waiter->order > t->waiter->order)
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
    char words[WORDS_MAX];
    object_words(o, words, sizeof(words));
    for (struct list *first; (first = list_first(&o->watches)) != NULL;) {
        struct waiter *w = container_of(first, struct watch, in_object)->transaction->waiter;
        answer_error(core, &w->caller, ROOST_EDELETED, "%s, which a condition names, was deleted", words);
        waiter_free(core, w);
    }
}
