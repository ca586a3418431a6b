
/*
 * Copyright (C) the vcita OAuth gate authors
 *
 * A session as a list of tagged values, and its lifetime by its own expiry, the
 * configured timeouts, and when it was last seen.  An unknown tag is skipped
 * and kept, unless its critical bit requires the decoder to understand it.
 * Times are in seconds.  May touch the session, its times, and a pool.
 */


#include <ngx_config.h>
#include <ngx_core.h>

#include "session/ngx_http_vcita_session.h"
#include "util/ngx_http_vcita_string.h"
#include "util/ngx_http_vcita_tlv.h"


#define NGX_HTTP_VCITA_TAG_CRITICAL    0x80

#define NGX_HTTP_VCITA_TAG_CREATED     0x81
#define NGX_HTTP_VCITA_TAG_EXPIRES     0x82
#define NGX_HTTP_VCITA_TAG_SEEN        0x03
#define NGX_HTTP_VCITA_TAG_ID          0x84
#define NGX_HTTP_VCITA_TAG_TOKEN       0x05
#define NGX_HTTP_VCITA_TAG_TOKEN_HEX   0x06
#define NGX_HTTP_VCITA_TAG_TOKEN_TYPE  0x07
#define NGX_HTTP_VCITA_TAG_SCOPE       0x08
#define NGX_HTTP_VCITA_TAG_CHANGED     0x0a
#define NGX_HTTP_VCITA_TAG_PROVISIONAL 0x0b


static ngx_int_t ngx_http_vcita_session_take(ngx_http_vcita_session_t *s,
    ngx_http_vcita_tlv_t *t);
static ngx_uint_t ngx_http_vcita_session_hex(ngx_str_t *token);


/*
 * Encodes a session with the claims (..._member_t) in at most "limit" bytes.
 * Claims that do not fit are dropped, and their "type" becomes JSON_NULL.
 * NGX_DECLINED: a required claim does not fit.  The caller wipes the text: it
 * contains the token.
 */

ngx_int_t
ngx_http_vcita_session_encode(ngx_pool_t *pool, ngx_http_vcita_session_t *s,
    ngx_array_t *claims, size_t limit, ngx_str_t *text)
{
    u_char      *p;
    size_t       i, size, token;
    ngx_uint_t   hex;

    hex = ngx_http_vcita_session_hex(&s->token);
    token = hex ? s->token.len / 2 : s->token.len;

    if (token > NGX_HTTP_VCITA_TLV_MAX
        || s->scope.len > NGX_HTTP_VCITA_TLV_MAX)
    {
        return NGX_DECLINED;
    }

    size = 3 * (NGX_HTTP_VCITA_TLV_HEAD + sizeof(uint64_t))
           + (s->provisional ? 5 : 4) * NGX_HTTP_VCITA_TLV_HEAD
           + s->id.len + token + s->token_type.len + s->scope.len;

    size = ngx_http_vcita_session_claims_fit(claims, size, limit);

    if (size > limit) {
        return NGX_DECLINED;
    }

    p = ngx_pnalloc(pool, size);
    if (p == NULL) {
        return NGX_ERROR;
    }

    text->data = p;

    p = ngx_http_vcita_tlv_put_number(p, NGX_HTTP_VCITA_TAG_CREATED,
                                      s->created);
    p = ngx_http_vcita_tlv_put_number(p, NGX_HTTP_VCITA_TAG_EXPIRES,
                                      s->expires);

    if (s->seen) {
        p = ngx_http_vcita_tlv_put_number(p, NGX_HTTP_VCITA_TAG_SEEN, s->seen);
    }

    p = ngx_http_vcita_tlv_put(p, NGX_HTTP_VCITA_TAG_ID, &s->id);

    if (s->provisional) {
        p = ngx_http_vcita_tlv_head(p, NGX_HTTP_VCITA_TAG_PROVISIONAL, 0);
    }

    if (hex) {
        p = ngx_http_vcita_tlv_head(p, NGX_HTTP_VCITA_TAG_TOKEN_HEX, token);

        for (i = 0; i < s->token.len; i += 2) {
            *p++ = (u_char) ngx_hextoi(&s->token.data[i], 2);
        }

    } else {
        p = ngx_http_vcita_tlv_put(p, NGX_HTTP_VCITA_TAG_TOKEN, &s->token);
    }

    p = ngx_http_vcita_tlv_put(p, NGX_HTTP_VCITA_TAG_TOKEN_TYPE,
                               &s->token_type);
    p = ngx_http_vcita_tlv_put(p, NGX_HTTP_VCITA_TAG_SCOPE, &s->scope);

    p = ngx_http_vcita_session_claims_put(p, claims);

    text->len = p - text->data;

    return NGX_OK;
}


/* NGX_DECLINED: the text is not a session that this version understands */

ngx_int_t
ngx_http_vcita_session_decode(ngx_str_t *text, ngx_http_vcita_session_t *s)
{
    ngx_int_t             rc;
    ngx_str_t             rest, from;
    ngx_http_vcita_tlv_t  t;

    ngx_memzero(s, sizeof(ngx_http_vcita_session_t));
    ngx_str_set(&s->token_type, "Bearer");

    s->text = *text;
    rest = *text;

    for ( ;; ) {
        from = rest;

        rc = ngx_http_vcita_tlv_next(&rest, &t);

        if (rc == NGX_DONE) {
            break;
        }

        if (rc != NGX_OK) {
            return NGX_DECLINED;
        }

        if (ngx_http_vcita_session_claims_is_tag(t.tag)) {

            /* claims are read in place when a variable needs them */

            if (s->claims.data == NULL) {
                s->claims = from;
            }

            continue;
        }

        if (ngx_http_vcita_session_take(s, &t) != NGX_OK) {
            return NGX_DECLINED;
        }
    }

    if (s->created == 0
        || s->expires == 0
        || s->token.len == 0
        || s->id.len != NGX_HTTP_VCITA_SESSION_ID)
    {
        return NGX_DECLINED;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_vcita_session_take(ngx_http_vcita_session_t *s,
    ngx_http_vcita_tlv_t *t)
{
    uint64_t  value;

    switch (t->tag) {

    case NGX_HTTP_VCITA_TAG_CREATED:
        return ngx_http_vcita_tlv_number(&t->value, &s->created);

    case NGX_HTTP_VCITA_TAG_CHANGED:
        return ngx_http_vcita_tlv_number(&t->value, &s->changed);

    case NGX_HTTP_VCITA_TAG_EXPIRES:
    case NGX_HTTP_VCITA_TAG_SEEN:

        if (ngx_http_vcita_tlv_number(&t->value, &value) != NGX_OK
            || value > 0x7fffffffffffffff)
        {
            return NGX_DECLINED;
        }

        if (t->tag == NGX_HTTP_VCITA_TAG_SEEN) {
            s->seen = ngx_http_vcita_string_time(value);

        } else {
            s->expires = ngx_http_vcita_string_time(value);
        }

        return NGX_OK;

    case NGX_HTTP_VCITA_TAG_ID:
        s->id = t->value;
        return NGX_OK;

    case NGX_HTTP_VCITA_TAG_TOKEN:
    case NGX_HTTP_VCITA_TAG_TOKEN_HEX:
        s->token = t->value;
        s->hex = (t->tag == NGX_HTTP_VCITA_TAG_TOKEN_HEX);
        return NGX_OK;

    case NGX_HTTP_VCITA_TAG_TOKEN_TYPE:
        s->token_type = t->value;
        return NGX_OK;

    case NGX_HTTP_VCITA_TAG_SCOPE:
        s->scope = t->value;
        return NGX_OK;

    case NGX_HTTP_VCITA_TAG_PROVISIONAL:
        s->provisional = 1;
        return NGX_OK;
    }

    return (t->tag & NGX_HTTP_VCITA_TAG_CRITICAL) ? NGX_DECLINED : NGX_OK;
}


/*
 * Encodes a decoded session again with the current "seen", "changed" and
 * "provisional".  All other values, including those of later versions, are
 * copied unchanged and in order.  The text contains the token.
 */

ngx_int_t
ngx_http_vcita_session_reencode(ngx_pool_t *pool, ngx_http_vcita_session_t *s,
    ngx_str_t *text)
{
    return ngx_http_vcita_session_with(pool, s, NULL, text);
}


/* The same with other encoded claims; NULL: with its own */

ngx_int_t
ngx_http_vcita_session_with(ngx_pool_t *pool, ngx_http_vcita_session_t *s,
    ngx_str_t *claims, ngx_str_t *text)
{
    u_char                *p;
    ngx_str_t              rest, from;
    ngx_http_vcita_tlv_t   t;

    p = ngx_pnalloc(pool, 2 * (NGX_HTTP_VCITA_TLV_HEAD
                               + sizeof(uint64_t))
                          + s->text.len + (claims ? claims->len : 0));
    if (p == NULL) {
        return NGX_ERROR;
    }

    text->data = p;

    if (s->seen) {
        p = ngx_http_vcita_tlv_put_number(p, NGX_HTTP_VCITA_TAG_SEEN, s->seen);
    }

    if (s->changed) {
        p = ngx_http_vcita_tlv_put_number(p, NGX_HTTP_VCITA_TAG_CHANGED,
                                          s->changed);
    }

    rest = s->text;

    for ( ;; ) {
        from = rest;

        if (ngx_http_vcita_tlv_next(&rest, &t) != NGX_OK) {
            break;
        }

        if (t.tag != NGX_HTTP_VCITA_TAG_SEEN
            && t.tag != NGX_HTTP_VCITA_TAG_CHANGED
            && (t.tag != NGX_HTTP_VCITA_TAG_PROVISIONAL || s->provisional)
            && (claims == NULL || !ngx_http_vcita_session_claims_is_tag(t.tag)))
        {
            p = ngx_cpymem(p, from.data, rest.data - from.data);
        }
    }

    if (claims) {
        p = ngx_cpymem(p, claims->data, claims->len);
    }

    text->len = p - text->data;

    return NGX_OK;
}


/* The token as text; the pool gets the hex of one kept as bytes */

ngx_int_t
ngx_http_vcita_session_token(ngx_http_vcita_session_t *s, ngx_pool_t *pool,
    ngx_str_t *token)
{
    u_char  *p;

    if (!s->hex) {
        *token = s->token;
        return NGX_OK;
    }

    p = ngx_pnalloc(pool, s->token.len * 2);
    if (p == NULL) {
        return NGX_ERROR;
    }

    token->data = p;
    token->len = ngx_hex_dump(p, s->token.data, s->token.len) - p;

    return NGX_OK;
}


/* Lower-case hex of whole bytes, which is stored as bytes: half as long */

static ngx_uint_t
ngx_http_vcita_session_hex(ngx_str_t *token)
{
    u_char  *p, *last;

    if (token->len % 2) {
        return 0;
    }

    last = token->data + token->len;

    for (p = token->data; p < last; p++) {

        if ((*p < '0' || *p > '9') && (*p < 'a' || *p > 'f')) {
            return 0;
        }
    }

    return 1;
}


/*
 * The remaining lifetime in seconds, or 0.  "timeout" is the longest lifetime
 * in the current configuration, "idle" the longest time between two requests
 * that count, 0 for any.
 */

time_t
ngx_http_vcita_session_left(ngx_http_vcita_session_t *s,
    time_t now, time_t timeout, time_t idle)
{
    time_t  left, created, seen;

    created = ngx_http_vcita_string_time(s->created / 1000);
    seen = s->seen ? s->seen : created;

    if (created > now + NGX_HTTP_VCITA_SKEW
        || seen > now + NGX_HTTP_VCITA_SKEW)
    {
        return 0;
    }

    /* set by a clock that is ahead of this one: count as now */

    created = ngx_min(created, now);
    seen = ngx_min(seen, now);

    left = ngx_min(s->expires - now, timeout - (now - created));

    if (idle) {
        left = ngx_min(left, idle - (now - seen));
    }

    return ngx_max(left, 0);
}


/* Seconds since the login; set by a clock that is ahead: 0 */

time_t
ngx_http_vcita_session_age(ngx_http_vcita_session_t *s, time_t now)
{
    time_t  created;

    created = ngx_http_vcita_string_time(s->created / 1000);

    return now - ngx_min(created, now);
}


/*
 * Seconds that a store keeps a session with "left" seconds.  It is provisional
 * for a time from its beginning, however often it is written until then.
 */

time_t
ngx_http_vcita_session_ttl(ngx_http_vcita_session_t *s, time_t now,
    time_t left)
{
    time_t  ttl;

    if (!s->provisional) {
        return left;
    }

    ttl = NGX_HTTP_VCITA_SESSION_PROVISIONAL
          - ngx_http_vcita_session_age(s, now);

    return ngx_min(left, ngx_max(ttl, 1));
}


/*
 * 1: a request that counts restarts the idle time.  That costs a cookie, so it
 * happens at most once in a tenth of the idle time.
 */

ngx_uint_t
ngx_http_vcita_session_slides(ngx_http_vcita_session_t *s, time_t now,
    time_t idle)
{
    time_t  seen;

    seen = s->seen ? s->seen : ngx_http_vcita_string_time(s->created / 1000);

    return idle && now - seen > idle / 10;
}
