/* buf.c: growth of struct buf; see buf.h. */
#include "base/buf.h"

#include <assert.h>
#include <stdlib.h>

#include "base/error.h"

bool roost__buf_reserve(struct buf *b, size_t n)
{
    assert(b->len <= b->cap);
    if (b->failed)
        return false;
    if (b->cap - b->len >= n)
        return true;
    b->no_memory = false; /* an earlier failure was taken back */
    if (n > b->max || b->len > b->max - n) {
        b->failed = true;
        return false;
    }
    size_t want = b->cap < 256 ? 256 : b->cap * 2;
    if (want < b->len + n)
        want = b->len + n;
    if (want > b->max)
        want = b->max;
    uint8_t *grown = realloc(b->data, want);
    if (grown == NULL) {
        b->failed = b->no_memory = true;
        return false;
    }
    b->data = grown;
    b->cap = want;
    return true;
}

int roost__buf_fail(const struct buf *b)
{
    assert(b->failed);
    return b->no_memory ? roost__fail(ROOST_ENOMEM, "no memory for a value")
                        : roost__fail(ROOST_ELIMIT, "a value does not fit into %zu bytes", b->max);
}

void roost__buf_free(struct buf *b)
{
    free(b->data);
    *b = buf_make(b->max);
}

void roost__buf_consume(struct buf *b, size_t n)
{
    assert(n <= b->len);
    b->len -= n;
    if (b->len > 0)
        memmove(b->data, b->data + n, b->len);
}
