/* durable.c: the log in front of the core; see durable.h. */
#include "shell/durable.h"

#include <assert.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/error.h"
#include "shell/conn.h"
#include "shell/log.h"
#include "shell/logged.h"
#include "shell/server.h"

struct durable {
    struct store store;
    struct wal *wal;
    uint64_t position;  /* of the event appended last */
    uint64_t committed; /* … of the one released last */
    struct buf entry;
    uint64_t snapshot_bytes;
    uint64_t size_then; /* of the log when the last snapshot was begun */
    pid_t child;        /* writes a snapshot of child_position; 0: none */
    uint64_t child_position;
    const struct core_options *new_core; /* only at the start */
    struct effects unread;               /* likewise */
};

/* ---- the start ---- */

static int restore(void *context, struct slice state)
{
    struct durable *d = context;
    return core_load(d->new_core, state, &d->store.server->core);
}

static int replay(void *context, struct slice entry)
{
    struct durable *d = context;
    return logged_take(d->store.server->core, entry, &d->unread);
}

/* A snapshot before anybody is there who could wait for it. */
static int write_state(struct durable *d)
{
    struct buf state = buf_make(SIZE_MAX / 2);
    int rc = core_save(d->store.server->core, &state);
    rc = rc == ROOST_OK ? wal_write_snapshot(d->wal, d->position, buf_slice(&state))
                        : roost__fail(rc, "no memory for a snapshot");
    roost__buf_free(&state);
    return rc;
}

/* The first state of a folder is its first snapshot: it has the epoch. */
static int begin_anew(struct durable *d)
{
    d->store.server->core = core_create(d->new_core);
    return d->store.server->core != NULL ? write_state(d) : roost__fail(ROOST_ENOMEM, "no memory for a core");
}

/* What a call comes to depends on the limits: the log behind a snapshot is of the limits in it. */
static int take_limits(struct durable *d)
{
    struct core *core = d->store.server->core;
    if (memcmp(core_limits(core), d->new_core->limits, sizeof(struct core_limits)) == 0)
        return ROOST_OK;
    core_set_limits(core, d->new_core->limits);
    int rc = write_state(d);
    if (rc == ROOST_OK)
        wal_forget(d->wal, d->position);
    return rc;
}

static void committed(void *context, uint64_t upto);

/* What is on the disk is unknown now: the only honest answer is none. */
static void broken(void *context, const char *why)
{
    (void)context;
    log_error("%s: the server stops: what was not answered may or may not have happened", why);
    _exit(1);
}

static const struct store_ops ops;

static struct durable *durable_new(struct server *s, const struct store_options *options)
{
    struct durable *d = calloc(1, sizeof(*d));
    if (d == NULL)
        return NULL;
    store_init(&d->store, &ops, s);
    d->snapshot_bytes = options->snapshot_bytes;
    d->entry = buf_make(LOGGED_MAX);
    effects_init(&d->unread);
    d->unread.unread = true;
    return d;
}

static void durable_close(struct store *store)
{
    struct durable *d = container_of(store, struct durable, store);
    wal_close(d->wal);
    if (d->child > 0) {
        kill(d->child, SIGKILL);
        waitpid(d->child, NULL, 0);
    }
    effects_free(&d->unread);
    roost__buf_free(&d->entry);
    free(d);
}

int durable_open(struct server *s, const struct store_options *options, const struct core_options *core)
{
    struct durable *d = durable_new(s, options);
    if (d == NULL)
        return roost__fail(ROOST_ENOMEM, "no memory for the log");
    d->new_core = core;
    struct wal_options wal = {.folder = options->folder,
                              .sync = options->sync,
                              .batch_ms = options->batch_ms,
                              .context = d,
                              .restore = restore,
                              .replay = replay,
                              .committed = committed,
                              .broken = broken};
    int rc = wal_open(&wal, &d->wal);
    if (rc == ROOST_OK)
        d->position = d->committed = wal_committed(d->wal);
    if (rc == ROOST_OK)
        rc = s->core == NULL ? begin_anew(d) : take_limits(d);
    if (rc != ROOST_OK) {
        durable_close(&d->store);
        return rc;
    }
    s->store = &d->store;
    struct batch batch;
    server_enter(s, &batch);
    server_lead(s, &batch); /* to the sessions their connections have broken */
    server_leave(s, &batch);
    return ROOST_OK;
}

/* ---- steps ---- */

/* Who asks can be told no; all others' events happen, and wait for room if need be. */
static bool can_be_refused(enum event_kind kind)
{
    return kind == EVENT_CALL || kind == EVENT_OPEN || kind == EVENT_RESUMED || kind == EVENT_TIME;
}

/* What was due has happened, whatever became of the event: then that is logged. */
static int take(struct durable *d, const struct event *event, bool is_due)
{
    struct server *s = d->store.server;
    const struct event time = {.kind = EVENT_TIME, .now_us = event->now_us};
    int rc = core_step(s->core, event, &s->effects);
    bool has_passed = is_due && core_next_deadline_us(s->core) > event->now_us;
    if (rc != ROOST_OK && !has_passed)
        return rc;
    uint64_t position = 0;
    if (logged_encode(&d->entry, rc == ROOST_OK ? event : &time, core_confirmed(s->core)))
        position = wal_append(d->wal, buf_slice(&d->entry));
    if (position == 0)
        broken(d, "no memory for the log");
    d->position = position;
    return rc;
}

static int step(struct store *store, struct event *event)
{
    struct durable *d = container_of(store, struct durable, store);
    struct server *s = store->server;
    int64_t due_us = core_next_deadline_us(s->core);
    bool is_due = due_us <= event->now_us, reads = core_only_reads(s->core, event);
    bool room = (reads && !is_due) || wal_has_room(d->wal, logged_max(event));
    if (!room && is_due) /* what is due cannot be logged: no time passes */
        event->now_us = due_us - 1;
    if (room && is_due && reads) {
        struct event time = {.kind = EVENT_TIME, .now_us = event->now_us};
        (void)take(d, &time, true);
    }
    if (reads)
        return core_step(s->core, event, &s->effects);
    if (room || !can_be_refused(event->kind))
        return take(d, event, room && is_due);
    return ROOST_EDISK;
}

/* ---- answers ---- */

static uint64_t position(struct store *store)
{
    const struct durable *d = container_of(store, struct durable, store);
    return d->position > d->committed ? d->position : 0;
}

/* ---- snapshots ---- */

/* The child has a copy of the core as it was, and all the time it wants. */
static void write_snapshot(struct durable *d)
{
    struct buf state = buf_make(SIZE_MAX / 2);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    close_range(3, ~0U, 0); /* nobody's connection or lock stays open because of it */
    bool good = core_save(d->store.server->core, &state) == ROOST_OK &&
                wal_write_snapshot(d->wal, d->position, buf_slice(&state)) == ROOST_OK;
    _exit(good ? 0 : 1);
}

static void begin_snapshot(struct durable *d)
{
    d->size_then = wal_size(d->wal);
    d->child_position = d->position;
    d->child = fork();
    if (d->child == 0)
        write_snapshot(d);
    if (d->child < 0)
        log_error("no snapshot: fork: %s", strerror(errno));
}

static void end_snapshot(struct durable *d)
{
    int status;
    if (d->child <= 0 || waitpid(d->child, &status, WNOHANG) != d->child)
        return;
    d->child = 0;
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0) {
        log_debug("snapshot of entry %llu", (unsigned long long)d->child_position);
        wal_forget(d->wal, d->child_position);
    } else {
        log_error("no snapshot: the disk may be full; the log grows");
    }
}

/* From the writer's thread: what waited for this goes out. */
static void committed(void *context, uint64_t upto)
{
    struct durable *d = context;
    struct server *s = d->store.server;
    struct batch batch;
    server_enter(s, &batch);
    d->committed = upto;
    held_release(&d->store.held, upto, &batch);
    end_snapshot(d);
    if (d->child <= 0 && wal_size(d->wal) - d->size_then >= d->snapshot_bytes)
        begin_snapshot(d);
    server_leave(s, &batch);
}

static const struct store_ops ops = {.step = step, .position = position, .close = durable_close};
