
/*
 * A token request with a code that anybody may have made up: its parameters
 * read back as they were, and no other is there.  Input: 1 for JSON, 2 for an
 * assertion, a line that is the redirect_uri, the code.
 * Dictionary: query
 */


#include <ngx_config.h>
#include <ngx_core.h>

#include "util/ngx_http_vcita_query.h"
#include "vcita/ngx_http_vcita_claims.h"
#include "vcita/ngx_http_vcita_protocol.h"
#include "fuzz.h"


static ngx_uint_t fuzz_grant_params(ngx_http_vcita_grant_t *grant);
static void fuzz_grant_form(ngx_http_vcita_grant_t *grant, ngx_str_t *body);
static void fuzz_grant_form_param(ngx_str_t *body, const char *name,
    ngx_str_t *value);
static void fuzz_grant_json(ngx_http_vcita_grant_t *grant, ngx_str_t *body);
static void fuzz_grant_json_param(ngx_array_t *members, const char *name,
    ngx_str_t *value);


fuzz_target(grant)
{
    u_char                   how;
    ngx_str_t                body;
    ngx_http_vcita_grant_t   grant;

    ngx_memzero(&grant, sizeof(ngx_http_vcita_grant_t));

    ngx_str_set(&grant.client_id, "client");
    ngx_str_set(&grant.client_secret, "s&=\"\\ +%41");

    how = fuzz_byte(in);

    if (how & 2) {
        ngx_str_set(&grant.client_assertion, "a.b-_.c");
    }

    grant.json = how & 1;
    grant.redirect_uri = fuzz_line(in);
    grant.code = fuzz_copy(in);

    fuzz_check(ngx_http_vcita_protocol_token_request(fuzz_pool, &grant, &body)
               == NGX_OK);

    body = fuzz_copy(&body);

    /* the secret is not sent beside an assertion */

    if (grant.client_assertion.len) {
        ngx_str_null(&grant.client_secret);
    }

    if (grant.json) {
        fuzz_grant_json(&grant, &body);

    } else {
        fuzz_grant_form(&grant, &body);
    }
}


static ngx_uint_t
fuzz_grant_params(ngx_http_vcita_grant_t *grant)
{
    return 2 + (grant->client_assertion.len ? 2 : 1)
           + (grant->redirect_uri.len != 0) + (grant->code.len != 0);
}


static void
fuzz_grant_form(ngx_http_vcita_grant_t *grant, ngx_str_t *body)
{
    ngx_str_t   rest, name, value, type;
    ngx_uint_t  n;

    n = 0;
    rest = *body;

    while (ngx_http_vcita_query_next(&rest, &name, &value) == NGX_OK) {
        n++;
    }

    fuzz_check(n == fuzz_grant_params(grant));

    ngx_str_set(&type, "authorization_code");

    fuzz_grant_form_param(body, "grant_type", &type);
    fuzz_grant_form_param(body, "client_id", &grant->client_id);
    fuzz_grant_form_param(body, "client_secret", &grant->client_secret);
    fuzz_grant_form_param(body, "client_assertion", &grant->client_assertion);
    fuzz_grant_form_param(body, "redirect_uri", &grant->redirect_uri);
    fuzz_grant_form_param(body, "code", &grant->code);
}


static void
fuzz_grant_form_param(ngx_str_t *body, const char *name, ngx_str_t *value)
{
    ngx_int_t  rc;
    ngx_str_t  got;

    rc = ngx_http_vcita_query_get(fuzz_pool, body, name, &got);

    if (value->len == 0) {
        fuzz_check(rc == NGX_DECLINED);
        return;
    }

    fuzz_check(rc == NGX_OK && fuzz_same(&got, value));
}


static void
fuzz_grant_json(ngx_http_vcita_grant_t *grant, ngx_str_t *body)
{
    ngx_int_t     rc;
    ngx_str_t     type;
    ngx_array_t  *members;

    members = fuzz_array(sizeof(ngx_http_vcita_member_t));

    rc = ngx_http_vcita_json_members(fuzz_pool, body, members);

    /* bytes that are no text cannot be told in JSON */

    if (!fuzz_utf8(body)) {
        fuzz_check(rc == NGX_DECLINED);
        return;
    }

    fuzz_check(rc == NGX_OK);
    fuzz_check(members->nelts == fuzz_grant_params(grant));

    ngx_str_set(&type, "authorization_code");

    fuzz_grant_json_param(members, "grant_type", &type);
    fuzz_grant_json_param(members, "client_id", &grant->client_id);
    fuzz_grant_json_param(members, "client_secret", &grant->client_secret);
    fuzz_grant_json_param(members, "client_assertion",
                          &grant->client_assertion);
    fuzz_grant_json_param(members, "redirect_uri", &grant->redirect_uri);
    fuzz_grant_json_param(members, "code", &grant->code);
}


static void
fuzz_grant_json_param(ngx_array_t *members, const char *name,
    ngx_str_t *value)
{
    ngx_http_vcita_member_t  *m;

    m = ngx_http_vcita_json_member(members, name);

    if (value->len == 0) {
        fuzz_check(m == NULL);
        return;
    }

    fuzz_check(m && m->type == NGX_HTTP_VCITA_JSON_STRING);
    fuzz_check(fuzz_same(&m->value, value));
}
