/*
 * writer.c: does one job after the other at the device, each under the lock that guards it, until the event
 * "enough" is set. A job is several writes: two writers at a time would mix theirs up. The one numbered
 * DEMO_ENDLESS_JOB has no end: it lasts until its writer is killed, or is refused by the device because it is
 * not the owner any more.
 */
#include <inttypes.h>
#include <unistd.h>

#include "common.h"
#include "wire.h"

enum { BLOCKS = 5, GRACE_MS = 500, LEASE_MS = 1500 };

static long work_ms, endless_job;

typedef struct writer {
    const char *url, *device, *name;
    int job;
    roost_manager *m;
    roost_lock *lock;
    roost_event *enough;
} writer;

/* Asks the device until it answers; returns whether it accepts. */
static bool device_takes(const writer *w, const char *what, uint64_t token, const char *text)
{
    char request[MESSAGE_MAX], reply[MESSAGE_MAX + 16] = "";
    snprintf(request, sizeof(request), "%s %" PRIu64 " %s %s", what, token, w->name, text);
    while (reply[0] ==
           '\0') { /* without an answer nothing was done: wire.h's requests are read whole or not at all */
        struct sockaddr_un address;
        int fd = device_socket(w->device, &address);
        if (connect(fd, (struct sockaddr *)&address, sizeof(address)) != 0 ||
            send(fd, request, strlen(request), MSG_NOSIGNAL) < 0 ||
            recv(fd, reply, sizeof(reply) - 1, 0) <= 0)
            nap_ms(20);
        close(fd);
    }
    if (reply[0] != 'o')
        say("my %s is %s", what, reply);
    return reply[0] == 'o';
}

static bool write_blocks(const writer *w, uint64_t token)
{
    for (int i = 0; i < BLOCKS || w->job == endless_job; i++) {
        char text[64];
        nap_ms(work_ms);
        snprintf(text, sizeof(text), "job %d block %d", w->job, i);
        if (!device_takes(w, "write", token, text))
            return false;
    }
    return true;
}

static int do_job(writer *w)
{
    roost_grant grant;
    int rc = roost_lock_acquire(w->lock, &grant, -1);
    if (rc != 0)
        return rc;
    w->job++;
    say("the lock is mine, token %" PRIu64 "%s%s", grant.token, grant.owner_died ? ": its owner died" : "",
        w->job == endless_job ? "; this will take long" : "");
    if (device_takes(w, grant.owner_died ? "recover" : "begin", grant.token, "") &&
        write_blocks(w, grant.token))
        device_takes(w, "end", grant.token, "");
    return roost_lock_release_token(w->lock, grant.token);
}

static int begin(writer *w)
{
    int rc = connect_patiently(w->url, w->name, GRACE_MS, LEASE_MS, &w->m);
    if (rc == 0)
        rc = roost_lock_open(w->m, "device", &w->lock);
    if (rc == 0)
        rc = roost_event_open(w->m, "enough", &w->enough);
    return rc;
}

static void end(writer *w)
{
    roost_lock_close(w->lock);
    roost_event_close(w->enough);
    roost_manager_close(w->m);
    w->lock = NULL;
    w->enough = NULL;
    w->m = NULL;
}

/* One session: jobs until it is enough, or until the session is lost. */
static int do_jobs(writer *w)
{
    bool enough = false;
    int rc = begin(w);
    while (rc == 0 && !enough) {
        rc = do_job(w);
        if (rc == 0)
            rc = roost_event_is_set(w->enough, &enough);
    }
    return rc;
}

int main(int argc, char **argv)
{
    char name[64] = "writer";
    gethostname(name, sizeof(name) - 1);
    if (argc < 3)
        return fprintf(stderr, "usage: demo_device_writer URL SOCKET [NAME]\n"), 2;
    writer w = {.url = argv[1], .device = argv[2], .name = argc > 3 ? argv[3] : name};
    work_ms = from_env("DEMO_WORK_MS", 20);
    endless_job = from_env("DEMO_ENDLESS_JOB", 0);
    int rc;
    while ((rc = do_jobs(&w)) == ROOST_ESESSION || rc == ROOST_ENOTOWNER) {
        say("I lost the lock (%s): I begin anew", roost_errmsg());
        end(&w);
    }
    if (rc != 0)
        return demo_die("work");
    say("I did %d jobs", w.job);
    end(&w);
    return 0;
}
