/* json.c: roost values from and to JSON; see json.h. Parsing by jansson, base64 by libsodium. */
#include "json.h"

#include <ctype.h>
#include <errno.h>
#include <jansson.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

/* ---- memory ---- */

struct arena_block {
    struct arena_block *next;
    roost_value kept; /* nil when the block is just memory */
    max_align_t data[];
};

void *arena_alloc(struct arena *a, size_t size)
{
    struct arena_block *block = malloc(sizeof(*block) + size);
    if (block == NULL) {
        fputs("roost: out of memory\n", stderr);
        exit(STATUS_REFUSED);
    }
    block->next = a->blocks;
    block->kept = roost_nil();
    a->blocks = block;
    return block->data;
}

roost_value arena_keep(struct arena *a, roost_value v)
{
    (void)arena_alloc(a, 0);
    a->blocks->kept = v;
    v.block = NULL;
    return v;
}

void arena_free(struct arena *a)
{
    while (a->blocks != NULL) {
        struct arena_block *next = a->blocks->next;
        roost_value_free(&a->blocks->kept);
        free(a->blocks);
        a->blocks = next;
    }
}

int find_ref(struct cli *c, struct arena *a, const char *name, roost_value *ret)
{
    roost_value found;
    int status = cli_connect(c);
    if (status != STATUS_DONE)
        return status;
    if (roost_server_find(c->manager, name, &found) != 0)
        return cli_fail();
    *ret = arena_keep(a, found);
    return STATUS_DONE;
}

/* ---- reading ---- */

static bool make_value(struct cli *c, struct arena *a, const json_t *j, roost_value *ret);

static roost_value make_str(struct arena *a, const char *s, size_t n)
{
    char *copy = arena_alloc(a, n + 1);
    memcpy(copy, s, n);
    copy[n] = '\0';
    return roost_strn(copy, (uint32_t)n);
}

/* {"base64": "…"} */
static bool make_bytes(struct arena *a, const json_t *text, roost_value *ret)
{
    size_t n = json_string_length(text), len;
    unsigned char *bytes = arena_alloc(a, n + 1);
    if (sodium_base642bin(bytes, n, json_string_value(text), n, NULL, &len, NULL,
                          sodium_base64_VARIANT_ORIGINAL) != 0) {
        cli_usage("\"%s\" is no base64", json_string_value(text));
        return false;
    }
    *ret = roost_bytes(bytes, (uint32_t)len);
    return true;
}

/* {"ref": "name"} or {"ref": 7, "type": "queue"} */
static bool make_ref(struct cli *c, struct arena *a, const json_t *j, roost_value *ret)
{
    const json_t *ref = json_object_get(j, "ref"), *type = json_object_get(j, "type");
    if (json_is_string(ref))
        return find_ref(c, a, json_string_value(ref), ret) == STATUS_DONE;
    int code = roost__type_by_name(json_string_value(type), json_string_length(type));
    if (code < 0) {
        cli_usage("no type %s", json_string_value(type));
        return false;
    }
    if (json_integer_value(ref) < 0) {
        cli_usage("no object has the number %lld", (long long)json_integer_value(ref));
        return false;
    }
    *ret =
        (roost_value){.kind = ROOST_REF, .len = (uint32_t)code, .as.ref = (uint64_t)json_integer_value(ref)};
    return true;
}

static bool is_bytes(const json_t *j)
{
    return json_object_size(j) == 1 && json_is_string(json_object_get(j, "base64"));
}

static bool is_ref(const json_t *j)
{
    const json_t *ref = json_object_get(j, "ref");
    return (json_object_size(j) == 1 && json_is_string(ref)) ||
           (json_object_size(j) == 2 && json_is_integer(ref) && json_is_string(json_object_get(j, "type")));
}

static bool make_map(struct cli *c, struct arena *a, const json_t *j, roost_value *ret)
{
    if (is_bytes(j))
        return make_bytes(a, json_object_get(j, "base64"), ret);
    if (is_ref(j))
        return make_ref(c, a, j, ret);
    size_t n = json_object_size(j);
    roost_pair *pairs = arena_alloc(a, (n + 1) * sizeof(*pairs)), *pair = pairs;
    union { /* jansson iterates over what it does not change */
        const json_t *in;
        json_t *out;
    } object = {.in = j};
    for (void *it = json_object_iter(object.out); it != NULL;
         it = json_object_iter_next(object.out, it), pair++) {
        pair->key = make_str(a, json_object_iter_key(it), json_object_iter_key_len(it));
        if (!make_value(c, a, json_object_iter_value(it), &pair->value))
            return false;
    }
    *ret = roost_map(pairs, (uint32_t)n);
    return true;
}

static bool make_array(struct cli *c, struct arena *a, const json_t *j, roost_value *ret)
{
    size_t n = json_array_size(j);
    roost_value *items = arena_alloc(a, (n + 1) * sizeof(*items));
    for (size_t i = 0; i < n; i++)
        if (!make_value(c, a, json_array_get(j, i), &items[i]))
            return false;
    *ret = roost_array(items, (uint32_t)n);
    return true;
}

static bool make_value(struct cli *c, struct arena *a, const json_t *j, roost_value *ret)
{
    switch (json_typeof(j)) {
    case JSON_OBJECT:
        return make_map(c, a, j, ret);
    case JSON_ARRAY:
        return make_array(c, a, j, ret);
    case JSON_STRING:
        *ret = make_str(a, json_string_value(j), json_string_length(j));
        return true;
    case JSON_INTEGER:
        *ret = roost_int(json_integer_value(j));
        return true;
    case JSON_REAL:
        *ret = roost_float(json_real_value(j));
        return true;
    case JSON_TRUE:
    case JSON_FALSE:
        *ret = roost_bool(json_is_true(j));
        return true;
    case JSON_NULL:
        *ret = roost_nil();
        return true;
    }
    return false;
}

/* Numbers from 2^63 to 2^64-1, which jansson does not know. */
static bool read_uint(const char *text, roost_value *ret)
{
    char *end;
    errno = 0;
    unsigned long long u = strtoull(text, &end, 10);
    if (!isdigit((unsigned char)*text) || *end != '\0' || errno != 0)
        return false;
    *ret = roost_uint(u);
    return true;
}

enum json_result json_read(struct cli *c, struct arena *a, const char *text, roost_value *ret)
{
    json_error_t error;
    json_t *j = json_loads(text, JSON_DECODE_ANY | JSON_ALLOW_NUL, &error);
    if (j == NULL && json_error_code(&error) != json_error_numeric_overflow)
        return JSON_NO_JSON;
    if (j == NULL) {
        if (read_uint(text, ret))
            return JSON_OK;
        cli_usage("%s: %s", text, error.text);
        return JSON_BAD;
    }
    bool made = make_value(c, a, j, ret);
    json_decref(j);
    return made ? JSON_OK : JSON_BAD;
}

/* ---- printing ---- */

static roost_value printable(struct arena *a, const roost_value *v);

static roost_value printable_bytes(struct arena *a, const roost_value *v)
{
    size_t size = sodium_base64_ENCODED_LEN(v->len, sodium_base64_VARIANT_ORIGINAL);
    char *text = arena_alloc(a, size);
    roost_pair *pair = arena_alloc(a, sizeof(*pair));
    sodium_bin2base64(text, size, v->as.bytes, v->len, sodium_base64_VARIANT_ORIGINAL);
    *pair = (roost_pair){roost_str("base64"), roost_str(text)};
    return roost_map(pair, 1);
}

static roost_value printable_ref(struct arena *a, const roost_value *v)
{
    roost_pair *pairs = arena_alloc(a, 2 * sizeof(*pairs));
    pairs[0] = (roost_pair){roost_str("ref"), roost_uint(v->as.ref)};
    pairs[1] = (roost_pair){roost_str("type"), roost_str(roost_type_name((roost_type)v->len))};
    return roost_map(pairs, 2);
}

static roost_value printable_array(struct arena *a, const roost_value *v)
{
    roost_value *items = arena_alloc(a, (v->len + 1) * sizeof(*items));
    for (uint32_t i = 0; i < v->len; i++)
        items[i] = printable(a, &v->as.items[i]);
    return roost_array(items, v->len);
}

static roost_value printable_map(struct arena *a, const roost_value *v)
{
    roost_pair *pairs = arena_alloc(a, (v->len + 1) * sizeof(*pairs));
    for (uint32_t i = 0; i < v->len; i++) {
        pairs[i].key = v->as.pairs[i].key; /* a key is always printed as a string */
        pairs[i].value = printable(a, &v->as.pairs[i].value);
    }
    return roost_map(pairs, v->len);
}

/* The value with its bytes and references as the maps that json_read() takes. */
static roost_value printable(struct arena *a, const roost_value *v)
{
    if (v->kind == ROOST_BYTES)
        return printable_bytes(a, v);
    if (v->kind == ROOST_REF)
        return printable_ref(a, v);
    if (v->kind == ROOST_ARRAY)
        return printable_array(a, v);
    return v->kind == ROOST_MAP ? printable_map(a, v) : *v;
}

void json_print(const struct cli *c, roost_value v)
{
    struct arena a = {0};
    if (c->raw && (v.kind == ROOST_STR || v.kind == ROOST_BYTES))
        fwrite(v.as.bytes, 1, v.len, stdout);
    else
        roost_value_print(stdout, printable(&a, &v));
    if (!c->raw || v.kind != ROOST_BYTES)
        putchar('\n');
    arena_free(&a);
}
