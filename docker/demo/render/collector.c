/*
 * collector.c: puts the numbers of all tiles into the queue, waits until each has its pixels, makes the
 * picture of them. Looks after the workers meanwhile: what died with one is put into the queue once more.
 */
#include <errno.h>
#include <string.h>

#include "common.h"
#include "farm.h"
#include "picture.h"

enum { WORKERS_MAX = 256 };

typedef struct farm {
    roost_manager *m;
    roost_queue *tiles;
    roost_dict *results;
    roost_list *workers;
    roost_progress *bar;
    bool gone[WORKERS_MAX]; /* by place in the list of workers */
    bool lost;              /* a worker died, and what it may have had in hand was not put again yet */
} farm;

static int begin(farm *f, const char *url)
{
    int rc = connect_patiently(url, "collector", 0, 0, &f->m);
    if (rc == 0)
        rc = roost_queue_open(f->m, QUEUE_TILES, NULL, &f->tiles);
    if (rc == 0)
        rc = roost_dict_open(f->m, DICT_RESULTS, &f->results);
    if (rc == 0)
        rc = roost_list_open(f->m, LIST_WORKERS, &f->workers);
    if (rc == 0)
        rc = roost_progress_new(&(roost_progress_options){.out = stdout, .total = TILES, .label = "tiles"},
                                &f->bar);
    return rc;
}

/* Is the worker that held this lock gone? Then the lock is ours now. */
static bool has_died(farm *f, roost_value lock)
{
    roost_lock *alive;
    if (roost_lock_from(f->m, lock, &alive) != 0)
        return false;
    bool died = roost_lock_acquire(alive, NULL, 0) == 0;
    roost_lock_close(alive);
    return died;
}

static int look_after_workers(farm *f)
{
    roost_value all;
    int rc = roost_list_copy(f->workers, &all);
    if (rc != 0)
        return rc;
    for (uint32_t i = 0; i < all.len && i < WORKERS_MAX; i++) {
        const roost_value *worker = all.as.items[i].as.items;
        if (f->gone[i] || !has_died(f, worker[1]))
            continue;
        f->gone[i] = f->lost = true;
        say("%s died", worker[0].as.s);
    }
    roost_value_free(&all);
    return 0;
}

/* farm.h says why the put before counts as done. */
static int put_again(farm *f, int tile)
{
    int rc = roost_queue_put(f->tiles, roost_int(tile), -1);
    return rc == 0 ? roost_queue_task_done(f->tiles, 1) : rc;
}

/* What has no result though the queue is empty is in somebody's hands: a dead one's, or a living one's, who
 * then comes late or whom the other comes late to. Both do no harm. */
static int put_lost_again(farm *f)
{
    int64_t waiting;
    int rc = roost_queue_qsize(f->tiles, &waiting), again = 0;
    if (rc != 0 || waiting > 0)
        return rc;
    for (int tile = 0; tile < TILES && rc == 0; tile++) {
        bool done;
        rc = roost_dict_contains(f->results, roost_int(tile), &done);
        if (rc == 0 && !done) {
            rc = put_again(f, tile);
            again++;
        }
    }
    f->lost = false;
    if (rc == 0)
        say("the queue is empty, %d tiles have no pixels: into the queue once more", again);
    return rc;
}

static int await_tiles(farm *f)
{
    int rc;
    while ((rc = roost_queue_join(f->tiles, 50)) == ROOST_ETIMEDOUT) {
        int64_t done;
        rc = look_after_workers(f);
        if (rc == 0 && f->lost)
            rc = put_lost_again(f);
        if (rc == 0)
            rc = roost_dict_len(f->results, &done);
        if (rc != 0)
            return rc;
        roost_progress_set(f->bar, (uint64_t)done);
    }
    if (rc == 0)
        roost_progress_set(f->bar, TILES);
    return rc;
}

static int assemble(farm *f, picture *whole)
{
    for (int tile = 0; tile < TILES; tile++) {
        roost_value pixels;
        int rc = roost_dict_get(f->results, roost_int(tile), &pixels);
        if (rc != 0)
            return rc;
        if (pixels.kind == ROOST_BYTES && pixels.len == TILE_BYTES)
            picture_set_tile(whole, tile, pixels.as.bytes);
        roost_value_free(&pixels);
    }
    return roost_queue_shutdown(f->tiles, true);
}

static void end(farm *f)
{
    roost_list_close(f->workers);
    roost_dict_close(f->results);
    roost_queue_close(f->tiles);
    roost_manager_close(f->m);
}

int main(int argc, char **argv)
{
    static farm f;
    static picture whole;
    if (argc != 3 || begin(&f, argv[1]) != 0)
        return demo_die("start");
    for (int tile = 0; tile < TILES; tile++)
        if (roost_queue_put(f.tiles, roost_int(tile), -1) != 0)
            return demo_die("put");
    int rc = await_tiles(&f);
    roost_progress_close(f.bar);
    if (rc != 0 || assemble(&f, &whole) != 0)
        return demo_die("collect");
    if (picture_save(&whole, argv[2]) != 0)
        return fprintf(stderr, "%s: %s\n", argv[2], strerror(errno)), 1;
    end(&f);
    return 0;
}
