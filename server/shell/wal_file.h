/*
 * wal_file.h: the files of a log's folder: names, batches, reading them back. See wal.h and FORMAT.md.
 */
#ifndef ROOST_SHELL_WAL_FILE_H
#define ROOST_SHELL_WAL_FILE_H

#include <limits.h>
#include <sys/types.h>

#include "shell/wal.h"

enum {
    SEGMENT_BYTES = 8 << 20,
    FILE_HEADER = 32,  /* magic, version, checksum, size of the file, first position */
    BATCH_HEADER = 36, /* magic, length, count, first position, committed, checksum, spare */
    ENTRY_HEADER = 4   /* its length */
};

#define LOG_VERSION 1
#define UNFINISHED  "unfinished-"
#define BATCH_MAGIC 0x524c4f47u /* "RLOG" */

/* The files of one kind, by position. */
struct names {
    uint64_t *positions;
    size_t len, cap;
};

/* prefix: "log-" or "snapshot-". */
void wal_path(char ret[PATH_MAX], const char *folder, const char *prefix, uint64_t position);

/* Removes what was being made when the server ended. */
void wal_clean(const char *folder);

/* All files of a prefix, sorted. ROOST_OK or worded. */
int wal_list(const char *folder, const char *prefix, struct names *ret);

/* A whole file, malloc'ed. ROOST_OK or worded. */
int wal_read_file(const char *path, struct buf *ret);

/* What was renamed, made or removed in a folder stays so. ROOST_OK or worded. */
int wal_sync_folder(const char *folder);
int wal_sync_parent(const char *path);

/* Is nothing in it but what was never finished? ROOST_OK or worded. */
int wal_check_empty(const char *folder);

/* Writes all n bytes at an offset. False: errno says why. */
bool wal_write_at(int fd, const void *data, size_t n, off_t at);

/* A file without a name yet that has `size` bytes on the disk. Returns its descriptor, or -1: errno says why.
 */
int wal_make_room(const char *folder, size_t size);

/* Makes it the log file of a first position. ROOST_OK or worded. */
int wal_name_log(int fd, const char *folder, uint64_t first, size_t size);

/* Writes a whole file under its name, or not at all; `unfinished` is where it is until then. ROOST_OK or
 * worded. */
int wal_write_whole(const char *path, const char *unfinished, struct slice bytes);

/* The same for a file of a folder. */
int wal_write_file(const char *folder, const char *prefix, uint64_t position, struct slice bytes);

/* Makes the header of a batch of entries that begins at `header`. */
void wal_seal(uint8_t *header, size_t len, uint64_t first, uint32_t count, uint64_t committed);

struct reading {
    const struct wal_options *options;
    uint64_t applied; /* the position up to which entries are taken */
    uint64_t bytes;   /* read behind the snapshot */
    bool has_snapshot;
    bool keeps_all; /* a torn end is left as it is */
};

/* Gives all entries of a log file back. next: the first position of the file behind it; 0: it is the last,
 * whose end may be torn, and is cut then. ROOST_OK or worded. */
int wal_read_log(struct reading *r, uint64_t first, uint64_t next);

#endif
