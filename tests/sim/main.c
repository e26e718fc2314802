/*
 * main.c: the simulator's command line: sim N [--seed S]: N histories, from seed S on (1 when it is left
 * out); sim --seed S: that one, told in words. The last line says how many there were and which failed.
 */
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/sim/world.h"

static uint64_t running;

/* An assertion of the core failed: its message is out; this says how to see it again. */
static void on_abort(int signal_number)
{
    char text[80];
    int n = snprintf(text, sizeof(text), "signal %d: seed %" PRIu64 "\n", signal_number, running);
    if (write(STDOUT_FILENO, text, (size_t)n) < 0)
        _exit(3);
    _exit(2);
}

static int usage(void)
{
    fprintf(stderr, "usage: sim N [--seed S] | sim --seed S\n");
    return 2;
}

int main(int argc, char **argv)
{
    uint64_t count = 0, seed = 1;
    bool verbose = argc == 3;
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--seed") == 0 && i + 1 < argc)
            seed = strtoull(argv[++i], NULL, 10);
        else if (argv[i][0] >= '0' && argv[i][0] <= '9')
            count = strtoull(argv[i], NULL, 10);
        else
            return usage();
    }
    if (count == 0 && !verbose)
        return usage();
    if (verbose)
        count = 1;
    struct world *w = calloc(1, sizeof(*w));
    struct model *m = calloc(1, sizeof(*m));
    uint64_t failed = 0, first = 0, steps = 0;
    if (w == NULL || m == NULL)
        return 2;
    setvbuf(stdout, NULL, _IOLBF, 0);
    signal(SIGABRT, on_abort);
    signal(SIGSEGV, on_abort);
    for (uint64_t i = 0; i < count; i++) {
        running = seed + i;
        if (!world_run(w, m, running, verbose)) {
            printf("seed %" PRIu64 ": %s\n", running, w->why);
            first = failed++ == 0 ? running : first;
        }
        steps += w->steps;
        if (failed >= 10)
            count = i + 1;
    }
    printf("%" PRIu64 " seeds, %" PRIu64 " steps, %" PRIu64 " failed", count, steps, failed);
    failed > 0 ? printf("; the first: %" PRIu64 "\n", first) : printf("\n");
    model_free(m);
    free(m);
    free(w);
    return failed > 0;
}
