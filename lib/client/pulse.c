/* pulse.c: see pulse.h. */
#include "client/pulse.h"

#include <limits.h>
#include <poll.h>
#include <stdint.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/error.h"
#include "client/clock.h"
#include "client/conn.h"
#include "client/quiet.h"

enum { BEATS = 4 }; /* in a lease */

static int64_t next_beat(const struct conn *c)
{
    int64_t ms = c->terms.lease_ms / BEATS;
    return roost__clock_deadline(ms > INT_MAX ? INT_MAX : ms < 1 ? 1 : (int)ms);
}

/* Sleeps until a deadline, or until the server hangs up (with hangup), or the end. False: the end. */
static bool sleep_until(struct conn *c, int64_t deadline, bool hangup)
{
    struct pollfd fds[] = {{.fd = c->pulse.wake, .events = POLLIN},
                           {.fd = c->transport.fd, .events = POLLRDHUP}};
    uint64_t count;
    if (poll(fds, hangup ? 2 : 1, roost__clock_left(deadline)) > 0 && fds[0].revents != 0)
        (void)!read(c->pulse.wake, &count, sizeof(count));
    return !atomic_load(&c->pulse.ends);
}

/* Takes what has come when nobody else is there to. False: another thread reads. */
static bool look(struct conn *c)
{
    if (!roost__conn_try_lead(c))
        return false;
    (void)roost__conn_look(c, true);
    roost__conn_hand_on(c);
    return true;
}

static bool has_failed(struct conn *c)
{
    pthread_mutex_lock(&c->lock);
    bool failed = c->code != 0;
    pthread_mutex_unlock(&c->lock);
    return failed;
}

static void *pulse_main(void *arg)
{
    struct conn *c = arg;
    bool alone = true; /* nobody else would notice a hang-up */
    int64_t beat = next_beat(c);
    for (int silent = 0; sleep_until(c, beat, alone) && !has_failed(c);) {
        alone = look(c);
        if (roost__clock_left(beat) > 0)
            continue;
        beat = next_beat(c);
        silent = atomic_exchange(&c->heard, false) ? 0 : silent + 1;
        if (silent < BEATS) {
            roost__send_signal(c, FRAME_PING);
        } else {
            silent = 0;
            roost__addresses_pass(c->options.addresses);
            roost__transport_shutdown(&c->transport); /* the leader finds out, or we do at the next look */
        }
    }
    return NULL;
}

int roost__pulse_start(struct conn *c)
{
    if (c->terms.lease_ms == 0)
        return ROOST_OK;
    c->pulse.wake = eventfd(0, EFD_CLOEXEC);
    if (c->pulse.wake < 0)
        return roost__fail_sys("cannot make an eventfd for the connection's signs of life");
    c->pulse.runs = roost__start_quietly(&c->pulse.thread, pulse_main, c);
    if (c->pulse.runs)
        return ROOST_OK;
    close(c->pulse.wake);
    return roost__fail(ROOST_ESYS, "cannot start a thread for the connection's signs of life");
}

void roost__pulse_poke(struct conn *c)
{
    uint64_t one = 1;
    (void)!write(c->pulse.wake, &one, sizeof(one)); /* an eventfd takes it */
}

void roost__pulse_stop(struct conn *c)
{
    if (!c->pulse.runs)
        return;
    atomic_store(&c->pulse.ends, true);
    roost__pulse_poke(c);
    pthread_join(c->pulse.thread, NULL);
    close(c->pulse.wake);
    c->pulse.runs = false;
}

void roost__pulse_forget(struct pulse *p)
{
    if (p->runs)
        close(p->wake);
}
