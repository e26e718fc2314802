/* seats.c: waiting in order of arrival; see seats.h. */
#include "local/seats.h"

#include <stddef.h>

static struct seat *find_free(struct seats *s)
{
    for (uint32_t i = 0; i < s->used; i++)
        if (seat_state(&s->seat[i]) == SEAT_FREE)
            return &s->seat[i];
    if (s->used < SEATS_MAX)
        return &s->seat[s->used++];
    for (uint32_t i = 0; i < SEATS_MAX; i++)
        if (!roost__alive(s->seat[i].who))
            return &s->seat[i];
    return NULL;
}

struct seat *roost__seat_take(struct seats *s)
{
    struct seat *seat = find_free(s);
    if (seat == NULL)
        return NULL;
    seat->who = self()->thread;
    seat->order = ++s->last_order;
    atomic_store(&seat->state, SEAT_WAITING); /* last: who is killed before has not come */
    return seat;
}

static struct seat *first_waiting(struct seats *s)
{
    struct seat *first = NULL;
    for (uint32_t i = 0; i < s->used; i++) {
        struct seat *seat = &s->seat[i];
        if (seat_state(seat) == SEAT_WAITING && (first == NULL || seat->order < first->order))
            first = seat;
    }
    return first;
}

struct seat *roost__seats_first(struct seats *s)
{
    struct seat *seat;
    while ((seat = first_waiting(s)) != NULL && !roost__alive(seat->who))
        seat_leave(seat);
    return seat;
}

uint32_t roost__seats_waiting(const struct seats *s)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < s->used; i++)
        n += atomic_load(&s->seat[i].state) == SEAT_WAITING;
    return n;
}

bool roost__seats_all_live(const struct seats *s)
{
    for (uint32_t i = 0; i < s->used; i++)
        if (atomic_load(&s->seat[i].state) == SEAT_WAITING && roost__ended(s->seat[i].who))
            return false;
    return true;
}

void roost__seats_call_all(struct seats *s, enum seat_state outcome)
{
    for (uint32_t i = 0; i < s->used; i++)
        if (seat_state(&s->seat[i]) == SEAT_WAITING)
            seat_call(&s->seat[i], outcome);
}

struct seat *roost__seat_next(struct seats *s, const struct seat *from)
{
    uint32_t at = (uint32_t)(from - s->seat);
    for (uint32_t i = 1; i < s->used; i++) {
        struct seat *seat = &s->seat[(at + i) % s->used];
        if (seat_state(seat) == SEAT_WAITING)
            return seat;
    }
    return NULL;
}
