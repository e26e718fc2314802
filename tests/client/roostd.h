/*
 * roostd.h: a real roostd over tcp, of a test's own.
 */
#ifndef ROOST_TESTS_CLIENT_ROOSTD_H
#define ROOST_TESTS_CLIENT_ROOSTD_H

#include <sys/types.h>

enum { ROOSTD_URL = 256 };

/* Starts it at a port of the system's choice, and waits until it listens at *url*. */
pid_t roostd_start(char url[ROOSTD_URL]);

/* Sends it a signal, and waits for its end. */
void roostd_end(pid_t server, int signal);

#endif
