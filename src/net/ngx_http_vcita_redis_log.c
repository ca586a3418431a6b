
/*
 * Copyright (C) the vcita OAuth gate authors
 *
 * What the log says of a Redis: one line in ten seconds.
 */


#include <ngx_config.h>
#include <ngx_core.h>

#include "net/ngx_http_vcita_redis.h"


/* at most one log line in so many milliseconds */
#define NGX_HTTP_VCITA_REDIS_LOG_SILENCE  10000
#define NGX_HTTP_VCITA_REDIS_LOG_LINE     256


static u_char *ngx_http_vcita_redis_log_handler(ngx_log_t *log, u_char *buf,
    size_t len);


void
ngx_http_vcita_redis_log_init(ngx_http_vcita_redis_conn_t *t)
{
    t->logged = ngx_current_msec - NGX_HTTP_VCITA_REDIS_LOG_SILENCE;
}


/* The log of a new connection: nginx's own lines are limited likewise */

void
ngx_http_vcita_redis_log_open(ngx_http_vcita_redis_conn_t *t)
{
    t->log = *ngx_cycle->log;
    t->log.handler = ngx_http_vcita_redis_log_handler;
    t->log.data = t;

    if (ngx_current_msec - t->logged < NGX_HTTP_VCITA_REDIS_LOG_SILENCE) {
        t->log.log_level = NGX_LOG_ALERT;
    }
}


/* Logs an error reply */

void
ngx_http_vcita_redis_log_refused(ngx_http_vcita_redis_conn_t *t,
    ngx_http_vcita_redis_reply_t *reply)
{
    ngx_str_t  code;

    ngx_http_vcita_redis_protocol_code(reply, &code);

    ngx_http_vcita_redis_log_say(t, "replied with %V: %s", &code,
                                        ngx_http_vcita_redis_protocol_hint(
                                                                       reply));
}


/* Logs at most one line in ..._SILENCE seconds */

void
ngx_http_vcita_redis_log_say(ngx_http_vcita_redis_conn_t *t,
    const char *fmt, ...)
{
    u_char   *last, line[NGX_HTTP_VCITA_REDIS_LOG_LINE];
    va_list   args;

    if (ngx_current_msec - t->logged < NGX_HTTP_VCITA_REDIS_LOG_SILENCE) {
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
ngx_http_vcita_redis_log_handler(ngx_log_t *log, u_char *buf, size_t len)
{
    ngx_http_vcita_redis_conn_t  *t;

    t = log->data;

    return ngx_snprintf(buf, len, ", vcita_oauth_session_store \"%V\"",
                        &t->conf->name);
}
