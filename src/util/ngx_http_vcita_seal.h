
/*
 * Copyright (C) the vcita OAuth gate authors
 */


#ifndef _NGX_HTTP_VCITA_SEAL_H_INCLUDED_
#define _NGX_HTTP_VCITA_SEAL_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>

#include <openssl/evp.h>

#include "util/ngx_http_vcita_base64url.h"
#include "util/ngx_http_vcita_hash.h"


/* 32 bytes in base64url: a login cookie, a nonce, a code_verifier */
#define NGX_HTTP_VCITA_TEXT_LEN    43

/* a box: version, key id, nonce, ciphertext, tag */
#define NGX_HTTP_VCITA_SEAL_NONCE  12
#define NGX_HTTP_VCITA_SEAL_HEAD                                              \
    (1 + 1 + NGX_HTTP_VCITA_SEAL_NONCE)
#define NGX_HTTP_VCITA_SEAL_TAG    16

/* the nonce of a box, unique */
#define ngx_http_vcita_seal_nonce(room)  ((room) + 1 + 1)

/* the length of a box with a text of n bytes, in binary and in base64url */
#define ngx_http_vcita_seal_raw_len(n)                                        \
    (NGX_HTTP_VCITA_SEAL_HEAD + (n) + NGX_HTTP_VCITA_SEAL_TAG)

#define ngx_http_vcita_seal_len(n)                                            \
    ((ngx_http_vcita_seal_raw_len(n) * 4 + 2) / 3)

/* the buffer of open() for a box of n characters: box and text */
#define ngx_http_vcita_seal_open_room(n)                                      \
    (2 * ngx_http_vcita_base64url_decoded_len(n))

/* the buffer of seal() for a text of n bytes: the box in both forms */
#define ngx_http_vcita_seal_room(n)                                           \
    (ngx_http_vcita_seal_raw_len(n) + ngx_http_vcita_seal_len(n))


typedef struct {
    u_char                       id;
    EVP_CIPHER_CTX              *seal;
    EVP_CIPHER_CTX              *open;
} ngx_http_vcita_seal_key_t;


/*
 * A kind of sealed box: the keys of one purpose, of which the first seals and
 * all open, and the fields bound to every box of the kind
 */

typedef struct {
    ngx_array_t                  keys;    /* ngx_http_vcita_seal_key_t */
    ngx_str_t                    bound;
} ngx_http_vcita_seal_t;


ngx_int_t ngx_http_vcita_seal_init(ngx_http_vcita_seal_t *s, ngx_pool_t *pool,
    const char *purpose, ngx_str_t *fields, ngx_uint_t n);
ngx_int_t ngx_http_vcita_seal_key(ngx_http_vcita_seal_t *s, ngx_str_t *secret,
    ngx_str_t *salt, const char *purpose);
ngx_int_t ngx_http_vcita_seal(ngx_http_vcita_seal_t *s, ngx_str_t *field,
    ngx_str_t *text, u_char *room, ngx_str_t *box);
ngx_int_t ngx_http_vcita_seal_open(ngx_http_vcita_seal_t *s, ngx_str_t *field,
    ngx_str_t *box, u_char *room, ngx_str_t *text, ngx_uint_t *used);
ngx_int_t ngx_http_vcita_seal_open_raw(ngx_http_vcita_seal_t *s,
    ngx_str_t *field, ngx_str_t *raw, u_char *room, ngx_str_t *text,
    ngx_uint_t *used);


#endif /* _NGX_HTTP_VCITA_SEAL_H_INCLUDED_ */
