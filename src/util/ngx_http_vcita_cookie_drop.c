
/*
 * Copyright (C) the vcita OAuth gate authors
 *
 * Removes Cookie lines from the headers of a request.  May touch header lists
 * and a pool.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "util/ngx_http_vcita_cookie.h"


static ngx_int_t ngx_http_vcita_cookie_drop_header(ngx_pool_t *pool,
    ngx_list_t *list, ngx_table_elt_t *h);
static ngx_int_t ngx_http_vcita_cookie_drop_from(ngx_pool_t *pool,
    ngx_list_t *list, ngx_list_part_t *prev, ngx_list_part_t *part,
    ngx_uint_t i);


/* Removes the Cookie lines of which nothing is left */

ngx_int_t
ngx_http_vcita_cookie_drop(ngx_http_headers_in_t *in, ngx_pool_t *pool)
{
#if (nginx_version >= 1023000)

    ngx_table_elt_t  *h, **link;

    link = &in->cookie;

    for (h = in->cookie; h; h = h->next) {

        if (h->value.len) {
            link = &h->next;
            continue;
        }

        *link = h->next;

        if (ngx_http_vcita_cookie_drop_header(pool, &in->headers, h)
            != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

#else

    ngx_uint_t         i, n;
    ngx_table_elt_t  **h;

    h = in->cookies.elts;
    n = 0;

    for (i = 0; i < in->cookies.nelts; i++) {

        if (h[i]->value.len) {
            h[n++] = h[i];
            continue;
        }

        if (ngx_http_vcita_cookie_drop_header(pool, &in->headers, h[i])
            != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    in->cookies.nelts = n;

#endif

    return NGX_OK;
}


/*
 * Removes a header from the list without moving others: nginx keeps pointers to
 * them.  Only the first part may become empty, since nginx's loops read the
 * first header of each further part unconditionally.
 */

static ngx_int_t
ngx_http_vcita_cookie_drop_header(ngx_pool_t *pool, ngx_list_t *list,
    ngx_table_elt_t *h)
{
    ngx_table_elt_t  *elts;
    ngx_list_part_t  *part, *prev;

    prev = NULL;

    for (part = &list->part; part; part = part->next) {
        elts = part->elts;

        if (h >= elts && h < elts + part->nelts) {
            return ngx_http_vcita_cookie_drop_from(pool, list, prev, part,
                                                   h - elts);
        }

        prev = part;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_vcita_cookie_drop_from(ngx_pool_t *pool, ngx_list_t *list,
    ngx_list_part_t *prev, ngx_list_part_t *part, ngx_uint_t i)
{
    ngx_table_elt_t  *elts;
    ngx_list_part_t  *tail;

    if (part->nelts == 1 && prev) {

        prev->next = part->next;

        if (list->last == part) {
            list->last = prev;
            list->nalloc = ngx_max(prev->nelts, 1);
        }

        return NGX_OK;
    }

    if (i == part->nelts - 1) {
        part->nelts--;
        return NGX_OK;
    }

    elts = part->elts;

    if (i == 0) {
        part->elts = &elts[1];
        part->nelts--;

        if (list->last == part) {
            list->nalloc = part->nelts;
        }

        return NGX_OK;
    }

    tail = ngx_palloc(pool, sizeof(ngx_list_part_t));
    if (tail == NULL) {
        return NGX_ERROR;
    }

    tail->elts = &elts[i + 1];
    tail->nelts = part->nelts - i - 1;
    tail->next = part->next;

    part->nelts = i;
    part->next = tail;

    if (list->last == part) {

        /* marks the tail as full: the next push starts a new part */

        list->last = tail;
        list->nalloc = tail->nelts;
    }

    return NGX_OK;
}
