
/*
 * Copyright (C) the vcita OAuth gate authors
 */


#ifndef _NGX_HTTP_VCITA_JWK_H_INCLUDED_
#define _NGX_HTTP_VCITA_JWK_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>

#include <openssl/evp.h>

#include "vcita/ngx_http_vcita_jws.h"


/* the most keys of a set */
#define NGX_HTTP_VCITA_JWK_KEYS  64


/* A public key; kid is empty if it has none */

typedef struct {
    ngx_str_t                    kid;
    EVP_PKEY                    *key;
} ngx_http_vcita_jwk_t;


ngx_int_t ngx_http_vcita_jwk_set(ngx_pool_t *pool, ngx_str_t *text,
    ngx_array_t *keys);
ngx_http_vcita_jws_e ngx_http_vcita_jwk_verify(ngx_http_vcita_jws_t *jws,
    ngx_array_t *keys);


#endif /* _NGX_HTTP_VCITA_JWK_H_INCLUDED_ */
