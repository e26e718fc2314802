/* refs.c: counting references; see refs.h. */
#include "client/refs.h"

#include <assert.h>
#include <stdlib.h>

#include "base/error.h"
#include "base/list.h"
#include "wire/encode.h"

struct ref {
    struct hnode node; /* first */
    uint64_t id;
    uint64_t users;
    uint64_t received;
};

static struct ref *as_ref(struct hnode *n)
{
    return n == NULL ? NULL : container_of(n, struct ref, node);
}

static bool has_id(const struct hnode *n, const void *id)
{
    return ((const struct ref *)(const void *)n)->id == *(const uint64_t *)id;
}

static struct ref *find(struct refs *r, uint64_t id)
{
    return as_ref(roost__hmap_find(&r->map, hash_u64(id), has_id, &id));
}

static struct ref *add(struct refs *r, uint64_t id)
{
    struct ref *ref = calloc(1, sizeof(*ref));
    if (ref == NULL)
        return NULL;
    ref->id = id;
    ref->node.hash = hash_u64(id);
    if (!roost__hmap_add(&r->map, &ref->node)) {
        free(ref);
        return NULL;
    }
    return ref;
}

/* Without memory the release is lost: the server keeps the object until the session ends, no harm but that.
 */
static void queue_release(struct refs *r, uint64_t id, uint64_t count)
{
    struct release release = {.id = id, .count = count};
    if (buf_append(&r->queue, &release, sizeof(release)))
        atomic_fetch_add(&r->queued, 1);
    r->queue.failed = false;
}

void roost__refs_init(struct refs *r)
{
    *r = (struct refs){.queue = buf_make(SIZE_MAX / 2)};
    pthread_mutex_init(&r->lock, NULL);
}

void roost__refs_destroy(struct refs *r)
{
    for (size_t i = 0; i < r->map.cap; i++)
        free(as_ref(r->map.slots[i].node));
    roost__hmap_free(&r->map);
    roost__buf_free(&r->queue);
    pthread_mutex_destroy(&r->lock);
}

int roost__refs_received(struct refs *r, uint64_t id)
{
    pthread_mutex_lock(&r->lock);
    struct ref *ref = find(r, id);
    if (ref == NULL)
        ref = add(r, id);
    if (ref != NULL) {
        ref->users++;
        ref->received++;
    }
    pthread_mutex_unlock(&r->lock);
    return ref != NULL ? ROOST_OK : roost__fail(ROOST_ENOMEM, "no memory to count a reference");
}

bool roost__refs_share(struct refs *r, uint64_t id)
{
    pthread_mutex_lock(&r->lock);
    struct ref *ref = find(r, id);
    if (ref != NULL)
        ref->users++;
    pthread_mutex_unlock(&r->lock);
    return ref != NULL;
}

void roost__refs_drop(struct refs *r, uint64_t id)
{
    pthread_mutex_lock(&r->lock);
    struct ref *ref = find(r, id);
    assert(ref != NULL && ref->users > 0);
    if (--ref->users == 0) {
        if (ref->received > 0)
            queue_release(r, id, ref->received);
        roost__hmap_remove(&r->map, &ref->node);
        free(ref);
    }
    pthread_mutex_unlock(&r->lock);
}

void roost__refs_put_releases(struct refs *r, struct buf *b)
{
    pthread_mutex_lock(&r->lock);
    size_t n = atomic_load(&r->queued);
    const struct release *releases = (const struct release *)(const void *)r->queue.data;
    roost__put_array(b, 2 * n);
    for (size_t i = 0; i < n; i++) {
        roost__put_uint(b, releases[i].id);
        roost__put_uint(b, releases[i].count);
    }
    buf_reset(&r->queue);
    atomic_store(&r->queued, 0);
    pthread_mutex_unlock(&r->lock);
}

void roost__refs_forget_session(struct refs *r)
{
    for (size_t i = 0; i < r->map.cap; i++)
        if (r->map.slots[i].node != NULL)
            as_ref(r->map.slots[i].node)->received = 0;
    buf_reset(&r->queue);
    atomic_store(&r->queued, 0);
}

int roost__refs_ids(struct refs *r, uint64_t **ret, size_t *ret_len)
{
    pthread_mutex_lock(&r->lock);
    uint64_t *ids = malloc((r->map.len + 1) * sizeof(*ids));
    size_t n = 0;
    for (size_t i = 0; ids != NULL && i < r->map.cap; i++)
        if (r->map.slots[i].node != NULL)
            ids[n++] = as_ref(r->map.slots[i].node)->id;
    pthread_mutex_unlock(&r->lock);
    if (ids == NULL)
        return roost__fail(ROOST_ENOMEM, "no memory for the references of a child process");
    *ret = ids;
    *ret_len = n;
    return ROOST_OK;
}

void roost__refs_retained(struct refs *r, uint64_t id)
{
    pthread_mutex_lock(&r->lock);
    struct ref *ref = find(r, id);
    if (ref != NULL)
        ref->received++;
    else
        queue_release(r, id, 1);
    pthread_mutex_unlock(&r->lock);
}
