
/*
 * Copyright (C) the vcita OAuth gate authors
 *
 * The client: what the headers of a request tell of who is asking.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "ngx_http_vcita_oauth.h"
#include "ngx_http_vcita_oauth_client.h"


#define NGX_HTTP_VCITA_OAUTH_ABSENT  0
#define NGX_HTTP_VCITA_OAUTH_OTHER   1
#define NGX_HTTP_VCITA_OAUTH_MATCH   2


static ngx_uint_t ngx_http_vcita_oauth_client_has(ngx_http_request_t *r,
    const char *name, const char *text);
static ngx_uint_t ngx_http_vcita_oauth_client_header(ngx_http_request_t *r,
    const char *name, const char *text);
static ngx_uint_t ngx_http_vcita_oauth_client_value(ngx_str_t *value,
    const char *text);


/* Whoever asks can follow a login, and comes back to something to look at */

ngx_uint_t
ngx_http_vcita_oauth_client_navigates(ngx_http_request_t *r)
{
    ngx_uint_t  mode;

    if (!(r->method & (NGX_HTTP_GET|NGX_HTTP_HEAD))) {
        return 0;
    }

    mode = ngx_http_vcita_oauth_client_header(r, "sec-fetch-mode",
                                              "navigate");

    if (mode != NGX_HTTP_VCITA_OAUTH_ABSENT) {
        return mode == NGX_HTTP_VCITA_OAUTH_MATCH;
    }

    if (ngx_http_vcita_oauth_client_has(r, "x-requested-with",
                                        "xmlhttprequest")
        || ngx_http_vcita_oauth_client_header(r, "upgrade", "")
           != NGX_HTTP_VCITA_OAUTH_ABSENT)
    {
        return 0;
    }

    return ngx_http_vcita_oauth_client_header(r, "accept", "*/*")
           != NGX_HTTP_VCITA_OAUTH_OTHER
           || ngx_http_vcita_oauth_client_has(r, "accept", "text/html");
}


/* A person looks at the answer: a page makes sense */

ngx_uint_t
ngx_http_vcita_oauth_client_is_person(ngx_http_request_t *r)
{
    return ngx_http_vcita_oauth_client_has(r, "accept", "text/html")
           || ((r->method & NGX_HTTP_POST)
               && (ngx_http_vcita_oauth_client_has(r, "content-type",
                                         "application/x-www-form-urlencoded")
                   || ngx_http_vcita_oauth_client_has(r, "content-type",
                                                    "multipart/form-data")));
}


/* Another site has sent the browser here */

ngx_uint_t
ngx_http_vcita_oauth_client_is_foreign(ngx_http_request_t *r)
{
    return ngx_http_vcita_oauth_client_has(r, "sec-fetch-site", "cross-site");
}


/* The site is shown inside of another page */

ngx_uint_t
ngx_http_vcita_oauth_client_is_framed(ngx_http_request_t *r)
{
    return ngx_http_vcita_oauth_client_has(r, "sec-fetch-dest", "iframe")
           || ngx_http_vcita_oauth_client_has(r, "sec-fetch-dest", "frame")
           || ngx_http_vcita_oauth_client_has(r, "sec-fetch-dest", "embed")
           || ngx_http_vcita_oauth_client_has(r, "sec-fetch-dest", "object");
}


/*
 * The browser has come by http: neither nginx nor a proxy in front of it has
 * seen TLS, nor does the browser send what it keeps for https.
 */

ngx_uint_t
ngx_http_vcita_oauth_client_is_insecure(ngx_http_request_t *r)
{
#if (NGX_HTTP_SSL)

    if (r->connection->ssl) {
        return 0;
    }

#endif

    return !ngx_http_vcita_oauth_client_has(r, "x-forwarded-proto", "https")
           && ngx_http_vcita_oauth_client_header(r, "sec-fetch-site", "")
              == NGX_HTTP_VCITA_OAUTH_ABSENT;
}


static ngx_uint_t
ngx_http_vcita_oauth_client_has(ngx_http_request_t *r, const char *name,
    const char *text)
{
    return ngx_http_vcita_oauth_client_header(r, name, text)
           == NGX_HTTP_VCITA_OAUTH_MATCH;
}


/* whether a header of the name is there, and one of its values is the text */

static ngx_uint_t
ngx_http_vcita_oauth_client_header(ngx_http_request_t *r, const char *name,
    const char *text)
{
    size_t            len;
    ngx_uint_t        i, found;
    ngx_table_elt_t  *h;
    ngx_list_part_t  *part;

    found = NGX_HTTP_VCITA_OAUTH_ABSENT;
    len = ngx_strlen(name);

    part = &r->headers_in.headers.part;
    h = part->elts;

    for (i = 0; /* void */ ; i++) {

        if (i >= part->nelts) {
            if (part->next == NULL) {
                return found;
            }

            part = part->next;
            h = part->elts;
            i = 0;
        }

        if (h[i].key.len != len
            || ngx_strncmp(h[i].lowcase_key, name, len) != 0)
        {
            continue;
        }

        if (ngx_http_vcita_oauth_client_value(&h[i].value, text)) {
            return NGX_HTTP_VCITA_OAUTH_MATCH;
        }

        found = NGX_HTTP_VCITA_OAUTH_OTHER;
    }
}


/* one of a list of values is the text, whatever parameters follow it */

static ngx_uint_t
ngx_http_vcita_oauth_client_value(ngx_str_t *value, const char *text)
{
    u_char  *p, *last, *end;
    size_t   len;

    len = ngx_strlen(text);
    last = value->data + value->len;

    for (p = value->data; p < last; p = end + 1) {

        end = ngx_strlchr(p, last, ',');

        if (end == NULL) {
            end = last;
        }

        while (p < end && (*p == ' ' || *p == '\t')) {
            p++;
        }

        if ((size_t) (end - p) >= len
            && ngx_strncasecmp(p, (u_char *) text, len) == 0
            && (p + len == end || p[len] == ';' || p[len] == ' '
                || p[len] == '\t'))
        {
            return 1;
        }
    }

    return 0;
}


/* Whether JSON is asked for */

ngx_uint_t
ngx_http_vcita_oauth_client_wants_json(ngx_http_request_t *r)
{
    return ngx_http_vcita_oauth_client_has(r, "accept", "application/json");
}
