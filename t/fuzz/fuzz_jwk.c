
/*
 * A key set: at most 64 keys come of it, all RSA of 2,048 bits or more, modulus
 * and exponent odd, and none but the key of RFC 7515, A.2 verifies what that
 * key has signed.  Input: the key set.
 * Dictionary: jwk
 */


#include <ngx_config.h>
#include <ngx_core.h>

#include <openssl/x509.h>

#include "util/ngx_http_vcita_hash.h"
#include "vcita/ngx_http_vcita_jwk.h"
#include "fuzz.h"


/* RFC 7515, A.2.1 */

#define FUZZ_JWK_INPUT                                                        \
    "eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogIm" \
    "h0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ"

#define FUZZ_JWK_SIGNATURE                                                    \
    "cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4" \
    "Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_" \
    "nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn" \
    "6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI" \
    "8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw"


/* keys of a set that are asked: a check takes long */
#define FUZZ_JWK_ASKED  4


static ngx_uint_t fuzz_jwk_check(EVP_PKEY *key);
static ngx_uint_t fuzz_jwk_signed(EVP_PKEY *key);


fuzz_target(jwk)
{
    ngx_int_t              rc;
    ngx_str_t              copy;
    ngx_uint_t             i, is;
    ngx_pool_t            *pool;
    ngx_array_t           *keys;
    ngx_http_vcita_jwk_t  *key;

    copy = fuzz_copy(in);
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
        is = fuzz_jwk_check(key[i].key);

        if (i < FUZZ_JWK_ASKED) {
            fuzz_check(fuzz_jwk_signed(key[i].key) == is);
        }
    }

    ngx_destroy_pool(pool);
}


/* 1: this is the key of RFC 7515, A.2 */

static ngx_uint_t
fuzz_jwk_check(EVP_PKEY *key)
{
    int        len;
    u_char     hash[NGX_HTTP_VCITA_HASH_LEN], *der, *p;
    ngx_str_t  text;

    /* SHA-256 of its RSAPublicKey */

    static u_char  rfc[NGX_HTTP_VCITA_HASH_LEN] = {
        0x4d, 0x45, 0x85, 0x2a, 0x70, 0xee, 0xf2, 0x78,
        0xca, 0xfe, 0x4a, 0x2c, 0xdf, 0xcc, 0x54, 0x48,
        0x27, 0xb7, 0xb3, 0x5f, 0x44, 0x75, 0xc4, 0xfe,
        0xca, 0x27, 0x0e, 0x3e, 0x4d, 0x06, 0x9e, 0x01
    };

    fuzz_check(EVP_PKEY_base_id(key) == EVP_PKEY_RSA);
    fuzz_check(EVP_PKEY_bits(key) >= 2048 && EVP_PKEY_bits(key) <= 8192);

    /* a sequence of two numbers: the last byte is that of the exponent */

    len = i2d_PublicKey(key, NULL);
    fuzz_check(len > 256);

    der = fuzz_alloc(len);
    p = der;
    (void) i2d_PublicKey(key, &p);

    fuzz_check(der[len - 1] & 1);
    fuzz_check(der[len - 1] != 1 || der[len - 2] != 1 || der[len - 3] != 2);

    text.data = der;
    text.len = len;

    fuzz_check(ngx_http_vcita_hash_sha256(&text, hash) == NGX_OK);

    return ngx_memcmp(hash, rfc, sizeof(hash)) == 0;
}


static ngx_uint_t
fuzz_jwk_signed(EVP_PKEY *key)
{
    ngx_str_t             signature;
    ngx_array_t          *keys;
    ngx_http_vcita_jws_t  jws;

    ngx_memzero(&jws, sizeof(ngx_http_vcita_jws_t));

    ngx_str_set(&jws.input, FUZZ_JWK_INPUT);
    ngx_str_set(&signature, FUZZ_JWK_SIGNATURE);

    fuzz_check(ngx_http_vcita_jws_decode(fuzz_pool, &signature,
                                         &jws.signature)
               == NGX_OK);

    keys = fuzz_array(sizeof(ngx_http_vcita_jwk_t));
    ((ngx_http_vcita_jwk_t *) ngx_array_push(keys))->key = key;

    return ngx_http_vcita_jwk_verify(&jws, keys) == NGX_HTTP_VCITA_JWS_VALID;
}
