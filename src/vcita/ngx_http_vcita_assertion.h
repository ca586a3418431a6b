
/*
 * Copyright (C) the vcita OAuth gate authors
 */


#ifndef _NGX_HTTP_VCITA_ASSERTION_H_INCLUDED_
#define _NGX_HTTP_VCITA_ASSERTION_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>

#include <openssl/evp.h>


/* lifetime of an assertion in seconds */
#define NGX_HTTP_VCITA_ASSERTION_LIFE  60


/* The key that signs: RS256, or ES256 if "ec" is set */

typedef struct {
    EVP_PKEY                    *key;
    ngx_str_t                    head;    /* the header, and its "." */
    ngx_uint_t                   ec;      /* unsigned  ec:1; */
} ngx_http_vcita_assertion_signer_t;


ngx_int_t ngx_http_vcita_assertion_signer(ngx_http_vcita_assertion_signer_t *s,
    ngx_pool_t *pool, ngx_str_t *pem, ngx_str_t *kid, const char **error);
ngx_int_t ngx_http_vcita_assertion(ngx_http_vcita_assertion_signer_t *s,
    ngx_pool_t *pool, ngx_str_t *client_id, ngx_str_t *audience, time_t now,
    ngx_str_t *jwt);


#endif /* _NGX_HTTP_VCITA_ASSERTION_H_INCLUDED_ */
