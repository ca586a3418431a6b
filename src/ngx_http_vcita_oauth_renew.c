
/*
 * Copyright (C) the vcita OAuth gate authors
 *
 * The renewal: a session is sealed anew, because its idle time begins again,
 * because another key than the first one has sealed it, or because its claims
 * are outdated.  The gate says so, and the answer brings the
 * cookie.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "ngx_http_vcita_oauth.h"
#include "ngx_http_vcita_oauth_client.h"
#include "ngx_http_vcita_oauth_known.h"


static ngx_int_t ngx_http_vcita_oauth_renew_filter(ngx_http_request_t *r);
static ngx_int_t ngx_http_vcita_oauth_renew_session(ngx_http_request_t *r,
    ngx_http_vcita_oauth_ctx_t *ctx, ngx_http_vcita_oauth_app_t *app);


static ngx_http_output_header_filter_pt  ngx_http_next_header_filter;


void
ngx_http_vcita_oauth_renew_init(void)
{
    ngx_http_next_header_filter = ngx_http_top_header_filter;
    ngx_http_top_header_filter = ngx_http_vcita_oauth_renew_filter;
}


/*
 * The gate lets this request in.  Navigations alone renew a session: a page
 * that keeps asking for news is not a person, and the answers to what it asks
 * for are read by scripts and kept by caches.  Returns NGX_OK, or what
 * ngx_http_vcita_oauth_keep() does.
 */

ngx_int_t
ngx_http_vcita_oauth_renew(ngx_http_request_t *r,
    ngx_http_vcita_oauth_ctx_t *ctx, ngx_http_vcita_oauth_loc_conf_t *vlcf)
{
    time_t                       now;
    ngx_http_vcita_oauth_app_t  *app;

    now = ngx_time();
    app = vlcf->app;

    if (ctx->renew == app) {
        return ctx->keep ? ngx_http_vcita_oauth_kept(r, ctx) : NGX_OK;
    }

    if (ctx->sealed_by == 0
        && !ctx->session.bound
        && !ngx_http_vcita_oauth_life_slides(&ctx->session, now,
                                             app->session_idle_timeout))
    {
        return NGX_OK;
    }

    /* a request keeps one session: a login has ended here, say */

    if (vlcf->logout
        || ctx->keep
        || !ngx_http_vcita_oauth_client_navigates(r))
    {
        return NGX_OK;
    }

    ctx->renew = app;

    /* $vcita_oauth_expires tells of it from here on */

    if (app->session_idle_timeout) {
        ctx->session.seen = now;
    }

    if (ngx_http_vcita_oauth_headers_private(r) != NGX_OK) {
        return NGX_ERROR;
    }

    /* an answer cannot wait for a store */

    return app->storage.store
           ? ngx_http_vcita_oauth_renew_session(r, ctx, app) : NGX_OK;
}


/*
 * In its cookie, the session is sealed when the answer begins, not when the
 * request does: the answer that took long does not put an older session over
 * a newer one
 */

static ngx_int_t
ngx_http_vcita_oauth_renew_filter(ngx_http_request_t *r)
{
    ngx_http_vcita_oauth_app_t  *app;
    ngx_http_vcita_oauth_ctx_t  *ctx;

    ctx = ngx_http_get_module_ctx(r, ngx_http_vcita_oauth_module);

    if (ctx == NULL || ctx->renew == NULL || r != r->main) {
        return ngx_http_next_header_filter(r);
    }

    app = ctx->renew;
    ctx->renew = NULL;

    /* after an internal redirect, it can be another application's session */

    if (ctx->alive
        && ctx->app == app
        && app->storage.store == NULL
        && ngx_http_vcita_oauth_renew_session(r, ctx, app) == NGX_ERROR)
    {
        return NGX_ERROR;
    }

    return ngx_http_next_header_filter(r);
}


static ngx_int_t
ngx_http_vcita_oauth_renew_session(ngx_http_request_t *r,
    ngx_http_vcita_oauth_ctx_t *ctx, ngx_http_vcita_oauth_app_t *app)
{
    time_t                           now, left;
    ngx_int_t                        rc;
    ngx_str_t                        text;
    ngx_http_vcita_oauth_session_t  *s;

    now = ngx_time();
    s = &ctx->session;

    if (app->session_idle_timeout) {
        s->seen = now;
    }

    left = ngx_http_vcita_oauth_life_left(s, now, app->session_timeout,
                                          app->session_idle_timeout);

    if (left == 0) {
        return NGX_OK;
    }

    /* vcita can have ended it, or changed its claims, since the look-up */

    rc = ngx_http_vcita_oauth_known(r, app, s);

    if (rc != NGX_OK) {
        return rc;
    }

    if (ngx_http_vcita_oauth_session_again(r->pool, s, &text) != NGX_OK) {
        return NGX_ERROR;
    }

    rc = ngx_http_vcita_oauth_keep(r, ctx, app, &text, left);

    ngx_explicit_memzero(text.data, text.len);

    if (rc == NGX_OK) {
        return ngx_http_vcita_oauth_headers_private(r);
    }

    return rc;
}
