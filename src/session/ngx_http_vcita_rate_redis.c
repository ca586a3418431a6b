
/*
 * Copyright (C) the vcita OAuth gate authors
 *
 * The rate limit for the calls to vcita of each client_id, shared by all
 * machines whose sessions are in the same Redis.  A script reserves all slots
 * of a login in one round trip, by the clock of Redis.  "rate" calls this room,
 * and limits this machine alone while Redis grants nothing.
 *
 * The value of a client_id is a list of times in ms, of the latest reserved
 * slots, then ";" and the times of released ones.  It has no rate: machines
 * with different rates count the calls of each other, so that all together
 * stay within the highest of their rates.
 *
 * A question that is cancelled, or late, stays on the heap until its reply,
 * whose slots are released.
 */


#include <ngx_config.h>
#include <ngx_core.h>

#include "session/ngx_http_vcita_rate_redis.h"
#include "session/ngx_http_vcita_rate_script.h"
#include "util/ngx_http_vcita_hash.h"
#include "util/ngx_http_vcita_string.h"


/* the longest wait for a reply in ms; the login then goes on without it */
#define NGX_HTTP_VCITA_RATE_REDIS_TIMEOUT  300

/* milliseconds until the next warning that Redis grants no slots */
#define NGX_HTTP_VCITA_RATE_REDIS_SILENT   60000

/* digits of a time */
#define NGX_HTTP_VCITA_RATE_REDIS_DIGITS   15

#define NGX_HTTP_VCITA_RATE_REDIS_WORDS    8


struct ngx_http_vcita_rate_redis_s {
    ngx_str_t                      client_id;
    ngx_http_vcita_store_t        *store;        /* NULL: not in Redis */
    ngx_str_t                      key;
    ngx_http_vcita_redis_t        *redis;
    ngx_queue_t                    questions;
    ngx_msec_t                     warned;
    unsigned                       silent:1;     /* "warned" is set */
    unsigned                       alone:1;      /* the log has it */
};


typedef struct {
    ngx_queue_t                    queue;
    ngx_http_vcita_rate_redis_t   *fleet;
    ngx_http_vcita_rate_ask_t     *ask;          /* NULL: cancelled */
    ngx_http_vcita_rate_t         *rate;
    ngx_uint_t                     n;
} ngx_http_vcita_rate_redis_question_t;


static ngx_int_t ngx_http_vcita_rate_redis_key(ngx_pool_t *pool,
    ngx_str_t *prefix, ngx_str_t *client_id, ngx_str_t *key);
static void ngx_http_vcita_rate_redis_cleanup(void *data);
static ngx_int_t ngx_http_vcita_rate_redis_ask(ngx_http_vcita_rate_ask_t *ask,
    ngx_http_vcita_rate_redis_t *fleet);
static ngx_http_vcita_redis_pending_t *ngx_http_vcita_rate_redis_send(
    ngx_http_vcita_rate_redis_t *fleet, ngx_http_vcita_rate_t *rate,
    ngx_uint_t n, uint64_t number, ngx_http_vcita_redis_pt handler,
    void *data);
static void ngx_http_vcita_rate_redis_handler(void *data,
    ngx_http_vcita_redis_reply_t *reply);
static ngx_int_t ngx_http_vcita_rate_redis_answer(
    ngx_http_vcita_rate_redis_question_t *question,
    ngx_http_vcita_redis_reply_t *reply, ngx_http_vcita_rate_slot_t *slots);
static ngx_int_t ngx_http_vcita_rate_redis_slots(ngx_str_t *text, ngx_uint_t n,
    ngx_http_vcita_rate_slot_t *slots);
static void ngx_http_vcita_rate_redis_timer(ngx_event_t *ev);
static void ngx_http_vcita_rate_redis_answered(ngx_http_vcita_rate_ask_t *ask,
    ngx_int_t rc);
static void ngx_http_vcita_rate_redis_alone(
    ngx_http_vcita_rate_redis_t *fleet, const char *what, const char *cure);


static ngx_str_t  ngx_http_vcita_rate_redis_script =
    ngx_string(NGX_HTTP_VCITA_RATE_SCRIPT);


/*
 * Called at the end of the configuration: the slots of a client_id are in the
 * Redis of this store; NULL: they are of this machine alone.  A client_id that
 * was added is left as it is.
 */

ngx_int_t
ngx_http_vcita_rate_redis_add(ngx_conf_t *cf, ngx_http_vcita_rate_t *rate,
    ngx_str_t *client_id, ngx_http_vcita_store_t *store)
{
    ngx_str_t                     *prefix;
    ngx_pool_cleanup_t            *cln;
    ngx_http_vcita_rate_redis_t   *fleet, **added;

    if (ngx_http_vcita_rate_redis_find(rate, client_id)) {
        return NGX_OK;
    }

    cln = ngx_pool_cleanup_add(cf->pool, sizeof(ngx_http_vcita_rate_redis_t));
    if (cln == NULL) {
        return NGX_ERROR;
    }

    fleet = cln->data;
    ngx_memzero(fleet, sizeof(ngx_http_vcita_rate_redis_t));

    ngx_queue_init(&fleet->questions);
    cln->handler = ngx_http_vcita_rate_redis_cleanup;

    fleet->client_id = *client_id;

    added = ngx_array_push(rate->fleet);
    if (added == NULL) {
        return NGX_ERROR;
    }

    *added = fleet;

    if (store == NULL) {
        return NGX_OK;
    }

    fleet->store = store;
    fleet->redis = ngx_http_vcita_store_redis_server(store, &prefix);

    return ngx_http_vcita_rate_redis_key(cf->pool, prefix, client_id,
                                         &fleet->key);
}


/* a client_id may have any bytes and any length */

static ngx_int_t
ngx_http_vcita_rate_redis_key(ngx_pool_t *pool, ngx_str_t *prefix,
    ngx_str_t *client_id, ngx_str_t *key)
{
    u_char  *p, hash[NGX_HTTP_VCITA_HASH_LEN];

    if (ngx_http_vcita_hash_sha256(client_id, hash) != NGX_OK) {
        return NGX_ERROR;
    }

    p = ngx_pnalloc(pool, prefix->len + sizeof("rate:") - 1 + 2 * sizeof(hash));
    if (p == NULL) {
        return NGX_ERROR;
    }

    key->data = p;

    p = ngx_sprintf(p, "%Vrate:", prefix);
    p = ngx_hex_dump(p, hash, sizeof(hash));

    key->len = p - key->data;

    return NGX_OK;
}


/* runs before the cleanup of redis, which calls no handler */

static void
ngx_http_vcita_rate_redis_cleanup(void *data)
{
    ngx_http_vcita_rate_redis_t *fleet = data;

    ngx_queue_t                           *q;
    ngx_http_vcita_rate_redis_question_t  *question;

    while (!ngx_queue_empty(&fleet->questions)) {
        q = ngx_queue_head(&fleet->questions);
        ngx_queue_remove(q);

        question = ngx_queue_data(q, ngx_http_vcita_rate_redis_question_t,
                                  queue);
        if (question->ask) {
            question->ask->question = NULL;
        }

        ngx_free(question);
    }
}


/* NULL: this client_id was not added */

ngx_http_vcita_rate_redis_t *
ngx_http_vcita_rate_redis_find(ngx_http_vcita_rate_t *rate,
    ngx_str_t *client_id)
{
    ngx_uint_t                     i;
    ngx_http_vcita_rate_redis_t  **fleet;

    fleet = rate->fleet->elts;

    for (i = 0; i < rate->fleet->nelts; i++) {

        if (ngx_http_vcita_str_eq(&fleet[i]->client_id, client_id)) {
            return fleet[i];
        }
    }

    return NULL;
}


/*
 * NGX_AGAIN: the handler is called, then call this again.  NGX_OK: the slots
 * are reserved; the caller clears "answered".  NGX_BUSY: as of "rate".
 * NGX_DECLINED: Redis grants no slots.
 */

ngx_int_t
ngx_http_vcita_rate_redis_reserve(ngx_http_vcita_rate_ask_t *ask)
{
    ngx_msec_t                    passed;
    ngx_uint_t                    i;
    ngx_http_vcita_rate_redis_t  *fleet;

    if (ask->answered) {
        ask->answered = (ask->answer == NGX_OK);

        passed = ngx_current_msec - ask->since;

        for (i = 0; i < NGX_HTTP_VCITA_RATE_ASKED; i++) {
            ask->slots[i].delay -= ngx_min(ask->slots[i].delay, passed);
        }

        return ask->answer;
    }

    fleet = ngx_http_vcita_rate_redis_find(ask->rate, &ask->client_id);

    if (fleet == NULL || fleet->redis == NULL) {
        return NGX_DECLINED;
    }

    return ngx_http_vcita_rate_redis_ask(ask, fleet);
}


static ngx_int_t
ngx_http_vcita_rate_redis_ask(ngx_http_vcita_rate_ask_t *ask,
    ngx_http_vcita_rate_redis_t *fleet)
{
    ngx_http_vcita_rate_redis_question_t  *question;

    question = ngx_alloc(sizeof(ngx_http_vcita_rate_redis_question_t),
                         ngx_cycle->log);
    if (question == NULL) {
        return NGX_DECLINED;
    }

    question->fleet = fleet;
    question->ask = ask;
    question->rate = ask->rate;
    question->n = ask->n;

    if (ngx_http_vcita_rate_redis_send(fleet, ask->rate, ask->n, ask->patience,
                                       ngx_http_vcita_rate_redis_handler,
                                       question)
        == NULL)
    {
        ngx_free(question);
        ngx_http_vcita_rate_redis_alone(fleet, "does not reply",
                                        "check that it is running and "
                                        "reachable");
        return NGX_DECLINED;
    }

    ngx_queue_insert_tail(&fleet->questions, &question->queue);

    ask->question = question;

    ask->timer.handler = ngx_http_vcita_rate_redis_timer;
    ask->timer.data = ask;
    ask->timer.log = ngx_cycle->log;

    ngx_add_timer(&ask->timer, NGX_HTTP_VCITA_RATE_REDIS_TIMEOUT);

    return NGX_AGAIN;
}


/*
 * A script that runs twice reserves slots which expire unused: better than a
 * login outside of the fleet's rate
 */

static ngx_http_vcita_redis_pending_t *
ngx_http_vcita_rate_redis_send(ngx_http_vcita_rate_redis_t *fleet,
    ngx_http_vcita_rate_t *rate, ngx_uint_t n, uint64_t number,
    ngx_http_vcita_redis_pt handler, void *data)
{
    u_char     *p, text[4 * (NGX_INT64_LEN + 1)];
    ngx_str_t   words[NGX_HTTP_VCITA_RATE_REDIS_WORDS];
    ngx_uint_t  i;
    uint64_t    args[4];

    ngx_str_set(&words[0], "EVAL");
    words[1] = ngx_http_vcita_rate_redis_script;
    ngx_str_set(&words[2], "1");
    words[3] = fleet->key;

    args[0] = rate->calls;
    args[1] = rate->window;
    args[2] = n;
    args[3] = number;

    p = text;

    for (i = 0; i < 4; i++) {
        words[4 + i].data = p;
        p = ngx_sprintf(p, "%uL", args[i]);
        words[4 + i].len = p - words[4 + i].data;
    }

    return ngx_http_vcita_redis_send(fleet->redis, words,
                                     NGX_HTTP_VCITA_RATE_REDIS_WORDS, n != 0,
                                     handler, data);
}


static void
ngx_http_vcita_rate_redis_handler(void *data,
    ngx_http_vcita_redis_reply_t *reply)
{
    ngx_http_vcita_rate_redis_question_t *question = data;

    ngx_int_t                     rc;
    ngx_uint_t                    i;
    ngx_http_vcita_rate_ask_t    *ask;
    ngx_http_vcita_rate_slot_t    slots[NGX_HTTP_VCITA_RATE_ASKED];
    ngx_http_vcita_rate_redis_t  *fleet;

    ask = question->ask;
    fleet = question->fleet;

    rc = ngx_http_vcita_rate_redis_answer(question, reply, slots);

    if (ask == NULL && rc == NGX_OK) {

        for (i = question->n; i > 0; i--) {
            (void) ngx_http_vcita_rate_redis_send(fleet, question->rate, 0,
                                                  slots[i - 1].fleet, NULL,
                                                  NULL);
        }
    }

    ngx_queue_remove(&question->queue);
    ngx_free(question);

    if (ask == NULL) {
        return;
    }

    if (rc != NGX_DECLINED && fleet->alone) {
        fleet->alone = 0;

        ngx_log_error(NGX_LOG_NOTICE, ngx_cycle->log, 0,
                      "session store \"%V\" grants slots again, "
                      "vcita_oauth_rate limits all machines together",
                      &fleet->store->name);
    }

    ngx_memcpy(ask->slots, slots, sizeof(slots));

    ngx_http_vcita_rate_redis_answered(ask, rc);
}


/* NGX_DECLINED: it grants nothing; logged, if a login waits for it */

static ngx_int_t
ngx_http_vcita_rate_redis_answer(ngx_http_vcita_rate_redis_question_t *question,
    ngx_http_vcita_redis_reply_t *reply, ngx_http_vcita_rate_slot_t *slots)
{
    ngx_int_t    rc;
    ngx_str_t    code;
    const char  *what, *cure;

    ngx_memzero(slots,
                NGX_HTTP_VCITA_RATE_ASKED * sizeof(ngx_http_vcita_rate_slot_t));

    if (reply == NULL) {
        what = "does not reply";
        cure = "check that it is running and reachable";

    } else if (reply->type == NGX_HTTP_VCITA_REDIS_REPLY_REFUSAL) {
        what = "refuses EVAL";

        ngx_http_vcita_redis_protocol_code(reply, &code);

        if (ngx_strncmp(code.data, "NOPERM", code.len) == 0
            || ngx_strncmp(code.data, "ERR", code.len) == 0)
        {
            cure = "its user needs +eval and +time";

        } else {
            cure = ngx_http_vcita_redis_protocol_hint(reply);

            /* it may have to find another server */

            ngx_http_vcita_redis_refused(question->fleet->redis, reply);
        }

    } else {
        rc = (reply->type == NGX_HTTP_VCITA_REDIS_REPLY_STRING)
             ? ngx_http_vcita_rate_redis_slots(&reply->text, question->n, slots)
             : NGX_ERROR;

        if (rc != NGX_ERROR) {
            return rc;
        }

        what = "sent a reply that has no slots";
        cure = "check that it is Redis or Valkey";
    }

    if (question->ask) {
        ngx_http_vcita_rate_redis_alone(question->fleet, what, cure);
    }

    return NGX_DECLINED;
}


/*
 * Decodes a reply.  NGX_OK: n slots.  NGX_BUSY: one delay, which exceeds the
 * patience.  NGX_ERROR: anything else.
 */

static ngx_int_t
ngx_http_vcita_rate_redis_slots(ngx_str_t *text, ngx_uint_t n,
    ngx_http_vcita_rate_slot_t *slots)
{
    u_char      *p, *last, *end;
    uint64_t     number;
    ngx_uint_t   i;

    p = text->data;
    last = p + text->len;

    for (i = 0; p < last && i < 2 * n; i++) {

        end = p;
        number = 0;

        while (end < last && *end >= '0' && *end <= '9') {
            number = number * 10 + (*end++ - '0');

            if (end - p > NGX_HTTP_VCITA_RATE_REDIS_DIGITS) {
                return NGX_ERROR;
            }
        }

        if (end == p || (end < last && *end != ' ')) {
            return NGX_ERROR;
        }

        if (i % 2) {
            slots[i / 2].fleet = number;

        } else if (number > NGX_HTTP_VCITA_RATE_AWAY) {
            return NGX_ERROR;

        } else {
            slots[i / 2].delay = number;
        }

        p = end + (end < last);
    }

    if (p != last) {
        return NGX_ERROR;
    }

    return (i == 2 * n) ? NGX_OK : (i == 1) ? NGX_BUSY : NGX_ERROR;
}


static void
ngx_http_vcita_rate_redis_timer(ngx_event_t *ev)
{
    ngx_http_vcita_rate_ask_t *ask = ev->data;

    ngx_http_vcita_rate_redis_question_t  *question;

    question = ask->question;

    if (question) {
        question->ask = NULL;

        ngx_http_vcita_rate_redis_alone(question->fleet,
                                        "did not reply in time",
                                        "check its load and the network");
    }

    ngx_http_vcita_rate_redis_answered(ask, NGX_DECLINED);
}


/* the handler may free the ask */

static void
ngx_http_vcita_rate_redis_answered(ngx_http_vcita_rate_ask_t *ask, ngx_int_t rc)
{
    if (ask->timer.timer_set) {
        ngx_del_timer(&ask->timer);
    }

    ask->question = NULL;
    ask->since = ngx_current_msec;
    ask->answer = rc;
    ask->answered = 1;

    ask->handler(ask);
}


void
ngx_http_vcita_rate_redis_release(ngx_http_vcita_rate_ask_t *ask, ngx_uint_t i)
{
    ngx_http_vcita_rate_redis_t  *fleet;

    if (ask->slots[i].fleet == 0) {
        return;
    }

    fleet = ngx_http_vcita_rate_redis_find(ask->rate, &ask->client_id);

    (void) ngx_http_vcita_rate_redis_send(fleet, ask->rate, 0,
                                          ask->slots[i].fleet, NULL, NULL);
}


void
ngx_http_vcita_rate_redis_cancel(ngx_http_vcita_rate_ask_t *ask)
{
    ngx_uint_t                             i;
    ngx_http_vcita_rate_redis_question_t  *question;

    question = ask->question;

    if (question) {
        question->ask = NULL;
        ask->question = NULL;
    }

    if (ask->timer.timer_set) {
        ngx_del_timer(&ask->timer);
    }

    if (ask->answered && ask->answer == NGX_OK) {

        for (i = ask->n; i > 0; i--) {
            ngx_http_vcita_rate_redis_release(ask, i - 1);
        }
    }

    ask->answered = 0;
}


/* Logs at most one line a minute */

static void
ngx_http_vcita_rate_redis_alone(ngx_http_vcita_rate_redis_t *fleet,
    const char *what, const char *cure)
{
    if (fleet->silent
        && ngx_current_msec - fleet->warned < NGX_HTTP_VCITA_RATE_REDIS_SILENT)
    {
        return;
    }

    fleet->warned = ngx_current_msec;
    fleet->silent = 1;
    fleet->alone = 1;

    ngx_log_error(NGX_LOG_WARN, ngx_cycle->log, 0,
                  "session store \"%V\" %s, vcita_oauth_rate limits this "
                  "machine alone: %s", &fleet->store->name, what, cure);
}
