/* keyring.c: see keyring.h. */
#include "shell/keyring.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "core/core.h"
#include "wire/encode.h"

enum { WORDS_MAX = 4, RULES_MAX = 64 << 10 };

void keyring_free(struct keyring *k)
{
    if (k == NULL)
        return;
    for (size_t i = 0; i < k->len; i++) {
        roost__buf_free(&k->all[i].rules);
        sodium_memzero(&k->all[i], sizeof(k->all[i]));
    }
    free(k->all);
    sodium_memzero(k, sizeof(*k));
    free(k);
}

const struct identity *keyring_find(const struct keyring *k, struct slice name)
{
    for (size_t i = 0; k != NULL && i < k->len; i++)
        if (slice_equal(slice_str(k->all[i].name), name))
            return &k->all[i];
    return NULL;
}

void keyring_key(const struct keyring *k, struct slice name, uint8_t ret[PROOF_KEY_LEN])
{
    const struct identity *found = keyring_find(k, name);
    if (found != NULL && found->has_key)
        memcpy(ret, found->key, PROOF_KEY_LEN);
    else
        crypto_auth_hmacsha256(ret, name.data, name.len, k->decoy);
}

/* ---- reading ---- */

static uint64_t number_of(struct slice name)
{
    uint8_t hash[crypto_hash_sha256_BYTES];
    crypto_hash_sha256(hash, name.data, name.len);
    uint64_t number = get_u64be(hash);
    return number != 0 ? number : 1;
}

/* The identity of that name, made when there is none. NULL (worded): there are too many, or no memory. */
static struct identity *take_identity(struct keyring *k, struct slice name)
{
    for (size_t i = 0; i < k->len; i++)
        if (slice_equal(slice_str(k->all[i].name), name))
            return &k->all[i];
    if (k->len == KEYRING_MAX) {
        roost__fail(ROOST_EINVAL, "more than %d identities", KEYRING_MAX);
        return NULL;
    }
    if (k->len == k->cap) {
        size_t cap = k->cap * 2 + 8;
        struct identity *grown = reallocarray(k->all, cap, sizeof(*grown));
        if (grown == NULL) {
            roost__fail(ROOST_ENOMEM, "no memory for identities");
            return NULL;
        }
        k->all = grown;
        k->cap = cap;
    }
    struct identity *new = &k->all[k->len++];
    *new = (struct identity){.number = number_of(name), .rules = buf_make(RULES_MAX)};
    memcpy(new->name, name.data, name.len);
    return new;
}

static int take_key(struct identity *who, struct slice digits)
{
    if (who->has_key)
        return roost__fail(ROOST_EINVAL, "identity %s has a key already", who->name);
    if (!roost__key_parse(digits, who->key))
        return roost__fail(ROOST_EINVAL, "the key of %s is not 64 hexadecimal digits", who->name);
    who->has_key = true;
    return ROOST_OK;
}

/* "read,write" as bits; 0: it is no such list. */
static unsigned parse_rights(struct slice words)
{
    static const struct {
        const char *name;
        unsigned bit;
    } rights[] = {{"read", RIGHT_READ}, {"write", RIGHT_WRITE}, {"admin", RIGHT_ADMIN}};
    const char *p = (const char *)words.data, *end = p + words.len;
    unsigned all = 0;
    while (p < end) {
        size_t len = 0;
        unsigned bit = 0;
        while (p + len < end && p[len] != ',')
            len++;
        for (size_t i = 0; i < sizeof(rights) / sizeof(rights[0]); i++)
            if (slice_equal(slice_str(rights[i].name), slice_of((const uint8_t *)p, len)))
                bit = rights[i].bit;
        if (bit == 0)
            return 0;
        all |= bit;
        p += len + 1;
    }
    return all;
}

static int take_rule(struct identity *who, struct slice rights, struct slice pattern)
{
    unsigned mask = parse_rights(rights);
    if (mask == 0 || pattern.len > CORE_PATTERN_MAX)
        return roost__fail(ROOST_EINVAL, "a rule is: allow IDENTITY read,write,admin PATTERN");
    uint8_t head[2] = {(uint8_t)mask, (uint8_t)pattern.len};
    buf_append(&who->rules, head, sizeof(head));
    buf_append(&who->rules, pattern.data, pattern.len);
    return who->rules.failed ? roost__buf_fail(&who->rules) : ROOST_OK;
}

static int take_words(struct keyring *k, const struct slice *words, unsigned n)
{
    bool key = n == 3 && slice_equal(words[0], slice_str("key"));
    bool rule = n == 4 && slice_equal(words[0], slice_str("allow"));
    if (!key && !rule)
        return roost__fail(ROOST_EINVAL, "expected: key IDENTITY DIGITS, or: allow IDENTITY RIGHTS PATTERN");
    if (!roost__identity_ok(words[1]))
        return roost__fail(ROOST_EINVAL, "an identity has 1 to %d printable characters", IDENTITY_MAX);
    struct identity *who = take_identity(k, words[1]);
    if (who == NULL)
        return roost_errcode();
    return key ? take_key(who, words[2]) : take_rule(who, words[2], words[3]);
}

/* Splits a line into words; returns how many, WORDS_MAX + 1 for too many. */
static unsigned split(char *line, struct slice words[WORDS_MAX])
{
    unsigned n = 0;
    for (char *p = line; *p != '\0' && *p != '#';) {
        size_t len = strcspn(p, " \t\r");
        if (len > 0 && n < WORDS_MAX)
            words[n] = slice_of((const uint8_t *)p, len);
        n += len > 0;
        p += len + (p[len] != '\0');
    }
    return n < WORDS_MAX ? n : n == WORDS_MAX ? n : WORDS_MAX + 1;
}

static int take_lines(struct keyring *k, char *text, const char *path)
{
    unsigned number = 0;
    for (char *line; (line = strsep(&text, "\n")) != NULL;) {
        struct slice words[WORDS_MAX];
        unsigned n = split(line, words);
        number++;
        if (n == 0)
            continue;
        int rc = take_words(k, words, n);
        if (rc != ROOST_OK)
            return roost__fail_at("%s, line %u", path, number);
    }
    return ROOST_OK;
}

int keyring_load(const char *path, struct keyring **ret)
{
    struct buf text;
    int rc = roost__secret_file_read(path, "keys file", &text);
    if (rc != ROOST_OK)
        return rc;
    struct keyring *k = calloc(1, sizeof(*k));
    if (k != NULL) {
        randombytes_buf(k->decoy, sizeof(k->decoy));
        rc = take_lines(k, (char *)text.data, path);
    } else {
        rc = roost__fail(ROOST_ENOMEM, "no memory for the keys");
    }
    sodium_memzero(text.data, text.len);
    roost__buf_free(&text);
    if (rc == ROOST_OK)
        *ret = k;
    else
        keyring_free(k);
    return rc;
}
