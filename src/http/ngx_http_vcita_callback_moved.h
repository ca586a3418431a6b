
/*
 * Copyright (C) the vcita OAuth gate authors
 */


#ifndef _NGX_HTTP_VCITA_CALLBACK_MOVED_H_INCLUDED_
#define _NGX_HTTP_VCITA_CALLBACK_MOVED_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "http/ngx_http_vcita_http.h"


ngx_int_t ngx_http_vcita_callback_moved(ngx_http_request_t *r,
    ngx_http_vcita_ctx_t *ctx, ngx_str_t *query);
ngx_int_t ngx_http_vcita_callback_moved_answer(ngx_http_request_t *r,
    ngx_http_vcita_ctx_t *ctx);


#endif /* _NGX_HTTP_VCITA_CALLBACK_MOVED_H_INCLUDED_ */
