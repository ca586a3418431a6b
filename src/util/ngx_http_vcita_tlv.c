
/*
 * Copyright (C) the vcita OAuth gate authors
 *
 * Tagged values: a tag, a length of one or two bytes, the value.  Touches only
 * the memory it is given.
 */


#include <ngx_config.h>
#include <ngx_core.h>

#include "util/ngx_http_vcita_tlv.h"


/* Writes the tag and the length, which is at most ..._TLV_MAX */

u_char *
ngx_http_vcita_tlv_head(u_char *p, ngx_uint_t tag, size_t len)
{
    *p++ = (u_char) tag;

    if (len < 0x80) {
        *p++ = (u_char) len;
        return p;
    }

    *p++ = (u_char) (0x80 | len >> 7);
    *p++ = (u_char) (len & 0x7f);

    return p;
}


/* Writes a string, or nothing if it is empty */

u_char *
ngx_http_vcita_tlv_put(u_char *p, ngx_uint_t tag, ngx_str_t *value)
{
    if (value->len == 0) {
        return p;
    }

    p = ngx_http_vcita_tlv_head(p, tag, value->len);

    return ngx_cpymem(p, value->data, value->len);
}


/* Writes a number in as few bytes as possible, big-endian */

u_char *
ngx_http_vcita_tlv_put_number(u_char *p, ngx_uint_t tag,
    uint64_t value)
{
    size_t  len;

    for (len = 1; len < sizeof(uint64_t) && value >> (8 * len); len++) {
        /* void */
    }

    p = ngx_http_vcita_tlv_head(p, tag, len);

    while (len--) {
        *p++ = (u_char) (value >> (8 * len));
    }

    return p;
}


/* NGX_DECLINED: the value is not a number */

ngx_int_t
ngx_http_vcita_tlv_number(ngx_str_t *value, uint64_t *t)
{
    size_t  i;

    if (value->len == 0 || value->len > sizeof(uint64_t)) {
        return NGX_DECLINED;
    }

    *t = 0;

    for (i = 0; i < value->len; i++) {
        *t = *t << 8 | value->data[i];
    }

    return NGX_OK;
}
