/* test_wire.c: the codec against itself, against msgpack-c, and against bytes that lie. */
#include "tests/support/test.h"

#include <math.h>
#include <msgpack.h>
#include <stdlib.h>

#include "base/buf.h"
#include "wire/decode.h"
#include "wire/encode.h"
#include "wire/frame.h"
#include "wire/methods.h"
#include "wire/scan.h"

static char *printed(roost_value v)
{
    char *text = NULL;
    size_t len = 0;
    FILE *memory = open_memstream(&text, &len);
    assert_int_equal(roost_value_print(memory, v), 0);
    fclose(memory);
    return text;
}

static void assert_prints(roost_value v, const char *expected)
{
    char *text = printed(v);
    assert_string_equal(text, expected);
    free(text);
}

static void every_kind_survives_a_round_trip(void **state)
{
    (void)state;
    roost_pair pairs[] = {{roost_str("k"), roost_list_of(roost_int(1), roost_nil())},
                          {roost_int(-5), roost_bytes("\0\1", 2)}};
    roost_value v = roost_list_of(roost_nil(), roost_bool(true), roost_int(INT64_MIN), roost_uint(UINT64_MAX),
                                  roost_float(0.25), roost_str("h\xc3\xa9"), roost_map(pairs, 2),
                                  (roost_value){.kind = ROOST_REF, .len = ROOST_TYPE_queue, .as.ref = 77});
    roost_value back;
    assert_int_equal(roost_value_copy(v, &back), 0);
    assert_true(roost_value_equal(v, back));
    assert_prints(back, "[null, true, -9223372036854775808, 18446744073709551615, 0.25, \"h\xc3\xa9\", "
                        "{\"k\": [1, null], \"-5\": \"base64:AAE=\"}, \"<queue #77>\"]");
    roost_value_free(&back);
    roost_value_free(&back); /* nil by now */
}

static void numbers_are_equal_as_in_python(void **state)
{
    (void)state;
    assert_true(roost_value_equal(roost_int(1), roost_float(1.0)));
    assert_true(roost_value_equal(roost_int(1), roost_bool(true)));
    assert_false(roost_value_equal(roost_int(1), roost_str("1")));
    assert_false(roost_value_equal(roost_float(NAN), roost_float(NAN)));
    assert_false(roost_value_equal(roost_int((1LL << 53) + 1), roost_float(0x1p53)));
    assert_true(roost_value_equal(roost_uint(1ULL << 63), roost_float(0x1p63)));
    assert_false(roost_value_equal(roost_str("a"), roost_bytes("a", 1)));
    int64_t i;
    assert_int_equal(roost_value_int(roost_float(3.0), &i), 0);
    assert_int_equal(i, 3);
    assert_int_equal(roost_value_int(roost_float(3.5), &i), ROOST_ERANGE);
    assert_int_equal(roost_value_int(roost_str("3"), &i), ROOST_ETYPE);
}

static bool library_accepts(struct slice s)
{
    msgpack_zone zone;
    msgpack_object o;
    msgpack_zone_init(&zone, 2048);
    bool ok = msgpack_unpack((const char *)s.data, s.len, NULL, &zone, &o) == MSGPACK_UNPACK_SUCCESS;
    msgpack_zone_destroy(&zone);
    return ok;
}

/* What the check accepts, msgpack-c accepts: so no accepted byte string can surprise the decoder. */
static void check_accepts_only_what_msgpack_accepts(void **state)
{
    (void)state;
    unsigned seed = 42;
    unsigned accepted = 0;
    for (int round = 0; round < 300000; round++) {
        uint8_t bytes[24];
        size_t n = 1 + (size_t)rand_r(&seed) % sizeof(bytes);
        for (size_t i = 0; i < n; i++)
            bytes[i] = (uint8_t)(rand_r(&seed) >> 7);
        if (rand_r(&seed) % 2)
            bytes[0] = (uint8_t)(0x90 | (rand_r(&seed) % 4));
        struct slice s = slice_of(bytes, n);
        if (!roost__scan_check(s, WIRE_DEPTH_MAX))
            continue;
        accepted++;
        assert_true(library_accepts(s));
        assert_ptr_equal(roost__scan_skip(bytes), bytes + n);
        roost_value v;
        assert_int_equal(roost__decode(s, true, &v), 0);
        roost_value_free(&v);
    }
    assert_true(accepted > 1000);
}

static void check_refuses_lies(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        size_t len;
    } bad[] = {
        {"", 0},                                                  /* nothing */
        {"\x01\x02", 2},                                          /* two values */
        {"\xdd\x10\x00\x00\x00", 5},                              /* 2^28 elements, no byte */
        {"\xdf\x7f\xff\xff\xff", 5},                              /* 2^31 pairs */
        {"\xc6\xff\xff\xff\xff", 5},                              /* 4 GiB of bytes */
        {"\xc1", 1},                                              /* never used */
        {"\xa2\xc0\xaf", 3},                                      /* overlong UTF-8 */
        {"\xa3\xed\xa0\x80", 4},                                  /* a surrogate */
        {"\xd6\xff\x00\x00\x00\x00", 6},                          /* a timestamp */
        {"\xc7\x09\x01\x00\x00\x00\x00\x00\x00\x00\x01\x77", 12}, /* a reference of no type */
        {"\x91", 1},                                              /* an array cut short */
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_false(roost__scan_check(slice_of(bad[i].bytes, bad[i].len), WIRE_DEPTH_MAX));
}

static void depth_is_bounded_on_both_sides(void **state)
{
    (void)state;
    uint8_t bytes[WIRE_DEPTH_MAX + 2];
    memset(bytes, 0x91, sizeof(bytes));
    bytes[WIRE_DEPTH_MAX] = 0xc0;
    assert_true(roost__scan_check(slice_of(bytes, WIRE_DEPTH_MAX + 1), WIRE_DEPTH_MAX));
    bytes[WIRE_DEPTH_MAX] = 0x91;
    bytes[WIRE_DEPTH_MAX + 1] = 0xc0;
    assert_false(roost__scan_check(slice_of(bytes, WIRE_DEPTH_MAX + 2), WIRE_DEPTH_MAX));

    roost_value nested[WIRE_DEPTH_MAX + 3];
    nested[0] = roost_int(1);
    for (int i = 1; i < WIRE_DEPTH_MAX + 3; i++)
        nested[i] = roost_array(&nested[i - 1], 1);
    struct buf b = buf_make(1 << 20);
    assert_int_equal(roost__put_value(&b, &nested[WIRE_DEPTH_MAX]), 0);
    assert_int_equal(roost__put_value(&b, &nested[WIRE_DEPTH_MAX + 2]), ROOST_ELIMIT);
    roost__buf_free(&b);
}

static void bad_utf8_is_refused_when_it_is_built(void **state)
{
    (void)state;
    struct buf b = buf_make(100);
    roost_value v = roost_str("\xff");
    assert_int_equal(roost__put_value(&b, &v), ROOST_EINVAL);
    assert_non_null(strstr(roost_errmsg(), "UTF-8"));
    roost__buf_free(&b);
}

static void frames_carry_their_length_and_calls_their_header(void **state)
{
    (void)state;
    struct buf b = buf_make(1000);
    size_t at = frame_begin(&b);
    roost__put_array(&b, 6);
    for (int64_t i = 1; i <= 5; i++)
        roost__put_int(&b, i);
    roost__put_array(&b, 1);
    roost__put_cstr(&b, "x");
    assert_true(roost__frame_end(&b, at));
    assert_int_equal(get_u32be(b.data), b.len - FRAME_HEADER);
    struct slice payload = slice_of(b.data + FRAME_HEADER, b.len - FRAME_HEADER);
    assert_true(roost__scan_check(payload, FRAME_DEPTH_MAX));
    assert_int_equal(roost__frame_kind(payload), FRAME_CALL);
    struct call_frame call;
    assert_true(roost__frame_call(payload, &call));
    assert_int_equal(call.number, 2);
    assert_int_equal(call.thread, 3);
    assert_int_equal(call.target, 4);
    assert_int_equal(call.method, 5);
    assert_int_equal(call.argc, 1);
    roost__buf_free(&b);
}

static void the_table_is_sorted_and_its_params_parse(void **state)
{
    (void)state;
    for (unsigned i = 0; i < roost__method_count; i++) {
        const struct method *m = &roost__methods[i];
        assert_true(i == 0 || roost__methods[i - 1].code < m->code);
        assert_ptr_equal(roost__method_by_code(m->code), m);
        assert_ptr_equal(roost__method_by_name(m->type, m->name), m);
        struct param params[METHOD_PARAMS_MAX];
        unsigned n = roost__method_params(m, params);
        bool optional = false;
        for (unsigned p = 0; p < n; p++) {
            assert_non_null(strchr("kviufsybaKmtroc", params[p].kind));
            if (!optional && params[p].optional)
                optional = true;
        }
        assert_true(((m->flags & METHOD_READ) != 0) != ((m->flags & METHOD_WRITE) != 0));
    }
    assert_null(roost__method_by_code(0xffff));
    assert_int_equal(roost__type_by_name("queue", 5), ROOST_TYPE_queue);
    assert_int_equal(roost__type_by_name("que", 3), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_kind_survives_a_round_trip),
        cmocka_unit_test(numbers_are_equal_as_in_python),
        cmocka_unit_test(check_accepts_only_what_msgpack_accepts),
        cmocka_unit_test(check_refuses_lies),
        cmocka_unit_test(depth_is_bounded_on_both_sides),
        cmocka_unit_test(bad_utf8_is_refused_when_it_is_built),
        cmocka_unit_test(frames_carry_their_length_and_calls_their_header),
        cmocka_unit_test(the_table_is_sorted_and_its_params_parse),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
