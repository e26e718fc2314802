/* backup.c: see backup.h. */
#include "shell/backup.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/error.h"
#include "shell/log.h"
#include "shell/server.h"

enum { PIECE = 256 << 10 };

/* The child: exit 0 when all is in the memory. */
static void save(const struct core *core, int fd)
{
    struct buf state = buf_make(SIZE_MAX / 2);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    dup2(fd, 3);
    close_range(4, ~0U, 0); /* nobody's connection or lock stays open because of it */
    bool good = core_save(core, &state) == ROOST_OK;
    for (size_t at = 0; good && at < state.len;) {
        ssize_t n = write(3, state.data + at, state.len - at);
        good = n > 0 || errno == EINTR;
        at += n > 0 ? (size_t)n : 0;
    }
    _exit(good ? 0 : 1);
}

/* Maps what the child has left, if it has ended. False: it failed. */
static bool take(struct backup *b)
{
    int status;
    struct stat st;
    if (b->child <= 0 || waitpid(b->child, &status, WNOHANG) != b->child)
        return b->child >= 0;
    b->child = 0;
    bool good = WIFEXITED(status) && WEXITSTATUS(status) == 0 && fstat(b->fd, &st) == 0;
    void *at = good ? mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_SHARED, b->fd, 0) : MAP_FAILED;
    if (at == MAP_FAILED)
        return false;
    b->bytes = at;
    b->len = (size_t)st.st_size;
    close(b->fd);
    b->fd = -1;
    return true;
}

/* A core_copy_reader. */
static int read_copy(void *context, uint64_t session, uint64_t id, uint64_t at, struct slice *ret)
{
    struct server *s = context;
    struct backup *b = &s->backup;
    if (b->id != id || b->session != session)
        return roost__fail(ROOST_ENOENT, "backup %llu is gone: another was begun, or its connection ended",
                           (unsigned long long)id);
    if (!take(b)) {
        backup_drop(s, session);
        return roost__fail(ROOST_ENOMEM, "no memory for a backup");
    }
    if (b->bytes == NULL)
        return ROOST_OK;
    size_t left = at < b->len ? b->len - (size_t)at : 0;
    *ret = slice_of(left > 0 ? b->bytes + at : (const uint8_t *)"", left < PIECE ? left : PIECE);
    if (left == 0)
        backup_drop(s, session);
    return ROOST_OK;
}

void backup_begin(struct server *s, uint64_t session, uint64_t id)
{
    struct backup *b = &s->backup;
    backup_drop(s, 0);
    *b = (struct backup){.id = id, .session = session, .child = -1};
    b->fd = memfd_create("roost-backup", MFD_CLOEXEC);
    if (b->fd >= 0 && (b->child = fork()) == 0)
        save(s->core, b->fd);
    if (b->child < 0)
        log_error("no backup: %s", strerror(errno));
    core_set_copies(s->core, read_copy, s);
}

void backup_drop(struct server *s, uint64_t session)
{
    struct backup *b = &s->backup;
    if (b->id == 0 || (session != 0 && session != b->session))
        return;
    if (b->child > 0) {
        kill(b->child, SIGKILL);
        waitpid(b->child, NULL, 0);
    }
    if (b->bytes != NULL)
        munmap(b->bytes, b->len);
    if (b->fd >= 0)
        close(b->fd);
    *b = (struct backup){0};
}
