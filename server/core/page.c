/*
 * page.c: dicts, lists and sets in pages: dict.page, list.page, set.page.
 *
 * A page is [[element, …], cursor]: as many elements as were asked for, but no more than fit into PAGE_BYTES,
 * and one at least, so that a container of any size can be read. The cursor is nil behind the last; else the
 * number of the last element here (dict, set: keymap.h), or the index of the next (list). The server keeps
 * nothing between two pages.
 */
#include "core/cells.h"
#include "core/handlers.h"
#include "core/keyed.h"
#include "core/tree.h"

enum { PAGE_BYTES = 1 << 20, COUNT_BYTES = 5 };

struct page {
    struct call *call;
    struct buf *out;
    size_t at;    /* where the array of elements begins */
    size_t begun; /* where the element under way does */
    uint32_t len;
    uint64_t max;
    bool refs; /* references may be inside */
};

/* Arguments: the cursor, and how many elements at most (0: as many as fit). */
static struct page page_begin(struct call *c)
{
    static const uint8_t room[COUNT_BYTES];
    int64_t max = arg_int(c, 1, 0);
    struct page p = {.call = c, .out = reply_begin(c->core, &c->caller)};
    roost__put_array(p.out, 2);
    p.at = p.out->len;
    p.max = max > 0 && max < UINT32_MAX ? (uint64_t)max : UINT32_MAX;
    buf_append(p.out, room, sizeof(room));
    return p;
}

static bool page_full(const struct page *p)
{
    return p->len == p->max || p->out->failed;
}

static void put_key(struct page *p, const struct entry *e)
{
    struct slice key = entry_key(e);
    buf_append(p->out, key.data, key.len);
}

static void put_value(struct page *p, const struct cell *value)
{
    cell_put(value, p->out);
    p->refs = p->refs || value->refs || value->tree;
}

/* An element was put: it stays, or (false) it is one too many and is taken back. */
static bool page_keep(struct page *p)
{
    if (p->len > 0 && p->out->len - p->at > PAGE_BYTES) {
        p->out->len = p->begun;
        return false;
    }
    p->len++;
    return true;
}

/* Ends the answer; *next is the cursor, NULL at the end. */
static void page_end(struct page *p, const uint64_t *next)
{
    struct call *c = p->call;
    if (!p->out->failed) {
        p->out->data[p->at] = 0xdd; /* an array with a count of four bytes */
        put_u32be(p->out->data + p->at + 1, p->len);
        if (p->refs && c->core->undo == NULL)
            count_sent_refs(c->core, &c->caller, slice_of(p->out->data + p->at, p->out->len - p->at));
    }
    if (next != NULL)
        roost__put_uint(p->out, *next);
    else
        roost__put_nil(p->out);
    reply_end(c->core, &c->caller);
    c->done = true;
}

typedef void put_entry(struct page *p, const struct entry *e);

static void put_key_of(struct page *p, const struct entry *e)
{
    put_key(p, e);
}

static void put_value_of(struct page *p, const struct entry *e)
{
    struct cell value = entry_value(e);
    put_value(p, &value);
}

static void put_pair_of(struct page *p, const struct entry *e)
{
    roost__put_array(p->out, 2);
    put_key(p, e);
    struct cell value = entry_value(e);
    put_value(p, &value);
}

static void keyed_page(struct call *c, put_entry *put)
{
    struct keymap *m = map_of(c);
    uint64_t cursor = (uint64_t)arg_int(c, 0, 0);
    size_t at = keymap_after(m, cursor);
    struct page p = page_begin(c);
    for (; at < m->end && !page_full(&p); at = keymap_from(m, at + 1)) {
        p.begun = p.out->len;
        put(&p, keymap_at(m, at));
        if (!page_keep(&p))
            break;
        cursor = keymap_at(m, at)->number;
    }
    page_end(&p, at == m->end ? NULL : &cursor);
}

void on_set_page(struct call *c)
{
    keyed_page(c, put_key_of);
}

void on_dict_page(struct call *c)
{
    struct slice what = arg_given(c, 2) ? arg_bytes(c, 2) : slice_str("items");
    if (slice_equal(what, slice_str("items")))
        keyed_page(c, put_pair_of);
    else if (slice_equal(what, slice_str("keys")))
        keyed_page(c, put_key_of);
    else if (slice_equal(what, slice_str("values")))
        keyed_page(c, put_value_of);
    else
        fail(c, ROOST_EINVAL, "a page is of items, keys or values, not of %.*s", (int)what.len,
             (const char *)what.data);
}

void on_list_page(struct call *c)
{
    const struct cells *v = c->tree != NULL ? &c->tree->cells : list_cells(c->object);
    uint64_t i = (uint64_t)arg_int(c, 0, 0);
    struct page p = page_begin(c);
    for (; i < v->len && !page_full(&p); i++) {
        p.begun = p.out->len;
        put_value(&p, cells_get(v, i));
        if (!page_keep(&p))
            break;
    }
    page_end(&p, i >= v->len ? NULL : &i);
}
