/*
 * squares.c: twenty pool tasks write i → i² into a dict that a server hosts.
 *
 * A handle made before the pool is usable in its workers: they are forked. The dict travels as an argument
 * too, as a reference, the way it would to a worker on another machine.
 *
 *   $ example_squares
 *   20 keys, sum of squares 2470, the square of 19 is 361
 */
#include "die.h"

static roost_manager *manager;

/* args: the dict's reference, i */
static int square(const roost_value *args, roost_value *result)
{
    roost_dict *d;
    int64_t i = args->as.items[1].as.i;
    int rc = roost_dict_from(manager, args->as.items[0], &d);
    if (rc != 0)
        return rc;
    rc = roost_dict_set(d, roost_int(i), roost_int(i * i));
    roost_dict_close(d);
    *result = roost_int(i * i);
    return rc;
}

int main(int argc, char **argv)
{
    roost_dict *d;
    roost_pool *pool;
    roost_future *futures[20];
    int64_t sum = 0, keys;
    if (open_manager(argc, argv, &manager) != 0 || roost_dict_new(manager, &d) != 0 ||
        roost_pool_new(&(roost_pool_options){.size = 4}, &pool) != 0)
        return roost_die("start");
    for (int i = 0; i < 20; i++)
        if (roost_pool_apply_async(pool, square, roost_list_of(roost_dict_ref(d), roost_int(i)), NULL,
                                   &futures[i]) != 0)
            return roost_die("apply_async");
    for (int i = 0; i < 20; i++) {
        roost_value result;
        if (roost_future_result(futures[i], &result, -1) != 0)
            return roost_die("result");
        sum += result.as.i;
        roost_future_free(futures[i]);
    }
    roost_pool_close(pool);
    roost_pool_join(pool, -1);
    roost_pool_free(pool);

    roost_value last;
    if (roost_dict_len(d, &keys) != 0 || roost_dict_get(d, roost_int(19), &last) != 0)
        return roost_die("read");
    printf("%lld keys, sum of squares %lld, the square of 19 is %lld\n", (long long)keys, (long long)sum,
           (long long)last.as.i);
    roost_dict_close(d);
    return roost_manager_shutdown(manager) != 0;
}
