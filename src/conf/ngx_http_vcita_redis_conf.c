
/*
 * Copyright (C) the vcita OAuth gate authors
 *
 * Parses the URL of a Redis server and the parameters after it.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "conf/ngx_http_vcita_conf.h"
#include "session/ngx_http_vcita_store.h"
#include "util/ngx_http_vcita_query.h"


#define NGX_HTTP_VCITA_REDIS_PORT     6379
#define NGX_HTTP_VCITA_REDIS_TIMEOUT  1000
#define NGX_HTTP_VCITA_REDIS_DB_MAX   65535


typedef struct {
    ngx_str_t                    name;
    char                      *(*set)(ngx_conf_t *cf,
                                    ngx_http_vcita_redis_conf_t *c,
                                    ngx_str_t *value);
} ngx_http_vcita_redis_conf_option_t;


static void ngx_http_vcita_redis_conf_stats(ngx_conf_t *cf,
    ngx_http_vcita_redis_conn_conf_t *connection);
static char *ngx_http_vcita_redis_conf_url(ngx_conf_t *cf,
    ngx_http_vcita_redis_conf_t *c, ngx_str_t *url);
static char *ngx_http_vcita_redis_conf_userinfo(ngx_conf_t *cf,
    ngx_http_vcita_redis_conf_t *c);
static char *ngx_http_vcita_redis_conf_decode(ngx_conf_t *cf, u_char *p,
    u_char *last, ngx_str_t *text);
static char *ngx_http_vcita_redis_conf_address(ngx_conf_t *cf,
    ngx_http_vcita_redis_conf_t *c, ngx_str_t *database);
static void ngx_http_vcita_redis_conf_resolve(ngx_conf_t *cf,
    ngx_http_vcita_redis_conf_t *c, ngx_url_t *u);
static char *ngx_http_vcita_redis_conf_host(ngx_conf_t *cf,
    ngx_http_vcita_redis_conf_t *c, ngx_url_t *u);
static char *ngx_http_vcita_redis_conf_option(ngx_conf_t *cf,
    ngx_http_vcita_redis_conf_t *c, ngx_str_t *word);
static char *ngx_http_vcita_redis_conf_user(ngx_conf_t *cf,
    ngx_http_vcita_redis_conf_t *c, ngx_str_t *value);
static char *ngx_http_vcita_redis_conf_password(ngx_conf_t *cf,
    ngx_http_vcita_redis_conf_t *c, ngx_str_t *value);
static char *ngx_http_vcita_redis_conf_connect_timeout(ngx_conf_t *cf,
    ngx_http_vcita_redis_conf_t *c, ngx_str_t *value);
static char *ngx_http_vcita_redis_conf_timeout(ngx_conf_t *cf,
    ngx_http_vcita_redis_conf_t *c, ngx_str_t *value);
static char *ngx_http_vcita_redis_conf_time(ngx_str_t *value, ngx_msec_t *time);
static char *ngx_http_vcita_redis_conf_prefix(ngx_conf_t *cf,
    ngx_http_vcita_redis_conf_t *c, ngx_str_t *value);
static char *ngx_http_vcita_redis_conf_check(ngx_conf_t *cf,
    ngx_http_vcita_redis_conf_t *c);


static ngx_http_vcita_redis_conf_option_t
    ngx_http_vcita_redis_conf_options[] = {
    { ngx_string("user="), ngx_http_vcita_redis_conf_user },
    { ngx_string("password="), ngx_http_vcita_redis_conf_password },
    { ngx_string("sentinel_user="), ngx_http_vcita_sentinel_conf_user },
    { ngx_string("sentinel_password="), ngx_http_vcita_sentinel_conf_password },
    { ngx_string("ca="), ngx_http_vcita_redis_tls_conf_ca },
    { ngx_string("cert="), ngx_http_vcita_redis_tls_conf_cert },
    { ngx_string("key="), ngx_http_vcita_redis_tls_conf_key },
    { ngx_string("ssl_verify="), ngx_http_vcita_redis_tls_conf_verify },
    { ngx_string("connect_timeout="),
      ngx_http_vcita_redis_conf_connect_timeout },
    { ngx_string("timeout="), ngx_http_vcita_redis_conf_timeout },
    { ngx_string("prefix="), ngx_http_vcita_redis_conf_prefix },
    { ngx_null_string, NULL }
};


char *
ngx_http_vcita_redis_conf_store(ngx_conf_t *cf, ngx_str_t *args, ngx_uint_t n,
    ngx_http_vcita_store_t *store)
{
    char                         *rv;
    ngx_uint_t                    i;
    ngx_http_vcita_redis_conf_t   c;

    ngx_memzero(&c, sizeof(ngx_http_vcita_redis_conf_t));

    c.connection = ngx_pcalloc(cf->pool,
                               sizeof(ngx_http_vcita_redis_conn_conf_t));
    if (c.connection == NULL) {
        return NGX_CONF_ERROR;
    }

    c.connection->verify = NGX_CONF_UNSET;
    c.connection->connect_timeout = NGX_CONF_UNSET_MSEC;
    c.connection->timeout = NGX_CONF_UNSET_MSEC;

    rv = ngx_http_vcita_redis_conf_url(cf, &c, &args[0]);

    for (i = 1; i < n && rv == NGX_CONF_OK; i++) {
        rv = ngx_http_vcita_redis_conf_option(cf, &c, &args[i]);
    }

    if (rv == NGX_CONF_OK) {
        rv = ngx_http_vcita_redis_conf_check(cf, &c);
    }

    if (rv != NGX_CONF_OK) {
        return rv;
    }

    if (c.tls && ngx_http_vcita_redis_tls_conf_create(cf, &c) != NGX_CONF_OK) {
        return NGX_CONF_ERROR;
    }

    ngx_conf_init_value(c.connection->verify, 1);
    ngx_conf_init_msec_value(c.connection->connect_timeout,
                             NGX_HTTP_VCITA_REDIS_TIMEOUT);
    ngx_conf_init_msec_value(c.connection->timeout,
                             NGX_HTTP_VCITA_REDIS_TIMEOUT);

    if (c.prefix.data == NULL) {
        ngx_str_set(&c.prefix, "vcita:");
    }

    if (c.sentinel
        && ngx_http_vcita_redis_votes_create(cf->pool, c.connection, c.sentinel)
           != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    ngx_http_vcita_redis_conf_stats(cf, c.connection);

    if (ngx_http_vcita_store_redis_create(cf->pool, c.connection, &c.prefix,
                                          store) != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


/* Only a worker finds the counters, see redis_stats.h */

static void
ngx_http_vcita_redis_conf_stats(ngx_conf_t *cf,
    ngx_http_vcita_redis_conn_conf_t *connection)
{
    ngx_http_vcita_main_conf_t  *vmcf;

    vmcf = ngx_http_conf_get_module_main_conf(cf,
                                              ngx_http_vcita_oauth_module);

    connection->stats.find = ngx_http_vcita_stats_redis;
    connection->stats.data = &vmcf->statistics;
    connection->stats.name = connection->name;
}


/*
 * redis[s]://[user[:password]@]host[:port][/db], redis://unix:path[:/db], or
 * redis[s]+sentinel://[user[:password]@]host[:port],.../master-name[/db]
 */

static char *
ngx_http_vcita_redis_conf_url(ngx_conf_t *cf, ngx_http_vcita_redis_conf_t *c,
    ngx_str_t *url)
{
    char       *rv;
    u_char     *p;
    size_t      scheme;
    ngx_int_t   n;
    ngx_str_t   database;

    p = url->data + sizeof("redis") - 1;

    c->tls = (*p == 's');
    p += c->tls;

    if (*p == '+') {
        p += sizeof("+sentinel") - 1;

        c->sentinel = ngx_pcalloc(cf->pool,
                                 sizeof(ngx_http_vcita_redis_sentinel_conf_t));
        if (c->sentinel == NULL) {
            return NGX_CONF_ERROR;
        }
    }

    scheme = p + sizeof("://") - 1 - url->data;

    c->address.data = url->data + scheme;
    c->address.len = url->len - scheme;

    rv = ngx_http_vcita_redis_conf_userinfo(cf, c);

    if (rv != NGX_CONF_OK) {
        return rv;
    }

    c->connection->name.len = scheme + c->address.len;

    c->connection->name.data = ngx_pnalloc(cf->pool, c->connection->name.len);
    if (c->connection->name.data == NULL) {
        return NGX_CONF_ERROR;
    }

    ngx_memcpy(ngx_cpymem(c->connection->name.data, url->data, scheme),
               c->address.data, c->address.len);

    ngx_str_null(&database);

    rv = c->sentinel ? ngx_http_vcita_sentinel_conf_address(cf, c, &database)
                     : ngx_http_vcita_redis_conf_address(cf, c, &database);

    if (rv != NGX_CONF_OK) {
        return rv;
    }

    n = database.len ? ngx_atoi(database.data, database.len) : 0;

    if (n == NGX_ERROR || n > NGX_HTTP_VCITA_REDIS_DB_MAX) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"%V\" has an invalid database "
                           "number", &c->connection->name);
        return NGX_CONF_ERROR;
    }

    c->connection->database = n;

    return NGX_CONF_OK;
}


/* Removes user and password from the URL, which may be logged afterwards */

static char *
ngx_http_vcita_redis_conf_userinfo(ngx_conf_t *cf,
    ngx_http_vcita_redis_conf_t *c)
{
    char    *rv;
    u_char  *p, *at, *colon, *last, *path;

    p = c->address.data;
    last = p + c->address.len;

    path = ngx_strlchr(p, last, '/');
    at = ngx_strlchr(p, last, '@');

    if (at == NULL) {
        return NGX_CONF_OK;
    }

    if ((path && path < at) || ngx_strlchr(at + 1, last, '@')) {
        return "has \"/\" or \"@\" in its user or password, write %2F or %40, "
               "or use password=file:...";
    }

    colon = ngx_strlchr(p, at, ':');

    rv = ngx_http_vcita_redis_conf_decode(cf, p, colon ? colon : at,
                                          &c->connection->user);

    if (rv == NGX_CONF_OK && colon) {
        rv = ngx_http_vcita_redis_conf_decode(cf, colon + 1, at,
                                              &c->connection->password);
    }

    c->address.data = at + 1;
    c->address.len = last - (at + 1);

    return rv;
}


static char *
ngx_http_vcita_redis_conf_decode(ngx_conf_t *cf, u_char *p, u_char *last,
    ngx_str_t *text)
{
    u_char  *d;

    d = ngx_pnalloc(cf->pool, last - p + 1);
    if (d == NULL) {
        return NGX_CONF_ERROR;
    }

    if (ngx_http_vcita_query_decode(d, p, last, text) != NGX_OK) {
        return "has invalid percent-encoding in its user or password, "
               "write \"%\" as %25";
    }

    d[text->len] = '\0';

    return NGX_CONF_OK;
}


static char *
ngx_http_vcita_redis_conf_address(ngx_conf_t *cf,
    ngx_http_vcita_redis_conf_t *c, ngx_str_t *database)
{
    ngx_url_t  u;

    ngx_memzero(&u, sizeof(ngx_url_t));

    u.url = c->address;
    u.default_port = NGX_HTTP_VCITA_REDIS_PORT;
    u.uri_part = 1;
    u.no_resolve = 1;

    if (ngx_parse_url(cf->pool, &u) != NGX_OK) {

        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "%s in \"%V\"",
                           u.err ? u.err : "no memory", &c->connection->name);
        return NGX_CONF_ERROR;
    }

    if (u.uri.len) {
        database->data = u.uri.data + 1;
        database->len = u.uri.len - 1;
    }

    if (u.naddrs == 0) {
        ngx_http_vcita_redis_conf_resolve(cf, c, &u);
    }

    c->connection->addrs = u.addrs;
    c->connection->naddrs = u.naddrs;
    c->connection->port = u.port;

    return ngx_http_vcita_redis_conf_host(cf, c, &u);
}


/* A name is looked up again by workers, so that it need not resolve now */

static void
ngx_http_vcita_redis_conf_resolve(ngx_conf_t *cf,
    ngx_http_vcita_redis_conf_t *c, ngx_url_t *u)
{
    c->connection->finder = &ngx_http_vcita_redis_master_by_name;

    if (ngx_inet_resolve_host(cf->pool, u) != NGX_OK) {
        u->naddrs = 0;

        ngx_conf_log_error(NGX_LOG_WARN, cf, 0,
                           "%s in \"%V\", requests that need this store get "
                           "503 until its host name can be resolved",
                           u->err ? u->err : "no memory",
                           &c->connection->name);
    }
}


static char *
ngx_http_vcita_redis_conf_host(ngx_conf_t *cf, ngx_http_vcita_redis_conf_t *c,
    ngx_url_t *u)
{
    u_char     *p;
    ngx_str_t   host;

    if (u->family == AF_UNIX) {

        if (c->tls) {
            return "has rediss:// for a unix socket, use redis://unix:";
        }

        c->local = 1;

        return NGX_CONF_OK;
    }

    c->local = ngx_http_vcita_url_conf_loopback(&c->address);

    host = u->host;

    if (host.len > 2 && host.data[0] == '[') {
        host.data++;
        host.len -= 2;
    }

    /* OpenSSL requires a NUL-terminated name */

    p = ngx_pnalloc(cf->pool, host.len + 1);
    if (p == NULL) {
        return NGX_CONF_ERROR;
    }

    c->connection->host.data = p;
    c->connection->host.len = host.len;

    *ngx_cpymem(p, host.data, host.len) = '\0';

    return NGX_CONF_OK;
}


static char *
ngx_http_vcita_redis_conf_option(ngx_conf_t *cf, ngx_http_vcita_redis_conf_t *c,
    ngx_str_t *word)
{
    char                                *rv;
    u_char                              *p;
    ngx_str_t                            value;
    ngx_http_vcita_redis_conf_option_t  *option;

    for (option = ngx_http_vcita_redis_conf_options; option->set; option++) {

        if (word->len < option->name.len
            || ngx_strncmp(word->data, option->name.data, option->name.len)
               != 0)
        {
            continue;
        }

        value.data = word->data + option->name.len;
        value.len = word->len - option->name.len;

        rv = option->set(cf, c, &value);

        if (rv != NGX_CONF_OK && rv != NGX_CONF_ERROR) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "parameter \"%V\" of \"%V\" %s",
                               &option->name, &c->connection->name, rv);
            return NGX_CONF_ERROR;
        }

        return rv;
    }

    /* the text after "=" may be a password even in an unknown parameter */

    p = ngx_strlchr(word->data, word->data + word->len, '=');

    if (p) {
        word->len = p + 1 - word->data;
    }

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "\"%V\" has an unknown parameter \"%V\"",
                       &c->connection->name, word);

    return NGX_CONF_ERROR;
}


static char *
ngx_http_vcita_redis_conf_user(ngx_conf_t *cf, ngx_http_vcita_redis_conf_t *c,
    ngx_str_t *value)
{
    if (c->connection->user.data) {
        return "is duplicate";
    }

    c->connection->user = *value;

    return ngx_http_vcita_config_text(cf, NULL, value);
}


static char *
ngx_http_vcita_redis_conf_password(ngx_conf_t *cf,
    ngx_http_vcita_redis_conf_t *c, ngx_str_t *value)
{
    char  *rv;

    if (c->connection->password.data) {
        return "is duplicate";
    }

    rv = ngx_http_vcita_secrets_text(cf, value);

    c->connection->password = *value;

    return rv;
}


static char *
ngx_http_vcita_redis_conf_connect_timeout(ngx_conf_t *cf,
    ngx_http_vcita_redis_conf_t *c, ngx_str_t *value)
{
    return ngx_http_vcita_redis_conf_time(value,
                                          &c->connection->connect_timeout);
}


static char *
ngx_http_vcita_redis_conf_timeout(ngx_conf_t *cf,
    ngx_http_vcita_redis_conf_t *c, ngx_str_t *value)
{
    return ngx_http_vcita_redis_conf_time(value, &c->connection->timeout);
}


static char *
ngx_http_vcita_redis_conf_time(ngx_str_t *value, ngx_msec_t *time)
{
    ngx_int_t  n;

    if (*time != NGX_CONF_UNSET_MSEC) {
        return "is duplicate";
    }

    n = ngx_parse_time(value, 0);

    if (n == NGX_ERROR || n == 0) {
        return "is not a time such as 500ms or 2s";
    }

    *time = n;

    return NGX_CONF_OK;
}


static char *
ngx_http_vcita_redis_conf_prefix(ngx_conf_t *cf, ngx_http_vcita_redis_conf_t *c,
    ngx_str_t *value)
{
    if (c->prefix.data) {
        return "is duplicate";
    }

    c->prefix = *value;

    if (value->len > NGX_HTTP_VCITA_STORE_REDIS_PREFIX) {
        return "is longer than 64 bytes";
    }

    return NGX_CONF_OK;
}


/* Combinations that are invalid or unsafe */

static char *
ngx_http_vcita_redis_conf_check(ngx_conf_t *cf, ngx_http_vcita_redis_conf_t *c)
{
    char                              *rv;
    ngx_http_vcita_redis_conn_conf_t  *connection;

    connection = c->connection;

    if (connection->user.len && connection->password.len == 0) {
        return "has a user without a password, set password=";
    }

    if (c->sentinel
        && c->sentinel->user.len && c->sentinel->password.len == 0)
    {
        return "has a sentinel_user without a password, set sentinel_password=";
    }

    rv = ngx_http_vcita_redis_tls_conf_check(c);

    if (rv != NGX_CONF_OK) {
        return rv;
    }

    if (!c->tls && !c->local
        && (connection->password.len
            || (c->sentinel && c->sentinel->password.len)))
    {
        ngx_conf_log_error(NGX_LOG_WARN, cf, 0,
                           "\"%V\" receives its password without TLS, use "
                           "rediss%s://", &connection->name,
                           c->sentinel ? "+sentinel" : "");
    }

    if (connection->verify == 0 && !c->local) {
        ngx_conf_log_error(NGX_LOG_WARN, cf, 0,
                           "the certificate of \"%V\" is not verified and the "
                           "connection can be intercepted, remove "
                           "ssl_verify=off", &connection->name);
    }

    return NGX_CONF_OK;
}
