/* world.c: one history from its seed to its end; see world.h. */
#include "tests/sim/world.h"

#include <inttypes.h>
/* The server sees to what is due, sometimes late. */
static void tick(struct world *w)
{
    check_step(w, (struct event){.kind = EVENT_TIME});
    net_answer(w);
}

static void happen(struct world *w)
{
    size_t first = agenda_first(w);
    int64_t due_us = core_next_deadline_us(w->core[0]);
    if (due_us != NEVER && due_us - w->offset_us <= w->agenda[first].at_us &&
        (w->calm || chance(&w->dice, 80))) {
        if (due_us - w->offset_us > w->now_us)
            w->now_us = due_us - w->offset_us;
        tick(w);
        return;
    }
    struct entry e = agenda_take(w, first);
    w->now_us = e.at_us;
    if (e.what == TO_SERVER)
        net_to_server(w, &e);
    else if (e.what == TO_CLIENT)
        net_to_client(w, &e);
    else if (e.what == CLOSED)
        net_closed(w, &e);
    else
        client_act(w, e.client);
}

/* ---- begin ---- */

static void choose_theme(struct world *w)
{
    unsigned n = 1 + roll(&w->dice, 4);
    for (unsigned i = 0; i < 4; i++)
        w->types[i] = i < n ? (roost_type)(1 + roll(&w->dice, TYPE_COUNT - 1)) : w->types[i % n];
    w->faults = chance(&w->dice, 20) ? 0 : 5 + roll(&w->dice, 60);
    w->acts_left = 100 + roll(&w->dice, 500);
}

static void begin(struct world *w, uint64_t seed, bool verbose)
{
    w->seed = seed;
    w->verbose = verbose;
    w->dice.state = seed * 0x2545f4914f6cdd1d + 1;
    w->offset_us = 1000000;
    w->sessions_max = M_SESSIONS - 4;
    w->bytes = buf_make(64 << 20);
    w->scratch = buf_make(1 << 20);
    for (int i = 0; i < 2; i++)
        effects_init(&w->effects[i]);
    for (unsigned i = 0; i < CLIENTS; i++)
        for (unsigned t = 0; t < THREADS; t++)
            w->clients[i].pending[t].frame = buf_make(FRAME_BYTES);
    choose_theme(w);
    saved_begin(w);
}

static void end(struct world *w)
{
    check_end(w);
    roost__buf_free(&w->bytes);
    roost__buf_free(&w->scratch);
    for (int i = 0; i < 2; i++)
        effects_free(&w->effects[i]);
    for (unsigned i = 0; i < CLIENTS; i++)
        for (unsigned t = 0; t < THREADS; t++)
            roost__buf_free(&w->clients[i].pending[t].frame);
}

/* What befalls the whole world now and then. */
static void upheaval(struct world *w)
{
    if (w->faults == 0 || roll(&w->dice, 1000) >= 6)
        return;
    unsigned what = roll(&w->dice, 8);
    if (what == 0) {
        net_restart(w);
    } else if (what < 4) {
        int64_t by_us = (int64_t)roll(&w->dice, 200000) - 50000;
        say_world(w, "the server's clock jumps by %" PRId64 " us", by_us);
        w->offset_us += by_us;
        tick(w);
    } else {
        check_state(w);
    }
}

/* ---- the end: nothing fails any more, and nothing may stay ---- */

static void settle(struct world *w)
{
    w->calm = true;
    for (unsigned n = 0; n < 400 && w->agenda_len > 0; n++)
        happen(w);
    check_state(w);
}

static void finish(struct world *w)
{
    bool deletes_first = chance(&w->dice, 50);
    settle(w);
    if (deletes_first) {
        delete_objects(w, true);
        for (size_t i = 0; i < w->model->waiter_count; i++)
            fail_world(w, "session %" PRIu64 " call %" PRIu64 " waits for what was deleted",
                       w->model->waiters[i].session, w->model->waiters[i].number);
    }
    end_sessions(w);
    delete_objects(w, false);
    check_empty(w);
}

bool world_run(struct world *w, struct model *m, uint64_t seed, bool verbose)
{
    memset(w, 0, sizeof(*w));
    w->model = m;
    if (setjmp(w->failed) != 0) {
        end(w);
        return false;
    }
    begin(w, seed, verbose);
    check_begin(w);
    for (unsigned i = 0; i < CLIENTS; i++)
        client_act_later(w, i, roll(&w->dice, 5000));
    while (w->acts_left > 0) {
        happen(w);
        upheaval(w);
        if (verbose)
            check_state(w);
    }
    finish(w);
    end(w);
    return true;
}
