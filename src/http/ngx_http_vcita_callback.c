
/*
 * Copyright (C) the vcita OAuth gate authors
 *
 * The callback, in the PRECONTENT phase: checks the response of the authorize
 * endpoint, and redirects back.  "exchange" redeems the code.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "http/ngx_http_vcita_http.h"
#include "util/ngx_http_vcita_query.h"
#include "vcita/ngx_http_vcita_claims.h"


/* automatic restarts of a login */
#define NGX_HTTP_VCITA_ATTEMPTS  2


static ngx_int_t ngx_http_vcita_callback(ngx_http_request_t *r,
    ngx_http_vcita_ctx_t *ctx);
static ngx_int_t ngx_http_vcita_callback_known(ngx_http_request_t *r,
    ngx_http_vcita_ctx_t *ctx, ngx_http_vcita_login_state_t *s);
static ngx_int_t ngx_http_vcita_callback_anew(ngx_http_request_t *r,
    ngx_http_vcita_ctx_t *ctx, ngx_http_vcita_login_state_t *s);
static ngx_int_t ngx_http_vcita_callback_code(ngx_http_request_t *r,
    ngx_http_vcita_ctx_t *ctx, ngx_http_vcita_login_state_t *s);
static ngx_int_t ngx_http_vcita_callback_exchange(ngx_http_request_t *r,
    ngx_http_vcita_ctx_t *ctx, ngx_int_t rc);
static ngx_int_t ngx_http_vcita_callback_issuer(ngx_http_request_t *r,
    ngx_http_vcita_ctx_t *ctx, const char **hint);
static ngx_int_t ngx_http_vcita_callback_refused(ngx_http_request_t *r,
    ngx_http_vcita_ctx_t *ctx, ngx_http_vcita_login_state_t *s);
static ngx_int_t ngx_http_vcita_callback_invalid(ngx_http_request_t *r,
    ngx_http_vcita_ctx_t *ctx, ngx_http_vcita_login_state_t *s,
    const char *error, const char *hint);
static ngx_int_t ngx_http_vcita_callback_again(ngx_http_request_t *r,
    ngx_http_vcita_ctx_t *ctx, ngx_http_vcita_login_state_t *s,
    ngx_uint_t status, const char *error);
static ngx_int_t ngx_http_vcita_callback_fail(ngx_http_request_t *r,
    ngx_http_vcita_ctx_t *ctx, ngx_http_vcita_login_state_t *s,
    ngx_uint_t status, const char *error, ngx_uint_t retry_after);
static ngx_int_t ngx_http_vcita_callback_return(ngx_http_request_t *r,
    ngx_http_vcita_ctx_t *ctx, ngx_http_vcita_login_state_t *s);


static const char  ngx_http_vcita_callback_hint[] =
    "its state or iss is missing, repeated, changed, or made with another key, "
    "client or redirect_uri, check that all machines have the same ones";


ngx_int_t
ngx_http_vcita_callback_handler(ngx_http_request_t *r)
{
    ngx_http_vcita_ctx_t       *ctx;
    ngx_http_core_loc_conf_t   *clcf;
    ngx_http_vcita_loc_conf_t  *vlcf;

    if (r != r->main) {
        return ngx_http_vcita_subrequest_handler(r);
    }

    ctx = ngx_http_vcita_ctx_get(r);

    if (ctx && ngx_http_vcita_is_callback(ctx)) {

        if (ctx->exchange) {
            return ngx_http_vcita_callback_exchange(r, ctx, NGX_OK);
        }

        return ngx_http_vcita_callback(r, ctx);
    }

    vlcf = ngx_http_get_module_loc_conf(r, ngx_http_vcita_oauth_module);

    if (vlcf->gate != NGX_HTTP_VCITA_ON) {
        return NGX_DECLINED;
    }

    clcf = ngx_http_get_module_loc_conf(r, ngx_http_core_module);

    if (clcf->satisfy == NGX_HTTP_SATISFY_ALL
        && (ctx == NULL || ctx->passed != r->loc_conf))
    {
        ngx_log_error(NGX_LOG_ALERT, r->connection->log, 0,
                      "another module bypassed the access check");

        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return NGX_DECLINED;
}


static ngx_int_t
ngx_http_vcita_callback(ngx_http_request_t *r, ngx_http_vcita_ctx_t *ctx)
{
    ngx_int_t                     rc;
    ngx_str_t                     value;
    const char                   *hint;
    ngx_http_vcita_login_state_t  s;

    if (!(r->method & NGX_HTTP_GET)) {
        ngx_str_set(&value, "GET");

        if (ngx_http_vcita_headers_add(r, "Allow", &value) == NULL) {
            return NGX_HTTP_INTERNAL_SERVER_ERROR;
        }

        /* sets the origin of the page's link */
        (void) ngx_http_vcita_login_redirect_uri(r, ctx, ctx->callback);

        return ngx_http_vcita_callback_fail(r, ctx, NULL, NGX_HTTP_NOT_ALLOWED,
                                            "", 0);
    }

    rc = ngx_http_vcita_login_redirect_uri(r, ctx, ctx->callback);

    if (rc == NGX_DECLINED) {
        return ngx_http_vcita_callback_invalid(r, ctx, NULL, "invalid_host",
                                  "this request makes no valid "
                                  "vcita_oauth_redirect_uri, check the "
                                  "variables in it and give their map a "
                                  "default");
    }

    if (rc == NGX_ERROR) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    rc = ngx_http_vcita_launch(r, ctx);

    if (rc == NGX_BUSY) {
        return ngx_http_vcita_callback_fail(r, ctx, NULL,
                                            NGX_HTTP_SERVICE_UNAVAILABLE,
                                            "store_unavailable", 0);
    }

    if (rc != NGX_DECLINED) {
        return rc;
    }

    hint = ngx_http_vcita_callback_hint;
    rc = ngx_http_vcita_query_get(r->pool, &ctx->query, "state", &value);

    if (rc == NGX_OK) {
        rc = ngx_http_vcita_callback_issuer(r, ctx, &hint);
    }

    if (rc == NGX_OK) {
        rc = ngx_http_vcita_login_state_open(r, ctx, ctx->callback, &value, &s);
    }

    if (rc == NGX_OK) {
        return ngx_http_vcita_callback_known(r, ctx, &s);
    }

    if (rc == NGX_ERROR) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return ngx_http_vcita_callback_invalid(r, ctx, NULL, "invalid_state",
                                           hint);
}


/* the state opens: which browser is it for, and what came with it? */

static ngx_int_t
ngx_http_vcita_callback_known(ngx_http_request_t *r, ngx_http_vcita_ctx_t *ctx,
    ngx_http_vcita_login_state_t *s)
{
    ngx_int_t  rc;

    if (ngx_http_vcita_login_host_origin(r, ctx, ctx->callback, &s->host)
        != NGX_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    rc = ngx_http_vcita_session_load(r, ctx, ctx->callback);

    if (rc == NGX_AGAIN) {
        return ngx_http_vcita_wait(r);
    }

    if (rc == NGX_BUSY) {
        return ngx_http_vcita_callback_fail(r, ctx, s,
                                            NGX_HTTP_SERVICE_UNAVAILABLE,
                                            "store_unavailable", 0);
    }

    if (rc == NGX_ERROR) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (rc == NGX_OK
        && ctx->session.created >= s->issued
        && ngx_memcmp(ctx->session.id.data, s->session, sizeof(s->session))
           != 0)
    {

        /* a repeated callback: the login has already finished */

        return ngx_http_vcita_callback_return(r, ctx, s);
    }

    return ngx_http_vcita_callback_anew(r, ctx, s);
}


/* is the state of this browser, and not too old? */

static ngx_int_t
ngx_http_vcita_callback_anew(ngx_http_request_t *r, ngx_http_vcita_ctx_t *ctx,
    ngx_http_vcita_login_state_t *s)
{
    time_t                    age;
    ngx_int_t                 rc;
    ngx_uint_t                began;
    ngx_http_vcita_client_t  *client;

    client = ctx->callback;

    /* a mismatch that this request shows too comes from a proxy */

    began = s->sent & ~ngx_http_vcita_user_agent_way(r, ctx, client);

    /*
     * The access handler, where the login began, does not see the count.  This
     * login counts too: browsers stop after about twenty redirects without an
     * error page.
     */

    if ((began & NGX_HTTP_VCITA_BEGAN)
        && ngx_http_vcita_login_loops(r, ctx, client) != NGX_ERROR
        && ++ctx->finished >= NGX_HTTP_VCITA_LOOP)
    {
        ctx->called_back = 1;

        return ngx_http_vcita_session_lost_answer(r, ctx, client, began);
    }

    if (ngx_http_vcita_login_match(r, ctx, client, s) != NGX_OK) {
        ngx_http_vcita_session_lost_login_cause(r, ctx, client, began);

        return ngx_http_vcita_callback_again(r, ctx, s, NGX_HTTP_BAD_REQUEST,
                                             "state_mismatch");
    }

    /* the clock that issued the state may be slightly ahead */

    age = ngx_time() - ngx_http_vcita_string_time(s->issued / 1000);

    /* the link of a signed-out page is as old as the page */

    if ((age > client->login_timeout && !ctx->marked)
        || age < -NGX_HTTP_VCITA_SKEW)
    {
        ctx->cause = ", it took longer than vcita_oauth_login_timeout, or "
                     "clocks differ, raise it or set the clocks of all "
                     "machines";

        return ngx_http_vcita_callback_again(r, ctx, s, NGX_HTTP_BAD_REQUEST,
                                             "state_expired");
    }

    rc = ngx_http_vcita_callback_refused(r, ctx, s);

    if (rc != NGX_DECLINED) {
        return rc;
    }

    return ngx_http_vcita_callback_code(r, ctx, s);
}


static ngx_int_t
ngx_http_vcita_callback_code(ngx_http_request_t *r, ngx_http_vcita_ctx_t *ctx,
    ngx_http_vcita_login_state_t *s)
{
    ngx_int_t  rc;
    ngx_str_t  code;

    rc = ngx_http_vcita_query_get(r->pool, &ctx->query, "code", &code);

    if (rc == NGX_ERROR) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (rc != NGX_OK
        || code.len == 0
        || !ngx_http_vcita_string_printable(&code))
    {
        return ngx_http_vcita_callback_invalid(r, ctx, s, "invalid_callback",
                                  "its code is missing, repeated or invalid, "
                                  "check what changes the query on the way");
    }

    rc = ngx_http_vcita_exchange_start(r, ctx, s, &code);

    return ngx_http_vcita_callback_exchange(r, ctx, rc);
}


/* continues after the exchange returned "rc", and answers */

static ngx_int_t
ngx_http_vcita_callback_exchange(ngx_http_request_t *r,
    ngx_http_vcita_ctx_t *ctx, ngx_int_t rc)
{
    ngx_http_vcita_exchange_t          *x;
    ngx_http_vcita_exchange_failure_t  *f;

    x = ctx->exchange;

    if (rc == NGX_OK) {
        rc = ngx_http_vcita_exchange(r, x);
    }

    switch (rc) {

    case NGX_OK:

        if (ngx_http_vcita_login_finished(r, ctx, x->client) != NGX_OK) {
            return NGX_HTTP_INTERNAL_SERVER_ERROR;
        }

        ctx->event = NGX_HTTP_VCITA_LOGGED_IN;

        return ngx_http_vcita_callback_return(r, ctx, &x->state);

    case NGX_AGAIN:
        return ngx_http_vcita_wait(r);

    case NGX_DECLINED:
        f = &x->failure;

        if (f->again) {
            return ngx_http_vcita_callback_again(r, ctx, &x->state, f->status,
                                                 f->error);
        }

        return ngx_http_vcita_callback_fail(r, ctx, &x->state, f->status,
                                            f->error, f->retry_after);

    default: /* NGX_ERROR */
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }
}


/*
 * The response must be from the configured issuer (RFC 9207, 2.4).
 * NGX_DECLINED: it is from another one, which the hint names.
 */

static ngx_int_t
ngx_http_vcita_callback_issuer(ngx_http_request_t *r,
    ngx_http_vcita_ctx_t *ctx, const char **hint)
{
    u_char     *p;
    size_t      len;
    ngx_int_t   rc;
    ngx_str_t   iss, *issuer;

    issuer = &ctx->callback->issuer;

    if (issuer->len == 0) {
        return NGX_OK;
    }

    rc = ngx_http_vcita_query_get(r->pool, &ctx->query, "iss", &iss);

    if (rc == NGX_DECLINED) {
        return NGX_OK;
    }

    if (rc != NGX_OK) {
        return rc;
    }

    if (ngx_http_vcita_str_eq(&iss, issuer)) {
        return NGX_OK;
    }

    ngx_http_vcita_string_shown(&iss);

    len = sizeof("its iss \"\" is not the value of vcita_oauth_issuer, "
                 "compare both with what vcita documents") + iss.len;

    p = ngx_pnalloc(r->pool, len);
    if (p == NULL) {
        return NGX_ERROR;
    }

    *hint = (char *) p;

    ngx_sprintf(p, "its iss \"%V\" is not the value of vcita_oauth_issuer, "
                   "compare both with what vcita documents%Z", &iss);

    return NGX_DECLINED;
}


/* an error response (RFC 6749, 4.1.2.1); NGX_DECLINED: it is none */

static ngx_int_t
ngx_http_vcita_callback_refused(ngx_http_request_t *r,
    ngx_http_vcita_ctx_t *ctx, ngx_http_vcita_login_state_t *s)
{
    ngx_int_t  rc;
    ngx_str_t  error, description;

    rc = ngx_http_vcita_query_get(r->pool, &ctx->query, "error", &error);

    if (rc == NGX_DECLINED) {
        return NGX_DECLINED;
    }

    if (rc == NGX_ERROR) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (rc != NGX_OK) {
        return ngx_http_vcita_callback_invalid(r, ctx, s, "invalid_callback",
                                  "its error is repeated, check what changes "
                                  "the query on the way");
    }

    ngx_http_vcita_protocol_error_code(&error);
    ctx->error = error;

    if (ngx_http_vcita_query_get(r->pool, &ctx->query,
                                 "error_description", &description) == NGX_OK
        && ngx_http_vcita_string_printable(&description))
    {
        ctx->error_description = description;
    }

    if (ngx_http_vcita_errors_is(&error, "access_denied")) {
        ngx_log_error(NGX_LOG_INFO, r->connection->log, 0,
                      "the user denied the login at vcita");

        return ngx_http_vcita_callback_fail(r, ctx, s, NGX_HTTP_FORBIDDEN,
                                            NULL, 0);
    }

    ngx_log_error(NGX_LOG_ERR, r->connection->log, 0,
                  "the authorize endpoint refused the login with \"%V\"%s",
                  &error, ngx_http_vcita_errors_hint(ctx->callback, &error));

    return ngx_http_vcita_callback_fail(r, ctx, s, NGX_HTTP_BAD_GATEWAY, NULL,
                                        0);
}


/* 400: the callback is invalid, and a new login would not change that */

static ngx_int_t
ngx_http_vcita_callback_invalid(ngx_http_request_t *r,
    ngx_http_vcita_ctx_t *ctx, ngx_http_vcita_login_state_t *s,
    const char *error, const char *hint)
{
    ngx_log_error(NGX_LOG_ERR, r->connection->log, 0,
                  "vcita callback refused: %s, %s", error, hint);

    return ngx_http_vcita_callback_fail(r, ctx, s, NGX_HTTP_BAD_REQUEST, error,
                                        0);
}


/* Restarts the login automatically, or fails after some rounds */

static ngx_int_t
ngx_http_vcita_callback_again(ngx_http_request_t *r, ngx_http_vcita_ctx_t *ctx,
    ngx_http_vcita_login_state_t *s, ngx_uint_t status, const char *error)
{
    ngx_int_t  rc;

    if (s->attempt >= NGX_HTTP_VCITA_ATTEMPTS) {

        ngx_log_error(NGX_LOG_ERR, r->connection->log, 0,
                      "vcita login given up after %d rounds: %s%s",
                      NGX_HTTP_VCITA_ATTEMPTS + 1, error,
                      ctx->cause ? ctx->cause : "");

        return ngx_http_vcita_callback_fail(r, ctx, s, status, error, 0);
    }

    ngx_log_error(NGX_LOG_INFO, r->connection->log, 0,
                  "vcita login starts again: %s%s", error,
                  ctx->cause ? ctx->cause : "");

    s->attempt++;

    /* a host that was sealed long ago may have left the map */

    if (ngx_time() - ngx_http_vcita_string_time(s->issued / 1000)
        > ctx->callback->login_timeout)
    {
        ngx_str_null(&s->vcita_host);
    }

    ctx->called_back = 1;
    ctx->error.data = (u_char *) error;
    ctx->error.len = ngx_strlen(error);

    rc = ngx_http_vcita_login(r, ctx, ctx->callback, s);

    if (rc == NGX_DECLINED) {
        return ngx_http_vcita_callback_invalid(r, ctx, s, "invalid_host",
                                  "vcita_oauth_authorize_endpoint has no valid "
                                  "host, use a map with a default in it");
    }

    return ngx_http_vcita_page_answered(r, rc);
}


/*
 * The response for every failed login.  "error" is a code of the module, or
 * NULL if ctx->error is set.  The state has the address to try again.
 */

static ngx_int_t
ngx_http_vcita_callback_fail(ngx_http_request_t *r, ngx_http_vcita_ctx_t *ctx,
    ngx_http_vcita_login_state_t *s, ngx_uint_t status, const char *error,
    ngx_uint_t retry_after)
{
    ngx_str_t              uri;
    ngx_http_vcita_page_t  page;

    ctx->called_back = 1;

    if (error) {
        ctx->error.data = (u_char *) error;
        ctx->error.len = ngx_strlen(error);
    }

    ngx_http_vcita_errors_count(r, &ctx->error);

    ngx_memzero(&page, sizeof(ngx_http_vcita_page_t));

    page.status = status;
    page.refresh = retry_after;

    if (s) {
        uri = s->return_uri;

    } else {
        ngx_str_set(&uri, "/");
    }

    if (ngx_http_vcita_page_link(r, ctx, &uri, &page) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return ngx_http_vcita_page_error(r, ctx, &page);
}


/* 303 to the return address of the login */

static ngx_int_t
ngx_http_vcita_callback_return(ngx_http_request_t *r,
    ngx_http_vcita_ctx_t *ctx, ngx_http_vcita_login_state_t *s)
{
    u_char     *p;
    ngx_int_t   rc;
    ngx_str_t   location;

    ctx->called_back = 1;

    if (s->sent & NGX_HTTP_VCITA_LAUNCHED) {
        return ngx_http_vcita_launch_return(r, ctx, s);
    }

    location.len = ctx->origin.len + s->return_uri.len;

    p = ngx_pnalloc(r->pool, location.len);
    if (p == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    location.data = p;

    p = ngx_cpymem(p, ctx->origin.data, ctx->origin.len);
    ngx_memcpy(p, s->return_uri.data, s->return_uri.len);

    rc = ngx_http_vcita_page_redirect(r, NGX_HTTP_SEE_OTHER, &location);

    return ngx_http_vcita_page_answered(r, rc);
}
