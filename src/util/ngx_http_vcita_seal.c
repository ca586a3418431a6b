
/*
 * Copyright (C) the vcita OAuth gate authors
 *
 * Authenticated encryption (AES-256-GCM) in sealed boxes, and its keys.
 * Touches only OpenSSL and the memory it is given.
 */


#include <ngx_config.h>
#include <ngx_core.h>

#include <openssl/err.h>

#include "util/ngx_http_vcita_seal.h"


#define NGX_HTTP_VCITA_SEAL_VERSION  1


static ngx_int_t ngx_http_vcita_seal_open_by(ngx_http_vcita_seal_key_t *key,
    ngx_str_t *field, ngx_str_t *raw, ngx_str_t *text);
static ngx_int_t ngx_http_vcita_seal_bind(EVP_CIPHER_CTX *ctx,
    ngx_str_t *field);
static EVP_CIPHER_CTX *ngx_http_vcita_seal_cipher(u_char *key, int enc);
static void ngx_http_vcita_seal_cleanup(void *data);


/*
 * Initialises a kind of box without keys.  A box opens only under the same
 * purpose and fields.  The kind lives as long as the pool.
 */

ngx_int_t
ngx_http_vcita_seal_init(ngx_http_vcita_seal_t *s, ngx_pool_t *pool,
    const char *purpose, ngx_str_t *fields, ngx_uint_t n)
{
    u_char              *p;
    size_t               len;
    ngx_str_t            name;
    ngx_uint_t           i;
    ngx_pool_cleanup_t  *cln;

    if (ngx_array_init(&s->keys, pool, 2, sizeof(ngx_http_vcita_seal_key_t))
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    cln = ngx_pool_cleanup_add(pool, 0);
    if (cln == NULL) {
        return NGX_ERROR;
    }

    cln->handler = ngx_http_vcita_seal_cleanup;
    cln->data = s;

    name.len = ngx_strlen(purpose);
    name.data = (u_char *) purpose;

    len = 2 + name.len;

    for (i = 0; i < n; i++) {
        len += 2 + fields[i].len;
    }

    p = ngx_pnalloc(pool, len);
    if (p == NULL) {
        return NGX_ERROR;
    }

    s->bound.data = p;
    s->bound.len = len;

    p = ngx_http_vcita_hash_field(p, &name);

    for (i = 0; i < n; i++) {
        p = ngx_http_vcita_hash_field(p, &fields[i]);
    }

    return NGX_OK;
}


/*
 * Derives one more key from the secret.  Purpose and fields are bound by HKDF,
 * so no box has to carry them as associated data.  The key id is public and
 * selects the keys to try.
 */

ngx_int_t
ngx_http_vcita_seal_key(ngx_http_vcita_seal_t *s, ngx_str_t *secret,
    ngx_str_t *salt, const char *purpose)
{
    u_char                      bytes[NGX_HTTP_VCITA_KEY_LEN];
    u_char                      hash[NGX_HTTP_VCITA_HASH_LEN];
    ngx_int_t                   rc;
    ngx_str_t                   text;
    ngx_http_vcita_seal_key_t  *key;

    key = ngx_array_push(&s->keys);
    if (key == NULL) {
        return NGX_ERROR;
    }

    ngx_memzero(key, sizeof(ngx_http_vcita_seal_key_t));

    text.data = hash;
    text.len = sizeof(hash);

    rc = NGX_ERROR;

    if (ngx_http_vcita_hash_hkdf(secret, salt, purpose, bytes) == NGX_OK
        && ngx_http_vcita_hash_sha256(&s->bound, hash) == NGX_OK
        && ngx_http_vcita_hash_hmac(bytes, &text, 1, bytes) == NGX_OK)
    {
        key->seal = ngx_http_vcita_seal_cipher(bytes, 1);
        key->open = ngx_http_vcita_seal_cipher(bytes, 0);

        text.data = bytes;
        text.len = sizeof(bytes);

        rc = ngx_http_vcita_hash_sha256(&text, hash);

        key->id = hash[0];
    }

    ngx_explicit_memzero(bytes, sizeof(bytes));

    if (rc != NGX_OK || key->seal == NULL || key->open == NULL) {
        return NGX_ERROR;
    }

    return NGX_OK;
}


/*
 * Encrypts the text with the first key; "field" (may be NULL) is the associated
 * data.  The buffer has ngx_http_vcita_seal_room() bytes: the box in binary,
 * then in base64url, which is returned.
 */

ngx_int_t
ngx_http_vcita_seal(ngx_http_vcita_seal_t *s, ngx_str_t *field,
    ngx_str_t *text, u_char *room, ngx_str_t *box)
{
    int                         n;
    u_char                     *p, *nonce;
    EVP_CIPHER_CTX             *ctx;
    ngx_http_vcita_seal_key_t  *key;

    key = s->keys.elts;
    ctx = key[0].seal;

    room[0] = NGX_HTTP_VCITA_SEAL_VERSION;
    room[1] = key[0].id;
    nonce = ngx_http_vcita_seal_nonce(room);

    if (ngx_http_vcita_hash_random(nonce, NGX_HTTP_VCITA_SEAL_NONCE) != NGX_OK)
    {
        return NGX_ERROR;
    }

    p = room + NGX_HTTP_VCITA_SEAL_HEAD;

    if (EVP_EncryptInit_ex(ctx, NULL, NULL, NULL, nonce) != 1
        || ngx_http_vcita_seal_bind(ctx, field) != NGX_OK
        || EVP_EncryptUpdate(ctx, p, &n, text->data, text->len) != 1
        || EVP_EncryptFinal_ex(ctx, p + n, &n) != 1
        || EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG,
                               NGX_HTTP_VCITA_SEAL_TAG, p + text->len) != 1)
    {
        ERR_clear_error();
        return NGX_ERROR;
    }

    p += text->len + NGX_HTTP_VCITA_SEAL_TAG;

    box->data = p;
    box->len = ngx_http_vcita_base64url_encode(p, room, p - room);

    return NGX_OK;
}


/*
 * Opens a box.  The text lies in the buffer, which has
 * ngx_http_vcita_seal_open_room() bytes; "used" is the index of the key.
 * NGX_DECLINED: the box is not of this kind.
 */

ngx_int_t
ngx_http_vcita_seal_open(ngx_http_vcita_seal_t *s, ngx_str_t *field,
    ngx_str_t *box, u_char *room, ngx_str_t *text, ngx_uint_t *used)
{
    ngx_str_t  raw;

    if (box->len < ngx_http_vcita_seal_len(0)
        || ngx_http_vcita_base64url_decode(room, box) != NGX_OK)
    {
        return NGX_DECLINED;
    }

    raw.data = room;
    raw.len = ngx_http_vcita_base64url_decoded_len(box->len);

    /*
     * with one key in place, else beside: a failed attempt overwrites the text,
     * and two keys may share an id
     */

    room += (s->keys.nelts == 1) ? NGX_HTTP_VCITA_SEAL_HEAD : raw.len;

    return ngx_http_vcita_seal_open_raw(s, field, &raw, room, text, used);
}


/*
 * The same for a box in binary; the buffer holds only the text and may overlap
 * the ciphertext
 */

ngx_int_t
ngx_http_vcita_seal_open_raw(ngx_http_vcita_seal_t *s, ngx_str_t *field,
    ngx_str_t *raw, u_char *room, ngx_str_t *text, ngx_uint_t *used)
{
    ngx_uint_t                  i;
    ngx_http_vcita_seal_key_t  *key;

    if (raw->len < ngx_http_vcita_seal_raw_len(0)
        || raw->data[0] != NGX_HTTP_VCITA_SEAL_VERSION)
    {
        return NGX_DECLINED;
    }

    text->data = room;
    text->len = raw->len - ngx_http_vcita_seal_raw_len(0);

    key = s->keys.elts;

    for (i = 0; i < s->keys.nelts; i++) {

        if (key[i].id == raw->data[1]
            && ngx_http_vcita_seal_open_by(&key[i], field, raw, text) == NGX_OK)
        {
            *used = i;
            return NGX_OK;
        }
    }

    return NGX_DECLINED;
}


static ngx_int_t
ngx_http_vcita_seal_open_by(ngx_http_vcita_seal_key_t *key, ngx_str_t *field,
    ngx_str_t *raw, ngx_str_t *text)
{
    int              n;
    u_char          *p, *tag;
    EVP_CIPHER_CTX  *ctx;

    ctx = key->open;
    p = raw->data + NGX_HTTP_VCITA_SEAL_HEAD;
    tag = raw->data + raw->len - NGX_HTTP_VCITA_SEAL_TAG;

    if (EVP_DecryptInit_ex(ctx, NULL, NULL, NULL,
                           ngx_http_vcita_seal_nonce(raw->data))
        == 1
        && ngx_http_vcita_seal_bind(ctx, field) == NGX_OK
        && EVP_DecryptUpdate(ctx, text->data, &n, p, text->len) == 1
        && EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_TAG,
                               NGX_HTTP_VCITA_SEAL_TAG, tag) == 1
        && EVP_DecryptFinal_ex(ctx, text->data + n, &n) == 1)
    {
        return NGX_OK;
    }

    ERR_clear_error();

    return NGX_DECLINED;
}


/* Adds the field with its length as associated data */

static ngx_int_t
ngx_http_vcita_seal_bind(EVP_CIPHER_CTX *ctx, ngx_str_t *field)
{
    int     n;
    u_char  bytes[128];

    if (field == NULL) {
        return NGX_OK;
    }

    bytes[0] = (u_char) (field->len >> 8);
    bytes[1] = (u_char) field->len;

    /* the usual field in one call: a call takes longer than its bytes */

    if (field->len && field->len <= sizeof(bytes) - 2) {
        ngx_memcpy(bytes + 2, field->data, field->len);

        return (EVP_CipherUpdate(ctx, NULL, &n, bytes, 2 + field->len) == 1)
               ? NGX_OK : NGX_ERROR;
    }

    if (EVP_CipherUpdate(ctx, NULL, &n, bytes, 2) != 1
        || EVP_CipherUpdate(ctx, NULL, &n, field->data, field->len) != 1)
    {
        return NGX_ERROR;
    }

    return NGX_OK;
}


/* Computes the key schedule once, so a box costs only its bytes */

static EVP_CIPHER_CTX *
ngx_http_vcita_seal_cipher(u_char *key, int enc)
{
    EVP_CIPHER_CTX  *ctx;

    ctx = EVP_CIPHER_CTX_new();
    if (ctx == NULL) {
        return NULL;
    }

    if (EVP_CipherInit_ex(ctx, EVP_aes_256_gcm(), NULL, key, NULL, enc)
        != 1)
    {
        EVP_CIPHER_CTX_free(ctx);
        ERR_clear_error();
        return NULL;
    }

    return ctx;
}


static void
ngx_http_vcita_seal_cleanup(void *data)
{
    ngx_http_vcita_seal_t *s = data;

    ngx_uint_t                  i;
    ngx_http_vcita_seal_key_t  *key;

    /* OpenSSL wipes the key schedule when it frees the context */

    key = s->keys.elts;

    for (i = 0; i < s->keys.nelts; i++) {
        EVP_CIPHER_CTX_free(key[i].seal);
        EVP_CIPHER_CTX_free(key[i].open);
    }

    s->keys.nelts = 0;
}
