/* test_claim.c: where rings are claimed, and the ends of a connection as both sides see them. */
#include "tests/support/test.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>
#include <unistd.h>

#include "base/claim.h"

static void a_place_is_an_abstract_name_of_44_bytes(void **state)
{
    (void)state;
    static const uint8_t place[CLAIM_PLACE_LEN] = {0x00, 0x01, 0xab, [15] = 0xff};
    struct sockaddr_un a;
    assert_int_equal(roost__claim_address(place, &a), offsetof(struct sockaddr_un, sun_path) + 44);
    assert_int_equal(a.sun_family, AF_UNIX);
    assert_memory_equal(a.sun_path, "\0roost-ring-0001ab000000000000000000000000ff", 44);
}

/* Connects to a listener at `at` by `by`; sees the ends from both sides. */
static void assert_same_ends(struct in6_addr at, int family, const char *by, const uint8_t client[16])
{
    struct sockaddr_in6 a = {.sin6_family = AF_INET6, .sin6_addr = at};
    struct sockaddr_in v4 = {.sin_family = AF_INET};
    socklen_t len = sizeof(a);
    uint8_t ours[CLAIM_ENDS_LEN], theirs[CLAIM_ENDS_LEN];
    int listener = socket(AF_INET6, SOCK_STREAM, 0), fd = socket(family, SOCK_STREAM, 0);
    assert_int_equal(bind(listener, (const struct sockaddr *)&a, sizeof(a)), 0);
    assert_int_equal(listen(listener, 1), 0);
    assert_int_equal(getsockname(listener, (struct sockaddr *)&a, &len), 0);
    v4.sin_port = a.sin6_port;
    assert_int_equal(inet_pton(family, by, family == AF_INET ? (void *)&v4.sin_addr : (void *)&a.sin6_addr),
                     1);
    assert_int_equal(family == AF_INET ? connect(fd, (const struct sockaddr *)&v4, sizeof(v4))
                                       : connect(fd, (const struct sockaddr *)&a, sizeof(a)),
                     0);
    int accepted = accept(listener, NULL, NULL);
    assert_true(roost__claim_ends(fd, true, ours));
    assert_true(roost__claim_ends(accepted, false, theirs));
    assert_memory_equal(ours, theirs, sizeof(ours));
    assert_memory_equal(ours, client, 16);
    assert_memory_equal(ours + 34, &a.sin6_port, 2);
    close(listener), close(fd), close(accepted);
}

static void both_sides_see_the_same_ends(void **state)
{
    (void)state;
    static const uint8_t v6[16] = {[15] = 1};
    static const uint8_t mapped[16] = {[10] = 0xff, [11] = 0xff, [12] = 127, [15] = 1};
    assert_same_ends(in6addr_loopback, AF_INET6, "::1", v6);
    assert_same_ends(in6addr_any, AF_INET, "127.0.0.1", mapped);
}

static void what_is_not_tcp_over_the_loopback_has_no_ends(void **state)
{
    (void)state;
    int pair[2];
    uint8_t ends[CLAIM_ENDS_LEN];
    int lonely = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    assert_false(roost__claim_ends(pair[0], true, ends));
    assert_false(roost__claim_ends(lonely, true, ends));
    close(pair[0]), close(pair[1]), close(lonely);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_place_is_an_abstract_name_of_44_bytes),
        cmocka_unit_test(both_sides_see_the_same_ends),
        cmocka_unit_test(what_is_not_tcp_over_the_loopback_has_no_ends),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
