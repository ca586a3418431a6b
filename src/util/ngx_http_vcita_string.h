
/*
 * Copyright (C) the vcita OAuth gate authors
 */


#ifndef _NGX_HTTP_VCITA_STRING_H_INCLUDED_
#define _NGX_HTTP_VCITA_STRING_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>

#include "util/ngx_http_vcita_hot.h"


/* 300 years in seconds */
#define NGX_HTTP_VCITA_NUMBER_MAX  10000000000


/* seconds as a time_t, limited to its largest value */

#if (NGX_TIME_T_SIZE == 4)
#define NGX_HTTP_VCITA_TIME_MAX  NGX_MAX_INT32_VALUE
#else
#define NGX_HTTP_VCITA_TIME_MAX  0x7fffffffffffffff
#endif

#define ngx_http_vcita_string_time(seconds)                                   \
    (time_t) ngx_min((uint64_t) (seconds), NGX_HTTP_VCITA_TIME_MAX)


/* bytes of a foreign value in a log line */
#define NGX_HTTP_VCITA_STRING_SHOWN  ((size_t) 128)


#define ngx_http_vcita_string_json_len(s)                                     \
    ((s)->len + ngx_escape_json(NULL, (s)->data, (s)->len))


static ngx_inline ngx_uint_t ngx_http_vcita_str_eq(ngx_str_t *a, ngx_str_t *b);
ngx_uint_t ngx_http_vcita_string_printable(ngx_str_t *text) ngx_http_vcita_hot;
void ngx_http_vcita_string_shown(ngx_str_t *text);
ngx_int_t ngx_http_vcita_string_unicode(ngx_str_t *text);
ngx_int_t ngx_http_vcita_string_number(ngx_str_t *text, int64_t *value);
void ngx_http_vcita_string_wipe(ngx_str_t *secret);


/* 1: equal; not in constant time, for secrets see hash.c */

static ngx_inline ngx_uint_t
ngx_http_vcita_str_eq(ngx_str_t *a, ngx_str_t *b)
{
    return a->len == b->len
           && (a->len == 0 || ngx_memcmp(a->data, b->data, a->len) == 0);
}


#endif /* _NGX_HTTP_VCITA_STRING_H_INCLUDED_ */
