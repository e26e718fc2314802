/* model_number.c: values and arrays of the typecodes b (one byte) and q (eight); see model.h. */
#include "tests/sim/model.h"

static bool in_range(const struct mobject *o, int64_t v)
{
    return o->kind != 'b' || (v >= -128 && v <= 127);
}

static void put_number(struct mitem *it, int64_t v)
{
    struct buf b = {.data = it->value.bytes, .cap = M_VALUE, .max = M_VALUE};
    roost__put_int(&b, v);
    it->value.len = (uint8_t)b.len;
}

static void value_call(struct model *m, struct mcall *c)
{
    struct mobject *o = c->o;
    bool compares = c->method == METHOD_value_compare_and_set, adds = c->method == METHOD_value_incr;
    int64_t wanted = adds ? o->value + int_arg(c, 0, 1) : int_arg(c, compares ? 1 : 0, 0);
    if (c->method == METHOD_value_get) {
        say_int(m, c, o->value);
    } else if (!in_range(o, wanted)) {
        say_error(m, c, ROOST_ERANGE);
    } else if (compares) {
        bool equal = int_arg(c, 0, 0) == o->value;
        o->value = equal ? wanted : o->value;
        say_bool(m, c, equal);
    } else {
        o->value = wanted;
        adds ? say_int(m, c, wanted) : say_nil(m, c);
    }
}

void model_number_call(struct model *m, struct mcall *c)
{
    size_t i;
    if (c->o->type == ROOST_TYPE_value) {
        value_call(m, c);
    } else if (c->method == METHOD_array_len) {
        say_int(m, c, (int64_t)c->items->len);
    } else if (c->method == METHOD_array_slice) {
        items_put(c->items, false, say_begin(m, c));
        say_end(m, c, false);
    } else if (!index_in(int_arg(c, 0, 0), c->items->len, &i)) {
        say_error(m, c, ROOST_EINDEX);
    } else if (c->method == METHOD_array_get) {
        say_value(m, c, vslice(&c->items->at[i].value), false);
    } else if (!in_range(c->o, int_arg(c, 1, 0))) {
        say_error(m, c, ROOST_ERANGE);
    } else {
        put_number(&c->items->at[i], int_arg(c, 1, 0));
        say_nil(m, c);
    }
}
