
/*
 * Copyright (C) the vcita OAuth gate authors
 *
 * The id_token: reads a JWT and checks that its claims fit this login.  May
 * touch JWS, JSON, claims and a pool.
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
#include "vcita/ngx_http_vcita_jws.h"


static ngx_uint_t ngx_http_vcita_id_token_signed(ngx_array_t *header);
static const char *ngx_http_vcita_id_token_check(ngx_array_t *members,
    ngx_http_vcita_id_token_expected_t *e);
static ngx_uint_t ngx_http_vcita_id_token_audience(ngx_array_t *members,
    ngx_str_t *client_id);
static ngx_uint_t ngx_http_vcita_id_token_nonce(ngx_array_t *members,
    ngx_str_t *nonce);
static ngx_uint_t ngx_http_vcita_id_token_auth_time(ngx_array_t *members,
    time_t *value);


/*
 * Appends the members of an id_token's payload.  Returns NULL, or the reason
 * for the log if the id_token is invalid or memory is exhausted.
 */

const char *
ngx_http_vcita_id_token(ngx_pool_t *pool, ngx_str_t *jwt,
    ngx_http_vcita_id_token_expected_t *expected, ngx_array_t *members)
{
    ngx_str_t    signature, part[NGX_HTTP_VCITA_JWS_PARTS];
    ngx_array_t  header;

    if (ngx_http_vcita_jws_split(jwt, part) != NGX_OK) {
        return "it is not a JWT of three parts, "
               "check vcita_oauth_token_endpoint";
    }

    if (ngx_array_init(&header, pool, 4, sizeof(ngx_http_vcita_member_t))
        != NGX_OK)
    {
        return "there is no memory to read it";
    }

    if (ngx_http_vcita_jws_object(pool, &part[0], &header) != NGX_OK
        || ngx_http_vcita_jws_object(pool, &part[1], members) != NGX_OK)
    {
        return "its header or payload is not base64url of a JSON object, "
               "check vcita_oauth_token_endpoint";
    }

    if (!ngx_http_vcita_id_token_signed(&header)
        || ngx_http_vcita_jws_decode(pool, &part[2], &signature) != NGX_OK)
    {
        return "it is not signed, or its header has crit, "
               "check vcita_oauth_token_endpoint";
    }

    return ngx_http_vcita_id_token_check(members, expected);
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
        return "it has no sub, check vcita_oauth_token_endpoint";
    }

    m = ngx_http_vcita_jws_claim(members, "iss");

    if (e->issuer.len && !ngx_http_vcita_jws_is(m, &e->issuer)) {
        return "its iss is not the value of vcita_oauth_issuer, "
               "compare both";
    }

    if (!ngx_http_vcita_id_token_audience(members, &e->client_id)) {
        return "its aud or azp is not the value of vcita_oauth_client_id, "
               "check that it is the app of the secret";
    }

    if (!ngx_http_vcita_jws_time(members, "exp", &when)
        || when <= e->now - e->skew)
    {
        return "it has expired or has no exp, check the clock";
    }

    if (!ngx_http_vcita_jws_time(members, "iat", &when)
        || when > e->now + e->skew)
    {
        return "its iat is missing or in the future, check the clock";
    }

    if (ngx_http_vcita_jws_claim(members, "nbf")
        && (!ngx_http_vcita_jws_time(members, "nbf", &when)
            || when > e->now + e->skew))
    {
        return "its nbf is in the future, check the clock";
    }

    if (e->max_age
        && ngx_http_vcita_jws_claim(members, "auth_time")
        && (!ngx_http_vcita_id_token_auth_time(members, &when)
            || when > e->now + e->skew))
    {
        return "its auth_time is no time or in the future, check the clock";
    }

    if (!ngx_http_vcita_id_token_nonce(members, &e->nonce)) {
        return "its nonce is not the one of this login, "
               "check vcita_oauth_token_endpoint";
    }

    return NULL;
}


/* an azp has to be the client_id, and several audiences require one */

static ngx_uint_t
ngx_http_vcita_id_token_audience(ngx_array_t *members, ngx_str_t *client_id)
{
    ngx_uint_t                several;
    ngx_http_vcita_member_t  *aud, *azp;

    aud = ngx_http_vcita_jws_claim(members, "aud");
    azp = ngx_http_vcita_jws_claim(members, "azp");

    several = 0;

    if (aud && aud->type == NGX_HTTP_VCITA_JSON_ARRAY) {

        if (!ngx_http_vcita_jws_among(&aud->lengths, &aud->value,
                                      client_id)) {
            return 0;
        }

        several = (aud->lengths.len > 2);

    } else if (!ngx_http_vcita_jws_is(aud, client_id)) {
        return 0;
    }

    if (azp == NULL) {
        return !several;
    }

    return ngx_http_vcita_jws_is(azp, client_id);
}


/* without a nonce in the request, a nonce belongs to another login */

static ngx_uint_t
ngx_http_vcita_id_token_nonce(ngx_array_t *members, ngx_str_t *nonce)
{
    ngx_http_vcita_member_t  *m;

    m = ngx_http_vcita_jws_claim(members, "nonce");

    if (nonce->len == 0 || m == NULL) {
        return nonce->len == 0 && m == NULL;
    }

    return m->type == NGX_HTTP_VCITA_JSON_STRING
           && ngx_http_vcita_secret_eq(&m->value, nonce) == NGX_OK;
}


/* a number in a string counts as a number */

static ngx_uint_t
ngx_http_vcita_id_token_auth_time(ngx_array_t *members, time_t *value)
{
    int64_t                   n;
    ngx_http_vcita_member_t  *m;

    m = ngx_http_vcita_jws_claim(members, "auth_time");

    if (m == NULL
        || (m->type != NGX_HTTP_VCITA_JSON_NUMBER
            && m->type != NGX_HTTP_VCITA_JSON_STRING)
        || ngx_http_vcita_string_number(&m->value, &n) != NGX_OK)
    {
        return 0;
    }

    *value = ngx_http_vcita_string_time(n);

    return 1;
}


/* 1: it says that vcita asked the user before "oldest", by its auth_time */

ngx_uint_t
ngx_http_vcita_id_token_older(ngx_array_t *members, time_t oldest)
{
    time_t  when;

    return ngx_http_vcita_id_token_auth_time(members, &when) && when < oldest;
}
