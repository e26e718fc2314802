/*
 * farewell.h: one thing to be done when this process ends in order: by exit(), or as a child of lib/run,
 * which ends by _exit().
 *
 * The client tells servers then that its sessions end, so that they need not wait whether it comes back. The
 * layers that end processes do not know the client: hence this door. Called by client/fork.c (set) and
 * lib/run.
 */
#ifndef ROOST_BASE_FAREWELL_H
#define ROOST_BASE_FAREWELL_H

/* Sets what is to be done, once in the life of the program. */
void roost__farewell_set(void (*f)(void));

/* Does it, if there is anything. */
void roost__farewell(void);

#endif
