/*
 * test_durable.c: a real roostd --data that is killed again and again: what was answered is there, who waited
 * goes on waiting, what is damaged is said. ROOST_ROUNDS=n kills it n times instead of 12.
 */
#include "tests/support/test.h"

#include <fcntl.h>
#include <glob.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tests/support/numbers.h"

enum { WORKERS = 4 };

static char folder[64], url[128], said[4096]; /* said: on stderr, by the server that ended last */
static pid_t server;

/* ---- the server ---- */

static char *in_folder(char *ret, size_t size, const char *name)
{
    snprintf(ret, size, "%s/%s", folder, name);
    return ret;
}

/* Starts it; false: it ended instead, and *said* says why. */
static bool start(void)
{
    char data[128], log[128], line[256];
    int ready[2];
    assert_int_equal(pipe(ready), 0);
    server = fork();
    if (server == 0) {
        char fd[16];
        snprintf(fd, sizeof(fd), "%d", ready[1]);
        close(ready[0]);
        dup2(open(in_folder(log, sizeof(log), "log"), O_CREAT | O_TRUNC | O_WRONLY, 0600), 2);
        execl(getenv("ROOSTD"), "roostd", "--listen", url, "--ready-fd", fd, "--log-level", "warn", "--data",
              in_folder(data, sizeof(data), "data"), "--snapshot-bytes", "30000", (char *)NULL);
        _exit(127);
    }
    close(ready[1]);
    FILE *from = fdopen(ready[0], "r");
    bool runs = fgets(line, sizeof(line), from) != NULL;
    fclose(from);
    if (runs)
        return true;
    waitpid(server, NULL, 0);
    int fd = open(in_folder(log, sizeof(log), "log"), O_RDONLY);
    ssize_t n = read(fd, said, sizeof(said) - 1);
    close(fd);
    said[n > 0 ? n : 0] = '\0';
    return false;
}

static void end(int signal_number)
{
    kill(server, signal_number);
    waitpid(server, NULL, 0);
}

static int set_up(void **state)
{
    (void)state;
    snprintf(folder, sizeof(folder), "/tmp/roost-durable-XXXXXX");
    assert_non_null(mkdtemp(folder));
    snprintf(url, sizeof(url), "ipc://%s/sock", folder);
    assert_true(start());
    return 0;
}

static int tear_down(void **state)
{
    char command[128];
    (void)state;
    end(SIGKILL);
    snprintf(command, sizeof(command), "rm -r %s", folder);
    return system(command);
}

static roost_manager *connect_to_it(void)
{
    roost_manager *m;
    if (roost_connect(url, NULL, &m) != 0)
        fail_msg("%s", roost_errmsg());
    return m;
}

/* ---- kills ---- */

struct getter {
    roost_queue *queue;
    roost_value item;
    int rc;
};

static void *get_item(void *arg)
{
    struct getter *g = arg;
    g->rc = roost_queue_get(g->queue, &g->item, 30000);
    return NULL;
}

static void await_waiters(roost_manager *m, const char *name, int64_t n)
{
    roost_value v;
    for (int64_t seen = -1; seen != n; roost_value_free(&v)) {
        OK(roost_server_describe(m, roost_str(name), &v));
        seen = roost_map_get(v, roost_str("waiters"))->as.i;
    }
}

static void a_blocked_get_outlives_the_server(void **state)
{
    (void)state;
    roost_manager *m = connect_to_it(), *other = connect_to_it();
    struct getter g = {.rc = -1};
    roost_queue *q;
    pthread_t thread;
    OK(roost_queue_open(m, "q", NULL, &g.queue));
    OK(roost_queue_open(other, "q", NULL, &q));
    pthread_create(&thread, NULL, get_item, &g);
    await_waiters(other, "q", 1);
    end(SIGKILL);
    assert_true(start());
    await_waiters(other, "q", 1);
    OK(roost_queue_put(q, roost_int(7), -1));
    pthread_join(thread, NULL);
    assert_int_equal(g.rc, 0);
    assert_int_equal(g.item.as.i, 7);
    roost_queue_close(g.queue);
    roost_queue_close(q);
    roost_manager_close(m);
    roost_manager_close(other);
}

static void a_held_lock_is_held_after_a_restart(void **state)
{
    (void)state;
    roost_manager *m = connect_to_it(), *other = connect_to_it();
    roost_lock *mine, *theirs;
    roost_grant grant;
    OK(roost_lock_open(m, "l", &mine));
    OK(roost_lock_open(other, "l", &theirs));
    OK(roost_lock_acquire(mine, &grant, -1));
    end(SIGKILL);
    assert_true(start());
    assert_int_equal(roost_lock_acquire(theirs, NULL, 0), ROOST_ETIMEDOUT);
    OK(roost_lock_release_token(mine, grant.token));
    OK(roost_lock_acquire(theirs, NULL, 0));
    roost_lock_close(mine);
    roost_lock_close(theirs);
    roost_manager_close(m);
    roost_manager_close(other);
}

struct worker {
    roost_manager *m;
    atomic_bool *stop;
    int64_t sum; /* what it was told */
};

static void *count_up(void *arg)
{
    struct worker *w = arg;
    roost_dict *d;
    roost_value v;
    if (roost_dict_open(w->m, "d", &d) != 0)
        return NULL;
    while (!atomic_load(w->stop)) {
        if (roost_dict_incr(d, roost_str("sum"), roost_int(1), NULL) != 0)
            break;
        w->sum++;
        if (roost_dict_get(d, roost_str("sum"), &v) != 0 || v.as.i < w->sum)
            break;
        roost_value_free(&v);
    }
    roost_dict_close(d);
    return NULL;
}

static void every_call_happens_once_however_often_the_server_is_killed(void **state)
{
    (void)state;
    const char *wish = getenv("ROOST_ROUNDS");
    int rounds = wish != NULL ? atoi(wish) : 12;
    atomic_bool stop = false;
    struct worker workers[WORKERS];
    pthread_t threads[WORKERS];
    roost_manager *m = connect_to_it();
    set_int(m, "sum", 0);
    for (int i = 0; i < WORKERS; i++) {
        workers[i] = (struct worker){.m = connect_to_it(), .stop = &stop};
        pthread_create(&threads[i], NULL, count_up, &workers[i]);
    }
    for (int i = 0; i < rounds; i++) {
        for (int64_t from = int_in(m, "sum"); int_in(m, "sum") < from + 20 + rand() % 200;)
            ;
        end(SIGKILL);
        if (!start())
            fail_msg("round %d: %s", i, said);
    }
    atomic_store(&stop, true);
    int64_t told = 0;
    for (int i = 0; i < WORKERS; i++) {
        pthread_join(threads[i], NULL);
        told += workers[i].sum;
        roost_manager_close(workers[i].m);
    }
    assert_int_equal(int_in(m, "sum"), told);
    roost_manager_close(m);
}

/* ---- files ---- */

static void a_folder_has_one_server(void **state)
{
    (void)state;
    pid_t first = server;
    char own[sizeof(url)];
    strcpy(own, url);
    snprintf(url, sizeof(url), "ipc://%s/other", folder);
    assert_false(start());
    assert_non_null(strstr(said, "another server uses this folder"));
    server = first;
    strcpy(url, own);
}

/* The one file of a pattern that comes last. */
static void last_file(const char *pattern, char ret[256])
{
    char all[128];
    glob_t g;
    assert_int_equal(glob(in_folder(all, sizeof(all), pattern), 0, NULL, &g), 0);
    snprintf(ret, 256, "%s", g.gl_pathv[g.gl_pathc - 1]);
    globfree(&g);
}

/* Where the zeros at the end of a file begin. */
static off_t used_bytes(const char *path)
{
    struct stat st;
    int fd = open(path, O_RDONLY);
    assert_int_equal(fstat(fd, &st), 0);
    uint8_t *bytes = calloc(1, (size_t)st.st_size);
    assert_int_equal(read(fd, bytes, (size_t)st.st_size), st.st_size);
    off_t used = st.st_size;
    while (used > 0 && bytes[used - 1] == 0)
        used--;
    free(bytes);
    close(fd);
    return used;
}

static void change_byte(const char *path, off_t at, uint8_t by)
{
    uint8_t byte;
    int fd = open(path, O_RDWR);
    assert_int_equal(pread(fd, &byte, 1, at), 1);
    byte ^= by;
    assert_int_equal(pwrite(fd, &byte, 1, at), 1);
    close(fd);
}

static void a_torn_end_is_cut_and_what_was_answered_is_there(void **state)
{
    (void)state;
    char log[256];
    roost_manager *m = connect_to_it();
    set_int(m, "a", 1);
    end(SIGKILL);
    last_file("data/log-*", log);
    off_t at = used_bytes(log);
    for (off_t i = 0; i < 100; i++)
        change_byte(log, at + 37 + i, (uint8_t)(i + 1));
    assert_true(start());
    assert_int_equal(int_in(m, "a"), 1);
    set_int(m, "a", 2);
    end(SIGKILL);
    assert_true(start());
    assert_int_equal(int_in(m, "a"), 2);
    roost_manager_close(m);
}

/* A server that is stopped in order has told all; then no byte may change unnoticed. */
static void each_byte_that_changes_is_noticed_or_does_not_matter(void **state)
{
    (void)state;
    char log[256], before[256];
    roost_manager *m = connect_to_it();
    set_int(m, "a", 1);
    set_int(m, "b", 2);
    roost_manager_close(m);
    end(SIGTERM);
    last_file("data/log-*", log);
    off_t used = used_bytes(log);
    unsigned noticed = 0;
    for (off_t at = 0; at < used; at += 5) {
        char command[600];
        snprintf(command, sizeof(command), "cp -r %s/data %s/kept", folder, folder);
        assert_int_equal(system(command), 0);
        change_byte(log, at, 0x10);
        if (start()) {
            m = connect_to_it();
            assert_int_equal(int_in(m, "a") + int_in(m, "b"), 3);
            roost_manager_close(m);
            end(SIGTERM);
        } else {
            assert_non_null(strstr(said, "/log-"));
            noticed++;
        }
        snprintf(command, sizeof(command), "rm -r %s/data; mv %s/kept %s/data", folder, folder, folder);
        assert_int_equal(system(command), 0);
    }
    assert_true(noticed > (unsigned)used / 5 / 2);
    last_file("data/snapshot-*", before);
    change_byte(before, 30, 1);
    assert_false(start());
    assert_non_null(strstr(said, "/snapshot-"));
    change_byte(before, 30, 1);
    assert_int_equal(truncate(log, used / 2), 0);
    assert_false(start());
    assert_non_null(strstr(said, "the file was cut here"));
}

static void snapshots_bound_the_log(void **state)
{
    (void)state;
    char pattern[128];
    glob_t g = {0};
    roost_manager *m = connect_to_it();
    for (int i = 0; i < 2000; i++)
        set_int(m, "a", i);
    for (size_t n = 0; n != 1; globfree(&g)) { /* the first snapshot goes when there is another */
        set_int(m, "a", 2000);
        assert_int_equal(
            glob(in_folder(pattern, sizeof(pattern), "data/snapshot-0000000000000000"), 0, NULL, &g),
            g.gl_pathc == 0 ? GLOB_NOMATCH : 0);
        n = g.gl_pathc == 0;
    }
    end(SIGKILL);
    assert_true(start());
    assert_int_equal(int_in(m, "a"), 2000);
    roost_manager_close(m);
}

int main(void)
{
    signal(SIGPIPE, SIG_IGN);
#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        CASE(a_blocked_get_outlives_the_server),
        CASE(a_held_lock_is_held_after_a_restart),
        CASE(every_call_happens_once_however_often_the_server_is_killed),
        CASE(a_folder_has_one_server),
        CASE(a_torn_end_is_cut_and_what_was_answered_is_there),
        CASE(each_byte_that_changes_is_noticed_or_does_not_matter),
        CASE(snapshots_bound_the_log),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
