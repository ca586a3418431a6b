
/*
 * From a JSON object to a session and back: what vcita says of somebody fits
 * the cookie, or the largest claims go, but never "sub".  Input: the limit in
 * units of 16 bytes, a line that is the token, one that is the scope, JSON.
 * Dictionary: json
 */


#include <ngx_config.h>
#include <ngx_core.h>

#include "ngx_http_vcita_oauth_claims.h"
#include "ngx_http_vcita_oauth_session.h"
#include "fuzz.h"


/* the numbers, the id, the heads, and a "sub" of the largest size */

#define FUZZ_SESSION_CLAIMS_BASE  (3 * 11 + 16 + 4 * 3 + 3 + 1 + 3 + 256 + 600)


static ngx_array_t *fuzz_session_claims_of(ngx_str_t *json);
static size_t fuzz_session_claims_size(ngx_http_vcita_oauth_member_t *c);
static void fuzz_session_claims_compare(ngx_http_vcita_oauth_session_t *s,
    ngx_array_t *claims);


fuzz_target(session_claims)
{
    size_t                           limit;
    ngx_int_t                        rc;
    ngx_str_t                        text, token;
    ngx_array_t                     *claims;
    ngx_http_vcita_oauth_session_t   s, again;

    ngx_memzero(&s, sizeof(ngx_http_vcita_oauth_session_t));

    s.created = 1790000000000;
    s.expires = 1790028800;

    ngx_str_set(&s.id, "0123456789abcdef");
    ngx_str_set(&s.token_type, "bearer");

    limit = (size_t) fuzz_byte(in) << 4;
    s.token = fuzz_line(in);
    s.scope = fuzz_line(in);

    if (s.token.len == 0) {
        ngx_str_set(&s.token, "00ff");
    }

    claims = fuzz_session_claims_of(in);

    if (claims == NULL) {
        return;
    }

    rc = ngx_http_vcita_oauth_session_encode(fuzz_pool, &s, claims, limit,
                                             &text);

    if (rc == NGX_DECLINED) {
        fuzz_check(limit < FUZZ_SESSION_CLAIMS_BASE + s.token.len
                           + s.token_type.len + s.scope.len);
        return;
    }

    fuzz_check(rc == NGX_OK);
    fuzz_check(text.len <= limit);

    text = fuzz_copy(&text);

    fuzz_check(ngx_http_vcita_oauth_session_decode(&text, &again) == NGX_OK);
    fuzz_check(ngx_http_vcita_oauth_session_token(&again, fuzz_pool, &token)
               == NGX_OK);

    fuzz_check(again.created == s.created && again.expires == s.expires);
    fuzz_check(fuzz_same(&again.id, &s.id));
    fuzz_check(fuzz_same(&token, &s.token));
    fuzz_check(fuzz_same(&again.token_type, &s.token_type));
    fuzz_check(fuzz_same(&again.scope, &s.scope));

    fuzz_session_claims_compare(&again, claims);
}


static ngx_array_t *
fuzz_session_claims_of(ngx_str_t *json)
{
    ngx_array_t  *members, *claims;

    members = fuzz_array(sizeof(ngx_http_vcita_oauth_member_t));
    claims = fuzz_array(sizeof(ngx_http_vcita_oauth_member_t));

    if (ngx_http_vcita_oauth_json(fuzz_pool, json, members) != NGX_OK) {
        return NULL;
    }

    fuzz_check(ngx_http_vcita_oauth_claims(fuzz_pool, members, claims)
               == NGX_OK);

    return claims;
}


static size_t
fuzz_session_claims_size(ngx_http_vcita_oauth_member_t *c)
{
    return c->name.len + c->value.len
           + (c->lengths.len ? 2 + c->lengths.len : 0);
}


static void
fuzz_session_claims_compare(ngx_http_vcita_oauth_session_t *s,
    ngx_array_t *claims)
{
    size_t                          kept, dropped;
    ngx_int_t                       rc;
    ngx_str_t                       value, lengths;
    ngx_uint_t                      i;
    ngx_http_vcita_oauth_member_t  *c;

    kept = 0;
    dropped = (size_t) -1;
    c = claims->elts;

    for (i = 0; i < claims->nelts; i++) {

        rc = ngx_http_vcita_oauth_session_claim(s, &c[i].name, &value);

        if (c[i].value.len == 0
            || c[i].value.len > NGX_HTTP_VCITA_OAUTH_CLAIM_VALUE)
        {
            /* it was none from the beginning */

            fuzz_check(rc == NGX_DECLINED);
            continue;
        }

        if (fuzz_same_text(&c[i].name, "sub")) {
            fuzz_check(rc == NGX_OK);

        } else if (c[i].type == NGX_HTTP_VCITA_OAUTH_JSON_NULL) {
            fuzz_check(rc == NGX_DECLINED);
            dropped = ngx_min(dropped, fuzz_session_claims_size(&c[i]));
            continue;

        } else {
            kept = ngx_max(kept, fuzz_session_claims_size(&c[i]));
        }

        fuzz_check(rc == NGX_OK && fuzz_same(&value, &c[i].value));

        rc = ngx_http_vcita_oauth_session_array(s, &c[i].name, &lengths,
                                                &value);

        if (c[i].type == NGX_HTTP_VCITA_OAUTH_JSON_ARRAY) {
            fuzz_check(rc == NGX_OK);
            fuzz_check(fuzz_same(&lengths, &c[i].lengths));

        } else {
            fuzz_check(rc == NGX_DECLINED);
        }
    }

    fuzz_check(kept <= dropped);
}
