/* key.c: keys ready for look-ups; see keymap.h. */
#include <sodium.h>

#include "core/keymap.h"
#include "core/order.h"

static uint64_t hash_of(const struct core *core, struct slice canonical)
{
    uint64_t hash;
    _Static_assert(crypto_shorthash_BYTES == sizeof(hash), "a hash fills a word");
    crypto_shorthash((unsigned char *)&hash, canonical.data, canonical.len, core->hash_key);
    return hash;
}

bool key_of(struct core *core, struct slice v, struct key *ret)
{
    if (order_no_key(v))
        return false;
    if ((int64_t)v.len > core->limits.key_max) {
        core->over = "key_max";
        return false;
    }
    struct slice canonical = order_canonical(v, &core->scratch);
    if (canonical.len == 0) {
        core->starved = true;
        return false;
    }
    *ret = (struct key){.canonical = canonical, .shown = v, .hash = hash_of(core, canonical)};
    return true;
}

struct key key_of_entry(const struct core *core, const struct entry *e)
{
    struct slice canonical = entry_canonical(e);
    return (struct key){.canonical = canonical, .shown = entry_key(e), .hash = hash_of(core, canonical)};
}

void key_refused(struct call *c, struct slice v)
{
    if (order_no_key(v))
        fail(c, ROOST_ETYPE, "a map or a reference cannot be (in) a key");
    else
        fail_memory(c);
}

bool key_arg(struct call *c, unsigned i, struct key *ret)
{
    if (key_of(c->core, c->arg[i], ret))
        return true;
    key_refused(c, c->arg[i]);
    return false;
}
