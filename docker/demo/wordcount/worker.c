/*
 * worker.c: takes chunks of text from the queue, counts their words, stores the counts in the dict, until the
 * queue is shut down. While it lives it holds a lock of its own, listed in the dict of workers: whoever gets
 * that lock knows that the worker is gone.
 */
#include <string.h>
#include <unistd.h>

#include "common.h"
#include "names.h"

enum { WORDS_MAX = 64 };

static long work_ms = 40; /* a chunk is work: the demo should last long enough to be disturbed */

struct count {
    char word[32];
    int64_t n;
};

static size_t add_word(struct count *counts, size_t len, const char *word, size_t n)
{
    for (size_t i = 0; i < len; i++) {
        if (strlen(counts[i].word) == n && memcmp(counts[i].word, word, n) == 0) {
            counts[i].n++;
            return len;
        }
    }
    if (len == WORDS_MAX || n >= sizeof(counts[0].word))
        return len;
    memcpy(counts[len].word, word, n);
    counts[len].word[n] = '\0';
    counts[len].n = 1;
    return len + 1;
}

static size_t count_words(const char *text, struct count *counts)
{
    size_t len = 0;
    for (const char *p = text; *p != '\0';) {
        size_t n = strcspn(p, " ");
        if (n > 0)
            len = add_word(counts, len, p, n);
        p += n + (p[n] == ' ');
    }
    return len;
}

/* A job is [number, text]; its result is {word: count} under its number. */
static int work(roost_dict *results, const roost_value *job)
{
    struct count counts[WORDS_MAX];
    roost_pair pairs[WORDS_MAX];
    size_t n = count_words(job->as.items[1].as.s, counts);
    for (size_t i = 0; i < n; i++)
        pairs[i] = (roost_pair){roost_str(counts[i].word), roost_int(counts[i].n)};
    nap_ms(work_ms);
    return roost_dict_set(results, job->as.items[0], roost_map(pairs, (uint32_t)n));
}

/* Takes this worker's own lock, held to the end, and lists it. */
static int say_hello(roost_manager *m, const char *name, roost_lock **ret_alive)
{
    roost_dict *workers;
    char lock[160];
    snprintf(lock, sizeof(lock), "alive-%s", name);
    int rc = roost_lock_open(m, lock, ret_alive);
    if (rc == 0)
        rc = roost_lock_acquire(*ret_alive, NULL, 0);
    if (rc == 0)
        rc = roost_dict_open(m, DICT_WORKERS, &workers);
    if (rc == 0) {
        rc = roost_dict_set(workers, roost_str(name), roost_str(lock));
        roost_dict_close(workers);
    }
    return rc;
}

int main(int argc, char **argv)
{
    roost_manager *m;
    roost_queue *jobs;
    roost_dict *results;
    roost_lock *alive;
    char name[128] = "worker";
    gethostname(name, sizeof(name) - 1);
    work_ms = from_env("DEMO_WORK_MS", work_ms);
    if (argc > 2)
        snprintf(name, sizeof(name), "%s", argv[2]);
    if (argc < 2 || connect_patiently(argv[1], name, 500, 0, &m) != 0 || say_hello(m, name, &alive) != 0 ||
        roost_queue_open(m, QUEUE_JOBS, NULL, &jobs) != 0 || roost_dict_open(m, DICT_RESULTS, &results) != 0)
        return demo_die("start");
    roost_value job;
    int rc, done = 0;
    while ((rc = roost_queue_get(jobs, &job, -1)) == 0) {
        rc = work(results, &job);
        roost_value_free(&job);
        if (rc != 0)
            return demo_die("work");
        done++;
    }
    if (rc != ROOST_ESHUTDOWN)
        return demo_die("get");
    printf("%s counted %d chunks\n", name, done);
    roost_queue_close(jobs);
    roost_dict_close(results);
    roost_lock_close(alive);
    roost_manager_close(m);
    return 0;
}
