
/*
 * Copyright (C) the vcita OAuth gate authors
 */


#ifndef _NGX_HTTP_VCITA_OAUTH_REPLY_H_INCLUDED_
#define _NGX_HTTP_VCITA_OAUTH_REPLY_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>


/* the longest text that is taken from Redis, or given to it, in bytes */
#define NGX_HTTP_VCITA_OAUTH_REPLY_MAX  65536


typedef enum {
    NGX_HTTP_VCITA_OAUTH_REPLY_STRING = 0,
    NGX_HTTP_VCITA_OAUTH_REPLY_STATUS,
    NGX_HTTP_VCITA_OAUTH_REPLY_NUMBER,
    NGX_HTTP_VCITA_OAUTH_REPLY_NIL,
    NGX_HTTP_VCITA_OAUTH_REPLY_REFUSAL,
    NGX_HTTP_VCITA_OAUTH_REPLY_OTHER
} ngx_http_vcita_oauth_reply_e;


typedef struct {
    ngx_http_vcita_oauth_reply_e   type;
    ngx_str_t                      text;       /* the reader's */
} ngx_http_vcita_oauth_reply_t;


/* what comes from one connection */

typedef struct {
    void                          *reader;     /* hiredis's */
    ngx_http_vcita_oauth_reply_t   reply;
    const char                    *error;      /* it is of no use any more */
    ngx_log_t                     *log;
} ngx_http_vcita_oauth_replies_t;


ngx_int_t ngx_http_vcita_oauth_replies_init(
    ngx_http_vcita_oauth_replies_t *r, ngx_log_t *log);
void ngx_http_vcita_oauth_replies_free(ngx_http_vcita_oauth_replies_t *r);
ngx_int_t ngx_http_vcita_oauth_replies_feed(ngx_http_vcita_oauth_replies_t *r,
    u_char *p, size_t len);
ngx_int_t ngx_http_vcita_oauth_replies_next(
    ngx_http_vcita_oauth_replies_t *r);

ngx_int_t ngx_http_vcita_oauth_reply_value(ngx_http_vcita_oauth_reply_t *r);
ngx_int_t ngx_http_vcita_oauth_reply_status(ngx_http_vcita_oauth_reply_t *r,
    const char *status);
ngx_int_t ngx_http_vcita_oauth_reply_number(ngx_http_vcita_oauth_reply_t *r);
void ngx_http_vcita_oauth_reply_code(ngx_http_vcita_oauth_reply_t *r,
    ngx_str_t *code);
const char *ngx_http_vcita_oauth_reply_hint(ngx_http_vcita_oauth_reply_t *r);


#endif /* _NGX_HTTP_VCITA_OAUTH_REPLY_H_INCLUDED_ */
