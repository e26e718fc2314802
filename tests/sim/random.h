/* random.h: the dice of a history: splitmix64, so that a seed is all there is to know of it. */
#ifndef ROOST_SIM_RANDOM_H
#define ROOST_SIM_RANDOM_H

#include <stdbool.h>
#include <stdint.h>

struct dice {
    uint64_t state;
};

static inline uint64_t dice_next(struct dice *d)
{
    uint64_t z = d->state += 0x9e3779b97f4a7c15;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
    z = (z ^ z >> 27) * 0x94d049bb133111eb;
    return z ^ z >> 31;
}

/* 0 to n-1. */
static inline unsigned roll(struct dice *d, unsigned n)
{
    return (unsigned)((dice_next(d) >> 32) * n >> 32);
}

/* True n times in a hundred. */
static inline bool chance(struct dice *d, unsigned percent)
{
    return roll(d, 100) < percent;
}

#endif
