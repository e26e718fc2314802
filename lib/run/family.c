/* family.c: who is to be waited for at the end of the program; see family.h. */
#include "run/family.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct list members = {&members, &members};
static unsigned rounds;
static atomic_uint generation;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void before_fork(void)
{
    pthread_mutex_lock(&lock);
}

static void after_fork_in_parent(void)
{
    pthread_mutex_unlock(&lock);
}

static void after_fork_in_child(void)
{
    atomic_fetch_add(&generation, 1);
    list_init(&members);
    pthread_mutex_unlock(&lock);
}

static void drop(struct member *m)
{
    if (atomic_fetch_sub(&m->refs, 1) == 1)
        m->free(m);
}

typedef void visitor(struct member *m, void *arg);

/* Visits each member, the lock free meanwhile; who joins the family late is met too. */
static void each_member(visitor *visit, void *arg)
{
    pthread_mutex_lock(&lock);
    unsigned round = ++rounds;
    for (struct list *it = members.next; it != &members;) {
        struct member *m = container_of(it, struct member, link);
        it = it->next;
        if (m->visited == round)
            continue;
        m->visited = round;
        atomic_fetch_add(&m->refs, 1);
        pthread_mutex_unlock(&lock);
        visit(m, arg);
        drop(m);
        pthread_mutex_lock(&lock);
        it = members.next; /* anything may have happened to the list */
    }
    pthread_mutex_unlock(&lock);
}

static void visit_ask(struct member *m, void *unused)
{
    (void)unused;
    if (m->ask != NULL)
        m->ask(m);
}

static void visit_wait(struct member *m, void *unused)
{
    (void)unused;
    m->wait(m);
}

static void visit_check(struct member *m, void *count)
{
    if (m->check != NULL && m->check(m))
        ++*(int *)count;
}

static void at_exit(void)
{
    each_member(visit_ask, NULL);
    each_member(visit_wait, NULL);
}

static void set_up(void)
{
    pthread_atfork(before_fork, after_fork_in_parent, after_fork_in_child);
    atexit(at_exit);
}

void roost__family_add(struct member *m)
{
    pthread_once(&once, set_up);
    atomic_store(&m->refs, 1);
    pthread_mutex_lock(&lock);
    list_push_back(&members, &m->link);
    pthread_mutex_unlock(&lock);
}

void roost__family_leave(struct member *m)
{
    pthread_mutex_lock(&lock);
    list_remove(&m->link);
    pthread_mutex_unlock(&lock);
    drop(m);
}

int roost__family_check(void)
{
    int running = 0;
    each_member(visit_check, &running);
    return running;
}

char *roost__member_name(const char *given, const char *kind, atomic_uint *count)
{
    char *name;
    unsigned number = atomic_fetch_add(count, 1) + 1;
    if (given != NULL)
        return strdup(given);
    return asprintf(&name, "%s-%u", kind, number) < 0 ? NULL : name;
}

unsigned roost__generation(void)
{
    pthread_once(&once, set_up);
    return atomic_load(&generation);
}
