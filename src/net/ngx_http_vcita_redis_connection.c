
/*
 * Copyright (C) the vcita OAuth gate authors
 *
 * A worker's connection to Redis or Valkey: connecting, AUTH, SELECT and PING,
 * and connecting again.  May touch nginx's events.
 *
 * A server that is unreachable or does not reply is marked as down.  Commands
 * then fail at once until a new attempt, started by a timer, succeeds.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_event.h>

#include "net/ngx_http_vcita_redis.h"


#define NGX_HTTP_VCITA_REDIS_CONN_BUFFER    16384

/* closes an idle connection before a firewall drops it */
#define NGX_HTTP_VCITA_REDIS_CONN_IDLE      60000

/* delay before the next attempt while a server is down: first, at most */
#define NGX_HTTP_VCITA_REDIS_CONN_BACKOFF   100
#define NGX_HTTP_VCITA_REDIS_CONN_PATIENCE  4000

/* at most one log line in so many milliseconds */
#define NGX_HTTP_VCITA_REDIS_CONN_SILENCE   10000
#define NGX_HTTP_VCITA_REDIS_CONN_LINE      256


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
static void ngx_http_vcita_redis_connection_next(
    ngx_http_vcita_redis_conn_t *t);
static void ngx_http_vcita_redis_connection_down(
    ngx_http_vcita_redis_conn_t *t);
static void ngx_http_vcita_redis_connection_timer_handler(ngx_event_t *ev);
static void ngx_http_vcita_redis_connection_wait(ngx_http_vcita_redis_conn_t *t,
    ngx_msec_t time);
static u_char *ngx_http_vcita_redis_connection_log(ngx_log_t *log, u_char *buf,
    size_t len);


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
    t->logged = ngx_current_msec - NGX_HTTP_VCITA_REDIS_CONN_SILENCE;

    t->conn.host = t->conf->host;
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

    return ngx_http_vcita_redis_protocol_greeting(pool, &t->conf->user,
                                                  &t->conf->password,
                                                  t->conf->database,
                                                  &t->greeting, &t->greetings);
}


/*
 * Tries one address after another until one accepts or all have failed.  Does
 * nothing if a connection exists or a delay is running.
 */

void
ngx_http_vcita_redis_connection_start(ngx_http_vcita_redis_conn_t *t)
{
    ngx_int_t  rc;

    if (t->state != NGX_HTTP_VCITA_REDIS_CONN_CLOSED || t->timer.timer_set) {
        return;
    }

    if (ngx_exiting && !t->busy) {

        /* the next command starts the connection */

        t->down = 0;
        t->tried = 0;
        return;
    }

    /* nginx's own log lines about the connection are limited likewise */

    t->log = *ngx_cycle->log;
    t->log.handler = ngx_http_vcita_redis_connection_log;
    t->log.data = t;

    if (ngx_current_msec - t->logged < NGX_HTTP_VCITA_REDIS_CONN_SILENCE) {
        t->log.log_level = NGX_LOG_ALERT;
    }

    for ( /* void */ ; t->tried < t->conf->naddrs; t->tried++) {

        rc = ngx_http_vcita_connection_open(&t->conn,
                                            &t->conf->addrs[t->address]);

        if (rc != NGX_ERROR) {
            t->state = NGX_HTTP_VCITA_REDIS_CONN_CONNECTING;
            t->conn.connection->idle = !t->busy;

            ngx_http_vcita_redis_connection_wait(t, t->conf->connect_timeout);

            if (rc == NGX_OK) {
                ngx_http_vcita_redis_connection_opened(&t->conn, NGX_OK);
            }

            return;
        }

        ngx_http_vcita_redis_connection_next(t);
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

    if (t->elsewhere) {
        ngx_http_vcita_redis_connection_next(t);
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
    ngx_connection_t  *c;

    c = t->conn.connection;

    for ( ;; ) {

        n = c->recv(c, buf, sizeof(buf));

        if (n == NGX_AGAIN) {
            return ngx_handle_read_event(c->read, 0);
        }

        if (n == NGX_ERROR || n == 0) {
            if (t->busy) {
                ngx_http_vcita_redis_connection_say(t,
                                 "closed the connection before replying");
            }

            return NGX_ERROR;
        }

        if (ngx_http_vcita_redis_protocol_feed(&t->replies, buf, n) != NGX_OK
            || ngx_http_vcita_redis_connection_answers(t) != NGX_OK)
        {
            return NGX_ERROR;
        }
    }
}


static ngx_int_t
ngx_http_vcita_redis_connection_answers(ngx_http_vcita_redis_conn_t *t)
{
    ngx_int_t  rc;

    do {
        rc = ngx_http_vcita_redis_protocol_next(&t->replies);

        if (rc == NGX_ERROR) {
            ngx_http_vcita_redis_connection_say(t, "%s",
                                                t->replies.error);

        } else if (rc == NGX_OK) {
            rc = (t->state == NGX_HTTP_VCITA_REDIS_CONN_READY)
                 ? t->handlers->answer(t, &t->replies.reply)
                 : ngx_http_vcita_redis_connection_greet(t);
        }

    } while (rc == NGX_OK);

    return (rc == NGX_AGAIN) ? NGX_OK : NGX_ERROR;
}


static ngx_int_t
ngx_http_vcita_redis_connection_greet(ngx_http_vcita_redis_conn_t *t)
{
    const char  *want;

    t->greeted++;
    want = (t->greeted == t->greetings) ? "PONG" : "OK";

    if (ngx_http_vcita_redis_protocol_status(&t->replies.reply, want) != NGX_OK)
    {
        ngx_http_vcita_redis_connection_refused(t, &t->replies.reply);
        return NGX_ERROR;
    }

    if (t->greeted < t->greetings) {
        return NGX_OK;
    }

    return ngx_http_vcita_redis_connection_ready(t);
}


static ngx_int_t
ngx_http_vcita_redis_connection_ready(ngx_http_vcita_redis_conn_t *t)
{
    t->state = NGX_HTTP_VCITA_REDIS_CONN_READY;
    t->elsewhere = 0;
    t->tried = 0;
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

    if (state == NGX_HTTP_VCITA_REDIS_CONN_READY) {
        t->handlers->broken(t);
        return;
    }

    ngx_http_vcita_redis_connection_next(t);
    t->tried++;

    ngx_http_vcita_redis_connection_start(t);
}


/* Called when a reply did not arrive in time */

void
ngx_http_vcita_redis_connection_silent(ngx_http_vcita_redis_conn_t *t)
{
    ngx_http_vcita_redis_connection_say(t, "did not reply within %M ms",
                                        t->conf->timeout);

    ngx_http_vcita_redis_connection_close(t);
    ngx_http_vcita_redis_connection_next(t);
    ngx_http_vcita_redis_connection_down(t);
}


static void
ngx_http_vcita_redis_connection_next(ngx_http_vcita_redis_conn_t *t)
{
    t->address = (t->address + 1) % t->conf->naddrs;
}


static void
ngx_http_vcita_redis_connection_down(ngx_http_vcita_redis_conn_t *t)
{
    ngx_http_vcita_redis_connection_say(t,
                                        "is unreachable, requests that need it "
                                        "get 503 until it is back");

    t->down = 1;
    t->tried = 0;

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

    if (t->state != NGX_HTTP_VCITA_REDIS_CONN_READY) {
        ngx_http_vcita_redis_connection_say(t, "did not accept a connection "
                                               "within %M "
                                               "ms", t->conf->connect_timeout);
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


/* Logs an error reply */

void
ngx_http_vcita_redis_connection_refused(ngx_http_vcita_redis_conn_t *t,
    ngx_http_vcita_redis_reply_t *reply)
{
    ngx_str_t  code;

    ngx_http_vcita_redis_protocol_code(reply, &code);

    ngx_http_vcita_redis_connection_say(t, "replied with %V: %s", &code,
                                        ngx_http_vcita_redis_protocol_hint(
                                                                       reply));

    /* a new connection or another address may lead to the master */

    if (code.len == sizeof("READONLY") - 1
        && ngx_strncmp(code.data, "READONLY", code.len) == 0)
    {
        t->elsewhere = 1;
    }
}


/* Logs at most one line in ..._SILENCE seconds */

void
ngx_http_vcita_redis_connection_say(ngx_http_vcita_redis_conn_t *t,
    const char *fmt, ...)
{
    u_char   *last, line[NGX_HTTP_VCITA_REDIS_CONN_LINE];
    va_list   args;

    if (ngx_current_msec - t->logged < NGX_HTTP_VCITA_REDIS_CONN_SILENCE) {
        return;
    }

    t->logged = ngx_current_msec;
    t->told = 1;

    va_start(args, fmt);
    last = ngx_vslprintf(line, line + sizeof(line), fmt, args);
    va_end(args);

    ngx_log_error(NGX_LOG_ERR, ngx_cycle->log, 0,
                  "vcita_oauth_session_store \"%V\" %*s",
                  &t->conf->name, (size_t) (last - line), line);
}


static u_char *
ngx_http_vcita_redis_connection_log(ngx_log_t *log, u_char *buf, size_t len)
{
    ngx_http_vcita_redis_conn_t  *t;

    t = log->data;

    return ngx_snprintf(buf, len, ", vcita_oauth_session_store \"%V\"",
                        &t->conf->name);
}
