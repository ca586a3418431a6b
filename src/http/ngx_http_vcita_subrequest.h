
/*
 * Copyright (C) the vcita OAuth gate authors
 */


#ifndef _NGX_HTTP_VCITA_SUBREQUEST_H_INCLUDED_
#define _NGX_HTTP_VCITA_SUBREQUEST_H_INCLUDED_


#include "http/ngx_http_vcita_http.h"


ngx_int_t ngx_http_vcita_subrequest_handler(ngx_http_request_t *r);

/* look-up, gate: what only a subrequest asks them for */

void ngx_http_vcita_session_load_share(ngx_http_vcita_ctx_t *ctx,
    ngx_http_vcita_ctx_t *main, ngx_http_vcita_client_t *client);
ngx_int_t ngx_http_vcita_access_challenge(ngx_http_request_t *r);


#endif /* _NGX_HTTP_VCITA_SUBREQUEST_H_INCLUDED_ */
