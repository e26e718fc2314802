/*
 * archive.h: a backup as a file: of a data folder at rest, and a new data folder out of it.
 *
 * The file is a saved state (server/core/FORMAT.md), which has its version and its checksum. Called by the
 * command line.
 */
#ifndef ROOST_SHELL_ARCHIVE_H
#define ROOST_SHELL_ARCHIVE_H

#include "base/buf.h"

/* Is it a whole state that this roost can load? ROOST_OK or worded. */
int archive_check(struct slice state);

/* The state that a server started on the folder would begin with; the folder stays as it is. ROOST_EBUSY: a
 * server uses it. Errors (worded). */
int archive_of_folder(const char *folder, struct buf *ret);

/* Writes a file, on the disk when it returns: as a whole, or not at all. ROOST_OK or worded. */
int archive_write(const char *path, struct slice state);

/*
 * Makes a data folder (made, or empty) of a file. A server on it is another one than that of which the
 * backup is: it has another epoch, and no session lives in it: what they held and waited for is as if all
 * clients had died. Errors (worded): ROOST_EEXIST, ROOST_EDAMAGED, ROOST_ESYS, ROOST_ENOMEM.
 */
int archive_restore(const char *path, const char *folder);

#endif
