/*
 * roost/local/object.h: what holds for all local objects: shared memory, no server (Python's
 * multiprocessing.Lock, Value, Queue … as opposed to those of a Manager).
 *
 * Making. …_new() makes an object without a name: the process that made it and the children it forks
 * afterwards use it by the same handle. …_open(name) makes or opens one that any process of the same user on
 * the same host finds by its name (1 to 127 bytes; one name, one type). Parameters count at creation and must
 * agree with those of an existing object (ROOST_EEXIST). The memory goes when the last process that has it
 * open closes it or ends, however it ends: nothing stays behind, nothing is to be cleaned up. (`ipcs -m`
 * shows the segments.)
 *
 * Ownership. *ret is the caller's until …_close(), which frees the handle and nothing else; it may be NULL. A
 * forked child has a copy of every handle and may close its copy.
 *
 * Threads. Any number of threads may use a handle at the same time; closing must be the last call.
 *
 * Death. A process that is killed at any moment leaves every object whole. A lock it held goes to the next
 * who asks or waits (within 100 ms when one waits already), who learns it by owner_died: what the lock
 * protects may be half done.
 *
 * Errors. Each function may return ROOST_EINVAL; making also ROOST_ENOMEM, ROOST_ESYS, and ROOST_EEXIST for a
 * name that is of another type, of other parameters, or of another pid namespace. timeout_ms: -1 waits for
 * ever, 0 does not wait; when the time is up: ROOST_ETIMEDOUT. Waiting is first come first served only where
 * a function says so.
 */
#ifndef ROOST_LOCAL_OBJECT_H
#define ROOST_LOCAL_OBJECT_H

#include "roost/error.h"

#endif
