/*
 * fuzz_hello.c: bytes before anybody knows who sends them: HELLO, CHALLENGE, PROOF; see README.md and
 * guest.h. Each byte of the input is a decision, or part of what is said.
 */
#include <assert.h>

#include "decide.h"
#include "guest.h"
#include "world.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void enter(struct guest *g, unsigned how)
{
    static const uint8_t binding[32] = "a certificate's hash";
    static const struct local_user users[] = {{.kind = USER_UNKNOWN},
                                              {.kind = USER_ALLOWED, .uid = GUEST_UID},
                                              {.kind = USER_ALLOWED, .uid = 44},
                                              {.kind = USER_STRANGER, .uid = 55},
                                              {.kind = USER_OWN}};
    guest_enter(g, users[how % 8 < 5 ? how % 8 : 0], slice_of(binding, how & 8 ? sizeof(binding) : 0));
}

static void event(void)
{
    unsigned what = decide();
    struct guest *g = &guests[what % GUESTS];
    if (g->line == NULL)
        enter(g, decide());
    switch (what / GUESTS % 8) {
    case 0:
    case 1:
    case 2:
        guest_say_frame(g, piece(decide()));
        break;
    case 3:
        guest_say(g, piece(decide()));
        break;
    case 4:
        guest_prove(g);
        break;
    case 5:
        guest_leave(g);
        break;
    case 6:
        guest_greet(g, what & 0x80 ? GUEST_EVE : NULL, what & 0x40);
        break;
    default:
        house_time((int64_t)decide() * 100000);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct core_limits limits = core_limits_standard;
    decisions = slice_of(data, size);
    world_begin();
    unsigned how = decide();
    limits.sessions_max = how & 2 ? 2 : limits.sessions_max;
    limits.rate = how & 4 ? 3 : 0;
    house_open(how & 1, &limits);
    while (decisions.len > 0)
        event();
    house_close();
    world_end();
    return 0;
}
