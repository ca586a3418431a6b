
/*
 * Copyright (C) the vcita OAuth gate authors
 *
 * Claims: the members of a JSON object, under names that nginx variables can
 * have.  May touch JSON and a pool.
 */


#include <ngx_config.h>
#include <ngx_core.h>

#include "util/ngx_http_vcita_string.h"
#include "vcita/ngx_http_vcita_claims.h"


/* A member, and the claim name it may get */

typedef struct {
    ngx_http_vcita_member_t  *member;
    ngx_str_t                 name;
    ngx_uint_t                folded;   /* characters of the name */
    ngx_uint_t                wanted;
    ngx_uint_t                lost;     /* unsigned  lost:1; */
} ngx_http_vcita_spelling_t;


static ngx_int_t ngx_http_vcita_claim_spell(ngx_pool_t *pool,
    ngx_http_vcita_member_t *m, ngx_http_vcita_spelling_t *s);
static void ngx_http_vcita_claim_choose(ngx_http_vcita_spelling_t *s,
    ngx_uint_t n);
static int ngx_http_vcita_claim_cmp(const void *one, const void *two);
static int ngx_http_vcita_claim_order(const void *one,
    const void *two);
static void ngx_http_vcita_claim_lose(ngx_http_vcita_spelling_t *s,
    ngx_uint_t n, ngx_array_t *claims);
static ngx_http_vcita_member_t *ngx_http_vcita_claim_taken(ngx_array_t *claims,
    ngx_str_t *name);
static ngx_uint_t ngx_http_vcita_claim_wanted(ngx_array_t *wanted,
    ngx_str_t *name);
static ngx_int_t ngx_http_vcita_claim_push(ngx_http_vcita_spelling_t *s,
    ngx_array_t *claims);
static ngx_uint_t ngx_http_vcita_claim_protocol(ngx_str_t *name);
static u_char ngx_http_vcita_claims_char(u_char c);


/*
 * Appends the members as claims, named for nginx variables: lower case, "_" for
 * other characters.  If several members get one name, the one with the fewest
 * changed characters is chosen, then the outermost, then the first.  Names that
 * the array already has keep their values.  The members of an object that is
 * not chosen are dropped with it.
 *
 * The order is: "sub", claims that rules depend on, other wanted claims
 * (..._claims_wanted_t), then at most ..._CLAIMS others.
 *
 * Empty values and values with control characters, unsafe in headers, become
 * JSON_NULL.  They still take their name.
 */

ngx_int_t
ngx_http_vcita_claims(ngx_pool_t *pool, ngx_array_t *members,
    ngx_array_t *wanted, ngx_array_t *claims)
{
    ngx_int_t                   pass;
    ngx_uint_t                  i, n;
    ngx_http_vcita_member_t    *m;
    ngx_http_vcita_spelling_t  *s;

    m = members->elts;
    n = members->nelts;

    if (n == 0) {
        return NGX_OK;
    }

    s = ngx_palloc(pool, n * sizeof(ngx_http_vcita_spelling_t));
    if (s == NULL) {
        return NGX_ERROR;
    }

    for (i = 0; i < n; i++) {

        if (ngx_http_vcita_claim_spell(pool, &m[i], &s[i]) != NGX_OK) {
            return NGX_ERROR;
        }

        s[i].wanted = ngx_http_vcita_claim_wanted(wanted, &s[i].name);
    }

    ngx_http_vcita_claim_choose(s, n);
    ngx_http_vcita_claim_lose(s, n, claims);

    for (pass = NGX_HTTP_VCITA_CLAIM_SUB; pass >= 0; pass--) {

        for (i = 0; i < n; i++) {

            if (!s[i].lost
                && s[i].wanted == (ngx_uint_t) pass
                && ngx_http_vcita_claim_push(&s[i], claims) != NGX_OK)
            {
                return NGX_ERROR;
            }
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_vcita_claim_spell(ngx_pool_t *pool, ngx_http_vcita_member_t *m,
    ngx_http_vcita_spelling_t *s)
{
    u_char      c;
    ngx_uint_t  i;

    s->member = m;
    s->name = m->name;
    s->folded = 0;
    s->lost = 0;

    for (i = 0; i < m->name.len; i++) {
        c = ngx_http_vcita_claims_char(m->name.data[i]);

        if (c == m->name.data[i]) {
            continue;
        }

        if (s->folded++ == 0) {
            s->name.data = ngx_pstrdup(pool, &m->name);
            if (s->name.data == NULL) {
                return NGX_ERROR;
            }
        }

        s->name.data[i] = c;
    }

    return NGX_OK;
}


/* All spellings of a name but one lose */

static void
ngx_http_vcita_claim_choose(ngx_http_vcita_spelling_t *s, ngx_uint_t n)
{
    ngx_uint_t  i;

    ngx_qsort(s, n, sizeof(ngx_http_vcita_spelling_t),
              ngx_http_vcita_claim_cmp);

    for (i = 1; i < n; i++) {
        s[i].lost = ngx_http_vcita_str_eq(&s[i].name, &s[i - 1].name);
    }

    ngx_qsort(s, n, sizeof(ngx_http_vcita_spelling_t),
              ngx_http_vcita_claim_order);
}


static int
ngx_http_vcita_claim_cmp(const void *one, const void *two)
{
    const ngx_http_vcita_spelling_t  *a = one;
    const ngx_http_vcita_spelling_t  *b = two;

    int  rc;

    if (a->name.len != b->name.len) {
        return (a->name.len < b->name.len) ? -1 : 1;
    }

    rc = ngx_memcmp(a->name.data, b->name.data, a->name.len);

    if (rc != 0) {
        return rc;
    }

    if (a->folded != b->folded) {
        return (a->folded < b->folded) ? -1 : 1;
    }

    if (a->member->depth != b->member->depth) {
        return (a->member->depth < b->member->depth) ? -1 : 1;
    }

    return ngx_http_vcita_claim_order(one, two);
}


/* in the order of the response */

static int
ngx_http_vcita_claim_order(const void *one, const void *two)
{
    const ngx_http_vcita_spelling_t  *a = one;
    const ngx_http_vcita_spelling_t  *b = two;

    return (a->member < b->member) ? -1 : (a->member > b->member);
}


/*
 * A member loses if an earlier response has set its name, or if its object lost
 * to a value that is not an object
 */

static void
ngx_http_vcita_claim_lose(ngx_http_vcita_spelling_t *s, ngx_uint_t n,
    ngx_array_t *claims)
{
    ngx_uint_t                i, depth;
    ngx_http_vcita_member_t  *m, *taken;

    depth = 0;

    for (i = 0; i < n; i++) {
        m = s[i].member;

        if (depth && m->depth > depth) {
            s[i].lost = 1;
            continue;
        }

        taken = ngx_http_vcita_claim_taken(claims, &s[i].name);

        depth = (m->type == NGX_HTTP_VCITA_JSON_OBJECT
                 && (s[i].lost
                     || (taken
                         && taken->type != NGX_HTTP_VCITA_JSON_OBJECT)))
                ? m->depth : 0;

        if (taken) {
            s[i].lost = 1;
        }
    }
}


static ngx_http_vcita_member_t *
ngx_http_vcita_claim_taken(ngx_array_t *claims, ngx_str_t *name)
{
    ngx_uint_t                i;
    ngx_http_vcita_member_t  *c;

    c = claims->elts;

    for (i = 0; i < claims->nelts; i++) {

        if (ngx_http_vcita_str_eq(&c[i].name, name)) {
            return &c[i];
        }
    }

    return NULL;
}


static ngx_uint_t
ngx_http_vcita_claim_wanted(ngx_array_t *wanted, ngx_str_t *name)
{
    ngx_uint_t                       i;
    ngx_http_vcita_claims_wanted_t  *w;

    if (name->len == 3 && ngx_strncmp(name->data, "sub", 3) == 0) {
        return NGX_HTTP_VCITA_CLAIM_SUB;
    }

    w = wanted->elts;

    for (i = 0; i < wanted->nelts; i++) {

        if (ngx_http_vcita_str_eq(&w[i].name, name)) {
            return w[i].wanted;
        }
    }

    return NGX_HTTP_VCITA_CLAIM_OTHER;
}


static ngx_int_t
ngx_http_vcita_claim_push(ngx_http_vcita_spelling_t *s, ngx_array_t *claims)
{
    ngx_http_vcita_member_t  *c;

    if (s->wanted == NGX_HTTP_VCITA_CLAIM_OTHER
        && (claims->nelts >= NGX_HTTP_VCITA_CLAIMS
            || ngx_http_vcita_claim_protocol(&s->name)))
    {
        return NGX_OK;
    }

    c = ngx_array_push(claims);
    if (c == NULL) {
        return NGX_ERROR;
    }

    *c = *s->member;
    c->name = s->name;
    c->wanted = s->wanted;

    if (c->type == NGX_HTTP_VCITA_JSON_OBJECT) {
        return NGX_OK;
    }

    /* the claim takes its name without a value */

    if (c->value.len == 0 || !ngx_http_vcita_string_printable(&c->value)) {
        c->type = NGX_HTTP_VCITA_JSON_NULL;
    }

    return NGX_OK;
}


/*
 * Claims about the token, not the user (OpenID Connect Core, 2; RFC 7519, 4.1)
 */

static ngx_uint_t
ngx_http_vcita_claim_protocol(ngx_str_t *name)
{
    const char  **p;

    static const char  *names[] = {
        "iss", "aud", "azp", "exp", "iat", "nbf", "nonce", "at_hash", "jti",
        NULL
    };

    for (p = names; *p; p++) {

        if (name->len == ngx_strlen(*p)
            && ngx_memcmp(name->data, *p, name->len) == 0)
        {
            return 1;
        }
    }

    return 0;
}


/*
 * The subject (OpenID Connect Core, 2 and 5.3.2).  NGX_DECLINED: there is no
 * valid "sub".
 */

ngx_int_t
ngx_http_vcita_claims_sub(ngx_array_t *members, ngx_str_t *sub)
{
    ngx_http_vcita_member_t  *m;

    m = ngx_http_vcita_json_member(members, "sub");

    if (m == NULL
        || m->type != NGX_HTTP_VCITA_JSON_STRING
        || m->value.len == 0
        || !ngx_http_vcita_string_printable(&m->value))
    {
        return NGX_DECLINED;
    }

    *sub = m->value;

    return NGX_OK;
}


static u_char
ngx_http_vcita_claims_char(u_char c)
{
    if (c >= 'A' && c <= 'Z') {
        return c | 0x20;
    }

    if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9')) {
        return c;
    }

    return '_';
}
