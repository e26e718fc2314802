/*
 * fuzz_shared.c: a server on shared memory (lib/client/ring.c is the other side) that writes there what it
 * likes; see README.md. Its socket has ended, so that nobody sleeps. Each byte of the input is a decision.
 *
 * Asserted: the client writes where it may and nowhere else; what it gets is what the memory held.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "client/ring.h"
#include "roost/error.h"
#include "world.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { SIZE = 64, PIECE_MAX = 200, GUARD = 0x5a };

static const uint8_t *at, *end; /* the decisions left */

static uint8_t decide(void)
{
    return at < end ? *at++ : 0;
}

static uint32_t decide_word(void)
{
    static const uint32_t edges[] = {0, 1, 2, 3, SIZE / 4, SIZE - 1, SIZE, SIZE + 1, UINT32_MAX, 1u << 31};
    unsigned pick = decide();
    return pick < 128 ? edges[pick % (sizeof(edges) / sizeof(edges[0]))] : pick << 24 | decide();
}

static struct transport t;
static struct ring_way *ways; /* the client's, then the server's */
static uint8_t *bytes;

static void begin(void)
{
    int fds[2];
    ways = aligned_alloc(RING_LINE, 2 * sizeof(*ways));
    bytes = calloc(2, SIZE);
    assert(ways != NULL && bytes != NULL && socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) == 0);
    memset(ways, 0, 2 * sizeof(*ways));
    close(fds[1]);
    t = (struct transport){.fd = fds[0], .bell = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)};
    assert(t.bell >= 0);
    t.ring.memory = bytes;
    t.ring.out = (struct ring_end){.way = &ways[0], .data = bytes, .size = SIZE};
    t.ring.in = (struct ring_end){.way = &ways[1], .data = bytes + SIZE, .size = SIZE};
}

static void finish(void)
{
    close(t.fd);
    close(t.bell);
    free(ways);
    free(bytes);
}

/* The server writes. */
static void tamper(void)
{
    struct ring_way *way = &ways[decide() % 2];
    switch (decide() % 6) {
    case 0:
        atomic_store(&way->written, decide_word());
        break;
    case 1:
        atomic_store(&way->read, decide_word());
        break;
    case 2:
        atomic_store(&way->reader, decide_word());
        break;
    case 3:
        atomic_store(&way->writer, decide_word());
        break;
    case 4:
        atomic_store(&way->cpu, decide_word());
        break;
    default:
        bytes[SIZE + decide() % SIZE] = decide();
    }
}

/* The server has written n bytes, as a server does. */
static void give(void)
{
    atomic_store(&ways[1].written, atomic_load(&ways[1].written) + decide() % SIZE);
}

static void receive(bool now)
{
    uint8_t room[PIECE_MAX + 1];
    uint32_t before = t.ring.in.at, claimed = ring_filled(&t.ring.in);
    size_t len = 1 + decide() % PIECE_MAX;
    memset(room, GUARD, sizeof(room));
    ssize_t n = now ? roost__ring_recv_now(&t, room, len) : roost__ring_recv(&t, room, len);
    assert(n <= (ssize_t)len && (n <= 0 || claimed <= SIZE));
    assert(t.ring.in.at == before + (n > 0 ? (uint32_t)n : 0));
    for (ssize_t i = 0; i < n; i++)
        assert(room[i] == bytes[SIZE + (before + (uint32_t)i) % SIZE]);
    assert(room[n > 0 ? n : 0] == GUARD);
}

static void send_piece(bool now)
{
    uint8_t piece[PIECE_MAX], theirs[SIZE];
    size_t len = decide() % PIECE_MAX;
    memset(piece, decide(), sizeof(piece));
    memcpy(theirs, bytes + SIZE, SIZE);
    const struct ring_end *out = &t.ring.out;
    bool lies = out->at - atomic_load(&out->way->read) > SIZE, looks = len > SIZE - (out->at - out->seen);
    bool ok = now ? roost__ring_send_now(&t, piece, len) : roost__ring_send(&t, piece, len) == ROOST_OK;
    assert(!ok || !lies || !looks);
    assert(memcmp(theirs, bytes + SIZE, SIZE) == 0);
}

static void event(void)
{
    unsigned what = decide() % 8;
    if (what < 2)
        tamper();
    else if (what == 2)
        give();
    else if (what < 5)
        receive(what == 3);
    else if (what < 7)
        send_piece(what == 5);
    else if (roost__ring_arm(&t))
        atomic_store(&t.ring.in.way->reader, RING_AWAKE);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    at = data;
    end = data + size;
    world_begin();
    begin();
    while (at < end)
        event();
    finish();
    world_end();
    return 0;
}
