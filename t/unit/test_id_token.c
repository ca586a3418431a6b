
/*
 * The id_token: which are refused, and what is said about them.
 */


#include <ngx_config.h>
#include <ngx_core.h>

#include "util/ngx_http_vcita_seal.h"
#include "vcita/ngx_http_vcita_claims.h"
#include "vcita/ngx_http_vcita_id_token.h"
#include "unit.h"


#define TEST_ID_TOKEN_NOW   1790000000
#define TEST_ID_TOKEN_GOOD                                                    \
    "\"sub\":\"s\",\"aud\":\"app\",\"exp\":1790000100,\"iat\":1790000000"


typedef struct {
    const char  *payload;
    const char  *wrong;        /* NULL: it is good */
} test_id_token_case_t;


static ngx_str_t test_id_token_part(const char *text);
static ngx_str_t test_id_token_jwt(const char *header, const char *payload,
    const char *signature);
static const char *test_id_token_try(ngx_str_t *jwt, const char *issuer,
    const char *nonce);
static void test_id_token_is(const char *got, const char *wrong,
    const char *name);


static test_id_token_case_t  test_id_token_payloads[] = {
    { "{" TEST_ID_TOKEN_GOOD "}", NULL },
    { "{" TEST_ID_TOKEN_GOOD ",\"iss\":\"any\",\"azp\":\"app\"}", NULL },
    { "{" TEST_ID_TOKEN_GOOD ",\"azp\":null,\"nonce\":null,\"nbf\":null}",
      NULL },
    { "{" TEST_ID_TOKEN_GOOD ",\"nbf\":1790000060}", NULL },
    { "{" TEST_ID_TOKEN_GOOD ",\"nbf\":1790000061}", "nbf" },
    { "{" TEST_ID_TOKEN_GOOD ",\"nbf\":\"1\"}", "nbf" },
    { "{" TEST_ID_TOKEN_GOOD ",\"auth_time\":1790000060}", NULL },
    { "{" TEST_ID_TOKEN_GOOD ",\"auth_time\":\"1790000060\"}", NULL },
    { "{" TEST_ID_TOKEN_GOOD ",\"auth_time\":null}", NULL },
    { "{" TEST_ID_TOKEN_GOOD ",\"auth_time\":1790000061}", "auth_time" },
    { "{" TEST_ID_TOKEN_GOOD ",\"auth_time\":-1}", "auth_time" },
    { "{" TEST_ID_TOKEN_GOOD ",\"auth_time\":\"x\"}", "auth_time" },
    { "{" TEST_ID_TOKEN_GOOD ",\"auth_time\":[1790000000]}", "auth_time" },
    { "{" TEST_ID_TOKEN_GOOD ",\"azp\":\"other\"}", "azp" },
    { "{" TEST_ID_TOKEN_GOOD ",\"azp\":[\"app\"]}", "azp" },
    { "{" TEST_ID_TOKEN_GOOD ",\"nonce\":\"n\"}", "nonce" },

    { "{\"sub\":\"s\",\"aud\":[\"app\"],\"exp\":1790000100,"
      "\"iat\":1790000000}", NULL },
    { "{\"sub\":\"s\",\"aud\":[\"x\",\"app\"],\"azp\":\"app\","
      "\"exp\":1790000100,"
      "\"iat\":1790000000}", NULL },
    { "{\"sub\":\"s\",\"aud\":[\"x\",\"app\"],\"exp\":1790000100,"
      "\"iat\":1790000000}", "azp" },
    { "{\"sub\":\"s\",\"aud\":[\"app\",\"x\"],\"azp\":\"x\",\"exp\":1790000100,"
      "\"iat\":1790000000}", "azp" },
    { "{\"sub\":\"s\",\"aud\":[\"x,app\"],\"azp\":\"app\",\"exp\":1790000100,"
      "\"iat\":1790000000}", "aud" },
    { "{\"sub\":\"s\",\"aud\":[\"ap\",\"p\"],\"azp\":\"app\","
      "\"exp\":1790000100,"
      "\"iat\":1790000000}", "aud" },
    { "{\"sub\":\"s\",\"aud\":[],\"exp\":1790000100,\"iat\":1790000000}",
      "aud" },
    { "{\"sub\":\"s\",\"aud\":[[\"app\"]],\"exp\":1790000100,"
      "\"iat\":1790000000}", "aud" },
    { "{\"sub\":\"s\",\"aud\":{\"app\":1},\"exp\":1790000100,"
      "\"iat\":1790000000}", "aud" },
    { "{\"sub\":\"s\",\"aud\":\"App\",\"exp\":1790000100,"
      "\"iat\":1790000000}", "aud" },
    { "{\"sub\":\"s\",\"exp\":1790000100,\"iat\":1790000000}", "aud" },

    { "{\"sub\":\"s\",\"aud\":\"app\",\"exp\":1789999941,"
      "\"iat\":1790000060}", NULL },
    { "{\"sub\":\"s\",\"aud\":\"app\",\"exp\":1789999941.9,"
      "\"iat\":1790000060.9}", NULL },
    { "{\"sub\":\"s\",\"aud\":\"app\",\"exp\":999999999999999999999999,"
      "\"iat\":0}", NULL },
    { "{\"sub\":\"s\",\"aud\":\"app\",\"exp\":1789999940,"
      "\"iat\":1790000000}", "exp" },
    { "{\"sub\":\"s\",\"aud\":\"app\",\"exp\":\"1790000100\","
      "\"iat\":1790000000}", "exp" },
    { "{\"sub\":\"s\",\"aud\":\"app\",\"exp\":-1,\"iat\":1790000000}",
      "exp" },
    { "{\"sub\":\"s\",\"aud\":\"app\",\"exp\":1e99,\"iat\":1790000000}",
      "exp" },
    { "{\"sub\":\"s\",\"aud\":\"app\",\"iat\":1790000000}", "exp" },
    { "{\"sub\":\"s\",\"aud\":\"app\",\"exp\":1790000100}", "iat" },
    { "{\"sub\":\"s\",\"aud\":\"app\",\"exp\":1790000100,\"iat\":null}",
      "iat" },
    { "{\"sub\":\"s\",\"aud\":\"app\",\"exp\":1790000100,"
      "\"iat\":1790000061}", "iat" },

    { "{\"aud\":\"app\",\"exp\":1790000100,\"iat\":1790000000}", "sub" },
    { "{\"sub\":1,\"aud\":\"app\",\"exp\":1790000100,\"iat\":1790000000}",
      "sub" },
    { "{\"sub\":\"s\",\"sub\":\"s\",\"aud\":\"app\",\"exp\":1790000100,"
      "\"iat\":1790000000}", "base64url" },
    { "[]", "base64url" },
    { "null", "base64url" },
    { NULL, NULL }
};


unit_test(id_token_claims)
{
    ngx_str_t              jwt;
    test_id_token_case_t  *c;

    for (c = test_id_token_payloads; c->payload; c++) {
        jwt = test_id_token_jwt("{\"alg\":\"RS256\"}", c->payload, "sig");
        test_id_token_is(test_id_token_try(&jwt, "", ""), c->wrong,
                         c->payload);
    }
}


unit_test(id_token_expected)
{
    ngx_str_t  jwt;

    jwt = test_id_token_jwt("{\"alg\":\"ES256\"}", "{" TEST_ID_TOKEN_GOOD
                            ",\"iss\":\"https://a\",\"nonce\":\"n1\"}", "sig");

    test_id_token_is(test_id_token_try(&jwt, "", "n1"), NULL, "as expected");
    test_id_token_is(test_id_token_try(&jwt, "https://a", "n1"), NULL, "iss");
    test_id_token_is(test_id_token_try(&jwt, "https://a/", "n1"), "iss",
                     "another iss");
    test_id_token_is(test_id_token_try(&jwt, "", "n2"), "nonce",
                     "another nonce");
    test_id_token_is(test_id_token_try(&jwt, "", ""), "nonce",
                     "a nonce that was not sent");

    jwt = test_id_token_jwt("{\"alg\":\"ES256\"}", "{" TEST_ID_TOKEN_GOOD "}",
                            "sig");

    test_id_token_is(test_id_token_try(&jwt, "https://a", ""), "iss",
                     "no iss");
    test_id_token_is(test_id_token_try(&jwt, "", "n1"), "nonce", "no nonce");
}


unit_test(id_token_jwt)
{
    ngx_str_t     jwt;
    const char  **p;

    static const char  *unsigned_[] = {
        "{\"alg\":\"none\"}", "{\"alg\":\"NONE\"}", "{\"alg\":\"nOnE\"}",
        "{\"alg\":\"\"}", "{\"alg\":null}", "{\"alg\":1}",
        "{\"alg\":[\"RS256\"]}", "{}",
        "{\"alg\":\"RS256\",\"crit\":[\"b64\"],\"b64\":false}", NULL
    };

    static const char  *broken[] = {
        "", ".", "..", "...", "a", "a.b", "e30.e30", "e30.e30.", "e30..c2ln",
        ".e30.c2ln", "e30.e30.c2ln.", "e30.e30.c2ln.e30",
        "e30.e30.c2ln.e30.e30",
        "e30=.e30.c2ln", "e30.e30=.c2ln", "e3 0.e30.c2ln",
        "e3A.e30.c2ln",
        "e31.e30.c2ln", "{}.{}.x", "eyJhbGciOiJSUzI1NiJ9.e30.c2ln+",
        "eyJhbGciOiJSUzI1NiJ9.e30.c", "eyJhbGciOiJSUzI1NiJ9.e30.c2l\xc3", NULL
    };

    for (p = unsigned_; *p; p++) {
        jwt = test_id_token_jwt(*p, "{" TEST_ID_TOKEN_GOOD "}", "sig");
        test_id_token_is(test_id_token_try(&jwt, "", ""), "signed", *p);
    }

    ngx_str_null(&jwt);
    ok(test_id_token_try(&jwt, "", "") != NULL, "refused: nothing at all");

    for (p = broken; *p; p++) {
        jwt = unit_text(*p);
        ok(test_id_token_try(&jwt, "", "") != NULL, "refused: %s", *p);
    }

    jwt = test_id_token_jwt("{\"alg\":\"nonesuch\"}",
                            "{" TEST_ID_TOKEN_GOOD "}", "sig");
    test_id_token_is(test_id_token_try(&jwt, "", ""), NULL, "nonesuch");
}


static ngx_str_t
test_id_token_part(const char *text)
{
    ngx_str_t  part, raw;

    raw = unit_text(text);
    part = unit_room(raw.len * 4 / 3 + 4);
    part.len = ngx_http_vcita_base64url_encode(part.data, raw.data, raw.len);

    return part;
}


static ngx_str_t
test_id_token_jwt(const char *header, const char *payload,
    const char *signature)
{
    ngx_str_t  jwt, h, p, s;

    h = test_id_token_part(header);
    p = test_id_token_part(payload);
    s = test_id_token_part(signature);

    jwt = unit_room(h.len + p.len + s.len + 2);
    jwt.len = ngx_sprintf(jwt.data, "%V.%V.%V", &h, &p, &s) - jwt.data;

    return jwt;
}


static const char *
test_id_token_try(ngx_str_t *jwt, const char *issuer, const char *nonce)
{
    ngx_array_t                         *members;
    ngx_http_vcita_id_token_expected_t   e;

    members = ngx_array_create(unit_pool, 4, sizeof(ngx_http_vcita_member_t));
    if (members == NULL) {
        abort();
    }

    e.client_id = unit_text("app");
    e.issuer = unit_text(issuer);
    e.nonce = unit_text(nonce);
    e.now = TEST_ID_TOKEN_NOW;
    e.skew = 60;
    e.max_age = 300;

    return ngx_http_vcita_id_token(unit_pool, jwt, &e, members);
}


static void
test_id_token_is(const char *got, const char *wrong, const char *name)
{
    ok(wrong ? got && ngx_strstr(got, wrong) : got == NULL, "%s: %s", name,
       got ? got : "good");
}
