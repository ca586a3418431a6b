
/*
 * Copyright (C) the vcita OAuth gate authors
 */


#ifndef _NGX_HTTP_VCITA_OAUTH_REDIS_H_INCLUDED_
#define _NGX_HTTP_VCITA_OAUTH_REDIS_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>

#include "ngx_http_vcita_oauth_talk.h"


/* how many commands of a worker may be without an answer */
#define NGX_HTTP_VCITA_OAUTH_REDIS_COMMANDS  1024


typedef struct ngx_http_vcita_oauth_redis_s  ngx_http_vcita_oauth_redis_t;
typedef struct ngx_http_vcita_oauth_redis_command_s
    ngx_http_vcita_oauth_redis_command_t;


/* the reply is NULL where there is none; it lives until the handler returns */

typedef void (*ngx_http_vcita_oauth_redis_pt)(void *data,
    ngx_http_vcita_oauth_reply_t *reply);


ngx_http_vcita_oauth_redis_t *ngx_http_vcita_oauth_redis_create(
    ngx_pool_t *pool, ngx_http_vcita_oauth_talk_conf_t *conf);
ngx_http_vcita_oauth_redis_command_t *ngx_http_vcita_oauth_redis_send(
    ngx_http_vcita_oauth_redis_t *redis, ngx_str_t *words, ngx_uint_t n,
    ngx_uint_t again, ngx_http_vcita_oauth_redis_pt handler, void *data);
void ngx_http_vcita_oauth_redis_forget(
    ngx_http_vcita_oauth_redis_command_t *command);
void ngx_http_vcita_oauth_redis_refused(ngx_http_vcita_oauth_redis_t *redis,
    ngx_http_vcita_oauth_reply_t *reply);
void ngx_http_vcita_oauth_redis_exit(void);


#endif /* _NGX_HTTP_VCITA_OAUTH_REDIS_H_INCLUDED_ */
