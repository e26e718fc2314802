/*
 * test_core.c: every case of the object suite once more, each of its steps with its first, second, third …
 * allocation failing.
 *
 * A case runs on the bare core and its events are written down. Then, for each event and each n, a core is
 * brought to where the case had it, takes the event with its n-th allocation failing, and is judged: the call
 * was answered ROOST_ENOMEM and nothing has changed; or it did just what it does with memory; or another's
 * call, that waited, was answered ROOST_ENOMEM; or a session that misses an answer is to be ended, as core.h
 * says. Then the case goes on to its end, where every answer
 * must be the one it was without failures. Some of it is done once more with sessions that may be resumed,
 * for which answers are kept.
 */
#include <stdio.h>
#include <stdlib.h>

#include "tests/faults/countdown.h"
#include "tests/faults/dump.h"
#include "tests/faults/record.h"
#include "tests/suite/suite.h"
#include "wire/frame.h"
#include "wire/methods.h"

enum { CASES_MAX = 256, EVENTS_MAX = 4000, COMPLAINTS_MAX = 8 /* printed for a case */, GRACE_STRIDE = 4 };

/* Of a case with more events every k-th is tried. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
enum { EVENTS_TRIED = 6 };
#else
enum { EVENTS_TRIED = 60 };
#endif

struct counts {
    unsigned long failures, refused, unharmed, others, broken;
} counts;

/* ---- the case without failures ---- */

/* What each step of the case did: its frames, each behind its session. */
struct story {
    const struct record *record;
    struct buf *answers;
    bool with_grace;
};

static void put_effects(struct buf *out, const struct effects *e)
{
    for (size_t i = 0; i < e->len; i++) {
        buf_append(out, &e->items[i].session, sizeof(e->items[i].session));
        buf_append(out, e->bytes.data + e->items[i].at, e->items[i].len);
    }
}

static void tell(struct story *s, const struct record *r)
{
    struct effects effects;
    struct core *core = replay(r, 0, &effects);
    s->record = r;
    s->answers = calloc(r->len + 1, sizeof(*s->answers));
    assert_non_null(s->answers);
    for (size_t i = 0; i < r->len; i++) {
        effects_reset(&effects);
        s->answers[i] = buf_make(SIZE_MAX / 2);
        (void)core_step(core, &r->events[i], &effects);
        put_effects(&s->answers[i], &effects);
    }
    effects_free(&effects);
    core_destroy(core);
}

static void story_free(struct story *s)
{
    for (size_t i = 0; i < s->record->len; i++)
        roost__buf_free(&s->answers[i]);
    free(s->answers);
}

/* ---- one failure ---- */

struct fault {
    const struct story *story;
    size_t at; /* the event */
    unsigned long n;
    bool all_after;
};

static const char *words(const struct fault *f)
{
    static char text_[160];
    const struct event *e = &f->story->record->events[f->at];
    struct call_frame call;
    const struct method *m = NULL;
    if (e->kind == EVENT_CALL && roost__frame_call(e->payload, &call))
        m = roost__method_by_code(call.method);
    snprintf(text_, sizeof(text_), "event %zu (%s%s%s), allocation %lu", f->at,
             m != NULL ? roost_type_name(m->type) : "kind ", m != NULL ? "." : "",
             m != NULL ? m->name : (const char[]){(char)('0' + e->kind), '\0'}, f->n);
    return text_;
}

static unsigned complaints; /* in the case under way */

static void complain(const struct fault *f, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void complain(const struct fault *f, const char *format, ...)
{
    char text_[400];
    va_list args;
    va_start(args, format);
    vsnprintf(text_, sizeof(text_), format, args);
    va_end(args);
    if (complaints++ < COMPLAINTS_MAX)
        print_error("%s: %s\n", words(f), text_);
}

/* ---- answers ---- */

/* A frame that answers a call: the call's number, and the code of an ERROR, else 0. */
struct answer {
    uint64_t session, number;
    int code;
    struct slice bytes;
};

static struct answer read_answer(uint64_t session, struct slice frame)
{
    struct answer a = {.session = session, .bytes = frame};
    struct slice payload = slice_of(frame.data + FRAME_HEADER, frame.len - FRAME_HEADER);
    struct item it;
    assert_true(roost__scan_check(payload, FRAME_DEPTH_MAX));
    const uint8_t *p = roost__scan_item(payload.data, &it);
    p = roost__scan_item(roost__scan_skip(p), &it);
    a.number = it.as.u;
    if (roost__frame_kind(payload) == FRAME_ERROR) {
        roost__scan_item(p, &it);
        a.code = (int)it.as.i;
    }
    return a;
}

static struct answer answer_at(const struct effects *e, size_t i)
{
    return read_answer(e->items[i].session, slice_of(e->bytes.data + e->items[i].at, e->items[i].len));
}

static bool answers_the_call(const struct answer *a, const struct event *event)
{
    struct call_frame call;
    return event->kind == EVENT_CALL && a->session == event->session &&
           roost__frame_call(event->payload, &call) && a->number == call.number;
}

/* The code of the ERROR that answers the event's call; 0: there is none. */
static int refusal(const struct event *event, const struct effects *e)
{
    for (size_t i = 0; i < e->len; i++) {
        struct answer a = answer_at(e, i);
        if (answers_the_call(&a, event))
            return a.code;
    }
    return 0;
}

/* The next answer of the story; moves *at behind it. */
static struct answer told(const struct buf *answers, size_t *at)
{
    uint64_t session;
    memcpy(&session, answers->data + *at, sizeof(session));
    const uint8_t *frame = answers->data + *at + sizeof(session);
    size_t len = FRAME_HEADER + get_u32be(frame);
    *at += sizeof(session) + len;
    return read_answer(session, slice_of(frame, len));
}

/* An answer that counts calls differs when a call is repeated; an error may lack words that need memory. */
static bool is_same(const struct answer *a, const struct answer *b, const struct event *event)
{
    struct call_frame call;
    if (a->session != b->session || a->number != b->number || a->code != b->code)
        return false;
    if (a->code != 0 || slice_equal(a->bytes, b->bytes))
        return true;
    return event->kind == EVENT_CALL && roost__frame_call(event->payload, &call) &&
           (call.method == METHOD_server_info || call.method == METHOD_server_methods ||
            call.method == METHOD_server_describe || call.method == METHOD_server_list ||
            call.method == METHOD_server_objects || call.method == METHOD_server_sessions);
}

/* Somebody else's call, that waited, was given up. */
static bool gives_up_others(const struct effects *e, const struct event *event)
{
    for (size_t i = 0; i < e->len; i++) {
        struct answer a = answer_at(e, i);
        if (a.code == ROOST_ENOMEM && !answers_the_call(&a, event))
            return true;
    }
    return false;
}

static bool same_answers(const struct story *s, size_t i, const struct effects *e)
{
    const struct buf *answers = &s->answers[i];
    size_t at = 0;
    for (size_t k = 0; k < e->len; k++) {
        struct answer now = answer_at(e, k), then;
        if (at == answers->len)
            return false;
        then = told(answers, &at);
        if (!is_same(&now, &then, &s->record->events[i]))
            return false;
    }
    return at == answers->len;
}

static void differs(const struct fault *f, const struct buf *before, const struct buf *after)
{
    char *difference = dump_difference(before, after);
    complain(f, "refused, and yet: %s", difference);
    free(difference);
}

/* Of a key that stands twice in a stored map the last value counts, and the first write through a path drops
 * the others (PROTOCOL.md, section 2.3): one that fails may, too. */
static bool has_key_twice(const struct buf *dump)
{
    return memmem(dump->data, dump->len, "twice", 5) != NULL;
}

/* A write through a path makes trees of what it passes, and leaves them when it fails: the same values, other
 * bytes. */
static bool may_make_trees(const struct event *event)
{
    struct call_frame call;
    return event->kind == EVENT_CALL && roost__frame_call(event->payload, &call) &&
           (call.options.len > 0 || call.method == METHOD_server_transact);
}

static void nothing_changed(const struct fault *f, struct core *core)
{
    const struct record *r = f->story->record;
    struct effects ignored;
    struct core *untouched = replay(r, f->at, &ignored);
    struct event time = {.kind = EVENT_TIME, .now_us = r->events[f->at].now_us};
    struct buf before = buf_make(SIZE_MAX / 2), after = before;
    core_step(untouched, &time, &ignored); /* what is due is due without the call */
    dump_core(untouched, time.now_us, &before);
    dump_core(core, time.now_us, &after);
    if (!slice_equal(buf_slice(&before), buf_slice(&after)) && !has_key_twice(&before))
        differs(f, &before, &after);
    if (!may_make_trees(&r->events[f->at]) &&
        dump_memory(untouched, time.now_us) != dump_memory(core, time.now_us))
        complain(f, "refused, and yet the memory counted is another");
    effects_free(&ignored);
    roost__buf_free(&before);
    roost__buf_free(&after);
    core_destroy(untouched);
}

/* Sessions that miss an answer are ended, as the shell does. */
static void end_broken(struct core *core, int64_t now_us, struct effects *e)
{
    struct effects ignored;
    effects_init(&ignored);
    for (size_t i = 0; i < e->broken_len; i++) {
        struct event lost = {.kind = EVENT_LOST, .now_us = now_us, .session = e->broken[i]};
        effects_reset(&ignored);
        core_step(core, &lost, &ignored);
        assert_int_equal(ignored.broken_len, 0);
    }
    effects_free(&ignored);
}

/* The rest of the case, from event i on; `same`: with the answers that it has without failures. */
static void go_on(const struct fault *f, struct core *core, size_t i, bool same)
{
    struct effects effects;
    effects_init(&effects);
    for (; i < f->story->record->len; i++) {
        effects_reset(&effects);
        (void)core_step(core, &f->story->record->events[i], &effects);
        if (same && !same_answers(f->story, i, &effects))
            complain(f, "later, event %zu is answered otherwise", i);
    }
    effects_free(&effects);
}

enum outcome { NOT_HIT, REFUSED, UNHARMED, OTHERS, BROKEN };

/* The event with its failure; the core is given on when there was one. */
static enum outcome step_faulty(const struct fault *f, struct core **ret)
{
    const struct event *event = &f->story->record->events[f->at];
    struct effects effects;
    struct core *core = replay(f->story->record, f->at, &effects);
    if (!f->all_after)
        effects_free(&effects), effects_init(&effects); /* their memory can fail too */
    enum outcome outcome = NOT_HIT;
    countdown_start(f->n, f->all_after);
    int rc = core_step(core, event, &effects);
    if (countdown_stop()) {
        if (effects.broken_len > 0) {
            outcome = BROKEN;
            end_broken(core, event->now_us, &effects);
        } else if (rc == ROOST_ENOMEM || refusal(event, &effects) == ROOST_ENOMEM) {
            outcome = REFUSED;
            if (effects.len > (rc == ROOST_OK))
                complain(f, "refused, and yet others were answered");
        } else if (gives_up_others(&effects, event)) {
            outcome = OTHERS;
        } else {
            outcome = UNHARMED;
            if (rc != ROOST_OK || !same_answers(f->story, f->at, &effects))
                complain(f, "status %d, error %d: neither refused nor done", rc, refusal(event, &effects));
        }
    }
    effects_free(&effects);
    if (outcome == NOT_HIT)
        core_destroy(core);
    else
        *ret = core;
    return outcome;
}

/* False: the event has no n-th allocation. */
static bool try_fault(const struct fault *f)
{
    struct core *core;
    long alive = blocks_alive();
    enum outcome outcome = step_faulty(f, &core);
    if (outcome == NOT_HIT)
        return false;
    counts.failures++;
    counts.refused += outcome == REFUSED;
    counts.unharmed += outcome == UNHARMED;
    counts.others += outcome == OTHERS;
    counts.broken += outcome == BROKEN;
    if (outcome == REFUSED && f->story->with_grace) {
        nothing_changed(f, core); /* the refusal is kept as the answer: the call cannot come again */
    } else if (outcome == REFUSED) {
        nothing_changed(f, core);
        core_destroy(core);
        assert_int_equal(step_faulty(f, &core), REFUSED);
        go_on(f, core, f->at, true);
    } else {
        go_on(f, core, f->at + 1, outcome == UNHARMED);
    }
    core_destroy(core);
    if (blocks_alive() != alive)
        complain(f, "%ld blocks leaked", blocks_alive() - alive);
    return true;
}

/* Fails in every `stride`-th event, beginning with event `from`. */
static void try_all(const struct record *r, size_t from, size_t stride, bool with_grace)
{
    struct story story = {.with_grace = with_grace};
    tell(&story, r);
    for (size_t at = from; at < r->len; at += stride)
        for (int all_after = 0; all_after < 2; all_after++) {
            struct fault f = {.story = &story, .at = at, .n = 1, .all_after = all_after};
            while (try_fault(&f))
                f.n++;
        }
    story_free(&story);
}

static void survives(void **state)
{
    const struct CMUnitTest *test = *state;
    struct record r;
    void *own = test->initial_state;
    record_begin(&r);
    suite_start(&backend_core);
    test->test_func(&own);
    suite_stop();
    record_end();
    complaints = 0;
    size_t stride = r.len / EVENTS_TRIED + 1;
    if (r.len <= EVENTS_MAX) {
        try_all(&r, 0, stride, false);
        record_give_grace(&r);
        try_all(&r, r.len % GRACE_STRIDE, GRACE_STRIDE * stride, true);
    }
    record_free(&r);
    assert_int_equal(complaints, 0);
}

int main(int argc, char **argv)
{
    static struct CMUnitTest cases[CASES_MAX];
    size_t n = 0;
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    for (size_t i = 0; i < suite_group_count; i++) {
        const struct CMUnitTest *more;
        size_t len;
        suite_groups[i](&more, &len);
        for (size_t k = 0; k < len && n < CASES_MAX; k++)
            cases[n++] = (struct CMUnitTest){
                .name = more[k].name, .test_func = survives, .initial_state = (void *)(uintptr_t)&more[k]};
    }
    int failed = _cmocka_run_group_tests("every allocation of every step", cases, n, NULL, NULL);
    printf(
        "%lu failures: %lu calls refused, %lu unharmed, %lu with another call given up, %lu with a session "
        "ended\n",
        counts.failures, counts.refused, counts.unharmed, counts.others, counts.broken);
    return failed;
}
