/* pingpong.c: see pingpong.h. */
#include "pingpong.h"

#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/futex.h"
#include "base/spin.h"
#include "bench.h"

enum { BYTES = 48 };

struct cell {
    _Alignas(128) _Atomic uint32_t count;
    _Alignas(128) _Atomic uint32_t asleep;
    _Alignas(128) char bytes[BYTES];
};

static struct cell *cells; /* ours to write, theirs to write */
static pid_t echo;
static struct spin spin;

static bool look(struct cell *c, uint32_t seen)
{
    if (!spin_worth(&spin))
        return false;
    int64_t end = now_ns() + SPIN_US * 1000;
    bool found = false;
    while (!found && now_ns() < end)
        for (int i = 0; i < 32 && !(found = atomic_load(&c->count) != seen); i++)
            spin_pause();
    spin_result(&spin, found);
    return found;
}

static void cell_await(struct cell *c, uint32_t seen, char *bytes)
{
    if (atomic_load(&c->count) == seen && !look(c, seen))
        while (atomic_load(&c->count) == seen) {
            atomic_store(&c->asleep, 1);
            if (atomic_load(&c->count) == seen)
                futex_wait(&c->asleep, 1, FOREVER);
            atomic_store(&c->asleep, 0);
        }
    memcpy(bytes, c->bytes, BYTES);
}

static void cell_say(struct cell *c, const char *bytes)
{
    memcpy(c->bytes, bytes, BYTES);
    atomic_fetch_add(&c->count, 1);
    if (atomic_load(&c->asleep) != 0 && atomic_exchange(&c->asleep, 0) != 0)
        futex_wake(&c->asleep, 1);
}

int bench_pingpong_begin(void)
{
    cells = mmap(NULL, 2 * sizeof(*cells), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (cells == MAP_FAILED)
        return -1;
    echo = fork();
    if (echo != 0)
        return echo > 0 ? 0 : -1;
    char bytes[BYTES];
    for (uint32_t seen = 0;; seen++) {
        cell_await(&cells[0], seen, bytes);
        if (bytes[0] != 0)
            _exit(0);
        cell_say(&cells[1], bytes);
    }
}

double bench_pingpong(int n)
{
    char bytes[BYTES] = {0};
    double start = bench_now();
    for (int i = 0; i < n; i++) {
        uint32_t seen = atomic_load(&cells[1].count);
        cell_say(&cells[0], bytes);
        cell_await(&cells[1], seen, bytes);
    }
    return bench_now() - start;
}

void bench_pingpong_end(void)
{
    char last[BYTES] = {1};
    cell_say(&cells[0], last);
    waitpid(echo, NULL, 0);
    munmap(cells, 2 * sizeof(*cells));
}
