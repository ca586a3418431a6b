
/*
 * Copyright (C) the vcita OAuth gate authors
 *
 * Asks one Sentinel for the address of a master.  May touch nginx's events.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_event.h>

#include "net/ngx_http_vcita_redis_sentinel.h"


#define NGX_HTTP_VCITA_REDIS_SENTINEL_BUFFER   1024

/* at most one log line of a Sentinel in so many milliseconds */
#define NGX_HTTP_VCITA_REDIS_SENTINEL_SILENCE  10000
#define NGX_HTTP_VCITA_REDIS_SENTINEL_LINE     256


typedef struct {
    ngx_str_t                 code;
    const char               *hint;
} ngx_http_vcita_redis_sentinel_hint_t;


static void ngx_http_vcita_redis_sentinel_resolved(void *data,
    ngx_http_vcita_addrs_t *addrs);
static void ngx_http_vcita_redis_sentinel_connect(
    ngx_http_vcita_redis_sentinel_t *s);
static void ngx_http_vcita_redis_sentinel_opened(
    ngx_http_vcita_connection_t *conn, ngx_int_t rc);
static void ngx_http_vcita_redis_sentinel_writable(
    ngx_http_vcita_connection_t *conn);
static void ngx_http_vcita_redis_sentinel_readable(
    ngx_http_vcita_connection_t *conn);
static ngx_int_t ngx_http_vcita_redis_sentinel_read(
    ngx_http_vcita_redis_sentinel_t *s);
static ngx_int_t ngx_http_vcita_redis_sentinel_replies(
    ngx_http_vcita_redis_sentinel_t *s);
static ngx_int_t ngx_http_vcita_redis_sentinel_reply(
    ngx_http_vcita_redis_sentinel_t *s, ngx_http_vcita_redis_reply_t *reply);
static void ngx_http_vcita_redis_sentinel_refused(
    ngx_http_vcita_redis_sentinel_t *s, ngx_http_vcita_redis_reply_t *reply);
static void ngx_http_vcita_redis_sentinel_timer_handler(ngx_event_t *ev);
static void ngx_http_vcita_redis_sentinel_next(
    ngx_http_vcita_redis_sentinel_t *s);
static void ngx_http_vcita_redis_sentinel_done(
    ngx_http_vcita_redis_sentinel_t *s);
static void ngx_http_vcita_redis_sentinel_say(
    ngx_http_vcita_redis_sentinel_t *s, const char *fmt, ...);
static u_char *ngx_http_vcita_redis_sentinel_log(ngx_log_t *log, u_char *buf,
    size_t len);


static ngx_http_vcita_redis_sentinel_hint_t
    ngx_http_vcita_redis_sentinel_hints[] = {

    { ngx_string("NOAUTH"),
      "it requires a password, set sentinel_password=" },

    { ngx_string("WRONGPASS"),
      "it rejects sentinel_user= or sentinel_password=" },

    { ngx_string("NOPERM"),
      "its user needs +sentinel|get-master-addr-by-name" },

    { ngx_null_string, "is it a Sentinel?" }
};


#define ngx_http_vcita_redis_sentinel_of(conn)                                \
    ngx_queue_data(conn, ngx_http_vcita_redis_sentinel_t, conn)


/* Called at configuration time with conf, host, done and data set */

void
ngx_http_vcita_redis_sentinel_init(ngx_http_vcita_redis_sentinel_t *s)
{
    s->logged = ngx_current_msec - NGX_HTTP_VCITA_REDIS_SENTINEL_SILENCE;

    s->conn.host = s->host->host;
    s->conn.ssl = s->conf->server->ssl;
    s->conn.verify = s->conf->server->verify;
    s->conn.log = &s->log;
    s->conn.opened = ngx_http_vcita_redis_sentinel_opened;
    s->conn.readable = ngx_http_vcita_redis_sentinel_readable;
    s->conn.writable = ngx_http_vcita_redis_sentinel_writable;

    s->timer.handler = ngx_http_vcita_redis_sentinel_timer_handler;
    s->timer.data = s;
    s->timer.log = &s->log;
    s->timer.cancelable = 1;
}


/* AUTH and the question as bytes, which are the caller's to wipe */

ngx_int_t
ngx_http_vcita_redis_sentinel_question(ngx_pool_t *pool,
    ngx_http_vcita_redis_sentinel_conf_t *conf)
{
    ngx_str_t  words[3];

    ngx_str_null(&conf->question);
    conf->answers = 0;

    if (conf->password.len) {
        ngx_str_set(&words[0], "AUTH");
        words[1] = conf->user.len ? conf->user : conf->password;
        words[2] = conf->password;

        if (ngx_http_vcita_redis_command_add(pool, words,
                                             conf->user.len ? 3 : 2,
                                             &conf->question, &conf->answers)
            != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    ngx_str_set(&words[0], "SENTINEL");
    ngx_str_set(&words[1], "get-master-addr-by-name");
    words[2] = conf->master;

    return ngx_http_vcita_redis_command_add(pool, words, 3, &conf->question,
                                            &conf->answers);
}


/*
 * s->done is called once, maybe before this returns.  If the Sentinel has named
 * an address, it is in s->named and s->port; if not, or not within
 * connect_timeout, s->named is empty.
 */

void
ngx_http_vcita_redis_sentinel_ask(ngx_http_vcita_redis_sentinel_t *s)
{
    s->log = *ngx_cycle->log;
    s->log.handler = ngx_http_vcita_redis_sentinel_log;
    s->log.data = s;

    /* nginx's own log lines about the connection are limited likewise */

    if (ngx_current_msec - s->logged < NGX_HTTP_VCITA_REDIS_SENTINEL_SILENCE) {
        s->log.log_level = NGX_LOG_ALERT;
    }

    s->tried = 0;
    s->named.len = 0;

    ngx_add_timer(&s->timer, s->conf->server->connect_timeout);

    /* addresses of an earlier look-up are tried meanwhile */

    if (!s->host->literal && s->lookup == NULL) {
        s->lookup = ngx_http_vcita_lookup_start(&s->host->host, s->host->port,
                                        ngx_http_vcita_redis_sentinel_resolved,
                                        s, &s->log);
    }

    ngx_http_vcita_redis_sentinel_connect(s);
}


/* Ends a question without a call of s->done */

void
ngx_http_vcita_redis_sentinel_end(ngx_http_vcita_redis_sentinel_t *s)
{
    ngx_http_vcita_connection_close(&s->conn);
    ngx_http_vcita_redis_protocol_free(&s->replies);

    /* a look-up goes on: a slow one is for the next question */

    if (s->timer.timer_set) {
        ngx_del_timer(&s->timer);
    }
}


/* the known addresses stay if the look-up has failed */

static void
ngx_http_vcita_redis_sentinel_resolved(void *data,
    ngx_http_vcita_addrs_t *addrs)
{
    ngx_http_vcita_redis_sentinel_t *s = data;

    s->lookup = NULL;

    if (addrs) {

        if (s->found) {
            ngx_free(s->found);
        }

        s->found = addrs;
        s->first = 0;
        s->tried = 0;

        if (s->conn.connection) {

            /* to one of the old addresses, after which comes the next */

            s->first--;
            s->tried--;
        }
    }

    if (s->timer.timer_set && s->conn.connection == NULL) {
        ngx_http_vcita_redis_sentinel_connect(s);
    }
}


/* Tries one address after another; the first is the one that replied last */

static void
ngx_http_vcita_redis_sentinel_connect(ngx_http_vcita_redis_sentinel_t *s)
{
    ngx_int_t    rc;
    ngx_uint_t   n;
    ngx_addr_t  *addrs;

    addrs = s->found ? s->found->addrs : s->host->addrs;
    n = s->found ? s->found->naddrs : s->host->naddrs;

    for ( /* void */ ; s->tried < n; s->tried++, s->first++) {

        rc = ngx_http_vcita_connection_open(&s->conn, &addrs[s->first % n]);

        if (rc == NGX_ERROR) {
            continue;
        }

        /* a worker that shuts down does not wait for a Sentinel */

        s->conn.connection->idle = 1;

        if (rc == NGX_OK) {
            ngx_http_vcita_redis_sentinel_opened(&s->conn, NGX_OK);
        }

        return;
    }

    if (s->lookup == NULL) {
        ngx_http_vcita_redis_sentinel_done(s);
    }
}


static void
ngx_http_vcita_redis_sentinel_opened(ngx_http_vcita_connection_t *conn,
    ngx_int_t rc)
{
    ngx_http_vcita_redis_sentinel_t  *s;

    s = ngx_http_vcita_redis_sentinel_of(conn);

    if (rc != NGX_OK
        || ngx_http_vcita_redis_protocol_init(&s->replies, &s->log) != NGX_OK)
    {
        ngx_http_vcita_redis_sentinel_next(s);
        return;
    }

    s->sent = 0;
    s->replied = 0;
    s->replies.array = (s->conf->answers == 1);

    ngx_http_vcita_redis_sentinel_writable(conn);
}


static void
ngx_http_vcita_redis_sentinel_writable(ngx_http_vcita_connection_t *conn)
{
    ssize_t                           n;
    ngx_str_t                        *bytes;
    ngx_connection_t                 *c;
    ngx_http_vcita_redis_sentinel_t  *s;

    s = ngx_http_vcita_redis_sentinel_of(conn);

    c = conn->connection;
    bytes = &s->conf->question;

    while (s->sent < bytes->len) {

        n = c->send(c, bytes->data + s->sent, bytes->len - s->sent);

        if (n == NGX_AGAIN || n == 0) {

            if (ngx_handle_write_event(c->write, 0) == NGX_OK) {
                return;
            }

            n = NGX_ERROR;
        }

        if (n == NGX_ERROR) {
            ngx_http_vcita_redis_sentinel_next(s);
            return;
        }

        s->sent += n;
    }
}


static void
ngx_http_vcita_redis_sentinel_readable(ngx_http_vcita_connection_t *conn)
{
    ngx_int_t                         rc;
    ngx_http_vcita_redis_sentinel_t  *s;

    s = ngx_http_vcita_redis_sentinel_of(conn);

    if (conn->connection->close) {

        /* the worker shuts down, or worker_shutdown_timeout has expired */

        ngx_http_vcita_redis_sentinel_done(s);
        return;
    }

    rc = ngx_http_vcita_redis_sentinel_read(s);

    if (rc == NGX_ERROR) {
        ngx_http_vcita_redis_sentinel_next(s);

    } else if (rc == NGX_OK) {
        ngx_http_vcita_redis_sentinel_done(s);
    }
}


/* NGX_OK: the Sentinel has named an address */

static ngx_int_t
ngx_http_vcita_redis_sentinel_read(ngx_http_vcita_redis_sentinel_t *s)
{
    u_char             buf[NGX_HTTP_VCITA_REDIS_SENTINEL_BUFFER];
    ssize_t            n;
    ngx_int_t          rc;
    ngx_connection_t  *c;

    c = s->conn.connection;

    for ( ;; ) {

        n = c->recv(c, buf, sizeof(buf));

        if (n == NGX_AGAIN) {
            return ngx_handle_read_event(c->read, 0) == NGX_OK ? NGX_AGAIN
                                                               : NGX_ERROR;
        }

        if (n == NGX_ERROR || n == 0) {
            ngx_http_vcita_redis_sentinel_say(s,
                                      "closed the connection before replying");
            return NGX_ERROR;
        }

        if (ngx_http_vcita_redis_protocol_feed(&s->replies, buf, n) != NGX_OK)
        {
            return NGX_ERROR;
        }

        rc = ngx_http_vcita_redis_sentinel_replies(s);

        if (rc != NGX_AGAIN) {
            return rc;
        }
    }
}


static ngx_int_t
ngx_http_vcita_redis_sentinel_replies(ngx_http_vcita_redis_sentinel_t *s)
{
    ngx_int_t  rc;

    do {
        rc = ngx_http_vcita_redis_protocol_next(&s->replies);

        if (rc == NGX_ERROR) {
            ngx_http_vcita_redis_sentinel_say(s, "%s", s->replies.error);

        } else if (rc == NGX_OK) {
            rc = ngx_http_vcita_redis_sentinel_reply(s, &s->replies.reply);
        }

    } while (rc == NGX_DECLINED);

    return rc;
}


/* NGX_DECLINED: another reply follows */

static ngx_int_t
ngx_http_vcita_redis_sentinel_reply(ngx_http_vcita_redis_sentinel_t *s,
    ngx_http_vcita_redis_reply_t *reply)
{
    ngx_str_t  *host;

    s->replied++;

    if (s->replied < s->conf->answers) {

        if (ngx_http_vcita_redis_protocol_status(reply, "OK") == NGX_OK) {
            s->replies.array = 1;
            return NGX_DECLINED;
        }

        ngx_http_vcita_redis_sentinel_refused(s, reply);
        return NGX_ERROR;
    }

    if (reply->type == NGX_HTTP_VCITA_REDIS_REPLY_NIL) {
        ngx_http_vcita_redis_sentinel_say(s, "has no master \"%V\", check its "
                                          "name in the URL",
                                          &s->conf->master);
        return NGX_ERROR;
    }

    if (reply->type == NGX_HTTP_VCITA_REDIS_REPLY_REFUSAL) {
        ngx_http_vcita_redis_sentinel_refused(s, reply);
        return NGX_ERROR;
    }

    if (ngx_http_vcita_redis_sentinel_address(reply, &host, &s->port)
        != NGX_OK)
    {
        ngx_http_vcita_redis_sentinel_say(s, "sent a reply that is not the "
                                          "address of a master, is it a "
                                          "Sentinel?");
        return NGX_ERROR;
    }

    *ngx_cpymem(s->text, host->data, host->len) = '\0';

    s->named.data = s->text;
    s->named.len = host->len;

    return NGX_OK;
}


/* The reply is an array of two: an IP address or a host name, and a port */

ngx_int_t
ngx_http_vcita_redis_sentinel_address(ngx_http_vcita_redis_reply_t *reply,
    ngx_str_t **host, in_port_t *port)
{
    u_char     *p, *last;
    ngx_int_t   n;
    ngx_str_t  *item;

    item = reply->items;

    if (reply->type != NGX_HTTP_VCITA_REDIS_REPLY_ARRAY
        || reply->nitems != 2
        || item[0].len == 0
        || item[0].len > NGX_HTTP_VCITA_REDIS_SENTINEL_HOST
        || item[1].len == 0)
    {
        return NGX_ERROR;
    }

    last = item[0].data + item[0].len;

    for (p = item[0].data; p < last; p++) {

        if (!isalnum(*p) && *p != '.' && *p != ':' && *p != '-' && *p != '_') {
            return NGX_ERROR;
        }
    }

    n = ngx_atoi(item[1].data, item[1].len);

    if (n < 1 || n > 65535) {
        return NGX_ERROR;
    }

    *host = &item[0];
    *port = (in_port_t) n;

    return NGX_OK;
}


static void
ngx_http_vcita_redis_sentinel_refused(ngx_http_vcita_redis_sentinel_t *s,
    ngx_http_vcita_redis_reply_t *reply)
{
    ngx_str_t                              code;
    ngx_http_vcita_redis_sentinel_hint_t  *h;

    ngx_http_vcita_redis_protocol_code(reply, &code);

    for (h = ngx_http_vcita_redis_sentinel_hints; h->code.len; h++) {

        if (h->code.len == code.len
            && ngx_memcmp(h->code.data, code.data, code.len) == 0)
        {
            break;
        }
    }

    ngx_http_vcita_redis_sentinel_say(s, "replied with %V: %s", &code, h->hint);
}


static void
ngx_http_vcita_redis_sentinel_timer_handler(ngx_event_t *ev)
{
    ngx_http_vcita_redis_sentinel_t  *s;

    s = ev->data;

    ngx_http_vcita_redis_sentinel_say(s, "did not reply within %M ms",
                                      s->conf->server->connect_timeout);

    s->first++;

    ngx_http_vcita_redis_sentinel_done(s);
}


static void
ngx_http_vcita_redis_sentinel_next(ngx_http_vcita_redis_sentinel_t *s)
{
    ngx_http_vcita_connection_close(&s->conn);
    ngx_http_vcita_redis_protocol_free(&s->replies);

    s->first++;
    s->tried++;

    ngx_http_vcita_redis_sentinel_connect(s);
}


static void
ngx_http_vcita_redis_sentinel_done(ngx_http_vcita_redis_sentinel_t *s)
{
    ngx_http_vcita_redis_sentinel_end(s);

    s->done(s);
}


/* Logs at most one line in ..._SILENCE seconds */

static void
ngx_http_vcita_redis_sentinel_say(ngx_http_vcita_redis_sentinel_t *s,
    const char *fmt, ...)
{
    u_char   *last, line[NGX_HTTP_VCITA_REDIS_SENTINEL_LINE];
    va_list   args;

    if (ngx_current_msec - s->logged < NGX_HTTP_VCITA_REDIS_SENTINEL_SILENCE) {
        return;
    }

    s->logged = ngx_current_msec;

    va_start(args, fmt);
    last = ngx_vslprintf(line, line + sizeof(line), fmt, args);
    va_end(args);

    ngx_log_error(NGX_LOG_ERR, ngx_cycle->log, 0,
                  "Sentinel \"%V\" of vcita_oauth_session_store \"%V\" %*s",
                  &s->host->name, &s->conf->server->name,
                  (size_t) (last - line), line);
}


static u_char *
ngx_http_vcita_redis_sentinel_log(ngx_log_t *log, u_char *buf, size_t len)
{
    ngx_http_vcita_redis_sentinel_t  *s;

    s = log->data;

    return ngx_snprintf(buf, len, ", Sentinel \"%V\" of "
                        "vcita_oauth_session_store \"%V\"", &s->host->name,
                        &s->conf->server->name);
}
