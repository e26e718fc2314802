/* fuzz_wire.c: values from outside; see README.md. The input is cut into up to three values. */
#include <assert.h>
#include <math.h>
#include <msgpack.h>
#include <stdlib.h>

#include "core/order.h"
#include "wire/decode.h"
#include "wire/encode.h"
#include "wire/scan.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct buf scratch;

/* A value with a 32-bit float is encoded with a longer one. */
static bool has_short_float(struct slice v)
{
    struct item it;
    for (const uint8_t *p = v.data; p < v.data + v.len; p = roost__scan_item(p, &it))
        if (*p == 0xca)
            return true;
    return false;
}

/* msgpack-c reads the value, and writes what it read as we do. */
static void check_msgpack_agrees(struct slice v)
{
    msgpack_zone zone;
    msgpack_object o;
    msgpack_sbuffer theirs;
    roost_value value;
    void *ours;
    size_t len;
    msgpack_sbuffer_init(&theirs);
    msgpack_packer packer = {.data = &theirs, .callback = msgpack_sbuffer_write};
    assert(msgpack_zone_init(&zone, 2048));
    assert(msgpack_unpack((const char *)v.data, v.len, NULL, &zone, &o) == MSGPACK_UNPACK_SUCCESS);
    assert(msgpack_pack_object(&packer, o) == 0);
    assert(roost__decode(v, true, &value) == ROOST_OK && roost_value_encode(value, &ours, &len) == ROOST_OK);
    if (!has_short_float(v))
        assert(slice_equal(slice_of(theirs.data, theirs.size), slice_of(ours, len)));
    free(ours);
    roost_value_free(&value);
    msgpack_zone_destroy(&zone);
    msgpack_sbuffer_destroy(&theirs);
}

/* Decoded and encoded again it is the same value (NaN, which equals nothing, apart). */
static void check_round_trip(struct slice v)
{
    roost_value value;
    void *again;
    size_t len;
    if (roost__decode(v, true, &value) != ROOST_OK)
        return;
    if (roost_value_encode(value, &again, &len) == ROOST_OK) {
        assert(roost__scan_check(slice_of(again, len), WIRE_DEPTH_MAX + 1));
        assert(order_equal(v, slice_of(again, len), &scratch));
        free(again);
    }
    roost_value_free(&value);
}

static void check_canonical(struct slice v)
{
    struct slice once = order_canonical(v, &scratch);
    assert(once.len > 0);
    uint8_t *copy = malloc(once.len);
    assert(copy != NULL);
    memcpy(copy, once.data, once.len);
    struct slice canonical = slice_of(copy, once.len);
    assert(roost__scan_check(canonical, WIRE_DEPTH_MAX + 1));
    struct slice twice = order_canonical(canonical, &scratch);
    assert(slice_equal(canonical, twice));
    assert(order_equal(canonical, v, &scratch));
    free(copy);
}

static bool has_map(struct slice v)
{
    struct item it;
    for (const uint8_t *p = v.data; p < v.data + v.len;) {
        p = roost__scan_item(p, &it);
        if (it.kind == ROOST_MAP)
            return true;
    }
    return false;
}

static void check_order(const struct slice *v, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        assert(order_compare(v[i], v[i], NULL) == 0);
        for (size_t j = 0; j < n; j++) {
            int ij = order_compare(v[i], v[j], NULL);
            assert(ij == -order_compare(v[j], v[i], NULL));
            if (!has_map(v[i]) && !has_map(v[j])) /* maps are equal whatever their order, and ordered by it */
                assert((ij == 0) == order_equal(v[i], v[j], &scratch));
            for (size_t k = 0; k < n; k++)
                if (ij <= 0 && order_compare(v[j], v[k], NULL) <= 0)
                    assert(order_compare(v[i], v[k], NULL) <= 0);
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice values[3];
    size_t n = 0;
    scratch.max = SIZE_MAX / 2;
    for (size_t begin = 0; begin < size && n < 3;) {
        size_t len = size - begin;
        while (len > 0 && !roost__scan_check(slice_of(data + begin, len), WIRE_DEPTH_MAX))
            len--;
        if (len == 0)
            break;
        values[n++] = slice_of(data + begin, len);
        begin += len;
    }
    for (size_t i = 0; i < n; i++) {
        assert(roost__scan_skip(values[i].data) == values[i].data + values[i].len);
        check_msgpack_agrees(values[i]);
        check_round_trip(values[i]);
        check_canonical(values[i]);
    }
    check_order(values, n);
    roost__buf_free(&scratch);
    return 0;
}
