
/*
 * Copyright (C) the vcita OAuth gate authors
 *
 * JSON Web Keys (RFC 7517): reads the public keys of a set, and verifies a JWS
 * by them.  May touch OpenSSL, JSON, JWS and a pool.
 */


#include <ngx_config.h>
#include <ngx_core.h>

#include <openssl/err.h>

#include "util/ngx_http_vcita_string.h"
#include "vcita/ngx_http_vcita_claims.h"
#include "vcita/ngx_http_vcita_jwk.h"


/* bits of an RSA modulus: RFC 7518, 3.3, and what a check may cost */
#define NGX_HTTP_VCITA_JWK_RSA_MIN  2048
#define NGX_HTTP_VCITA_JWK_RSA_MAX  8192

/* keys that are tried for a token without kid */
#define NGX_HTTP_VCITA_JWK_TRIED    16

/* bytes of a public exponent */
#define NGX_HTTP_VCITA_JWK_E_MAX    4

/* depth of a key's members: the set, its array, the key */
#define NGX_HTTP_VCITA_JWK_DEPTH    3

#define ngx_http_vcita_jwk_text(m)                                            \
    ((m) && (m)->type == NGX_HTTP_VCITA_JSON_STRING)

/* tag and length of a DER value (X.690, 8.1.3) */
#define NGX_HTTP_VCITA_DER_HEAD     4


static ngx_int_t ngx_http_vcita_jwk_read(ngx_pool_t *pool,
    ngx_http_vcita_member_t *m, ngx_uint_t n, ngx_array_t *keys);
static ngx_http_vcita_member_t *ngx_http_vcita_jwk_member(
    ngx_http_vcita_member_t *m, ngx_uint_t n, const char *name);
static ngx_uint_t ngx_http_vcita_jwk_says(ngx_http_vcita_member_t *m,
    const char *value);
static ngx_uint_t ngx_http_vcita_jwk_may(ngx_http_vcita_member_t *m,
    const char *value);
static EVP_PKEY *ngx_http_vcita_jwk_rsa(ngx_pool_t *pool,
    ngx_str_t *modulus, ngx_str_t *exponent);
static ngx_int_t ngx_http_vcita_jwk_number(ngx_pool_t *pool, ngx_str_t *text,
    ngx_str_t *number);
static u_char *ngx_http_vcita_jwk_integer(u_char *p, ngx_str_t *value);
static u_char *ngx_http_vcita_jwk_der(u_char *p, u_char tag, size_t len);
static void ngx_http_vcita_jwk_cleanup(void *data);
static ngx_uint_t ngx_http_vcita_jwk_signed(ngx_http_vcita_jws_t *jws,
    EVP_PKEY *key);


/*
 * Appends the keys of a set that may verify RS256: RSA, of enough bits, not for
 * another use or algorithm.  They live as long as the pool.  NGX_DECLINED: the
 * text is not a key set, or has too many keys.
 */

ngx_int_t
ngx_http_vcita_jwk_set(ngx_pool_t *pool, ngx_str_t *text, ngx_array_t *keys)
{
    ngx_int_t                 rc;
    ngx_uint_t                i, n, number;
    ngx_array_t               members;
    ngx_http_vcita_member_t  *m;

    if (ngx_array_init(&members, pool, 64, sizeof(ngx_http_vcita_member_t))
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    rc = ngx_http_vcita_json_elements(pool, text, &members);

    if (rc != NGX_OK) {
        return rc;
    }

    m = ngx_http_vcita_json_member(&members, "keys");

    if (m == NULL
        || (m->type != NGX_HTTP_VCITA_JSON_ARRAY
            && m->type != NGX_HTTP_VCITA_JSON_OBJECT))
    {
        return NGX_DECLINED;
    }

    m = members.elts;
    number = 0;

    for (i = 0; i < members.nelts; i += n) {

        /* the members of one key follow each other */

        for (n = 1; i + n < members.nelts; n++) {

            if (m[i + n].element != m[i].element) {
                break;
            }
        }

        if (m[i].element == 0) {
            continue;
        }

        if (++number > NGX_HTTP_VCITA_JWK_KEYS) {
            return NGX_DECLINED;
        }

        if (ngx_http_vcita_jwk_read(pool, &m[i], n, keys) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


/* Appends the key of n members, unless it may not verify */

static ngx_int_t
ngx_http_vcita_jwk_read(ngx_pool_t *pool, ngx_http_vcita_member_t *m,
    ngx_uint_t n, ngx_array_t *keys)
{
    EVP_PKEY                 *pkey;
    ngx_pool_cleanup_t       *cln;
    ngx_http_vcita_jwk_t     *key;
    ngx_http_vcita_member_t  *modulus, *exponent, *kid;

    modulus = ngx_http_vcita_jwk_member(m, n, "keys__n");
    exponent = ngx_http_vcita_jwk_member(m, n, "keys__e");
    kid = ngx_http_vcita_jwk_member(m, n, "keys__kid");

    if (!ngx_http_vcita_jwk_text(modulus)
        || !ngx_http_vcita_jwk_text(exponent)
        || !ngx_http_vcita_jwk_says(
                      ngx_http_vcita_jwk_member(m, n, "keys__kty"), "RSA")
        || !ngx_http_vcita_jwk_may(
                      ngx_http_vcita_jwk_member(m, n, "keys__use"), "sig")
        || !ngx_http_vcita_jwk_may(
                    ngx_http_vcita_jwk_member(m, n, "keys__alg"), "RS256"))
    {
        return NGX_OK;
    }

    cln = ngx_pool_cleanup_add(pool, 0);
    if (cln == NULL) {
        return NGX_ERROR;
    }

    pkey = ngx_http_vcita_jwk_rsa(pool, &modulus->value, &exponent->value);
    if (pkey == NULL) {
        return NGX_OK;
    }

    cln->handler = ngx_http_vcita_jwk_cleanup;
    cln->data = pkey;

    key = ngx_array_push(keys);
    if (key == NULL) {
        return NGX_ERROR;
    }

    key->key = pkey;
    ngx_str_null(&key->kid);

    if (ngx_http_vcita_jwk_text(kid)) {
        key->kid = kid->value;
    }

    return NGX_OK;
}


static ngx_http_vcita_member_t *
ngx_http_vcita_jwk_member(ngx_http_vcita_member_t *m, ngx_uint_t n,
    const char *name)
{
    size_t      len;
    ngx_uint_t  i;

    len = ngx_strlen(name);

    for (i = 0; i < n; i++) {

        if (m[i].depth == NGX_HTTP_VCITA_JWK_DEPTH
            && m[i].name.len == len
            && ngx_memcmp(m[i].name.data, name, len) == 0)
        {
            return &m[i];
        }
    }

    return NULL;
}


static ngx_uint_t
ngx_http_vcita_jwk_says(ngx_http_vcita_member_t *m, const char *value)
{
    size_t  len;

    len = ngx_strlen(value);

    return ngx_http_vcita_jwk_text(m)
           && m->value.len == len
           && ngx_memcmp(m->value.data, value, len) == 0;
}


/* what a key does not say, it may be used for */

static ngx_uint_t
ngx_http_vcita_jwk_may(ngx_http_vcita_member_t *m, const char *value)
{
    return m == NULL || ngx_http_vcita_jwk_says(m, value);
}


/* The key; NULL: it is none that OpenSSL can read, or has not enough bits */

static EVP_PKEY *
ngx_http_vcita_jwk_rsa(ngx_pool_t *pool, ngx_str_t *modulus,
    ngx_str_t *exponent)
{
    u_char        *der, *p;
    EVP_PKEY      *key;
    ngx_str_t      n, e;
    const u_char  *from;

    if (ngx_http_vcita_jwk_number(pool, modulus, &n) != NGX_OK
        || ngx_http_vcita_jwk_number(pool, exponent, &e) != NGX_OK
        || n.len > NGX_HTTP_VCITA_JWK_RSA_MAX / 8
        || e.len > NGX_HTTP_VCITA_JWK_E_MAX)
    {
        return NULL;
    }

    /* an exponent of 1 needs no private key to sign */

    if (e.len == 1 && e.data[0] == 1) {
        return NULL;
    }

    /* an RSAPublicKey (RFC 8017, A.1.1), which all releases of OpenSSL read */

    der = ngx_pnalloc(pool, 3 * NGX_HTTP_VCITA_DER_HEAD + 2 + n.len + e.len);
    if (der == NULL) {
        return NULL;
    }

    p = ngx_http_vcita_jwk_integer(der + NGX_HTTP_VCITA_DER_HEAD, &n);
    p = ngx_http_vcita_jwk_integer(p, &e);

    (void) ngx_http_vcita_jwk_der(der, 0x30,
                                      p - der - NGX_HTTP_VCITA_DER_HEAD);

    from = der;
    key = d2i_PublicKey(EVP_PKEY_RSA, NULL, &from, p - der);

    ERR_clear_error();

    if (key && EVP_PKEY_bits(key) < NGX_HTTP_VCITA_JWK_RSA_MIN) {
        EVP_PKEY_free(key);
        return NULL;
    }

    return key;
}


/*
 * A number without zeros in front.  NGX_DECLINED: it is even or none, while
 * modulus and exponent of RSA are odd (RFC 8017, 3.1).
 */

static ngx_int_t
ngx_http_vcita_jwk_number(ngx_pool_t *pool, ngx_str_t *text, ngx_str_t *number)
{
    ngx_int_t  rc;

    rc = ngx_http_vcita_jws_decode(pool, text, number);

    if (rc != NGX_OK) {
        return rc;
    }

    while (number->len && number->data[0] == 0) {
        number->data++;
        number->len--;
    }

    return (number->len && (number->data[number->len - 1] & 1)) ? NGX_OK
                                                                : NGX_DECLINED;
}


/* a DER integer; a zero goes before a high bit, which would be a sign */

static u_char *
ngx_http_vcita_jwk_integer(u_char *p, ngx_str_t *value)
{
    p = ngx_http_vcita_jwk_der(p, 0x02, value->len + (value->data[0] >> 7));

    if (value->data[0] >> 7) {
        *p++ = 0;
    }

    return ngx_cpymem(p, value->data, value->len);
}


/* OpenSSL also reads a length in more bytes than it needs */

static u_char *
ngx_http_vcita_jwk_der(u_char *p, u_char tag, size_t len)
{
    *p++ = tag;
    *p++ = 0x82;
    *p++ = (u_char) (len >> 8);
    *p++ = (u_char) len;

    return p;
}


static void
ngx_http_vcita_jwk_cleanup(void *data)
{
    EVP_PKEY_free(data);
}


/*
 * Checks the signature by the key that the kid names, and by no other one; for
 * a token without kid, by each key in turn
 */

ngx_http_vcita_jws_e
ngx_http_vcita_jwk_verify(ngx_http_vcita_jws_t *jws, ngx_array_t *keys)
{
    ngx_uint_t             i;
    ngx_http_vcita_jwk_t  *key;

    key = keys->elts;

    for (i = 0; i < keys->nelts; i++) {

        if (jws->kid.len == 0) {

            if (i == NGX_HTTP_VCITA_JWK_TRIED) {
                break;
            }

            if (ngx_http_vcita_jwk_signed(jws, key[i].key)) {
                return NGX_HTTP_VCITA_JWS_VALID;
            }

            continue;
        }

        if (ngx_http_vcita_str_eq(&key[i].kid, &jws->kid)) {
            return ngx_http_vcita_jwk_signed(jws, key[i].key)
                   ? NGX_HTTP_VCITA_JWS_VALID : NGX_HTTP_VCITA_JWS_SIGNATURE;
        }
    }

    return jws->kid.len ? NGX_HTTP_VCITA_JWS_KID
                        : NGX_HTTP_VCITA_JWS_SIGNATURE;
}


/* RS256 (RFC 7518, 3.3) */

static ngx_uint_t
ngx_http_vcita_jwk_signed(ngx_http_vcita_jws_t *jws, EVP_PKEY *key)
{
    int          rc;
    EVP_MD_CTX  *ctx;

    ctx = EVP_MD_CTX_new();
    if (ctx == NULL) {
        return 0;
    }

    rc = EVP_DigestVerifyInit(ctx, NULL, EVP_sha256(), NULL, key);

    if (rc == 1) {
        rc = EVP_DigestVerify(ctx, jws->signature.data, jws->signature.len,
                              jws->input.data, jws->input.len);
    }

    EVP_MD_CTX_free(ctx);
    ERR_clear_error();

    return rc == 1;
}
