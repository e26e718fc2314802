/*
 * fuzz_json.c: what people type: JSON to a value, the value printed, and back (tools/roost/json.c); lines to
 * words (words.c); see README.md. The first byte says which. Without a server: every name is an object's.
 */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "roost/json.h"
#include "roost/words.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* ---- what json.c calls ---- */

int cli_usage(const char *format, ...)
{
    (void)format;
    return STATUS_USAGE;
}

int cli_fail(void)
{
    return STATUS_NO;
}

int cli_connect(struct cli *c)
{
    (void)c;
    return STATUS_DONE;
}

int roost_server_find(roost_manager *m, const char *name, roost_value *ret)
{
    (void)m;
    if (strlen(name) % 2 == 1)
        return ROOST_ENOENT;
    *ret = (roost_value){.kind = ROOST_REF, .len = ROOST_TYPE_queue, .as.ref = strlen(name)};
    return 0;
}

/* ---- JSON ---- */

/* The value as it is printed, malloc'ed. */
static char *printed(roost_value v)
{
    struct cli c = {0};
    char *text = NULL;
    size_t len;
    FILE *out = stdout;
    stdout = open_memstream(&text, &len);
    assert(stdout != NULL);
    json_print(&c, v);
    fclose(stdout);
    stdout = out;
    assert(text != NULL && len == strlen(text) && text[len - 1] == '\n');
    text[len - 1] = '\0';
    return text;
}

/* What was printed reads as what is printed the same. */
static void check_json(const char *text)
{
    struct cli c = {0};
    struct arena a = {0}, b = {0};
    roost_value v, again;
    if (json_read(&c, &a, text, &v) == JSON_OK) {
        char *once = printed(v);
        assert(json_read(&c, &b, once, &again) == JSON_OK);
        char *twice = printed(again);
        assert(strcmp(once, twice) == 0);
        free(once);
        free(twice);
    }
    arena_free(&a);
    arena_free(&b);
}

/* ---- words ---- */

enum { WORDS_MAX = 8 };

static void check_words(char *line)
{
    char *words[WORDS_MAX];
    const char *end = line + strlen(line);
    int n = split_words(line, words, WORDS_MAX);
    assert(n >= -1 && n < WORDS_MAX);
    assert(n < 0 || words[n] == NULL);
    for (int i = 0; i < n; i++)
        assert(words[i] >= line && words[i] + strlen(words[i]) <= end);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    char *text = malloc(size);
    assert(text != NULL);
    memcpy(text, data + 1, size - 1);
    text[size - 1] = '\0';
    if (data[0] == 'w')
        check_words(text);
    else
        check_json(text);
    free(text);
    return 0;
}
