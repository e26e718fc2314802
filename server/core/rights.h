/*
 * rights.h: what a session may do, and with which objects.
 *
 * Rules are a session's: patterns of names (fnmatch(3)), each with rights. An object has the rights of all
 * the patterns that match its name; an anonymous one is its maker's, and for others has the empty name.
 * Invariant: everything that a call reaches passes rights_check() in the step in which it happens, whatever
 * way leads there. Called by dispatch.c and by who looks objects up.
 */
#ifndef ROOST_CORE_RIGHTS_H
#define ROOST_CORE_RIGHTS_H

#include "core/internal.h"

enum { RIGHT_ANY = 0 }; /* as a need: one of them, whichever */

/* Gives a session its identity and rules. ROOST_ENOMEM: nothing changed; ROOST_EPROTO: the rules' shape. */
int rights_give(struct session *s, const struct event *event);

/* Other rules for all sessions of an identity, or their end. */
void rights_change(struct core *core, const struct event *event);

/* What a method takes by its flags. */
unsigned rights_of_method(const struct method *m);

/* May the session? */
bool rights_allow(struct session *s, const struct object *o, unsigned need);

/* The same; false: the call has failed. */
bool rights_check(struct call *c, const struct object *o, unsigned need);
bool rights_check_name(struct call *c, struct slice name, unsigned need);

/* Notes which object an act of an administrator is about, for core_audit(). */
void rights_note_act(struct call *c, const struct object *o);

/* To make an anonymous object one must be allowed to write something. */
bool rights_check_create(struct call *c);

#endif
