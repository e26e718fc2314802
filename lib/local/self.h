/*
 * self.h: who holds a lock: threads and processes as 31-bit ids, and whether the one behind an id still
 * lives.
 *
 * An id is a pid or tid (22 bits, as many as Linux has) and 9 bits that depend on when it started: a number
 * that was given to somebody else meanwhile is recognized (but for one case in 512). 0 is nobody. Called by
 * everything in lib/local that is held or waited at.
 */
#ifndef ROOST_LOCAL_SELF_H
#define ROOST_LOCAL_SELF_H

#include <stdbool.h>
#include <stdint.h>

enum { SELF_PID_BITS = 22, SELF_BITS = 31 };

struct self {
    uint32_t process;
    uint32_t thread; /* 0: not known yet, or forgotten after a fork */
};

/* The calling thread's. initial-exec: libroost is linked to its program, and this is read on every acquire.
 */
extern _Thread_local struct self roost__self_cache __attribute__((tls_model("initial-exec")));

/* Finds out who we are; the first call of a thread. */
void roost__self_learn(void);

static inline const struct self *self(void)
{
    if (__builtin_expect(roost__self_cache.thread == 0, 0))
        roost__self_learn();
    return &roost__self_cache;
}

/* False when the process or thread of that id has ended (a zombie has). When in doubt: true. */
bool roost__alive(uint32_t id);

/* True when it has surely ended: a cheaper look, which a number given to somebody else deceives. */
bool roost__ended(uint32_t id);

/* The pid or tid in an id. */
static inline int self_pid(uint32_t id)
{
    return (int)(id & ((1u << SELF_PID_BITS) - 1));
}

#endif
