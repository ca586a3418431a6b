
/*
 * Copyright (C) the vcita OAuth gate authors
 *
 * The access check, in the ACCESS phase: a request with a session goes on,
 * another one gets a redirect to the login or a 401.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "http/ngx_http_vcita_http.h"


static ngx_int_t ngx_http_vcita_access_moved(ngx_http_request_t *r,
    ngx_http_vcita_ctx_t *ctx, ngx_http_vcita_loc_conf_t *vlcf);
static ngx_int_t ngx_http_vcita_access_session(ngx_http_request_t *r,
    ngx_http_vcita_ctx_t *ctx, ngx_http_vcita_loc_conf_t *vlcf)
    ngx_http_vcita_hot;
static ngx_int_t ngx_http_vcita_access_bearer(ngx_http_request_t *r,
    ngx_http_vcita_ctx_t *ctx, ngx_http_vcita_loc_conf_t *vlcf);
static ngx_int_t ngx_http_vcita_access_without(ngx_http_request_t *r,
    ngx_http_vcita_ctx_t *ctx, ngx_http_vcita_loc_conf_t *vlcf, ngx_int_t rc);
static ngx_int_t ngx_http_vcita_access_open(ngx_http_request_t *r,
    ngx_http_vcita_ctx_t *ctx, ngx_http_vcita_loc_conf_t *vlcf)
    ngx_http_vcita_hot;
static ngx_int_t ngx_http_vcita_access_unavailable(ngx_http_request_t *r,
    ngx_http_vcita_ctx_t *ctx, ngx_http_vcita_client_t *client);
static ngx_int_t ngx_http_vcita_access_refused(ngx_http_request_t *r,
    ngx_http_vcita_ctx_t *ctx, ngx_http_vcita_client_t *client);
static ngx_int_t ngx_http_vcita_access_login(ngx_http_request_t *r,
    ngx_http_vcita_ctx_t *ctx, ngx_http_vcita_client_t *client);
static ngx_int_t ngx_http_vcita_access_unauthorized(ngx_http_request_t *r,
    ngx_http_vcita_ctx_t *ctx, ngx_http_vcita_client_t *client);
static ngx_int_t ngx_http_vcita_access_sign_in(ngx_http_request_t *r,
    ngx_http_vcita_ctx_t *ctx, ngx_http_vcita_client_t *client,
    ngx_http_vcita_page_t *page);
static ngx_int_t ngx_http_vcita_access_same_error(ngx_http_request_t *r,
    ngx_http_vcita_ctx_t *ctx, ngx_http_vcita_client_t *client);


ngx_int_t
ngx_http_vcita_access_handler(ngx_http_request_t *r)
{
    ngx_http_vcita_ctx_t       *ctx;
    ngx_http_vcita_loc_conf_t  *vlcf;

    vlcf = ngx_http_get_module_loc_conf(r, ngx_http_vcita_oauth_module);

    ctx = ngx_http_vcita_ctx_get(r);

    if (ctx == NULL) {

        if (vlcf->gate == NGX_HTTP_VCITA_OFF) {
            return NGX_DECLINED;
        }

        ngx_log_error(NGX_LOG_ALERT, r->connection->log, 0,
                      "the post-read handler did not run for this request");

        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ctx->asked = r->loc_conf;

    if (ctx->headed
        && vlcf->gate != NGX_HTTP_VCITA_OFF
        && ngx_http_vcita_upstream_headers_clear(r, ctx) != NGX_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (ngx_http_vcita_is_callback(ctx)) {
        ctx->passed = r->loc_conf;
        return NGX_OK;
    }

    if (ctx->callback && !ctx->called_back) {

        /* another module refused the callback, limit_req for example */

        ctx->called_back = 1;
        ctx->status = r->err_status ? (ngx_uint_t) r->err_status
                                    : NGX_HTTP_FORBIDDEN;
    }

    if (ctx->moved || ctx->suspect) {
        return ngx_http_vcita_access_moved(r, ctx, vlcf);
    }

    if (vlcf->gate == NGX_HTTP_VCITA_OFF) {
        return NGX_DECLINED;
    }

    return ngx_http_vcita_access_session(r, ctx, vlcf);
}


/* a callback at another path, possibly known only after "set" has run */

static ngx_int_t
ngx_http_vcita_access_moved(ngx_http_request_t *r, ngx_http_vcita_ctx_t *ctx,
    ngx_http_vcita_loc_conf_t *vlcf)
{
    if (ctx->suspect) {
        ctx->suspect = 0;

        if (ngx_http_vcita_callback_moved(r, ctx, &ctx->query) == NGX_ERROR) {
            return NGX_HTTP_INTERNAL_SERVER_ERROR;
        }
    }

    if (vlcf->gate == NGX_HTTP_VCITA_OFF) {
        return NGX_DECLINED;
    }

    if (ctx->moved
        && ctx->status == 0
        && r->err_status < NGX_HTTP_BAD_REQUEST)
    {
        return ngx_http_vcita_callback_moved_answer(r, ctx);
    }

    return ngx_http_vcita_access_session(r, ctx, vlcf);
}


static ngx_int_t
ngx_http_vcita_access_session(ngx_http_request_t *r, ngx_http_vcita_ctx_t *ctx,
    ngx_http_vcita_loc_conf_t *vlcf)
{
    ngx_int_t  rc;

    ctx->aged = 0;

    /* behind an internal redirect, this gate decides anew */

    ctx->gated = 1;
    ctx->let_in = NULL;

    if (vlcf->bearer && ngx_http_vcita_bearer_is_sent(r)) {
        return ngx_http_vcita_access_bearer(r, ctx, vlcf);
    }

    rc = ngx_http_vcita_session_load(r, ctx, vlcf->client);

    if (rc == NGX_OK) {
        rc = ngx_http_vcita_revalidate(r, ctx, vlcf);

        if (rc == NGX_DECLINED) {
            ngx_http_vcita_session_memo_forget(r, vlcf->client, &ctx->cookie);
        }
    }

    if (rc == NGX_OK) {
        ctx->alive = 1;
        return ngx_http_vcita_access_open(r, ctx, vlcf);
    }

    return ngx_http_vcita_access_without(r, ctx, vlcf, rc);
}


/* a token instead of a session: no cookie, no login, no page for a person */

static ngx_int_t
ngx_http_vcita_access_bearer(ngx_http_request_t *r, ngx_http_vcita_ctx_t *ctx,
    ngx_http_vcita_loc_conf_t *vlcf)
{
    ngx_int_t              rc;
    ngx_str_t              challenge;
    ngx_http_vcita_page_t  page;

    ngx_memzero(&page, sizeof(ngx_http_vcita_page_t));
    ngx_str_set(&challenge, "Bearer realm=\"vcita\", error=\"invalid_token\"");

    rc = ngx_http_vcita_bearer(r, ctx, vlcf);

    if (ctx->status && (rc == NGX_DECLINED || rc == NGX_BUSY)) {
        ctx->alive = 0;
        return ngx_http_vcita_access_same_error(r, ctx, vlcf->client);
    }

    switch (rc) {

    case NGX_OK:
        return ngx_http_vcita_access_open(r, ctx, vlcf);

    case NGX_AGAIN:
        return ngx_http_vcita_wait(r);

    case NGX_DECLINED:
        ngx_str_set(&ctx->error, "invalid_token");
        page.status = NGX_HTTP_UNAUTHORIZED;

        ngx_http_vcita_count(r, requests[NGX_HTTP_VCITA_UNAUTHORIZED]);

        if (ngx_http_vcita_headers_challenge(r, &challenge) != NGX_OK) {
            return NGX_HTTP_INTERNAL_SERVER_ERROR;
        }

        break;

    case NGX_BUSY:
        ngx_str_set(&ctx->error, "keys_unavailable");
        page.status = NGX_HTTP_SERVICE_UNAVAILABLE;

        ngx_http_vcita_count(r, requests[NGX_HTTP_VCITA_UNAVAILABLE]);
        break;

    default: /* NGX_ERROR */
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ctx->alive = 0;

    return ngx_http_vcita_page_error(r, ctx, &page);
}


/* without a session, a navigation may log in */

static ngx_int_t
ngx_http_vcita_access_without(ngx_http_request_t *r, ngx_http_vcita_ctx_t *ctx,
    ngx_http_vcita_loc_conf_t *vlcf, ngx_int_t rc)
{
    ctx->alive = 0;

    if (rc == NGX_AGAIN) {
        return ngx_http_vcita_wait(r);
    }

    /* an internal redirect finds a session again that is too old here */

    if (!ctx->aged) {
        ctx->outcome = rc;
    }

    switch (rc) {

    case NGX_BUSY:
        return ngx_http_vcita_access_unavailable(r, ctx, vlcf->client);

    case NGX_DECLINED:

        if (vlcf->gate == NGX_HTTP_VCITA_OPTIONAL) {

            /* NGX_OK would grant access under "satisfy any" */

            ngx_http_vcita_count(r, requests[NGX_HTTP_VCITA_ANONYMOUS]);
            return NGX_DECLINED;
        }

        return ngx_http_vcita_access_closed(r, ctx, vlcf->client);

    default: /* NGX_ERROR */
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }
}


static ngx_int_t
ngx_http_vcita_access_open(ngx_http_request_t *r, ngx_http_vcita_ctx_t *ctx,
    ngx_http_vcita_loc_conf_t *vlcf)
{
    ngx_int_t  rc;

    ctx->personal = 1;

    if (vlcf->rules) {

        rc = ngx_http_vcita_require_met(r, &ctx->session, vlcf->rules);

        if (rc == NGX_DECLINED) {
            return ngx_http_vcita_access_refused(r, ctx, vlcf->client);
        }

        if (rc != NGX_OK) {
            return NGX_HTTP_INTERNAL_SERVER_ERROR;
        }
    }

    /* an old session may still be ended */

    if (!vlcf->logout && ngx_http_vcita_is_aged(ctx, vlcf)) {
        ctx->aged = 1;
        return ngx_http_vcita_access_without(r, ctx, vlcf, NGX_DECLINED);
    }

    /* a token has its own end, and no cookie */

    rc = ctx->token ? NGX_OK : ngx_http_vcita_session_save_renew(r, ctx, vlcf);

    if (rc != NGX_OK) {
        return ngx_http_vcita_access_without(r, ctx, vlcf, rc);
    }

    ctx->let_in = vlcf->client;

    if (vlcf->headers
        && ngx_http_vcita_upstream_headers_set(r, ctx, vlcf->headers)
           != NGX_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ctx->passed = r->loc_conf;

    ngx_http_vcita_count(r, requests[NGX_HTTP_VCITA_PASSED]);

    return NGX_OK;
}


/* the store is unavailable: deny, even under "optional" */

static ngx_int_t
ngx_http_vcita_access_unavailable(ngx_http_request_t *r,
    ngx_http_vcita_ctx_t *ctx, ngx_http_vcita_client_t *client)
{
    ngx_str_t              uri;
    ngx_http_vcita_page_t  page;

    if (ctx->status) {
        return ngx_http_vcita_access_same_error(r, ctx, client);
    }

    ngx_http_vcita_count(r, requests[NGX_HTTP_VCITA_UNAVAILABLE]);

    ngx_memzero(&page, sizeof(ngx_http_vcita_page_t));
    ngx_str_set(&ctx->error, "store_unavailable");
    page.status = NGX_HTTP_SERVICE_UNAVAILABLE;

    if (ngx_http_vcita_login_redirect_uri(r, ctx, client) == NGX_ERROR
        || ngx_http_vcita_login_return_uri(r, &uri) != NGX_OK
        || ngx_http_vcita_page_link(r, ctx, &uri, &page) != NGX_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return ngx_http_vcita_page_error(r, ctx, &page);
}


/* the session does not meet the rules; another account may */

static ngx_int_t
ngx_http_vcita_access_refused(ngx_http_request_t *r, ngx_http_vcita_ctx_t *ctx,
    ngx_http_vcita_client_t *client)
{
    ngx_int_t                     rc;
    ngx_http_vcita_page_t         page;
    ngx_http_vcita_login_state_t  state;

    ngx_memzero(&page, sizeof(ngx_http_vcita_page_t));
    ngx_memzero(&state, sizeof(ngx_http_vcita_login_state_t));

    ngx_http_vcita_identity_account(&ctx->session, &page.detail);

    page.sentence = NGX_HTTP_VCITA_TEXT_SIGNED_IN_AS;

    ngx_str_set(&ctx->error, "not_allowed");

    ctx->forbidden = 1;
    ngx_http_vcita_identity_event(r, ctx, NGX_HTTP_VCITA_REFUSED);

    if (ctx->token) {
        ngx_http_vcita_count(r, requests[NGX_HTTP_VCITA_FORBIDDEN]);

        page.status = NGX_HTTP_FORBIDDEN;

        return ngx_http_vcita_page_error(r, ctx, &page);
    }

    state.sent = NGX_HTTP_VCITA_SENT_PROMPT;

    if (ngx_http_vcita_login_return_uri(r, &state.return_uri) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    rc = ngx_http_vcita_login_url(r, ctx, client, &state, &page.href);

    ctx->switch_account = page.href;

    if (rc == NGX_ERROR
        || ngx_http_vcita_headers_escape_html(r->pool, &page.href) != NGX_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (ctx->status) {
        page.status = ctx->status;
        ngx_http_vcita_errors_describe(ctx, &page);

        return ngx_http_vcita_page_answered(r,
                                         ngx_http_vcita_page_answer(r, &page));
    }

    ngx_http_vcita_count(r, requests[NGX_HTTP_VCITA_FORBIDDEN]);

    page.status = NGX_HTTP_FORBIDDEN;

    return ngx_http_vcita_page_error(r, ctx, &page);
}


/* A login for a navigation, 401 for anything else */

ngx_int_t
ngx_http_vcita_access_closed(ngx_http_request_t *r, ngx_http_vcita_ctx_t *ctx,
    ngx_http_vcita_client_t *client)
{
    ngx_int_t  rc;

    /* an error of any module must not turn into a login */

    if (ctx->status == 0 && r->err_status >= NGX_HTTP_BAD_REQUEST) {
        ctx->status = r->err_status;
    }

    if (ctx->status) {
        return ngx_http_vcita_access_same_error(r, ctx, client);
    }

    if (ctx->aged) {
        ngx_str_set(&ctx->error, "login_required");
    }

    /* no login replaces a token */

    if (ctx->token || !ngx_http_vcita_challenge_redirects(r)) {
        return ngx_http_vcita_access_unauthorized(r, ctx, client);
    }

    rc = ngx_http_vcita_login_loops(r, ctx, client);

    if (rc == NGX_OK && ctx->aged) {
        return ngx_http_vcita_challenge_too_old(r, ctx);
    }

    if (rc == NGX_OK && !ctx->launched) {

        /* the login cookie came back, so scheme and host are right */

        return ngx_http_vcita_session_lost_answer(r, ctx, client, 0);
    }

    if (rc == NGX_ERROR) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return ngx_http_vcita_access_login(r, ctx, client);
}


static ngx_int_t
ngx_http_vcita_access_login(ngx_http_request_t *r, ngx_http_vcita_ctx_t *ctx,
    ngx_http_vcita_client_t *client)
{
    ngx_int_t                     rc;
    ngx_table_elt_t              *h;
    ngx_http_vcita_page_t         page;
    ngx_http_vcita_login_state_t  state;

    ngx_http_vcita_challenge_state(r, ctx, &state);

    if (ngx_http_vcita_login_return_uri(r, &state.return_uri) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    /* where the address is too long, the login returns to "/" */

    if (ctx->launched && state.return_uri.len > 1) {
        state.sent = NGX_HTTP_VCITA_LAUNCHED;
    }

    /* a challenge that auth_basic left behind does not belong to a redirect */

    for (h = r->headers_out.www_authenticate; h; /* void */ ) {
        h->hash = 0;
#if (nginx_version >= 1023000)
        h = h->next;
#else
        break;
#endif
    }

    r->headers_out.www_authenticate = NULL;

    rc = ngx_http_vcita_login(r, ctx, client, &state);

    if (rc != NGX_DECLINED) {
        ngx_http_vcita_count(r, requests[NGX_HTTP_VCITA_REDIRECTED]);

        return ngx_http_vcita_page_answered(r, rc);
    }

    ngx_log_error(NGX_LOG_ERR, r->connection->log, 0,
                  "%s has no valid host for this request, check the variables "
                  "in it and give their map a default",
                  (ctx->origin_client == client)
                  ? "vcita_oauth_authorize_endpoint"
                  : "vcita_oauth_redirect_uri");

    ngx_memzero(&page, sizeof(ngx_http_vcita_page_t));
    ngx_str_set(&ctx->error, "invalid_host");
    ngx_http_vcita_errors_count(r, &ctx->error);
    page.status = NGX_HTTP_BAD_REQUEST;

    return ngx_http_vcita_page_error(r, ctx, &page);
}


/* 401 with a page for a person, with one line for a program */

static ngx_int_t
ngx_http_vcita_access_unauthorized(ngx_http_request_t *r,
    ngx_http_vcita_ctx_t *ctx, ngx_http_vcita_client_t *client)
{
    ngx_http_vcita_page_t  page;

    ngx_memzero(&page, sizeof(ngx_http_vcita_page_t));

    page.status = NGX_HTTP_UNAUTHORIZED;

    /* an error_page makes it a GET */

    ctx->posted = !(r->method & (NGX_HTTP_GET|NGX_HTTP_HEAD));

    ngx_http_vcita_count(r, requests[NGX_HTTP_VCITA_UNAUTHORIZED]);

    if (ngx_http_vcita_challenge_header(r) != NGX_OK
        || ngx_http_vcita_access_sign_in(r, ctx, client, &page) != NGX_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return ngx_http_vcita_page_error(r, ctx, &page);
}


static ngx_int_t
ngx_http_vcita_access_sign_in(ngx_http_request_t *r, ngx_http_vcita_ctx_t *ctx,
    ngx_http_vcita_client_t *client, ngx_http_vcita_page_t *page)
{
    if (ctx->token || !ngx_http_vcita_user_agent_is_person(r)) {
        return NGX_OK;
    }

    page->title = NGX_HTTP_VCITA_TEXT_UNAUTHORIZED_TITLE;
    page->text = NGX_HTTP_VCITA_TEXT_UNAUTHORIZED;
    page->link = NGX_HTTP_VCITA_TEXT_SIGN_IN_TAB;
    page->new_tab = 1;

    if (ctx->aged) {
        page->title = NGX_HTTP_VCITA_TEXT_LOGIN_REQUIRED_TITLE;
        page->text = NGX_HTTP_VCITA_TEXT_TOO_OLD;
    }

    return ngx_http_vcita_challenge_link(r, ctx, client, page);
}


/* the error page is gated itself: answer here with the same status */

static ngx_int_t
ngx_http_vcita_access_same_error(ngx_http_request_t *r,
    ngx_http_vcita_ctx_t *ctx, ngx_http_vcita_client_t *client)
{
    ngx_http_vcita_page_t  page;

    ngx_memzero(&page, sizeof(ngx_http_vcita_page_t));

    page.status = ctx->status;
    ngx_http_vcita_errors_describe(ctx, &page);

    /* no login replaces a token that an earlier gate has refused */

    if (page.status == NGX_HTTP_UNAUTHORIZED
        && !ngx_http_vcita_bearer_is_sent(r)
        && ngx_http_vcita_access_sign_in(r, ctx, client, &page) != NGX_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return ngx_http_vcita_page_answered(r,
                                        ngx_http_vcita_page_answer(r, &page));
}
