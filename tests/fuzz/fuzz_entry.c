/*
 * fuzz_entry.c: an entry of the log read back as an event; see README.md. What is an event is written again
 * as the same bytes, and nothing of it lies outside of the entry.
 */
#include <assert.h>
#include <string.h>

#include "shell/logged.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_inside(struct slice whole, struct slice part)
{
    assert(part.len <= whole.len);
    assert(part.len == 0 || (part.data >= whole.data && part.data + part.len <= whole.data + whole.len));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice entry = slice_of(data, size);
    struct event event;
    if (!logged_decode(entry, &event))
        return 0;
    check_inside(entry, event.payload);
    check_inside(entry, event.secret);
    check_inside(entry, event.rights);
    check_inside(entry, event.peer);
    struct buf again = buf_make(SIZE_MAX / 2);
    assert(logged_encode(&again, &event, event.confirmed));
    assert(slice_equal(buf_slice(&again), entry));
    assert(size <= logged_max(&event));
    roost__buf_free(&again);
    return 0;
}
