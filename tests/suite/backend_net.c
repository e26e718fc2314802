/* backend_net.c: a real roostd of the test's own, over ipc, tcp and nng's streams. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/suite/suite.h"
#include "wire/frame.h"

static pid_t server;
static char folder[64];
static char url[256];

enum { MORE_MAX = 8 };

/* With more options, the last of which is NULL. */
static void start_with(const char *listen, const char *const *more)
{
    int ready[2];
    assert_int_equal(pipe(ready), 0);
    const char *program = getenv("ROOSTD");
    assert_non_null(program);
    server = fork();
    if (server == 0) {
        char fd[16];
        snprintf(fd, sizeof(fd), "%d", ready[1]);
        close(ready[0]);
        const char *argv[8 + MORE_MAX] = {"roostd", "--listen",    listen, "--ready-fd",
                                          fd,       "--log-level", "error"};
        for (size_t i = 0; more[i] != NULL; i++) {
            assert_true(i < MORE_MAX);
            argv[7 + i] = more[i];
        }
        execv(program, (char **)(uintptr_t)argv);
        _exit(127);
    }
    close(ready[1]);
    FILE *from = fdopen(ready[0], "r");
    assert_non_null(fgets(url, sizeof(url), from));
    url[strcspn(url, "\n")] = '\0';
    fclose(from);
}

static void start_at(const char *listen)
{
    start_with(listen, (const char *const[]){NULL});
}

static void make_folder(void)
{
    snprintf(folder, sizeof(folder), "/tmp/roost-suite-XXXXXX");
    assert_non_null(mkdtemp(folder));
}

void net_start_ipc(void)
{
    make_folder();
    start_at(text("ipc://%s/sock", folder));
}

/* It keeps its data, and takes a snapshot every few calls. What a sync is good for test_durable finds out. */
static void start_with_data(void)
{
    start_with(text("ipc://%s/sock", folder),
               (const char *const[]){"--data", text("%s/data", folder), "--sync", "none", "--snapshot-bytes",
                                     "20000", NULL});
}

static void start_durable(void)
{
    make_folder();
    start_with_data();
}

static void start_nng(void)
{
    make_folder();
    start_at(text("nng+ipc://%s/sock", folder));
}

void net_start_tcp(void)
{
    folder[0] = '\0';
    start_at("tcp://127.0.0.1:0");
}

void net_start_tls(const char *cert, const char *key)
{
    folder[0] = '\0';
    start_with("tls+tcp://127.0.0.1:0", (const char *const[]){"--tls-cert", cert, "--tls-key", key, NULL});
}

static void end_server(void)
{
    int status;
    kill(server, SIGTERM);
    waitpid(server, &status, 0);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

void net_stop(void)
{
    end_server();
    if (folder[0] != '\0')
        assert_int_equal(rmdir(folder), 0); /* the server left nothing in it */
}

/* All that the cases did comes back at another start. */
static void stop_durable(void)
{
    end_server();
    start_with_data();
    end_server();
    assert_int_equal(system(text("rm -r %s", folder)), 0);
}

static int connect_ipc(const char *path)
{
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    assert_true(strlen(path) < sizeof(a.sun_path));
    strcpy(a.sun_path, path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(connect(fd, (const struct sockaddr *)&a, sizeof(a)), 0);
    return fd;
}

static int connect_tcp(const char *port)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(port))};
    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(connect(fd, (const struct sockaddr *)&a, sizeof(a)), 0);
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
    return fd;
}

struct link {
    int fd;
};

static bool receive_bytes(int fd, uint8_t *p, size_t n)
{
    for (size_t got = 0; got < n;) {
        ssize_t more = recv(fd, p + got, n - got, 0);
        if (more <= 0)
            return false;
        got += (size_t)more;
    }
    return true;
}

static bool receive(void *link, struct buf *frame)
{
    int fd = ((struct link *)link)->fd;
    uint8_t header[FRAME_HEADER];
    if (!receive_bytes(fd, header, sizeof(header)))
        return false;
    size_t len = get_u32be(header);
    if (!roost__buf_reserve(frame, len) || !receive_bytes(fd, frame->data, len))
        return false;
    frame->len = len;
    return true;
}

static void send_frame(void *link, struct slice frame)
{
    assert_int_equal(send(((struct link *)link)->fd, frame.data, frame.len, MSG_NOSIGNAL), frame.len);
}

int net_connect(void)
{
    int fd = strncmp(url, "ipc", 3) == 0 ? connect_ipc(url + 6) : connect_tcp(strrchr(url, ':') + 1);
    struct timeval patience = {.tv_sec = 10};
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
    return fd;
}

static void *open_session(void)
{
    static const char hello[] = "\0\0\0\x0a\x94\0\xa5roost\x02\x80";
    struct link *l = calloc(1, sizeof(*l));
    assert_non_null(l);
    l->fd = net_connect();
    send_frame(l, slice_of(hello, sizeof(hello) - 1));
    struct buf welcome = buf_make(4096);
    assert_true(receive(l, &welcome));
    assert_int_equal(roost__frame_kind(buf_slice(&welcome)), FRAME_WELCOME);
    roost__buf_free(&welcome);
    return l;
}

static void lose_session(void *link)
{
    close(((struct link *)link)->fd);
    free(link);
}

#define NET_BACKEND(name_, start_, stop_)                         \
    const struct backend backend_##name_ = {.name = #name_,       \
                                            .start = start_,      \
                                            .stop = stop_,        \
                                            .open = open_session, \
                                            .lose = lose_session, \
                                            .send = send_frame,   \
                                            .receive = receive,   \
                                            .real_time = true}

NET_BACKEND(ipc, net_start_ipc, net_stop);
NET_BACKEND(tcp, net_start_tcp, net_stop);
NET_BACKEND(nng, start_nng, net_stop);
NET_BACKEND(durable, start_durable, stop_durable);
