
/*
 * Copyright (C) the vcita OAuth gate authors
 */


#ifndef _NGX_HTTP_VCITA_RATE_H_INCLUDED_
#define _NGX_HTTP_VCITA_RATE_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_event.h>


#define NGX_HTTP_VCITA_RATE_MAX    1000

/* added to a window in milliseconds: network latency varies */
#define NGX_HTTP_VCITA_RATE_SLACK  100

/* the longest time until a turn, in milliseconds */
#define NGX_HTTP_VCITA_RATE_AWAY   600000

/* the most slots that are reserved together */
#define NGX_HTTP_VCITA_RATE_ASKED  2


/* At most "calls" in any "window" of milliseconds; 0 calls: no limit */

typedef struct {
    ngx_uint_t                   calls;
    ngx_msec_t                   window;
    ngx_shm_zone_t              *zone;
    ngx_array_t                 *fleet;     /* ..._rate_redis_t *; or NULL */
} ngx_http_vcita_rate_t;


typedef struct {
    ngx_msec_t                   delay;     /* until it may be used */
    ngx_msec_t                   id;        /* what it is given back by */
    uint64_t                     fleet;     /* the same in Redis; 0: none */
} ngx_http_vcita_rate_slot_t;


typedef struct ngx_http_vcita_rate_ask_s  ngx_http_vcita_rate_ask_t;

typedef void (*ngx_http_vcita_rate_pt)(ngx_http_vcita_rate_ask_t *ask);


struct ngx_http_vcita_rate_ask_s {

    /* set by the caller, the rest zeroed */

    ngx_http_vcita_rate_t       *rate;
    ngx_str_t                    client_id;
    ngx_uint_t                   n;
    ngx_msec_t                   patience;
    ngx_http_vcita_rate_pt       handler;   /* after NGX_AGAIN */
    void                        *data;

    ngx_http_vcita_rate_slot_t   slots[NGX_HTTP_VCITA_RATE_ASKED];

    /* private: the question to Redis, and its answer */

    void                        *question;  /* NULL: none is pending */
    ngx_event_t                  timer;
    ngx_msec_t                   since;     /* when the answer came */
    ngx_int_t                    answer;
    unsigned                     answered:1;
};


char *ngx_http_vcita_rate_parse(ngx_conf_t *cf, ngx_str_t *value,
    ngx_http_vcita_rate_t *rate);
ngx_int_t ngx_http_vcita_rate_zone(ngx_conf_t *cf, ngx_http_vcita_rate_t *rate,
    void *tag);

/*
 * Where the slots of a client_id are kept is known to these alone.  The first
 * returns NGX_AGAIN if it asks Redis: the handler is called when it is to be
 * called again, unless the ask is cancelled.
 */

ngx_int_t ngx_http_vcita_rate_reserve(ngx_http_vcita_rate_ask_t *ask);
void ngx_http_vcita_rate_release(ngx_http_vcita_rate_ask_t *ask, ngx_uint_t i);
void ngx_http_vcita_rate_cancel(ngx_http_vcita_rate_ask_t *ask);

ngx_msec_t ngx_http_vcita_rate_turn(ngx_http_vcita_rate_ask_t *ask);


#endif /* _NGX_HTTP_VCITA_RATE_H_INCLUDED_ */
