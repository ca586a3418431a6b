
/*
 * Copyright (C) the vcita OAuth gate authors
 *
 * vcita's OAuth endpoints: requests as bytes, responses as structures.  May
 * touch claims, queries and a pool, but no sockets.
 */


#include <ngx_config.h>
#include <ngx_core.h>

#include "util/ngx_http_vcita_query.h"
#include "util/ngx_http_vcita_string.h"
#include "vcita/ngx_http_vcita_claims.h"
#include "vcita/ngx_http_vcita_protocol.h"


#define NGX_HTTP_VCITA_OK          200
#define NGX_HTTP_VCITA_FORBIDDEN   403

#define NGX_HTTP_VCITA_PARAMS      8


typedef struct {
    ngx_str_t                    name;
    ngx_str_t                   *value;
} ngx_http_vcita_param_t;


static u_char *ngx_http_vcita_protocol_token_param(u_char *p,
    ngx_http_vcita_param_t *param, ngx_uint_t first, ngx_uint_t json);
static ngx_int_t ngx_http_vcita_token_read(ngx_uint_t status,
    ngx_array_t *members, ngx_http_vcita_token_t *token);
static void ngx_http_vcita_token_refuse(ngx_array_t *members,
    ngx_http_vcita_token_t *token);
static ngx_int_t ngx_http_vcita_protocol_token_fill(ngx_array_t *members,
    ngx_http_vcita_token_t *token);
static ngx_int_t ngx_http_vcita_protocol_token_text(ngx_array_t *members,
    const char *name, ngx_str_t *value);
static ngx_int_t ngx_http_vcita_protocol_token_expires(ngx_array_t *members,
    time_t *expires_in);
static ngx_uint_t ngx_http_vcita_protocol_b64token(ngx_str_t *token);


/* The body of a token request contains secrets: the caller wipes it */

ngx_int_t
ngx_http_vcita_protocol_token_request(ngx_pool_t *pool,
    ngx_http_vcita_grant_t *grant, ngx_str_t *body)
{
    u_char                 *p;
    size_t                  len;
    ngx_str_t               none, type, jwt;
    ngx_uint_t              i;
    ngx_http_vcita_param_t  param[NGX_HTTP_VCITA_PARAMS] = {
        { ngx_string("grant_type"), NULL },
        { ngx_string("client_id"), NULL },
        { ngx_string("client_secret"), NULL },
        { ngx_string("client_assertion_type"), NULL },
        { ngx_string("client_assertion"), NULL },
        { ngx_string("code"), NULL },
        { ngx_string("redirect_uri"), NULL },
        { ngx_string("code_verifier"), NULL }
    };

    ngx_str_null(&none);
    ngx_str_set(&type, "authorization_code");
    ngx_str_set(&jwt, "urn:ietf:params:oauth:client-assertion-type:"
                      "jwt-bearer");

    param[0].value = &type;
    param[1].value = &grant->client_id;
    param[2].value = grant->client_assertion.len ? &none
                                                 : &grant->client_secret;
    param[3].value = grant->client_assertion.len ? &jwt : &none;
    param[4].value = &grant->client_assertion;
    param[5].value = &grant->code;
    param[6].value = &grant->redirect_uri;
    param[7].value = &grant->code_verifier;

    len = sizeof("{}");

    for (i = 0; i < NGX_HTTP_VCITA_PARAMS; i++) {
        len += param[i].name.len + sizeof("\"\":\"\",") - 1
               + (grant->json ? ngx_http_vcita_string_json_len(param[i].value)
                              : ngx_http_vcita_query_escaped_len(
                                                              param[i].value));
    }

    p = ngx_pnalloc(pool, len);
    if (p == NULL) {
        return NGX_ERROR;
    }

    body->data = p;

    for (i = 0; i < NGX_HTTP_VCITA_PARAMS; i++) {

        if (param[i].value->len) {
            p = ngx_http_vcita_protocol_token_param(p, &param[i], i == 0,
                                                    grant->json);
        }
    }

    if (grant->json) {
        *p++ = '}';
    }

    body->len = p - body->data;

    return NGX_OK;
}


static u_char *
ngx_http_vcita_protocol_token_param(u_char *p, ngx_http_vcita_param_t *param,
    ngx_uint_t first, ngx_uint_t json)
{
    if (json) {
        p = ngx_sprintf(p, "%c\"%V\":\"", first ? '{' : ',', &param->name);
        p = (u_char *) ngx_escape_json(p, param->value->data,
                                       param->value->len);
        *p++ = '"';

        return p;
    }

    if (!first) {
        *p++ = '&';
    }

    p = ngx_sprintf(p, "%V=", &param->name);

    return ngx_http_vcita_query_escape(p, param->value);
}


/* The body of a revocation request; the caller wipes it */

ngx_int_t
ngx_http_vcita_protocol_revoke_request(ngx_pool_t *pool, ngx_str_t *token,
    ngx_str_t *body)
{
    u_char                  *p;
    ngx_http_vcita_param_t   param = { ngx_string("token"), token };

    p = ngx_pnalloc(pool, sizeof("{\"token\":\"\"}")
                          + ngx_http_vcita_string_json_len(token));
    if (p == NULL) {
        return NGX_ERROR;
    }

    body->data = p;

    p = ngx_http_vcita_protocol_token_param(p, &param, 1, 1);
    *p++ = '}';

    body->len = p - body->data;

    return NGX_OK;
}


/*
 * Reads a token response.  NGX_DECLINED: it has no token; token->error is set,
 * and all other values of the response are wiped.
 */

ngx_int_t
ngx_http_vcita_protocol_token_answer(ngx_pool_t *pool, ngx_uint_t status,
    ngx_str_t *body, ngx_http_vcita_token_t *token)
{
    ngx_int_t                 rc;
    ngx_array_t               members;
    ngx_http_vcita_member_t  *m;

    ngx_memzero(token, sizeof(ngx_http_vcita_token_t));

    if (ngx_array_init(&members, pool, 8, sizeof(ngx_http_vcita_member_t))
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    rc = ngx_http_vcita_json_members(pool, body, &members);

    if (rc == NGX_OK) {
        rc = ngx_http_vcita_token_read(status, &members, token);
    }

    if (rc != NGX_OK) {
        ngx_http_vcita_token_refuse(&members, token);
        return rc;
    }

    /* a token that is not used is not left lying about */

    m = ngx_http_vcita_json_member(&members, "refresh_token");

    if (m && m->value.len) {
        ngx_explicit_memzero(m->value.data, m->value.len);
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_vcita_token_read(ngx_uint_t status, ngx_array_t *members,
    ngx_http_vcita_token_t *token)
{
    ngx_http_vcita_member_t  *error;

    error = ngx_http_vcita_json_member(members, "error");

    if (error
        && error->type == NGX_HTTP_VCITA_JSON_STRING
        && error->value.len)
    {
        token->error = error->value;
        ngx_http_vcita_protocol_error_code(&token->error);

        if (ngx_http_vcita_protocol_token_text(members, "error_description",
                                               &token->error_description)
                                               != NGX_OK)
        {
            ngx_str_null(&token->error_description);
        }

        return NGX_DECLINED;
    }

    if (status != NGX_HTTP_VCITA_OK) {
        return NGX_DECLINED;
    }

    return ngx_http_vcita_protocol_token_fill(members, token);
}


/* A refused response may hold a token under any name: wipe all values */

static void
ngx_http_vcita_token_refuse(ngx_array_t *members,
    ngx_http_vcita_token_t *token)
{
    ngx_uint_t                i;
    ngx_http_vcita_member_t  *m;

    m = members->elts;

    for (i = 0; i < members->nelts; i++) {

        if (m[i].value.len
            && m[i].value.data != token->error.data
            && m[i].value.data != token->error_description.data)
        {
            ngx_explicit_memzero(m[i].value.data, m[i].value.len);
        }
    }

    ngx_str_null(&token->access_token);
    ngx_str_null(&token->id_token);

    if (token->error.len == 0) {
        ngx_str_set(&token->error, "bad_token_response");
    }
}


static ngx_int_t
ngx_http_vcita_protocol_token_fill(ngx_array_t *members,
    ngx_http_vcita_token_t *token)
{
    ngx_http_vcita_member_t  *m;

    if (ngx_http_vcita_protocol_token_text(members, "access_token",
                                           &token->access_token)
        != NGX_OK
        || !ngx_http_vcita_protocol_b64token(&token->access_token))
    {
        return NGX_DECLINED;
    }

    if (ngx_http_vcita_protocol_token_text(members, "token_type",
                                           &token->token_type)
        != NGX_OK
        || ngx_http_vcita_protocol_token_text(members, "scope", &token->scope)
           != NGX_OK)
    {
        return NGX_DECLINED;
    }

    if (token->token_type.len
        && (token->token_type.len != sizeof("Bearer") - 1
            || ngx_strncasecmp(token->token_type.data, (u_char *) "Bearer",
                               sizeof("Bearer") - 1)
               != 0))
    {
        return NGX_DECLINED;
    }

    /* a non-null id_token of another type is invalid, not absent */

    m = ngx_http_vcita_json_member(members, "id_token");

    if (m && m->type != NGX_HTTP_VCITA_JSON_NULL) {
        token->identified = 1;

        if (m->type == NGX_HTTP_VCITA_JSON_STRING) {
            token->id_token = m->value;
        }
    }

    return ngx_http_vcita_protocol_token_expires(members, &token->expires_in);
}


/* Absent, null, or a string without control characters */

static ngx_int_t
ngx_http_vcita_protocol_token_text(ngx_array_t *members, const char *name,
    ngx_str_t *value)
{
    ngx_http_vcita_member_t  *m;

    ngx_str_null(value);

    m = ngx_http_vcita_json_member(members, name);

    if (m == NULL || m->type == NGX_HTTP_VCITA_JSON_NULL) {
        return NGX_OK;
    }

    if (m->type != NGX_HTTP_VCITA_JSON_STRING
        || !ngx_http_vcita_string_printable(&m->value))
    {
        return NGX_DECLINED;
    }

    *value = m->value;

    return NGX_OK;
}


/*
 * Seconds, as a number or a numeric string.  A fraction is rounded up: 0 would
 * mean that the token does not expire.
 */

static ngx_int_t
ngx_http_vcita_protocol_token_expires(ngx_array_t *members, time_t *expires_in)
{
    u_char                   *p, *last;
    int64_t                   value;
    ngx_http_vcita_member_t  *m;

    *expires_in = 0;

    m = ngx_http_vcita_json_member(members, "expires_in");

    if (m == NULL || m->type == NGX_HTTP_VCITA_JSON_NULL) {
        return NGX_OK;
    }

    if (m->type != NGX_HTTP_VCITA_JSON_NUMBER
        && m->type != NGX_HTTP_VCITA_JSON_STRING)
    {
        return NGX_DECLINED;
    }

    if (ngx_http_vcita_string_number(&m->value, &value) != NGX_OK) {
        return NGX_DECLINED;
    }

    last = m->value.data + m->value.len;
    p = ngx_strlchr(m->value.data, last, '.');

    while (p && ++p < last) {

        if (*p != '0') {
            value++;
            break;
        }
    }

    /* an expiry so far away counts as none */

    *expires_in = (value < NGX_HTTP_VCITA_NUMBER_MAX)
                  ? ngx_http_vcita_string_time(value) : 0;

    return NGX_OK;
}


/* RFC 6750, 2.1 */

static ngx_uint_t
ngx_http_vcita_protocol_b64token(ngx_str_t *token)
{
    u_char  c, *p, *last;

    if (token->len == 0) {
        return 0;
    }

    p = token->data;
    last = p + token->len;

    for ( /* void */ ; p < last; p++) {
        c = *p | 0x20;

        if ((c >= 'a' && c <= 'z')
            || (*p >= '0' && *p <= '9')
            || *p == '-' || *p == '.' || *p == '_' || *p == '~'
            || *p == '+' || *p == '/')
        {
            continue;
        }

        break;
    }

    if (p == token->data) {
        return 0;
    }

    while (p < last && *p == '=') {
        p++;
    }

    return p == last;
}


/*
 * Reads a userinfo response (OpenID Connect Core, 5.3.2), appends its claims
 * and sets "sub".  NGX_DECLINED: the response is invalid or has no "sub".
 */

ngx_int_t
ngx_http_vcita_protocol_userinfo_answer(ngx_pool_t *pool, ngx_uint_t status,
    ngx_str_t *body, ngx_array_t *wanted, ngx_str_t *sub, ngx_array_t *claims)
{
    ngx_int_t    rc;
    ngx_array_t  members;

    if (status != NGX_HTTP_VCITA_OK) {
        return NGX_DECLINED;
    }

    if (ngx_array_init(&members, pool, 16, sizeof(ngx_http_vcita_member_t))
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    rc = ngx_http_vcita_json_members(pool, body, &members);

    if (rc != NGX_OK) {
        return rc;
    }

    if (ngx_http_vcita_claims_sub(&members, sub) != NGX_OK) {
        return NGX_DECLINED;
    }

    return ngx_http_vcita_claims(pool, &members, wanted, claims);
}


/* The cause of a 403 without JSON, which vcita does not send; or NULL */

const char *
ngx_http_vcita_protocol_blocked(ngx_uint_t status, ngx_str_t *body)
{
    size_t  i;

    if (status != NGX_HTTP_VCITA_FORBIDDEN) {
        return NULL;
    }

    for (i = 0; i < body->len; i++) {

        if (body->data[i] == '{') {
            return NULL;
        }

        if (ngx_strchr(" \t\r\n", body->data[i]) == NULL) {
            break;
        }
    }

    return ": a firewall in front of the endpoint refused this call, have it "
           "allow this machine's address and the User-Agent "
           "ngx_http_vcita_oauth";
}


/* At most 64 characters in [A-Za-z0-9_.-]; all else becomes "other" */

void
ngx_http_vcita_protocol_error_code(ngx_str_t *error)
{
    u_char      c;
    ngx_uint_t  i;

    if (error->len == 0 || error->len > 64) {
        goto other;
    }

    for (i = 0; i < error->len; i++) {
        c = error->data[i] | 0x20;

        if ((c >= 'a' && c <= 'z')
            || (error->data[i] >= '0' && error->data[i] <= '9')
            || error->data[i] == '_'
            || error->data[i] == '.'
            || error->data[i] == '-')
        {
            continue;
        }

        goto other;
    }

    return;

other:

    ngx_str_set(error, "other");
}
