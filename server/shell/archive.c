/* archive.c: see archive.h. */
#include "shell/archive.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/error.h"
#include "core/core.h"
#include "shell/logged.h"
#include "shell/wal_file.h"

/* A core of a folder's making, and what nobody reads. */
struct state {
    struct core *core;
    struct effects unread;
};

static int load(void *context, struct slice bytes)
{
    struct state *s = context;
    struct core_options options = {.logged = true};
    randombytes_buf(options.hash_key, sizeof(options.hash_key));
    return core_load(&options, bytes, &s->core);
}

static int replay(void *context, struct slice entry)
{
    struct state *s = context;
    return logged_take(s->core, entry, &s->unread);
}

static void state_init(struct state *s)
{
    *s = (struct state){0};
    effects_init(&s->unread);
    s->unread.unread = true;
}

static void state_free(struct state *s)
{
    effects_free(&s->unread);
    core_destroy(s->core);
}

static int save(const struct state *s, struct buf *ret)
{
    struct buf b = buf_make(SIZE_MAX / 2);
    if (core_save(s->core, &b) != ROOST_OK) {
        roost__buf_free(&b);
        return roost__fail(ROOST_ENOMEM, "no memory for the state");
    }
    *ret = b;
    return ROOST_OK;
}

int archive_check(struct slice bytes)
{
    struct state s;
    state_init(&s);
    int rc = load(&s, bytes);
    state_free(&s);
    return rc;
}

int archive_of_folder(const char *folder, struct buf *ret)
{
    struct state s;
    state_init(&s);
    struct wal_options options = {.folder = folder, .context = &s, .restore = load, .replay = replay};
    int rc = wal_read(&options);
    if (rc == ROOST_OK && s.core == NULL)
        rc = roost__fail(ROOST_EDAMAGED, "%s: there is no snapshot", folder);
    if (rc == ROOST_OK)
        rc = save(&s, ret);
    state_free(&s);
    return rc;
}

int archive_write(const char *path, struct slice bytes)
{
    char unfinished[PATH_MAX];
    if (snprintf(unfinished, sizeof(unfinished), "%s.unfinished", path) >= PATH_MAX)
        return roost__fail(ROOST_EINVAL, "%s: the path is too long", path);
    return wal_write_whole(path, unfinished, bytes);
}

/* As if all clients had died with the server. */
static void end_sessions(struct state *s)
{
    for (uint64_t id; (id = core_session_after(s->core, 0)) != 0;) {
        struct event lost = {.kind = EVENT_LOST, .session = id, .now_us = core_now_us(s->core)};
        effects_reset(&s->unread);
        (void)core_step(s->core, &lost, &s->unread);
    }
}

/* Another server's state, of the same objects. */
static void make_another(struct state *s)
{
    uint64_t epoch;
    randombytes_buf(&epoch, sizeof(epoch));
    end_sessions(s);
    core_set_epoch(s->core, epoch & INT64_MAX);
}

int archive_restore(const char *path, const char *folder)
{
    struct buf bytes;
    struct state s;
    int rc = wal_read_file(path, &bytes);
    if (rc != ROOST_OK)
        return rc;
    state_init(&s);
    rc = load(&s, buf_slice(&bytes));
    if (rc != ROOST_OK)
        roost__fail_at("%s", path);
    roost__buf_free(&bytes);
    if (rc == ROOST_OK) {
        make_another(&s);
        rc = save(&s, &bytes);
    }
    if (rc == ROOST_OK) {
        rc = wal_found(folder, buf_slice(&bytes));
        roost__buf_free(&bytes);
    }
    state_free(&s);
    return rc;
}
