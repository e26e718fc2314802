/* line.c: see line.h. */
#include "tests/support/test.h"

#include "tests/client/line.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { PATIENCE_S = 100 }; /* on the slowest machine */

void assert_ok(int rc, const char *what)
{
    if (rc != 0)
        fail_msg("%s: %s", what, roost_errmsg());
}

/* ---- the server, the proxy, and a client that is not behind it ---- */

pid_t server;
char url[ROOSTD_URL];
struct proxy proxy;
roost_manager *direct;

void restart_server(void)
{
    roost_manager_close(direct);
    roostd_end(server, SIGKILL);
    server = roostd_start(url);
    OK(roost_connect(url, NULL, &direct));
    atomic_store(&proxy.port, atoi(strrchr(url, ':') + 1));
}

int set_up(void **state)
{
    (void)state;
    server = roostd_start(url);
    proxy_start(&proxy, url);
    return roost_connect(url, NULL, &direct);
}

int tear_down(void **state)
{
    (void)state;
    roost_manager_close(direct);
    proxy_stop(&proxy);
    roostd_end(server, SIGTERM);
    return 0;
}

int64_t info(const char *what)
{
    roost_value v;
    OK(roost_server_info(direct, &v));
    int64_t n = roost_map_get(v, roost_str(what))->as.i;
    roost_value_free(&v);
    return n;
}

void await_info(const char *what, int64_t value)
{
    time_t end = time(NULL) + PATIENCE_S;
    while (info(what) != value)
        if (time(NULL) > end)
            fail_msg("%s is %lld, not %lld", what, (long long)info(what), (long long)value);
}

int await_quiet(void **state)
{
    (void)state;
    await_info("sessions", 1);
    await_info("waiters", 0);
    await_info("deliveries", 0);
    return 0;
}

int64_t now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* ---- states, as told ---- */

static void note(roost_manager *m, roost_state state, void *arg)
{
    (void)m;
    struct story *s = arg;
    pthread_mutex_lock(&s->lock);
    if (s->len < 64)
        s->states[s->len++] = state;
    pthread_cond_broadcast(&s->told);
    pthread_mutex_unlock(&s->lock);
}

roost_state told(struct story *s, int len)
{
    struct timespec end;
    clock_gettime(CLOCK_REALTIME, &end);
    end.tv_sec += PATIENCE_S;
    pthread_mutex_lock(&s->lock);
    while (s->len < len)
        if (pthread_cond_timedwait(&s->told, &s->lock, &end) != 0)
            fail_msg("only %d states were told, not %d", s->len, len);
    roost_state state = s->states[len - 1];
    pthread_mutex_unlock(&s->lock);
    return state;
}

struct story new_story(void)
{
    return (struct story){.lock = PTHREAD_MUTEX_INITIALIZER, .told = PTHREAD_COND_INITIALIZER};
}

roost_manager *connected(roost_options options, struct story *story)
{
    roost_manager *m;
    if (story != NULL) {
        options.on_state = note;
        options.on_state_arg = story;
    }
    OK(roost_connect(proxy.url, &options, &m));
    return m;
}

void *get_for_ever(void *q)
{
    roost_value v;
    int rc = roost_queue_get(q, &v, -1);
    return (void *)(intptr_t)(rc == 0 ? v.as.i : rc);
}

intptr_t join(pthread_t thread)
{
    void *result;
    pthread_join(thread, &result);
    return (intptr_t)result;
}

void begin_taking(struct taker *t, roost_options options)
{
    t->story = new_story();
    t->m = connected(options, &t->story);
    OK(roost_queue_open(t->m, "items", NULL, &t->q));
    assert_int_equal(pthread_create(&t->thread, NULL, get_for_ever, t->q), 0);
    await_info("waiters", 1);
}

void end_taking(struct taker *t)
{
    OK(roost_server_delete(direct, roost_str("items")));
    roost_queue_close(t->q);
    roost_manager_close(t->m);
}

void break_the_line_of(struct taker *t)
{
    proxy_set(&proxy, &proxy.refuses, true);
    proxy_cut(&proxy);
    assert_int_equal(told(&t->story, 2), ROOST_DISCONNECTED);
}
