/*
 * spin.h: whether it pays to look a little while for what one waits for before going to sleep.
 *
 * On an idle machine it does: waking a sleeping core costs more than the answer takes. On a busy one it keeps
 * the very process from running that would answer. So a look in vain is paid for by doing without for 1, 2, 4
 * … 256 waits; a look that found something starts anew. A program that mostly waits long looks once in 256
 * waits. Called by the client's receive and the server's event loop; each waiter has its own, used by one
 * thread at a time.
 */
#ifndef ROOST_BASE_SPIN_H
#define ROOST_BASE_SPIN_H

#include <stdbool.h>

enum { SPIN_US = 20, SPIN_SKIP_MAX = 256 };

struct spin {
    unsigned skip;    /* waits still to go without looking */
    unsigned penalty; /* how many after the next look in vain */
};

/* Shall this wait begin with a look? */
static inline bool spin_worth(struct spin *s)
{
    if (s->skip == 0)
        return true;
    s->skip--;
    return false;
}

/* What the look brought. */
static inline void spin_result(struct spin *s, bool found)
{
    s->skip = found ? 0 : s->penalty;
    s->penalty = found || s->penalty == 0 ? 1 : s->penalty * 2;
    if (s->penalty > SPIN_SKIP_MAX)
        s->penalty = SPIN_SKIP_MAX;
}

/* A moment of a spin loop. */
static inline void spin_pause(void)
{
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#endif
}

#endif
