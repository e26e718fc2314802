/*
 * decide.h: a fuzzer's input as decisions, taken from the front; when it is used up all are 0. Included once
 * by each target that plays a peer.
 */
#ifndef ROOST_TESTS_FUZZ_DECIDE_H
#define ROOST_TESTS_FUZZ_DECIDE_H

#include "base/slice.h"

static struct slice decisions; /* those left */

/* The next n bytes as they are, or as many as are left. */
static struct slice piece(size_t n)
{
    struct slice taken = slice_of(decisions.data, n < decisions.len ? n : decisions.len);
    decisions = slice_of(decisions.data + taken.len, decisions.len - taken.len);
    return taken;
}

static unsigned decide(void)
{
    return decisions.len > 0 ? *piece(1).data : 0;
}

#endif
