
/*
 * Copyright (C) the vcita OAuth gate authors
 *
 * Query strings, percent-encoding, and host[:port].  Touches only the strings
 * and the pool it is given.
 */


#include <ngx_config.h>
#include <ngx_core.h>

#include "util/ngx_http_vcita_query.h"


static u_char *ngx_http_vcita_query_authority_host(u_char *p, u_char *last);


/*
 * Returns the next pair of a query, both parts still encoded.  Skips empty
 * pairs ("a=1&&b=2").  NGX_DONE: the end.
 */

ngx_int_t
ngx_http_vcita_query_next(ngx_str_t *rest, ngx_str_t *name, ngx_str_t *value)
{
    u_char  *p, *last, *eq;

    while (rest->len && rest->data[0] == '&') {
        rest->data++;
        rest->len--;
    }

    if (rest->len == 0) {
        return NGX_DONE;
    }

    p = rest->data;
    last = ngx_strlchr(p, p + rest->len, '&');

    if (last == NULL) {
        last = p + rest->len;
    }

    rest->len -= last - p;
    rest->data = last;

    eq = ngx_strlchr(p, last, '=');

    name->data = p;
    name->len = (eq ? eq : last) - p;

    value->data = eq ? eq + 1 : last;
    value->len = last - value->data;

    return NGX_OK;
}


/*
 * The decoded value of a parameter.  Names are compared decoded and
 * case-sensitively.  NGX_DECLINED: absent.  NGX_ABORT: repeated, or not
 * decodable.  NGX_ERROR: memory is exhausted.
 */

ngx_int_t
ngx_http_vcita_query_get(ngx_pool_t *pool, ngx_str_t *query, const char *name,
    ngx_str_t *value)
{
    size_t      len;
    ngx_int_t   rc, found;
    ngx_str_t   rest, n, v;

    found = NGX_DECLINED;
    rest = *query;
    len = ngx_strlen(name);

    while (ngx_http_vcita_query_next(&rest, &n, &v) == NGX_OK) {

        rc = ngx_http_vcita_query_unescape(pool, &n);

        if (rc == NGX_ERROR) {
            return NGX_ERROR;
        }

        if (rc != NGX_OK
            || n.len != len
            || ngx_memcmp(n.data, name, len) != 0)
        {
            continue;
        }

        if (found == NGX_OK) {
            return NGX_ABORT;
        }

        found = NGX_OK;
        *value = v;
    }

    if (found != NGX_OK) {
        return found;
    }

    rc = ngx_http_vcita_query_unescape(pool, value);

    return (rc == NGX_DECLINED) ? NGX_ABORT : rc;
}


/*
 * Decodes percent-encoding and "+" (RFC 6749, appendix B); a text without them
 * is not copied.  NGX_DECLINED: invalid percent-encoding.
 */

ngx_int_t
ngx_http_vcita_query_unescape(ngx_pool_t *pool, ngx_str_t *text)
{
    u_char  *p, *s, *last, *start;

    s = text->data;
    last = s + text->len;

    while (s < last && *s != '%' && *s != '+') {
        s++;
    }

    if (s == last) {
        return NGX_OK;
    }

    start = ngx_pnalloc(pool, text->len);
    if (start == NULL) {
        return NGX_ERROR;
    }

    p = start;

    for (s = text->data; s < last; s++) {
        *p++ = (*s == '+') ? ' ' : *s;
    }

    return ngx_http_vcita_query_decode(start, start, p, text);
}


/*
 * Decodes percent-encoding alone; the text, which is then at dst, may be
 * decoded in place.  NGX_DECLINED: a "%" without two digits.
 */

ngx_int_t
ngx_http_vcita_query_decode(u_char *dst, u_char *src, u_char *last,
    ngx_str_t *text)
{
    u_char     *p;
    ngx_int_t   c;

    p = dst;

    while (src < last) {

        if (*src != '%') {
            *p++ = *src++;
            continue;
        }

        c = (last - src < 3) ? NGX_ERROR : ngx_hextoi(src + 1, 2);
        if (c == NGX_ERROR) {
            return NGX_DECLINED;
        }

        *p++ = (u_char) c;
        src += 3;
    }

    text->data = dst;
    text->len = p - dst;

    return NGX_OK;
}


/* Percent-encodes all but the unreserved characters (RFC 3986, 2.3) */

u_char *
ngx_http_vcita_query_escape(u_char *p, ngx_str_t *text)
{
    return (u_char *) ngx_escape_uri(p, text->data, text->len,
                                     NGX_ESCAPE_URI_COMPONENT);
}


/* NGX_OK for host[:port] without userinfo (RFC 3986, 3.2) */

ngx_int_t
ngx_http_vcita_query_authority(ngx_str_t *authority)
{
    u_char     *p, *last;
    ngx_int_t   port;

    last = authority->data + authority->len;

    p = ngx_http_vcita_query_authority_host(authority->data, last);

    if (p == NULL) {
        return NGX_DECLINED;
    }

    if (p == last) {
        return NGX_OK;
    }

    if (*p++ != ':') {
        return NGX_DECLINED;
    }

    port = ngx_atoi(p, last - p);

    if (port < 1 || port > 65535) {
        return NGX_DECLINED;
    }

    return NGX_OK;
}


/* 1: the host of the valid host[:port] is the domain, or is below it */

ngx_uint_t
ngx_http_vcita_query_within(ngx_str_t *authority, ngx_str_t *domain)
{
    u_char  *p, *last;

    last = authority->data + authority->len;

    if (authority->len && authority->data[0] != '[') {
        p = ngx_strlchr(authority->data, last, ':');
        last = p ? p : last;
    }

    if (last - authority->data < (ssize_t) domain->len) {
        return 0;
    }

    p = last - domain->len;

    return ngx_strncasecmp(p, domain->data, domain->len) == 0
           && (p == authority->data || p[-1] == '.');
}


/* Returns the end of the host, or NULL if it is invalid */

static u_char *
ngx_http_vcita_query_authority_host(u_char *p, u_char *last)
{
    u_char      c, *start;
    ngx_uint_t  literal;

    start = p;
    literal = (p < last && *p == '[');

    if (literal) {
        p++;
    }

    for ( /* void */ ; p < last; p++) {
        c = *p;

        if (c >= '0' && c <= '9') {
            continue;
        }

        if (literal) {

            if (c == ']') {
                return (p - start > 2) ? p + 1 : NULL;
            }

            c |= 0x20;

            if ((c >= 'a' && c <= 'f') || *p == ':' || *p == '.') {
                continue;
            }

            return NULL;
        }

        if (c == '-' || c == '.' || c == '_') {
            continue;
        }

        c |= 0x20;

        if (c >= 'a' && c <= 'z') {
            continue;
        }

        break;
    }

    return (literal || p == start) ? NULL : p;
}
