
/*
 * Copyright (C) the vcita OAuth gate authors
 */


#ifndef _NGX_HTTP_VCITA_TLV_H_INCLUDED_
#define _NGX_HTTP_VCITA_TLV_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>


/* a tag, and a length in at most two groups of seven bits */
#define NGX_HTTP_VCITA_TLV_HEAD  3
#define NGX_HTTP_VCITA_TLV_MAX   0x3fff


typedef struct {
    ngx_uint_t                   tag;
    ngx_str_t                    value;
} ngx_http_vcita_tlv_t;


u_char *ngx_http_vcita_tlv_head(u_char *p, ngx_uint_t tag, size_t len);
u_char *ngx_http_vcita_tlv_put(u_char *p, ngx_uint_t tag, ngx_str_t *value);
u_char *ngx_http_vcita_tlv_put_number(u_char *p, ngx_uint_t tag,
    uint64_t value);
ngx_int_t ngx_http_vcita_tlv_number(ngx_str_t *value, uint64_t *t);
static ngx_inline ngx_int_t ngx_http_vcita_tlv_next(ngx_str_t *rest,
    ngx_http_vcita_tlv_t *t);


/* Returns the next value.  NGX_DONE: the end; NGX_ERROR: truncated */

static ngx_inline ngx_int_t
ngx_http_vcita_tlv_next(ngx_str_t *rest,
    ngx_http_vcita_tlv_t *t)
{
    u_char  *p;
    size_t   left, len;

    p = rest->data;
    left = rest->len;

    if (left == 0) {
        return NGX_DONE;
    }

    if (left < 2) {
        return NGX_ERROR;
    }

    t->tag = *p++;
    len = *p++;
    left -= 2;

    if (len & 0x80) {

        if (left == 0) {
            return NGX_ERROR;
        }

        len = (len & 0x7f) << 7 | (*p++ & 0x7f);
        left--;
    }

    if (len > left) {
        return NGX_ERROR;
    }

    t->value.data = p;
    t->value.len = len;

    rest->data = p + len;
    rest->len = left - len;

    return NGX_OK;
}


#endif /* _NGX_HTTP_VCITA_TLV_H_INCLUDED_ */
