
/*
 * Copyright (C) the vcita OAuth gate authors
 *
 * SHA-256, HMAC, HKDF, random bytes, and a constant-time comparison.  Touches
 * only OpenSSL and the memory it is given.
 */


#include <ngx_config.h>
#include <ngx_core.h>

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/rand.h>

#include "util/ngx_http_vcita_hash.h"


/* the block size of SHA-256 */
#define NGX_HTTP_VCITA_BLOCK  64

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


/*
 * HMAC-SHA256 (RFC 2104) of the parts, each preceded by its length.  OpenSSL's
 * HMAC() fetches the algorithm at every call and takes four times as long.
 */

ngx_int_t
ngx_http_vcita_hash_hmac(u_char *key, ngx_str_t *parts, ngx_uint_t n,
    u_char *mac)
{
    u_char      *p;
    size_t       len;
    ngx_int_t    rc;
    ngx_str_t    inner, outer;
    ngx_uint_t   i;
    u_char       text[NGX_HTTP_VCITA_BLOCK + 512];
    u_char       pad[NGX_HTTP_VCITA_BLOCK
                     + NGX_HTTP_VCITA_HASH_LEN];

    len = 0;

    for (i = 0; i < n; i++) {
        len += 2 + parts[i].len;
    }

    if (len > sizeof(text) - NGX_HTTP_VCITA_BLOCK) {
        return NGX_ERROR;
    }

    ngx_memset(text, 0x36, NGX_HTTP_VCITA_BLOCK);
    ngx_memset(pad, 0x5c, NGX_HTTP_VCITA_BLOCK);

    for (i = 0; i < NGX_HTTP_VCITA_KEY_LEN; i++) {
        text[i] ^= key[i];
        pad[i] ^= key[i];
    }

    p = text + NGX_HTTP_VCITA_BLOCK;

    for (i = 0; i < n; i++) {
        p = ngx_http_vcita_hash_field(p, &parts[i]);
    }

    inner.data = text;
    inner.len = p - text;
    outer.data = pad;
    outer.len = sizeof(pad);

    rc = ngx_http_vcita_hash_sha256(&inner, pad + NGX_HTTP_VCITA_BLOCK);

    if (rc == NGX_OK) {
        rc = ngx_http_vcita_hash_sha256(&outer, mac);
    }

    ngx_explicit_memzero(text, inner.len);
    ngx_explicit_memzero(pad, sizeof(pad));

    return rc;
}


/*
 * SHA-256, on a context that is kept: OpenSSL fetches an algorithm slower than
 * it hashes a few bytes
 */

ngx_int_t
ngx_http_vcita_hash_sha256(ngx_str_t *text, u_char *hash)
{
    const EVP_MD       *md;
    static EVP_MD_CTX  *ctx;

    md = NULL;

    if (ctx == NULL) {
        ctx = EVP_MD_CTX_new();
        md = EVP_sha256();
    }

    if (ctx
        && EVP_DigestInit_ex(ctx, md, NULL) == 1
        && EVP_DigestUpdate(ctx, text->data, text->len) == 1
        && EVP_DigestFinal_ex(ctx, hash, NULL) == 1)
    {
        return NGX_OK;
    }

    /* the next call fetches the algorithm again */

    EVP_MD_CTX_free(ctx);
    ctx = NULL;

    ERR_clear_error();

    return NGX_ERROR;
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


ngx_int_t
ngx_http_vcita_hash_random(u_char *p, size_t len)
{
    if (RAND_bytes(p, len) != 1) {
        ERR_clear_error();
        return NGX_ERROR;
    }

    return NGX_OK;
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
