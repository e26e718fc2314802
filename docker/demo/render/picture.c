/*
 * picture.c: the picture in memory, and its file by libpng.
 */
#include "picture.h"

#include <inttypes.h>
#include <png.h>
#include <stdio.h>
#include <string.h>

void picture_set_tile(picture *p, int tile, const uint8_t *pixels)
{
    int left = tile % TILES_ACROSS * TILE_WIDTH, top = tile / TILES_ACROSS * TILE_HEIGHT;
    for (int y = 0; y < TILE_HEIGHT; y++)
        memcpy(p->pixels + ((top + y) * WIDTH + left) * PIXEL_BYTES, pixels + y * TILE_WIDTH * PIXEL_BYTES,
               TILE_WIDTH * PIXEL_BYTES);
}

/* FNV-1a, 64 bits (G. Fowler, L. C. Noll, P. Vo): tells two pictures apart, guards against nobody. */
static uint64_t hash(const picture *p)
{
    uint64_t h = UINT64_C(0xcbf29ce484222325);
    for (int i = 0; i < PICTURE_BYTES; i++)
        h = (h ^ p->pixels[i]) * UINT64_C(0x100000001b3);
    return h;
}

int picture_save(const picture *p, const char *path)
{
    png_image image = {
        .version = PNG_IMAGE_VERSION, .width = WIDTH, .height = HEIGHT, .format = PNG_FORMAT_RGB};
    if (!png_image_write_to_file(&image, path, 0, p->pixels, 0, NULL))
        return -1;
    printf("%s: %d x %d pixels, hash %016" PRIx64 "\n", path, WIDTH, HEIGHT, hash(p));
    return 0;
}
