/* each.c: `roost each NAME`: the elements of a dict, list or set, one a line, page by page. */
#include "json.h"

/* Prints one page; *cursor becomes where the next begins. */
static int print_page(struct cli *c, roost_value ref, int code, roost_value *cursor)
{
    roost_value answer;
    if (roost_call_code(c->manager, ref, code, cursor, 1, &answer) != 0)
        return cli_fail();
    roost_value page = answer.as.items[0];
    *cursor = answer.as.items[1];
    for (uint32_t i = 0; i < page.len; i++)
        json_print(c, page.as.items[i]);
    roost_value_free(&answer);
    return STATUS_DONE;
}

int cli_each(struct cli *c, int n, char **words)
{
    roost_value ref, cursor = roost_int(0);
    if (n != 1)
        return cli_usage("each wants the name of a dict, a list or a set");
    int status = cli_connect(c);
    if (status != STATUS_DONE)
        return status;
    if (roost_server_find(c->manager, words[0], &ref) != 0)
        return cli_fail();
    const struct method *page = roost__method_by_name((roost_type)ref.len, "page");
    if (page == NULL)
        status = cli_usage("%s is a %s, which has no elements to walk over", words[0],
                           roost_type_name((roost_type)ref.len));
    while (status == STATUS_DONE && cursor.kind != ROOST_NIL)
        status = print_page(c, ref, (int)page->code, &cursor);
    roost_value_free(&ref);
    return status;
}
