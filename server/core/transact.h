/*
 * transact.h: server.transact, for the files that make it wait and look again.
 *
 * Invariant: a transaction that waits is a waiter in the line of core->server, with a watch on every object
 * that its conditions name. object_changed() marks it as woken; woken ones are looked at before the step
 * ends, in the order they came. Nobody looks at the others. Called by core.c, object.c and waiter.c.
 */
#ifndef ROOST_CORE_TRANSACT_H
#define ROOST_CORE_TRANSACT_H

#include "core/internal.h"

void transactions_init(struct core *core);

/* Looks at the woken ones until none is left. */
void transactions_retry(struct core *core);

/* Tells those who wait for o that it is going. */
void transactions_deleted(struct core *core, struct object *o);

/* Of a waiter that is being freed; NULL is allowed. */
void transaction_free(struct transaction *t);

#endif
