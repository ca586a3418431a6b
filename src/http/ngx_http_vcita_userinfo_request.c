
/*
 * Copyright (C) the vcita OAuth gate authors
 *
 * The steps of an exchange from the token to claims, by id_token, userinfo or
 * both, and to a session.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "http/ngx_http_vcita_http.h"
#include "vcita/ngx_http_vcita_claims.h"
#include "vcita/ngx_http_vcita_id_token.h"


/* room for the names of dropped claims in one log line */
#define NGX_HTTP_VCITA_DROPPED_LEN  1024


static const char *ngx_http_vcita_userinfo_request_check(ngx_http_request_t *r,
    ngx_http_vcita_exchange_t *x);
static ngx_int_t ngx_http_vcita_userinfo_request_answer(ngx_http_request_t *r,
    ngx_http_vcita_exchange_t *x);
static const char *ngx_http_vcita_userinfo_request_hint(
    ngx_http_vcita_fetch_t *f);
static ngx_int_t ngx_http_vcita_userinfo_request_merge(ngx_http_request_t *r,
    ngx_http_vcita_exchange_t *x);
static void ngx_http_vcita_userinfo_request_too_large(ngx_http_request_t *r,
    ngx_http_vcita_exchange_t *x);
static ngx_int_t ngx_http_vcita_userinfo_request_admit(ngx_http_request_t *r,
    ngx_http_vcita_ctx_t *ctx, ngx_http_vcita_client_t *client,
    ngx_http_vcita_login_state_t *state, ngx_http_vcita_token_t *token,
    ngx_array_t *claims);
static ngx_int_t ngx_http_vcita_userinfo_request_encode(ngx_http_request_t *r,
    ngx_http_vcita_session_t *s, ngx_http_vcita_token_t *token,
    ngx_array_t *claims, size_t limit, ngx_str_t *text);


/* Checks the id_token if there is one */

ngx_int_t
ngx_http_vcita_userinfo_request_id_token(ngx_http_request_t *r,
    ngx_http_vcita_exchange_t *x)
{
    const char  *wrong;

    if (ngx_array_init(&x->id_token, r->pool, 16,
                       sizeof(ngx_http_vcita_member_t))
        != NGX_OK
        || ngx_array_init(&x->claims, r->pool, 16,
                          sizeof(ngx_http_vcita_member_t))
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    x->client->identified = x->token.identified;

    if (!x->token.identified) {

        /*
         * Without a code_verifier, only the nonce in an id_token binds a code
         * to the browser of its login (RFC 9700, 2.1.1)
         */

        if ((x->state.sent & NGX_HTTP_VCITA_SENT_PKCE)
            || !(x->state.sent & NGX_HTTP_VCITA_SENT_NONCE))
        {
            return NGX_OK;
        }

        ngx_log_error(NGX_LOG_ERR, r->connection->log, 0,
                      "the token endpoint returned no id_token, which "
                      "\"vcita_oauth_pkce off\" requires to bind a code to its "
                      "browser, add openid to vcita_oauth_scope");

        return ngx_http_vcita_exchange_failed(x, NGX_HTTP_BAD_GATEWAY,
                                              "bad_id_token");
    }

    wrong = ngx_http_vcita_userinfo_request_check(r, x);

    ngx_http_vcita_string_wipe(&x->token.id_token);

    if (wrong) {
        ngx_log_error(NGX_LOG_ERR, r->connection->log, 0,
                      "token endpoint \"%V\" returned an invalid id_token: %s",
                      &x->call.fetch.url, wrong);

        return ngx_http_vcita_exchange_failed(x, NGX_HTTP_BAD_GATEWAY,
                                              "bad_id_token");
    }

    if (x->state.max_age
        && ngx_http_vcita_id_token_older(&x->id_token,
                                         ngx_time() - x->state.max_age
                                         - NGX_HTTP_VCITA_SKEW))
    {
        ngx_log_error(NGX_LOG_ERR, r->connection->log, 0,
                      "token endpoint \"%V\" returned an id_token whose "
                      "auth_time is older than vcita_oauth_max_age %T s, check "
                      "that vcita honours \"prompt=login\"",
                      &x->call.fetch.url, x->state.max_age);

        return ngx_http_vcita_exchange_failed(x, NGX_HTTP_FORBIDDEN,
                                              "login_required");
    }

    return NGX_OK;
}


static const char *
ngx_http_vcita_userinfo_request_check(ngx_http_request_t *r,
    ngx_http_vcita_exchange_t *x)
{
    u_char                               text[NGX_HTTP_VCITA_TEXT_LEN];
    const char                          *wrong;
    ngx_http_vcita_derive_t             *derive;
    ngx_http_vcita_id_token_expected_t   e;

    ngx_memzero(&e, sizeof(ngx_http_vcita_id_token_expected_t));

    e.client_id = x->client->client_id;
    e.issuer = x->client->issuer;
    e.now = ngx_time();
    e.skew = NGX_HTTP_VCITA_SKEW;
    e.max_age = x->state.max_age;

    if (x->state.sent & NGX_HTTP_VCITA_SENT_NONCE) {

        derive = x->client->derive.elts;
        e.nonce.data = text;

        if (ngx_http_vcita_login_state_derive(x->ctx, &x->state,
                                              &derive[x->state.key].nonce,
                                              &e.nonce) != NGX_OK)
        {
            return "its nonce could not be computed";
        }
    }

    wrong = ngx_http_vcita_id_token(r->pool, &x->token.id_token, &e,
                                    &x->id_token);

    ngx_explicit_memzero(text, sizeof(text));

    if (wrong == NULL) {
        (void) ngx_http_vcita_claims_sub(&x->id_token, &x->sub);
    }

    return wrong;
}


/* Requests userinfo if the client requires it (OpenID Connect Core, 5.3) */

ngx_int_t
ngx_http_vcita_userinfo_request(ngx_http_request_t *r,
    ngx_http_vcita_exchange_t *x)
{
    ngx_int_t                rc;
    ngx_http_vcita_fetch_t  *f;

    if (!ngx_http_vcita_exchange_asks_userinfo(x->client,
                                               x->token.identified))
    {
        return NGX_OK;
    }

    rc = ngx_http_vcita_call_next(&x->call, 1);

    f = &x->call.fetch;

    if (rc == NGX_OK) {
        f->bearer = x->token.access_token;

        return ngx_http_vcita_call_send(&x->call, NGX_HTTP_VCITA_USERINFO_CALL,
                                        &x->client->userinfo_endpoint);
    }

    if (rc != NGX_DONE) {
        return rc;
    }

    if (f->outcome == NGX_HTTP_VCITA_FETCH_OK) {
        return ngx_http_vcita_userinfo_request_answer(r, x);
    }

    ngx_http_vcita_call_unanswered(&x->call);

    return ngx_http_vcita_exchange_failed(x, NGX_HTTP_BAD_GATEWAY,
                                          "bad_userinfo");
}


static ngx_int_t
ngx_http_vcita_userinfo_request_answer(ngx_http_request_t *r,
    ngx_http_vcita_exchange_t *x)
{
    ngx_int_t                    rc;
    ngx_str_t                    sub;
    ngx_http_vcita_fetch_t      *f;
    ngx_http_vcita_main_conf_t  *vmcf;

    f = &x->call.fetch;
    vmcf = ngx_http_get_module_main_conf(r, ngx_http_vcita_oauth_module);

    rc = ngx_http_vcita_protocol_userinfo_answer(r->pool, f->status, &f->answer,
                                                 &vmcf->wanted, &sub,
                                                 &x->claims);

    if (rc == NGX_ERROR) {
        return NGX_ERROR;
    }

    if (rc != NGX_OK) {

        ngx_log_error(NGX_LOG_ERR, r->connection->log, 0,
                      "userinfo endpoint \"%V\" returned no \"sub\" "
                      "(status %ui, %uz bytes)%s",
                      &f->url, f->status, f->answer.len,
                      ngx_http_vcita_userinfo_request_hint(f));

        return ngx_http_vcita_exchange_failed(x, NGX_HTTP_BAD_GATEWAY,
                                              "bad_userinfo");
    }

    /* the token may have been replaced (OpenID Connect Core, 5.3.2) */

    if (x->sub.len && !ngx_http_vcita_str_eq(&x->sub, &sub)) {

        ngx_log_error(NGX_LOG_ERR, r->connection->log, 0,
                      "userinfo endpoint \"%V\" returned another \"sub\" "
                      "than the id_token, check vcita_oauth_userinfo_endpoint",
                      &f->url);

        return ngx_http_vcita_exchange_failed(x, NGX_HTTP_BAD_GATEWAY,
                                              "bad_userinfo");
    }

    return NGX_OK;
}


/* what to check after an unusable response of userinfo */

static const char *
ngx_http_vcita_userinfo_request_hint(ngx_http_vcita_fetch_t *f)
{
    const char  *hint;

    hint = ngx_http_vcita_protocol_blocked(f->status, &f->answer);

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


/* Makes the session; the redirect waits until the store has it */

ngx_int_t
ngx_http_vcita_userinfo_request_session(ngx_http_request_t *r,
    ngx_http_vcita_exchange_t *x)
{
    ngx_int_t  rc;

    if (x->saving) {
        rc = ngx_http_vcita_session_save_result(r, x->ctx);

    } else {
        rc = ngx_http_vcita_userinfo_request_merge(r, x);

        if (rc == NGX_OK) {
            rc = ngx_http_vcita_userinfo_request_admit(r, x->ctx, x->client,
                                                       &x->state, &x->token,
                                                       &x->claims);
        }

        if (rc == NGX_DECLINED) {
            ngx_http_vcita_userinfo_request_too_large(r, x);

            return ngx_http_vcita_exchange_failed(x, NGX_HTTP_BAD_GATEWAY,
                                                  "session_too_large");
        }
    }

    switch (rc) {

    case NGX_OK:
        ngx_http_vcita_session_save_count(r, x->client);
        ngx_http_vcita_userinfo_request_dropped(r, &x->claims);
        return NGX_OK;

    case NGX_AGAIN:
        x->saving = 1;
        return NGX_AGAIN;

    case NGX_BUSY:
        return ngx_http_vcita_exchange_failed(x, NGX_HTTP_SERVICE_UNAVAILABLE,
                                              "store_unavailable");

    default:
        return NGX_ERROR;
    }
}


static void
ngx_http_vcita_userinfo_request_too_large(ngx_http_request_t *r,
    ngx_http_vcita_exchange_t *x)
{
    ngx_uint_t                i;
    const char               *cure;
    ngx_http_vcita_member_t  *c;

    c = x->claims.elts;
    cure = x->client->storage.store
           ? "" : ": a server-side vcita_oauth_session_store has room for it";

    for (i = 0; i < x->claims.nelts; i++) {

        if (c[i].wanted < NGX_HTTP_VCITA_CLAIM_RULED
            || c[i].type != NGX_HTTP_VCITA_JSON_NULL
            || c[i].value.len == 0)
        {
            continue;
        }

        if (!ngx_http_vcita_string_printable(&c[i].value)) {
            cure = ": it has a control character";
        }

        if (c[i].wanted == NGX_HTTP_VCITA_CLAIM_SUB) {
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

    if (x->client->storage.store) {
        ngx_log_error(NGX_LOG_ERR, r->connection->log, 0,
                      "the session exceeds %d bytes, have the app at vcita "
                      "issue opaque access tokens",
                      NGX_HTTP_VCITA_STORE_MAX);

    } else {
        ngx_log_error(NGX_LOG_ERR, r->connection->log, 0,
                      "the session exceeds %d bytes of cookie, set a "
                      "server-side vcita_oauth_session_store",
                      NGX_HTTP_VCITA_COOKIE_MAX);
    }
}


/* the claims of userinfo are there already and override the id_token's */

static ngx_int_t
ngx_http_vcita_userinfo_request_merge(ngx_http_request_t *r,
    ngx_http_vcita_exchange_t *x)
{
    ngx_uint_t                   i;
    ngx_http_vcita_member_t     *c;
    ngx_http_vcita_main_conf_t  *vmcf;

    vmcf = ngx_http_get_module_main_conf(r, ngx_http_vcita_oauth_module);

    i = x->claims.nelts;

    if (ngx_http_vcita_claims(r->pool, &x->id_token, &vmcf->wanted, &x->claims)
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


/* Logs the dropped claims, whose variables are empty */

void
ngx_http_vcita_userinfo_request_dropped(ngx_http_request_t *r,
    ngx_array_t *claims)
{
    u_char                   *p, *last;
    u_char                    names[NGX_HTTP_VCITA_DROPPED_LEN];
    ngx_uint_t                i, printable;
    ngx_http_vcita_member_t  *c;

    c = claims->elts;
    p = names;
    last = names + sizeof(names);

    for (i = 0; i < claims->nelts; i++) {

        if (c[i].type != NGX_HTTP_VCITA_JSON_NULL
            || c[i].value.len == 0)
        {
            continue;
        }

        printable = ngx_http_vcita_string_printable(&c[i].value);

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


/*
 * Makes a new session and saves it.  NGX_DECLINED: it is too large even without
 * optional claims.  NGX_AGAIN, NGX_BUSY: see session_save_new().
 */

static ngx_int_t
ngx_http_vcita_userinfo_request_admit(ngx_http_request_t *r,
    ngx_http_vcita_ctx_t *ctx, ngx_http_vcita_client_t *client,
    ngx_http_vcita_login_state_t *state, ngx_http_vcita_token_t *token,
    ngx_array_t *claims)
{
    time_t                        max_age;
    ngx_int_t                     rc;
    ngx_str_t                     text;
    ngx_uint_t                    i;
    ngx_http_vcita_session_t      s;
    ngx_http_vcita_main_conf_t   *vmcf;
    ngx_http_vcita_authorize_t  **a;

    vmcf = ngx_http_get_module_main_conf(r, ngx_http_vcita_oauth_module);

    /* a session ends with its token at the latest */

    max_age = client->session_timeout;

    if (token->expires_in && token->expires_in < max_age) {
        max_age = token->expires_in;
    }

    ngx_memzero(&s, sizeof(ngx_http_vcita_session_t));

    s.expires = ngx_http_vcita_string_time((uint64_t) ngx_time()
                                           + max_age);
    s.scope = token->scope;
    s.provisional = (client->storage.store && vmcf->ruled.nelts);

    /* a scope that the answer does not name is as asked for (RFC 6749, 5.1) */

    a = client->authorize.elts;

    for (i = 0; s.scope.len == 0 && i < client->authorize.nelts; i++) {
        if (a[i]->id == state->authorize) {
            s.scope = a[i]->scope;
        }
    }

    rc = ngx_http_vcita_userinfo_request_encode(r, &s, token, claims,
                              ngx_http_vcita_session_save_room(client), &text);

    if (rc != NGX_OK) {
        return rc;
    }

    max_age = ngx_http_vcita_session_left(&s, ngx_time(), max_age,
                                          client->session_idle.timeout);

    rc = ngx_http_vcita_identity_login(r, ctx, client, &text);

    if (rc == NGX_OK) {
        rc = ngx_http_vcita_session_save_new(r, ctx, client, &s, &text,
                                             max_age);
    }

    ngx_explicit_memzero(text.data, text.len);

    return rc;
}


static ngx_int_t
ngx_http_vcita_userinfo_request_encode(ngx_http_request_t *r,
    ngx_http_vcita_session_t *s, ngx_http_vcita_token_t *token,
    ngx_array_t *claims, size_t limit, ngx_str_t *text)
{
    u_char       id[NGX_HTTP_VCITA_SESSION_ID];
    ngx_time_t  *tp;

    if (ngx_http_vcita_hash_random(id, sizeof(id)) != NGX_OK) {
        return NGX_ERROR;
    }

    tp = ngx_timeofday();

    s->created = (uint64_t) tp->sec * 1000 + tp->msec;
    s->id.data = id;
    s->id.len = sizeof(id);
    s->token = token->access_token;

    /* "Bearer" is the default and not stored */

    if (token->token_type.len
        && ngx_strncmp(token->token_type.data, "Bearer",
                       token->token_type.len)
           != 0)
    {
        s->token_type = token->token_type;
    }

    return ngx_http_vcita_session_encode(r->pool, s, claims, limit, text);
}
