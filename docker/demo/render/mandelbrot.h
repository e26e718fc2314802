/*
 * mandelbrot.h: the picture of the render farm, a piece of the Mandelbrot set cut into tiles. A tile's pixels
 * depend on its number alone: additions and multiplications of doubles, the same on every host.
 */
#ifndef ROOST_RENDER_MANDELBROT_H
#define ROOST_RENDER_MANDELBROT_H

#include <stdint.h>

enum {
    WIDTH = 960,
    HEIGHT = 640,
    TILE_WIDTH = 96,
    TILE_HEIGHT = 64,
    TILES_ACROSS = WIDTH / TILE_WIDTH,
    TILES = TILES_ACROSS * (HEIGHT / TILE_HEIGHT),
    PIXEL_BYTES = 3, /* red, green, blue */
    TILE_BYTES = TILE_WIDTH * TILE_HEIGHT * PIXEL_BYTES,
    PICTURE_BYTES = WIDTH * HEIGHT * PIXEL_BYTES
};

/* Renders tile 0 … TILES-1 into TILE_BYTES, row by row. */
void render_tile(int tile, uint8_t *pixels);

#endif
