/*
 * ca.h: a private certificate authority in a folder: ca.pem and ca.key, and what they sign, NAME.pem and
 * NAME.key, or have revoked, crl.pem. Keys are P-256; their files are their owner's alone.
 *
 * Called by certify.c and the tests. Errors are worded (base/error.h).
 */
#ifndef ROOST_TOOLS_CA_H
#define ROOST_TOOLS_CA_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <time.h>

enum { CA_DAYS = 3650, CERT_DAYS = 825, CA_HOSTS_MAX = 32 };

struct cert_request {
    const char *name;   /* of the files, and in the certificate */
    bool client;        /* for a client; else for a server, who is called … */
    bool node;          /* … and calls others of its kind, as one of a cluster does */
    char *const *hosts; /* … so: host names and addresses */
    size_t host_count;
    time_t from, until;
};

/* Makes the authority in a folder, which is made when it is not there. ROOST_EEXIST: it has one. */
int ca_create(const char *folder, time_t from, time_t until);

/* Makes a key and its certificate, signed by the folder's authority. ROOST_EEXIST: there is one of that name.
 */
int ca_sign(const char *folder, const struct cert_request *request);

/* Puts NAME.pem on the authority's list of what it has revoked, crl.pem, made when there is none; the list is
 * to be renewed until then. ROOST_EEXIST: it stands there. */
int ca_revoke(const char *folder, const char *name, time_t now, time_t until);

/* "FOLDER/NAME.SUFFIX". */
int ca_path(const char *folder, const char *name, const char *suffix, char ret[PATH_MAX]);

#endif
