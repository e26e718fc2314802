/*
 * forker.h: forks whose child the kernel kills when this process dies.
 *
 * The kernel's notice (PR_SET_PDEATHSIG) follows the *thread* that forked: were that the caller's, the child
 * would die with the thread. So one thread that lives as long as the process does these forks.
 * Called by process.c.
 */
#ifndef ROOST_RUN_FORKER_H
#define ROOST_RUN_FORKER_H

#include <sys/types.h>

/* Forks; the child runs live(arg), which must not return. The child's number, or -1 with errno. */
pid_t roost__fork_mortal(void (*live)(void *arg), void *arg);

#endif
