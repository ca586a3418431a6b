
/*
 * Copyright (C) the vcita OAuth gate authors
 */


#ifndef _NGX_HTTP_VCITA_COUNT_H_INCLUDED_
#define _NGX_HTTP_VCITA_COUNT_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "http/ngx_http_vcita_http.h"


ngx_http_vcita_stats_t *ngx_http_vcita_ctx_counters(ngx_http_request_t *r);
void ngx_http_vcita_errors_count(ngx_http_request_t *r, ngx_str_t *error);
void ngx_http_vcita_session_save_count(ngx_http_request_t *r,
    ngx_http_vcita_client_t *client);

#define ngx_http_vcita_count(r, counter)                                      \
    ngx_http_vcita_stats_add(                                                 \
                             ngx_http_vcita_ctx_counters(r)->counter, 1)


#endif /* _NGX_HTTP_VCITA_COUNT_H_INCLUDED_ */
