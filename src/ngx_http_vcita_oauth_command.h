
/*
 * Copyright (C) the vcita OAuth gate authors
 */


#ifndef _NGX_HTTP_VCITA_OAUTH_COMMAND_H_INCLUDED_
#define _NGX_HTTP_VCITA_OAUTH_COMMAND_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>


/* the words of a command, at most */
#define NGX_HTTP_VCITA_OAUTH_COMMAND_WORDS  6


ngx_int_t ngx_http_vcita_oauth_command(ngx_str_t *words, ngx_uint_t n,
    ngx_str_t *bytes);
void ngx_http_vcita_oauth_command_free(ngx_str_t *bytes);
ngx_int_t ngx_http_vcita_oauth_command_greeting(ngx_pool_t *pool,
    ngx_str_t *user, ngx_str_t *password, ngx_uint_t database,
    ngx_str_t *bytes, ngx_uint_t *answers);


#endif /* _NGX_HTTP_VCITA_OAUTH_COMMAND_H_INCLUDED_ */
