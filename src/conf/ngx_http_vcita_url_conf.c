
/*
 * Copyright (C) the vcita OAuth gate authors
 *
 * Endpoint URLs and vcita_oauth_redirect_uri: parsing and validation.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "conf/ngx_http_vcita_conf.h"
#include "util/ngx_http_vcita_query.h"


static char *ngx_http_vcita_url_conf_authorize_host(ngx_conf_t *cf,
    ngx_http_vcita_authorize_url_t *a);
static ngx_uint_t ngx_http_vcita_url_conf_requested(ngx_str_t *text);
static ngx_http_complex_value_t *ngx_http_vcita_url_conf_compile(
    ngx_conf_t *cf, ngx_str_t *text);
static char *ngx_http_vcita_url_conf_redirect_host(ngx_conf_t *cf,
    ngx_http_vcita_redirect_t *rd);
static char *ngx_http_vcita_url_conf_redirect_path(ngx_conf_t *cf,
    ngx_http_vcita_redirect_t *rd);
static ngx_uint_t ngx_http_vcita_url_conf_plain(ngx_str_t *path);
static ngx_int_t ngx_http_vcita_redirect_decode(ngx_str_t *dst, u_char *src,
    u_char *last);


/* A post handler: an absolute http or https URL without a fragment */

char *
ngx_http_vcita_url_conf_endpoint(ngx_conf_t *cf, void *post, void *data)
{
    ngx_str_t *url = data;

    u_char     *last, *p;
    ngx_str_t   authority;

    if (ngx_http_vcita_config_text(cf, NULL, url) != NGX_CONF_OK
        || (ngx_strncasecmp(url->data, (u_char *) "https://", 8) != 0
            && ngx_strncasecmp(url->data, (u_char *) "http://", 7) != 0)
        || ngx_strlchr(url->data, url->data + url->len, '#')
        || ngx_strlchr(url->data, url->data + url->len, ' '))
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"%V\" is not an http or https URL", url);
        return NGX_CONF_ERROR;
    }

    last = url->data + url->len;

    authority.data = ngx_strlchr(url->data, last, '/') + 2;

    for (p = authority.data; p < last && *p != '/' && *p != '?'; p++) {
        /* void */
    }

    authority.len = p - authority.data;

    if (ngx_http_vcita_query_authority(&authority) != NGX_OK) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"%V\" has an invalid host", url);
        return NGX_CONF_ERROR;
    }

    if (ngx_strncasecmp(url->data, (u_char *) "http://", 7) == 0
        && !ngx_http_vcita_url_conf_loopback(url))
    {
        ngx_conf_log_error(NGX_LOG_WARN, cf, 0,
                           "\"%V\" is not protected by TLS, use https", url);
    }

    return NGX_CONF_OK;
}


/* "off" is an empty URL */

char *
ngx_http_vcita_url_conf_endpoint_or_off(ngx_conf_t *cf, void *post, void *data)
{
    ngx_str_t *url = data;

    if (ngx_strcmp(url->data, "off") == 0) {
        ngx_str_null(url);
        return NGX_CONF_OK;
    }

    return ngx_http_vcita_url_conf_endpoint(cf, post, data);
}


/* 1: the host of the URL, or of host[:port], is a loopback address */

ngx_uint_t
ngx_http_vcita_url_conf_loopback(ngx_str_t *url)
{
    u_char     *p, *last;
    ngx_str_t   host;

    p = url->data;
    last = p + url->len;

    host.data = ngx_strlcasestrn(p, last, (u_char *) "://", 3 - 1);
    host.data = host.data ? host.data + 3 : p;

    if (host.data < last && *host.data == '[') {
        return last - host.data >= 5
               && ngx_strncmp(host.data, "[::1]", 5) == 0;
    }

    for (p = host.data;
         p < last && *p != ':' && *p != '/' && *p != '?';
         p++)
    {
        /* void */
    }

    host.len = p - host.data;

    if (host.len == sizeof("localhost") - 1
        && ngx_strncasecmp(host.data, (u_char *) "localhost", host.len) == 0)
    {
        return 1;
    }

    return host.len > 4
           && ngx_strncmp(host.data, "127.", 4) == 0
           && ngx_inet_addr(host.data, host.len) != INADDR_NONE;
}


/* An endpoint whose host may have variables; the rest is literal */

char *
ngx_http_vcita_url_conf_authorize(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf)
{
    ngx_http_vcita_loc_conf_t *vlcf = conf;

    u_char                          *p, *last;
    ngx_str_t                       *value;
    ngx_http_vcita_authorize_url_t  *a;

    a = &vlcf->authorize_endpoint;
    value = cf->args->elts;
    a->url = value[1];

    if (ngx_http_script_variables_count(&a->url) == 0) {
        return ngx_http_vcita_url_conf_endpoint(cf, NULL, &a->url);
    }

    last = a->url.data + a->url.len;

    if (ngx_strncasecmp(a->url.data, (u_char *) "https://", 8) == 0) {
        p = a->url.data + 8;

    } else if (ngx_strncasecmp(a->url.data, (u_char *) "http://", 7) == 0) {
        p = a->url.data + 7;

    } else {
        p = last;
    }

    if (p == last
        || ngx_http_vcita_config_text(cf, NULL, &a->url) != NGX_CONF_OK
        || ngx_strlchr(a->url.data, last, '#')
        || ngx_strlchr(a->url.data, last, ' '))
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"%V\" is not an http or https URL", &a->url);
        return NGX_CONF_ERROR;
    }

    a->authority.data = p;

    while (p < last && *p != '/' && *p != '?') {
        p++;
    }

    a->authority.len = p - a->authority.data;

    if (ngx_strlchr(p, last, '$')) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "authorize_endpoint \"%V\" can have variables only "
                           "in its host",
                           &a->url);
        return NGX_CONF_ERROR;
    }

    return ngx_http_vcita_url_conf_authorize_host(cf, a);
}


static char *
ngx_http_vcita_url_conf_authorize_host(ngx_conf_t *cf,
    ngx_http_vcita_authorize_url_t *a)
{
    if (a->url.data[4] == ':') {
        ngx_conf_log_error(NGX_LOG_WARN, cf, 0,
                           "authorize_endpoint \"%V\" is not protected by TLS "
                           "on any host, use https",
                           &a->url);
    }

    if (ngx_http_vcita_url_conf_requested(&a->authority)) {
        ngx_conf_log_error(NGX_LOG_WARN, cf, 0,
                           "the request names the host of authorize_endpoint "
                           "\"%V\", so that a link can send users to a false "
                           "login page, use a map of the hosts that there are",
                           &a->url);
    }

    a->host = ngx_http_vcita_url_conf_compile(cf, &a->authority);

    return a->host ? NGX_CONF_OK : NGX_CONF_ERROR;
}


/* 1: the text has a variable that a link or the client sets */

static ngx_uint_t
ngx_http_vcita_url_conf_requested(ngx_str_t *text)
{
    u_char      *p, *last, *name;
    size_t       len;
    ngx_uint_t   i;

    static ngx_str_t  prefixes[] = {
        ngx_string("arg_"),
        ngx_string("http_"),
        ngx_string("cookie_")
    };

    last = text->data + text->len;

    for (p = text->data; p < last; p++) {

        if (*p != '$') {
            continue;
        }

        name = p + 1;

        if (name < last && *name == '{') {
            name++;
        }

        for (len = 0; name + len < last; len++) {

            if (!isalnum(name[len]) && name[len] != '_') {
                break;
            }
        }

        if (len == 4 && ngx_strncasecmp(name, (u_char *) "host", 4) == 0) {
            return 1;
        }

        for (i = 0; i < 3; i++) {

            if (len > prefixes[i].len
                && ngx_strncasecmp(name, prefixes[i].data, prefixes[i].len)
                   == 0)
            {
                return 1;
            }
        }
    }

    return 0;
}


char *
ngx_http_vcita_url_conf_redirect(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_vcita_client_t *client = conf;

    u_char                     *last;
    size_t                      len;
    ngx_str_t                  *value, *uri;
    ngx_http_vcita_redirect_t  *rd;

    rd = &client->redirect;
    uri = &rd->uri;
    value = cf->args->elts;
    *uri = value[1];

    last = uri->data + uri->len;

    if (ngx_strncmp(uri->data, "https://", 8) == 0) {
        len = 8;

    } else if (ngx_strncmp(uri->data, "http://", 7) == 0) {
        len = 7;

    } else {
        len = 0;
    }

    rd->scheme.data = uri->data;
    rd->scheme.len = len;

    rd->path.data = ngx_strlchr(uri->data + len, last, '/');

    if (len == 0 || rd->path.data == NULL) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "redirect_uri \"%V\" is not absolute, write http:// "
                           "or https://, a host, and a path",
                           uri);
        return NGX_CONF_ERROR;
    }

    rd->path.len = last - rd->path.data;

    rd->authority.data = uri->data + len;
    rd->authority.len = rd->path.data - rd->authority.data;

    if (ngx_http_vcita_url_conf_redirect_host(cf, rd) != NGX_CONF_OK) {
        return NGX_CONF_ERROR;
    }

    return ngx_http_vcita_url_conf_redirect_path(cf, rd);
}


static char *
ngx_http_vcita_url_conf_redirect_host(ngx_conf_t *cf,
    ngx_http_vcita_redirect_t *rd)
{
    if (ngx_http_script_variables_count(&rd->authority) == 0) {

        if (ngx_http_vcita_query_authority(&rd->authority) != NGX_OK) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "redirect_uri \"%V\" has an invalid host",
                               &rd->uri);
            return NGX_CONF_ERROR;
        }

        if (rd->scheme.len == sizeof("http://") - 1
            && !ngx_http_vcita_url_conf_loopback(&rd->authority))
        {
            ngx_conf_log_error(NGX_LOG_WARN, cf, 0,
                               "redirect_uri \"%V\" is not protected by TLS, "
                               "use https",
                               &rd->uri);
        }

        return NGX_CONF_OK;
    }

    if (rd->scheme.len == sizeof("http://") - 1) {
        ngx_conf_log_error(NGX_LOG_WARN, cf, 0,
                           "redirect_uri \"%V\" is not protected by TLS on any "
                           "host, use https",
                           &rd->uri);
    }

    rd->host = ngx_http_vcita_url_conf_compile(cf, &rd->authority);

    return rd->host ? NGX_CONF_OK : NGX_CONF_ERROR;
}


static ngx_http_complex_value_t *
ngx_http_vcita_url_conf_compile(ngx_conf_t *cf, ngx_str_t *text)
{
    ngx_http_complex_value_t          *value;
    ngx_http_compile_complex_value_t   ccv;

    value = ngx_pcalloc(cf->pool, sizeof(ngx_http_complex_value_t));
    if (value == NULL) {
        return NULL;
    }

    ngx_memzero(&ccv, sizeof(ngx_http_compile_complex_value_t));

    ccv.cf = cf;
    ccv.value = text;
    ccv.complex_value = value;

    return (ngx_http_compile_complex_value(&ccv) == NGX_OK) ? value : NULL;
}


/* the path is compared with r->uri, so it is decoded as nginx decodes that */

static char *
ngx_http_vcita_url_conf_redirect_path(ngx_conf_t *cf,
    ngx_http_vcita_redirect_t *rd)
{
    u_char  *p, *last;

    last = rd->path.data + rd->path.len;

    if (ngx_strlchr(rd->path.data, last, '#')
        || ngx_strlchr(rd->path.data, last, '$')
        || ngx_strlchr(rd->path.data, last, ' '))
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "the path of redirect_uri \"%V\" must not have a "
                           "fragment or a variable",
                           &rd->uri);
        return NGX_CONF_ERROR;
    }

    p = ngx_strlchr(rd->path.data, last, '?');

    if (p) {
        last = p;
    }

    rd->callback.data = ngx_pnalloc(cf->pool, last - rd->path.data + 1);
    if (rd->callback.data == NULL) {
        return NGX_CONF_ERROR;
    }

    if (ngx_http_vcita_redirect_decode(&rd->callback, rd->path.data, last)
        != NGX_OK)
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "no request can have the path of redirect_uri "
                           "\"%V\", use plain characters as in /oauth/callback",
                           &rd->uri);
        return NGX_CONF_ERROR;
    }

    if (rd->callback.len == 1 || !ngx_http_vcita_url_conf_plain(&rd->callback))
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "redirect_uri \"%V\" requires a plain path of its "
                           "own, such as /oauth/callback",
                           &rd->uri);
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


/* A check of vcita_oauth_launch: a path of this site, a query is allowed */

char *
ngx_http_vcita_url_conf_launch(ngx_conf_t *cf, void *post, void *data)
{
    ngx_str_t *launch = data;

    ngx_str_t  path;

    switch (ngx_http_vcita_url_conf_launch_path(cf->temp_pool, launch, &path)) {

    case NGX_OK:
        break;

    case NGX_DECLINED:
        return "takes a path of this site, such as /apps/start, without "
               "variables and without a fragment";

    default: /* NGX_ERROR */
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


/* The path of a launch URI as r->uri has it; NGX_DECLINED: it is invalid */

ngx_int_t
ngx_http_vcita_url_conf_launch_path(ngx_pool_t *pool, ngx_str_t *launch,
    ngx_str_t *path)
{
    u_char  *p, *last;

    last = launch->data + launch->len;

    if (launch->data[0] != '/'
        || ngx_strlchr(launch->data, last, '#')
        || ngx_strlchr(launch->data, last, '$'))
    {
        return NGX_DECLINED;
    }

    p = ngx_strlchr(launch->data, last, '?');

    if (p) {
        last = p;
    }

    path->data = ngx_pnalloc(pool, last - launch->data + 1);
    if (path->data == NULL) {
        return NGX_ERROR;
    }

    if (ngx_http_vcita_redirect_decode(path, launch->data, last) != NGX_OK) {
        return NGX_DECLINED;
    }

    return ngx_http_vcita_url_conf_plain(path) ? NGX_OK : NGX_DECLINED;
}


/* 1: nginx does not change the path when it normalizes a URI */

static ngx_uint_t
ngx_http_vcita_url_conf_plain(ngx_str_t *path)
{
    u_char  *p;
    size_t   len;

    p = path->data;
    len = path->len;

    return !ngx_strstr(p, "//")
           && !ngx_strstr(p, "/./")
           && !ngx_strstr(p, "/../")
           && (len < 2 || ngx_strcmp(p + len - 2, "/.") != 0)
           && (len < 3 || ngx_strcmp(p + len - 3, "/..") != 0);
}


/*
 * NGX_DECLINED: r->uri can never have this path.  A user agent rewrites control
 * characters and backslashes; nginx rejects an invalid escape and a zero byte.
 * A decoded "?" would start a query when the path is written again.
 */

static ngx_int_t
ngx_http_vcita_redirect_decode(ngx_str_t *dst, u_char *src, u_char *last)
{
    u_char  *p;

    for (p = src; p < last; p++) {
        if (*p < ' ' || *p == 0x7f || *p == '\\') {
            return NGX_DECLINED;
        }
    }

    if (ngx_http_vcita_query_decode(dst->data, src, last, dst) != NGX_OK) {
        return NGX_DECLINED;
    }

    dst->data[dst->len] = '\0';

    return (ngx_strlen(dst->data) == dst->len && !ngx_strchr(dst->data, '?'))
           ? NGX_OK : NGX_DECLINED;
}
