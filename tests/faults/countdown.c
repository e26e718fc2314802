/* countdown.c: malloc and its family, wrapped; see countdown.h. */
#include "tests/faults/countdown.h"

#include <errno.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What the linker's --wrap makes of the names. */
void *__real_malloc(size_t n);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *p, size_t n);
void *__real_reallocarray(void *p, size_t n, size_t size);
char *__real_strdup(const char *s);
char *__real_strndup(const char *s, size_t n);
FILE *__real_open_memstream(char **ret, size_t *ret_len);
void __real_free(void *p);
void *__wrap_malloc(size_t n);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *p, size_t n);
void *__wrap_reallocarray(void *p, size_t n, size_t size);
char *__wrap_strdup(const char *s);
char *__wrap_strndup(const char *s, size_t n);
FILE *__wrap_open_memstream(char **ret, size_t *ret_len);
int __wrap_asprintf(char **ret, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* What _FORTIFY_SOURCE makes of asprintf(). */
int __wrap___asprintf_chk(char **ret, int flag, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void __wrap_free(void *p);

static atomic_long left; /* allocations until one fails; 0: none will */
static atomic_bool all, hit;
static atomic_long alive;
static atomic_ulong made;

static void forget_in_child(void)
{
    atomic_store(&left, 0);
}

void countdown_start(unsigned long n, bool all_after)
{
    static bool registered;
    if (!registered)
        registered = pthread_atfork(NULL, NULL, forget_in_child) == 0;
    atomic_store(&hit, false);
    atomic_store(&all, all_after);
    atomic_store(&left, (long)n);
}

bool countdown_stop(void)
{
    atomic_store(&left, 0);
    return atomic_load(&hit);
}

bool countdown_hit(void)
{
    return atomic_load(&hit);
}

long blocks_alive(void)
{
    return atomic_load(&alive);
}

unsigned long allocations(void)
{
    return atomic_load(&made);
}

/* One more allocation: is it the one? */
static bool fails(void)
{
    atomic_fetch_add(&made, 1);
    long now = atomic_load(&left);
    do {
        if (now == 0)
            return false;
    } while (!atomic_compare_exchange_weak(&left, &now, now == 1 && atomic_load(&all) ? 1 : now - 1));
    if (now > 1)
        return false;
    atomic_store(&hit, true);
    errno = ENOMEM;
    return true;
}

static void *counted(void *p)
{
    if (p != NULL)
        atomic_fetch_add(&alive, 1);
    return p;
}

void *__wrap_malloc(size_t n)
{
    return fails() ? NULL : counted(__real_malloc(n));
}

void *__wrap_calloc(size_t n, size_t size)
{
    return fails() ? NULL : counted(__real_calloc(n, size));
}

void *__wrap_realloc(void *p, size_t n)
{
    if (fails())
        return NULL;
    return p == NULL ? counted(__real_realloc(p, n)) : __real_realloc(p, n);
}

void *__wrap_reallocarray(void *p, size_t n, size_t size)
{
    if (fails())
        return NULL;
    return p == NULL ? counted(__real_reallocarray(p, n, size)) : __real_reallocarray(p, n, size);
}

char *__wrap_strdup(const char *s)
{
    return fails() ? NULL : counted(__real_strdup(s));
}

char *__wrap_strndup(const char *s, size_t n)
{
    return fails() ? NULL : counted(__real_strndup(s, n));
}

/* The text is allocated by the C library, and freed by roost. */
FILE *__wrap_open_memstream(char **ret, size_t *ret_len)
{
    FILE *f = fails() ? NULL : __real_open_memstream(ret, ret_len);
    if (f != NULL)
        atomic_fetch_add(&alive, 1);
    return f;
}

static __attribute__((format(printf, 2, 0))) int print(char **ret, const char *format, va_list args)
{
    int n = fails() ? -1 : vasprintf(ret, format, args);
    if (n >= 0)
        atomic_fetch_add(&alive, 1);
    return n;
}

int __wrap_asprintf(char **ret, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int n = print(ret, format, args);
    va_end(args);
    return n;
}

int __wrap___asprintf_chk(char **ret, int flag, const char *format, ...)
{
    (void)flag;
    va_list args;
    va_start(args, format);
    int n = print(ret, format, args);
    va_end(args);
    return n;
}

void __wrap_free(void *p)
{
    if (p != NULL)
        atomic_fetch_sub(&alive, 1);
    __real_free(p);
}
