/*
 * test_tls.c: tls+tcp:// between the library and a real roostd: each way in which a certificate can be wrong,
 * and that the stream carries all that a socket does.
 */
#include "tests/auth/daemon.h"

#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "roost/roost.h"
#include "tests/client/proxy.h"
#include "tools/roost/ca.h"

enum { DAY = 24 * 3600 };

static char ca_file[128];
static roost_options trusting; /* and nothing more */

/* ---- certificates ---- */

static void make_cert(const char *authority, const char *name, bool client, int from_days, int until_days)
{
    char localhost[] = "localhost", address[] = "127.0.0.1";
    char *const hosts[] = {localhost, address};
    time_t now = time(NULL);
    const struct cert_request r = {.name = name,
                                   .client = client,
                                   .hosts = hosts,
                                   .host_count = client ? 0 : 2,
                                   .from = now + from_days * (time_t)DAY,
                                   .until = now + until_days * (time_t)DAY};
    OK(ca_sign(in_folder(authority), &r));
}

static void make_ca(const char *name)
{
    time_t now = time(NULL);
    OK(ca_create(in_folder(name), now - DAY, now + DAY));
}

/* ours: an authority with all kinds of certificates; theirs: another. */
static int set_up(void **state)
{
    if (folder_make(state) != 0)
        return -1;
    make_ca("ours");
    make_ca("theirs");
    make_cert("ours", "server", false, -1, 1);
    make_cert("ours", "old", false, -2, -1);
    make_cert("ours", "new", false, 1, 2);
    make_cert("theirs", "server", false, -1, 1);
    make_cert("ours", "client", true, -1, 1);
    make_cert("ours", "oldclient", true, -2, -1);
    make_cert("theirs", "client", true, -1, 1);
    snprintf(ca_file, sizeof(ca_file), "%s", in_folder("ours/ca.pem"));
    trusting = (roost_options){.tls_ca = ca_file, .timeout_ms = 20000};
    return 0;
}

static void start_with(const char *cert, const char *key)
{
    const char *const args[] = {"--listen", "tls+tcp://127.0.0.1:0", "--tls-cert", cert, "--tls-key", key,
                                NULL};
    daemon_start(args);
}

static void start(void)
{
    start_with(in_folder("ours/server.pem"), in_folder("ours/server.key"));
}

static void start_mutual(void)
{
    const char *const args[] = {"--listen",
                                "tls+tcp://127.0.0.1:0",
                                "--tls-cert",
                                in_folder("ours/server.pem"),
                                "--tls-key",
                                in_folder("ours/server.key"),
                                "--tls-ca",
                                in_folder("ours/ca.pem"),
                                "--tls-require-client-cert",
                                NULL};
    daemon_start(args);
}

static roost_options with_cert(const char *cert, const char *key)
{
    roost_options o = trusting;
    o.tls_cert = cert;
    o.tls_key = key;
    return o;
}

static void connects(const roost_options *o)
{
    roost_manager *m;
    OK(roost_connect(daemon_.url, o, &m));
    assert_int_equal(roost_manager_transport(m, NULL), ROOST_BY_SOCKET); /* what is to be encrypted is */
    OK(roost_server_ping(m, roost_int(1), NULL));
    roost_manager_close(m);
}

static void refused(const roost_options *o, int code, const char *words)
{
    roost_manager *m;
    fails_with(roost_connect(daemon_.url, o, &m), code, words);
}

/* ---- the server's certificate ---- */

static void server_is_known_by_address_and_by_name(void **state)
{
    (void)state;
    roost_options named = trusting;
    named.tls_name = "localhost";
    start();
    connects(&trusting);
    connects(&named);
    daemon_stop();
}

static void wrong_name_or_address_is_refused(void **state)
{
    (void)state;
    roost_options named = trusting;
    start();
    named.tls_name = "elsewhere.example";
    refused(&named, ROOST_EAUTH, "is not for the name elsewhere.example");
    named.tls_name = "127.0.0.2";
    refused(&named, ROOST_EAUTH, "is not for the name 127.0.0.2");
    daemon_stop();
}

static void unknown_authority_is_refused(void **state)
{
    (void)state;
    roost_options other = {.tls_ca = in_folder("theirs/ca.pem")};
    start();
    refused(&other, ROOST_EAUTH, "is not signed by a CA of");
    other.tls_ca = NULL;
    refused(&other, ROOST_EAUTH, "is not signed by a CA of /etc/ssl");
    daemon_stop();
}

static void certificate_out_of_date_is_refused(void **state)
{
    (void)state;
    start_with(in_folder("ours/old.pem"), in_folder("ours/old.key"));
    assert_true(log_says("has expired"));
    refused(&trusting, ROOST_EAUTH, "the server's certificate expired at 20");
    daemon_stop();
    start_with(in_folder("ours/new.pem"), in_folder("ours/new.key"));
    assert_true(log_says("is not valid yet"));
    refused(&trusting, ROOST_EAUTH, "the server's certificate is not valid before 20");
    daemon_stop();
}

/* ---- the client's certificate ---- */

static void client_with_certificate_is_let_in(void **state)
{
    (void)state;
    roost_options o = with_cert(in_folder("ours/client.pem"), in_folder("ours/client.key"));
    start_mutual();
    connects(&o);
    assert_true(log_lacks("refused"));
    daemon_stop();
}

static void client_without_certificate_is_refused(void **state)
{
    (void)state;
    start_mutual();
    refused(&trusting, ROOST_EAUTH, "the server wants a client certificate");
    assert_true(log_says("peer=\"tls+tcp 127.0.0.1:"));
    assert_true(log_says("the client has no certificate"));
    daemon_stop();
}

static void client_with_a_wrong_certificate_is_refused(void **state)
{
    (void)state;
    const char *const wrong[][4] = {
        {"theirs/client.pem", "theirs/client.key", "does not trust the CA", "not signed by a CA of --tls-ca"},
        {"ours/oldclient.pem", "ours/oldclient.key", "out of date",
         "the client's certificate is out of date"},
        {"ours/server.pem", "ours/server.key", "client's certificate",
         "the client's certificate is for another"}};
    start_mutual();
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        roost_options o = with_cert(in_folder(wrong[i][0]), in_folder(wrong[i][1]));
        refused(&o, ROOST_EAUTH, wrong[i][2]);
        assert_true(log_says(wrong[i][3]));
    }
    daemon_stop();
}

/* ---- files ---- */

static void files_that_are_wrong_are_named_by_the_client(void **state)
{
    (void)state;
    const char *junk = write_file("junk", 0600, "-----BEGIN CERTIFICATE-----\nxx\n");
    roost_options o = with_cert(in_folder("ours/client.pem"), in_folder("theirs/client.key"));
    start();
    refused(&o, ROOST_EINVAL, "does not belong to the certificate");
    o = with_cert(in_folder("ours/client.pem"), NULL);
    refused(&o, ROOST_EINVAL, "the key is missing");
    o = with_cert(in_folder("nowhere.pem"), in_folder("ours/client.key"));
    refused(&o, ROOST_ESYS, "nowhere.pem: No such file");
    o = with_cert(junk, in_folder("ours/client.key"));
    refused(&o, ROOST_EINVAL, "junk holds no certificate");
    o = with_cert(in_folder("ours/client.pem"), junk);
    refused(&o, ROOST_EINVAL, "junk holds no private key");
    o = (roost_options){.tls_ca = junk};
    refused(&o, ROOST_EINVAL, "the CA file");
    daemon_stop();
}

static void server_refuses(const char *cert, const char *key, const char *extra, const char *words)
{
    const char *const args[] = {
        "--listen", "tls+tcp://127.0.0.1:0", "--tls-cert", cert, "--tls-key", key, extra, NULL};
    daemon_refuses(args, words);
}

static void files_that_are_wrong_are_named_by_the_server(void **state)
{
    (void)state;
    const char *good = in_folder("ours/server.pem"), *key = in_folder("ours/server.key");
    const char *const bare[] = {"--listen", "tls+tcp://127.0.0.1:0", NULL};
    server_refuses(good, in_folder("theirs/server.key"), NULL, "does not belong to the certificate");
    server_refuses(in_folder("nowhere.pem"), key, NULL, "nowhere.pem: No such file");
    server_refuses(key, key, NULL, "holds no certificate");
    server_refuses(good, good, NULL, "holds no private key");
    server_refuses(in_folder("ours/client.pem"), in_folder("ours/client.key"), NULL, "not one for a server");
    server_refuses(good, key, "--tls-require-client-cert", "needs --tls-ca");
    daemon_refuses(bare, "needs --tls-cert");
}

/* ---- peers that do not speak TLS, or not at all ---- */

static void plain_client_and_tls_server_do_not_match(void **state)
{
    (void)state;
    roost_manager *m;
    roost_options o = {.timeout_ms = 20000};
    start();
    assert_int_equal(roost_connect(strstr(daemon_.url, "tcp://"), &o, &m), ROOST_ECONN);
    connects(&trusting);
    daemon_stop();
}

static void tls_client_and_plain_server_do_not_match(void **state)
{
    (void)state;
    char url[300];
    roost_manager *m;
    const char *const args[] = {"--listen", "tcp://127.0.0.1:0", NULL};
    daemon_start(args);
    snprintf(url, sizeof(url), "tls+%s", daemon_.url);
    int rc = roost_connect(url, &trusting, &m); /* it says GOODBYE, in its own language, or just closes */
    assert_true(rc == ROOST_EPROTO || rc == ROOST_ECONN);
    daemon_stop();
}

static void silent_server_is_given_up_in_time(void **state)
{
    (void)state;
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(a);
    char url[64];
    roost_manager *m;
    roost_options o = trusting;
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(bind(fd, (const struct sockaddr *)&a, sizeof(a)), 0);
    assert_int_equal(listen(fd, 4), 0);
    getsockname(fd, (struct sockaddr *)&a, &len);
    snprintf(url, sizeof(url), "tls+tcp://127.0.0.1:%d", ntohs(a.sin_port));
    o.timeout_ms = 100;
    fails_with(roost_connect(url, &o, &m), ROOST_ETIMEDOUT, "TLS handshake");
    close(fd);
}

/* ---- the stream ---- */

enum { THREADS = 6, ROUNDS = 100, LARGE = 5 << 20 };

static void large_values_go_both_ways(void **state)
{
    (void)state;
    roost_manager *m;
    roost_value back;
    char *bytes = malloc(LARGE);
    for (size_t i = 0; i < LARGE; i++)
        bytes[i] = (char)(i * 2654435761u >> 11);
    start();
    OK(roost_connect(daemon_.url, &trusting, &m));
    for (size_t len = 1; len <= LARGE; len = len * 5 + 1) {
        OK(roost_server_ping(m, roost_bytes(bytes, (uint32_t)len), &back));
        assert_int_equal(back.len, len);
        assert_memory_equal(back.as.bytes, bytes, len);
        roost_value_free(&back);
    }
    roost_manager_close(m);
    free(bytes);
    daemon_stop();
}

struct worker {
    roost_manager *m;
    int failed;
    pthread_t thread;
};

static void *ping_all_sizes(void *arg)
{
    static char bytes[40000];
    struct worker *w = arg;
    for (uint32_t i = 0; i < ROUNDS; i++) {
        roost_value back;
        if (roost_server_ping(w->m, roost_bytes(bytes, i * 400), &back) != 0) {
            w->failed++;
            continue;
        }
        w->failed += back.len != i * 400;
        roost_value_free(&back);
    }
    return NULL;
}

static void *get_one(void *arg)
{
    struct worker *w = arg;
    roost_queue *q;
    roost_value v;
    w->failed = roost_queue_open(w->m, "q", NULL, &q) != 0 || roost_queue_get(q, &v, -1) != 0 || v.as.i != 7;
    roost_queue_close(q);
    return NULL;
}

static void threads_send_and_receive_at_the_same_time(void **state)
{
    (void)state;
    struct worker w[THREADS] = {{0}};
    struct worker waits = {0};
    roost_queue *q;
    start();
    OK(roost_connect(daemon_.url, &trusting, &waits.m));
    pthread_create(&waits.thread, NULL, get_one, &waits);
    for (int i = 0; i < THREADS; i++) {
        w[i].m = waits.m;
        pthread_create(&w[i].thread, NULL, ping_all_sizes, &w[i]);
    }
    for (int i = 0; i < THREADS; i++) {
        pthread_join(w[i].thread, NULL);
        assert_int_equal(w[i].failed, 0);
    }
    OK(roost_queue_open(waits.m, "q", NULL, &q));
    OK(roost_queue_put(q, roost_int(7), -1));
    pthread_join(waits.thread, NULL);
    assert_int_equal(waits.failed, 0);
    roost_queue_close(q);
    roost_manager_close(waits.m);
    daemon_stop();
}

static void child_makes_a_connection_of_its_own(void **state)
{
    (void)state;
    roost_manager *m;
    roost_dict *d;
    roost_value v;
    int status;
    start();
    OK(roost_connect(daemon_.url, &trusting, &m));
    OK(roost_dict_new(m, &d));
    pid_t child = fork();
    if (child == 0)
        _exit(roost_dict_set(d, roost_int(1), roost_int(2)) != 0);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    OK(roost_dict_get(d, roost_int(1), &v));
    assert_int_equal(v.as.i, 2);
    roost_dict_close(d);
    roost_manager_close(m);
    daemon_stop();
}

static void session_goes_on_when_its_connection_is_cut(void **state)
{
    (void)state;
    struct proxy proxy;
    char url[80];
    roost_manager *m;
    roost_dict *d;
    roost_value v;
    start();
    proxy_start(&proxy, strstr(daemon_.url, "tcp://"));
    snprintf(url, sizeof(url), "tls+%s", proxy.url);
    OK(roost_connect(url, &trusting, &m));
    OK(roost_dict_new(m, &d));
    for (int i = 0; i < 30; i++) {
        OK(roost_dict_incr(d, roost_str("n"), roost_int(1), NULL));
        if (i % 10 == 5)
            proxy_cut(&proxy);
    }
    OK(roost_dict_get(d, roost_str("n"), &v));
    assert_int_equal(v.as.i, 30);
    roost_dict_close(d);
    roost_manager_close(m);
    proxy_stop(&proxy);
    daemon_stop();
}

static void private_server_needs_none_of_it(void **state)
{
    (void)state;
    roost_manager *m;
    roost_options o = {.tls_ca = "/nowhere", .identity = "x"};
    OK(roost_manager_start(&o, &m));
    OK(roost_manager_shutdown(m));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(server_is_known_by_address_and_by_name),
        cmocka_unit_test(wrong_name_or_address_is_refused),
        cmocka_unit_test(unknown_authority_is_refused),
        cmocka_unit_test(certificate_out_of_date_is_refused),
        cmocka_unit_test(client_with_certificate_is_let_in),
        cmocka_unit_test(client_without_certificate_is_refused),
        cmocka_unit_test(client_with_a_wrong_certificate_is_refused),
        cmocka_unit_test(files_that_are_wrong_are_named_by_the_client),
        cmocka_unit_test(files_that_are_wrong_are_named_by_the_server),
        cmocka_unit_test(plain_client_and_tls_server_do_not_match),
        cmocka_unit_test(tls_client_and_plain_server_do_not_match),
        cmocka_unit_test(silent_server_is_given_up_in_time),
        cmocka_unit_test(large_values_go_both_ways),
        cmocka_unit_test(threads_send_and_receive_at_the_same_time),
        cmocka_unit_test(child_makes_a_connection_of_its_own),
        cmocka_unit_test(session_goes_on_when_its_connection_is_cut),
        cmocka_unit_test(private_server_needs_none_of_it),
    };
    return cmocka_run_group_tests(tests, set_up, folder_remove);
}
