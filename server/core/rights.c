/* rights.c: see rights.h. */
#include "core/rights.h"

#include <fnmatch.h>
#include <stdlib.h>

#include "core/clause.h"
#include "core/save.h"

enum { CACHE_LEN = 64, RULES_MAX = 1 << 20, RIGHTS_ALL = RIGHT_READ | RIGHT_WRITE | RIGHT_ADMIN };

/* Ids are never reused and names never change: what was found stays true as long as the rules do. */
struct rights {
    struct {
        uint64_t object; /* 0: nothing here */
        unsigned mask;
    } cache[CACHE_LEN];
    size_t len;
    uint8_t rules[]; /* for each: bits, and the pattern with a NUL behind it */
};

/* ---- rules ---- */

/* How many rules there are; -1: the shape is wrong. */
static long count_rules(struct slice said)
{
    long n = 0;
    size_t at = 0;
    for (; at + 2 <= said.len && said.len - at - 2 >= said.data[at + 1]; n++)
        at += 2 + (size_t)said.data[at + 1];
    return at == said.len ? n : -1;
}

/* Rules of the right shape, whose patterns end where they say. */
static bool are_rules(struct slice said)
{
    if (said.len > RULES_MAX || count_rules(said) < 0)
        return false;
    for (size_t at = 0; at < said.len; at += 2 + (size_t)said.data[at + 1])
        if (memchr(said.data + at + 2, '\0', said.data[at + 1]) != NULL)
            return false;
    return true;
}

static struct rights *parse(struct slice said)
{
    struct rights *r = calloc(1, sizeof(*r) + said.len + 1); /* a length becomes a NUL */
    if (r == NULL)
        return NULL;
    for (size_t at = 0; at < said.len; at += 2 + (size_t)said.data[at + 1]) {
        size_t len = said.data[at + 1];
        r->rules[r->len] = said.data[at];
        memcpy(r->rules + r->len + 1, said.data + at + 2, len);
        r->len += len + 2;
    }
    return r;
}

int rights_give(struct session *s, const struct event *event)
{
    struct rights *r = NULL;
    if (event->restricted && !are_rules(event->rights))
        return ROOST_EPROTO;
    if (event->restricted && (r = parse(event->rights)) == NULL)
        return ROOST_ENOMEM;
    s->identity = event->identity;
    free(s->rights);
    s->rights = r;
    return ROOST_OK;
}

void rights_change(struct core *core, const struct event *event)
{
    for (struct list *it = core->sessions.next, *next; it != &core->sessions; it = next) {
        struct session *s = container_of(it, struct session, in_core);
        next = it->next;
        if (s->identity != event->identity)
            continue;
        if (!event->restricted || rights_give(s, event) != ROOST_OK)
            session_lost(core, s); /* also without memory: better none than the old ones */
    }
}

/* The rights of all patterns that match. A name with a NUL inside is none that a pattern could mean. */
static unsigned match(const struct rights *r, struct slice name)
{
    char text[NAME_BYTES_MAX + 1];
    unsigned mask = 0;
    if (name.len > NAME_BYTES_MAX || (name.len > 0 && memchr(name.data, '\0', name.len) != NULL))
        return 0;
    if (name.len > 0)
        memcpy(text, name.data, name.len);
    text[name.len] = '\0';
    for (size_t at = 0; at < r->len; at += 2 + strlen((const char *)r->rules + at + 1))
        if (fnmatch((const char *)r->rules + at + 1, text, 0) == 0)
            mask |= r->rules[at];
    return mask;
}

/* ---- asking ---- */

unsigned rights_of_method(const struct method *m)
{
    if ((m->flags & METHOD_ADMIN) != 0)
        return RIGHT_ADMIN;
    return (m->flags & METHOD_WRITE) != 0 ? RIGHT_WRITE : RIGHT_READ;
}

static bool enough(unsigned mask, unsigned need)
{
    return need == RIGHT_ANY ? mask != 0 : (mask & need) == need;
}

static unsigned mask_of(struct session *s, const struct object *o)
{
    unsigned place = (unsigned)(o->id % CACHE_LEN);
    if (s->rights->cache[place].object == o->id)
        return s->rights->cache[place].mask;
    bool own = o->name == NULL && o->owner == s->identity;
    unsigned mask = own ? RIGHTS_ALL : match(s->rights, slice_of((const uint8_t *)o->name, o->name_len));
    s->rights->cache[place].object = o->id;
    s->rights->cache[place].mask = mask;
    return mask;
}

bool rights_allow(struct session *s, const struct object *o, unsigned need)
{
    return s->rights == NULL || enough(mask_of(s, o), need);
}

static const char *right_words(unsigned need)
{
    return need == RIGHT_READ    ? "the right to read"
           : need == RIGHT_WRITE ? "the right to write"
           : need == RIGHT_ADMIN ? "the right to administer"
                                 : "any right on";
}

static bool refuse(struct call *c, unsigned need, const char *what)
{
    snprintf(c->core->audit, sizeof(c->core->audit), "%s.%s lacks %s %s", roost_type_name(c->method->type),
             c->method->name, right_words(need), what);
    fail(c, ROOST_EPERM, "this identity lacks %s %s", right_words(need), what);
    return false;
}

bool rights_check(struct call *c, const struct object *o, unsigned need)
{
    char words[OBJECT_WORDS_MAX];
    if (rights_allow(c->caller.session, o, need))
        return true;
    if (rights_allow(c->caller.session, o, RIGHT_ANY))
        object_words(o, words, sizeof(words));
    else /* not even its name */
        snprintf(words, sizeof(words), "object #%llu", (unsigned long long)o->id);
    return refuse(c, need, words);
}

bool rights_check_name(struct call *c, struct slice name, unsigned need)
{
    char words[OBJECT_WORDS_MAX];
    const struct rights *r = c->caller.session->rights;
    if (r == NULL || enough(match(r, name), need))
        return true;
    snprintf(words, sizeof(words), "\"%.*s\"", name.len < 64 ? (int)name.len : 64, (const char *)name.data);
    return refuse(c, need, words);
}

bool rights_check_create(struct call *c)
{
    const struct rights *r = c->caller.session->rights;
    for (size_t at = 0; r != NULL && at < r->len; at += 2 + strlen((const char *)r->rules + at + 1))
        if ((r->rules[at] & RIGHT_WRITE) != 0)
            return true;
    return r == NULL || refuse(c, RIGHT_WRITE, "anything");
}

void rights_note_act(struct call *c, const struct object *o)
{
    object_words(o, c->core->audit, sizeof(c->core->audit));
}

/* ---- saving: the rules as an event says them ---- */

void save_rights(const struct session *s, struct buf *out)
{
    const struct rights *r = s->rights;
    save_uint(out, s->identity);
    save_uint(out, r != NULL);
    if (r == NULL)
        return;
    save_uint(out, r->len); /* a NUL becomes a length */
    for (size_t at = 0, len; at < r->len; at += 2 + len) {
        len = strlen((const char *)r->rules + at + 1);
        uint8_t head[] = {r->rules[at], (uint8_t)len};
        buf_append(out, head, sizeof(head));
        buf_append(out, r->rules + at + 1, len);
    }
}

void load_rights(struct loader *l, struct session *s)
{
    s->identity = load_uint(l);
    if (!load_bool(l))
        return;
    struct slice said = load_bytes(l, RULES_MAX);
    if (!are_rules(said))
        load_bad(l, "the rules of a session are none");
    if (load_good(l) && (s->rights = parse(said)) == NULL)
        load_no_memory(l);
}
