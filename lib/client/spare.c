/* spare.c: see spare.h. */
#include "client/spare.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>

#ifdef __SANITIZE_ADDRESS__
enum { SPARES_MAX = 0 };
#else
enum { SPARES_MAX = 128 };
#endif

struct spares {
    void *blocks[SPARES_MAX + 1];
    unsigned len;
    bool known; /* to the key: freed when the thread ends */
};

static _Thread_local struct spares mine;
static pthread_key_t at_end;
static bool has_key;

static void free_all(void *of)
{
    struct spares *s = of;
    while (s->len > 0)
        free(s->blocks[--s->len]);
    s->known = false;
}

static void make_key(void)
{
    has_key = pthread_key_create(&at_end, free_all) == 0;
}

/* Can the thread keep blocks? Only if they are freed with it. */
static bool may_keep(struct spares *s)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    if (s->known)
        return true;
    pthread_once(&once, make_key);
    s->known = has_key && pthread_setspecific(at_end, s) == 0;
    return s->known;
}

void *roost__spare_take(void)
{
    struct spares *s = &mine;
    return s->len > 0 ? s->blocks[--s->len] : malloc(SPARE_SIZE);
}

void roost__spare_give(void *block)
{
    struct spares *s = &mine;
    if (block != NULL && s->len < SPARES_MAX && may_keep(s))
        s->blocks[s->len++] = block;
    else
        free(block);
}
