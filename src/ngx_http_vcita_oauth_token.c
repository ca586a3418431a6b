
/*
 * Copyright (C) the vcita OAuth gate authors
 *
 * The first step of an exchange: the code becomes a token.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "ngx_http_vcita_oauth.h"
#include "ngx_http_vcita_oauth_exchange.h"


static ngx_int_t ngx_http_vcita_oauth_token_body(
    ngx_http_vcita_oauth_exchange_t *x);
static ngx_int_t ngx_http_vcita_oauth_token_assertion(
    ngx_http_vcita_oauth_exchange_t *x, ngx_str_t *assertion);
static ngx_int_t ngx_http_vcita_oauth_token_done(ngx_http_request_t *r,
    ngx_http_vcita_oauth_exchange_t *x);
static ngx_int_t ngx_http_vcita_oauth_token_failed(ngx_http_request_t *r,
    ngx_http_vcita_oauth_exchange_t *x);
static ngx_int_t ngx_http_vcita_oauth_token_refused(ngx_http_request_t *r,
    ngx_http_vcita_oauth_exchange_t *x, const char *hint);
static ngx_int_t ngx_http_vcita_oauth_token_again(ngx_http_request_t *r,
    ngx_http_vcita_oauth_exchange_t *x);


/* RFC 6749, 4.1.3 */

ngx_int_t
ngx_http_vcita_oauth_exchange_token(ngx_http_request_t *r,
    ngx_http_vcita_oauth_exchange_t *x)
{
    /* made anew each time: an assertion works once */

    ngx_http_vcita_oauth_wipe(&x->fetch.body);

    if (ngx_http_vcita_oauth_token_body(x) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return ngx_http_vcita_oauth_exchange_send(r, x, &x->app->token_endpoint,
                                    ngx_http_vcita_oauth_token_done);
}


static ngx_int_t
ngx_http_vcita_oauth_token_body(ngx_http_vcita_oauth_exchange_t *x)
{
    u_char                          text[NGX_HTTP_VCITA_OAUTH_TEXT_LEN];
    ngx_int_t                       rc;
    ngx_http_vcita_oauth_app_t     *app;
    ngx_http_vcita_oauth_grant_t    grant;
    ngx_http_vcita_oauth_derive_t  *derive;

    app = x->app;

    ngx_memzero(&grant, sizeof(ngx_http_vcita_oauth_grant_t));

    grant.client_id = app->client_id;
    grant.client_secret = app->client_secret;
    grant.redirect_uri = x->ctx->redirect_uri;
    grant.code = x->code;
    grant.json = (app->token_format == NGX_HTTP_VCITA_OAUTH_JSON);

    if (app->assertion_key.names
        && ngx_http_vcita_oauth_token_assertion(x, &grant.client_assertion)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (x->state.sent & NGX_HTTP_VCITA_OAUTH_SENT_PKCE) {

        derive = app->derive.elts;
        grant.code_verifier.data = text;

        if (ngx_http_vcita_oauth_state_derive(x->ctx, &x->state,
                                              derive[x->state.key].pkce,
                                              &grant.code_verifier)
            != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    if (grant.json) {
        ngx_str_set(&x->fetch.content_type, "application/json");

    } else {
        ngx_str_set(&x->fetch.content_type,
                    "application/x-www-form-urlencoded");
    }

    rc = ngx_http_vcita_oauth_token_request(x->request->pool, &grant,
                                            &x->fetch.body);

    ngx_explicit_memzero(text, sizeof(text));
    ngx_http_vcita_oauth_wipe(&grant.client_assertion);

    return rc;
}


static ngx_int_t
ngx_http_vcita_oauth_token_assertion(ngx_http_vcita_oauth_exchange_t *x,
    ngx_str_t *assertion)
{
    ngx_http_request_t          *r;
    ngx_http_vcita_oauth_app_t  *app;

    r = x->request;
    app = x->app;

    if (ngx_http_vcita_oauth_assertion(&app->assertion_key.signer, r->pool,
                                       &app->client_id, &app->token_endpoint,
                                       ngx_time(), assertion)
        != NGX_OK)
    {
        ngx_log_error(NGX_LOG_CRIT, r->connection->log, 0,
                      "nothing could be signed with "
                      "vcita_oauth_client_assertion_key");
        return NGX_ERROR;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_vcita_oauth_token_done(ngx_http_request_t *r,
    ngx_http_vcita_oauth_exchange_t *x)
{
    ngx_int_t                      rc;
    const char                    *hint;
    ngx_http_vcita_oauth_fetch_t  *f;

    f = &x->fetch;

    if (f->outcome != NGX_HTTP_VCITA_OAUTH_FETCH_OK) {
        return ngx_http_vcita_oauth_token_failed(r, x);
    }

    if (ngx_http_vcita_oauth_throttled(x)) {
        return ngx_http_vcita_oauth_exchange_later(r, x,
                                         ngx_http_vcita_oauth_exchange_token);
    }

    hint = ngx_http_vcita_oauth_vcita_blocked(f->status, &f->answer);

    rc = ngx_http_vcita_oauth_token_answer(r->pool, f->status, &f->answer,
                                           &x->token);

    ngx_http_vcita_oauth_wipe(&f->answer);
    ngx_http_vcita_oauth_wipe(&f->body);

    if (rc == NGX_DECLINED) {
        return ngx_http_vcita_oauth_token_refused(r, x, hint);
    }

    if (rc != NGX_OK) {
        ngx_http_vcita_oauth_exchange_cancel(x);
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return ngx_http_vcita_oauth_exchange_identity(r, x);
}


/* only a request that cannot have arrived is sent again */

static ngx_int_t
ngx_http_vcita_oauth_token_failed(ngx_http_request_t *r,
    ngx_http_vcita_oauth_exchange_t *x)
{
    ngx_uint_t                     status;
    const char                    *error;
    ngx_http_vcita_oauth_fetch_t  *f;

    f = &x->fetch;

    switch (f->outcome) {

    case NGX_HTTP_VCITA_OAUTH_FETCH_UNREACHABLE:

        if (x->tries < NGX_HTTP_VCITA_OAUTH_TRIES) {
            return ngx_http_vcita_oauth_exchange_reconnect(r, x,
                                         ngx_http_vcita_oauth_exchange_token);
        }

        status = NGX_HTTP_BAD_GATEWAY;
        error = "unreachable";
        break;

    case NGX_HTTP_VCITA_OAUTH_FETCH_TIMEOUT:
        status = NGX_HTTP_GATEWAY_TIME_OUT;
        error = "timeout";
        break;

    default: /* NGX_HTTP_VCITA_OAUTH_FETCH_BROKEN */
        status = NGX_HTTP_BAD_GATEWAY;
        error = "bad_token_response";
    }

    ngx_http_vcita_oauth_exchange_unanswered(r, x, "token");

    return ngx_http_vcita_oauth_exchange_fail(r, x, status, error, 0);
}


/* vcita took the request and gave no token (RFC 6749, 5.2) */

static ngx_int_t
ngx_http_vcita_oauth_token_refused(ngx_http_request_t *r,
    ngx_http_vcita_oauth_exchange_t *x, const char *hint)
{
    ngx_str_t                   *error;
    ngx_uint_t                   level;
    ngx_http_vcita_oauth_ctx_t  *ctx;

    ctx = x->ctx;
    error = &x->token.error;

    if (ngx_http_vcita_oauth_error_is(error, "invalid_grant")) {
        return ngx_http_vcita_oauth_token_again(r, x);
    }

    if (hint == NULL) {
        hint = ngx_http_vcita_oauth_hint(x->app, error);
    }

    level = ngx_http_vcita_oauth_error_is(error, "invalid_client")
            ? NGX_LOG_CRIT : NGX_LOG_ERR;

    ngx_log_error(level, r->connection->log, 0,
                  "token endpoint \"%V\" returned no token (status %ui, "
                  "error \"%V\")%s",
                  &x->fetch.url, x->fetch.status, error, hint);

    ctx->error = *error;
    ctx->error_description = x->token.error_description;

    return ngx_http_vcita_oauth_exchange_fail(r, x, NGX_HTTP_BAD_GATEWAY,
                                              NULL, 0);
}


/* The line of a login that is given up then has the cause, as any other */

static ngx_int_t
ngx_http_vcita_oauth_token_again(ngx_http_request_t *r,
    ngx_http_vcita_oauth_exchange_t *x)
{
    size_t   len;
    u_char  *p;

    len = sizeof(" from token endpoint \"\", compare vcita_oauth_redirect_uri "
                 "with the app at vcita")
          + x->fetch.url.len;

    p = ngx_pnalloc(r->pool, len);

    if (p) {
        *ngx_sprintf(p, " from token endpoint \"%V\", compare "
                     "vcita_oauth_redirect_uri with the app at vcita",
                     &x->fetch.url) = '\0';

        x->ctx->cause = (char *) p;
    }

    ngx_http_vcita_oauth_exchange_cancel(x);

    return ngx_http_vcita_oauth_callback_again(r, x->ctx, &x->state,
                                               NGX_HTTP_BAD_GATEWAY,
                                               "invalid_grant");
}
