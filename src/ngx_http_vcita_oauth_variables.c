
/*
 * Copyright (C) the vcita OAuth gate authors
 *
 * $vcita_oauth_*: what the gate has found out about this request.  The values
 * are read in place where they can be.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "ngx_http_vcita_oauth.h"


static ngx_http_vcita_oauth_session_t *ngx_http_vcita_oauth_var_session(
    ngx_http_request_t *r);
static ngx_int_t ngx_http_vcita_oauth_var_authenticated(
    ngx_http_request_t *r, ngx_http_variable_value_t *v, uintptr_t data);
static ngx_int_t ngx_http_vcita_oauth_var_token(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static ngx_int_t ngx_http_vcita_oauth_var_text(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static ngx_int_t ngx_http_vcita_oauth_var_started(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static ngx_int_t ngx_http_vcita_oauth_var_expires(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static ngx_int_t ngx_http_vcita_oauth_var_claim(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static ngx_int_t ngx_http_vcita_oauth_var_error(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static ngx_int_t ngx_http_vcita_oauth_var_set(ngx_http_variable_value_t *v,
    ngx_str_t *value);
static ngx_int_t ngx_http_vcita_oauth_var_time(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, time_t value);


static ngx_http_variable_t  ngx_http_vcita_oauth_vars[] = {

    { ngx_string("vcita_oauth_authenticated"), NULL,
      ngx_http_vcita_oauth_var_authenticated, 0,
      NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("vcita_oauth_access_token"), NULL,
      ngx_http_vcita_oauth_var_token, 0,
      NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("vcita_oauth_token_type"), NULL,
      ngx_http_vcita_oauth_var_text,
      offsetof(ngx_http_vcita_oauth_session_t, token_type),
      NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("vcita_oauth_scope"), NULL,
      ngx_http_vcita_oauth_var_text,
      offsetof(ngx_http_vcita_oauth_session_t, scope),
      NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("vcita_oauth_session_started"), NULL,
      ngx_http_vcita_oauth_var_started, 0,
      NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("vcita_oauth_expires"), NULL,
      ngx_http_vcita_oauth_var_expires, 0,
      NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("vcita_oauth_error"), NULL,
      ngx_http_vcita_oauth_var_error,
      offsetof(ngx_http_vcita_oauth_ctx_t, error),
      NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("vcita_oauth_error_description"), NULL,
      ngx_http_vcita_oauth_var_error,
      offsetof(ngx_http_vcita_oauth_ctx_t, error_description),
      NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("vcita_oauth_claim_"), NULL,
      ngx_http_vcita_oauth_var_claim, 0,
      NGX_HTTP_VAR_NOCACHEABLE|NGX_HTTP_VAR_PREFIX, 0 },

      ngx_http_null_variable
};


ngx_int_t
ngx_http_vcita_oauth_add_variables(ngx_conf_t *cf)
{
    ngx_http_variable_t  *var, *v;

    for (v = ngx_http_vcita_oauth_vars; v->name.len; v++) {

        var = ngx_http_add_variable(cf, &v->name, v->flags);
        if (var == NULL) {
            return NGX_ERROR;
        }

        var->get_handler = v->get_handler;
        var->data = v->data;
    }

    return NGX_OK;
}


/*
 * The session that the gate let through, where this location has a gate of
 * the same application; a subrequest sees that of its client's request.
 */

static ngx_http_vcita_oauth_session_t *
ngx_http_vcita_oauth_var_session(ngx_http_request_t *r)
{
    ngx_http_vcita_oauth_ctx_t       *ctx;
    ngx_http_vcita_oauth_loc_conf_t  *vlcf;

    vlcf = ngx_http_get_module_loc_conf(r, ngx_http_vcita_oauth_module);

    if (vlcf->gate == NGX_HTTP_VCITA_OAUTH_OFF) {
        return NULL;
    }

    ctx = ngx_http_vcita_oauth_get_ctx(r);

    if (ctx == NULL || !ctx->alive || ctx->app != vlcf->app) {
        return NULL;
    }

    return &ctx->session;
}


static ngx_int_t
ngx_http_vcita_oauth_var_authenticated(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    ngx_str_t                         value;
    ngx_http_vcita_oauth_ctx_t       *ctx;
    ngx_http_vcita_oauth_loc_conf_t  *vlcf;

    vlcf = ngx_http_get_module_loc_conf(r, ngx_http_vcita_oauth_module);

    ctx = ngx_http_vcita_oauth_get_ctx(r);

    /* before the gate has looked, there is nothing to say */

    if (vlcf->gate == NGX_HTTP_VCITA_OAUTH_OFF
        || ctx == NULL
        || ctx->app != vlcf->app)
    {
        v->not_found = 1;
        return NGX_OK;
    }

    if (ctx->alive) {
        ngx_str_set(&value, "1");

    } else {
        ngx_str_set(&value, "0");
    }

    return ngx_http_vcita_oauth_var_set(v, &value);
}


static ngx_int_t
ngx_http_vcita_oauth_var_token(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    ngx_str_t                        token;
    ngx_http_vcita_oauth_session_t  *s;

    s = ngx_http_vcita_oauth_var_session(r);

    if (s == NULL) {
        v->not_found = 1;
        return NGX_OK;
    }

    if (ngx_http_vcita_oauth_session_token(s, r->pool, &token) != NGX_OK) {
        return NGX_ERROR;
    }

    return ngx_http_vcita_oauth_var_set(v, &token);
}


static ngx_int_t
ngx_http_vcita_oauth_var_text(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    ngx_http_vcita_oauth_session_t  *s;

    s = ngx_http_vcita_oauth_var_session(r);

    if (s == NULL) {
        v->not_found = 1;
        return NGX_OK;
    }

    return ngx_http_vcita_oauth_var_set(v,
                                        (ngx_str_t *) ((u_char *) s + data));
}


static ngx_int_t
ngx_http_vcita_oauth_var_started(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    ngx_http_vcita_oauth_session_t  *s;

    s = ngx_http_vcita_oauth_var_session(r);

    if (s == NULL) {
        v->not_found = 1;
        return NGX_OK;
    }

    return ngx_http_vcita_oauth_var_time(r, v, (time_t) (s->created / 1000));
}


static ngx_int_t
ngx_http_vcita_oauth_var_expires(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    time_t                            left;
    ngx_http_vcita_oauth_session_t   *s;
    ngx_http_vcita_oauth_loc_conf_t  *vlcf;

    s = ngx_http_vcita_oauth_var_session(r);

    if (s == NULL) {
        v->not_found = 1;
        return NGX_OK;
    }

    vlcf = ngx_http_get_module_loc_conf(r, ngx_http_vcita_oauth_module);

    left = ngx_http_vcita_oauth_life_left(s, ngx_time(),
                                          vlcf->app->session_timeout,
                                          vlcf->app->session_idle_timeout);

    return ngx_http_vcita_oauth_var_time(r, v, left);
}


static ngx_int_t
ngx_http_vcita_oauth_var_claim(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    ngx_str_t                       *var, name, value;
    ngx_http_vcita_oauth_session_t  *s;

    var = (ngx_str_t *) data;

    s = ngx_http_vcita_oauth_var_session(r);

    name.data = var->data + sizeof("vcita_oauth_claim_") - 1;
    name.len = var->len - (sizeof("vcita_oauth_claim_") - 1);

    if (s == NULL
        || ngx_http_vcita_oauth_session_claim(s, &name, &value) != NGX_OK)
    {
        v->not_found = 1;
        return NGX_OK;
    }

    return ngx_http_vcita_oauth_var_set(v, &value);
}


/* an error is also there for its error_page, where the gate may be off */

static ngx_int_t
ngx_http_vcita_oauth_var_error(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    ngx_http_vcita_oauth_ctx_t  *ctx;

    ctx = ngx_http_vcita_oauth_get_ctx(r);

    if (ctx == NULL) {
        v->not_found = 1;
        return NGX_OK;
    }

    return ngx_http_vcita_oauth_var_set(v,
                                        (ngx_str_t *) ((u_char *) ctx + data));
}


static ngx_int_t
ngx_http_vcita_oauth_var_set(ngx_http_variable_value_t *v, ngx_str_t *value)
{
    if (value->len == 0) {
        v->not_found = 1;
        return NGX_OK;
    }

    v->data = value->data;
    v->len = value->len;
    v->valid = 1;
    v->no_cacheable = 0;
    v->not_found = 0;

    return NGX_OK;
}


static ngx_int_t
ngx_http_vcita_oauth_var_time(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, time_t value)
{
    ngx_str_t  text;

    text.data = ngx_pnalloc(r->pool, NGX_TIME_T_LEN);
    if (text.data == NULL) {
        return NGX_ERROR;
    }

    text.len = ngx_sprintf(text.data, "%T", value) - text.data;

    return ngx_http_vcita_oauth_var_set(v, &text);
}
