
/*
 * The bytes of a session, as a newer or an older build may have sealed them:
 * what is found in them lies within them, and written again they say the same.
 */


#include <ngx_config.h>
#include <ngx_core.h>

#include "session/ngx_http_vcita_session.h"
#include "util/ngx_http_vcita_tlv.h"
#include "vcita/ngx_http_vcita_claims.h"
#include "fuzz.h"


#define FUZZ_SESSION_CLAIM  0x10
#define FUZZ_SESSION_ARRAY  0x11


static ngx_uint_t fuzz_session_look_up(ngx_http_vcita_session_t *s,
    ngx_str_t *name, ngx_http_vcita_member_t *claim);
static void fuzz_session_elements(ngx_str_t *lengths, ngx_str_t *value);
static ngx_array_t *fuzz_session_claims(ngx_http_vcita_session_t *s);
static void fuzz_session_again(ngx_http_vcita_session_t *s,
    ngx_array_t *claims);
static void fuzz_session_anew(ngx_http_vcita_session_t *s,
    ngx_array_t *claims);
static void fuzz_session_life(ngx_http_vcita_session_t *s);


fuzz_target(session)
{
    size_t                     i;
    ngx_str_t                  name;
    ngx_array_t               *claims;
    ngx_http_vcita_member_t    claim;
    ngx_http_vcita_session_t   s;

    if (ngx_http_vcita_session_decode(in, &s) != NGX_OK) {
        return;
    }

    fuzz_check(s.created && s.expires > 0 && s.seen >= 0);
    fuzz_check(s.id.len == NGX_HTTP_VCITA_SESSION_ID);
    fuzz_check(fuzz_inside(&s.id, in));
    fuzz_check(s.token.len && fuzz_inside(&s.token, in));
    fuzz_check(s.scope.len == 0 || fuzz_inside(&s.scope, in));
    fuzz_check(s.claims.len == 0 || fuzz_inside(&s.claims, in));

    /* names that nobody gave a claim */

    for (i = 0; i < in->len && i < 8; i++) {
        name.data = in->data + i;
        name.len = ngx_min(in->len - i, i * i);

        (void) fuzz_session_look_up(&s, &name, &claim);
    }

    claims = fuzz_session_claims(&s);

    fuzz_session_again(&s, claims);
    fuzz_session_anew(&s, claims);
    fuzz_session_life(&s);
}


/* 1: there is such a claim */

static ngx_uint_t
fuzz_session_look_up(ngx_http_vcita_session_t *s, ngx_str_t *name,
    ngx_http_vcita_member_t *claim)
{
    ngx_int_t  rc;
    ngx_str_t  lengths, value;

    ngx_memzero(claim, sizeof(ngx_http_vcita_member_t));

    claim->name = *name;
    claim->type = NGX_HTTP_VCITA_JSON_STRING;
    claim->wanted = NGX_HTTP_VCITA_CLAIM_NAMED;

    rc = ngx_http_vcita_session_claims_get(s, name, &claim->value);

    if (rc == NGX_OK) {
        fuzz_check(fuzz_inside(&claim->value, &s->claims));
    }

    if (ngx_http_vcita_session_claims_get_array(s, name, &lengths, &value)
        == NGX_OK)
    {
        fuzz_check(rc == NGX_OK);
        fuzz_check(fuzz_same(&value, &claim->value));
        fuzz_check(fuzz_inside(&lengths, &s->claims));
        fuzz_session_elements(&lengths, &value);

        claim->type = NGX_HTTP_VCITA_JSON_ARRAY;
        claim->lengths = lengths;
    }

    return rc == NGX_OK;
}


/* walked as the rules walk them: none reaches beyond the value */

static void
fuzz_session_elements(ngx_str_t *lengths, ngx_str_t *value)
{
    u_char  *p, *last;
    size_t   len, at;

    fuzz_check(lengths->len && lengths->len % 2 == 0);

    last = lengths->data + lengths->len;
    at = 0;

    for (p = lengths->data; p < last; p += 2) {
        len = (size_t) p[0] << 8 | p[1];

        fuzz_check(at + len <= value->len);

        at += len + 1;
    }

    fuzz_check(at == value->len + 1);
}


/* all claims that can be asked for, as encode() takes them */

static ngx_array_t *
fuzz_session_claims(ngx_http_vcita_session_t *s)
{
    ngx_str_t                 rest, name;
    ngx_uint_t                i;
    ngx_array_t              *claims;
    ngx_http_vcita_tlv_t      t;
    ngx_http_vcita_member_t   claim, *c;

    claims = fuzz_array(sizeof(ngx_http_vcita_member_t));
    rest = s->claims;

    while (ngx_http_vcita_tlv_next(&rest, &t) == NGX_OK) {

        if ((t.tag != FUZZ_SESSION_CLAIM && t.tag != FUZZ_SESSION_ARRAY)
            || t.value.len == 0
            || t.value.len < (size_t) 1 + *t.value.data)
        {
            continue;
        }

        name.data = t.value.data + 1;
        name.len = *t.value.data;

        /* an array whose lengths do not add up hides what comes after it */

        if (!fuzz_session_look_up(s, &name, &claim)) {
            continue;
        }

        c = claims->elts;

        for (i = 0; i < claims->nelts; i++) {

            if (fuzz_same(&c[i].name, &name)) {
                break;
            }
        }

        if (i == claims->nelts) {
            c = ngx_array_push(claims);
            fuzz_check(c);
            *c = claim;
        }
    }

    return claims;
}


static void
fuzz_session_again(ngx_http_vcita_session_t *s, ngx_array_t *claims)
{
    ngx_str_t                  text, token, same;
    ngx_uint_t                 i;
    ngx_http_vcita_member_t    claim, *c;
    ngx_http_vcita_session_t   given, again;

    fuzz_check(ngx_http_vcita_session_token(s, fuzz_pool, &token) == NGX_OK);
    fuzz_check(token.len == (s->hex ? 2 : 1) * s->token.len);

    given = *s;
    given.token = token;

    fuzz_check(ngx_http_vcita_session_encode(fuzz_pool, &given, claims, 65536,
                                             &text)
               == NGX_OK);
    fuzz_check(ngx_http_vcita_session_decode(&text, &again) == NGX_OK);

    fuzz_check(again.created == s->created);
    fuzz_check(again.expires == s->expires && again.seen == s->seen);
    fuzz_check(fuzz_same(&again.id, &s->id));
    fuzz_check(fuzz_same(&again.scope, &s->scope));

    /* one that is empty is not written: then it is the usual one */

    fuzz_check(s->token_type.len == 0
               || fuzz_same(&again.token_type, &s->token_type));

    fuzz_check(ngx_http_vcita_session_token(&again, fuzz_pool, &same)
               == NGX_OK);
    fuzz_check(fuzz_same(&token, &same));

    c = claims->elts;

    for (i = 0; i < claims->nelts; i++) {
        fuzz_check(fuzz_session_look_up(&again, &c[i].name, &claim));
        fuzz_check(claim.type == c[i].type);
        fuzz_check(fuzz_same(&claim.value, &c[i].value));
        fuzz_check(fuzz_same(&claim.lengths, &c[i].lengths));
    }
}


/* sealed anew: all values are kept, only the time of the last visit moves */

static void
fuzz_session_anew(ngx_http_vcita_session_t *s, ngx_array_t *claims)
{
    ngx_str_t                  text, same;
    ngx_uint_t                 i;
    ngx_http_vcita_member_t    claim, *c;
    ngx_http_vcita_session_t   given, again;

    given = *s;
    given.seen = 1790000000;

    fuzz_check(ngx_http_vcita_session_reencode(fuzz_pool, &given, &text)
               == NGX_OK);

    text = fuzz_copy(&text);

    fuzz_check(ngx_http_vcita_session_decode(&text, &again) == NGX_OK);

    fuzz_check(again.seen == given.seen);
    fuzz_check(again.created == s->created && again.expires == s->expires);
    fuzz_check(again.hex == s->hex && fuzz_same(&again.token, &s->token));
    fuzz_check(fuzz_same(&again.id, &s->id));
    fuzz_check(fuzz_same(&again.scope, &s->scope));
    fuzz_check(fuzz_same(&again.token_type, &s->token_type));

    c = claims->elts;

    for (i = 0; i < claims->nelts; i++) {
        fuzz_check(fuzz_session_look_up(&again, &c[i].name, &claim));
        fuzz_check(claim.type == c[i].type);
        fuzz_check(fuzz_same(&claim.value, &c[i].value));
    }

    fuzz_check(ngx_http_vcita_session_reencode(fuzz_pool, &again, &same)
               == NGX_OK);
    fuzz_check(fuzz_same(&text, &same));
}


static void
fuzz_session_life(ngx_http_vcita_session_t *s)
{
    time_t  now, left, created;

    created = (time_t) (s->created / 1000);
    now = created;

    fuzz_check(ngx_http_vcita_session_left(s, s->expires, 3600, 0) == 0);
    fuzz_check(ngx_http_vcita_session_left(s, now, 0, 0) == 0);

    left = ngx_http_vcita_session_left(s, now, 3600, 60);

    fuzz_check(left >= 0 && left <= 60);

    if (left) {
        fuzz_check(now + left <= s->expires);
        fuzz_check(s->seen <= now + NGX_HTTP_VCITA_SKEW);
        fuzz_check(ngx_http_vcita_session_left(s, now, 3600, 0) >= left);
        fuzz_check(!ngx_http_vcita_session_slides(s, now, 0));
    }

    if (s->expires > now && s->seen <= now) {
        fuzz_check(ngx_http_vcita_session_left(s, now, 1, 0) == 1);
    }

    now -= NGX_HTTP_VCITA_SKEW + 1;

    fuzz_check(ngx_http_vcita_session_left(s, now, 3600, 0) == 0);
}
