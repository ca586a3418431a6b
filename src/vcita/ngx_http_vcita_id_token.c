
/*
 * Copyright (C) the vcita OAuth gate authors
 *
 * The id_token: reads a JWT and checks that its claims fit this login.  May
 * touch JSON, claims, base64url and a pool.
 *
 * The token comes directly from the token endpoint over verified TLS, so its
 * signature need not be checked (OpenID Connect Core, 3.1.3.7 (6)).
 */


#include <ngx_config.h>
#include <ngx_core.h>

#include "util/ngx_http_vcita_seal.h"
#include "util/ngx_http_vcita_string.h"
#include "vcita/ngx_http_vcita_claims.h"
#include "vcita/ngx_http_vcita_id_token.h"


/* header, payload, signature (RFC 7515, 3.1) */
#define NGX_HTTP_VCITA_JWT_PARTS  3


static ngx_int_t ngx_http_vcita_id_token_split(ngx_str_t *jwt, ngx_str_t *part);
static ngx_int_t ngx_http_vcita_id_token_object(ngx_pool_t *pool,
    ngx_str_t *part, ngx_array_t *members);
static ngx_int_t ngx_http_vcita_id_token_decode(ngx_pool_t *pool,
    ngx_str_t *part, ngx_str_t *text);
static ngx_uint_t ngx_http_vcita_id_token_signed(ngx_array_t *header);
static const char *ngx_http_vcita_id_token_check(ngx_array_t *members,
    ngx_http_vcita_id_token_expected_t *e);
static ngx_uint_t ngx_http_vcita_id_token_audience(ngx_array_t *members,
    ngx_str_t *client_id);
static ngx_uint_t ngx_http_vcita_id_token_among(ngx_http_vcita_member_t *aud,
    ngx_str_t *client_id);
static ngx_uint_t ngx_http_vcita_id_token_nonce(ngx_array_t *members,
    ngx_str_t *nonce);
static ngx_uint_t ngx_http_vcita_id_token_time(ngx_array_t *members,
    const char *name, time_t *value);
static ngx_http_vcita_member_t *ngx_http_vcita_id_token_claim(
    ngx_array_t *members, const char *name);
static ngx_uint_t ngx_http_vcita_id_token_is(ngx_http_vcita_member_t *m,
    ngx_str_t *value);


/*
 * Appends the members of an id_token's payload.  Returns NULL, or the reason
 * for the log if the id_token is invalid or memory is exhausted.
 */

const char *
ngx_http_vcita_id_token(ngx_pool_t *pool, ngx_str_t *jwt,
    ngx_http_vcita_id_token_expected_t *expected, ngx_array_t *members)
{
    ngx_str_t    signature, part[NGX_HTTP_VCITA_JWT_PARTS];
    ngx_array_t  header;

    if (ngx_http_vcita_id_token_split(jwt, part) != NGX_OK) {
        return "it is not a JWT of three parts";
    }

    if (ngx_array_init(&header, pool, 4, sizeof(ngx_http_vcita_member_t))
        != NGX_OK)
    {
        return "there is no memory to read it";
    }

    if (ngx_http_vcita_id_token_object(pool, &part[0], &header) != NGX_OK
        || ngx_http_vcita_id_token_object(pool, &part[1], members) != NGX_OK)
    {
        return "its header or payload is not base64url of a JSON object";
    }

    if (!ngx_http_vcita_id_token_signed(&header)
        || ngx_http_vcita_id_token_decode(pool, &part[2], &signature) != NGX_OK)
    {
        return "it is not signed, or its header has crit";
    }

    return ngx_http_vcita_id_token_check(members, expected);
}


/* an empty part is invalid */

static ngx_int_t
ngx_http_vcita_id_token_split(ngx_str_t *jwt, ngx_str_t *part)
{
    u_char      *p, *dot, *last;
    ngx_uint_t   i;

    if (jwt->len == 0) {
        return NGX_DECLINED;
    }

    p = jwt->data;
    last = p + jwt->len;

    for (i = 0; i < NGX_HTTP_VCITA_JWT_PARTS - 1; i++) {

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


static ngx_int_t
ngx_http_vcita_id_token_object(ngx_pool_t *pool, ngx_str_t *part,
    ngx_array_t *members)
{
    ngx_int_t  rc;
    ngx_str_t  text;

    rc = ngx_http_vcita_id_token_decode(pool, part, &text);

    if (rc != NGX_OK) {
        return rc;
    }

    rc = ngx_http_vcita_json_members(pool, &text, members);

    ngx_explicit_memzero(text.data, text.len);

    return rc;
}


static ngx_int_t
ngx_http_vcita_id_token_decode(ngx_pool_t *pool, ngx_str_t *part,
    ngx_str_t *text)
{
    text->len = ngx_http_vcita_base64url_decoded_len(part->len);

    text->data = ngx_pnalloc(pool, text->len + 1);
    if (text->data == NULL) {
        return NGX_ERROR;
    }

    return ngx_http_vcita_base64url_decode(text->data, part);
}


/* "none" would let anyone issue a token (RFC 7518, 3.6) */

static ngx_uint_t
ngx_http_vcita_id_token_signed(ngx_array_t *header)
{
    ngx_http_vcita_member_t  *alg;

    alg = ngx_http_vcita_json_member(header, "alg");

    if (alg == NULL
        || alg->type != NGX_HTTP_VCITA_JSON_STRING
        || alg->value.len == 0)
    {
        return 0;
    }

    if (alg->value.len == sizeof("none") - 1
        && ngx_strncasecmp(alg->value.data, (u_char *) "none",
                           sizeof("none") - 1)
           == 0)
    {
        return 0;
    }

    /* an extension that the recipient must understand (RFC 7515, 4.1.11) */

    return ngx_http_vcita_json_member(header, "crit") == NULL;
}


/* OpenID Connect Core, 3.1.3.7 */

static const char *
ngx_http_vcita_id_token_check(ngx_array_t *members,
    ngx_http_vcita_id_token_expected_t *e)
{
    time_t                    when;
    ngx_str_t                 sub;
    ngx_http_vcita_member_t  *m;

    if (ngx_http_vcita_claims_sub(members, &sub) != NGX_OK) {
        return "it has no sub";
    }

    m = ngx_http_vcita_id_token_claim(members, "iss");

    if (e->issuer.len && !ngx_http_vcita_id_token_is(m, &e->issuer)) {
        return "its iss is not the value of vcita_oauth_issuer";
    }

    if (!ngx_http_vcita_id_token_audience(members, &e->client_id)) {
        return "its aud or azp is not the value of vcita_oauth_client_id";
    }

    if (!ngx_http_vcita_id_token_time(members, "exp", &when)
        || when <= e->now - e->skew)
    {
        return "it has expired or has no exp, check the clock";
    }

    if (!ngx_http_vcita_id_token_time(members, "iat", &when)
        || when > e->now + e->skew)
    {
        return "its iat is missing or in the future, check the clock";
    }

    if (ngx_http_vcita_id_token_claim(members, "nbf")
        && (!ngx_http_vcita_id_token_time(members, "nbf", &when)
            || when > e->now + e->skew))
    {
        return "its nbf is in the future, check the clock";
    }

    if (!ngx_http_vcita_id_token_nonce(members, &e->nonce)) {
        return "its nonce is not the one of this login";
    }

    return NULL;
}


/* an azp has to be the client_id, and several audiences require one */

static ngx_uint_t
ngx_http_vcita_id_token_audience(ngx_array_t *members, ngx_str_t *client_id)
{
    ngx_uint_t                several;
    ngx_http_vcita_member_t  *aud, *azp;

    aud = ngx_http_vcita_id_token_claim(members, "aud");
    azp = ngx_http_vcita_id_token_claim(members, "azp");

    several = 0;

    if (aud && aud->type == NGX_HTTP_VCITA_JSON_ARRAY) {

        if (!ngx_http_vcita_id_token_among(aud, client_id)) {
            return 0;
        }

        several = (aud->lengths.len > 2);

    } else if (!ngx_http_vcita_id_token_is(aud, client_id)) {
        return 0;
    }

    if (azp == NULL) {
        return !several;
    }

    return ngx_http_vcita_id_token_is(azp, client_id);
}


static ngx_uint_t
ngx_http_vcita_id_token_among(ngx_http_vcita_member_t *aud,
    ngx_str_t *client_id)
{
    u_char      *p;
    ngx_str_t    element;
    ngx_uint_t   i;

    p = aud->lengths.data;
    element.data = aud->value.data;

    for (i = 0; i < aud->lengths.len; i += 2) {
        element.len = (size_t) p[i] << 8 | p[i + 1];

        if (ngx_http_vcita_str_eq(&element, client_id)) {
            return 1;
        }

        element.data += element.len + 1;
    }

    return 0;
}


/* without a nonce in the request, a nonce belongs to another login */

static ngx_uint_t
ngx_http_vcita_id_token_nonce(ngx_array_t *members, ngx_str_t *nonce)
{
    ngx_http_vcita_member_t  *m;

    m = ngx_http_vcita_id_token_claim(members, "nonce");

    if (nonce->len == 0 || m == NULL) {
        return nonce->len == 0 && m == NULL;
    }

    return m->type == NGX_HTTP_VCITA_JSON_STRING
           && ngx_http_vcita_secret_eq(&m->value, nonce) == NGX_OK;
}


static ngx_uint_t
ngx_http_vcita_id_token_time(ngx_array_t *members, const char *name,
    time_t *value)
{
    int64_t                   n;
    ngx_http_vcita_member_t  *m;

    m = ngx_http_vcita_id_token_claim(members, name);

    if (m == NULL
        || m->type != NGX_HTTP_VCITA_JSON_NUMBER
        || ngx_http_vcita_string_number(&m->value, &n) != NGX_OK)
    {
        return 0;
    }

    *value = ngx_http_vcita_string_time(n);

    return 1;
}


/* null counts as absent */

static ngx_http_vcita_member_t *
ngx_http_vcita_id_token_claim(ngx_array_t *members, const char *name)
{
    ngx_http_vcita_member_t  *m;

    m = ngx_http_vcita_json_member(members, name);

    return (m && m->type != NGX_HTTP_VCITA_JSON_NULL) ? m : NULL;
}


static ngx_uint_t
ngx_http_vcita_id_token_is(ngx_http_vcita_member_t *m, ngx_str_t *value)
{
    return m
           && m->type == NGX_HTTP_VCITA_JSON_STRING
           && ngx_http_vcita_str_eq(&m->value, value);
}
