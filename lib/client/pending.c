/* pending.c: calls that are answered later; see roost/pending.h and pending.h. */
#include "client/pending.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/error.h"
#include "client/clock.h"
#include "client/manager.h"
#include "client/spare.h"
#include "wire/encode.h"

enum {
    CALL_SIZE = 64,    /* what a call counts in the window beside its arguments */
    TOGETHER_MAX = 128 /* calls in one write */
};

struct callback {
    struct list link;
    roost_pending_callback fn;
    void *arg;
};

static roost_pending *as_pending(struct call *call)
{
    return (roost_pending *)(void *)call;
}

/* ---- making and freeing ---- */

static void free_callbacks(roost_pending *p)
{
    list_each_safe (it, &p->callbacks)
        free(container_of(it, struct callback, link));
    list_init(&p->callbacks);
}

void roost_pending_free(roost_pending *p)
{
    bool last = p != NULL && (atomic_load(&p->refs) == 1 || atomic_fetch_sub(&p->refs, 1) == 1);
    if (!last)
        return;
    free_callbacks(p);
    roost_value_free(&p->call.result);
    roost_value_free(&p->object.path);
    if (p->delivers)
        pthread_mutex_destroy(&p->taking);
    roost__manager_drop(p->manager);
    if (p->small) {
        roost__spare_give(p);
        return;
    }
    roost__buf_free(&p->args);
    free(p);
}

/* Calls what is to be called, without locks; gives the reference back that came with it. */
static void call_back(struct callee *callee)
{
    roost_pending *p = container_of(callee, roost_pending, callee);
    list_each (it, &p->callbacks) {
        struct callback *b = container_of(it, struct callback, link);
        b->fn(p, b->arg);
    }
    roost_pending_free(p);
}

/* The call has its answer: the connection's reference goes to the callbacks or is given back. */
static bool finish(struct conn *c, struct call *call)
{
    roost_pending *p = as_pending(call);
    call->done = true;
    bool calls_back = !list_empty(&p->callbacks);
    if (calls_back)
        roost__callbacks_ready(c, &p->callee);
    roost__watches_mark(&p->watches);
    roost__window_leave(c, p->size);
    roost__pollable_notice(c);
    return !calls_back;
}

static void drop(struct call *call)
{
    roost_pending_free(as_pending(call));
}

/* The arguments are encoded in place when there is room for them, as nearly always. */
static size_t room_for(const struct call *call)
{
    size_t room = 0;
    for (uint32_t i = 0; i < call->argc && room <= SPARE_SIZE; i++)
        room += roost__value_bound(&call->args[i]);
    return room;
}

/* Everything of its own but what the parts hold. */
static roost_pending *allocate(const struct object *o, const struct call *call)
{
    size_t name_size = o != NULL ? strlen(o->name) + 1 : 1, room = room_for(call);
    bool small = sizeof(roost_pending) + name_size + room <= SPARE_SIZE;
    roost_pending *p = small ? roost__spare_take() : malloc(sizeof(*p) + name_size);
    if (p == NULL)
        return NULL;
    char *name = p->object.name;
    memcpy(name, o != NULL ? o->name : "", name_size);
    p->small = small;
    p->args = small ? (struct buf){.data = (uint8_t *)name + name_size, .cap = room, .max = room}
                    : buf_make(FRAME_MAX);
    return p;
}

/* A copy of the call and of the handle, without the call's arguments and path. */
static void fill(roost_pending *p, roost_manager *m, const struct object *o, const struct call *call)
{
    const struct method *row = roost__method_by_code(call->method);
    unsigned flags = row != NULL ? row->flags : 0;
    atomic_init(&p->refs, 1);
    memcpy(&p->call, call, offsetof(struct call, wake));
    p->call.finish = finish;
    p->call.drop = drop;
    p->call.may_wait = true;
    p->call.goes_on = (flags & METHOD_BLOCKS) != 0;
    p->call.args = NULL;
    p->call.path = NULL;
    p->manager = m;
    p->conn = NULL;
    p->callee.run = call_back;
    list_init(&p->watches);
    list_init(&p->callbacks);
    p->delivers = (flags & METHOD_DELIVERS) != 0;
    p->taken = false;
    if (p->delivers)
        pthread_mutex_init(&p->taking, NULL);
    p->object.manager = o != NULL ? m : NULL;
    p->object.id = call->target;
    p->object.type = o != NULL ? o->type : ROOST_TYPE_server;
    p->object.root = o != NULL ? o->root : ROOST_TYPE_server;
    p->object.path = roost_nil();
    roost__manager_keep(m);
}

static int copy_arguments(roost_pending *p, const struct call *call)
{
    int rc = ROOST_OK;
    for (uint32_t i = 0; i < call->argc && rc == ROOST_OK; i++)
        rc = roost__put_value(&p->args, &call->args[i]);
    if (rc == ROOST_OK && p->args.failed)
        rc = roost__fail(ROOST_ELIMIT,
                         "the arguments take more than %d bytes, or there is no memory for them", FRAME_MAX);
    if (rc == ROOST_OK && call->path != NULL)
        rc = roost_value_copy(*call->path, &p->object.path);
    p->call.raw = buf_slice(&p->args);
    p->call.path = call->path != NULL ? &p->object.path : NULL;
    p->size = p->args.len + CALL_SIZE;
    return rc;
}

int roost__pending_new(roost_manager *m, const struct object *o, const struct call *call, roost_pending **ret)
{
    roost_pending *p = allocate(o, call);
    if (p == NULL)
        return roost__fail(ROOST_ENOMEM, "no memory for a call");
    fill(p, m, o, call);
    int rc = copy_arguments(p, call);
    if (rc != ROOST_OK) {
        roost_pending_free(p);
        return rc;
    }
    *ret = p;
    return ROOST_OK;
}

/* ---- sending ---- */

/* Sends calls that were let in, in one write. */
static int send_let_in(struct conn *c, roost_pending *const *all, size_t n, size_t *ret_sent)
{
    struct call *calls[TOGETHER_MAX];
    for (size_t i = 0; i < n; i++) {
        all[i]->conn = c;
        atomic_store_explicit(&all[i]->refs, 2, memory_order_relaxed); /* nobody else knows it yet */
        calls[i] = &all[i]->call;
    }
    int rc = roost__send_calls(c, calls, n, ret_sent);
    for (size_t i = *ret_sent; i < n; i++) {
        all[i]->conn = NULL;
        atomic_store_explicit(&all[i]->refs, 1, memory_order_relaxed);
        roost__window_undo(c, all[i]->size);
    }
    return rc;
}

int roost__pending_send(roost_manager *m, roost_pending *const *all, size_t n, int timeout_ms,
                        size_t *ret_sent)
{
    struct conn *c;
    int64_t deadline = roost__clock_deadline(timeout_ms);
    size_t sent = 0;
    int rc = roost__manager_connection(m, &c);
    while (rc == ROOST_OK && sent < n) {
        size_t more = 0, in = 1;
        rc = roost__window_enter(c, all[sent]->size, timeout_ms < 0 ? -1 : roost__clock_left(deadline));
        if (rc != ROOST_OK)
            break;
        while (in < TOGETHER_MAX && sent + in < n && roost__window_try(c, all[sent + in]->size))
            in++;
        rc = send_let_in(c, all + sent, in, &more);
        sent += more;
    }
    *ret_sent = sent;
    return rc;
}

/* ---- waiting ---- */

/* A child has no part in what its parent has sent. */
static int check_process(const roost_pending *p)
{
    if (p->conn == atomic_load(&p->manager->conn))
        return ROOST_OK;
    return roost__fail(ROOST_ECONN, "the call was sent before the process was forked");
}

/* Waits until one of n, all of one connection, is done. False: the deadline has passed. */
static bool await_any(struct conn *c, roost_pending *const *all, struct watch *watches, size_t n,
                      int64_t deadline)
{
    struct call ticket;
    call_init(&ticket);
    pthread_mutex_lock(&c->lock);
    for (size_t i = 0; i < n; i++) {
        watches[i].ticket = &ticket;
        list_push_back(&all[i]->watches, &watches[i].link);
        if (all[i]->call.done)
            ticket.done = true;
    }
    pthread_mutex_unlock(&c->lock);
    bool done = roost__conn_await(c, &ticket, deadline);
    pthread_mutex_lock(&c->lock);
    for (size_t i = 0; i < n; i++) {
        list_remove(&watches[i].link);
        watches[i].ticket = NULL;
    }
    pthread_mutex_unlock(&c->lock);
    return done;
}

static bool await_one(roost_pending *p, int64_t deadline)
{
    struct watch watch;
    return p->call.done || await_any(p->conn, &p, &watch, 1, deadline);
}

bool roost_pending_done(roost_pending *p)
{
    return p->call.done || (check_process(p) == ROOST_OK && await_one(p, roost__clock_deadline(0)));
}

static int fail_here(const roost_pending *p, int code, const char *reason)
{
    const char *method = roost__method_by_code(p->call.method)->name;
    roost__fail(code, "%s", reason);
    return p->object.manager == NULL ? roost__fail_at("server: %s", method)
                                     : roost__fail_at_method(&p->object, method);
}

int roost_pending_wait(roost_pending *p, int timeout_ms)
{
    if (p == NULL)
        return roost__fail(ROOST_EINVAL, "the pending call is NULL");
    if (p->call.done)
        return ROOST_OK;
    int rc = check_process(p);
    if (rc != ROOST_OK)
        return rc;
    if (await_one(p, roost__clock_deadline(timeout_ms)))
        return ROOST_OK;
    char why[64];
    snprintf(why, sizeof(why), "no answer within %d ms", timeout_ms);
    return fail_here(p, ROOST_ETIMEDOUT, why);
}

/* ---- results ---- */

/* What was delivered cannot be had any more. */
static void lose(roost_pending *p, int code)
{
    p->call.code = code;
    snprintf(p->call.reason, sizeof(p->call.reason), "%s", roost_errmsg());
    roost_value_free(&p->call.result);
}

static void take_one(roost_pending *p)
{
    pthread_mutex_lock(&p->taking);
    if (!p->taken && p->call.code == ROOST_OK) {
        int rc = check_process(p);
        if (rc == ROOST_OK)
            rc = roost__conn_acknowledge(p->conn, &p->call.number, 1);
        if (rc != ROOST_OK)
            lose(p, rc);
    }
    p->taken = true;
    pthread_mutex_unlock(&p->taking);
}

void roost__pending_take(roost_pending *const *all, size_t n)
{
    size_t some = 0, found = 0;
    for (size_t i = 0; i < n; i++)
        some += all[i]->delivers;
    uint64_t *numbers = some > 0 ? malloc(some * sizeof(*numbers)) : NULL;
    for (size_t i = 0; i < n && numbers != NULL; i++)
        if (all[i]->call.done && !all[i]->taken && all[i]->call.code == ROOST_OK && all[i]->delivers)
            numbers[found++] = all[i]->call.number;
    bool ours = found > 0 && roost__conn_acknowledge(all[0]->conn, numbers, found) == ROOST_OK;
    for (size_t i = 0; i < n && ours; i++)
        all[i]->taken = all[i]->taken || all[i]->call.done;
    free(numbers); /* what was not acknowledged here will be when its result is asked for */
}

int roost_pending_result(roost_pending *p, roost_value *ret, int timeout_ms)
{
    int rc = roost_pending_wait(p, timeout_ms);
    if (rc != ROOST_OK)
        return rc;
    if (p->delivers)
        take_one(p);
    if (p->call.code != ROOST_OK)
        return fail_here(p, p->call.code, p->call.reason);
    if (ret != NULL) {
        *ret = p->call.result;
        ret->block = NULL;
    }
    return ROOST_OK;
}

bool roost_pending_cancel(roost_pending *p)
{
    if (p->call.done || check_process(p) != ROOST_OK)
        return false;
    roost__conn_give_up(p->conn, p->call.number);
    return !p->call.done;
}

int roost_pending_add_done_callback(roost_pending *p, roost_pending_callback fn, void *arg)
{
    if (p == NULL || fn == NULL)
        return roost__fail(ROOST_EINVAL, "the pending call or the callback is NULL");
    int rc = p->call.done ? ROOST_OK : check_process(p);
    if (rc != ROOST_OK)
        return rc;
    struct callback *b = malloc(sizeof(*b));
    if (b == NULL)
        return roost__fail(ROOST_ENOMEM, "no memory for a callback");
    *b = (struct callback){.fn = fn, .arg = arg};
    struct conn *c = p->conn;
    pthread_mutex_lock(&c->lock);
    bool late = p->call.done;
    if (!late && list_empty(&p->callbacks))
        rc = roost__callbacks_expect(c);
    if (!late && rc == ROOST_OK)
        list_push_back(&p->callbacks, &b->link);
    pthread_mutex_unlock(&c->lock);
    if (late || rc != ROOST_OK)
        free(b);
    if (late)
        fn(p, arg);
    return rc;
}

/* ---- many ---- */

/* Puts those that are not done in front of ret; *ret_failed says whether one that is done has failed. */
static size_t not_done(roost_pending *const *all, size_t n, roost_pending **ret, bool *ret_failed)
{
    size_t left = 0;
    *ret_failed = false;
    for (size_t i = 0; i < n; i++) {
        if (!all[i]->call.done)
            ret[left++] = all[i];
        else if (all[i]->call.code != ROOST_OK && all[i]->call.code != ROOST_ECANCELED)
            *ret_failed = true;
    }
    return left;
}

/* Are enough of n done? Those that are not are put in front of ret. */
static bool enough(roost_wait_for what, roost_pending *const *all, size_t n, roost_pending **ret,
                   size_t *ret_left)
{
    bool failed;
    *ret_left = not_done(all, n, ret, &failed);
    return *ret_left == 0 || (what == ROOST_FIRST_COMPLETED && *ret_left < n) ||
           (what == ROOST_FIRST_EXCEPTION && failed);
}

static int check_all(roost_pending *const *all, size_t n)
{
    int rc = n > 0 ? check_process(all[0]) : ROOST_OK;
    for (size_t i = 1; i < n && rc == ROOST_OK; i++)
        if (all[i]->conn != all[0]->conn)
            rc = roost__fail(ROOST_EINVAL, "the calls are of several managers");
    return rc;
}

int roost_pending_wait_many(roost_pending *const *all, size_t n, roost_wait_for what, size_t *ret_done,
                            int timeout_ms)
{
    int64_t deadline = roost__clock_deadline(timeout_ms);
    int rc = check_all(all, n);
    if (rc != ROOST_OK)
        return rc;
    roost_pending **waited = calloc(n + 1, sizeof(roost_pending *));
    struct watch *watches = calloc(n + 1, sizeof(*watches));
    bool in_time = waited != NULL && watches != NULL;
    size_t left = n;
    while (in_time && !enough(what, all, n, waited, &left))
        in_time = what == ROOST_ALL_COMPLETED ? await_one(waited[0], deadline)
                                              : await_any(all[0]->conn, waited, watches, left, deadline);
    if (waited == NULL || watches == NULL)
        rc = roost__fail(ROOST_ENOMEM, "no memory to wait for %zu calls", n);
    else if (!in_time)
        rc = roost__fail(ROOST_ETIMEDOUT, "%zu of %zu calls have no answer after %d ms", left, n, timeout_ms);
    if (ret_done != NULL && rc != ROOST_ENOMEM)
        *ret_done = n - left;
    free(waited);
    free(watches);
    return rc;
}
