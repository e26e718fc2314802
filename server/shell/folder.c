/* folder.c: see folder.h. */
#include "shell/folder.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "shell/wal_file.h"

int folder_create(const char *folder)
{
    if (mkdir(folder, 0700) != 0 && errno != EEXIST)
        return roost__fail(ROOST_ESYS, "%s: cannot be made: %s", folder, strerror(errno));
    return ROOST_OK;
}

int folder_lock(const char *folder, int how, int *ret)
{
    char path[PATH_MAX];
    snprintf(path, sizeof(path), "%s/lock", folder);
    *ret = open(path, how | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (*ret < 0 && errno == ENOENT)
        return roost__fail(ROOST_ENOENT, "%s: no server has kept data there", folder);
    if (*ret < 0)
        return roost__fail(ROOST_ESYS, "%s: %s", path, strerror(errno));
    if (flock(*ret, LOCK_EX | LOCK_NB) != 0)
        return roost__fail(ROOST_EBUSY, "%s: another server uses this folder", folder);
    return ROOST_OK;
}

/* What cluster.c writes first. */
static bool is_of_node(const char *folder)
{
    char path[PATH_MAX];
    snprintf(path, sizeof(path), "%s/node", folder);
    return access(path, F_OK) == 0;
}

/* What durable.c writes first. */
static int check_no_server(const char *folder)
{
    struct names snapshots;
    int rc = wal_list(folder, "snapshot-", &snapshots);
    if (rc != ROOST_OK)
        return rc;
    free(snapshots.positions);
    return snapshots.len == 0
               ? ROOST_OK
               : roost__fail(ROOST_EINVAL, "%s: the folder is that of a server by itself, of no cluster",
                             folder);
}

int folder_check_kind(const char *folder, enum folder_kind kind)
{
    if (kind == FOLDER_OF_NODE)
        return check_no_server(folder);
    return is_of_node(folder)
               ? roost__fail(ROOST_EINVAL, "%s: the folder is that of a node of a cluster", folder)
               : ROOST_OK;
}
