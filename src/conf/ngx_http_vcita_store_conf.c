
/*
 * Copyright (C) the vcita OAuth gate authors
 *
 * vcita_oauth_session_store: in the cookie, in shared memory, or in Redis.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "conf/ngx_http_vcita_conf.h"


static ngx_uint_t ngx_http_vcita_store_conf_url(ngx_str_t *text);
static ngx_int_t ngx_http_vcita_store_conf_text(ngx_conf_t *cf,
    ngx_str_t *text);
static char *ngx_http_vcita_store_conf_zone(ngx_conf_t *cf, ngx_str_t *zone,
    ngx_http_vcita_store_t *store);
static char *ngx_http_vcita_store_conf_redis(ngx_conf_t *cf,
    ngx_http_vcita_store_t *store);

#if (NGX_HTTP_VCITA_REDIS)
static char *ngx_http_vcita_store_conf_server(ngx_conf_t *cf,
    ngx_http_vcita_store_t *store);
#endif


/* "cookie", "zone=name:size", or the URL of a Redis with its parameters */

char *
ngx_http_vcita_store_conf_directive(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf)
{
    ngx_str_t                       *value, zone;
    ngx_http_vcita_store_t          *store;
    ngx_http_vcita_store_conf_t     *storage;

    storage = (ngx_http_vcita_store_conf_t *) ((u_char *) conf
                                               + cmd->offset);

    if (ngx_http_vcita_store_conf_text(cf, &storage->text) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    value = cf->args->elts;

    if (ngx_strcmp(storage->text.data, "cookie") == 0) {
        return NGX_CONF_OK;
    }

    store = ngx_pcalloc(cf->pool, sizeof(ngx_http_vcita_store_t));
    if (store == NULL) {
        return NGX_CONF_ERROR;
    }

    storage->store = store;

    if (ngx_http_vcita_store_conf_url(&value[1])) {
        return ngx_http_vcita_store_conf_redis(cf, store);
    }

    if (ngx_strncmp(value[1].data, "zone=", sizeof("zone=") - 1) == 0
        && cf->args->nelts == 2)
    {
        zone.data = value[1].data + sizeof("zone=") - 1;
        zone.len = value[1].len - (sizeof("zone=") - 1);

        return ngx_http_vcita_store_conf_zone(cf, &zone, store);
    }

    return "requires \"cookie\", \"zone=name:size\", or a redis://, rediss://, "
           "redis+sentinel:// or rediss+sentinel:// URL";
}


static ngx_uint_t
ngx_http_vcita_store_conf_url(ngx_str_t *text)
{
    ngx_str_t  *scheme;

    static ngx_str_t  schemes[] = {
        ngx_string("redis://"),
        ngx_string("rediss://"),
        ngx_string("redis+sentinel://"),
        ngx_string("rediss+sentinel://"),
        ngx_null_string
    };

    for (scheme = schemes; scheme->len; scheme++) {

        if (ngx_strncmp(text->data, scheme->data, scheme->len) == 0) {
            return 1;
        }
    }

    return 0;
}


/* clients are compared by this text */

static ngx_int_t
ngx_http_vcita_store_conf_text(ngx_conf_t *cf, ngx_str_t *text)
{
    u_char      *p;
    ngx_str_t   *value;
    ngx_uint_t   i;

    value = cf->args->elts;

    for (i = 1; i < cf->args->nelts; i++) {
        text->len += value[i].len + 1;
    }

    p = ngx_pnalloc(cf->pool, text->len);
    if (p == NULL) {
        return NGX_ERROR;
    }

    text->data = p;

    for (i = 1; i < cf->args->nelts; i++) {
        p = ngx_cpymem(p, value[i].data, value[i].len);
        *p++ = ' ';
    }

    text->len--;
    text->data[text->len] = '\0';

    return NGX_OK;
}


/* Adds a zone to the status page once, also if several stores share it */

static char *
ngx_http_vcita_store_conf_zone(ngx_conf_t *cf, ngx_str_t *zone,
    ngx_http_vcita_store_t *store)
{
    char                         *rv;
    ngx_uint_t                    i;
    ngx_http_vcita_store_t      **s;
    ngx_http_vcita_main_conf_t   *vmcf;

    rv = ngx_http_vcita_store_zone(cf, zone, store);

    if (rv != NGX_CONF_OK) {
        return rv;
    }

    vmcf = ngx_http_conf_get_module_main_conf(cf,
                                              ngx_http_vcita_oauth_module);
    s = vmcf->zones.elts;

    for (i = 0; i < vmcf->zones.nelts; i++) {

        if (s[i]->data == store->data) {
            return NGX_CONF_OK;
        }
    }

    s = ngx_array_push(&vmcf->zones);
    if (s == NULL) {
        return NGX_CONF_ERROR;
    }

    *s = store;

    return NGX_CONF_OK;
}


static char *
ngx_http_vcita_store_conf_redis(ngx_conf_t *cf, ngx_http_vcita_store_t *store)
{
#if (NGX_HTTP_VCITA_REDIS)
    char       *rv;
    ngx_str_t  *value;

    value = cf->args->elts;

    rv = ngx_http_vcita_redis_conf_store(cf, &value[1], cf->args->nelts - 1,
                                         store);

    return (rv == NGX_CONF_OK) ? ngx_http_vcita_store_conf_server(cf, store)
                               : rv;
#else

    return "requires a build with hiredis for a URL, rebuild the module";

#endif
}


#if (NGX_HTTP_VCITA_REDIS)

/* Adds a server to the status page once, also if several stores share it */

static char *
ngx_http_vcita_store_conf_server(ngx_conf_t *cf, ngx_http_vcita_store_t *store)
{
    ngx_uint_t                    i;
    ngx_http_vcita_store_t      **s;
    ngx_http_vcita_main_conf_t   *vmcf;

    vmcf = ngx_http_conf_get_module_main_conf(cf,
                                              ngx_http_vcita_oauth_module);
    s = vmcf->servers.elts;

    for (i = 0; i < vmcf->servers.nelts; i++) {

        if (ngx_http_vcita_stats_same(&s[i]->name, &store->name)) {
            return NGX_CONF_OK;
        }
    }

    s = ngx_array_push(&vmcf->servers);
    if (s == NULL) {
        return NGX_CONF_ERROR;
    }

    *s = store;

    return NGX_CONF_OK;
}

#endif
