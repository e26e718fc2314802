/*
 * main.c: the simulator's command line: sim N [--seed S]: N histories, from seed S on, or from a fresh one;
 * sim --seed S: that one, told in words. The last line says how many there were and which failed.
 */
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "tests/sim/world.h"

enum { FAILED_MAX = 10 };

static uint64_t running;

/* An assertion of the core failed, or worse: this says how to see it again. */
static void on_crash(int signal_number)
{
    char text[80];
    int n = snprintf(text, sizeof(text), "signal %d: seed %" PRIu64 "\n", signal_number, running);
    if (write(STDOUT_FILENO, text, (size_t)n) == n)
        signal(signal_number, SIG_DFL);
    raise(signal_number);
}

/* Where to begin when nobody says: elsewhere than the last time. */
static uint64_t fresh_seed(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

struct order {
    uint64_t count; /* 0: one, told in words */
    uint64_t seed;
};

static bool read_order(int argc, char **argv, struct order *ret)
{
    bool has_seed = false;
    *ret = (struct order){.seed = fresh_seed()};
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--seed") == 0 && i + 1 < argc)
            ret->seed = strtoull(argv[++i], NULL, 10), has_seed = true;
        else if (argv[i][0] >= '1' && argv[i][0] <= '9')
            ret->count = strtoull(argv[i], NULL, 10);
        else
            return false;
    }
    return has_seed || ret->count > 0;
}

/* Runs them all, or until ten have failed; returns how many have. */
static uint64_t run(struct world *w, struct model *m, const struct order *order)
{
    uint64_t n = 0, failed = 0, first = 0, steps = 0;
    bool one = order->count == 0;
    for (; n < order->count + one && failed < FAILED_MAX; n++) {
        running = order->seed + n;
        if (!world_run(w, m, running, one)) {
            printf("seed %" PRIu64 ": %s\n", running, w->why);
            first = failed++ == 0 ? running : first;
        }
        steps += w->steps;
    }
    printf("%" PRIu64 " seeds from %" PRIu64 " on, %" PRIu64 " steps, %" PRIu64 " failed", n, order->seed,
           steps, failed);
    failed > 0 ? printf("; the first: %" PRIu64 "\n", first) : printf("\n");
    return failed;
}

int main(int argc, char **argv)
{
    struct order order;
    struct world *w = calloc(1, sizeof(*w));
    struct model *m = calloc(1, sizeof(*m));
    if (!read_order(argc, argv, &order) || w == NULL || m == NULL) {
        fprintf(stderr, "usage: sim N [--seed S] | sim --seed S\n");
        free(m);
        free(w);
        return 2;
    }
    setvbuf(stdout, NULL, _IOLBF, 0);
    signal(SIGABRT, on_crash);
    signal(SIGSEGV, on_crash);
    uint64_t failed = run(w, m, &order);
    model_free(m);
    free(m);
    free(w);
    return failed > 0;
}
