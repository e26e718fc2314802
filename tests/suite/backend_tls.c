/* backend_tls.c: a real roostd over tls+tcp, with certificates of the test's own. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "client/clock.h"
#include "client/transport_tls.h"
#include "tests/suite/suite.h"
#include "tools/roost/ca.h"
#include "wire/frame.h"

enum { PATIENCE_MS = 10000 };

static char folder[64];
static char paths[4][128]; /* ca.pem, ca.key, server.pem, server.key */

struct secret_link {
    int fd;
    struct tls *tls;
};

static void start(void)
{
    static const char *const names[] = {"ca.pem", "ca.key", "server.pem", "server.key"};
    char address[] = "127.0.0.1";
    char *const hosts[] = {address};
    time_t now = time(NULL);
    struct cert_request r = {
        .name = "server", .hosts = hosts, .host_count = 1, .from = now - 3600, .until = now + 3600};
    snprintf(folder, sizeof(folder), "/tmp/roost-suite-XXXXXX");
    assert_non_null(mkdtemp(folder));
    for (int i = 0; i < 4; i++)
        snprintf(paths[i], sizeof(paths[i]), "%s/%s", folder, names[i]);
    assert_int_equal(ca_create(folder, r.from, r.until), 0);
    assert_int_equal(ca_sign(folder, &r), 0);
    net_start_tls(paths[2], paths[3]);
}

static void stop(void)
{
    for (int i = 0; i < 4; i++)
        unlink(paths[i]);
    rmdir(folder);
    net_stop();
}

static void send_frame(void *link, struct slice frame)
{
    assert_int_equal(roost__tls_send(((struct secret_link *)link)->tls, frame.data, frame.len), 0);
}

static bool receive_bytes(struct secret_link *l, uint8_t *p, size_t n)
{
    for (size_t got = 0; got < n;) {
        ssize_t more = roost__tls_recv(l->tls, p + got, n - got, PATIENCE_MS * 1000000LL, false);
        if (more <= 0)
            return false;
        got += (size_t)more;
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

static void *open_session(void)
{
    static const char hello[] = "\0\0\0\x0a\x94\0\xa5roost\x02\x80";
    const struct tls_wishes wishes = {.files = {.ca = paths[0]}};
    struct secret_link *l = calloc(1, sizeof(*l));
    assert_non_null(l);
    l->fd = net_connect();
    assert_int_equal(
        roost__tls_open(l->fd, &wishes, "127.0.0.1", roost__clock_deadline(PATIENCE_MS), &l->tls), 0);
    send_frame(l, slice_of(hello, sizeof(hello) - 1));
    struct buf welcome = buf_make(4096);
    assert_true(receive(l, &welcome));
    assert_int_equal(roost__frame_kind(buf_slice(&welcome)), FRAME_WELCOME);
    roost__buf_free(&welcome);
    return l;
}

static void lose_session(void *link)
{
    struct secret_link *l = link;
    roost__tls_free(l->tls);
    close(l->fd);
    free(l);
}

const struct backend backend_tls = {.name = "tls",
                                    .start = start,
                                    .stop = stop,
                                    .open = open_session,
                                    .lose = lose_session,
                                    .send = send_frame,
                                    .receive = receive,
                                    .real_time = true};
