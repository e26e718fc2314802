/*
 * scale.c: names spread over many clusters: how much more do they serve? Prints the table of CONTRIBUTING.md,
 * "Beyond one cluster".
 *
 * Each cluster is three replicas of one log: the leader takes the calls of the names that fall to it, in
 * entries of a few, and the two others apply these. All run here one after the other, and the CPU time of
 * each server is counted: clusters have nothing to say to each other, so the calls are through when the
 * busiest server is.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "shell/replica.h"
#include "wire/frame.h"
#include "wire/methods.h"

enum { NAMES = 4096, CALLS = 100000, CLUSTERS_MAX = 64, SERVERS = 3, PER_ENTRY = 16 };

struct cluster {
    struct replica servers[SERVERS];
    double busy_s[SERVERS];
    uint64_t session, number, calls;
};

static struct cluster clusters[CLUSTERS_MAX];
static struct effects effects;
static uint64_t dice = 1;

static uint64_t roll(void)
{
    dice = dice * 6364136223846793005u + 1442695040888963407u;
    return dice >> 33;
}

static double cpu_s(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

/* The cluster of a name: what a client computes (rendezvous: of all, the one whose mix with it is highest).
 */
static unsigned cluster_of(unsigned name, unsigned n)
{
    unsigned best = 0;
    uint64_t highest = 0;
    for (unsigned i = 0; i < n; i++) {
        uint64_t h = (name * 0x9e3779b97f4a7c15u) ^ ((uint64_t)i * 0xbf58476d1ce4e5b9u);
        h = (h ^ h >> 30) * 0x94d049bb133111ebu;
        h ^= h >> 31;
        if (h >= highest) {
            highest = h;
            best = i;
        }
    }
    return best;
}

static void commit(struct cluster *c)
{
    struct buf entry = buf_make(0);
    if (replica_entry_len(&c->servers[0]) == 0)
        return;
    replica_take_entry(&c->servers[0], &entry);
    for (unsigned i = 0; i < SERVERS; i++) {
        double before = cpu_s();
        if (replica_apply(&c->servers[i], buf_slice(&entry)) != ROOST_OK)
            abort();
        c->busy_s[i] += cpu_s() - before;
    }
    roost__buf_free(&entry);
}

static void step(struct cluster *c, struct event event)
{
    event.now_us = 1000000;
    effects_reset(&effects);
    if (replica_step(&c->servers[0], &event, &effects) != ROOST_OK)
        abort();
}

/* dict.open of the name, or dict.incr of it by its id. */
static void call(struct cluster *c, unsigned method, const char *name, uint64_t id)
{
    uint8_t bytes[128];
    struct buf b = {.data = bytes, .cap = sizeof(bytes), .max = sizeof(bytes)};
    c->number++;
    roost__put_array(&b, CALL_PARTS + 1);
    roost__put_int(&b, FRAME_CALL);
    roost__put_uint(&b, c->number);
    roost__put_uint(&b, 1);
    roost__put_uint(&b, id);
    roost__put_uint(&b, method);
    roost__put_array(&b, 1);
    roost__put_cstr(&b, name);
    roost__put_uint(&b, c->number - 1);
    step(c, (struct event){.kind = EVENT_CALL, .session = c->session, .payload = buf_slice(&b)});
}

static void begin(struct cluster *c)
{
    static const uint8_t info[] = {0x81, 0xa8, 'g', 'r', 'a', 'c', 'e', '_', 'm', 's', 0xcd, 0x10, 0x00};
    static const uint8_t secret[SECRET_LEN];
    struct core_options options = {.now_us = 1000000, .epoch = 1};
    struct buf first = buf_make(1 << 20);
    *c = (struct cluster){.number = 0};
    if (replica_first_entry(&options, &first) != ROOST_OK)
        abort();
    for (unsigned i = 0; i < SERVERS; i++) {
        replica_init(&c->servers[i], &options, 100 * (i + 1));
        replica_apply(&c->servers[i], buf_slice(&first));
    }
    roost__buf_free(&first);
    step(c, (struct event){.kind = EVENT_OPEN,
                           .payload = slice_of(info, sizeof(info)),
                           .secret = slice_of(secret, sizeof(secret))});
    c->session = effects.opened;
}

/* Which name a call is about: all alike, or few much more often (Zipf, exponent 1). */
static unsigned any_name(const double *until, bool skewed)
{
    if (!skewed)
        return (unsigned)(roll() % NAMES);
    double x = (double)roll() / (double)(1u << 31) * until[NAMES - 1];
    unsigned low = 0, high = NAMES - 1;
    while (low < high) {
        unsigned mid = (low + high) / 2;
        if (until[mid] < x)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

/* Calls a second of the CPU of the busiest server. */
static double measure(unsigned n, const double *until, bool skewed)
{
    static uint64_t ids[NAMES];
    double busiest = 0;
    for (unsigned i = 0; i < n; i++)
        begin(&clusters[i]);
    for (unsigned name = 0; name < NAMES; name++) {
        struct cluster *c = &clusters[cluster_of(name, n)];
        char text[16];
        snprintf(text, sizeof(text), "d%u", name);
        call(c, METHOD_dict_open, text, 0);
        ids[name] = c->number; /* objects are numbered as they are made */
    }
    for (unsigned i = 0; i < n; i++) {
        commit(&clusters[i]);
        memset(clusters[i].busy_s, 0, sizeof(clusters[i].busy_s));
    }
    for (unsigned k = 0; k < CALLS; k++) {
        unsigned name = any_name(until, skewed);
        struct cluster *c = &clusters[cluster_of(name, n)];
        double before = cpu_s();
        call(c, METHOD_dict_incr, "n", ids[name]);
        c->busy_s[0] += cpu_s() - before;
        if (++c->calls % PER_ENTRY == 0)
            commit(c);
    }
    for (unsigned i = 0; i < n; i++) {
        for (unsigned s = 0; s < SERVERS; s++) {
            busiest = clusters[i].busy_s[s] > busiest ? clusters[i].busy_s[s] : busiest;
            replica_free(&clusters[i].servers[s]);
        }
    }
    return CALLS / busiest;
}

int main(void)
{
    static double until[NAMES];
    double sum = 0, one[2] = {0, 0};
    effects_init(&effects);
    for (unsigned i = 0; i < NAMES; i++)
        until[i] = sum += 1.0 / (i + 1);
    printf("| clusters | names alike | | few names hot | |\n|---|---|---|---|---|\n");
    for (unsigned n = 1; n <= CLUSTERS_MAX; n *= 2) {
        double rate[2] = {measure(n, until, false), measure(n, until, true)};
        one[0] = n == 1 ? rate[0] : one[0];
        one[1] = n == 1 ? rate[1] : one[1];
        printf("| %u | %.0f k/s | %.1f x | %.0f k/s | %.1f x |\n", n, rate[0] / 1000, rate[0] / one[0],
               rate[1] / 1000, rate[1] / one[1]);
    }
    effects_free(&effects);
    return 0;
}
