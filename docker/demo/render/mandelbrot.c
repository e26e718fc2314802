/*
 * mandelbrot.c: how many steps z := z² + c takes to leave the circle says a point's colour; four points make
 * a pixel.
 */
#include "mandelbrot.h"

enum { STEPS_MAX = 700, POINTS = 2 };

/* The valley of the sea horses: where the picture's middle is, and how wide it is. */
static const double centre_re = -0.7449, centre_im = 0.1312, view = 0.0145;

static int steps_to_leave(double re, double im)
{
    double x = 0, y = 0;
    int steps = 0;
    for (; steps < STEPS_MAX && x * x + y * y <= 16; steps++) {
        double next = x * x - y * y + re;
        y = 2 * x * y + im;
        x = next;
    }
    return steps;
}

/* Colours that follow each other around a ring, in whole numbers; who never leaves is black. */
static void add_colour(int steps, int *rgb)
{
    static const uint8_t ring[][PIXEL_BYTES] = {{9, 1, 47},      {12, 44, 138},   {57, 125, 209},
                                                {211, 236, 248}, {241, 233, 191}, {248, 201, 95},
                                                {204, 128, 0},   {106, 52, 3}};
    enum { COLOURS = sizeof(ring) / sizeof(ring[0]), BETWEEN = 12 };
    if (steps == STEPS_MAX)
        return;
    const uint8_t *from = ring[steps / BETWEEN % COLOURS], *to = ring[(steps / BETWEEN + 1) % COLOURS];
    for (int i = 0; i < PIXEL_BYTES; i++)
        rgb[i] += from[i] + (to[i] - from[i]) * (steps % BETWEEN) / BETWEEN;
}

static void render_pixel(int x, int y, uint8_t *pixel)
{
    int rgb[PIXEL_BYTES] = {0};
    double points_across = WIDTH * POINTS;
    for (int i = 0; i < POINTS * POINTS; i++) {
        int point_x = x * POINTS + i % POINTS - WIDTH * POINTS / 2;
        int point_y = y * POINTS + i / POINTS - HEIGHT * POINTS / 2;
        add_colour(steps_to_leave(centre_re + point_x * view / points_across,
                                  centre_im + point_y * view / points_across),
                   rgb);
    }
    for (int i = 0; i < PIXEL_BYTES; i++)
        pixel[i] = (uint8_t)(rgb[i] / (POINTS * POINTS));
}

void render_tile(int tile, uint8_t *pixels)
{
    int left = tile % TILES_ACROSS * TILE_WIDTH, top = tile / TILES_ACROSS * TILE_HEIGHT;
    for (int i = 0; i < TILE_WIDTH * TILE_HEIGHT; i++)
        render_pixel(left + i % TILE_WIDTH, top + i / TILE_WIDTH, pixels + i * PIXEL_BYTES);
}
