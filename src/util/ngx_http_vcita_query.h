
/*
 * Copyright (C) the vcita OAuth gate authors
 */


#ifndef _NGX_HTTP_VCITA_QUERY_H_INCLUDED_
#define _NGX_HTTP_VCITA_QUERY_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>


#define ngx_http_vcita_query_escaped_len(s)                                   \
    ((s)->len + 2 * ngx_escape_uri(NULL, (s)->data, (s)->len,                 \
                                   NGX_ESCAPE_URI_COMPONENT))


ngx_int_t ngx_http_vcita_query_next(ngx_str_t *rest, ngx_str_t *name,
    ngx_str_t *value);
ngx_int_t ngx_http_vcita_query_get(ngx_pool_t *pool, ngx_str_t *query,
    const char *name, ngx_str_t *value);
ngx_int_t ngx_http_vcita_query_unescape(ngx_pool_t *pool, ngx_str_t *text);
ngx_int_t ngx_http_vcita_query_decode(u_char *dst, u_char *src, u_char *last,
    ngx_str_t *text);
u_char *ngx_http_vcita_query_escape(u_char *p, ngx_str_t *text);
ngx_int_t ngx_http_vcita_query_authority(ngx_str_t *authority);
ngx_uint_t ngx_http_vcita_query_within(ngx_str_t *authority, ngx_str_t *domain);


#endif /* _NGX_HTTP_VCITA_QUERY_H_INCLUDED_ */
