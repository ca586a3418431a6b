
/*
 * Copyright (C) the vcita OAuth gate authors
 *
 * The parameters of a Redis that speaks TLS: certificates, and their check.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "conf/ngx_http_vcita_conf.h"
#include "session/ngx_http_vcita_store.h"


static char *ngx_http_vcita_redis_tls_conf_file(ngx_conf_t *cf, ngx_str_t *file,
    ngx_str_t *value);


char *
ngx_http_vcita_redis_tls_conf_ca(ngx_conf_t *cf,
    ngx_http_vcita_redis_conf_t *c, ngx_str_t *value)
{
    return ngx_http_vcita_redis_tls_conf_file(cf, &c->ca, value);
}


char *
ngx_http_vcita_redis_tls_conf_cert(ngx_conf_t *cf,
    ngx_http_vcita_redis_conf_t *c, ngx_str_t *value)
{
    return ngx_http_vcita_redis_tls_conf_file(cf, &c->cert, value);
}


char *
ngx_http_vcita_redis_tls_conf_key(ngx_conf_t *cf,
    ngx_http_vcita_redis_conf_t *c, ngx_str_t *value)
{
    char             *rv;
    ngx_file_info_t   fi;

    rv = ngx_http_vcita_redis_tls_conf_file(cf, &c->key, value);

    if (rv == NGX_CONF_OK
        && ngx_file_info(c->key.data, &fi) != NGX_FILE_ERROR
        && (fi.st_mode & S_IROTH))
    {
        ngx_conf_log_error(NGX_LOG_WARN, cf, 0,
                           "\"%V\" is readable by all users, chmod 600 it",
                           &c->key);
    }

    return rv;
}


static char *
ngx_http_vcita_redis_tls_conf_file(ngx_conf_t *cf, ngx_str_t *file,
    ngx_str_t *value)
{
    if (file->data) {
        return "is duplicate";
    }

    if (value->len == 0) {
        return "is empty";
    }

    *file = *value;

    return ngx_conf_full_name(cf->cycle, file, 1) == NGX_OK ? NGX_CONF_OK
                                                            : NGX_CONF_ERROR;
}


char *
ngx_http_vcita_redis_tls_conf_verify(ngx_conf_t *cf,
    ngx_http_vcita_redis_conf_t *c, ngx_str_t *value)
{
    if (c->connection->verify != NGX_CONF_UNSET) {
        return "is duplicate";
    }

    if (ngx_strcmp(value->data, "on") == 0) {
        c->connection->verify = 1;
        return NGX_CONF_OK;
    }

    if (ngx_strcmp(value->data, "off") == 0) {
        c->connection->verify = 0;
        return NGX_CONF_OK;
    }

    return "must be \"on\" or \"off\"";
}


/* Combinations that are invalid */

char *
ngx_http_vcita_redis_tls_conf_check(ngx_http_vcita_redis_conf_t *c)
{
    if (!c->tls && (c->ca.data || c->connection->verify != NGX_CONF_UNSET)) {
        return "has ca= or ssl_verify=, which require rediss://";
    }

    if (!c->tls && (c->cert.data || c->key.data)) {
        return "has cert= or key=, which require rediss://";
    }

    if ((c->cert.data == NULL) != (c->key.data == NULL)) {
        return "has only one of cert= and key=, set both";
    }

    return NGX_CONF_OK;
}


char *
ngx_http_vcita_redis_tls_conf_create(ngx_conf_t *cf,
    ngx_http_vcita_redis_conf_t *c)
{
    c->connection->ssl = ngx_http_vcita_connection_ssl(cf, &c->ca, &c->cert,
                                                       &c->key);
    if (c->connection->ssl == NULL) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "could not set up TLS for \"%V\", check ca=, cert= "
                           "and key=", &c->connection->name);
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}
