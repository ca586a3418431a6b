
/*
 * Copyright (C) the vcita OAuth gate authors
 *
 * JWT client assertions and the private key that signs them (RFC 7523).  May
 * touch OpenSSL, the code of util, and a pool.
 */


#include <ngx_config.h>
#include <ngx_core.h>

#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/objects.h>
#include <openssl/pem.h>

#include "util/ngx_http_vcita_seal.h"
#include "util/ngx_http_vcita_string.h"
#include "vcita/ngx_http_vcita_assertion.h"


#define NGX_HTTP_VCITA_RSA_BITS  2048

/* half of an ES256 signature (RFC 7518, 3.4) */
#define NGX_HTTP_VCITA_P256_LEN  32


static EVP_PKEY *ngx_http_vcita_assertion_signer_read(ngx_str_t *pem,
    const char **error);
static int ngx_http_vcita_assertion_signer_password(char *buf, int size,
    int rwflag, void *data);
static const char *ngx_http_vcita_assertion_signer_check(
    ngx_http_vcita_assertion_signer_t *s);
static ngx_uint_t ngx_http_vcita_assertion_signer_p256(EVP_PKEY *key);
static ngx_int_t ngx_http_vcita_assertion_signer_head(
    ngx_http_vcita_assertion_signer_t *s, ngx_pool_t *pool, ngx_str_t *kid);
static void ngx_http_vcita_assertion_signer_cleanup(void *data);
static ngx_int_t ngx_http_vcita_assertion_claims(ngx_pool_t *pool,
    ngx_str_t *client_id, ngx_str_t *audience, time_t now,
    ngx_str_t *claims);
static u_char *ngx_http_vcita_assertion_text(u_char *p, const char *name,
    ngx_str_t *value);
static ngx_int_t ngx_http_vcita_assertion_sign(
    ngx_http_vcita_assertion_signer_t *s, ngx_str_t *text, u_char *signature,
    size_t *len);
static ngx_int_t ngx_http_vcita_assertion_raw(u_char *signature, size_t *len);


/*
 * Loads a private key in PEM, which is the caller's to wipe, into a signer that
 * lives as long as the pool.  The JOSE header has no "kid" if kid is empty.
 * NGX_DECLINED: the key cannot be used; "error" is the reason.
 */

ngx_int_t
ngx_http_vcita_assertion_signer(ngx_http_vcita_assertion_signer_t *s,
    ngx_pool_t *pool, ngx_str_t *pem, ngx_str_t *kid, const char **error)
{
    ngx_pool_cleanup_t  *cln;

    cln = ngx_pool_cleanup_add(pool, 0);
    if (cln == NULL) {
        return NGX_ERROR;
    }

    s->key = ngx_http_vcita_assertion_signer_read(pem, error);
    if (s->key == NULL) {
        return NGX_DECLINED;
    }

    cln->handler = ngx_http_vcita_assertion_signer_cleanup;
    cln->data = s->key;

    *error = ngx_http_vcita_assertion_signer_check(s);
    if (*error) {
        return NGX_DECLINED;
    }

    return ngx_http_vcita_assertion_signer_head(s, pool, kid);
}


static EVP_PKEY *
ngx_http_vcita_assertion_signer_read(ngx_str_t *pem, const char **error)
{
    BIO         *bio;
    EVP_PKEY    *key;
    ngx_uint_t   asked;

    asked = 0;
    key = NULL;

    bio = BIO_new_mem_buf(pem->data, (int) pem->len);

    if (bio) {
        key = PEM_read_bio_PrivateKey(bio, NULL,
                                      ngx_http_vcita_assertion_signer_password,
                                      &asked);
        BIO_free(bio);
    }

    /* OpenSSL's error text for a key it cannot parse names no cause */

    ERR_clear_error();

    *error = asked ? "is encrypted, nginx needs a key without a passphrase"
                   : "holds no private key in PEM";

    return key;
}


/* without a callback, OpenSSL would prompt for a passphrase on the terminal */

static int
ngx_http_vcita_assertion_signer_password(char *buf, int size, int rwflag,
    void *data)
{
    ngx_uint_t *asked = data;

    *asked = 1;

    return -1;
}


/* RFC 7518, 3.3 and 3.4; returns NULL for a valid key */

static const char *
ngx_http_vcita_assertion_signer_check(ngx_http_vcita_assertion_signer_t *s)
{
    switch (EVP_PKEY_base_id(s->key)) {

    case EVP_PKEY_RSA:
        s->ec = 0;

        if (EVP_PKEY_bits(s->key) < NGX_HTTP_VCITA_RSA_BITS) {
            return "is an RSA key of less than 2048 bits, use 2048 or more";
        }

        return NULL;

    case EVP_PKEY_EC:
        s->ec = 1;

        if (!ngx_http_vcita_assertion_signer_p256(s->key)) {
            return "is not on the curve P-256, which ES256 requires";
        }

        return NULL;

    default:
        return "is neither an RSA nor an EC key";
    }
}


static ngx_uint_t
ngx_http_vcita_assertion_signer_p256(EVP_PKEY *key)
{
#if (OPENSSL_VERSION_NUMBER >= 0x30000000L)
    char           name[32];
    size_t         len;
    ngx_uint_t     found;

    found = EVP_PKEY_get_group_name(key, name, sizeof(name), &len) == 1
            && ngx_strcmp(name, SN_X9_62_prime256v1) == 0;

    ERR_clear_error();

    return found;
#else
    const EC_KEY  *ec;

    ec = EVP_PKEY_get0_EC_KEY(key);

    return EC_GROUP_get_curve_name(EC_KEY_get0_group(ec))
           == NID_X9_62_prime256v1;
#endif
}


/* all assertions share one header (RFC 7515, 4.1) */

static ngx_int_t
ngx_http_vcita_assertion_signer_head(ngx_http_vcita_assertion_signer_t *s,
    ngx_pool_t *pool, ngx_str_t *kid)
{
    u_char  *p, *json;
    size_t   len;

    len = sizeof("{\"alg\":\"RS256\",\"typ\":\"JWT\",\"kid\":\"\"}")
          + ngx_http_vcita_string_json_len(kid);

    json = ngx_pnalloc(pool, len + ngx_base64_encoded_length(len) + 1);
    if (json == NULL) {
        return NGX_ERROR;
    }

    p = ngx_sprintf(json, "{\"alg\":\"%s\",\"typ\":\"JWT\"",
                    s->ec ? "ES256" : "RS256");

    if (kid->len) {
        p = ngx_http_vcita_assertion_text(p, ",\"kid\":", kid);
    }

    *p++ = '}';

    s->head.data = p;
    s->head.len = ngx_http_vcita_base64url_encode(p, json, p - json);
    s->head.data[s->head.len++] = '.';

    return NGX_OK;
}


static void
ngx_http_vcita_assertion_signer_cleanup(void *data)
{
    EVP_PKEY_free(data);
}


/*
 * Makes an assertion for the token endpoint in the pool (RFC 7523, 3; OpenID
 * Connect Core, 9).  It authenticates the client once, so the caller has to
 * wipe it.  Signing blocks: 0.2 to 1 ms with a 2048-bit RSA key, ten times that
 * with a 4096-bit one, a tenth of it with an EC key.
 */

ngx_int_t
ngx_http_vcita_assertion(ngx_http_vcita_assertion_signer_t *s, ngx_pool_t *pool,
    ngx_str_t *client_id, ngx_str_t *audience, time_t now, ngx_str_t *jwt)
{
    u_char     *p, *signature;
    size_t      len;
    ngx_str_t   claims;

    if (ngx_http_vcita_assertion_claims(pool, client_id, audience, now,
                                        &claims)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    len = EVP_PKEY_size(s->key);

    signature = ngx_pnalloc(pool, len);
    if (signature == NULL) {
        return NGX_ERROR;
    }

    p = ngx_pnalloc(pool, s->head.len + ngx_base64_encoded_length(claims.len)
                          + 1 + ngx_base64_encoded_length(len));
    if (p == NULL) {
        return NGX_ERROR;
    }

    jwt->data = p;

    p = ngx_cpymem(p, s->head.data, s->head.len);
    p += ngx_http_vcita_base64url_encode(p, claims.data, claims.len);

    jwt->len = p - jwt->data;

    if (ngx_http_vcita_assertion_sign(s, jwt, signature, &len) != NGX_OK)
    {
        return NGX_ERROR;
    }

    *p++ = '.';
    p += ngx_http_vcita_base64url_encode(p, signature, len);

    jwt->len = p - jwt->data;

    return NGX_OK;
}


static ngx_int_t
ngx_http_vcita_assertion_claims(ngx_pool_t *pool, ngx_str_t *client_id,
    ngx_str_t *audience, time_t now, ngx_str_t *claims)
{
    u_char      bytes[NGX_HTTP_VCITA_HASH_LEN];
    u_char      text[NGX_HTTP_VCITA_TEXT_LEN];
    u_char     *p;
    size_t      len;
    ngx_str_t   jti;

    if (ngx_http_vcita_hash_random(bytes, sizeof(bytes)) != NGX_OK) {
        return NGX_ERROR;
    }

    jti.data = text;
    jti.len = ngx_http_vcita_base64url_encode(text, bytes, sizeof(bytes));

    len = sizeof("{\"iss\":\"\",\"sub\":\"\",\"aud\":\"\",\"jti\":\"\","
                 "\"iat\":,\"exp\":}")
          + 2 * ngx_http_vcita_string_json_len(client_id)
          + ngx_http_vcita_string_json_len(audience)
          + jti.len + 2 * NGX_TIME_T_LEN;

    p = ngx_pnalloc(pool, len);
    if (p == NULL) {
        return NGX_ERROR;
    }

    claims->data = p;

    p = ngx_http_vcita_assertion_text(p, "{\"iss\":", client_id);
    p = ngx_http_vcita_assertion_text(p, ",\"sub\":", client_id);
    p = ngx_http_vcita_assertion_text(p, ",\"aud\":", audience);
    p = ngx_http_vcita_assertion_text(p, ",\"jti\":", &jti);

    p = ngx_sprintf(p, ",\"iat\":%T,\"exp\":%T}", now,
                    now + NGX_HTTP_VCITA_ASSERTION_LIFE);

    claims->len = p - claims->data;

    return NGX_OK;
}


static u_char *
ngx_http_vcita_assertion_text(u_char *p, const char *name, ngx_str_t *value)
{
    p = ngx_sprintf(p, "%s\"", name);
    p = (u_char *) ngx_escape_json(p, value->data, value->len);
    *p++ = '"';

    return p;
}


/* "len" is the size of the buffer, then that of the signature */

static ngx_int_t
ngx_http_vcita_assertion_sign(ngx_http_vcita_assertion_signer_t *s,
    ngx_str_t *text, u_char *signature, size_t *len)
{
    ngx_int_t    rc;
    EVP_MD_CTX  *ctx;

    ctx = EVP_MD_CTX_new();
    if (ctx == NULL) {
        return NGX_ERROR;
    }

    rc = NGX_ERROR;

    if (EVP_DigestSignInit(ctx, NULL, EVP_sha256(), NULL, s->key) == 1
        && EVP_DigestSign(ctx, signature, len, text->data, text->len) == 1)
    {
        rc = s->ec ? ngx_http_vcita_assertion_raw(signature, len) : NGX_OK;
    }

    EVP_MD_CTX_free(ctx);
    ERR_clear_error();

    return rc;
}


/* ECDSA-Sig-Value in DER to R || S in the same buffer (RFC 7518, 3.4) */

static ngx_int_t
ngx_http_vcita_assertion_raw(u_char *signature, size_t *len)
{
    ngx_int_t      rc;
    ECDSA_SIG     *sig;
    const u_char  *p;

    p = signature;

    sig = d2i_ECDSA_SIG(NULL, &p, (long) *len);
    if (sig == NULL) {
        return NGX_ERROR;
    }

    rc = NGX_ERROR;

    if (BN_bn2binpad(ECDSA_SIG_get0_r(sig), signature, NGX_HTTP_VCITA_P256_LEN)
        == NGX_HTTP_VCITA_P256_LEN
        && BN_bn2binpad(ECDSA_SIG_get0_s(sig),
                        signature + NGX_HTTP_VCITA_P256_LEN,
                        NGX_HTTP_VCITA_P256_LEN) == NGX_HTTP_VCITA_P256_LEN)
    {
        *len = 2 * NGX_HTTP_VCITA_P256_LEN;
        rc = NGX_OK;
    }

    ECDSA_SIG_free(sig);

    return rc;
}
