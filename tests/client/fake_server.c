/* fake_server.c: see fake_server.h. */
#include "tests/client/fake_server.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static bool read_exactly(int fd, uint8_t *p, size_t n)
{
    while (n > 0) {
        ssize_t got = recv(fd, p, n, 0);
        if (got <= 0)
            return false;
        p += got;
        n -= (size_t)got;
    }
    return true;
}

bool fake_read(struct fake_server *f)
{
    uint8_t header[FRAME_HEADER];
    if (!read_exactly(f->fd, header, sizeof(header)))
        return false;
    uint32_t len = get_u32be(header);
    assert_true(len <= sizeof(f->payload));
    if (!read_exactly(f->fd, f->payload, len))
        return false;
    f->frame = slice_of(f->payload, len);
    assert_true(roost__scan_check(f->frame, FRAME_DEPTH_MAX));
    return true;
}

struct call_frame fake_expect_call(struct fake_server *f, uint32_t method)
{
    struct call_frame call;
    assert_true(fake_read(f));
    assert_true(roost__frame_call(f->frame, &call));
    assert_int_equal(call.method, method);
    return call;
}

bool fake_send(struct fake_server *f, const void *data, size_t len)
{
    return send(f->fd, data, len, MSG_NOSIGNAL) == (ssize_t)len;
}

static void send_frame(struct fake_server *f, struct buf *b)
{
    assert_true(roost__frame_end(b, 0));
    assert_true(fake_send(f, b->data, b->len));
    roost__buf_free(b);
}

void fake_reply(struct fake_server *f, uint64_t number, roost_value result)
{
    struct buf b = buf_make(1 << 20);
    frame_begin(&b);
    roost__put_array(&b, 3);
    roost__put_uint(&b, FRAME_REPLY);
    roost__put_uint(&b, number);
    assert_int_equal(roost__put_value(&b, &result), 0);
    send_frame(f, &b);
}

void fake_error(struct fake_server *f, uint64_t number, int code, const char *message)
{
    struct buf b = buf_make(1 << 20);
    frame_begin(&b);
    roost__put_array(&b, 4);
    roost__put_uint(&b, FRAME_ERROR);
    roost__put_uint(&b, number);
    roost__put_int(&b, code);
    roost__put_cstr(&b, message);
    send_frame(f, &b);
}

static void welcome(struct fake_server *f)
{
    static const uint8_t frame[] = {0,   0,   0, 13, 0x97, FRAME_WELCOME, 0xa5, 'r', 'o', 'o',
                                    's', 't', 2, 7,  9,    0x80,          0x80};
    struct item it;
    assert_true(fake_read(f));
    const uint8_t *p = roost__scan_item(f->payload, &it);
    assert_int_equal(it.len, 4);
    p = roost__scan_item(p, &it);
    assert_int_equal(it.as.i, FRAME_HELLO);
    p = roost__scan_item(p, &it);
    assert_memory_equal(it.as.bytes, "roost", 5);
    p = roost__scan_item(p, &it);
    assert_int_equal(it.as.i, PROTOCOL_VERSION);
    roost__scan_item(p, &it);
    assert_int_equal(it.kind, ROOST_MAP);
    assert_true(fake_send(f, frame, 4));
    assert_true(fake_send(f, frame + 4, sizeof(frame) - 4));
}

static void *serve(void *arg)
{
    struct fake_server *f = arg;
    f->fd = accept(f->listener, NULL, NULL);
    assert_true(f->fd >= 0);
    if (f->welcomes)
        welcome(f);
    f->script(f);
    close(f->fd);
    return NULL;
}

static void start(struct fake_server *f)
{
    strcpy(f->dir, "/tmp/roost-test-XXXXXX");
    assert_non_null(mkdtemp(f->dir));
    snprintf(f->url, sizeof(f->url), "ipc://%s/s", f->dir);
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    strcpy(address.sun_path, f->url + 6);
    f->listener = socket(AF_UNIX, SOCK_STREAM, 0);
    assert_int_equal(bind(f->listener, (const struct sockaddr *)&address, sizeof(address)), 0);
    assert_int_equal(listen(f->listener, 5), 0);
    assert_int_equal(pthread_create(&f->thread, NULL, serve, f), 0);
}

void fake_start_tcp(struct fake_server *f, void (*script)(struct fake_server *f), void *arg)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(address);
    *f = (struct fake_server){.script = script, .arg = arg};
    f->listener = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(bind(f->listener, (const struct sockaddr *)&address, len), 0);
    assert_int_equal(listen(f->listener, 5), 0);
    assert_int_equal(getsockname(f->listener, (struct sockaddr *)&address, &len), 0);
    snprintf(f->url, sizeof(f->url), "tcp://127.0.0.1:%d", ntohs(address.sin_port));
    assert_int_equal(pthread_create(&f->thread, NULL, serve, f), 0);
}

void fake_start(struct fake_server *f, void (*script)(struct fake_server *f), void *arg)
{
    *f = (struct fake_server){.script = script, .arg = arg, .welcomes = true};
    start(f);
}

void fake_start_raw(struct fake_server *f, void (*script)(struct fake_server *f), void *arg)
{
    *f = (struct fake_server){.script = script, .arg = arg};
    start(f);
}

void fake_stop(struct fake_server *f)
{
    pthread_join(f->thread, NULL);
    close(f->listener);
    if (f->dir[0] != '\0') {
        unlink(f->url + 6);
        rmdir(f->dir);
    }
}
