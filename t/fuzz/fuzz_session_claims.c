
/*
 * From a JSON object to a session and back: what vcita says of somebody fits
 * the cookie, or claims go, but never "sub" and "role".  Input: the limit in
 * units of 16 bytes, a line that is the token, one that is the scope, JSON.
 * Dictionary: json
 */


#include <ngx_config.h>
#include <ngx_core.h>

#include "session/ngx_http_vcita_session.h"
#include "vcita/ngx_http_vcita_claims.h"
#include "fuzz.h"


/* the numbers, the id, the heads, "sub", and "role" */

#define FUZZ_SESSION_CLAIMS_BASE  (3 * 11 + 16 + 4 * 3 + 2 * (3 + 1 + 4))

/* the longest value of one that has to stay, where a session is a cookie */

#define FUZZ_SESSION_CLAIMS_VALUE  1024


static ngx_array_t *fuzz_session_claims_of(ngx_str_t *json);
static ngx_uint_t fuzz_session_claims_fit(ngx_array_t *claims, size_t room);
static void fuzz_session_claims_compare(ngx_http_vcita_session_t *s,
    ngx_array_t *claims);


fuzz_target(session_claims)
{
    size_t                     limit;
    ngx_int_t                  rc;
    ngx_str_t                  text, token;
    ngx_array_t               *claims;
    ngx_http_vcita_session_t   s, again;

    ngx_memzero(&s, sizeof(ngx_http_vcita_session_t));

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

    rc = ngx_http_vcita_session_encode(fuzz_pool, &s, claims, limit, &text);

    if (rc == NGX_DECLINED) {
        token.len = FUZZ_SESSION_CLAIMS_BASE + s.token.len + s.token_type.len
                    + s.scope.len;

        fuzz_check(limit < token.len
                   || !fuzz_session_claims_fit(claims, limit - token.len));
        return;
    }

    fuzz_check(rc == NGX_OK);
    fuzz_check(text.len <= limit);

    text = fuzz_copy(&text);

    fuzz_check(ngx_http_vcita_session_decode(&text, &again) == NGX_OK);
    fuzz_check(ngx_http_vcita_session_token(&again, fuzz_pool, &token)
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
    ngx_array_t                     *members, *claims, *wanted;
    ngx_http_vcita_claims_wanted_t  *w;

    members = fuzz_array(sizeof(ngx_http_vcita_member_t));
    claims = fuzz_array(sizeof(ngx_http_vcita_member_t));

    if (ngx_http_vcita_json_members(fuzz_pool, json, members) != NGX_OK) {
        return NULL;
    }

    wanted = fuzz_array(sizeof(ngx_http_vcita_claims_wanted_t));

    w = ngx_array_push(wanted);
    fuzz_check(w);

    ngx_str_set(&w->name, "role");
    w->wanted = NGX_HTTP_VCITA_CLAIM_RULED;

    fuzz_check(ngx_http_vcita_claims(fuzz_pool, members, wanted, claims)
               == NGX_OK);

    return claims;
}


/* 1: those that have to stay can all be kept, in so many bytes */

static ngx_uint_t
fuzz_session_claims_fit(ngx_array_t *claims, size_t room)
{
    size_t                    size;
    ngx_uint_t                i;
    ngx_http_vcita_member_t  *c;

    c = claims->elts;
    size = 0;

    for (i = 0; i < claims->nelts; i++) {

        if (c[i].wanted < NGX_HTTP_VCITA_CLAIM_RULED) {
            continue;
        }

        if (c[i].value.len > FUZZ_SESSION_CLAIMS_VALUE
            || !fuzz_printable(&c[i].value))
        {
            return 0;
        }

        size += c[i].value.len
                + (c[i].lengths.len ? 2 + c[i].lengths.len : 0);
    }

    return size <= room;
}


static void
fuzz_session_claims_compare(ngx_http_vcita_session_t *s, ngx_array_t *claims)
{
    ngx_int_t                 rc;
    ngx_str_t                 value, lengths;
    ngx_uint_t                i;
    ngx_http_vcita_member_t  *c;

    c = claims->elts;

    for (i = 0; i < claims->nelts; i++) {

        rc = ngx_http_vcita_session_claims_get(s, &c[i].name, &value);

        if (!ngx_http_vcita_claim_has_value(&c[i])) {
            fuzz_check(rc == NGX_DECLINED);
            fuzz_check(c[i].wanted < NGX_HTTP_VCITA_CLAIM_RULED
                       || c[i].value.len == 0);
            continue;
        }

        fuzz_check(rc == NGX_OK && fuzz_same(&value, &c[i].value));
        fuzz_check(c[i].wanted || value.len <= 256);

        rc = ngx_http_vcita_session_claims_get_array(s, &c[i].name, &lengths,
                                                     &value);

        if (c[i].type == NGX_HTTP_VCITA_JSON_ARRAY) {
            fuzz_check(rc == NGX_OK);
            fuzz_check(fuzz_same(&lengths, &c[i].lengths));

        } else {
            fuzz_check(rc == NGX_DECLINED);
        }
    }
}
