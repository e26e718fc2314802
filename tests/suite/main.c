/* main.c: test_suite BACKEND: runs every case of the suite on one backend. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/suite/suite.h"

static const struct backend *const backends[] = {
    &backend_core, &backend_saved, &backend_durable, &backend_resume,  &backend_ipc,
    &backend_tcp,  &backend_nng,   &backend_ring,    &backend_tcpring, &backend_tls};

enum { CASES_MAX = 256 };

int main(int argc, char **argv)
{
    static struct CMUnitTest cases[CASES_MAX];
    const struct backend *chosen = NULL;
    size_t n = 0;
    for (size_t i = 0; i < sizeof(backends) / sizeof(backends[0]) && argc == 2; i++)
        if (strcmp(backends[i]->name, argv[1]) == 0)
            chosen = backends[i];
    if (chosen == NULL) {
        fprintf(stderr, "usage: test_suite core|saved|durable|resume|ipc|tcp|nng|ring|tcpring|tls\n");
        return 2;
    }
    for (size_t i = 0; i < suite_group_count; i++) {
        const struct CMUnitTest *more;
        size_t len;
        suite_groups[i](&more, &len);
        assert_true(n + len <= CASES_MAX);
        memcpy(cases + n, more, len * sizeof(cases[0]));
        n += len;
    }
    suite_start(chosen);
    int failed = _cmocka_run_group_tests(chosen->name, cases, n, NULL, NULL);
    suite_stop();
    return failed;
}
