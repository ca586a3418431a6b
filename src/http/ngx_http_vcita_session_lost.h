
/*
 * Copyright (C) the vcita OAuth gate authors
 */


#ifndef _NGX_HTTP_VCITA_SESSION_LOST_H_INCLUDED_
#define _NGX_HTTP_VCITA_SESSION_LOST_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "http/ngx_http_vcita_http.h"


ngx_int_t ngx_http_vcita_session_lost_answer(ngx_http_request_t *r,
    ngx_http_vcita_ctx_t *ctx, ngx_http_vcita_client_t *client,
    ngx_uint_t began);
void ngx_http_vcita_session_lost_login_cause(ngx_http_request_t *r,
    ngx_http_vcita_ctx_t *ctx, ngx_http_vcita_client_t *client,
    ngx_uint_t began);


#endif /* _NGX_HTTP_VCITA_SESSION_LOST_H_INCLUDED_ */
