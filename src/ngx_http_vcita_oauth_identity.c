
/*
 * Copyright (C) the vcita OAuth gate authors
 *
 * The second step of an exchange: the token becomes an identity, and that a
 * session.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "ngx_http_vcita_oauth.h"
#include "ngx_http_vcita_oauth_claims.h"
#include "ngx_http_vcita_oauth_exchange.h"


static ngx_int_t ngx_http_vcita_oauth_identity_done(ngx_http_request_t *r,
    ngx_http_vcita_oauth_exchange_t *x);
static ngx_int_t ngx_http_vcita_oauth_identity_admit(ngx_http_request_t *r,
    ngx_http_vcita_oauth_exchange_t *x);


/* OpenID Connect Core, 5.3 */

ngx_int_t
ngx_http_vcita_oauth_exchange_userinfo(ngx_http_request_t *r,
    ngx_http_vcita_oauth_exchange_t *x)
{
    x->fetch.bearer = x->token.access_token;

    return ngx_http_vcita_oauth_exchange_send(r, x,
                                          &x->app->userinfo_endpoint,
                                          ngx_http_vcita_oauth_identity_done);
}


static ngx_int_t
ngx_http_vcita_oauth_identity_done(ngx_http_request_t *r,
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

    if (ngx_http_vcita_oauth_throttled(x)) {
        return ngx_http_vcita_oauth_exchange_later(r, x,
                                      ngx_http_vcita_oauth_exchange_userinfo);
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

    return ngx_http_vcita_oauth_identity_admit(r, x);
}


static ngx_int_t
ngx_http_vcita_oauth_identity_admit(ngx_http_request_t *r,
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
