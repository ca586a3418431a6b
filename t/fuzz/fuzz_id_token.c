
/*
 * An id_token: one that passes is signed, names somebody, and is meant for
 * this client and this login, now.  Input: 0 for a JWT made of three lines,
 * header, payload and signature, else the JWT itself.
 * Dictionary: jwt
 */


#include <ngx_config.h>
#include <ngx_core.h>

#include "vcita/ngx_http_vcita_claims.h"
#include "vcita/ngx_http_vcita_id_token.h"
#include "fuzz.h"


#define FUZZ_ID_TOKEN_NOW   1790000000
#define FUZZ_ID_TOKEN_SKEW  60


static ngx_uint_t fuzz_id_token_parts(ngx_str_t *jwt);
static void fuzz_id_token_expect(ngx_http_vcita_id_token_expected_t *e);
static void fuzz_id_token_good(ngx_array_t *members);
static void fuzz_id_token_audience(ngx_array_t *members);
static ngx_uint_t fuzz_id_token_is(ngx_array_t *members, const char *name,
    const char *value);
static double fuzz_id_token_time(ngx_array_t *members, const char *name);
static void fuzz_id_token_header(ngx_str_t *header);


fuzz_target(id_token)
{
    u_char                               raw;
    const char                          *wrong;
    ngx_str_t                            jwt, header;
    ngx_array_t                         *members;
    ngx_http_vcita_id_token_expected_t   e;

    fuzz_id_token_expect(&e);

    ngx_str_null(&header);
    raw = fuzz_byte(in);
    jwt = raw ? fuzz_copy(in) : fuzz_jwt(in, &header);

    members = fuzz_array(sizeof(ngx_http_vcita_member_t));

    wrong = ngx_http_vcita_id_token(fuzz_pool, &jwt, &e, members);

    if (wrong == NULL) {
        fuzz_id_token_good(members);
        fuzz_check(fuzz_id_token_parts(&jwt) == 3);

        if (header.len) {
            fuzz_id_token_header(&header);
        }
    }

    /* the same token does not do for another login, nor for another client */

    if (wrong == NULL) {
        ngx_str_set(&e.nonce, "other");
        fuzz_check(ngx_http_vcita_id_token(fuzz_pool, &jwt, &e,
                                 fuzz_array(sizeof(ngx_http_vcita_member_t))));

        fuzz_id_token_expect(&e);
        ngx_str_set(&e.client_id, "clien");
        fuzz_check(ngx_http_vcita_id_token(fuzz_pool, &jwt, &e,
                                 fuzz_array(sizeof(ngx_http_vcita_member_t))));
    }
}


static ngx_uint_t
fuzz_id_token_parts(ngx_str_t *jwt)
{
    size_t      i;
    ngx_uint_t  n;

    n = 1;

    for (i = 0; i < jwt->len; i++) {
        n += (jwt->data[i] == '.');
    }

    return n;
}


static void
fuzz_id_token_expect(ngx_http_vcita_id_token_expected_t *e)
{
    ngx_str_set(&e->client_id, "client");
    ngx_str_set(&e->issuer, "https://i");
    ngx_str_set(&e->nonce, "nonce");

    e->now = FUZZ_ID_TOKEN_NOW;
    e->skew = FUZZ_ID_TOKEN_SKEW;
    e->max_age = 300;
}


static void
fuzz_id_token_good(ngx_array_t *members)
{
    ngx_str_t  sub;

    fuzz_check(ngx_http_vcita_claims_sub(members, &sub) == NGX_OK);
    fuzz_check(sub.len && fuzz_printable(&sub));

    fuzz_check(fuzz_id_token_is(members, "iss", "https://i"));
    fuzz_check(fuzz_id_token_is(members, "nonce", "nonce"));

    fuzz_id_token_audience(members);

    fuzz_check(fuzz_id_token_time(members, "exp")
               >= FUZZ_ID_TOKEN_NOW - FUZZ_ID_TOKEN_SKEW);
    fuzz_check(fuzz_id_token_time(members, "iat")
               < FUZZ_ID_TOKEN_NOW + FUZZ_ID_TOKEN_SKEW + 1);
    fuzz_check(fuzz_id_token_time(members, "iat") >= 0);
}


static void
fuzz_id_token_audience(ngx_array_t *members)
{
    u_char                   *p;
    size_t                    at, len;
    ngx_uint_t                i, n, found;
    ngx_http_vcita_member_t  *aud, *azp;

    azp = ngx_http_vcita_json_member(members, "azp");

    fuzz_check(azp == NULL || azp->type == NGX_HTTP_VCITA_JSON_NULL
               || fuzz_id_token_is(members, "azp", "client"));

    if (fuzz_id_token_is(members, "aud", "client")) {
        return;
    }

    aud = ngx_http_vcita_json_member(members, "aud");

    fuzz_check(aud && aud->type == NGX_HTTP_VCITA_JSON_ARRAY);

    n = aud->lengths.len / 2;
    p = aud->lengths.data;
    found = 0;
    at = 0;

    for (i = 0; i < n; i++) {
        len = (size_t) p[2 * i] << 8 | p[2 * i + 1];

        if (len == 6 && ngx_memcmp(aud->value.data + at, "client", 6) == 0) {
            found = 1;
        }

        at += len + 1;
    }

    fuzz_check(found);
    fuzz_check(n == 1 || fuzz_id_token_is(members, "azp", "client"));
}


static ngx_uint_t
fuzz_id_token_is(ngx_array_t *members, const char *name, const char *value)
{
    ngx_http_vcita_member_t  *m;

    m = ngx_http_vcita_json_member(members, name);

    return m && m->type == NGX_HTTP_VCITA_JSON_STRING
           && fuzz_same_text(&m->value, value);
}


static double
fuzz_id_token_time(ngx_array_t *members, const char *name)
{
    u_char                   *text;
    ngx_http_vcita_member_t  *m;

    m = ngx_http_vcita_json_member(members, name);

    fuzz_check(m && m->type == NGX_HTTP_VCITA_JSON_NUMBER);

    text = fuzz_header(&m->value).data;

    return strtod((char *) text, NULL);
}


static void
fuzz_id_token_header(ngx_str_t *header)
{
    ngx_array_t              *members;
    ngx_http_vcita_member_t  *alg;

    members = fuzz_array(sizeof(ngx_http_vcita_member_t));

    fuzz_check(ngx_http_vcita_json_members(fuzz_pool, header, members)
               == NGX_OK);

    alg = ngx_http_vcita_json_member(members, "alg");

    fuzz_check(alg && alg->type == NGX_HTTP_VCITA_JSON_STRING);
    fuzz_check(alg->value.len);
    fuzz_check(alg->value.len != 4
               || strncasecmp((char *) alg->value.data, "none", 4) != 0);
    fuzz_check(ngx_http_vcita_json_member(members, "crit") == NULL);
}
