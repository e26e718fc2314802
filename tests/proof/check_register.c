/*
 * check_register.c: the search for a linearization of a register's history; see checks.h.
 *
 * The history is a list of invocations and returns in the order of time. The search takes the operation of
 * some invocation out of the list, if the register may answer so now, and begins again at the head; it must
 * not look past the return of an operation that is still in the list: there it takes back its last step. A
 * configuration (operations taken, value) reached before leads nowhere new. An unknown operation's return
 * stands at the end of time: when nothing else is left, it has not happened.
 */
#include "tests/support/test.h"

#include "tests/proof/checks.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char wrong[256];

struct node {
    struct node *prev, *next;
    struct node *match; /* an invocation's return; NULL: this is a return */
    const struct op *op;
    int64_t time;
    uint64_t mark[2]; /* of the operation, at random: a set of them is known by the xor of its marks */
};

struct config {
    uint64_t mark[2]; /* both 0: an empty place */
};

struct seen {
    struct config *places;
    size_t room, len;
};

struct step {
    struct node *node;
    int64_t before;
};

struct search {
    struct node head;
    struct node *nodes;
    struct seen seen;
    struct step *steps;
    size_t depth, deepest;
    const struct op *stuck; /* what could not be explained at the deepest point */
    uint64_t taken[2];
    int64_t value;
};

static uint64_t mix(uint64_t x)
{
    x += 0x9e3779b97f4a7c15u;
    x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
    x = (x ^ x >> 27) * 0x94d049bb133111ebu;
    return x ^ x >> 31;
}

/* ---- configurations seen: 128 bits of each, so that two will never be taken for one ---- */

static struct config *place_of(const struct seen *s, struct config c)
{
    for (size_t at = c.mark[0];; at++) {
        struct config *p = &s->places[at & (s->room - 1)];
        if ((p->mark[0] | p->mark[1]) == 0 || memcmp(p, &c, sizeof(c)) == 0)
            return p;
    }
}

static void grow(struct seen *s)
{
    struct seen old = *s;
    s->room = old.room == 0 ? 1024 : 2 * old.room;
    s->places = calloc(s->room, sizeof(struct config));
    assert_non_null(s->places);
    for (size_t i = 0; i < old.room; i++)
        if ((old.places[i].mark[0] | old.places[i].mark[1]) != 0)
            *place_of(s, old.places[i]) = old.places[i];
    free(old.places);
}

/* False when it was there. */
static bool add(struct seen *s, const uint64_t taken[2], int64_t value)
{
    if (2 * s->len >= s->room)
        grow(s);
    uint64_t v = mix((uint64_t)value);
    struct config c = {{taken[0] ^ v, taken[1] ^ mix(v)}};
    struct config *p = place_of(s, c);
    if ((p->mark[0] | p->mark[1]) != 0)
        return false;
    *p = c;
    s->len++;
    return true;
}

/* ---- the register ---- */

/* Could it answer so? Then *value is what stands in it afterwards. */
static bool apply(const struct op *op, int64_t *value)
{
    bool known = op_known(op);
    if (op->kind == OP_GET)
        return !known || op->result == *value;
    if (op->kind == OP_SET) {
        *value = op->arg;
        return true;
    }
    if (op->kind == OP_CAS) {
        bool equal = *value == op->expected;
        if (equal)
            *value = op->arg;
        return !known || op->result == equal;
    }
    *value += op->arg;
    return !known || op->result == *value;
}

/* ---- the list ---- */

static int by_time(const void *a, const void *b)
{
    const struct node *x = *(struct node *const *)a, *y = *(struct node *const *)b;
    if (x->time != y->time)
        return x->time < y->time ? -1 : 1;
    return (x->match == NULL) - (y->match == NULL); /* in doubt they were concurrent */
}

static void make_list(struct search *s, const struct op **ops, size_t n)
{
    struct node **order = calloc(2 * n + 1, sizeof(struct node *));
    s->nodes = calloc(2 * n + 1, sizeof(struct node));
    s->steps = calloc(n + 1, sizeof(struct step));
    assert_true(order != NULL && s->nodes != NULL && s->steps != NULL);
    for (size_t i = 0; i < n; i++) {
        struct node *call = &s->nodes[2 * i], *ret = call + 1;
        *call = (struct node){
            .match = ret, .op = ops[i], .time = ops[i]->invoked, .mark = {mix(2 * i + 1), mix(2 * i + 2)}};
        *ret = (struct node){.op = ops[i], .time = op_known(ops[i]) ? ops[i]->returned : NEVER};
        order[2 * i] = call;
        order[2 * i + 1] = ret;
    }
    qsort(order, 2 * n, sizeof(struct node *), by_time);
    struct node *last = &s->head;
    for (size_t i = 0; i < 2 * n; last = order[i++]) {
        last->next = order[i];
        order[i]->prev = last;
    }
    free(order);
}

static void unlink_node(struct node *n)
{
    n->prev->next = n->next;
    if (n->next != NULL)
        n->next->prev = n->prev;
}

static void relink_node(struct node *n)
{
    n->prev->next = n;
    if (n->next != NULL)
        n->next->prev = n;
}

/* ---- the search ---- */

static void flip(struct search *s, const struct node *n)
{
    s->taken[0] ^= n->mark[0];
    s->taken[1] ^= n->mark[1];
}

/* Takes an operation, if that is possible and leads somewhere new. */
static bool take(struct search *s, struct node *call)
{
    int64_t after = s->value;
    if (!apply(call->op, &after))
        return false;
    flip(s, call);
    if (!add(&s->seen, s->taken, after)) {
        flip(s, call);
        return false;
    }
    s->steps[s->depth++] = (struct step){call, s->value};
    s->value = after;
    unlink_node(call);
    unlink_node(call->match);
    return true;
}

static struct node *take_back(struct search *s)
{
    struct step last = s->steps[--s->depth];
    relink_node(last.node->match);
    relink_node(last.node);
    flip(s, last.node);
    s->value = last.before;
    return last.node->next;
}

static bool linearize(struct search *s)
{
    for (struct node *n = s->head.next; n != NULL && n->time != NEVER;) {
        if (n->match != NULL) {
            n = take(s, n) ? s->head.next : n->next;
            continue;
        }
        if (s->stuck == NULL || s->depth > s->deepest) {
            s->deepest = s->depth;
            s->stuck = n->op;
        }
        if (s->depth == 0)
            return false;
        n = take_back(s);
    }
    return true;
}

const char *check_register(const struct history *h, int object, int64_t initial)
{
    static const char *const verbs[] = {"get", "set", "compare_and_set", "incr"};
    size_t n;
    const struct op **ops =
        history_select(h, 1u << OP_GET | 1u << OP_SET | 1u << OP_CAS | 1u << OP_ADD, object, &n);
    struct search s = {.value = initial};
    make_list(&s, ops, n);
    wrong[0] = '\0';
    if (!linearize(&s))
        snprintf(wrong, sizeof(wrong),
                 "register %d: no order of its %zu operations explains %s (arg %" PRId64 ", expected %" PRId64
                 ") -> %" PRId64 " of process %d, after the %zu before it",
                 object, n, verbs[s.stuck->kind], s.stuck->arg, s.stuck->expected, s.stuck->result,
                 s.stuck->process, s.deepest);
    free(s.seen.places);
    free(s.steps);
    free(s.nodes);
    free(ops);
    return wrong;
}
