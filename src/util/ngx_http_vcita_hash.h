
/*
 * Copyright (C) the vcita OAuth gate authors
 */


#ifndef _NGX_HTTP_VCITA_HASH_H_INCLUDED_
#define _NGX_HTTP_VCITA_HASH_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>

#include <openssl/sha.h>

#include "util/ngx_http_vcita_hot.h"


#define NGX_HTTP_VCITA_KEY_LEN     32
#define NGX_HTTP_VCITA_HASH_LEN    32


/* A key of HMAC: the states of SHA-256 behind the block of each pad */

typedef struct {
    SHA256_CTX                   inner;
    SHA256_CTX                   outer;
} ngx_http_vcita_hash_key_t;


ngx_int_t ngx_http_vcita_hash_hkdf(ngx_str_t *secret, ngx_str_t *salt,
    const char *label, u_char *key);
ngx_int_t ngx_http_vcita_hash_hmac(u_char *key, ngx_str_t *parts, ngx_uint_t n,
    u_char *mac);
ngx_int_t ngx_http_vcita_hash_key(ngx_http_vcita_hash_key_t *key,
    u_char *bytes);
ngx_int_t ngx_http_vcita_hash_hmac_by(ngx_http_vcita_hash_key_t *key,
    ngx_str_t *parts, ngx_uint_t n, u_char *mac);
ngx_int_t ngx_http_vcita_hash_sha256(ngx_str_t *text, u_char *hash);
uint64_t ngx_http_vcita_hash_short(uint64_t *key, u_char *p, size_t len)
    ngx_http_vcita_hot;
ngx_int_t ngx_http_vcita_hash_random(u_char *p, size_t len);
ngx_int_t ngx_http_vcita_secret_eq(ngx_str_t *a, ngx_str_t *b);
u_char *ngx_http_vcita_hash_field(u_char *p, ngx_str_t *field);


#endif /* _NGX_HTTP_VCITA_HASH_H_INCLUDED_ */
