/* mutex.c: waiting for the word of a lock; see mutex.h. */
#include "local/mutex.h"

enum { SPINS = 100 }; /* about a microsecond: most critical sections are shorter */

bool roost__nap(struct nap *nap, _Atomic uint32_t *word, uint32_t seen, int64_t deadline)
{
    nap->ms = nap->ms == 0 ? NAP_FIRST_MS : nap->ms < NAP_LAST_MS ? nap->ms * 2 : NAP_LAST_MS;
    int64_t end = deadline_after(nap->ms);
    if (deadline < end)
        end = deadline;
    futex_wait(word, seen, end);
    int64_t now = now_ns();
    nap->over = now >= end;
    return now < deadline;
}

void roost__mutex_wake(struct mutex *m)
{
    futex_wake(&m->word, 1);
}

static bool spin(struct mutex *m, uint32_t me)
{
    for (int i = 0; i < SPINS; i++) {
        uint32_t nobody = 0;
        if (atomic_load_explicit(&m->word, memory_order_relaxed) == 0 &&
            atomic_compare_exchange_strong_explicit(&m->word, &nobody, me, memory_order_acquire,
                                                    memory_order_relaxed))
            return true;
        spin_pause();
    }
    return false;
}

/* Takes the word from `seen`, which is nobody or a dead holder. Others may be asleep: keep them in mind. */
static bool take(struct mutex *m, uint32_t seen, uint32_t me)
{
    return atomic_compare_exchange_strong_explicit(&m->word, &seen, me | MUTEX_SLEEPERS, memory_order_acquire,
                                                   memory_order_relaxed);
}

enum mutex_result roost__mutex_wait(struct mutex *m, uint32_t me, int timeout_ms)
{
    if (timeout_ms != 0 && spin(m, me))
        return MUTEX_LOCKED;
    int64_t deadline = deadline_after(timeout_ms);
    struct nap nap = {.over = timeout_ms == 0};
    bool last = timeout_ms == 0;
    for (;;) {
        uint32_t seen = atomic_load_explicit(&m->word, memory_order_relaxed);
        uint32_t holder = seen & ~MUTEX_SLEEPERS;
        if (holder == 0 || (nap.over && !roost__alive(holder))) {
            if (take(m, seen, me))
                return holder == 0 ? MUTEX_LOCKED : MUTEX_OWNER_DIED;
            continue;
        }
        if (last)
            return MUTEX_TIMEOUT;
        uint32_t asleep = holder | MUTEX_SLEEPERS;
        if (seen == asleep || atomic_compare_exchange_strong(&m->word, &seen, asleep))
            last = !roost__nap(&nap, &m->word, asleep, deadline);
    }
}
