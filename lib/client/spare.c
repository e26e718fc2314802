/* spare.c: see spare.h. */
#include "client/spare.h"

#include <pthread.h>
#include <stdbool.h>

#include "base/spares.h"

struct mine {
    struct spares spares;
    bool known; /* to the key: freed when the thread ends */
};

static _Thread_local struct mine mine = {.spares = {.size = SPARE_SIZE}};
static pthread_key_t at_end;
static bool has_key;

static void free_all(void *of)
{
    struct mine *m = of;
    spares_free(&m->spares);
    m->known = false;
}

static void make_key(void)
{
    has_key = pthread_key_create(&at_end, free_all) == 0;
}

/* Can the thread keep blocks? Only if they are freed with it. */
static bool may_keep(struct mine *m)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    if (m->known)
        return true;
    pthread_once(&once, make_key);
    m->known = has_key && pthread_setspecific(at_end, m) == 0;
    return m->known;
}

void *roost__spare_take(void)
{
    return spares_take(&mine.spares);
}

void roost__spare_give(void *block)
{
    struct mine *m = &mine;
    if (may_keep(m))
        spares_give(&m->spares, block);
    else
        free(block);
}
