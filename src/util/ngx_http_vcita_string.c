
/*
 * Copyright (C) the vcita OAuth gate authors
 *
 * Strings: allowed bytes, and decimal numbers.  Touches only the strings it is
 * given.
 */


#include <ngx_config.h>
#include <ngx_core.h>

#include "util/ngx_http_vcita_string.h"


/* 1: the text has no control character */

ngx_uint_t
ngx_http_vcita_string_printable(ngx_str_t *text)
{
    ngx_uint_t  i;

    for (i = 0; i < text->len; i++) {

        if (text->data[i] < 0x20 || text->data[i] == 0x7f) {
            return 0;
        }
    }

    return 1;
}


/*
 * Makes a foreign value fit for a log line: short, UTF-8, and without the
 * characters that end its quotes or act on a terminal.  Else it is empty.
 */

void
ngx_http_vcita_string_shown(ngx_str_t *text)
{
    u_char    *p, *end, *last;
    uint32_t   c;

    if (text->len == 0) {
        return;
    }

    p = text->data;
    end = p;
    last = p + ngx_min(text->len, NGX_HTTP_VCITA_STRING_SHOWN);

    while (p < last) {

        c = (*p < 0x80) ? *p++ : ngx_utf8_decode(&p, last - p);

        if (c == 0xfffffffe && last < text->data + text->len) {

            /* the last character is cut */

            break;
        }

        if (c < 0x20 || c == '"' || c == '\\' || (c >= 0x7f && c < 0xa0)
            || c == 0x061c
            || (c >= 0x200b && c <= 0x200f) || (c >= 0x2028 && c <= 0x202e)
            || (c >= 0x2060 && c <= 0x206f) || (c >= 0xd800 && c <= 0xdfff)
            || c == 0xfeff || (c >= 0xfff9 && c <= 0xfffb) || c >= 0xe0000)
        {
            ngx_str_set(text, "");
            return;
        }

        end = p;
    }

    text->len = end - text->data;
}


/*
 * Rejects what yajl accepts: overlong UTF-8, unpaired surrogates, raw or
 * escaped (yajl turns "\ud800x" into "?"), and characters beyond U+10FFFF.
 */

ngx_int_t
ngx_http_vcita_string_unicode(ngx_str_t *text)
{
    u_char      *p, *last;
    uint32_t     c;
    ngx_uint_t   half;

    p = text->data;
    last = p + text->len;
    half = 0;

    while (p < last) {

        if (*p >= 0x80) {
            c = ngx_utf8_decode(&p, last - p);

            if (c >= 0xd800 && c <= 0xdfff) {
                return NGX_DECLINED;
            }

        } else if (*p != '\\') {
            c = *p++;

        } else if (last - p >= 6 && p[1] == 'u') {
            c = (uint32_t) ngx_hextoi(p + 2, 4);
            p += 6;

        } else {
            c = 0;
            p += 2;
        }

        if (c > 0x10ffff || (c >= 0xdc00 && c <= 0xdfff) != half) {
            return NGX_DECLINED;
        }

        half = (c >= 0xd800 && c <= 0xdbff);
    }

    return NGX_OK;
}


/*
 * The integer part of a decimal number, limited to ..._NUMBER_MAX.
 * NGX_DECLINED: negative, with an exponent, or not a number.
 */

ngx_int_t
ngx_http_vcita_string_number(ngx_str_t *text, int64_t *value)
{
    u_char  *p, *last;

    p = text->data;
    last = p + text->len;

    if (p == last || *p == '.') {
        return NGX_DECLINED;
    }

    *value = 0;

    for ( /* void */ ; p < last && *p >= '0' && *p <= '9'; p++) {

        if (*value < NGX_HTTP_VCITA_NUMBER_MAX) {
            *value = *value * 10 + (*p - '0');
        }
    }

    *value = ngx_min(*value, NGX_HTTP_VCITA_NUMBER_MAX);

    if (p < last && *p == '.') {

        do {
            p++;
        } while (p < last && *p >= '0' && *p <= '9');
    }

    return (p == last) ? NGX_OK : NGX_DECLINED;
}


/* Wipes a secret and clears the string */

void
ngx_http_vcita_string_wipe(ngx_str_t *secret)
{
    if (secret->len) {
        ngx_explicit_memzero(secret->data, secret->len);
        ngx_str_null(secret);
    }
}
