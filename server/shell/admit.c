/* admit.c: see admit.h. */
#include "shell/admit.h"

#include <sodium.h>
#include <stdlib.h>

#include "shell/conn.h"
#include "shell/keyring.h"
#include "shell/server.h"
#include "wire/frame.h"

void greeting_free(struct greeting *g)
{
    if (g == NULL)
        return;
    roost__buf_free(&g->hello);
    free(g);
}

static enum admission refuse(struct conn *c, const char *why)
{
    watch_refusal(c, why, ROOST_EAUTH);
    conn_goodbye(c, ROOST_EAUTH, why);
    return ADMIT_NO;
}

/* From here on the connection is his. */
static enum admission enter_as(struct conn *c, const struct identity *who)
{
    c->identity = who->number;
    snprintf(c->name, sizeof(c->name), "%s", who->name);
    return ADMIT_YES;
}

/* A user of this host without a key. Without a keys file all who come in may do all. */
static enum admission admit_user(struct conn *c)
{
    char name[32], why[96];
    snprintf(name, sizeof(name), "uid:%u", (unsigned)c->user.uid);
    if (c->user.kind == USER_OWN || c->server->keys == NULL)
        return ADMIT_YES;
    const struct identity *who = keyring_find(c->server->keys, slice_str(name));
    if (who != NULL)
        return enter_as(c, who);
    snprintf(why, sizeof(why), "the keys file has no rule for %s", name);
    return refuse(c, why);
}

static bool say_challenge(struct conn *c, const struct transcript *t)
{
    uint8_t key[PROOF_KEY_LEN], proof[PROOF_LEN];
    keyring_key(c->server->keys, c->greeting->identity, key);
    roost__prove(PROVER_SERVER, key, t, proof);
    sodium_memzero(key, sizeof(key));
    struct buf b = buf_make(256);
    size_t at = frame_begin(&b);
    roost__put_array(&b, 3);
    roost__put_int(&b, FRAME_CHALLENGE);
    roost__put_bytes(&b, t->nonce);
    roost__put_bytes(&b, slice_of(proof, sizeof(proof)));
    bool ok = roost__frame_end(&b, at);
    if (ok) {
        conn_write(c, buf_slice(&b));
        c->ops->flush(c);
    }
    roost__buf_free(&b);
    return ok;
}

static struct transcript transcript_of(const struct conn *c)
{
    const struct greeting *g = c->greeting;
    return (struct transcript){
        .hello = buf_slice(&g->hello), .binding = c->binding, .nonce = slice_of(g->nonce, sizeof(g->nonce))};
}

static enum admission challenge(struct conn *c, struct slice payload, struct slice identity)
{
    struct greeting *g = calloc(1, sizeof(*g));
    if (g == NULL)
        return ADMIT_NO;
    g->hello = buf_make(FRAME_HELLO_MAX);
    if (!buf_append(&g->hello, payload.data, payload.len)) {
        greeting_free(g);
        return ADMIT_NO;
    }
    g->identity = slice_of(g->hello.data + (identity.data - payload.data), identity.len);
    randombytes_buf(g->nonce, sizeof(g->nonce));
    c->greeting = g;
    struct transcript t = transcript_of(c);
    return say_challenge(c, &t) ? ADMIT_LATER : ADMIT_NO;
}

enum admission admit_hello(struct conn *c, struct slice payload, struct slice identity)
{
    if (c->user.kind == USER_STRANGER)
        return refuse(c, "this user may not use this server (--allow-uid, --allow-gid)");
    if (c->server->keys == NULL)
        return ADMIT_YES; /* a client that wants a proof sees that there is none */
    if (identity.len > 0)
        return roost__identity_ok(identity) ? challenge(c, payload, identity)
                                            : refuse(c, "the identity is malformed");
    if (c->user.kind != USER_UNKNOWN)
        return admit_user(c);
    return refuse(c, "this server lets in only who has an identity and its key");
}

/* The proof in a PROOF frame; len 0: it is none. */
static struct slice proof_in(struct slice payload)
{
    struct item it;
    const uint8_t *p = roost__scan_item(payload.data, &it);
    if (roost__frame_kind(payload) != FRAME_PROOF || it.len != 2)
        return slice_of(NULL, 0);
    p = roost__scan_skip(p);
    it = scan_value(scan_next(&p));
    return it.kind == ROOST_BYTES ? slice_of(it.as.bytes, it.len) : slice_of(NULL, 0);
}

enum admission admit_proof(struct conn *c, struct slice payload)
{
    struct slice name = c->greeting->identity;
    struct transcript t = transcript_of(c);
    char why[160];
    uint8_t key[PROOF_KEY_LEN];
    const struct identity *who = keyring_find(c->server->keys, name); /* they may have been loaded anew */
    bool ok = false;
    if (c->server->keys != NULL) {
        keyring_key(c->server->keys, name, key);
        ok = roost__proof_ok(PROVER_CLIENT, key, &t, proof_in(payload));
        sodium_memzero(key, sizeof(key));
    }
    if (ok && who != NULL && who->has_key)
        return enter_as(c, who);
    snprintf(why, sizeof(why), "no proof of the key of identity \"%.*s\"", (int)name.len,
             (const char *)name.data);
    return refuse(c, why);
}
