/*
 * pages.c: a list of 200,000 elements is read in pages, and one of them is left in the middle and gone on
 * with later.
 *
 * The iterator fetches page after page. A cursor is a number: it may be kept, in a file or in a dict, and
 * used after others have changed the list, or by another process. Nothing stays behind at the server between
 * two pages.
 *
 *   $ example_pages
 *   200000 elements, sum 19999900000
 *   first half: 100000 elements; the rest: 100000
 */
#include <stdlib.h>

#include "die.h"

enum { ELEMENTS = 200000 };

static int make_list(roost_manager *m, roost_list **ret)
{
    roost_value *items = malloc(ELEMENTS * sizeof(*items));
    if (items == NULL)
        return 1;
    for (int i = 0; i < ELEMENTS; i++)
        items[i] = roost_int(i);
    int rc = roost_list_open_with(m, NULL, roost_array(items, ELEMENTS), ret);
    free(items);
    return rc;
}

static int sum_up(roost_list *l)
{
    roost_list_iter *it;
    roost_value v;
    int64_t n = 0, sum = 0;
    int rc = roost_list_iter_new(l, &it);
    if (rc != 0)
        return rc;
    for (; (rc = roost_list_iter_next(it, &v)) == 0; n++)
        sum += v.as.i;
    roost_list_iter_free(it);
    printf("%lld elements, sum %lld\n", (long long)n, (long long)sum);
    return rc == ROOST_EEMPTY ? 0 : rc;
}

/* Reads at most max elements from the cursor on; *seen is how many there were. */
static int read_on(roost_list *l, uint64_t *cursor, int max, int *seen)
{
    int rc = 0;
    for (*seen = 0; rc == 0 && *seen < max && *cursor != ROOST_PAGE_END;) {
        roost_value page;
        rc = roost_list_page(l, cursor, (uint32_t)(max - *seen), &page);
        if (rc != 0)
            break;
        *seen += (int)page.len;
        roost_value_free(&page);
    }
    return rc;
}

int main(int argc, char **argv)
{
    roost_manager *m;
    roost_list *l;
    uint64_t cursor = 0;
    int first, rest;
    if (open_manager(argc, argv, &m) != 0 || make_list(m, &l) != 0)
        return roost_die("start");
    if (sum_up(l) != 0 || read_on(l, &cursor, ELEMENTS / 2, &first) != 0 ||
        read_on(l, &cursor, ELEMENTS, &rest) != 0)
        return roost_die("read");
    printf("first half: %d elements; the rest: %d\n", first, rest);
    roost_list_close(l);
    return roost_manager_shutdown(m) != 0;
}
