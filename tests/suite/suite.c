/* suite.c: posting calls and matching answers; see suite.h. */
#include "tests/suite/suite.h"

#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "wire/decode.h"
#include "wire/encode.h"
#include "wire/frame.h"
#include "wire/methods.h"

enum { ANSWERS_MAX = 1 << 20 };

struct client {
    void *link;
    uint64_t last_number;
    char *answers[ANSWERS_MAX]; /* by number; NULL: none yet, or taken */
    char *text;                 /* the answer taken last */
    char message[512];          /* of the last error */
};

static const struct backend *backend;
static bool called[512];

void suite_start(const struct backend *b)
{
    backend = b;
    backend->start();
}

void suite_stop(void)
{
    backend->stop();
}

const char *text(const char *format, ...)
{
    static char buffers[8][512];
    static unsigned next;
    char *b = buffers[next++ % 8];
    va_list args;
    va_start(args, format);
    vsnprintf(b, sizeof(buffers[0]), format, args);
    va_end(args);
    return b;
}

struct client *client_open(void)
{
    struct client *c = calloc(1, sizeof(*c));
    assert_non_null(c);
    c->link = backend->open();
    return c;
}

void lose(struct client *c)
{
    backend->lose(c->link);
    for (size_t i = 0; i < ANSWERS_MAX; i++)
        free(c->answers[i]);
    free(c->text);
    free(c);
}

void pass_time(int64_t ms)
{
    if (!backend->real_time)
        backend->pass_time(ms);
}

/* ---- JSON arguments to MessagePack ---- */

static void put_json(struct buf *b, const json_t *j);

static void put_special(struct buf *b, const json_t *ref, const json_t *bytes)
{
    if (ref != NULL) {
        roost__put_ref(b, (uint64_t)json_integer_value(json_array_get(ref, 0)),
                       (roost_type)json_integer_value(json_array_get(ref, 1)));
        return;
    }
    uint8_t raw[256];
    const char *hex = json_string_value(bytes);
    size_t n = strlen(hex) / 2;
    for (size_t i = 0; i < n; i++)
        sscanf(hex + 2 * i, "%2hhx", &raw[i]);
    roost__put_bytes(b, slice_of(raw, n));
}

/* {'$map': [[key, value], …]} is a map with keys that JSON cannot say. */
static void put_pairs(struct buf *b, const json_t *pairs)
{
    size_t i;
    json_t *pair;
    roost__put_map(b, json_array_size(pairs));
    json_array_foreach(pairs, i, pair)
    {
        put_json(b, json_array_get(pair, 0));
        put_json(b, json_array_get(pair, 1));
    }
}

static void put_object(struct buf *b, const json_t *j)
{
    const json_t *ref = json_object_get(j, "$ref"), *bytes = json_object_get(j, "$bytes");
    const json_t *pairs = json_object_get(j, "$map");
    if (ref != NULL || bytes != NULL) {
        put_special(b, ref, bytes);
        return;
    }
    if (pairs != NULL) {
        put_pairs(b, pairs);
        return;
    }
    const char *key;
    json_t *value;
    json_t *object = (json_t *)(uintptr_t)j;
    roost__put_map(b, json_object_size(j));
    json_object_foreach(object, key, value)
    {
        roost__put_cstr(b, key);
        put_json(b, value);
    }
}

static void put_json(struct buf *b, const json_t *j)
{
    size_t i;
    json_t *item;
    switch (json_typeof(j)) {
    case JSON_NULL:
        roost__put_nil(b);
        return;
    case JSON_TRUE:
    case JSON_FALSE:
        roost__put_bool(b, json_is_true(j));
        return;
    case JSON_INTEGER:
        roost__put_int(b, json_integer_value(j));
        return;
    case JSON_REAL:
        roost__put_float(b, json_real_value(j));
        return;
    case JSON_STRING:
        roost__put_cstr(b, json_string_value(j));
        return;
    case JSON_ARRAY:
        roost__put_array(b, json_array_size(j));
        json_array_foreach(j, i, item) put_json(b, item);
        return;
    case JSON_OBJECT:
        put_object(b, j);
        return;
    }
}

static json_t *parse(const char *single_quoted)
{
    char *json = strdup(single_quoted);
    assert_non_null(json);
    for (char *p = json; *p != '\0'; p++)
        if (*p == '\'')
            *p = '"';
    json_error_t error;
    json_t *j = json_loads(json, JSON_DECODE_ANY, &error);
    if (j == NULL)
        fail_msg("bad JSON in a case: %s: %s", json, error.text);
    free(json);
    return j;
}

/* ---- calls ---- */

static const struct method *row_of(const char *dotted)
{
    const char *dot = strchr(dotted, '.');
    assert_non_null(dot);
    int type = roost__type_by_name(dotted, (size_t)(dot - dotted));
    const struct method *m = type < 0 ? NULL : roost__method_by_name((roost_type)type, dot + 1);
    if (m == NULL)
        fail_msg("no such method: %s", dotted);
    return m;
}

/* Sends a call; options NULL: without. */
static uint64_t post_call(struct client *c, uint64_t thread, uint64_t target, const char *method,
                          const char *args, const char *options)
{
    const struct method *m = row_of(method);
    called[m - roost__methods] = true;
    json_t *j = parse(args);
    struct buf b = buf_make(FRAME_MAX);
    size_t at = frame_begin(&b);
    roost__put_array(&b, options != NULL ? CALL_PARTS + 2 : CALL_PARTS);
    roost__put_int(&b, FRAME_CALL);
    roost__put_uint(&b, ++c->last_number);
    roost__put_uint(&b, thread);
    roost__put_uint(&b, target);
    roost__put_uint(&b, m->code);
    put_json(&b, j);
    if (options != NULL) {
        json_t *more = parse(options);
        roost__put_uint(&b, 0);
        put_json(&b, more);
        json_decref(more);
    }
    assert_true(roost__frame_end(&b, at));
    assert_true(c->last_number < ANSWERS_MAX);
    backend->send(c->link, buf_slice(&b));
    roost__buf_free(&b);
    json_decref(j);
    return c->last_number;
}

uint64_t post_as(struct client *c, uint64_t thread, uint64_t target, const char *method, const char *args)
{
    return post_call(c, thread, target, method, args, NULL);
}

uint64_t post_with(struct client *c, const char *options, uint64_t target, const char *method,
                   const char *args)
{
    return post_call(c, 1, target, method, args, options);
}

uint64_t post_guarded(struct client *c, uint64_t lock, uint64_t token, uint64_t target, const char *method,
                      const char *args)
{
    return post_with(c, text("{'guard': [%llu, %llu]}", (unsigned long long)lock, (unsigned long long)token),
                     target, method, args);
}

uint64_t post(struct client *c, uint64_t target, const char *method, const char *args)
{
    return post_call(c, 1, target, method, args, NULL);
}

uint64_t post_at(struct client *c, uint64_t target, const char *path, const char *method, const char *args)
{
    char *options;
    assert_true(asprintf(&options, "{'at': %s}", path) > 0);
    uint64_t number = post_with(c, options, target, method, args);
    free(options);
    return number;
}

static char *result_text(struct slice value)
{
    roost_value v;
    char *out = NULL;
    size_t len = 0;
    FILE *memory = open_memstream(&out, &len);
    assert_int_equal(roost__decode(value, false, &v), 0);
    roost_value_print(memory, v);
    fclose(memory);
    roost_value_free(&v);
    return out;
}

/* Files the next frame under its call's number. */
static void receive_one(struct client *c)
{
    struct buf payload = buf_make(FRAME_MAX);
    struct item it;
    if (!backend->receive(c->link, &payload))
        fail_msg("no answer came on %s", backend->name);
    assert_true(roost__scan_check(buf_slice(&payload), FRAME_DEPTH_MAX));
    int kind = roost__frame_kind(buf_slice(&payload));
    const uint8_t *p = roost__scan_item(payload.data, &it);
    p = roost__scan_skip(p);
    p = roost__scan_item(p, &it);
    uint64_t number = it.as.u;
    assert_true(kind == FRAME_REPLY || kind == FRAME_ERROR);
    assert_true(number <= c->last_number && c->answers[number] == NULL);
    struct item code = scan_value(slice_of(p, 1));
    if (kind == FRAME_ERROR) {
        const uint8_t *after = roost__scan_item(p, &code);
        it = scan_value(slice_of(after, 1));
        snprintf(c->message, sizeof(c->message), "%.*s", (int)it.len, (const char *)it.as.bytes);
    }
    c->answers[number] =
        kind == FRAME_REPLY ? result_text(scan_next(&p)) : strdup(text("error %d", (int)code.as.i));
    roost__buf_free(&payload);
}

const char *answer_text(struct client *c, uint64_t number)
{
    while (c->answers[number] == NULL)
        receive_one(c);
    free(c->text);
    c->text = c->answers[number];
    c->answers[number] = NULL;
    return c->text;
}

bool is_waiting(struct client *c, uint64_t number)
{
    answered(c, post(c, 0, "server.ping", "[]"), "null"); /* whatever came before it has been seen now */
    return c->answers[number] == NULL;
}

static void send_number(struct client *c, int kind, uint64_t number)
{
    struct buf b = buf_make(64);
    size_t at = frame_begin(&b);
    roost__put_array(&b, 2);
    roost__put_int(&b, kind);
    roost__put_uint(&b, number);
    assert_true(roost__frame_end(&b, at));
    backend->send(c->link, buf_slice(&b));
    roost__buf_free(&b);
}

void acknowledge_call(struct client *c, uint64_t number)
{
    send_number(c, FRAME_ACK, number);
}

void cancel_call(struct client *c, uint64_t number)
{
    send_number(c, FRAME_CANCEL, number);
}

uint64_t open_object(struct client *c, const char *type, const char *args)
{
    const char *ref = answer_text(c, post(c, 0, text("%s.open", type), args));
    const char *hash = strchr(ref, '#');
    if (hash == NULL)
        fail_msg("%s.open%s: %s", type, args, ref);
    return strtoull(hash + 1, NULL, 10);
}

int64_t info(struct client *c, const char *name)
{
    const char *all = answer_text(c, post(c, 0, "server.info", "[]"));
    const char *at = strstr(all, text("\"%s\": ", name));
    assert_non_null(at);
    return strtoll(strchr(at, ':') + 1, NULL, 10);
}

void await_info(struct client *c, const char *name, int64_t value)
{
    time_t end = time(NULL) + 10;
    for (int64_t now; (now = info(c, name)) != value;)
        if (time(NULL) > end)
            fail_msg("%s is %lld, not %lld", name, (long long)now, (long long)value);
}

bool time_stands_still(void)
{
    return !backend->real_time;
}

void await_answer(struct client *c, int64_t ms, uint64_t target, const char *method, const char *args,
                  const char *expected)
{
    time_t end = time(NULL) + 10;
    pass_time(ms);
    while (strcmp(answer_text(c, post(c, target, method, args)), expected) != 0)
        if (time_stands_still() || time(NULL) > end)
            fail_msg("%s%s never answered %s", method, args, expected);
}

uint64_t granted(struct client *c, uint64_t number, bool owner_died)
{
    const char *grant = answer_text(c, number);
    if (grant[0] != '[')
        fail_msg("no grant but %s", grant);
    uint64_t token = strtoull(grant + 1, NULL, 10);
    assert_string_equal(grant, text("[%llu, %s]", (unsigned long long)token, owner_died ? "true" : "false"));
    return token;
}

uint64_t take_as(struct client *c, uint64_t thread, uint64_t o, const char *method)
{
    return granted(c, post_as(c, thread, o, method, "[]"), false);
}

uint64_t take(struct client *c, uint64_t o, const char *method)
{
    return take_as(c, 1, o, method);
}

uint64_t wait_as(struct client *c, uint64_t thread, uint64_t o, const char *method, const char *args)
{
    uint64_t n = post_as(c, thread, o, method, args);
    waits(c, n);
    return n;
}

void says(const struct client *c, const char *words)
{
    if (strstr(c->message, words) == NULL)
        fail_msg("\"%s\" does not say \"%s\"", c->message, words);
}

const char *first_row_not_called(void)
{
    for (unsigned i = 0; i < roost__method_count; i++)
        if (!called[i])
            return text("%s.%s", roost_type_name(roost__methods[i].type), roost__methods[i].name);
    return NULL;
}
