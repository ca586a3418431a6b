
/*
 * Copyright (C) the vcita OAuth gate authors
 */


#ifndef _NGX_HTTP_VCITA_ID_TOKEN_H_INCLUDED_
#define _NGX_HTTP_VCITA_ID_TOKEN_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>


/* The expected claims; times in seconds */

typedef struct {
    ngx_str_t                    client_id;
    ngx_str_t                    issuer;    /* empty: any */
    ngx_str_t                    nonce;     /* empty: none was sent */
    time_t                       now;
    time_t                       skew;
    time_t                       max_age;   /* 0: auth_time is not read */
} ngx_http_vcita_id_token_expected_t;


const char *ngx_http_vcita_id_token(ngx_pool_t *pool, ngx_str_t *jwt,
    ngx_http_vcita_id_token_expected_t *expected, ngx_array_t *members);
ngx_uint_t ngx_http_vcita_id_token_older(ngx_array_t *members, time_t oldest);


#endif /* _NGX_HTTP_VCITA_ID_TOKEN_H_INCLUDED_ */
