/* play_data.c: random calls of what holds values; see play.h. */
#include "tests/sim/play.h"

enum { ENOUGH = 20 }; /* of what may stand in a container */

static void put_keys(struct play *p, unsigned n)
{
    roost__put_array(arg(p), n);
    for (unsigned i = 0; i < n; i++)
        put_key(p, p->args);
}

void play_dict(struct play *p, size_t len)
{
    static const unsigned methods[] = {
        METHOD_dict_get,        METHOD_dict_set,     METHOD_dict_set,
        METHOD_dict_set,        METHOD_dict_set,     METHOD_dict_delete,
        METHOD_dict_pop,        METHOD_dict_popitem, METHOD_dict_len,
        METHOD_dict_items,      METHOD_dict_keys,    METHOD_dict_values,
        METHOD_dict_setdefault, METHOD_dict_update,  METHOD_dict_set_many,
        METHOD_dict_copy,       METHOD_dict_incr,    METHOD_dict_clear,
        METHOD_dict_get_many,   METHOD_dict_expire,  METHOD_dict_compare_and_set,
        METHOD_dict_ttl,        METHOD_dict_persist, METHOD_dict_contains};
    bool inside = p->options->len > 0 && p->o->type != ROOST_TYPE_dict;
    (void)len;
    p->method = methods[pick(p, sizeof(methods) / sizeof(methods[0]))];
    unsigned n = 1 + pick(p, 2);
    switch (p->method) {
    case METHOD_dict_len:
    case METHOD_dict_keys:
    case METHOD_dict_values:
    case METHOD_dict_items:
    case METHOD_dict_copy:
    case METHOD_dict_clear:
    case METHOD_dict_popitem:
        break;
    case METHOD_dict_update:
    case METHOD_dict_set_many:
        roost__put_map(arg(p), n);
        for (unsigned i = 0; i < n; i++) {
            roost__put_int(p->args, i);
            inside ? roost__put_int(p->args, 1) : put_stored(p, p->args);
        }
        break;
    case METHOD_dict_get_many:
        put_keys(p, n);
        break;
    default:
        put_key(p, arg(p));
        if (p->method == METHOD_dict_set || p->method == METHOD_dict_setdefault)
            put_stored(p, arg(p));
        if (p->method == METHOD_dict_set && likely(p, 25))
            arg_int(p, pick(p, 25));
        if (p->method == METHOD_dict_expire)
            arg_int(p, pick(p, 25));
        if ((p->method == METHOD_dict_get || p->method == METHOD_dict_pop) && likely(p, 30))
            arg_int(p, 7);
        if (p->method == METHOD_dict_incr && likely(p, 50))
            arg_int(p, pick(p, 3));
        if (p->method == METHOD_dict_compare_and_set)
            put_scalar(p, arg(p)), put_stored(p, arg(p));
    }
}

void play_list(struct play *p, size_t len)
{
    static const unsigned methods[] = {METHOD_list_append,    METHOD_list_append,       METHOD_list_append,
                                       METHOD_list_extend,    METHOD_list_insert,       METHOD_list_pop,
                                       METHOD_list_get,       METHOD_list_set,          METHOD_list_delete,
                                       METHOD_list_slice,     METHOD_list_index,        METHOD_list_count,
                                       METHOD_list_set_slice, METHOD_list_delete_slice, METHOD_list_contains,
                                       METHOD_list_remove,    METHOD_list_sort,         METHOD_list_reverse,
                                       METHOD_list_copy,      METHOD_list_len,          METHOD_list_clear};
    p->method = methods[pick(p, sizeof(methods) / sizeof(methods[0]))];
    if (len > ENOUGH)
        p->method = METHOD_list_clear;
    unsigned n = pick(p, 3);
    switch (p->method) {
    case METHOD_list_pop:
        if (likely(p, 50))
            arg_int(p, (int64_t)pick(p, 5) - 2);
        break;
    case METHOD_list_get:
    case METHOD_list_set:
    case METHOD_list_delete:
    case METHOD_list_insert:
        arg_int(p, (int64_t)pick(p, 6) - 2);
        if (p->method == METHOD_list_set || p->method == METHOD_list_insert)
            put_stored(p, arg(p));
        break;
    case METHOD_list_append:
        put_stored(p, arg(p));
        break;
    case METHOD_list_index:
    case METHOD_list_count:
    case METHOD_list_contains:
    case METHOD_list_remove:
        put_scalar(p, arg(p));
        break;
    case METHOD_list_slice:
    case METHOD_list_delete_slice:
    case METHOD_list_set_slice:
        arg_int(p, (int64_t)pick(p, 6) - 2);
        arg_int(p, (int64_t)pick(p, 6) - 2);
        if (p->method != METHOD_list_set_slice)
            break;
        roost__put_nil(arg(p)); /* fall through */
    case METHOD_list_extend:
        roost__put_array(arg(p), n);
        for (unsigned i = 0; i < n; i++)
            put_stored(p, p->args);
        break;
    case METHOD_list_sort:
        if (likely(p, 50))
            roost__put_bool(arg(p), likely(p, 50));
        break;
    default:
        break;
    }
}

void play_set(struct play *p)
{
    static const unsigned methods[] = {METHOD_set_add,
                                       METHOD_set_add,
                                       METHOD_set_add,
                                       METHOD_set_discard,
                                       METHOD_set_remove,
                                       METHOD_set_contains,
                                       METHOD_set_pop,
                                       METHOD_set_len,
                                       METHOD_set_clear,
                                       METHOD_set_copy,
                                       METHOD_set_update,
                                       METHOD_set_union,
                                       METHOD_set_intersection,
                                       METHOD_set_difference,
                                       METHOD_set_symmetric_difference,
                                       METHOD_set_intersection_update,
                                       METHOD_set_difference_update,
                                       METHOD_set_symmetric_difference_update,
                                       METHOD_set_issubset,
                                       METHOD_set_issuperset,
                                       METHOD_set_isdisjoint};
    p->method = methods[pick(p, sizeof(methods) / sizeof(methods[0]))];
    uint64_t other = any_object(p, ROOST_TYPE_set);
    bool alone = p->method == METHOD_set_pop || p->method == METHOD_set_len ||
                 p->method == METHOD_set_clear || p->method == METHOD_set_copy;
    if (alone)
        return;
    if (p->method < METHOD_set_pop)
        put_key(p, arg(p));
    else if (other != 0 && likely(p, 50))
        roost__put_ref(arg(p), other, ROOST_TYPE_set);
    else
        put_keys(p, pick(p, 4));
}

void play_namespace(struct play *p)
{
    p->method = METHOD_namespace_get + pick(p, 5);
    if (p->method >= METHOD_namespace_names)
        return;
    roost__put_cstr(arg(p), likely(p, 50) ? "k" : "l");
    if (p->method == METHOD_namespace_set)
        put_stored(p, arg(p));
}

void play_number(struct play *p)
{
    int64_t v = likely(p, 10) ? 100 + pick(p, 60) : (int64_t)pick(p, 5) - 1;
    if (p->o->type == ROOST_TYPE_value) {
        p->method = METHOD_value_get + pick(p, 4);
        if (p->method == METHOD_value_compare_and_set)
            arg_int(p, pick(p, 3));
        if (p->method != METHOD_value_get)
            arg_int(p, v);
        return;
    }
    static const unsigned methods[] = {METHOD_array_get, METHOD_array_set, METHOD_array_set,
                                       METHOD_array_slice, METHOD_array_len};
    p->method = methods[pick(p, 5)];
    if (p->method == METHOD_array_get || p->method == METHOD_array_set)
        arg_int(p, (int64_t)pick(p, 6) - 2);
    if (p->method == METHOD_array_set)
        arg_int(p, v);
}

/* ---- queues ---- */

/* What is ordered is scalars, of which some are equal and yet not the same: 1, 1.0 and true. */
static void put_item(struct play *p, struct buf *b)
{
    p->o->kind == 'p' ? put_scalar(p, b) : put_stored(p, b);
}

void play_queue(struct play *p)
{
    static const unsigned methods[] = {
        METHOD_queue_put,       METHOD_queue_put,        METHOD_queue_put,       METHOD_queue_put_many,
        METHOD_queue_get,       METHOD_queue_get,        METHOD_queue_get,       METHOD_queue_get_many,
        METHOD_queue_task_done, METHOD_queue_join,       METHOD_queue_task_done, METHOD_queue_qsize,
        METHOD_queue_full,      METHOD_queue_put_nowait, METHOD_queue_empty,     METHOD_queue_get_nowait};
    p->method = methods[pick(p, sizeof(methods) / sizeof(methods[0]))];
    if (p->o->items.len > ENOUGH || p->m->delivery_count > M_DELIVERIES - 24)
        p->method = METHOD_queue_shutdown;
    if (likely(p, 2))
        p->method = METHOD_queue_shutdown;
    unsigned n = pick(p, M_PUT + 1);
    switch (p->method) {
    case METHOD_queue_put:
    case METHOD_queue_put_nowait:
        put_item(p, arg(p));
        break;
    case METHOD_queue_put_many:
        roost__put_array(arg(p), n);
        for (unsigned i = 0; i < n; i++)
            put_item(p, p->args);
        break;
    case METHOD_queue_get_many:
        arg_int(p, 1 + pick(p, M_GET));
        break;
    case METHOD_queue_shutdown:
        roost__put_bool(arg(p), p->o->items.len > ENOUGH || likely(p, 50));
        break;
    case METHOD_queue_task_done:
        if (likely(p, 50))
            arg_int(p, pick(p, 3));
        break;
    default:
        break;
    }
    if (roost__method_by_code(p->method)->flags & METHOD_BLOCKS)
        arg_int(p, any_timeout(p));
}
