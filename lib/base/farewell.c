/* farewell.c: see farewell.h. */
#include "base/farewell.h"

#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>

static void (*_Atomic farewell)(void);

void roost__farewell(void)
{
    void (*f)(void) = atomic_load(&farewell);
    if (f != NULL)
        f();
}

void roost__farewell_set(void (*f)(void))
{
    atomic_store(&farewell, f);
    atexit(roost__farewell);
}
