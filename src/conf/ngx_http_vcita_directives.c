
/*
 * Copyright (C) the vcita OAuth gate authors
 *
 * The directives that are not settings of a client.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "conf/ngx_http_vcita_conf.h"


char *
ngx_http_vcita_directives_gate(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_vcita_loc_conf_t *vlcf = conf;

    ngx_http_vcita_config_origin(cf, &vlcf->gate_origin);

    return ngx_conf_set_enum_slot(cf, cmd, conf);
}


char *
ngx_http_vcita_directives_scope(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_vcita_loc_conf_t *vlcf = conf;

    ngx_str_t   *value, *scope;
    ngx_uint_t   i;

    if (vlcf->scope != NGX_CONF_UNSET_PTR) {
        return "is duplicate";
    }

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

        scope = ngx_array_push(vlcf->scope);
        if (scope == NULL) {
            return NGX_CONF_ERROR;
        }

        *scope = value[i];
    }

    return NGX_CONF_OK;
}


char *
ngx_http_vcita_directives_authorize_endpoint(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf)
{
    ngx_http_vcita_loc_conf_t *vlcf = conf;

    ngx_http_vcita_config_origin(cf, &vlcf->endpoint_origin);

    return ngx_conf_set_str_slot(cf, cmd, conf);
}


char *
ngx_http_vcita_directives_authorize_args(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf)
{
    ngx_http_vcita_loc_conf_t *vlcf = conf;

    u_char     *p, *last;
    ngx_str_t  *args;

    args = &vlcf->authorize_args;

    ngx_http_vcita_config_origin(cf, &vlcf->args_origin);

    if (ngx_conf_set_str_slot(cf, cmd, conf) != NGX_CONF_OK) {
        return "is duplicate";
    }

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


/* "8r/s", "30r/m", or "off" */

char *
ngx_http_vcita_directives_rate(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_vcita_main_conf_t *vmcf = conf;

    u_char     *p;
    ngx_int_t   n;
    ngx_str_t  *value;

    if (vmcf->rate.calls != NGX_CONF_UNSET_UINT) {
        return "is duplicate";
    }

    value = cf->args->elts;

    if (ngx_strcmp(value[1].data, "off") == 0) {
        vmcf->rate.calls = 0;
        return NGX_CONF_OK;
    }

    p = value[1].data + value[1].len - (sizeof("r/s") - 1);

    if (value[1].len > sizeof("r/s") - 1
        && (ngx_strcmp(p, "r/s") == 0 || ngx_strcmp(p, "r/m") == 0))
    {
        n = ngx_atoi(value[1].data, p - value[1].data);

        if (n > 0 && n <= NGX_HTTP_VCITA_RATE_MAX) {

            vmcf->rate.calls = n;
            vmcf->rate.window = (p[2] == 's') ? 1000 : 60000;
            vmcf->rate.window += NGX_HTTP_VCITA_RATE_SLACK;

            return NGX_CONF_OK;
        }
    }

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "invalid rate \"%V\": it is 1r/s to %dr/s, or r/m, "
                       "or off",
                       &value[1], NGX_HTTP_VCITA_RATE_MAX);

    return NGX_CONF_ERROR;
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

    if (rv->interval != NGX_CONF_UNSET) {
        return "is duplicate";
    }

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

    ngx_str_t                         *value;
    ngx_http_core_loc_conf_t          *clcf;
    ngx_http_compile_complex_value_t   ccv;

    if (vlcf->logout) {
        return "is duplicate";
    }

    vlcf->logout = 1;

    ngx_http_vcita_config_origin(cf, &vlcf->logout_origin);

    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);
    clcf->handler = *(ngx_http_handler_pt *) cmd->post;

    if (cf->args->nelts == 1) {
        return NGX_CONF_OK;
    }

    value = cf->args->elts;

    vlcf->logout_uri = ngx_palloc(cf->pool, sizeof(ngx_http_complex_value_t));
    if (vlcf->logout_uri == NULL) {
        return NGX_CONF_ERROR;
    }

    ngx_memzero(&ccv, sizeof(ngx_http_compile_complex_value_t));

    ccv.cf = cf;
    ccv.value = &value[1];
    ccv.complex_value = vlcf->logout_uri;

    if (ngx_http_compile_complex_value(&ccv) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


/* The scope where none is set; the parent gets it, too, for its others */

char *
ngx_http_vcita_directives_default_scope(ngx_conf_t *cf,
    ngx_http_vcita_loc_conf_t *prev, ngx_http_vcita_loc_conf_t *conf)
{
    ngx_str_t  *scope;

    if (conf->scope) {
        return NGX_CONF_OK;
    }

    conf->scope = ngx_array_create(cf->pool, 1, sizeof(ngx_str_t));
    if (conf->scope == NULL) {
        return NGX_CONF_ERROR;
    }

    scope = ngx_array_push(conf->scope);
    if (scope == NULL) {
        return NGX_CONF_ERROR;
    }

    ngx_str_set(scope, "openid");

    prev->scope = conf->scope;

    return NGX_CONF_OK;
}


void
ngx_http_vcita_directives_merge_revalidate(ngx_http_vcita_revalidate_t *prev,
    ngx_http_vcita_revalidate_t *conf)
{
    if (conf->interval != NGX_CONF_UNSET) {
        return;
    }

    /* the http level is nobody's child, and may be unset itself */

    conf->interval = (prev->interval == NGX_CONF_UNSET) ? 0 : prev->interval;
    conf->stale = prev->stale;
}
