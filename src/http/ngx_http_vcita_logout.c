
/*
 * Copyright (C) the vcita OAuth gate authors
 *
 * The logout, a content handler: ends the session in its store, expires the
 * session cookie, marks the login cookie and redirects.  A request from another
 * site or without a person's action gets a page with a button instead.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "http/ngx_http_vcita_http.h"
#include "util/ngx_http_vcita_string.h"


static ngx_int_t ngx_http_vcita_logout_ask(ngx_http_request_t *r,
    ngx_http_vcita_text_e text);
static ngx_int_t ngx_http_vcita_logout_end(ngx_http_request_t *r,
    ngx_http_vcita_ctx_t *ctx, ngx_http_vcita_client_t *client);
static void ngx_http_vcita_logout_revoke(ngx_http_request_t *r,
    ngx_http_vcita_ctx_t *ctx, ngx_http_vcita_client_t *client);
static ngx_int_t ngx_http_vcita_logout_failed(ngx_http_request_t *r,
    ngx_http_vcita_ctx_t *ctx);
static ngx_int_t ngx_http_vcita_logout_done(ngx_http_request_t *r,
    ngx_http_vcita_ctx_t *ctx, ngx_http_vcita_loc_conf_t *vlcf);
static ngx_int_t ngx_http_vcita_logout_cookies(ngx_http_request_t *r,
    ngx_http_vcita_ctx_t *ctx, ngx_http_vcita_client_t *client);


ngx_int_t
ngx_http_vcita_logout_handler(ngx_http_request_t *r)
{
    ngx_int_t                   rc;
    ngx_http_vcita_ctx_t       *ctx;
    ngx_http_vcita_loc_conf_t  *vlcf;

    vlcf = ngx_http_get_module_loc_conf(r, ngx_http_vcita_oauth_module);

    if (ngx_http_vcita_user_agent_is_foreign(r)) {
        return ngx_http_vcita_logout_ask(r, NGX_HTTP_VCITA_TEXT_ASK_FOREIGN);
    }

    if (ngx_http_vcita_user_agent_is_automatic(r,
                         vlcf->client->cookie_samesite == NGX_HTTP_VCITA_NONE))
    {
        return ngx_http_vcita_logout_ask(r, NGX_HTTP_VCITA_TEXT_ASK_CLICK);
    }

    ctx = ngx_http_vcita_ctx_get(r);

    /* a subrequest can set no cookie, so it ends no session */

    if (ctx && r == r->main) {

        /* the log tells whose session has ended, and its token is revoked */

        rc = ngx_http_vcita_session_load(r, ctx, vlcf->client);

        if (rc == NGX_OK || rc == NGX_DECLINED) {
            rc = ngx_http_vcita_logout_end(r, ctx, vlcf->client);
        }

        if (rc == NGX_AGAIN) {
            rc = ngx_http_vcita_wait(r);

            if (rc != NGX_AGAIN) {
                return rc;
            }

            /* the content phase runs again when the store has answered */

            r->main->count++;

            return NGX_DONE;
        }

        if (rc == NGX_BUSY) {
            return ngx_http_vcita_logout_failed(r, ctx);
        }

        if (rc != NGX_OK) {
            return NGX_HTTP_INTERNAL_SERVER_ERROR;
        }

        ngx_http_vcita_logout_revoke(r, ctx, vlcf->client);

        if (ctx->outcome == NGX_OK) {
            ngx_http_vcita_identity_event(r, ctx, NGX_HTTP_VCITA_LOGGED_OUT);
        }

        ctx->signed_out = vlcf->client;
    }

    return ngx_http_vcita_logout_done(r, ctx, vlcf);
}


/*
 * Ends the sessions of all cookies; returns as session_load() does.  A session
 * in a cookie ends in the browser, and is removed from the memo.
 */

static ngx_int_t
ngx_http_vcita_logout_end(ngx_http_request_t *r, ngx_http_vcita_ctx_t *ctx,
    ngx_http_vcita_client_t *client)
{
    ngx_int_t                rc;
    ngx_str_t                value;
    ngx_http_vcita_store_t  *store;

    /* an earlier location of this request may have renewed the session */

    ctx->renew = NULL;

    store = client->storage.store;

    if (store == NULL) {

        while (ngx_http_vcita_ctx_next_cookie(r, ctx, client,
                                              NGX_HTTP_VCITA_SESSION,
                                              &ctx->ended, &value) == NGX_OK)
        {
            ngx_http_vcita_session_memo_forget(r, client, &value);
        }

        return NGX_OK;
    }

    if (ctx->end == NULL) {
        ctx->end = ngx_http_vcita_wait_ask_create(r, store);
        if (ctx->end == NULL) {
            return NGX_ERROR;
        }
    }

    rc = ngx_http_vcita_wait_ask_result(ctx->end);

    while (rc == NGX_OK
           && ngx_http_vcita_ctx_next_cookie(r, ctx, client,
                                             NGX_HTTP_VCITA_SESSION,
                                             &ctx->ended, &value) == NGX_OK)
    {
        rc = ngx_http_vcita_store_key(&value, ctx->end->op.key);

        if (rc == NGX_DECLINED) {
            rc = NGX_OK;
            continue;
        }

        if (rc == NGX_OK) {
            rc = ngx_http_vcita_wait_ask(ctx->end, store->type->end);
        }
    }

    return rc;
}


/* gives back the token of the session that this logout has ended */

static void
ngx_http_vcita_logout_revoke(ngx_http_request_t *r, ngx_http_vcita_ctx_t *ctx,
    ngx_http_vcita_client_t *client)
{
    ngx_http_vcita_main_conf_t     *vmcf;
    ngx_http_vcita_token_revoke_t  *t;

    if (client->revoke_endpoint.len == 0
        || ctx->client != client
        || !ctx->alive)
    {
        return;
    }

    vmcf = ngx_http_get_module_main_conf(r, ngx_http_vcita_oauth_module);

    t = ngx_http_vcita_token_revoke_create(vmcf, client, &ctx->session);

    if (t) {
        ngx_http_vcita_token_revoke_send(t);
    }
}


/* the cookies stay, so that the user can try again to end the session */

static ngx_int_t
ngx_http_vcita_logout_failed(ngx_http_request_t *r, ngx_http_vcita_ctx_t *ctx)
{
    ngx_http_vcita_page_t  page;

    ngx_memzero(&page, sizeof(ngx_http_vcita_page_t));
    ngx_str_set(&ctx->error, "store_unavailable");

    page.status = NGX_HTTP_SERVICE_UNAVAILABLE;
    page.title = NGX_HTTP_VCITA_TEXT_STILL_SIGNED_IN_TITLE;
    page.text = NGX_HTTP_VCITA_TEXT_STILL_SIGNED_IN;
    page.link = NGX_HTTP_VCITA_TEXT_SIGN_OUT;
    page.button = 1;

    return ngx_http_vcita_page_error_content(r, ctx, &page);
}


static ngx_int_t
ngx_http_vcita_logout_done(ngx_http_request_t *r, ngx_http_vcita_ctx_t *ctx,
    ngx_http_vcita_loc_conf_t *vlcf)
{
    ngx_str_t              location;
    ngx_http_vcita_page_t  page;

    ngx_http_vcita_count(r, logouts);

    if (r == r->main
        && ngx_http_vcita_logout_cookies(r, ctx, vlcf->client) != NGX_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (vlcf->logout_uri) {

        if (ngx_http_complex_value(r, vlcf->logout_uri, &location)
            != NGX_OK)
        {
            return NGX_HTTP_INTERNAL_SERVER_ERROR;
        }

        /* $uri is decoded: a line break in it would start a new header */

        if (ngx_http_vcita_string_printable(&location)) {
            return ngx_http_vcita_page_redirect(r, NGX_HTTP_SEE_OTHER,
                                                &location);
        }

        ngx_log_error(NGX_LOG_WARN, r->connection->log, 0,
                      "the uri of vcita_oauth_logout has a control character, "
                      "use no decoded variable such as $uri in it");
    }

    ngx_memzero(&page, sizeof(ngx_http_vcita_page_t));

    page.status = NGX_HTTP_OK;
    page.title = NGX_HTTP_VCITA_TEXT_SIGNED_OUT_TITLE;
    page.text = NGX_HTTP_VCITA_TEXT_SIGNED_OUT;
    page.link = NGX_HTTP_VCITA_TEXT_SIGN_IN_AGAIN;

    if (ngx_http_vcita_identity_text(r, NGX_HTTP_VCITA_IDENTITY_SWITCH,
                                     &page.href) != NGX_OK
        || ngx_http_vcita_headers_escape_html(r->pool, &page.href) != NGX_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return ngx_http_vcita_page_answer(r, &page);
}


/*
 * Expires the session cookie.  The login cookie keeps no value of before, so
 * that a login that is under way cannot end as the old account.
 */

static ngx_int_t
ngx_http_vcita_logout_cookies(ngx_http_request_t *r, ngx_http_vcita_ctx_t *ctx,
    ngx_http_vcita_client_t *client)
{
    ngx_str_t  none;

    ngx_str_null(&none);

    if (ngx_http_vcita_cookie_set(&r->headers_out, r->pool,
                                  &client->session_cookie, &none, 0) != NGX_OK)
    {
        return NGX_ERROR;
    }

    return ctx ? ngx_http_vcita_login_mark(r, ctx, client) : NGX_OK;
}


static ngx_int_t
ngx_http_vcita_logout_ask(ngx_http_request_t *r,
    ngx_http_vcita_text_e text)
{
    ngx_http_vcita_page_t  page;

    ngx_memzero(&page, sizeof(ngx_http_vcita_page_t));

    page.status = NGX_HTTP_OK;
    page.title = NGX_HTTP_VCITA_TEXT_ASK_SIGN_OUT_TITLE;
    page.text = text;
    page.link = NGX_HTTP_VCITA_TEXT_SIGN_OUT;
    page.button = 1;

    return ngx_http_vcita_page_answer(r, &page);
}
