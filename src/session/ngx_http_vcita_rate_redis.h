
/*
 * Copyright (C) the vcita OAuth gate authors
 */


#ifndef _NGX_HTTP_VCITA_RATE_REDIS_H_INCLUDED_
#define _NGX_HTTP_VCITA_RATE_REDIS_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>

#include "session/ngx_http_vcita_rate.h"
#include "session/ngx_http_vcita_store.h"


typedef struct ngx_http_vcita_rate_redis_s  ngx_http_vcita_rate_redis_t;


ngx_int_t ngx_http_vcita_rate_redis_add(ngx_conf_t *cf,
    ngx_http_vcita_rate_t *rate, ngx_str_t *client_id,
    ngx_http_vcita_store_t *store);
ngx_http_vcita_rate_redis_t *ngx_http_vcita_rate_redis_find(
    ngx_http_vcita_rate_t *rate, ngx_str_t *client_id);

/* For "rate" alone */

ngx_int_t ngx_http_vcita_rate_redis_reserve(ngx_http_vcita_rate_ask_t *ask);
void ngx_http_vcita_rate_redis_release(ngx_http_vcita_rate_ask_t *ask,
    ngx_uint_t i);
void ngx_http_vcita_rate_redis_cancel(ngx_http_vcita_rate_ask_t *ask);


#endif /* _NGX_HTTP_VCITA_RATE_REDIS_H_INCLUDED_ */
