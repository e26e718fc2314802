/*
 * pool_basics.c: a pool's two main verbs: map for a whole array, apply_async for one task.
 *
 *   $ example_pool_basics
 *   map: [0, 1, 4, 9, 16, 25, 36, 49, 64, 81]
 *   apply_async: 100
 */
#include "die.h"

static int square(const roost_value *args, roost_value *result)
{
    int64_t i = args->as.items[0].as.i;
    *result = roost_int(i * i);
    return 0;
}

static int use(roost_pool *pool)
{
    roost_value inputs[10], squares, one;
    roost_future *f;
    for (int i = 0; i < 10; i++)
        inputs[i] = roost_int(i);
    if (roost_pool_map(pool, square, roost_array(inputs, 10), 0, &squares, -1) != 0)
        return roost_die("map");
    printf("map: ");
    roost_value_print(stdout, squares);
    putchar('\n');
    roost_value_free(&squares);

    if (roost_pool_apply_async(pool, square, roost_list_of(roost_int(10)), NULL, &f) != 0)
        return roost_die("apply_async");
    int rc = roost_future_result(f, &one, -1);
    if (rc == 0)
        printf("apply_async: %lld\n", (long long)one.as.i);
    else
        roost_die("result");
    roost_future_free(f);
    return rc;
}

int main(void)
{
    roost_pool *pool;
    if (roost_pool_new(&(roost_pool_options){.size = 2}, &pool) != 0)
        return roost_die("pool");
    int rc = use(pool);
    roost_pool_free(pool);
    return rc != 0;
}
