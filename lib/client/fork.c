/* fork.c: what all managers do when the process forks, and when it ends; see fork.h. */
#include "client/fork.h"

#include "base/farewell.h"

static pthread_mutex_t registry_lock = PTHREAD_MUTEX_INITIALIZER;
static struct list managers = {&managers, &managers};
static struct list set_aside = {&set_aside, &set_aside}; /* connections of the parent, in a child */

static struct roost_manager *as_manager(struct list *link)
{
    return container_of(link, struct roost_manager, link);
}

static void before_fork(void)
{
    pthread_mutex_lock(&registry_lock);
    list_each (it, &managers) {
        pthread_mutex_lock(&as_manager(it)->refs.lock);
        pthread_mutex_lock(&as_manager(it)->addresses.lock);
    }
}

static void after_fork_in_parent(void)
{
    list_each (it, &managers) {
        pthread_mutex_unlock(&as_manager(it)->addresses.lock);
        pthread_mutex_unlock(&as_manager(it)->refs.lock);
    }
    pthread_mutex_unlock(&registry_lock);
}

static void after_fork_in_child(void)
{
    list_each (it, &managers) {
        struct roost_manager *m = as_manager(it);
        struct conn *inherited = atomic_exchange(&m->conn, NULL);
        if (inherited != NULL) {
            roost__transport_leave(&inherited->transport);
            roost__transport_leave(&inherited->next);
            roost__pulse_forget(&inherited->pulse);
            roost__pollable_close(&inherited->pollable);
            list_push_back(&set_aside, &inherited->link);
        }
        m->server.pid = 0; /* the parent's to end */
        atomic_store(&m->state, ROOST_NOT_CONNECTED);
        pthread_mutex_init(&m->connecting, NULL);
        roost__refs_forget_session(&m->refs);
    }
    after_fork_in_parent();
}

/* A process that ends in order does not come back: its sessions need no grace. */
static void end_sessions(void)
{
    pthread_mutex_lock(&registry_lock);
    list_each (it, &managers) {
        struct conn *c = atomic_load(&as_manager(it)->conn);
        if (c != NULL)
            roost__conn_end_session(c);
    }
    pthread_mutex_unlock(&registry_lock);
}

static void install_handlers(void)
{
    roost__farewell_set(end_sessions);
    pthread_atfork(before_fork, after_fork_in_parent, after_fork_in_child);
}

void roost__fork_register(struct roost_manager *m)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, install_handlers);
    pthread_mutex_lock(&registry_lock);
    list_push_back(&managers, &m->link);
    pthread_mutex_unlock(&registry_lock);
}

void roost__fork_unregister(struct roost_manager *m)
{
    pthread_mutex_lock(&registry_lock);
    list_remove(&m->link);
    pthread_mutex_unlock(&registry_lock);
}
