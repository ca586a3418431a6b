
/*
 * Copyright (C) the vcita OAuth gate authors
 *
 * Cuts one Cookie line, for the unit tests and the fuzz targets: a request that
 * has no other header, whatever this nginx keeps Cookie lines in.
 */


#ifndef _NGX_HTTP_VCITA_OAUTH_COOKIE_LINE_H_INCLUDED_
#define _NGX_HTTP_VCITA_OAUTH_COOKIE_LINE_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "util/ngx_http_vcita_cookie.h"


static ngx_int_t cookie_line_cut(ngx_str_t *line, ngx_array_t *names,
    ngx_array_t *stems, ngx_array_t *found);


static ngx_int_t
cookie_line_cut(ngx_str_t *line, ngx_array_t *names, ngx_array_t *stems,
    ngx_array_t *found)
{
    ngx_int_t               rc;
    ngx_table_elt_t         header, *h;
    ngx_http_headers_in_t   in;

    h = &header;
    ngx_memzero(h, sizeof(ngx_table_elt_t));
    h->value = *line;

    ngx_memzero(&in, sizeof(ngx_http_headers_in_t));

    if (ngx_list_init(&in.headers, found->pool, 1, sizeof(ngx_table_elt_t))
        != NGX_OK)
    {
        return NGX_ERROR;
    }

#if (nginx_version >= 1023000)
    in.cookie = h;
#else
    in.cookies.elts = &h;
    in.cookies.nelts = 1;
#endif

    rc = ngx_http_vcita_cookie_cut(&in, names, stems, found);

    *line = header.value;

    return rc;
}


#endif /* _NGX_HTTP_VCITA_OAUTH_COOKIE_LINE_H_INCLUDED_ */
