
/*
 * The pitfalls of JSON Web Tokens (RFC 8725): a table of tokens that an
 * attacker makes, each with the reason that it is refused for.
 */


#include <ngx_config.h>
#include <ngx_core.h>

#include <openssl/pem.h>
#include <openssl/rsa.h>

#include "util/ngx_http_vcita_base64url.h"
#include "vcita/ngx_http_vcita_jwk.h"
#include "unit.h"


#define TEST_PITFALLS_NOW   1790000000
#define TEST_PITFALLS_SKEW  60

/* RSAPublicKey: the modulus of a key of 2,048 bits, and all of it */
#define TEST_PITFALLS_N     9
#define TEST_PITFALLS_DER   270

#define TEST_PITFALLS_MAX   16384


/* How a token is signed */

enum {
    RS256,
    RS256_OTHER,                   /* by a key of the attacker */
    RS512,
    PS256,
    HS256_N,                       /* HMAC, keyed with the public key */
    HS256_DER,
    HS256_PEM,
    NONE
};


typedef struct {
    const char                    *section;    /* of RFC 8725 */
    const char                    *name;
    ngx_uint_t                     how;
    ngx_str_t                      header;
    ngx_str_t                      payload;
    ngx_http_vcita_jws_e           reason;
} test_pitfalls_t;


/* what vcita's tokens have, in members that a row leaves as they are */

#define H(alg, more)  lit("{\"alg\":\"" alg "\",\"kid\":\"k\"" more "}")
#define GOOD          H("RS256", "")

#define ISS           "\"iss\":\"intandem\""
#define AUD           "\"aud\":\"app\""
#define SUB           "\"sub\":\"a\""
#define EXP           "\"exp\":1790000300"
#define P(a, b, c, d)  lit("{" a "," b "," c "," d "}")
#define PAYLOAD       P(ISS, AUD, SUB, EXP)
#define AND(more)     P(ISS, AUD, SUB, EXP "," more)

#define X20           "xxxxxxxxxxxxxxxxxxxx"
#define X100          X20 X20 X20 X20 X20
#define X1000         X100 X100 X100 X100 X100 X100 X100 X100 X100 X100

#define VALID         NGX_HTTP_VCITA_JWS_VALID
#define FORM          NGX_HTTP_VCITA_JWS_FORM
#define WRONG(member) NGX_HTTP_VCITA_JWS_##member


static test_pitfalls_t  test_pitfalls[] = {
    { "", "the right one", RS256, GOOD, PAYLOAD, VALID },

    /* the algorithm is the key's, not the token's */

    { "2.1", "none, no signature", NONE, H("none", ""), PAYLOAD, FORM },
    { "2.1", "none, signed", RS256, H("none", ""), PAYLOAD, WRONG(ALG) },
    { "2.1", "NoNe, signed", RS256, H("NoNe", ""), PAYLOAD, WRONG(ALG) },
    { "2.1", "RS256, no signature", NONE, GOOD, PAYLOAD, FORM },
    { "2.1", "HS256 by the modulus", HS256_N, H("HS256", ""), PAYLOAD,
      WRONG(ALG) },
    { "2.1", "HS256 by the key as DER", HS256_DER, H("HS256", ""), PAYLOAD,
      WRONG(ALG) },
    { "2.1", "HS256 by the key as PEM", HS256_PEM, H("HS256", ""), PAYLOAD,
      WRONG(ALG) },
    { "2.1", "HMAC that is called RS256", HS256_PEM, GOOD, PAYLOAD,
      WRONG(SIGNATURE) },
    { "3.1", "RS512", RS512, H("RS512", ""), PAYLOAD, WRONG(ALG) },
    { "3.1", "RS512 that is called RS256", RS512, GOOD, PAYLOAD,
      WRONG(SIGNATURE) },
    { "3.1", "PS256", PS256, H("PS256", ""), PAYLOAD, WRONG(ALG) },
    { "3.1", "PS256 that is called RS256", PS256, GOOD, PAYLOAD,
      WRONG(SIGNATURE) },
    { "3.1", "ES256", RS256, H("ES256", ""), PAYLOAD, WRONG(ALG) },
    { "3.1", "rs256", RS256, H("rs256", ""), PAYLOAD, WRONG(ALG) },
    { "3.1", "no alg", RS256, lit("{\"kid\":\"k\"}"), PAYLOAD, WRONG(ALG) },
    { "3.1", "alg in the payload", RS256, lit("{\"kid\":\"k\"}"),
      AND("\"alg\":\"RS256\""), WRONG(ALG) },
    { "3.1", "alg twice", RS256,
      lit("{\"alg\":\"RS256\",\"alg\":\"RS256\",\"kid\":\"k\"}"), PAYLOAD,
      FORM },

    /* nested tokens, compressed ones, ones that are not UTF-8 */

    { "3.3", "a token in a token", RS256, H("RS256", ",\"cty\":\"JWT\""),
      lit("eyJhbGciOiJSUzI1NiJ9.e30.AAAA"), FORM },
    { "3.3", "a token as a string", RS256, GOOD,
      lit("\"eyJhbGciOiJSUzI1NiJ9.e30.AAAA\""), FORM },
    { "3.6", "compressed", RS256, H("RS256", ",\"zip\":\"DEF\""),
      lit("\xab\x56\x2a\x2e\x4d\x52\xb2\x52\x4a\x54\xaa\x05\x00"), FORM },
    { "3.7", "UTF-16", RS256, GOOD, lit("{\0\"\0a\0\"\0:\0" "1\0}\0"), FORM },
    { "3.7", "Latin-1", RS256, GOOD, AND("\"name\":\"Andr\xe9\""), FORM },
    { "3.7", "a byte order mark", RS256, GOOD,
      lit("\xef\xbb\xbf{" ISS "," AUD "," SUB "," EXP "}"), FORM },

    /* of whom, for whom, about whom */

    { "3.8", "another iss", RS256, GOOD,
      P("\"iss\":\"https://app.vcita.com\"", AUD, SUB, EXP), WRONG(ISS) },
    { "3.8", "no iss", RS256, GOOD, P(AUD, SUB, EXP, "\"a\":1"), WRONG(ISS) },
    { "3.8", "iss in an array", RS256, GOOD,
      P("\"iss\":[\"intandem\"]", AUD, SUB, EXP), WRONG(ISS) },
    { "3.8", "iss in the header", RS256, H("RS256", "," ISS),
      P(AUD, SUB, EXP, "\"a\":1"), WRONG(ISS) },
    { "3.8", "no sub", RS256, GOOD, P(ISS, AUD, EXP, "\"a\":1"), WRONG(SUB) },
    { "3.8", "sub empty", RS256, GOOD, P(ISS, AUD, EXP, "\"sub\":\"\""),
      WRONG(SUB) },
    { "3.8", "sub twice", RS256, GOOD, AND("\"sub\":\"b\""), FORM },
    { "3.8", "sub twice, escaped", RS256, GOOD, AND("\"s\\u0075b\":\"b\""),
      FORM },
    { "3.9", "another aud", RS256, GOOD, P(ISS, "\"aud\":\"ap\"", SUB, EXP),
      WRONG(AUD) },
    { "3.9", "no aud", RS256, GOOD, P(ISS, SUB, EXP, "\"a\":1"), WRONG(AUD) },
    { "3.9", "aud of none", RS256, GOOD, P(ISS, "\"aud\":[]", SUB, EXP),
      WRONG(AUD) },
    { "3.9", "aud of others", RS256, GOOD,
      P(ISS, "\"aud\":[\"a\",\"pp\",\"app2\"]", SUB, EXP), WRONG(AUD) },
    { "3.9", "aud that has the name in it", RS256, GOOD,
      P(ISS, "\"aud\":\"other,app\"", SUB, EXP), WRONG(AUD) },
    { "3.9", "one of several aud", RS256, GOOD,
      P(ISS, "\"aud\":[\"other\",\"app\"]", SUB, EXP), VALID },

    /* what a token says of keys */

    { "3.10", "kid is a path", RS256,
      lit("{\"alg\":\"RS256\",\"kid\":\"../../../dev/null\"}"), PAYLOAD,
      WRONG(KID) },
    { "3.10", "kid is SQL", RS256,
      lit("{\"alg\":\"RS256\",\"kid\":\"x' UNION SELECT 'k\"}"), PAYLOAD,
      WRONG(KID) },
    { "3.10", "kid is a number", RS256, lit("{\"alg\":\"RS256\",\"kid\":1}"),
      PAYLOAD, WRONG(KID) },
    { "3.10", "kid empty", RS256, lit("{\"alg\":\"RS256\",\"kid\":\"\"}"),
      PAYLOAD, WRONG(KID) },
    { "3.10", "jku, x5u", RS256_OTHER, H("RS256",
      ",\"jku\":\"http://127.0.0.1/keys\",\"x5u\":\"http://127.0.0.1/cert\""),
      PAYLOAD, WRONG(SIGNATURE) },
    { "3.10", "jwk", RS256_OTHER, H("RS256", ",\"jwk\":{\"kty\":\"RSA\"}"),
      PAYLOAD, WRONG(SIGNATURE) },
    { "3.10", "no kid, another key", RS256_OTHER, lit("{\"alg\":\"RS256\"}"),
      PAYLOAD, WRONG(SIGNATURE) },
    { "3.10", "no kid", RS256, lit("{\"alg\":\"RS256\"}"), PAYLOAD, VALID },
    { "3.10", "two kid: the header's counts", RS256, GOOD,
      AND("\"kid\":\"other\""), VALID },

    /* tokens for other uses differ in iss and aud, whatever their typ */

    { "3.11", "another typ", RS256, H("RS256", ",\"typ\":\"at+jwt\""),
      PAYLOAD, VALID },
    { "3.12", "an id_token", RS256, H("RS256", ",\"typ\":\"JWT\""),
      P("\"iss\":\"https://app.vcita.com\"", "\"aud\":\"client\"", SUB, EXP),
      WRONG(ISS) },

    /* RFC 7515, 4.1.11 */

    { "crit", "an extension", RS256,
      H("RS256", ",\"b64\":false,\"crit\":[\"b64\"]"), PAYLOAD, WRONG(CRIT) },
    { "crit", "of none", RS256, H("RS256", ",\"crit\":[]"), PAYLOAD,
      WRONG(CRIT) },
    { "crit", "null", RS256, H("RS256", ",\"crit\":null"), PAYLOAD,
      WRONG(CRIT) },

    /* RFC 7519, 4.1 */

    { "times", "no exp", RS256, GOOD, P(ISS, AUD, SUB, "\"a\":1"),
      WRONG(EXP) },
    { "times", "exp is a text", RS256, GOOD,
      P(ISS, AUD, SUB, "\"exp\":\"1790000300\""), WRONG(EXP) },
    { "times", "exp 59 s ago", RS256, GOOD,
      P(ISS, AUD, SUB, "\"exp\":1789999941"), VALID },
    { "times", "exp 60 s ago", RS256, GOOD,
      P(ISS, AUD, SUB, "\"exp\":1789999940"), WRONG(EXP) },
    { "times", "nbf in 60 s", RS256, GOOD, AND("\"nbf\":1790000060"), VALID },
    { "times", "nbf in 61 s", RS256, GOOD, AND("\"nbf\":1790000061"),
      WRONG(NBF) },
    { "times", "iat in 60 s", RS256, GOOD, AND("\"iat\":1790000060"), VALID },
    { "times", "iat in 61 s", RS256, GOOD, AND("\"iat\":1790000061"),
      WRONG(IAT) },
    { "times", "nbf is a text", RS256, GOOD, AND("\"nbf\":\"1\""),
      WRONG(NBF) },

    { "size", "8 KB of claims", RS256, GOOD, AND("\"a\":\"" X1000 X1000 X1000
      X1000 X1000 X1000 X1000 X1000 "\""), FORM },
    { "size", "2 KB of claims", RS256, GOOD, AND("\"a\":\"" X1000 X1000 "\""),
      VALID },
    { NULL, NULL, 0, ngx_null_string, ngx_null_string, VALID }
};


static EVP_PKEY  *test_pitfalls_key, *test_pitfalls_other;


static EVP_PKEY *test_pitfalls_make(void);
static void test_pitfalls_set(ngx_array_t *keys);
static ngx_str_t test_pitfalls_token(test_pitfalls_t *row);
static ngx_str_t test_pitfalls_sign(ngx_uint_t how, ngx_str_t *text);
static EVP_PKEY *test_pitfalls_hmac(ngx_uint_t how);
static ngx_http_vcita_jws_e test_pitfalls_reason(ngx_str_t *token,
    ngx_array_t *keys);
static void test_pitfalls_texts(ngx_array_t *keys);


unit_test(jws_pitfalls)
{
    ngx_str_t         token;
    ngx_array_t       keys;
    test_pitfalls_t  *row;

    test_pitfalls_key = test_pitfalls_make();
    test_pitfalls_other = test_pitfalls_make();

    test_pitfalls_set(&keys);

    for (row = test_pitfalls; row->section; row++) {
        token = test_pitfalls_token(row);

        is_int(test_pitfalls_reason(&token, &keys), row->reason,
               "RFC 8725, %s: %s", row->section, row->name);
    }

    test_pitfalls_texts(&keys);

    EVP_PKEY_free(test_pitfalls_key);
    EVP_PKEY_free(test_pitfalls_other);
}


static EVP_PKEY *
test_pitfalls_make(void)
{
    EVP_PKEY      *key;
    EVP_PKEY_CTX  *ctx;

    key = NULL;
    ctx = EVP_PKEY_CTX_new_id(EVP_PKEY_RSA, NULL);

    if (EVP_PKEY_keygen_init(ctx) != 1
        || EVP_PKEY_CTX_set_rsa_keygen_bits(ctx, 2048) != 1
        || EVP_PKEY_keygen(ctx, &key) != 1)
    {
        abort();
    }

    EVP_PKEY_CTX_free(ctx);

    return key;
}


static void
test_pitfalls_set(ngx_array_t *keys)
{
    u_char     *der, *p;
    ngx_str_t   text, n;

    der = NULL;
    is_int(i2d_PublicKey(test_pitfalls_key, &der), TEST_PITFALLS_DER,
           "an RSAPublicKey");

    n.data = ngx_pnalloc(unit_pool, 512);
    n.len = ngx_http_vcita_base64url_encode(n.data, der + TEST_PITFALLS_N,
                                            256);

    text.data = ngx_pnalloc(unit_pool, 1024);
    p = ngx_sprintf(text.data, "{\"keys\":[{\"kty\":\"RSA\",\"kid\":\"k\","
                    "\"e\":\"AQAB\",\"n\":\"%V\"}]}", &n);
    text.len = p - text.data;

    if (ngx_array_init(keys, unit_pool, 4, sizeof(ngx_http_vcita_jwk_t))
        != NGX_OK)
    {
        abort();
    }

    is_int(ngx_http_vcita_jwk_set(unit_pool, &text, keys), NGX_OK, "a set");
    is_int(keys->nelts, 1, "of one key");

    OPENSSL_free(der);
}


static ngx_str_t
test_pitfalls_token(test_pitfalls_t *row)
{
    u_char     *p;
    ngx_str_t   token, signature;

    token.data = ngx_pnalloc(unit_pool, TEST_PITFALLS_MAX);

    p = token.data;
    p += ngx_http_vcita_base64url_encode(p, row->header.data,
                                         row->header.len);
    *p++ = '.';
    p += ngx_http_vcita_base64url_encode(p, row->payload.data,
                                         row->payload.len);
    token.len = p - token.data;

    ngx_str_null(&signature);

    if (row->how != NONE) {
        signature = test_pitfalls_sign(row->how, &token);
    }

    *p++ = '.';
    p += ngx_http_vcita_base64url_encode(p, signature.data, signature.len);
    token.len = p - token.data;

    return token;
}


static ngx_str_t
test_pitfalls_sign(ngx_uint_t how, ngx_str_t *text)
{
    EVP_PKEY      *key;
    ngx_str_t      signature;
    EVP_MD_CTX    *ctx;
    EVP_PKEY_CTX  *pctx;

    key = (how >= HS256_N) ? test_pitfalls_hmac(how)
          : (how == RS256_OTHER) ? test_pitfalls_other : test_pitfalls_key;

    signature.len = 256;
    signature.data = ngx_pnalloc(unit_pool, signature.len);

    ctx = EVP_MD_CTX_new();

    if (EVP_DigestSignInit(ctx, &pctx,
                           (how == RS512) ? EVP_sha512() : EVP_sha256(), NULL,
                           key)
        != 1
        || (how == PS256
            && EVP_PKEY_CTX_set_rsa_padding(pctx, RSA_PKCS1_PSS_PADDING) != 1)
        || EVP_DigestSign(ctx, signature.data, &signature.len, text->data,
                          text->len)
           != 1)
    {
        abort();
    }

    EVP_MD_CTX_free(ctx);

    if (how >= HS256_N) {
        EVP_PKEY_free(key);
    }

    return signature;
}


/* the public key, which anybody has, as the secret of an HMAC */

static EVP_PKEY *
test_pitfalls_hmac(ngx_uint_t how)
{
    BIO       *bio;
    char      *pem;
    u_char    *der;
    size_t     len;
    EVP_PKEY  *key;

    der = NULL;
    len = i2d_PublicKey(test_pitfalls_key, &der);

    bio = BIO_new(BIO_s_mem());

    if (PEM_write_bio_PUBKEY(bio, test_pitfalls_key) != 1) {
        abort();
    }

    switch (how) {

    case HS256_N:
        key = EVP_PKEY_new_raw_private_key(EVP_PKEY_HMAC, NULL,
                                           der + TEST_PITFALLS_N, 256);
        break;

    case HS256_DER:
        key = EVP_PKEY_new_raw_private_key(EVP_PKEY_HMAC, NULL, der, len);
        break;

    default: /* HS256_PEM */
        len = BIO_get_mem_data(bio, &pem);
        key = EVP_PKEY_new_raw_private_key(EVP_PKEY_HMAC, NULL, (u_char *) pem,
                                           len);
    }

    BIO_free(bio);
    OPENSSL_free(der);

    return key;
}


/* in the order of a request */

static ngx_http_vcita_jws_e
test_pitfalls_reason(ngx_str_t *token, ngx_array_t *keys)
{
    ngx_str_t              name;
    ngx_array_t            names, members;
    ngx_http_vcita_jws_e   reason;
    ngx_http_vcita_jws_t   jws;

    ngx_str_set(&name, "app");

    ngx_memzero(&names, sizeof(ngx_array_t));
    names.elts = &name;
    names.nelts = 1;

    if (ngx_array_init(&members, unit_pool, 8, sizeof(ngx_http_vcita_member_t))
        != NGX_OK)
    {
        abort();
    }

    reason = ngx_http_vcita_jws_read(unit_pool, token, &jws, &members);

    if (reason == VALID) {
        reason = ngx_http_vcita_jws_check(&jws, &names, TEST_PITFALLS_NOW,
                                          TEST_PITFALLS_SKEW);
    }

    return (reason == VALID) ? ngx_http_vcita_jwk_verify(&jws, keys) : reason;
}


/* the text of the right token, changed */

static void
test_pitfalls_texts(ngx_array_t *keys)
{
    u_char     *p;
    size_t      len;
    ngx_str_t   token, part[NGX_HTTP_VCITA_JWS_PARTS];

    static const char  *tails[] = {
        "=", "==", ".", "..", ".AAAA", "A", "AA", "AAA", "AAAA", " ", "\n",
        "+", "/", "-", "%3d", ",", NULL
    };
    const char        **tail;

    token = test_pitfalls_token(test_pitfalls);
    len = token.len;

    is_int(ngx_http_vcita_jws_split(&token, part), NGX_OK, "three parts");

    for (tail = tails; *tail; tail++) {
        p = ngx_cpymem(token.data + len, *tail, ngx_strlen(*tail));
        token.len = p - token.data;

        ok(test_pitfalls_reason(&token, keys) != VALID, "\"%s\" behind it",
           *tail);
    }

    for (token.len = 0; token.len < len; token.len++) {
        if (test_pitfalls_reason(&token, keys) == VALID) {
            break;
        }
    }

    is_int(token.len, len, "cut anywhere, it is not valid");

    /* 342 characters hold 4 bits that are not used */

    is_int(part[2].len, 342, "the signature");

    p = &token.data[len - 1];
    (*p)++;
    is_int(test_pitfalls_reason(&token, keys), FORM, "a spare bit that is set");
    (*p)--;

    for (p = token.data; p < token.data + len; p++) {
        *p ^= 1;

        if (test_pitfalls_reason(&token, keys) == VALID) {
            break;
        }

        *p ^= 1;
    }

    is_int(p - token.data, len, "with any character changed, it is not valid");

    is_int(test_pitfalls_reason(&token, keys), VALID, "as it was");
}
