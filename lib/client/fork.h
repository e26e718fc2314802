/*
 * fork.h: what happens to managers when the process forks, and when it ends.
 *
 * The child must neither write to the parent's connection nor keep it open (the server would not see the
 * parent die), and must not wait for a lock that a thread of the parent held. So, once per fork() and without
 * a cost per call: the handlers hold the short locks across the fork, and the child's closes its copies of
 * the sockets and sets the connections aside for good; another thread may have been inside at that moment, so
 * they are never touched again. Called by manager.c.
 */
#ifndef ROOST_CLIENT_FORK_H
#define ROOST_CLIENT_FORK_H

#include "client/manager.h"

/* Puts a manager under the care of the fork handlers. */
void roost__fork_register(struct roost_manager *m);
void roost__fork_unregister(struct roost_manager *m);

#endif
