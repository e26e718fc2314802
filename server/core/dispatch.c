/* dispatch.c: a CALL frame finds its row, has its arguments checked against the row, and reaches its handler.
 */
#include <assert.h>
#include <stdlib.h>

#include "core/handlers.h"
#include "core/memory.h"
#include "core/path.h"
#include "core/rights.h"

static handler *const handlers[] = {
#define ROOST_METHOD(type, name, number, handler_, params, reply, flags, cost, help) on_##handler_,
#include "wire/methods.def"
#undef ROOST_METHOD
};

static bool is_number(roost_kind kind)
{
    return kind == ROOST_INT || kind == ROOST_UINT || kind == ROOST_FLOAT;
}

/* Does an item suit a parameter's kind (methods.def)? */
static bool suits(char kind, const struct item *it)
{
    switch (kind) {
    case 'k':
        return it->kind != ROOST_MAP && it->kind != ROOST_REF;
    case 'v':
        return true;
    case 'i':
        return it->kind == ROOST_INT;
    case 'u':
        return it->kind == ROOST_INT && it->as.i >= 0;
    case 't':
        return it->kind == ROOST_INT && it->as.i >= -1;
    case 'f':
        return is_number(it->kind);
    case 's':
        return it->kind == ROOST_STR;
    case 'y':
        return it->kind == ROOST_BYTES;
    case 'b':
        return it->kind == ROOST_BOOL;
    case 'a':
    case 'K':
        return it->kind == ROOST_ARRAY;
    case 'm':
        return it->kind == ROOST_MAP;
    case 'r':
        return it->kind == ROOST_REF;
    case 'o':
        return it->kind == ROOST_STR || it->kind == ROOST_REF;
    default:
        assert(kind == 'c');
        return it->kind == ROOST_ARRAY || it->kind == ROOST_REF;
    }
}

static const char *kind_words(char kind)
{
    static const char kinds[] = "kviutfsybaKmroc";
    static const char *const words[] = {"a key",
                                        "a value",
                                        "a 64-bit integer",
                                        "an integer >= 0",
                                        "a timeout in ms >= -1",
                                        "a number",
                                        "a string",
                                        "bytes",
                                        "true or false",
                                        "an array",
                                        "an array",
                                        "a map",
                                        "a reference",
                                        "an object's name or a reference",
                                        "an array or a reference to a set"};
    const char *at = strchr(kinds, kind);
    return at == NULL ? "?" : words[at - kinds];
}

/* A transaction's calls are checked one by one, each by its own row. */
static bool check_depth(struct call *c, unsigned i, roost_kind kind)
{
    int64_t max = c->core->limits.depth_max;
    bool nests = kind == ROOST_ARRAY || kind == ROOST_MAP;
    if (!nests || c->method->code == METHOD_server_transact || roost__scan_check(c->arg[i], (unsigned)max))
        return true;
    fail(c, ROOST_ELIMIT, "argument %u nests deeper than depth_max (%lld)", i + 1, (long long)max);
    return false;
}

static bool check_argument(struct call *c, unsigned i, const struct param *p)
{
    struct item it = scan_value(c->arg[i]);
    if (!check_depth(c, i, it.kind))
        return false;
    if (it.kind == ROOST_NIL && p->optional && p->kind != 'v' && p->kind != 'k') {
        c->arg[i] = slice_of(NULL, 0); /* nil stands for left out */
        return true;
    }
    if (suits(p->kind, &it))
        return true;
    fail(c, it.kind == ROOST_INT || it.kind == ROOST_UINT ? ROOST_EINVAL : ROOST_ETYPE,
         "argument %u (%.*s) must be %s, not %s%s", i + 1, (int)p->name_len, p->name, kind_words(p->kind),
         roost_kind_name(it.kind), it.kind == ROOST_INT && it.as.i < 0 ? " < 0" : "");
    return false;
}

struct signature *core__signatures(void)
{
    struct signature *all = calloc(roost__method_count, sizeof(*all));
    for (unsigned i = 0; all != NULL && i < roost__method_count; i++)
        all[i].len = roost__method_params(&roost__methods[i], all[i].params);
    return all;
}

static bool check_arguments(struct call *c, const struct call_frame *frame)
{
    const struct signature *signature = &c->core->signatures[c->method - roost__methods];
    const struct param *params = signature->params;
    unsigned n = signature->len;
    if (frame->argc > n) {
        fail(c, ROOST_EINVAL, "takes at most %u arguments, got %u", n, frame->argc);
        return false;
    }
    const uint8_t *p = frame->args;
    for (unsigned i = 0; i < frame->argc; i++)
        c->arg[i] = scan_next(&p);
    c->argc = frame->argc;
    for (unsigned i = 0; i < n; i++) {
        if (i < c->argc) {
            if (!check_argument(c, i, &params[i]))
                return false;
        } else if (!params[i].optional) {
            fail(c, ROOST_EINVAL, "argument %u (%.*s) is missing", i + 1, (int)params[i].name_len,
                 params[i].name);
            return false;
        }
    }
    return true;
}

/* An act on the server as a whole: for who administers all names. */
static bool check_admin(struct call *c)
{
    return rights_check_name(c, slice_of(NULL, 0), RIGHT_ADMIN);
}

/* The target: none for the server's methods and open, else an object of the method's type. */
static bool check_target(struct call *c, uint64_t target)
{
    bool needs_object = c->method->type != ROOST_TYPE_server && (c->method->code & 0xff) != 0;
    if (!needs_object)
        return (c->method->flags & METHOD_ADMIN) == 0 || check_admin(c);
    c->object = object_find(c->core, target);
    if (c->object == NULL) {
        fail(c, ROOST_ENOENT, "no such object, or it was deleted");
        return false;
    }
    if (!rights_check(c, c->object, rights_of_method(c->method)))
        return false;
    if (c->object->type->code != c->method->type) {
        fail(c, ROOST_ETYPE, "the object is a %s, not a %s", roost_type_name(c->object->type->code),
             roost_type_name(c->method->type));
        return false;
    }
    return true;
}

/* Of a session that may be resumed: what the call confirms, and whether it was sent before. False: nothing is
 * left to do. */
static bool is_new(struct call *c, const struct call_frame *frame, const struct event *event)
{
    struct session *s = c->caller.session;
    if (s->grace_us == 0)
        return true;
    if (c->core->reads)
        return c->caller.keeps = !kept_read_again(c->core, s, frame->seen, frame->number);
    c->core->confirmed = event->again ? event->confirmed : kept_seen(c->core, s, frame->seen);
    kept_confirm(c->core, s, c->core->confirmed);
    if (kept_again(c->core, s, frame->number))
        return false;
    if (kept_full(c->core, s)) {
        fail(c, ROOST_ELIMIT,
             "%zu answers (%zu bytes) are not confirmed and %zu calls wait: kept_max and kept_bytes_max are "
             "%lld and %lld",
             s->kept_len, s->kept_bytes, s->parked, (long long)c->core->limits.kept_max,
             (long long)c->core->limits.kept_bytes_max);
        return false;
    }
    c->caller.keeps = true;
    return true;
}

static bool is_repeatable(const struct method *m)
{
    return (m->flags & (METHOD_READ | METHOD_IDEMPOTENT)) == (METHOD_READ | METHOD_IDEMPOTENT);
}

/* A path is for the methods of dicts and lists, and begins in an object that holds plain values. */
static bool check_path(struct call *c, uint64_t target)
{
    bool nests = c->method->type == ROOST_TYPE_dict || c->method->type == ROOST_TYPE_list;
    if (!nests || (c->method->code & 0xff) == 0) {
        fail(c, ROOST_EINVAL, "only the methods of dicts and lists take a path");
        return false;
    }
    c->object = object_find(c->core, target);
    if (c->object != NULL && !rights_check(c, c->object, rights_of_method(c->method)))
        return false;
    if (c->object != NULL && path_root(c->object))
        return true;
    if (c->object == NULL)
        fail(c, ROOST_ENOENT, "no such object, or it was deleted");
    else
        fail(c, ROOST_ETYPE, "the object is a %s: a path begins in a dict, a list or a namespace",
             roost_type_name(c->object->type->code));
    return false;
}

static void serve(struct call *c, const struct call_frame *frame)
{
    handler *serve_it = handlers[c->method - roost__methods];
    bool nested = c->path.len > 0 && scan_value(c->path).len > 0;
    if (!(nested ? check_path(c, frame->target) : check_target(c, frame->target)) ||
        !check_arguments(c, frame) || (c->guard_said.len > 0 && !guard_check(c)))
        return;
    memory_account(c->core, c->object);
    if (c->object != NULL)
        c->object->calls++;
    if (!nested) {
        c->path = slice_of(NULL, 0);
        serve_it(c);
    } else if (path_enter(c)) {
        serve_it(c);
        path_leave(c);
    }
}

void core__serve(struct call *c, const struct call_frame *frame)
{
    struct core *core = c->core;
    struct object *account = core->account;
    core->calls_by_row[c->method - roost__methods]++;
    core->starved = false;
    core->over = NULL;
    serve(c, frame);
    core->account = account;
    assert(c->done);
    if (c->object != NULL && (c->method->flags & METHOD_WRITE) != 0)
        object_changed(core, c->object);
}

void core__look(struct call *c, const struct call_frame *frame)
{
    serve(c, frame);
    assert(c->done);
}

/* Takes what the options of a call say. False: the call has failed. */
static bool read_options(struct call *c, struct slice options)
{
    struct item head, key;
    const uint8_t *p = roost__scan_item(options.data, &head);
    for (uint32_t i = 0; i < head.len; i++) {
        key = scan_value(scan_next(&p));
        struct slice name = slice_of(key.as.bytes, key.kind == ROOST_STR ? key.len : 0),
                     value = scan_next(&p);
        struct item it = scan_value(value);
        bool is_array = it.kind == ROOST_ARRAY;
        if (is_array && slice_equal(name, slice_str("guard"))) {
            c->guard_said = value;
        } else if (is_array && slice_equal(name, slice_str("at"))) {
            c->path = value;
        } else if (it.kind == ROOST_BOOL && slice_equal(name, slice_str("async"))) {
            c->caller.goes_on = it.as.b;
        } else {
            fail(c, ROOST_EINVAL,
                 "a call's options are \"guard\": [id of a lock, token], \"at\": [path] and \"async\": bool");
            return false;
        }
    }
    return true;
}

int core__call(struct core *core, struct session *s, const struct event *event)
{
    struct call_frame frame;
    if (!roost__frame_call(event->payload, &frame))
        return ROOST_EPROTO;
    struct call c = {.core = core, .caller = {.session = s, .number = frame.number, .thread = frame.thread}};
    if (!is_new(&c, &frame, event))
        return ROOST_OK;
    core->call_count++;
    s->calls++;
    c.method = roost__method_by_code(frame.method);
    if (c.method == NULL) {
        fail(&c, ROOST_ENOMETHOD, "there is no method with code %llu", (unsigned long long)frame.method);
        return ROOST_OK;
    }
    c.caller.repeatable = is_repeatable(c.method);
    core->effects->row = (int)(c.method - roost__methods);
    core->effects->object = frame.target;
    threads_note(&s->threads, frame.thread);
    if (frame.options.len == 0 || read_options(&c, frame.options))
        core__serve(&c, &frame);
    return ROOST_OK;
}

/* An object that never held a reference has none to give. */
static bool gives_no_refs(const struct core *core, const struct method *m, uint64_t target)
{
    const struct object *o = m->type == ROOST_TYPE_server ? NULL : object_find(core, target);
    return o == NULL || !o->refers;
}

bool core_only_reads(const struct core *core, const struct event *event)
{
    struct call_frame frame;
    if (event->kind != EVENT_CALL || !roost__frame_call(event->payload, &frame))
        return false;
    const struct session *s = session_find(core, event->session);
    const struct method *m = roost__method_by_code(frame.method);
    if (s == NULL || m == NULL || !is_repeatable(m) || kept_knows(s, frame.number))
        return false;
    return kept_notes(s, frame.number) ||
           (threads_know(&s->threads, frame.thread) && gives_no_refs(core, m, frame.target));
}

int64_t arg_int(const struct call *c, unsigned i, int64_t otherwise)
{
    return arg_given(c, i) ? scan_value(c->arg[i]).as.i : otherwise;
}

bool arg_bool(const struct call *c, unsigned i, bool otherwise)
{
    return arg_given(c, i) ? scan_value(c->arg[i]).as.b : otherwise;
}

struct slice arg_bytes(const struct call *c, unsigned i)
{
    struct item it = scan_value(c->arg[i]);
    assert(it.kind == ROOST_STR || it.kind == ROOST_BYTES);
    return slice_of(it.as.bytes, it.len);
}
