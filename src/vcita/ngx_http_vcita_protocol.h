
/*
 * Copyright (C) the vcita OAuth gate authors
 */


#ifndef _NGX_HTTP_VCITA_PROTOCOL_H_INCLUDED_
#define _NGX_HTTP_VCITA_PROTOCOL_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>


/*
 * The parameters of a token request (RFC 6749, 4.1.3; RFC 7636, 4.5; RFC 7523,
 * 2.2).  The secret is not sent if there is an assertion.
 */

typedef struct {
    ngx_str_t                    client_id;
    ngx_str_t                    client_secret;
    ngx_str_t                    client_assertion; /* empty: use the secret */
    ngx_str_t                    redirect_uri;
    ngx_str_t                    code;
    ngx_str_t                    code_verifier;    /* empty: no PKCE */
    ngx_uint_t                   json;             /* unsigned  json:1; */
} ngx_http_vcita_grant_t;


/*
 * A token response (RFC 6749, 5.1 and 5.2).  expires_in is 0 if the expiry is
 * unknown; a non-empty "error" is printable.
 */

typedef struct {
    ngx_str_t                    access_token;
    ngx_str_t                    token_type;
    ngx_str_t                    scope;
    ngx_str_t                    id_token;
    time_t                       expires_in;
    unsigned                     identified:1;     /* it has an id_token */

    ngx_str_t                    error;
    ngx_str_t                    error_description;
} ngx_http_vcita_token_t;


ngx_int_t ngx_http_vcita_protocol_token_request(ngx_pool_t *pool,
    ngx_http_vcita_grant_t *grant, ngx_str_t *body);
ngx_int_t ngx_http_vcita_protocol_token_answer(ngx_pool_t *pool,
    ngx_uint_t status, ngx_str_t *body, ngx_http_vcita_token_t *token);
ngx_int_t ngx_http_vcita_protocol_revoke_request(ngx_pool_t *pool,
    ngx_str_t *token, ngx_str_t *body);
ngx_int_t ngx_http_vcita_protocol_userinfo_answer(ngx_pool_t *pool,
    ngx_uint_t status, ngx_str_t *body, ngx_array_t *wanted, ngx_str_t *sub,
    ngx_array_t *claims);
const char *ngx_http_vcita_protocol_blocked(ngx_uint_t status, ngx_str_t *body);
void ngx_http_vcita_protocol_error_code(ngx_str_t *error);


#endif /* _NGX_HTTP_VCITA_PROTOCOL_H_INCLUDED_ */
