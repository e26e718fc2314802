/* segment.c: named and anonymous shared memory; see segment.h. */
#include "local/segment.h"

#include <assert.h>
#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/shm.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/error.h"

#define SEGMENT_MAGIC 0x31306c74736f6f72ull /* "roostl01": raise with the layout */

enum { SEGMENT_MODE = 0600, CREATOR_WAIT_NS = 200000 };

static const char *const type_names[] = {
    [LOCAL_LOCK] = "lock",           [LOCAL_RLOCK] = "rlock",
    [LOCAL_SEMAPHORE] = "semaphore", [LOCAL_BOUNDED_SEMAPHORE] = "bounded semaphore",
    [LOCAL_CONDITION] = "condition", [LOCAL_EVENT] = "event",
    [LOCAL_BARRIER] = "barrier",     [LOCAL_VALUE] = "value",
    [LOCAL_ARRAY] = "array",         [LOCAL_QUEUE] = "queue",
};

/* ---- errors ---- */

int roost__local_fail(const struct segment *s, const char *verb, int code, const char *format, ...)
{
    char text[256];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    roost__fail(code, "%s", text);
    return roost__local_fail_at(s, verb);
}

int roost__local_fail_at(const struct segment *s, const char *verb)
{
    const char *name = s->head->name, *type = type_names[s->head->type];
    return name[0] == '\0' ? roost__fail_at("local %s: %s", type, verb)
                           : roost__fail_at("local %s \"%s\": %s", type, name, verb);
}

int roost__local_timeout(const struct segment *s, const char *verb, int timeout_ms)
{
    return roost__local_fail(s, verb, ROOST_ETIMEDOUT, "timed out after %d ms",
                             timeout_ms < 0 ? 0 : timeout_ms);
}

/* ---- making ---- */

static uint64_t pid_namespace(void)
{
    struct stat st;
    return stat("/proc/self/ns/pid", &st) == 0 ? st.st_ino : 0;
}

static void fill(struct segment_head *head, const struct segment_plan *plan)
{
    head->magic = SEGMENT_MAGIC;
    head->pid_namespace = pid_namespace();
    head->type = plan->type;
    if (plan->name != NULL)
        snprintf(head->name, sizeof(head->name), "%s", plan->name);
    if (plan->init != NULL)
        plan->init(head, plan->arg);
}

static int create_anonymous(const struct segment_plan *plan, struct segment *ret)
{
    void *p = mmap(NULL, plan->size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (p == MAP_FAILED)
        return errno == ENOMEM ? roost__fail(ROOST_ENOMEM, "no memory for a local %s of %zu bytes",
                                             type_names[plan->type], plan->size)
                               : roost__fail_sys("mmap");
    *ret = (struct segment){.head = p, .size = plan->size};
    fill(ret->head, plan);
    return ROOST_OK;
}

/* ---- finding ---- */

static bool is_candidate(const struct shmid_ds *d)
{
    return (d->shm_perm.mode & SHM_DEST) != 0 && (d->shm_perm.mode & 0777) == SEGMENT_MODE &&
           d->shm_perm.uid == geteuid() && d->shm_segsz >= sizeof(struct segment_head);
}

/* Attaches segment id if it is the one of that name. */
static bool attach_named(int id, const char *name, struct segment *ret)
{
    struct shmid_ds d;
    struct segment_head *head = shmat(id, NULL, 0);
    if ((intptr_t)head == -1)
        return false; /* its last user has just gone */
    if (head->magic == SEGMENT_MAGIC && strcmp(head->name, name) == 0 && shmctl(id, IPC_STAT, &d) == 0) {
        *ret = (struct segment){.head = head, .size = d.shm_segsz};
        return true;
    }
    shmdt(head);
    return false;
}

static bool find(const char *name, struct segment *ret)
{
    struct shm_info unused;
    struct shmid_ds d;
    int last = shmctl(0, SHM_INFO, (struct shmid_ds *)(void *)&unused);
    for (int i = 0; i <= last; i++) {
        int id = shmctl(i, SHM_STAT, &d);
        if (id >= 0 && is_candidate(&d) && attach_named(id, name, ret))
            return true;
    }
    return false;
}

/* ---- creating under a name ---- */

/* FNV-1a of user and name; never IPC_PRIVATE. */
static key_t key_of(const char *name)
{
    uint32_t hash = 2166136261u ^ (uint32_t)geteuid();
    for (const char *p = name; *p != '\0'; p++)
        hash = (hash ^ (uint8_t)*p) * 16777619u;
    return (key_t)(hash & 0x7fffffff) + (hash == 0);
}

/* Somebody else holds the key: waits a moment, and removes what a dead creator left. */
static int wait_for_creator(key_t key)
{
    struct shmid_ds d;
    int id = shmget(key, 0, 0);
    if (id >= 0 && shmctl(id, IPC_STAT, &d) == 0 && d.shm_nattch == 0 && kill(d.shm_cpid, 0) != 0 &&
        errno == ESRCH && d.shm_perm.cuid == geteuid())
        shmctl(id, IPC_RMID, NULL);
    else if (id < 0 && errno == EACCES)
        return roost__fail_sys("the shared memory key belongs to another user: shmget");
    nanosleep(&(struct timespec){.tv_nsec = CREATOR_WAIT_NS}, NULL);
    return ROOST_OK;
}

/* We hold the key, and nobody has the name: makes the segment, then lets others find it. */
static int build(int id, const struct segment_plan *plan, struct segment *ret)
{
    struct segment_head *head = shmat(id, NULL, 0);
    int rc = (intptr_t)head == -1 ? roost__fail_sys("shmat") : ROOST_OK;
    if (rc == ROOST_OK) {
        fill(head, plan);
        *ret = (struct segment){.head = head, .size = plan->size};
    }
    shmctl(id, IPC_RMID, NULL); /* gives the key back and opens the segment to find() */
    return rc;
}

static int create_error(const struct segment_plan *plan)
{
    if (errno == ENOMEM || errno == ENOSPC || errno == EINVAL)
        return roost__fail(ROOST_ENOMEM, "local %s \"%s\": no shared memory for %zu bytes (see ipcs -lm)",
                           type_names[plan->type], plan->name, plan->size);
    return roost__fail_sys("shmget");
}

static int open_named(const struct segment_plan *plan, struct segment *ret, bool *ret_found)
{
    key_t key = key_of(plan->name);
    for (;;) {
        if ((*ret_found = find(plan->name, ret)))
            return ROOST_OK;
        int id = shmget(key, plan->size, IPC_CREAT | IPC_EXCL | SEGMENT_MODE);
        if (id >= 0 && (*ret_found = find(plan->name, ret))) { /* made between our look and our key */
            shmctl(id, IPC_RMID, NULL);
            return ROOST_OK;
        }
        if (id >= 0)
            return build(id, plan, ret);
        if (errno != EEXIST)
            return create_error(plan);
        int rc = wait_for_creator(key);
        if (rc != ROOST_OK)
            return rc;
    }
}

static int check_found(const struct segment_plan *plan, struct segment *s)
{
    int rc = ROOST_OK;
    if (s->head->type != plan->type)
        rc = roost__fail(ROOST_EEXIST, "\"%s\" exists as a local %s, not as a %s", plan->name,
                         s->head->type <= LOCAL_QUEUE ? type_names[s->head->type] : "?",
                         type_names[plan->type]);
    else if (s->head->pid_namespace != pid_namespace())
        rc = roost__fail(ROOST_EEXIST, "local %s \"%s\" belongs to another pid namespace: use a server",
                         type_names[plan->type], plan->name);
    if (rc != ROOST_OK)
        shmdt(s->head);
    return rc;
}

int roost__segment_open(const struct segment_plan *plan, struct segment *ret, bool *ret_found)
{
    bool found = false;
    struct segment s;
    int rc;
    assert(plan->size >= sizeof(struct segment_head));
    if (plan->name == NULL)
        rc = create_anonymous(plan, &s);
    else if (plan->name[0] == '\0' || strlen(plan->name) > SEGMENT_NAME_MAX)
        rc = roost__fail(ROOST_EINVAL, "a local %s's name has 1 to %d bytes", type_names[plan->type],
                         SEGMENT_NAME_MAX);
    else
        rc = open_named(plan, &s, &found);
    if (rc == ROOST_OK && found)
        rc = check_found(plan, &s);
    if (rc == ROOST_OK)
        *ret = s;
    if (rc == ROOST_OK && ret_found != NULL)
        *ret_found = found;
    return rc;
}

void roost__segment_close(struct segment *s)
{
    if (s->head == NULL)
        return;
    if (s->head->name[0] == '\0')
        munmap(s->head, s->size);
    else
        shmdt(s->head);
    s->head = NULL;
}

/* ---- handles ---- */

int roost__local_open(const struct segment_plan *plan, size_t handle_size, void *ret, bool *ret_found)
{
    struct segment *handle = calloc(1, handle_size);
    if (handle == NULL)
        return roost__fail(ROOST_ENOMEM, "no memory for a handle");
    int rc = roost__segment_open(plan, handle, ret_found);
    if (rc != ROOST_OK)
        free(handle);
    else
        memcpy(ret, &handle, sizeof(handle));
    return rc;
}

void roost__local_close(void *handle)
{
    if (handle == NULL)
        return;
    roost__segment_close(handle);
    free(handle);
}
