/* backup.c: roost backup, roost restore: the whole state of a server as a file, and a data folder out of it.
 */
#include <stdio.h>
#include <time.h>

#include "base/buf.h"
#include "base/error.h"
#include "cli.h"
#include "shell/archive.h"

enum { LOOK_MS = 20 }; /* how often a copy that is being made is asked for */

/* Takes what there is of the copy. *ret: it is all there. */
static int take_piece(struct cli *c, uint64_t id, struct buf *state, bool *ret)
{
    roost_value v;
    int rc = roost_server_backup_read(c->manager, id, state->len, &v);
    if (rc != ROOST_OK)
        return rc;
    *ret = v.kind == ROOST_BYTES && v.len == 0;
    if (v.kind == ROOST_NIL)
        nanosleep(&(struct timespec){.tv_nsec = LOOK_MS * 1000000}, NULL);
    else
        buf_append(state, v.as.bytes, v.len);
    roost_value_free(&v);
    return state->failed ? roost__fail(ROOST_ENOMEM, "no memory for the backup") : ROOST_OK;
}

static int of_server(struct cli *c, struct buf *ret)
{
    uint64_t id;
    struct buf state = buf_make(SIZE_MAX / 2);
    int rc = roost_server_backup(c->manager, &id);
    for (bool all = false; rc == ROOST_OK && !all;)
        rc = take_piece(c, id, &state, &all);
    if (rc == ROOST_OK)
        rc = archive_check(buf_slice(&state));
    if (rc == ROOST_OK)
        *ret = state;
    else
        roost__buf_free(&state);
    return rc;
}

int cli_backup(struct cli *c, int n, char **words)
{
    struct buf state;
    if (n < 1 || n > 2)
        return cli_usage("usage: roost backup [FOLDER] FILE");
    const char *file = words[n - 1];
    int status = n == 1 ? cli_connect(c) : STATUS_DONE;
    if (status != STATUS_DONE)
        return status;
    int rc = n == 1 ? of_server(c, &state) : archive_of_folder(words[0], &state);
    if (rc != ROOST_OK)
        return cli_fail();
    rc = archive_write(file, buf_slice(&state));
    if (rc == ROOST_OK)
        printf("%s: %zu bytes\n", file, state.len);
    roost__buf_free(&state);
    return rc == ROOST_OK ? STATUS_DONE : cli_fail();
}

int cli_restore(struct cli *c, int n, char **words)
{
    (void)c;
    if (n != 2)
        return cli_usage("usage: roost restore FILE FOLDER");
    if (archive_restore(words[0], words[1]) != ROOST_OK)
        return cli_fail();
    printf("%s: for roostd --data, as another server than before: no session of the old one goes on\n",
           words[1]);
    return STATUS_DONE;
}
