/* play_waits.c: random calls of what is waited for; see play.h. */
#include "tests/sim/play.h"

/* The last argument of what takes something: timeout, and sometimes a time to live. */
static void put_patience(struct play *p)
{
    bool full = p->m->hold_count > M_HOLDS - 40 || p->m->died_count > M_HOLDS - 40;
    arg_int(p, any_timeout(p));
    if (full || likely(p, 30))
        arg_int(p, full ? 0 : likely(p, 5) ? 0 : 1 + pick(p, 25));
}

static void put_token(struct play *p)
{
    struct grant g = any_grant(p, p->target);
    roost__put_uint(arg(p), g.token != 0 ? g.token : 1000000);
}

static void put_keys(struct play *p)
{
    unsigned n = likely(p, 60) ? 1 : 2 + pick(p, M_WANTS - 1);
    roost__put_array(arg(p), n);
    for (unsigned i = 0; i < n; i++)
        roost__put_int(p->args, pick(p, 3));
}

static void play_keyed(struct play *p)
{
    static const unsigned methods[] = {METHOD_keyed_lock_acquire, METHOD_keyed_lock_acquire,
                                       METHOD_keyed_lock_release, METHOD_keyed_lock_release,
                                       METHOD_keyed_lock_release, METHOD_keyed_lock_locked,
                                       METHOD_keyed_lock_extend};
    p->method = methods[pick(p, sizeof(methods) / sizeof(methods[0]))];
    if (p->method == METHOD_keyed_lock_acquire) {
        put_keys(p);
        put_patience(p);
    } else if (p->method == METHOD_keyed_lock_locked) {
        arg_int(p, pick(p, 3));
    } else if (p->method == METHOD_keyed_lock_extend) {
        put_token(p);
        if (likely(p, 60))
            arg_int(p, 1 + pick(p, 25));
    } else if (likely(p, 70)) {
        likely(p, 50) ? put_keys(p) : roost__put_nil(arg(p));
        if (likely(p, 30))
            put_token(p);
    }
}

void play_take(struct play *p)
{
    unsigned type = (unsigned)p->o->type << 8, which = pick(p, 12);
    bool permits = p->o->type == ROOST_TYPE_semaphore || p->o->type == ROOST_TYPE_bounded_semaphore;
    if (p->o->type == ROOST_TYPE_keyed_lock) {
        play_keyed(p);
        return;
    }
    p->method = type + (which < 6 ? 1 : which < 10 ? 2 : which == 10 ? 3 : 4);
    if (which < 6) {
        put_patience(p);
    } else if (which < 10 && permits) {
        if (likely(p, 30))
            arg_int(p, pick(p, 3));
    } else if (which < 10) {
        if (likely(p, 30))
            put_token(p);
    } else if (which == 11) {
        put_token(p);
        if (likely(p, 60))
            arg_int(p, pick(p, 25));
    }
}

/* Who has the lock mostly waits or notifies, who has not mostly takes it; now and then it is the other way.
 */
void play_condition(struct play *p)
{
    static const unsigned with[] = {METHOD_condition_wait,       METHOD_condition_wait,
                                    METHOD_condition_wait,       METHOD_condition_notify,
                                    METHOD_condition_notify_all, METHOD_condition_release};
    bool there = model_object(p->m, p->o->lock) != NULL;
    bool owns = there && own_lock(p->m, p->o->lock, p->client->session, p->thread) != NULL;
    p->method = owns != likely(p, 15) ? with[pick(p, 6)] : METHOD_condition_acquire;
    if (p->method == METHOD_condition_acquire)
        put_patience(p);
    else if (p->method == METHOD_condition_wait)
        arg_int(p, any_timeout(p));
    else if (p->method == METHOD_condition_notify && likely(p, 50))
        arg_int(p, pick(p, 3));
}

void play_event(struct play *p)
{
    static const unsigned methods[] = {METHOD_event_wait, METHOD_event_wait,  METHOD_event_wait,
                                       METHOD_event_set,  METHOD_event_clear, METHOD_event_is_set};
    p->method = methods[pick(p, 6)];
    if (p->method == METHOD_event_wait)
        arg_int(p, any_timeout(p));
}

void play_barrier(struct play *p)
{
    unsigned which = pick(p, 12);
    p->method = which < 7   ? METHOD_barrier_wait
                : which < 9 ? METHOD_barrier_reset
                            : METHOD_barrier_abort + which - 9;
    if (p->method == METHOD_barrier_wait && likely(p, 80))
        arg_int(p, any_timeout(p));
}
