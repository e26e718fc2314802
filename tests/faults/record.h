/*
 * record.h: the events that a case of the suite gave the core, to be given to other cores again.
 *
 * The program is linked with --wrap=core_create, core_step: what passes is written down while a record is
 * open. A replay of the first n events leaves a core exactly as the case had it then: the core is a pure
 * function. Called by test_core.c.
 */
#ifndef ROOST_TESTS_RECORD_H
#define ROOST_TESTS_RECORD_H

#include "core/core.h"

struct record {
    struct core_options options;
    struct event *events; /* the payloads are the record's */
    size_t len;
    size_t cap;
};

/* Writes down from the next core_create() on, until record_end(). */
void record_begin(struct record *r);
void record_end(void);
/* All sessions ask for grace: their answers are kept. */
void record_give_grace(struct record *r);
void record_free(struct record *r);

/* A core that has taken the first n events; the effects are as a caller has them who uses the same ones
 * always. */
struct core *replay(const struct record *r, size_t n, struct effects *effects);

#endif
