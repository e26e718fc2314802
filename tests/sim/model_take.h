/*
 * model_take.h: what the files about taking and giving back (model_hold.c, model_take.c, model_several.c)
 * have in common; see model.h.
 */
#ifndef ROOST_SIM_MODEL_TAKE_H
#define ROOST_SIM_MODEL_TAKE_H

#include "tests/sim/model.h"

/* The first who holds a thing, or NULL. */
struct mhold *mhold_of(struct model *m, const struct mwant *what);
/* The first hold of a session's thread (any: of whatever thread), or NULL. */
struct mhold *mhold_by(struct model *m, uint64_t object, uint64_t session, uint64_t thread, bool any);
/* The same of holds that lapsed. */
struct mlapsed *mlapsed_of(struct model *m, uint64_t object, uint64_t session, uint64_t thread, bool any);

/* May the caller give n levels or permits back? 0 or a code. */
int may_release(struct model *m, const struct mcall *c, uint64_t object, uint64_t token, int64_t n);
void model_release(struct model *m, const struct mcall *c, uint64_t object, uint64_t token, int64_t n);

/* A time to live is left out or at least a ms; else the call has failed. */
bool ttl_good(struct model *m, const struct mcall *c, unsigned i);

/* Calls of a keyed_lock. */
void keyed_call(struct model *m, struct mcall *c);

#endif
