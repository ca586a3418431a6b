
/*
 * Copyright (C) the vcita OAuth gate authors
 *
 * Waiting: a request is suspended until an event wakes it, then runs its phases
 * again, and each handler finds the result.  Also the store operations of a
 * request.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "http/ngx_http_vcita_http.h"


static void ngx_http_vcita_wait_asleep(ngx_http_request_t *r);
static void ngx_http_vcita_wait_ask_handler(ngx_http_vcita_store_op_t *op);
static void ngx_http_vcita_wait_ask_log(ngx_http_vcita_wait_ask_t *ask);
static void ngx_http_vcita_wait_ask_cleanup(void *data);


/* Returns the result of a phase handler: NGX_AGAIN or an error status */

ngx_int_t
ngx_http_vcita_wait(ngx_http_request_t *r)
{
    /* detects a closed connection while the request waits */

    r->read_event_handler = ngx_http_test_reading;
    r->write_event_handler = ngx_http_vcita_wait_asleep;

    if (r->connection->read->ready) {
        ngx_post_event(r->connection->read, &ngx_posted_events);

    } else if (ngx_handle_read_event(r->connection->read, 0) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return NGX_AGAIN;
}


/*
 * Runs the phases of a waiting request, which may be freed on return.  A
 * request with another purpose by now, post_action for example, is not touched.
 */

void
ngx_http_vcita_wait_wake(ngx_http_request_t *r)
{
    ngx_connection_t  *c;

    if (r->write_event_handler != ngx_http_vcita_wait_asleep) {
        return;
    }

    c = r->connection;

    ngx_http_set_log_request(c->log, r);

    r->read_event_handler = ngx_http_block_reading;
    r->write_event_handler = ngx_http_core_run_phases;

    ngx_http_core_run_phases(r);
    ngx_http_run_posted_requests(c);
}


static void
ngx_http_vcita_wait_asleep(ngx_http_request_t *r)
{
    ngx_log_debug0(NGX_LOG_DEBUG_HTTP, r->connection->log, 0,
                   "vcita oauth: the request waits");
}


/* A store operation; it is cancelled when the request ends */

ngx_http_vcita_wait_ask_t *
ngx_http_vcita_wait_ask_create(ngx_http_request_t *r,
    ngx_http_vcita_store_t *store)
{
    ngx_pool_cleanup_t         *cln;
    ngx_http_vcita_wait_ask_t  *ask;

    cln = ngx_pool_cleanup_add(r->pool, sizeof(ngx_http_vcita_wait_ask_t));
    if (cln == NULL) {
        return NULL;
    }

    ask = cln->data;
    ngx_memzero(ask, sizeof(ngx_http_vcita_wait_ask_t));

    cln->handler = ngx_http_vcita_wait_ask_cleanup;

    ask->request = r;

    ask->op.store = store;
    ask->op.pool = r->pool;
    ask->op.log = r->connection->log;
    ask->op.handler = ngx_http_vcita_wait_ask_handler;
    ask->op.data = ask;

    return ask;
}


/* Starts the operation; when it is done, another one may follow */

ngx_int_t
ngx_http_vcita_wait_ask(ngx_http_vcita_wait_ask_t *ask,
    ngx_http_vcita_store_pt what)
{
    ask->op.rc = what(&ask->op);
    ask->waiting = (ask->op.rc == NGX_AGAIN);

    ngx_http_vcita_wait_ask_log(ask);

    return ngx_http_vcita_wait_ask_result(ask);
}


/*
 * The result.  NGX_AGAIN: the request has to wait; NGX_BUSY: the store is
 * unavailable.
 */

ngx_int_t
ngx_http_vcita_wait_ask_result(ngx_http_vcita_wait_ask_t *ask)
{
    if (ask->waiting) {
        return NGX_AGAIN;
    }

    return (ask->op.rc == NGX_ERROR) ? NGX_BUSY : ask->op.rc;
}


/* Cancels an operation; may be called more than once */

void
ngx_http_vcita_wait_ask_cancel(ngx_http_vcita_wait_ask_t *ask)
{
    if (ask->waiting) {
        ask->waiting = 0;
        ask->op.store->type->cancel(&ask->op);
    }
}


static void
ngx_http_vcita_wait_ask_handler(ngx_http_vcita_store_op_t *op)
{
    ngx_http_vcita_wait_ask_t *ask = op->data;

    ask->waiting = 0;

    ngx_http_vcita_wait_ask_log(ask);
    ngx_http_vcita_wait_wake(ask->request);
}


static void
ngx_http_vcita_wait_ask_log(ngx_http_vcita_wait_ask_t *ask)
{
    if (ask->op.rc == NGX_ERROR) {
        ngx_log_error(NGX_LOG_ERR, ask->op.log, 0,
                      "session store \"%V\" is unavailable, check that it is "
                      "running, reachable and not full",
                      &ask->op.store->name);
    }
}


static void
ngx_http_vcita_wait_ask_cleanup(void *data)
{
    ngx_http_vcita_wait_ask_cancel(data);
}
