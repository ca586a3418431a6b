
/*
 * Copyright (C) the vcita OAuth gate authors
 *
 * The lost cookie: a browser does not bring back what it was given.  Why, as
 * far as its request shows it, for the log and for the page.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "http/ngx_http_vcita_http.h"


typedef struct {
    const char  *log;
    const char  *page;       /* NULL: what the code has to say */
} ngx_http_vcita_cause_t;


static ngx_http_vcita_cause_t *ngx_http_vcita_session_lost_way(
    ngx_http_request_t *r, ngx_http_vcita_client_t *client,
    ngx_uint_t began);
static ngx_uint_t ngx_http_vcita_session_lost_sent(ngx_http_request_t *r,
    ngx_http_vcita_ctx_t *ctx, ngx_http_vcita_client_t *client,
    ngx_uint_t kind);


static ngx_http_vcita_cause_t  ngx_http_vcita_session_lost_framed = {

    ": the site is shown inside of another page, where browsers keep cookies "
    "back: open it in a tab of its own, or see vcita_oauth_cookie_samesite",

    "This site is shown inside of another page, and the browser keeps its "
    "cookies back there. Open this site in a tab of its own."
};


static ngx_http_vcita_cause_t  ngx_http_vcita_session_lost_http = {

    ": people come by http, but vcita_oauth_redirect_uri is https, and so are "
    "the cookies: redirect http to https, and let nothing redirect back",

    "This site was opened by http, but its sign-in works by https alone. Put "
    "https:// in front of its address."
};


static ngx_http_vcita_cause_t  ngx_http_vcita_session_lost_elsewhere = {

    ": people come by another host name than that of "
    "vcita_oauth_redirect_uri, which has the cookies: redirect to that one, "
    "and let nothing redirect back",

    "This site was opened by another name than the one that it signs people "
    "in by. Open it by the address that its operator gave you."
};


static ngx_http_vcita_cause_t  ngx_http_vcita_session_lost_clash = {

    ": a cookie of that name came, but does not open: does another "
    "application of this host use the name, has another machine another key "
    "or another time?",

    "You signed in several times, but the browser brought back another "
    "cookie of the name below than the one that this site gave it. Delete "
    "the cookies of this site, then try again in a minute."
};


static ngx_http_vcita_cause_t  ngx_http_vcita_session_lost_unknown = {

    ": a cookie of that name came, but the session store does not know it: "
    "does another application of this host use the name, has another machine "
    "another store, is the store full?",

    NULL
};


static ngx_http_vcita_cause_t  ngx_http_vcita_session_lost_nothing = {

    ": does the browser refuse cookies, does a proxy remove them, does the "
    "site fit vcita_oauth_cookie_domain?",

    NULL
};


static ngx_http_vcita_cause_t  ngx_http_vcita_session_lost_another = {

    ": another login cookie came than the one that it began with: is it a "
    "link of another browser, does another application of this host use the "
    "name?",

    NULL
};


static ngx_http_vcita_cause_t  ngx_http_vcita_session_lost_no_login = {

    ": no login cookie came: is it a link of another browser, or does this "
    "one refuse cookies?",

    NULL
};


/*
 * Answers a browser whose logins finish, but whose session gets lost.  "began"
 * says by which other way its logins begin.
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
                  "%ui logins within %d seconds, and the session of cookie "
                  "\"%V\" did not come back%s",
                  ctx->finished, NGX_HTTP_VCITA_LOOP_TIME,
                  &client->session_cookie.name, ctx->cause);

    ngx_memzero(&page, sizeof(ngx_http_vcita_page_t));
    ngx_str_set(&ctx->error, "session_lost");
    ngx_http_vcita_errors_count(r, &ctx->error);
    page.status = NGX_HTTP_BAD_REQUEST;
    page.detail = client->session_cookie.name;

    return ngx_http_vcita_page_error(r, ctx, &page);
}


/* Notes why the login cookie of a callback is not the one of its state */

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


/* the way that the browser has come by keeps cookies from coming along */

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
