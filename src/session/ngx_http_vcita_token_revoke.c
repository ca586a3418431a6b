
/*
 * Copyright (C) the vcita OAuth gate authors
 *
 * Gives access tokens back at vcita_oauth_revoke_endpoint, one queue for each
 * worker.  No request waits for it: a token has a pool of its own and outlives
 * its request.  May touch calls, counters and timers.  The file "revocation" is
 * about the opposite: tokens that vcita has revoked.
 *
 * A call takes only a slot of the rate limit that is free: logins come first.
 * A worker that shuts down goes on for a limited time.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_event.h>
#include <ngx_http.h>

#include "session/ngx_http_vcita_call.h"
#include "session/ngx_http_vcita_token_revoke.h"


/* the most tokens that wait in a worker, and how many are sent at a time */
#define NGX_HTTP_VCITA_TOKEN_REVOKE_MAX     256
#define NGX_HTTP_VCITA_TOKEN_REVOKE_ACTIVE  8

/* calls for one token, and the delay in ms after the first one */
#define NGX_HTTP_VCITA_TOKEN_REVOKE_TRIES   3
#define NGX_HTTP_VCITA_TOKEN_REVOKE_DELAY   1000

/* the longest Retry-After that counts, in seconds */
#define NGX_HTTP_VCITA_TOKEN_REVOKE_LATER   60

/* milliseconds until a slot is asked for again, and the queue is looked at */
#define NGX_HTTP_VCITA_TOKEN_REVOKE_POLL    100
#define NGX_HTTP_VCITA_TOKEN_REVOKE_TICK    1000

/* milliseconds that a worker which shuts down goes on for */
#define NGX_HTTP_VCITA_TOKEN_REVOKE_EXIT    10000

/* milliseconds between two lines about dropped tokens */
#define NGX_HTTP_VCITA_TOKEN_REVOKE_SILENT  60000

#define NGX_HTTP_VCITA_TOKEN_REVOKE_POOL    4096


struct ngx_http_vcita_token_revoke_s {
    ngx_queue_t                  queue;
    ngx_pool_t                  *pool;
    ngx_http_vcita_client_t     *client;
    ngx_http_vcita_main_conf_t  *vmcf;
    ngx_str_t                    token;
    ngx_http_vcita_call_t        call;
    ngx_msec_t                   due;
    ngx_uint_t                   tries;
    unsigned                     active:1;   /* a call is in progress */
};


typedef struct {
    ngx_queue_t                  tokens;
    ngx_uint_t                   n;
    ngx_uint_t                   nactive;    /* of these */
    ngx_event_t                  timer;
    ngx_msec_t                   deadline;   /* of a shutdown */
    ngx_msec_t                   logged;
    ngx_uint_t                   dropped;    /* since then */
    unsigned                     exiting:1;
    unsigned                     silent:1;
} ngx_http_vcita_token_revoke_queue_t;


static ngx_http_vcita_token_revoke_t *ngx_http_vcita_token_revoke_find(
    ngx_http_vcita_token_revoke_t *t);
static void ngx_http_vcita_token_revoke_dropped(
    ngx_http_vcita_token_revoke_t *t);
static void ngx_http_vcita_token_revoke_timer(ngx_event_t *ev);
static ngx_uint_t ngx_http_vcita_token_revoke_expired(void);
static ngx_msec_t ngx_http_vcita_token_revoke_run(void);
static ngx_int_t ngx_http_vcita_token_revoke_start(
    ngx_http_vcita_token_revoke_t *t);
static void ngx_http_vcita_token_revoke_handler(ngx_http_vcita_call_t *call);
static void ngx_http_vcita_token_revoke_again(
    ngx_http_vcita_token_revoke_t *t);
static void ngx_http_vcita_token_revoke_done(ngx_http_vcita_token_revoke_t *t,
    ngx_uint_t outcome);
static void ngx_http_vcita_token_revoke_remove(
    ngx_http_vcita_token_revoke_t *t);
static void ngx_http_vcita_token_revoke_give_up(void);


static ngx_http_vcita_token_revoke_queue_t  ngx_http_vcita_token_revoke_queue;


/*
 * Copies the token of a session; the result is sent or discarded.  NULL:
 * memory is exhausted.
 */

ngx_http_vcita_token_revoke_t *
ngx_http_vcita_token_revoke_create(ngx_http_vcita_main_conf_t *vmcf,
    ngx_http_vcita_client_t *client, ngx_http_vcita_session_t *s)
{
    ngx_str_t                       token;
    ngx_pool_t                     *pool;
    ngx_http_vcita_token_revoke_t  *t;

    pool = ngx_create_pool(NGX_HTTP_VCITA_TOKEN_REVOKE_POOL, ngx_cycle->log);
    if (pool == NULL) {
        return NULL;
    }

    t = ngx_pcalloc(pool, sizeof(ngx_http_vcita_token_revoke_t));

    if (t == NULL
        || ngx_http_vcita_session_token(s, pool, &token) != NGX_OK)
    {
        ngx_destroy_pool(pool);
        return NULL;
    }

    t->pool = pool;
    t->client = client;
    t->vmcf = vmcf;
    t->token = token;

    if (!s->hex) {
        t->token.data = ngx_pstrdup(pool, &token);

        if (t->token.data == NULL) {
            ngx_destroy_pool(pool);
            return NULL;
        }
    }

    return t;
}


/* Revokes the token soon; a token that is in the queue already is sent once */

void
ngx_http_vcita_token_revoke_send(ngx_http_vcita_token_revoke_t *t)
{
    ngx_http_vcita_token_revoke_queue_t  *rq;

    rq = &ngx_http_vcita_token_revoke_queue;

    if (rq->timer.handler == NULL) {
        ngx_queue_init(&rq->tokens);

        rq->timer.handler = ngx_http_vcita_token_revoke_timer;
        rq->timer.data = rq;
        rq->timer.log = ngx_cycle->log;
    }

    if (ngx_http_vcita_token_revoke_find(t)) {
        ngx_http_vcita_token_revoke_discard(t);
        return;
    }

    if (rq->n >= NGX_HTTP_VCITA_TOKEN_REVOKE_MAX) {
        ngx_http_vcita_token_revoke_dropped(t);
        return;
    }

    ngx_queue_insert_tail(&rq->tokens, &t->queue);
    rq->n++;
    t->due = ngx_current_msec;

    /* the response of this request comes first */

    ngx_add_timer(&rq->timer, 1);
}


void
ngx_http_vcita_token_revoke_discard(ngx_http_vcita_token_revoke_t *t)
{
    ngx_explicit_memzero(t->token.data, t->token.len);
    ngx_destroy_pool(t->pool);
}


/* A new session has this token: a queued call would end it */

void
ngx_http_vcita_token_revoke_recall(ngx_http_vcita_token_revoke_t *t)
{
    ngx_http_vcita_token_revoke_t  *queued;

    if (ngx_http_vcita_token_revoke_queue.n == 0) {
        return;
    }

    queued = ngx_http_vcita_token_revoke_find(t);

    if (queued) {
        ngx_http_vcita_token_revoke_remove(queued);
    }
}


ngx_uint_t
ngx_http_vcita_token_revoke_same(ngx_http_vcita_token_revoke_t *a,
    ngx_http_vcita_token_revoke_t *b)
{
    return ngx_http_vcita_secret_eq(&a->token, &b->token) == NGX_OK;
}


/* the token of another session; NULL: it is not in the queue */

static ngx_http_vcita_token_revoke_t *
ngx_http_vcita_token_revoke_find(ngx_http_vcita_token_revoke_t *t)
{
    ngx_queue_t                          *q;
    ngx_http_vcita_token_revoke_t        *queued;
    ngx_http_vcita_token_revoke_queue_t  *rq;

    rq = &ngx_http_vcita_token_revoke_queue;

    for (q = ngx_queue_head(&rq->tokens);
         q != ngx_queue_sentinel(&rq->tokens);
         q = ngx_queue_next(q))
    {
        queued = ngx_queue_data(q, ngx_http_vcita_token_revoke_t, queue);

        if (ngx_http_vcita_token_revoke_same(queued, t)) {
            return queued;
        }
    }

    return NULL;
}


/* the queue is full; one line covers all tokens dropped since the last one */

static void
ngx_http_vcita_token_revoke_dropped(ngx_http_vcita_token_revoke_t *t)
{
    ngx_http_vcita_stats_t               *stats;
    ngx_http_vcita_token_revoke_queue_t  *rq;

    rq = &ngx_http_vcita_token_revoke_queue;

    rq->dropped++;

    if (!rq->silent
        || ngx_current_msec - rq->logged >= NGX_HTTP_VCITA_TOKEN_REVOKE_SILENT)
    {
        ngx_log_error(NGX_LOG_ERR, ngx_cycle->log, 0,
                      "more than %d access tokens wait for revocation in this "
                      "worker, %ui were dropped and stay valid, check "
                      "vcita_oauth_revoke_endpoint \"%V\"",
                      NGX_HTTP_VCITA_TOKEN_REVOKE_MAX, rq->dropped,
                      &t->client->revoke_endpoint);

        rq->dropped = 0;
        rq->logged = ngx_current_msec;
        rq->silent = 1;
    }

    stats = ngx_http_vcita_stats(&t->vmcf->statistics);
    ngx_http_vcita_stats_add(stats->revocations[NGX_HTTP_VCITA_REVOKE_DROPPED],
                             1);

    ngx_http_vcita_token_revoke_discard(t);
}


static void
ngx_http_vcita_token_revoke_timer(ngx_event_t *ev)
{
    ngx_http_vcita_token_revoke_queue_t *rq = ev->data;

    ngx_msec_t  delay;

    if (ngx_exiting && ngx_http_vcita_token_revoke_expired()) {
        ngx_http_vcita_token_revoke_give_up();
        return;
    }

    delay = ngx_http_vcita_token_revoke_run();

    /* a worker that shuts down ends when no timer is left */

    if (rq->n) {
        ngx_add_timer(&rq->timer, delay);
    }
}


static ngx_uint_t
ngx_http_vcita_token_revoke_expired(void)
{
    ngx_msec_t                            wait;
    ngx_core_conf_t                      *ccf;
    ngx_http_vcita_token_revoke_queue_t  *rq;

    rq = &ngx_http_vcita_token_revoke_queue;

    if (!rq->exiting) {
        ccf = (ngx_core_conf_t *) ngx_get_conf(ngx_cycle->conf_ctx,
                                               ngx_core_module);

        wait = ccf->shutdown_timeout ? ccf->shutdown_timeout
                                     : NGX_HTTP_VCITA_TOKEN_REVOKE_EXIT;

        rq->deadline = ngx_current_msec
                       + ngx_min(wait, NGX_HTTP_VCITA_TOKEN_REVOKE_EXIT);
        rq->exiting = 1;
    }

    return (ngx_msec_int_t) (rq->deadline - ngx_current_msec) <= 0;
}


/* Sends what is due; returns the time until the next look at the queue */

static ngx_msec_t
ngx_http_vcita_token_revoke_run(void)
{
    ngx_str_t                             busy;
    ngx_msec_t                            delay;
    ngx_queue_t                          *q, *next;
    ngx_msec_int_t                        left;
    ngx_http_vcita_token_revoke_t        *t;
    ngx_http_vcita_token_revoke_queue_t  *rq;

    rq = &ngx_http_vcita_token_revoke_queue;

    delay = NGX_HTTP_VCITA_TOKEN_REVOKE_TICK;
    ngx_str_null(&busy);

    for (q = ngx_queue_head(&rq->tokens);
         q != ngx_queue_sentinel(&rq->tokens)
         && rq->nactive < NGX_HTTP_VCITA_TOKEN_REVOKE_ACTIVE;
         q = next)
    {
        next = ngx_queue_next(q);
        t = ngx_queue_data(q, ngx_http_vcita_token_revoke_t, queue);

        if (t->active) {
            continue;
        }

        left = t->due - ngx_current_msec;

        if (left > 0) {
            delay = ngx_min(delay, (ngx_msec_t) left);
            continue;
        }

        if (busy.len && ngx_http_vcita_str_eq(&t->client->client_id, &busy)) {
            continue;
        }

        if (ngx_http_vcita_token_revoke_start(t) == NGX_BUSY) {
            busy = t->client->client_id;
            delay = NGX_HTTP_VCITA_TOKEN_REVOKE_POLL;
        }
    }

    return delay;
}


/* NGX_BUSY: no slot is free now */

static ngx_int_t
ngx_http_vcita_token_revoke_start(ngx_http_vcita_token_revoke_t *t)
{
    ngx_int_t               rc;
    ngx_http_vcita_call_t  *call;

    call = &t->call;

    call->fetch.pool = t->pool;
    call->fetch.log = ngx_cycle->log;
    call->fetch.endpoint = &t->client->endpoint;
    call->rate = &t->vmcf->rate;
    call->client_id = t->client->client_id;
    call->statistics = &t->vmcf->statistics;
    call->handler = ngx_http_vcita_token_revoke_handler;
    call->data = t;

    ngx_http_vcita_call_init(call);

    if (ngx_http_vcita_call_next(call, 1) != NGX_OK) {
        return NGX_BUSY;
    }

    ngx_str_set(&call->fetch.content_type, "application/json");
    call->fetch.bearer = t->token;

    rc = ngx_http_vcita_protocol_revoke_request(t->pool, &t->token,
                                                &call->fetch.body);
    if (rc == NGX_OK) {
        rc = ngx_http_vcita_call_send(call, NGX_HTTP_VCITA_REVOKE_CALL,
                                      &t->client->revoke_endpoint);
    }

    if (rc == NGX_AGAIN) {
        t->active = 1;
        ngx_http_vcita_token_revoke_queue.nactive++;

        return NGX_OK;
    }

    /* too many transfers, which end soon, or a lack of memory */

    if (call->unsent != NGX_HTTP_VCITA_CALL_FULL) {
        t->tries++;
    }

    ngx_http_vcita_token_revoke_again(t);

    return NGX_OK;
}


/* 401: vcita no longer accepts the token */

static void
ngx_http_vcita_token_revoke_handler(ngx_http_vcita_call_t *call)
{
    ngx_http_vcita_token_revoke_t *t = call->data;

    ngx_http_vcita_fetch_t               *f;
    ngx_http_vcita_token_revoke_queue_t  *rq;

    f = &call->fetch;
    rq = &ngx_http_vcita_token_revoke_queue;

    if (!call->answered) {

        /* Redis has answered: a slot is for now */

        ngx_http_vcita_token_revoke_timer(&rq->timer);
        return;
    }

    ngx_queue_remove(&t->queue);
    ngx_queue_insert_tail(&rq->tokens, &t->queue);
    rq->nactive--;
    t->active = 0;
    t->tries++;

    if (f->outcome == NGX_HTTP_VCITA_FETCH_OK && f->status / 100 == 2) {
        ngx_http_vcita_token_revoke_done(t, NGX_HTTP_VCITA_REVOKE_OK);

    } else if (f->outcome == NGX_HTTP_VCITA_FETCH_OK
               && f->status == NGX_HTTP_UNAUTHORIZED)
    {
        ngx_http_vcita_token_revoke_done(t, NGX_HTTP_VCITA_REVOKE_INVALID);

    } else {
        ngx_http_vcita_token_revoke_again(t);
    }

    if (rq->n) {
        ngx_add_timer(&rq->timer, 1);
    }
}


/* Tries again later, or gives up after some tries */

static void
ngx_http_vcita_token_revoke_again(ngx_http_vcita_token_revoke_t *t)
{
    u_char                  *answer;
    ngx_msec_t               delay;
    ngx_http_vcita_fetch_t  *f;

    f = &t->call.fetch;

    if (t->tries >= NGX_HTTP_VCITA_TOKEN_REVOKE_TRIES) {

        if (f->outcome == NGX_HTTP_VCITA_FETCH_OK) {
            ngx_log_error(NGX_LOG_ERR, ngx_cycle->log, 0,
                          "revocation endpoint \"%V\" returned status %ui, an "
                          "access token stays valid, check "
                          "vcita_oauth_revoke_endpoint",
                          &t->client->revoke_endpoint, f->status);

        } else {
            ngx_log_error(NGX_LOG_ERR, ngx_cycle->log, 0,
                          "revocation endpoint \"%V\" gave no response, an "
                          "access token stays valid: %s",
                          &t->client->revoke_endpoint, f->error);
        }

        ngx_http_vcita_token_revoke_done(t, NGX_HTTP_VCITA_REVOKE_FAILED);
        return;
    }

    delay = NGX_HTTP_VCITA_TOKEN_REVOKE_DELAY << (2 * ngx_max(t->tries, 1) - 2);
    delay += ngx_random() % delay;

    if (f->retry_after) {
        delay += 1000 * ngx_min(f->retry_after,
                                NGX_HTTP_VCITA_TOKEN_REVOKE_LATER);
    }

    t->due = ngx_current_msec + delay;

    /* the pool keeps no large response until the next try */

    answer = f->answer.data;

    ngx_http_vcita_call_cancel(&t->call);

    if (answer) {
        (void) ngx_pfree(t->pool, answer);
    }

    ngx_memzero(&t->call, sizeof(ngx_http_vcita_call_t));
}


static void
ngx_http_vcita_token_revoke_done(ngx_http_vcita_token_revoke_t *t,
    ngx_uint_t outcome)
{
    ngx_http_vcita_stats_t  *stats;

    stats = ngx_http_vcita_stats(&t->vmcf->statistics);
    ngx_http_vcita_stats_add(stats->revocations[outcome], 1);

    ngx_http_vcita_token_revoke_remove(t);
}


static void
ngx_http_vcita_token_revoke_remove(ngx_http_vcita_token_revoke_t *t)
{
    ngx_http_vcita_token_revoke_queue_t  *rq;

    rq = &ngx_http_vcita_token_revoke_queue;

    ngx_queue_remove(&t->queue);
    rq->n--;
    rq->nactive -= t->active;

    ngx_http_vcita_call_cancel(&t->call);
    ngx_http_vcita_token_revoke_discard(t);
}


/* the worker exits */

static void
ngx_http_vcita_token_revoke_give_up(void)
{
    ngx_queue_t                          *q;
    ngx_uint_t                            n;
    ngx_http_vcita_token_revoke_t        *t;
    ngx_http_vcita_token_revoke_queue_t  *rq;

    rq = &ngx_http_vcita_token_revoke_queue;
    n = rq->dropped + rq->n;

    if (n == 0) {
        return;
    }

    ngx_log_error(NGX_LOG_ERR, ngx_cycle->log, 0,
                  "%ui access tokens were not revoked before this worker "
                  "exited, they stay valid", n);

    while (rq->n) {
        q = ngx_queue_head(&rq->tokens);
        t = ngx_queue_data(q, ngx_http_vcita_token_revoke_t, queue);

        ngx_http_vcita_token_revoke_done(t, NGX_HTTP_VCITA_REVOKE_DROPPED);
    }

    rq->dropped = 0;
}


/* Called when the worker exits */

void
ngx_http_vcita_token_revoke_exit(void)
{
    ngx_event_t  *timer;

    timer = &ngx_http_vcita_token_revoke_queue.timer;

    ngx_http_vcita_token_revoke_give_up();

    if (timer->timer_set) {
        ngx_del_timer(timer);
    }
}
