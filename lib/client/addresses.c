/* addresses.c: see addresses.h. */
#include "client/addresses.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "client/transport.h"

void roost__addresses_init(struct addresses *a)
{
    pthread_mutex_init(&a->lock, NULL);
}

void roost__addresses_destroy(struct addresses *a)
{
    for (size_t i = 0; i < a->len; i++)
        free(a->urls[i]);
    pthread_mutex_destroy(&a->lock);
}

/* ---- lists ---- */

/* A path of ipc:// may have commas in it: one ends a URL only where another begins. */
static bool begins_url(const char *text)
{
    text += strspn(text, " ");
    size_t word = strspn(text, "abcdefghijklmnopqrstuvwxyz+");
    return word > 0 && strncmp(text + word, "://", 3) == 0;
}

static size_t url_len(const char *text)
{
    size_t len = 0;
    while (text[len] != '\0' && !(text[len] == ',' && begins_url(text + len + 1)))
        len++;
    return len;
}

/* Lock held, or nobody else knows it yet. */
static int add(struct addresses *a, const char *url, size_t len)
{
    if (a->len == ADDRESSES_MAX)
        return roost__fail(ROOST_EINVAL, "more than %d addresses of servers", ADDRESSES_MAX);
    char *copy = strndup(url, len);
    if (copy == NULL)
        return roost__fail(ROOST_ENOMEM, "no memory for an address");
    a->urls[a->len++] = copy;
    return roost__transport_check(copy);
}

int roost__addresses_take(struct addresses *a, const char *list)
{
    int rc;
    do {
        size_t len = url_len(list);
        rc = add(a, list, len);
        list += len;
        if (*list != '\0')
            list += 1 + strspn(list + 1, " ");
    } while (rc == ROOST_OK && *list != '\0');
    return rc;
}

/* ---- leaders ---- */

static int rank(const char *url)
{
    return strncmp(url, "ipc://", 6) == 0 ? 0 : strncmp(url, "tcp://", 6) == 0 ? 1 : 2;
}

static bool find(const struct addresses *a, const char *url, size_t *ret)
{
    for (*ret = 0; *ret < a->len; ++*ret)
        if (strcmp(a->urls[*ret], url) == 0)
            return true;
    return false;
}

bool roost__addresses_learn(struct addresses *a, const char *from, const char *url, size_t *ret)
{
    if (roost__transport_check(url) != ROOST_OK || rank(url) < rank(from))
        return false;
    pthread_mutex_lock(&a->lock);
    bool known = find(a, url, ret) || add(a, url, strlen(url)) == ROOST_OK;
    pthread_mutex_unlock(&a->lock);
    return known;
}

void roost__addresses_led(struct addresses *a, const char *url)
{
    size_t index;
    const char *from = atomic_load(&a->current);
    if (from != NULL && roost__addresses_learn(a, from, url, &index))
        roost__addresses_begin_at(a, index);
}

const char *roost__addresses_at(struct addresses *a, size_t index)
{
    pthread_mutex_lock(&a->lock);
    const char *url = index < a->len ? a->urls[index] : NULL;
    pthread_mutex_unlock(&a->lock);
    return url;
}

size_t roost__addresses_len(struct addresses *a)
{
    pthread_mutex_lock(&a->lock);
    size_t len = a->len;
    pthread_mutex_unlock(&a->lock);
    return len;
}

size_t roost__addresses_first(struct addresses *a)
{
    pthread_mutex_lock(&a->lock);
    size_t first = a->first;
    pthread_mutex_unlock(&a->lock);
    return first;
}

void roost__addresses_begin_at(struct addresses *a, size_t index)
{
    pthread_mutex_lock(&a->lock);
    a->first = index < a->len ? index : 0;
    pthread_mutex_unlock(&a->lock);
}

void roost__addresses_pass(struct addresses *a)
{
    roost__addresses_begin_at(a, roost__addresses_first(a) + 1);
}

void roost__addresses_serves(struct addresses *a, size_t index)
{
    roost__addresses_begin_at(a, index);
    atomic_store(&a->current, roost__addresses_at(a, index));
}

bool roost__addresses_remote(struct addresses *a)
{
    bool remote = false;
    pthread_mutex_lock(&a->lock);
    for (size_t i = 0; i < a->len; i++)
        remote = remote || rank(a->urls[i]) > 0;
    pthread_mutex_unlock(&a->lock);
    return remote;
}
