/*
 * barrier.c: local barriers; see roost/local/barrier.h.
 *
 * Invariant: who waits sits in a seat; how many wait is counted there and nowhere else. All changes happen
 * under the mutex; when its holder died, nobody knows how far it came, and the barrier is broken. While they
 * wait, the parties look after each other: each now and then after the one in the next seat.
 */
#include "roost/local/barrier.h"

#include "base/error.h"
#include "local/seats.h"
#include "local/segment.h"

struct barrier_body {
    struct segment_head head;
    struct mutex mutex;
    uint32_t parties;
    bool broken;
    struct seats seats;
};

struct roost_local_barrier {
    struct segment segment;
    roost_local_barrier_options options;
};

_Static_assert((int)SEATS_MAX == (int)ROOST_LOCAL_PARTIES_MAX,
               "the header says how many parties there may be");

static struct barrier_body *body_of(const roost_local_barrier *b)
{
    return (struct barrier_body *)(void *)b->segment.head;
}

static void init(struct segment_head *head, const void *parties)
{
    ((struct barrier_body *)(void *)head)->parties = *(const uint32_t *)parties;
}

int roost_local_barrier_open(const char *name, uint32_t parties, const roost_local_barrier_options *options,
                             roost_local_barrier **ret)
{
    if (parties == 0 || parties > ROOST_LOCAL_PARTIES_MAX)
        return roost__fail(ROOST_EINVAL, "a local barrier has 1 to %d parties, not %u",
                           ROOST_LOCAL_PARTIES_MAX, parties);
    const struct segment_plan plan = {name, LOCAL_BARRIER, sizeof(struct barrier_body), init, &parties};
    roost_local_barrier *b;
    bool found;
    int rc = roost__local_open(&plan, sizeof(*b), &b, &found);
    if (rc == ROOST_OK && found && body_of(b)->parties != parties) {
        rc = roost__local_fail(&b->segment, "open", ROOST_EEXIST, "it exists with %u parties",
                               body_of(b)->parties);
        roost__local_close(b);
    }
    if (rc != ROOST_OK)
        return rc;
    if (options != NULL)
        b->options = *options;
    *ret = b;
    return ROOST_OK;
}

int roost_local_barrier_new(uint32_t parties, const roost_local_barrier_options *options,
                            roost_local_barrier **ret)
{
    return roost_local_barrier_open(NULL, parties, options, ret);
}

void roost_local_barrier_close(roost_local_barrier *b)
{
    roost__local_close(b);
}

static void break_it(struct barrier_body *b)
{
    b->broken = true;
    roost__seats_call_all(&b->seats, SEAT_BROKEN);
}

static void lock(struct barrier_body *b)
{
    if (mutex_lock(&b->mutex, self()->process, -1) == MUTEX_OWNER_DIED)
        break_it(b);
}

static int broken(const roost_local_barrier *b)
{
    return roost__local_fail(&b->segment, "wait", ROOST_EBROKEN, "the barrier is broken");
}

/* The last to come, with the mutex held: opens the barrier. */
static int open_up(roost_local_barrier *h, struct barrier_body *b, uint32_t *ret)
{
    int outcome = h->options.action != NULL ? h->options.action(h->options.arg) : 0;
    if (outcome != 0)
        break_it(b);
    else
        roost__seats_call_all(&b->seats, SEAT_CALLED);
    mutex_unlock(&b->mutex);
    if (outcome != 0)
        return roost__local_fail(&h->segment, "wait", ROOST_ETASK, "the action returned %d", outcome);
    if (ret != NULL)
        *ret = b->parties - 1;
    return ROOST_OK;
}

/* Is the one in the next seat gone? Then the barrier is broken. */
static void look_after_neighbour(struct barrier_body *b, struct seat *mine)
{
    lock(b);
    struct seat *next = roost__seat_next(&b->seats, mine);
    if (next != NULL && !roost__alive(next->who))
        break_it(b);
    mutex_unlock(&b->mutex);
}

/* Sleeps in the seat until it is called, or breaks the barrier at the deadline. */
static enum seat_state sit(struct barrier_body *b, struct seat *seat, int timeout_ms)
{
    int64_t deadline = deadline_after(timeout_ms);
    struct nap nap = {0};
    bool last = timeout_ms == 0;
    while (seat_state(seat) == SEAT_WAITING && !last) {
        last = !roost__nap(&nap, &seat->state, SEAT_WAITING, deadline);
        if (nap.over && !last)
            look_after_neighbour(b, seat);
    }
    if (seat_state(seat) == SEAT_WAITING) {
        lock(b);
        if (seat_state(seat) == SEAT_WAITING)
            break_it(b);
        mutex_unlock(&b->mutex);
    }
    enum seat_state outcome = seat_state(seat);
    seat_leave(seat);
    return outcome;
}

int roost_local_barrier_wait(roost_local_barrier *h, uint32_t *ret, int timeout_ms)
{
    struct barrier_body *b = body_of(h);
    if (timeout_ms < 0)
        timeout_ms = h->options.timeout_ms > 0 ? h->options.timeout_ms : -1;
    lock(b);
    uint32_t index = roost__seats_waiting(&b->seats);
    bool complete = index == b->parties - 1;
    if (complete && !b->broken && !roost__seats_all_live(&b->seats))
        break_it(b);
    if (complete && !b->broken)
        return open_up(h, b, ret);
    struct seat *seat = b->broken ? NULL : roost__seat_take(&b->seats);
    bool full = !b->broken && seat == NULL;
    mutex_unlock(&b->mutex);
    if (full)
        return roost__local_fail(&h->segment, "wait", ROOST_ELIMIT, "%d threads use it already", SEATS_MAX);
    if (seat == NULL || sit(b, seat, timeout_ms) == SEAT_BROKEN)
        return broken(h);
    if (ret != NULL)
        *ret = index;
    return ROOST_OK;
}

void roost_local_barrier_reset(roost_local_barrier *h)
{
    struct barrier_body *b = body_of(h);
    lock(b);
    break_it(b);
    b->broken = false;
    mutex_unlock(&b->mutex);
}

void roost_local_barrier_abort(roost_local_barrier *h)
{
    struct barrier_body *b = body_of(h);
    lock(b);
    break_it(b);
    mutex_unlock(&b->mutex);
}

uint32_t roost_local_barrier_parties(const roost_local_barrier *h)
{
    return body_of(h)->parties;
}

uint32_t roost_local_barrier_n_waiting(roost_local_barrier *h)
{
    struct barrier_body *b = body_of(h);
    lock(b);
    uint32_t n = roost__seats_waiting(&b->seats);
    mutex_unlock(&b->mutex);
    return n;
}

bool roost_local_barrier_broken(roost_local_barrier *h)
{
    struct barrier_body *b = body_of(h);
    lock(b);
    bool is = b->broken;
    mutex_unlock(&b->mutex);
    return is;
}
