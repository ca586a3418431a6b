
/*
 * Query strings: every byte is in one pair, a parameter that is there twice
 * is never taken for one that is there once, and what is escaped comes back.
 * Input: a line that is the name asked for, the query.
 * Dictionary: query
 */


#include <ngx_config.h>
#include <ngx_core.h>

#include "util/ngx_http_vcita_query.h"
#include "fuzz.h"


static ngx_uint_t fuzz_query_walk(ngx_str_t *query, ngx_str_t *wanted,
    ngx_str_t *found);
static void fuzz_query_escape(ngx_str_t *text);
static ngx_uint_t fuzz_query_unescape(ngx_str_t *text, ngx_str_t *out);


fuzz_target(query)
{
    ngx_str_t   line, name, query, value, encoded, wanted;
    ngx_int_t   rc;
    ngx_uint_t  n;

    line = fuzz_line(in);

    /* as C has it: it ends at a zero byte */

    name = fuzz_room(line.len + 1);
    ngx_memcpy(name.data, line.data, line.len);
    name.data[line.len] = '\0';
    name.len = ngx_strlen(name.data);

    query = fuzz_copy(in);

    n = fuzz_query_walk(&query, &name, &encoded);

    rc = ngx_http_vcita_query_get(fuzz_pool, &query,
                                  (char *) name.data, &value);

    if (n == 0) {
        fuzz_check(rc == NGX_DECLINED);

    } else if (n > 1 || !fuzz_query_unescape(&encoded, &wanted)) {
        fuzz_check(rc == NGX_ABORT);

    } else {
        fuzz_check(rc == NGX_OK && fuzz_same(&value, &wanted));
    }

    fuzz_query_escape(&query);
}


/* returns how often the name is there, and the last value, still encoded */

static ngx_uint_t
fuzz_query_walk(ngx_str_t *query, ngx_str_t *wanted, ngx_str_t *found)
{
    u_char      *p;
    ngx_str_t    rest, name, value, plain;
    ngx_uint_t   n;

    n = 0;
    rest = *query;
    p = query->data;

    while (ngx_http_vcita_query_next(&rest, &name, &value) == NGX_OK) {

        while (*p == '&') {
            p++;
        }

        fuzz_check(name.data == p);
        fuzz_check(name.len == 0 || !memchr(name.data, '&', name.len));
        fuzz_check(name.len == 0 || !memchr(name.data, '=', name.len));
        fuzz_check(value.len == 0 || !memchr(value.data, '&', value.len));

        p += name.len;

        if (value.data != p) {
            fuzz_check(*p == '=');
            p++;
        }

        fuzz_check(value.data == p);
        p += value.len;

        fuzz_check(rest.data == p);
        fuzz_check(rest.data + rest.len == query->data + query->len);

        if (fuzz_query_unescape(&name, &plain) && fuzz_same(&plain, wanted)) {
            *found = value;
            n++;
        }
    }

    while (p < query->data + query->len) {
        fuzz_check(*p++ == '&');
    }

    return n;
}


static void
fuzz_query_escape(ngx_str_t *text)
{
    u_char     *p;
    size_t      i;
    ngx_str_t   escaped, plain;

    plain = *text;

    if (ngx_http_vcita_query_unescape(fuzz_pool, &plain) == NGX_OK) {
        fuzz_check(plain.len <= text->len);
    }

    escaped = fuzz_room(ngx_http_vcita_query_escaped_len(text));

    p = ngx_http_vcita_query_escape(escaped.data, text);
    fuzz_check(p == escaped.data + escaped.len);

    for (i = 0; i < escaped.len; i++) {
        fuzz_check(isalnum(escaped.data[i])
                   || memchr("-._~%", escaped.data[i], 5));
    }

    fuzz_check(ngx_http_vcita_query_unescape(fuzz_pool, &escaped) == NGX_OK);
    fuzz_check(fuzz_same(&escaped, text));
}


/* 0: there is a "%" without two digits */

static ngx_uint_t
fuzz_query_unescape(ngx_str_t *text, ngx_str_t *out)
{
    char     hex[3];
    u_char  *p;
    size_t   i;

    *out = fuzz_room(text->len);
    p = out->data;

    hex[2] = '\0';

    for (i = 0; i < text->len; i++) {

        if (text->data[i] == '+') {
            *p++ = ' ';
            continue;
        }

        if (text->data[i] != '%') {
            *p++ = text->data[i];
            continue;
        }

        if (i + 2 >= text->len
            || !isxdigit(text->data[i + 1])
            || !isxdigit(text->data[i + 2]))
        {
            return 0;
        }

        hex[0] = (char) text->data[i + 1];
        hex[1] = (char) text->data[i + 2];

        *p++ = (u_char) strtoul(hex, NULL, 16);
        i += 2;
    }

    out->len = p - out->data;

    return 1;
}
