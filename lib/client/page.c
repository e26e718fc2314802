/*
 * page.c: pages and iterators; see roost/page.h.
 *
 * Invariant: an iterator's page is an array (or nil before the first), of which the elements before `at` were
 * given out; cursor is where the page behind it begins.
 */
#include "roost/page.h"

#include <stdlib.h>

#include "base/error.h"
#include "client/object.h"

/* ---- pages ---- */

/* Takes [page, cursor] apart; the page keeps the memory of both. */
static int read_page(struct object *o, enum method_code method, roost_value answer, uint64_t *cursor,
                     roost_value *ret)
{
    const roost_value *parts = answer.kind == ROOST_ARRAY && answer.len == 2 ? answer.as.items : NULL;
    if (parts == NULL || parts[0].kind != ROOST_ARRAY ||
        (parts[1].kind != ROOST_NIL && parts[1].kind != ROOST_INT))
        return roost__unexpected(o, method, &answer);
    *cursor = parts[1].kind == ROOST_NIL ? ROOST_PAGE_END : parts[1].as.u;
    roost_value page = parts[0];
    page.block = answer.block;
    if (ret != NULL)
        *ret = page;
    else
        roost_value_free(&page);
    return ROOST_OK;
}

static int fetch(struct object *o, enum method_code method, const char *what, uint64_t *cursor, uint64_t max,
                 roost_value *ret)
{
    roost_value answer;
    if (cursor == NULL)
        return roost__fail(ROOST_EINVAL, "page: the cursor is NULL");
    if (*cursor == ROOST_PAGE_END) {
        if (ret != NULL)
            *ret = roost_array(NULL, 0);
        return ROOST_OK;
    }
    const roost_value args[] = {roost_uint(*cursor), roost_uint(max), roost_str(what)};
    int rc = roost__call(o, method, args, what != NULL ? 3 : 2, &answer);
    return rc == ROOST_OK ? read_page(o, method, answer, cursor, ret) : rc;
}

int roost_dict_page(roost_dict *d, const char *what, uint64_t *cursor, uint64_t max, roost_value *ret)
{
    return fetch(OBJECT(d), METHOD_dict_page, what, cursor, max, ret);
}

int roost_list_page(roost_list *l, uint64_t *cursor, uint64_t max, roost_value *ret)
{
    return fetch(OBJECT(l), METHOD_list_page, NULL, cursor, max, ret);
}

int roost_set_page(roost_set *s, uint64_t *cursor, uint64_t max, roost_value *ret)
{
    return fetch(OBJECT(s), METHOD_set_page, NULL, cursor, max, ret);
}

/* ---- iterators ---- */

struct iter {
    struct object *object;
    enum method_code method;
    uint64_t cursor;
    uint32_t at;
    roost_value page;
};

struct roost_dict_iter {
    struct iter iter;
};

struct roost_list_iter {
    struct iter iter;
};

struct roost_set_iter {
    struct iter iter;
};

static int iter_new(struct object *o, enum method_code method, void *ret_iter)
{
    if (o == NULL || ret_iter == NULL)
        return roost__fail(ROOST_EINVAL, "iterator: the handle or the result is NULL");
    struct iter *it = malloc(sizeof(*it));
    if (it == NULL)
        return roost__fail(ROOST_ENOMEM, "no memory for an iterator");
    *it = (struct iter){.object = o, .method = method, .page = roost_nil()};
    *(struct iter **)ret_iter = it;
    return ROOST_OK;
}

static int iter_next(struct iter *it, roost_value *ret)
{
    if (it == NULL)
        return roost__fail(ROOST_EINVAL, "iterator: it is NULL");
    while (it->at == it->page.len) {
        roost_value page;
        if (it->cursor == ROOST_PAGE_END)
            return roost__fail(ROOST_EEMPTY, "all elements were seen");
        int rc = fetch(it->object, it->method, NULL, &it->cursor, 0, &page);
        if (rc != ROOST_OK)
            return rc;
        roost_value_free(&it->page);
        it->page = page;
        it->at = 0;
    }
    *ret = it->page.as.items[it->at++];
    return ROOST_OK;
}

/* The same for a result that may be NULL. */
static int iter_next_value(struct iter *it, roost_value *ret)
{
    roost_value v;
    int rc = iter_next(it, &v);
    if (rc == ROOST_OK && ret != NULL)
        *ret = v;
    return rc;
}

static void iter_free(struct iter *it)
{
    if (it == NULL)
        return;
    roost_value_free(&it->page);
    free(it);
}

int roost_dict_iter_new(roost_dict *d, roost_dict_iter **ret)
{
    return iter_new(OBJECT(d), METHOD_dict_page, ret);
}

int roost_list_iter_new(roost_list *l, roost_list_iter **ret)
{
    return iter_new(OBJECT(l), METHOD_list_page, ret);
}

int roost_set_iter_new(roost_set *s, roost_set_iter **ret)
{
    return iter_new(OBJECT(s), METHOD_set_page, ret);
}

int roost_dict_iter_next(roost_dict_iter *it, roost_value *ret_key, roost_value *ret_value)
{
    roost_value pair;
    int rc = iter_next((struct iter *)it, &pair);
    if (rc != ROOST_OK)
        return rc;
    if (pair.kind != ROOST_ARRAY || pair.len != 2)
        return roost__fail(ROOST_EPROTO, "dict: page: the server answered a %s for a pair",
                           roost_kind_name(pair.kind));
    if (ret_key != NULL)
        *ret_key = pair.as.items[0];
    if (ret_value != NULL)
        *ret_value = pair.as.items[1];
    return ROOST_OK;
}

int roost_list_iter_next(roost_list_iter *it, roost_value *ret)
{
    return iter_next_value((struct iter *)it, ret);
}

int roost_set_iter_next(roost_set_iter *it, roost_value *ret)
{
    return iter_next_value((struct iter *)it, ret);
}

void roost_dict_iter_free(roost_dict_iter *it)
{
    iter_free((struct iter *)it);
}

void roost_list_iter_free(roost_list_iter *it)
{
    iter_free((struct iter *)it);
}

void roost_set_iter_free(roost_set_iter *it)
{
    iter_free((struct iter *)it);
}
