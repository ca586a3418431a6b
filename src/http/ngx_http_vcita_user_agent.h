
/*
 * Copyright (C) the vcita OAuth gate authors
 */


#ifndef _NGX_HTTP_VCITA_USER_AGENT_H_INCLUDED_
#define _NGX_HTTP_VCITA_USER_AGENT_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "http/ngx_http_vcita_http.h"


ngx_uint_t ngx_http_vcita_user_agent_navigates(ngx_http_request_t *r);
ngx_uint_t ngx_http_vcita_user_agent_is_person(ngx_http_request_t *r);
ngx_uint_t ngx_http_vcita_user_agent_is_foreign(ngx_http_request_t *r);
ngx_uint_t ngx_http_vcita_user_agent_is_automatic(ngx_http_request_t *r,
    ngx_uint_t iframe);
ngx_uint_t ngx_http_vcita_user_agent_is_framed(ngx_http_request_t *r);
ngx_uint_t ngx_http_vcita_user_agent_is_insecure(ngx_http_request_t *r);
ngx_uint_t ngx_http_vcita_user_agent_wants_json(ngx_http_request_t *r);
ngx_uint_t ngx_http_vcita_user_agent_way(ngx_http_request_t *r,
    ngx_http_vcita_ctx_t *ctx, ngx_http_vcita_client_t *client);


#endif /* _NGX_HTTP_VCITA_USER_AGENT_H_INCLUDED_ */
