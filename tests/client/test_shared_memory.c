/* test_shared_memory.c: clients that talk through shared memory: when they do, when not, and that nothing
 * else differs. */
#include "tests/support/test.h"

#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <roost/roost.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/ring.h"
#include "tests/client/fake_server.h"
#include "wire/methods.h"

enum { THREADS = 8, CALLS = 400, LARGE = 3 << 20 };

/* ---- a server of the test's own ---- */

struct server {
    pid_t pid;
    char folder[40];
    char url[64];
};

static void start(struct server *s, const char *option)
{
    int ready[2];
    char fd[16], owner[16], line[128];
    strcpy(s->folder, "/tmp/roost-ring-XXXXXX");
    assert_non_null(mkdtemp(s->folder));
    snprintf(s->url, sizeof(s->url), "ipc://%s/s", s->folder);
    assert_int_equal(pipe(ready), 0);
    snprintf(fd, sizeof(fd), "%d", ready[1]);
    snprintf(owner, sizeof(owner), "%d", getpid());
    s->pid = fork();
    if (s->pid == 0) {
        close(ready[0]);
        execl(getenv("ROOSTD"), "roostd", "--listen", s->url, "--ready-fd", fd, "--owner", owner,
              "--log-level", "error", option, (char *)NULL);
        _exit(127);
    }
    close(ready[1]);
    FILE *from = fdopen(ready[0], "r");
    assert_non_null(fgets(line, sizeof(line), from));
    fclose(from);
}

static void stop(struct server *s, int signal)
{
    int status;
    kill(s->pid, signal);
    waitpid(s->pid, &status, 0);
    if (signal == SIGTERM)
        assert_int_equal(status, 0);
    unlink(s->url + 6);
    char lock[80];
    snprintf(lock, sizeof(lock), "%s.lock", s->url + 6);
    unlink(lock);
    rmdir(s->folder);
}

static roost_manager *connect_to(const char *url, const roost_options *options)
{
    roost_manager *m;
    assert_int_equal(roost_connect(url, options, &m), 0);
    return m;
}

static int64_t rings(roost_manager *m)
{
    roost_value info;
    int64_t n = -1;
    assert_int_equal(roost_server_info(m, &info), 0);
    for (uint32_t i = 0; i < info.len; i++)
        if (strcmp(info.as.pairs[i].key.as.s, "rings") == 0)
            n = info.as.pairs[i].value.as.i;
    roost_value_free(&info);
    return n;
}

static roost_dict *new_dict(roost_manager *m)
{
    roost_dict *d;
    assert_int_equal(roost_dict_new(m, &d), 0);
    return d;
}

static void set_and_get(roost_dict *d, int n)
{
    roost_value v;
    assert_int_equal(roost_dict_set(d, roost_int(n), roost_int(n + 1)), 0);
    assert_int_equal(roost_dict_get(d, roost_int(n), &v), 0);
    assert_int_equal(v.as.i, n + 1);
}

/* The socket of the only connection of this process. */
static int find_socket(void)
{
    for (int fd = 3; fd < 256; fd++) {
        struct sockaddr_un a;
        socklen_t len = sizeof(a);
        if (getpeername(fd, (struct sockaddr *)&a, &len) == 0 && a.sun_family == AF_UNIX &&
            strncmp(a.sun_path, "/tmp/roost-ring-", 16) == 0)
            return fd;
    }
    return -1;
}

/* ---- who has a ring ---- */

static void assert_by_socket(const roost_manager *m, const char *why)
{
    const char *said = NULL;
    assert_int_equal(roost_manager_transport(m, &said), ROOST_BY_SOCKET);
    assert_string_equal(said, why);
}

static void a_client_on_ipc_talks_through_a_ring(void **state)
{
    (void)state;
    struct server s;
    roost_options no_ring = {.no_ring = true};
    start(&s, NULL);
    roost_manager *a = connect_to(s.url, NULL), *b = connect_to(s.url, &no_ring);
    assert_int_equal(roost_manager_transport(a, NULL), ROOST_BY_RING);
    assert_by_socket(b, "no_ring was asked for");
    assert_int_equal(roost_manager_transport(NULL, NULL), ROOST_BY_NOTHING);
    assert_int_equal(rings(a), 1);
    assert_int_equal(rings(b), 1);
    char byte;
    int socket = find_socket(); /* a's: it carries nothing more */
    assert_int_equal(recv(socket, &byte, 1, MSG_DONTWAIT | MSG_PEEK), -1);
    roost_manager_close(a);
    while (rings(b) != 0)
        ;
    roost_manager_close(b);
    stop(&s, SIGTERM);
}

static void a_server_may_be_told_to_offer_none(void **state)
{
    (void)state;
    struct server s;
    start(&s, "--no-ring");
    roost_manager *m = connect_to(s.url, NULL);
    assert_int_equal(rings(m), 0);
    assert_by_socket(m, "the server offered no shared memory");
    roost_dict *d = new_dict(m);
    set_and_get(d, 1);
    roost_dict_close(d);
    roost_manager_close(m);
    stop(&s, SIGTERM);
}

/* So few descriptors that none, or one, or both of those that come along fit. */
static void without_descriptors_to_spare_the_socket_goes_on(void **state)
{
    (void)state;
    struct server s;
    struct rlimit before, few;
    start(&s, NULL);
    int lowest = dup(0);
    close(lowest);
    getrlimit(RLIMIT_NOFILE, &before);
    for (unsigned spare = 0; spare <= 2; spare++) {
        few = (struct rlimit){.rlim_cur = (rlim_t)lowest + 1 + spare, .rlim_max = before.rlim_max};
        setrlimit(RLIMIT_NOFILE, &few);
        roost_manager *m = connect_to(s.url, NULL);
        assert_int_equal(rings(m), spare == 2);
        if (spare < 2)
            assert_by_socket(m, "the server's shared memory could not be had");
        roost_manager_close(m);
        setrlimit(RLIMIT_NOFILE, &before);
        assert_int_equal(dup(0), lowest); /* nothing was left open */
        close(lowest);
    }
    stop(&s, SIGTERM);
}

/* ---- nothing else differs ---- */

static void what_is_larger_than_the_ring_goes_through_in_pieces(void **state)
{
    (void)state;
    struct server s;
    roost_value v;
    char *large = malloc(LARGE);
    assert_non_null(large);
    for (int i = 0; i < LARGE; i++)
        large[i] = (char)(i * 7 + i / 251);
    start(&s, NULL);
    roost_manager *m = connect_to(s.url, NULL);
    roost_dict *d = new_dict(m);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(roost_dict_set(d, roost_int(i), roost_bytes(large, LARGE)), 0);
        assert_int_equal(roost_dict_get(d, roost_int(i), &v), 0);
        assert_int_equal(v.len, LARGE);
        assert_memory_equal(v.as.s, large, LARGE);
        roost_value_free(&v);
    }
    assert_int_equal(rings(m), 1);
    roost_dict_close(d);
    roost_manager_close(m);
    free(large);
    stop(&s, SIGTERM);
}

struct worker {
    roost_dict *d;
    int from;
    pthread_t thread;
};

static void *work(void *arg)
{
    struct worker *w = arg;
    char text[3000];
    roost_value v;
    memset(text, 'a' + w->from, sizeof(text));
    for (int i = 0; i < CALLS; i++) {
        roost_value key = roost_int(w->from * CALLS + i);
        assert_int_equal(roost_dict_set(w->d, key, roost_strn(text, (uint32_t)(i * 7))), 0);
        assert_int_equal(roost_dict_get(w->d, key, &v), 0);
        assert_int_equal(v.len, i * 7);
        assert_memory_equal(v.as.s, text, v.len);
        roost_value_free(&v);
    }
    return NULL;
}

static void threads_share_one_ring(void **state)
{
    (void)state;
    struct server s;
    struct worker w[THREADS];
    start(&s, NULL);
    roost_manager *m = connect_to(s.url, NULL);
    roost_dict *d = new_dict(m);
    for (int i = 0; i < THREADS; i++) {
        w[i] = (struct worker){.d = d, .from = i};
        assert_int_equal(pthread_create(&w[i].thread, NULL, work, &w[i]), 0);
    }
    for (int i = 0; i < THREADS; i++)
        pthread_join(w[i].thread, NULL);
    assert_int_equal(rings(m), 1);
    roost_dict_close(d);
    roost_manager_close(m);
    stop(&s, SIGTERM);
}

static void a_forked_child_gets_a_ring_of_its_own(void **state)
{
    (void)state;
    struct server s;
    int status;
    start(&s, NULL);
    roost_manager *m = connect_to(s.url, NULL);
    roost_dict *d = new_dict(m);
    set_and_get(d, 1);
    pid_t child = fork();
    if (child == 0) {
        set_and_get(d, 2);
        _exit(rings(m) == 2 ? 0 : 1);
    }
    for (int i = 0; i < CALLS; i++)
        set_and_get(d, 3 + i);
    waitpid(child, &status, 0);
    assert_int_equal(status, 0);
    while (rings(m) != 1)
        ;
    set_and_get(d, 1);
    roost_dict_close(d);
    roost_manager_close(m);
    stop(&s, SIGTERM);
}

struct getter {
    roost_queue *q;
    int rc;
    roost_value v;
    pthread_t thread;
};

static void *get(void *arg)
{
    struct getter *g = arg;
    g->rc = roost_queue_get(g->q, &g->v, -1);
    return NULL;
}

static void await_waiter(roost_manager *m)
{
    for (int64_t waiters = 0; waiters == 0;) {
        roost_value info;
        assert_int_equal(roost_server_info(m, &info), 0);
        for (uint32_t i = 0; i < info.len; i++)
            if (strcmp(info.as.pairs[i].key.as.s, "waiters") == 0)
                waiters = info.as.pairs[i].value.as.i;
        roost_value_free(&info);
    }
}

static void a_session_that_is_resumed_gets_a_new_ring(void **state)
{
    (void)state;
    struct server s;
    struct getter g = {0};
    roost_options grace = {.grace_ms = 10000, .lease_ms = 2000}, no_ring = {.no_ring = true};
    start(&s, NULL);
    roost_manager *m = connect_to(s.url, &grace);
    int socket = find_socket();
    roost_manager *other = connect_to(s.url, &no_ring);
    assert_int_equal(roost_queue_open(m, "q", NULL, &g.q), 0);
    for (int i = 0; i < 20; i++) {
        roost_queue *q;
        assert_int_equal(pthread_create(&g.thread, NULL, get, &g), 0);
        await_waiter(other);
        shutdown(socket, SHUT_RDWR); /* its number stays */
        assert_int_equal(roost_queue_open(other, "q", NULL, &q), 0);
        assert_int_equal(roost_queue_put(q, roost_int(i), -1), 0);
        pthread_join(g.thread, NULL);
        assert_int_equal(g.rc, 0);
        assert_int_equal(g.v.as.i, i);
        roost_queue_close(q);
        assert_int_equal(roost_manager_state(m), ROOST_RESUMED);
    }
    while (rings(m) != 1)
        ;
    roost_queue_close(g.q);
    roost_manager_close(m);
    roost_manager_close(other);
    stop(&s, SIGTERM);
}

/* ---- sleeping and dying ---- */

/* Voluntary switches of a process: all its threads'. */
static long switches(pid_t pid)
{
    char path[300], line[128];
    long sum = 0;
    snprintf(path, sizeof(path), "/proc/%d/task", pid);
    DIR *tasks = opendir(path);
    assert_non_null(tasks);
    for (struct dirent *d; (d = readdir(tasks)) != NULL;) {
        snprintf(path, sizeof(path), "/proc/%d/task/%s/status", pid, d->d_name);
        FILE *f = d->d_name[0] != '.' ? fopen(path, "r") : NULL;
        for (long n; f != NULL && fgets(line, sizeof(line), f) != NULL;)
            if (sscanf(line, "voluntary_ctxt_switches: %ld", &n) == 1)
                sum += n;
        if (f != NULL)
            fclose(f);
    }
    closedir(tasks);
    return sum;
}

/* Time has to pass here: that nothing happens in it is the claim. */
static void who_waits_costs_nothing(void **state)
{
    (void)state;
#ifdef __SANITIZE_THREAD__
    skip(); /* its own thread wakes all the time */
#endif
    struct server s;
    struct getter g = {0};
    start(&s, NULL);
    roost_manager *m = connect_to(s.url, NULL);
    assert_int_equal(roost_queue_new(m, 0, &g.q), 0);
    assert_int_equal(pthread_create(&g.thread, NULL, get, &g), 0);
    await_waiter(m);
    usleep(50000); /* longer than a sleep on the word */
    long server = switches(s.pid), client = switches(getpid());
    usleep(300000);
    assert_true(switches(s.pid) - server <= 2);
    assert_true(switches(getpid()) - client <= 2); /* one is our own usleep() */
    assert_int_equal(roost_queue_put(g.q, roost_int(1), -1), 0);
    pthread_join(g.thread, NULL);
    assert_int_equal(g.v.as.i, 1);
    roost_queue_close(g.q);
    roost_manager_close(m);
    stop(&s, SIGTERM);
}

static void who_waits_hears_that_the_server_was_killed(void **state)
{
    (void)state;
    for (int ms = 0; ms <= 40; ms += 20) { /* asleep on the word, and on the socket */
        struct server s;
        struct getter g = {0};
        start(&s, NULL);
        roost_manager *m = connect_to(s.url, NULL);
        assert_int_equal(roost_queue_new(m, 0, &g.q), 0);
        assert_int_equal(pthread_create(&g.thread, NULL, get, &g), 0);
        await_waiter(m);
        usleep((useconds_t)ms * 1000);
        stop(&s, SIGKILL);
        pthread_join(g.thread, NULL);
        assert_int_equal(g.rc, ROOST_ECONN);
        roost_queue_close(g.q);
        roost_manager_close(m);
    }
}

static void closing_wakes_who_waits(void **state)
{
    (void)state;
    struct server s;
    struct getter g = {0};
    start(&s, NULL);
    roost_manager *m = connect_to(s.url, NULL);
    assert_int_equal(roost_queue_new(m, 0, &g.q), 0);
    assert_int_equal(pthread_create(&g.thread, NULL, get, &g), 0);
    await_waiter(m);
    roost_manager_close(m);
    pthread_join(g.thread, NULL);
    assert_int_equal(g.rc, ROOST_ECLOSED);
    roost_queue_close(g.q);
    stop(&s, SIGTERM);
}

/* ---- a server that lies ---- */

enum lie { NO_SEAL, TOO_SMALL, NO_MEMFD, A_PIPE, ONE_ONLY, FALSE_COUNT, GONE };

static void make_descriptors(enum lie lie, struct ring *ring, int fds[2])
{
    static const unsigned size = RING_SIZE_MIN;
    fds[1] = eventfd(0, 0);
    if (lie == FALSE_COUNT || lie == GONE || lie == A_PIPE || lie == ONE_ONLY) {
        assert_true(roost__ring_create(size, ring, &fds[0]));
    } else if (lie == NO_MEMFD) {
        fds[0] = open("/dev/null", O_RDWR);
    } else {
        fds[0] = memfd_create("test", MFD_ALLOW_SEALING);
        assert_int_equal(ftruncate(fds[0], lie == TOO_SMALL ? 4096 : RING_DATA + 2 * (off_t)size), 0);
        if (lie == TOO_SMALL)
            assert_int_equal(fcntl(fds[0], F_ADD_SEALS, F_SEAL_SHRINK), 0);
    }
    if (lie == A_PIPE) {
        int ends[2];
        assert_int_equal(pipe(ends), 0);
        close(ends[0]);
        close(fds[1]);
        fds[1] = ends[1];
    }
}

static void send_welcome(struct fake_server *f, const int *fds, unsigned n)
{
    static const uint8_t frame[] = {0, 0, 0,    21,   0x97, 0,   0xa5, 'r', 'o', 'o',  's',  't', 2,
                                    7, 9, 0x80, 0x81, 0xa4, 'r', 'i',  'n', 'g', 0xcd, 0x10, 0};
    union {
        char bytes[CMSG_SPACE(2 * sizeof(int))];
        struct cmsghdr align;
    } control = {{0}};
    struct iovec bytes = {.iov_base = (void *)(uintptr_t)frame, .iov_len = sizeof(frame)};
    struct msghdr m = {.msg_iov = &bytes,
                       .msg_iovlen = 1,
                       .msg_control = control.bytes,
                       .msg_controllen = CMSG_SPACE(n * sizeof(int))};
    struct cmsghdr *c = CMSG_FIRSTHDR(&m);
    *c = (struct cmsghdr){
        .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS, .cmsg_len = CMSG_LEN(n * sizeof(int))};
    memcpy(CMSG_DATA(c), fds, n * sizeof(int));
    assert_int_equal(sendmsg(f->fd, &m, MSG_NOSIGNAL), sizeof(frame));
}

static void lie(struct fake_server *f)
{
    static const uint8_t move[] = {0, 0, 0, 2, 0x91, FRAME_RING};
    enum lie what = *(const enum lie *)f->arg;
    struct ring ring = {0};
    int fds[2];
    make_descriptors(what, &ring, fds);
    assert_true(fake_read(f)); /* HELLO */
    send_welcome(f, fds, what == ONE_ONLY ? 1 : 2);
    if (what >= FALSE_COUNT) {
        assert_true(fake_read(f));
        assert_int_equal(roost__frame_kind(f->frame), FRAME_RING);
        if (what == GONE) /* before the client looks there, which it does once it has moved */
            atomic_store(&ring.in.way->reader, RING_GONE);
        else
            atomic_store(&ring.out.way->written, RING_SIZE_MIN + 1);
        assert_true(fake_send(f, move, sizeof(move)));
        (void)!fake_read(f); /* until it hangs up */
    } else {
        struct call_frame call = fake_expect_call(f, METHOD_server_ping);
        fake_reply(f, call.number, roost_nil());
    }
    roost__ring_detach(&ring);
    close(fds[0]);
    close(fds[1]);
}

static void a_server_that_lies_about_its_ring_does_no_harm(void **state)
{
    (void)state;
    for (enum lie what = NO_SEAL; what <= GONE; what++) {
        struct fake_server f;
        roost_value v;
        fake_start_raw(&f, lie, &what);
        roost_manager *m = connect_to(f.url, NULL);
        assert_int_equal(roost_server_ping(m, roost_nil(), &v), what == FALSE_COUNT ? ROOST_EPROTO
                                                                : what == GONE      ? ROOST_ECONN
                                                                                    : 0);
        roost_manager_close(m);
        fake_stop(&f);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_client_on_ipc_talks_through_a_ring),
        cmocka_unit_test(a_server_may_be_told_to_offer_none),
        cmocka_unit_test(without_descriptors_to_spare_the_socket_goes_on),
        cmocka_unit_test(what_is_larger_than_the_ring_goes_through_in_pieces),
        cmocka_unit_test(threads_share_one_ring),
        cmocka_unit_test(a_forked_child_gets_a_ring_of_its_own),
        cmocka_unit_test(a_session_that_is_resumed_gets_a_new_ring),
        cmocka_unit_test(who_waits_costs_nothing),
        cmocka_unit_test(who_waits_hears_that_the_server_was_killed),
        cmocka_unit_test(closing_wakes_who_waits),
        cmocka_unit_test(a_server_that_lies_about_its_ring_does_no_harm),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
