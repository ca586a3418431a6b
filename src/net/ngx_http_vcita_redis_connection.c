
/*
 * Copyright (C) the vcita OAuth gate authors
 *
 * One connection of a worker to Redis or Valkey, made again when it is lost,
 * and what is said first on it.  May touch nginx's events.
 *
 * A server that cannot be reached, or is silent, is down: from then on nobody
 * waits for it, until an attempt that this room makes by itself succeeds.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_event.h>

#include "net/ngx_http_vcita_redis.h"


#define NGX_HTTP_VCITA_TALK_BUFFER    16384

/* a connection that nobody uses is closed before a firewall forgets it */
#define NGX_HTTP_VCITA_TALK_IDLE      60000

/* until the next attempt to reach a server that is down: first, at most */
#define NGX_HTTP_VCITA_TALK_BACKOFF   100
#define NGX_HTTP_VCITA_TALK_PATIENCE  4000

/* one sentence in so many seconds */
#define NGX_HTTP_VCITA_TALK_SILENCE   10

#define NGX_HTTP_VCITA_TALK_LINE      256


static void ngx_http_vcita_talk_opened(ngx_http_vcita_link_t *link,
    ngx_int_t rc);
static void ngx_http_vcita_talk_writable(ngx_http_vcita_link_t *link);
static void ngx_http_vcita_talk_readable(ngx_http_vcita_link_t *link);
static ngx_int_t ngx_http_vcita_talk_read(ngx_http_vcita_talk_t *t);
static ngx_int_t ngx_http_vcita_talk_answers(ngx_http_vcita_talk_t *t);
static ngx_int_t ngx_http_vcita_talk_greet(ngx_http_vcita_talk_t *t);
static ngx_int_t ngx_http_vcita_talk_ready(ngx_http_vcita_talk_t *t);
static void ngx_http_vcita_talk_close(ngx_http_vcita_talk_t *t);
static void ngx_http_vcita_talk_next(ngx_http_vcita_talk_t *t);
static void ngx_http_vcita_talk_down(ngx_http_vcita_talk_t *t);
static void ngx_http_vcita_talk_timer_handler(ngx_event_t *ev);
static void ngx_http_vcita_talk_set_timer(ngx_http_vcita_talk_t *t,
    ngx_msec_t time);
static void ngx_http_vcita_talk_set_log(ngx_http_vcita_talk_t *t);
static u_char *ngx_http_vcita_talk_log(ngx_log_t *log, u_char *buf,
    size_t len);


#define ngx_http_vcita_talk_of(l)                                             \
    ngx_queue_data(l, ngx_http_vcita_talk_t, link)


/*
 * At configuration time, with conf, handlers and data set, and all else zero.
 * Nothing is connected before it is started, in a worker.
 */

ngx_int_t
ngx_http_vcita_talk_init(ngx_http_vcita_talk_t *t, ngx_pool_t *pool)
{
    t->ident = -1;

    t->link.host = t->conf->host;
    t->link.ssl = t->conf->ssl;
    t->link.verify = t->conf->verify;
    t->link.log = &t->log;
    t->link.opened = ngx_http_vcita_talk_opened;
    t->link.readable = ngx_http_vcita_talk_readable;
    t->link.writable = ngx_http_vcita_talk_writable;

    t->timer.handler = ngx_http_vcita_talk_timer_handler;
    t->timer.data = t;
    t->timer.log = &t->log;

    /* only what the owner waits for keeps a worker that quits alive */

    t->timer.cancelable = 1;

    return ngx_http_vcita_command_greeting(pool, &t->conf->user,
                                           &t->conf->password,
                                           t->conf->database, &t->greeting,
                                           &t->greetings);
}


/*
 * Connects: one address after the other, until one answers or all have failed.
 * Does nothing where there is a connection, or none is to be tried yet.
 */

void
ngx_http_vcita_talk_start(ngx_http_vcita_talk_t *t)
{
    ngx_int_t  rc;

    if (t->state != NGX_HTTP_VCITA_TALK_CLOSED || t->timer.timer_set) {
        return;
    }

    if (ngx_exiting && !t->busy) {

        /* who needs it yet will start it */

        t->down = 0;
        t->tried = 0;
        return;
    }

    ngx_http_vcita_talk_set_log(t);

    for ( /* void */ ; t->tried < t->conf->naddrs; t->tried++) {

        rc = ngx_http_vcita_link_open(&t->link, &t->conf->addrs[t->address]);

        if (rc != NGX_ERROR) {
            t->state = NGX_HTTP_VCITA_TALK_CONNECTING;
            t->link.connection->idle = !t->busy;

            ngx_http_vcita_talk_set_timer(t, t->conf->connect_timeout);

            if (rc == NGX_OK) {
                ngx_http_vcita_talk_opened(&t->link, NGX_OK);
            }

            return;
        }

        ngx_http_vcita_talk_next(t);
    }

    ngx_http_vcita_talk_down(t);
}


static void
ngx_http_vcita_talk_opened(ngx_http_vcita_link_t *link, ngx_int_t rc)
{
    ngx_http_vcita_talk_t  *t;

    t = ngx_http_vcita_talk_of(link);

    if (rc == NGX_OK) {
        t->state = NGX_HTTP_VCITA_TALK_GREETING;
        t->sent = 0;
        t->greeted = 0;

        rc = ngx_http_vcita_replies_init(&t->replies, &t->log);
    }

    if (rc != NGX_OK) {
        ngx_http_vcita_talk_broken(t);
        return;
    }

    ngx_http_vcita_talk_writable(link);
}


/* Tells whether anything is waited for; if not, a worker that quits may go */

void
ngx_http_vcita_talk_busy(ngx_http_vcita_talk_t *t, ngx_uint_t busy)
{
    t->busy = busy;

    if (busy) {
        t->used = ngx_current_msec;
    }

    if (t->link.connection) {
        t->link.connection->idle = !busy;
    }
}


static void
ngx_http_vcita_talk_writable(ngx_http_vcita_link_t *link)
{
    ngx_int_t               rc;
    ngx_http_vcita_talk_t  *t;

    t = ngx_http_vcita_talk_of(link);

    if (t->state == NGX_HTTP_VCITA_TALK_READY) {
        rc = t->handlers->writable(t);

    } else {
        rc = ngx_http_vcita_talk_write(t, &t->greeting, &t->sent);
    }

    if (rc == NGX_ERROR) {
        ngx_http_vcita_talk_broken(t);
    }
}


/*
 * Sends what is left of some bytes.  NGX_OK: it was all; NGX_AGAIN: it was not,
 * and the owner will be told when to go on.
 */

ngx_int_t
ngx_http_vcita_talk_write(ngx_http_vcita_talk_t *t, ngx_str_t *bytes,
    size_t *sent)
{
    ssize_t            n;
    ngx_connection_t  *c;

    c = t->link.connection;

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
ngx_http_vcita_talk_readable(ngx_http_vcita_link_t *link)
{
    ngx_http_vcita_talk_t  *t;

    t = ngx_http_vcita_talk_of(link);

    if (link->connection->close) {

        /* the worker quits, or its time to do so is over */

        ngx_http_vcita_talk_close(t);
        t->handlers->down(t);
        return;
    }

    if (ngx_http_vcita_talk_read(t) != NGX_OK) {
        ngx_http_vcita_talk_broken(t);
        return;
    }

    if (t->elsewhere) {
        ngx_http_vcita_talk_next(t);
        ngx_http_vcita_talk_broken(t);
        return;
    }

    if (ngx_exiting && !t->busy) {
        ngx_http_vcita_talk_close(t);
    }
}


static ngx_int_t
ngx_http_vcita_talk_read(ngx_http_vcita_talk_t *t)
{
    u_char             buf[NGX_HTTP_VCITA_TALK_BUFFER];
    ssize_t            n;
    ngx_connection_t  *c;

    c = t->link.connection;

    for ( ;; ) {

        n = c->recv(c, buf, sizeof(buf));

        if (n == NGX_AGAIN) {
            return ngx_handle_read_event(c->read, 0);
        }

        if (n == NGX_ERROR || n == 0) {

            if (t->busy) {
                ngx_http_vcita_talk_say(t,
                                 "closed the connection instead of an answer");
            }

            return NGX_ERROR;
        }

        if (ngx_http_vcita_replies_feed(&t->replies, buf, n) != NGX_OK
            || ngx_http_vcita_talk_answers(t) != NGX_OK)
        {
            return NGX_ERROR;
        }
    }
}


static ngx_int_t
ngx_http_vcita_talk_answers(ngx_http_vcita_talk_t *t)
{
    ngx_int_t  rc;

    do {
        rc = ngx_http_vcita_replies_next(&t->replies);

        if (rc == NGX_ERROR) {
            ngx_http_vcita_talk_say(t, "is not understood: %s",
                                    t->replies.error);

        } else if (rc == NGX_OK) {
            rc = (t->state == NGX_HTTP_VCITA_TALK_READY)
                 ? t->handlers->answer(t, &t->replies.reply)
                 : ngx_http_vcita_talk_greet(t);
        }

    } while (rc == NGX_OK);

    return (rc == NGX_AGAIN) ? NGX_OK : NGX_ERROR;
}


static ngx_int_t
ngx_http_vcita_talk_greet(ngx_http_vcita_talk_t *t)
{
    const char  *want;

    t->greeted++;
    want = (t->greeted == t->greetings) ? "PONG" : "OK";

    if (ngx_http_vcita_reply_status(&t->replies.reply, want) != NGX_OK)
    {
        ngx_http_vcita_talk_refused(t, &t->replies.reply);
        return NGX_ERROR;
    }

    if (t->greeted < t->greetings) {
        return NGX_OK;
    }

    return ngx_http_vcita_talk_ready(t);
}


static ngx_int_t
ngx_http_vcita_talk_ready(ngx_http_vcita_talk_t *t)
{
    t->state = NGX_HTTP_VCITA_TALK_READY;
    t->elsewhere = 0;
    t->tried = 0;
    t->backoff = 0;
    t->used = ngx_current_msec;

    t->down = 0;

    if (t->told) {
        t->told = 0;

        ngx_log_error(NGX_LOG_NOTICE, ngx_cycle->log, 0,
                      "vcita_oauth_session_store \"%V\" answers again",
                      &t->conf->name);
    }

    ngx_http_vcita_talk_set_timer(t, NGX_HTTP_VCITA_TALK_IDLE);

    return t->handlers->ready(t);
}


/* The end of all in this process; the owner is told nothing */

void
ngx_http_vcita_talk_end(ngx_http_vcita_talk_t *t)
{
    ngx_http_vcita_talk_close(t);

    t->down = 0;
    t->busy = 0;
}


static void
ngx_http_vcita_talk_close(ngx_http_vcita_talk_t *t)
{
    ngx_http_vcita_link_close(&t->link);
    ngx_http_vcita_replies_free(&t->replies);

    t->state = NGX_HTTP_VCITA_TALK_CLOSED;

    if (t->timer.timer_set) {
        ngx_del_timer(&t->timer);
    }
}


/* The connection is of no use: another one, or another address */

void
ngx_http_vcita_talk_broken(ngx_http_vcita_talk_t *t)
{
    ngx_http_vcita_talk_state_e  state;

    state = t->state;

    ngx_http_vcita_talk_close(t);

    if (state == NGX_HTTP_VCITA_TALK_READY) {
        t->handlers->broken(t);
        return;
    }

    ngx_http_vcita_talk_next(t);
    t->tried++;

    ngx_http_vcita_talk_start(t);
}


/* An answer did not come in time */

void
ngx_http_vcita_talk_silent(ngx_http_vcita_talk_t *t)
{
    ngx_http_vcita_talk_say(t, "does not answer within %M ms",
                            t->conf->timeout);

    ngx_http_vcita_talk_close(t);
    ngx_http_vcita_talk_next(t);
    ngx_http_vcita_talk_down(t);
}


static void
ngx_http_vcita_talk_next(ngx_http_vcita_talk_t *t)
{
    t->address = (t->address + 1) % t->conf->naddrs;
}


static void
ngx_http_vcita_talk_down(ngx_http_vcita_talk_t *t)
{
    ngx_http_vcita_talk_say(t, "cannot be reached: who needs it gets "
                            "503 until it can");

    t->down = 1;
    t->tried = 0;

    t->backoff = t->backoff ? ngx_min(2 * t->backoff,
                                      NGX_HTTP_VCITA_TALK_PATIENCE)
                            : NGX_HTTP_VCITA_TALK_BACKOFF;

    /* workers and machines do not come all at once */

    ngx_http_vcita_talk_set_timer(t, t->backoff / 2
                                     + ngx_random() % t->backoff);

    t->handlers->down(t);
}


static void
ngx_http_vcita_talk_timer_handler(ngx_event_t *ev)
{
    ngx_msec_t              unused;
    ngx_http_vcita_talk_t  *t;

    t = ev->data;

    if (t->state == NGX_HTTP_VCITA_TALK_CLOSED) {
        ngx_http_vcita_talk_start(t);
        return;
    }

    if (t->state != NGX_HTTP_VCITA_TALK_READY) {
        ngx_http_vcita_talk_say(t, "could not be connected within "
                                "%M ms", t->conf->connect_timeout);
        ngx_http_vcita_talk_broken(t);
        return;
    }

    unused = t->busy ? 0 : ngx_current_msec - t->used;

    if (unused < NGX_HTTP_VCITA_TALK_IDLE) {
        ngx_http_vcita_talk_set_timer(t, NGX_HTTP_VCITA_TALK_IDLE - unused);
        return;
    }

    ngx_http_vcita_talk_close(t);
}


static void
ngx_http_vcita_talk_set_timer(ngx_http_vcita_talk_t *t, ngx_msec_t time)
{
    /* nginx would keep an old timer that is close to the new one */

    if (t->timer.timer_set) {
        ngx_del_timer(&t->timer);
    }

    ngx_add_timer(&t->timer, time);
}


/* Says what an answer was that is none to its command */

void
ngx_http_vcita_talk_refused(ngx_http_vcita_talk_t *t,
    ngx_http_vcita_reply_t *reply)
{
    ngx_str_t  code;

    ngx_http_vcita_reply_code(reply, &code);

    ngx_http_vcita_talk_say(t, "answers %V: %s", &code,
                            ngx_http_vcita_reply_hint(reply));

    /* another address, or a new connection, may lead to the master */

    if (code.len == sizeof("READONLY") - 1
        && ngx_strncmp(code.data, "READONLY", code.len) == 0)
    {
        t->elsewhere = 1;
    }
}


/* What an operator should know, but not for each request again */

void
ngx_http_vcita_talk_say(ngx_http_vcita_talk_t *t,
    const char *fmt, ...)
{
    u_char   *last, line[NGX_HTTP_VCITA_TALK_LINE];
    va_list   args;

    if (ngx_time() - t->logged < NGX_HTTP_VCITA_TALK_SILENCE) {
        return;
    }

    t->logged = ngx_time();
    t->told = 1;

    va_start(args, fmt);
    last = ngx_vslprintf(line, line + sizeof(line), fmt, args);
    va_end(args);

    ngx_log_error(NGX_LOG_ERR, ngx_cycle->log, 0,
                  "vcita_oauth_session_store \"%V\" %*s",
                  &t->conf->name, (size_t) (last - line), line);
}


/* nginx's own words about a connection are as many as ours */

static void
ngx_http_vcita_talk_set_log(ngx_http_vcita_talk_t *t)
{
    t->log = *ngx_cycle->log;
    t->log.handler = ngx_http_vcita_talk_log;
    t->log.data = t;

    if (ngx_time() - t->logged < NGX_HTTP_VCITA_TALK_SILENCE) {
        t->log.log_level = NGX_LOG_ALERT;
    }
}


static u_char *
ngx_http_vcita_talk_log(ngx_log_t *log, u_char *buf, size_t len)
{
    ngx_http_vcita_talk_t  *t;

    t = log->data;

    return ngx_snprintf(buf, len, ", vcita_oauth_session_store \"%V\"",
                        &t->conf->name);
}
