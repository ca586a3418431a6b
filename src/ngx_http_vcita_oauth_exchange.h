
/*
 * Copyright (C) the vcita OAuth gate authors
 */


#ifndef _NGX_HTTP_VCITA_OAUTH_EXCHANGE_H_INCLUDED_
#define _NGX_HTTP_VCITA_OAUTH_EXCHANGE_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "ngx_http_vcita_oauth.h"


/* a server that could not be reached is tried once more */
#define NGX_HTTP_VCITA_OAUTH_TRIES  2


typedef ngx_int_t (*ngx_http_vcita_oauth_step_pt)(ngx_http_request_t *r,
    ngx_http_vcita_oauth_exchange_t *x);


struct ngx_http_vcita_oauth_exchange_s {
    ngx_http_request_t              *request;
    ngx_http_vcita_oauth_ctx_t      *ctx;
    ngx_http_vcita_oauth_app_t      *app;

    ngx_http_vcita_oauth_state_t     state;
    ngx_str_t                        code;

    ngx_http_vcita_oauth_token_t     token;
    ngx_str_t                        sub;       /* the id_token's */
    ngx_array_t                      id_token;  /* ..._member_t */
    ngx_array_t                      claims;    /* ..._member_t */

    ngx_http_vcita_oauth_step_pt     next;
    ngx_http_vcita_oauth_step_pt     again;     /* after a pause */
    ngx_http_vcita_oauth_fetch_t     fetch;
    ngx_event_t                      timer;
    ngx_msec_t                       started;
    ngx_msec_t                       slots[2];  /* counted from there */
    ngx_uint_t                       reserved;
    ngx_uint_t                       unused;    /* the last of them */
    ngx_uint_t                       tries;     /* without being reached */
    ngx_uint_t                       throttled;

    unsigned                         waiting:1;
    unsigned                         calling:1;
};


/* what vcita answers to one call too many */

#define ngx_http_vcita_oauth_throttled(x)                                     \
    ((x)->fetch.outcome == NGX_HTTP_VCITA_OAUTH_FETCH_OK                      \
     && ((x)->fetch.status == NGX_HTTP_TOO_MANY_REQUESTS                      \
         || (x)->fetch.status == NGX_HTTP_SERVICE_UNAVAILABLE))


/* after the exchange, where "identified" says whether there is an id_token */

#define ngx_http_vcita_oauth_asks_userinfo(app, identified)                   \
    ((app)->userinfo == NGX_HTTP_VCITA_OAUTH_ON                               \
     || ((app)->userinfo == NGX_HTTP_VCITA_OAUTH_AUTO && !(identified)))


/* the steps, in order */

ngx_int_t ngx_http_vcita_oauth_exchange_token(ngx_http_request_t *r,
    ngx_http_vcita_oauth_exchange_t *x);
ngx_int_t ngx_http_vcita_oauth_exchange_identity(ngx_http_request_t *r,
    ngx_http_vcita_oauth_exchange_t *x);

/* what a step can do */

ngx_int_t ngx_http_vcita_oauth_exchange_next(ngx_http_request_t *r,
    ngx_http_vcita_oauth_exchange_t *x, ngx_http_vcita_oauth_step_pt next);
ngx_int_t ngx_http_vcita_oauth_exchange_send(ngx_http_request_t *r,
    ngx_http_vcita_oauth_exchange_t *x, ngx_str_t *url,
    ngx_http_vcita_oauth_step_pt next);
ngx_int_t ngx_http_vcita_oauth_exchange_later(ngx_http_request_t *r,
    ngx_http_vcita_oauth_exchange_t *x, ngx_http_vcita_oauth_step_pt again);
ngx_int_t ngx_http_vcita_oauth_exchange_reconnect(ngx_http_request_t *r,
    ngx_http_vcita_oauth_exchange_t *x, ngx_http_vcita_oauth_step_pt again);
void ngx_http_vcita_oauth_exchange_unanswered(ngx_http_request_t *r,
    ngx_http_vcita_oauth_exchange_t *x, const char *endpoint);
ngx_int_t ngx_http_vcita_oauth_exchange_fail(ngx_http_request_t *r,
    ngx_http_vcita_oauth_exchange_t *x, ngx_uint_t status, const char *error,
    ngx_uint_t retry_after);
void ngx_http_vcita_oauth_wipe(ngx_str_t *secret);


#endif /* _NGX_HTTP_VCITA_OAUTH_EXCHANGE_H_INCLUDED_ */
