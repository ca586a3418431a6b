
/*
 * Copyright (C) the vcita OAuth gate authors
 *
 * The second step of an exchange: the token becomes an identity, by the
 * id_token that came with it, by userinfo, or by both; and that a session.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "ngx_http_vcita_oauth.h"
#include "ngx_http_vcita_oauth_claims.h"
#include "ngx_http_vcita_oauth_count.h"
#include "ngx_http_vcita_oauth_exchange.h"
#include "ngx_http_vcita_oauth_id_token.h"


/* as many names fit into a line of the log, whatever their length */
#define NGX_HTTP_VCITA_OAUTH_DROPPED_LEN  1024


static ngx_int_t ngx_http_vcita_oauth_identity_id_token(
    ngx_http_request_t *r, ngx_http_vcita_oauth_exchange_t *x);
static ngx_int_t ngx_http_vcita_oauth_identity_bound(ngx_http_request_t *r,
    ngx_http_vcita_oauth_exchange_t *x);
static const char *ngx_http_vcita_oauth_identity_check(
    ngx_http_request_t *r, ngx_http_vcita_oauth_exchange_t *x);
static ngx_int_t ngx_http_vcita_oauth_identity_userinfo(
    ngx_http_request_t *r, ngx_http_vcita_oauth_exchange_t *x);
static ngx_int_t ngx_http_vcita_oauth_identity_done(ngx_http_request_t *r,
    ngx_http_vcita_oauth_exchange_t *x);
static const char *ngx_http_vcita_oauth_identity_hint(
    ngx_http_vcita_oauth_fetch_t *f);
static ngx_int_t ngx_http_vcita_oauth_identity_failed(ngx_http_request_t *r,
    ngx_http_vcita_oauth_exchange_t *x);
static ngx_int_t ngx_http_vcita_oauth_identity_admit(ngx_http_request_t *r,
    ngx_http_vcita_oauth_exchange_t *x);
static void ngx_http_vcita_oauth_identity_too_large(ngx_http_request_t *r,
    ngx_http_vcita_oauth_exchange_t *x);
static ngx_int_t ngx_http_vcita_oauth_identity_merge(ngx_http_request_t *r,
    ngx_http_vcita_oauth_exchange_t *x);
static ngx_int_t ngx_http_vcita_oauth_identity_kept(ngx_http_request_t *r,
    ngx_http_vcita_oauth_exchange_t *x);
static ngx_int_t ngx_http_vcita_oauth_identity_end(ngx_http_request_t *r,
    ngx_http_vcita_oauth_exchange_t *x, ngx_int_t rc);
static void ngx_http_vcita_oauth_identity_dropped(ngx_http_request_t *r,
    ngx_array_t *claims);


/* Goes on with the token that has come */

ngx_int_t
ngx_http_vcita_oauth_exchange_identity(ngx_http_request_t *r,
    ngx_http_vcita_oauth_exchange_t *x)
{
    ngx_int_t  rc;

    if (ngx_array_init(&x->id_token, r->pool, 16,
                       sizeof(ngx_http_vcita_oauth_member_t))
        != NGX_OK
        || ngx_array_init(&x->claims, r->pool, 16,
                          sizeof(ngx_http_vcita_oauth_member_t))
           != NGX_OK)
    {
        ngx_http_vcita_oauth_exchange_cancel(x);
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    rc = x->token.identified ? ngx_http_vcita_oauth_identity_id_token(r, x)
                             : ngx_http_vcita_oauth_identity_bound(r, x);

    if (rc != NGX_OK) {
        return rc;
    }

    x->app->identified = x->token.identified;

    if (ngx_http_vcita_oauth_asks_userinfo(x->app, x->token.identified)) {
        return ngx_http_vcita_oauth_exchange_next(r, x,
                                      ngx_http_vcita_oauth_identity_userinfo);
    }

    return ngx_http_vcita_oauth_identity_admit(r, x);
}


static ngx_int_t
ngx_http_vcita_oauth_identity_id_token(ngx_http_request_t *r,
    ngx_http_vcita_oauth_exchange_t *x)
{
    const char  *wrong;

    wrong = ngx_http_vcita_oauth_identity_check(r, x);

    ngx_http_vcita_oauth_wipe(&x->token.id_token);

    if (wrong == NULL) {
        return NGX_OK;
    }

    ngx_log_error(NGX_LOG_ERR, r->connection->log, 0,
                  "token endpoint \"%V\" returned an invalid id_token: %s",
                  &x->fetch.url, wrong);

    return ngx_http_vcita_oauth_exchange_fail(r, x, NGX_HTTP_BAD_GATEWAY,
                                              "bad_id_token", 0);
}


/*
 * Without a code_verifier only the nonce in an id_token binds a code to the
 * browser whose login it was issued for (RFC 9700, 2.1.1)
 */

static ngx_int_t
ngx_http_vcita_oauth_identity_bound(ngx_http_request_t *r,
    ngx_http_vcita_oauth_exchange_t *x)
{
    if ((x->state.sent & NGX_HTTP_VCITA_OAUTH_SENT_PKCE)
        || !(x->state.sent & NGX_HTTP_VCITA_OAUTH_SENT_NONCE))
    {
        return NGX_OK;
    }

    ngx_log_error(NGX_LOG_ERR, r->connection->log, 0,
                  "vcita's token answer has no id_token, and with "
                  "\"vcita_oauth_pkce off\" only an id_token binds a code to "
                  "its browser");

    return ngx_http_vcita_oauth_exchange_fail(r, x, NGX_HTTP_BAD_GATEWAY,
                                              "bad_id_token", 0);
}


static const char *
ngx_http_vcita_oauth_identity_check(ngx_http_request_t *r,
    ngx_http_vcita_oauth_exchange_t *x)
{
    u_char                            text[NGX_HTTP_VCITA_OAUTH_TEXT_LEN];
    const char                       *wrong;
    ngx_http_vcita_oauth_derive_t    *derive;
    ngx_http_vcita_oauth_expected_t   e;

    ngx_memzero(&e, sizeof(ngx_http_vcita_oauth_expected_t));

    e.client_id = x->app->client_id;
    e.issuer = x->app->issuer;
    e.now = ngx_time();
    e.skew = NGX_HTTP_VCITA_OAUTH_SKEW;

    if (x->state.sent & NGX_HTTP_VCITA_OAUTH_SENT_NONCE) {

        derive = x->app->derive.elts;
        e.nonce.data = text;

        if (ngx_http_vcita_oauth_state_derive(x->ctx, &x->state,
                                              derive[x->state.key].nonce,
                                              &e.nonce)
            != NGX_OK)
        {
            return "its nonce could not be computed";
        }
    }

    wrong = ngx_http_vcita_oauth_id_token(r->pool, &x->token.id_token, &e,
                                          &x->id_token);

    ngx_explicit_memzero(text, sizeof(text));

    if (wrong == NULL) {
        (void) ngx_http_vcita_oauth_claims_sub(&x->id_token, &x->sub);
    }

    return wrong;
}


/* OpenID Connect Core, 5.3 */

static ngx_int_t
ngx_http_vcita_oauth_identity_userinfo(ngx_http_request_t *r,
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
    ngx_int_t                          rc;
    ngx_str_t                          sub;
    ngx_http_vcita_oauth_fetch_t      *f;
    ngx_http_vcita_oauth_main_conf_t  *vmcf;

    f = &x->fetch;
    vmcf = ngx_http_get_module_main_conf(r, ngx_http_vcita_oauth_module);

    if (f->outcome != NGX_HTTP_VCITA_OAUTH_FETCH_OK) {
        return ngx_http_vcita_oauth_identity_failed(r, x);
    }

    if (ngx_http_vcita_oauth_throttled(x)) {
        return ngx_http_vcita_oauth_exchange_later(r, x,
                                      ngx_http_vcita_oauth_identity_userinfo);
    }

    rc = ngx_http_vcita_oauth_userinfo_answer(r->pool, f->status, &f->answer,
                                              &vmcf->wanted, &sub,
                                              &x->claims);

    if (rc == NGX_ERROR) {
        ngx_http_vcita_oauth_exchange_cancel(x);
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (rc != NGX_OK) {

        ngx_log_error(NGX_LOG_ERR, r->connection->log, 0,
                      "userinfo endpoint \"%V\" returned no \"sub\" "
                      "(status %ui, %uz bytes)%s",
                      &f->url, f->status, f->answer.len,
                      ngx_http_vcita_oauth_identity_hint(f));

        return ngx_http_vcita_oauth_exchange_fail(r, x, NGX_HTTP_BAD_GATEWAY,
                                                  "bad_userinfo", 0);
    }

    /* a token that was put in the place of another (Core, 5.3.2) */

    if (x->sub.len && !ngx_http_vcita_oauth_same(&x->sub, &sub)) {

        ngx_log_error(NGX_LOG_ERR, r->connection->log, 0,
                      "userinfo endpoint \"%V\" returned another \"sub\" "
                      "than the id_token, check vcita_oauth_userinfo_endpoint",
                      &f->url);

        return ngx_http_vcita_oauth_exchange_fail(r, x, NGX_HTTP_BAD_GATEWAY,
                                                  "bad_userinfo", 0);
    }

    return ngx_http_vcita_oauth_identity_admit(r, x);
}


/* what to check when userinfo has said nothing of use */

static const char *
ngx_http_vcita_oauth_identity_hint(ngx_http_vcita_oauth_fetch_t *f)
{
    const char  *hint;

    hint = ngx_http_vcita_oauth_vcita_blocked(f->status, &f->answer);

    if (hint) {
        return hint;
    }

    if (f->status == NGX_HTTP_UNAUTHORIZED
        || f->status == NGX_HTTP_FORBIDDEN)
    {
        return ": check that vcita_oauth_scope has openid";
    }

    return ": check vcita_oauth_userinfo_endpoint";
}


static ngx_int_t
ngx_http_vcita_oauth_identity_failed(ngx_http_request_t *r,
    ngx_http_vcita_oauth_exchange_t *x)
{
    ngx_http_vcita_oauth_fetch_t  *f;

    f = &x->fetch;

    if (f->outcome == NGX_HTTP_VCITA_OAUTH_FETCH_UNREACHABLE
        && x->tries < NGX_HTTP_VCITA_OAUTH_TRIES)
    {
        return ngx_http_vcita_oauth_exchange_reconnect(r, x,
                                      ngx_http_vcita_oauth_identity_userinfo);
    }

    ngx_http_vcita_oauth_exchange_unanswered(r, x, "userinfo");

    return ngx_http_vcita_oauth_exchange_fail(r, x, NGX_HTTP_BAD_GATEWAY,
                                              "bad_userinfo", 0);
}


static ngx_int_t
ngx_http_vcita_oauth_identity_admit(ngx_http_request_t *r,
    ngx_http_vcita_oauth_exchange_t *x)
{
    ngx_int_t  rc;

    rc = ngx_http_vcita_oauth_identity_merge(r, x);

    if (rc == NGX_OK) {
        rc = ngx_http_vcita_oauth_admit(r, x->ctx, x->app, &x->state,
                                        &x->token, &x->claims);
    }

    if (rc == NGX_DECLINED) {
        ngx_http_vcita_oauth_identity_too_large(r, x);

        return ngx_http_vcita_oauth_exchange_fail(r, x, NGX_HTTP_BAD_GATEWAY,
                                                  "session_too_large", 0);
    }

    ngx_http_vcita_oauth_exchange_cancel(x);

    return ngx_http_vcita_oauth_identity_end(r, x, rc);
}


static void
ngx_http_vcita_oauth_identity_too_large(ngx_http_request_t *r,
    ngx_http_vcita_oauth_exchange_t *x)
{
    ngx_uint_t                      i;
    const char                     *cure;
    ngx_http_vcita_oauth_member_t  *c;

    c = x->claims.elts;
    cure = x->app->storage.store
           ? "" : ": a server-side vcita_oauth_session_store has room for it";

    for (i = 0; i < x->claims.nelts; i++) {

        if (c[i].wanted < NGX_HTTP_VCITA_OAUTH_CLAIM_RULED
            || c[i].type != NGX_HTTP_VCITA_OAUTH_JSON_NULL
            || c[i].value.len == 0)
        {
            continue;
        }

        if (!ngx_http_vcita_oauth_printable(&c[i].value)) {
            cure = ": it has a control character";
        }

        if (c[i].wanted == NGX_HTTP_VCITA_OAUTH_CLAIM_SUB) {
            ngx_log_error(NGX_LOG_ERR, r->connection->log, 0,
                          "the session cannot keep the claim \"sub\" "
                          "(%uz bytes)%s", c[i].value.len, cure);

        } else {
            ngx_log_error(NGX_LOG_ERR, r->connection->log, 0,
                          "the session cannot keep the claim \"%V\" "
                          "(%uz bytes), and a vcita_oauth_require may depend "
                          "on it%s", &c[i].name, c[i].value.len, cure);
        }

        return;
    }

    if (x->app->storage.store) {
        ngx_log_error(NGX_LOG_ERR, r->connection->log, 0,
                      "the session takes more than %d bytes: have the app at "
                      "vcita issue opaque access tokens",
                      NGX_HTTP_VCITA_OAUTH_STORE_MAX);

    } else {
        ngx_log_error(NGX_LOG_ERR, r->connection->log, 0,
                      "the session takes more than %d bytes of cookie: a "
                      "server-side vcita_oauth_session_store has room for it",
                      NGX_HTTP_VCITA_OAUTH_COOKIE_MAX);
    }
}


/* userinfo's claims are there already: they go over the id_token's */

static ngx_int_t
ngx_http_vcita_oauth_identity_merge(ngx_http_request_t *r,
    ngx_http_vcita_oauth_exchange_t *x)
{
    ngx_uint_t                         i;
    ngx_http_vcita_oauth_member_t     *c;
    ngx_http_vcita_oauth_main_conf_t  *vmcf;

    vmcf = ngx_http_get_module_main_conf(r, ngx_http_vcita_oauth_module);

    i = x->claims.nelts;

    if (ngx_http_vcita_oauth_claims(r->pool, &x->id_token, &vmcf->wanted,
                                    &x->claims)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    c = x->claims.elts;

    for ( /* void */ ; i < x->claims.nelts; i++) {
        c[i].once = 1;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_vcita_oauth_identity_kept(ngx_http_request_t *r,
    ngx_http_vcita_oauth_exchange_t *x)
{
    return ngx_http_vcita_oauth_identity_end(r, x,
                                       ngx_http_vcita_oauth_kept(r, x->ctx));
}


/* nobody is sent on before the store has the session */

static ngx_int_t
ngx_http_vcita_oauth_identity_end(ngx_http_request_t *r,
    ngx_http_vcita_oauth_exchange_t *x, ngx_int_t rc)
{
    if (rc == NGX_AGAIN) {
        x->next = ngx_http_vcita_oauth_identity_kept;

        return ngx_http_vcita_oauth_wait(r);
    }

    if (rc == NGX_BUSY) {
        return ngx_http_vcita_oauth_exchange_fail(r, x,
                                                NGX_HTTP_SERVICE_UNAVAILABLE,
                                                "store_unavailable", 0);
    }

    if (rc != NGX_OK
        || ngx_http_vcita_oauth_login_finished(r, x->ctx, x->app) != NGX_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ngx_http_vcita_oauth_count_session(r, x->app);
    ngx_http_vcita_oauth_identity_dropped(r, &x->claims);

    return ngx_http_vcita_oauth_callback_return(r, x->ctx, &x->state);
}


/* names the claims that were left out: a variable of them would be empty */

static void
ngx_http_vcita_oauth_identity_dropped(ngx_http_request_t *r,
    ngx_array_t *claims)
{
    u_char                         *p, *last;
    u_char                          names[NGX_HTTP_VCITA_OAUTH_DROPPED_LEN];
    ngx_uint_t                      i, printable;
    ngx_http_vcita_oauth_member_t  *c;

    c = claims->elts;
    p = names;
    last = names + sizeof(names);

    for (i = 0; i < claims->nelts; i++) {

        if (c[i].type != NGX_HTTP_VCITA_OAUTH_JSON_NULL
            || c[i].value.len == 0)
        {
            continue;
        }

        printable = ngx_http_vcita_oauth_printable(&c[i].value);

        if (c[i].wanted) {
            ngx_log_error(NGX_LOG_WARN, r->connection->log, 0,
                          "the claim \"%V\" (%uz bytes) %s, its variable is "
                          "empty", &c[i].name, c[i].value.len,
                          printable ? "is too large for the session"
                                    : "has a control character");

        } else if (printable) {
            p = ngx_slprintf(p, last, "%s%V", (p == names) ? "" : ", ",
                             &c[i].name);
        }
    }

    if (p != names) {
        ngx_log_error(NGX_LOG_NOTICE, r->connection->log, 0,
                      "claims dropped, the session would be too large: %*s",
                      (size_t) (p - names), names);
    }
}
