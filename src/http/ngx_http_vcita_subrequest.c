
/*
 * Copyright (C) the vcita OAuth gate authors
 *
 * Subrequests, in the PRECONTENT phase: nginx skips their access phase, so the
 * access check runs here.  It responds with a status alone: a page would become
 * part of another response, and "error_page 401 =200" would turn a refusal into
 * an approval for auth_request.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "http/ngx_http_vcita_http.h"


static ngx_uint_t ngx_http_vcita_subrequest_satisfied(ngx_http_request_t *r);
static ngx_http_vcita_ctx_t *ngx_http_vcita_subrequest_create(
    ngx_http_request_t *r, ngx_http_vcita_ctx_t *main,
    ngx_http_vcita_client_t *client);
static ngx_int_t ngx_http_vcita_subrequest_check(ngx_http_request_t *r,
    ngx_http_vcita_ctx_t *ctx, ngx_http_vcita_loc_conf_t *vlcf);
static ngx_int_t ngx_http_vcita_subrequest_bearer(ngx_http_request_t *r,
    ngx_http_vcita_ctx_t *ctx, ngx_http_vcita_loc_conf_t *vlcf);
static ngx_int_t ngx_http_vcita_subrequest_rules(ngx_http_request_t *r,
    ngx_http_vcita_ctx_t *ctx, ngx_http_vcita_loc_conf_t *vlcf);
static ngx_int_t ngx_http_vcita_subrequest_refuse(ngx_http_request_t *r,
    ngx_http_vcita_ctx_t *ctx, ngx_uint_t status);


ngx_int_t
ngx_http_vcita_subrequest_handler(ngx_http_request_t *r)
{
    ngx_int_t                   rc;
    ngx_http_vcita_ctx_t       *ctx, *main;
    ngx_http_vcita_loc_conf_t  *vlcf;

    vlcf = ngx_http_get_module_loc_conf(r, ngx_http_vcita_oauth_module);

    if (vlcf->gate == NGX_HTTP_VCITA_OFF
        || ngx_http_vcita_subrequest_satisfied(r))
    {
        return NGX_DECLINED;
    }

    main = ngx_http_vcita_ctx_get(r->main);

    if (main == NULL) {

        /* nginx refused the client's request before its cookies were read */

        return (vlcf->gate == NGX_HTTP_VCITA_OPTIONAL)
               ? NGX_DECLINED
               : ngx_http_vcita_subrequest_refuse(r, NULL,
                                                  NGX_HTTP_UNAUTHORIZED);
    }

    ctx = ngx_http_vcita_ctx_get(r);

    if (ctx == NULL || ctx->request != r) {
        ctx = ngx_http_vcita_subrequest_create(r, main, vlcf->client);
    }

    if (ctx == NULL) {
        return ngx_http_vcita_subrequest_refuse(r, NULL,
                                               NGX_HTTP_INTERNAL_SERVER_ERROR);
    }

    rc = ngx_http_vcita_subrequest_check(r, ctx, vlcf);

    if (rc == NGX_DECLINED
        && vlcf->headers
        && ctx->alive
        && ngx_http_vcita_upstream_headers_set(r, ctx, vlcf->headers)
           != NGX_OK)
    {
        rc = NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (rc == NGX_AGAIN) {
        rc = ngx_http_vcita_wait(r);
    }

    if (rc == NGX_AGAIN || rc == NGX_DECLINED) {
        return rc;
    }

    return ngx_http_vcita_subrequest_refuse(r, ctx, rc);
}


/*
 * 1: under "satisfy any", another access handler has let the main request in.
 * The module's handler runs last, so it has not run then.  Before the end of
 * the main request's access phase, nothing has let it in.
 */

static ngx_uint_t
ngx_http_vcita_subrequest_satisfied(ngx_http_request_t *r)
{
    ngx_http_vcita_ctx_t       *ctx;
    ngx_http_phase_handler_t   *ph;
    ngx_http_core_loc_conf_t   *clcf;
    ngx_http_core_main_conf_t  *cmcf;

    clcf = ngx_http_get_module_loc_conf(r, ngx_http_core_module);

    if (clcf->satisfy != NGX_HTTP_SATISFY_ANY) {
        return 0;
    }

    clcf = ngx_http_get_module_loc_conf(r->main, ngx_http_core_module);

    if (clcf->satisfy != NGX_HTTP_SATISFY_ANY) {
        return 0;
    }

    ctx = ngx_http_vcita_ctx_get(r->main);

    if (ctx == NULL || ctx->asked == r->main->loc_conf) {
        return 0;
    }

    cmcf = ngx_http_get_module_main_conf(r, ngx_http_core_module);

    for (ph = cmcf->phase_engine.handlers + r->main->phase_handler;
         ph->checker;
         ph++)
    {
        if (ph->checker == ngx_http_core_access_phase
            || ph->checker == ngx_http_core_post_access_phase)
        {
            return 0;
        }
    }

    return 1;
}


static ngx_http_vcita_ctx_t *
ngx_http_vcita_subrequest_create(ngx_http_request_t *r,
    ngx_http_vcita_ctx_t *main, ngx_http_vcita_client_t *client)
{
    ngx_http_vcita_ctx_t  *ctx;

    ctx = ngx_pcalloc(r->pool, sizeof(ngx_http_vcita_ctx_t));
    if (ctx == NULL) {
        return NULL;
    }

    ctx->request = r;
    ctx->cookies = main->cookies;
    ctx->error = main->error;
    ctx->error_description = main->error_description;
    ctx->refused = main->refused;

    ctx->next = main->next;
    main->next = ctx;

    ngx_http_set_ctx(r, ctx, ngx_http_vcita_oauth_module);

    ngx_http_vcita_session_load_share(ctx, main, client);

    return ctx;
}


/* NGX_DECLINED: allowed.  NGX_AGAIN: wait.  Otherwise a status */

static ngx_int_t
ngx_http_vcita_subrequest_check(ngx_http_request_t *r,
    ngx_http_vcita_ctx_t *ctx, ngx_http_vcita_loc_conf_t *vlcf)
{
    ngx_int_t  rc;

    ctx->gated = 1;
    ctx->let_in = NULL;

    /* those of an earlier location of the subrequest */

    if (ctx->headed
        && ngx_http_vcita_upstream_headers_clear(r, ctx) != NGX_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (vlcf->bearer && ngx_http_vcita_bearer_is_sent(r)) {
        return ngx_http_vcita_subrequest_bearer(r, ctx, vlcf);
    }

    rc = ngx_http_vcita_session_load(r, ctx, vlcf->client);

    switch (rc) {

    case NGX_OK:
        break;

    case NGX_AGAIN:
        return NGX_AGAIN;

    case NGX_BUSY:
        ngx_str_set(&ctx->error, "store_unavailable");
        return NGX_HTTP_SERVICE_UNAVAILABLE;

    case NGX_DECLINED:
        return (vlcf->gate == NGX_HTTP_VCITA_OPTIONAL)
               ? NGX_DECLINED : NGX_HTTP_UNAUTHORIZED;

    default: /* NGX_ERROR */
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ctx->alive = 1;

    return ngx_http_vcita_subrequest_rules(r, ctx, vlcf);
}


static ngx_int_t
ngx_http_vcita_subrequest_bearer(ngx_http_request_t *r,
    ngx_http_vcita_ctx_t *ctx, ngx_http_vcita_loc_conf_t *vlcf)
{
    switch (ngx_http_vcita_bearer(r, ctx, vlcf)) {

    case NGX_OK:
        return ngx_http_vcita_subrequest_rules(r, ctx, vlcf);

    case NGX_AGAIN:
        return NGX_AGAIN;

    case NGX_DECLINED:
        ngx_str_set(&ctx->error, "invalid_token");
        return NGX_HTTP_UNAUTHORIZED;

    case NGX_BUSY:
        ngx_str_set(&ctx->error, "keys_unavailable");
        return NGX_HTTP_SERVICE_UNAVAILABLE;

    default: /* NGX_ERROR */
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }
}


static ngx_int_t
ngx_http_vcita_subrequest_rules(ngx_http_request_t *r,
    ngx_http_vcita_ctx_t *ctx, ngx_http_vcita_loc_conf_t *vlcf)
{
    ngx_int_t  rc;

    rc = vlcf->rules ? ngx_http_vcita_require_met(r, &ctx->session, vlcf->rules)
                     : NGX_OK;

    if (rc == NGX_DECLINED) {
        ngx_str_set(&ctx->error, "not_allowed");
        ngx_http_vcita_identity_event(r, ctx, NGX_HTTP_VCITA_REFUSED);

        return NGX_HTTP_FORBIDDEN;
    }

    if (rc != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (!ngx_http_vcita_is_aged(ctx, vlcf)) {
        ctx->let_in = vlcf->client;
        return NGX_DECLINED;
    }

    ctx->alive = 0;

    if (vlcf->gate == NGX_HTTP_VCITA_OPTIONAL) {
        return NGX_DECLINED;
    }

    ngx_str_set(&ctx->error, "login_required");

    return NGX_HTTP_UNAUTHORIZED;
}


static ngx_int_t
ngx_http_vcita_subrequest_refuse(ngx_http_request_t *r,
    ngx_http_vcita_ctx_t *ctx, ngx_uint_t status)
{
    ngx_int_t  rc;

    ngx_log_error(NGX_LOG_INFO, r->connection->log, 0,
                  "a subrequest was refused with status %ui", status);

    if (ctx) {
        ctx->alive = 0;
    }

    /* ngx_http_send_header() would replace the status by err_status */

    r->err_status = 0;
    r->header_only = 1;

    r->headers_out.status = status;
    r->headers_out.status_line.len = 0;
    r->headers_out.content_length_n = 0;

    rc = NGX_OK;

    if (status == NGX_HTTP_UNAUTHORIZED) {
        rc = ngx_http_vcita_challenge_header(r);
    }

    if (rc == NGX_OK) {
        rc = ngx_http_send_header(r);
    }

    return ngx_http_vcita_page_answered(r, rc > NGX_OK ? NGX_ERROR : rc);
}
