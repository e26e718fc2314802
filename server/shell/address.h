/*
 * address.h: from ipc and tcp URLs to bound, listening sockets.
 */
#ifndef ROOST_SHELL_ADDRESS_H
#define ROOST_SHELL_ADDRESS_H

#include <stdbool.h>
#include <stddef.h>

/*
 * A non-blocking socket that listens at the URL, or -1, and why says why. ret_url gets the URL with the real
 * port. A socket file that nobody answers on is removed first; the caller holds its lockfile.
 */
int address_listen(const char *url, unsigned socket_mode, char *ret_url, size_t url_len, char *ret_why,
                   size_t why_len);

/* Splits "host:port", "[v6]:port", "*:port" or ":port". False: it is none of them. */
bool address_split(const char *text, char ret_host[256], char ret_port[8]);

/* Does a TCP URL of any kind stand for addresses of the loopback only? */
bool address_is_loopback(const char *url);

#endif
