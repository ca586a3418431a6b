
/*
 * Copyright (C) the vcita OAuth gate authors
 */


#ifndef _NGX_HTTP_VCITA_EXCHANGE_H_INCLUDED_
#define _NGX_HTTP_VCITA_EXCHANGE_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "http/ngx_http_vcita_http.h"
#include "session/ngx_http_vcita_call.h"


typedef enum {
    NGX_HTTP_VCITA_EXCHANGE_TOKEN = 0,
    NGX_HTTP_VCITA_EXCHANGE_ID_TOKEN,
    NGX_HTTP_VCITA_EXCHANGE_USERINFO,
    NGX_HTTP_VCITA_EXCHANGE_SESSION
} ngx_http_vcita_exchange_e;


/* what is to be answered after NGX_DECLINED */

typedef struct {
    ngx_uint_t                 status;
    const char                *error;     /* NULL: ctx->error has it */
    ngx_uint_t                 retry_after;
    unsigned                   again:1;   /* a new round may cure it */
} ngx_http_vcita_exchange_failure_t;


struct ngx_http_vcita_exchange_s {
    ngx_http_request_t                *request;
    ngx_http_vcita_ctx_t              *ctx;
    ngx_http_vcita_client_t           *client;

    ngx_http_vcita_login_state_t       state;
    ngx_str_t                          code;

    ngx_http_vcita_exchange_e          step;
    ngx_http_vcita_call_t              call;
    ngx_http_vcita_exchange_failure_t  failure;

    ngx_http_vcita_token_t             token;
    ngx_str_t                          sub;       /* the id_token's */
    ngx_array_t                        id_token;  /* ..._member_t */
    ngx_array_t                        claims;    /* ..._member_t */

    unsigned                           saving:1;  /* the session */
};


/* after the exchange, where "identified" says whether there is an id_token */

#define ngx_http_vcita_exchange_asks_userinfo(client, identified)             \
    ((client)->userinfo == NGX_HTTP_VCITA_ON                                  \
     || ((client)->userinfo == NGX_HTTP_VCITA_AUTO && !(identified)))


#define ngx_http_vcita_exchange_failed(x, code, reason)                       \
    ((x)->failure.status = code, (x)->failure.error = reason, NGX_DECLINED)


ngx_int_t ngx_http_vcita_exchange_start(ngx_http_request_t *r,
    ngx_http_vcita_ctx_t *ctx, ngx_http_vcita_login_state_t *s,
    ngx_str_t *code);
ngx_int_t ngx_http_vcita_exchange(ngx_http_request_t *r,
    ngx_http_vcita_exchange_t *x);


/*
 * The steps.  NGX_OK: it is done; NGX_AGAIN: the request is woken when there
 * is more to do; NGX_BUSY: vcita cannot be called now; NGX_DECLINED: the login
 * has failed, and x->failure says how; NGX_ERROR: out of memory.
 */

ngx_int_t ngx_http_vcita_token_request(ngx_http_request_t *r,
    ngx_http_vcita_exchange_t *x);
ngx_int_t ngx_http_vcita_userinfo_request_id_token(ngx_http_request_t *r,
    ngx_http_vcita_exchange_t *x);
ngx_int_t ngx_http_vcita_userinfo_request(ngx_http_request_t *r,
    ngx_http_vcita_exchange_t *x);
ngx_int_t ngx_http_vcita_userinfo_request_session(ngx_http_request_t *r,
    ngx_http_vcita_exchange_t *x);


#endif /* _NGX_HTTP_VCITA_EXCHANGE_H_INCLUDED_ */
