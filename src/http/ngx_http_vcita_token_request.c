
/*
 * Copyright (C) the vcita OAuth gate authors
 *
 * The token request: the step of an exchange from the code to a token.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "http/ngx_http_vcita_http.h"


static ngx_int_t ngx_http_vcita_token_request_body(
    ngx_http_vcita_exchange_t *x);
static ngx_int_t ngx_http_vcita_token_request_assertion(
    ngx_http_vcita_exchange_t *x, ngx_str_t *assertion);
static ngx_int_t ngx_http_vcita_token_request_failed(
    ngx_http_vcita_exchange_t *x);
static ngx_int_t ngx_http_vcita_token_request_refused(ngx_http_request_t *r,
    ngx_http_vcita_exchange_t *x, const char *hint);
static ngx_int_t ngx_http_vcita_token_request_again(ngx_http_request_t *r,
    ngx_http_vcita_exchange_t *x);


/* RFC 6749, 4.1.3 */

ngx_int_t
ngx_http_vcita_token_request(ngx_http_request_t *r,
    ngx_http_vcita_exchange_t *x)
{
    ngx_int_t                rc;
    ngx_uint_t               n;
    const char              *hint;
    ngx_http_vcita_fetch_t  *f;

    n = ngx_http_vcita_exchange_asks_userinfo(x->client, x->client->identified)
        ? 2 : 1;

    rc = ngx_http_vcita_call_next(&x->call, n);

    f = &x->call.fetch;

    if (rc == NGX_OK) {

        /* a new body for each try: an assertion may be used once */

        ngx_http_vcita_string_wipe(&f->body);

        if (ngx_http_vcita_token_request_body(x) != NGX_OK) {
            return NGX_ERROR;
        }

        return ngx_http_vcita_call_send(&x->call, NGX_HTTP_VCITA_TOKEN,
                                        &x->client->token_endpoint);
    }

    if (rc != NGX_DONE) {
        return rc;
    }

    if (f->outcome != NGX_HTTP_VCITA_FETCH_OK) {
        return ngx_http_vcita_token_request_failed(x);
    }

    hint = ngx_http_vcita_protocol_blocked(f->status, &f->answer);

    rc = ngx_http_vcita_protocol_token_answer(r->pool, f->status, &f->answer,
                                              &x->token);

    ngx_http_vcita_string_wipe(&f->answer);
    ngx_http_vcita_string_wipe(&f->body);

    if (rc == NGX_DECLINED) {
        return ngx_http_vcita_token_request_refused(r, x, hint);
    }

    return rc;
}


static ngx_int_t
ngx_http_vcita_token_request_body(ngx_http_vcita_exchange_t *x)
{
    u_char                    text[NGX_HTTP_VCITA_TEXT_LEN];
    ngx_int_t                 rc;
    ngx_http_vcita_grant_t    grant;
    ngx_http_vcita_client_t  *client;
    ngx_http_vcita_derive_t  *derive;

    client = x->client;

    ngx_memzero(&grant, sizeof(ngx_http_vcita_grant_t));

    grant.client_id = client->client_id;
    grant.client_secret = client->client_secret;
    grant.redirect_uri = x->ctx->redirect_uri;
    grant.code = x->code;
    grant.json = (client->token_format == NGX_HTTP_VCITA_JSON);

    if (client->assertion_key.names
        && ngx_http_vcita_token_request_assertion(x, &grant.client_assertion)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (x->state.sent & NGX_HTTP_VCITA_SENT_PKCE) {

        derive = client->derive.elts;
        grant.code_verifier.data = text;

        if (ngx_http_vcita_login_state_derive(x->ctx, &x->state,
                                              &derive[x->state.key].pkce,
                                              &grant.code_verifier) != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    if (grant.json) {
        ngx_str_set(&x->call.fetch.content_type, "application/json");

    } else {
        ngx_str_set(&x->call.fetch.content_type,
                    "application/x-www-form-urlencoded");
    }

    rc = ngx_http_vcita_protocol_token_request(x->request->pool, &grant,
                                               &x->call.fetch.body);

    ngx_explicit_memzero(text, sizeof(text));
    ngx_http_vcita_string_wipe(&grant.client_assertion);

    return rc;
}


static ngx_int_t
ngx_http_vcita_token_request_assertion(ngx_http_vcita_exchange_t *x,
    ngx_str_t *assertion)
{
    ngx_http_request_t       *r;
    ngx_http_vcita_client_t  *client;

    r = x->request;
    client = x->client;

    if (ngx_http_vcita_assertion(&client->assertion_key.signer, r->pool,
                                 &client->client_id, &client->token_endpoint,
                                 ngx_time(), assertion)
        != NGX_OK)
    {
        ngx_log_error(NGX_LOG_CRIT, r->connection->log, 0,
                      "nothing could be signed with "
                      "vcita_oauth_client_assertion_key, check that file with "
                      "\"nginx -t\" and reload");
        return NGX_ERROR;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_vcita_token_request_failed(ngx_http_vcita_exchange_t *x)
{
    ngx_uint_t               status;
    const char              *error;
    ngx_http_vcita_fetch_t  *f;

    f = &x->call.fetch;

    switch (f->outcome) {

    case NGX_HTTP_VCITA_FETCH_UNREACHABLE:
        status = NGX_HTTP_BAD_GATEWAY;
        error = "unreachable";
        break;

    case NGX_HTTP_VCITA_FETCH_TIMEOUT:
        status = NGX_HTTP_GATEWAY_TIME_OUT;
        error = "timeout";
        break;

    default: /* NGX_HTTP_VCITA_FETCH_BROKEN */
        status = NGX_HTTP_BAD_GATEWAY;
        error = "bad_token_response";
    }

    ngx_http_vcita_call_unanswered(&x->call);

    return ngx_http_vcita_exchange_failed(x, status, error);
}


/* an error response, or a response without a token (RFC 6749, 5.2) */

static ngx_int_t
ngx_http_vcita_token_request_refused(ngx_http_request_t *r,
    ngx_http_vcita_exchange_t *x, const char *hint)
{
    ngx_str_t             *error;
    ngx_uint_t             level;
    ngx_http_vcita_ctx_t  *ctx;

    ctx = x->ctx;
    error = &x->token.error;

    if (ngx_http_vcita_errors_is(error, "invalid_grant")) {
        return ngx_http_vcita_token_request_again(r, x);
    }

    if (hint == NULL) {
        hint = ngx_http_vcita_errors_hint(x->client, error);
    }

    level = ngx_http_vcita_errors_is(error, "invalid_client")
            ? NGX_LOG_CRIT : NGX_LOG_ERR;

    ngx_log_error(level, r->connection->log, 0,
                  "token endpoint \"%V\" returned no token (status %ui, "
                  "error \"%V\")%s",
                  &x->call.fetch.url, x->call.fetch.status, error, hint);

    ctx->error = *error;
    ctx->error_description = x->token.error_description;

    return ngx_http_vcita_exchange_failed(x, NGX_HTTP_BAD_GATEWAY, NULL);
}


/* Records the cause for the log line of a login that is given up */

static ngx_int_t
ngx_http_vcita_token_request_again(ngx_http_request_t *r,
    ngx_http_vcita_exchange_t *x)
{
    size_t   len;
    u_char  *p;

    len = sizeof(" from token endpoint \"\", compare vcita_oauth_redirect_uri "
                 "with the app at vcita")
          + x->call.fetch.url.len;

    p = ngx_pnalloc(r->pool, len);

    if (p) {
        *ngx_sprintf(p, " from token endpoint \"%V\", compare "
                     "vcita_oauth_redirect_uri with the app at vcita",
                     &x->call.fetch.url) = '\0';

        x->ctx->cause = (char *) p;
    }

    x->failure.again = 1;

    return ngx_http_vcita_exchange_failed(x, NGX_HTTP_BAD_GATEWAY,
                                          "invalid_grant");
}
