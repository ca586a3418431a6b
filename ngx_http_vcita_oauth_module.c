
/*
 * Copyright (C) the vcita OAuth gate authors
 *
 * The nginx module: directives, configurations, phase handlers, and the hooks
 * of a worker.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "conf/ngx_http_vcita_conf.h"
#include "http/ngx_http_vcita_http.h"
#include "net/ngx_http_vcita_curl_multi.h"
#include "net/ngx_http_vcita_redis.h"
#include "session/ngx_http_vcita_token_revoke.h"


static ngx_int_t ngx_http_vcita_init(ngx_conf_t *cf);
static ngx_int_t ngx_http_vcita_init_zones(ngx_conf_t *cf,
    ngx_http_vcita_main_conf_t *vmcf);
static ngx_int_t ngx_http_vcita_init_phase(ngx_http_core_main_conf_t *cmcf,
    ngx_uint_t phase, ngx_http_handler_pt handler, ngx_uint_t front);
static ngx_int_t ngx_http_vcita_late_handler(ngx_http_request_t *r)
    ngx_http_vcita_hot;
static ngx_int_t ngx_http_vcita_log_handler(ngx_http_request_t *r)
    ngx_http_vcita_hot;
static void *ngx_http_vcita_create_main_conf(ngx_conf_t *cf);
static char *ngx_http_vcita_init_main_conf(ngx_conf_t *cf, void *conf);
static void *ngx_http_vcita_create_srv_conf(ngx_conf_t *cf);
static void *ngx_http_vcita_create_loc_conf(ngx_conf_t *cf);
static char *ngx_http_vcita_merge_loc_conf(ngx_conf_t *cf,
    void *parent, void *child);
static ngx_int_t ngx_http_vcita_init_process(ngx_cycle_t *cycle);
static void ngx_http_vcita_exit_process(ngx_cycle_t *cycle);


/* content handlers, for src/conf */

static ngx_http_handler_pt  ngx_http_vcita_logout_content =
    ngx_http_vcita_logout_handler;

static ngx_http_handler_pt  ngx_http_vcita_status_content =
    ngx_http_vcita_status_handler;


#define ngx_http_vcita_value_command(id, name, args, ...)                     \
    { ngx_string(name), NGX_HTTP_VCITA_ANY_CONF|args,                         \
      ngx_http_vcita_settings_set, NGX_HTTP_LOC_CONF_OFFSET, id, NULL },

#define ngx_http_vcita_other_command(id, name, type, set, conf, post)         \
    { ngx_string(name), type, set, conf, 0, post },


static ngx_command_t  ngx_http_vcita_commands[] = {
    ngx_http_vcita_directives(ngx_http_vcita_value_command,
                              ngx_http_vcita_value_command,
                              ngx_http_vcita_other_command)

      ngx_null_command
};


static ngx_http_module_t  ngx_http_vcita_oauth_module_ctx = {
    ngx_http_vcita_variables_add,    /* preconfiguration */
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
     * A request that nginx refuses before POST_READ runs the late handler in
     * the SERVER_REWRITE phase of its error page, in the REWRITE phase if that
     * is a named location, or without an error page in the LOG phase
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
                                     ngx_http_vcita_log_handler, 1)
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

    if (ngx_http_vcita_session_memo_init(cf, &vmcf->remembered) != NGX_OK
        || ngx_http_vcita_require_init(cf) != NGX_OK
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
                                  &ngx_http_vcita_oauth_module) != NGX_OK
        || ngx_http_vcita_place_zone(cf, &vmcf->places,
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

    if (vmcf->bearers) {
        vmcf->jwks.statistics = &vmcf->statistics;

        if (ngx_http_vcita_jwks_zone(cf, &vmcf->jwks,
                                     &ngx_http_vcita_oauth_module) != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    if (vmcf->rate.fleet
        && ngx_http_vcita_directives_fleet(cf, vmcf) != NGX_OK)
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
 * Phase handlers run in the reverse order of the array.  The access check is at
 * its front and runs last, so that a denied address never reaches vcita.
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


/* Runs three times for each request; most requests have a ctx by then */

static ngx_int_t
ngx_http_vcita_late_handler(ngx_http_request_t *r)
{
    ngx_http_vcita_srv_conf_t  *vscf;

    /* a subrequest may have its parent's */

    if (r == r->main
        && ngx_http_get_module_ctx(r, ngx_http_vcita_oauth_module))
    {
        return NGX_DECLINED;
    }

    vscf = ngx_http_get_module_srv_conf(r, ngx_http_vcita_oauth_module);

    return (vscf->clients.nelts || vscf->headers)
           ? ngx_http_vcita_post_read_late(r, vscf) : NGX_DECLINED;
}


/* Runs before the log is written: its handler is at the front of the array */

static ngx_int_t
ngx_http_vcita_log_handler(ngx_http_request_t *r)
{
    ngx_http_vcita_identity_log(r);

    return ngx_http_vcita_late_handler(r);
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
           != NGX_OK
        || ngx_array_init(&vmcf->servers, cf->pool, 1, sizeof(void *))
           != NGX_OK)
    {
        return NULL;
    }

    /*
     * set by ngx_pcalloc():
     *
     *     vmcf->rate.zone = NULL;
     *     vmcf->rate.fleet = NULL;
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
    /* a setting that has no origin is unset */

    return ngx_pcalloc(cf->pool, sizeof(ngx_http_vcita_loc_conf_t));
}


static char *
ngx_http_vcita_merge_loc_conf(ngx_conf_t *cf, void *parent, void *child)
{
    ngx_http_vcita_loc_conf_t *prev = parent;
    ngx_http_vcita_loc_conf_t *conf = child;

    ngx_uint_t  redirect;

    redirect = conf->client
               && conf->client->origin[NGX_HTTP_VCITA_REDIRECT_URI].file;

    if (ngx_http_vcita_settings_merge(cf, NULL, prev) != NGX_CONF_OK
        || ngx_http_vcita_settings_merge(cf, prev, conf) != NGX_CONF_OK)
    {
        return NGX_CONF_ERROR;
    }

    if (conf->rules == NULL) {
        conf->rules = prev->rules;

    } else if (ngx_http_vcita_require_check(cf, conf) != NGX_CONF_OK) {
        return NGX_CONF_ERROR;
    }

    if (ngx_http_vcita_header_conf_merge(cf, prev, conf) != NGX_CONF_OK) {
        return NGX_CONF_ERROR;
    }

    return ngx_http_vcita_server_conf_merge(cf, conf, redirect);
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
    ngx_http_vcita_token_revoke_exit();
    ngx_http_vcita_curl_multi_exit();

#if (NGX_HTTP_VCITA_REDIS)
    ngx_http_vcita_redis_exit();
#endif
}
