
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
    const char                  *title;
    const char                  *text;
    const char                  *link;
} ngx_http_vcita_error_t;


typedef struct {
    const char                  *code;
    const char                  *text;
} ngx_http_vcita_hint_t;


static ngx_http_vcita_error_t  ngx_http_vcita_errors[] = {

    { "access_denied",
      "Access was not allowed",
      "You did not allow this site to sign you in with vcita. Nothing was "
      "shared.",
      "Sign in after all" },

    { "state_mismatch",
      "The sign-in could not be matched to this browser",
      "The sign-in was begun in another browser or window, or cookies of "
      "this site are blocked. Allow cookies for this site, then try again.",
      "Try again" },

    { "state_expired",
      "The sign-in took too long",
      "More time went by than this site allows for signing in.",
      "Try again" },

    { "invalid_state",
      "This is not a sign-in that this site began",
      "The address is incomplete, was changed on the way, or belongs to an "
      "older sign-in.",
      "Go to the start page" },

    { "invalid_callback",
      "The sign-in came back incomplete",
      "vcita sent the browser back without what is needed to sign in.",
      "Try again" },

    { "callback_elsewhere",
      "The sign-in came back to a wrong address",
      "You are not signed in: vcita's answer arrived at an address that does "
      "not take it. The operator of this site has to correct that.",
      "Go to the start page" },

    { "invalid_host",
      "This address is not one that people can sign in at",
      "The host name of the request is not valid. Check the address, then "
      "try again.",
      NULL },

    { "invalid_grant",
      "The sign-in was used up",
      "vcita no longer accepts this sign-in: it was used already, or took "
      "too long.",
      "Try again" },

    { "invalid_client",
      "This site is not set up correctly",
      "vcita does not recognise this site. Its operator has to look into it.",
      "Try again" },

    { "rate_limited",
      "Many people are signing in right now",
      "There is a queue. Leave this page open: it tries again by itself when "
      "it is your turn.",
      "Try now" },

    { "bad_token_response",
      "vcita gave an unexpected answer",
      "The sign-in could not be finished. Trying again often helps.",
      "Try again" },

    { "bad_id_token",
      "vcita's answer is not meant for this sign-in",
      "What vcita said about you could not be trusted. Trying again often "
      "helps.",
      "Try again" },

    { "bad_userinfo",
      "vcita did not say who you are",
      "The sign-in could not be finished. Trying again often helps.",
      "Try again" },

    { "unreachable",
      "vcita cannot be reached",
      "This site could not connect to vcita. Try again in a few minutes.",
      "Try again" },

    { "timeout",
      "vcita took too long to answer",
      "The sign-in could not be finished. Try again in a few minutes.",
      "Try again" },

    { "session_too_large",
      "The sign-in does not fit",
      "There is more information about your account than this site can keep. "
      "Its operator has to look into it.",
      "Try again" },

    { "store_unavailable",
      "Your session cannot be looked up right now",
      "This site could not find out whether you are signed in. Nothing is "
      "lost: try again in a moment.",
      "Try again" },

    { "not_allowed",
      "This account may not come in here",
      "You are signed in, but this site is not open to your account. You are "
      "signed in as:",
      "Sign in as another account" },

    { "invalid_token",
      "The access token is not valid",
      "The token that came with this request has ended, or was not issued by "
      "vcita for this app. Ask for a new one, then try again.",
      NULL },

    { "keys_unavailable",
      "Tokens cannot be checked right now",
      "This site could not get the keys of vcita. Try again in a minute.",
      NULL },

    { "login_required",
      "Please sign in again",
      "This page is only for those who have just signed in, and vcita did not "
      "ask you to.",
      "Sign in again" },

    { "session_lost",
      "Your sign-in keeps getting lost",
      "You signed in several times, but the browser did not bring back the "
      "cookie named below. Allow cookies for this site, open it by the "
      "address that its links use, then try again in a minute.",
      NULL },

    { NULL, NULL, NULL, NULL }
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

    page->link = "Try again";

    switch (page->status) {

    case NGX_HTTP_UNAUTHORIZED:
        page->title = NULL;
        page->text = NULL;
        return;

    case NGX_HTTP_NOT_ALLOWED:
        page->title = "This address is only for signing in";
        page->text = "It answers to a browser that comes back from vcita, "
                     "and to nothing else.";
        page->link = "Go to the start page";
        return;

    case NGX_HTTP_BAD_GATEWAY:
        page->title = "vcita refused the sign-in";
        page->text = "The sign-in could not be finished. If trying again "
                     "does not help, the operator of this site has to look "
                     "into it.";
        return;

    default:
        page->title = "The request could not be answered";
        page->text = "Something went wrong. Try again in a moment.";
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
