
/*
 * Copyright (C) the vcita OAuth gate authors
 */


#ifndef _NGX_HTTP_VCITA_OAUTH_STORE_REDIS_H_INCLUDED_
#define _NGX_HTTP_VCITA_OAUTH_STORE_REDIS_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>

#include "ngx_http_vcita_oauth_store.h"
#include "ngx_http_vcita_oauth_talk.h"


/* in front of a key, in bytes */
#define NGX_HTTP_VCITA_OAUTH_STORE_REDIS_PREFIX  64


ngx_int_t ngx_http_vcita_oauth_store_redis_create(ngx_pool_t *pool,
    ngx_http_vcita_oauth_talk_conf_t *conf, ngx_str_t *prefix,
    ngx_http_vcita_oauth_store_t *store);


#endif /* _NGX_HTTP_VCITA_OAUTH_STORE_REDIS_H_INCLUDED_ */
