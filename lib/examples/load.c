/*
 * load.c: 10,000 entries into a dict, 500 in a write, and what that saves.
 *
 * A call of its own for each entry waits for each answer. A batch writes its calls together and then reads
 * the answers together; each of them has its own result, and one that fails does not keep the others from
 * being made.
 *
 *   $ example_load
 *   10000 entries in 20 batches, 0 failed
 *   one by one: … ms, in batches: … ms      on stderr
 */
#include <time.h>

#include "die.h"

enum { ENTRIES = 10000, TOGETHER = 500 };

static double now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static int load_one_by_one(roost_dict *d)
{
    int rc = 0;
    for (int i = 0; i < ENTRIES && rc == 0; i++)
        rc = roost_dict_set(d, roost_int(i), roost_int(i));
    return rc;
}

static int load_in_batches(roost_batch *b, roost_dict *d, uint32_t *batches, uint32_t *failed)
{
    int rc = 0;
    for (int i = 0; i < ENTRIES && rc == 0;) {
        uint32_t of_these = 0;
        for (int end = i + TOGETHER; i < end && rc == 0; i++)
            rc = roost_batch_add(
                b, roost_dict_set(d, roost_int(i), roost_list_of(roost_int(i), roost_str("loaded"))));
        if (rc == 0)
            rc = roost_batch_send(b, &of_these, -1);
        roost_batch_clear(b);
        *failed += of_these;
        ++*batches;
    }
    return rc;
}

int main(int argc, char **argv)
{
    roost_manager *m;
    roost_dict *d;
    roost_batch *b;
    uint32_t batches = 0, failed = 0;
    int64_t len;
    if (open_manager(argc, argv, &m) != 0 || roost_dict_new(m, &d) != 0 || roost_batch_new(m, &b) != 0)
        return roost_die("start");
    double start = now_ms();
    if (load_one_by_one(d) != 0 || roost_dict_clear(d) != 0)
        return roost_die("set");
    double middle = now_ms();
    if (load_in_batches(b, d, &batches, &failed) != 0 || roost_dict_len(d, &len) != 0)
        return roost_die("load");
    fprintf(stderr, "one by one: %.1f ms, in batches: %.1f ms\n", middle - start, now_ms() - middle);
    printf("%lld entries in %u batches, %u failed\n", (long long)len, batches, failed);
    roost_batch_free(b);
    roost_dict_close(d);
    return roost_manager_shutdown(m) != 0;
}
