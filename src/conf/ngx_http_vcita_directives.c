
/*
 * Copyright (C) the vcita OAuth gate authors
 *
 * Directives with a check or a handler of their own.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "conf/ngx_http_vcita_conf.h"
#include "session/ngx_http_vcita_rate_redis.h"
#include "util/ngx_http_vcita_query.h"


#define ngx_http_vcita_directives_alnum(c)                                    \
    (((c) >= '0' && (c) <= '9')                                               \
     || (((c) | 0x20) >= 'a' && ((c) | 0x20) <= 'z'))


#if (NGX_HTTP_VCITA_REDIS)
static ngx_int_t ngx_http_vcita_directives_fleet_client(ngx_conf_t *cf,
    ngx_http_vcita_rate_t *rate, ngx_http_vcita_client_t *client,
    ngx_uint_t redis);
#endif


char *
ngx_http_vcita_directives_scope(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_vcita_loc_conf_t *vlcf = conf;

    ngx_str_t   *value, *scope;
    ngx_uint_t   i;

    vlcf->scope = ngx_array_create(cf->pool, cf->args->nelts - 1,
                                   sizeof(ngx_str_t));
    if (vlcf->scope == NULL) {
        return NGX_CONF_ERROR;
    }

    value = cf->args->elts;

    for (i = 1; i < cf->args->nelts; i++) {

        if (value[i].len == 0) {
            return "has an empty scope";
        }

        if (ngx_http_vcita_config_text(cf, NULL, &value[i]) != NGX_CONF_OK) {
            return "has a control character";
        }

        scope = ngx_array_push(vlcf->scope);
        if (scope == NULL) {
            return NGX_CONF_ERROR;
        }

        *scope = value[i];
    }

    return ngx_http_vcita_directives_dollars(cf, NGX_CONF_OK);
}


char *
ngx_http_vcita_directives_authorize_args(ngx_conf_t *cf, void *post, void *data)
{
    ngx_str_t *args = data;

    u_char  *p, *last;

    last = args->data + args->len;

    for (p = args->data; p < last; p++) {

        if (*p <= ' ' || *p == '#' || *p == '"' || *p >= 0x7f) {
            return "takes a query, percent-encoded where it has to be";
        }
    }

    while (args->len && (args->data[0] == '&' || args->data[0] == '?')) {
        args->data++;
        args->len--;
    }

    return NGX_CONF_OK;
}


/* RFC 6265, 4.1.1: a token; short, since it is sent with each request */

char *
ngx_http_vcita_directives_cookie_name(ngx_conf_t *cf, void *post, void *data)
{
    ngx_str_t *name = data;

    u_char      c;
    ngx_uint_t  i;

    if (name->len == 0 || name->len > 64) {
        return "takes 1 to 64 characters";
    }

    for (i = 0; i < name->len; i++) {
        c = name->data[i];

        if (c <= 0x20 || c >= 0x7f
            || ngx_strchr("()<>@,;:\\\"/[]?={}", c))
        {
            return "has a character that no cookie name can have";
        }
    }

    if (ngx_strncasecmp(name->data, (u_char *) "__", 2) == 0) {
        return "gets its __Host- or __Secure- automatically";
    }

    return NGX_CONF_OK;
}


char *
ngx_http_vcita_directives_domain(ngx_conf_t *cf, void *post, void *data)
{
    ngx_str_t *domain = data;

    if (domain->len && domain->data[0] == '.') {
        domain->data++;
        domain->len--;
    }

    if (ngx_http_vcita_query_authority(domain) != NGX_OK
        || ngx_strlchr(domain->data, domain->data + domain->len, ':'))
    {
        return "is not a domain name";
    }

    ngx_strlow(domain->data, domain->data, domain->len);

    return NGX_CONF_OK;
}


/* Warns of a variable in a valid directive that evaluates none; returns rv */

char *
ngx_http_vcita_directives_dollars(ngx_conf_t *cf, char *rv)
{
    ngx_str_t   *value;
    ngx_uint_t   i;

    value = cf->args->elts;

    for (i = 1; rv == NGX_CONF_OK && i < cf->args->nelts; i++) {

        if (ngx_strlchr(value[i].data, value[i].data + value[i].len, '$')) {
            ngx_conf_log_error(NGX_LOG_WARN, cf, 0,
                               "\"%V\" takes no variables, \"$\" stands for "
                               "itself in \"%V\"", &value[0], &value[i]);
        }
    }

    return rv;
}


/* app_code_name ... | off: letters and digits, at vcita, too */

char *
ngx_http_vcita_directives_bearer(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_vcita_loc_conf_t *vlcf = conf;

    u_char                      *p;
    ngx_str_t                   *value, *name;
    ngx_uint_t                   i;
    ngx_http_vcita_main_conf_t  *vmcf;

    value = cf->args->elts;

    if (cf->args->nelts == 2 && ngx_strcmp(value[1].data, "off") == 0) {
        vlcf->bearer = NULL;
        return NGX_CONF_OK;
    }

    vlcf->bearer = ngx_array_create(cf->pool, cf->args->nelts - 1,
                                    sizeof(ngx_str_t));
    if (vlcf->bearer == NULL) {
        return NGX_CONF_ERROR;
    }

    for (i = 1; i < cf->args->nelts; i++) {

        p = value[i].data;

        while (ngx_http_vcita_directives_alnum(*p)) {
            p++;
        }

        if (*p || value[i].len == 0 || ngx_strcmp(value[i].data, "off") == 0) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid app_code_name \"%V\": it has letters "
                               "and digits only", &value[i]);
            return NGX_CONF_ERROR;
        }

        name = ngx_array_push(vlcf->bearer);
        if (name == NULL) {
            return NGX_CONF_ERROR;
        }

        *name = value[i];
    }

    vmcf = ngx_http_conf_get_module_main_conf(cf,
                                              ngx_http_vcita_oauth_module);
    vmcf->bearers = 1;

    return NGX_CONF_OK;
}


/* time [all] | off */

char *
ngx_http_vcita_directives_idle(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_vcita_client_t *client = conf;

    ngx_str_t              *value;
    ngx_http_vcita_idle_t  *idle;

    idle = &client->session_idle;
    value = cf->args->elts;

    idle->all = (cf->args->nelts == 3);

    if (idle->all
        && (ngx_strcmp(value[2].data, "all") != 0
            || ngx_strcmp(value[1].data, "off") == 0))
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid parameter \"%V\" in %V: a time may be "
                           "followed by all", &value[2], &value[0]);
        return NGX_CONF_ERROR;
    }

    /* the time is the first member */

    return ngx_http_vcita_directives_seconds(cf, cmd, conf);
}


/* "8r/s", "0.8r/s", "48r/m", and perhaps "fleet"; or "off" */

char *
ngx_http_vcita_directives_rate(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_vcita_main_conf_t *vmcf = conf;

    char       *rv;
    ngx_str_t  *value;

    if (vmcf->rate.calls != NGX_CONF_UNSET_UINT) {
        return "is duplicate";
    }

    value = cf->args->elts;

    rv = ngx_http_vcita_rate_parse(cf, &value[1], &vmcf->rate);

    if (rv != NGX_CONF_OK || cf->args->nelts == 2) {
        return rv;
    }

    if (ngx_strcmp(value[2].data, "fleet") != 0 || vmcf->rate.calls == 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid parameter \"%V\": a rate may have "
                           "\"fleet\" behind it", &value[2]);
        return NGX_CONF_ERROR;
    }

#if (NGX_HTTP_VCITA_REDIS)

    vmcf->rate.fleet = ngx_array_create(cf->pool, 1, sizeof(void *));

    return vmcf->rate.fleet ? NGX_CONF_OK : NGX_CONF_ERROR;

#else

    return "requires a build with hiredis for \"fleet\", rebuild the module";

#endif
}


/*
 * Called at the end of the configuration: of each client_id, the Redis that has
 * its rate; a warning if there is none
 */

ngx_int_t
ngx_http_vcita_directives_fleet(ngx_conf_t *cf,
    ngx_http_vcita_main_conf_t *vmcf)
{
#if (NGX_HTTP_VCITA_REDIS)

    ngx_uint_t                   i, n, redis;
    ngx_http_vcita_client_t    **client;
    ngx_http_core_srv_conf_t   **cscf;
    ngx_http_core_main_conf_t   *cmcf;
    ngx_http_vcita_srv_conf_t   *vscf;

    cmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_core_module);
    cscf = cmcf->servers.elts;

    for (i = 0; i < 2 * cmcf->servers.nelts; i++) {
        n = i % cmcf->servers.nelts;
        redis = (n == i);

        vscf = cscf[n]->ctx->srv_conf[ngx_http_vcita_oauth_module.ctx_index];
        client = vscf->clients.elts;

        for (n = 0; n < vscf->clients.nelts; n++) {

            if (ngx_http_vcita_directives_fleet_client(cf, &vmcf->rate,
                                                       client[n], redis)
                != NGX_OK)
            {
                return NGX_ERROR;
            }
        }
    }

#endif

    return NGX_OK;
}


#if (NGX_HTTP_VCITA_REDIS)

/* "redis": adds a client whose sessions are in Redis; otherwise any other */

static ngx_int_t
ngx_http_vcita_directives_fleet_client(ngx_conf_t *cf,
    ngx_http_vcita_rate_t *rate, ngx_http_vcita_client_t *client,
    ngx_uint_t redis)
{
    ngx_http_vcita_store_t   *store;
    ngx_http_vcita_origin_t  *origin;

    store = client->storage.store;

    if (store && store->type->where == NGX_HTTP_VCITA_IN_REDIS) {
        return redis ? ngx_http_vcita_rate_redis_add(cf, rate,
                                                     &client->client_id, store)
                     : NGX_OK;
    }

    if (redis || ngx_http_vcita_rate_redis_find(rate, &client->client_id)) {
        return NGX_OK;
    }

    origin = &client->origin[NGX_HTTP_VCITA_SESSION_STORE];

    if (origin->file == NULL) {
        origin = &client->origin[NGX_HTTP_VCITA_CLIENT_ID];
    }

    (void) ngx_http_vcita_config_error(cf, NGX_LOG_WARN, origin,
                            "\"vcita_oauth_rate ... fleet\" needs sessions in "
                            "Redis, the calls of client \"%V\" are limited for "
                            "this machine alone, set vcita_oauth_session_store",
                            &client->client_id);

    /* its other servers get no further warning */

    return ngx_http_vcita_rate_redis_add(cf, rate, &client->client_id, NULL);
}

#endif


/* time | off */

char *
ngx_http_vcita_directives_seconds(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf)
{
    char       *rv;
    time_t     *seconds;
    ngx_str_t  *value;

    seconds = (time_t *) ((u_char *) conf + cmd->offset);
    value = cf->args->elts;

    if (ngx_strcmp(value[1].data, "off") == 0) {
        *seconds = 0;
        return NGX_CONF_OK;
    }

    rv = ngx_conf_set_sec_slot(cf, cmd, conf);

    return (rv == NGX_CONF_OK && *seconds == 0) ? "must be more than 0" : rv;
}


/* time [stale=time] | off */

char *
ngx_http_vcita_directives_revalidate(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf)
{
    ngx_http_vcita_loc_conf_t *vlcf = conf;

    ngx_str_t                       *value, stale;
    ngx_http_vcita_revalidate_t     *rv;
    ngx_http_vcita_main_conf_t      *vmcf;

    rv = &vlcf->revalidate;
    value = cf->args->elts;

    rv->stale = NGX_MAX_INT32_VALUE;

    if (ngx_strcmp(value[1].data, "off") == 0 && cf->args->nelts == 2) {
        rv->interval = 0;
        return NGX_CONF_OK;
    }

    rv->interval = ngx_parse_time(&value[1], 1);

    if (rv->interval == (time_t) NGX_ERROR || rv->interval == 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid time \"%V\"", &value[1]);
        return NGX_CONF_ERROR;
    }

    if (cf->args->nelts == 3) {

        stale.data = value[2].data + sizeof("stale=") - 1;
        stale.len = value[2].len - (sizeof("stale=") - 1);

        if (ngx_strncmp(value[2].data, "stale=", sizeof("stale=") - 1) != 0
            || (rv->stale = ngx_parse_time(&stale, 1)) == (time_t) NGX_ERROR)
        {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid parameter \"%V\"", &value[2]);
            return NGX_CONF_ERROR;
        }

        if (rv->stale < rv->interval) {
            return "has a stale time shorter than its interval";
        }
    }

    vmcf = ngx_http_conf_get_module_main_conf(cf,
                                              ngx_http_vcita_oauth_module);
    vmcf->revalidates = 1;

    return NGX_CONF_OK;
}


char *
ngx_http_vcita_directives_status(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_core_loc_conf_t    *clcf;
    ngx_http_vcita_main_conf_t  *vmcf;

    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);
    clcf->handler = *(ngx_http_handler_pt *) cmd->post;

    vmcf = ngx_http_conf_get_module_main_conf(cf,
                                              ngx_http_vcita_oauth_module);
    vmcf->gates = 1;

    return NGX_CONF_OK;
}


char *
ngx_http_vcita_directives_logout(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_vcita_loc_conf_t *vlcf = conf;

    ngx_command_t              command;
    ngx_http_core_loc_conf_t  *clcf;

    if (vlcf->logout) {
        return "is duplicate";
    }

    vlcf->logout = 1;

    ngx_http_vcita_config_origin(cf, &vlcf->origin[NGX_HTTP_VCITA_LOGOUT]);

    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);
    clcf->handler = *(ngx_http_handler_pt *) cmd->post;

    if (cf->args->nelts == 1) {
        return NGX_CONF_OK;
    }

    command = *cmd;
    command.offset = offsetof(ngx_http_vcita_loc_conf_t, logout_uri);

    return ngx_http_set_complex_value_slot(cf, &command, conf);
}
