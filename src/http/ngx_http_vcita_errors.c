
/*
 * Copyright (C) the vcita OAuth gate authors
 *
 * The codes of $vcita_oauth_error: texts for the page, hints for the log.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "http/ngx_http_vcita_http.h"


typedef struct {
    const char                  *code;
    ngx_http_vcita_text_e        title;
    ngx_http_vcita_text_e        text;
    ngx_http_vcita_text_e        link;
} ngx_http_vcita_error_t;


typedef struct {
    const char                  *code;
    const char                  *text;
} ngx_http_vcita_hint_t;


static ngx_http_vcita_error_t  ngx_http_vcita_errors[] = {

    { "access_denied",
      NGX_HTTP_VCITA_TEXT_ACCESS_DENIED_TITLE,
      NGX_HTTP_VCITA_TEXT_ACCESS_DENIED,
      NGX_HTTP_VCITA_TEXT_SIGN_IN },

    { "state_mismatch",
      NGX_HTTP_VCITA_TEXT_STATE_MISMATCH_TITLE,
      NGX_HTTP_VCITA_TEXT_STATE_MISMATCH,
      NGX_HTTP_VCITA_TEXT_TRY_AGAIN },

    { "state_expired",
      NGX_HTTP_VCITA_TEXT_STATE_EXPIRED_TITLE,
      NGX_HTTP_VCITA_TEXT_STATE_EXPIRED,
      NGX_HTTP_VCITA_TEXT_TRY_AGAIN },

    { "invalid_state",
      NGX_HTTP_VCITA_TEXT_INVALID_STATE_TITLE,
      NGX_HTTP_VCITA_TEXT_INVALID_STATE,
      NGX_HTTP_VCITA_TEXT_START_PAGE },

    { "invalid_callback",
      NGX_HTTP_VCITA_TEXT_INVALID_CALLBACK_TITLE,
      NGX_HTTP_VCITA_TEXT_INVALID_CALLBACK,
      NGX_HTTP_VCITA_TEXT_TRY_AGAIN },

    { "callback_elsewhere",
      NGX_HTTP_VCITA_TEXT_CALLBACK_ELSEWHERE_TITLE,
      NGX_HTTP_VCITA_TEXT_CALLBACK_ELSEWHERE,
      NGX_HTTP_VCITA_TEXT_START_PAGE },

    { "invalid_host",
      NGX_HTTP_VCITA_TEXT_INVALID_HOST_TITLE,
      NGX_HTTP_VCITA_TEXT_INVALID_HOST,
      NGX_HTTP_VCITA_TEXT_NONE },

    { "invalid_grant",
      NGX_HTTP_VCITA_TEXT_INVALID_GRANT_TITLE,
      NGX_HTTP_VCITA_TEXT_INVALID_GRANT,
      NGX_HTTP_VCITA_TEXT_TRY_AGAIN },

    { "invalid_client",
      NGX_HTTP_VCITA_TEXT_INVALID_CLIENT_TITLE,
      NGX_HTTP_VCITA_TEXT_INVALID_CLIENT,
      NGX_HTTP_VCITA_TEXT_TRY_AGAIN },

    { "rate_limited",
      NGX_HTTP_VCITA_TEXT_RATE_LIMITED_TITLE,
      NGX_HTTP_VCITA_TEXT_RATE_LIMITED,
      NGX_HTTP_VCITA_TEXT_TRY_NOW },

    { "bad_token_response",
      NGX_HTTP_VCITA_TEXT_BAD_TOKEN_RESPONSE_TITLE,
      NGX_HTTP_VCITA_TEXT_UNFINISHED,
      NGX_HTTP_VCITA_TEXT_TRY_AGAIN },

    { "bad_id_token",
      NGX_HTTP_VCITA_TEXT_BAD_ID_TOKEN_TITLE,
      NGX_HTTP_VCITA_TEXT_BAD_ID_TOKEN,
      NGX_HTTP_VCITA_TEXT_TRY_AGAIN },

    { "bad_userinfo",
      NGX_HTTP_VCITA_TEXT_BAD_USERINFO_TITLE,
      NGX_HTTP_VCITA_TEXT_UNFINISHED,
      NGX_HTTP_VCITA_TEXT_TRY_AGAIN },

    { "unreachable",
      NGX_HTTP_VCITA_TEXT_UNREACHABLE_TITLE,
      NGX_HTTP_VCITA_TEXT_UNREACHABLE,
      NGX_HTTP_VCITA_TEXT_TRY_AGAIN },

    { "timeout",
      NGX_HTTP_VCITA_TEXT_TIMEOUT_TITLE,
      NGX_HTTP_VCITA_TEXT_TIMEOUT,
      NGX_HTTP_VCITA_TEXT_TRY_AGAIN },

    { "session_too_large",
      NGX_HTTP_VCITA_TEXT_SESSION_TOO_LARGE_TITLE,
      NGX_HTTP_VCITA_TEXT_SESSION_TOO_LARGE,
      NGX_HTTP_VCITA_TEXT_TRY_AGAIN },

    { "store_unavailable",
      NGX_HTTP_VCITA_TEXT_STORE_UNAVAILABLE_TITLE,
      NGX_HTTP_VCITA_TEXT_STORE_UNAVAILABLE,
      NGX_HTTP_VCITA_TEXT_TRY_AGAIN },

    { "not_allowed",
      NGX_HTTP_VCITA_TEXT_NOT_ALLOWED_TITLE,
      NGX_HTTP_VCITA_TEXT_NOT_ALLOWED,
      NGX_HTTP_VCITA_TEXT_SIGN_IN_OTHER },

    { "invalid_token",
      NGX_HTTP_VCITA_TEXT_INVALID_TOKEN_TITLE,
      NGX_HTTP_VCITA_TEXT_INVALID_TOKEN,
      NGX_HTTP_VCITA_TEXT_NONE },

    { "keys_unavailable",
      NGX_HTTP_VCITA_TEXT_KEYS_UNAVAILABLE_TITLE,
      NGX_HTTP_VCITA_TEXT_KEYS_UNAVAILABLE,
      NGX_HTTP_VCITA_TEXT_NONE },

    { "login_required",
      NGX_HTTP_VCITA_TEXT_LOGIN_REQUIRED_TITLE,
      NGX_HTTP_VCITA_TEXT_LOGIN_REQUIRED,
      NGX_HTTP_VCITA_TEXT_SIGN_IN_AGAIN },

    { "session_lost",
      NGX_HTTP_VCITA_TEXT_SESSION_LOST_TITLE,
      NGX_HTTP_VCITA_TEXT_SESSION_LOST,
      NGX_HTTP_VCITA_TEXT_NONE },

    { NULL,
      NGX_HTTP_VCITA_TEXT_NONE,
      NGX_HTTP_VCITA_TEXT_NONE,
      NGX_HTTP_VCITA_TEXT_NONE }
};


/* the hint for invalid_client with a client assertion */

static const char  ngx_http_vcita_key_hint[] =
    ": check vcita_oauth_client_id, that the key and kid of "
    "vcita_oauth_client_assertion_key are at the client_auth_jwks_uri of the "
    "app at vcita, and this machine's clock";


static ngx_http_vcita_hint_t  ngx_http_vcita_hints[] = {

    { "invalid_client",
      ": check vcita_oauth_client_id and vcita_oauth_client_secret against "
      "the app at vcita" },

    { "invalid_request",
      ": if vcita does not support PKCE, try \"vcita_oauth_pkce off\"; only "
      "the nonce in an id_token then binds a code to its browser" },

    { "invalid_scope",
      ": check that the app at vcita has each scope of vcita_oauth_scope, "
      "including openid" },

    { "unauthorized_client",
      ": check that the app at vcita may use the authorization code grant" },

    { "redirect_uri_mismatch",
      ": register vcita_oauth_redirect_uri, letter by letter, with the app at "
      "vcita" },

    { "bad_token_response",
      ": check vcita_oauth_token_endpoint and any proxy in between" },

    { NULL, NULL }
};


/* Sets the texts of a page by its error code or status */

void
ngx_http_vcita_errors_describe(ngx_http_vcita_ctx_t *ctx,
    ngx_http_vcita_page_t *page)
{
    ngx_http_vcita_error_t  *e;

    for (e = ngx_http_vcita_errors; e->code; e++) {

        /* its 401 is as that of a request without a session */

        if (page->status == NGX_HTTP_UNAUTHORIZED
            && ngx_http_vcita_errors_is(&ctx->error, "login_required"))
        {
            continue;
        }

        if (ngx_http_vcita_errors_is(&ctx->error, e->code)) {
            page->title = e->title;
            page->text = ctx->cause_page ? ctx->cause_page : e->text;
            page->link = e->link;
            return;
        }
    }

    page->link = NGX_HTTP_VCITA_TEXT_TRY_AGAIN;

    switch (page->status) {

    case NGX_HTTP_UNAUTHORIZED:
        page->title = NGX_HTTP_VCITA_TEXT_NONE;
        page->text = NGX_HTTP_VCITA_TEXT_NONE;
        return;

    case NGX_HTTP_NOT_ALLOWED:
        page->title = NGX_HTTP_VCITA_TEXT_NO_METHOD_TITLE;
        page->text = NGX_HTTP_VCITA_TEXT_NO_METHOD;
        page->link = NGX_HTTP_VCITA_TEXT_START_PAGE;
        return;

    case NGX_HTTP_BAD_GATEWAY:
        page->title = NGX_HTTP_VCITA_TEXT_REFUSED_TITLE;
        page->text = NGX_HTTP_VCITA_TEXT_REFUSED;
        return;

    default:
        page->title = NGX_HTTP_VCITA_TEXT_FAILED_TITLE;
        page->text = NGX_HTTP_VCITA_TEXT_FAILED;
    }
}


/* The hint that the log adds to an error code of vcita */

const char *
ngx_http_vcita_errors_hint(ngx_http_vcita_client_t *client, ngx_str_t *error)
{
    ngx_http_vcita_hint_t  *h;

    if (client->assertion_key.names
        && ngx_http_vcita_errors_is(error, "invalid_client"))
    {
        return ngx_http_vcita_key_hint;
    }

    if (!client->pkce && ngx_http_vcita_errors_is(error, "invalid_request"))
    {
        return "";
    }

    for (h = ngx_http_vcita_hints; h->code; h++) {

        if (ngx_http_vcita_errors_is(error, h->code)) {
            return h->text;
        }
    }

    return ": log $vcita_oauth_error_description, which has vcita's reason";
}


ngx_uint_t
ngx_http_vcita_errors_is(ngx_str_t *error, const char *code)
{
    return error->len == ngx_strlen(code)
           && ngx_strncmp(error->data, code, error->len) == 0;
}


/* The code of an index, "other" after the last one, then NULL */

const char *
ngx_http_vcita_errors_reason_name(ngx_uint_t reason)
{
    ngx_uint_t  n;

    n = sizeof(ngx_http_vcita_errors)
        / sizeof(ngx_http_vcita_error_t) - 1;

    if (reason > n) {
        return NULL;
    }

    return (reason == n) ? "other" : ngx_http_vcita_errors[reason].code;
}


/* Counts a failed login by its error code */

void
ngx_http_vcita_errors_count(ngx_http_request_t *r, ngx_str_t *error)
{
    ngx_uint_t               i;
    ngx_http_vcita_stats_t  *stats;

    stats = ngx_http_vcita_ctx_counters(r);

    for (i = 0; ngx_http_vcita_errors[i].code; i++) {
        if (ngx_http_vcita_errors_is(error, ngx_http_vcita_errors[i].code))
        {
            break;
        }
    }

    ngx_http_vcita_stats_add(stats->logins_failed[i], 1);
}
