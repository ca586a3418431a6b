
/*
 * Copyright (C) the vcita OAuth gate authors
 */


#ifndef _NGX_HTTP_VCITA_BASE64URL_H_INCLUDED_
#define _NGX_HTTP_VCITA_BASE64URL_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>


/* the decoded length of n characters */
#define ngx_http_vcita_base64url_decoded_len(n)                               \
    ((n) / 4 * 3 + ((n) % 4 ? (n) % 4 - 1 : 0))


size_t ngx_http_vcita_base64url_encode(u_char *dst, u_char *src, size_t len);
ngx_int_t ngx_http_vcita_base64url_decode(u_char *dst, ngx_str_t *src);


#endif /* _NGX_HTTP_VCITA_BASE64URL_H_INCLUDED_ */
