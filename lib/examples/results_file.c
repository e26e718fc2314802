/*
 * results_file.c: pool results are written to a file by a callback, as they come.
 *
 * All callbacks of a pool run in one thread, one after the other: the file needs no lock.
 *
 *   $ example_results_file squares.txt
 *   100 results written          (lines such as "7 49", in the order of finishing)
 */
#include "die.h"

struct report {
    FILE *file;
    int written;
};

static int square(const roost_value *args, roost_value *result)
{
    int64_t pair[2] = {args->as.items[0].as.i, args->as.items[0].as.i * args->as.items[0].as.i};
    return roost_value_copy(roost_list_of(roost_int(pair[0]), roost_int(pair[1])), result);
}

static void write_line(roost_future *f, void *arg)
{
    struct report *r = arg;
    roost_value v;
    if (roost_future_result(f, &v, 0) == 0 &&
        fprintf(r->file, "%lld %lld\n", (long long)v.as.items[0].as.i, (long long)v.as.items[1].as.i) > 0)
        r->written++;
}

static void say_why(roost_future *f, void *arg)
{
    (void)arg;
    roost_future_result(f, NULL, 0);
    roost_die("task");
}

int main(int argc, char **argv)
{
    roost_pool *pool;
    struct report report = {.file = argc == 2 ? fopen(argv[1], "w") : NULL};
    const roost_callbacks callbacks = {.on_result = write_line, .on_error = say_why, .arg = &report};
    if (report.file == NULL) {
        fprintf(stderr, "usage: %s FILE (that can be written)\n", argv[0]);
        return 2;
    }
    if (roost_pool_new(NULL, &pool) != 0)
        return roost_die("pool");
    for (int i = 0; i < 100; i++)
        if (roost_pool_apply_async(pool, square, roost_list_of(roost_int(i)), &callbacks, NULL) != 0)
            return roost_die("apply_async");
    roost_pool_close(pool);
    if (roost_pool_join(pool, -1) != 0) /* callbacks included */
        return roost_die("join");
    roost_pool_free(pool);
    printf("%d results written\n", report.written);
    return fclose(report.file) != 0 || report.written != 100;
}
