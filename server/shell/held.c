/* held.c: see held.h. */
#include "shell/held.h"

#include <stdlib.h>

#include "shell/conn.h"
#include "shell/server.h"

struct answer {
    struct list in_order;
    uint64_t position;
    struct conn *conn;
    size_t len;
    uint8_t bytes[];
};

void held_init(struct held *h)
{
    list_init(&h->answers);
    list_init(&h->done);
}

void held_add(struct held *h, uint64_t position, struct conn *c, struct slice bytes)
{
    struct answer *a = malloc(sizeof(*a) + bytes.len);
    if (a == NULL) {
        c->ops->close(c); /* it misses an answer; its session goes on on another connection */
        return;
    }
    *a = (struct answer){.position = position, .conn = c, .len = bytes.len};
    memcpy(a->bytes, bytes.data, bytes.len);
    conn_ref(c);
    list_push_back(&h->answers, &a->in_order);
}

static struct answer *first_of(const struct list *l)
{
    return list_empty(l) ? NULL : container_of(l->next, struct answer, in_order);
}

static void move(struct list *to, struct answer *a)
{
    list_remove(&a->in_order);
    list_push_back(to, &a->in_order);
}

void held_release(struct held *h, uint64_t position, struct batch *batch)
{
    for (struct answer *a; (a = first_of(&h->answers)) != NULL && a->position <= position;) {
        server_write(batch, a->conn, slice_of(a->bytes, a->len));
        move(&h->done, a);
    }
}

uint64_t held_last(const struct held *h)
{
    return list_empty(&h->answers) ? 0 : container_of(h->answers.prev, struct answer, in_order)->position;
}

void held_drop(struct held *h)
{
    for (struct answer *a; (a = first_of(&h->answers)) != NULL;)
        move(&h->done, a);
}

void held_take_done(struct held *h, struct list *ret)
{
    list_init(ret);
    for (struct answer *a; (a = first_of(&h->done)) != NULL;)
        move(ret, a);
}

void held_free(struct list *done)
{
    for (struct answer *a; (a = first_of(done)) != NULL;) {
        list_remove(&a->in_order);
        conn_unref(a->conn);
        free(a);
    }
}
