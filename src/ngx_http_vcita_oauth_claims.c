
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


static ngx_int_t ngx_http_vcita_oauth_claim(ngx_pool_t *pool,
    ngx_http_vcita_oauth_member_t *m, ngx_array_t *claims,
    ngx_uint_t exact);
static ngx_uint_t ngx_http_vcita_oauth_claim_exact(ngx_str_t *name);
static u_char ngx_http_vcita_oauth_claim_char(u_char c);


/*
 * Appends the members that can be claims, named as variables can be: lower
 * case, "_" for any other character.  Of two that come to one name, the one
 * spelled so wins, then the outer one, then the first.  Empty values, those
 * over NGX_HTTP_VCITA_OAUTH_CLAIM_VALUE bytes, and those with a control byte
 * (they end in headers) are left out.
 */

ngx_int_t
ngx_http_vcita_oauth_claims(ngx_pool_t *pool, ngx_array_t *members,
    ngx_array_t *claims)
{
    ngx_uint_t                      i, pass, exact, outer;
    ngx_http_vcita_oauth_member_t  *m;

    /* there is room for "sub", however many others come before it */

    m = ngx_http_vcita_oauth_member(members, "sub");

    if (m && ngx_http_vcita_oauth_claim(pool, m, claims, 1) != NGX_OK) {
        return NGX_ERROR;
    }

    m = members->elts;

    for (pass = 0; pass < 4; pass++) {

        exact = (pass < 2);
        outer = (pass % 2 == 0);

        for (i = 0; i < members->nelts; i++) {

            if ((m[i].depth == 1) != outer
                || ngx_http_vcita_oauth_claim_exact(&m[i].name) != exact)
            {
                continue;
            }

            if (ngx_http_vcita_oauth_claim(pool, &m[i], claims, exact)
                != NGX_OK)
            {
                return NGX_ERROR;
            }
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_vcita_oauth_claim(ngx_pool_t *pool, ngx_http_vcita_oauth_member_t *m,
    ngx_array_t *claims, ngx_uint_t exact)
{
    u_char                         *p;
    ngx_str_t                       name;
    ngx_uint_t                      i;
    ngx_http_vcita_oauth_member_t  *c;

    if (m->value.len == 0
        || m->value.len > NGX_HTTP_VCITA_OAUTH_CLAIM_VALUE
        || !ngx_http_vcita_oauth_printable(&m->value)
        || claims->nelts == NGX_HTTP_VCITA_OAUTH_CLAIMS)
    {
        return NGX_OK;
    }

    name = m->name;

    if (!exact) {
        p = ngx_pnalloc(pool, name.len);
        if (p == NULL) {
            return NGX_ERROR;
        }

        for (i = 0; i < name.len; i++) {
            p[i] = ngx_http_vcita_oauth_claim_char(name.data[i]);
        }

        name.data = p;
    }

    c = claims->elts;

    for (i = 0; i < claims->nelts; i++) {

        if (c[i].name.len == name.len
            && ngx_memcmp(c[i].name.data, name.data, name.len) == 0)
        {
            return NGX_OK;
        }
    }

    c = ngx_array_push(claims);
    if (c == NULL) {
        return NGX_ERROR;
    }

    *c = *m;
    c->name = name;

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
