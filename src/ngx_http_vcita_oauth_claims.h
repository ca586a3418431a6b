
/*
 * Copyright (C) the vcita OAuth gate authors
 */


#ifndef _NGX_HTTP_VCITA_OAUTH_CLAIMS_H_INCLUDED_
#define _NGX_HTTP_VCITA_OAUTH_CLAIMS_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>

#include "ngx_http_vcita_oauth_json.h"


#define NGX_HTTP_VCITA_OAUTH_CLAIM_VALUE  256
#define NGX_HTTP_VCITA_OAUTH_CLAIMS       512


ngx_int_t ngx_http_vcita_oauth_claims(ngx_pool_t *pool, ngx_array_t *members,
    ngx_array_t *claims);
ngx_int_t ngx_http_vcita_oauth_claims_sub(ngx_array_t *members,
    ngx_str_t *sub);


#endif /* _NGX_HTTP_VCITA_OAUTH_CLAIMS_H_INCLUDED_ */
