/*
 * test_keys.c: getting in by all means but the right one: no key, another's, a stolen conversation, a
 * downgrade, tampered bytes, a wrong server; silent crowds; keys that are taken back.
 */
#include "tests/auth/daemon.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "client/clock.h"
#include "client/transport_tls.h"
#include "roost/roost.h"
#include "tests/client/fake_server.h"
#include "tools/roost/ca.h"
#include "wire/proof.h"

#define ALICE "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define BOB   "fedcba9876543210fedcba9876543210fedcba9876543210fedcba9876543210"

enum { HELLO_MAX = 512, SILENT = 2000, MAX_ANONYMOUS = 100, NOBODY = 65534 };

static const char both[] = "# who\nkey alice " ALICE "\nallow alice read,write,admin *\n"
                           "key bob " BOB "\nallow bob read,write *\nallow uid:65534 read *\n";

static roost_options alice, bob;
static char alice_key[128], bob_key[128], keys_path[128];

static int set_up(void **state)
{
    if (folder_make(state) != 0)
        return -1;
    snprintf(alice_key, sizeof(alice_key), "%s", write_file("alice.key", 0600, ALICE "\n"));
    snprintf(bob_key, sizeof(bob_key), "%s", write_file("bob.key", 0600, BOB "\n"));
    alice = (roost_options){.identity = "alice", .key_file = alice_key};
    bob = (roost_options){.identity = "bob", .key_file = bob_key};
    return 0;
}

static void start_keyed(const char *listen)
{
    snprintf(keys_path, sizeof(keys_path), "%s", write_file("keys", 0600, both));
    const char *const args[] = {"--listen", listen, "--keys", keys_path, "--max-anonymous", "100", NULL};
    daemon_start(args);
}

static void start(void)
{
    start_keyed("tcp://127.0.0.1:0");
}

static void refused(const roost_options *o, int code, const char *words)
{
    roost_manager *m;
    fails_with(roost_connect(daemon_.url, o, &m), code, words);
}

static void connects(const roost_options *o)
{
    roost_manager *m;
    OK(roost_connect(daemon_.url, o, &m));
    OK(roost_server_ping(m, roost_nil(), NULL));
    roost_manager_close(m);
}

/* ---- a client made of bytes ---- */

static int dial(void)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct timeval patience = {.tv_sec = 20};
    a.sin_port = htons((uint16_t)atoi(strrchr(daemon_.url, ':') + 1));
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
    assert_int_equal(connect(fd, (const struct sockaddr *)&a, sizeof(a)), 0);
    return fd;
}

/* HELLO of alice with a nonce of one byte's repetition; the payload begins behind FRAME_HEADER. */
static size_t make_hello(uint8_t fill, uint8_t ret[HELLO_MAX])
{
    uint8_t nonce[NONCE_LEN];
    memset(nonce, fill, sizeof(nonce));
    struct buf b = buf_make(HELLO_MAX);
    frame_begin(&b);
    roost__put_array(&b, 4);
    roost__put_int(&b, FRAME_HELLO);
    roost__put_cstr(&b, "roost");
    roost__put_int(&b, PROTOCOL_VERSION);
    roost__put_map(&b, 3);
    roost__put_cstr(&b, "identity");
    roost__put_cstr(&b, "alice");
    roost__put_cstr(&b, "nonce");
    roost__put_bytes(&b, slice_of(nonce, sizeof(nonce)));
    roost__put_cstr(&b, "label");
    roost__put_cstr(&b, "mine");
    assert_true(roost__frame_end(&b, 0));
    memcpy(ret, b.data, b.len);
    size_t len = b.len;
    roost__buf_free(&b);
    return len;
}

static bool receive_all(int fd, uint8_t *p, size_t n)
{
    for (size_t got = 0; got < n;) {
        ssize_t more = recv(fd, p + got, n - got, 0);
        if (more <= 0)
            return false;
        got += (size_t)more;
    }
    return true;
}

/* The next frame's payload. len 0: the server closed. */
static struct slice next_frame(int fd)
{
    static uint8_t bytes[8192];
    uint8_t header[FRAME_HEADER];
    if (!receive_all(fd, header, sizeof(header)))
        return slice_of(NULL, 0);
    size_t len = get_u32be(header);
    assert_true(len <= sizeof(bytes) && receive_all(fd, bytes, len));
    return slice_of(bytes, len);
}

static void send_all(int fd, const void *data, size_t len)
{
    assert_int_equal(send(fd, data, len, MSG_NOSIGNAL), len);
}

static int frame_kind(int fd)
{
    struct slice f = next_frame(fd);
    return f.len == 0 ? -1 : roost__frame_kind(f);
}

/* [7, nonce, proof] as the server writes it: 0x93 7 c4 20 … c4 20 … */
enum { CHALLENGE_LEN = 2 + 2 + NONCE_LEN + 2 + PROOF_LEN, PROOF_FRAME_LEN = FRAME_HEADER + 4 + PROOF_LEN };

static void take_challenge(int fd, uint8_t ret[CHALLENGE_LEN])
{
    struct slice f = next_frame(fd);
    assert_int_equal(f.len, CHALLENGE_LEN);
    assert_int_equal(roost__frame_kind(f), FRAME_CHALLENGE);
    memcpy(ret, f.data, CHALLENGE_LEN);
}

static void make_proof(const char *digits, struct slice hello, const uint8_t challenge[CHALLENGE_LEN],
                       struct slice binding, uint8_t ret[PROOF_FRAME_LEN])
{
    static const uint8_t head[] = {0, 0, 0, 4 + PROOF_LEN, 0x92, FRAME_PROOF, 0xc4, PROOF_LEN};
    uint8_t key[PROOF_KEY_LEN];
    const struct transcript t = {
        .hello = hello, .binding = binding, .nonce = slice_of(challenge + 4, NONCE_LEN)};
    assert_true(roost__key_parse(slice_str(digits), key));
    memcpy(ret, head, sizeof(head));
    roost__prove(PROVER_CLIENT, key, &t, ret + sizeof(head));
}

struct talk {
    int fd;
    uint8_t hello[HELLO_MAX];
    size_t hello_len;
    uint8_t challenge[CHALLENGE_LEN];
    uint8_t proof[PROOF_FRAME_LEN];
};

/* Up to the proof, which is ready and not yet sent. */
static void begin_talk(struct talk *t, const char *digits)
{
    t->fd = dial();
    t->hello_len = make_hello(7, t->hello);
    send_all(t->fd, t->hello, t->hello_len);
    take_challenge(t->fd, t->challenge);
    make_proof(digits, slice_of(t->hello + FRAME_HEADER, t->hello_len - FRAME_HEADER), t->challenge,
               slice_of(NULL, 0), t->proof);
}

static void end_talk(struct talk *t, int kind)
{
    send_all(t->fd, t->proof, sizeof(t->proof));
    assert_int_equal(frame_kind(t->fd), kind);
    close(t->fd);
}

/* ---- claims ---- */

static void right_key_gets_in(void **state)
{
    (void)state;
    struct talk t;
    start();
    connects(&alice);
    connects(&bob);
    roost_manager *m;
    OK(roost_connect(daemon_.url, &alice, &m));
    assert_int_equal(roost_manager_transport(m, NULL), ROOST_BY_RING); /* behind the proof */
    roost_manager_close(m);
    begin_talk(&t, ALICE);
    end_talk(&t, FRAME_WELCOME);
    daemon_stop();
}

static void nobody_gets_in_without_a_key(void **state)
{
    (void)state;
    const roost_options none = {0};
    start();
    refused(&none, ROOST_EAUTH, "only who has an identity and its key");
    assert_true(log_says("peer=\"tcp 127.0.0.1:"));
    daemon_stop();
}

static void nobody_gets_in_with_anothers_key(void **state)
{
    (void)state;
    roost_options wrong = {.identity = "alice", .key_file = bob_key};
    struct talk t;
    start();
    refused(&wrong, ROOST_EAUTH, "the server does not prove to know the key of identity \"alice\"");
    wrong.identity = "mallory"; /* nobody: the server does not let on */
    refused(&wrong, ROOST_EAUTH, "the server does not prove to know the key of identity \"mallory\"");
    begin_talk(&t, BOB);
    end_talk(&t, FRAME_GOODBYE);
    assert_true(log_says("refused what=\"no proof of the key of identity"));
    daemon_stop();
}

static void stolen_proof_opens_nothing(void **state)
{
    (void)state;
    struct talk first, again;
    start();
    begin_talk(&first, ALICE);
    begin_talk(&again, ALICE);
    assert_memory_equal(first.hello, again.hello, first.hello_len);
    assert_memory_not_equal(first.challenge + 4, again.challenge + 4, NONCE_LEN);
    end_talk(&first, FRAME_WELCOME);
    memcpy(again.proof, first.proof, sizeof(again.proof));
    end_talk(&again, FRAME_GOODBYE);
    daemon_stop();
}

static void server_proof_is_no_client_proof(void **state)
{
    (void)state;
    struct talk t;
    start();
    begin_talk(&t, ALICE);
    memcpy(t.proof + FRAME_HEADER + 4, t.challenge + CHALLENGE_LEN - PROOF_LEN, PROOF_LEN);
    end_talk(&t, FRAME_GOODBYE);
    daemon_stop();
}

static void tampered_bytes_open_nothing(void **state)
{
    (void)state;
    struct talk t;
    start();
    for (size_t i = FRAME_HEADER + 4; i < PROOF_FRAME_LEN; i += 7) { /* of the proof */
        begin_talk(&t, ALICE);
        t.proof[i] ^= 0x10;
        end_talk(&t, FRAME_GOODBYE);
    }
    t.fd = dial(); /* of HELLO, on its way: the label, which nothing else looks at */
    t.hello_len = make_hello(7, t.hello);
    t.hello[t.hello_len - 1] ^= 1;
    send_all(t.fd, t.hello, t.hello_len);
    t.hello[t.hello_len - 1] ^= 1;
    take_challenge(t.fd, t.challenge);
    make_proof(ALICE, slice_of(t.hello + FRAME_HEADER, t.hello_len - FRAME_HEADER), t.challenge,
               slice_of(NULL, 0), t.proof);
    end_talk(&t, FRAME_GOODBYE);
    begin_talk(&t, ALICE); /* and a tie to a TLS channel that is none */
    make_proof(ALICE, slice_of(t.hello + FRAME_HEADER, t.hello_len - FRAME_HEADER), t.challenge,
               slice_of(t.hello, 32), t.proof);
    end_talk(&t, FRAME_GOODBYE);
    daemon_stop();
}

static void only_the_handshake_is_heard_before_the_proof(void **state)
{
    (void)state;
    static const uint8_t call[] = {0, 0, 0, 7, 0x96, 1, 1, 0, 0, 2, 0x90};
    static const uint8_t large[] = {0, 0, 0x20, 0, 0x94};
    struct talk t;
    start();
    for (int proving = 0; proving < 2; proving++) {
        begin_talk(&t, ALICE);
        if (!proving) {
            close(t.fd);
            t.fd = dial();
        }
        send_all(t.fd, call, sizeof(call));
        assert_int_equal(frame_kind(t.fd), FRAME_GOODBYE);
        assert_int_equal(frame_kind(t.fd), -1);
        close(t.fd);
        begin_talk(&t, ALICE);
        send_all(t.fd, large, sizeof(large)); /* 8192 bytes are announced */
        assert_int_equal(frame_kind(t.fd), FRAME_GOODBYE);
        close(t.fd);
    }
    begin_talk(&t, ALICE); /* HELLO twice */
    send_all(t.fd, t.hello, t.hello_len);
    assert_int_equal(frame_kind(t.fd), FRAME_GOODBYE);
    close(t.fd);
    daemon_stop();
}

/* ---- the channel ---- */

static void start_secret(void)
{
    char address[] = "127.0.0.1";
    char *const hosts[] = {address};
    time_t now = time(NULL);
    struct cert_request r = {
        .name = "s", .hosts = hosts, .host_count = 1, .from = now - 3600, .until = now + 3600};
    OK(ca_create(in_folder("ca"), r.from, r.until));
    OK(ca_sign(in_folder("ca"), &r));
    const char *const args[] = {
        "--listen",   "tls+tcp://127.0.0.1:0", "--keys",    write_file("keys", 0600, both),
        "--tls-cert", in_folder("ca/s.pem"),   "--tls-key", in_folder("ca/s.key"),
        NULL};
    daemon_start(args);
}

static void receive_secret(struct tls *tls, uint8_t *p, size_t n)
{
    for (size_t got = 0; got < n;) {
        ssize_t more = roost__tls_recv(tls, p + got, n - got, 20000000000, false);
        assert_true(more > 0);
        got += (size_t)more;
    }
}

/* Over TLS, with a proof tied to that: the kind of the server's answer. */
static int answer_to(struct slice binding)
{
    const struct tls_wishes wishes = {.files = {.ca = in_folder("ca/ca.pem")}};
    struct talk t = {.fd = dial()};
    uint8_t frame[FRAME_HEADER + CHALLENGE_LEN], answer[FRAME_HEADER + 2];
    struct tls *tls;
    OK(roost__tls_open(t.fd, &wishes, "127.0.0.1", roost__clock_deadline(20000), &tls));
    t.hello_len = make_hello(7, t.hello);
    assert_int_equal(roost__tls_send(tls, t.hello, t.hello_len), 0);
    receive_secret(tls, frame, sizeof(frame));
    make_proof(ALICE, slice_of(t.hello + FRAME_HEADER, t.hello_len - FRAME_HEADER), frame + FRAME_HEADER,
               binding.len == 1 ? roost__tls_binding(tls) : binding, t.proof);
    assert_int_equal(roost__tls_send(tls, t.proof, sizeof(t.proof)), 0);
    receive_secret(tls, answer, sizeof(answer));
    roost__tls_free(tls);
    close(t.fd);
    return answer[FRAME_HEADER + 1];
}

static void proof_is_tied_to_the_servers_certificate(void **state)
{
    (void)state;
    static const uint8_t other[CERTIFICATE_HASH_LEN] = "somebody else's";
    start_secret();
    assert_int_equal(answer_to(slice_of(other, 1)), FRAME_WELCOME); /* 1: the right one */
    assert_int_equal(answer_to(slice_of(other, sizeof(other))), FRAME_GOODBYE);
    assert_int_equal(answer_to(slice_of(NULL, 0)), FRAME_GOODBYE);
    roost_options o = alice;
    o.tls_ca = in_folder("ca/ca.pem");
    connects(&o);
    daemon_stop();
}

/* ---- servers that are not the right one ---- */

static void say_welcome(struct fake_server *f)
{
    static const uint8_t frame[] = {0,   0,   0, 13, 0x97, FRAME_WELCOME, 0xa5, 'r', 'o', 'o',
                                    's', 't', 2, 7,  9,    0x80,          0x80};
    assert_true(fake_read(f));
    (void)fake_send(f, frame, sizeof(frame));
}

/* What a server once said to somebody. */
static void replay_challenge(struct fake_server *f)
{
    const struct talk *stolen = f->arg;
    uint8_t frame[FRAME_HEADER + CHALLENGE_LEN];
    put_u32be(frame, CHALLENGE_LEN);
    memcpy(frame + FRAME_HEADER, stolen->challenge, CHALLENGE_LEN);
    assert_true(fake_read(f));
    (void)fake_send(f, frame, sizeof(frame));
    assert_false(fake_read(f)); /* not a word comes back */
}

static void client_with_a_key_accepts_no_downgrade(void **state)
{
    (void)state;
    const char *const bare[] = {"--listen", "tcp://127.0.0.1:0", NULL};
    struct fake_server *f = malloc(sizeof(*f));
    roost_manager *m;
    fake_start_raw(f, say_welcome, NULL);
    fails_with(roost_connect(f->url, &alice, &m), ROOST_EAUTH, "asks for no proof");
    fake_stop(f);
    free(f);
    daemon_start(bare);
    refused(&alice, ROOST_EAUTH, "asks for no proof");
    daemon_stop();
}

static void replayed_server_is_found_out(void **state)
{
    (void)state;
    struct talk stolen;
    struct fake_server *f = malloc(sizeof(*f));
    roost_manager *m;
    start();
    begin_talk(&stolen, ALICE);
    close(stolen.fd);
    fake_start_raw(f, replay_challenge, &stolen);
    fails_with(roost_connect(f->url, &alice, &m), ROOST_EAUTH, "does not prove");
    fake_stop(f);
    free(f);
    assert_true(log_says("went without a proof of its identity"));
    daemon_stop();
}

/* ---- files ---- */

static void keys_refused(unsigned mode, const char *text, const char *words)
{
    const char *const args[] = {"--listen", "tcp://127.0.0.1:0", "--keys", write_file("wrong", mode, text),
                                NULL};
    daemon_refuses(args, words);
}

static void files_that_are_wrong_are_named(void **state)
{
    (void)state;
    roost_options o = {.identity = "alice"};
    keys_refused(0640, both, "has mode 0640: others than its owner may use it");
    keys_refused(0604, both, "has mode 0604");
    keys_refused(0600, "\nkey alice 12\n", "line 2: the key of alice is not 64 hexadecimal digits");
    keys_refused(0600, "key alice " ALICE "\nkey alice " BOB "\n",
                 "line 2: identity alice has a key already");
    keys_refused(0600, "allow alice read,fly *\n", "line 1: a rule is");
    keys_refused(0600, "let alice in\n", "line 1: expected");
    start();
    refused(&o, ROOST_EINVAL, "the key file is missing");
    o.key_file = write_file("open.key", 0644, ALICE);
    refused(&o, ROOST_EINVAL, "has mode 0644");
    o.key_file = write_file("short.key", 0600, "12");
    refused(&o, ROOST_EINVAL, "does not begin with 64 hexadecimal digits");
    o.key_file = in_folder("nowhere.key");
    refused(&o, ROOST_ESYS, "No such file");
    daemon_stop();
}

static void open_network_is_refused_unless_told(void **state)
{
    (void)state;
    const char *const open[] = {"--listen", "tcp://0.0.0.0:0", NULL};
    const char *const all[] = {"--listen", "tcp://*:0", NULL};
    const char *const told[] = {"--listen", "tcp://0.0.0.0:0", "--insecure", NULL};
    daemon_refuses(open, "would let in everybody on the network");
    daemon_refuses(all, "would let in everybody on the network");
    daemon_start(told);
    daemon_stop();
    start_keyed("tcp://0.0.0.0:0");
    daemon_stop();
}

static void environment_names_identity_and_key(void **state)
{
    (void)state;
    const roost_options none = {0};
    start();
    setenv("ROOST_IDENTITY", "alice", 1);
    setenv("ROOST_KEY_FILE", alice_key, 1);
    connects(&none);
    unsetenv("ROOST_IDENTITY");
    unsetenv("ROOST_KEY_FILE");
    daemon_stop();
}

/* ---- keys that are taken back ---- */

static void reload_ends_who_is_gone_and_nobody_else(void **state)
{
    (void)state;
    roost_manager *a, *b;
    start();
    OK(roost_connect(daemon_.url, &alice, &a));
    OK(roost_connect(daemon_.url, &bob, &b));
    OK(roost_server_ping(b, roost_nil(), NULL));
    write_file("keys", 0600, "nonsense\n");
    kill(daemon_.pid, SIGHUP);
    assert_true(log_says("the keys stay as they were"));
    OK(roost_server_ping(b, roost_nil(), NULL));
    write_file("keys", 0600, "key alice " ALICE "\nallow alice read *\nkey carol " BOB "\n");
    kill(daemon_.pid, SIGHUP);
    assert_true(log_says("audit what=\"the identity's key was taken back\"") && log_says(" identity=bob "));
    assert_int_not_equal(roost_server_ping(b, roost_nil(), NULL), 0);
    OK(roost_server_ping(a, roost_nil(), NULL)); /* the same session, with less rights */
    assert_int_equal(roost_manager_state(a), ROOST_CONNECTED);
    roost_dict *d;
    fails_with(roost_dict_open(a, "d", &d), ROOST_EPERM, "lacks the right to write");
    refused(&bob, ROOST_EAUTH, "does not prove");
    roost_options carol = {.identity = "carol", .key_file = bob_key};
    connects(&carol);
    roost_manager_close(b);
    roost_manager_close(a);
    daemon_stop();
}

/* ---- users of this host ---- */

/* The code with which another user's roost_connect() ends: in a process that becomes him. */
static int code_of_stranger(void)
{
    int status;
    pid_t child = fork();
    if (child == 0) {
        roost_manager *m;
        int rc = setgid(NOBODY) == 0 && setuid(NOBODY) == 0 ? roost_connect(daemon_.url, NULL, &m) : -127;
        _exit(rc == 0 ? 0 : -rc);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    return -WEXITSTATUS(status);
}

static void other_users_come_in_only_when_told(void **state)
{
    (void)state;
    if (geteuid() != 0)
        skip();
    const char *const schemes[] = {"ipc", "nng+ipc"};
    assert_int_equal(chmod(in_folder("."), 0711), 0);
    for (int i = 0; i < 2; i++) {
        char listen[200];
        snprintf(listen, sizeof(listen), "%s://%s", schemes[i], in_folder("sock"));
        const char *const args[] = {"--listen", listen, "--socket-mode", "0666", NULL};
        const char *const told[] = {"--listen", listen, "--socket-mode", "0666", "--allow-uid",
                                    "65534",    NULL};
        const char *const group[] = {"--listen", listen, "--socket-mode", "0666", "--allow-gid",
                                     "65534",    NULL};
        daemon_start(args);
        snprintf(daemon_.url, sizeof(daemon_.url), "ipc://%s", in_folder("sock"));
        connects(NULL);
        assert_int_equal(code_of_stranger(), ROOST_EAUTH);
        assert_true(log_says("this user may not use this server"));
        daemon_stop();
        daemon_start(told);
        snprintf(daemon_.url, sizeof(daemon_.url), "ipc://%s", in_folder("sock"));
        assert_int_equal(code_of_stranger(), 0);
        daemon_stop();
        daemon_start(group);
        snprintf(daemon_.url, sizeof(daemon_.url), "ipc://%s", in_folder("sock"));
        assert_int_equal(code_of_stranger(), 0);
        daemon_stop();
    }
}

static void own_user_needs_no_key_on_ipc(void **state)
{
    (void)state;
    char listen[200];
    roost_manager *m;
    roost_dict *d;
    snprintf(listen, sizeof(listen), "ipc://%s", in_folder("sock"));
    start_keyed(listen);
    OK(roost_connect(daemon_.url, NULL, &m));
    OK(roost_dict_open(m, "d", &d));
    roost_dict_close(d);
    roost_manager_close(m);
    connects(&alice); /* who says who he is proves it here too */
    daemon_stop();
}

/* ---- crowds ---- */

static void silent_crowd_keeps_nobody_out(void **state)
{
    (void)state;
    static int crowd[SILENT];
    struct rlimit limit = {.rlim_cur = SILENT + 100, .rlim_max = SILENT + 100};
    roost_manager *m;
    getrlimit(RLIMIT_NOFILE, &limit);
    if (limit.rlim_max < SILENT + 100)
        skip();
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
    start();
    OK(roost_connect(daemon_.url, &alice, &m));
    for (int i = 0; i < SILENT; i++) {
        crowd[i] = dial();
        if (i % 100 == 0)
            OK(roost_server_ping(m, roost_int(i), NULL));
    }
    OK(roost_server_ping(m, roost_nil(), NULL));
    connects(&bob);
    assert_int_equal(recv(crowd[0], &(char){0}, 1, 0), 0); /* the first made room */
    int open = 0;
    for (int i = 0; i < SILENT; i++) {
        open += recv(crowd[i], &(char){0}, 1, MSG_DONTWAIT) != 0;
        close(crowd[i]);
    }
    assert_true(open <= MAX_ANONYMOUS);
    roost_manager_close(m);
    daemon_stop();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(right_key_gets_in),
        cmocka_unit_test(nobody_gets_in_without_a_key),
        cmocka_unit_test(nobody_gets_in_with_anothers_key),
        cmocka_unit_test(stolen_proof_opens_nothing),
        cmocka_unit_test(server_proof_is_no_client_proof),
        cmocka_unit_test(tampered_bytes_open_nothing),
        cmocka_unit_test(only_the_handshake_is_heard_before_the_proof),
        cmocka_unit_test(proof_is_tied_to_the_servers_certificate),
        cmocka_unit_test(client_with_a_key_accepts_no_downgrade),
        cmocka_unit_test(replayed_server_is_found_out),
        cmocka_unit_test(files_that_are_wrong_are_named),
        cmocka_unit_test(open_network_is_refused_unless_told),
        cmocka_unit_test(environment_names_identity_and_key),
        cmocka_unit_test(reload_ends_who_is_gone_and_nobody_else),
        cmocka_unit_test(other_users_come_in_only_when_told),
        cmocka_unit_test(own_user_needs_no_key_on_ipc),
        cmocka_unit_test(silent_crowd_keeps_nobody_out),
    };
    return cmocka_run_group_tests(tests, set_up, folder_remove);
}
