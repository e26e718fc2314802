/*
 * collector.c: puts chunks of text into the queue, waits until the dict has a result for each, adds them up
 * and compares with its own count. Shows a progress bar, notices workers that died, and puts what has no
 * result yet into the queue once more.
 */
#include <string.h>

#include "common.h"
#include "names.h"

enum { CHUNKS = 60, WORDS_IN_CHUNK = 24 };

static const char *const vocabulary[] = {"roost", "queue", "lock", "dict", "barrier", "event", "hen", "egg"};
enum { VOCABULARY = sizeof(vocabulary) / sizeof(vocabulary[0]) };

/* The words of a chunk, the same at every run; counted on the way. */
static void write_chunk(int chunk, char *text, size_t size, int64_t counts[VOCABULARY])
{
    size_t len = 0;
    for (int i = 0; i < WORDS_IN_CHUNK; i++) {
        int pick = (chunk * chunk + i * (chunk + 3)) % VOCABULARY;
        counts[pick]++;
        len += (size_t)snprintf(text + len, size - len, "%s ", vocabulary[pick]);
    }
}

static int put_chunk(roost_queue *jobs, int chunk, int64_t counts[VOCABULARY])
{
    char text[WORDS_IN_CHUNK * 12];
    write_chunk(chunk, text, sizeof(text), counts);
    return roost_queue_put(jobs, roost_list_of(roost_int(chunk), roost_str(text)), -1);
}

static int put_missing(roost_queue *jobs, roost_dict *results)
{
    int64_t ignored[VOCABULARY] = {0};
    int rc = 0;
    for (int i = 0; i < CHUNKS && rc == 0; i++) {
        bool there;
        rc = roost_dict_contains(results, roost_int(i), &there);
        if (rc == 0 && !there)
            rc = put_chunk(jobs, i, ignored);
    }
    return rc;
}

/* Is the worker that holds this lock gone? Then the lock is ours now, and stays so: it is asked once. */
static bool has_died(roost_manager *m, const char *lock_name)
{
    roost_lock *alive;
    if (roost_lock_open(m, lock_name, &alive) != 0)
        return false;
    bool died = roost_lock_acquire(alive, NULL, 0) == 0;
    roost_lock_close(alive);
    return died;
}

static int look_after_workers(roost_manager *m, roost_dict *workers, roost_queue *jobs, roost_dict *results)
{
    roost_value all;
    int rc = roost_dict_copy(workers, &all);
    if (rc != 0)
        return rc;
    for (uint32_t i = 0; i < all.len && rc == 0; i++) {
        const roost_pair *worker = &all.as.pairs[i];
        if (!has_died(m, worker->value.as.s))
            continue;
        say("%s died: what has no result goes back into the queue", worker->key.as.s);
        rc = roost_dict_delete(workers, worker->key);
        if (rc == 0)
            rc = put_missing(jobs, results);
    }
    roost_value_free(&all);
    return rc;
}

static int add_up(roost_dict *results, int64_t counts[VOCABULARY])
{
    roost_value all;
    int rc = roost_dict_values(results, &all);
    if (rc != 0)
        return rc;
    for (uint32_t i = 0; i < all.len; i++) {
        for (int w = 0; w < VOCABULARY; w++) {
            const roost_value *n = roost_map_get(all.as.items[i], roost_str(vocabulary[w]));
            counts[w] += n != NULL ? n->as.i : 0;
        }
    }
    roost_value_free(&all);
    return 0;
}

static bool compare(const int64_t *own, const int64_t *theirs)
{
    bool equal = true;
    for (int w = 0; w < VOCABULARY; w++) {
        printf("%-8s %4lld\n", vocabulary[w], (long long)theirs[w]);
        equal = equal && own[w] == theirs[w];
    }
    printf(equal ? "totals are exact\n" : "TOTALS DIFFER\n");
    return equal;
}

/* Looks after the workers until there is a result for every chunk. */
static int await_results(roost_manager *m, roost_dict *workers, roost_queue *jobs, roost_dict *results)
{
    roost_progress *bar;
    int64_t done = 0;
    int rc = roost_progress_new(&(roost_progress_options){.out = stdout, .total = CHUNKS, .label = "chunks"},
                                &bar);
    if (rc != 0)
        return rc;
    while (rc == 0 && done < CHUNKS) {
        nap_ms(20);
        rc = look_after_workers(m, workers, jobs, results);
        if (rc == 0)
            rc = roost_dict_len(results, &done);
        roost_progress_set(bar, (uint64_t)done);
    }
    roost_progress_close(bar);
    return rc;
}

int main(int argc, char **argv)
{
    roost_manager *m;
    roost_queue *jobs;
    roost_dict *results, *workers;
    int64_t own[VOCABULARY] = {0}, theirs[VOCABULARY] = {0};
    if (argc != 2 || connect_patiently(argv[1], "collector", 0, 0, &m) != 0 ||
        roost_queue_open(m, QUEUE_JOBS, NULL, &jobs) != 0 ||
        roost_dict_open(m, DICT_RESULTS, &results) != 0 || roost_dict_open(m, DICT_WORKERS, &workers) != 0)
        return demo_die("start");
    for (int i = 0; i < CHUNKS; i++)
        if (put_chunk(jobs, i, own) != 0)
            return demo_die("put");
    if (await_results(m, workers, jobs, results) != 0)
        return demo_die("wait for the results");
    if (roost_queue_shutdown(jobs, true) != 0 || add_up(results, theirs) != 0)
        return demo_die("collect");
    bool exact = compare(own, theirs);
    roost_queue_close(jobs);
    roost_dict_close(results);
    roost_dict_close(workers);
    roost_manager_close(m);
    return exact ? 0 : 1;
}
