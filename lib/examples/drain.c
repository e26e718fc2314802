/*
 * drain.c: three writers put 100 numbers each into one bounded queue; a reader takes them until it is empty.
 *
 * The queue holds ten items, so writers wait for the reader. When they are done the queue is shut down: the
 * reader still gets what is inside, and then ROOST_ESHUTDOWN instead of waiting for ever. No item is lost or
 * doubled.
 *
 *   $ example_drain
 *   read 300 items, sum 44850
 */
#include "die.h"

enum { WRITERS = 3, ITEMS = 100 };

struct writer {
    roost_queue *q;
    int first;
};

static int write_items(void *arg)
{
    const struct writer *w = arg;
    for (int i = 0; i < ITEMS; i++)
        if (roost_queue_put(w->q, roost_int(w->first + i), -1) != 0)
            return roost_die("put");
    return 0;
}

static int read_items(void *arg)
{
    roost_queue *q = ((const struct writer *)arg)->q;
    int64_t n = 0, sum = 0;
    roost_value item;
    int rc;
    while ((rc = roost_queue_get(q, &item, -1)) == 0) {
        n++;
        sum += item.as.i;
    }
    if (rc != ROOST_ESHUTDOWN)
        return roost_die("get");
    printf("read %lld items, sum %lld\n", (long long)n, (long long)sum);
    return 0;
}

int main(int argc, char **argv)
{
    roost_manager *m;
    roost_queue *q;
    roost_process *reader;
    if (open_manager(argc, argv, &m) != 0 || roost_queue_new(m, 10, &q) != 0)
        return roost_die("start");
    struct writer writers[WRITERS] = {{q, 0}, {q, ITEMS}, {q, 2 * ITEMS}};
    if (roost_process_start(&reader, read_items, &writers[0], NULL) != 0)
        return roost_die("start the reader");
    int failed = run_processes(WRITERS, write_items, writers, sizeof(writers[0]));
    if (roost_queue_shutdown(q, false) != 0)
        return roost_die("shutdown");
    int code = 1;
    roost_process_join(reader, -1);
    roost_process_exitcode(reader, &code);
    roost_process_close(reader);
    roost_queue_close(q);
    return roost_manager_shutdown(m) != 0 || failed != 0 || code != 0;
}
