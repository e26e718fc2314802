/*
 * fuzz_peer.c: a client on shared memory (server/shell/net_ring.c) that writes there what it likes, whenever
 * it likes; see README.md and guest.h. The server's loop is played by the fuzzer. Each byte of the input is a
 * decision, or part of what is said.
 *
 * Asserted: the server writes where it may and nowhere else, and everything ends.
 */
#include <assert.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "decide.h"
#include "guest.h"
#include "roost/error.h"
#include "shell/net_epoll.h"
#include "world.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { SIZE = RING_SIZE_MIN, LOOKS = 5000 };

static uint32_t decide_word(void)
{
    static const uint32_t edges[] = {0, 1, 2, 3, SIZE / 4, SIZE - 1, SIZE, SIZE + 1, UINT32_MAX, 1u << 31};
    unsigned pick = decide();
    return pick < 128 ? edges[pick % (sizeof(edges) / sizeof(edges[0]))] : pick << 24 | decide();
}

static struct epoll_listener listener;
static struct peer *peer; /* NULL: it has ended */
static int other;         /* the client's end of the socket */

/* ---- in the place of net_epoll.c ---- */

bool __wrap_place_woken(struct place *p, const void *client, uint32_t client_cpu, int64_t now_us);

bool __wrap_place_woken(struct place *p, const void *client, uint32_t client_cpu, int64_t now_us)
{
    (void)p, (void)client, (void)now_us;
    return client_cpu % 2;
}

static bool next_output(struct peer *p)
{
    if (p->sent < p->sending.len)
        return true;
    struct buf empty = p->sending;
    buf_reset(&empty);
    p->sending = p->conn.out;
    p->conn.out = empty;
    p->sent = 0;
    return p->sending.len > 0;
}

/* What goes to the socket is read by nobody. */
static void drop(struct peer *p)
{
    size_t n = p->sending.len - p->sent;
    n = p->sends_to_ring && n > p->socket_left ? p->socket_left : n;
    p->sent += n;
    p->socket_left -= p->sends_to_ring ? n : 0;
    net_ring_passed(p);
}

static void flush(struct conn *c)
{
    struct peer *p = peer_of(c);
    bool goes_on = true;
    pthread_mutex_lock(&c->mutex);
    while (goes_on && !c->closed && next_output(p)) {
        if (p->sends_to_ring && p->socket_left == 0)
            goes_on = net_ring_send(p);
        else
            drop(p);
    }
    pthread_mutex_unlock(&c->mutex);
}

static void end_soon(struct conn *c)
{
    pthread_mutex_lock(&c->mutex);
    if (!c->closed) {
        c->closed = true;
        net_ring_say_gone(peer_of(c));
    }
    pthread_mutex_unlock(&c->mutex);
}

static void destroy(struct conn *c)
{
    struct peer *p = peer_of(c);
    roost__buf_free(&p->sending);
    net_ring_free(p);
    close(p->fd);
    free(p);
}

static const struct conn_ops ops = {.transport = TRANSPORT_IPC,
                                    .flush = flush,
                                    .close = end_soon,
                                    .destroy = destroy,
                                    .offer_ring = net_ring_offer,
                                    .move_to_ring = net_ring_move};

static void end_peer(void)
{
    struct peer *p = peer;
    if (p == NULL)
        return;
    peer = NULL;
    end_soon(&p->conn);
    net_ring_end(p);
    assert(listener.watched_len == 0);
    conn_ended(&p->conn);
    close(other);
}

static void begin_peer(void)
{
    int fds[2];
    peer = calloc(1, sizeof(*peer));
    assert(peer != NULL && socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) == 0);
    conn_init(&peer->conn, &house, &ops, "ipc uid 0 pid 1", "uid 0");
    peer->conn.user.kind = USER_OWN;
    peer->listener = &listener;
    peer->fd = fds[0];
    other = fds[1];
    net_ring_init(peer);
    peer->sending = buf_make((size_t)house.limits.unread_max);
    assert(server_admit(&house, &peer->conn));
}

static void say_on_socket(struct slice bytes)
{
    void *room;
    size_t n = conn_room(&peer->conn, &room);
    assert(n >= bytes.len);
    memcpy(room, bytes.data, bytes.len);
    if (!conn_received(&peer->conn, bytes.len))
        end_peer();
}

/* HELLO, and the move to the ring. */
static void greet(void)
{
    static const uint8_t hello[] = {0,   0, 0,    18,   0x94, 0,   0xa5, 'r', 'o',  'o',  's',
                                    't', 2, 0x81, 0xa4, 'r',  'i', 'n',  'g', 0xcd, 0x10, 0},
                         move[] = {0, 0, 0, 2, 0x91, FRAME_RING};
    say_on_socket(slice_of(hello, sizeof(hello)));
    assert(peer != NULL && peer->conn.has_ring);
    say_on_socket(slice_of(move, sizeof(move)));
    assert(peer != NULL && peer->conn.on_ring && peer->ring.in.size == SIZE);
}

/* ---- the client's side of the memory ---- */

static struct ring_end mine[2]; /* what we write, what we read */

static void attach(void)
{
    struct ring_way *ways = peer->ring.memory;
    for (unsigned i = 0; i < 2; i++)
        mine[i] = (struct ring_end){.way = &ways[i],
                                    .data = (uint8_t *)peer->ring.memory + RING_DATA + i * (size_t)SIZE,
                                    .size = SIZE};
}

static void put(struct slice bytes)
{
    (void)ring_put(&mine[0], bytes.data, bytes.len);
}

static void put_frame(struct slice payload)
{
    uint8_t header[FRAME_HEADER];
    put_u32be(header, (uint32_t)payload.len);
    put(slice_of(header, sizeof(header)));
    put(payload);
}

static void tamper(void)
{
    struct ring_way *way = mine[decide() % 2].way;
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
        mine[0].data[decide_word() % SIZE] = (uint8_t)decide();
    }
}

static void take(void)
{
    uint8_t room[512];
    (void)ring_take(&mine[1], room, decide() * 2u);
}

/* ---- what happens ---- */

static void look_in_vain(void)
{
    for (int i = 0; i < LOOKS && peer->watched > 0; i++)
        net_ring_quiet(peer);
}

/* The server's turn. False: the peer is to be ended. */
static bool turn(unsigned what)
{
    switch (what % 8) {
    case 0:
    case 1:
    case 2:
        flush(&peer->conn);
        return net_ring_on_bell(peer);
    case 3:
    case 4:
        return net_ring_receive(peer);
    case 5:
        (void)net_ring_sleep(&listener);
        return true;
    case 6:
        look_in_vain();
        return true;
    default:
        return what < 0x80 || net_ring_on_socket(peer);
    }
}

/* The server reads what the client writes, and changes nothing of it. */
static void checked_turn(unsigned what)
{
    uint8_t was[SIZE];
    memcpy(was, mine[0].data, SIZE);
    uint32_t written = atomic_load(&mine[0].way->written), read = atomic_load(&mine[1].way->read);
    bool ok = turn(what) && !peer->conn.closed;
    assert(memcmp(was, mine[0].data, SIZE) == 0);
    assert(written == atomic_load(&mine[0].way->written) && read == atomic_load(&mine[1].way->read));
    assert(listener.watched_len == (peer->watched > 0));
    if (!ok)
        end_peer();
}

static void event(void)
{
    unsigned what = decide();
    switch (what % 8) {
    case 0:
    case 1:
        put_frame(piece(decide()));
        break;
    case 2:
        put(piece(decide()));
        break;
    case 3:
        tamper();
        break;
    case 4:
        take();
        break;
    default:
        checked_turn(what / 8 | (what & 0x80));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    decisions = slice_of(data, size);
    world_begin();
    house_open(false, NULL);
    listener = (struct epoll_listener){.server = &house, .epoll = epoll_create1(EPOLL_CLOEXEC)};
    assert(listener.epoll >= 0);
    begin_peer();
    greet();
    attach();
    while (decisions.len > 0 && peer != NULL)
        event();
    end_peer();
    close(listener.epoll);
    house_close();
    world_end();
    return 0;
}
