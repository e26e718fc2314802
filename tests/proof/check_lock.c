/* check_lock.c: locks and their fencing tokens; see checks.h. */
#include "tests/support/test.h"

#include "tests/proof/checks.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

static char wrong[256];

#define WRONG(...) (snprintf(wrong, sizeof(wrong), __VA_ARGS__), wrong)

struct section {
    int64_t token;
    int64_t invoked, begin; /* acquire's invocation and return */
    int64_t end;            /* it was certainly still held then; as long as that is unknown: invoked */
    int64_t sum;            /* what its fenced write saw; 0: none that is known */
};

static int by_token(const void *a, const void *b)
{
    const struct section *x = a, *y = b;
    return (x->token > y->token) - (x->token < y->token);
}

static struct section *find(struct section *all, size_t n, int64_t token)
{
    struct section key = {.token = token};
    return n == 0 ? NULL : bsearch(&key, all, n, sizeof(*all), by_token);
}

/* A write that the guard let through, and a release that was no late one, prove that the lock was held when
 * they were begun. */
static const char *add_deeds(struct section *all, size_t n, const struct op **deeds, size_t deeds_len)
{
    for (size_t i = 0; i < deeds_len; i++) {
        const struct op *op = deeds[i];
        struct section *s = find(all, n, op->arg);
        if (s == NULL)
            return WRONG("lock %d: token %" PRId64 " was used, but never given", op->object, op->arg);
        if (!op_known(op))
            continue;
        s->end = op->invoked > s->end ? op->invoked : s->end;
        if (op->kind == OP_FENCED)
            s->sum = op->result;
    }
    return NULL;
}

/* Sections in the order of their tokens are in the order of time, one after the other. */
static const char *in_order(const struct section *all, size_t n, int object)
{
    int64_t last_invoked = INT64_MIN, last_end = INT64_MIN, last_sum = 0;
    for (size_t i = 0; i < n; i++) {
        const struct section *s = &all[i];
        if (i > 0 && s->token == all[i - 1].token)
            return WRONG("lock %d: token %" PRId64 " was given twice", object, s->token);
        if (s->begin < last_invoked)
            return WRONG("lock %d: token %" PRId64 " was given after a greater one", object, s->token);
        if (s->begin < last_end)
            return WRONG("lock %d: token %" PRId64 " was given while an earlier one was in force", object,
                         s->token);
        if (s->sum != 0 && s->sum <= last_sum)
            return WRONG("lock %d: token %" PRId64 " wrote before a smaller one", object, s->token);
        last_invoked = s->invoked > last_invoked ? s->invoked : last_invoked;
        last_end = s->end > last_end ? s->end : last_end;
        last_sum = s->sum != 0 ? s->sum : last_sum;
    }
    return wrong;
}

const char *check_lock(const struct history *h, int object)
{
    size_t n, deeds_len, len = 0;
    const struct op **acquires = history_select(h, 1u << OP_ACQUIRE, object, &n);
    const struct op **deeds = history_select(h, 1u << OP_FENCED | 1u << OP_RELEASE, object, &deeds_len);
    struct section *all = calloc(n + 1, sizeof(*all));
    assert_non_null(all);
    for (size_t i = 0; i < n; i++)
        if (op_known(acquires[i]))
            all[len++] = (struct section){.token = acquires[i]->result,
                                          .invoked = acquires[i]->invoked,
                                          .begin = acquires[i]->returned,
                                          .end = acquires[i]->invoked};
    qsort(all, len, sizeof(*all), by_token);
    wrong[0] = '\0';
    if (add_deeds(all, len, deeds, deeds_len) == NULL)
        in_order(all, len, object);
    free(all);
    free(deeds);
    free(acquires);
    return wrong;
}
