
/*
 * Unit tests of client assertions: keys, JWTs and their signatures.
 */


#include <ngx_config.h>
#include <ngx_core.h>

#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

#include "util/ngx_http_vcita_seal.h"
#include "vcita/ngx_http_vcita_assertion.h"
#include "vcita/ngx_http_vcita_claims.h"
#include "unit.h"


static EVP_PKEY *test_assertion_key(int type, int bits);
static ngx_str_t test_assertion_pem(EVP_PKEY *key, const EVP_CIPHER *cipher);
static ngx_int_t test_assertion_load(ngx_http_vcita_assertion_signer_t *s,
    ngx_str_t pem, const char *kid, const char **error);
static void test_assertion_refused(ngx_str_t pem, const char *why,
    const char *name);
static ngx_uint_t test_assertion_split(ngx_str_t *jwt, ngx_str_t *part);
static ngx_array_t *test_assertion_members(ngx_str_t *part);
static void test_assertion_is(ngx_array_t *members, const char *name,
    const char *want);
static ngx_uint_t test_assertion_verified(EVP_PKEY *key, ngx_str_t *jwt,
    ngx_uint_t ec);
static ngx_uint_t test_assertion_der(ngx_str_t *raw, u_char *der);


unit_test(assertion_rsa)
{
    EVP_PKEY                           *key, *other;
    ngx_str_t                           id, aud, jwt, part[3];
    ngx_array_t                        *members;
    const char                         *error;
    ngx_http_vcita_assertion_signer_t   s;

    key = test_assertion_key(EVP_PKEY_RSA, 2048);
    other = test_assertion_key(EVP_PKEY_RSA, 2048);

    is_int(test_assertion_load(&s, test_assertion_pem(key, NULL), "", &error),
           NGX_OK, "a key of 2048 bits");

    id = unit_text("app1");
    aud = unit_text("https://api.vcita.biz/oauth/token");

    is_int(ngx_http_vcita_assertion(&s, unit_pool, &id, &aud, 1754377015,
                                    &jwt),
           NGX_OK, "an assertion");
    is_int(test_assertion_split(&jwt, part), 3, "three parts");

    is_str(&part[0], "{\"alg\":\"RS256\",\"typ\":\"JWT\"}", "its header");

    members = test_assertion_members(&part[1]);
    is_int(members->nelts, 6, "its claims");
    test_assertion_is(members, "iss", "app1");
    test_assertion_is(members, "sub", "app1");
    test_assertion_is(members, "aud", "https://api.vcita.biz/oauth/token");
    test_assertion_is(members, "iat", "1754377015");
    test_assertion_is(members, "exp", "1754377075");

    is_int(part[2].len, 256, "its signature");
    ok(test_assertion_verified(key, &jwt, 0), "is the key's");
    ok(!test_assertion_verified(other, &jwt, 0), "and no other's");

    jwt.data[jwt.len / 3] ^= 1;
    ok(!test_assertion_verified(key, &jwt, 0), "nor of other claims");

    EVP_PKEY_free(key);
    EVP_PKEY_free(other);
}


unit_test(assertion_ec)
{
    EVP_PKEY                           *key;
    ngx_str_t                           id, aud, jwt, part[3];
    ngx_uint_t                          i, bad, padded;
    const char                         *error;
    ngx_http_vcita_assertion_signer_t   s;

    key = test_assertion_key(EVP_PKEY_EC, NID_X9_62_prime256v1);

    is_int(test_assertion_load(&s, test_assertion_pem(key, NULL), "k", &error),
           NGX_OK, "a key of P-256");

    id = unit_text("app1");
    aud = unit_text("https://a.b/");

    bad = 0;
    padded = 0;

    /* one number in 256 begins with a zero byte */

    for (i = 0; i < 1000; i++) {

        if (ngx_http_vcita_assertion(&s, unit_pool, &id, &aud, i, &jwt)
            != NGX_OK
            || test_assertion_split(&jwt, part) != 3
            || part[2].len != 64
            || !test_assertion_verified(key, &jwt, 1))
        {
            bad++;
            continue;
        }

        if (part[2].data[0] == 0 || part[2].data[32] == 0) {
            padded++;
        }
    }

    is_int(bad, 0, "1000 signatures of 64 bytes each");
    ok(padded > 0, "with numbers of less than 32 bytes among them");
    is_str(&part[0], "{\"alg\":\"ES256\",\"typ\":\"JWT\",\"kid\":\"k\"}",
           "its header");

    EVP_PKEY_free(key);
}


unit_test(assertion_text)
{
    EVP_PKEY                           *key;
    ngx_str_t                           id, aud, jwt, part[3], jti, last;
    ngx_uint_t                          i;
    ngx_array_t                        *members;
    const char                         *error;
    ngx_http_vcita_assertion_signer_t   s;
    ngx_http_vcita_member_t            *m;

    key = test_assertion_key(EVP_PKEY_EC, NID_X9_62_prime256v1);

    is_int(test_assertion_load(&s, test_assertion_pem(key, NULL),
                               "a \"kid\" \\ of { any } kind", &error),
           NGX_OK, "a kid of any characters");

    /* every byte that an id can hold, and many that it cannot */

    id = unit_room(128 + 6);

    for (i = 0; i < 128; i++) {
        id.data[i] = (u_char) i;
    }

    ngx_memcpy(id.data + 128, "\xc3\xa9\xf0\x9f\x98\x80", 6);

    aud = unit_text("https://a.b/token?a=\"b\"&c=\\d");

    ngx_str_null(&last);

    for (i = 0; i < 3; i++) {

        is_int(ngx_http_vcita_assertion(&s, unit_pool, &id, &aud, 1, &jwt),
               NGX_OK, "an assertion");
        is_int(test_assertion_split(&jwt, part), 3, "three parts");

        members = test_assertion_members(&part[0]);
        test_assertion_is(members, "kid", "a \"kid\" \\ of { any } kind");

        members = test_assertion_members(&part[1]);
        test_assertion_is(members, "aud", "https://a.b/token?a=\"b\"&c=\\d");

        m = ngx_http_vcita_json_member(members, "iss");
        is_eq(&m->value, &id, "iss comes back");
        m = ngx_http_vcita_json_member(members, "sub");
        is_eq(&m->value, &id, "sub comes back");

        m = ngx_http_vcita_json_member(members, "jti");
        jti = m->value;
        is_int(jti.len, NGX_HTTP_VCITA_TEXT_LEN, "jti: 256 bits");
        ok(!unit_same(&jti, &last), "and never the same");
        last = jti;
    }

    EVP_PKEY_free(key);
}


unit_test(assertion_keys)
{
    EVP_PKEY                           *key;
    ngx_str_t                           pem, text;
    ngx_uint_t                          i;
    const char                         *error;
    ngx_http_vcita_assertion_signer_t   s;

    key = test_assertion_key(EVP_PKEY_RSA, 1024);
    test_assertion_refused(test_assertion_pem(key, NULL),
                           "is an RSA key of less than 2048 bits, use 2048 or "
                           "more",
                           "RSA of 1024 bits");
    EVP_PKEY_free(key);

    key = test_assertion_key(EVP_PKEY_EC, NID_secp256k1);
    test_assertion_refused(test_assertion_pem(key, NULL),
                           "is not on the curve P-256, which ES256 requires",
                           "another curve of 256 bits");
    EVP_PKEY_free(key);

    key = test_assertion_key(EVP_PKEY_EC, NID_secp384r1);
    test_assertion_refused(test_assertion_pem(key, NULL),
                           "is not on the curve P-256, which ES256 requires",
                           "P-384");
    EVP_PKEY_free(key);

    key = test_assertion_key(EVP_PKEY_ED25519, 0);
    test_assertion_refused(test_assertion_pem(key, NULL),
                           "is neither an RSA nor an EC key", "Ed25519");
    EVP_PKEY_free(key);

    key = test_assertion_key(EVP_PKEY_EC, NID_X9_62_prime256v1);
    test_assertion_refused(test_assertion_pem(key, EVP_aes_128_cbc()),
                           "is encrypted, nginx needs a key without a "
                           "passphrase",
                           "an encrypted key");

    pem = test_assertion_pem(key, NULL);

    for (i = 1; i < pem.len - 1; i++) {
        text = unit_copy(pem.data, i);

        if (test_assertion_load(&s, text, "", &error) != NGX_DECLINED
            || ngx_strcmp(error, "holds no private key in PEM") != 0)
        {
            break;
        }
    }

    is_int(i, pem.len - 1, "cut short at any byte");

    test_assertion_refused(unit_text("x"), "holds no private key in PEM",
                           "a letter");

    for (i = 0; i < 2000; i++) {
        text = unit_copy(pem.data, pem.len);
        text.data[unit_random(pem.len)] = (u_char) unit_random(256);

        (void) test_assertion_load(&s, text, "", &error);
    }

    is_int(ERR_peek_error(), 0, "OpenSSL's errors are not left behind");

    EVP_PKEY_free(key);
}


/* "bits" of an RSA key, else the curve of an EC key */

static EVP_PKEY *
test_assertion_key(int type, int bits)
{
    EVP_PKEY      *key;
    EVP_PKEY_CTX  *ctx;

    key = NULL;

    ctx = EVP_PKEY_CTX_new_id(type, NULL);

    if (ctx == NULL
        || EVP_PKEY_keygen_init(ctx) != 1
        || (type == EVP_PKEY_RSA
            && EVP_PKEY_CTX_set_rsa_keygen_bits(ctx, bits) != 1)
        || (type == EVP_PKEY_EC
            && EVP_PKEY_CTX_set_ec_paramgen_curve_nid(ctx, bits) != 1)
        || EVP_PKEY_keygen(ctx, &key) != 1)
    {
        abort();
    }

    EVP_PKEY_CTX_free(ctx);

    return key;
}


static ngx_str_t
test_assertion_pem(EVP_PKEY *key, const EVP_CIPHER *cipher)
{
    BIO        *bio;
    char       *data;
    long        len;
    ngx_str_t   pem;

    bio = BIO_new(BIO_s_mem());

    if (bio == NULL
        || PEM_write_bio_PKCS8PrivateKey(bio, key, cipher,
                                         cipher ? "secret" : NULL,
                                         cipher ? 6 : 0, NULL, NULL)
           != 1)
    {
        abort();
    }

    len = BIO_get_mem_data(bio, &data);
    pem = unit_copy(data, len);

    BIO_free(bio);

    return pem;
}


static ngx_int_t
test_assertion_load(ngx_http_vcita_assertion_signer_t *s, ngx_str_t pem,
    const char *kid, const char **error)
{
    ngx_str_t  name;

    name = unit_text(kid);
    *error = NULL;

    return ngx_http_vcita_assertion_signer(s, unit_pool, &pem, &name, error);
}


static void
test_assertion_refused(ngx_str_t pem, const char *why, const char *name)
{
    ngx_str_t                          said;
    const char                        *error;
    ngx_http_vcita_assertion_signer_t  s;

    is_int(test_assertion_load(&s, pem, "", &error), NGX_DECLINED, "%s", name);

    said = unit_text(error ? error : "");
    is_str(&said, why, "%s: why", name);
}


/* the parts, decoded; returns their number, 0 if one is not base64url */

static ngx_uint_t
test_assertion_split(ngx_str_t *jwt, ngx_str_t *part)
{
    u_char      *p, *last;
    ngx_str_t    text;
    ngx_uint_t   n;

    p = jwt->data;
    last = p + jwt->len;

    for (n = 0; n < 3; n++) {
        text.data = p;

        while (p < last && *p != '.') {
            p++;
        }

        text.len = p - text.data;
        part[n] = unit_room(ngx_http_vcita_base64url_decoded_len(text.len));

        if (ngx_http_vcita_base64url_decode(part[n].data, &text) != NGX_OK) {
            return 0;
        }

        if (p++ == last) {
            return n + 1;
        }
    }

    return 0;
}


static ngx_array_t *
test_assertion_members(ngx_str_t *part)
{
    ngx_array_t  *members;

    members = ngx_array_create(unit_pool, 8, sizeof(ngx_http_vcita_member_t));
    if (members == NULL) {
        abort();
    }

    is_int(ngx_http_vcita_json_members(unit_pool, part, members), NGX_OK,
           "a JSON object");

    return members;
}


static void
test_assertion_is(ngx_array_t *members, const char *name, const char *want)
{
    ngx_str_t                 none;
    ngx_http_vcita_member_t  *m;

    ngx_str_null(&none);

    m = ngx_http_vcita_json_member(members, name);
    is_str(m ? &m->value : &none, want, "%s", name);
}


static ngx_uint_t
test_assertion_verified(EVP_PKEY *key, ngx_str_t *jwt, ngx_uint_t ec)
{
    int          rc;
    ngx_str_t    text, part[3];
    EVP_MD_CTX  *ctx;
    u_char       der[80];

    if (test_assertion_split(jwt, part) != 3) {
        return 0;
    }

    text = *jwt;

    while (text.data[--text.len] != '.') { /* void */ }

    if (ec) {
        part[2].len = test_assertion_der(&part[2], der);
        part[2].data = der;
    }

    ctx = EVP_MD_CTX_new();

    if (ctx == NULL
        || EVP_DigestVerifyInit(ctx, NULL, EVP_sha256(), NULL, key) != 1)
    {
        abort();
    }

    rc = EVP_DigestVerify(ctx, part[2].data, part[2].len, text.data,
                          text.len);

    EVP_MD_CTX_free(ctx);
    ERR_clear_error();

    return rc == 1;
}


static ngx_uint_t
test_assertion_der(ngx_str_t *raw, u_char *der)
{
    int         n;
    BIGNUM     *r, *s;
    ECDSA_SIG  *sig;

    r = BN_bin2bn(raw->data, raw->len / 2, NULL);
    s = BN_bin2bn(raw->data + raw->len / 2, raw->len / 2, NULL);
    sig = ECDSA_SIG_new();

    if (r == NULL || s == NULL || sig == NULL
        || ECDSA_SIG_set0(sig, r, s) != 1)
    {
        abort();
    }

    n = i2d_ECDSA_SIG(sig, &der);

    ECDSA_SIG_free(sig);

    return n;
}
