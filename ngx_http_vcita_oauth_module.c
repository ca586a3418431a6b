
/*
 * Copyright (C) the vcita OAuth gate authors
 *
 * The front door: directives, configuration, and where the module hooks into
 * nginx.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "conf/ngx_http_vcita_conf.h"
#include "http/ngx_http_vcita_http.h"
#include "net/ngx_http_vcita_curl_multi.h"
#include "net/ngx_http_vcita_redis.h"


static ngx_int_t ngx_http_vcita_preconfiguration(ngx_conf_t *cf);
static ngx_int_t ngx_http_vcita_init(ngx_conf_t *cf);
static ngx_int_t ngx_http_vcita_init_zones(ngx_conf_t *cf,
    ngx_http_vcita_main_conf_t *vmcf);
static ngx_int_t ngx_http_vcita_init_phase(ngx_http_core_main_conf_t *cmcf,
    ngx_uint_t phase, ngx_http_handler_pt handler, ngx_uint_t front);
static ngx_int_t ngx_http_vcita_late_handler(ngx_http_request_t *r);
static void *ngx_http_vcita_create_main_conf(ngx_conf_t *cf);
static char *ngx_http_vcita_init_main_conf(ngx_conf_t *cf, void *conf);
static void *ngx_http_vcita_create_srv_conf(ngx_conf_t *cf);
static void *ngx_http_vcita_create_loc_conf(ngx_conf_t *cf);
static char *ngx_http_vcita_merge_loc_conf(ngx_conf_t *cf,
    void *parent, void *child);
static char *ngx_http_vcita_merge_app(ngx_conf_t *cf,
    ngx_http_vcita_loc_conf_t *prev, ngx_http_vcita_loc_conf_t *conf,
    ngx_uint_t *redirect);
static ngx_int_t ngx_http_vcita_init_process(ngx_cycle_t *cycle);
static void ngx_http_vcita_exit_process(ngx_cycle_t *cycle);


static ngx_conf_enum_t  ngx_http_vcita_gates[] = {
    { ngx_string("off"), NGX_HTTP_VCITA_OFF },
    { ngx_string("on"), NGX_HTTP_VCITA_ON },
    { ngx_string("optional"), NGX_HTTP_VCITA_OPTIONAL },
    { ngx_null_string, 0 }
};


static ngx_conf_post_t  ngx_http_vcita_authorize_endpoint_post =
    { ngx_http_vcita_url_conf_endpoint };


/* the content handlers that directives set */

static ngx_http_handler_pt  ngx_http_vcita_logout_content =
    ngx_http_vcita_logout_handler;

static ngx_http_handler_pt  ngx_http_vcita_status_content =
    ngx_http_vcita_status_handler;


#define NGX_HTTP_VCITA_ANY_CONF                                               \
    NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF


/* a setting of the client: its place in the table of settings follows */

#define ngx_http_vcita_setting_command(name, args, setting)                   \
    { ngx_string(name), NGX_HTTP_VCITA_ANY_CONF|args,                         \
      ngx_http_vcita_settings_set, NGX_HTTP_LOC_CONF_OFFSET, setting, NULL }


static ngx_command_t  ngx_http_vcita_commands[] = {

    { ngx_string("vcita_oauth"),
      NGX_HTTP_VCITA_ANY_CONF|NGX_CONF_TAKE1,
      ngx_http_vcita_directives_gate,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_vcita_loc_conf_t, gate), ngx_http_vcita_gates },

    ngx_http_vcita_setting_command("vcita_oauth_client_id",
        NGX_CONF_TAKE1, NGX_HTTP_VCITA_CLIENT_ID),

    ngx_http_vcita_setting_command("vcita_oauth_client_secret",
        NGX_CONF_TAKE1, NGX_HTTP_VCITA_CLIENT_SECRET),

    ngx_http_vcita_setting_command("vcita_oauth_client_assertion_key",
        NGX_CONF_TAKE12, NGX_HTTP_VCITA_CLIENT_ASSERTION_KEY),

    ngx_http_vcita_setting_command("vcita_oauth_redirect_uri",
        NGX_CONF_TAKE1, NGX_HTTP_VCITA_REDIRECT_URI),

    { ngx_string("vcita_oauth_scope"),
      NGX_HTTP_VCITA_ANY_CONF|NGX_CONF_1MORE,
      ngx_http_vcita_directives_scope,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("vcita_oauth_authorize_endpoint"),
      NGX_HTTP_VCITA_ANY_CONF|NGX_CONF_TAKE1,
      ngx_http_vcita_directives_authorize_endpoint,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_vcita_loc_conf_t, authorize_endpoint),
      &ngx_http_vcita_authorize_endpoint_post },

    { ngx_string("vcita_oauth_authorize_args"),
      NGX_HTTP_VCITA_ANY_CONF|NGX_CONF_TAKE1,
      ngx_http_vcita_directives_authorize_args,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_vcita_loc_conf_t, authorize_args),
      NULL },

    ngx_http_vcita_setting_command("vcita_oauth_token_endpoint",
        NGX_CONF_TAKE1, NGX_HTTP_VCITA_TOKEN_ENDPOINT),

    ngx_http_vcita_setting_command("vcita_oauth_token_format",
        NGX_CONF_TAKE1, NGX_HTTP_VCITA_TOKEN_FORMAT),

    ngx_http_vcita_setting_command("vcita_oauth_userinfo_endpoint",
        NGX_CONF_TAKE1, NGX_HTTP_VCITA_USERINFO_ENDPOINT),

    ngx_http_vcita_setting_command("vcita_oauth_userinfo",
        NGX_CONF_TAKE1, NGX_HTTP_VCITA_USERINFO),

    ngx_http_vcita_setting_command("vcita_oauth_pkce",
        NGX_CONF_FLAG, NGX_HTTP_VCITA_PKCE),

    ngx_http_vcita_setting_command("vcita_oauth_issuer",
        NGX_CONF_TAKE1, NGX_HTTP_VCITA_ISSUER),

    ngx_http_vcita_setting_command("vcita_oauth_session_key_file",
        NGX_CONF_TAKE1, NGX_HTTP_VCITA_SESSION_KEY_FILE),

    ngx_http_vcita_setting_command("vcita_oauth_session_timeout",
        NGX_CONF_TAKE1, NGX_HTTP_VCITA_SESSION_TIMEOUT),

    ngx_http_vcita_setting_command("vcita_oauth_session_idle_timeout",
        NGX_CONF_TAKE1, NGX_HTTP_VCITA_SESSION_IDLE_TIMEOUT),

    ngx_http_vcita_setting_command("vcita_oauth_login_timeout",
        NGX_CONF_TAKE1, NGX_HTTP_VCITA_LOGIN_TIMEOUT),

    ngx_http_vcita_setting_command("vcita_oauth_session_store",
        NGX_CONF_1MORE, NGX_HTTP_VCITA_SESSION_STORE),

    ngx_http_vcita_setting_command("vcita_oauth_cookie_name",
        NGX_CONF_TAKE1, NGX_HTTP_VCITA_COOKIE_NAME),

    ngx_http_vcita_setting_command("vcita_oauth_cookie_domain",
        NGX_CONF_TAKE1, NGX_HTTP_VCITA_COOKIE_DOMAIN),

    ngx_http_vcita_setting_command("vcita_oauth_cookie_samesite",
        NGX_CONF_TAKE1, NGX_HTTP_VCITA_COOKIE_SAMESITE),

    ngx_http_vcita_setting_command("vcita_oauth_connect_timeout",
        NGX_CONF_TAKE1, NGX_HTTP_VCITA_CONNECT_TIMEOUT),

    ngx_http_vcita_setting_command("vcita_oauth_timeout",
        NGX_CONF_TAKE1, NGX_HTTP_VCITA_TIMEOUT),

    ngx_http_vcita_setting_command("vcita_oauth_ssl_trusted_certificate",
        NGX_CONF_TAKE1, NGX_HTTP_VCITA_SSL_CERTIFICATE),

    ngx_http_vcita_setting_command("vcita_oauth_ssl_verify",
        NGX_CONF_FLAG, NGX_HTTP_VCITA_SSL_VERIFY),

    ngx_http_vcita_setting_command("vcita_oauth_http_proxy",
        NGX_CONF_TAKE1, NGX_HTTP_VCITA_HTTP_PROXY),

    { ngx_string("vcita_oauth_require"),
      NGX_HTTP_VCITA_ANY_CONF|NGX_CONF_2MORE,
      ngx_http_vcita_require,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("vcita_oauth_rate"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_http_vcita_directives_rate,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("vcita_oauth_revalidate"),
      NGX_HTTP_VCITA_ANY_CONF|NGX_CONF_TAKE12,
      ngx_http_vcita_directives_revalidate,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("vcita_oauth_status"),
      NGX_HTTP_LOC_CONF|NGX_CONF_NOARGS,
      ngx_http_vcita_directives_status,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      &ngx_http_vcita_status_content },

    { ngx_string("vcita_oauth_logout"),
      NGX_HTTP_LOC_CONF|NGX_CONF_NOARGS|NGX_CONF_TAKE1,
      ngx_http_vcita_directives_logout,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      &ngx_http_vcita_logout_content },

      ngx_null_command
};


static ngx_http_module_t  ngx_http_vcita_oauth_module_ctx = {
    ngx_http_vcita_preconfiguration, /* preconfiguration */
    ngx_http_vcita_init,             /* postconfiguration */

    ngx_http_vcita_create_main_conf, /* create main configuration */
    ngx_http_vcita_init_main_conf,   /* init main configuration */

    ngx_http_vcita_create_srv_conf,  /* create server configuration */
    NULL,                            /* merge server configuration */

    ngx_http_vcita_create_loc_conf,  /* create location configuration */
    ngx_http_vcita_merge_loc_conf    /* merge location configuration */
};


ngx_module_t  ngx_http_vcita_oauth_module = {
    NGX_MODULE_V1,
    &ngx_http_vcita_oauth_module_ctx,     /* module context */
    ngx_http_vcita_commands,              /* module directives */
    NGX_HTTP_MODULE,                      /* module type */
    NULL,                                 /* init master */
    NULL,                                 /* init module */
    ngx_http_vcita_init_process,          /* init process */
    NULL,                                 /* init thread */
    NULL,                                 /* exit thread */
    ngx_http_vcita_exit_process,          /* exit process */
    NULL,                                 /* exit master */
    NGX_MODULE_V1_PADDING
};


static ngx_int_t
ngx_http_vcita_preconfiguration(ngx_conf_t *cf)
{
    return ngx_http_vcita_variables_add(cf);
}


static ngx_int_t
ngx_http_vcita_init(ngx_conf_t *cf)
{
    ngx_str_t                    name;
    ngx_http_core_main_conf_t   *cmcf;
    ngx_http_vcita_main_conf_t  *vmcf;

    vmcf = ngx_http_conf_get_module_main_conf(cf,
                                              ngx_http_vcita_oauth_module);

    if (!vmcf->gates) {
        return NGX_OK;
    }

    cmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_core_module);

    /*
     * A request that nginx refuses before POST_READ meets the entry at the
     * SERVER_REWRITE or, in a named location, at the REWRITE of its error page,
     * or, without one, in the log, whose handlers run from the front
     */

    if (ngx_http_vcita_init_phase(cmcf, NGX_HTTP_POST_READ_PHASE,
                                  ngx_http_vcita_post_read_handler, 0)
        != NGX_OK
        || ngx_http_vcita_init_phase(cmcf, NGX_HTTP_SERVER_REWRITE_PHASE,
                                     ngx_http_vcita_late_handler, 0)
           != NGX_OK
        || ngx_http_vcita_init_phase(cmcf, NGX_HTTP_REWRITE_PHASE,
                                     ngx_http_vcita_late_handler, 0)
           != NGX_OK
        || ngx_http_vcita_init_phase(cmcf, NGX_HTTP_LOG_PHASE,
                                     ngx_http_vcita_late_handler, 1)
           != NGX_OK
        || ngx_http_vcita_init_phase(cmcf, NGX_HTTP_ACCESS_PHASE,
                                     ngx_http_vcita_access_handler, 1)
           != NGX_OK
        || ngx_http_vcita_init_phase(cmcf, NGX_HTTP_PRECONTENT_PHASE,
                                     ngx_http_vcita_callback_handler, 0)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    ngx_http_vcita_session_save_init();

    ngx_str_set(&name, "request_id");

    vmcf->request_id = ngx_http_get_variable_index(cf, &name);

    if (vmcf->request_id == NGX_ERROR) {
        return NGX_ERROR;
    }

    if (ngx_http_vcita_require_init(cf) != NGX_OK
        || ngx_http_vcita_variables_init(cf) != NGX_OK
        || ngx_http_vcita_variables_wanted(cf) != NGX_OK)
    {
        return NGX_ERROR;
    }

    ngx_http_vcita_resolve_check(cf->log);

    return ngx_http_vcita_init_zones(cf, vmcf);
}


static ngx_int_t
ngx_http_vcita_init_zones(ngx_conf_t *cf, ngx_http_vcita_main_conf_t *vmcf)
{
    if (ngx_http_vcita_stats_zone(cf, &vmcf->statistics,
                                  &ngx_http_vcita_oauth_module) != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (vmcf->revalidates
        && ngx_http_vcita_revocation_zone(cf, &vmcf->revocation,
                                          &ngx_http_vcita_oauth_module)
                                          != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (vmcf->rate.calls) {
        return ngx_http_vcita_rate_zone(cf, &vmcf->rate,
                                        &ngx_http_vcita_oauth_module);
    }

    return NGX_OK;
}


/*
 * Handlers run in the reverse order of the array: at its front, the gate is
 * the last to be asked, and an address that is denied never reaches vcita
 */

static ngx_int_t
ngx_http_vcita_init_phase(ngx_http_core_main_conf_t *cmcf, ngx_uint_t phase,
    ngx_http_handler_pt handler, ngx_uint_t front)
{
    ngx_uint_t            i;
    ngx_array_t          *handlers;
    ngx_http_handler_pt  *h;

    handlers = &cmcf->phases[phase].handlers;

    if (ngx_array_push(handlers) == NULL) {
        return NGX_ERROR;
    }

    h = handlers->elts;

    for (i = handlers->nelts - 1; front && i > 0; i--) {
        h[i] = h[i - 1];
    }

    h[i] = handler;

    return NGX_OK;
}


/* each request comes by three times, and nearly all have been read */

static ngx_int_t
ngx_http_vcita_late_handler(ngx_http_request_t *r)
{
    ngx_http_vcita_srv_conf_t  *vscf;

    if (ngx_http_get_module_ctx(r, ngx_http_vcita_oauth_module)) {
        return NGX_DECLINED;
    }

    vscf = ngx_http_get_module_srv_conf(r, ngx_http_vcita_oauth_module);

    return vscf->clients.nelts ? ngx_http_vcita_post_read_late(r, vscf)
                               : NGX_DECLINED;
}


static void *
ngx_http_vcita_create_main_conf(ngx_conf_t *cf)
{
    ngx_http_vcita_main_conf_t  *vmcf;

    vmcf = ngx_pcalloc(cf->pool, sizeof(ngx_http_vcita_main_conf_t));
    if (vmcf == NULL) {
        return NULL;
    }

    if (ngx_array_init(&vmcf->ruled, cf->pool, 4, sizeof(ngx_str_t))
        != NGX_OK
        || ngx_array_init(&vmcf->zones, cf->pool, 1, sizeof(void *))
           != NGX_OK)
    {
        return NULL;
    }

    /*
     * set by ngx_pcalloc():
     *
     *     vmcf->rate.zone = NULL;
     *     vmcf->system_store = NULL;
     *     vmcf->gates = 0;
     */

    vmcf->rate.calls = NGX_CONF_UNSET_UINT;
    vmcf->rate.window = NGX_CONF_UNSET_MSEC;

    return vmcf;
}


static char *
ngx_http_vcita_init_main_conf(ngx_conf_t *cf, void *conf)
{
    ngx_http_vcita_main_conf_t *vmcf = conf;

    ngx_conf_init_uint_value(vmcf->rate.calls, 8);
    ngx_conf_init_msec_value(vmcf->rate.window,
                             1000 + NGX_HTTP_VCITA_RATE_SLACK);

    return NGX_CONF_OK;
}


static void *
ngx_http_vcita_create_srv_conf(ngx_conf_t *cf)
{
    ngx_http_vcita_srv_conf_t  *vscf;

    vscf = ngx_pcalloc(cf->pool, sizeof(ngx_http_vcita_srv_conf_t));
    if (vscf == NULL) {
        return NULL;
    }

    if (ngx_array_init(&vscf->clients, cf->pool, 1,
                       sizeof(ngx_http_vcita_client_t *))
        != NGX_OK
        || ngx_array_init(&vscf->cookies, cf->pool, NGX_HTTP_VCITA_COOKIES,
                          sizeof(ngx_str_t)) != NGX_OK
        || ngx_array_init(&vscf->stems, cf->pool, 2, sizeof(ngx_str_t))
           != NGX_OK)
    {
        return NULL;
    }

    return vscf;
}


static void *
ngx_http_vcita_create_loc_conf(ngx_conf_t *cf)
{
    ngx_http_vcita_loc_conf_t  *vlcf;

    vlcf = ngx_pcalloc(cf->pool, sizeof(ngx_http_vcita_loc_conf_t));
    if (vlcf == NULL) {
        return NULL;
    }

    /*
     * set by ngx_pcalloc():
     *
     *     vlcf->client = NULL;
     *     vlcf->rules = NULL;
     *     vlcf->authorize_endpoint = { 0, NULL };
     *     vlcf->authorize_args = { 0, NULL };
     *     vlcf->logout_uri = NULL;
     *     vlcf->logout = 0;
     *     vlcf->authorize = NULL;
     *     vlcf->..._origin = { NULL, 0 };
     */

    vlcf->gate = NGX_CONF_UNSET_UINT;
    vlcf->scope = NGX_CONF_UNSET_PTR;
    vlcf->revalidate.interval = NGX_CONF_UNSET;

    return vlcf;
}


static char *
ngx_http_vcita_merge_loc_conf(ngx_conf_t *cf, void *parent, void *child)
{
    ngx_http_vcita_loc_conf_t *prev = parent;
    ngx_http_vcita_loc_conf_t *conf = child;

    ngx_uint_t  redirect;

    if (conf->gate == NGX_CONF_UNSET_UINT) {
        conf->gate_origin = prev->gate_origin;
    }

    if (conf->authorize_endpoint.data == NULL) {
        conf->endpoint_origin = prev->endpoint_origin;
    }

    if (conf->authorize_args.data == NULL) {
        conf->args_origin = prev->args_origin;
    }

    ngx_conf_merge_uint_value(conf->gate, prev->gate, NGX_HTTP_VCITA_OFF);
    ngx_conf_merge_str_value(conf->authorize_endpoint,
                             prev->authorize_endpoint,
                             "https://app.vcita.com/app/oauth/authorize");
    ngx_conf_merge_str_value(conf->authorize_args, prev->authorize_args, "");
    ngx_conf_merge_ptr_value(conf->scope, prev->scope, NULL);

    if (conf->rules == NULL) {
        conf->rules = prev->rules;

    } else if (ngx_http_vcita_require_check(cf, conf) != NGX_CONF_OK) {
        return NGX_CONF_ERROR;
    }

    ngx_http_vcita_directives_merge_revalidate(&prev->revalidate,
                                               &conf->revalidate);

    if (ngx_http_vcita_directives_default_scope(cf, prev, conf) != NGX_CONF_OK
        || ngx_http_vcita_merge_app(cf, prev, conf, &redirect) != NGX_CONF_OK)
    {
        return NGX_CONF_ERROR;
    }

    return ngx_http_vcita_server_conf_merge(cf, conf, redirect);
}


static char *
ngx_http_vcita_merge_app(ngx_conf_t *cf, ngx_http_vcita_loc_conf_t *prev,
    ngx_http_vcita_loc_conf_t *conf, ngx_uint_t *redirect)
{
    ngx_http_vcita_client_t  *client;

    client = conf->client;

    *redirect = client && client->origin[NGX_HTTP_VCITA_REDIRECT_URI].file
                != NULL;

    if (prev->client == NULL || !prev->merged) {

        /* the http level is nobody's child */

        prev->client = ngx_http_vcita_settings_merge(cf, NULL, prev->client);
        if (prev->client == NULL) {
            return NGX_CONF_ERROR;
        }

        prev->merged = 1;
    }

    if (client == NULL) {
        conf->client = prev->client;

    } else if (ngx_http_vcita_settings_merge(cf, prev->client, client) == NULL)
    {
        return NGX_CONF_ERROR;
    }

    conf->merged = 1;

    return NGX_CONF_OK;
}


static ngx_int_t
ngx_http_vcita_init_process(ngx_cycle_t *cycle)
{
    ngx_http_vcita_main_conf_t  *vmcf;

    vmcf = ngx_http_cycle_get_module_main_conf(cycle,
                                               ngx_http_vcita_oauth_module);
    if (vmcf) {
        ngx_http_vcita_stats_worker(&vmcf->statistics);
    }

    return NGX_OK;
}


static void
ngx_http_vcita_exit_process(ngx_cycle_t *cycle)
{
    ngx_http_vcita_curl_multi_exit();

#if (NGX_HTTP_VCITA_REDIS)
    ngx_http_vcita_redis_exit();
#endif
}
