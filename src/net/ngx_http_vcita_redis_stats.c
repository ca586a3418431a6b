
/*
 * Copyright (C) the vcita OAuth gate authors
 *
 * What a connection to Redis counts.  Counters belong to a process; the address
 * that serves is shared by all of them, so that workers that move to another
 * address one after the other count one failover.
 */


#include <ngx_config.h>
#include <ngx_core.h>

#include "net/ngx_http_vcita_redis.h"


#define ngx_http_vcita_redis_stats_add(counter, n)                            \
    (void) ngx_atomic_fetch_add(&(counter), n)


static ngx_msec_t  ngx_http_vcita_redis_stats_bounds[] = {
    1, 5, 25, 100, 250, 1000
};


/* Called when the process exits, or the configuration ends */

void
ngx_http_vcita_redis_stats_end(ngx_http_vcita_redis_stats_t *stats)
{
    ngx_http_vcita_redis_stats_up(stats);

    stats->lost = 0;
    stats->counters = NULL;
}


/* Called in a worker before each attempt to connect */

void
ngx_http_vcita_redis_stats_open(ngx_http_vcita_redis_stats_t *stats,
    ngx_addr_t *addr)
{
    uint32_t  hash;

    if (stats->find && stats->counters == NULL) {
        stats->find(stats);
    }

    hash = ngx_crc32_short((u_char *) addr->sockaddr, addr->socklen);
    stats->tried = hash ? hash : 1;
}


void
ngx_http_vcita_redis_stats_ready(ngx_http_vcita_redis_stats_t *stats)
{
    ngx_atomic_uint_t  old;

    ngx_http_vcita_redis_stats_up(stats);

    if (stats->counters == NULL) {
        return;
    }

    if (stats->lost) {
        stats->lost = 0;
        ngx_http_vcita_redis_stats_add(stats->counters->reconnects, 1);
    }

    old = *stats->address;

    if (old != stats->tried
        && ngx_atomic_cmp_set(stats->address, old, stats->tried)
        && old != 0)
    {
        ngx_http_vcita_redis_stats_add(stats->counters->failovers, 1);
    }
}


/* Not called when an unused connection is closed */

void
ngx_http_vcita_redis_stats_lost(ngx_http_vcita_redis_stats_t *stats)
{
    stats->lost = 1;
}


void
ngx_http_vcita_redis_stats_down(ngx_http_vcita_redis_stats_t *stats)
{
    stats->lost = 1;

    if (stats->counters && !stats->down) {
        stats->down = 1;
        ngx_http_vcita_redis_stats_add(stats->counters->down, 1);
    }
}


void
ngx_http_vcita_redis_stats_up(ngx_http_vcita_redis_stats_t *stats)
{
    if (stats->counters && stats->down) {
        stats->down = 0;
        ngx_http_vcita_redis_stats_add(stats->counters->down, -1);
    }
}


/* Counts a command with its reply; NULL: there was none */

void
ngx_http_vcita_redis_stats_command(ngx_http_vcita_redis_conn_t *t,
    ngx_http_vcita_redis_pending_t *command,
    ngx_http_vcita_redis_reply_t *reply)
{
    ngx_uint_t                        i;
    ngx_msec_t                        took;
    ngx_http_vcita_redis_counters_t  *counters;

    counters = t->conf->stats.counters;

    if (counters == NULL) {
        return;
    }

    if (reply == NULL) {
        i = NGX_HTTP_VCITA_REDIS_STATS_FAILED;
        ngx_http_vcita_redis_stats_add(counters->commands[i], 1);
        return;
    }

    i = (reply->type == NGX_HTTP_VCITA_REDIS_REPLY_REFUSAL)
        ? NGX_HTTP_VCITA_REDIS_STATS_REFUSED
        : NGX_HTTP_VCITA_REDIS_STATS_OK;

    ngx_http_vcita_redis_stats_add(counters->commands[i], 1);

    took = ngx_current_msec - command->since;

    for (i = 0; i < NGX_HTTP_VCITA_REDIS_STATS_BUCKETS - 1; i++) {

        if (took <= ngx_http_vcita_redis_stats_bounds[i]) {
            break;
        }
    }

    ngx_http_vcita_redis_stats_add(counters->times[i], 1);
    ngx_http_vcita_redis_stats_add(counters->time, took);
}


/* The upper bound of a bucket in milliseconds; 0: none, it is the last one */

ngx_msec_t
ngx_http_vcita_redis_stats_bound(ngx_uint_t bucket)
{
    return (bucket < NGX_HTTP_VCITA_REDIS_STATS_BUCKETS - 1)
           ? ngx_http_vcita_redis_stats_bounds[bucket] : 0;
}
