/*
 * device.c: something that one writer may use at a time and that cannot check who holds a lock: here a record
 * in a file. It looks at the fencing token of every request. Whatever a slow or stopped writer still sends
 * when a later one was here is refused: its token is smaller. So the device never sees two writers, even if
 * two believe they are the one.
 */
#include <errno.h>
#include <inttypes.h>
#include <unistd.h>

#include "common.h"
#include "wire.h"

typedef struct device {
    FILE *record;
    uint64_t newest; /* the largest token seen */
    uint64_t open;   /* the token of the job that is open; 0: none */
    char owner[64];  /* and whose it is */
} device;

static void record(device *d, const char *what, uint64_t token, const char *name, const char *text)
{
    fprintf(d->record, "%s %" PRIu64 " %s%s%s\n", what, token, name, text[0] != '\0' ? " " : "", text);
    fflush(d->record);
}

static int begin(device *d, bool owner_died, uint64_t token, const char *name, char *why)
{
    if (token <= d->newest)
        return snprintf(why, MESSAGE_MAX, "token %" PRIu64 " was used", token);
    if (d->open != 0 && !owner_died)
        return snprintf(why, MESSAGE_MAX, "%s is still writing", d->owner);
    if (d->open != 0) {
        say("the job of %s is half done and abandoned", d->owner);
        record(d, "abandoned", d->open, d->owner, "");
    }
    d->newest = d->open = token;
    snprintf(d->owner, sizeof(d->owner), "%s", name);
    return 0;
}

/* Does it, or says why not and returns not 0. */
static int handle(device *d, const char *what, uint64_t token, const char *name, char *why)
{
    if (token < d->newest)
        return snprintf(why, MESSAGE_MAX, "token %" PRIu64 " is stale, %" PRIu64 " was here", token,
                        d->newest);
    if (strcmp(what, "begin") == 0 || strcmp(what, "recover") == 0)
        return begin(d, what[0] == 'r', token, name, why);
    if (token != d->open)
        return snprintf(why, MESSAGE_MAX, "no job began with token %" PRIu64, token);
    if (strcmp(what, "end") == 0)
        d->open = 0;
    else if (strcmp(what, "write") != 0)
        return snprintf(why, MESSAGE_MAX, "what is \"%s\"?", what);
    return 0;
}

static void answer(device *d, int peer, const char *request)
{
    char what[16], name[64], text[128] = "", why[MESSAGE_MAX] = "not understood",
                             reply[MESSAGE_MAX + 16] = "ok";
    uint64_t token;
    int read = sscanf(request, "%15s %" SCNu64 " %63s %127[^\n]", what, &token, name, text);
    if (read < 3) {
        snprintf(reply, sizeof(reply), "refused: %s", why);
    } else if (handle(d, what, token, name, why) == 0) {
        record(d, what, token, name, text);
        if (strcmp(what, "write") != 0)
            say("%s %ss, token %" PRIu64, name, what, token);
    } else {
        record(d, "refused", token, name, why);
        say("REFUSED: %s: %s", name, why);
        snprintf(reply, sizeof(reply), "refused: %s", why);
    }
    send(peer, reply, strlen(reply), MSG_NOSIGNAL); /* who is gone meanwhile does not want to know */
}

int main(int argc, char **argv)
{
    struct sockaddr_un address;
    device d = {.record = argc == 3 ? fopen(argv[2], "w") : NULL};
    int listener = d.record != NULL ? device_socket(argv[1], &address) : -1;
    if (listener >= 0)
        unlink(argv[1]); /* of a device before this one */
    if (listener < 0 || bind(listener, (struct sockaddr *)&address, sizeof(address)) != 0 ||
        listen(listener, 16) != 0)
        return fprintf(stderr, "demo_device_device SOCKET RECORD: %s\n", strerror(errno)), 1;
    for (;;) {
        char request[MESSAGE_MAX] = "";
        int peer = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
        /* A writer that is stopped between its connect and its request keeps the others waiting so long, not
         * for ever. */
        setsockopt(peer, SOL_SOCKET, SO_RCVTIMEO, &(struct timeval){.tv_usec = 200000},
                   sizeof(struct timeval));
        if (recv(peer, request, sizeof(request) - 1, 0) > 0)
            answer(&d, peer, request);
        close(peer);
    }
}
