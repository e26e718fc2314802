/* numbers.c: value and array: typecodes, ranges that never wrap, bulk bytes. */
#include "tests/suite/suite.h"

static void integers_stay_in_their_typecodes_range(void **state)
{
    (void)state;
    static const struct {
        const char *code, *least, *below, *most, *above;
    } rows[] = {
        {"b", "-128", "-129", "127", "128"},
        {"B", "0", "-1", "255", "256"},
        {"h", "-32768", "-32769", "32767", "32768"},
        {"H", "0", "-1", "65535", "65536"},
        {"i", "-2147483648", "-2147483649", "2147483647", "2147483648"},
        {"I", "0", "-1", "4294967295", "4294967296"},
        {"l", "-9223372036854775808", NULL, "9223372036854775807", NULL},
        {"L", "0", "-1", "9223372036854775807", NULL},
        {"q", "-9223372036854775808", NULL, "9223372036854775807", NULL},
        {"Q", "0", "-1", "9223372036854775807", NULL},
    };
    struct client *c = client_open();
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        uint64_t v = open_object(c, "value", text("[null, '%s']", rows[i].code));
        ok(c, v, "value.get", "[]", "0");
        ok(c, v, "value.set", text("[%s]", rows[i].least), "null");
        ok(c, v, "value.get", "[]", rows[i].least);
        if (rows[i].below != NULL)
            fails(c, v, "value.set", text("[%s]", rows[i].below), ROOST_ERANGE);
        ok(c, v, "value.set", text("[%s]", rows[i].most), "null");
        if (rows[i].above != NULL)
            fails(c, v, "value.set", text("[%s]", rows[i].above), ROOST_ERANGE);
        ok(c, v, "value.get", "[]", rows[i].most);
        fails(c, v, "value.set", "[1.5]", ROOST_ETYPE);
        fails(c, v, "value.set", "['1']", ROOST_ETYPE);
    }
    lose(c);
}

static void incr_never_wraps(void **state)
{
    (void)state;
    struct client *c = client_open();
    uint64_t b = open_object(c, "value", "[null, 'b', 120]");
    ok(c, b, "value.incr", "[]", "121");
    ok(c, b, "value.incr", "[6]", "127");
    fails(c, b, "value.incr", "[]", ROOST_ERANGE);
    ok(c, b, "value.incr", "[-255]", "-128");
    fails(c, b, "value.incr", "[0.5]", ROOST_ETYPE);
    uint64_t q = open_object(c, "value", "[null, 'q', 9223372036854775807]");
    fails(c, q, "value.incr", "[1]", ROOST_ERANGE);
    ok(c, q, "value.get", "[]", "9223372036854775807");
    uint64_t u = open_object(c, "value", "[null, 'Q', 9223372036854775807]");
    ok(c, u, "value.incr", "[9223372036854775807]", "18446744073709551614");
    ok(c, u, "value.incr", "[]", "18446744073709551615");
    fails(c, u, "value.incr", "[]", ROOST_ERANGE);
    uint64_t d = open_object(c, "value", "[null, 'd']");
    ok(c, d, "value.incr", "[0.25]", "0.25");
    ok(c, d, "value.incr", "[1]", "1.25");
    lose(c);
}

static void other_typecodes_take_their_kind(void **state)
{
    (void)state;
    struct client *c = client_open();
    uint64_t f = open_object(c, "value", "[null, 'f', 0.5]");
    fails(c, f, "value.set", "[1e39]", ROOST_ERANGE);
    ok(c, f, "value.set", "[3]", "null");
    ok(c, f, "value.get", "[]", "3.0");
    uint64_t ch = open_object(c, "value", "[null, 'c', {'$bytes': '61'}]");
    ok(c, ch, "value.get", "[]", "\"base64:YQ==\"");
    fails(c, ch, "value.set", "[{'$bytes': '6162'}]", ROOST_ETYPE);
    fails(c, ch, "value.incr", "[]", ROOST_ETYPE);
    uint64_t u = open_object(c, "value", "[null, 'u', '\\u20ac']");
    ok(c, u, "value.get", "[]", "\"\xe2\x82\xac\"");
    fails(c, u, "value.set", "['ab']", ROOST_ETYPE);
    fails(c, 0, "value.open", "[null, 'x']", ROOST_EINVAL);
    fails(c, 0, "value.open", "[]", ROOST_EINVAL);
    fails(c, 0, "value.open", "[null, 'b', 1000]", ROOST_ERANGE);
    uint64_t v = open_object(c, "value", "[null, 'i', 5]");
    ok(c, v, "value.compare_and_set", "[5.0, 6]", "true");
    ok(c, v, "value.compare_and_set", "[5, 7]", "false");
    fails(c, v, "value.compare_and_set", "[6, 2147483648]", ROOST_ERANGE);
    ok(c, v, "value.get", "[]", "6");
    lose(c);
}

static void arrays_keep_their_length(void **state)
{
    (void)state;
    struct client *c = client_open();
    uint64_t a = open_object(c, "array", "[null, 'h', [1, 2, 3, 4]]");
    ok(c, a, "array.len", "[]", "4");
    ok(c, a, "array.get", "[-1]", "4");
    fails(c, a, "array.get", "[4]", ROOST_EINDEX);
    ok(c, a, "array.set", "[0, -5]", "null");
    fails(c, a, "array.set", "[0, 40000]", ROOST_ERANGE);
    ok(c, a, "array.slice", "[null, null, 2]", "[-5, 3]");
    ok(c, a, "array.set_slice", "[1, 3, null, [20, 30]]", "null");
    fails(c, a, "array.set_slice", "[1, 3, null, [1]]", ROOST_EINVAL);
    fails(c, a, "array.set_slice", "[1, 3, null, [7, 99999]]", ROOST_ERANGE); /* and changes nothing */
    ok(c, a, "array.slice", "[]", "[-5, 20, 30, 4]");
    uint64_t z = open_object(c, "array", "[null, 'd', 3]");
    ok(c, z, "array.slice", "[]", "[0.0, 0.0, 0.0]");
    fails(c, 0, "array.open", "[null, 'd', 'abc']", ROOST_EINVAL);
    fails(c, 0, "array.open", "[null, 'd', -1]", ROOST_EINVAL);
    fails(c, 0, "array.open", "[null, 'd', 9223372036854775807]", ROOST_ELIMIT);
    fails(c, 0, "array.open", "[null, 'z', 1]", ROOST_EINVAL);
    fails(c, 0, "array.open", "[null, 'b', [1, 300]]", ROOST_ERANGE);
    lose(c);
}

static void arrays_are_read_and_written_in_bulk(void **state)
{
    (void)state;
    struct client *c = client_open();
    uint64_t a = open_object(c, "array", "[null, 'h', 4]");
    ok(c, a, "array.write", "[1, {'$bytes': '0100ffff'}]", "null");
    ok(c, a, "array.slice", "[]", "[0, 1, -1, 0]");
    ok(c, a, "array.read", "[1, 2]", "\"base64:AQD//w==\"");
    ok(c, a, "array.read", "[4]", "\"base64:\"");
    fails(c, a, "array.read", "[3, 2]", ROOST_EINDEX);
    fails(c, a, "array.write", "[3, {'$bytes': '01000100'}]", ROOST_EINDEX);
    fails(c, a, "array.write", "[0, {'$bytes': '01'}]", ROOST_EINVAL);
    uint64_t u = open_object(c, "array", "[null, 'u', ['a', 'b']]");
    fails(c, u, "array.write", "[0, {'$bytes': '00d80000'}]", ROOST_ERANGE); /* a surrogate */
    ok(c, u, "array.write", "[0, {'$bytes': 'ac200000'}]", "null");
    ok(c, u, "array.slice", "[]", "[\"\xe2\x82\xac\", \"b\"]");
    lose(c);
}

void suite_numbers(const struct CMUnitTest **ret, size_t *ret_len)
{
    static const struct CMUnitTest cases[] = {
        cmocka_unit_test(integers_stay_in_their_typecodes_range), cmocka_unit_test(incr_never_wraps),
        cmocka_unit_test(other_typecodes_take_their_kind),        cmocka_unit_test(arrays_keep_their_length),
        cmocka_unit_test(arrays_are_read_and_written_in_bulk),
    };
    *ret = cases;
    *ret_len = sizeof(cases) / sizeof(cases[0]);
}
