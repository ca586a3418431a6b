
/*
 * Copyright (C) the vcita OAuth gate authors
 *
 * The exchange: the steps from a code to a token, from a token to claims, and
 * from both to a session.  A waiting step continues when the request runs
 * again; "callback" sends the response.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "http/ngx_http_vcita_http.h"
#include "net/ngx_http_vcita_curl_multi.h"


/* the longest wait for a slot in ms: vcita's codes expire after 30 s */
#define NGX_HTTP_VCITA_PATIENCE  25000

/* seconds over which the retries of refused logins are spread */
#define NGX_HTTP_VCITA_SPREAD    5


static ngx_int_t ngx_http_vcita_exchange_steps(ngx_http_request_t *r,
    ngx_http_vcita_exchange_t *x);
static ngx_int_t ngx_http_vcita_exchange_issued(ngx_http_request_t *r,
    ngx_http_vcita_exchange_t *x);
static void ngx_http_vcita_exchange_revoke(ngx_http_vcita_exchange_t *x,
    ngx_uint_t finished);
static ngx_int_t ngx_http_vcita_exchange_busy(ngx_http_request_t *r,
    ngx_http_vcita_exchange_t *x);
static void ngx_http_vcita_exchange_busy_log(ngx_http_request_t *r,
    ngx_http_vcita_exchange_t *x);
static void ngx_http_vcita_exchange_full(ngx_http_request_t *r);
static void ngx_http_vcita_exchange_wake(ngx_http_vcita_call_t *call);
static void ngx_http_vcita_exchange_cancel(ngx_http_vcita_exchange_t *x);
static void ngx_http_vcita_exchange_cleanup(void *data);


/*
 * Creates ctx->exchange for a valid state and a code, and reserves slots.
 * NGX_AGAIN: it waits behind other callbacks of its browser.  NGX_DECLINED:
 * there is no slot in time; x->failure is set.
 */

ngx_int_t
ngx_http_vcita_exchange_start(ngx_http_request_t *r, ngx_http_vcita_ctx_t *ctx,
    ngx_http_vcita_login_state_t *s, ngx_str_t *code)
{
    ngx_int_t                    rc;
    ngx_uint_t                   n;
    ngx_pool_cleanup_t          *cln;
    ngx_http_vcita_call_t       *call;
    ngx_http_vcita_exchange_t   *x;
    ngx_http_vcita_main_conf_t  *vmcf;

    cln = ngx_pool_cleanup_add(r->pool, sizeof(ngx_http_vcita_exchange_t));
    if (cln == NULL) {
        return NGX_ERROR;
    }

    x = cln->data;
    ngx_memzero(x, sizeof(ngx_http_vcita_exchange_t));

    cln->handler = ngx_http_vcita_exchange_cleanup;

    vmcf = ngx_http_get_module_main_conf(r, ngx_http_vcita_oauth_module);

    x->request = r;
    x->ctx = ctx;
    x->client = ctx->callback;
    x->state = *s;
    x->code = *code;

    call = &x->call;

    call->fetch.pool = r->pool;
    call->fetch.log = r->connection->log;
    call->fetch.endpoint = &x->client->endpoint;
    call->rate = &vmcf->rate;
    call->client_id = x->client->client_id;
    call->places = &vmcf->places;
    call->key = x->state.login;
    call->statistics = &vmcf->statistics;
    call->patience = NGX_HTTP_VCITA_PATIENCE;
    call->handler = ngx_http_vcita_exchange_wake;
    call->data = x;

    ngx_http_vcita_call_init(call);

    ctx->exchange = x;

    n = ngx_http_vcita_exchange_asks_userinfo(x->client, x->client->identified)
        ? 2 : 1;

    rc = ngx_http_vcita_call_reserve(call, n);

    if (call->waited) {
        ngx_http_vcita_count(r, logins_paced);
    }

    if (rc == NGX_BUSY) {
        rc = ngx_http_vcita_exchange_busy(r, x);
        ngx_http_vcita_exchange_cancel(x);
    }

    return rc;
}


/*
 * Continues the exchange.  NGX_OK: the session exists, and its cookie is set.
 * NGX_AGAIN: the request waits, then calls this again.  NGX_DECLINED:
 * x->failure is set.
 */

ngx_int_t
ngx_http_vcita_exchange(ngx_http_request_t *r, ngx_http_vcita_exchange_t *x)
{
    ngx_int_t   rc;
    ngx_uint_t  waited;

    waited = x->call.waited;

    rc = ngx_http_vcita_exchange_steps(r, x);

    /* its first slot, which Redis has granted only now */

    if (!waited && x->call.waited && x->call.fetch.url.len == 0) {
        ngx_http_vcita_count(r, logins_paced);
    }

    if (rc == NGX_BUSY) {
        rc = ngx_http_vcita_exchange_busy(r, x);
    }

    /* a session that waits for its store needs no token or claims */

    if (rc != NGX_AGAIN || x->saving) {
        ngx_http_vcita_exchange_cancel(x);
    }

    if (rc != NGX_AGAIN) {
        ngx_http_vcita_exchange_revoke(x, rc == NGX_OK);
    }

    return rc;
}


/*
 * NGX_OK: done.  NGX_AGAIN: the request waits.  NGX_BUSY: vcita cannot be
 * called now.  NGX_DECLINED: the login failed, and x->failure is set.
 * NGX_ERROR: memory is exhausted.
 */

static ngx_int_t
ngx_http_vcita_exchange_steps(ngx_http_request_t *r,
    ngx_http_vcita_exchange_t *x)
{
    ngx_int_t  rc;

    switch (x->step) {

    case NGX_HTTP_VCITA_EXCHANGE_TOKEN:

        rc = ngx_http_vcita_token_request(r, x);

        if (x->token.access_token.len
            && ngx_http_vcita_exchange_issued(r, x) != NGX_OK)
        {
            return NGX_ERROR;
        }

        if (rc != NGX_OK) {
            return rc;
        }

        x->step = NGX_HTTP_VCITA_EXCHANGE_ID_TOKEN;

        /* fall through */

    case NGX_HTTP_VCITA_EXCHANGE_ID_TOKEN:

        rc = ngx_http_vcita_userinfo_request_id_token(r, x);

        if (rc != NGX_OK) {
            return rc;
        }

        x->step = NGX_HTTP_VCITA_EXCHANGE_USERINFO;

        /* fall through */

    case NGX_HTTP_VCITA_EXCHANGE_USERINFO:

        rc = ngx_http_vcita_userinfo_request(r, x);

        if (rc != NGX_OK) {
            return rc;
        }

        x->step = NGX_HTTP_VCITA_EXCHANGE_SESSION;

        /* fall through */

    default: /* NGX_HTTP_VCITA_EXCHANGE_SESSION */

        return ngx_http_vcita_userinfo_request_session(r, x);
    }
}


/*
 * From here on one of two tokens is given back: this one if the login fails,
 * that of the present session if the login replaces it
 */

static ngx_int_t
ngx_http_vcita_exchange_issued(ngx_http_request_t *r,
    ngx_http_vcita_exchange_t *x)
{
    ngx_http_vcita_ctx_t        *ctx;
    ngx_http_vcita_session_t     s;
    ngx_http_vcita_main_conf_t  *vmcf;

    if (x->client->revoke_endpoint.len == 0) {
        return NGX_OK;
    }

    ctx = x->ctx;
    vmcf = ngx_http_get_module_main_conf(r, ngx_http_vcita_oauth_module);

    ngx_memzero(&s, sizeof(ngx_http_vcita_session_t));
    s.token = x->token.access_token;

    x->issued = ngx_http_vcita_token_revoke_create(vmcf, x->client, &s);
    if (x->issued == NULL) {
        return NGX_ERROR;
    }

    if (ctx->client != x->client || !ctx->alive) {
        return NGX_OK;
    }

    x->replaced = ngx_http_vcita_token_revoke_create(vmcf, x->client,
                                                     &ctx->session);

    return x->replaced ? NGX_OK : NGX_ERROR;
}


/* May be called more than once.  A token that lives on is never revoked. */

static void
ngx_http_vcita_exchange_revoke(ngx_http_vcita_exchange_t *x,
    ngx_uint_t finished)
{
    ngx_http_vcita_token_revoke_t  *lives, *ends;

    lives = finished ? x->issued : x->replaced;
    ends = finished ? x->replaced : x->issued;

    if (finished && lives) {
        ngx_http_vcita_token_revoke_recall(lives);
    }

    if (ends) {

        if (lives && ngx_http_vcita_token_revoke_same(lives, ends)) {
            ngx_http_vcita_token_revoke_discard(ends);

        } else {
            ngx_http_vcita_token_revoke_send(ends);
        }
    }

    if (lives) {
        ngx_http_vcita_token_revoke_discard(lives);
    }

    x->issued = NULL;
    x->replaced = NULL;
}


/* a page that retries after a delay, with the delays spread */

static ngx_int_t
ngx_http_vcita_exchange_busy(ngx_http_request_t *r,
    ngx_http_vcita_exchange_t *x)
{
    ngx_uint_t  seconds;

    seconds = ngx_max(x->call.retry_after, 1);

    if (x->call.fetch.url.len == 0) {
        ngx_http_vcita_count(r, logins_refused);
    }

    if (x->call.fetch.url.len == 0 && !x->call.unsent) {

        /* a turn of its own */

        seconds = x->call.retry_after + 1;

    } else {
        seconds += ngx_random() % (seconds / 4 + NGX_HTTP_VCITA_SPREAD);
    }

    x->failure.retry_after = seconds;

    ngx_http_vcita_exchange_busy_log(r, x);

    return ngx_http_vcita_exchange_failed(x, NGX_HTTP_SERVICE_UNAVAILABLE,
                                          "rate_limited");
}


static void
ngx_http_vcita_exchange_busy_log(ngx_http_request_t *r,
    ngx_http_vcita_exchange_t *x)
{
    ngx_http_vcita_fetch_t  *f;

    f = &x->call.fetch;

    switch (x->call.unsent) {

    case NGX_HTTP_VCITA_CALL_FULL:
        ngx_http_vcita_exchange_full(r);
        return;

    case NGX_HTTP_VCITA_CALL_FAILED:

        /* a lack of memory or connections may be short */

        return;

    case NGX_HTTP_VCITA_CALL_FLOOD:
        ngx_log_error(NGX_LOG_INFO, r->connection->log, 0,
                      "more than %d callbacks of one browser are in progress, "
                      "this one gets 503",
                      NGX_HTTP_VCITA_PLACE_INSIDE
                      + NGX_HTTP_VCITA_PLACE_BEHIND);
        return;

    case NGX_HTTP_VCITA_CALL_BEHIND:
        ngx_log_error(NGX_LOG_INFO, r->connection->log, 0,
                      "the callback waited %d s behind others of its browser, "
                      "it gets 503", NGX_HTTP_VCITA_PATIENCE / 1000);
        return;

    default:
        break;
    }

    if (f->url.len == 0) {
        ngx_log_error(NGX_LOG_INFO, r->connection->log, 0,
                      "vcita_oauth_rate has no free slot for this login, it "
                      "gets 503 and retries in %ui s",
                      x->failure.retry_after);

    } else if (f->status == NGX_HTTP_OK) {
        ngx_log_error(NGX_LOG_INFO, r->connection->log, 0,
                      "vcita sent no id_token this time, and vcita_oauth_rate "
                      "has no free slot for userinfo");

    } else if (f->status) {
        ngx_log_error(NGX_LOG_INFO, r->connection->log, 0,
                      "vcita returned %ui at \"%V\" until the code expired, "
                      "check whether another machine uses the same client's "
                      "rate",
                      f->status, &f->url);

    } else {
        ngx_log_error(NGX_LOG_INFO, r->connection->log, 0,
                      "\"%V\" was unreachable, and vcita_oauth_rate has no "
                      "free slot before the code expires: %s",
                      &f->url, f->error);
    }
}


static void
ngx_http_vcita_exchange_full(ngx_http_request_t *r)
{
    ngx_uint_t  left;

    left = ngx_http_vcita_resolve_abandoned();

    if (left) {
        ngx_log_error(NGX_LOG_INFO, r->connection->log, 0,
                      "%d requests to vcita are active in this worker and %ui "
                      "name look-ups are stuck, the login gets 503, check the "
                      "name servers of this machine",
                      NGX_HTTP_VCITA_TRANSFERS, left);
        return;
    }

    ngx_log_error(NGX_LOG_INFO, r->connection->log, 0,
                  "%d requests to vcita are active in this worker, the login "
                  "gets 503",
                  NGX_HTTP_VCITA_TRANSFERS);
}


/* r must not be used after ngx_http_vcita_wait_wake() */

static void
ngx_http_vcita_exchange_wake(ngx_http_vcita_call_t *call)
{
    ngx_http_request_t         *r;
    ngx_http_vcita_exchange_t  *x;

    x = call->data;
    r = x->request;

    if (!ngx_http_vcita_is_callback(x->ctx)
        || ngx_http_get_module_ctx(r, ngx_http_vcita_oauth_module) != x->ctx)
    {
        /* the request has another purpose by now, post_action for example */

        ngx_http_vcita_exchange_cancel(x);
        return;
    }

    ngx_http_vcita_wait_wake(r);
}


/* Cancels requests and wipes secrets; may be called more than once */

static void
ngx_http_vcita_exchange_cancel(ngx_http_vcita_exchange_t *x)
{
    ngx_http_vcita_call_cancel(&x->call);

    ngx_http_vcita_string_wipe(&x->token.access_token);
    ngx_http_vcita_string_wipe(&x->token.id_token);
}


/* the request has ended, perhaps since its client went away */

static void
ngx_http_vcita_exchange_cleanup(void *data)
{
    ngx_http_vcita_exchange_t *x = data;

    ngx_http_vcita_exchange_cancel(x);
    ngx_http_vcita_exchange_revoke(x, 0);
}
