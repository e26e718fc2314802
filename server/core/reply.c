/*
 * reply.c: answers as effects. One REPLY or ERROR frame per call.
 *
 * An answer that cannot be written for want of memory breaks its session, so that its client learns by the
 * closing of its connection instead of waiting for ever.
 */
#include <assert.h>
#include <stdarg.h>
#include <stdio.h>

#include "core/effects.h"
#include "core/memory.h"

/* The answer that begins at `at` is complete: sends it, and keeps it where it is kept. */
static void send_answer(struct core *core, const struct caller *to, size_t at)
{
    struct effects *e = core->effects;
    if (!effects_push(e, to->session->id, at) || !to->keeps)
        return;
    bool bytes = !to->repeatable || core->reply_refs;
    if (!kept_add(core, to, slice_of(e->bytes.data + at, bytes ? e->bytes.len - at : 0)))
        effects_break(e, to->session->id);
}

void answer_again(struct core *core, const struct session *s, struct slice frame)
{
    struct effects *e = core->effects;
    size_t at = e->bytes.len;
    if (buf_append(&e->bytes, frame.data, frame.len)) {
        effects_push(e, s->id, at);
    } else {
        e->bytes.failed = false;
        effects_break(e, s->id);
    }
}

struct buf *reply_begin(struct core *core, const struct caller *to)
{
    struct buf *b = &core->effects->bytes;
    core->reply_at = frame_begin(b);
    core->reply_refs = false;
    roost__put_array(b, 3);
    roost__put_int(b, FRAME_REPLY);
    roost__put_uint(b, to->number);
    return b;
}

bool reply_end(struct core *core, const struct caller *to)
{
    struct effects *e = core->effects;
    size_t at = core->reply_at;
    bool no_memory = e->bytes.failed && e->bytes.no_memory;
    bool fits = roost__frame_end(&e->bytes, at);
    if (fits)
        send_answer(core, to, at);
    else if (no_memory)
        answer_error(core, to, ROOST_ENOMEM, "the server has no memory for the answer");
    else
        answer_error(core, to, ROOST_ELIMIT, "the answer is larger than %d bytes: ask for less at a time",
                     FRAME_MAX);
    return fits;
}

void reply_finish(struct core *core, const struct caller *to)
{
    if (roost__frame_end(&core->effects->bytes, core->reply_at))
        send_answer(core, to, core->reply_at);
    else
        effects_break(core->effects, to->session->id);
}

void answer_error(struct core *core, const struct caller *to, int code, const char *format, ...)
{
    assert(code < 0);
    char message[400];
    va_list args;
    va_start(args, format);
    vsnprintf(message, sizeof(message), format, args);
    va_end(args);
    while (!roost__utf8_ok(slice_str(message))) /* cut in the middle of a character */
        message[strlen(message) - 1] = '\0';
    struct effects *e = core->effects;
    size_t at = frame_begin(&e->bytes);
    core->reply_refs = false;
    roost__put_array(&e->bytes, 4);
    roost__put_int(&e->bytes, FRAME_ERROR);
    roost__put_uint(&e->bytes, to->number);
    roost__put_int(&e->bytes, code);
    roost__put_cstr(&e->bytes, message);
    if (roost__frame_end(&e->bytes, at))
        send_answer(core, to, at);
    else
        effects_break(e, to->session->id);
}

void answer_nil(struct core *core, const struct caller *to)
{
    roost__put_nil(reply_begin(core, to));
    reply_finish(core, to);
}

void answer_int(struct core *core, const struct caller *to, int64_t v)
{
    roost__put_int(reply_begin(core, to), v);
    reply_finish(core, to);
}

void answer_grant(struct core *core, const struct caller *to, uint64_t token, bool owner_died)
{
    struct buf *b = reply_begin(core, to);
    roost__put_array(b, 2);
    roost__put_uint(b, token);
    roost__put_bool(b, owner_died);
    reply_finish(core, to);
}

struct sending {
    struct core *core;
    struct session *session;
};

static void count_sent(void *context, uint64_t id)
{
    struct sending *s = context;
    struct object *o = object_find(s->core, id);
    s->core->reply_refs = true;
    if (o != NULL && !session_retain(s->core, s->session, o))
        effects_break(s->core->effects, s->session->id);
}

void put_cell(struct core *core, const struct caller *to, struct buf *out, const struct cell *cell)
{
    cell_put(cell, out);
    if (core->undo == NULL) /* else transact.c counts what it really sends */
        cell_each_ref(cell, count_sent, &(struct sending){core, to->session});
}

void count_sent_refs(struct core *core, const struct caller *to, struct slice value)
{
    each_ref(value, count_sent, &(struct sending){core, to->session});
}

static void done(struct call *c)
{
    assert(!c->done);
    c->done = true;
}

void reply_nil(struct call *c)
{
    done(c);
    answer_nil(c->core, &c->caller);
}

void reply_bool(struct call *c, bool v)
{
    done(c);
    roost__put_bool(reply_begin(c->core, &c->caller), v);
    reply_finish(c->core, &c->caller);
}

void reply_int(struct call *c, int64_t v)
{
    done(c);
    answer_int(c->core, &c->caller, v);
}

bool reply_cell(struct call *c, const struct cell *cell)
{
    done(c);
    put_cell(c->core, &c->caller, reply_begin(c->core, &c->caller), cell);
    return reply_end(c->core, &c->caller);
}

void reply_raw(struct call *c, struct slice value)
{
    done(c);
    buf_append(reply_begin(c->core, &c->caller), value.data, value.len);
    reply_end(c->core, &c->caller);
}

void reply_ref(struct call *c, struct object *o)
{
    if (!o->fresh && !session_retain(c->core, c->caller.session, o)) {
        fail_memory(c);
        return;
    }
    o->fresh = false;
    done(c);
    roost__put_ref(reply_begin(c->core, &c->caller), o->id, o->type->code);
    c->core->reply_refs = true;
    reply_end(c->core, &c->caller);
}

void fail(struct call *c, int code, const char *format, ...)
{
    done(c);
    c->core->effects->code = code;
    if (c->method != NULL && c->caller.session->id != 0)
        c->core->errors_by_row[c->method - roost__methods]++;
    char message[400];
    va_list args;
    va_start(args, format);
    vsnprintf(message, sizeof(message), format, args);
    va_end(args);
    answer_error(c->core, &c->caller, code, "%s", message);
}

static const char limit_words[] = "it would pass the limit %s (%lld)";
static const char memory_words[] = "the server has no memory for it";

void fail_memory(struct call *c)
{
    const char *over = c->core->over;
    if (over != NULL)
        fail(c, ROOST_ELIMIT, limit_words, over, (long long)limit_named(c->core, over));
    else
        fail(c, ROOST_ENOMEM, memory_words);
}

void answer_memory(struct core *core, const struct caller *to)
{
    if (core->over != NULL)
        answer_error(core, to, ROOST_ELIMIT, limit_words, core->over,
                     (long long)limit_named(core, core->over));
    else
        answer_error(core, to, ROOST_ENOMEM, memory_words);
    core->over = NULL;
}

void fail_store(struct call *c, int code)
{
    if (code == ROOST_ENOENT)
        fail(c, code, "a reference in the value leads to no object");
    else
        fail_memory(c);
}
