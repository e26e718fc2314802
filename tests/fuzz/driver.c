/*
 * driver.c: runs a fuzz target without libFuzzer: first every file of the folder in argv[1], then argv[2]
 * inputs made by mutating them, from a fixed seed, so that a run can be repeated.
 */
#include <dirent.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { INPUT_MAX = 4096, FILES_MAX = 512 };

static struct {
    uint8_t *data;
    size_t len;
} files[FILES_MAX];
static size_t file_len;

static bool load_file(const char *folder, const char *name)
{
    char path[1024];
    snprintf(path, sizeof(path), "%s/%s", folder, name);
    FILE *f = name[0] == '.' ? NULL : fopen(path, "rb");
    uint8_t *data = f != NULL ? malloc(INPUT_MAX) : NULL;
    if (data != NULL) {
        files[file_len].data = data;
        files[file_len++].len = fread(data, 1, INPUT_MAX, f);
    }
    if (f != NULL)
        fclose(f);
    return data != NULL;
}

/* In the order of their names, so that a run can be repeated elsewhere. */
static void load(const char *folder)
{
    struct dirent **names;
    int n = scandir(folder, &names, NULL, alphasort);
    for (int i = 0; i < n; i++) {
        if (file_len < FILES_MAX && load_file(folder, names[i]->d_name))
            LLVMFuzzerTestOneInput(files[file_len - 1].data, files[file_len - 1].len);
        free(names[i]);
    }
    if (n >= 0)
        free(names);
}

static size_t mutate(uint8_t *p, size_t len, unsigned *seed)
{
    for (int edits = 1 + rand_r(seed) % 8; edits > 0 && len > 0; edits--) {
        size_t at = (size_t)rand_r(seed) % len;
        switch (rand_r(seed) % 4) {
        case 0:
            p[at] = (uint8_t)rand_r(seed);
            break;
        case 1:
            p[at] ^= (uint8_t)(1 << rand_r(seed) % 8);
            break;
        case 2: /* cut */
            memmove(p + at, p + at + 1, --len - at);
            break;
        default: /* repeat a piece */
            if (len < INPUT_MAX / 2) {
                memmove(p + at + (len - at), p + at, len - at);
                len += len - at;
            }
        }
    }
    return len;
}

int main(int argc, char **argv)
{
    if (argc != 3) {
        fprintf(stderr, "usage: %s CORPUS COUNT\n", argv[0]);
        return 2;
    }
    load(argv[1]);
    size_t n = file_len;
    unsigned seed = 20261121;
    long count = strtol(argv[2], NULL, 10);
    for (long i = 0; i < count && n > 0; i++) {
        uint8_t input[INPUT_MAX];
        size_t pick = (size_t)rand_r(&seed) % n;
        memcpy(input, files[pick].data, files[pick].len);
        LLVMFuzzerTestOneInput(input, mutate(input, files[pick].len, &seed));
    }
    for (size_t i = 0; i < n; i++)
        free(files[i].data);
    printf("%zu files and %ld mutations\n", n, n > 0 ? count : 0);
    return n > 0 ? 0 : 1;
}
