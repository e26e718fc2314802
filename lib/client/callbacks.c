/* callbacks.c: the thread that calls back; see callbacks.h. */
#include "client/callbacks.h"

#include "base/error.h"
#include "client/conn.h"
#include "client/quiet.h"

void roost__callbacks_init(struct callbacks *b)
{
    *b = (struct callbacks){0};
    list_init(&b->ready);
    pthread_cond_init(&b->changed, NULL);
}

void roost__callbacks_free(struct callbacks *b)
{
    pthread_cond_destroy(&b->changed);
}

/* Waits until an answer makes a callee ready. Lock held. */
static void await_answers(struct conn *c)
{
    struct call ticket = {0};
    c->callbacks.ticket = &ticket;
    pthread_mutex_unlock(&c->lock);
    (void)roost__conn_await(c, &ticket, -1);
    pthread_mutex_lock(&c->lock);
    c->callbacks.ticket = NULL;
}

static void run_first(struct conn *c)
{
    struct list *first = list_first(&c->callbacks.ready);
    struct callee *callee = container_of(first, struct callee, link);
    list_remove(first);
    pthread_mutex_unlock(&c->lock);
    callee->run(callee);
    pthread_mutex_lock(&c->lock);
}

static void *serve(void *arg)
{
    struct conn *c = arg;
    struct callbacks *b = &c->callbacks;
    pthread_mutex_lock(&c->lock);
    while (!b->ends || !list_empty(&b->ready)) {
        if (!list_empty(&b->ready) && (!b->by_hand || b->ends))
            run_first(c);
        else if (b->expected > 0 && !b->by_hand)
            await_answers(c);
        else
            pthread_cond_wait(&b->changed, &c->lock);
    }
    pthread_mutex_unlock(&c->lock);
    return NULL;
}

int roost__callbacks_expect(struct conn *c)
{
    struct callbacks *b = &c->callbacks;
    if (!b->runs && !b->by_hand)
        b->runs = roost__start_quietly(&b->thread, serve, c);
    if (!b->runs && !b->by_hand)
        return roost__fail(ROOST_ESYS, "cannot start a thread for callbacks");
    b->expected++;
    pthread_cond_signal(&b->changed);
    return ROOST_OK;
}

void roost__callbacks_ready(struct conn *c, struct callee *callee)
{
    struct callbacks *b = &c->callbacks;
    b->expected--;
    list_push_back(&b->ready, &callee->link);
    if (b->ticket != NULL)
        roost__conn_mark(b->ticket);
    pthread_cond_signal(&b->changed);
}

void roost__callbacks_by_hand(struct conn *c)
{
    struct callbacks *b = &c->callbacks;
    b->by_hand = true;
    if (b->ticket != NULL)
        roost__conn_mark(b->ticket);
}

static void run_ready(struct conn *c)
{
    while (!list_empty(&c->callbacks.ready))
        run_first(c);
}

void roost__callbacks_run(struct conn *c)
{
    pthread_mutex_lock(&c->lock);
    if (c->callbacks.by_hand)
        run_ready(c);
    pthread_mutex_unlock(&c->lock);
}

void roost__callbacks_stop(struct conn *c)
{
    struct callbacks *b = &c->callbacks;
    pthread_mutex_lock(&c->lock);
    bool runs = b->runs;
    b->ends = true;
    pthread_cond_signal(&b->changed);
    pthread_mutex_unlock(&c->lock);
    if (runs)
        pthread_join(b->thread, NULL);
    b->runs = false;
    roost__callbacks_run(c);
}
