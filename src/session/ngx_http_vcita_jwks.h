
/*
 * Copyright (C) the vcita OAuth gate authors
 */


#ifndef _NGX_HTTP_VCITA_JWKS_H_INCLUDED_
#define _NGX_HTTP_VCITA_JWKS_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>

#include "session/ngx_http_vcita_call.h"


/* endpoints of one nginx */
#define NGX_HTTP_VCITA_JWKS_SETS  8


/* The keys of an endpoint as this worker has read them, and its call */

typedef struct {
    ngx_uint_t                    generation; /* 0: not read */
    ngx_pool_t                   *pool;
    ngx_array_t                   keys;       /* ..._jwk_t */
    ngx_http_vcita_call_t        *call;       /* NULL: none in progress */
} ngx_http_vcita_jwks_set_t;


typedef struct {
    ngx_shm_zone_t               *zone;       /* NULL: nothing uses keys */
    ngx_http_vcita_statistics_t  *statistics;
    ngx_http_vcita_rate_t         rate;       /* none */
    ngx_http_vcita_jwks_set_t     sets[NGX_HTTP_VCITA_JWKS_SETS];
} ngx_http_vcita_jwks_t;


ngx_int_t ngx_http_vcita_jwks_zone(ngx_conf_t *cf, ngx_http_vcita_jwks_t *jwks,
    void *tag);
ngx_int_t ngx_http_vcita_jwks_find(ngx_http_vcita_jwks_t *jwks,
    ngx_str_t *url, ngx_uint_t *set);
ngx_array_t *ngx_http_vcita_jwks_keys(ngx_http_vcita_jwks_t *jwks,
    ngx_uint_t set, ngx_uint_t *generation);
ngx_uint_t ngx_http_vcita_jwks_aged(ngx_http_vcita_jwks_t *jwks,
    ngx_uint_t set);
ngx_int_t ngx_http_vcita_jwks_fetch(ngx_http_vcita_jwks_t *jwks,
    ngx_uint_t set, ngx_str_t *url, ngx_http_vcita_endpoint_t *endpoint);
ngx_uint_t ngx_http_vcita_jwks_age(ngx_http_vcita_jwks_t *jwks);


#endif /* _NGX_HTTP_VCITA_JWKS_H_INCLUDED_ */
