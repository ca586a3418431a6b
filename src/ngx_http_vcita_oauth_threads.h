
/*
 * Copyright (C) the vcita OAuth gate authors
 */


#ifndef _NGX_HTTP_VCITA_OAUTH_THREADS_H_INCLUDED_
#define _NGX_HTTP_VCITA_OAUTH_THREADS_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>

#include <curl/curl.h>


void ngx_http_vcita_oauth_threads_check(ngx_log_t *log);

void ngx_http_vcita_oauth_threads_init(void);
CURLcode ngx_http_vcita_oauth_threads_watch(CURL *easy,
    ngx_uint_t *lookup);
void ngx_http_vcita_oauth_threads_leave(CURL *easy, CURLcode code,
    ngx_uint_t lookup);
ngx_uint_t ngx_http_vcita_oauth_threads_left(void);


#endif /* _NGX_HTTP_VCITA_OAUTH_THREADS_H_INCLUDED_ */
