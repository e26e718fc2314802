/*
 * folder.h: a data folder: one server at a time, and of one kind for good.
 *
 * Called by both stores, wal.c and cluster.c.
 */
#ifndef ROOST_SHELL_FOLDER_H
#define ROOST_SHELL_FOLDER_H

enum folder_kind { FOLDER_OF_SERVER, FOLDER_OF_NODE }; /* a server by itself; a node of a cluster */

/* Makes it when it is not there. ROOST_OK or worded. */
int folder_create(const char *folder);

/* Takes its lock. how: flags for open(). *ret: a descriptor, to be closed also after an error, or -1. Errors
 * (worded): ROOST_EBUSY another server has it; ROOST_ENOENT without O_CREAT, ROOST_ESYS. */
int folder_lock(const char *folder, int how, int *ret);

/* Is it empty yet, or of this kind? ROOST_OK, or ROOST_EINVAL (worded). */
int folder_check_kind(const char *folder, enum folder_kind kind);

#endif
