/*
 * roost/page.h: dicts, lists and sets in pages, and one element after the other, whatever their size.
 *
 *     roost_dict_iter *it;
 *     roost_value key, value;
 *     roost_dict_iter_new(d, &it);
 *     while ((rc = roost_dict_iter_next(it, &key, &value)) == 0)
 *         …
 *     roost_dict_iter_free(it);                    rc is ROOST_EEMPTY when all was seen
 *
 * A page holds at most 1 MiB, or a single element if that is larger; so walking over a million elements costs
 * some pages, not a million calls, and a container larger than a frame (64 MiB) can be read. An answer that
 * one element alone does not fit into is ROOST_ELIMIT: a dict's keys can be walked over then, and got one by
 * one.
 *
 * While others change the container: in a dict or set every element that stays all the time is seen exactly
 * once; one that is removed or added meanwhile is seen once or not at all (one that is removed and added
 * again counts as two); a value is that of the moment of its page. New elements come last, so who adds faster
 * than it walks never comes to an end. In a list a cursor is an index: what is inserted or removed before it
 * shifts the rest, so that elements are seen twice or not at all; appending disturbs nothing.
 *
 * Views (roost/at.h) have pages too. Of a nested value that was never written through a path each page costs
 * a scan of the whole value; and a value that is replaced as a whole is another container.
 *
 * Threads, blocking and errors as roost/object.h says of all calls; an iterator is for one thread at a time.
 */
#ifndef ROOST_PAGE_H
#define ROOST_PAGE_H

#include "roost/dict.h"
#include "roost/list.h"
#include "roost/set.h"

#ifdef __cplusplus
extern "C" {
#endif

/* The cursor behind the last page. */
#define ROOST_PAGE_END UINT64_MAX

/*
 * The next page, an array, the caller's to free. *cursor is 0 before the first page; it becomes where the
 * next one begins, or ROOST_PAGE_END, with which the page is empty. It is plain data: it may be stored, and
 * used by another process. max: how many elements at most; 0: as many as fit. what: "items" ([key, value]
 * pairs), "keys" or "values". Errors, *cursor unchanged: ROOST_EINVAL.
 */
ROOST_API int roost_dict_page(roost_dict *d, const char *what, uint64_t *cursor, uint64_t max,
                              roost_value *ret);
ROOST_API int roost_list_page(roost_list *l, uint64_t *cursor, uint64_t max, roost_value *ret);
ROOST_API int roost_set_page(roost_set *s, uint64_t *cursor, uint64_t max, roost_value *ret);

typedef struct roost_dict_iter roost_dict_iter;
typedef struct roost_list_iter roost_list_iter;
typedef struct roost_set_iter roost_set_iter;

/* An iterator that stands before the first element; the handle must stay open until it is freed. Never
 * blocks. Errors: ROOST_EINVAL, ROOST_ENOMEM. */
ROOST_API int roost_dict_iter_new(roost_dict *d, roost_dict_iter **ret);
ROOST_API int roost_list_iter_new(roost_list *l, roost_list_iter **ret);
ROOST_API int roost_set_iter_new(roost_set *s, roost_set_iter **ret);

/*
 * The next element, lent until the next call with this iterator: do not free it. Asks the server only where a
 * new page begins. Either result may be NULL. Errors: ROOST_EEMPTY behind the last; after another error the
 * same element can be asked for again.
 */
ROOST_API int roost_dict_iter_next(roost_dict_iter *it, roost_value *ret_key, roost_value *ret_value);
ROOST_API int roost_list_iter_next(roost_list_iter *it, roost_value *ret);
ROOST_API int roost_set_iter_next(roost_set_iter *it, roost_value *ret);

/* NULL is allowed. */
ROOST_API void roost_dict_iter_free(roost_dict_iter *it);
ROOST_API void roost_list_iter_free(roost_list_iter *it);
ROOST_API void roost_set_iter_free(roost_set_iter *it);

#ifdef __cplusplus
}
#endif
#endif
