/* check_queue.c: queues and counters; see checks.h. */
#include "tests/support/test.h"

#include "tests/proof/checks.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

static char wrong[256];

#define WRONG(...) (snprintf(wrong, sizeof(wrong), __VA_ARGS__), wrong)

/* ---- counters ---- */

static int by_result(const void *a, const void *b)
{
    const struct op *x = *(const struct op *const *)a, *y = *(const struct op *const *)b;
    return (x->result > y->result) - (x->result < y->result);
}

/* Unknown ones have the result 0 and stand before all others. */
static const char *sums_rise(const struct op **ops, size_t n, int object)
{
    qsort(ops, n, sizeof(const struct op *), by_result);
    int64_t last_invoked = INT64_MIN;
    for (size_t i = 0; i < n; i++) {
        const struct op *op = ops[i];
        if (!op_known(op))
            continue;
        if (i > 0 && op->result == ops[i - 1]->result)
            return WRONG("counter %d: two saw the sum %" PRId64, object, op->result);
        if (op->returned < last_invoked)
            return WRONG("counter %d: the sum %" PRId64 " was seen after a greater one", object, op->result);
        last_invoked = op->invoked > last_invoked ? op->invoked : last_invoked;
    }
    return wrong;
}

const char *check_counter(const struct history *h, int object, int64_t final)
{
    size_t n;
    int64_t known = 0, unknown = 0;
    const struct op **ops = history_select(h, 1u << OP_COUNT, object, &n);
    for (size_t i = 0; i < n; i++)
        !op_known(ops[i]) ? unknown++ : known++;
    wrong[0] = '\0';
    if (final < known || final > known + unknown)
        WRONG("counter %d: is %" PRId64 " after %" PRId64 " that returned and %" PRId64 " unknown", object,
              final, known, unknown);
    else if (n > 0)
        sums_rise(ops, n, object);
    free(ops);
    return wrong;
}

/* ---- queues ---- */

/* One item, from its put to its take. */
struct item {
    const struct op *put, *take;
};

static int by_item(const void *a, const void *b)
{
    const struct item *x = a, *y = b;
    return (x->put->arg > y->put->arg) - (x->put->arg < y->put->arg);
}

static int by_taken(const void *item, const void *entry)
{
    int64_t x = *(const int64_t *)item, y = ((const struct item *)entry)->put->arg;
    return (x > y) - (x < y);
}

/* Gives every take its put. */
static const char *match(const struct history *h, struct item *items, size_t n, const struct op **takes,
                         size_t takes_len, int object)
{
    for (size_t i = 0; i < takes_len; i++) {
        const struct op *take = takes[i];
        if (!op_known(take))
            continue;
        struct item *item = n == 0 ? NULL : bsearch(&take->result, items, n, sizeof(*items), by_taken);
        if (item == NULL)
            return WRONG("queue %d: %" PRId64 " was taken, but never put", object, take->result);
        if (item->take != NULL && history_confirmed(h, take) && history_confirmed(h, item->take))
            return WRONG("queue %d: %" PRId64 " was taken twice", object, take->result);
        if (take->returned < item->put->invoked)
            return WRONG("queue %d: %" PRId64 " was taken before it was put", object, take->result);
        if (item->take == NULL)
            item->take = take;
    }
    return NULL;
}

static bool begun_before(const struct op **takes, size_t n, int64_t time)
{
    for (size_t i = 0; i < n && takes[i]->invoked < time; i++)
        if (!op_known(takes[i]))
            return true;
    return false;
}

static size_t unknown_takes(const struct op **takes, size_t n)
{
    size_t unknown = 0;
    for (size_t i = 0; i < n; i++)
        unknown += !op_known(takes[i]);
    return unknown;
}

/* Items are in the order of their processes, and of the puts of each (worker.c numbers them so). */
static const char *order_and_number(const struct item *items, size_t n, const struct op **takes,
                                    size_t takes_len, int object)
{
    size_t lost = 0, overtaken = 0, unknown = unknown_takes(takes, takes_len);
    int64_t later_taken = NEVER; /* the first moment at which a later item of the process was out */
    for (size_t i = n; i-- > 0;) {
        const struct item *it = &items[i];
        if (i + 1 < n && it->put->process != items[i + 1].put->process)
            later_taken = NEVER;
        if (it->take == NULL) {
            lost += op_known(it->put);
            continue;
        }
        if (op_known(it->put) && it->take->invoked > later_taken) {
            if (!begun_before(takes, takes_len, later_taken))
                return WRONG("queue %d: %" PRId64 " was overtaken", object, it->put->arg);
            overtaken++;
        }
        later_taken = it->take->returned < later_taken ? it->take->returned : later_taken;
    }
    if (lost + overtaken > unknown)
        return WRONG("queue %d: %zu items are lost, %zu were overtaken, but only %zu takes are unknown",
                     object, lost, overtaken, unknown);
    return wrong;
}

const char *check_queue(const struct history *h, int object)
{
    size_t n, takes_len;
    const struct op **puts = history_select(h, 1u << OP_PUT, object, &n);
    const struct op **takes = history_select(h, 1u << OP_TAKE, object, &takes_len);
    struct item *items = calloc(n + 1, sizeof(*items));
    assert_non_null(items);
    for (size_t i = 0; i < n; i++)
        items[i].put = puts[i];
    qsort(items, n, sizeof(*items), by_item);
    wrong[0] = '\0';
    if (match(h, items, n, takes, takes_len, object) == NULL)
        order_and_number(items, n, takes, takes_len, object);
    free(items);
    free(takes);
    free(puts);
    return wrong;
}
