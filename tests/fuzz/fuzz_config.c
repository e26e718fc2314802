/*
 * fuzz_config.c: what an administrator writes: the configuration file, variables, flags, the keys file; see
 * README.md. The first byte says which. What is read of the first three is written as a file, and read again
 * as the same.
 */
#include <assert.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "roost/error.h"

#include "shell/keyring.h"
#include "shell/options.h"
#include "world.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { ARGS_MAX = 12 };

/* A file of that content; the path stays good until the next. */
static const char *file_of(struct slice bytes)
{
    static char path[64];
    static int fd = -1;
    if (fd < 0) {
        fd = memfd_create("config", MFD_CLOEXEC);
        snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    }
    assert(fd >= 0 && fchmod(fd, 0600) == 0 && ftruncate(fd, 0) == 0);
    assert(pwrite(fd, bytes.data, bytes.len, 0) == (ssize_t)bytes.len);
    return path;
}

/* ---- keys ---- */

static void check_keys(struct slice text)
{
    struct keyring *k;
    uint8_t key[PROOF_KEY_LEN];
    if (keyring_load(file_of(text), &k) != ROOST_OK)
        return;
    for (size_t i = 0; i < k->len; i++) {
        const struct identity *who = &k->all[i];
        assert(roost__identity_ok(slice_str(who->name)) && who->number != 0);
        assert(keyring_find(k, slice_str(who->name)) == who && keyring_find_number(k, who->number) == who);
        keyring_key(k, slice_str(who->name), key);
        assert(who->has_key == (memcmp(key, who->key, sizeof(key)) == 0));
        size_t at = 0;
        while (at < who->rules.len) {
            assert(who->rules.data[at] != 0 && who->rules.data[at] < 8);
            at += 2 + (size_t)who->rules.data[at + 1];
        }
        assert(at == who->rules.len);
    }
    keyring_free(k);
}

/* ---- options ---- */

/* The same value, as it would be written. */
static void check_same(const struct options *a, const struct options *b)
{
    char x[8192], y[8192];
    for (const struct option_row *row = option_rows; row < option_rows + OPTION_COUNT; row++)
        for (unsigned i = 0;; i++) {
            bool more = option_write(a, row, i, x, sizeof(x));
            assert(more == option_write(b, row, i, y, sizeof(y)));
            if (!more)
                break;
            assert(strcmp(x, y) == 0);
        }
}

/* Every value can be given again as a text. */
static void check_written(const struct options *o)
{
    static char program[] = "roostd";
    char *argv[] = {program, NULL}, text[8192], why[256];
    struct options again;
    assert(options_load(&again, 1, argv) == -1);
    for (const struct option_row *row = option_rows; row < option_rows + OPTION_COUNT; row++)
        for (unsigned i = 0; option_write(o, row, i, text, sizeof(text)); i++)
            assert(option_set(&again, row, text, FROM_FLAG, why, sizeof(why)));
    check_same(o, &again);
    options_free(&again);
}

static void check_options(int argc, char **argv)
{
    struct options o;
    struct store_options store;
    struct buf changed = buf_make(65536);
    char why[256];
    if (options_load(&o, argc, argv) == -1) {
        struct core_limits limits = options_limits(&o);
        struct allowed_users users = options_allowed(&o);
        assert(limits.frame_max <= 64 << 20 && users.uid_len <= ALLOWED_MAX && users.gid_len <= ALLOWED_MAX);
        (void)options_store(&o, &store, why, sizeof(why));
        check_written(&o);
        assert(options_reload(&o, argc, argv, &changed) && changed.len == 0);
    }
    roost__buf_free(&changed);
    options_free(&o);
}

/* Does a word name a file of this machine, as -c and --config do? */
static bool names_file(const char *word)
{
    return word[0] == '-' && (word[1] == '-' ? word[2] == 'c' : strchr(word, 'c') != NULL);
}

/* Words behind NULs, as arguments. */
static void check_flags(char *text, const char *end)
{
    static char program[] = "roostd";
    char *argv[ARGS_MAX + 2] = {program};
    int argc = 1;
    for (char *p = text; p < end && argc <= ARGS_MAX; p += strlen(p) + 1)
        if (!names_file(p))
            argv[argc++] = p;
    check_options(argc, argv);
}

/* NAME=value pairs behind NULs. */
static void check_variables(char *text, const char *end)
{
    static char program[] = "roostd";
    char *argv[] = {program, NULL};
    clearenv();
    for (char *p = text, *next; p < end; p = next) {
        next = p + strlen(p) + 1;
        if (strncmp(p, "ROOSTD_", 7) == 0 && strchr(p, '=') != NULL && strncmp(p, "ROOSTD_CONFIG", 13) != 0)
            assert(putenv(p) == 0);
    }
    check_options(1, argv);
    clearenv();
}

static void check_file(struct slice text)
{
    static char program[] = "roostd", flag[] = "--config", path[64];
    char *argv[] = {program, flag, path, NULL};
    snprintf(path, sizeof(path), "%s", file_of(text));
    check_options(3, argv);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    char *text = malloc(size);
    assert(text != NULL);
    memcpy(text, data + 1, size - 1);
    text[size - 1] = '\0';
    world_begin();
    if (data[0] == 'k')
        check_keys(slice_of((const uint8_t *)text, size - 1));
    else if (data[0] == 'f')
        check_flags(text, text + size - 1);
    else if (data[0] == 'v')
        check_variables(text, text + size - 1);
    else
        check_file(slice_of((const uint8_t *)text, size - 1));
    world_end();
    free(text);
    return 0;
}
