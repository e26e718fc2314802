/* top_picture.c: see top.h. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "top.h"

const char *const top_key_names[TOP_KEYS] = {"load", "waiters", "size", "bytes", "holders", "name"};

static int64_t number(roost_value map, const char *name, int64_t otherwise)
{
    const roost_value *v = roost_map_get(map, roost_str(name));
    return v != NULL && v->kind == ROOST_INT ? v->as.i : otherwise;
}

static const char *words(roost_value map, const char *name)
{
    const roost_value *v = roost_map_get(map, roost_str(name));
    return v != NULL && v->kind == ROOST_STR ? v->as.s : "";
}

/* What a terminal may show: names come from other people. */
static void clean(char *text)
{
    for (; *text != '\0'; text++)
        if ((unsigned char)*text < 0x20 || *text == 0x7f)
            *text = '?';
}

static void read_object(roost_value v, struct top_row *ret)
{
    *ret = (struct top_row){.id = (uint64_t)number(v, "id", 0),
                            .size = number(v, "len", -1),
                            .bytes = number(v, "bytes", 0),
                            .calls = number(v, "calls", 0),
                            .holders = number(v, "holders", 0),
                            .waiters = number(v, "waiters", 0),
                            .age_ms = number(v, "age_ms", 0),
                            .oldest_ms = -1,
                            .rate = -1};
    snprintf(ret->type, sizeof(ret->type), "%s", words(v, "type"));
    if (*words(v, "name") != '\0')
        snprintf(ret->name, sizeof(ret->name), "%s", words(v, "name"));
    else
        snprintf(ret->name, sizeof(ret->name), "#%" PRIu64, ret->id);
    clean(ret->name);
}

static void read_session(roost_value v, struct top_row *ret)
{
    *ret = (struct top_row){.id = (uint64_t)number(v, "id", 0),
                            .size = -1,
                            .bytes = number(v, "kept_bytes", 0),
                            .calls = number(v, "calls", 0),
                            .holders = number(v, "held", 0),
                            .waiters = number(v, "waiting", 0),
                            .age_ms = number(v, "age_ms", 0),
                            .oldest_ms = -1,
                            .rate = -1};
    snprintf(ret->type, sizeof(ret->type), "%s", words(v, "peer"));
    snprintf(ret->name, sizeof(ret->name), "%.20s pid %" PRId64 " %.20s", words(v, "label"),
             number(v, "pid", 0), words(v, "host"));
    clean(ret->name);
    clean(ret->type);
}

typedef int ask(roost_manager *m, uint64_t cursor, uint32_t max, roost_value *ret);

static int add_rows(struct top_list *l, roost_value rows, void (*read)(roost_value v, struct top_row *ret))
{
    struct top_row *grown = reallocarray(l->rows, l->len + rows.len + 1, sizeof(*grown));
    if (grown == NULL)
        return ROOST_ENOMEM;
    l->rows = grown;
    for (uint32_t i = 0; i < rows.len; i++)
        read(rows.as.items[i], &l->rows[l->len++]);
    return ROOST_OK;
}

static int take_list(roost_manager *m, ask *page, void (*read)(roost_value v, struct top_row *ret),
                     struct top_list *l)
{
    uint64_t cursor = 0;
    int rc = ROOST_OK;
    for (int n = 0; n < TOP_PAGES && rc == ROOST_OK; n++) {
        roost_value v;
        rc = page(m, cursor, 0, &v);
        if (rc != ROOST_OK)
            return rc;
        rc = add_rows(l, v.as.items[0], read);
        l->more = v.as.items[1].kind == ROOST_INT;
        cursor = l->more ? (uint64_t)v.as.items[1].as.i : 0;
        roost_value_free(&v);
        if (!l->more)
            break;
    }
    return rc;
}

static int by_id(const void *a, const void *b)
{
    const struct top_row *x = a, *y = b;
    return x->id < y->id ? -1 : x->id > y->id;
}

/* before is in any order, now in that of ids. */
static void take_rates(struct top_list *now, const struct top_list *before, double seconds)
{
    for (size_t i = 0; i < before->len; i++) {
        struct top_row *r = bsearch(&before->rows[i], now->rows, now->len, sizeof(*r), by_id);
        if (r != NULL)
            r->rate = (double)(r->calls - before->rows[i].calls) / seconds;
    }
}

/* How long the first in line has waited, of some that have a line. */
static void take_ages(roost_manager *m, struct top_list *objects)
{
    int asked = 0;
    for (size_t i = 0; i < objects->len && asked < TOP_LINES; i++) {
        struct top_row *r = &objects->rows[i];
        roost_parties parties;
        if (r->waiters == 0 || r->name[0] == '#')
            continue;
        asked++;
        if (roost_server_parties(m, roost_str(r->name), &parties) != ROOST_OK)
            continue; /* it is gone */
        for (size_t k = 0; k < parties.waiter_count; k++)
            if (parties.waiters[k].age_ms > r->oldest_ms)
                r->oldest_ms = parties.waiters[k].age_ms;
        roost_parties_free(&parties);
    }
}

static int take_info(roost_manager *m, struct top_picture *p)
{
    roost_value v;
    int rc = roost_server_info(m, &v);
    if (rc != ROOST_OK)
        return rc;
    const roost_value *limits = roost_map_get(v, roost_str("limits"));
    p->uptime_ms = number(v, "uptime_ms", 0);
    p->total_objects = number(v, "objects", 0);
    p->total_sessions = number(v, "sessions", 0);
    p->waiters = number(v, "waiters", 0);
    p->memory = number(v, "memory", 0);
    p->calls = number(v, "calls", 0);
    p->memory_max = limits != NULL ? number(*limits, "memory_max", 0) : 0;
    roost_value_free(&v);
    return ROOST_OK;
}

int top_take(roost_manager *m, const struct top_picture *before, struct top_picture *ret)
{
    struct top_picture p = {.rate = -1};
    int rc = take_info(m, &p);
    if (rc == ROOST_OK)
        rc = take_list(m, roost_server_objects, read_object, &p.objects);
    if (rc == ROOST_OK)
        rc = take_list(m, roost_server_sessions, read_session, &p.sessions);
    if (rc != ROOST_OK) {
        top_free(&p);
        return rc;
    }
    double seconds = before != NULL ? (double)(p.uptime_ms - before->uptime_ms) / 1000 : 0;
    if (seconds > 0) {
        take_rates(&p.objects, &before->objects, seconds);
        take_rates(&p.sessions, &before->sessions, seconds);
        p.rate = (double)(p.calls - before->calls) / seconds;
    }
    take_ages(m, &p.objects);
    *ret = p;
    return ROOST_OK;
}

void top_free(struct top_picture *p)
{
    free(p->objects.rows);
    free(p->sessions.rows);
    *p = (struct top_picture){.rate = -1};
}

/* What a row is sorted by, the most first. */
static double weight(const struct top_row *r, enum top_key key)
{
    switch (key) {
    case TOP_LOAD:
        return r->rate >= 0 ? r->rate : (double)r->calls;
    case TOP_WAITERS:
        return (double)r->waiters;
    case TOP_SIZE:
        return (double)r->size;
    case TOP_BYTES:
        return (double)r->bytes;
    case TOP_HOLDERS:
        return (double)r->holders;
    case TOP_NAME:
    case TOP_KEYS:
        break;
    }
    return 0;
}

static int compare(const void *a, const void *b, void *key)
{
    enum top_key k = *(const enum top_key *)key;
    double x = weight(a, k), y = weight(b, k);
    if (x != y)
        return x > y ? -1 : 1;
    int c = k == TOP_NAME ? strcmp(((const struct top_row *)a)->name, ((const struct top_row *)b)->name) : 0;
    return c != 0 ? c : by_id(a, b);
}

size_t top_arrange(struct top_list *l, enum top_key key, const char *filter)
{
    size_t n = 0;
    for (size_t i = 0; i < l->len; i++) {
        if (strcasestr(l->rows[i].name, filter) == NULL && strcasestr(l->rows[i].type, filter) == NULL)
            continue;
        struct top_row r = l->rows[n];
        l->rows[n++] = l->rows[i];
        l->rows[i] = r;
    }
    if (n > 0)
        qsort_r(l->rows, n, sizeof(*l->rows), compare, &key);
    return n;
}
