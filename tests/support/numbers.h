/*
 * numbers.h: integers in the dict "d" of a server, for the tests that count on what survives.
 */
#ifndef ROOST_TESTS_SUPPORT_NUMBERS_H
#define ROOST_TESTS_SUPPORT_NUMBERS_H

#include <roost/roost.h>

/* Fails the test when a roost call fails. */
#define OK(call)                                       \
    do {                                               \
        if ((call) != 0)                               \
            fail_msg("%s: %s", #call, roost_errmsg()); \
    } while (0)

static inline int64_t int_in(roost_manager *m, const char *key)
{
    roost_dict *d;
    roost_value v;
    OK(roost_dict_open(m, "d", &d));
    OK(roost_dict_get(d, roost_str(key), &v));
    int64_t n = v.as.i;
    roost_value_free(&v);
    roost_dict_close(d);
    return n;
}

static inline void set_int(roost_manager *m, const char *key, int64_t n)
{
    roost_dict *d;
    OK(roost_dict_open(m, "d", &d));
    OK(roost_dict_set(d, roost_str(key), roost_int(n)));
    roost_dict_close(d);
}

#endif
