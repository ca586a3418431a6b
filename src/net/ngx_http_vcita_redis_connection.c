
/*
 * Copyright (C) the vcita OAuth gate authors
 *
 * A worker's connection to Redis or Valkey: connecting, AUTH, SELECT, PING and
 * HELLO, and connecting again.  May touch nginx's events.
 *
 * A server that is unreachable or does not reply is marked as down.  Commands
 * then fail at once until a new attempt, started by a timer, succeeds.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_event.h>

#include "net/ngx_http_vcita_redis.h"


#define NGX_HTTP_VCITA_REDIS_CONN_BUFFER    16384

/* replies in one turn of the loop: each may answer a request */
#define NGX_HTTP_VCITA_REDIS_CONN_REPLIES   100

/* closes an idle connection before a firewall drops it */
#define NGX_HTTP_VCITA_REDIS_CONN_IDLE      60000

/* delay before the next attempt while a server is down: first, at most */
#define NGX_HTTP_VCITA_REDIS_CONN_BACKOFF   100
#define NGX_HTTP_VCITA_REDIS_CONN_PATIENCE  600


static void ngx_http_vcita_redis_connection_found(void *data);
static void ngx_http_vcita_redis_connection_connect(
    ngx_http_vcita_redis_conn_t *t);
static void ngx_http_vcita_redis_connection_opened(
    ngx_http_vcita_connection_t *conn, ngx_int_t rc);
static void ngx_http_vcita_redis_connection_writable(
    ngx_http_vcita_connection_t *conn);
static void ngx_http_vcita_redis_connection_readable(
    ngx_http_vcita_connection_t *conn);
static ngx_int_t ngx_http_vcita_redis_connection_read(
    ngx_http_vcita_redis_conn_t *t);
static ngx_int_t ngx_http_vcita_redis_connection_answers(
    ngx_http_vcita_redis_conn_t *t);
static ngx_int_t ngx_http_vcita_redis_connection_greet(
    ngx_http_vcita_redis_conn_t *t);
static ngx_int_t ngx_http_vcita_redis_connection_ready(
    ngx_http_vcita_redis_conn_t *t);
static void ngx_http_vcita_redis_connection_close(
    ngx_http_vcita_redis_conn_t *t);
static void ngx_http_vcita_redis_connection_down(
    ngx_http_vcita_redis_conn_t *t);
static void ngx_http_vcita_redis_connection_timer_handler(ngx_event_t *ev);
static void ngx_http_vcita_redis_connection_wait(ngx_http_vcita_redis_conn_t *t,
    ngx_msec_t time);


#define ngx_http_vcita_redis_connection_of(l)                                 \
    ngx_queue_data(l, ngx_http_vcita_redis_conn_t, conn)


/*
 * Called at configuration time with conf, handlers and data set and the rest
 * zeroed.  The connection is opened in a worker, by ..._start().
 */

ngx_int_t
ngx_http_vcita_redis_connection_init(ngx_http_vcita_redis_conn_t *t,
    ngx_pool_t *pool)
{
    t->ident = -1;

    ngx_http_vcita_redis_log_init(t);

    t->master.conf = t->conf;
    t->master.log = &t->log;
    t->master.handler = ngx_http_vcita_redis_connection_found;
    t->master.data = t;

    ngx_http_vcita_redis_master_init(&t->master);

    t->conn.ssl = t->conf->ssl;
    t->conn.verify = t->conf->verify;
    t->conn.log = &t->log;
    t->conn.opened = ngx_http_vcita_redis_connection_opened;
    t->conn.readable = ngx_http_vcita_redis_connection_readable;
    t->conn.writable = ngx_http_vcita_redis_connection_writable;

    t->timer.handler = ngx_http_vcita_redis_connection_timer_handler;
    t->timer.data = t;
    t->timer.log = &t->log;

    /* a worker that shuts down waits only for commands */

    t->timer.cancelable = 1;

    return ngx_http_vcita_redis_command_greeting(pool, &t->conf->user,
                                                  &t->conf->password,
                                                  t->conf->database,
                                                  &t->greeting, &t->greetings);
}


/*
 * Tries one address after another until the master accepts or all have failed;
 * after a failure, once the addresses have been searched for.  Does nothing if
 * a connection exists or a delay is running.
 */

void
ngx_http_vcita_redis_connection_start(ngx_http_vcita_redis_conn_t *t)
{
    if (t->state != NGX_HTTP_VCITA_REDIS_CONN_CLOSED || t->timer.timer_set) {
        return;
    }

    if (ngx_exiting && !t->busy) {

        /* the next command starts the connection */

        ngx_http_vcita_redis_stats_up(&t->conf->stats);
        t->down = 0;
        t->master.tried = 0;
        return;
    }

    ngx_http_vcita_redis_log_open(t);

    if (ngx_http_vcita_redis_master_find(&t->master) == NGX_AGAIN) {
        t->state = NGX_HTTP_VCITA_REDIS_CONN_SEARCHING;
        ngx_http_vcita_redis_connection_wait(t, t->conf->connect_timeout);
        return;
    }

    ngx_http_vcita_redis_connection_connect(t);
}


/* The result of a search that took too long is for the next round */

static void
ngx_http_vcita_redis_connection_found(void *data)
{
    ngx_http_vcita_redis_conn_t *t = data;

    if (t->state == NGX_HTTP_VCITA_REDIS_CONN_SEARCHING) {
        ngx_http_vcita_redis_connection_close(t);
        ngx_http_vcita_redis_connection_connect(t);
    }
}


static void
ngx_http_vcita_redis_connection_connect(ngx_http_vcita_redis_conn_t *t)
{
    ngx_int_t    rc;
    ngx_addr_t  *addr;

    for ( ;; ) {
        addr = ngx_http_vcita_redis_master_address(&t->master, &t->conn.host);

        if (addr == NULL) {
            break;
        }

        ngx_http_vcita_redis_stats_open(&t->conf->stats, addr);
        rc = ngx_http_vcita_connection_open(&t->conn, addr);

        if (rc != NGX_ERROR) {
            t->state = NGX_HTTP_VCITA_REDIS_CONN_CONNECTING;
            t->conn.connection->idle = !t->busy;

            ngx_http_vcita_redis_connection_wait(t, t->conf->connect_timeout);

            if (rc == NGX_OK) {
                ngx_http_vcita_redis_connection_opened(&t->conn, NGX_OK);
            }

            return;
        }

        ngx_http_vcita_redis_master_lost(&t->master);
        ngx_http_vcita_redis_master_next(&t->master);
    }

    ngx_http_vcita_redis_connection_down(t);
}


static void
ngx_http_vcita_redis_connection_opened(ngx_http_vcita_connection_t *conn,
    ngx_int_t rc)
{
    ngx_http_vcita_redis_conn_t  *t;

    t = ngx_http_vcita_redis_connection_of(conn);

    if (rc == NGX_OK) {
        t->state = NGX_HTTP_VCITA_REDIS_CONN_GREETING;
        t->sent = 0;
        t->greeted = 0;

        rc = ngx_http_vcita_redis_protocol_init(&t->replies, &t->log);
    }

    if (rc != NGX_OK) {
        ngx_http_vcita_redis_connection_broken(t);
        return;
    }

    ngx_http_vcita_redis_connection_writable(conn);
}


/* A worker that shuts down waits only while "busy" is set */

void
ngx_http_vcita_redis_connection_busy(ngx_http_vcita_redis_conn_t *t,
    ngx_uint_t busy)
{
    t->busy = busy;

    if (busy) {
        t->used = ngx_current_msec;
    }

    if (t->conn.connection) {
        t->conn.connection->idle = !busy;
    }
}


static void
ngx_http_vcita_redis_connection_writable(ngx_http_vcita_connection_t *conn)
{
    ngx_int_t                     rc;
    ngx_http_vcita_redis_conn_t  *t;

    t = ngx_http_vcita_redis_connection_of(conn);

    if (t->state == NGX_HTTP_VCITA_REDIS_CONN_READY) {
        rc = t->handlers->writable(t);

    } else {
        rc = ngx_http_vcita_redis_connection_write(t, &t->greeting, &t->sent);
    }

    if (rc == NGX_ERROR) {
        ngx_http_vcita_redis_connection_broken(t);
    }
}


/*
 * Sends the rest of some bytes.  NGX_OK: all was sent.  NGX_AGAIN: the
 * "writable" callback follows.
 */

ngx_int_t
ngx_http_vcita_redis_connection_write(ngx_http_vcita_redis_conn_t *t,
    ngx_str_t *bytes, size_t *sent)
{
    ssize_t            n;
    ngx_connection_t  *c;

    c = t->conn.connection;

    while (*sent < bytes->len) {

        n = c->send(c, bytes->data + *sent, bytes->len - *sent);

        if (n == NGX_ERROR) {
            return NGX_ERROR;
        }

        if (n == NGX_AGAIN || n == 0) {
            return ngx_handle_write_event(c->write, 0) == NGX_OK ? NGX_AGAIN
                                                                 : NGX_ERROR;
        }

        *sent += n;
    }

    return NGX_OK;
}


static void
ngx_http_vcita_redis_connection_readable(ngx_http_vcita_connection_t *conn)
{
    ngx_http_vcita_redis_conn_t  *t;

    t = ngx_http_vcita_redis_connection_of(conn);

    if (conn->connection->close) {

        /* the worker shuts down, or worker_shutdown_timeout has expired */

        ngx_http_vcita_redis_connection_close(t);
        t->handlers->down(t);
        return;
    }

    if (ngx_http_vcita_redis_connection_read(t) != NGX_OK) {
        ngx_http_vcita_redis_connection_broken(t);
        return;
    }

    if (ngx_exiting && !t->busy) {
        ngx_http_vcita_redis_connection_close(t);
    }
}


static ngx_int_t
ngx_http_vcita_redis_connection_read(ngx_http_vcita_redis_conn_t *t)
{
    u_char             buf[NGX_HTTP_VCITA_REDIS_CONN_BUFFER];
    ssize_t            n;
    ngx_int_t          rc;
    ngx_connection_t  *c;

    c = t->conn.connection;
    t->left = NGX_HTTP_VCITA_REDIS_CONN_REPLIES;

    while ((rc = ngx_http_vcita_redis_connection_answers(t)) == NGX_AGAIN) {

        n = c->recv(c, buf, sizeof(buf));

        if (n == NGX_AGAIN) {
            return ngx_handle_read_event(c->read, 0);
        }

        if (n == NGX_ERROR || n == 0) {
            if (t->busy) {
                ngx_http_vcita_redis_log_say(t, "closed the connection before "
                                            "replying");
            }

            return NGX_ERROR;
        }

        /* its error is that of the next reply */

        (void) ngx_http_vcita_redis_protocol_feed(&t->replies, buf, n);
    }

    return rc;
}


/* NGX_AGAIN: all replies are handled; NGX_OK: the next turn has others */

static ngx_int_t
ngx_http_vcita_redis_connection_answers(ngx_http_vcita_redis_conn_t *t)
{
    ngx_int_t  rc;

    for ( /* void */ ; t->left; t->left--) {
        rc = ngx_http_vcita_redis_protocol_next(&t->replies);

        if (rc == NGX_ERROR) {
            ngx_http_vcita_redis_log_say(t, "%s", t->replies.error);

        } else if (rc == NGX_OK) {
            rc = (t->state == NGX_HTTP_VCITA_REDIS_CONN_READY)
                 ? t->handlers->answer(t, &t->replies.reply)
                 : ngx_http_vcita_redis_connection_greet(t);
        }

        if (rc != NGX_OK) {
            return rc;
        }
    }

    ngx_post_event(t->conn.connection->read, &ngx_posted_next_events);

    return NGX_OK;
}


static ngx_int_t
ngx_http_vcita_redis_connection_greet(ngx_http_vcita_redis_conn_t *t)
{
    ngx_http_vcita_redis_reply_t  *reply;

    t->greeted++;
    reply = &t->replies.reply;

    if (t->greeted == t->greetings) {
        t->replies.array = 0;

        return (ngx_http_vcita_redis_role_answer(t, reply) == NGX_OK)
               ? ngx_http_vcita_redis_connection_ready(t) : NGX_ERROR;
    }

    /* an array may be expected as the last reply, that to HELLO */

    t->replies.array = (t->greeted + 1 == t->greetings);

    if (ngx_http_vcita_redis_protocol_status(reply,
                                          t->replies.array ? "PONG" : "OK")
        != NGX_OK)
    {
        ngx_http_vcita_redis_log_refused(t, reply);
        return NGX_ERROR;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_vcita_redis_connection_ready(ngx_http_vcita_redis_conn_t *t)
{
    ngx_http_vcita_redis_stats_ready(&t->conf->stats);
    t->state = NGX_HTTP_VCITA_REDIS_CONN_READY;
    t->elsewhere = 0;
    t->role.replica = 0;
    t->master.tried = 0;
    t->master.good = t->master.address + 1;
    t->backoff = 0;
    t->used = ngx_current_msec;
    t->down = 0;

    if (t->told) {
        t->told = 0;

        ngx_log_error(NGX_LOG_NOTICE, ngx_cycle->log, 0,
                      "vcita_oauth_session_store \"%V\" is reachable again",
                      &t->conf->name);
    }

    ngx_http_vcita_redis_connection_wait(t, NGX_HTTP_VCITA_REDIS_CONN_IDLE);

    return t->handlers->ready(t);
}


/* Called when the process exits; no callback of the owner is called */

void
ngx_http_vcita_redis_connection_end(ngx_http_vcita_redis_conn_t *t)
{
    ngx_http_vcita_redis_connection_close(t);
    ngx_http_vcita_redis_master_stop(&t->master);
    ngx_http_vcita_redis_stats_end(&t->conf->stats);

    t->down = 0;
    t->busy = 0;
}


static void
ngx_http_vcita_redis_connection_close(ngx_http_vcita_redis_conn_t *t)
{
    ngx_http_vcita_connection_close(&t->conn);
    ngx_http_vcita_redis_protocol_free(&t->replies);

    t->state = NGX_HTTP_VCITA_REDIS_CONN_CLOSED;

    if (t->timer.timer_set) {
        ngx_del_timer(&t->timer);
    }
}


/* Closes a broken connection; the next one may use another address */

void
ngx_http_vcita_redis_connection_broken(ngx_http_vcita_redis_conn_t *t)
{
    ngx_http_vcita_redis_conn_state_e  state;

    state = t->state;

    ngx_http_vcita_redis_connection_close(t);
    ngx_http_vcita_redis_master_lost(&t->master);
    ngx_http_vcita_redis_stats_lost(&t->conf->stats);

    if (state == NGX_HTTP_VCITA_REDIS_CONN_READY) {

        if (t->elsewhere) {
            ngx_http_vcita_redis_master_next(&t->master);
            t->master.tried = 0;
        }

        t->handlers->broken(t);
        return;
    }

    ngx_http_vcita_redis_master_next(&t->master);
    ngx_http_vcita_redis_connection_start(t);
}


/*
 * Called when a reply did not arrive in time.  The same address is tried first:
 * a master that is busy is the master still.
 */

void
ngx_http_vcita_redis_connection_silent(ngx_http_vcita_redis_conn_t *t)
{
    ngx_http_vcita_redis_log_say(t, "did not reply within %M ms",
                                 t->conf->timeout);

    ngx_http_vcita_redis_connection_close(t);
    ngx_http_vcita_redis_master_lost(&t->master);
    ngx_http_vcita_redis_connection_down(t);
}


static void
ngx_http_vcita_redis_connection_down(ngx_http_vcita_redis_conn_t *t)
{
    const char  *why;

    why = "is unreachable, requests that need it get 503 until it is back";

    if (t->role.replica) {
        why = "has no master at its addresses, requests that need it get 503 "
              "until it has one";

    } else if (t->master.addrs == NULL && t->conf->naddrs == 0) {
        why = t->conf->finder->none;
    }

    ngx_http_vcita_redis_log_say(t, "%s", why);

    ngx_http_vcita_redis_stats_down(&t->conf->stats);
    t->down = 1;
    t->role.replica = 0;
    t->master.tried = 0;

    t->backoff = t->backoff ? ngx_min(2 * t->backoff,
                                      NGX_HTTP_VCITA_REDIS_CONN_PATIENCE)
                            : NGX_HTTP_VCITA_REDIS_CONN_BACKOFF;

    /* a random delay spreads the attempts of workers and machines */

    ngx_http_vcita_redis_connection_wait(t, t->backoff / 2
                                            + ngx_random() % t->backoff);

    t->handlers->down(t);
}


static void
ngx_http_vcita_redis_connection_timer_handler(ngx_event_t *ev)
{
    ngx_msec_t                    unused;
    ngx_http_vcita_redis_conn_t  *t;

    t = ev->data;

    if (t->state == NGX_HTTP_VCITA_REDIS_CONN_CLOSED) {
        ngx_http_vcita_redis_connection_start(t);
        return;
    }

    if (t->state == NGX_HTTP_VCITA_REDIS_CONN_SEARCHING) {
        ngx_http_vcita_redis_connection_found(t);
        return;
    }

    if (t->state != NGX_HTTP_VCITA_REDIS_CONN_READY) {
        ngx_http_vcita_redis_log_say(t, "did not accept a connection within "
                                    "%M ms", t->conf->connect_timeout);
        ngx_http_vcita_redis_connection_broken(t);
        return;
    }

    unused = t->busy ? 0 : ngx_current_msec - t->used;

    if (unused < NGX_HTTP_VCITA_REDIS_CONN_IDLE) {
        ngx_http_vcita_redis_connection_wait(t, NGX_HTTP_VCITA_REDIS_CONN_IDLE
                                             - unused);
        return;
    }

    ngx_http_vcita_redis_connection_close(t);
}


static void
ngx_http_vcita_redis_connection_wait(ngx_http_vcita_redis_conn_t *t,
    ngx_msec_t time)
{
    /* ngx_add_timer() keeps an old timer that is close to the new one */

    if (t->timer.timer_set) {
        ngx_del_timer(&t->timer);
    }

    ngx_add_timer(&t->timer, time);
}
