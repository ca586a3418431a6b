
/*
 * The examples of the RFCs by their figures: the key sets of RFC 7517, A.1 to
 * A.3, and the JWS of RFC 7515, A.2, step by step.
 */


#include <ngx_config.h>
#include <ngx_core.h>

#include "vcita/ngx_http_vcita_jwk.h"
#include "unit.h"


/* RFC 7515, A.2.1: header, payload, signature */

#define TEST_JWS_RFC_HEADER                                                   \
    "eyJhbGciOiJSUzI1NiJ9"

#define TEST_JWS_RFC_PAYLOAD                                                  \
    "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmN" \
    "vbS9pc19yb290Ijp0cnVlfQ"

#define TEST_JWS_RFC_SIGNATURE                                                \
    "cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4" \
    "Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_" \
    "nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn" \
    "6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI" \
    "8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw"

/* the octets of that signature */

#define TEST_JWS_RFC_OCTETS                                                   \
    "702e218943e88fd11eb5d82dbf7845f34106ae1b81fff7731116add1717d8365"        \
    "6d420afd3c96eedd73a2663e5166687b000b87226e0187ed1073f945e582adfc"        \
    "ef16d85a798ee8c66ddb3db8975b17d09402beedd5d9d97007108db28160d5f8"        \
    "040ca7445762b81fbe7ff9d92e0ae76f24f25b33bbe6f44ae61eb1040acb2004"        \
    "4d3ef9128ed40130795bd4bd3b41eecad066ab651981fde48df77f372dc38b9f"        \
    "afdd3befb18b5da3cc3c2eb02f9e3a41d612caad15911273a05f23b9e838faaf"        \
    "849d698429ef5a1e88798236c3d40e604522a544c8f27a7a2db80663d16cf7ca"        \
    "ea56de405cb2215a45b2c25566b55ac1a748a070dfc8a32a469543d019eefb47"

/* its key: modulus and private exponent */

#define TEST_JWS_RFC_N                                                        \
    "ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4q" \
    "PCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ4" \
    "7soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBE" \
    "Ma2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWN" \
    "moudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ"

#define TEST_JWS_RFC_D                                                        \
    "Eq5xpGnNCivDflJsRQBXHx1hdR1k6Ulwe2JZD50LpXyWPEAeP88vLNO97IjlA7_GQ5sLKMg" \
    "vfTeXZx9SE-7YwVol2NXOoAJe46sui395IW_GO-pWJ1O0BkTGoVEn2bKVRUCgu-GjBVaYLU" \
    "6f3l9kJfFNS3E0QbVdxzubSu3Mkqzjkn439X0M_V51gfpRLI9JYanrC4D4qAdGcopV_0ZHH" \
    "zQlBjudU2QvXt4ehNYTCBr6XCLQUShb1juUO1ZdiYoFaFQT5Tw8bGUl_x_jTj3ccPDVZFD9" \
    "pIuhLhBOneufuBiB4cS98l2SR_RQyGWSeWjnczT0QU91p1DhOVRuOopznQ"

/* RFC 7517, A.1 and A.2: the RSA key, and its private exponent */

#define TEST_JWS_RFC_A1_N                                                     \
    "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7a" \
    "PFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArw" \
    "l93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0z" \
    "gdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2Nc" \
    "Rwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw"

#define TEST_JWS_RFC_A2_D                                                     \
    "X4cTteJY_gn4FYPsXB8rdXix5vwsg1FLN5E3EaG6RJoVH-HLLKD9M7dx5oo7GURknchnrRw" \
    "eUkC7hT5fJLM0WbFAKNLWY2vv7B6NqXSzUvxT0_YSfqijwp3RTzlBaCxWp4doFk5N2o8Gy_" \
    "nHNKroADIkJ46pRUohsXywbReAdYaMwFs9tv8d_cPVY3i07a3t8MN6TNwm0dSawm9v47UiC" \
    "l3Sk5ZiG7xojPLu4sbg1U2jx4IBTNBznbJSzFHK66jT8bgkuqsk0GjskDJk19Z4qwjwbsnn" \
    "4j2WBii3RL-Us2lGVkY8fkFzme1z0HbIkfz0Y6mqnOYtqc0X4jfcKoAC8Q"

/* what that key signs of the same header and payload */

#define TEST_JWS_RFC_A1_SIGNATURE                                             \
    "DS0kcM3KbMwJWyxmJ2NWC21HGx93MXy9sSgsVygnx4U7XKayfNACjigqZL9jH-UL1MjIIXV" \
    "UmaVc5ljgt84fjhlfcMdJ67Q2_tyyUdbOjPrVfcDnpwpxKQQ2tA9fpHFQL_JENgraWFJQ1O" \
    "27WKDvYfsRmj-Z2xIJzYETdZykNKS4lcN-B-eusA2zw9iUnl3TdAdSIKr7QrTZrd3Osema_" \
    "hCSCfD1faLWGUhRMHnx5eSxbDogV0-7P0OUHDP0IoxWGNcrAQ7vTBlEAg92LhGN8JGW2k-b" \
    "ludnJb5gBJrauMYxqi9d4ajKYka0GSaky4CpjMOpexkkGORk2VC8wiNMFg"

#define TEST_JWS_RFC_INPUT                                                    \
    TEST_JWS_RFC_HEADER "." TEST_JWS_RFC_PAYLOAD

/* the members as they stand there, up to the private ones */

#define TEST_JWS_RFC_EC                                                       \
    "{\"kty\":\"EC\",\n \"crv\":\"P-256\",\n"                                 \
    " \"x\":\"MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4\",\n"               \
    " \"y\":\"4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM\",\n"

#define TEST_JWS_RFC_RSA(n)                                                   \
    "{\"kty\":\"RSA\",\n \"n\":\"" n "\",\n \"e\":\"AQAB\",\n"

#define TEST_JWS_RFC_A1                                                       \
    "{\"keys\":\n [\n" TEST_JWS_RFC_EC                                        \
    " \"use\":\"enc\",\n \"kid\":\"1\"},\n\n"                                 \
    TEST_JWS_RFC_RSA(TEST_JWS_RFC_A1_N)                                       \
    " \"alg\":\"RS256\",\n \"kid\":\"2011-04-29\"}\n ]\n}\n"

#define TEST_JWS_RFC_A2                                                       \
    "{\"keys\":\n [\n" TEST_JWS_RFC_EC                                        \
    " \"d\":\"870MB6gfuTJ4HtUnUvYMyJpr5eUZNP4Bk43bVdj3eAE\",\n"               \
    " \"use\":\"enc\",\n \"kid\":\"1\"},\n\n"                                 \
    TEST_JWS_RFC_RSA(TEST_JWS_RFC_A1_N)                                       \
    " \"d\":\"" TEST_JWS_RFC_A2_D "\",\n"                                     \
    " \"alg\":\"RS256\",\n \"kid\":\"2011-04-29\"}\n ]\n}\n"

#define TEST_JWS_RFC_A3                                                       \
    "{\"keys\":\n [\n"                                                        \
    "{\"kty\":\"oct\",\n \"alg\":\"A128KW\",\n"                               \
    " \"k\":\"GawgguFyGrWKav7AX4VKUg\"},\n\n"                                 \
    "{\"kty\":\"oct\",\n"                                                     \
    " \"k\":\"AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3"   \
    "Yj0iPS4hcgUuTwjAzZr1Z9CAow\",\n \"kid\":\"HMAC key used in JWS spec Ap"  \
    "pendix A.1 example\"}\n ]\n}\n"

/* RFC 7515, A.2.1: the key of the signature, as it stands there */

#define TEST_JWS_RFC_SIGNER                                                   \
    "{\"keys\":[" TEST_JWS_RFC_RSA(TEST_JWS_RFC_N)                            \
    " \"d\":\"" TEST_JWS_RFC_D "\"}]}"


static ngx_int_t test_jws_rfc_keys(const char *text, ngx_array_t *keys);
static void test_jws_rfc_signed(ngx_http_vcita_jws_t *jws, const char *kid,
    const char *signature);
static void test_jws_rfc_by(ngx_array_t *keys, const char *kid,
    const char *signature, ngx_http_vcita_jws_e reason, const char *name);
static void test_jws_rfc_twice(void);


unit_test(jws_rfc7515)
{
    ngx_str_t             token, text, octets, part[NGX_HTTP_VCITA_JWS_PARTS];
    ngx_array_t           members, keys;
    ngx_http_vcita_jws_t  jws;

    ngx_str_set(&token, TEST_JWS_RFC_INPUT "." TEST_JWS_RFC_SIGNATURE);

    is_int(ngx_http_vcita_jws_split(&token, part), NGX_OK, "A.2: parts");
    is_str(&part[0], TEST_JWS_RFC_HEADER, "A.2: the first");
    is_str(&part[1], TEST_JWS_RFC_PAYLOAD, "A.2: the second");
    is_str(&part[2], TEST_JWS_RFC_SIGNATURE, "A.2: the third");

    is_int(ngx_http_vcita_jws_decode(unit_pool, &part[0], &text), NGX_OK,
           "A.2: the header");
    is_str(&text, "{\"alg\":\"RS256\"}", "A.2: its octets");

    is_int(ngx_http_vcita_jws_decode(unit_pool, &part[1], &text), NGX_OK,
           "A.2: the payload");
    is_str(&text, "{\"iss\":\"joe\",\r\n \"exp\":1300819380,\r\n "
           "\"http://example.com/is_root\":true}", "A.2: its octets");

    is_int(ngx_http_vcita_jws_decode(unit_pool, &part[2], &text), NGX_OK,
           "A.2: the signature");
    octets = unit_hex(TEST_JWS_RFC_OCTETS);
    is_eq(&text, &octets, "A.2: its octets");

    if (ngx_array_init(&members, unit_pool, 4, sizeof(ngx_http_vcita_member_t))
        != NGX_OK)
    {
        abort();
    }

    is_int(ngx_http_vcita_jws_read(unit_pool, &token, &jws, &members),
           NGX_HTTP_VCITA_JWS_ISS, "A.2: joe is not vcita");
    is_int(members.nelts, 3, "A.2: its claims are read");
    is_int(ngx_http_vcita_jws_time(&members, "exp", &jws.exp), 1, "A.2: exp");
    is_int(jws.exp, 1300819380, "A.2: the time");

    is_str(&jws.input, TEST_JWS_RFC_INPUT, "A.2: what is signed");
    is_eq(&jws.signature, &octets, "A.2: by that signature");
    is_int(jws.kid.len, 0, "A.2: by a key without a name");

    is_int(test_jws_rfc_keys(TEST_JWS_RFC_SIGNER, &keys), 1,
           "A.2: the key, private members beside it");
    is_int(ngx_http_vcita_jwk_verify(&jws, &keys), NGX_HTTP_VCITA_JWS_VALID,
           "A.2: verified");
}


unit_test(jws_rfc7517)
{
    ngx_uint_t             i;
    ngx_array_t            keys;
    ngx_http_vcita_jwk_t  *key;

    static const char  *sets[] = { TEST_JWS_RFC_A1, TEST_JWS_RFC_A2 };

    for (i = 0; i < 2; i++) {
        is_int(test_jws_rfc_keys(sets[i], &keys), 1,
               "A.%ui: the RSA key alone", i + 1);

        key = keys.elts;

        is_str(&key->kid, "2011-04-29", "A.%ui: its kid", i + 1);
        is_int(EVP_PKEY_base_id(key->key), EVP_PKEY_RSA, "A.%ui: RSA", i + 1);
        is_int(EVP_PKEY_bits(key->key), 2048, "A.%ui: its bits", i + 1);

        test_jws_rfc_by(&keys, "2011-04-29", TEST_JWS_RFC_A1_SIGNATURE,
                        NGX_HTTP_VCITA_JWS_VALID, "what it has signed");
        test_jws_rfc_by(&keys, "", TEST_JWS_RFC_A1_SIGNATURE,
                        NGX_HTTP_VCITA_JWS_VALID, "without a kid");
        test_jws_rfc_by(&keys, "2011-04-29", TEST_JWS_RFC_SIGNATURE,
                        NGX_HTTP_VCITA_JWS_SIGNATURE, "what another one has");
        test_jws_rfc_by(&keys, "", TEST_JWS_RFC_SIGNATURE,
                        NGX_HTTP_VCITA_JWS_SIGNATURE,
                        "what another one has, without a kid");
        test_jws_rfc_by(&keys, "1", TEST_JWS_RFC_A1_SIGNATURE,
                        NGX_HTTP_VCITA_JWS_KID, "the kid of the EC key");
    }

    is_int(test_jws_rfc_keys(TEST_JWS_RFC_A3, &keys), 0,
           "A.3: symmetric keys verify nothing");
    test_jws_rfc_by(&keys, "HMAC key used in JWS spec Appendix A.1 example",
                    TEST_JWS_RFC_SIGNATURE, NGX_HTTP_VCITA_JWS_KID,
                    "a kid of A.3");

    test_jws_rfc_twice();
}


/* one kid for two keys: only the first is asked */

static void
test_jws_rfc_twice(void)
{
    ngx_array_t  keys;

    is_int(test_jws_rfc_keys("{\"keys\":["
                             TEST_JWS_RFC_RSA(TEST_JWS_RFC_N) "\"kid\":\"a\"},"
                             TEST_JWS_RFC_RSA(TEST_JWS_RFC_A1_N)
                             "\"kid\":\"a\"}]}", &keys), 2, "a kid twice");

    test_jws_rfc_by(&keys, "a", TEST_JWS_RFC_SIGNATURE,
                    NGX_HTTP_VCITA_JWS_VALID, "the first key of a kid");
    test_jws_rfc_by(&keys, "a", TEST_JWS_RFC_A1_SIGNATURE,
                    NGX_HTTP_VCITA_JWS_SIGNATURE, "the second key of a kid");
    test_jws_rfc_by(&keys, "", TEST_JWS_RFC_A1_SIGNATURE,
                    NGX_HTTP_VCITA_JWS_VALID, "the second key without a kid");
}


/* how many keys a set has, or NGX_DECLINED */

static ngx_int_t
test_jws_rfc_keys(const char *text, ngx_array_t *keys)
{
    ngx_int_t  rc;
    ngx_str_t  s;

    s.data = (u_char *) text;
    s.len = ngx_strlen(text);

    if (ngx_array_init(keys, unit_pool, 4, sizeof(ngx_http_vcita_jwk_t))
        != NGX_OK)
    {
        abort();
    }

    rc = ngx_http_vcita_jwk_set(unit_pool, &s, keys);

    return (rc == NGX_OK) ? (ngx_int_t) keys->nelts : rc;
}


static void
test_jws_rfc_by(ngx_array_t *keys, const char *kid, const char *signature,
    ngx_http_vcita_jws_e reason, const char *name)
{
    ngx_http_vcita_jws_t  jws;

    test_jws_rfc_signed(&jws, kid, signature);

    is_int(ngx_http_vcita_jwk_verify(&jws, keys), reason, "%s", name);
}


static void
test_jws_rfc_signed(ngx_http_vcita_jws_t *jws, const char *kid,
    const char *signature)
{
    ngx_str_t  text;

    ngx_memzero(jws, sizeof(ngx_http_vcita_jws_t));

    jws->kid.data = (u_char *) kid;
    jws->kid.len = ngx_strlen(kid);

    ngx_str_set(&jws->input, TEST_JWS_RFC_INPUT);

    text.data = (u_char *) signature;
    text.len = ngx_strlen(signature);

    is_int(ngx_http_vcita_jws_decode(unit_pool, &text, &jws->signature), NGX_OK,
           "a signature");
}
