
/*
 * Copyright (C) the vcita OAuth gate authors
 *
 * A lost cookie: finds out from the request why the browser did not send it
 * back, for the log and for the page.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "http/ngx_http_vcita_http.h"


typedef struct {
    const char             *log;
    ngx_http_vcita_text_e   page;    /* none: by its code */
} ngx_http_vcita_cause_t;


static ngx_http_vcita_cause_t *ngx_http_vcita_session_lost_way(
    ngx_http_request_t *r, ngx_http_vcita_client_t *client,
    ngx_uint_t began);
static ngx_uint_t ngx_http_vcita_session_lost_sent(ngx_http_request_t *r,
    ngx_http_vcita_ctx_t *ctx, ngx_http_vcita_client_t *client,
    ngx_uint_t kind);


static ngx_http_vcita_cause_t  ngx_http_vcita_session_lost_framed = {

    ": the site runs in a frame of another site, where browsers block its "
    "cookies, open it in its own tab or see vcita_oauth_cookie_samesite",

    NGX_HTTP_VCITA_TEXT_LOST_FRAMED
};


static ngx_http_vcita_cause_t  ngx_http_vcita_session_lost_http = {

    ": the request came over http, but redirect_uri is https and its cookies "
    "are Secure, redirect http to https, never back",

    NGX_HTTP_VCITA_TEXT_LOST_HTTP
};


static ngx_http_vcita_cause_t  ngx_http_vcita_session_lost_elsewhere = {

    ": the request came to another host than that of vcita_oauth_redirect_uri, "
    "which has the cookies, redirect to that host, never back",

    NGX_HTTP_VCITA_TEXT_LOST_ELSEWHERE
};


static ngx_http_vcita_cause_t  ngx_http_vcita_session_lost_clash = {

    ": a cookie of that name came but does not open, do all machines have the "
    "same key and correct clocks, and does no other client of this host use "
    "the name?",

    NGX_HTTP_VCITA_TEXT_LOST_CLASH
};


static ngx_http_vcita_cause_t  ngx_http_vcita_session_lost_unknown = {

    ": a cookie of that name came but is not in the session store, do all "
    "machines have the same store, is the store full, does another client of "
    "this host use the name?",

    NGX_HTTP_VCITA_TEXT_NONE
};


static ngx_http_vcita_cause_t  ngx_http_vcita_session_lost_nothing = {

    ": does the browser block cookies, does a proxy remove them, does the host "
    "belong to vcita_oauth_cookie_domain?",

    NGX_HTTP_VCITA_TEXT_NONE
};


static ngx_http_vcita_cause_t  ngx_http_vcita_session_lost_another = {

    ": the login cookie differs from that of the state, is it a link of "
    "another browser, does another client of this host use the cookie name?",

    NGX_HTTP_VCITA_TEXT_NONE
};


static ngx_http_vcita_cause_t  ngx_http_vcita_session_lost_no_login = {

    ": no login cookie came, is it a link of another browser, or does the "
    "browser block cookies?",

    NGX_HTTP_VCITA_TEXT_NONE
};


/*
 * Responds to a browser whose logins finish but whose sessions get lost.
 * "began" has the flags of the state about where its login began.
 */

ngx_int_t
ngx_http_vcita_session_lost_answer(ngx_http_request_t *r,
    ngx_http_vcita_ctx_t *ctx, ngx_http_vcita_client_t *client,
    ngx_uint_t began)
{
    ngx_http_vcita_page_t    page;
    ngx_http_vcita_cause_t  *cause;

    cause = ngx_http_vcita_session_lost_way(r, client, began);

    if (cause == NULL) {

        if (!ngx_http_vcita_session_lost_sent(r, ctx, client,
                                              NGX_HTTP_VCITA_SESSION))
        {
            cause = &ngx_http_vcita_session_lost_nothing;

        } else if (client->storage.store) {
            cause = &ngx_http_vcita_session_lost_unknown;

        } else {
            cause = &ngx_http_vcita_session_lost_clash;
        }
    }

    ctx->cause = cause->log;
    ctx->cause_page = cause->page;

    ngx_log_error(NGX_LOG_ERR, r->connection->log, 0,
                  "%ui logins within %d seconds, but cookie \"%V\" with the "
                  "session did not come back%s",
                  ctx->finished, NGX_HTTP_VCITA_LOOP_TIME,
                  &client->session_cookie.name, ctx->cause);

    ngx_memzero(&page, sizeof(ngx_http_vcita_page_t));
    ngx_str_set(&ctx->error, "session_lost");
    ngx_http_vcita_errors_count(r, &ctx->error);
    page.status = NGX_HTTP_BAD_REQUEST;
    page.sentence = NGX_HTTP_VCITA_TEXT_COOKIE_NAME;
    page.detail = client->session_cookie.name;

    return ngx_http_vcita_page_error(r, ctx, &page);
}


/* Records why the login cookie of a callback does not match its state */

void
ngx_http_vcita_session_lost_login_cause(ngx_http_request_t *r,
    ngx_http_vcita_ctx_t *ctx, ngx_http_vcita_client_t *client,
    ngx_uint_t began)
{
    ngx_http_vcita_cause_t  *cause;

    cause = ngx_http_vcita_session_lost_way(r, client, began);

    if (cause == NULL) {
        cause = ngx_http_vcita_session_lost_sent(r, ctx, client,
                                                 NGX_HTTP_VCITA_LOGIN)
                ? &ngx_http_vcita_session_lost_another
                : &ngx_http_vcita_session_lost_no_login;
    }

    ctx->cause = cause->log;
    ctx->cause_page = cause->page;
}


/* scheme, host or frame of the request keep the browser's cookies away */

static ngx_http_vcita_cause_t *
ngx_http_vcita_session_lost_way(ngx_http_request_t *r,
    ngx_http_vcita_client_t *client, ngx_uint_t began)
{
    if (client->cookie_samesite == NGX_HTTP_VCITA_LAX
        && ngx_http_vcita_user_agent_is_framed(r))
    {
        return &ngx_http_vcita_session_lost_framed;
    }

    if (began & NGX_HTTP_VCITA_BEGAN_HOST) {
        return &ngx_http_vcita_session_lost_elsewhere;
    }

    if (began & NGX_HTTP_VCITA_BEGAN_HTTP) {
        return &ngx_http_vcita_session_lost_http;
    }

    return NULL;
}


static ngx_uint_t
ngx_http_vcita_session_lost_sent(ngx_http_request_t *r,
    ngx_http_vcita_ctx_t *ctx, ngx_http_vcita_client_t *client,
    ngx_uint_t kind)
{
    ngx_str_t   value;
    ngx_uint_t  next;

    next = 0;

    return ngx_http_vcita_ctx_next_cookie(r, ctx, client, kind, &next, &value)
           == NGX_OK;
}
