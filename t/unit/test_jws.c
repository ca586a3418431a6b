
/*
 * A compact JWS and the keys that verify it: RFC 7515, A.2 and RFC 7517, A.1 by
 * their figures, and what is no key, or no key of that use.
 */


#include <ngx_config.h>
#include <ngx_core.h>

#include "util/ngx_http_vcita_seal.h"
#include "vcita/ngx_http_vcita_jwk.h"
#include "unit.h"


#define TEST_JWS_N  TEST_JWS_N_HEAD "oQ"

#define TEST_JWS_N_HEAD                                                       \
    "ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4q" \
    "PCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ4" \
    "7soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBE" \
    "Ma2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWN" \
    "moudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXp"

#define TEST_JWS_INPUT                                                        \
    "eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogIm" \
    "h0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ"

#define TEST_JWS_SIGNATURE                                                    \
    "cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4" \
    "Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_" \
    "nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn" \
    "6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI" \
    "8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw"

#define TEST_JWS_KEY(more)                                                    \
    "{\"kty\":\"RSA\",\"n\":\"" TEST_JWS_N "\",\"e\":\"AQAB\"" more "}"

#define TEST_JWS_RSA(n, e)                                                    \
    "{\"kty\":\"RSA\",\"n\":\"" n "\",\"e\":\"" e "\"}"

/* RFC 7517, A.1: an EC key and an RSA key, whose figures do not matter here */

#define TEST_JWS_EC                                                           \
    "{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"MKBCTNIcKUSDii11ySs3526iDZ8Ai" \
    "To7Tu6KPAqv7D4\",\"y\":\"4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM\"," \
    "\"use\":\"enc\",\"kid\":\"1\"}"


typedef struct {
    const char  *text;
    ngx_int_t    keys;         /* NGX_DECLINED: it is no key set */
} test_jws_set_t;


static ngx_int_t test_jws_keys(const char *text, ngx_array_t *keys);
static ngx_str_t test_jws_str(const char *text);
static void test_jws_good(ngx_http_vcita_jws_t *jws, const char *kid);
static void test_jws_bits(void);
static void test_jws_which(void);


static test_jws_set_t  test_jws_sets[] = {
    { "{\"keys\":[" TEST_JWS_KEY("") "]}", 1 },
    { "{\"keys\":[" TEST_JWS_EC "," TEST_JWS_KEY(",\"kid\":\"2\"") "]}", 1 },
    { "{\"keys\":[" TEST_JWS_KEY(",\"use\":\"sig\",\"alg\":\"RS256\"") "]}",
      1 },
    { "{\"keys\":[" TEST_JWS_KEY("") "," TEST_JWS_KEY(",\"kid\":\"x\"") "],"
      "\"more\":[{\"kty\":\"RSA\"}]}", 2 },
    { "{\"more\":[" TEST_JWS_KEY("") "],\"keys\":[]}", 0 },
    { "{\"keys\":[" TEST_JWS_KEY(",\"use\":\"enc\"") "]}", 0 },
    { "{\"keys\":[" TEST_JWS_KEY(",\"alg\":\"RS512\"") "]}", 0 },
    { "{\"keys\":[" TEST_JWS_KEY(",\"use\":[\"sig\"]") "]}", 0 },
    { "{\"keys\":[{\"kty\":\"oct\",\"k\":\"AQAB\"}]}", 0 },
    { "{\"keys\":[{\"kty\":\"RSA\",\"n\":\"AQAB\",\"e\":\"AQAB\"}]}", 0 },
    { "{\"keys\":[{\"kty\":\"RSA\",\"n\":\"" TEST_JWS_N "=\",\"e\":\"AQAB\"}]}",
      0 },
    { "{\"keys\":[{\"kty\":\"RSA\",\"n\":\"" TEST_JWS_N "\",\"e\":\"\"}]}",
      0 },
    { "{\"keys\":[{\"kty\":\"RSA\",\"n\":\"" TEST_JWS_N "\","
      "\"e\":\"AQABAQAB\"}]}", 0 },
    { "{\"keys\":[" TEST_JWS_RSA(TEST_JWS_N, "AA") "]}", 0 },        /* e 0 */
    { "{\"keys\":[" TEST_JWS_RSA(TEST_JWS_N, "AQ") "]}", 0 },          /* 1 */
    { "{\"keys\":[" TEST_JWS_RSA(TEST_JWS_N, "AAAB") "]}", 0 },   /* 000001 */
    { "{\"keys\":[" TEST_JWS_RSA(TEST_JWS_N, "Ag") "]}", 0 },          /* 2 */
    { "{\"keys\":[" TEST_JWS_RSA(TEST_JWS_N, "Aw") "]}", 1 },          /* 3 */
    { "{\"keys\":[" TEST_JWS_RSA(TEST_JWS_N, "AQAA") "]}", 0 },    /* 65536 */
    { "{\"keys\":[" TEST_JWS_RSA(TEST_JWS_N, "AAAAAQAB") "]}", 1 },
    { "{\"keys\":[" TEST_JWS_RSA(TEST_JWS_N_HEAD "oA", "AQAB") "]}", 0 },
    { "{\"keys\":[" TEST_JWS_RSA("AAAA" TEST_JWS_N, "AQAB") "]}", 1 },
    { "{\"keys\":[" TEST_JWS_RSA("AAAA", "AQAB") "]}", 0 },
    { "{\"keys\":[" TEST_JWS_KEY(",\"kid\":7") "]}", 1 },
    { "{\"keys\":[],\"keys\":[" TEST_JWS_KEY("") "]}", NGX_DECLINED },
    { "{\"keys\":[" TEST_JWS_KEY("") "],\"k\\u0065ys\":[]}", NGX_DECLINED },
    { "{\"keys\":" TEST_JWS_KEY("") "}", 0 },
    { "{\"keys\":{\"a\":" TEST_JWS_KEY("") "}}", 0 },
    { "{\"keys\":[{\"key\":" TEST_JWS_KEY("") "}]}", 0 },
    { "{\"keys\":[[" TEST_JWS_KEY("") "]]}", 0 },
    { "{\"keys\":[]}", 0 },
    { "{\"keys\":[" TEST_JWS_KEY(",\"kty\":\"RSA\"") "]}", NGX_DECLINED },
    { "{\"keys\":1}", NGX_DECLINED },
    { "{}", NGX_DECLINED },
    { "[" TEST_JWS_KEY("") "]", NGX_DECLINED },
    { "", NGX_DECLINED },
    { NULL, 0 }
};


unit_test(jws)
{
    u_char                *p;
    ngx_int_t              n;
    ngx_uint_t             i;
    ngx_array_t            keys;
    ngx_http_vcita_jws_t   jws;

    static u_char  many[128 + NGX_HTTP_VCITA_JWK_KEYS
                              * (sizeof(TEST_JWS_KEY("")) + 1)];

    for (i = 0; test_jws_sets[i].text; i++) {
        n = test_jws_keys(test_jws_sets[i].text, &keys);

        is_int(n == NGX_OK ? (ngx_int_t) keys.nelts : n,
               test_jws_sets[i].keys, "keys of set %ui", i);
    }

    /* as many as there may be, and one more */

    p = ngx_cpymem(many, "{\"keys\":[{}", sizeof("{\"keys\":[{}") - 1);

    for (i = 1; i < NGX_HTTP_VCITA_JWK_KEYS; i++) {
        p = ngx_cpymem(p, ",{\"a\":1}", sizeof(",{\"a\":1}") - 1);
    }

    ngx_memcpy(p, ",{\"a\":1}]}", sizeof(",{\"a\":1}]}"));
    is_int(test_jws_keys((char *) many, &keys), NGX_OK, "64 keys");

    ngx_memcpy(p, ",{\"a\":1},{\"a\":1}]}", sizeof(",{\"a\":1},{\"a\":1}]}"));
    is_int(test_jws_keys((char *) many, &keys), NGX_DECLINED, "65 keys");

    /* RFC 7515, A.2 */

    (void) test_jws_keys("{\"keys\":[" TEST_JWS_EC ","
                         TEST_JWS_KEY(",\"kid\":\"rfc\"") "]}", &keys);

    test_jws_good(&jws, "rfc");
    is_int(ngx_http_vcita_jwk_verify(&jws, &keys), NGX_HTTP_VCITA_JWS_VALID,
           "RFC 7515, A.2 by its kid");

    test_jws_good(&jws, "");
    is_int(ngx_http_vcita_jwk_verify(&jws, &keys), NGX_HTTP_VCITA_JWS_VALID,
           "without a kid by each key");

    test_jws_good(&jws, "1");
    is_int(ngx_http_vcita_jwk_verify(&jws, &keys), NGX_HTTP_VCITA_JWS_KID,
           "by a key that may not verify");

    test_jws_good(&jws, "rf");
    is_int(ngx_http_vcita_jwk_verify(&jws, &keys), NGX_HTTP_VCITA_JWS_KID,
           "by a kid that begins alike");

    for (i = 0; i < 4; i++) {
        test_jws_good(&jws, i % 2 ? "rfc" : "");

        if (i < 2) {
            jws.signature.data[i * 100] ^= 1;

        } else {
            jws.input.data[i * 20] ^= 1;
        }

        is_int(ngx_http_vcita_jwk_verify(&jws, &keys),
               NGX_HTTP_VCITA_JWS_SIGNATURE, "a flipped bit, case %ui", i);
    }

    test_jws_good(&jws, "rfc");
    jws.signature.len--;
    is_int(ngx_http_vcita_jwk_verify(&jws, &keys), NGX_HTTP_VCITA_JWS_SIGNATURE,
           "a signature that is cut");

    jws.signature.len = 0;
    is_int(ngx_http_vcita_jwk_verify(&jws, &keys), NGX_HTTP_VCITA_JWS_SIGNATURE,
           "an empty signature");

    test_jws_bits();
    test_jws_which();
}


/* moduli of 8,192 bits, of as many with zeros in front, and of one bit more */

static void
test_jws_bits(void)
{
    u_char       *p;
    ngx_uint_t    i, n;
    ngx_array_t   keys;

    static u_char  text[2048];

    static const struct {
        const char  *head;
        const char  *tail;
        ngx_int_t    keys;
    } moduli[] = {
        { "gQAB", "AQ", 1 },
        { "AAAAgQAB", "AQ", 1 },
        { "AQAB", "AQE", 0 },
    };

    for (i = 0; i < 3; i++) {
        p = ngx_sprintf(text, "{\"keys\":[{\"kty\":\"RSA\",\"e\":\"AQAB\","
                        "\"n\":\"%s", moduli[i].head);

        for (n = 0; n < 340; n++) {
            p = ngx_cpymem(p, "AQAB", 4);
        }

        (void) ngx_sprintf(p, "%s\"}]}%Z", moduli[i].tail);

        is_int(test_jws_keys((char *) text, &keys), NGX_OK, "modulus %ui", i);
        is_int(keys.nelts, moduli[i].keys, "modulus %ui: keys", i);
    }
}


/* which of several keys is asked */

static void
test_jws_which(void)
{
    u_char                *p;
    ngx_uint_t             i;
    ngx_array_t            keys;
    ngx_http_vcita_jws_t   jws;

    static u_char  text[64 * (sizeof(TEST_JWS_KEY("")) + 1) + 64];

    (void) test_jws_keys("{\"keys\":[" TEST_JWS_KEY(",\"kid\":7") "]}", &keys);

    test_jws_good(&jws, "7");
    is_int(ngx_http_vcita_jwk_verify(&jws, &keys), NGX_HTTP_VCITA_JWS_KID,
           "a kid that is a number is none");

    test_jws_good(&jws, "");
    is_int(ngx_http_vcita_jwk_verify(&jws, &keys), NGX_HTTP_VCITA_JWS_VALID,
           "but the key is a key");

    (void) test_jws_keys("{\"keys\":["
                         TEST_JWS_KEY(",\"kid\":\"a\"") ",{\"kid\":\"a\","
                         "\"kty\":\"RSA\",\"n\":\"" TEST_JWS_N "\","
                         "\"e\":\"Aw\"}]}", &keys);
    is_int(keys.nelts, 2, "a kid twice");

    test_jws_good(&jws, "a");
    is_int(ngx_http_vcita_jwk_verify(&jws, &keys), NGX_HTTP_VCITA_JWS_VALID,
           "a kid twice, the first is right");

    /* 63 keys that did not sign, then the one that did */

    p = ngx_cpymem(text, "{\"keys\":[", sizeof("{\"keys\":[") - 1);

    for (i = 0; i < 63; i++) {
        p = ngx_cpymem(p, TEST_JWS_RSA(TEST_JWS_N, "Aw") ",",
                       sizeof(TEST_JWS_RSA(TEST_JWS_N, "Aw")));
    }

    (void) ngx_sprintf(p, "%s]}%Z", TEST_JWS_KEY(",\"kid\":\"last\""));

    is_int(test_jws_keys((char *) text, &keys), NGX_OK, "64 keys");
    is_int(keys.nelts, 64, "64 keys that may verify");

    test_jws_good(&jws, "last");
    is_int(ngx_http_vcita_jwk_verify(&jws, &keys), NGX_HTTP_VCITA_JWS_VALID,
           "the last of 64 by its kid");

    test_jws_good(&jws, "");
    is_int(ngx_http_vcita_jwk_verify(&jws, &keys), NGX_HTTP_VCITA_JWS_SIGNATURE,
           "without a kid no more than 16 are tried");
}


static ngx_int_t
test_jws_keys(const char *text, ngx_array_t *keys)
{
    ngx_str_t  s;

    s = test_jws_str(text);

    if (ngx_array_init(keys, unit_pool, 4, sizeof(ngx_http_vcita_jwk_t))
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    return ngx_http_vcita_jwk_set(unit_pool, &s, keys);
}


static ngx_str_t
test_jws_str(const char *text)
{
    ngx_str_t  s;

    s.len = ngx_strlen(text);
    s.data = ngx_pnalloc(unit_pool, s.len + 1);
    ngx_memcpy(s.data, text, s.len);

    return s;
}


static void
test_jws_good(ngx_http_vcita_jws_t *jws, const char *kid)
{
    ngx_str_t  signature;

    ngx_memzero(jws, sizeof(ngx_http_vcita_jws_t));

    jws->kid = test_jws_str(kid);
    jws->input = test_jws_str(TEST_JWS_INPUT);

    signature = test_jws_str(TEST_JWS_SIGNATURE);
    (void) ngx_http_vcita_jws_decode(unit_pool, &signature, &jws->signature);
}
