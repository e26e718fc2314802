/*
 * fuzz_ring.c: a ring (base/ring.h) whose other side writes what it likes into the shared memory; see
 * README.md. Our ends lie in memory of just their size, so that a step beyond it shows. Each byte of the
 * input is a decision.
 */
#include <assert.h>
#include <stdlib.h>

#include "base/ring.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { SIZE = 64, PIECE_MAX = 100, GUARD = 0x5a };

static const uint8_t *at, *end; /* the decisions left */

static uint8_t decide(void)
{
    return at < end ? *at++ : 0;
}

static uint32_t decide_word(void)
{
    uint32_t word = 0;
    for (int i = 0; i < 4; i++)
        word = word << 8 | decide();
    return word;
}

static struct ring_way *ways;
static uint8_t *bytes;

static struct ring_end end_at(unsigned way)
{
    return (struct ring_end){.way = &ways[way], .data = bytes + way * SIZE, .size = SIZE};
}

/* What it is to be, counted from where we are: near the edges more often than not. */
static uint32_t count_near(uint32_t ours)
{
    static const uint32_t off[] = {0, 1, SIZE / 4, SIZE / 2, SIZE - 1, SIZE, SIZE + 1, UINT32_MAX, 1u << 31};
    unsigned pick = decide() % 16;
    return pick < sizeof(off) / sizeof(off[0]) ? ours + off[pick] : ours + decide_word();
}

/* The other side writes. */
static void tamper(const struct ring_end *in, const struct ring_end *out)
{
    switch (decide() % 6) {
    case 0:
        atomic_store(&in->way->written, count_near(in->at));
        break;
    case 1:
        atomic_store(&out->way->read, out->at - decide() % (SIZE + 2));
        break;
    case 2:
        atomic_store(&in->way->read, decide_word()); /* ours, which we do not read */
        atomic_store(&out->way->written, decide_word());
        break;
    case 3:
        atomic_store(decide() % 2 ? &in->way->reader : &out->way->reader, decide() % 8);
        break;
    case 4:
        atomic_store(decide() % 2 ? &in->way->writer : &out->way->writer, decide() % 8);
        break;
    default:
        in->data[decide() % SIZE] = decide();
    }
}

/* Bytes come from where our count says, and no more than the other side claims to have written. */
static void take(struct ring_end *in)
{
    uint8_t room[PIECE_MAX + 1], was[SIZE];
    uint32_t before = in->at, claimed = ring_filled(in);
    size_t len = decide() % (PIECE_MAX + 1);
    memset(room, GUARD, sizeof(room));
    memcpy(was, in->data, SIZE);
    ssize_t n = ring_take(in, room, len);
    if (n == RING_BROKEN) {
        assert(claimed > SIZE && in->at == before);
        return;
    }
    assert(claimed <= SIZE && n >= 0 && (size_t)n <= len && (uint32_t)n <= claimed);
    assert(in->at == before + (uint32_t)n);
    for (ssize_t i = 0; i < n; i++)
        assert(room[i] == was[(before + (uint32_t)i) % SIZE]);
    assert(room[n] == GUARD && memcmp(was, in->data, SIZE) == 0);
    (void)ring_wake_writer(in);
}

static void put(struct ring_end *out)
{
    uint8_t piece[PIECE_MAX], other[SIZE];
    uint32_t before = out->at;
    size_t len = decide() % PIECE_MAX;
    memset(piece, decide(), sizeof(piece));
    memcpy(other, bytes, SIZE);
    ssize_t n = ring_put(out, piece, len);
    assert(n == RING_BROKEN || (n >= 0 && (size_t)n <= len && n <= SIZE));
    assert(out->at == before + (n > 0 ? (uint32_t)n : 0));
    for (ssize_t i = 0; i < n; i++)
        assert(out->data[(before + (uint32_t)i) % SIZE] == piece[i]);
    assert(out->data == bytes || memcmp(other, bytes, SIZE) == 0); /* the other way's */
    (void)ring_wake_reader(out);
    ssize_t room = ring_room(out);
    assert(room == RING_BROKEN || (room >= 0 && room <= SIZE));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    at = data;
    end = data + size;
    ways = aligned_alloc(RING_LINE, 2 * sizeof(*ways));
    bytes = malloc(2 * SIZE);
    assert(ways != NULL && bytes != NULL);
    memset(ways, 0, 2 * sizeof(*ways));
    memset(bytes, 0, 2 * SIZE);
    bool client = decide() % 2;
    struct ring_end in = end_at(client), out = end_at(!client);
    if (decide() % 4 == 0) { /* counts wrap around */
        in.at = out.at = out.seen = UINT32_MAX - decide();
        atomic_store(&in.way->written, in.at);
        atomic_store(&out.way->read, out.at);
    }
    while (at < end) {
        unsigned what = decide() % 4;
        if (what < 2)
            tamper(&in, &out);
        else if (what == 2)
            take(&in);
        else
            put(&out);
    }
    free(ways);
    free(bytes);
    return 0;
}
