/* search.c: see search.h. */
#include "client/search.h"

#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "client/clock.h"

enum {
    PAUSE_FIRST_MS = 20,    /* doubled after every round, up to … */
    PAUSE_LAST_MS = 1000,   /* … this, and … */
    PAUSE_SEVERAL_MS = 200, /* … with several addresses: an election takes a second or two */
    ATTEMPT_FIRST_MS = 1000 /* how long one attempt may take; doubled too, up to the time for connecting */
};

/* -1 is for ever. */
static int shorter(int a, int b)
{
    return a < 0 ? b : b < 0 || a < b ? a : b;
}

/* Between half of n and n: clients that were cut off together do not come back together. */
static int jitter(struct search *s, int n)
{
    s->random = s->random * 6364136223846793005u + 1442695040888963407u;
    return n - (int)((s->random >> 33) % (unsigned)(n / 2 + 1));
}

static bool several(const struct search *s)
{
    return roost__addresses_len(s->addresses) > 1;
}

void roost__search_begin(struct search *s, struct addresses *addresses, int timeout_ms, bool persists)
{
    *s = (struct search){.addresses = addresses,
                         .deadline = roost__clock_deadline(timeout_ms),
                         .persists = persists,
                         .pause_ms = PAUSE_FIRST_MS,
                         .attempt_max_ms = -1,
                         .random = (uint64_t)roost__clock_us() ^ (uint64_t)(uintptr_t)s,
                         .at = roost__addresses_first(addresses)};
    s->attempt_ms = persists || several(s) ? ATTEMPT_FIRST_MS : -1;
}

/* ---- rounds ---- */

static bool was_asked(const struct search *s, size_t index)
{
    return (s->asked >> index & 1) != 0;
}

/* The next address from s->at on that was not asked yet; NULL: the round is over. */
static const char *unasked(struct search *s)
{
    size_t n = roost__addresses_len(s->addresses);
    for (size_t i = 0; i < n; i++) {
        size_t at = (s->at + i) % n;
        if (!was_asked(s, at)) {
            s->at = at;
            s->named = s->named && i == 0;
            s->asked |= (uint32_t)1 << at;
            return roost__addresses_at(s->addresses, at);
        }
    }
    return NULL;
}

static void begin_round(struct search *s)
{
    s->before = s->said;
    s->said = (struct said){0};
    s->asked = 0;
    s->hopeful = s->lost = s->paused = false;
    s->pause_ms = shorter(2 * s->pause_ms, several(s) ? PAUSE_SEVERAL_MS : PAUSE_LAST_MS);
    s->attempt_ms = s->attempt_ms < 0 ? -1 : shorter(2 * s->attempt_ms, s->attempt_max_ms);
}

static int over(const struct search *s, bool round_is_over)
{
    const struct said *said = round_is_over || s->before.code == 0 ? &s->said : &s->before;
    if (!several(s))
        return roost__fail(said->code, "%s", said->text);
    return roost__fail(said->code, "no server %s: %s", said->code == ROOST_ENOTLEADER ? "leads" : "answers",
                       said->text);
}

/* Who refuses now will do so later. */
static bool has_hope(const struct search *s)
{
    return s->hopeful || (s->lost && s->persists);
}

int roost__search_next(struct search *s, const char **ret_url, int *ret_ms)
{
    const char *url = unasked(s);
    if (url == NULL && s->paused) {
        begin_round(s);
        url = unasked(s);
    }
    if (s->began && roost__clock_left(s->deadline) == 0)
        return over(s, url == NULL);
    if (url == NULL && !has_hope(s))
        return over(s, true);
    s->began = true;
    s->paused = url == NULL;
    *ret_url = url;
    *ret_ms = shorter(url != NULL ? s->attempt_ms : jitter(s, s->pause_ms), roost__clock_left(s->deadline));
    return ROOST_OK;
}

/* ---- answers ---- */

/* Said of the session, or of what was asked for: no other server would say anything else. */
static bool is_final(int rc)
{
    return rc == ROOST_ESESSION || rc == ROOST_EEPOCH || rc == ROOST_EINVAL || rc == ROOST_ECLOSED;
}

static bool is_hopeful(const struct search *s, int rc)
{
    return rc == ROOST_ENOTLEADER || (rc == ROOST_ETIMEDOUT && (s->persists || several(s))) ||
           (rc == ROOST_ENOMEM && s->persists);
}

static void note(struct search *s, int rc)
{
    struct said *said = &s->said;
    size_t len = strlen(said->text);
    snprintf(said->text + len, sizeof(said->text) - len, "%s%s", len > 0 ? "; " : "", roost_errmsg());
    if (said->code != ROOST_ENOTLEADER)
        said->code = rc;
    s->hopeful = s->hopeful || is_hopeful(s, rc);
    s->lost = s->lost || rc == ROOST_ECONN;
}

/* Where to ask next: there, if it was not asked in this round yet; then on from there. */
static void follow(struct search *s, const char *leader)
{
    const char *from = roost__addresses_at(s->addresses, s->at);
    size_t index = s->at + 1;
    s->named = leader[0] != '\0' && roost__addresses_learn(s->addresses, from, leader, &index);
    s->at = s->named ? index : index % roost__addresses_len(s->addresses);
    roost__addresses_begin_at(s->addresses, s->at);
}

int roost__search_failed(struct search *s, int rc, const char *leader)
{
    bool refused = !is_hopeful(s, rc) && rc != ROOST_ECONN;
    if (is_final(rc) || (refused && s->named))
        return rc;
    note(s, rc);
    follow(s, leader);
    return ROOST_OK;
}

void roost__search_found(struct search *s)
{
    roost__addresses_serves(s->addresses, s->at);
}
