
/*
 * Copyright (C) the vcita OAuth gate authors
 */


#ifndef _NGX_HTTP_VCITA_CALL_H_INCLUDED_
#define _NGX_HTTP_VCITA_CALL_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_event.h>

#include "net/ngx_http_vcita_fetch.h"
#include "session/ngx_http_vcita_place.h"
#include "session/ngx_http_vcita_rate.h"
#include "session/ngx_http_vcita_stats.h"


typedef enum {
    NGX_HTTP_VCITA_CALL_SENT = 0,
    NGX_HTTP_VCITA_CALL_FULL,         /* too many transfers */
    NGX_HTTP_VCITA_CALL_FAILED,       /* no memory or connections */
    NGX_HTTP_VCITA_CALL_FLOOD,        /* too many calls of its browser */
    NGX_HTTP_VCITA_CALL_BEHIND        /* it waited behind these until the end */
} ngx_http_vcita_call_unsent_e;


typedef struct ngx_http_vcita_call_s  ngx_http_vcita_call_t;

typedef void (*ngx_http_vcita_call_pt)(ngx_http_vcita_call_t *call);


struct ngx_http_vcita_call_s {

    /* set by the owner, the rest zeroed; fetch: pool, log, endpoint */

    ngx_http_vcita_fetch_t          fetch;
    ngx_http_vcita_rate_t          *rate;
    ngx_str_t                       client_id;
    ngx_http_vcita_places_t        *places;    /* NULL: not limited */
    u_char                         *key;       /* a hash, of a place */
    ngx_http_vcita_statistics_t    *statistics;
    ngx_msec_t                      patience;  /* 0: never waits */
    ngx_uint_t                      urgent;    /* unsigned  urgent:1; */
    ngx_http_vcita_call_pt          handler;   /* resumes the owner */
    void                           *data;

    /* set with NGX_BUSY: seconds; and the reason, unless it is the rate */

    ngx_uint_t                      retry_after;
    ngx_http_vcita_call_unsent_e    unsent;

    /* private */

    ngx_uint_t                      endpoint;
    ngx_event_t                     timer;
    ngx_msec_t                      started;
    ngx_http_vcita_place_t          place;
    ngx_http_vcita_rate_ask_t       ask;
    ngx_uint_t                      reserved;
    ngx_uint_t                      unused;    /* they come last */
    ngx_uint_t                      tries;     /* unreachable so far */
    ngx_uint_t                      throttled;

    unsigned                        inside:1;  /* of its place */
    unsigned                        waited:1;  /* for it, or its slot */
    unsigned                        yields:1;  /* takes no turn after it */
    unsigned                        admitted:1;
    unsigned                        waiting:1;
    unsigned                        calling:1;
    unsigned                        answered:1;
};


void ngx_http_vcita_call_init(ngx_http_vcita_call_t *call);
ngx_int_t ngx_http_vcita_call_reserve(ngx_http_vcita_call_t *call,
    ngx_uint_t n);
ngx_int_t ngx_http_vcita_call_next(ngx_http_vcita_call_t *call, ngx_uint_t n);
ngx_int_t ngx_http_vcita_call_send(ngx_http_vcita_call_t *call,
    ngx_uint_t endpoint, ngx_str_t *url);
void ngx_http_vcita_call_unanswered(ngx_http_vcita_call_t *call);
void ngx_http_vcita_call_cancel(ngx_http_vcita_call_t *call);


#endif /* _NGX_HTTP_VCITA_CALL_H_INCLUDED_ */
