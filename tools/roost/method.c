/* method.c: `roost TYPE METHOD NAME ARGS…` for every row of the method table. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "json.h"

/* The arguments of one call, as far as they are known. */
struct arguments {
    const struct method *method;
    struct param params[METHOD_PARAMS_MAX];
    unsigned count;
    const char *texts[METHOD_PARAMS_MAX]; /* NULL: not given */
    roost_value values[METHOD_PARAMS_MAX];
    const char *at; /* --at: the path to what is nested in the object; NULL: not given */
    roost_value path;
    struct arena arena;
};

static int usage_of(const struct method *method)
{
    cli_help_method(stderr, method);
    return STATUS_USAGE;
}

/* ---- which word is which parameter ---- */

static int find_param(const struct arguments *args, const char *name, size_t len)
{
    for (unsigned i = 0; i < args->count; i++)
        if (args->params[i].name_len == len && memcmp(args->params[i].name, name, len) == 0)
            return (int)i;
    return -1;
}

bool cli_takes_path(const struct method *method)
{
    return (method->type == ROOST_TYPE_dict || method->type == ROOST_TYPE_list) &&
           strcmp(method->name, "open") != 0;
}

/* Takes `--param value` or `--param=value` at words[*i]; moves *i past it. */
static int take_option(struct arguments *args, int n, char **words, int *i)
{
    const char *name = words[*i] + 2, *equals = strchr(name, '=');
    size_t len = equals != NULL ? (size_t)(equals - name) : strlen(name);
    int param = find_param(args, name, len);
    bool at = len == 2 && memcmp(name, "at", len) == 0 && cli_takes_path(args->method);
    if (param < 0 && !at)
        return cli_usage("%s %s has no parameter --%.*s", roost_type_name(args->method->type),
                         args->method->name, (int)len, name);
    if (equals == NULL && ++*i >= n)
        return cli_usage("--%s needs a value", name);
    const char **text = at ? &args->at : &args->texts[param];
    *text = equals != NULL ? equals + 1 : words[*i];
    return STATUS_DONE;
}

/* Gives the words without an option to the parameters in order: all that are required, optional ones while
 * there are words to spare. */
static int assign_positional(struct arguments *args, unsigned n, char **words)
{
    unsigned required = 0, next = 0;
    for (unsigned i = 0; i < args->count; i++)
        required += args->texts[i] == NULL && !args->params[i].optional;
    if (n < required)
        return usage_of(args->method);
    unsigned spare = n - required;
    for (unsigned i = 0; i < args->count; i++) {
        if (args->texts[i] != NULL || (args->params[i].optional && spare == 0))
            continue;
        if (args->params[i].optional)
            spare--;
        args->texts[i] = words[next++];
    }
    return next == n ? STATUS_DONE : usage_of(args->method);
}

static int assign(struct cli *c, struct arguments *args, int n, char **words)
{
    char **positional = arena_alloc(&args->arena, ((size_t)n + 1) * sizeof(*positional));
    unsigned count = 0;
    int status = STATUS_DONE;
    for (int i = 0; i < n && status == STATUS_DONE; i++) {
        if (strcmp(words[i], "--") == 0) {
            while (++i < n)
                positional[count++] = words[i];
        } else if (strcmp(words[i], "--raw") == 0) {
            c->raw = true;
        } else if (strncmp(words[i], "--guard=", 8) == 0) {
            c->guard = words[i] + 8;
        } else if (strcmp(words[i], "--guard") == 0 && i + 1 < n) {
            c->guard = words[++i];
        } else if (strncmp(words[i], "--", 2) == 0) {
            status = take_option(args, n, words, &i);
        } else {
            positional[count++] = words[i];
        }
    }
    return status == STATUS_DONE ? assign_positional(args, count, positional) : status;
}

/* ---- from words to values ---- */

static bool fits(char kind, roost_value v)
{
    switch (kind) {
    case 'i':
    case 'u':
    case 't':
        return v.kind == ROOST_INT || v.kind == ROOST_UINT;
    case 'f':
        return v.kind == ROOST_INT || v.kind == ROOST_UINT || v.kind == ROOST_FLOAT;
    case 'b':
        return v.kind == ROOST_BOOL;
    case 'y':
        return v.kind == ROOST_BYTES;
    case 'a':
    case 'K':
        return v.kind == ROOST_ARRAY;
    case 'm':
        return v.kind == ROOST_MAP;
    default:
        return true;
    }
}

static const char *kind_words(char kind)
{
    switch (kind) {
    case 'i':
    case 'u':
        return "an integer";
    case 't':
        return "a number of milliseconds";
    case 'f':
        return "a number";
    case 'b':
        return "true or false";
    case 'y':
        return "bytes: {\"base64\": \"…\"}";
    case 'a':
    case 'K':
        return "a JSON array";
    default:
        return "a JSON object";
    }
}

static int read_value(struct cli *c, struct arguments *args, unsigned i)
{
    const struct param *param = &args->params[i];
    const char *text = args->texts[i];
    roost_value *ret = &args->values[i];
    if (param->kind == 's') {
        *ret = roost_str(text);
        return STATUS_DONE;
    }
    switch (json_read(c, &args->arena, text, ret)) {
    case JSON_BAD:
        return STATUS_USAGE;
    case JSON_NO_JSON:
        *ret = roost_str(text);
        if (param->kind == 'c' || param->kind == 'r') /* an object's name */
            return find_ref(c, &args->arena, text, ret);
        break;
    case JSON_OK:
        if (param->kind == 'o' && ret->kind != ROOST_REF) /* a name that looks like JSON is a name */
            *ret = roost_str(text);
        break;
    }
    if ((param->optional && ret->kind == ROOST_NIL) || fits(param->kind, *ret))
        return STATUS_DONE;
    return cli_usage("%s %s: %.*s must be %s, not %s", roost_type_name(args->method->type),
                     args->method->name, (int)param->name_len, param->name, kind_words(param->kind), text);
}

/* a/b/0: whole numbers are integers, everything else strings. */
static roost_value split_path(struct arena *a, const char *text)
{
    uint32_t n = 0;
    roost_value *steps = arena_alloc(a, (strlen(text) + 1) * sizeof(*steps));
    for (const char *end; text != NULL; text = *end == '/' ? end + 1 : NULL) {
        char *number_end;
        end = strchrnul(text, '/');
        int64_t number = strtoll(text, &number_end, 10);
        bool whole = number_end == end && end > text && strchr("-0123456789", *text) != NULL;
        steps[n++] = whole ? roost_int(number) : roost_strn(text, (uint32_t)(end - text));
    }
    return roost_array(steps, n);
}

static int read_path(struct cli *c, struct arguments *args)
{
    if (args->at == NULL)
        return STATUS_DONE;
    if (*args->at != '[')
        args->path = split_path(&args->arena, args->at);
    else if (json_read(c, &args->arena, args->at, &args->path) != JSON_OK)
        return cli_usage("--at: %s is no JSON array", args->at);
    return STATUS_DONE;
}

/* Returns how many arguments to send in *ret_count: those left out at the end are not sent. */
static int read_values(struct cli *c, struct arguments *args, uint32_t *ret_count)
{
    uint32_t count = 0;
    for (unsigned i = 0; i < args->count; i++) {
        if (args->texts[i] == NULL)
            continue;
        int status = read_value(c, args, i);
        if (status != STATUS_DONE)
            return status;
        count = i + 1;
    }
    *ret_count = count;
    return STATUS_DONE;
}

/* ---- calling ---- */

int cli_object(struct cli *c, const struct method *method, const char *name, struct object **ret)
{
    int status = cli_connect(c);
    if (status != STATUS_DONE)
        return status;
    roost_value text = roost_str(name);
    int rc = method->flags & METHOD_READ
                 ? roost__find(c->manager, method->type, name, ret)
                 : roost__open(c->manager, (enum method_code)(method->type << 8), &text, 1, ret);
    return rc == 0 ? STATUS_DONE : cli_fail();
}

/* Begins the guard that --guard NAME:TOKEN asks for, if it does. */
static int begin_guard(struct cli *c)
{
    char name[256], *end;
    roost_value lock;
    const char *colon = c->guard != NULL ? strrchr(c->guard, ':') : NULL;
    if (c->guard == NULL)
        return STATUS_DONE;
    roost_guard guard = {.token = colon != NULL ? strtoull(colon + 1, &end, 10) : 0};
    if (guard.token == 0 || *end != '\0' || (size_t)(colon - c->guard) >= sizeof(name))
        return cli_usage("--guard wants NAME:TOKEN, not %s", c->guard);
    snprintf(name, sizeof(name), "%.*s", (int)(colon - c->guard), c->guard);
    int status = cli_connect(c);
    if (status != STATUS_DONE)
        return status;
    if (roost_server_find(c->manager, name, &lock) != 0)
        return cli_fail();
    guard.lock = lock;
    int rc = roost_guard_begin(guard);
    roost_value_free(&lock);
    return rc == 0 ? STATUS_DONE : cli_fail();
}

/* A view of what is at the path in the object of that name, which must exist. */
static int open_view(struct cli *c, const struct arguments *args, const char *name, struct object **ret)
{
    roost_value ref;
    struct object *root;
    int status = cli_connect(c);
    if (status != STATUS_DONE)
        return status;
    int rc = roost_server_find(c->manager, name, &ref);
    if (rc == 0) {
        rc = roost__find(c->manager, (roost_type)ref.len, name, &root);
        roost_value_free(&ref);
    }
    if (rc == 0) {
        rc = roost__at(root, args->method->type, args->path, ret);
        roost__close(root);
    }
    return rc == 0 ? STATUS_DONE : cli_fail();
}

static int call(struct cli *c, const struct arguments *args, const char *name, uint32_t count)
{
    const struct method *method = args->method;
    struct object *object;
    roost_value result;
    int rc, status = STATUS_DONE;
    if (args->at != NULL)
        status = open_view(c, args, name, &object);
    else
        status = name != NULL ? cli_object(c, method, name, &object) : cli_connect(c);
    if (status != STATUS_DONE)
        return status;
    if (name != NULL) {
        rc = roost__call(object, (enum method_code)method->code, args->values, count, &result);
        roost__close(object);
    } else {
        rc = roost_call_code(c->manager, roost_nil(), (int)method->code, args->values, count, &result);
    }
    if (rc != 0)
        return cli_fail();
    if (strcmp(method->reply, "n") != 0)
        json_print(c, result);
    roost_value_free(&result);
    return STATUS_DONE;
}

int cli_method(struct cli *c, const struct method *method, int n, char **words)
{
    struct arguments args = {.method = method};
    const char *name = NULL;
    uint32_t count = 0;
    bool raw = c->raw;
    c->guard = NULL;
    args.count = roost__method_params(method, args.params);
    if (method->type != ROOST_TYPE_server && strcmp(method->name, "open") != 0) {
        if (n == 0 || strncmp(words[0], "--", 2) == 0)
            return usage_of(method);
        name = words[0];
        words++;
        n--;
    }
    int status = assign(c, &args, n, words);
    if (status == STATUS_DONE)
        status = read_values(c, &args, &count);
    if (status == STATUS_DONE)
        status = read_path(c, &args);
    if (status == STATUS_DONE)
        status = begin_guard(c);
    if (status == STATUS_DONE)
        status = call(c, &args, name, count);
    roost_guard_end();
    arena_free(&args.arena);
    c->raw = raw;
    return status;
}
