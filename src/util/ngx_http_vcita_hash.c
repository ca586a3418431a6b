
/*
 * Copyright (C) the vcita OAuth gate authors
 *
 * SHA-256, HMAC, HKDF, random bytes, and a constant-time comparison.  Touches
 * only OpenSSL and the memory it is given.
 */


#include <ngx_config.h>
#include <ngx_core.h>

/* nginx's own header of OpenSSL says so, too, where nginx is built with it */

#ifndef OPENSSL_SUPPRESS_DEPRECATED
#define OPENSSL_SUPPRESS_DEPRECATED
#endif

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/rand.h>

#include <pthread.h>

#include "util/ngx_http_vcita_hash.h"


/* the block size of SHA-256 */
#define NGX_HTTP_VCITA_BLOCK  64

/* so many random bytes are drawn at a time */
#define NGX_HTTP_VCITA_HASH_DRAW  512

/* a round of SipHash */

#define ngx_http_vcita_hash_rotate(x, n)  ((x) << (n) | (x) >> (64 - (n)))

#define ngx_http_vcita_hash_round(v0, v1, v2, v3)                             \
    v0 += v1;                                                                 \
    v1 = ngx_http_vcita_hash_rotate(v1, 13) ^ v0;                             \
    v0 = ngx_http_vcita_hash_rotate(v0, 32);                                  \
    v2 += v3;                                                                 \
    v3 = ngx_http_vcita_hash_rotate(v3, 16) ^ v2;                             \
    v0 += v3;                                                                 \
    v3 = ngx_http_vcita_hash_rotate(v3, 21) ^ v0;                             \
    v2 += v1;                                                                 \
    v1 = ngx_http_vcita_hash_rotate(v1, 17) ^ v2;                             \
    v2 = ngx_http_vcita_hash_rotate(v2, 32)


/* random bytes of this process that were not handed out yet */

typedef struct {
    size_t                       left;     /* the first bytes */
    ngx_uint_t                   forks;    /* unsigned  forks:1; */
    u_char                       bytes[NGX_HTTP_VCITA_HASH_DRAW];
} ngx_http_vcita_random_t;


static void ngx_http_vcita_hash_forked(void);


static ngx_http_vcita_random_t  ngx_http_vcita_hash_drawn;


/*
 * HKDF-SHA256 (RFC 5869): derives a key of NGX_HTTP_VCITA_KEY_LEN bytes for the
 * purpose in the label
 */

ngx_int_t
ngx_http_vcita_hash_hkdf(ngx_str_t *secret, ngx_str_t *salt, const char *label,
    u_char *key)
{
    size_t         len;
    ngx_int_t      rc;
    EVP_PKEY_CTX  *ctx;

    rc = NGX_ERROR;
    len = NGX_HTTP_VCITA_KEY_LEN;

    ctx = EVP_PKEY_CTX_new_id(EVP_PKEY_HKDF, NULL);
    if (ctx == NULL) {
        return NGX_ERROR;
    }

    if (EVP_PKEY_derive_init(ctx) > 0
        && EVP_PKEY_CTX_set_hkdf_md(ctx, EVP_sha256()) > 0
        && EVP_PKEY_CTX_set1_hkdf_salt(ctx, salt->data, salt->len) > 0
        && EVP_PKEY_CTX_set1_hkdf_key(ctx, secret->data, secret->len) > 0
        && EVP_PKEY_CTX_add1_hkdf_info(ctx, (u_char *) label,
                                       ngx_strlen(label)) > 0
        && EVP_PKEY_derive(ctx, key, &len) > 0
        && len == NGX_HTTP_VCITA_KEY_LEN)
    {
        rc = NGX_OK;
    }

    EVP_PKEY_CTX_free(ctx);
    ERR_clear_error();

    return rc;
}


/* HMAC-SHA256 (RFC 2104) of the parts, each preceded by its length */

ngx_int_t
ngx_http_vcita_hash_hmac(u_char *key, ngx_str_t *parts, ngx_uint_t n,
    u_char *mac)
{
    ngx_int_t                  rc;
    ngx_http_vcita_hash_key_t  k;

    rc = ngx_http_vcita_hash_key(&k, key);

    if (rc == NGX_OK) {
        rc = ngx_http_vcita_hash_hmac_by(&k, parts, n, mac);
    }

    ngx_explicit_memzero(&k, sizeof(ngx_http_vcita_hash_key_t));

    return rc;
}


/* Hashes the pads of a key once, so that each HMAC saves two blocks */

ngx_int_t
ngx_http_vcita_hash_key(ngx_http_vcita_hash_key_t *key, u_char *bytes)
{
    ngx_int_t   rc;
    ngx_uint_t  i;
    u_char      inner[NGX_HTTP_VCITA_BLOCK], outer[NGX_HTTP_VCITA_BLOCK];

    ngx_memset(inner, 0x36, sizeof(inner));
    ngx_memset(outer, 0x5c, sizeof(outer));

    for (i = 0; i < NGX_HTTP_VCITA_KEY_LEN; i++) {
        inner[i] ^= bytes[i];
        outer[i] ^= bytes[i];
    }

    rc = (SHA256_Init(&key->inner) == 1
          && SHA256_Update(&key->inner, inner, sizeof(inner)) == 1
          && SHA256_Init(&key->outer) == 1
          && SHA256_Update(&key->outer, outer, sizeof(outer)) == 1)
         ? NGX_OK : NGX_ERROR;

    ngx_explicit_memzero(inner, sizeof(inner));
    ngx_explicit_memzero(outer, sizeof(outer));

    return rc;
}


ngx_int_t
ngx_http_vcita_hash_hmac_by(ngx_http_vcita_hash_key_t *key, ngx_str_t *parts,
    ngx_uint_t n, u_char *mac)
{
    u_char      *p, text[512];
    size_t       len;
    ngx_int_t    rc;
    ngx_uint_t   i;
    SHA256_CTX   inner, outer;

    len = 0;

    for (i = 0; i < n; i++) {
        len += 2 + parts[i].len;
    }

    if (len > sizeof(text)) {
        return NGX_ERROR;
    }

    p = text;

    for (i = 0; i < n; i++) {
        p = ngx_http_vcita_hash_field(p, &parts[i]);
    }

    inner = key->inner;
    outer = key->outer;

    rc = (SHA256_Update(&inner, text, len) == 1
          && SHA256_Final(mac, &inner) == 1
          && SHA256_Update(&outer, mac, NGX_HTTP_VCITA_HASH_LEN) == 1
          && SHA256_Final(mac, &outer) == 1)
         ? NGX_OK : NGX_ERROR;

    ngx_explicit_memzero(text, len);
    ngx_explicit_memzero(&inner, sizeof(SHA256_CTX));
    ngx_explicit_memzero(&outer, sizeof(SHA256_CTX));

    return rc;
}


/*
 * SHA-256 by OpenSSL's own functions for it: a digest of EVP takes longer to
 * begin and to end than to hash a few bytes
 */

ngx_int_t
ngx_http_vcita_hash_sha256(ngx_str_t *text, u_char *hash)
{
    ngx_int_t   rc;
    SHA256_CTX  ctx;

    rc = (SHA256_Init(&ctx) == 1
          && SHA256_Update(&ctx, text->data, text->len) == 1
          && SHA256_Final(hash, &ctx) == 1)
         ? NGX_OK : NGX_ERROR;

    ngx_explicit_memzero(&ctx, sizeof(SHA256_CTX));

    return rc;
}


/*
 * SipHash-1-3 (Aumasson and Bernstein) of whole words, fewer than 32: a hash
 * for tables, whose collisions only those find who know the key.  The words are
 * the machine's own.
 */

uint64_t
ngx_http_vcita_hash_short(uint64_t *key, u_char *p, size_t len)
{
    size_t    i;
    uint64_t  word, v0, v1, v2, v3;

    v0 = key[0] ^ 0x736f6d6570736575;
    v1 = key[1] ^ 0x646f72616e646f6d;
    v2 = key[0] ^ 0x6c7967656e657261;
    v3 = key[1] ^ 0x7465646279746573;

    for (i = 0; i < len; i += sizeof(word)) {
        ngx_memcpy(&word, p + i, sizeof(word));

        v3 ^= word;
        ngx_http_vcita_hash_round(v0, v1, v2, v3);
        v0 ^= word;
    }

    word = (uint64_t) len << 56;

    v3 ^= word;
    ngx_http_vcita_hash_round(v0, v1, v2, v3);
    v0 ^= word;

    v2 ^= 0xff;

    ngx_http_vcita_hash_round(v0, v1, v2, v3);
    ngx_http_vcita_hash_round(v0, v1, v2, v3);
    ngx_http_vcita_hash_round(v0, v1, v2, v3);

    return v0 ^ v1 ^ v2 ^ v3;
}


/*
 * Random bytes, at most NGX_HTTP_VCITA_HASH_DRAW, drawn in bulk: a draw costs
 * as much as some hundred bytes of it.  A byte is wiped as it is handed out.
 */

ngx_int_t
ngx_http_vcita_hash_random(u_char *p, size_t len)
{
    ngx_http_vcita_random_t *d = &ngx_http_vcita_hash_drawn;

    if (!d->forks) {

        if (pthread_atfork(NULL, NULL, ngx_http_vcita_hash_forked) != 0) {
            return NGX_ERROR;
        }

        d->forks = 1;
    }

    if (len > d->left) {

        d->left = 0;

        if (len > sizeof(d->bytes)
            || RAND_bytes(d->bytes, sizeof(d->bytes)) != 1)
        {
            ERR_clear_error();
            return NGX_ERROR;
        }

        d->left = sizeof(d->bytes);
    }

    d->left -= len;

    ngx_memcpy(p, d->bytes + d->left, len);
    ngx_explicit_memzero(d->bytes + d->left, len);

    return NGX_OK;
}


/* no two processes have the same random bytes */

static void
ngx_http_vcita_hash_forked(void)
{
    ngx_explicit_memzero(ngx_http_vcita_hash_drawn.bytes,
                         sizeof(ngx_http_vcita_hash_drawn.bytes));
    ngx_http_vcita_hash_drawn.left = 0;
}


/* NGX_OK if equal; the time does not depend on where the values differ */

ngx_int_t
ngx_http_vcita_secret_eq(ngx_str_t *a, ngx_str_t *b)
{
    if (a->len != b->len || CRYPTO_memcmp(a->data, b->data, a->len) != 0) {
        return NGX_DECLINED;
    }

    return NGX_OK;
}


/* Writes a field after its length, a 16-bit big-endian number */

u_char *
ngx_http_vcita_hash_field(u_char *p, ngx_str_t *field)
{
    *p++ = (u_char) (field->len >> 8);
    *p++ = (u_char) field->len;

    return ngx_cpymem(p, field->data, field->len);
}
