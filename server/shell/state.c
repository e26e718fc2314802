/* state.c: see state.h. */
#include "shell/state.h"

#include <stdio.h>
#include <stdlib.h>

#include "shell/json.h"
#include "shell/server.h"
#include "shell/store.h"
#include "wire/encode.h"
#include "wire/scan.h"

/* An object in whose line somebody may stand. */
struct busy {
    uint64_t id;
    roost_type type;
};

struct picture {
    struct server *server;
    struct state *state;
    struct buf *out;
    struct busy busy[STATE_LINES];
    size_t busy_len;
};

static void put(struct picture *p, const char *text)
{
    buf_append(p->out, text, strlen(text));
}

static bool look(struct picture *p, uint64_t method, const struct buf *args, struct slice *ret)
{
    pthread_mutex_lock(&p->server->mutex);
    bool ok = core_look(p->server->core, method, buf_slice(args), &p->state->effects, ret);
    pthread_mutex_unlock(&p->server->mutex);
    return ok;
}

static void put_info(struct picture *p)
{
    struct buf args = buf_make(16);
    struct slice info;
    roost__put_array(&args, 0);
    if (look(p, METHOD_server_info, &args, &info))
        json_put(p->out, info, STATE_TEXT);
    else
        put(p, "{}");
    roost__buf_free(&args);
}

static uint64_t number_in(struct slice map, const char *name)
{
    struct item it = roost__map_item(map, name);
    return it.kind == ROOST_INT ? it.as.u : 0;
}

static void note_busy(struct picture *p, struct slice object)
{
    struct item type = roost__map_item(object, "type");
    if (number_in(object, "waiters") + number_in(object, "holders") == 0 || p->busy_len == STATE_LINES)
        return;
    int code = roost__type_by_name((const char *)type.as.bytes, type.len);
    p->busy[p->busy_len++] = (struct busy){.id = number_in(object, "id"), .type = (roost_type)code};
}

static bool describe(struct picture *p, uint64_t id, struct buf *ret)
{
    buf_reset(ret);
    pthread_mutex_lock(&p->server->mutex);
    bool ok = core_describe(p->server->core, id, ret) && !ret->failed;
    pthread_mutex_unlock(&p->server->mutex);
    return ok;
}

/* "objects": [ … ], "more_objects": bool */
static void put_objects(struct picture *p)
{
    struct ranked *ranked = p->state->ranked;
    struct buf one = buf_make(1 << 20);
    struct core_counts counts;
    size_t len = rank_look(&p->state->rank, p->server, ranked, STATE_OBJECTS);
    uint64_t all = 0, shown = 0;
    put(p, ",\n\"objects\": [");
    for (size_t i = 0; i < len; i++) {
        if (!describe(p, ranked[i].id, &one))
            continue; /* it is gone */
        put(p, shown++ > 0 ? ",\n" : "");
        json_put(p->out, buf_slice(&one), STATE_TEXT);
        note_busy(p, buf_slice(&one));
    }
    pthread_mutex_lock(&p->server->mutex);
    core_counts(p->server->core, &counts);
    for (unsigned t = 0; t < TYPE_COUNT; t++)
        all += counts.objects_by_type[t];
    pthread_mutex_unlock(&p->server->mutex);
    put(p, all > len ? "],\n\"more_objects\": true" : "],\n\"more_objects\": false");
    roost__buf_free(&one);
}

/* The nodes of a cluster, as server.cluster tells of them. */
static void put_cluster(struct picture *p)
{
    struct buf map = buf_make(1 << 20);
    struct store *store = p->server->store;
    if (store == NULL || store->ops->picture == NULL)
        return;
    pthread_mutex_lock(&p->server->mutex);
    store->ops->picture(store, &map);
    pthread_mutex_unlock(&p->server->mutex);
    if (!map.failed) {
        put(p, ",\n\"cluster\": ");
        json_put(p->out, buf_slice(&map), STATE_TEXT);
    }
    roost__buf_free(&map);
}

/* The elements of a page; returns the cursor behind it, 0: there is no more. */
static uint64_t put_page(struct picture *p, struct slice page, size_t *n)
{
    struct item head, cursor;
    const uint8_t *at = roost__scan_item(page.data, &head);
    at = roost__scan_item(at, &head);
    for (uint32_t i = 0; i < head.len; i++) {
        struct slice one = scan_next(&at);
        put(p, (*n)++ > 0 ? ",\n" : "");
        json_put(p->out, one, STATE_TEXT);
    }
    roost__scan_item(at, &cursor);
    return cursor.kind == ROOST_INT ? cursor.as.u : 0;
}

/* "name": [ … ], "more_name": bool */
static void put_list(struct picture *p, const char *name, uint64_t method, size_t max)
{
    struct buf args = buf_make(64);
    struct slice page;
    uint64_t cursor = 0;
    size_t n = 0;
    char words[64];
    snprintf(words, sizeof(words), ",\n\"%s\": [", name);
    put(p, words);
    do {
        buf_reset(&args);
        roost__put_array(&args, 2);
        roost__put_uint(&args, cursor);
        roost__put_uint(&args, STATE_PAGE);
        cursor = look(p, method, &args, &page) ? put_page(p, page, &n) : 0;
    } while (cursor != 0 && n < max);
    snprintf(words, sizeof(words), "],\n\"more_%s\": %s", name, cursor != 0 ? "true" : "false");
    put(p, words);
    roost__buf_free(&args);
}

static void put_lines(struct picture *p)
{
    struct buf args = buf_make(64);
    struct slice who;
    bool first = true;
    put(p, ",\n\"lines\": [");
    for (size_t i = 0; i < p->busy_len; i++) {
        buf_reset(&args);
        roost__put_array(&args, 1);
        roost__put_ref(&args, p->busy[i].id, p->busy[i].type);
        if (!look(p, METHOD_server_who, &args, &who))
            continue; /* it is gone */
        put(p, first ? "" : ",\n");
        json_put(p->out, who, STATE_TEXT);
        first = false;
    }
    put(p, "]");
    roost__buf_free(&args);
}

void state_init(struct state *state)
{
    effects_init(&state->effects);
    rank_init(&state->rank);
}

void state_free(struct state *state)
{
    effects_free(&state->effects);
    rank_free(&state->rank);
}

void state_json(struct state *state, struct server *s, struct buf *out)
{
    struct picture p = {.server = s, .state = state, .out = out};
    struct batch batch;
    server_enter(s, &batch); /* ages are as of the last step: let it be now */
    server_step(s, &batch, (struct event){.kind = EVENT_TIME});
    server_leave(s, &batch);
    put(&p, "{\"info\": ");
    put_info(&p);
    put_objects(&p);
    put_list(&p, "sessions", METHOD_server_sessions, STATE_SESSIONS);
    put_lines(&p);
    put_cluster(&p);
    put(&p, "}");
}
