
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
    ngx_http_compile_complex_value_t  ccv;

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

    rd->host = ngx_pcalloc(cf->pool, sizeof(ngx_http_complex_value_t));
    if (rd->host == NULL) {
        return NGX_CONF_ERROR;
    }

    ngx_memzero(&ccv, sizeof(ngx_http_compile_complex_value_t));

    ccv.cf = cf;
    ccv.value = &rd->authority;
    ccv.complex_value = rd->host;

    if (ngx_http_compile_complex_value(&ccv) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
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
