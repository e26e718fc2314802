/* number.c: typed elements and sums of a call; see number.h. */
#include "core/number.h"

#include <assert.h>

#include "base/error.h"

bool number_store(struct call *c, const struct typecode *t, struct slice value, void *p)
{
    struct item it = scan_value(value);
    int rc = roost__typecode_store(t, &it, p);
    if (rc != ROOST_OK)
        fail(c, rc, "%s", roost_errmsg());
    return rc == ROOST_OK;
}

static void put_item(const struct item *it, struct buf *out)
{
    if (it->kind == ROOST_INT)
        roost__put_int(out, it->as.i);
    else if (it->kind == ROOST_UINT)
        roost__put_uint(out, it->as.u);
    else if (it->kind == ROOST_FLOAT)
        roost__put_float(out, it->as.f);
    else if (it->kind == ROOST_BYTES)
        roost__put_bytes(out, slice_of(it->as.bytes, it->len));
    else
        roost__put_str(out, slice_of(it->as.bytes, it->len));
}

void number_put(const struct typecode *t, const void *p, struct buf *out)
{
    uint8_t text[4];
    struct item it;
    roost__typecode_load(t, p, text, &it);
    put_item(&it, out);
}

size_t number_add(struct call *c, struct slice old, unsigned i, uint8_t ret[NUMBER_BYTES_MAX])
{
    struct item a = scan_value(old), sum;
    struct item b = arg_given(c, i) ? scan_value(c->arg[i]) : (struct item){.kind = ROOST_INT, .as.i = 1};
    int rc = roost__number_add(&a, &b, &sum);
    if (rc != ROOST_OK) {
        fail(c, rc, "%s", roost_errmsg());
        return 0;
    }
    struct buf out = {.data = ret, .cap = NUMBER_BYTES_MAX, .max = NUMBER_BYTES_MAX};
    put_item(&sum, &out);
    assert(!out.failed);
    return out.len;
}

bool number_elements(const struct typecode *t, struct slice data)
{
    for (size_t i = 0; t->kind == NUMBER_UCHAR && i + 4 <= data.len; i += 4) {
        uint32_t point;
        memcpy(&point, data.data + i, sizeof(point));
        if (point > 0x10ffff || (point >= 0xd800 && point <= 0xdfff))
            return false;
    }
    return true;
}
