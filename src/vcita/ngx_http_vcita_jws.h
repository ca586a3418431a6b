
/*
 * Copyright (C) the vcita OAuth gate authors
 */


#ifndef _NGX_HTTP_VCITA_JWS_H_INCLUDED_
#define _NGX_HTTP_VCITA_JWS_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>

#include "vcita/ngx_http_vcita_claims.h"


/* header, payload, signature (RFC 7515, 3.1) */
#define NGX_HTTP_VCITA_JWS_PARTS  3

/* the longest token */
#define NGX_HTTP_VCITA_JWS_MAX    4096


/* Why a token is refused; jws.c has their names */

typedef enum {
    NGX_HTTP_VCITA_JWS_VALID = 0,
    NGX_HTTP_VCITA_JWS_MEMORY,
    NGX_HTTP_VCITA_JWS_FORM,
    NGX_HTTP_VCITA_JWS_ALG,
    NGX_HTTP_VCITA_JWS_CRIT,
    NGX_HTTP_VCITA_JWS_ISS,
    NGX_HTTP_VCITA_JWS_AUD,
    NGX_HTTP_VCITA_JWS_EXP,
    NGX_HTTP_VCITA_JWS_IAT,
    NGX_HTTP_VCITA_JWS_NBF,
    NGX_HTTP_VCITA_JWS_SUB,
    NGX_HTTP_VCITA_JWS_KID,
    NGX_HTTP_VCITA_JWS_SIGNATURE,
    NGX_HTTP_VCITA_JWS_REASONS
} ngx_http_vcita_jws_e;


/*
 * A token as it was read.  Times are in seconds, 0: absent.  "aud" is one
 * string, or an array joined by commas, with "lengths" as in
 * ngx_http_vcita_member_t.
 */

typedef struct {
    ngx_str_t                    kid;
    ngx_str_t                    aud;
    ngx_str_t                    lengths;
    time_t                       exp;
    time_t                       iat;
    time_t                       nbf;
    ngx_str_t                    input;      /* what is signed */
    ngx_str_t                    signature;
} ngx_http_vcita_jws_t;


ngx_int_t ngx_http_vcita_jws_split(ngx_str_t *token, ngx_str_t *part);
ngx_int_t ngx_http_vcita_jws_object(ngx_pool_t *pool, ngx_str_t *part,
    ngx_array_t *members);
ngx_int_t ngx_http_vcita_jws_decode(ngx_pool_t *pool, ngx_str_t *part,
    ngx_str_t *text);
ngx_http_vcita_member_t *ngx_http_vcita_jws_claim(ngx_array_t *members,
    const char *name);
ngx_uint_t ngx_http_vcita_jws_time(ngx_array_t *members, const char *name,
    time_t *value);
ngx_uint_t ngx_http_vcita_jws_is(ngx_http_vcita_member_t *m, ngx_str_t *value);
ngx_uint_t ngx_http_vcita_jws_among(ngx_str_t *lengths, ngx_str_t *values,
    ngx_str_t *value);

ngx_http_vcita_jws_e ngx_http_vcita_jws_read(ngx_pool_t *pool,
    ngx_str_t *token, ngx_http_vcita_jws_t *jws, ngx_array_t *members);
ngx_http_vcita_jws_e ngx_http_vcita_jws_check(ngx_http_vcita_jws_t *jws,
    ngx_array_t *names, time_t now, time_t skew);
const char *ngx_http_vcita_jws_reason(ngx_http_vcita_jws_e reason);

#endif /* _NGX_HTTP_VCITA_JWS_H_INCLUDED_ */
