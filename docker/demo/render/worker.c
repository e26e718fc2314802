/*
 * worker.c: takes the numbers of tiles from the queue, renders them, stores the pixels, until the queue is
 * shut down. May be killed at any moment: another one does what it leaves behind.
 */
#include <unistd.h>

#include "common.h"
#include "farm.h"
#include "mandelbrot.h"

typedef struct worker {
    roost_manager *m;
    roost_queue *tiles;
    roost_dict *results;
    roost_list *workers;
    roost_lock *alive;
} worker;

/* Takes a lock of its own, held to the end: whoever gets it knows that this worker is gone. */
static int say_hello(worker *w, const char *name)
{
    int rc = roost_lock_new(w->m, &w->alive);
    if (rc == 0)
        rc = roost_lock_acquire(w->alive, NULL, 0);
    if (rc == 0)
        rc = roost_list_append(w->workers, roost_list_of(roost_str(name), roost_lock_ref(w->alive)));
    return rc;
}

static int begin(worker *w, const char *url, const char *name)
{
    int rc = connect_patiently(url, name, 500, 0, &w->m);
    if (rc == 0)
        rc = roost_queue_open(w->m, QUEUE_TILES, NULL, &w->tiles);
    if (rc == 0)
        rc = roost_dict_open(w->m, DICT_RESULTS, &w->results);
    if (rc == 0)
        rc = roost_list_open(w->m, LIST_WORKERS, &w->workers);
    return rc == 0 ? say_hello(w, name) : rc;
}

/* In one step: if the tile has no result yet, stores it and says that a task is done. Returns 1 when it had
 * one. */
static int store(worker *w, roost_value tile, roost_value pixels)
{
    roost_transaction *t;
    int rc = roost_transaction_new(w->m, &t);
    if (rc != 0)
        return rc;
    roost_value result[] = {tile, pixels}, queue = roost_queue_ref(w->tiles),
                dict = roost_dict_ref(w->results);
    rc = roost_transaction_if_absent(t, dict, roost_array(&tile, 1));
    if (rc == 0)
        rc = roost_transaction_call(t, dict, roost_nil(), "dict.set", result, 2);
    if (rc == 0)
        rc = roost_transaction_call(t, queue, roost_nil(), "queue.task_done", NULL, 0);
    if (rc == 0)
        rc = roost_transaction_commit(t, 0, NULL);
    roost_transaction_free(t);
    return rc == ROOST_ETIMEDOUT ? 1 : rc;
}

static int work(worker *w, roost_value tile, long work_ms)
{
    static uint8_t pixels[TILE_BYTES];
    bool done;
    int rc = roost_dict_contains(w->results, tile, &done);
    if (rc != 0 || done)
        return rc != 0 ? rc : 1;
    render_tile((int)tile.as.i, pixels);
    nap_ms(work_ms);
    return store(w, tile, roost_bytes(pixels, sizeof(pixels)));
}

static void end(worker *w)
{
    roost_lock_close(w->alive);
    roost_list_close(w->workers);
    roost_dict_close(w->results);
    roost_queue_close(w->tiles);
    roost_manager_close(w->m);
}

int main(int argc, char **argv)
{
    worker w;
    char name[128] = "worker";
    gethostname(name, sizeof(name) - 1);
    if (argc > 2)
        snprintf(name, sizeof(name), "%s", argv[2]);
    if (argc < 2 || begin(&w, argv[1], name) != 0)
        return demo_die("start");
    long work_ms = from_env("DEMO_WORK_MS", 0); /* makes the demo last long enough to be disturbed */
    roost_value tile;
    int rc, rendered = 0, late = 0;
    while ((rc = roost_queue_get(w.tiles, &tile, -1)) == 0) {
        int twice = work(&w, tile, work_ms);
        roost_value_free(&tile);
        if (twice < 0)
            return demo_die("work");
        rendered += twice == 0;
        late += twice == 1;
    }
    if (rc != ROOST_ESHUTDOWN)
        return demo_die("get");
    say("%s rendered %d tiles; %d were done already", name, rendered, late);
    end(&w);
    return 0;
}
