/* fuzz_peer.c: greetings of nodes from outside; see README.md. What is read can be written, and is the same
 * then. */
#include <assert.h>

#include "shell/peer_hello.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t again[PEER_HELLO_HEADER + PEER_HELLO_MAX];
    struct peer_hello h;
    if (size < PEER_HELLO_HEADER || peer_hello_body(data) != (int)(size - PEER_HELLO_HEADER))
        return 0;
    if (peer_hello_read(slice_of(data, size), &h) != 0 || h.version != PEER_VERSION)
        return 0;
    assert(peer_hello_write(&h, again) == size && memcmp(again, data, size) == 0);
    return 0;
}
