
/*
 * Copyright (C) the vcita OAuth gate authors
 */


#ifndef _NGX_HTTP_VCITA_REDIS_STATS_H_INCLUDED_
#define _NGX_HTTP_VCITA_REDIS_STATS_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>


/* redis_stats.c has their upper bounds */
#define NGX_HTTP_VCITA_REDIS_STATS_BUCKETS  7


typedef enum {
    NGX_HTTP_VCITA_REDIS_STATS_OK = 0,
    NGX_HTTP_VCITA_REDIS_STATS_REFUSED,    /* an error reply */
    NGX_HTTP_VCITA_REDIS_STATS_FAILED,     /* no reply */
    NGX_HTTP_VCITA_REDIS_STATS_OUTCOMES
} ngx_http_vcita_redis_stats_outcome_e;


/* Of one server and one process; only "down" ever decreases */

typedef struct {
    ngx_atomic_t      commands[NGX_HTTP_VCITA_REDIS_STATS_OUTCOMES];
    ngx_atomic_t      times[NGX_HTTP_VCITA_REDIS_STATS_BUCKETS];
    ngx_atomic_t      time;                /* milliseconds */
    ngx_atomic_t      reconnects;
    ngx_atomic_t      failovers;
    ngx_atomic_t      down;                /* connections that are down */
} ngx_http_vcita_redis_counters_t;


typedef struct ngx_http_vcita_redis_stats_s  ngx_http_vcita_redis_stats_t;

typedef void (*ngx_http_vcita_redis_stats_pt)(
    ngx_http_vcita_redis_stats_t *stats);


/* Of one connection */

struct ngx_http_vcita_redis_stats_s {

    /* set at configuration time; NULL: nothing is counted */

    ngx_http_vcita_redis_stats_pt     find;
    void                             *data;
    ngx_str_t                         name;

    /* set by "find" in a worker; NULL: nothing is counted */

    ngx_http_vcita_redis_counters_t  *counters;
    ngx_atomic_t                     *address;   /* of all processes */
    ngx_atomic_uint_t                 tried;     /* address, as a hash */

    unsigned                          lost:1;
    unsigned                          down:1;
};


void ngx_http_vcita_redis_stats_end(ngx_http_vcita_redis_stats_t *stats);
void ngx_http_vcita_redis_stats_open(ngx_http_vcita_redis_stats_t *stats,
    ngx_addr_t *addr);
void ngx_http_vcita_redis_stats_ready(ngx_http_vcita_redis_stats_t *stats);
void ngx_http_vcita_redis_stats_lost(ngx_http_vcita_redis_stats_t *stats);
void ngx_http_vcita_redis_stats_down(ngx_http_vcita_redis_stats_t *stats);
void ngx_http_vcita_redis_stats_up(ngx_http_vcita_redis_stats_t *stats);
ngx_msec_t ngx_http_vcita_redis_stats_bound(ngx_uint_t bucket);


#endif /* _NGX_HTTP_VCITA_REDIS_STATS_H_INCLUDED_ */
