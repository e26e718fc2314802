/*
 * partition.h: a network that can be cut: this process's own network namespace and another, joined by a pair
 * of virtual Ethernet devices. Nothing of it is seen outside, and all of it goes with the process.
 */
#ifndef ROOST_TESTS_PROOF_PARTITION_H
#define ROOST_TESTS_PROOF_PARTITION_H

#include <stdbool.h>

#define PARTITION_HERE  "10.213.7.1" /* this side's address */
#define PARTITION_THERE "10.213.7.2" /* the other side's */

/* Moves this process, which has one thread, to a namespace of its own and makes the other; false: not
 * permitted, or the `ip` program is missing. */
bool partition_make(void);

/* Ends the process that keeps the other side. */
void partition_end(void);

/* Moves a child that was just forked to the other side. */
void partition_cross(void);

/* Cuts the link: no packet goes either way, and nobody is told. Or joins it again. */
void partition_cut(bool cut);

#endif
