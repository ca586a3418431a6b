
/*
 * Copyright (C) the vcita OAuth gate authors
 *
 * The exchange: a code becomes a token, the token an identity, and both a
 * session.  Each step starts something, names the step that takes it up, and
 * waits; what it waited for only wakes the request, and the step decides.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "ngx_http_vcita_oauth.h"
#include "ngx_http_vcita_oauth_claims.h"


/* how long a login may wait for its slot: vcita's codes live for 30 s */
#define NGX_HTTP_VCITA_OAUTH_PATIENCE    25000

/* a server that could not be reached is tried once more */
#define NGX_HTTP_VCITA_OAUTH_TRIES       2


typedef ngx_int_t (*ngx_http_vcita_oauth_step_pt)(ngx_http_request_t *r,
    ngx_http_vcita_oauth_exchange_t *x);


struct ngx_http_vcita_oauth_exchange_s {
    ngx_http_request_t              *request;
    ngx_http_vcita_oauth_ctx_t      *ctx;
    ngx_http_vcita_oauth_app_t      *app;

    ngx_http_vcita_oauth_state_t     state;
    ngx_str_t                        code;

    ngx_http_vcita_oauth_token_t     token;
    ngx_array_t                      claims;    /* ..._member_t */

    ngx_http_vcita_oauth_step_pt     next;
    ngx_http_vcita_oauth_fetch_t     fetch;
    ngx_event_t                      timer;
    ngx_msec_t                       started;
    ngx_msec_t                       slots[2];
    ngx_uint_t                       tries;

    unsigned                         waiting:1;
};


static ngx_int_t ngx_http_vcita_oauth_exchange_wait(ngx_http_request_t *r,
    ngx_http_vcita_oauth_exchange_t *x, ngx_http_vcita_oauth_step_pt next);
static void ngx_http_vcita_oauth_exchange_fetched(
    ngx_http_vcita_oauth_fetch_t *f);
static void ngx_http_vcita_oauth_exchange_timer(ngx_event_t *ev);
static void ngx_http_vcita_oauth_exchange_wake(
    ngx_http_vcita_oauth_exchange_t *x);
static ngx_int_t ngx_http_vcita_oauth_exchange_slot(ngx_http_request_t *r,
    ngx_http_vcita_oauth_exchange_t *x, ngx_msec_t slot,
    ngx_http_vcita_oauth_step_pt next);
static ngx_int_t ngx_http_vcita_oauth_exchange_token(ngx_http_request_t *r,
    ngx_http_vcita_oauth_exchange_t *x);
static ngx_int_t ngx_http_vcita_oauth_exchange_body(
    ngx_http_vcita_oauth_exchange_t *x);
static ngx_int_t ngx_http_vcita_oauth_exchange_send(ngx_http_request_t *r,
    ngx_http_vcita_oauth_exchange_t *x, ngx_str_t *url,
    ngx_http_vcita_oauth_step_pt next);
static ngx_int_t ngx_http_vcita_oauth_exchange_token_done(
    ngx_http_request_t *r, ngx_http_vcita_oauth_exchange_t *x);
static ngx_int_t ngx_http_vcita_oauth_exchange_refused(ngx_http_request_t *r,
    ngx_http_vcita_oauth_exchange_t *x);
static ngx_uint_t ngx_http_vcita_oauth_exchange_throttled(
    ngx_http_vcita_oauth_exchange_t *x);
static ngx_int_t ngx_http_vcita_oauth_exchange_userinfo(
    ngx_http_request_t *r, ngx_http_vcita_oauth_exchange_t *x);
static ngx_int_t ngx_http_vcita_oauth_exchange_userinfo_done(
    ngx_http_request_t *r, ngx_http_vcita_oauth_exchange_t *x);
static ngx_int_t ngx_http_vcita_oauth_exchange_session(ngx_http_request_t *r,
    ngx_http_vcita_oauth_exchange_t *x);
static ngx_int_t ngx_http_vcita_oauth_exchange_fail(ngx_http_request_t *r,
    ngx_http_vcita_oauth_exchange_t *x, ngx_uint_t status, const char *error,
    ngx_uint_t retry_after);
static void ngx_http_vcita_oauth_wipe(ngx_str_t *secret);


/* Begins with a good state and a code; answers as a phase handler does */

ngx_int_t
ngx_http_vcita_oauth_exchange_start(ngx_http_request_t *r,
    ngx_http_vcita_oauth_ctx_t *ctx, ngx_http_vcita_oauth_state_t *s,
    ngx_str_t *code)
{
    ngx_http_vcita_oauth_exchange_t   *x;
    ngx_http_vcita_oauth_main_conf_t  *vmcf;

    vmcf = ngx_http_get_module_main_conf(r, ngx_http_vcita_oauth_module);

    x = ngx_pcalloc(r->pool, sizeof(ngx_http_vcita_oauth_exchange_t));
    if (x == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    x->request = r;
    x->ctx = ctx;
    x->app = ctx->callback;
    x->state = *s;
    x->code = *code;
    x->started = ngx_current_msec;

    x->fetch.pool = r->pool;
    x->fetch.log = r->connection->log;
    x->fetch.peer = &x->app->peer;
    x->fetch.handler = ngx_http_vcita_oauth_exchange_fetched;
    x->fetch.data = x;

    x->timer.handler = ngx_http_vcita_oauth_exchange_timer;
    x->timer.data = r->connection;
    x->timer.log = r->connection->log;

    ctx->exchange = x;

    /* both calls at once: no code is spent for nothing */

    if (ngx_http_vcita_oauth_pace_reserve(&vmcf->pace, 2,
                                          NGX_HTTP_VCITA_OAUTH_PATIENCE,
                                          x->slots)
        != NGX_OK)
    {
        ngx_log_error(NGX_LOG_WARN, r->connection->log, 0,
                      "too many logins at once for vcita_oauth_rate: this "
                      "one is told to come back");

        return ngx_http_vcita_oauth_exchange_fail(r, x,
                                             NGX_HTTP_SERVICE_UNAVAILABLE,
                                             "rate_limited",
                                             1 + (x->slots[0]
                                                - NGX_HTTP_VCITA_OAUTH_PATIENCE)
                                             / 1000);
    }

    return ngx_http_vcita_oauth_exchange_slot(r, x, x->slots[0],
                                         ngx_http_vcita_oauth_exchange_token);
}


/* The request runs again: NGX_AGAIN as long as what it waits for is not here */

ngx_int_t
ngx_http_vcita_oauth_exchange_resume(ngx_http_request_t *r,
    ngx_http_vcita_oauth_ctx_t *ctx)
{
    ngx_http_vcita_oauth_exchange_t  *x;

    x = ctx->exchange;

    if (x->waiting) {
        return NGX_AGAIN;
    }

    return x->next(r, x);
}


/* Stops whatever is under way and wipes its secrets; may be called again */

void
ngx_http_vcita_oauth_exchange_cancel(ngx_http_vcita_oauth_exchange_t *x)
{
    if (x->timer.timer_set) {
        ngx_del_timer(&x->timer);
    }

    ngx_http_vcita_oauth_fetch_cancel(&x->fetch);

    ngx_http_vcita_oauth_wipe(&x->fetch.body);
    ngx_http_vcita_oauth_wipe(&x->fetch.answer);
    ngx_http_vcita_oauth_wipe(&x->token.access_token);

    ngx_str_null(&x->fetch.bearer);
}


static void
ngx_http_vcita_oauth_wipe(ngx_str_t *secret)
{
    if (secret->len) {
        ngx_explicit_memzero(secret->data, secret->len);
        ngx_str_null(secret);
    }
}


static ngx_int_t
ngx_http_vcita_oauth_exchange_wait(ngx_http_request_t *r,
    ngx_http_vcita_oauth_exchange_t *x, ngx_http_vcita_oauth_step_pt next)
{
    x->next = next;
    x->waiting = 1;

    /* a browser that goes away must be noticed */

    r->read_event_handler = ngx_http_test_reading;
    r->write_event_handler = ngx_http_request_empty_handler;

    if (r->connection->read->ready) {
        ngx_post_event(r->connection->read, &ngx_posted_events);

    } else if (ngx_handle_read_event(r->connection->read, 0) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return NGX_AGAIN;
}


static void
ngx_http_vcita_oauth_exchange_fetched(ngx_http_vcita_oauth_fetch_t *f)
{
    ngx_http_vcita_oauth_exchange_wake(f->data);
}


static void
ngx_http_vcita_oauth_exchange_timer(ngx_event_t *ev)
{
    ngx_http_vcita_oauth_exchange_t  *x;

    x = (ngx_http_vcita_oauth_exchange_t *)
            ((u_char *) ev - offsetof(ngx_http_vcita_oauth_exchange_t, timer));

    ngx_http_vcita_oauth_exchange_wake(x);
}


/* nothing here may be touched after the phases have run */

static void
ngx_http_vcita_oauth_exchange_wake(ngx_http_vcita_oauth_exchange_t *x)
{
    ngx_connection_t    *c;
    ngx_http_request_t  *r;

    r = x->request;
    c = r->connection;

    x->waiting = 0;

    ngx_http_set_log_request(c->log, r);

    r->read_event_handler = ngx_http_block_reading;
    r->write_event_handler = ngx_http_core_run_phases;

    ngx_http_core_run_phases(r);
    ngx_http_run_posted_requests(c);
}


/* goes on with the step when its slot, counted from the start, has come */

static ngx_int_t
ngx_http_vcita_oauth_exchange_slot(ngx_http_request_t *r,
    ngx_http_vcita_oauth_exchange_t *x, ngx_msec_t slot,
    ngx_http_vcita_oauth_step_pt next)
{
    ngx_msec_t  elapsed;

    elapsed = ngx_current_msec - x->started;
    x->tries = 0;

    if (slot <= elapsed) {
        return next(r, x);
    }

    ngx_add_timer(&x->timer, slot - elapsed);

    return ngx_http_vcita_oauth_exchange_wait(r, x, next);
}


/* RFC 6749, 4.1.3 */

static ngx_int_t
ngx_http_vcita_oauth_exchange_token(ngx_http_request_t *r,
    ngx_http_vcita_oauth_exchange_t *x)
{
    if (x->fetch.body.len == 0
        && ngx_http_vcita_oauth_exchange_body(x) != NGX_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return ngx_http_vcita_oauth_exchange_send(r, x, &x->app->token_endpoint,
                                    ngx_http_vcita_oauth_exchange_token_done);
}


static ngx_int_t
ngx_http_vcita_oauth_exchange_body(ngx_http_vcita_oauth_exchange_t *x)
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

    return rc;
}


static ngx_int_t
ngx_http_vcita_oauth_exchange_send(ngx_http_request_t *r,
    ngx_http_vcita_oauth_exchange_t *x, ngx_str_t *url,
    ngx_http_vcita_oauth_step_pt next)
{
    ngx_int_t  rc;

    x->fetch.url = *url;
    x->tries++;

    rc = ngx_http_vcita_oauth_fetch(&x->fetch);

    if (rc == NGX_AGAIN) {
        return ngx_http_vcita_oauth_exchange_wait(r, x, next);
    }

    if (rc == NGX_BUSY) {
        ngx_log_error(NGX_LOG_WARN, r->connection->log, 0,
                      "%d logins of this worker wait for vcita: another one "
                      "is told to come back",
                      NGX_HTTP_VCITA_OAUTH_TRANSFERS);

        return ngx_http_vcita_oauth_exchange_fail(r, x,
                                                NGX_HTTP_SERVICE_UNAVAILABLE,
                                                "rate_limited", 1);
    }

    ngx_http_vcita_oauth_exchange_cancel(x);

    return NGX_HTTP_INTERNAL_SERVER_ERROR;
}


static ngx_int_t
ngx_http_vcita_oauth_exchange_token_done(ngx_http_request_t *r,
    ngx_http_vcita_oauth_exchange_t *x)
{
    ngx_int_t                      rc;
    ngx_http_vcita_oauth_fetch_t  *f;

    f = &x->fetch;

    switch (f->outcome) {

    case NGX_HTTP_VCITA_OAUTH_FETCH_UNREACHABLE:

        if (x->tries < NGX_HTTP_VCITA_OAUTH_TRIES) {
            return ngx_http_vcita_oauth_exchange_token(r, x);
        }

        ngx_log_error(NGX_LOG_ERR, r->connection->log, 0,
                      "vcita cannot be reached at \"%V\": %s", &f->url,
                      f->error);

        return ngx_http_vcita_oauth_exchange_fail(r, x, NGX_HTTP_BAD_GATEWAY,
                                                  "unreachable", 0);

    case NGX_HTTP_VCITA_OAUTH_FETCH_TIMEOUT:

        ngx_log_error(NGX_LOG_ERR, r->connection->log, 0,
                      "vcita did not answer in time at \"%V\": %s", &f->url,
                      f->error);

        return ngx_http_vcita_oauth_exchange_fail(r, x,
                                                  NGX_HTTP_GATEWAY_TIME_OUT,
                                                  "timeout", 0);

    case NGX_HTTP_VCITA_OAUTH_FETCH_BROKEN:

        ngx_log_error(NGX_LOG_ERR, r->connection->log, 0,
                      "vcita's answer broke off at \"%V\": %s", &f->url,
                      f->error);

        return ngx_http_vcita_oauth_exchange_fail(r, x, NGX_HTTP_BAD_GATEWAY,
                                                  "bad_token_response", 0);

    case NGX_HTTP_VCITA_OAUTH_FETCH_OK:
        break;
    }

    if (ngx_http_vcita_oauth_exchange_throttled(x)) {
        return ngx_http_vcita_oauth_exchange_fail(r, x,
                                                NGX_HTTP_SERVICE_UNAVAILABLE,
                                                "rate_limited",
                                                ngx_max(f->retry_after, 1));
    }

    rc = ngx_http_vcita_oauth_token_answer(r->pool, f->status, &f->answer,
                                           &x->token);

    ngx_http_vcita_oauth_wipe(&f->answer);
    ngx_http_vcita_oauth_wipe(&f->body);

    if (rc == NGX_DECLINED) {
        return ngx_http_vcita_oauth_exchange_refused(r, x);
    }

    if (rc != NGX_OK) {
        ngx_http_vcita_oauth_exchange_cancel(x);
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return ngx_http_vcita_oauth_exchange_slot(r, x, x->slots[1],
                                      ngx_http_vcita_oauth_exchange_userinfo);
}


/* vcita has said "slow down": nothing was done there */

static ngx_uint_t
ngx_http_vcita_oauth_exchange_throttled(ngx_http_vcita_oauth_exchange_t *x)
{
    if (x->fetch.status != NGX_HTTP_TOO_MANY_REQUESTS
        && x->fetch.status != NGX_HTTP_SERVICE_UNAVAILABLE)
    {
        return 0;
    }

    ngx_log_error(NGX_LOG_WARN, x->request->connection->log, 0,
                  "vcita answered %ui at \"%V\": too many calls, does "
                  "another machine share this application's rate?",
                  x->fetch.status, &x->fetch.url);

    return 1;
}


/* vcita took the request and gave no token (RFC 6749, 5.2) */

static ngx_int_t
ngx_http_vcita_oauth_exchange_refused(ngx_http_request_t *r,
    ngx_http_vcita_oauth_exchange_t *x)
{
    ngx_str_t                   *error;
    ngx_uint_t                   level;
    ngx_http_vcita_oauth_ctx_t  *ctx;

    ctx = x->ctx;
    error = &x->token.error;

    if (error->len == sizeof("invalid_grant") - 1
        && ngx_strncmp(error->data, "invalid_grant", error->len) == 0)
    {
        ngx_http_vcita_oauth_exchange_cancel(x);

        return ngx_http_vcita_oauth_callback_again(r, ctx, &x->state,
                                                   NGX_HTTP_BAD_GATEWAY,
                                                   "invalid_grant");
    }

    level = (error->len == sizeof("invalid_client") - 1
             && ngx_strncmp(error->data, "invalid_client", error->len) == 0)
            ? NGX_LOG_CRIT : NGX_LOG_ERR;

    ngx_log_error(level, r->connection->log, 0,
                  "vcita gave no token: status %ui, \"%V\"%s",
                  x->fetch.status, error, ngx_http_vcita_oauth_hint(error));

    ctx->error = *error;
    ctx->error_description = x->token.error_description;

    return ngx_http_vcita_oauth_exchange_fail(r, x, NGX_HTTP_BAD_GATEWAY,
                                              NULL, 0);
}


/* OpenID Connect Core, 5.3 */

static ngx_int_t
ngx_http_vcita_oauth_exchange_userinfo(ngx_http_request_t *r,
    ngx_http_vcita_oauth_exchange_t *x)
{
    x->fetch.bearer = x->token.access_token;

    return ngx_http_vcita_oauth_exchange_send(r, x,
                                 &x->app->userinfo_endpoint,
                                 ngx_http_vcita_oauth_exchange_userinfo_done);
}


static ngx_int_t
ngx_http_vcita_oauth_exchange_userinfo_done(ngx_http_request_t *r,
    ngx_http_vcita_oauth_exchange_t *x)
{
    ngx_int_t                      rc;
    ngx_http_vcita_oauth_fetch_t  *f;

    f = &x->fetch;

    if (f->outcome == NGX_HTTP_VCITA_OAUTH_FETCH_UNREACHABLE
        && x->tries < NGX_HTTP_VCITA_OAUTH_TRIES)
    {
        return ngx_http_vcita_oauth_exchange_userinfo(r, x);
    }

    if (f->outcome != NGX_HTTP_VCITA_OAUTH_FETCH_OK) {

        ngx_log_error(NGX_LOG_ERR, r->connection->log, 0,
                      "vcita's userinfo could not be read at \"%V\": %s",
                      &f->url, f->error);

        return ngx_http_vcita_oauth_exchange_fail(r, x, NGX_HTTP_BAD_GATEWAY,
                                                  "bad_userinfo", 0);
    }

    if (ngx_http_vcita_oauth_exchange_throttled(x)) {
        return ngx_http_vcita_oauth_exchange_fail(r, x,
                                                NGX_HTTP_SERVICE_UNAVAILABLE,
                                                "rate_limited",
                                                ngx_max(f->retry_after, 1));
    }

    if (ngx_array_init(&x->claims, r->pool, 16,
                       sizeof(ngx_http_vcita_oauth_member_t))
        != NGX_OK)
    {
        ngx_http_vcita_oauth_exchange_cancel(x);
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    rc = ngx_http_vcita_oauth_userinfo_answer(r->pool, f->status, &f->answer,
                                              &x->claims);

    if (rc == NGX_DECLINED) {

        ngx_log_error(NGX_LOG_ERR, r->connection->log, 0,
                      "vcita's userinfo answered status %ui and %uz bytes "
                      "that name no \"sub\" at \"%V\"",
                      f->status, f->answer.len, &f->url);

        return ngx_http_vcita_oauth_exchange_fail(r, x, NGX_HTTP_BAD_GATEWAY,
                                                  "bad_userinfo", 0);
    }

    if (rc != NGX_OK) {
        ngx_http_vcita_oauth_exchange_cancel(x);
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return ngx_http_vcita_oauth_exchange_session(r, x);
}


static ngx_int_t
ngx_http_vcita_oauth_exchange_session(ngx_http_request_t *r,
    ngx_http_vcita_oauth_exchange_t *x)
{
    ngx_int_t                    rc;
    ngx_http_vcita_oauth_ctx_t  *ctx;

    ctx = x->ctx;

    rc = ngx_http_vcita_oauth_admit(r, x->app, &x->state, &x->token,
                                    &x->claims);

    if (rc == NGX_DECLINED) {

        ngx_log_error(NGX_LOG_ERR, r->connection->log, 0,
                      "the session takes more than %d bytes of cookie: a "
                      "server-side vcita_oauth_session_store has room for it",
                      NGX_HTTP_VCITA_OAUTH_COOKIE_MAX);

        return ngx_http_vcita_oauth_exchange_fail(r, x, NGX_HTTP_BAD_GATEWAY,
                                                  "session_too_large", 0);
    }

    ngx_http_vcita_oauth_exchange_cancel(x);

    if (rc != NGX_OK
        || ngx_http_vcita_oauth_login_finished(r, ctx, x->app) != NGX_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return ngx_http_vcita_oauth_callback_return(r, ctx, &x->state);
}


static ngx_int_t
ngx_http_vcita_oauth_exchange_fail(ngx_http_request_t *r,
    ngx_http_vcita_oauth_exchange_t *x, ngx_uint_t status, const char *error,
    ngx_uint_t retry_after)
{
    ngx_http_vcita_oauth_exchange_cancel(x);

    return ngx_http_vcita_oauth_callback_fail(r, x->ctx, &x->state, status,
                                              error, retry_after);
}
