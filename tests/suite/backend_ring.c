/* backend_ring.c: a real roostd over shared memory, begun on ipc and on tcp, as PROTOCOL.md's section on it
 * says. The server is that of backend_net.c. */
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/claim.h"
#include "base/ring.h"
#include "tests/suite/suite.h"
#include "wire/frame.h"

enum { SMALL = 4096 }; /* the least: so that frames often go around its end, and longer ones in pieces */

struct link {
    int fd, bell;
    struct ring ring;
};

/* Reads up to size bytes. True: with the two descriptors that came along. */
static bool receive_passed(int fd, uint8_t *bytes, size_t size, int passed[2], ssize_t *ret_n)
{
    union {
        char bytes[CMSG_SPACE(2 * sizeof(int))];
        struct cmsghdr align;
    } control;
    struct iovec room = {.iov_base = bytes, .iov_len = size};
    struct msghdr m = {.msg_iov = &room,
                       .msg_iovlen = 1,
                       .msg_control = control.bytes,
                       .msg_controllen = sizeof(control.bytes)};
    *ret_n = recvmsg(fd, &m, MSG_CMSG_CLOEXEC);
    struct cmsghdr *c = CMSG_FIRSTHDR(&m);
    if (c == NULL)
        return false;
    assert_int_equal(c->cmsg_type, SCM_RIGHTS);
    assert_int_equal(c->cmsg_len, CMSG_LEN(2 * sizeof(int)));
    memcpy(passed, CMSG_DATA(c), 2 * sizeof(int));
    return true;
}

static struct slice bytes_in(struct slice terms, const char *name, uint32_t len)
{
    struct item it = roost__map_item(terms, name);
    assert_int_equal(it.kind, ROOST_BYTES);
    assert_int_equal(it.len, len);
    return slice_of(it.as.bytes, it.len);
}

static void claim(int fd, struct slice terms, int passed[2])
{
    const struct sockaddr_un any = {.sun_family = AF_UNIX};
    struct slice token = bytes_in(terms, "ring_token", CLAIM_TOKEN_LEN);
    struct sockaddr_un place;
    uint8_t ends[CLAIM_ENDS_LEN], byte;
    ssize_t n;
    assert_true(roost__claim_ends(fd, true, ends));
    assert_memory_equal(ends, bytes_in(terms, "ring_ends", CLAIM_ENDS_LEN).data, sizeof(ends));
    socklen_t len = roost__claim_address(bytes_in(terms, "ring_place", CLAIM_PLACE_LEN).data, &place);
    int at = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(at, (const struct sockaddr *)&any, sizeof(any.sun_family)), 0);
    assert_int_equal(connect(at, (const struct sockaddr *)&place, len), 0);
    assert_int_equal(send(at, token.data, token.len, 0), token.len);
    assert_true(receive_passed(at, &byte, 1, passed, &n));
    close(at);
}

/* WELCOME, and the two descriptors that come along or are claimed. */
static int64_t receive_welcome(int fd, int passed[2])
{
    uint8_t bytes[4096];
    ssize_t n;
    bool came = receive_passed(fd, bytes, sizeof(bytes), passed, &n);
    assert_true(n > FRAME_HEADER);
    assert_int_equal(get_u32be(bytes), n - FRAME_HEADER);
    struct item it;
    const uint8_t *p = roost__scan_item(bytes + FRAME_HEADER, &it);
    for (int i = 0; i < 6; i++)
        p = roost__scan_skip(p);
    struct slice terms = scan_next(&p);
    struct item size = roost__map_item(terms, "ring");
    assert_int_equal(size.kind, ROOST_INT);
    if (!came)
        claim(fd, terms, passed);
    return size.as.i;
}

static void *open_session(void)
{
    static const char hello[] = "\0\0\0\x12\x94\0\xa5roost\x02\x81\xa4ring\xcd\x10\0";
    static const char move[] = "\0\0\0\x02\x91\x06";
    struct link *l = calloc(1, sizeof(*l));
    char echo[sizeof(move) - 1];
    int passed[2];
    assert_non_null(l);
    l->fd = net_connect();
    assert_int_equal(send(l->fd, hello, sizeof(hello) - 1, MSG_NOSIGNAL), sizeof(hello) - 1);
    assert_int_equal(receive_welcome(l->fd, passed), SMALL);
    assert_true(roost__ring_attach(passed[0], SMALL, &l->ring));
    close(passed[0]);
    l->bell = passed[1];
    assert_int_equal(send(l->fd, move, sizeof(move) - 1, MSG_NOSIGNAL), sizeof(move) - 1);
    assert_int_equal(recv(l->fd, echo, sizeof(echo), MSG_WAITALL), sizeof(echo));
    assert_memory_equal(echo, move, sizeof(echo));
    return l;
}

static void lose_session(void *link)
{
    struct link *l = link;
    roost__ring_detach(&l->ring);
    close(l->bell);
    close(l->fd);
    free(l);
}

static void ring_bell(const struct link *l)
{
    uint64_t one = 1;
    assert_int_equal(write(l->bell, &one, sizeof(one)), sizeof(one));
}

/* Sleeps until the server rings. False: it hung up, or is silent for 10 s. */
static bool await_bell(const struct link *l)
{
    char byte;
    return recv(l->fd, &byte, 1, 0) == 1;
}

static bool receive_bytes(struct link *l, uint8_t *p, size_t n)
{
    while (n > 0) {
        ssize_t got = ring_take(&l->ring.in, p, n);
        assert_true(got >= 0);
        if (got > 0 && ring_wake_writer(&l->ring.in))
            ring_bell(l);
        p += got;
        n -= (size_t)got;
        if (got > 0)
            continue;
        atomic_store(&l->ring.in.way->reader, RING_ON_BELL);
        if (ring_filled(&l->ring.in) == 0 && !await_bell(l))
            return false;
        atomic_store(&l->ring.in.way->reader, RING_AWAKE);
    }
    return true;
}

static bool receive(void *link, struct buf *frame)
{
    uint8_t header[FRAME_HEADER];
    if (!receive_bytes(link, header, sizeof(header)))
        return false;
    size_t len = get_u32be(header);
    if (!roost__buf_reserve(frame, len) || !receive_bytes(link, frame->data, len))
        return false;
    frame->len = len;
    return true;
}

static void send_frame(void *link, struct slice frame)
{
    struct link *l = link;
    const uint8_t *p = frame.data;
    for (size_t left = frame.len; left > 0;) {
        ssize_t n = ring_put(&l->ring.out, p, left);
        assert_true(n >= 0);
        p += n;
        left -= (size_t)n;
        if (ring_wake_reader(&l->ring.out))
            ring_bell(l);
        if (n > 0)
            continue;
        atomic_store(&l->ring.out.way->writer, RING_ON_BELL);
        if (ring_room(&l->ring.out) == 0)
            assert_true(await_bell(l));
        atomic_store(&l->ring.out.way->writer, RING_AWAKE);
    }
}

#define RING_BACKEND(name_, start_)                               \
    const struct backend backend_##name_ = {.name = #name_,       \
                                            .start = start_,      \
                                            .stop = net_stop,     \
                                            .open = open_session, \
                                            .lose = lose_session, \
                                            .send = send_frame,   \
                                            .receive = receive,   \
                                            .real_time = true}

RING_BACKEND(ring, net_start_ipc);
RING_BACKEND(tcpring, net_start_tcp);
