
/*
 * Copyright (C) the vcita OAuth gate authors
 *
 * The user agent: what the request headers reveal about it.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "http/ngx_http_vcita_http.h"


#define NGX_HTTP_VCITA_ABSENT  0
#define NGX_HTTP_VCITA_OTHER   1
#define NGX_HTTP_VCITA_MATCH   2


static ngx_uint_t ngx_http_vcita_user_agent_tls(ngx_http_request_t *r);
static ngx_uint_t ngx_http_vcita_user_agent_other_host(ngx_http_request_t *r,
    ngx_http_vcita_ctx_t *ctx, ngx_http_vcita_client_t *client);
static ngx_uint_t ngx_http_vcita_user_agent_has(ngx_http_request_t *r,
    const char *name, const char *text);
static ngx_uint_t ngx_http_vcita_user_agent_header(ngx_http_request_t *r,
    const char *name, const char *text);
static ngx_table_elt_t *ngx_http_vcita_user_agent_next(ngx_list_part_t **part,
    ngx_uint_t *i, const char *name);
static ngx_uint_t ngx_http_vcita_user_agent_value(ngx_str_t *value,
    const char *text);
static ngx_uint_t ngx_http_vcita_user_agent_same_host(ngx_str_t *origin,
    ngx_str_t *host);


/*
 * 1: the request is a navigation, so it can follow a login.  A program sends
 * Bearer, and no person sees where a prefetch is redirected to.
 */

ngx_uint_t
ngx_http_vcita_user_agent_navigates(ngx_http_request_t *r)
{
    ngx_uint_t  mode;

    if (!(r->method & (NGX_HTTP_GET|NGX_HTTP_HEAD))
        || (r->headers_in.authorization
            && ngx_http_vcita_user_agent_has(r, "authorization", "bearer"))
        || ngx_http_vcita_user_agent_has(r, "sec-purpose", "prefetch"))
    {
        return 0;
    }

    mode = ngx_http_vcita_user_agent_header(r, "sec-fetch-mode",
                                            "navigate");

    if (mode != NGX_HTTP_VCITA_ABSENT) {
        return mode == NGX_HTTP_VCITA_MATCH;
    }

    if (ngx_http_vcita_user_agent_has(r, "x-requested-with",
                                      "xmlhttprequest")
        || r->headers_in.upgrade)
    {
        return 0;
    }

    return ngx_http_vcita_user_agent_header(r, "accept", "*/*")
           != NGX_HTTP_VCITA_OTHER
           || ngx_http_vcita_user_agent_has(r, "accept", "text/html");
}


/*
 * 1: the request, a navigation, is that of a person's browser, as far as a
 * counter can tell.  Over TLS, browsers send Sec-Fetch-Mode, and health checks
 * and robots do not.
 */

ngx_uint_t
ngx_http_vcita_user_agent_is_browser(ngx_http_request_t *r)
{
    ngx_uint_t  mode;

    if (r->method != NGX_HTTP_GET) {
        return 0;
    }

    mode = ngx_http_vcita_user_agent_header(r, "sec-fetch-mode",
                                            "navigate");

    if (mode != NGX_HTTP_VCITA_ABSENT) {
        return mode == NGX_HTTP_VCITA_MATCH;
    }

    return !ngx_http_vcita_user_agent_tls(r)
           && ngx_http_vcita_user_agent_has(r, "accept", "text/html");
}


/* 1: a person sees the response, so it may be a page */

ngx_uint_t
ngx_http_vcita_user_agent_is_person(ngx_http_request_t *r)
{
    return ngx_http_vcita_user_agent_has(r, "accept", "text/html")
           || ((r->method & NGX_HTTP_POST)
               && (ngx_http_vcita_user_agent_has(r, "content-type",
                                         "application/x-www-form-urlencoded")
                   || ngx_http_vcita_user_agent_has(r, "content-type",
                                                  "multipart/form-data")));
}


/*
 * The path and query of the page that the request came from.  NGX_DECLINED: it
 * has another origin, or is unknown.
 */

ngx_int_t
ngx_http_vcita_user_agent_referer(ngx_http_request_t *r, ngx_str_t *origin,
    ngx_str_t *uri)
{
    u_char           *p;
    ngx_uint_t        i;
    ngx_list_part_t  *part;
    ngx_table_elt_t  *h;

    i = 0;
    part = &r->headers_in.headers.part;

    h = ngx_http_vcita_user_agent_next(&part, &i, "referer");

    if (h == NULL
        || h->value.len <= origin->len
        || h->value.data[origin->len] != '/'
        || ngx_strncasecmp(h->value.data, origin->data, origin->len) != 0)
    {
        return NGX_DECLINED;
    }

    uri->data = h->value.data + origin->len;
    uri->len = h->value.len - origin->len;

    p = ngx_strlchr(uri->data, uri->data + uri->len, '#');

    if (p) {
        uri->len = p - uri->data;
    }

    return (uri->len <= NGX_HTTP_VCITA_RETURN_MAX) ? NGX_OK : NGX_DECLINED;
}


/*
 * 1: another site caused the request.  Without Sec-Fetch-Site (plain http,
 * older browsers) the Origin decides, which browsers send with each POST.
 */

ngx_uint_t
ngx_http_vcita_user_agent_is_foreign(ngx_http_request_t *r)
{
    ngx_uint_t        i, site;
    ngx_list_part_t  *part;
    ngx_table_elt_t  *h;

    site = ngx_http_vcita_user_agent_header(r, "sec-fetch-site",
                                            "cross-site");

    if (site != NGX_HTTP_VCITA_ABSENT) {
        return site == NGX_HTTP_VCITA_MATCH;
    }

    i = 0;
    part = &r->headers_in.headers.part;

    for ( ;; ) {
        h = ngx_http_vcita_user_agent_next(&part, &i, "origin");

        if (h == NULL) {
            return 0;
        }

        if (!ngx_http_vcita_user_agent_same_host(&h->value,
                                                 &r->headers_in.server))
        {
            return 1;
        }
    }
}


/*
 * 1: no person caused the request: a probe, a prefetch, or a part of a page.
 * With "iframe", a same-origin iframe counts as a page.
 */

ngx_uint_t
ngx_http_vcita_user_agent_is_automatic(ngx_http_request_t *r, ngx_uint_t iframe)
{
    if (r->method == NGX_HTTP_HEAD
        || ngx_http_vcita_user_agent_has(r, "sec-purpose", "prefetch")
        || ngx_http_vcita_user_agent_has(r, "purpose", "prefetch"))
    {
        return 1;
    }

    if (r->method != NGX_HTTP_GET
        || ngx_http_vcita_user_agent_header(r, "sec-fetch-dest", "document")
           != NGX_HTTP_VCITA_OTHER)
    {
        return 0;
    }

    return !iframe
           || !ngx_http_vcita_user_agent_has(r, "sec-fetch-dest", "iframe")
           || !ngx_http_vcita_user_agent_has(r, "sec-fetch-site",
                                             "same-origin");
}


/* 1: the site is shown in a frame */

ngx_uint_t
ngx_http_vcita_user_agent_is_framed(ngx_http_request_t *r)
{
    return ngx_http_vcita_user_agent_has(r, "sec-fetch-dest", "iframe")
           || ngx_http_vcita_user_agent_has(r, "sec-fetch-dest", "frame")
           || ngx_http_vcita_user_agent_has(r, "sec-fetch-dest", "embed")
           || ngx_http_vcita_user_agent_has(r, "sec-fetch-dest", "object");
}


/*
 * Flags of a state: whether scheme or host of the request differ from
 * redirect_uri's, for which the cookies are set
 */

ngx_uint_t
ngx_http_vcita_user_agent_way(ngx_http_request_t *r, ngx_http_vcita_ctx_t *ctx,
    ngx_http_vcita_client_t *client)
{
    ngx_uint_t  began;

    began = 0;

    /*
     * by http: neither nginx nor a proxy in front of it has seen TLS, nor does
     * the browser send what it keeps for https
     */

    if (client->https
        && !ngx_http_vcita_user_agent_tls(r)
        && ngx_http_vcita_user_agent_header(r, "sec-fetch-site", "")
           == NGX_HTTP_VCITA_ABSENT)
    {
        began |= NGX_HTTP_VCITA_BEGAN_HTTP;
    }

    if (client->cookie_domain.len == 0
        && ngx_http_vcita_user_agent_other_host(r, ctx, client))
    {
        began |= NGX_HTTP_VCITA_BEGAN_HOST;
    }

    return began;
}


/* 1: nginx, or a proxy in front of it, has seen TLS */

static ngx_uint_t
ngx_http_vcita_user_agent_tls(ngx_http_request_t *r)
{
#if (NGX_HTTP_SSL)
    if (r->connection->ssl) {
        return 1;
    }
#endif

    return ngx_http_vcita_user_agent_has(r, "x-forwarded-proto", "https");
}


/* 1: the host differs from that of redirect_uri; ports are ignored */

static ngx_uint_t
ngx_http_vcita_user_agent_other_host(ngx_http_request_t *r,
    ngx_http_vcita_ctx_t *ctx, ngx_http_vcita_client_t *client)
{
    u_char     *last;
    ngx_str_t  *server, host;

    server = &r->headers_in.server;

    host.data = ctx->origin.data + client->redirect.scheme.len;
    host.len = ctx->origin.len - client->redirect.scheme.len;

    last = host.data + host.len;

    if (server->len == 0 || server->len > host.len) {
        return server->len != 0;
    }

    return ngx_strncasecmp(server->data, host.data, server->len) != 0
           || (host.data + server->len != last
               && host.data[server->len] != ':');
}


static ngx_uint_t
ngx_http_vcita_user_agent_has(ngx_http_request_t *r, const char *name,
    const char *text)
{
    return ngx_http_vcita_user_agent_header(r, name, text)
           == NGX_HTTP_VCITA_MATCH;
}


/* 1: the request has the header, with the text as one of its values */

static ngx_uint_t
ngx_http_vcita_user_agent_header(ngx_http_request_t *r, const char *name,
    const char *text)
{
    ngx_uint_t        i, found;
    ngx_table_elt_t  *h;
    ngx_list_part_t  *part;

    found = NGX_HTTP_VCITA_ABSENT;

    i = 0;
    part = &r->headers_in.headers.part;

    for ( ;; ) {
        h = ngx_http_vcita_user_agent_next(&part, &i, name);

        if (h == NULL) {
            return found;
        }

        if (ngx_http_vcita_user_agent_value(&h->value, text)) {
            return NGX_HTTP_VCITA_MATCH;
        }

        found = NGX_HTTP_VCITA_OTHER;
    }
}


/* the next header of the name; "part" and "i" are the position */

static ngx_table_elt_t *
ngx_http_vcita_user_agent_next(ngx_list_part_t **part, ngx_uint_t *i,
    const char *name)
{
    size_t            len;
    ngx_table_elt_t  *h;

    len = ngx_strlen(name);

    while ((h = ngx_http_vcita_cookie_header(part, i)) != NULL) {

        if (h->key.len == len && ngx_strncmp(h->lowcase_key, name, len) == 0) {
            break;
        }
    }

    return h;
}


/*
 * 1: the origin (RFC 6454, 6.2) has the host of the request, at any port. nginx
 * has removed a dot at the end of that host.
 */

static ngx_uint_t
ngx_http_vcita_user_agent_same_host(ngx_str_t *origin, ngx_str_t *host)
{
    u_char  *p, *last;

    last = origin->data + origin->len;

    p = ngx_strlchr(origin->data, last, '/');

    if (p == NULL || p == origin->data || p[-1] != ':'
        || last - p < 2 || p[1] != '/')
    {
        return 0;
    }

    p += 2;

    if (host->len == 0
        || (size_t) (last - p) < host->len
        || ngx_strncasecmp(p, host->data, host->len) != 0)
    {
        return 0;
    }

    p += host->len;

    if (p < last && *p == '.') {
        p++;
    }

    return p == last || *p == ':';
}


/* 1: the text is in the list of values; parameters are ignored */

static ngx_uint_t
ngx_http_vcita_user_agent_value(ngx_str_t *value, const char *text)
{
    u_char  *p, *last, *end;
    size_t   len;

    len = ngx_strlen(text);
    last = value->data + value->len;

    for (p = value->data; p < last; p = end + 1) {

        end = memchr(p, ',', last - p);

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
