
/*
 * Copyright (C) the vcita OAuth gate authors
 *
 * The variables $vcita_oauth_*.  Their values point into the context where
 * possible.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "http/ngx_http_vcita_http.h"
#include "vcita/ngx_http_vcita_claims.h"


#define NGX_HTTP_VCITA_VAR_PREFIX  "vcita_oauth_"
#define NGX_HTTP_VCITA_VAR_CLAIM   "vcita_oauth_claim_"

#define ngx_http_vcita_var_begins(name, prefix)                               \
    ((name)->len >= sizeof(prefix) - 1                                        \
     && ngx_memcmp((name)->data, prefix, sizeof(prefix) - 1) == 0)


/* a variable of this module, or of another one, such as map */

typedef struct {
    ngx_str_t                 name;         /* of this module's */
    ngx_http_get_variable_pt  get_handler;
    uintptr_t                 data;
} ngx_http_vcita_variable_t;


static ngx_int_t ngx_http_vcita_variables_read(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static ngx_int_t ngx_http_vcita_variables_derived(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static ngx_uint_t ngx_http_vcita_variables_ruled(
    ngx_http_vcita_main_conf_t *vmcf, ngx_str_t *name);
static ngx_int_t ngx_http_vcita_variables_authenticated(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static ngx_int_t ngx_http_vcita_variables_token(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static ngx_int_t ngx_http_vcita_variables_text(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static ngx_int_t ngx_http_vcita_variables_started(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static ngx_int_t ngx_http_vcita_variables_expires(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static ngx_int_t ngx_http_vcita_variables_claim(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data) ngx_http_vcita_hot;
static ngx_int_t ngx_http_vcita_variables_identity(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static ngx_int_t ngx_http_vcita_variables_error(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static ngx_int_t ngx_http_vcita_variables_set(ngx_http_variable_value_t *v,
    ngx_str_t *value);
static ngx_int_t ngx_http_vcita_variables_time(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, time_t value);


static ngx_http_vcita_variable_t  ngx_http_vcita_vars[] = {

    { ngx_string("vcita_oauth_authenticated"),
      ngx_http_vcita_variables_authenticated, 0 },

    { ngx_string("vcita_oauth_access_token"),
      ngx_http_vcita_variables_token, 0 },

    { ngx_string("vcita_oauth_token_type"),
      ngx_http_vcita_variables_text,
      offsetof(ngx_http_vcita_session_t, token_type) },

    { ngx_string("vcita_oauth_scope"),
      ngx_http_vcita_variables_text,
      offsetof(ngx_http_vcita_session_t, scope) },

    { ngx_string("vcita_oauth_session_started"),
      ngx_http_vcita_variables_started, 0 },

    { ngx_string("vcita_oauth_expires"),
      ngx_http_vcita_variables_expires, 0 },

    { ngx_string("vcita_oauth_error"),
      ngx_http_vcita_variables_error,
      offsetof(ngx_http_vcita_ctx_t, error) },

    { ngx_string("vcita_oauth_error_description"),
      ngx_http_vcita_variables_error,
      offsetof(ngx_http_vcita_ctx_t, error_description) },

    { ngx_string("vcita_oauth_event"),
      ngx_http_vcita_variables_identity, NGX_HTTP_VCITA_IDENTITY_EVENT },

    { ngx_string("vcita_oauth_session"),
      ngx_http_vcita_variables_identity, NGX_HTTP_VCITA_IDENTITY_SESSION_NAME },

    { ngx_string("vcita_oauth_switch_account"),
      ngx_http_vcita_variables_identity, NGX_HTTP_VCITA_IDENTITY_SWITCH },

    { ngx_string("vcita_oauth_account"),
      ngx_http_vcita_variables_identity, NGX_HTTP_VCITA_IDENTITY_ACCOUNT },

    { ngx_null_string, NULL, 0 }
};


/* set by each read of a variable of this module */
static ngx_uint_t  ngx_http_vcita_variables_was_read;


ngx_int_t
ngx_http_vcita_variables_add(ngx_conf_t *cf)
{
    ngx_str_t                   claim;
    ngx_http_variable_t        *var;
    ngx_http_vcita_variable_t  *v;

    for (v = ngx_http_vcita_vars; v->name.len; v++) {

        var = ngx_http_add_variable(cf, &v->name, NGX_HTTP_VAR_NOCACHEABLE);
        if (var == NULL) {
            return NGX_ERROR;
        }

        var->get_handler = ngx_http_vcita_variables_read;
        var->data = (uintptr_t) v;
    }

    ngx_str_set(&claim, NGX_HTTP_VCITA_VAR_CLAIM);

    var = ngx_http_add_variable(cf, &claim,
                                NGX_HTTP_VAR_NOCACHEABLE|NGX_HTTP_VAR_PREFIX);
    if (var == NULL) {
        return NGX_ERROR;
    }

    var->get_handler = ngx_http_vcita_variables_claim;

    return NGX_OK;
}


/*
 * map, geo, split_clients and perl_set derive variables from those of this
 * module, or from one another.  nginx caches a derived value at its first read,
 * which limit_req_zone, set or if can do before the gate has found the session.
 * Wraps the handlers of all such variables, so that these values stay uncached.
 */

ngx_int_t
ngx_http_vcita_variables_init(ngx_conf_t *cf)
{
    ngx_uint_t                  i;
    ngx_hash_key_t             *key;
    ngx_http_variable_t        *v;
    ngx_http_core_main_conf_t  *cmcf;
    ngx_http_vcita_variable_t  *d;

    cmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_core_module);

    key = cmcf->variables_keys->keys.elts;

    for (i = 0; i < cmcf->variables_keys->keys.nelts; i++) {

        v = key[i].value;

        /* variables of "set" have no handler */

        if (v->get_handler == NULL
            || !(v->flags & NGX_HTTP_VAR_CHANGEABLE)
            || v->flags & (NGX_HTTP_VAR_NOCACHEABLE|NGX_HTTP_VAR_WEAK))
        {
            continue;
        }

        d = ngx_palloc(cf->pool, sizeof(ngx_http_vcita_variable_t));
        if (d == NULL) {
            return NGX_ERROR;
        }

        d->get_handler = v->get_handler;
        d->data = v->data;

        v->get_handler = ngx_http_vcita_variables_derived;
        v->data = (uintptr_t) d;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_vcita_variables_read(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    ngx_http_vcita_variable_t *var = (ngx_http_vcita_variable_t *) data;

    ngx_http_vcita_variables_was_read = 1;

    return var->get_handler(r, v, var->data);
}


/*
 * A value is not cached if its handler has read a variable of this module, at
 * any depth: each uncached value of a chain is flushed before the next reads
 * it.  A callback caches none: a launch shows its query for a moment.
 */

static ngx_int_t
ngx_http_vcita_variables_derived(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    ngx_int_t                   rc;
    ngx_uint_t                  before, escape;
    ngx_http_vcita_ctx_t       *ctx;
    ngx_http_vcita_variable_t  *d;

    d = (ngx_http_vcita_variable_t *) data;

    /* the log sets it between two reads, and a value of a map has none */

    escape = v->escape;

    before = ngx_http_vcita_variables_was_read;
    ngx_http_vcita_variables_was_read = 0;

    rc = d->get_handler(r, v, d->data);

    v->escape = escape;

    ctx = ngx_http_get_module_ctx(r, ngx_http_vcita_oauth_module);

    if (ngx_http_vcita_variables_was_read || (ctx && ctx->callback)) {
        v->no_cacheable = 1;
    }

    ngx_http_vcita_variables_was_read |= before;

    return rc;
}


/*
 * The claims that the configuration names: all its variables have an index by
 * now.  Modules that look up variables at run time name no claims here.
 */

ngx_int_t
ngx_http_vcita_variables_wanted(ngx_conf_t *cf)
{
    size_t                           prefix;
    ngx_uint_t                       i;
    ngx_http_variable_t             *v;
    ngx_http_core_main_conf_t       *cmcf;
    ngx_http_vcita_main_conf_t      *vmcf;
    ngx_http_vcita_claims_wanted_t  *wanted;

    cmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_core_module);
    vmcf = ngx_http_conf_get_module_main_conf(cf,
                                              ngx_http_vcita_oauth_module);

    if (ngx_array_init(&vmcf->wanted, cf->pool, 8,
                       sizeof(ngx_http_vcita_claims_wanted_t))
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    prefix = sizeof(NGX_HTTP_VCITA_VAR_CLAIM) - 1;
    v = cmcf->variables.elts;

    for (i = 0; i < cmcf->variables.nelts; i++) {

        if (!ngx_http_vcita_var_begins(&v[i].name, NGX_HTTP_VCITA_VAR_CLAIM))
        {
            continue;
        }

        wanted = ngx_array_push(&vmcf->wanted);
        if (wanted == NULL) {
            return NGX_ERROR;
        }

        wanted->name.data = v[i].name.data + prefix;
        wanted->name.len = v[i].name.len - prefix;
        wanted->wanted = ngx_http_vcita_variables_ruled(vmcf, &v[i].name)
                         ? NGX_HTTP_VCITA_CLAIM_RULED
                         : NGX_HTTP_VCITA_CLAIM_NAMED;
    }

    return NGX_OK;
}


/*
 * 1: a rule may depend on the variable.  A variable of another module, such as
 * a map, may be derived from any other variable.
 */

static ngx_uint_t
ngx_http_vcita_variables_ruled(ngx_http_vcita_main_conf_t *vmcf,
    ngx_str_t *name)
{
    ngx_str_t   *ruled;
    ngx_uint_t   i;

    ruled = vmcf->ruled.elts;

    for (i = 0; i < vmcf->ruled.nelts; i++) {

        if (ngx_http_vcita_str_eq(&ruled[i], name)
            || !ngx_http_vcita_var_begins(&ruled[i],
                                         NGX_HTTP_VCITA_VAR_PREFIX))
        {
            return 1;
        }
    }

    return 0;
}


static ngx_int_t
ngx_http_vcita_variables_authenticated(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    ngx_str_t  value;

    /* empty before the access check */

    if (ngx_http_vcita_identity(r)) {
        ngx_str_set(&value, "1");

    } else if (ngx_http_vcita_identity_decided(r)) {
        ngx_str_set(&value, "0");

    } else {
        ngx_str_null(&value);
    }

    return ngx_http_vcita_variables_set(v, &value);
}


static ngx_int_t
ngx_http_vcita_variables_token(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    ngx_str_t                  token;
    ngx_http_vcita_session_t  *s;

    /* a log does not need the token of a session that has ended */

    s = ngx_http_vcita_identity(r);

    if (s == NULL) {
        v->not_found = 1;
        return NGX_OK;
    }

    if (ngx_http_vcita_session_token(s, r->pool, &token) != NGX_OK) {
        return NGX_ERROR;
    }

    return ngx_http_vcita_variables_set(v, &token);
}


static ngx_int_t
ngx_http_vcita_variables_text(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    ngx_http_vcita_session_t  *s;

    s = ngx_http_vcita_identity_logged(r, NULL);

    if (s == NULL) {
        v->not_found = 1;
        return NGX_OK;
    }

    return ngx_http_vcita_variables_set(v, (ngx_str_t *) ((u_char *) s + data));
}


static ngx_int_t
ngx_http_vcita_variables_started(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    ngx_http_vcita_session_t  *s;

    s = ngx_http_vcita_identity_logged(r, NULL);

    if (s == NULL) {
        v->not_found = 1;
        return NGX_OK;
    }

    return ngx_http_vcita_variables_time(r, v, ngx_http_vcita_string_time(
                                                           s->created / 1000));
}


static ngx_int_t
ngx_http_vcita_variables_expires(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    time_t                     left;
    ngx_http_vcita_ctx_t      *ctx;
    ngx_http_vcita_client_t   *client;
    ngx_http_vcita_session_t  *s;

    s = ngx_http_vcita_identity_logged(r, &client);

    if (s == NULL) {
        v->not_found = 1;
        return NGX_OK;
    }

    ctx = ngx_http_vcita_ctx_get(r);

    if (ctx->token) {

        /* a token ends with itself, not with the timeouts of a session */

        return ngx_http_vcita_variables_time(r, v,
                                          ngx_max(s->expires - ngx_time(), 0));
    }

    left = ngx_http_vcita_session_left(s, ngx_time(), client->session_timeout,
                                       client->session_idle.timeout);

    return ngx_http_vcita_variables_time(r, v, left);
}


static ngx_int_t
ngx_http_vcita_variables_claim(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    ngx_str_t                 *var, name, value;
    ngx_http_vcita_session_t  *s;

    ngx_http_vcita_variables_was_read = 1;

    var = (ngx_str_t *) data;

    s = ngx_http_vcita_identity_logged(r, NULL);

    name.data = var->data + sizeof("vcita_oauth_claim_") - 1;
    name.len = var->len - (sizeof("vcita_oauth_claim_") - 1);

    if (s == NULL
        || ngx_http_vcita_session_claims_get(s, &name, &value) != NGX_OK)
    {
        v->not_found = 1;
        return NGX_OK;
    }

    return ngx_http_vcita_variables_set(v, &value);
}


static ngx_int_t
ngx_http_vcita_variables_identity(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    ngx_str_t  value;

    if (ngx_http_vcita_identity_text(r, data, &value) != NGX_OK) {
        return NGX_ERROR;
    }

    return ngx_http_vcita_variables_set(v, &value);
}


/* error variables also work in an error_page where vcita_oauth is off */

static ngx_int_t
ngx_http_vcita_variables_error(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    ngx_http_vcita_ctx_t  *ctx;

    ctx = ngx_http_vcita_ctx_get(r);

    if (ctx == NULL) {
        v->not_found = 1;
        return NGX_OK;
    }

    return ngx_http_vcita_variables_set(v,
                                        (ngx_str_t *) ((u_char *) ctx + data));
}


static ngx_int_t
ngx_http_vcita_variables_set(ngx_http_variable_value_t *v, ngx_str_t *value)
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
ngx_http_vcita_variables_time(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, time_t value)
{
    ngx_str_t  text;

    text.data = ngx_pnalloc(r->pool, NGX_TIME_T_LEN);
    if (text.data == NULL) {
        return NGX_ERROR;
    }

    text.len = ngx_sprintf(text.data, "%T", value) - text.data;

    return ngx_http_vcita_variables_set(v, &text);
}
