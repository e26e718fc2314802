/* proof.c: see proof.h. */
#include "wire/proof.h"

#include <errno.h>
#include <sodium.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "wire/credentials.h"

/* ---- proofs ---- */

/* A length goes before the bytes, so that no two transcripts are the same bytes. */
static void add(crypto_auth_hmacsha256_state *state, struct slice bytes)
{
    uint8_t len[4];
    put_u32be(len, (uint32_t)bytes.len);
    crypto_auth_hmacsha256_update(state, len, sizeof(len));
    if (bytes.len > 0)
        crypto_auth_hmacsha256_update(state, bytes.data, bytes.len);
}

void roost__prove(enum prover who, const uint8_t key[PROOF_KEY_LEN], const struct transcript *t,
                  uint8_t ret[PROOF_LEN])
{
    static const char *const labels[] = {
        [PROVER_SERVER] = "roost server proof", [PROVER_CLIENT] = "roost client proof"};
    crypto_auth_hmacsha256_state state;
    crypto_auth_hmacsha256_init(&state, key, PROOF_KEY_LEN);
    add(&state, slice_str(labels[who]));
    add(&state, t->hello);
    add(&state, t->binding);
    add(&state, t->nonce);
    crypto_auth_hmacsha256_final(&state, ret);
    sodium_memzero(&state, sizeof(state));
}

bool roost__proof_ok(enum prover who, const uint8_t key[PROOF_KEY_LEN], const struct transcript *t,
                     struct slice proof)
{
    uint8_t right[PROOF_LEN];
    roost__prove(who, key, t, right);
    return proof.len == PROOF_LEN && sodium_memcmp(right, proof.data, PROOF_LEN) == 0;
}

/* ---- identities and keys ---- */

bool roost__identity_ok(struct slice name)
{
    bool ok = name.len >= 1 && name.len <= IDENTITY_MAX;
    for (size_t i = 0; ok && i < name.len; i++)
        ok = name.data[i] > ' ' && name.data[i] < 0x7f;
    return ok;
}

bool roost__key_parse(struct slice digits, uint8_t ret[PROOF_KEY_LEN])
{
    size_t n;
    return digits.len == 2 * (size_t)PROOF_KEY_LEN &&
           sodium_hex2bin(ret, PROOF_KEY_LEN, (const char *)digits.data, digits.len, NULL, &n, NULL) == 0 &&
           n == PROOF_KEY_LEN;
}

static bool is_our_group(gid_t group)
{
    gid_t groups[256];
    int n = getgroups(sizeof(groups) / sizeof(groups[0]), groups);
    for (int i = 0; i < n; i++)
        if (groups[i] == group)
            return true;
    return group == getegid();
}

static bool is_secret(const struct stat *st)
{
    bool lent = st->st_uid == 0 && geteuid() != 0 && is_our_group(st->st_gid);
    return (st->st_mode & (S_IRWXG | S_IRWXO) & ~(lent ? S_IRGRP : 0U)) == 0;
}

int roost__secret_file_read(const char *path, const char *what, struct buf *ret)
{
    struct stat st;
    char reason[128];
    if (stat(path, &st) != 0)
        return roost__fail(ROOST_ESYS, "cannot read the %s %s: %s", what, path,
                           strerror_r(errno, reason, sizeof(reason)));
    if (!is_secret(&st))
        return roost__fail(ROOST_EINVAL,
                           "the %s %s has mode %04o: others than its owner may use it "
                           "(chmod 600)",
                           what, path, (unsigned)st.st_mode & 07777);
    return roost__read_file(path, what, PEM_MAX, ret);
}

int roost__key_file_read(const char *path, uint8_t ret[PROOF_KEY_LEN])
{
    struct buf text = {0};
    int rc = roost__secret_file_read(path, "key file", &text);
    if (rc != ROOST_OK)
        return rc;
    size_t len = strcspn((const char *)text.data, " \t\r\n");
    if (!roost__key_parse(slice_of(text.data, len), ret))
        rc = roost__fail(ROOST_EINVAL, "the key file %s does not begin with 64 hexadecimal digits", path);
    sodium_memzero(text.data, text.len);
    roost__buf_free(&text);
    return rc;
}
