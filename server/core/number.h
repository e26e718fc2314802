/*
 * number.h: typed elements and sums (wire/typecode.h) on a call's encoded arguments.
 */
#ifndef ROOST_CORE_NUMBER_H
#define ROOST_CORE_NUMBER_H

#include "core/internal.h"
#include "wire/typecode.h"

enum { NUMBER_BYTES_MAX = 9 }; /* an encoded integer or double */

/* Stores an encoded value as an element of t->size bytes at p. False: the call has failed, p untouched. */
bool number_store(struct call *c, const struct typecode *t, struct slice value, void *p);

/* Puts the element at p. */
void number_put(const struct typecode *t, const void *p, struct buf *out);

/* Is a run of whole elements' bytes good: of characters, each one that UTF-8 can say? */
bool number_elements(const struct typecode *t, struct slice data);

/*
 * old + the call's argument i (1 when left out), encoded into ret. Integers give an integer, a double on
 * either side gives a double. Returns its length, or 0: the call has failed.
 */
size_t number_add(struct call *c, struct slice old, unsigned i, uint8_t ret[NUMBER_BYTES_MAX]);

#endif
