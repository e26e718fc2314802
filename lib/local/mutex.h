/*
 * mutex.h: a lock of one word between processes that survives its holder.
 *
 * The word is 0, or the id of who holds it (self.h), with SLEEPERS set when somebody may be asleep.
 * Invariant: whoever finds the holder dead takes the word over from it by one compare-and-set. No robust list
 * of the kernel: it knows threads only, and a lock may be released by another thread or process than took it.
 * So a sleeper looks up now and then (NAP_…): for a holder that died, and for a wake-up that died with
 * another sleeper. Called by everything in lib/local.
 */
#ifndef ROOST_LOCAL_MUTEX_H
#define ROOST_LOCAL_MUTEX_H

#include "base/futex.h"
#include "base/spin.h"
#include "local/self.h"

enum { NAP_FIRST_MS = 4, NAP_LAST_MS = 64 };

#define MUTEX_SLEEPERS (1u << SELF_BITS)

struct mutex {
    _Atomic uint32_t word;
};

enum mutex_result { MUTEX_TIMEOUT, MUTEX_LOCKED, MUTEX_OWNER_DIED };

/* The way with waiting. */
enum mutex_result roost__mutex_wait(struct mutex *m, uint32_t me, int timeout_ms);

static inline enum mutex_result mutex_lock(struct mutex *m, uint32_t me, int timeout_ms)
{
    uint32_t nobody = 0;
    if (__builtin_expect(atomic_compare_exchange_strong_explicit(&m->word, &nobody, me, memory_order_acquire,
                                                                 memory_order_relaxed),
                         1))
        return MUTEX_LOCKED;
    return roost__mutex_wait(m, me, timeout_ms);
}

/* Wakes one who sleeps for the mutex. */
void roost__mutex_wake(struct mutex *m);

/* False when nobody held it. */
static inline bool mutex_unlock(struct mutex *m)
{
    uint32_t was = atomic_exchange_explicit(&m->word, 0, memory_order_release);
    if (__builtin_expect((was & MUTEX_SLEEPERS) != 0, 0))
        roost__mutex_wake(m);
    return was != 0;
}

/* The id of the holder, or 0. */
static inline uint32_t mutex_holder(struct mutex *m)
{
    return atomic_load_explicit(&m->word, memory_order_relaxed) & ~MUTEX_SLEEPERS;
}

/* A sleep in pieces. Begin with zeros. */
struct nap {
    int ms;    /* how long the last one was to take */
    bool over; /* it took that long: nobody woke us, so look whether all is well */
};

/*
 * Sleeps while *word is `seen`, until it is time to look up, or the deadline. False when the deadline has
 * passed: look a last time.
 */
bool roost__nap(struct nap *nap, _Atomic uint32_t *word, uint32_t seen, int64_t deadline);

#endif
