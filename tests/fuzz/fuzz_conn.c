/*
 * fuzz_conn.c: frames of sessions under way, of several connections, some of identities that may not do all;
 * see README.md and guest.h. Each byte of the input is a decision, or part of what is said.
 */
#include <assert.h>

#include "decide.h"
#include "guest.h"
#include "wire/methods.h"
#include "world.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { EVE = 0, ALICE = 1, USER = 2, OWN = 3 };

static void enter(unsigned who, bool resumes)
{
    static const struct local_user users[] = {{.kind = USER_UNKNOWN},
                                              {.kind = USER_UNKNOWN},
                                              {.kind = USER_ALLOWED, .uid = GUEST_UID},
                                              {.kind = USER_OWN}};
    static const char *const names[] = {GUEST_EVE, GUEST_ALICE, NULL, NULL};
    guest_enter(&guests[who], users[who], slice_of(NULL, 0));
    guest_greet(&guests[who], names[who], resumes);
}

/* ---- the dict "a", which eve may read ---- */

static void begin_call(struct buf *b, enum method_code method, uint64_t number, uint64_t target)
{
    buf_reset(b);
    roost__put_array(b, CALL_PARTS);
    roost__put_int(b, FRAME_CALL);
    roost__put_uint(b, number);
    roost__put_uint(b, 1);
    roost__put_uint(b, target);
    roost__put_uint(b, method);
}

/* The call of a session that no connection has; true: the answer has `want` in it. */
static bool call(uint64_t session, struct buf *b, struct slice want)
{
    struct effects effects;
    effects_init(&effects);
    struct event event = {
        .kind = EVENT_CALL, .now_us = server_now_us(), .session = session, .payload = buf_slice(b)};
    assert(core_step(house.core, &event, &effects) == ROOST_OK);
    bool found = memmem(effects.bytes.data, effects.bytes.len, want.data, want.len) != NULL;
    effects_free(&effects);
    return found;
}

static uint64_t open_own(void)
{
    static const uint8_t no_info = 0x80;
    struct effects effects;
    effects_init(&effects);
    struct event event = {.kind = EVENT_OPEN, .now_us = server_now_us(), .payload = slice_of(&no_info, 1)};
    assert(core_step(house.core, &event, &effects) == ROOST_OK);
    uint64_t session = effects.opened;
    effects_free(&effects);
    return session;
}

static int lose_own(uint64_t session)
{
    struct effects effects;
    effects_init(&effects);
    struct event event = {.kind = EVENT_LOST, .now_us = server_now_us(), .session = session};
    int rc = core_step(house.core, &event, &effects);
    effects_free(&effects);
    return rc;
}

static const char content[] = "as it was";

static void make_dict(uint64_t session)
{
    struct buf b = buf_make(256);
    begin_call(&b, METHOD_dict_open, 1, 0);
    roost__put_array(&b, 2);
    roost__put_cstr(&b, "a");
    roost__put_map(&b, 1);
    roost__put_cstr(&b, "k");
    roost__put_cstr(&b, content);
    assert(call(session, &b, slice_of((const uint8_t *)"\x01", 1)));
    roost__buf_free(&b);
}

static void check_dict(uint64_t session)
{
    struct buf b = buf_make(256);
    begin_call(&b, METHOD_dict_get, 2, 1);
    roost__put_array(&b, 1);
    roost__put_cstr(&b, "k");
    assert(call(session, &b, slice_str(content)));
    roost__buf_free(&b);
}

/* ---- what happens ---- */

/* Several frames arrive at once, the last not whole. */
static void say_several(struct guest *g)
{
    struct buf b = buf_make(SIZE_MAX / 2);
    for (unsigned n = 2 + decide() % 3; n > 0; n--)
        guest_put_frame(&b, piece(decide()));
    size_t cut = decide() % 8;
    guest_say(g, slice_of(b.data, b.len - (cut < b.len ? cut : 0)));
    roost__buf_free(&b);
}

/* True: somebody may have changed the dict. */
static bool event(void)
{
    unsigned what = decide(), who = what % GUESTS;
    struct guest *g = &guests[who];
    if (g->line == NULL)
        enter(who, what & 0x80);
    switch (what / GUESTS % 16) {
    case 10:
    case 11:
        say_several(g);
        break;
    case 12:
        guest_say(g, piece(decide()));
        break;
    case 13:
        guest_leave(g);
        break;
    case 14:
        enter(who, true);
        break;
    case 15:
        house_time((int64_t)decide() * 100000);
        break;
    default:
        guest_say_frame(g, piece(decide()));
    }
    return who == ALICE || who == OWN;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct core_limits limits = core_limits_standard;
    decisions = slice_of(data, size);
    world_begin();
    unsigned how = decide();
    limits.frame_max = how & 1 ? 64 : limits.frame_max;
    limits.rate = how & 2 ? 3 : 0;
    limits.objects_max = how & 4 ? 3 : limits.objects_max;
    limits.memory_max = how & 8 ? 20000 : limits.memory_max;
    house_open(true, &limits);
    uint64_t own = open_own();
    make_dict(own);
    bool changed = false;
    while (decisions.len > 0)
        changed = event() || changed;
    if (!changed)
        check_dict(own);
    int rc = lose_own(own);
    assert(rc == ROOST_OK || changed); /* an administrator may have ended it */
    house_close();
    world_end();
    return 0;
}
