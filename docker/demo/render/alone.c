/*
 * alone.c: renders the whole picture in one process, without any server: what the farm's picture is compared
 * with.
 */
#include <stdio.h>

#include "picture.h"

int main(int argc, char **argv)
{
    static picture whole;
    static uint8_t pixels[TILE_BYTES];
    for (int tile = 0; tile < TILES; tile++) {
        render_tile(tile, pixels);
        picture_set_tile(&whole, tile, pixels);
    }
    if (argc != 2 || picture_save(&whole, argv[1]) != 0)
        return fprintf(stderr, "usage: demo_render_alone FILE.png, which can be written\n"), 1;
    return 0;
}
