/*
 * image.h: the state of a core as it was at one moment, saved while service goes on.
 *
 * A child made by fork() has the core as it was; it saves it into memory that both share, and ends. Memory
 * that is written meanwhile exists twice. Invariant: there is a child, or there are bytes, or nothing at all.
 * Called by backup.c and cluster_fsm.c, which fork between two steps, under the server's mutex.
 */
#ifndef ROOST_SHELL_IMAGE_H
#define ROOST_SHELL_IMAGE_H

#include <sys/types.h>

#include "base/buf.h"

struct image {
    pid_t child;    /* at work; 0: there is none */
    int fd;         /* the memory, while there is a child */
    uint8_t *bytes; /* mapped, when it has ended well; NULL before */
    size_t len;
};

/* Appends the state of something; ROOST_OK or an error. */
typedef int image_saver(const void *what, struct buf *out);

/* Begins one. False: errno says why. */
bool image_begin(struct image *im, image_saver *save, const void *what);

enum image_progress { IMAGE_NONE, IMAGE_IN_WORK, IMAGE_THERE };

/* Never waits. IMAGE_NONE: it failed, or was never begun. */
enum image_progress image_look(struct image *im);

/* Ends the child, frees the bytes. Harmless when there is nothing. */
void image_free(struct image *im);

static inline bool image_exists(const struct image *im)
{
    return im->child > 0 || im->bytes != NULL;
}

#endif
