
/*
 * Copyright (C) the vcita OAuth gate authors
 */


#ifndef _NGX_HTTP_VCITA_SESSION_KNOWN_H_INCLUDED_
#define _NGX_HTTP_VCITA_SESSION_KNOWN_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "http/ngx_http_vcita_http.h"


ngx_int_t ngx_http_vcita_session_known(ngx_http_request_t *r,
    ngx_http_vcita_client_t *client, ngx_http_vcita_session_t *s);
ngx_int_t ngx_http_vcita_session_known_bind(ngx_pool_t *pool,
    ngx_http_vcita_client_t *client, ngx_http_vcita_revocation_case_t *c);
ngx_int_t ngx_http_vcita_session_known_said(ngx_pool_t *pool,
    ngx_http_vcita_client_t *client, ngx_http_vcita_revocation_t *revocation,
    ngx_http_vcita_revocation_case_t *c);
ngx_int_t ngx_http_vcita_session_known_wipe(ngx_pool_t *pool, ngx_str_t *text);


#endif /* _NGX_HTTP_VCITA_SESSION_KNOWN_H_INCLUDED_ */
