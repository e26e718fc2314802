/*
 * features.c: a batch in the style of image features: split the work, give the parts to a pool, watch a bar.
 *
 * The images are made up here, 64 x 64 grey pixels each, so that the program needs no files. A feature is how
 * many neighbours differ by more than half of the range (edges).
 *
 *   $ example_features
 *   images: 100%|####…| 240/240 [00:00<00:00, …/s]     to stderr
 *   240 images in 12 parts, 244070 edges                to stdout
 */
#include "die.h"

enum { IMAGES = 240, PARTS = 12, SIDE = 64 };

static void make_image(int64_t seed, uint8_t *pixels)
{
    uint32_t x = (uint32_t)seed * 2654435761U + 1;
    for (int i = 0; i < SIDE * SIDE; i++) {
        x = x * 1664525U + 1013904223U;
        pixels[i] = (uint8_t)(x >> 24);
    }
}

static int64_t count_edges(const uint8_t *pixels)
{
    int64_t edges = 0;
    for (int row = 0; row < SIDE; row++)
        for (int i = row * SIDE; i + 1 < (row + 1) * SIDE; i++) {
            int difference = pixels[i] - pixels[i + 1];
            edges += difference > 127 || difference < -127;
        }
    return edges;
}

/* args: the images of one part; the result is [how many images, their edges] */
static int features(const roost_value *args, roost_value *result)
{
    int64_t edges = 0;
    for (uint32_t i = 0; i < args->len; i++) {
        uint8_t pixels[SIDE * SIDE];
        make_image(args->as.items[i].as.i, pixels);
        edges += count_edges(pixels);
    }
    return roost_value_copy(roost_list_of(roost_int(args->len), roost_int(edges)), result);
}

static int collect(roost_completion *done, roost_progress *bar, int64_t *images, int64_t *edges)
{
    roost_future *f;
    roost_value v;
    int rc;
    while ((rc = roost_completion_next(done, &f, -1)) == 0) {
        if ((rc = roost_future_result(f, &v, 0)) != 0)
            return rc;
        *images += v.as.items[0].as.i;
        *edges += v.as.items[1].as.i;
        roost_progress_update(bar, (uint64_t)v.as.items[0].as.i);
    }
    return rc == ROOST_EEMPTY ? 0 : rc;
}

int main(void)
{
    roost_value images[IMAGES], parts[PARTS];
    roost_pool *pool;
    roost_future *futures[PARTS];
    roost_completion *done;
    roost_progress *bar;
    int64_t n = 0, edges = 0;
    for (int i = 0; i < IMAGES; i++)
        images[i] = roost_int(i);
    if (roost_split_list(roost_array(images, IMAGES), PARTS, parts) != 0 || roost_pool_new(NULL, &pool) != 0)
        return roost_die("start");
    for (int i = 0; i < PARTS; i++)
        if (roost_pool_apply_async(pool, features, parts[i], NULL, &futures[i]) != 0)
            return roost_die("apply_async");
    const roost_progress_options options = {.out = stderr, .total = IMAGES, .label = "images"};
    if (roost_as_completed(futures, PARTS, NULL, &done) != 0 || roost_progress_new(&options, &bar) != 0)
        return roost_die("watch");
    int rc = collect(done, bar, &n, &edges);
    roost_progress_close(bar);
    roost_completion_free(done);
    for (int i = 0; i < PARTS; i++)
        roost_future_free(futures[i]);
    roost_pool_free(pool);
    if (rc != 0)
        return roost_die("features");
    printf("%lld images in %d parts, %lld edges\n", (long long)n, PARTS, (long long)edges);
    return 0;
}
