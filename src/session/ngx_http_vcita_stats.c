
/*
 * Copyright (C) the vcita OAuth gate authors
 *
 * Counters in one block for each worker, so that no worker waits for another.
 * May touch the shared zone that it makes, which outlives reloads.
 */


#include <ngx_config.h>
#include <ngx_core.h>

#include "session/ngx_http_vcita_stats.h"


/* further workers share the blocks of the first ones */
#define NGX_HTTP_VCITA_STAT_WORKERS  64

/* a multiple of the cache line: no two workers write to one line */
#define NGX_HTTP_VCITA_STAT_BLOCK                                             \
    ngx_align(sizeof(ngx_http_vcita_stats_t), 128)

#define NGX_HTTP_VCITA_STAT_SIZE                                              \
    (NGX_HTTP_VCITA_STAT_WORKERS * NGX_HTTP_VCITA_STAT_BLOCK)


static ngx_int_t ngx_http_vcita_stats_init(ngx_shm_zone_t *zone, void *data);
static ngx_http_vcita_stats_t *ngx_http_vcita_stats_block(
    ngx_http_vcita_statistics_t *s, ngx_uint_t worker);


static ngx_msec_t  ngx_http_vcita_bounds[] = {
    50, 100, 250, 500, 1000, 2500, 5000, 10000
};


/* Adds the shared zone; called at the end of the configuration */

ngx_int_t
ngx_http_vcita_stats_zone(ngx_conf_t *cf, ngx_http_vcita_statistics_t *s,
    void *tag)
{
    ngx_str_t  name;

    ngx_str_set(&name, "vcita_oauth_stats");

    s->zone = ngx_shared_memory_add(cf, &name,
                                    NGX_HTTP_VCITA_STAT_SIZE
                                    + 16 * ngx_pagesize, tag);
    if (s->zone == NULL) {
        return NGX_ERROR;
    }

    s->zone->init = ngx_http_vcita_stats_init;
    s->zone->data = s;

    return NGX_OK;
}


static ngx_int_t
ngx_http_vcita_stats_init(ngx_shm_zone_t *zone, void *data)
{
    ngx_slab_pool_t  *pool;

    pool = (ngx_slab_pool_t *) zone->shm.addr;

    if (pool->data == NULL) {
        pool->data = ngx_slab_calloc(pool, NGX_HTTP_VCITA_STAT_SIZE);
    }

    return pool->data ? NGX_OK : NGX_ERROR;
}


/*
 * Called when a worker starts.  Resets in_flight if the block's previous worker
 * has died; it may still run after a reload.
 */

void
ngx_http_vcita_stats_worker(ngx_http_vcita_statistics_t *s)
{
    ngx_http_vcita_stats_t  *stats;

    if (s->zone == NULL || s->zone->shm.addr == NULL) {
        return;
    }

    stats = ngx_http_vcita_stats(s);

    if (stats->pid
        && kill((ngx_pid_t) stats->pid, 0) == -1
        && ngx_errno == NGX_ESRCH)
    {
        stats->in_flight = 0;
    }

    stats->pid = ngx_pid;
}


ngx_http_vcita_stats_t *
ngx_http_vcita_stats(ngx_http_vcita_statistics_t *s)
{
    return ngx_http_vcita_stats_block(s, ngx_worker
                                      % NGX_HTTP_VCITA_STAT_WORKERS);
}


static ngx_http_vcita_stats_t *
ngx_http_vcita_stats_block(ngx_http_vcita_statistics_t *s, ngx_uint_t worker)
{
    u_char           *p;
    ngx_slab_pool_t  *pool;

    pool = (ngx_slab_pool_t *) s->zone->shm.addr;
    p = pool->data;

    return (ngx_http_vcita_stats_t *)
               (p + worker * NGX_HTTP_VCITA_STAT_BLOCK);
}


/* Counts a call that took so many milliseconds */

void
ngx_http_vcita_stats_call(ngx_http_vcita_stats_t *stats, ngx_uint_t endpoint,
    ngx_uint_t outcome, ngx_msec_t took)
{
    ngx_uint_t  i;

    for (i = 0; i < NGX_HTTP_VCITA_STAT_BUCKETS - 1; i++) {

        if (took <= ngx_http_vcita_bounds[i]) {
            break;
        }
    }

    ngx_http_vcita_stats_add(stats->calls[endpoint][outcome], 1);
    ngx_http_vcita_stats_add(stats->times[endpoint][i], 1);
    ngx_http_vcita_stats_add(stats->time[endpoint], took);
}


/* Adds up the counters of all workers; all members have one type */

void
ngx_http_vcita_stats_sum(ngx_http_vcita_statistics_t *s,
    ngx_http_vcita_stats_t *sum)
{
    ngx_uint_t     i, n;
    ngx_atomic_t  *to, *from;

    ngx_memzero(sum, sizeof(ngx_http_vcita_stats_t));

    to = (ngx_atomic_t *) sum;

    for (n = 0; n < NGX_HTTP_VCITA_STAT_WORKERS; n++) {

        from = (ngx_atomic_t *) ngx_http_vcita_stats_block(s, n);

        for (i = 0;
             i < sizeof(ngx_http_vcita_stats_t) / sizeof(ngx_atomic_t);
             i++)
        {
            to[i] += from[i];
        }
    }
}


/* The upper bound of a bucket of call times; 0: none, it is the last one */

ngx_msec_t
ngx_http_vcita_stats_bound(ngx_uint_t bucket)
{
    return (bucket < NGX_HTTP_VCITA_STAT_BUCKETS - 1)
           ? ngx_http_vcita_bounds[bucket] : 0;
}
