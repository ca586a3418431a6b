
/*
 * Copyright (C) the vcita OAuth gate authors
 */


#ifndef _NGX_HTTP_VCITA_OAUTH_SAID_H_INCLUDED_
#define _NGX_HTTP_VCITA_OAUTH_SAID_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>

#include "ngx_http_vcita_oauth_claims.h"
#include "ngx_http_vcita_oauth_session.h"


/* name length, name, value */
#define NGX_HTTP_VCITA_OAUTH_TAG_CLAIM       0x10

/* name length, name, number of elements, their lengths, value */
#define NGX_HTTP_VCITA_OAUTH_TAG_ARRAY       0x11

/* of both: said once, by an id_token; userinfo is asked again */
#define NGX_HTTP_VCITA_OAUTH_TAG_ONCE        0x02

#define NGX_HTTP_VCITA_OAUTH_TAG_KIND        0x03


/* the tag is that of a claim */

#define ngx_http_vcita_oauth_said(tag)                                        \
    (((tag) & ~NGX_HTTP_VCITA_OAUTH_TAG_KIND)                                 \
     == NGX_HTTP_VCITA_OAUTH_TAG_CLAIM)


size_t ngx_http_vcita_oauth_said_fit(ngx_array_t *claims, size_t size,
    size_t limit);
u_char *ngx_http_vcita_oauth_said_put(u_char *p, ngx_array_t *claims);
ngx_int_t ngx_http_vcita_oauth_said_anew(ngx_pool_t *pool,
    ngx_http_vcita_oauth_session_t *s, ngx_array_t *claims, size_t limit,
    ngx_str_t *text);


#endif /* _NGX_HTTP_VCITA_OAUTH_SAID_H_INCLUDED_ */
