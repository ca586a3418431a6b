
/*
 * Copyright (C) the vcita OAuth gate authors
 *
 * The exchange: a code becomes a token, the token an identity, and both a
 * session.  Each step starts something, names the step that takes it up, and
 * waits; what it waited for only wakes the request, and the step decides.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "ngx_http_vcita_oauth.h"
#include "ngx_http_vcita_oauth_count.h"
#include "ngx_http_vcita_oauth_exchange.h"
#include "ngx_http_vcita_oauth_threads.h"


/* how long a login may wait for its slot: vcita's codes live for 30 s */
#define NGX_HTTP_VCITA_OAUTH_PATIENCE    25000

/* a call that vcita refused as one too many is made again after this long */
#define NGX_HTTP_VCITA_OAUTH_BACKOFF     500
#define NGX_HTTP_VCITA_OAUTH_BACKOFFS    4

/* seconds over which those are spread who are told to come back */
#define NGX_HTTP_VCITA_OAUTH_SPREAD      5


static void ngx_http_vcita_oauth_exchange_fetched(
    ngx_http_vcita_oauth_fetch_t *f);
static void ngx_http_vcita_oauth_exchange_timer(ngx_event_t *ev);
static void ngx_http_vcita_oauth_exchange_wake(
    ngx_http_vcita_oauth_exchange_t *x);
static ngx_int_t ngx_http_vcita_oauth_exchange_wait(ngx_http_request_t *r,
    ngx_http_vcita_oauth_exchange_t *x, ngx_http_vcita_oauth_step_pt next);
static ngx_int_t ngx_http_vcita_oauth_exchange_slot(ngx_http_request_t *r,
    ngx_http_vcita_oauth_exchange_t *x, ngx_msec_t slot,
    ngx_http_vcita_oauth_step_pt next);
static void ngx_http_vcita_oauth_exchange_full(ngx_http_request_t *r);
static ngx_msec_t ngx_http_vcita_oauth_exchange_backoff(ngx_uint_t n);
static ngx_int_t ngx_http_vcita_oauth_exchange_after(ngx_http_request_t *r,
    ngx_http_vcita_oauth_exchange_t *x, ngx_msec_t delay,
    ngx_http_vcita_oauth_step_pt again);
static ngx_int_t ngx_http_vcita_oauth_exchange_again(ngx_http_request_t *r,
    ngx_http_vcita_oauth_exchange_t *x);
static ngx_int_t ngx_http_vcita_oauth_exchange_reserve(
    ngx_http_vcita_oauth_exchange_t *x);
static void ngx_http_vcita_oauth_exchange_release(
    ngx_http_vcita_oauth_exchange_t *x);
static ngx_int_t ngx_http_vcita_oauth_exchange_too_late(
    ngx_http_request_t *r, ngx_http_vcita_oauth_exchange_t *x);
static ngx_int_t ngx_http_vcita_oauth_exchange_busy(ngx_http_request_t *r,
    ngx_http_vcita_oauth_exchange_t *x, ngx_uint_t seconds);


/* Begins with a good state and a code; answers as a phase handler does */

ngx_int_t
ngx_http_vcita_oauth_exchange_start(ngx_http_request_t *r,
    ngx_http_vcita_oauth_ctx_t *ctx, ngx_http_vcita_oauth_state_t *s,
    ngx_str_t *code)
{
    ngx_uint_t                        seconds;
    ngx_http_vcita_oauth_exchange_t  *x;

    x = ngx_pcalloc(r->pool, sizeof(ngx_http_vcita_oauth_exchange_t));
    if (x == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    x->request = r;
    x->ctx = ctx;
    x->app = ctx->callback;
    x->state = *s;
    x->code = *code;
    x->started = ngx_current_msec;

    x->fetch.pool = r->pool;
    x->fetch.log = r->connection->log;
    x->fetch.peer = &x->app->peer;
    x->fetch.handler = ngx_http_vcita_oauth_exchange_fetched;
    x->fetch.data = x;

    x->timer.handler = ngx_http_vcita_oauth_exchange_timer;
    x->timer.data = r->connection;
    x->timer.log = r->connection->log;

    ctx->exchange = x;

    if (ngx_http_vcita_oauth_exchange_reserve(x) != NGX_OK) {

        seconds = x->slots[0] / 1000 + 1;

        ngx_http_vcita_oauth_count(r, logins_refused);

        ngx_log_error(NGX_LOG_INFO, r->connection->log, 0,
                      "too many logins at once for vcita_oauth_rate: this "
                      "one is told to come back in %ui s", seconds);

        return ngx_http_vcita_oauth_exchange_fail(r, x,
                                                NGX_HTTP_SERVICE_UNAVAILABLE,
                                                "rate_limited", seconds);
    }

    if (x->slots[0]) {
        ngx_http_vcita_oauth_count(r, logins_paced);
    }

    return ngx_http_vcita_oauth_exchange_next(r, x,
                                         ngx_http_vcita_oauth_exchange_token);
}


/* The request runs again: NGX_AGAIN as long as what it waits for is not here */

ngx_int_t
ngx_http_vcita_oauth_exchange_resume(ngx_http_request_t *r,
    ngx_http_vcita_oauth_ctx_t *ctx)
{
    ngx_http_vcita_oauth_exchange_t  *x;

    x = ctx->exchange;

    if (x->waiting) {
        return NGX_AGAIN;
    }

    return x->next(r, x);
}


/* Stops whatever is under way and wipes its secrets; may be called again */

void
ngx_http_vcita_oauth_exchange_cancel(ngx_http_vcita_oauth_exchange_t *x)
{
    if (x->timer.timer_set) {
        ngx_del_timer(&x->timer);
    }

    if (x->calling) {
        x->calling = 0;
        ngx_http_vcita_oauth_call_given_up(x->request);
    }

    ngx_http_vcita_oauth_fetch_cancel(&x->fetch);
    ngx_http_vcita_oauth_exchange_release(x);

    ngx_http_vcita_oauth_wipe(&x->fetch.body);
    ngx_http_vcita_oauth_wipe(&x->fetch.answer);
    ngx_http_vcita_oauth_wipe(&x->token.access_token);
    ngx_http_vcita_oauth_wipe(&x->token.id_token);

    ngx_str_null(&x->fetch.bearer);
}


/* Wipes a secret, and forgets where it was */

void
ngx_http_vcita_oauth_wipe(ngx_str_t *secret)
{
    if (secret->len) {
        ngx_explicit_memzero(secret->data, secret->len);
        ngx_str_null(secret);
    }
}


static ngx_int_t
ngx_http_vcita_oauth_exchange_wait(ngx_http_request_t *r,
    ngx_http_vcita_oauth_exchange_t *x, ngx_http_vcita_oauth_step_pt next)
{
    ngx_int_t  rc;

    x->next = next;
    x->waiting = 1;

    rc = ngx_http_vcita_oauth_wait(r);

    if (rc != NGX_AGAIN) {
        ngx_http_vcita_oauth_exchange_cancel(x);
    }

    return rc;
}


static void
ngx_http_vcita_oauth_exchange_fetched(ngx_http_vcita_oauth_fetch_t *f)
{
    ngx_http_vcita_oauth_exchange_t  *x;

    x = f->data;

    x->calling = 0;
    ngx_http_vcita_oauth_called(x->request,
                                x->token.access_token.len
                                ? NGX_HTTP_VCITA_OAUTH_USERINFO_CALL
                                : NGX_HTTP_VCITA_OAUTH_TOKEN, f);

    if (f->outcome != NGX_HTTP_VCITA_OAUTH_FETCH_UNREACHABLE) {
        x->tries = 0;
    }

    ngx_http_vcita_oauth_exchange_wake(x);
}


static void
ngx_http_vcita_oauth_exchange_timer(ngx_event_t *ev)
{
    ngx_http_vcita_oauth_exchange_t  *x;

    x = (ngx_http_vcita_oauth_exchange_t *)
            ((u_char *) ev - offsetof(ngx_http_vcita_oauth_exchange_t, timer));

    ngx_http_vcita_oauth_exchange_wake(x);
}


/* nothing here may be touched after the phases have run */

static void
ngx_http_vcita_oauth_exchange_wake(ngx_http_vcita_oauth_exchange_t *x)
{
    ngx_http_request_t  *r;

    r = x->request;

    x->waiting = 0;

    if (!ngx_http_vcita_oauth_is_callback(x->ctx)
        || ngx_http_get_module_ctx(r, ngx_http_vcita_oauth_module) != x->ctx)
    {
        /* the request is about something else by now, post_action say */

        ngx_http_vcita_oauth_exchange_cancel(x);
        return;
    }

    ngx_http_vcita_oauth_wake(r);
}


/* goes on with the step when its slot, counted from the start, has come */

static ngx_int_t
ngx_http_vcita_oauth_exchange_slot(ngx_http_request_t *r,
    ngx_http_vcita_oauth_exchange_t *x, ngx_msec_t slot,
    ngx_http_vcita_oauth_step_pt next)
{
    ngx_msec_t  elapsed;

    elapsed = ngx_current_msec - x->started;

    if (slot <= elapsed) {
        return next(r, x);
    }

    ngx_add_timer(&x->timer, slot - elapsed);

    return ngx_http_vcita_oauth_exchange_wait(r, x, next);
}


/* Sends what x->fetch has been filled with, and names the step after it */

ngx_int_t
ngx_http_vcita_oauth_exchange_send(ngx_http_request_t *r,
    ngx_http_vcita_oauth_exchange_t *x, ngx_str_t *url,
    ngx_http_vcita_oauth_step_pt next)
{
    ngx_int_t  rc;

    x->fetch.url = *url;
    x->tries++;
    x->unused--;

    rc = ngx_http_vcita_oauth_fetch(&x->fetch);

    if (rc == NGX_AGAIN) {
        x->calling = 1;
        ngx_http_vcita_oauth_calling(r);

        return ngx_http_vcita_oauth_exchange_wait(r, x, next);
    }

    if (rc == NGX_BUSY) {
        ngx_http_vcita_oauth_exchange_full(r);
    }

    /* if not busy, out of memory or connections: it may work in a moment */

    return ngx_http_vcita_oauth_exchange_busy(r, x, 1);
}


static void
ngx_http_vcita_oauth_exchange_full(ngx_http_request_t *r)
{
    ngx_uint_t  left;

    left = ngx_http_vcita_oauth_threads_left();

    if (left) {
        ngx_log_error(NGX_LOG_INFO, r->connection->log, 0,
                      "%d calls to vcita are in flight in this worker, the "
                      "login gets 503; %ui of them are abandoned name "
                      "look-ups, check the name servers of this machine",
                      NGX_HTTP_VCITA_OAUTH_TRANSFERS, left);
        return;
    }

    ngx_log_error(NGX_LOG_INFO, r->connection->log, 0,
                  "%d calls to vcita are in flight in this worker, the login "
                  "gets 503",
                  NGX_HTTP_VCITA_OAUTH_TRANSFERS);
}


/*
 * vcita has said "slow down" (429, or a gateway's 503), so it did nothing.  The
 * step is taken again a little later, as long as the code can still be good.
 */

ngx_int_t
ngx_http_vcita_oauth_exchange_later(ngx_http_request_t *r,
    ngx_http_vcita_oauth_exchange_t *x, ngx_http_vcita_oauth_step_pt again)
{
    ngx_msec_t  delay, elapsed;

    elapsed = ngx_current_msec - x->started;

    delay = x->fetch.retry_after * 1000
            + ngx_http_vcita_oauth_exchange_backoff(x->throttled++);

    if (elapsed + delay >= NGX_HTTP_VCITA_OAUTH_PATIENCE) {
        return ngx_http_vcita_oauth_exchange_too_late(r, x);
    }

    ngx_log_error(NGX_LOG_INFO, r->connection->log, 0,
                  "vcita answered %ui: the call is made again after %M ms",
                  x->fetch.status, delay);

    return ngx_http_vcita_oauth_exchange_after(r, x, delay, again);
}


/* vcita could not be reached, so it got nothing: the step is taken again */

ngx_int_t
ngx_http_vcita_oauth_exchange_reconnect(ngx_http_request_t *r,
    ngx_http_vcita_oauth_exchange_t *x, ngx_http_vcita_oauth_step_pt again)
{
    ngx_msec_t  delay;

    delay = ngx_http_vcita_oauth_exchange_backoff(0);

    ngx_log_error(NGX_LOG_INFO, r->connection->log, 0,
                  "vcita could not be reached: the call is made again after "
                  "%M ms", delay);

    return ngx_http_vcita_oauth_exchange_after(r, x, delay, again);
}


/* The next call, in its slot; one that nobody expected has none yet */

ngx_int_t
ngx_http_vcita_oauth_exchange_next(ngx_http_request_t *r,
    ngx_http_vcita_oauth_exchange_t *x, ngx_http_vcita_oauth_step_pt next)
{
    if (x->unused == 0) {
        return ngx_http_vcita_oauth_exchange_after(r, x, 0, next);
    }

    return ngx_http_vcita_oauth_exchange_slot(r, x,
                                         x->slots[x->reserved - x->unused],
                                         next);
}


/* those who were refused together do not come back together */

static ngx_msec_t
ngx_http_vcita_oauth_exchange_backoff(ngx_uint_t n)
{
    ngx_msec_t  delay;

    delay = NGX_HTTP_VCITA_OAUTH_BACKOFF
            << ngx_min(n, NGX_HTTP_VCITA_OAUTH_BACKOFFS);

    return delay + ngx_random() % delay;
}


static ngx_int_t
ngx_http_vcita_oauth_exchange_after(ngx_http_request_t *r,
    ngx_http_vcita_oauth_exchange_t *x, ngx_msec_t delay,
    ngx_http_vcita_oauth_step_pt again)
{
    x->again = again;

    return ngx_http_vcita_oauth_exchange_slot(r, x,
                                         ngx_current_msec - x->started + delay,
                                         ngx_http_vcita_oauth_exchange_again);
}


/*
 * The time has come.  Slots are taken only now, for all calls that are still
 * to be made: those of the first attempt are over.
 */

static ngx_int_t
ngx_http_vcita_oauth_exchange_again(ngx_http_request_t *r,
    ngx_http_vcita_oauth_exchange_t *x)
{
    ngx_uint_t  seconds;

    if (ngx_http_vcita_oauth_exchange_reserve(x) != NGX_OK) {

        seconds = (x->slots[0] - (ngx_current_msec - x->started)) / 1000;
        x->fetch.retry_after = ngx_max(x->fetch.retry_after, seconds);

        return ngx_http_vcita_oauth_exchange_too_late(r, x);
    }

    return ngx_http_vcita_oauth_exchange_next(r, x, x->again);
}


/*
 * Reserves slots for all calls that are still to be made, in x->slots, counted
 * from the start: no code is spent for nothing.  NGX_BUSY: the code would be
 * too old; x->slots[0] tells when to come back.
 */

static ngx_int_t
ngx_http_vcita_oauth_exchange_reserve(ngx_http_vcita_oauth_exchange_t *x)
{
    ngx_int_t                          rc;
    ngx_msec_t                         elapsed, patience;
    ngx_uint_t                         i, n;
    ngx_http_vcita_oauth_main_conf_t  *vmcf;

    vmcf = ngx_http_get_module_main_conf(x->request,
                                         ngx_http_vcita_oauth_module);

    ngx_http_vcita_oauth_exchange_release(x);

    n = (x->token.access_token.len
         || !ngx_http_vcita_oauth_asks_userinfo(x->app, x->app->identified))
        ? 1 : 2;

    elapsed = ngx_current_msec - x->started;

    patience = (elapsed < NGX_HTTP_VCITA_OAUTH_PATIENCE)
               ? NGX_HTTP_VCITA_OAUTH_PATIENCE - elapsed : 0;

    rc = ngx_http_vcita_oauth_pace_reserve(&vmcf->pace, n, patience,
                                           x->slots);

    for (i = 0; i < n; i++) {
        x->slots[i] += elapsed;
    }

    x->reserved = n;
    x->unused = (rc == NGX_OK) ? n : 0;

    return rc;
}


/* What was reserved for calls that will not be made is for other logins */

static void
ngx_http_vcita_oauth_exchange_release(ngx_http_vcita_oauth_exchange_t *x)
{
    ngx_http_vcita_oauth_main_conf_t  *vmcf;

    vmcf = ngx_http_get_module_main_conf(x->request,
                                         ngx_http_vcita_oauth_module);

    while (x->unused) {
        ngx_http_vcita_oauth_pace_release(&vmcf->pace,
                             x->started + x->slots[x->reserved - x->unused]);
        x->unused--;
    }
}


static ngx_int_t
ngx_http_vcita_oauth_exchange_too_late(ngx_http_request_t *r,
    ngx_http_vcita_oauth_exchange_t *x)
{
    if (x->fetch.status == NGX_HTTP_OK) {
        ngx_log_error(NGX_LOG_INFO, r->connection->log, 0,
                      "vcita sent no id_token this time, and "
                      "vcita_oauth_rate has no free slot for userinfo");

    } else if (x->fetch.status) {
        ngx_log_error(NGX_LOG_INFO, r->connection->log, 0,
                      "vcita answered %ui at \"%V\" until the code was too "
                      "old: does another machine share this application's "
                      "rate?",
                      x->fetch.status, &x->fetch.url);

    } else {
        ngx_log_error(NGX_LOG_INFO, r->connection->log, 0,
                      "no slot of vcita_oauth_rate is free before the code is "
                      "too old; \"%V\" could not be reached at first: %s",
                      &x->fetch.url, x->fetch.error);
    }

    return ngx_http_vcita_oauth_exchange_busy(r, x, x->fetch.retry_after);
}


/* A page that tries again in so many seconds, but not all of them at once */

static ngx_int_t
ngx_http_vcita_oauth_exchange_busy(ngx_http_request_t *r,
    ngx_http_vcita_oauth_exchange_t *x, ngx_uint_t seconds)
{
    seconds = ngx_max(seconds, 1);
    seconds += ngx_random() % (seconds / 4 + NGX_HTTP_VCITA_OAUTH_SPREAD);

    return ngx_http_vcita_oauth_exchange_fail(r, x,
                                              NGX_HTTP_SERVICE_UNAVAILABLE,
                                              "rate_limited", seconds);
}


/* Logs why a call to the endpoint has no response */

void
ngx_http_vcita_oauth_exchange_unanswered(ngx_http_request_t *r,
    ngx_http_vcita_oauth_exchange_t *x, const char *endpoint)
{
    const char  *what;

    switch (x->fetch.outcome) {

    case NGX_HTTP_VCITA_OAUTH_FETCH_UNREACHABLE:
        what = "is unreachable, check DNS, the firewall, "
               "vcita_oauth_http_proxy and "
               "vcita_oauth_ssl_trusted_certificate";
        break;

    case NGX_HTTP_VCITA_OAUTH_FETCH_TIMEOUT:
        what = "did not respond in time, check the network and "
               "vcita_oauth_timeout";
        break;

    default: /* NGX_HTTP_VCITA_OAUTH_FETCH_BROKEN */
        what = "sent an incomplete or too large response, check its address "
               "and any proxy in between";
    }

    ngx_log_error(NGX_LOG_ERR, r->connection->log, 0,
                  "%s endpoint \"%V\" %s: %s",
                  endpoint, &x->fetch.url, what, x->fetch.error);
}


/* Ends the exchange with an error; "error" as in callback_fail() */

ngx_int_t
ngx_http_vcita_oauth_exchange_fail(ngx_http_request_t *r,
    ngx_http_vcita_oauth_exchange_t *x, ngx_uint_t status, const char *error,
    ngx_uint_t retry_after)
{
    ngx_http_vcita_oauth_exchange_cancel(x);

    return ngx_http_vcita_oauth_callback_fail(r, x->ctx, &x->state, status,
                                              error, retry_after);
}
