/*
 * forgetful.c: a bug planted on purpose. Linked into roostd_forgetful in place of kept_again()
 * (server/core/kept.c), it makes the server execute a call again that was sent again after a broken
 * connection, though it has been answered. test_histories.c shows that the checks see it.
 */
#include "core/internal.h"

bool __wrap_kept_again(struct core *core, struct session *s, uint64_t number);

bool __wrap_kept_again(struct core *core, struct session *s, uint64_t number)
{
    (void)core;
    if (number > s->last_number)
        s->last_number = number;
    return false;
}
