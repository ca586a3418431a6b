
/*
 * Copyright (C) the vcita OAuth gate authors
 *
 * Claims: the members of a JSON object under names that variables can have.
 * May touch JSON and a pool.
 */


#include <ngx_config.h>
#include <ngx_core.h>

#include "ngx_http_vcita_oauth_claims.h"
#include "ngx_http_vcita_oauth_text.h"


/* the rank of a member that cannot be a claim, after those that can */
#define NGX_HTTP_VCITA_OAUTH_CLAIM_USELESS  4


static ngx_uint_t ngx_http_vcita_oauth_claim_rank(
    ngx_http_vcita_oauth_member_t *m);
static ngx_uint_t ngx_http_vcita_oauth_claim_useful(
    ngx_http_vcita_oauth_member_t *m);
static ngx_int_t ngx_http_vcita_oauth_claim(ngx_pool_t *pool,
    ngx_http_vcita_oauth_member_t *m, ngx_array_t *claims);
static ngx_int_t ngx_http_vcita_oauth_claim_name(ngx_pool_t *pool,
    ngx_http_vcita_oauth_member_t *m, ngx_str_t *name);
static ngx_uint_t ngx_http_vcita_oauth_claim_exact(ngx_str_t *name);
static u_char ngx_http_vcita_oauth_claim_char(u_char c);


/*
 * Appends the members that can be claims, named as variables can be: lower
 * case, "_" for any other character.  Of two that come to one name, the one
 * spelled so wins, then the outer one, then the first; a name that the array
 * has already keeps its value.
 *
 * Empty values, those over NGX_HTTP_VCITA_OAUTH_CLAIM_VALUE bytes, and those
 * with a control byte (they end in headers) are no claims: what is left of
 * them is a JSON_NULL, so that nothing of that name is appended later.
 */

ngx_int_t
ngx_http_vcita_oauth_claims(ngx_pool_t *pool, ngx_array_t *members,
    ngx_array_t *claims)
{
    ngx_uint_t                      i, pass, rank;
    ngx_http_vcita_oauth_member_t  *m;

    /* there is room for "sub", however many others come before it */

    m = ngx_http_vcita_oauth_member(members, "sub");

    if (m && ngx_http_vcita_oauth_claim(pool, m, claims) != NGX_OK) {
        return NGX_ERROR;
    }

    m = members->elts;

    for (pass = 0; pass <= NGX_HTTP_VCITA_OAUTH_CLAIM_USELESS; pass++) {

        for (i = 0; i < members->nelts; i++) {
            rank = ngx_http_vcita_oauth_claim_rank(&m[i]);

            if (rank == pass
                && ngx_http_vcita_oauth_claim(pool, &m[i], claims) != NGX_OK)
            {
                return NGX_ERROR;
            }
        }
    }

    return NGX_OK;
}


/* in which pass a member comes: the lower, the better its right to the name */

static ngx_uint_t
ngx_http_vcita_oauth_claim_rank(ngx_http_vcita_oauth_member_t *m)
{
    ngx_uint_t  rank;

    if (!ngx_http_vcita_oauth_claim_useful(m)) {
        return NGX_HTTP_VCITA_OAUTH_CLAIM_USELESS;
    }

    rank = ngx_http_vcita_oauth_claim_exact(&m->name) ? 0 : 2;

    return (m->depth == 1) ? rank : rank + 1;
}


static ngx_uint_t
ngx_http_vcita_oauth_claim_useful(ngx_http_vcita_oauth_member_t *m)
{
    return m->value.len != 0
           && m->value.len <= NGX_HTTP_VCITA_OAUTH_CLAIM_VALUE
           && ngx_http_vcita_oauth_printable(&m->value);
}


static ngx_int_t
ngx_http_vcita_oauth_claim(ngx_pool_t *pool, ngx_http_vcita_oauth_member_t *m,
    ngx_array_t *claims)
{
    ngx_str_t                       name;
    ngx_uint_t                      i;
    ngx_http_vcita_oauth_member_t  *c;

    if (claims->nelts == NGX_HTTP_VCITA_OAUTH_CLAIMS) {
        return NGX_OK;
    }

    if (ngx_http_vcita_oauth_claim_name(pool, m, &name) != NGX_OK) {
        return NGX_ERROR;
    }

    c = claims->elts;

    for (i = 0; i < claims->nelts; i++) {

        if (ngx_http_vcita_oauth_same(&c[i].name, &name)) {
            return NGX_OK;
        }
    }

    c = ngx_array_push(claims);
    if (c == NULL) {
        return NGX_ERROR;
    }

    *c = *m;
    c->name = name;

    if (ngx_http_vcita_oauth_claim_useful(m)) {
        return NGX_OK;
    }

    /* the length of a value that was too long is still of interest */

    c->type = NGX_HTTP_VCITA_OAUTH_JSON_NULL;

    if (c->value.len <= NGX_HTTP_VCITA_OAUTH_CLAIM_VALUE) {
        ngx_str_null(&c->value);
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_vcita_oauth_claim_name(ngx_pool_t *pool,
    ngx_http_vcita_oauth_member_t *m, ngx_str_t *name)
{
    ngx_uint_t  i;

    *name = m->name;

    if (ngx_http_vcita_oauth_claim_exact(name)) {
        return NGX_OK;
    }

    name->data = ngx_pnalloc(pool, name->len);
    if (name->data == NULL) {
        return NGX_ERROR;
    }

    for (i = 0; i < name->len; i++) {
        name->data[i] = ngx_http_vcita_oauth_claim_char(m->name.data[i]);
    }

    return NGX_OK;
}


/*
 * Whose claims they are (OpenID Connect Core, 2 and 5.3.2).  NGX_DECLINED:
 * they do not say.
 */

ngx_int_t
ngx_http_vcita_oauth_claims_sub(ngx_array_t *members, ngx_str_t *sub)
{
    ngx_http_vcita_oauth_member_t  *m;

    m = ngx_http_vcita_oauth_member(members, "sub");

    if (m == NULL
        || m->type != NGX_HTTP_VCITA_OAUTH_JSON_STRING
        || !ngx_http_vcita_oauth_claim_useful(m))
    {
        return NGX_DECLINED;
    }

    *sub = m->value;

    return NGX_OK;
}


static ngx_uint_t
ngx_http_vcita_oauth_claim_exact(ngx_str_t *name)
{
    ngx_uint_t  i;

    for (i = 0; i < name->len; i++) {

        if (ngx_http_vcita_oauth_claim_char(name->data[i]) != name->data[i]) {
            return 0;
        }
    }

    return 1;
}


static u_char
ngx_http_vcita_oauth_claim_char(u_char c)
{
    if (c >= 'A' && c <= 'Z') {
        return c | 0x20;
    }

    if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9')) {
        return c;
    }

    return '_';
}
