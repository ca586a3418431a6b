
/*
 * Copyright (C) the vcita OAuth gate authors
 *
 * JSON Web Signature in its compact form (RFC 7515), and the key set that
 * verifies it (RFC 7517).  May touch OpenSSL, JSON, claims, base64url and a
 * pool; keys, names and time are given.
 */


#include <ngx_config.h>
#include <ngx_core.h>

#include <openssl/err.h>

#include "util/ngx_http_vcita_seal.h"
#include "util/ngx_http_vcita_string.h"
#include "vcita/ngx_http_vcita_jws.h"


/* bits of an RSA modulus: RFC 7518, 3.3, and what a check may cost */
#define NGX_HTTP_VCITA_JWS_RSA_MIN  2048
#define NGX_HTTP_VCITA_JWS_RSA_MAX  8192

/* bytes of a public exponent */
#define NGX_HTTP_VCITA_JWS_E_MAX    4

/* depth of a key's members: the set, its array, the key */
#define NGX_HTTP_VCITA_JWS_DEPTH    3

#define ngx_http_vcita_jws_key_text(m)                                        \
    ((m) && (m)->type == NGX_HTTP_VCITA_JSON_STRING)

/* tag and length of a DER value (X.690, 8.1.3) */
#define NGX_HTTP_VCITA_DER_HEAD     4


static ngx_int_t ngx_http_vcita_jws_key_read(ngx_pool_t *pool,
    ngx_http_vcita_member_t *m, ngx_uint_t n, ngx_array_t *keys);
static ngx_http_vcita_member_t *ngx_http_vcita_jws_key_member(
    ngx_http_vcita_member_t *m, ngx_uint_t n, const char *name);
static ngx_uint_t ngx_http_vcita_jws_key_says(ngx_http_vcita_member_t *m,
    const char *value);
static ngx_uint_t ngx_http_vcita_jws_key_may(ngx_http_vcita_member_t *m,
    const char *value);
static EVP_PKEY *ngx_http_vcita_jws_key_rsa(ngx_pool_t *pool,
    ngx_str_t *modulus, ngx_str_t *exponent);
static u_char *ngx_http_vcita_jws_key_integer(u_char *p, ngx_str_t *value);
static u_char *ngx_http_vcita_jws_key_der(u_char *p, u_char tag, size_t len);
static void ngx_http_vcita_jws_key_cleanup(void *data);
static ngx_http_vcita_jws_e ngx_http_vcita_jws_head(ngx_array_t *header);
static ngx_http_vcita_jws_e ngx_http_vcita_jws_payload(ngx_array_t *members,
    ngx_http_vcita_jws_t *jws);
static ngx_uint_t ngx_http_vcita_jws_signed(ngx_http_vcita_jws_t *jws,
    EVP_PKEY *key);


static const char  *ngx_http_vcita_jws_reasons[] = {
    NULL,
    "memory is exhausted",
    "it is not a compact JWS of a JSON object, or too long",
    "its alg is not RS256",
    "its header has crit",
    "its iss is not vcita's",
    "its aud is not among the names of vcita_oauth_bearer",
    "it has expired or has no exp, check the clock",
    "its iat is in the future, check the clock",
    "its nbf is in the future, check the clock",
    "it has no sub",
    "its kid is not a key of vcita_oauth_jwks_endpoint that may verify it",
    "its signature is wrong"
};


const char *
ngx_http_vcita_jws_reason(ngx_http_vcita_jws_e reason)
{
    return ngx_http_vcita_jws_reasons[reason];
}


/* Splits a token into its parts; an empty one is invalid */

ngx_int_t
ngx_http_vcita_jws_split(ngx_str_t *token, ngx_str_t *part)
{
    u_char      *p, *dot, *last;
    ngx_uint_t   i;

    if (token->len == 0) {
        return NGX_DECLINED;
    }

    p = token->data;
    last = p + token->len;

    for (i = 0; i < NGX_HTTP_VCITA_JWS_PARTS - 1; i++) {

        dot = ngx_strlchr(p, last, '.');

        if (dot == NULL || dot == p) {
            return NGX_DECLINED;
        }

        part[i].data = p;
        part[i].len = dot - p;

        p = dot + 1;
    }

    if (p == last || ngx_strlchr(p, last, '.')) {
        return NGX_DECLINED;
    }

    part[i].data = p;
    part[i].len = last - p;

    return NGX_OK;
}


/* Appends the members of a part that is a JSON object */

ngx_int_t
ngx_http_vcita_jws_object(ngx_pool_t *pool, ngx_str_t *part,
    ngx_array_t *members)
{
    ngx_int_t  rc;
    ngx_str_t  text;

    rc = ngx_http_vcita_jws_decode(pool, part, &text);

    if (rc != NGX_OK) {
        return rc;
    }

    rc = ngx_http_vcita_json_members(pool, &text, members);

    ngx_explicit_memzero(text.data, text.len);

    return rc;
}


ngx_int_t
ngx_http_vcita_jws_decode(ngx_pool_t *pool, ngx_str_t *part, ngx_str_t *text)
{
    text->len = ngx_http_vcita_base64url_decoded_len(part->len);

    text->data = ngx_pnalloc(pool, text->len + 1);
    if (text->data == NULL) {
        return NGX_ERROR;
    }

    return ngx_http_vcita_base64url_decode(text->data, part);
}


/* Returns a claim or NULL; null counts as absent */

ngx_http_vcita_member_t *
ngx_http_vcita_jws_claim(ngx_array_t *members, const char *name)
{
    ngx_http_vcita_member_t  *m;

    m = ngx_http_vcita_json_member(members, name);

    return (m && m->type != NGX_HTTP_VCITA_JSON_NULL) ? m : NULL;
}


/* A NumericDate (RFC 7519, 2), in seconds; 0: it is absent or not a number */

ngx_uint_t
ngx_http_vcita_jws_time(ngx_array_t *members, const char *name, time_t *value)
{
    int64_t                   n;
    ngx_http_vcita_member_t  *m;

    m = ngx_http_vcita_jws_claim(members, name);

    if (m == NULL
        || m->type != NGX_HTTP_VCITA_JSON_NUMBER
        || ngx_http_vcita_string_number(&m->value, &n) != NGX_OK)
    {
        return 0;
    }

    *value = ngx_http_vcita_string_time(n);

    return 1;
}


ngx_uint_t
ngx_http_vcita_jws_is(ngx_http_vcita_member_t *m, ngx_str_t *value)
{
    return m
           && m->type == NGX_HTTP_VCITA_JSON_STRING
           && ngx_http_vcita_str_eq(&m->value, value);
}


/* whether an array of strings has this one */

ngx_uint_t
ngx_http_vcita_jws_among(ngx_str_t *lengths, ngx_str_t *values,
    ngx_str_t *value)
{
    u_char      *p;
    ngx_str_t    element;
    ngx_uint_t   i;

    p = lengths->data;
    element.data = values->data;

    for (i = 0; i < lengths->len; i += 2) {
        element.len = (size_t) p[i] << 8 | p[i + 1];

        if (ngx_http_vcita_str_eq(&element, value)) {
            return 1;
        }

        element.data += element.len + 1;
    }

    return 0;
}


/*
 * Reads a token and appends the members of its payload.  Its names and times
 * are for jws_check(), its signature for jws_verify().
 */

ngx_http_vcita_jws_e
ngx_http_vcita_jws_read(ngx_pool_t *pool, ngx_str_t *token,
    ngx_http_vcita_jws_t *jws, ngx_array_t *members)
{
    ngx_int_t                 rc;
    ngx_str_t                 part[NGX_HTTP_VCITA_JWS_PARTS];
    ngx_array_t               header;
    ngx_http_vcita_jws_e      reason;
    ngx_http_vcita_member_t  *kid;

    ngx_memzero(jws, sizeof(ngx_http_vcita_jws_t));

    if (token->len > NGX_HTTP_VCITA_JWS_MAX
        || ngx_http_vcita_jws_split(token, part) != NGX_OK)
    {
        return NGX_HTTP_VCITA_JWS_FORM;
    }

    if (ngx_array_init(&header, pool, 4, sizeof(ngx_http_vcita_member_t))
        != NGX_OK)
    {
        return NGX_HTTP_VCITA_JWS_MEMORY;
    }

    rc = ngx_http_vcita_jws_object(pool, &part[0], &header);

    if (rc == NGX_OK) {
        reason = ngx_http_vcita_jws_head(&header);

        if (reason != NGX_HTTP_VCITA_JWS_VALID) {
            return reason;
        }

        rc = ngx_http_vcita_jws_object(pool, &part[1], members);
    }

    if (rc == NGX_OK) {
        rc = ngx_http_vcita_jws_decode(pool, &part[2], &jws->signature);
    }

    if (rc != NGX_OK) {
        return (rc == NGX_ERROR) ? NGX_HTTP_VCITA_JWS_MEMORY
                                 : NGX_HTTP_VCITA_JWS_FORM;
    }

    jws->input.data = token->data;
    jws->input.len = part[1].data + part[1].len - token->data;

    kid = ngx_http_vcita_jws_claim(&header, "kid");

    if (kid == NULL) {
        kid = ngx_http_vcita_jws_claim(members, "kid");
    }

    if (kid) {

        if (kid->type != NGX_HTTP_VCITA_JSON_STRING || kid->value.len == 0) {
            return NGX_HTTP_VCITA_JWS_KID;
        }

        jws->kid = kid->value;
    }

    return ngx_http_vcita_jws_payload(members, jws);
}


/*
 * One algorithm, so that a token cannot choose a weaker one (RFC 8725, 3.1); an
 * extension that has to be understood is not (RFC 7515, 4.1.11)
 */

static ngx_http_vcita_jws_e
ngx_http_vcita_jws_head(ngx_array_t *header)
{
    ngx_str_t  rs256;

    ngx_str_set(&rs256, "RS256");

    if (!ngx_http_vcita_jws_is(ngx_http_vcita_jws_claim(header, "alg"),
                               &rs256))
    {
        return NGX_HTTP_VCITA_JWS_ALG;
    }

    return ngx_http_vcita_json_member(header, "crit")
           ? NGX_HTTP_VCITA_JWS_CRIT : NGX_HTTP_VCITA_JWS_VALID;
}


static ngx_http_vcita_jws_e
ngx_http_vcita_jws_payload(ngx_array_t *members, ngx_http_vcita_jws_t *jws)
{
    ngx_str_t                 iss, sub;
    ngx_http_vcita_member_t  *aud;

    ngx_str_set(&iss, "intandem");

    if (!ngx_http_vcita_jws_is(ngx_http_vcita_jws_claim(members, "iss"), &iss))
    {
        return NGX_HTTP_VCITA_JWS_ISS;
    }

    aud = ngx_http_vcita_jws_claim(members, "aud");

    if (aud == NULL
        || (aud->type != NGX_HTTP_VCITA_JSON_STRING
            && aud->type != NGX_HTTP_VCITA_JSON_ARRAY)
        || aud->value.len == 0)
    {
        return NGX_HTTP_VCITA_JWS_AUD;
    }

    jws->aud = aud->value;
    jws->lengths = aud->lengths;

    if (!ngx_http_vcita_jws_time(members, "exp", &jws->exp)) {
        return NGX_HTTP_VCITA_JWS_EXP;
    }

    if (ngx_http_vcita_jws_claim(members, "iat")
        && !ngx_http_vcita_jws_time(members, "iat", &jws->iat))
    {
        return NGX_HTTP_VCITA_JWS_IAT;
    }

    if (ngx_http_vcita_jws_claim(members, "nbf")
        && !ngx_http_vcita_jws_time(members, "nbf", &jws->nbf))
    {
        return NGX_HTTP_VCITA_JWS_NBF;
    }

    return (ngx_http_vcita_claims_sub(members, &sub) == NGX_OK)
           ? NGX_HTTP_VCITA_JWS_VALID : NGX_HTTP_VCITA_JWS_SUB;
}


/* What may change from use to use: the names of a location, and the clock */

ngx_http_vcita_jws_e
ngx_http_vcita_jws_check(ngx_http_vcita_jws_t *jws, ngx_array_t *names,
    time_t now, time_t skew)
{
    ngx_str_t   *name;
    ngx_uint_t   i;

    name = names->elts;

    for (i = 0; i < names->nelts; i++) {

        if (jws->lengths.len
            ? ngx_http_vcita_jws_among(&jws->lengths, &jws->aud, &name[i])
            : ngx_http_vcita_str_eq(&jws->aud, &name[i]))
        {
            break;
        }
    }

    if (i == names->nelts) {
        return NGX_HTTP_VCITA_JWS_AUD;
    }

    if (jws->exp <= now - skew) {
        return NGX_HTTP_VCITA_JWS_EXP;
    }

    if (jws->iat > now + skew) {
        return NGX_HTTP_VCITA_JWS_IAT;
    }

    return (jws->nbf > now + skew) ? NGX_HTTP_VCITA_JWS_NBF
                                   : NGX_HTTP_VCITA_JWS_VALID;
}


/*
 * Checks the signature by the key that the kid names, and by no other one; for
 * a token without kid, by each key in turn
 */

ngx_http_vcita_jws_e
ngx_http_vcita_jws_verify(ngx_http_vcita_jws_t *jws, ngx_array_t *keys)
{
    ngx_uint_t                 i;
    ngx_http_vcita_jws_key_t  *key;

    key = keys->elts;

    for (i = 0; i < keys->nelts; i++) {

        if (jws->kid.len == 0) {

            if (i == NGX_HTTP_VCITA_JWS_TRIED) {
                break;
            }

            if (ngx_http_vcita_jws_signed(jws, key[i].key)) {
                return NGX_HTTP_VCITA_JWS_VALID;
            }

            continue;
        }

        if (ngx_http_vcita_str_eq(&key[i].kid, &jws->kid)) {
            return ngx_http_vcita_jws_signed(jws, key[i].key)
                   ? NGX_HTTP_VCITA_JWS_VALID : NGX_HTTP_VCITA_JWS_SIGNATURE;
        }
    }

    return jws->kid.len ? NGX_HTTP_VCITA_JWS_KID
                        : NGX_HTTP_VCITA_JWS_SIGNATURE;
}


/* RS256 (RFC 7518, 3.3) */

static ngx_uint_t
ngx_http_vcita_jws_signed(ngx_http_vcita_jws_t *jws, EVP_PKEY *key)
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


/*
 * Appends the keys of a set that may verify RS256: RSA, of enough bits, not for
 * another use or algorithm.  They live as long as the pool.  NGX_DECLINED: the
 * text is not a key set, or has too many keys.
 */

ngx_int_t
ngx_http_vcita_jws_keys(ngx_pool_t *pool, ngx_str_t *text, ngx_array_t *keys)
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

        if (++number > NGX_HTTP_VCITA_JWS_KEYS) {
            return NGX_DECLINED;
        }

        if (ngx_http_vcita_jws_key_read(pool, &m[i], n, keys) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


/* Appends the key of n members, unless it may not verify */

static ngx_int_t
ngx_http_vcita_jws_key_read(ngx_pool_t *pool, ngx_http_vcita_member_t *m,
    ngx_uint_t n, ngx_array_t *keys)
{
    EVP_PKEY                  *pkey;
    ngx_pool_cleanup_t        *cln;
    ngx_http_vcita_member_t   *modulus, *exponent, *kid;
    ngx_http_vcita_jws_key_t  *key;

    modulus = ngx_http_vcita_jws_key_member(m, n, "keys__n");
    exponent = ngx_http_vcita_jws_key_member(m, n, "keys__e");
    kid = ngx_http_vcita_jws_key_member(m, n, "keys__kid");

    if (!ngx_http_vcita_jws_key_text(modulus)
        || !ngx_http_vcita_jws_key_text(exponent)
        || !ngx_http_vcita_jws_key_says(
                      ngx_http_vcita_jws_key_member(m, n, "keys__kty"), "RSA")
        || !ngx_http_vcita_jws_key_may(
                      ngx_http_vcita_jws_key_member(m, n, "keys__use"), "sig")
        || !ngx_http_vcita_jws_key_may(
                    ngx_http_vcita_jws_key_member(m, n, "keys__alg"), "RS256"))
    {
        return NGX_OK;
    }

    cln = ngx_pool_cleanup_add(pool, 0);
    if (cln == NULL) {
        return NGX_ERROR;
    }

    pkey = ngx_http_vcita_jws_key_rsa(pool, &modulus->value, &exponent->value);
    if (pkey == NULL) {
        return NGX_OK;
    }

    cln->handler = ngx_http_vcita_jws_key_cleanup;
    cln->data = pkey;

    key = ngx_array_push(keys);
    if (key == NULL) {
        return NGX_ERROR;
    }

    key->key = pkey;
    ngx_str_null(&key->kid);

    if (ngx_http_vcita_jws_key_text(kid)) {
        key->kid = kid->value;
    }

    return NGX_OK;
}


static ngx_http_vcita_member_t *
ngx_http_vcita_jws_key_member(ngx_http_vcita_member_t *m, ngx_uint_t n,
    const char *name)
{
    size_t      len;
    ngx_uint_t  i;

    len = ngx_strlen(name);

    for (i = 0; i < n; i++) {

        if (m[i].depth == NGX_HTTP_VCITA_JWS_DEPTH
            && m[i].name.len == len
            && ngx_memcmp(m[i].name.data, name, len) == 0)
        {
            return &m[i];
        }
    }

    return NULL;
}


static ngx_uint_t
ngx_http_vcita_jws_key_says(ngx_http_vcita_member_t *m, const char *value)
{
    size_t  len;

    len = ngx_strlen(value);

    return ngx_http_vcita_jws_key_text(m)
           && m->value.len == len
           && ngx_memcmp(m->value.data, value, len) == 0;
}


/* what a key does not say, it may be used for */

static ngx_uint_t
ngx_http_vcita_jws_key_may(ngx_http_vcita_member_t *m, const char *value)
{
    return m == NULL || ngx_http_vcita_jws_key_says(m, value);
}


/* The key; NULL: it is none that OpenSSL can read, or has not enough bits */

static EVP_PKEY *
ngx_http_vcita_jws_key_rsa(ngx_pool_t *pool, ngx_str_t *modulus,
    ngx_str_t *exponent)
{
    u_char         *der, *p;
    EVP_PKEY       *key;
    ngx_str_t       n, e;
    const u_char   *from;

    if (ngx_http_vcita_jws_decode(pool, modulus, &n) != NGX_OK
        || ngx_http_vcita_jws_decode(pool, exponent, &e) != NGX_OK
        || n.len == 0 || n.len > NGX_HTTP_VCITA_JWS_RSA_MAX / 8
        || e.len == 0 || e.len > NGX_HTTP_VCITA_JWS_E_MAX)
    {
        return NULL;
    }

    /* an RSAPublicKey (RFC 8017, A.1.1), which all releases of OpenSSL read */

    der = ngx_pnalloc(pool, 3 * NGX_HTTP_VCITA_DER_HEAD + 2 + n.len + e.len);
    if (der == NULL) {
        return NULL;
    }

    p = ngx_http_vcita_jws_key_integer(der + NGX_HTTP_VCITA_DER_HEAD, &n);
    p = ngx_http_vcita_jws_key_integer(p, &e);

    (void) ngx_http_vcita_jws_key_der(der, 0x30,
                                      p - der - NGX_HTTP_VCITA_DER_HEAD);

    from = der;
    key = d2i_PublicKey(EVP_PKEY_RSA, NULL, &from, p - der);

    ERR_clear_error();

    if (key && EVP_PKEY_bits(key) < NGX_HTTP_VCITA_JWS_RSA_MIN) {
        EVP_PKEY_free(key);
        return NULL;
    }

    return key;
}


/* a DER integer; a zero goes before a high bit, which would be a sign */

static u_char *
ngx_http_vcita_jws_key_integer(u_char *p, ngx_str_t *value)
{
    u_char  *v, *last;
    size_t   len;

    v = value->data;
    last = v + value->len;

    while (v < last - 1 && *v == 0) {
        v++;
    }

    len = last - v + (*v >> 7);
    p = ngx_http_vcita_jws_key_der(p, 0x02, len);

    if (*v >> 7) {
        *p++ = 0;
    }

    return ngx_cpymem(p, v, last - v);
}


/* OpenSSL also reads a length in more bytes than it needs */

static u_char *
ngx_http_vcita_jws_key_der(u_char *p, u_char tag, size_t len)
{
    *p++ = tag;
    *p++ = 0x82;
    *p++ = (u_char) (len >> 8);
    *p++ = (u_char) len;

    return p;
}


static void
ngx_http_vcita_jws_key_cleanup(void *data)
{
    EVP_PKEY_free(data);
}
