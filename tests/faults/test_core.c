/*
 * test_core.c: every case of the object suite once more, each of its steps with its first, second, third …
 * allocation failing.
 *
 * A case runs on the bare core and its events are written down. Then, for each event and each n, a core is
 * brought to where the case had it, takes the event with its n-th allocation failing, and is judged: the call
 * was answered ROOST_ENOMEM and nothing has changed; or it did just what it does with memory; or a session
 * that misses an answer is to be ended, as core.h says. Then the case goes on to its end, where every answer
 * must be the one it was without failures.
 */
#include <stdio.h>
#include <stdlib.h>

#include "tests/faults/countdown.h"
#include "tests/faults/dump.h"
#include "tests/faults/record.h"
#include "tests/suite/suite.h"
#include "wire/frame.h"
#include "wire/methods.h"

enum { CASES_MAX = 256, EVENTS_MAX = 4000, COMPLAINTS_MAX = 8 /* printed for a case */ };

/* Of a case with more events, and of all under a slow build, every k-th is tried. */
static size_t events_tried = 400;

typedef void group(const struct CMUnitTest **ret, size_t *ret_len);

static group *const groups[] = {suite_containers,  suite_nested,    suite_expiry,       suite_queues,
                                suite_numbers,     suite_waitables, suite_deadlocks,    suite_locks,
                                suite_keyed_locks, suite_cancel,    suite_transactions, suite_server};

struct counts {
    unsigned long failures, refused, unharmed, broken;
} counts;

/* ---- the case without failures ---- */

/* What each step of the case did: its frames, each behind its session. */
struct story {
    const struct record *record;
    struct buf *answers;
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

/* The code of the ERROR that answers the event's call; 0: there is none. */
static int refusal(const struct event *event, const struct effects *e)
{
    struct call_frame call;
    if (event->kind != EVENT_CALL || !roost__frame_call(event->payload, &call))
        return 0;
    for (size_t i = 0; i < e->len; i++) {
        struct slice payload =
            slice_of(e->bytes.data + e->items[i].at + FRAME_HEADER, e->items[i].len - FRAME_HEADER);
        struct item it;
        const uint8_t *p = roost__scan_item(payload.data, &it);
        if (e->items[i].session != event->session || roost__frame_kind(payload) != FRAME_ERROR)
            continue;
        p = roost__scan_item(roost__scan_skip(p), &it);
        if (it.as.u != call.number)
            continue;
        roost__scan_item(p, &it);
        return (int)it.as.i;
    }
    return 0;
}

/* An answer that counts calls differs when a call is repeated. */
static bool counts_calls(const struct event *event)
{
    struct call_frame call;
    return event->kind == EVENT_CALL && roost__frame_call(event->payload, &call) &&
           (call.method == METHOD_server_info || call.method == METHOD_server_methods);
}

static bool same_answers(const struct story *s, size_t i, const struct effects *e)
{
    struct buf b = buf_make(SIZE_MAX / 2);
    put_effects(&b, e);
    bool same = counts_calls(&s->record->events[i]) || slice_equal(buf_slice(&b), buf_slice(&s->answers[i]));
    roost__buf_free(&b);
    return same;
}

static void differs(const struct fault *f, const struct buf *before, const struct buf *after)
{
    char *difference = dump_difference(before, after);
    complain(f, "refused, and yet: %s", difference);
    free(difference);
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
    if (!slice_equal(buf_slice(&before), buf_slice(&after)))
        differs(f, &before, &after);
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

enum outcome { NOT_HIT, REFUSED, UNHARMED, BROKEN };

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
    counts.broken += outcome == BROKEN;
    if (outcome == REFUSED) {
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

static void try_all(const struct record *r)
{
    struct story story;
    tell(&story, r);
    size_t stride = r->len / events_tried + 1;
    for (size_t at = 0; at < r->len; at += stride)
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
    if (r.len <= EVENTS_MAX)
        try_all(&r);
    record_free(&r);
    assert_int_equal(complaints, 0);
}

int main(int argc, char **argv)
{
    static struct CMUnitTest cases[CASES_MAX];
    size_t n = 0;
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    const char *tried = getenv("FAULTS_EVENTS");
    if (tried != NULL)
        events_tried = strtoul(tried, NULL, 10);
    for (size_t i = 0; i < sizeof(groups) / sizeof(groups[0]); i++) {
        const struct CMUnitTest *more;
        size_t len;
        groups[i](&more, &len);
        for (size_t k = 0; k < len && n < CASES_MAX; k++)
            cases[n++] = (struct CMUnitTest){
                .name = more[k].name, .test_func = survives, .initial_state = (void *)(uintptr_t)&more[k]};
    }
    int failed = _cmocka_run_group_tests("every allocation of every step", cases, n, NULL, NULL);
    printf("%lu failures: %lu calls refused, %lu unharmed, %lu with a session ended\n", counts.failures,
           counts.refused, counts.unharmed, counts.broken);
    return failed;
}
