/* test_claims.c: shared memory for clients on tcp over the loopback: who gets it, who does not, and what
 * strangers who write to the claims' socket can do. */
#include "tests/support/test.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/claim.h"
#include "base/ring.h"
#include "roost/roost.h"
#include "tests/client/fake_server.h"
#include "tests/client/proxy.h"
#include "wire/methods.h"

#define OK(call) assert_ok(call, #call)

static void assert_ok(int rc, const char *what)
{
    if (rc != 0)
        fail_msg("%s: %s", what, roost_errmsg());
}

/* ---- a server of the test's own ---- */

static pid_t server;
static char url[256];

static void start(const char *listen, const char *option)
{
    int ready[2];
    char fd[16];
    assert_int_equal(pipe(ready), 0);
    snprintf(fd, sizeof(fd), "%d", ready[1]);
    server = fork();
    if (server == 0) {
        close(ready[0]);
        execl(getenv("ROOSTD"), "roostd", "--insecure", "--listen", listen, "--ready-fd", fd, "--log-level",
              "error", option, (char *)NULL);
        _exit(127);
    }
    close(ready[1]);
    FILE *from = fdopen(ready[0], "r");
    assert_non_null(fgets(url, sizeof(url), from));
    url[strcspn(url, "\n")] = '\0';
    fclose(from);
}

static int port(void)
{
    return atoi(strrchr(url, ':') + 1);
}

static int start_server(void **state)
{
    (void)state;
    start("tcp://127.0.0.1:0", NULL);
    return 0;
}

static int stop_server(void **state)
{
    int status;
    (void)state;
    kill(server, SIGTERM);
    return waitpid(server, &status, 0) == server ? status : -1;
}

static roost_manager *connect_to(const char *where, const roost_options *options)
{
    roost_manager *m;
    OK(roost_connect(where, options, &m));
    return m;
}

static int64_t info(roost_manager *m, const char *what)
{
    roost_value v;
    OK(roost_server_info(m, &v));
    int64_t n = roost_map_get(v, roost_str(what))->as.i;
    roost_value_free(&v);
    return n;
}

static void await_info(roost_manager *m, const char *what, int64_t value)
{
    time_t end = time(NULL) + 100;
    while (info(m, what) != value)
        if (time(NULL) > end)
            fail_msg("%s is %lld, not %lld", what, (long long)info(m, what), (long long)value);
}

static void assert_by_socket(const roost_manager *m, const char *why)
{
    const char *said = NULL;
    assert_int_equal(roost_manager_transport(m, &said), ROOST_BY_SOCKET);
    assert_string_equal(said, why);
}

static void assert_rings(const char *where)
{
    roost_manager *m = connect_to(where, NULL);
    assert_int_equal(roost_manager_transport(m, NULL), ROOST_BY_RING);
    assert_int_equal(info(m, "rings"), 1);
    roost_manager_close(m);
}

/* ---- a client made of bytes ---- */

enum { ANSWER_S = 20 };

struct raw {
    int fd;
    struct claim claim;
};

static void copy_term(struct slice terms, const char *name, uint8_t *ret, size_t len)
{
    struct item it = roost__map_item(terms, name);
    assert_int_equal(it.kind, ROOST_BYTES);
    assert_int_equal(it.len, len);
    memcpy(ret, it.as.bytes, len);
}

static void say_hello(struct raw *r)
{
    static const char hello[] = "\0\0\0\x12\x94\0\xa5roost\x02\x81\xa4ring\xcd\x10\0";
    uint8_t bytes[4096];
    struct item it;
    struct sockaddr_in a = {.sin_family = AF_INET,
                            .sin_port = htons((uint16_t)port()),
                            .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    r->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(connect(r->fd, (const struct sockaddr *)&a, sizeof(a)), 0);
    assert_int_equal(send(r->fd, hello, sizeof(hello) - 1, MSG_NOSIGNAL), sizeof(hello) - 1);
    assert_int_equal(recv(r->fd, bytes, FRAME_HEADER, MSG_WAITALL), FRAME_HEADER);
    uint32_t len = get_u32be(bytes);
    assert_int_equal(recv(r->fd, bytes, len, MSG_WAITALL), len);
    const uint8_t *p = roost__scan_item(bytes, &it);
    for (int i = 0; i < 6; i++)
        p = roost__scan_skip(p);
    struct slice terms = scan_next(&p);
    copy_term(terms, "ring_place", r->claim.place, sizeof(r->claim.place));
    copy_term(terms, "ring_token", r->claim.token, sizeof(r->claim.token));
}

static int open_place(const struct claim *c)
{
    const struct sockaddr_un any = {.sun_family = AF_UNIX};
    const struct timeval patience = {.tv_sec = ANSWER_S};
    struct sockaddr_un place;
    socklen_t len = roost__claim_address(c->place, &place);
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
    assert_int_equal(bind(fd, (const struct sockaddr *)&any, sizeof(any.sun_family)), 0);
    assert_int_equal(connect(fd, (const struct sockaddr *)&place, len), 0);
    return fd;
}

static void say(int place, const void *token, size_t len)
{
    assert_int_equal(send(place, token, len, 0), len);
}

/* Waits for descriptors; how many came. */
static int receive_descriptors(int place)
{
    union {
        char bytes[CMSG_SPACE(8 * sizeof(int))];
        struct cmsghdr align;
    } control;
    char byte;
    struct iovec room = {.iov_base = &byte, .iov_len = 1};
    struct msghdr m = {.msg_iov = &room,
                       .msg_iovlen = 1,
                       .msg_control = control.bytes,
                       .msg_controllen = sizeof(control.bytes)};
    assert_int_equal(recvmsg(place, &m, MSG_CMSG_CLOEXEC), 1);
    struct cmsghdr *c = CMSG_FIRSTHDR(&m);
    int n = (int)((c->cmsg_len - CMSG_LEN(0)) / sizeof(int));
    for (int i = 0; i < n; i++) {
        int fd;
        memcpy(&fd, CMSG_DATA(c) + (size_t)i * sizeof(int), sizeof(fd));
        close(fd);
    }
    return n;
}

/* The server reads one datagram after the other: when a good token is answered those before it were read. */
static void assert_not_answered(int place)
{
    struct raw good;
    char byte;
    say_hello(&good);
    int other = open_place(&good.claim);
    say(other, good.claim.token, CLAIM_TOKEN_LEN);
    assert_int_equal(receive_descriptors(other), 2);
    assert_int_equal(recv(place, &byte, 1, MSG_DONTWAIT), -1);
    close(other);
    close(good.fd);
}

/* ---- who gets a ring ---- */

static void a_client_on_the_loopback_talks_through_a_ring(void **state)
{
    (void)state;
    char mapped[64];
    assert_rings(url);
    stop_server(NULL);
    start("tcp://[::1]:0", NULL);
    assert_rings(url);
    stop_server(NULL);
    start("tcp://[::]:0", NULL);
    snprintf(mapped, sizeof(mapped), "tcp://127.0.0.1:%d",
             port()); /* which the server sees as ::ffff:127.0.0.1 */
    assert_rings(mapped);
    stop_server(NULL);
    start_server(NULL);
}

static void who_wants_none_gets_none(void **state)
{
    (void)state;
    roost_manager *m = connect_to(url, &(roost_options){.no_ring = true});
    assert_by_socket(m, "no_ring was asked for");
    assert_int_equal(info(m, "rings"), 0);
    roost_manager_close(m);
    stop_server(NULL);
    start("tcp://127.0.0.1:0", "--no-ring");
    m = connect_to(url, NULL);
    assert_by_socket(m, "the server offered no shared memory");
    roost_manager_close(m);
    stop_server(NULL);
    start_server(NULL);
}

static void what_is_in_between_stays_in_between(void **state)
{
    (void)state;
    struct proxy proxy;
    proxy_start(&proxy, url);
    roost_manager *m = connect_to(proxy.url, NULL);
    assert_by_socket(m, "something between client and server passes the bytes on");
    assert_int_equal(info(m, "rings"), 0);
    roost_manager_close(m);
    proxy_stop(&proxy);
}

/* ---- tokens ---- */

static void only_the_token_of_a_connection_opens_its_ring(void **state)
{
    (void)state;
    struct raw r;
    uint8_t wrong[CLAIM_TOKEN_LEN + 1];
    say_hello(&r);
    int place = open_place(&r.claim);
    memcpy(wrong, r.claim.token, CLAIM_TOKEN_LEN);
    wrong[CLAIM_TOKEN_LEN] = 0;
    say(place, wrong, sizeof(wrong)); /* too long */
    say(place, wrong, CLAIM_TOKEN_LEN - 1);
    say(place, wrong, 0);
    wrong[CLAIM_TOKEN_LEN - 1] ^= 1;
    say(place, wrong, CLAIM_TOKEN_LEN);
    assert_not_answered(place);
    say(place, r.claim.token, CLAIM_TOKEN_LEN);
    assert_int_equal(receive_descriptors(place), 2);
    close(place);
    close(r.fd);
}

static void a_token_is_good_once(void **state)
{
    (void)state;
    struct raw r;
    say_hello(&r);
    int place = open_place(&r.claim);
    say(place, r.claim.token, CLAIM_TOKEN_LEN);
    assert_int_equal(receive_descriptors(place), 2);
    say(place, r.claim.token, CLAIM_TOKEN_LEN);
    assert_not_answered(place);
    close(place);
    close(r.fd);
}

static void a_token_ends_with_its_connection(void **state)
{
    (void)state;
    struct raw r;
    roost_manager *m = connect_to(url, NULL);
    int64_t sessions = info(m, "sessions");
    say_hello(&r);
    int place = open_place(&r.claim);
    close(r.fd);
    await_info(m, "sessions", sessions);
    say(place, r.claim.token, CLAIM_TOKEN_LEN);
    assert_not_answered(place);
    close(place);
    roost_manager_close(m);
}

/* Time has to pass here: that it does is the claim. */
static void a_late_token_gets_nothing_and_its_connection_goes_on(void **state)
{
    (void)state;
    static const uint8_t ping[] = {0, 0, 0, 2, 0x91, FRAME_PING};
    struct raw r;
    uint8_t pong[sizeof(ping)];
    say_hello(&r);
    int place = open_place(&r.claim);
    sleep(6);
    say(place, r.claim.token, CLAIM_TOKEN_LEN);
    assert_not_answered(place);
    assert_int_equal(send(r.fd, ping, sizeof(ping), MSG_NOSIGNAL), sizeof(ping));
    assert_int_equal(recv(r.fd, pong, sizeof(pong), MSG_WAITALL), sizeof(pong));
    close(place);
    close(r.fd);
}

/* He has no name to be answered at, and the token is spent. */
static void who_cannot_be_answered_harms_nobody(void **state)
{
    (void)state;
    struct raw r;
    struct sockaddr_un place;
    say_hello(&r);
    socklen_t len = roost__claim_address(r.claim.place, &place);
    int nameless = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    assert_int_equal(sendto(nameless, r.claim.token, CLAIM_TOKEN_LEN, 0, (struct sockaddr *)&place, len),
                     CLAIM_TOKEN_LEN);
    int late = open_place(&r.claim);
    say(late, r.claim.token, CLAIM_TOKEN_LEN);
    assert_not_answered(late);
    close(late);
    close(nameless);
    close(r.fd);
    assert_rings(url);
}

/* ---- strangers ---- */

static atomic_bool flooding;

/* Sends all that fits, each time with a descriptor, and never reads. */
static void *flood(void *arg)
{
    const struct claim *c = arg;
    union {
        char bytes[CMSG_SPACE(sizeof(int))];
        struct cmsghdr align;
    } control = {{0}};
    struct cmsghdr *head = &control.align;
    char bytes[64] = {0};
    struct iovec all = {.iov_base = bytes, .iov_len = sizeof(bytes)};
    struct msghdr m = {.msg_iov = &all,
                       .msg_iovlen = 1,
                       .msg_control = control.bytes,
                       .msg_controllen = sizeof(control.bytes)};
    int place = open_place(c);
    *head = (struct cmsghdr){
        .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS, .cmsg_len = CMSG_LEN(sizeof(int))};
    memcpy(CMSG_DATA(head), &place, sizeof(place));
    const struct timeval moment = {.tv_usec = 10000};
    setsockopt(place, SOL_SOCKET, SO_SNDTIMEO, &moment, sizeof(moment));
    while (atomic_load(&flooding)) {
        all.iov_len = (all.iov_len + 7) % sizeof(bytes);
        (void)!sendmsg(place, &m, 0);
    }
    close(place);
    return NULL;
}

static int descriptors_of(pid_t pid)
{
    char path[64];
    int n = 0;
    snprintf(path, sizeof(path), "/proc/%d/fd", pid);
    DIR *fds = opendir(path);
    assert_non_null(fds);
    while (readdir(fds) != NULL)
        n++;
    closedir(fds);
    return n;
}

static void a_flood_of_datagrams_harms_nobody(void **state)
{
    (void)state;
    enum { FLOODERS = 3, CALLS = 3000 };
    struct raw r;
    pthread_t flooders[FLOODERS];
    roost_dict *d;
    say_hello(&r);
    roost_manager *m = connect_to(url, &(roost_options){.no_ring = true});
    OK(roost_dict_new(m, &d));
    atomic_store(&flooding, true);
    for (int i = 0; i < FLOODERS; i++)
        assert_int_equal(pthread_create(&flooders[i], NULL, flood, &r.claim), 0);
    for (int i = 0; i < CALLS; i++)
        OK(roost_dict_set(d, roost_int(i % 10), roost_int(i)));
    for (int i = 0; i < 3; i++) { /* with a ring or, when its token finds no room, without */
        roost_manager *other = connect_to(url, NULL);
        OK(roost_server_ping(other, roost_nil(), NULL));
        roost_manager_close(other);
    }
    atomic_store(&flooding, false);
    for (int i = 0; i < FLOODERS; i++)
        pthread_join(flooders[i], NULL);
    roost_dict_close(d);
    roost_manager_close(m);
    close(r.fd);
    assert_rings(url);
    assert_in_range(descriptors_of(server), 1, 40); /* none of the flood's came in */
}

/* ---- a server that lies ---- */

enum lie { OTHER_ENDS, NO_SUCH_PLACE, SILENT, NO_DESCRIPTORS, NO_RING };

static void send_promise(struct fake_server *f, const struct claim *c)
{
    struct buf b = buf_make(4096);
    frame_begin(&b);
    roost__put_array(&b, 7);
    roost__put_int(&b, FRAME_WELCOME);
    roost__put_cstr(&b, "roost");
    roost__put_int(&b, PROTOCOL_VERSION);
    roost__put_int(&b, 7);
    roost__put_int(&b, 9);
    roost__put_map(&b, 0);
    roost__put_map(&b, 4);
    roost__put_cstr(&b, "ring");
    roost__put_int(&b, RING_SIZE_MIN);
    roost__put_cstr(&b, "ring_place");
    roost__put_bytes(&b, slice_of(c->place, sizeof(c->place)));
    roost__put_cstr(&b, "ring_token");
    roost__put_bytes(&b, slice_of(c->token, sizeof(c->token)));
    roost__put_cstr(&b, "ring_ends");
    roost__put_bytes(&b, slice_of(c->ends, sizeof(c->ends)));
    assert_true(roost__frame_end(&b, 0));
    assert_true(fake_send(f, b.data, b.len));
    roost__buf_free(&b);
}

/* The place of a liar; -1: there is none. */
static int make_place(enum lie lie, const struct claim *c)
{
    struct sockaddr_un place;
    socklen_t len = roost__claim_address(c->place, &place);
    if (lie == NO_SUCH_PLACE)
        return -1;
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(fd, (const struct sockaddr *)&place, len), 0);
    return fd;
}

static void answer_claim(int place, enum lie lie)
{
    union {
        char bytes[CMSG_SPACE(2 * sizeof(int))];
        struct cmsghdr align;
    } control = {{0}};
    struct sockaddr_un from;
    char token[CLAIM_TOKEN_LEN + 1];
    struct iovec all = {.iov_base = token, .iov_len = 1};
    struct msghdr m = {.msg_name = &from, .msg_namelen = sizeof(from), .msg_iov = &all, .msg_iovlen = 1};
    assert_int_equal(recvfrom(place, token, sizeof(token), 0, (struct sockaddr *)&from, &m.msg_namelen),
                     CLAIM_TOKEN_LEN);
    if (lie == NO_RING) {
        const int none[2] = {0, 1};
        m.msg_control = control.bytes;
        m.msg_controllen = sizeof(control.bytes);
        *CMSG_FIRSTHDR(&m) = (struct cmsghdr){
            .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS, .cmsg_len = CMSG_LEN(sizeof(none))};
        memcpy(CMSG_DATA(CMSG_FIRSTHDR(&m)), none, sizeof(none));
    }
    assert_int_equal(sendmsg(place, &m, 0), 1);
}

static void lie(struct fake_server *f)
{
    enum lie what = *(const enum lie *)f->arg;
    struct claim c = {.token = {1}};
    assert_true(roost__claim_ends(f->fd, false, c.ends));
    memcpy(c.place, &(pid_t){getpid()}, sizeof(pid_t));
    c.ends[what == OTHER_ENDS ? CLAIM_ENDS_LEN - 1 : 0] ^= what == OTHER_ENDS;
    int place = make_place(what, &c);
    assert_true(fake_read(f)); /* HELLO */
    send_promise(f, &c);
    if (what == NO_DESCRIPTORS || what == NO_RING)
        answer_claim(place, what);
    struct call_frame call = fake_expect_call(f, METHOD_server_ping);
    fake_reply(f, call.number, roost_nil());
    (void)!fake_read(f); /* END */
    close(place);
}

static void a_server_that_lies_about_its_claims_does_no_harm(void **state)
{
    (void)state;
    for (enum lie what = OTHER_ENDS; what <= NO_RING; what++) {
        struct fake_server f;
        roost_value v;
        fake_start_tcp(&f, lie, &what);
        roost_manager *m = connect_to(f.url, &(roost_options){.lease_ms = -1});
        assert_by_socket(m, what == OTHER_ENDS ? "something between client and server passes the bytes on"
                                               : "the server's shared memory could not be had");
        OK(roost_server_ping(m, roost_nil(), &v));
        roost_manager_close(m);
        fake_stop(&f);
    }
}

/* ---- the ends of connections ---- */

/* The only TCP connection of this process. */
static int find_socket(void)
{
    for (int fd = 3; fd < 256; fd++) {
        struct sockaddr_in a;
        socklen_t len = sizeof(a);
        if (getpeername(fd, (struct sockaddr *)&a, &len) == 0 && a.sin_family == AF_INET)
            return fd;
    }
    return -1;
}

static void count_resumes(roost_manager *m, roost_state state, void *arg)
{
    (void)m;
    if (state == ROOST_RESUMED)
        atomic_fetch_add((atomic_int *)arg, 1);
}

static void a_session_that_is_resumed_gets_a_new_ring(void **state)
{
    (void)state;
    enum { CUTS = 20 };
    roost_dict *d;
    roost_value v;
    atomic_int resumes = 0;
    int calls = 0;
    roost_manager *m = connect_to(url, &(roost_options){.grace_ms = 3600 * 1000,
                                                        .lease_ms = -1,
                                                        .on_state = count_resumes,
                                                        .on_state_arg = &resumes});
    int socket = find_socket(); /* its number stays */
    OK(roost_dict_new(m, &d));
    for (int i = 1; i <= CUTS; i++) {
        shutdown(socket, SHUT_RDWR);
        for (; atomic_load(&resumes) < i; calls++) /* until both have noticed */
            OK(roost_dict_incr(d, roost_str("n"), roost_int(1), NULL));
        assert_int_equal(roost_manager_transport(m, NULL), ROOST_BY_RING);
    }
    OK(roost_dict_get(d, roost_str("n"), &v));
    assert_int_equal(v.as.i, calls);
    await_info(m, "rings", 1);
    roost_dict_close(d);
    roost_manager_close(m);
}

static void a_forked_child_gets_a_ring_of_its_own(void **state)
{
    (void)state;
    int status;
    roost_dict *d;
    roost_manager *m = connect_to(url, &(roost_options){.lease_ms = -1}); /* which would want a thread */
    OK(roost_dict_new(m, &d));
    pid_t child = fork();
    if (child == 0)
        _exit(roost_dict_set(d, roost_int(1), roost_int(1)) != 0 ||
              roost_manager_transport(m, NULL) != ROOST_BY_RING || info(m, "rings") != 2);
    for (int i = 0; i < 500; i++)
        OK(roost_dict_set(d, roost_int(2), roost_int(i)));
    waitpid(child, &status, 0);
    assert_int_equal(status, 0);
    await_info(m, "rings", 1);
    roost_dict_close(d);
    roost_manager_close(m);
}

/* The child's part: writes more than the ring holds, again and again. */
static void write_for_ever(int ready)
{
    static char large[3 << 20];
    roost_dict *d;
    roost_manager *m = connect_to(url, &(roost_options){.grace_ms = -1, .lease_ms = -1});
    OK(roost_dict_open(m, "large", &d));
    for (;;) {
        OK(roost_dict_set(d, roost_int(1), roost_bytes(large, sizeof(large))));
        (void)!write(ready, "r", 1);
    }
}

static void a_client_killed_in_the_middle_of_a_write_harms_nobody(void **state)
{
    (void)state;
    roost_dict *d;
    roost_value v;
    roost_manager *m = connect_to(url, NULL);
    OK(roost_dict_open(m, "large", &d));
    for (int i = 0; i < 8; i++) {
        int ready[2];
        char byte;
        assert_int_equal(pipe(ready), 0);
        pid_t child = fork();
        if (child == 0)
            write_for_ever(ready[1]);
        assert_int_equal(read(ready[0], &byte, 1), 1);
        usleep((useconds_t)(i * 300)); /* anywhere in one of the next */
        kill(child, SIGKILL);
        waitpid(child, NULL, 0);
        close(ready[0]), close(ready[1]);
        await_info(m, "sessions", 1);
        await_info(m, "rings", 1);
        OK(roost_dict_get(d, roost_int(1), &v));
        assert_int_equal(v.len, 3 << 20);
        roost_value_free(&v);
    }
    OK(roost_server_delete(m, roost_str("large")));
    roost_dict_close(d);
    roost_manager_close(m);
}

struct getter {
    roost_queue *q;
    int rc;
};

static void *get(void *arg)
{
    struct getter *g = arg;
    g->rc = roost_queue_get(g->q, NULL, -1);
    return NULL;
}

static void who_waits_hears_that_the_server_was_killed(void **state)
{
    (void)state;
    struct getter g = {0};
    pthread_t thread;
    roost_manager *m = connect_to(url, &(roost_options){.grace_ms = -1, .lease_ms = -1});
    OK(roost_queue_new(m, 0, &g.q));
    assert_int_equal(pthread_create(&thread, NULL, get, &g), 0);
    await_info(m, "waiters", 1);
    kill(server, SIGKILL);
    pthread_join(thread, NULL);
    assert_int_equal(g.rc, ROOST_ECONN);
    roost_queue_close(g.q);
    roost_manager_close(m);
    waitpid(server, NULL, 0);
    start_server(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_client_on_the_loopback_talks_through_a_ring),
        cmocka_unit_test(who_wants_none_gets_none),
        cmocka_unit_test(what_is_in_between_stays_in_between),
        cmocka_unit_test(only_the_token_of_a_connection_opens_its_ring),
        cmocka_unit_test(a_token_is_good_once),
        cmocka_unit_test(a_token_ends_with_its_connection),
        cmocka_unit_test(a_late_token_gets_nothing_and_its_connection_goes_on),
        cmocka_unit_test(who_cannot_be_answered_harms_nobody),
        cmocka_unit_test(a_flood_of_datagrams_harms_nobody),
        cmocka_unit_test(a_server_that_lies_about_its_claims_does_no_harm),
        cmocka_unit_test(a_session_that_is_resumed_gets_a_new_ring),
        cmocka_unit_test(a_forked_child_gets_a_ring_of_its_own),
        cmocka_unit_test(a_client_killed_in_the_middle_of_a_write_harms_nobody),
        cmocka_unit_test(who_waits_hears_that_the_server_was_killed),
    };
    return cmocka_run_group_tests(tests, start_server, stop_server);
}
