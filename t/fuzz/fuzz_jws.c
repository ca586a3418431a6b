
/*
 * A signed token: one that is read and checked has a sub, an aud of the names
 * and an exp in the future, and no other key than the good one verifies it.
 * Input: 0 for a token made of three lines, header, payload and signature, 1
 * for the token itself, 2 for a key set.
 * Dictionary: jwt
 */


#include <ngx_config.h>
#include <ngx_core.h>

#include "vcita/ngx_http_vcita_jwk.h"
#include "fuzz.h"


#define FUZZ_JWS_NOW   1790000000
#define FUZZ_JWS_SKEW  60


static void fuzz_jws_set(ngx_str_t *text);
static void fuzz_jws_good(ngx_http_vcita_jws_t *jws, ngx_array_t *members);


fuzz_target(jws)
{
    u_char                 how;
    ngx_str_t              token, header, *name;
    ngx_array_t           *members, *names, *keys;
    ngx_http_vcita_jws_t   jws;

    how = fuzz_byte(in);

    if (how == 2) {
        fuzz_jws_set(in);
        return;
    }

    token = how ? fuzz_copy(in) : fuzz_jwt(in, &header);

    names = fuzz_array(sizeof(ngx_str_t));
    name = ngx_array_push(names);
    ngx_str_set(name, "app");

    keys = fuzz_array(sizeof(ngx_http_vcita_jwk_t));
    members = fuzz_array(sizeof(ngx_http_vcita_member_t));

    if (ngx_http_vcita_jws_read(fuzz_pool, &token, &jws, members)
        != NGX_HTTP_VCITA_JWS_VALID)
    {
        return;
    }

    fuzz_check(token.len <= NGX_HTTP_VCITA_JWS_MAX);
    fuzz_check(jws.input.data == token.data && jws.input.len < token.len);
    fuzz_check(ngx_http_vcita_jwk_verify(&jws, keys)
               != NGX_HTTP_VCITA_JWS_VALID);

    if (ngx_http_vcita_jws_check(&jws, names, FUZZ_JWS_NOW, FUZZ_JWS_SKEW)
        == NGX_HTTP_VCITA_JWS_VALID)
    {
        fuzz_jws_good(&jws, members);
    }
}


static void
fuzz_jws_good(ngx_http_vcita_jws_t *jws, ngx_array_t *members)
{
    ngx_str_t  sub;

    fuzz_check(ngx_http_vcita_claims_sub(members, &sub) == NGX_OK && sub.len);
    fuzz_check(jws->exp > FUZZ_JWS_NOW - FUZZ_JWS_SKEW);
    fuzz_check(jws->iat <= FUZZ_JWS_NOW + FUZZ_JWS_SKEW);
    fuzz_check(jws->nbf <= FUZZ_JWS_NOW + FUZZ_JWS_SKEW);
    fuzz_check(jws->aud.len >= 3);

    fuzz_check(jws->lengths.len % 2 == 0);
}


static void
fuzz_jws_set(ngx_str_t *text)
{
    ngx_int_t              rc;
    ngx_str_t              copy;
    ngx_uint_t             i;
    ngx_pool_t            *pool;
    ngx_array_t           *keys;
    ngx_http_vcita_jwk_t  *key;

    copy = fuzz_copy(text);
    keys = fuzz_array(sizeof(ngx_http_vcita_jwk_t));

    /* keys are freed with their pool, and fuzz_pool is only reset */

    pool = ngx_create_pool(NGX_DEFAULT_POOL_SIZE, fuzz_pool->log);
    fuzz_check(pool);

    rc = ngx_http_vcita_jwk_set(pool, &copy, keys);

    if (rc != NGX_OK) {
        keys->nelts = 0;
    }

    fuzz_check(keys->nelts <= NGX_HTTP_VCITA_JWK_KEYS);

    key = keys->elts;

    for (i = 0; i < keys->nelts; i++) {
        fuzz_check(EVP_PKEY_base_id(key[i].key) == EVP_PKEY_RSA);
        fuzz_check(EVP_PKEY_bits(key[i].key) >= 2048);
    }

    ngx_destroy_pool(pool);
}
