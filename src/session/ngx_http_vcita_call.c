
/*
 * Copyright (C) the vcita OAuth gate authors
 *
 * A call to vcita: its place among those of its browser, its slot of the rate
 * limit, the request, and retries while vcita has certainly done nothing.  All
 * calls to vcita use it.  May touch its arguments, and places, rate and
 * counters in shared memory.  It knows no nginx request, so that a call can
 * outlive one.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_event.h>
#include <ngx_http.h>

#include "net/ngx_http_vcita_turn.h"
#include "session/ngx_http_vcita_call.h"
#include "util/ngx_http_vcita_string.h"


/* an unreachable endpoint is tried once more */
#define NGX_HTTP_VCITA_CALL_TRIES     2

/* delay in ms before a throttled call is repeated, and how often */
#define NGX_HTTP_VCITA_CALL_BACKOFF   500
#define NGX_HTTP_VCITA_CALL_BACKOFFS  4


/* a call that waits behind others of its browser asks again after this time */
#define NGX_HTTP_VCITA_CALL_BEHIND_MS  100

/* seconds until a refused call of a flood may be retried */
#define NGX_HTTP_VCITA_CALL_FLOOD_S   5

/*
 * Calls that start in one turn of the loop: signing an assertion takes 1 ms.
 * curl_multi handles four sockets a turn, and a TLS connection takes three
 * steps, so the connections that begin do not pile up.
 */
#define NGX_HTTP_VCITA_CALL_STARTS    1

/* a lease lives this much longer than its patience and one call */
#define NGX_HTTP_VCITA_CALL_PLACE     60000


/* rate limited, by vcita or by a gateway in front of it */

#define ngx_http_vcita_call_throttled(f)                                      \
    ((f)->status == NGX_HTTP_TOO_MANY_REQUESTS                                \
     || (f)->status == NGX_HTTP_SERVICE_UNAVAILABLE)


static ngx_int_t ngx_http_vcita_call_enter(ngx_http_vcita_call_t *call);
static ngx_int_t ngx_http_vcita_call_reserved(ngx_http_vcita_call_t *call,
    ngx_int_t rc);
static void ngx_http_vcita_call_slots(ngx_http_vcita_rate_ask_t *ask);
static ngx_int_t ngx_http_vcita_call_admit(ngx_http_vcita_call_t *call);
static ngx_int_t ngx_http_vcita_call_answered(ngx_http_vcita_call_t *call);
static ngx_msec_t ngx_http_vcita_call_backoff(ngx_uint_t n);
static ngx_int_t ngx_http_vcita_call_sleep(ngx_http_vcita_call_t *call,
    ngx_msec_t delay);
static void ngx_http_vcita_call_release(ngx_http_vcita_call_t *call);
static void ngx_http_vcita_call_fetched(ngx_http_vcita_fetch_t *f);
static void ngx_http_vcita_call_timer(ngx_event_t *ev);
static ngx_uint_t ngx_http_vcita_call_outcome(ngx_http_vcita_fetch_t *f);


static ngx_http_vcita_turn_t  ngx_http_vcita_call_starts = {
    .most = NGX_HTTP_VCITA_CALL_STARTS
};


void
ngx_http_vcita_call_init(ngx_http_vcita_call_t *call)
{
    call->started = ngx_current_msec;

    call->fetch.handler = ngx_http_vcita_call_fetched;
    call->fetch.data = call;

    call->timer.handler = ngx_http_vcita_call_timer;
    call->timer.data = call;
    call->timer.log = call->fetch.log;

    call->ask.rate = call->rate;
    call->ask.client_id = call->client_id;
    call->ask.handler = ngx_http_vcita_call_slots;
    call->ask.data = call;

    call->place.places = call->places;
    call->place.key = call->key;
    call->place.log = call->fetch.log;
    call->place.life = call->patience + call->fetch.endpoint->timeout
                       + NGX_HTTP_VCITA_CALL_PLACE;
}


/*
 * Reserves slots for the n remaining calls together, so that no code is
 * redeemed without a slot for userinfo; releases earlier slots first.  Without
 * patience, only one slot that is free now.  NGX_AGAIN: the handler is called
 * when to ask again.  NGX_BUSY: the first slot comes after the patience, or too
 * many calls of the same browser are in progress; retry_after is set.
 */

ngx_int_t
ngx_http_vcita_call_reserve(ngx_http_vcita_call_t *call, ngx_uint_t n)
{
    ngx_int_t   rc;
    ngx_msec_t  elapsed;

    ngx_http_vcita_call_release(call);

    if (!call->inside) {
        rc = ngx_http_vcita_call_enter(call);

        if (rc != NGX_OK) {
            return rc;
        }
    }

    /* an answer of Redis has the slots that it was asked for */

    if (!call->ask.answered) {

        /* a slot is for a call that starts, not for one that waits to start */

        rc = ngx_http_vcita_call_admit(call);

        if (rc != NGX_OK) {
            return rc;
        }

        elapsed = ngx_current_msec - call->started;

        call->ask.n = call->patience ? n : 1;
        call->ask.patience = (elapsed < call->patience)
                             ? call->patience - elapsed : 0;
    }

    return ngx_http_vcita_call_reserved(call,
                                     ngx_http_vcita_rate_reserve(&call->ask));
}


/* slots are reserved only inside of its place: a waiting call holds none */

static ngx_int_t
ngx_http_vcita_call_enter(ngx_http_vcita_call_t *call)
{
    ngx_int_t   rc;
    ngx_msec_t  elapsed;

    rc = (call->places == NULL) ? NGX_OK
                                : ngx_http_vcita_place_ask(&call->place);

    if (rc == NGX_OK) {
        call->inside = 1;
        return NGX_OK;
    }

    elapsed = ngx_current_msec - call->started;

    if (rc == NGX_AGAIN && elapsed < call->patience) {
        call->waited = 1;

        return ngx_http_vcita_call_sleep(call,
                                         ngx_min(call->patience - elapsed,
                                             NGX_HTTP_VCITA_CALL_BEHIND_MS));
    }

    call->unsent = (rc == NGX_AGAIN) ? NGX_HTTP_VCITA_CALL_BEHIND
                                     : NGX_HTTP_VCITA_CALL_FLOOD;
    call->retry_after = NGX_HTTP_VCITA_CALL_FLOOD_S;

    return NGX_BUSY;
}


static ngx_int_t
ngx_http_vcita_call_reserved(ngx_http_vcita_call_t *call, ngx_int_t rc)
{
    ngx_msec_t                  elapsed, turn;
    ngx_uint_t                  i;
    ngx_http_vcita_rate_ask_t  *ask;

    ask = &call->ask;

    if (rc == NGX_AGAIN) {
        call->admitted = 0;
        call->waiting = 1;

        return NGX_AGAIN;
    }

    if (rc != NGX_OK) {
        call->admitted = 0;

        turn = (call->patience && !call->yields)
               ? ngx_http_vcita_rate_turn(ask) / 1000 : 0;

        call->retry_after = ngx_max(turn, call->fetch.retry_after);

        return rc;
    }

    if (ask->slots[0].delay) {
        call->waited = 1;
    }

    elapsed = ngx_current_msec - call->started;

    for (i = 0; i < ask->n; i++) {
        ask->slots[i].delay += elapsed;
    }

    call->reserved = ask->n;
    call->unused = ask->n;

    return NGX_OK;
}


/* Redis has answered, or has not in time */

static void
ngx_http_vcita_call_slots(ngx_http_vcita_rate_ask_t *ask)
{
    ngx_http_vcita_call_t *call = ask->data;

    call->waiting = 0;
    call->handler(call);
}


/*
 * Advances to the next of n remaining calls.  NGX_OK: its slot has come, the
 * owner fills in the fetch and sends it.  NGX_DONE: the fetch has its outcome.
 * NGX_AGAIN: wait for the handler, then call again.  NGX_BUSY: there is no slot
 * within the patience; retry_after is set.
 */

ngx_int_t
ngx_http_vcita_call_next(ngx_http_vcita_call_t *call, ngx_uint_t n)
{
    ngx_int_t   rc;
    ngx_msec_t  slot, elapsed;

    if (call->waiting) {
        return NGX_AGAIN;
    }

    if (call->answered) {
        return ngx_http_vcita_call_answered(call);
    }

    if (call->unused == 0) {
        rc = ngx_http_vcita_call_reserve(call, n);

        if (rc != NGX_OK) {
            return rc;
        }
    }

    slot = call->ask.slots[call->reserved - call->unused].delay;
    elapsed = ngx_current_msec - call->started;

    if (slot > elapsed) {
        return ngx_http_vcita_call_sleep(call, slot - elapsed);
    }

    return ngx_http_vcita_call_admit(call);
}


/*
 * Many calls may become due at once: they start in turns of the event loop, so
 * that other requests come in between.  An urgent call does not wait for that.
 * NGX_OK: the call is admitted until it is sent or sleeps.
 */

static ngx_int_t
ngx_http_vcita_call_admit(ngx_http_vcita_call_t *call)
{
    ngx_int_t  rc;

    if (call->admitted || call->urgent) {
        return NGX_OK;
    }

    rc = ngx_http_vcita_turn(&ngx_http_vcita_call_starts, &call->timer);

    call->admitted = 1;
    call->waiting = (rc == NGX_AGAIN);

    return rc;
}


/* Handles an outcome: tries again if vcita has certainly done nothing */

static ngx_int_t
ngx_http_vcita_call_answered(ngx_http_vcita_call_t *call)
{
    ngx_msec_t               delay;
    ngx_http_vcita_fetch_t  *f;

    f = &call->fetch;

    call->answered = 0;

    if (call->patience == 0) {
        return NGX_DONE;
    }

    if (f->outcome == NGX_HTTP_VCITA_FETCH_UNREACHABLE
        && call->tries < NGX_HTTP_VCITA_CALL_TRIES)
    {
        delay = ngx_http_vcita_call_backoff(0);

        ngx_log_error(NGX_LOG_INFO, f->log, 0,
                      "vcita is unreachable, the request is repeated in %M "
                      "ms", delay);

        /* the slots reserved so far expire before the delay ends */

        ngx_http_vcita_call_release(call);

        return ngx_http_vcita_call_sleep(call, delay);
    }

    if (f->outcome != NGX_HTTP_VCITA_FETCH_OK
        || !ngx_http_vcita_call_throttled(f))
    {
        return NGX_DONE;
    }

    delay = f->retry_after * 1000
            + ngx_http_vcita_call_backoff(call->throttled++);

    if (ngx_current_msec - call->started + delay >= call->patience) {
        call->retry_after = f->retry_after;
        return NGX_BUSY;
    }

    ngx_log_error(NGX_LOG_INFO, f->log, 0,
                  "vcita returned %ui, the request is repeated in %M ms",
                  f->status, delay);

    ngx_http_vcita_call_release(call);

    return ngx_http_vcita_call_sleep(call, delay);
}


/* a random delay, so that calls refused together do not return together */

static ngx_msec_t
ngx_http_vcita_call_backoff(ngx_uint_t n)
{
    ngx_msec_t  delay;

    delay = NGX_HTTP_VCITA_CALL_BACKOFF
            << ngx_min(n, NGX_HTTP_VCITA_CALL_BACKOFFS);

    return delay + ngx_random() % delay;
}


static ngx_int_t
ngx_http_vcita_call_sleep(ngx_http_vcita_call_t *call, ngx_msec_t delay)
{
    call->admitted = 0;
    call->waiting = 1;

    ngx_add_timer(&call->timer, delay);

    return NGX_AGAIN;
}


/*
 * Sends the request in the fetch.  NGX_AGAIN: it is active.  NGX_BUSY: it was
 * not sent; call->unsent is the reason.
 */

ngx_int_t
ngx_http_vcita_call_send(ngx_http_vcita_call_t *call, ngx_uint_t endpoint,
    ngx_str_t *url)
{
    ngx_int_t                rc;
    ngx_http_vcita_stats_t  *stats;

    call->endpoint = endpoint;
    call->fetch.url = *url;
    call->tries++;

    if (call->place.number) {
        (void) ngx_http_vcita_place_ask(&call->place);
    }

    rc = ngx_http_vcita_fetch(&call->fetch);

    if (rc != NGX_AGAIN) {
        call->unsent = (rc == NGX_BUSY) ? NGX_HTTP_VCITA_CALL_FULL
                                        : NGX_HTTP_VCITA_CALL_FAILED;
        call->retry_after = 1;

        return NGX_BUSY;
    }

    call->unused--;
    call->admitted = 0;
    call->waiting = 1;
    call->calling = 1;

    stats = ngx_http_vcita_stats(call->statistics);
    ngx_http_vcita_stats_add(stats->in_flight, 1);

    return NGX_AGAIN;
}


/*
 * Cancels the call, releases its slots, and wipes request and response.  May be
 * called more than once.
 */

void
ngx_http_vcita_call_cancel(ngx_http_vcita_call_t *call)
{
    ngx_http_vcita_stats_t  *stats;

    if (call->timer.timer_set) {
        ngx_del_timer(&call->timer);
    }

    if (call->timer.posted) {
        ngx_delete_posted_event(&call->timer);
    }

    call->admitted = 0;
    call->waiting = 0;

    if (call->calling) {
        call->calling = 0;

        stats = ngx_http_vcita_stats(call->statistics);
        ngx_http_vcita_stats_add(stats->in_flight, -1);
    }

    ngx_http_vcita_fetch_cancel(&call->fetch);
    ngx_http_vcita_rate_cancel(&call->ask);
    ngx_http_vcita_call_release(call);
    ngx_http_vcita_place_leave(&call->place);

    ngx_http_vcita_string_wipe(&call->fetch.body);
    ngx_http_vcita_string_wipe(&call->fetch.answer);

    ngx_str_null(&call->fetch.bearer);
}


/* Releases the slots of calls that will not be made */

static void
ngx_http_vcita_call_release(ngx_http_vcita_call_t *call)
{
    ngx_uint_t  i;

    for (i = call->reserved; call->unused; call->unused--) {
        ngx_http_vcita_rate_release(&call->ask, --i);
    }
}


static void
ngx_http_vcita_call_fetched(ngx_http_vcita_fetch_t *f)
{
    ngx_http_vcita_call_t *call = f->data;

    ngx_http_vcita_stats_t  *stats;

    call->waiting = 0;
    call->calling = 0;
    call->answered = 1;

    if (f->outcome != NGX_HTTP_VCITA_FETCH_UNREACHABLE) {
        call->tries = 0;
    }

    stats = ngx_http_vcita_stats(call->statistics);

    ngx_http_vcita_stats_add(stats->in_flight, -1);
    ngx_http_vcita_stats_call(stats, call->endpoint,
                              ngx_http_vcita_call_outcome(f),
                              ngx_current_msec - f->began);

    call->handler(call);
}


static void
ngx_http_vcita_call_timer(ngx_event_t *ev)
{
    ngx_http_vcita_call_t *call = ev->data;

    call->waiting = 0;
    call->handler(call);
}


static ngx_uint_t
ngx_http_vcita_call_outcome(ngx_http_vcita_fetch_t *f)
{
    switch (f->outcome) {

    case NGX_HTTP_VCITA_FETCH_UNREACHABLE:
        return NGX_HTTP_VCITA_CALL_UNREACHABLE;

    case NGX_HTTP_VCITA_FETCH_TIMEOUT:
        return NGX_HTTP_VCITA_CALL_TIMEOUT;

    case NGX_HTTP_VCITA_FETCH_BROKEN:
        return NGX_HTTP_VCITA_CALL_BROKEN;

    default: /* NGX_HTTP_VCITA_FETCH_OK */
        break;
    }

    if (ngx_http_vcita_call_throttled(f)) {
        return NGX_HTTP_VCITA_CALL_THROTTLED;
    }

    switch (f->status / 100) {

    case 2:
        return NGX_HTTP_VCITA_CALL_OK;

    case 4:
        return NGX_HTTP_VCITA_CALL_REFUSED;

    default:
        return NGX_HTTP_VCITA_CALL_ERROR;
    }
}


/* Logs why a call has no response */

void
ngx_http_vcita_call_unanswered(ngx_http_vcita_call_t *call)
{
    const char              *what;
    ngx_http_vcita_fetch_t  *f;

    static const char  *names[] = { "token", "userinfo", "jwks" };

    f = &call->fetch;

    switch (f->outcome) {

    case NGX_HTTP_VCITA_FETCH_UNREACHABLE:
        what = "is unreachable, check DNS, the firewall, "
               "vcita_oauth_http_proxy and "
               "vcita_oauth_ssl_trusted_certificate";
        break;

    case NGX_HTTP_VCITA_FETCH_TIMEOUT:
        what = "did not respond in time, check the network and "
               "vcita_oauth_timeout";
        break;

    default: /* NGX_HTTP_VCITA_FETCH_BROKEN */
        what = "sent an incomplete or too large response, check its address "
               "and any proxy in between";
    }

    ngx_log_error(NGX_LOG_ERR, f->log, 0, "%s endpoint \"%V\" %s: %s",
                  names[call->endpoint], &f->url, what, f->error);
}
