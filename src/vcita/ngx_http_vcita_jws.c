
/*
 * Copyright (C) the vcita OAuth gate authors
 *
 * JSON Web Signature in its compact form (RFC 7515): reads a token and checks
 * it.  May touch JSON, claims, base64url and a pool; names and time are given.
 */


#include <ngx_config.h>
#include <ngx_core.h>

#include "util/ngx_http_vcita_seal.h"
#include "util/ngx_http_vcita_string.h"
#include "vcita/ngx_http_vcita_jws.h"


static ngx_http_vcita_jws_e ngx_http_vcita_jws_head(ngx_array_t *header);
static ngx_http_vcita_jws_e ngx_http_vcita_jws_payload(ngx_array_t *members,
    ngx_http_vcita_jws_t *jws);


static const char  *ngx_http_vcita_jws_reasons[] = {
    NULL,
    "memory is exhausted",
    "it is not a compact JWS of a JSON object, or too long, "
    "send the token that getAuth returns",
    "its alg is not RS256, send the token that getAuth returns",
    "its header has crit, send the token that getAuth returns",
    "its iss is not \"intandem\", send the token that getAuth returns",
    "its aud is not among the names of vcita_oauth_bearer, "
    "add the app_code_name of the app there",
    "it has expired or has no exp, check the clock",
    "its iat is in the future, check the clock",
    "its nbf is in the future, check the clock",
    "it has no sub, send the token that getAuth returns",
    "its kid is not a key of vcita_oauth_jwks_endpoint that may verify it, "
    "check that endpoint",
    "its signature is wrong, check vcita_oauth_jwks_endpoint"
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
 * are for jws_check(), its signature for jwk_verify().
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
