/*
 * test_reload.c: what a SIGHUP reads again while clients are connected: certificates, what was revoked,
 * limits.
 */
#include "tests/auth/daemon.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "roost/roost.h"
#include "tools/roost/ca.h"

enum { DAY = 24 * 3600 };

static char ca_file[128], crl_file[128];
static roost_options alice, bob;

/* ---- certificates ---- */

static void make_cert(const char *authority, const char *name, bool client)
{
    char localhost[] = "localhost", address[] = "127.0.0.1";
    char *const hosts[] = {localhost, address};
    const struct cert_request r = {.name = name,
                                   .client = client,
                                   .hosts = hosts,
                                   .host_count = client ? 0 : 2,
                                   .from = time(NULL) - DAY,
                                   .until = time(NULL) + DAY};
    OK(ca_sign(in_folder(authority), &r));
}

static roost_options options_of(const char *cert, const char *key)
{
    return (roost_options){.tls_ca = ca_file, .timeout_ms = 20000, .tls_cert = cert, .tls_key = key};
}

/* A folder for each test: what is revoked stays so. */
static int set_up(void **state)
{
    static char paths[4][128];
    if (folder_make(state) != 0)
        return -1;
    for (int i = 0; i < 2; i++)
        OK(ca_create(in_folder(i == 0 ? "ours" : "theirs"), time(NULL) - DAY, time(NULL) + DAY));
    make_cert("ours", "server", false);
    make_cert("ours", "second", false);
    make_cert("theirs", "server", false);
    make_cert("ours", "alice", true);
    make_cert("ours", "bob", true);
    make_cert("ours", "nobody", true);
    snprintf(ca_file, sizeof(ca_file), "%s", in_folder("ours/ca.pem"));
    snprintf(crl_file, sizeof(crl_file), "%s", in_folder("ours/crl.pem"));
    for (int i = 0; i < 4; i++)
        snprintf(paths[i], sizeof(paths[i]), "%s",
                 in_folder((const char *const[]){"ours/alice.pem", "ours/alice.key", "ours/bob.pem",
                                                 "ours/bob.key"}[i]));
    alice = options_of(paths[0], paths[1]);
    bob = options_of(paths[2], paths[3]);
    return 0;
}

static void take_back(const char *name, time_t until)
{
    OK(ca_revoke(in_folder("ours"), name, time(NULL) - DAY, until));
}

/* The server's configuration: these lines, and its certificate. */
static void configure(const char *cert, const char *lines)
{
    char text[1024];
    snprintf(text, sizeof(text),
             "listen = {\"tls+tcp://127.0.0.1:0\"}\ntls-cert = \"%s.pem\"\ntls-key = \"%s.key\"\ntls-ca = "
             "\"%s\"\n%s",
             in_folder(cert), in_folder(cert), ca_file, lines);
    write_file("conf", 0600, text);
}

static void configure_mutual(void)
{
    char lines[256];
    snprintf(lines, sizeof(lines), "tls-require-client-cert = true\ntls-crl = \"%s\"\n", crl_file);
    configure("ours/server", lines);
}

static void start(void)
{
    const char *const args[] = {"--config", in_folder("conf"), NULL};
    daemon_start(args);
}

static void reload(const char *words)
{
    kill(daemon_.pid, SIGHUP);
    assert_true(log_says(words));
}

static roost_manager *connect_as(const roost_options *o)
{
    roost_manager *m;
    OK(roost_connect(daemon_.url, o, &m));
    return m;
}

static void refused(const roost_options *o, const char *words)
{
    roost_manager *m;
    fails_with(roost_connect(daemon_.url, o, &m), ROOST_EAUTH, words);
}

static void connects(const roost_options *o)
{
    roost_manager_close(connect_as(o));
}

/* ---- the server's own certificate ---- */

static void renewed_certificate_is_for_new_connections(void **state)
{
    (void)state;
    roost_options other = {.tls_ca = in_folder("theirs/ca.pem"), .timeout_ms = 20000};
    configure("ours/server", "");
    start();
    roost_manager *before = connect_as(&alice);
    refused(&other, "is not signed by a CA");
    configure("theirs/server", "");
    reload("theirs/server.pem");
    connects(&other);
    refused(&alice, "is not signed by a CA");
    OK(roost_server_ping(before, roost_nil(), NULL)); /* it goes on as it began */
    roost_manager_close(before);
    daemon_stop();
}

static void wrong_files_leave_the_certificate_that_is_there(void **state)
{
    (void)state;
    configure("ours/server", "");
    start();
    configure("ours/nowhere", "");
    reload("nowhere.pem: No such file");
    assert_true(log_says("the certificates stay as they were"));
    connects(&alice);
    configure("ours/alice", "");
    reload("is not one for a server");
    connects(&alice);
    configure("ours/second", "");
    reload("audit what=\"certificates loaded\" file=");
    connects(&alice);
    daemon_stop();
}

/* ---- what was revoked ---- */

static void revoked_client_is_refused_and_told_so(void **state)
{
    (void)state;
    take_back("alice", time(NULL) + DAY);
    configure_mutual();
    start();
    refused(&alice, "the server says that the client's certificate was revoked");
    assert_true(log_says("what=\"the client's certificate was revoked\""));
    assert_true(log_says("peer=\"tls+tcp 127.0.0.1:"));
    connects(&bob);
    daemon_stop();
}

static void reload_cuts_off_who_was_revoked_and_nobody_else(void **state)
{
    (void)state;
    take_back("nobody", time(NULL) + DAY);
    configure_mutual();
    start();
    roost_manager *a = connect_as(&alice), *b = connect_as(&bob);
    take_back("alice", time(NULL) + DAY);
    reload("audit what=\"the client's certificate was revoked\"");
    assert_int_not_equal(roost_server_ping(a, roost_nil(), NULL), 0);
    OK(roost_server_ping(b, roost_nil(), NULL));
    refused(&alice, "revoked");
    roost_manager_close(a);
    roost_manager_close(b);
    daemon_stop();
}

static void client_refuses_a_server_that_was_revoked(void **state)
{
    (void)state;
    roost_options careful = alice;
    careful.tls_crl = crl_file;
    take_back("server", time(NULL) + DAY);
    configure("ours/server", "");
    start();
    refused(&careful, "the server's certificate was revoked");
    connects(&alice); /* who has no list does not know */
    configure("ours/second", "");
    reload("second.pem");
    connects(&careful);
    setenv("ROOST_TLS_CRL", in_folder("nowhere.pem"), 1);
    roost_manager *m;
    fails_with(roost_connect(daemon_.url, &alice, &m), ROOST_ESYS, "the CRL");
    unsetenv("ROOST_TLS_CRL");
    daemon_stop();
}

static void list_out_of_date_lets_nobody_in(void **state)
{
    (void)state;
    take_back("nobody", time(NULL) - DAY / 2);
    configure_mutual();
    start();
    assert_true(log_says("was to be renewed"));
    refused(&alice, "the server");
    assert_true(log_says("may have been revoked: its CA's list (CRL) is out of date"));
    daemon_stop();
}

static void list_that_is_none_is_named(void **state)
{
    (void)state;
    const char *const args[] = {"--config", in_folder("conf"), NULL};
    char lines[256];
    write_file("ours/crl.pem", 0600, "-----BEGIN X509 CRL-----\nxx\n");
    configure_mutual();
    daemon_refuses(args, "crl.pem holds no revocation list");
    snprintf(lines, sizeof(lines), "tls-crl = \"%s\"\n", crl_file);
    configure("ours/server", lines);
    daemon_refuses(args, "--tls-crl needs --tls-require-client-cert");
}

/* ---- limits ---- */

static int64_t told_limit(roost_manager *m, const char *name)
{
    roost_value info;
    OK(roost_server_info(m, &info));
    const roost_value *limits = roost_map_get(info, roost_str("limits"));
    assert_non_null(limits);
    int64_t n = roost_map_get(*limits, roost_str(name))->as.i;
    roost_value_free(&info);
    return n;
}

static void limits_of_the_shell_change_at_once(void **state)
{
    (void)state;
    configure("ours/server", "objects-max = 100\n");
    start();
    roost_manager *m = connect_as(&alice);
    configure("ours/server", "objects-max = 200\nrate = 3\nconnections-max = 1\nframe-max = 64K\n");
    reload("what has changed: frame-max, connections-max, rate");
    assert_true(log_says("objects-max has changed: it takes effect when roostd is started again"));
    assert_int_equal(told_limit(m, "objects_max"), 100);
    assert_int_equal(told_limit(m, "frame_max"), 64 << 10);
    int refused_calls = 0;
    for (int i = 0; i < 100; i++)
        refused_calls += roost_server_ping(m, roost_nil(), NULL) == ROOST_ELIMIT;
    assert_true(refused_calls > 0);
    roost_manager *second;
    assert_int_not_equal(roost_connect(daemon_.url, &alice, &second), 0);
    configure("ours/server", "objects-max = 100\n");
    reload("what has changed: frame-max, connections-max, rate");
    while (roost_connect(daemon_.url, &alice, &second) != 0)
        ; /* as soon as it was read */
    for (int i = 0; i < 100; i++)
        OK(roost_server_ping(m, roost_nil(), NULL));
    roost_manager_close(second);
    roost_manager_close(m);
    daemon_stop();
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, folder_remove)
    const struct CMUnitTest tests[] = {
        CASE(renewed_certificate_is_for_new_connections),
        CASE(wrong_files_leave_the_certificate_that_is_there),
        CASE(revoked_client_is_refused_and_told_so),
        CASE(reload_cuts_off_who_was_revoked_and_nobody_else),
        CASE(client_refuses_a_server_that_was_revoked),
        CASE(list_out_of_date_lets_nobody_in),
        CASE(list_that_is_none_is_named),
        CASE(limits_of_the_shell_change_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
