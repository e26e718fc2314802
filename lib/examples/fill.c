/*
 * fill.c: ten processes fill one dict and one list.
 *
 * The handles were made before the processes were started; in each child the first call through one opens a
 * connection of the child's own. The list starts as 0…4; every process appends its number.
 *
 *   $ example_fill
 *   dict = {"0": "1", "2": 2, …, "0.25": null}     1 and "1" would be two keys, 1 and 1.0 are one
 *   list = [0, 1, 2, 3, 4, …]
 */
#include "die.h"

struct job {
    roost_dict *d;
    roost_list *l;
    int n;
};

static int fill(void *arg)
{
    const struct job *j = arg;
    if (roost_dict_set(j->d, roost_int(j->n), roost_str("1")) != 0 ||
        roost_dict_set(j->d, roost_str("2"), roost_int(2)) != 0 ||
        roost_dict_set(j->d, roost_float(0.25), roost_nil()) != 0 ||
        roost_list_append(j->l, roost_int(j->n)) != 0)
        return roost_die("fill");
    return 0;
}

int main(int argc, char **argv)
{
    roost_manager *m;
    struct job jobs[10] = {{.n = 0}};
    roost_value start = roost_list_of(roost_int(0), roost_int(1), roost_int(2), roost_int(3), roost_int(4));
    if (open_manager(argc, argv, &m) != 0 || roost_dict_new(m, &jobs[0].d) != 0 ||
        roost_list_open_with(m, NULL, start, &jobs[0].l) != 0)
        return roost_die("start");
    for (int n = 0; n < 10; n++)
        jobs[n] = (struct job){jobs[0].d, jobs[0].l, n};
    int failed = run_processes(10, fill, jobs, sizeof(jobs[0]));

    roost_value dict, list;
    if (roost_dict_copy(jobs[0].d, &dict) != 0 || roost_list_copy(jobs[0].l, &list) != 0)
        return roost_die("read");
    print_line("dict", dict);
    print_line("list", list);
    roost_value_free(&dict);
    roost_value_free(&list);
    roost_dict_close(jobs[0].d);
    roost_list_close(jobs[0].l);
    return roost_manager_shutdown(m) != 0 || failed != 0;
}
