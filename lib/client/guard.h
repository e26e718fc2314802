/*
 * guard.h: the calling thread's guard, as the calls on handles carry it (roost/guard.h). Called by object.c.
 */
#ifndef ROOST_CLIENT_GUARD_H
#define ROOST_CLIENT_GUARD_H

#include "roost/guard.h"

/* The thread's guard; token 0: none. */
roost_guard roost__guard(void);

#endif
