
/*
 * Copyright (C) the vcita OAuth gate authors
 */


#ifndef _NGX_HTTP_VCITA_COOKIE_H_INCLUDED_
#define _NGX_HTTP_VCITA_COOKIE_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "util/ngx_http_vcita_hot.h"


/* A cookie to set: its name, and the attributes after Max-Age */

typedef struct {
    ngx_str_t                    name;
    ngx_str_t                    attributes;
} ngx_http_vcita_cookie_t;


/* A cookie received: its index in the list of names, and its value */

typedef struct {
    ngx_uint_t                   index;
    ngx_str_t                    value;
} ngx_http_vcita_found_t;


ngx_int_t ngx_http_vcita_cookie_cut(ngx_http_headers_in_t *in,
    ngx_array_t *names, ngx_array_t *stems, ngx_array_t *found)
    ngx_http_vcita_hot;
ngx_int_t ngx_http_vcita_cookie_drop(ngx_http_headers_in_t *in,
    ngx_pool_t *pool);
ngx_int_t ngx_http_vcita_cookie_set(ngx_http_headers_out_t *out,
    ngx_pool_t *pool, ngx_http_vcita_cookie_t *cookie,
    ngx_str_t *value, time_t max_age);


static ngx_inline ngx_table_elt_t *ngx_http_vcita_cookie_header(
    ngx_list_part_t **part, ngx_uint_t *i);


extern u_char  ngx_http_vcita_set_cookie[];


/* The next of a list of headers, from the first part and 0 on; NULL: the end */

static ngx_inline ngx_table_elt_t *
ngx_http_vcita_cookie_header(ngx_list_part_t **part, ngx_uint_t *i)
{
    ngx_table_elt_t  *h;

    while (*i >= (*part)->nelts) {

        if ((*part)->next == NULL) {
            return NULL;
        }

        *part = (*part)->next;
        *i = 0;
    }

    h = (*part)->elts;

    return &h[(*i)++];
}


#endif /* _NGX_HTTP_VCITA_COOKIE_H_INCLUDED_ */
