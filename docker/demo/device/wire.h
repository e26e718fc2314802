/*
 * wire.h: how a writer talks to the device: a Unix-domain socket on a volume that both have, one request and
 * one answer per connection. The device knows nothing of roost: it knows numbers that rise.
 *
 *     begin TOKEN NAME         a job begins; refused while another's job is open
 *     recover TOKEN NAME       the same by who was told that the owner before died: his open job is abandoned
 *     write TOKEN NAME TEXT    a block of the job that began with this token
 *     end TOKEN NAME           the job is whole
 *
 * The answer is "ok" or "refused: why".
 */
#ifndef ROOST_DEVICE_WIRE_H
#define ROOST_DEVICE_WIRE_H

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

enum { MESSAGE_MAX = 256 };

/* A socket that keeps messages apart: what is received is one whole request or answer. Returns -1: errno says
 * why. */
static inline int device_socket(const char *path, struct sockaddr_un *address)
{
    if (strlen(path) >= sizeof(address->sun_path)) {
        errno = ENAMETOOLONG;
        return -1;
    }
    *address = (struct sockaddr_un){.sun_family = AF_UNIX};
    memcpy(address->sun_path, path, strlen(path));
    return socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
}

#endif
