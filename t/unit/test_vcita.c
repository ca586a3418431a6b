
/*
 * vcita's protocol: the bytes that are asked, and every answer.
 */


#include <ngx_config.h>
#include <ngx_core.h>

#include "util/ngx_http_vcita_query.h"
#include "vcita/ngx_http_vcita_claims.h"
#include "vcita/ngx_http_vcita_protocol.h"
#include "unit.h"


#define TEST_VCITA_BAD  "bad_token_response"


/* a token answer: "token" is NULL where none comes, and then the error is */

typedef struct {
    ngx_uint_t   status;
    const char  *body;
    const char  *token;
    const char  *error;
} test_vcita_token_t;


typedef struct {
    const char  *value;
    time_t       expires;
} test_vcita_expires_t;


typedef struct {
    ngx_uint_t   status;
    const char  *body;
    ngx_int_t    rc;
} test_vcita_userinfo_t;


static ngx_int_t test_vcita_token(ngx_uint_t status, const char *body,
    ngx_http_vcita_token_t *token);
static ngx_int_t test_vcita_userinfo(ngx_uint_t status, const char *body,
    ngx_array_t **claims);
static ngx_str_t test_vcita_format(const char *fmt, const char *value);
static ngx_uint_t test_vcita_pool_has(const char *text);


/* what stands behind a token that is good */

#define TEST_VCITA_OK(rest)  "{\"access_token\":\"t\"" rest "}"


static test_vcita_token_t  test_vcita_tokens[] = {

    { 200, TEST_VCITA_OK(""), "t", "" },
    { 200, TEST_VCITA_OK(",\"token_type\":\"Bearer\""), "t", "" },
    { 200, TEST_VCITA_OK(",\"token_type\":\"bearer\""), "t", "" },
    { 200, TEST_VCITA_OK(",\"token_type\":\"BEARER\""), "t", "" },
    { 200, TEST_VCITA_OK(",\"token_type\":null"), "t", "" },
    { 200, TEST_VCITA_OK(",\"scope\":\"openid profile\",\"created_at\":1"),
      "t", "" },
    { 200, TEST_VCITA_OK(",\"scope\":null,\"expires_in\":null"), "t", "" },
    { 200, TEST_VCITA_OK(",\"error\":null"), "t", "" },
    { 200, TEST_VCITA_OK(",\"error\":\"\""), "t", "" },
    { 200, TEST_VCITA_OK(",\"x\":{\"access_token\":\"u\",\"y\":[[]]}"),
      "t", "" },
    { 200, "{\"access_token\":\"azAZ09-._~+/==\"}", "azAZ09-._~+/==", "" },
    { 200, "{\"access_token\":\"\\u0061\"}", "a", "" },

    /* another status */
    { 201, TEST_VCITA_OK(""), NULL, TEST_VCITA_BAD },
    { 204, TEST_VCITA_OK(""), NULL, TEST_VCITA_BAD },
    { 301, TEST_VCITA_OK(""), NULL, TEST_VCITA_BAD },
    { 302, TEST_VCITA_OK(""), NULL, TEST_VCITA_BAD },
    { 400, TEST_VCITA_OK(""), NULL, TEST_VCITA_BAD },
    { 401, TEST_VCITA_OK(""), NULL, TEST_VCITA_BAD },
    { 500, TEST_VCITA_OK(""), NULL, TEST_VCITA_BAD },
    { 0, TEST_VCITA_OK(""), NULL, TEST_VCITA_BAD },
    { 500, "<html>", NULL, TEST_VCITA_BAD },
    { 404, "", NULL, TEST_VCITA_BAD },

    /* no JSON object, a member twice */
    { 200, "", NULL, TEST_VCITA_BAD },
    { 200, "<html>", NULL, TEST_VCITA_BAD },
    { 200, "access_token=t&token_type=bearer", NULL, TEST_VCITA_BAD },
    { 200, "[" TEST_VCITA_OK("") "]", NULL, TEST_VCITA_BAD },
    { 200, TEST_VCITA_OK("") "x", NULL, TEST_VCITA_BAD },
    { 200, TEST_VCITA_OK("") "\"", NULL, TEST_VCITA_BAD },
    { 200, "{\"access_token\":\"t\"", NULL, TEST_VCITA_BAD },
    { 200, TEST_VCITA_OK(",\"access_token\":\"t\""), NULL, TEST_VCITA_BAD },
    { 200, TEST_VCITA_OK(",\"x\":[{\"y\":1,\"y\":1}]"), NULL,
      TEST_VCITA_BAD },
    { 400, "{\"error\":\"a\",\"error\":\"b\"}", NULL, TEST_VCITA_BAD },

    /* no token, or one that is none */
    { 200, "{}", NULL, TEST_VCITA_BAD },
    { 200, "{\"Access_Token\":\"t\"}", NULL, TEST_VCITA_BAD },
    { 200, "{\"a\":{\"access_token\":\"t\"}}", NULL, TEST_VCITA_BAD },
    { 200, "{\"access_token\":\"\"}", NULL, TEST_VCITA_BAD },
    { 200, "{\"access_token\":null}", NULL, TEST_VCITA_BAD },
    { 200, "{\"access_token\":1}", NULL, TEST_VCITA_BAD },
    { 200, "{\"access_token\":true}", NULL, TEST_VCITA_BAD },
    { 200, "{\"access_token\":[\"t\"]}", NULL, TEST_VCITA_BAD },
    { 200, "{\"access_token\":{}}", NULL, TEST_VCITA_BAD },
    { 200, "{\"access_token\":\"=\"}", NULL, TEST_VCITA_BAD },
    { 200, "{\"access_token\":\"=a\"}", NULL, TEST_VCITA_BAD },
    { 200, "{\"access_token\":\"a=b\"}", NULL, TEST_VCITA_BAD },
    { 200, "{\"access_token\":\"a b\"}", NULL, TEST_VCITA_BAD },
    { 200, "{\"access_token\":\"a\\r\\nX: y\"}", NULL, TEST_VCITA_BAD },
    { 200, "{\"access_token\":\"a\\u0000\"}", NULL, TEST_VCITA_BAD },
    { 200, "{\"access_token\":\"a\\u007f\"}", NULL, TEST_VCITA_BAD },
    { 200, "{\"access_token\":\"\xc3\xa9\"}", NULL, TEST_VCITA_BAD },
    { 200, "{\"access_token\":\"a,b\"}", NULL, TEST_VCITA_BAD },
    { 200, "{\"access_token\":\"a;b\"}", NULL, TEST_VCITA_BAD },
    { 200, "{\"access_token\":\"a\\\"b\"}", NULL, TEST_VCITA_BAD },
    { 200, "{\"access_token\":\"a@b\"}", NULL, TEST_VCITA_BAD },
    { 200, "{\"access_token\":\"a[b\"}", NULL, TEST_VCITA_BAD },
    { 200, "{\"access_token\":\"a`b\"}", NULL, TEST_VCITA_BAD },
    { 200, "{\"access_token\":\"a{b\"}", NULL, TEST_VCITA_BAD },

    /* the type and the scope */
    { 200, TEST_VCITA_OK(",\"token_type\":\"mac\""), NULL, TEST_VCITA_BAD },
    { 200, TEST_VCITA_OK(",\"token_type\":\"Bearer \""), NULL,
      TEST_VCITA_BAD },
    { 200, TEST_VCITA_OK(",\"token_type\":\"Beare\""), NULL, TEST_VCITA_BAD },
    { 200, TEST_VCITA_OK(",\"token_type\":\"Bearer\\n\""), NULL,
      TEST_VCITA_BAD },
    { 200, TEST_VCITA_OK(",\"token_type\":1"), NULL, TEST_VCITA_BAD },
    { 200, TEST_VCITA_OK(",\"token_type\":[\"Bearer\"]"), NULL,
      TEST_VCITA_BAD },
    { 200, TEST_VCITA_OK(",\"scope\":\"a\\nb\""), NULL, TEST_VCITA_BAD },
    { 200, TEST_VCITA_OK(",\"scope\":\"a\\u0000\""), NULL, TEST_VCITA_BAD },
    { 200, TEST_VCITA_OK(",\"scope\":1"), NULL, TEST_VCITA_BAD },

    /* an error is one whatever else is there, if it is text */
    { 400, "{\"error\":\"invalid_grant\"}", NULL, "invalid_grant" },
    { 401, "{\"error\":\"invalid_client\",\"error_description\":\"d\"}", NULL,
      "invalid_client" },
    { 500, "{\"error\":\"server_error\"}", NULL, "server_error" },
    { 200, "{\"error\":\"invalid_grant\"}", NULL, "invalid_grant" },
    { 200, TEST_VCITA_OK(",\"error\":\"invalid_grant\""), NULL,
      "invalid_grant" },
    { 400, "{\"error\":\"in valid\"}", NULL, "other" },
    { 400, "{\"error\":\"<script>\"}", NULL, "other" },
    { 400, "{\"error\":\"\xc3\xa9\"}", NULL, "other" },
    { 400, "{\"error\":\"a\\nb\"}", NULL, "other" },
    { 200, TEST_VCITA_OK(",\"error\":\"a\\nb\""), NULL, "other" },
    { 400, "{\"error\":\"\"}", NULL, TEST_VCITA_BAD },
    { 400, "{\"error\":null}", NULL, TEST_VCITA_BAD },
    { 400, "{\"error\":{\"error\":\"invalid_grant\"}}", NULL,
      TEST_VCITA_BAD },
    { 400, "{\"error\":1}", NULL, TEST_VCITA_BAD },
    { 200, TEST_VCITA_OK(",\"error\":1"), "t", "" },
    { 200, TEST_VCITA_OK(",\"error\":true"), "t", "" },
    { 200, TEST_VCITA_OK(",\"error\":[\"x\"]"), "t", "" },
    { 400, "{\"Error\":\"invalid_grant\"}", NULL, TEST_VCITA_BAD }
};


/* -1: no answer */

static test_vcita_expires_t  test_vcita_ends[] = {
    { "null", 0 },
    { "0", 0 },
    { "1", 1 },
    { "3600", 3600 },
    { "630720000", 630720000 },
    { "9999999999", 9999999999 },
    { "10000000000", 0 },
    { "99999999999", 0 },
    { "18446744073709551617", 0 },
    { "999999999999999999999999999999999999999999", 0 },
    { "3600.0", 3600 },
    { "3600.999", 3601 },
    { "0.0", 0 },
    { "0.5", 1 },
    { "\"0.5\"", 1 },
    { "0.000000000000000000000000000000000000000000000001", 1 },
    { "9999999999.5", 0 },
    { "\"3600\"", 3600 },
    { "\"0\"", 0 },
    { "\"007\"", 7 },
    { "-1", -1 },
    { "-0", -1 },
    { "-3600", -1 },
    { "\"-1\"", -1 },
    { "\"\"", -1 },
    { "\" 1\"", -1 },
    { "\"1 \"", -1 },
    { "\"+1\"", -1 },
    { "\".5\"", -1 },
    { "\"0x10\"", -1 },
    { "\"1h\"", -1 },
    { "\"1.5.5\"", -1 },
    { "\"never\"", -1 },
    { "\"1\\u0000\"", -1 },
    { "1e3", -1 },
    { "true", -1 },
    { "[3600]", -1 },
    { "[]", -1 }
};


static test_vcita_userinfo_t  test_vcita_infos[] = {
    { 200, "{\"sub\":\"s\"}", NGX_OK },
    { 200, "{\"sub\":\" \"}", NGX_OK },
    { 200, "{\"sub\":\"\xc3\xa9\"}", NGX_OK },
    { 200, "{\"a\":{\"sub\":\"x\"},\"Sub\":\"y\",\"sub\":\"s\"}", NGX_OK },
    { 201, "{\"sub\":\"s\"}", NGX_DECLINED },
    { 302, "{\"sub\":\"s\"}", NGX_DECLINED },
    { 401, "{\"sub\":\"s\"}", NGX_DECLINED },
    { 500, "{\"sub\":\"s\"}", NGX_DECLINED },
    { 200, "", NGX_DECLINED },
    { 200, "<html>", NGX_DECLINED },
    { 200, "{}", NGX_DECLINED },
    { 200, "[{\"sub\":\"s\"}]", NGX_DECLINED },
    { 200, "{\"sub\":\"s\"", NGX_DECLINED },
    { 200, "{\"sub\":\"s\"}{", NGX_DECLINED },
    { 200, "{\"sub\":\"s\",\"sub\":\"s\"}", NGX_DECLINED },
    { 200, "{\"sub\":\"s\",\"a\":{\"b\":1,\"b\":2}}", NGX_DECLINED },
    { 200, "{\"sub\":\"s\",\"name\":\"\\ud800\"}", NGX_DECLINED },
    { 200, "{\"Sub\":\"s\"}", NGX_DECLINED },
    { 200, "{\"a\":{\"sub\":\"s\"}}", NGX_DECLINED },
    { 200, "{\"sub\\u0000\":\"s\"}", NGX_DECLINED },
    { 200, "{\"sub\":\"\"}", NGX_DECLINED },
    { 200, "{\"sub\":null}", NGX_DECLINED },
    { 200, "{\"sub\":1}", NGX_DECLINED },
    { 200, "{\"sub\":true}", NGX_DECLINED },
    { 200, "{\"sub\":[\"s\"]}", NGX_DECLINED },
    { 200, "{\"sub\":{}}", NGX_DECLINED },
    { 200, "{\"sub\":\"s\\n\"}", NGX_DECLINED },
    { 200, "{\"sub\":\"s\\u0000\"}", NGX_DECLINED },
    { 200, "{\"sub\":\"\\u007f\"}", NGX_DECLINED }
};


unit_test(vcita_token)
{
    ngx_int_t                rc;
    ngx_str_t                body;
    ngx_uint_t               i, n;
    test_vcita_token_t      *t;
    ngx_http_vcita_token_t   token;

    t = test_vcita_tokens;
    n = sizeof(test_vcita_tokens) / sizeof(test_vcita_tokens[0]);

    for (i = 0; i < n; i++) {
        rc = test_vcita_token(t[i].status, t[i].body, &token);

        is_int(rc, t[i].token ? NGX_OK : NGX_DECLINED, "token %ui: %ui %s", i,
               t[i].status, t[i].body);
        is_str(&token.error, t[i].error, "token %ui: the error", i);

        if (t[i].token && rc == NGX_OK) {
            is_str(&token.access_token, t[i].token, "token %ui: it", i);
        }
    }

    n = sizeof(test_vcita_ends) / sizeof(test_vcita_ends[0]);

    for (i = 0; i < n; i++) {
        body = test_vcita_format(TEST_VCITA_OK(",\"expires_in\":%s"),
                                 test_vcita_ends[i].value);
        rc = test_vcita_token(200, (char *) body.data, &token);

        is_int(rc, test_vcita_ends[i].expires < 0 ? NGX_DECLINED : NGX_OK,
               "expires_in %ui: %s", i, test_vcita_ends[i].value);

        if (rc == NGX_OK) {
            is_int(token.expires_in, test_vcita_ends[i].expires,
                   "expires_in %ui: seconds", i);
        }
    }

    test_vcita_token(200, TEST_VCITA_OK(",\"token_type\":\"bearer\","
                                        "\"scope\":\"a b\\u00e9\""), &token);
    is_str(&token.token_type, "bearer", "the type as it was spelled");
    is_str(&token.scope, "a b\xc3\xa9", "the scope");
    is_int(token.expires_in, 0, "no end known");

    test_vcita_token(400, "{\"error\":\"x\",\"error_description\":\"d <e>\"}",
                     &token);
    is_str(&token.error_description, "d <e>", "a description");

    test_vcita_token(400, "{\"error\":\"x\",\"error_description\":\"d\\n\"}",
                     &token);
    is_str(&token.error, "x", "the error of a bad description");
    is_str(&token.error_description, "", "no control byte in a description");

    test_vcita_token(400, "{\"error\":\"x\",\"error_description\":[1]}",
                     &token);
    is_str(&token.error_description, "", "a description is text");
}


/* nothing of an answer that is refused stays in the pool */

unit_test(vcita_wiped)
{
    ngx_uint_t               i, n;
    ngx_http_vcita_token_t   token;

    static const char  *refused[] = {
        "{\"access_token\":\"t0k3n-1\",\"error\":\"x\"}",
        "{\"access_token\":\"t0k3n-2\",\"token_type\":\"mac\"}",
        "{\"access_token\":\"t0k3n-3 \"}",
        "{\"access_token\":\"t0k3n-4\",\"expires_in\":-1}",
        "{\"access_token\":\"t0k3n-5\",\"access_token\":\"t0k3n-6\"}",
        "{\"access_token\":\"t0k3n-7\"} x",
        "{\"access_token\":\"t0k3n-8\",",
        "{\"data\":{\"access_token\":\"t0k3n-9\"}}",
        "{\"access_token\":[\"t0k3n-a\"]}",
        "{\"error\":\"x\",\"id_token\":\"t0k3n-b\"}",
        "{\"error\":\"x\",\"refresh_token\":\"t0k3n-c\"}",
        "{\"Access_Token\":\"t0k3n-d\"}",
        "{\"x\":[{\"y\":1}],\"access_token\":\"t0k3n-e\",\"scope\":1}"
    };

    n = sizeof(refused) / sizeof(refused[0]);

    for (i = 0; i < n; i++) {
        is_int(test_vcita_token(200, refused[i], &token), NGX_DECLINED,
               "refused %ui", i);
        ok(!test_vcita_pool_has("t0k3n"), "refused %ui: wiped", i);
    }

    test_vcita_token(400, TEST_VCITA_OK(",\"id_token\":\"t0k3n\""), &token);
    ok(!test_vcita_pool_has("t0k3n"), "another status: wiped");

    test_vcita_token(400, "{\"error\":\"s0me\",\"error_description\":"
                          "\"s0mething\"}", &token);
    is_str(&token.error, "s0me", "the error stays");
    is_str(&token.error_description, "s0mething", "and what describes it");

    test_vcita_token(200, "{\"access_token\":\"t0k3n\","
                          "\"refresh_token\":\"t0ken\"}", &token);
    is_str(&token.access_token, "t0k3n", "the token of a good answer");
#if !(NGX_DEBUG_PALLOC)
    ok(test_vcita_pool_has("t0k3n"), "is there");
#endif
    ok(!test_vcita_pool_has("t0ken"), "one that is not used is not");
}


unit_test(vcita_error_code)
{
    u_char      c;
    ngx_str_t   error;
    ngx_uint_t  i, n, bad;

    bad = 0;

    for (i = 0; i < 256; i++) {
        c = (u_char) i;
        error = unit_text("a.b");
        error.data[1] = c;

        n = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z')
            || (c >= 'A' && c <= 'Z') || c == '_' || c == '.' || c == '-';

        ngx_http_vcita_protocol_error_code(&error);
        bad += ((error.len == 3) != n);
        bad += (error.len != 3 && error.len != 5);
    }

    is_int(bad, 0, "any byte in an error code");

    error = unit_room(64);
    ngx_memset(error.data, 'e', 64);
    ngx_http_vcita_protocol_error_code(&error);
    is_int(error.len, 64, "64 bytes");

    error = unit_room(65);
    ngx_memset(error.data, 'e', 65);
    ngx_http_vcita_protocol_error_code(&error);
    is_str(&error, "other", "65 bytes");

    ngx_str_null(&error);
    ngx_http_vcita_protocol_error_code(&error);
    is_str(&error, "other", "none");
}


unit_test(vcita_userinfo)
{
    ngx_int_t                 rc;
    ngx_str_t                 body, sub;
    ngx_uint_t                i, n;
    ngx_array_t              *claims;
    test_vcita_userinfo_t    *t;
    ngx_http_vcita_member_t  *m;

    t = test_vcita_infos;
    n = sizeof(test_vcita_infos) / sizeof(test_vcita_infos[0]);

    for (i = 0; i < n; i++) {
        rc = test_vcita_userinfo(t[i].status, t[i].body, &claims);

        is_int(rc, t[i].rc, "userinfo %ui: %ui %s", i, t[i].status,
               t[i].body);
        ok((ngx_http_vcita_json_member(claims, "sub") != NULL)
           == (rc == NGX_OK), "userinfo %ui: a claim sub", i);

        if (rc != NGX_OK) {
            is_int(claims->nelts, 0, "userinfo %ui: no claims", i);
        }
    }

    sub = unit_room(20001);
    ngx_memset(sub.data, 's', 20000);
    sub.data[20000] = '\0';

    body = test_vcita_format("{\"sub\":\"%s\"}", (char *) sub.data);
    is_int(test_vcita_userinfo(200, (char *) body.data, &claims), NGX_OK,
           "how long a sub may be is the session's to say");

    test_vcita_userinfo(200, "{\"email\":\"e@x\",\"sub\":\"s\","
                             "\"brand_theme\":{\"locale\":\"en\"},"
                             "\"email_verified\":true,\"phone\":null}",
                        &claims);
    is_int(claims->nelts, 6, "its claims, and those that are none");

    m = ngx_http_vcita_json_member(claims, "email_verified");
    ok(m != NULL, "a boolean");
    is_str(&m->value, "true", "as text");
}


unit_test(vcita_request)
{
    ngx_str_t                body, rest, name, value, all;
    ngx_uint_t               i;
    ngx_array_t             *members;
    ngx_http_vcita_grant_t   grant;
    ngx_http_vcita_member_t  *m;

    ngx_memzero(&grant, sizeof(ngx_http_vcita_grant_t));
    grant.client_id = unit_text("id");
    grant.client_secret = unit_text("s3cret");
    grant.redirect_uri = unit_text("https://a.b/oauth/callback");
    grant.code = unit_text("c0de");

    ngx_http_vcita_protocol_token_request(unit_pool, &grant, &body);
    is_str(&body, "grant_type=authorization_code&client_id=id"
                  "&client_secret=s3cret&code=c0de"
                  "&redirect_uri=https%3A%2F%2Fa.b%2Foauth%2Fcallback",
           "a form without PKCE");

    grant.code_verifier = unit_text("v-._~");
    ngx_http_vcita_protocol_token_request(unit_pool, &grant, &body);
    is_str(&body, "grant_type=authorization_code&client_id=id"
                  "&client_secret=s3cret&code=c0de"
                  "&redirect_uri=https%3A%2F%2Fa.b%2Foauth%2Fcallback"
                  "&code_verifier=v-._~",
           "a form with PKCE");

    ngx_str_null(&grant.client_secret);
    ngx_http_vcita_protocol_token_request(unit_pool, &grant, &body);
    is_str(&body, "grant_type=authorization_code&client_id=id&code=c0de"
                  "&redirect_uri=https%3A%2F%2Fa.b%2Foauth%2Fcallback"
                  "&code_verifier=v-._~",
           "a form without a secret");

    grant.json = 1;
    ngx_http_vcita_protocol_token_request(unit_pool, &grant, &body);
    is_str(&body, "{\"grant_type\":\"authorization_code\","
                  "\"client_id\":\"id\",\"code\":\"c0de\","
                  "\"redirect_uri\":\"https://a.b/oauth/callback\","
                  "\"code_verifier\":\"v-._~\"}",
           "JSON without a secret");

    /* beside an assertion, the secret stays at home */

    grant.client_secret = unit_text("s3cret");
    grant.client_assertion = unit_text("a.b-c_d.e");
    ngx_str_null(&grant.code_verifier);

    ngx_http_vcita_protocol_token_request(unit_pool, &grant, &body);
    is_str(&body, "{\"grant_type\":\"authorization_code\","
                  "\"client_id\":\"id\","
                  "\"client_assertion_type\":\"urn:ietf:params:oauth:"
                  "client-assertion-type:jwt-bearer\","
                  "\"client_assertion\":\"a.b-c_d.e\",\"code\":\"c0de\","
                  "\"redirect_uri\":\"https://a.b/oauth/callback\"}",
           "JSON with an assertion");

    grant.json = 0;
    ngx_http_vcita_protocol_token_request(unit_pool, &grant, &body);
    is_str(&body, "grant_type=authorization_code&client_id=id"
                  "&client_assertion_type=urn%3Aietf%3Aparams%3Aoauth%3A"
                  "client-assertion-type%3Ajwt-bearer"
                  "&client_assertion=a.b-c_d.e&code=c0de"
                  "&redirect_uri=https%3A%2F%2Fa.b%2Foauth%2Fcallback",
           "a form with an assertion");

    ngx_str_null(&grant.client_assertion);

    /* every byte, in every parameter: it comes back from both forms */

    all = unit_room(128);

    for (i = 0; i < all.len; i++) {
        all.data[i] = (u_char) i;
    }

    value = unit_text("&=+%\"\\/ \xc3\xa9\xf0\x9f\x98\x80 <>'{}[],;:?#");
    rest = unit_room(all.len + value.len);
    ngx_memcpy(rest.data, all.data, all.len);
    ngx_memcpy(rest.data + all.len, value.data, value.len);
    all = rest;

    grant.client_id = all;
    grant.client_secret = all;
    grant.redirect_uri = all;
    grant.code = all;
    grant.code_verifier = all;

    grant.json = 0;
    ngx_http_vcita_protocol_token_request(unit_pool, &grant, &body);
    rest = body;

    for (i = 0; ngx_http_vcita_query_next(&rest, &name, &value) == NGX_OK;
         i++)
    {
        ngx_http_vcita_query_unescape(unit_pool, &value);

        if (i) {
            is_eq(&value, &all, "form: %V comes back", &name);
        }
    }

    is_int(i, 6, "form: parameters");

    grant.json = 1;
    ngx_http_vcita_protocol_token_request(unit_pool, &grant, &body);
    members = ngx_array_create(unit_pool, 8, sizeof(ngx_http_vcita_member_t));
    is_int(ngx_http_vcita_json_members(unit_pool, &body, members), NGX_OK,
           "JSON is JSON");
    is_int(members->nelts, 6, "JSON: members");

    m = members->elts;

    for (i = 1; i < members->nelts; i++) {
        is_eq(&m[i].value, &all, "JSON: %V comes back", &m[i].name);
    }
}


static ngx_int_t
test_vcita_token(ngx_uint_t status, const char *body,
    ngx_http_vcita_token_t *token)
{
    ngx_int_t  rc;
    ngx_str_t  text;

    text = unit_text(body);

    rc = ngx_http_vcita_protocol_token_answer(unit_pool, status, &text, token);

    ngx_memzero(text.data, text.len);

    return rc;
}


static ngx_int_t
test_vcita_userinfo(ngx_uint_t status, const char *body,
    ngx_array_t **claims)
{
    ngx_str_t    text, sub;
    ngx_array_t  wanted;

    ngx_memzero(&wanted, sizeof(ngx_array_t));

    *claims = ngx_array_create(unit_pool, 1, sizeof(ngx_http_vcita_member_t));
    if (*claims == NULL) {
        abort();
    }

    text = unit_text(body);

    return ngx_http_vcita_protocol_userinfo_answer(unit_pool, status, &text,
                                                   &wanted, &sub, *claims);
}


/* a zero byte stands behind the text */

static ngx_str_t
test_vcita_format(const char *fmt, const char *value)
{
    ngx_str_t  text;

    text = unit_room(ngx_strlen(fmt) + ngx_strlen(value) + 1);
    text.len = ngx_sprintf(text.data, fmt, value) - text.data;
    text.data[text.len] = '\0';

    return text;
}


/* in the blocks of the pool: large pieces have none */

static ngx_uint_t
test_vcita_pool_has(const char *text)
{
    u_char      *from, *at;
    size_t       len;
    ngx_pool_t  *p;

    len = ngx_strlen(text);

    for (p = unit_pool; p; p = p->d.next) {
        from = (u_char *) p;

        for (at = from + sizeof(ngx_pool_data_t); at + len <= p->d.last; at++)
        {
            if (ngx_memcmp(at, text, len) == 0) {
                return 1;
            }
        }
    }

    return 0;
}
