
/*
 * Copyright (C) the vcita OAuth gate authors
 *
 * The challenge: how a request without a session, or with one that is too old
 * for its location, gets to a login.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "http/ngx_http_vcita_http.h"


static ngx_int_t ngx_http_vcita_challenge_page(ngx_http_request_t *r,
    ngx_http_vcita_ctx_t *ctx, ngx_str_t *uri);


/* 1: a login may begin with a redirect of this request */

ngx_uint_t
ngx_http_vcita_challenge_redirects(ngx_http_request_t *r)
{
    ngx_http_vcita_loc_conf_t  *vlcf;

    vlcf = ngx_http_get_module_loc_conf(r, ngx_http_vcita_oauth_module);

    switch (vlcf->challenge) {

    case NGX_HTTP_VCITA_ALWAYS_LOGIN:
        return (r->method & (NGX_HTTP_GET|NGX_HTTP_HEAD)) != 0;

    case NGX_HTTP_VCITA_NEVER_LOGIN:
        return 0;

    default: /* NGX_HTTP_VCITA_AUTO_LOGIN */
        return ngx_http_vcita_user_agent_navigates(r);
    }
}


/* Begins a state; vcita has to ask the owner of an older session */

void
ngx_http_vcita_challenge_state(ngx_http_request_t *r, ngx_http_vcita_ctx_t *ctx,
    ngx_http_vcita_login_state_t *state)
{
    ngx_http_vcita_loc_conf_t  *vlcf;

    ngx_memzero(state, sizeof(ngx_http_vcita_login_state_t));

    if (ctx->aged) {
        vlcf = ngx_http_get_module_loc_conf(r, ngx_http_vcita_oauth_module);

        state->sent = NGX_HTTP_VCITA_SENT_PROMPT;
        state->max_age = ngx_min(vlcf->max_age, NGX_MAX_INT32_VALUE);
    }
}


/* Responds to a browser whose sessions are too old as soon as they exist */

ngx_int_t
ngx_http_vcita_challenge_too_old(ngx_http_request_t *r,
    ngx_http_vcita_ctx_t *ctx)
{
    ngx_str_t                   uri;
    ngx_http_vcita_page_t       page;
    ngx_http_vcita_loc_conf_t  *vlcf;

    vlcf = ngx_http_get_module_loc_conf(r, ngx_http_vcita_oauth_module);

    ngx_log_error(NGX_LOG_ERR, r->connection->log, 0,
                  "%d logins within %d seconds, but no session was young "
                  "enough for vcita_oauth_max_age, set a longer time than %T s",
                  NGX_HTTP_VCITA_LOOP, NGX_HTTP_VCITA_LOOP_TIME,
                  vlcf->max_age);

    ngx_http_vcita_errors_count(r, &ctx->error);

    ngx_memzero(&page, sizeof(ngx_http_vcita_page_t));
    page.status = NGX_HTTP_FORBIDDEN;

    if (ngx_http_vcita_login_redirect_uri(r, ctx, vlcf->client) == NGX_ERROR
        || ngx_http_vcita_login_return_uri(r, &uri) != NGX_OK
        || ngx_http_vcita_page_link(r, ctx, &uri, &page) != NGX_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return ngx_http_vcita_page_error(r, ctx, &page);
}


/*
 * Sets the link of a 401 page.  A page that a login can begin at is enough for
 * it, unless the session is good there and only too old here.
 */

ngx_int_t
ngx_http_vcita_challenge_link(ngx_http_request_t *r, ngx_http_vcita_ctx_t *ctx,
    ngx_http_vcita_client_t *client, ngx_http_vcita_page_t *page)
{
    ngx_int_t                     rc;
    ngx_str_t                     uri;
    ngx_http_vcita_login_state_t  state;

    if (ngx_http_vcita_login_redirect_uri(r, ctx, client) == NGX_ERROR
        || ngx_http_vcita_challenge_page(r, ctx, &uri) != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (!ctx->aged) {
        return ngx_http_vcita_page_link(r, ctx, &uri, page);
    }

    ngx_http_vcita_challenge_state(r, ctx, &state);
    state.return_uri = uri;

    rc = ngx_http_vcita_login_url(r, ctx, client, &state, &page->href);

    if (rc == NGX_ERROR) {
        return NGX_ERROR;
    }

    return ngx_http_vcita_headers_escape_html(r->pool, &page->href);
}


/*
 * A page that a login can begin at and return to: the requested one, or the one
 * with the form or link, if a GET of the requested one is not the same request
 * or gets a 401 again
 */

static ngx_int_t
ngx_http_vcita_challenge_page(ngx_http_request_t *r, ngx_http_vcita_ctx_t *ctx,
    ngx_str_t *uri)
{
    ngx_http_vcita_loc_conf_t  *vlcf;

    vlcf = ngx_http_get_module_loc_conf(r, ngx_http_vcita_oauth_module);

    if (!ctx->posted
        && (ctx->aged || vlcf->challenge != NGX_HTTP_VCITA_NEVER_LOGIN))
    {
        return ngx_http_vcita_login_return_uri(r, uri);
    }

    if (ngx_http_vcita_user_agent_referer(r, &ctx->origin, uri) != NGX_OK) {
        ngx_str_set(uri, "/");
    }

    return NGX_OK;
}


/* Adds the challenge of a 401 (RFC 6750, 3) */

ngx_int_t
ngx_http_vcita_challenge_header(ngx_http_request_t *r)
{
    ngx_str_t  value;

    ngx_str_set(&value, "Bearer realm=\"vcita\"");

    return ngx_http_vcita_headers_challenge(r, &value);
}
