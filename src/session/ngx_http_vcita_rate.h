
/*
 * Copyright (C) the vcita OAuth gate authors
 */


#ifndef _NGX_HTTP_VCITA_RATE_H_INCLUDED_
#define _NGX_HTTP_VCITA_RATE_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>


#define NGX_HTTP_VCITA_RATE_MAX    1000

/* added to a window in milliseconds: network latency varies */
#define NGX_HTTP_VCITA_RATE_SLACK  100

/* the longest time until a turn, in milliseconds */
#define NGX_HTTP_VCITA_RATE_AWAY   600000


/* At most "calls" in any "window" of milliseconds; 0 calls: no limit */

typedef struct {
    ngx_uint_t                   calls;
    ngx_msec_t                   window;
    ngx_shm_zone_t              *zone;
} ngx_http_vcita_rate_t;


ngx_int_t ngx_http_vcita_rate_zone(ngx_conf_t *cf, ngx_http_vcita_rate_t *rate,
    void *tag);
ngx_int_t ngx_http_vcita_rate_reserve(ngx_http_vcita_rate_t *rate,
    ngx_uint_t n, ngx_msec_t patience, ngx_msec_t *slots);
ngx_int_t ngx_http_vcita_rate_take(ngx_http_vcita_rate_t *rate);
void ngx_http_vcita_rate_release(ngx_http_vcita_rate_t *rate, ngx_msec_t slot);


#endif /* _NGX_HTTP_VCITA_RATE_H_INCLUDED_ */
