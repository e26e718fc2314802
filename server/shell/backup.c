/* backup.c: see backup.h. */
#include "shell/backup.h"

#include <errno.h>
#include <stdlib.h>

#include "base/error.h"
#include "shell/log.h"
#include "shell/server.h"

enum { PIECE = 256 << 10 };

static int save(const void *core, struct buf *out)
{
    return core_save(core, out);
}

/* A core_copy_reader. */
static int read_copy(void *context, uint64_t session, uint64_t id, uint64_t at, struct slice *ret)
{
    struct server *s = context;
    struct backup *b = &s->backup;
    if (b->id != id || b->session != session)
        return roost__fail(ROOST_ENOENT, "backup %llu is gone: another was begun, or its connection ended",
                           (unsigned long long)id);
    enum image_progress progress = image_look(&b->image);
    if (progress == IMAGE_NONE) {
        backup_drop(s, session);
        return roost__fail(ROOST_ENOMEM, "no memory for a backup");
    }
    if (progress == IMAGE_IN_WORK)
        return ROOST_OK;
    size_t left = at < b->image.len ? b->image.len - (size_t)at : 0;
    *ret = slice_of(left > 0 ? b->image.bytes + at : (const uint8_t *)"", left < PIECE ? left : PIECE);
    if (left == 0)
        backup_drop(s, session);
    return ROOST_OK;
}

void backup_begin(struct server *s, uint64_t session, uint64_t id)
{
    struct backup *b = &s->backup;
    backup_drop(s, 0);
    *b = (struct backup){.id = id, .session = session};
    if (!image_begin(&b->image, save, s->core))
        log_error("no backup: %s", strerror(errno));
    core_set_copies(s->core, read_copy, s);
}

void backup_drop(struct server *s, uint64_t session)
{
    struct backup *b = &s->backup;
    if (b->id == 0 || (session != 0 && session != b->session))
        return;
    image_free(&b->image);
    *b = (struct backup){0};
}
