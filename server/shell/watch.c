/* watch.c: see watch.h. */
#include "shell/watch.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "roost/error.h"
#include "shell/conn.h"
#include "shell/json.h"
#include "shell/log.h"
#include "shell/server.h"
#include "wire/frame.h"
#include "wire/methods.h"

enum { ARGS_SHOWN = 120 };

static const char *method_name(int row, char *ret, size_t len)
{
    if (row < 0)
        return "?";
    snprintf(ret, len, "%s.%s", roost_type_name(roost__methods[row].type), roost__methods[row].name);
    return ret;
}

static bool is_administrative(const struct method *m)
{
    return m->code == METHOD_server_delete ||
           ((m->flags & METHOD_ADMIN) != 0 && (m->flags & METHOD_WRITE) != 0);
}

/* A call's arguments as JSON, cut where they are long. */
static void show_arguments(struct slice payload, char *ret, size_t len)
{
    struct call_frame frame;
    struct buf b = buf_make(FRAME_MAX);
    *ret = '\0';
    if (roost__frame_call(payload, &frame)) {
        for (uint32_t i = 0; i < frame.argc && b.len < len; i++) {
            buf_append(&b, ", ", i > 0 ? 2 : 0);
            json_put(&b, scan_next(&frame.args), len);
        }
        snprintf(ret, len, "%.*s", (int)b.len, b.data != NULL ? (const char *)b.data : "");
    }
    roost__buf_free(&b);
}

enum { WHO_FIELDS = 3, MORE_FIELDS = 5 };

struct said {
    struct log_field fields[WHO_FIELDS + MORE_FIELDS];
    size_t n;
};

static void say(struct said *s, struct log_field field)
{
    assert(s->n < WHO_FIELDS + MORE_FIELDS);
    s->fields[s->n++] = field;
}

/* Whose it was. */
static void say_who(struct said *s, const struct conn *c)
{
    say(s, (struct log_field){"session", NULL, (int64_t)c->session});
    if (*c->name != '\0')
        say(s, (struct log_field){"identity", c->name, 0});
    say(s, (struct log_field){"peer", c->peer, 0});
}

static void audit(struct conn *c, int row, struct slice payload, int code)
{
    char name[64], args[ARGS_SHOWN];
    struct said s = {.n = 0};
    show_arguments(payload, args, sizeof(args));
    say(&s, (struct log_field){"method", method_name(row, name, sizeof(name)), 0});
    say(&s, (struct log_field){"object", NULL, (int64_t)c->server->effects.object});
    if (*core_audit(c->server->core) != '\0')
        say(&s, (struct log_field){"of", core_audit(c->server->core), 0});
    say(&s, (struct log_field){"args", args, 0});
    say_who(&s, c);
    say(&s, (struct log_field){"result", code == 0 ? "done" : roost_strerror(code), 0});
    log_event(LOG_LEVEL_INFO, "audit", s.fields, s.n);
}

void watch_act(const struct conn *c, const char *what)
{
    struct said s = {.n = 0};
    if (!atomic_load(&c->server->watch.audit))
        return;
    say(&s, (struct log_field){"what", what, 0});
    say_who(&s, c);
    log_event(LOG_LEVEL_INFO, "audit", s.fields, s.n);
}

/* A flood of refusals must not become a flood of lines. */
static bool may_say_refusal(struct refusals *r)
{
    int64_t second = server_now_us() / 1000000;
    if (r->second != second) {
        r->second = second;
        r->in_second = 0;
    }
    if (r->in_second++ < REFUSALS_A_SECOND)
        return true;
    r->left_out++;
    return false;
}

void watch_refusal(struct conn *c, const char *what, int code)
{
    struct server *s = c->server;
    s->metrics.refused++;
    if (!atomic_load(&s->watch.audit) || !may_say_refusal(&s->refusals))
        return;
    struct said said = {.n = 0};
    say(&said, (struct log_field){"what", what, 0});
    say(&said, (struct log_field){"error", roost_strerror(code), 0});
    say_who(&said, c);
    say(&said, (struct log_field){"left_out", NULL, (int64_t)s->refusals.left_out});
    s->refusals.left_out = 0;
    log_event(code == ROOST_EAUTH ? LOG_LEVEL_WARN : LOG_LEVEL_INFO, "refused", said.fields, said.n);
}

void watch_call(struct conn *c, struct slice payload)
{
    const struct effects *e = &c->server->effects;
    char name[64];
    if (e->code == ROOST_EPERM)
        watch_refusal(c, core_audit(c->server->core), e->code);
    else if (is_administrative(&roost__methods[e->row]) && atomic_load(&c->server->watch.audit))
        audit(c, e->row, payload, e->code);
    else if (e->code == ROOST_ELIMIT)
        watch_refusal(c, method_name(e->row, name, sizeof(name)), e->code);
}

void watch_slow(struct conn *c, int row, uint64_t object, int64_t exec_ns, int64_t wait_ns)
{
    char name[64];
    struct log_field fields[] = {{"method", method_name(row, name, sizeof(name)), 0},
                                 {"object", NULL, (int64_t)object},
                                 {"exec_us", NULL, exec_ns / 1000},
                                 {"wait_us", NULL, wait_ns / 1000},
                                 {"session", NULL, (int64_t)c->session},
                                 {"peer", c->peer, 0}};
    c->server->metrics.slow++;
    log_event(LOG_LEVEL_WARN, "slow call", fields, sizeof(fields) / sizeof(fields[0]));
}

/* ---- rates ---- */

static struct rate *rate_at(const struct hnode *n)
{
    return container_of((struct hnode *)(uintptr_t)n, struct rate, in_server);
}

static bool rate_has_peer(const struct hnode *n, const void *peer)
{
    return strcmp(rate_at(n)->peer, peer) == 0;
}

static uint64_t hash_peer(const char *peer)
{
    uint64_t hash = 0;
    for (; *peer != '\0'; peer++)
        hash = hash_u64(hash ^ (unsigned char)*peer);
    return hash;
}

struct rate *rate_of(struct server *s, const char *peer)
{
    struct hnode *n = roost__hmap_find(&s->rates, hash_peer(peer), rate_has_peer, peer);
    size_t len = strlen(peer) + 1;
    struct rate *r = n != NULL ? rate_at(n) : calloc(1, sizeof(*r) + len);
    if (r == NULL)
        return NULL;
    if (n == NULL) {
        memcpy(r->peer, peer, len);
        r->in_server.hash = hash_peer(peer);
        r->since_us = server_now_us() - 1000000; /* a second has been saved up */
        if (!roost__hmap_add(&s->rates, &r->in_server)) {
            free(r);
            return NULL;
        }
    }
    r->refs++;
    return r;
}

void rate_drop(struct server *s, struct rate *r)
{
    if (r == NULL || --r->refs > 0)
        return;
    roost__hmap_remove(&s->rates, &r->in_server);
    free(r);
}

/* Saved up are calls, in millionths: per_second of them a microsecond, and a second's worth at most. */
bool rate_take(struct rate *r, int64_t now_us, int64_t per_second)
{
    int64_t cost = 1000000;
    int64_t gain = (now_us - r->since_us) < 1000000 ? (now_us - r->since_us) * per_second : cost * per_second;
    r->since_us = now_us;
    r->saved += gain;
    if (r->saved > cost * per_second)
        r->saved = cost * per_second;
    if (r->saved < cost)
        return false;
    r->saved -= cost;
    return true;
}
