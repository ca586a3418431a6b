
/*
 * Copyright (C) the vcita OAuth gate authors
 *
 * Claims in a session: encoding, lookup, replacement.  May touch claims, tags
 * and a pool.
 */


#include <ngx_config.h>
#include <ngx_core.h>

#include "session/ngx_http_vcita_session.h"
#include "util/ngx_http_vcita_string.h"
#include "util/ngx_http_vcita_tlv.h"


/* the longest value of a claim that nothing names, and of a named one */
#define NGX_HTTP_VCITA_CLAIM_OTHER_LEN   256
#define NGX_HTTP_VCITA_CLAIM_NAMED_LEN   1024

/* a larger session is in a store, where tags set the only limit */
#define NGX_HTTP_VCITA_CLAIM_STORED_LEN  4096


static size_t ngx_http_vcita_session_claims_size(ngx_http_vcita_member_t *c);
static ngx_uint_t ngx_http_vcita_session_claims_fits(ngx_http_vcita_member_t *c,
    size_t limit, size_t size);
static u_char *ngx_http_vcita_session_claims_put_claim(u_char *p,
    ngx_http_vcita_member_t *c);
static size_t ngx_http_vcita_session_claims_other(ngx_http_vcita_session_t *s,
    ngx_array_t *claims, ngx_uint_t replaced, u_char *p);
static ngx_uint_t ngx_http_vcita_session_claims_over(ngx_http_vcita_tlv_t *t,
    ngx_array_t *claims);
static ngx_int_t ngx_http_vcita_session_claims_find(ngx_http_vcita_session_t *s,
    ngx_str_t *name, ngx_str_t *lengths, ngx_str_t *value) ngx_http_vcita_hot;
static ngx_int_t ngx_http_vcita_session_claims_elements(ngx_str_t *lengths,
    ngx_str_t *value);


/*
 * Marks dropped claims by JSON_NULL, and returns the size with the others.
 * Claims that rules depend on go first, then those that the configuration
 * names, then others in order while there is room.  If the size exceeds the
 * limit, a required claim does not fit: it is the last one marked.
 */

size_t
ngx_http_vcita_session_claims_fit(ngx_array_t *claims, size_t size,
    size_t limit)
{
    ngx_int_t                 pass;
    ngx_uint_t                i;
    ngx_http_vcita_member_t  *c;

    if (size > limit) {
        return size;
    }

    c = claims->elts;

    for (pass = NGX_HTTP_VCITA_CLAIM_SUB; pass >= 0; pass--) {

        for (i = 0; i < claims->nelts; i++) {

            if (c[i].wanted != (ngx_uint_t) pass) {
                continue;
            }

            if (ngx_http_vcita_claim_has_value(&c[i])) {

                if (ngx_http_vcita_session_claims_fits(&c[i], limit, size)) {
                    size += ngx_http_vcita_session_claims_size(&c[i]);
                    continue;
                }

                c[i].type = NGX_HTTP_VCITA_JSON_NULL;
            }

            if (pass >= NGX_HTTP_VCITA_CLAIM_RULED && c[i].value.len) {
                return limit + 1;
            }
        }
    }

    return size;
}


static size_t
ngx_http_vcita_session_claims_size(ngx_http_vcita_member_t *c)
{
    size_t  size;

    size = NGX_HTTP_VCITA_TLV_HEAD + 1 + c->name.len + c->value.len;

    if (c->type == NGX_HTTP_VCITA_JSON_ARRAY) {
        size += 2 + c->lengths.len;
    }

    return size;
}


/* 1: the claim is short enough, and there is room for it */

static ngx_uint_t
ngx_http_vcita_session_claims_fits(ngx_http_vcita_member_t *c,
    size_t limit, size_t size)
{
    size_t  len;

    len = ngx_http_vcita_session_claims_size(c);

    if (len > limit - size
        || len - NGX_HTTP_VCITA_TLV_HEAD > NGX_HTTP_VCITA_TLV_MAX)
    {
        return 0;
    }

    if (c->wanted == NGX_HTTP_VCITA_CLAIM_OTHER) {
        return c->value.len <= NGX_HTTP_VCITA_CLAIM_OTHER_LEN;
    }

    return limit >= NGX_HTTP_VCITA_CLAIM_STORED_LEN
           || c->value.len <= NGX_HTTP_VCITA_CLAIM_NAMED_LEN;
}


/* Encodes the claims that are not marked; returns the end */

u_char *
ngx_http_vcita_session_claims_put(u_char *p, ngx_array_t *claims)
{
    ngx_uint_t                i;
    ngx_http_vcita_member_t  *c;

    c = claims->elts;

    for (i = 0; i < claims->nelts; i++) {

        if (ngx_http_vcita_claim_has_value(&c[i])) {
            p = ngx_http_vcita_session_claims_put_claim(p, &c[i]);
        }
    }

    return p;
}


static u_char *
ngx_http_vcita_session_claims_put_claim(u_char *p, ngx_http_vcita_member_t *c)
{
    size_t      len, n;
    ngx_uint_t  tag, array;

    array = (c->type == NGX_HTTP_VCITA_JSON_ARRAY);
    len = 1 + c->name.len + (array ? 2 + c->lengths.len : 0) + c->value.len;

    tag = array ? NGX_HTTP_VCITA_TAG_ARRAY : NGX_HTTP_VCITA_TAG_CLAIM;

    if (c->once) {
        tag |= NGX_HTTP_VCITA_TAG_ONCE;
    }

    p = ngx_http_vcita_tlv_head(p, tag, len);

    *p++ = (u_char) c->name.len;
    p = ngx_cpymem(p, c->name.data, c->name.len);

    if (array) {
        n = c->lengths.len / 2;

        *p++ = (u_char) (n >> 8);
        *p++ = (u_char) n;
        p = ngx_cpymem(p, c->lengths.data, c->lengths.len);
    }

    return ngx_cpymem(p, c->value.data, c->value.len);
}


/*
 * Encodes a session with the current claims of userinfo, in at most "limit"
 * bytes.  Earlier claims of userinfo are dropped; claims of an id_token stay
 * unless userinfo has the same name.  NGX_DECLINED: a claim that rules depend
 * on does not fit.  The caller wipes the text: it contains the token.
 */

ngx_int_t
ngx_http_vcita_session_claims_replace(ngx_pool_t *pool,
    ngx_http_vcita_session_t *s, ngx_array_t *claims, size_t limit,
    ngx_str_t *text)
{
    u_char  *p;
    size_t   size;

    size = ngx_http_vcita_session_claims_other(s, claims, 0, NULL)
           + ngx_http_vcita_session_claims_other(s, claims, 1, NULL);

    size = ngx_http_vcita_session_claims_fit(claims, size, limit);

    if (size > limit) {
        return NGX_DECLINED;
    }

    p = ngx_pnalloc(pool, size);
    if (p == NULL) {
        return NGX_ERROR;
    }

    text->data = p;

    /* the order of a login, so that unchanged claims give the same text */

    p += ngx_http_vcita_session_claims_other(s, claims, 0, p);
    p = ngx_http_vcita_session_claims_put(p, claims);
    p += ngx_http_vcita_session_claims_other(s, claims, 1, p);

    text->len = p - text->data;

    return NGX_OK;
}


/*
 * The length of the values that stay: all that are not claims, or the claims.
 * Copies them to p unless it is NULL.
 */

static size_t
ngx_http_vcita_session_claims_other(ngx_http_vcita_session_t *s,
    ngx_array_t *claims, ngx_uint_t replaced, u_char *p)
{
    size_t                len, n;
    ngx_str_t             rest, from;
    ngx_http_vcita_tlv_t  t;

    len = 0;
    rest = s->text;

    for ( ;; ) {
        from = rest;

        if (ngx_http_vcita_tlv_next(&rest, &t) != NGX_OK) {
            return len;
        }

        if (ngx_http_vcita_session_claims_is_tag(t.tag) != replaced
            || (replaced && ngx_http_vcita_session_claims_over(&t, claims)))
        {
            continue;
        }

        n = rest.data - from.data;

        if (p) {
            ngx_memcpy(p + len, from.data, n);
        }

        len += n;
    }
}


/* 1: the new claims replace or remove this one */

static ngx_uint_t
ngx_http_vcita_session_claims_over(ngx_http_vcita_tlv_t *t, ngx_array_t *claims)
{
    size_t                    len;
    ngx_str_t                 name;
    ngx_uint_t                i;
    ngx_http_vcita_member_t  *c;

    if (!(t->tag & NGX_HTTP_VCITA_TAG_ONCE)
        || t->value.len == 0
        || t->value.len <= t->value.data[0])
    {
        return 1;
    }

    name.data = t->value.data + 1;
    name.len = t->value.data[0];

    c = claims->elts;

    for (i = 0; i < claims->nelts; i++) {

        len = c[i].name.len;

        if (name.len < len || ngx_memcmp(name.data, c[i].name.data, len) != 0)
        {
            continue;
        }

        /* the claim itself, or a member of the object that it no longer is */

        if (name.len == len
            || (name.len > len + 2
                && name.data[len] == '_'
                && name.data[len + 1] == '_'
                && c[i].type != NGX_HTTP_VCITA_JSON_OBJECT))
        {
            return 1;
        }
    }

    return 0;
}


/*
 * The value of a claim, in place.  The name is in lower case, as nginx makes
 * the names of variables.  NGX_DECLINED: the session has no such claim.
 */

ngx_int_t
ngx_http_vcita_session_claims_get(ngx_http_vcita_session_t *s, ngx_str_t *name,
    ngx_str_t *value)
{
    ngx_str_t  lengths;

    return ngx_http_vcita_session_claims_find(s, name, &lengths, value)
           == NGX_DECLINED ? NGX_DECLINED : NGX_OK;
}


/*
 * The value of a claim that is an array: elements joined by commas, and their
 * lengths in two bytes each.  NGX_DECLINED: the claim is not an array.
 */

ngx_int_t
ngx_http_vcita_session_claims_get_array(ngx_http_vcita_session_t *s,
    ngx_str_t *name, ngx_str_t *lengths, ngx_str_t *value)
{
    return ngx_http_vcita_session_claims_find(s, name, lengths, value)
           == NGX_DONE ? NGX_OK : NGX_DECLINED;
}


/* NGX_OK: found; NGX_DONE: found, and the claim is an array */

static ngx_int_t
ngx_http_vcita_session_claims_find(ngx_http_vcita_session_t *s, ngx_str_t *name,
    ngx_str_t *lengths, ngx_str_t *value)
{
    u_char                *p;
    size_t                 len;
    ngx_str_t              rest;
    ngx_http_vcita_tlv_t   t;

    rest = s->claims;

    while (ngx_http_vcita_tlv_next(&rest, &t) == NGX_OK) {

        p = t.value.data;
        len = t.value.len;

        if (!ngx_http_vcita_session_claims_is_tag(t.tag)
            || len < 1 + name->len
            || *p != name->len
            || ngx_memcmp(p + 1, name->data, name->len) != 0)
        {
            continue;
        }

        value->data = p + 1 + name->len;
        value->len = len - 1 - name->len;

        if ((t.tag & ~NGX_HTTP_VCITA_TAG_ONCE) == NGX_HTTP_VCITA_TAG_CLAIM)
        {
            return NGX_OK;
        }

        return ngx_http_vcita_session_claims_elements(lengths, value);
    }

    return NGX_DECLINED;
}


/* takes the lengths off the front of an array; they add up to what is left */

static ngx_int_t
ngx_http_vcita_session_claims_elements(ngx_str_t *lengths, ngx_str_t *value)
{
    u_char  *p;
    size_t   n, sum;

    p = value->data;

    if (value->len < 2) {
        return NGX_DECLINED;
    }

    n = (size_t) p[0] << 8 | p[1];

    if (n == 0 || value->len < 2 + 2 * n) {
        return NGX_DECLINED;
    }

    lengths->data = p + 2;
    lengths->len = 2 * n;

    value->data += 2 + 2 * n;
    value->len -= 2 + 2 * n;

    sum = n - 1;

    for (p = lengths->data; p < value->data; p += 2) {
        sum += (size_t) p[0] << 8 | p[1];
    }

    return (sum == value->len) ? NGX_DONE : NGX_DECLINED;
}
