/*
 * picture.h: the whole picture: tiles go in, a PNG file and a hash of the pixels come out.
 */
#ifndef ROOST_RENDER_PICTURE_H
#define ROOST_RENDER_PICTURE_H

#include <stdint.h>

#include "mandelbrot.h"

typedef struct picture {
    uint8_t pixels[PICTURE_BYTES];
} picture;

void picture_set_tile(picture *p, int tile, const uint8_t *pixels);

/* Writes the file and says on stdout its name and the hash of its pixels. Returns 0 or -1: errno says why. */
int picture_save(const picture *p, const char *path);

#endif
