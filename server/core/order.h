/*
 * order.h: equality and order of encoded values, by Python's rules, and the canonical form that makes them
 * bytes.
 *
 * Invariant: two values are equal exactly when their canonical forms are the same bytes.
 * All take checked bytes. Called by keymap.c, list.c, queue.c and the compare-and-set methods.
 */
#ifndef ROOST_CORE_ORDER_H
#define ROOST_CORE_ORDER_H

#include "base/buf.h"

/*
 * The canonical form: numbers that are equal written alike, maps sorted by key, the shortest headers. Returns
 * v itself when it is canonical already, else bytes in scratch, valid until scratch is used again. len 0: no
 * memory.
 */
struct slice order_canonical(struct slice v, struct buf *scratch);

/* True when a map or a reference stands in v: then it cannot be a key. */
bool order_no_key(struct slice v);

/* Equal as in Python: 1 == 1.0 == true; maps whatever their order. scratch is empty; scratch->failed: no
 * memory to find out. */
bool order_equal(struct slice a, struct slice b, struct buf *scratch);

/*
 * Less, equal, greater: -1, 0, 1; a total order: nil < numbers < strings < bytes < arrays < maps <
 * references. *ret_strict, when not NULL, becomes false if Python would refuse to compare the two.
 */
int order_compare(struct slice a, struct slice b, bool *ret_strict);

#endif
