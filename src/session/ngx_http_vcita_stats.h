
/*
 * Copyright (C) the vcita OAuth gate authors
 */


#ifndef _NGX_HTTP_VCITA_STATS_H_INCLUDED_
#define _NGX_HTTP_VCITA_STATS_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>

#include "session/ngx_http_vcita_store.h"
#include "util/ngx_http_vcita_hot.h"


/* codes of $vcita_oauth_error, and one for all codes of vcita */
#define NGX_HTTP_VCITA_STAT_REASONS  32

/* stats.c has their upper bounds */
#define NGX_HTTP_VCITA_STAT_BUCKETS  9


typedef enum {
    NGX_HTTP_VCITA_PASSED = 0,
    NGX_HTTP_VCITA_ANONYMOUS,
    NGX_HTTP_VCITA_REDIRECTED,
    NGX_HTTP_VCITA_UNAUTHORIZED,
    NGX_HTTP_VCITA_FORBIDDEN,
    NGX_HTTP_VCITA_UNAVAILABLE,
    NGX_HTTP_VCITA_DECISIONS
} ngx_http_vcita_decision_e;


/* the user agent of a request that was redirected to vcita */

typedef enum {
    NGX_HTTP_VCITA_BROWSER = 0,
    NGX_HTTP_VCITA_PROGRAM,
    NGX_HTTP_VCITA_AGENTS
} ngx_http_vcita_agent_e;


typedef enum {
    NGX_HTTP_VCITA_TOKEN = 0,
    NGX_HTTP_VCITA_USERINFO_CALL,
    NGX_HTTP_VCITA_KEYS_CALL,
    NGX_HTTP_VCITA_REVOKE_CALL,
    NGX_HTTP_VCITA_CALLED
} ngx_http_vcita_called_e;


typedef enum {
    NGX_HTTP_VCITA_CALL_OK = 0,        /* 2xx */
    NGX_HTTP_VCITA_CALL_REFUSED,       /* 4xx */
    NGX_HTTP_VCITA_CALL_THROTTLED,     /* 429, 503 */
    NGX_HTTP_VCITA_CALL_ERROR,         /* any other status */
    NGX_HTTP_VCITA_CALL_UNREACHABLE,
    NGX_HTTP_VCITA_CALL_TIMEOUT,
    NGX_HTTP_VCITA_CALL_BROKEN,
    NGX_HTTP_VCITA_CALL_OUTCOMES
} ngx_http_vcita_call_e;


typedef enum {
    NGX_HTTP_VCITA_BEARER_PASSED = 0,
    NGX_HTTP_VCITA_BEARER_REFUSED,
    NGX_HTTP_VCITA_BEARER_UNAVAILABLE,
    NGX_HTTP_VCITA_BEARER_OUTCOMES
} ngx_http_vcita_bearer_e;


/* what became of an access token that was to be revoked */

typedef enum {
    NGX_HTTP_VCITA_REVOKE_OK = 0,
    NGX_HTTP_VCITA_REVOKE_INVALID,     /* it no longer was valid */
    NGX_HTTP_VCITA_REVOKE_FAILED,
    NGX_HTTP_VCITA_REVOKE_DROPPED,
    NGX_HTTP_VCITA_REVOKE_OUTCOMES
} ngx_http_vcita_revoke_e;


/* servers of sessions that are told apart, further ones are not counted */
#define NGX_HTTP_VCITA_STAT_SERVERS  16

/* so many bytes of a server's name tell it apart */
#define NGX_HTTP_VCITA_STAT_NAME     256


/*
 * Of one process, or the sum of all; only in_flight and redis[].down ever
 * decrease
 */

typedef struct {
    ngx_atomic_t      requests[NGX_HTTP_VCITA_DECISIONS];
    ngx_atomic_t      logins_started;
    ngx_atomic_t      redirects[NGX_HTTP_VCITA_AGENTS];
    ngx_atomic_t      logins_finished;
    ngx_atomic_t      logins_failed[NGX_HTTP_VCITA_STAT_REASONS];
    ngx_atomic_t      logins_paced;
    ngx_atomic_t      logins_refused;
    ngx_atomic_t      sessions[NGX_HTTP_VCITA_STORES];
    ngx_atomic_t      sessions_revoked;
    ngx_atomic_t      logouts;
    ngx_atomic_t      bearer[NGX_HTTP_VCITA_BEARER_OUTCOMES];
    ngx_atomic_t      revocations[NGX_HTTP_VCITA_REVOKE_OUTCOMES];
    ngx_atomic_t      calls[NGX_HTTP_VCITA_CALLED]
                           [NGX_HTTP_VCITA_CALL_OUTCOMES];
    ngx_atomic_t      times[NGX_HTTP_VCITA_CALLED]
                           [NGX_HTTP_VCITA_STAT_BUCKETS];
    ngx_atomic_t      time[NGX_HTTP_VCITA_CALLED];   /* milliseconds */
    ngx_http_vcita_redis_counters_t
                      redis[NGX_HTTP_VCITA_STAT_SERVERS];
    ngx_atomic_t      in_flight;
    ngx_atomic_t      pid;
} ngx_http_vcita_stats_t;


/* A server of sessions, the same for all processes */

typedef struct {
    ngx_atomic_t      name;       /* a hash, 0: the place is free */
    ngx_atomic_t      address;    /* that serves, a hash */
} ngx_http_vcita_stats_server_t;


typedef struct {
    ngx_shm_zone_t          *zone;
    ngx_http_vcita_stats_t  *stats;      /* of this process */
} ngx_http_vcita_statistics_t;


ngx_int_t ngx_http_vcita_stats_zone(ngx_conf_t *cf,
    ngx_http_vcita_statistics_t *s, void *tag);
void ngx_http_vcita_stats_worker(ngx_http_vcita_statistics_t *s);
ngx_http_vcita_stats_t *ngx_http_vcita_stats(ngx_http_vcita_statistics_t *s)
    ngx_http_vcita_hot;
void ngx_http_vcita_stats_call(ngx_http_vcita_stats_t *stats,
    ngx_uint_t endpoint, ngx_uint_t outcome, ngx_msec_t took);
void ngx_http_vcita_stats_sum(ngx_http_vcita_statistics_t *s,
    ngx_http_vcita_stats_t *sum);
ngx_msec_t ngx_http_vcita_stats_bound(ngx_uint_t bucket);
ngx_uint_t ngx_http_vcita_stats_same(ngx_str_t *one, ngx_str_t *two);
void ngx_http_vcita_stats_redis(ngx_http_vcita_redis_stats_t *stats);
ngx_uint_t ngx_http_vcita_stats_server(ngx_http_vcita_statistics_t *s,
    ngx_str_t *name);


#define ngx_http_vcita_stats_add(counter, n)                                  \
    (void) ngx_atomic_fetch_add(&(counter), n)


#endif /* _NGX_HTTP_VCITA_STATS_H_INCLUDED_ */
