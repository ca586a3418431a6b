
/*
 * A signed token: one that is read and checked has a sub, an aud of the names
 * and an exp in the future, and its key verifies the tokens that it has signed,
 * and no other one.  Input: 0 for a token made of three lines, header, payload
 * and signature, 1 for the token itself.
 * Dictionary: jwt
 */


#include <ngx_config.h>
#include <ngx_core.h>

#include "util/ngx_http_vcita_hash.h"
#include "vcita/ngx_http_vcita_jwk.h"
#include "fuzz.h"


#define FUZZ_JWS_NOW   1790000000
#define FUZZ_JWS_SKEW  60

/* the key of RFC 7515, A.2, whose private part is public, too */

#define FUZZ_JWS_N                                                            \
    "ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-V"      \
    "aw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b"      \
    "32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-K"      \
    "XBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5"      \
    "IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb5"      \
    "4h4FRWyuXpoQ"

#define FUZZ_JWS_KEYS                                                         \
    "{\"keys\":[{\"kty\":\"RSA\",\"kid\":\"k\",\"e\":\"AQAB\","               \
    "\"n\":\"" FUZZ_JWS_N "\"}]}"


static ngx_array_t *fuzz_jws_keys(void);
static void fuzz_jws_verify(ngx_http_vcita_jws_t *jws, ngx_str_t *token);
static ngx_uint_t fuzz_jws_is_signed(ngx_str_t *token);
static void fuzz_jws_good(ngx_http_vcita_jws_t *jws, ngx_array_t *members);


/* SHA-256 of the tokens that the key has signed, which are seeds */

static const char  *fuzz_jws_signed[] = {
    "4e4b65496fae408a94f842202bd3ba89"
    "31ee6591a32e3792c12b38f127109d8e",
    "eca1b2917d5a94810b744c70376c9f7d"
    "b60ed44f711a155a5bb6ad33bfc40acf",
    "59641b9410122e49a6b4c028191d26e9"
    "371cd2c4cd675953494a0f0c983f2627"
};


fuzz_target(jws)
{
    u_char                 how;
    ngx_str_t              token, header, *name;
    ngx_array_t           *members, *names;
    ngx_http_vcita_jws_t   jws;

    how = fuzz_byte(in);

    token = how ? fuzz_copy(in) : fuzz_jwt(in, &header);

    names = fuzz_array(sizeof(ngx_str_t));
    name = ngx_array_push(names);
    ngx_str_set(name, "app");

    members = fuzz_array(sizeof(ngx_http_vcita_member_t));

    if (ngx_http_vcita_jws_read(fuzz_pool, &token, &jws, members)
        != NGX_HTTP_VCITA_JWS_VALID)
    {
        return;
    }

    fuzz_check(token.len <= NGX_HTTP_VCITA_JWS_MAX);
    fuzz_check(jws.input.data == token.data && jws.input.len < token.len);

    fuzz_jws_verify(&jws, &token);

    if (ngx_http_vcita_jws_check(&jws, names, FUZZ_JWS_NOW, FUZZ_JWS_SKEW)
        == NGX_HTTP_VCITA_JWS_VALID)
    {
        fuzz_jws_good(&jws, members);
    }
}


static ngx_array_t *
fuzz_jws_keys(void)
{
    ngx_str_t            text;
    static ngx_array_t  *keys;

    if (keys) {
        return keys;
    }

    keys = ngx_array_create(fuzz_lasting_pool, 1, sizeof(ngx_http_vcita_jwk_t));
    fuzz_check(keys);

    ngx_str_set(&text, FUZZ_JWS_KEYS);

    fuzz_check(ngx_http_vcita_jwk_set(fuzz_lasting_pool, &text, keys)
               == NGX_OK);
    fuzz_check(keys->nelts == 1);

    return keys;
}


static void
fuzz_jws_verify(ngx_http_vcita_jws_t *jws, ngx_str_t *token)
{
    ngx_array_t           *none;
    ngx_http_vcita_jws_e   reason;

    reason = ngx_http_vcita_jwk_verify(jws, fuzz_jws_keys());

    fuzz_check((reason == NGX_HTTP_VCITA_JWS_VALID)
               == fuzz_jws_is_signed(token));

    fuzz_check((reason == NGX_HTTP_VCITA_JWS_KID)
               == (jws->kid.len && !fuzz_same_text(&jws->kid, "k")));

    none = fuzz_array(sizeof(ngx_http_vcita_jwk_t));

    fuzz_check(ngx_http_vcita_jwk_verify(jws, none)
               != NGX_HTTP_VCITA_JWS_VALID);
}


static ngx_uint_t
fuzz_jws_is_signed(ngx_str_t *token)
{
    u_char      hash[NGX_HTTP_VCITA_HASH_LEN];
    u_char      hex[NGX_HTTP_VCITA_HASH_LEN * 2];
    ngx_str_t   text;
    ngx_uint_t  i;

    fuzz_check(ngx_http_vcita_hash_sha256(token, hash) == NGX_OK);

    text.data = hex;
    text.len = ngx_hex_dump(hex, hash, sizeof(hash)) - hex;

    for (i = 0; i < sizeof(fuzz_jws_signed) / sizeof(char *); i++) {

        if (fuzz_same_text(&text, fuzz_jws_signed[i])) {
            return 1;
        }
    }

    return 0;
}


static void
fuzz_jws_good(ngx_http_vcita_jws_t *jws, ngx_array_t *members)
{
    ngx_str_t  sub;

    fuzz_check(ngx_http_vcita_claims_sub(members, &sub) == NGX_OK && sub.len);
    fuzz_check(jws->exp > FUZZ_JWS_NOW - FUZZ_JWS_SKEW);
    fuzz_check(jws->iat <= FUZZ_JWS_NOW + FUZZ_JWS_SKEW);
    fuzz_check(jws->nbf <= FUZZ_JWS_NOW + FUZZ_JWS_SKEW);
    fuzz_check(jws->lengths.len % 2 == 0);
    fuzz_check(jws->lengths.len ? jws->aud.len >= 3
                                : fuzz_same_text(&jws->aud, "app"));
}
