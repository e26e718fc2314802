/*
 * typecode.h: Python's typecodes (array module, ctypes): elements of fixed size in memory, little-endian, and
 * checked sums.
 *
 * Invariant: a number never wraps: what does not fit is ROOST_ERANGE, another kind is ROOST_ETYPE. Called by
 * the core (values, arrays, dict.incr) and by lib/local.
 */
#ifndef ROOST_WIRE_TYPECODE_H
#define ROOST_WIRE_TYPECODE_H

#include "base/slice.h"
#include "wire/scan.h"

enum number_kind { NUMBER_SIGNED, NUMBER_UNSIGNED, NUMBER_FLOAT, NUMBER_CHAR, NUMBER_UCHAR };

struct typecode {
    char code;
    enum number_kind kind;
    unsigned size; /* bytes of an element: 1, 2, 4 or 8 */
};

#define TYPECODES "c u b B h H i I l L q Q f d" /* for messages */

/* The row of a typecode, or NULL. */
const struct typecode *roost__typecode_find(struct slice name);

/* Stores a value as an element at p, untouched on failure. Errors (worded): ROOST_ETYPE, ROOST_ERANGE. */
int roost__typecode_store(const struct typecode *t, const struct item *value, void *p);

/* The element at p. *ret may point to p ('c') or to text ('u'). */
void roost__typecode_load(const struct typecode *t, const void *p, uint8_t text[4], struct item *ret);

/* a + b: integers give an integer, a double on either side gives a double; a bool counts as a number. Errors
 * (worded): ROOST_ETYPE, ROOST_ERANGE. */
int roost__number_add(const struct item *a, const struct item *b, struct item *ret);

#endif
