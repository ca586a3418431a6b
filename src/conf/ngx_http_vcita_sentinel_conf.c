
/*
 * Copyright (C) the vcita OAuth gate authors
 *
 * The part of a redis+sentinel:// URL behind the user: the Sentinels, the name
 * of the master, and its database.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "conf/ngx_http_vcita_conf.h"


#define NGX_HTTP_VCITA_SENTINEL_PORT  26379


static char *ngx_http_vcita_sentinel_conf_host(ngx_conf_t *cf,
    ngx_http_vcita_redis_conf_t *c, ngx_str_t *name);
static ngx_int_t ngx_http_vcita_sentinel_conf_parse(ngx_conf_t *cf,
    ngx_str_t *name, ngx_uint_t no_resolve, ngx_url_t *u);
static ngx_int_t ngx_http_vcita_sentinel_conf_copy(ngx_conf_t *cf,
    ngx_str_t *text, ngx_str_t *host);
static ngx_uint_t ngx_http_vcita_sentinel_conf_repeated(
    ngx_http_vcita_redis_sentinel_conf_t *sentinel,
    ngx_http_vcita_redis_sentinel_host_t *host);
static ngx_uint_t ngx_http_vcita_sentinel_conf_valid(ngx_str_t *name);


/* host[:port],host[:port].../master-name[/database] */

char *
ngx_http_vcita_sentinel_conf_address(ngx_conf_t *cf,
    ngx_http_vcita_redis_conf_t *c, ngx_str_t *database)
{
    char       *rv;
    u_char     *p, *slash, *last;
    ngx_str_t   name, *master;

    p = c->address.data;
    last = p + c->address.len;
    slash = ngx_strlchr(p, last, '/');

    if (slash == NULL || slash + 1 == last) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"%V\" has no name of a master, add it behind the "
                           "Sentinels as in /mymaster", &c->connection->name);
        return NGX_CONF_ERROR;
    }

    c->local = 1;

    do {
        name.data = p;

        while (p < slash && *p != ',') {
            p++;
        }

        name.len = p - name.data;

        rv = ngx_http_vcita_sentinel_conf_host(cf, c, &name);

        if (rv != NGX_CONF_OK) {
            return rv;
        }

    } while (p++ < slash);

    master = &c->sentinel->master;
    master->data = slash + 1;

    p = ngx_strlchr(master->data, last, '/');

    if (p) {
        database->data = p + 1;
        database->len = last - database->data;
        last = p;
    }

    master->len = last - master->data;

    if (!ngx_http_vcita_sentinel_conf_valid(master)) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"%V\" has an invalid name of a master, Sentinel "
                           "allows letters, digits, \".\", \"-\" and \"_\"",
                           &c->connection->name);
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


static char *
ngx_http_vcita_sentinel_conf_host(ngx_conf_t *cf,
    ngx_http_vcita_redis_conf_t *c, ngx_str_t *name)
{
    ngx_str_t                             *url;
    ngx_url_t                              u;
    ngx_http_vcita_redis_sentinel_host_t  *host;

    url = &c->connection->name;

    if (c->sentinel->nhosts == NGX_HTTP_VCITA_REDIS_SENTINELS) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"%V\" has more than %d Sentinels", url,
                           NGX_HTTP_VCITA_REDIS_SENTINELS);
        return NGX_CONF_ERROR;
    }

    host = &c->sentinel->hosts[c->sentinel->nhosts];

    if (ngx_http_vcita_sentinel_conf_parse(cf, name, 1, &u) != NGX_OK) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "%s in the Sentinel \"%V\" of \"%V\"",
                           u.err ? u.err : "no memory", name, url);
        return NGX_CONF_ERROR;
    }

    host->literal = (u.naddrs != 0);

    if (!host->literal
        && ngx_http_vcita_sentinel_conf_parse(cf, name, 0, &u) != NGX_OK)
    {
        ngx_conf_log_error(NGX_LOG_WARN, cf, 0,
                           "%s in the Sentinel \"%V\" of \"%V\", it is looked "
                           "up again when the Sentinels are asked",
                           u.err ? u.err : "no memory", name, url);
    }

    host->name = *name;
    host->port = u.port;
    host->addrs = u.addrs;
    host->naddrs = u.naddrs;

    if (ngx_http_vcita_sentinel_conf_copy(cf, &u.host, &host->host) != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    /* each Sentinel has one vote */

    if (ngx_http_vcita_sentinel_conf_repeated(c->sentinel, host)) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"%V\" has the Sentinel \"%V\" twice", url, name);
        return NGX_CONF_ERROR;
    }

    c->sentinel->nhosts++;

    if (!ngx_http_vcita_url_conf_loopback(name)) {
        c->local = 0;
    }

    return NGX_CONF_OK;
}


/* OpenSSL and getaddrinfo() require a NUL-terminated name, without brackets */

static ngx_int_t
ngx_http_vcita_sentinel_conf_copy(ngx_conf_t *cf, ngx_str_t *text,
    ngx_str_t *host)
{
    size_t   len;
    u_char  *p;

    p = text->data;
    len = text->len;

    if (len > 2 && *p == '[') {
        p++;
        len -= 2;
    }

    host->data = ngx_pnalloc(cf->pool, len + 1);
    if (host->data == NULL) {
        return NGX_ERROR;
    }

    host->len = len;
    *ngx_cpymem(host->data, p, len) = '\0';

    return NGX_OK;
}


static ngx_int_t
ngx_http_vcita_sentinel_conf_parse(ngx_conf_t *cf, ngx_str_t *name,
    ngx_uint_t no_resolve, ngx_url_t *u)
{
    ngx_memzero(u, sizeof(ngx_url_t));

    u->url = *name;
    u->default_port = NGX_HTTP_VCITA_SENTINEL_PORT;
    u->no_resolve = no_resolve;

    if (ngx_parse_url(cf->pool, u) != NGX_OK) {
        return NGX_ERROR;
    }

    if (u->family == AF_UNIX) {
        u->err = "unix socket";
        return NGX_ERROR;
    }

    return NGX_OK;
}


static ngx_uint_t
ngx_http_vcita_sentinel_conf_repeated(
    ngx_http_vcita_redis_sentinel_conf_t *sentinel,
    ngx_http_vcita_redis_sentinel_host_t *host)
{
    ngx_uint_t                             i;
    ngx_http_vcita_redis_sentinel_host_t  *h;

    h = sentinel->hosts;

    for (i = 0; i < sentinel->nhosts; i++) {

        if (h[i].port == host->port
            && h[i].host.len == host->host.len
            && ngx_strncasecmp(h[i].host.data, host->host.data, host->host.len)
               == 0)
        {
            return 1;
        }
    }

    return 0;
}


static ngx_uint_t
ngx_http_vcita_sentinel_conf_valid(ngx_str_t *name)
{
    u_char  *p, *last;

    last = name->data + name->len;

    for (p = name->data; p < last; p++) {

        if (!isalnum(*p) && *p != '.' && *p != '-' && *p != '_') {
            return 0;
        }
    }

    return name->len != 0;
}


char *
ngx_http_vcita_sentinel_conf_user(ngx_conf_t *cf,
    ngx_http_vcita_redis_conf_t *c, ngx_str_t *value)
{
    if (c->sentinel == NULL) {
        return "requires redis+sentinel:// or rediss+sentinel://";
    }

    if (c->sentinel->user.data) {
        return "is duplicate";
    }

    c->sentinel->user = *value;

    return ngx_http_vcita_config_text(cf, NULL, value);
}


char *
ngx_http_vcita_sentinel_conf_password(ngx_conf_t *cf,
    ngx_http_vcita_redis_conf_t *c, ngx_str_t *value)
{
    char  *rv;

    if (c->sentinel == NULL) {
        return "requires redis+sentinel:// or rediss+sentinel://";
    }

    if (c->sentinel->password.data) {
        return "is duplicate";
    }

    rv = ngx_http_vcita_secrets_text(cf, value);

    c->sentinel->password = *value;

    return rv;
}
