
/*
 * Copyright (C) the vcita OAuth gate authors
 *
 * Counters in one block for each process, so that no process waits for another.
 * May touch the shared zone that it makes, which outlives reloads.
 *
 * A block outlives its process: the next process that takes it adds to its
 * counters.  Calls in flight, and connections that are down, end with the
 * process that has them.
 */


#include <ngx_config.h>
#include <ngx_core.h>

#include "session/ngx_http_vcita_stats.h"
#include "util/ngx_http_vcita_shm_zone.h"


/* of workers, draining ones too; further workers share the last block */
#define NGX_HTTP_VCITA_STAT_PROCESSES  256

/* in place of the pid: the process of the block has ended */
#define NGX_HTTP_VCITA_STAT_FREE       ((ngx_atomic_uint_t) -1)

/* a multiple of the cache line: no two workers write to one line */
#define NGX_HTTP_VCITA_STAT_BLOCK                                             \
    ngx_align(sizeof(ngx_http_vcita_stats_t), 128)

/* the servers of sessions are behind the blocks */
#define NGX_HTTP_VCITA_STAT_SIZE                                              \
    ((NGX_HTTP_VCITA_STAT_PROCESSES + 1) * NGX_HTTP_VCITA_STAT_BLOCK          \
     + NGX_HTTP_VCITA_STAT_SERVERS * sizeof(ngx_http_vcita_stats_server_t))


static ngx_int_t ngx_http_vcita_stats_init(ngx_shm_zone_t *zone, void *data);
static ngx_http_vcita_stats_t *ngx_http_vcita_stats_block(
    ngx_http_vcita_statistics_t *s, ngx_uint_t i);
static ngx_uint_t ngx_http_vcita_stats_alive(ngx_http_vcita_stats_t *stats);
static void ngx_http_vcita_stats_read(ngx_http_vcita_stats_t *block,
    ngx_http_vcita_stats_t *stats);
static void ngx_http_vcita_stats_no_gauges(ngx_http_vcita_stats_t *stats);
static ngx_http_vcita_stats_server_t *
    ngx_http_vcita_stats_servers(ngx_http_vcita_statistics_t *s);


static ngx_msec_t  ngx_http_vcita_bounds[] = {
    50, 100, 250, 500, 1000, 2500, 5000, 10000
};


/* Adds the shared zone; called at the end of the configuration */

ngx_int_t
ngx_http_vcita_stats_zone(ngx_conf_t *cf, ngx_http_vcita_statistics_t *s,
    void *tag)
{
    s->zone = ngx_http_vcita_shm_zone(cf, "vcita_oauth_stats",
                                      NGX_HTTP_VCITA_STAT_SIZE
                                      + 16 * ngx_pagesize,
                                      ngx_http_vcita_stats_init, s, tag);

    return s->zone ? NGX_OK : NGX_ERROR;
}


static ngx_int_t
ngx_http_vcita_stats_init(ngx_shm_zone_t *zone, void *data)
{
    ngx_http_vcita_statistics_t *old = data;

    ngx_http_vcita_statistics_t  *s;

    s = zone->data;

    if (ngx_http_vcita_shm_zone_calloc(zone, NGX_HTTP_VCITA_STAT_SIZE)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    /* without a master process, a reload is no new process */

    s->stats = old ? old->stats
                   : ngx_http_vcita_stats_block(s,
                                                NGX_HTTP_VCITA_STAT_PROCESSES);

    return NGX_OK;
}


/* Called when a worker starts: takes a block */

void
ngx_http_vcita_stats_worker(ngx_http_vcita_statistics_t *s)
{
    ngx_uint_t               i;
    ngx_http_vcita_stats_t  *stats;

    /* a cache manager or loader comes here, too */

    if ((ngx_process != NGX_PROCESS_WORKER && ngx_process != NGX_PROCESS_SINGLE)
        || s->zone == NULL
        || s->zone->shm.addr == NULL)
    {
        return;
    }

    for (i = 0; i < NGX_HTTP_VCITA_STAT_PROCESSES; i++) {

        stats = ngx_http_vcita_stats_block(s, i);

        /* an earlier process can have had the same pid */

        if (stats->pid == (ngx_atomic_uint_t) ngx_pid) {
            stats->pid = NGX_HTTP_VCITA_STAT_FREE;
        }
    }

    for (i = 0; i < NGX_HTTP_VCITA_STAT_PROCESSES; i++) {

        stats = ngx_http_vcita_stats_block(s, i);

        if (!ngx_http_vcita_stats_alive(stats)
            && (ngx_atomic_cmp_set(&stats->pid, 0, ngx_pid)
                || ngx_atomic_cmp_set(&stats->pid, NGX_HTTP_VCITA_STAT_FREE,
                                      ngx_pid)))
        {
            ngx_http_vcita_stats_no_gauges(stats);
            s->stats = stats;
            return;
        }
    }
}


/* The counters of this process */

ngx_http_vcita_stats_t *
ngx_http_vcita_stats(ngx_http_vcita_statistics_t *s)
{
    return s->stats;
}


static ngx_http_vcita_stats_t *
ngx_http_vcita_stats_block(ngx_http_vcita_statistics_t *s, ngx_uint_t i)
{
    u_char           *p;
    ngx_slab_pool_t  *pool;

    pool = (ngx_slab_pool_t *) s->zone->shm.addr;
    p = pool->data;

    return (ngx_http_vcita_stats_t *) (p + i * NGX_HTTP_VCITA_STAT_BLOCK);
}


/* whether the process of a block lives; if it has ended, the block is free */

static ngx_uint_t
ngx_http_vcita_stats_alive(ngx_http_vcita_stats_t *stats)
{
    ngx_atomic_uint_t  pid;

    pid = stats->pid;

    if (pid == 0 || pid == NGX_HTTP_VCITA_STAT_FREE) {
        return 0;
    }

    if (kill((ngx_pid_t) pid, 0) == -1 && ngx_errno == NGX_ESRCH) {
        (void) ngx_atomic_cmp_set(&stats->pid, pid, NGX_HTTP_VCITA_STAT_FREE);
        return 0;
    }

    return 1;
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


/* Adds up the counters of all processes; all members have one type */

void
ngx_http_vcita_stats_sum(ngx_http_vcita_statistics_t *s,
    ngx_http_vcita_stats_t *sum)
{
    ngx_uint_t               i, n;
    ngx_atomic_t            *to, *from;
    ngx_http_vcita_stats_t   stats;

    ngx_memzero(sum, sizeof(ngx_http_vcita_stats_t));

    to = (ngx_atomic_t *) sum;
    from = (ngx_atomic_t *) &stats;

    for (n = 0; n <= NGX_HTTP_VCITA_STAT_PROCESSES; n++) {

        ngx_http_vcita_stats_read(ngx_http_vcita_stats_block(s, n), &stats);

        for (i = 0;
             i < sizeof(ngx_http_vcita_stats_t) / sizeof(ngx_atomic_t);
             i++)
        {
            to[i] += from[i];
        }
    }
}


/* a process that has ended has no call in flight and no connection */

static void
ngx_http_vcita_stats_read(ngx_http_vcita_stats_t *block,
    ngx_http_vcita_stats_t *stats)
{
    ngx_uint_t  i, gauges;

    ngx_memcpy(stats, block, sizeof(ngx_http_vcita_stats_t));

    gauges = stats->in_flight;

    for (i = 0; i < NGX_HTTP_VCITA_STAT_SERVERS; i++) {
        gauges |= stats->redis[i].down;
    }

    if (gauges && !ngx_http_vcita_stats_alive(block)) {
        ngx_http_vcita_stats_no_gauges(stats);
    }
}


static void
ngx_http_vcita_stats_no_gauges(ngx_http_vcita_stats_t *stats)
{
    ngx_uint_t  i;

    stats->in_flight = 0;

    for (i = 0; i < NGX_HTTP_VCITA_STAT_SERVERS; i++) {
        stats->redis[i].down = 0;
    }
}


/* Whether two names are those of one server, as its counters tell it apart */

ngx_uint_t
ngx_http_vcita_stats_same(ngx_str_t *one, ngx_str_t *two)
{
    size_t  len;

    len = ngx_min(one->len, NGX_HTTP_VCITA_STAT_NAME);

    return len == ngx_min(two->len, NGX_HTTP_VCITA_STAT_NAME)
           && ngx_memcmp(one->data, two->data, len) == 0;
}


/* Gives a connection the counters of its server in this process */

void
ngx_http_vcita_stats_redis(ngx_http_vcita_redis_stats_t *stats)
{
    ngx_uint_t                      n;
    ngx_http_vcita_statistics_t    *s;

    s = stats->data;

    n = ngx_http_vcita_stats_server(s, &stats->name);

    if (n < NGX_HTTP_VCITA_STAT_SERVERS) {
        stats->counters = &s->stats->redis[n];
        stats->address = &ngx_http_vcita_stats_servers(s)[n].address;
    }
}


/*
 * The place of a server by its name, ..._STAT_SERVERS if there is none left.
 * Called in workers only, so that a reload that fails takes no place.
 */

ngx_uint_t
ngx_http_vcita_stats_server(ngx_http_vcita_statistics_t *s, ngx_str_t *name)
{
    uint32_t                        hash;
    ngx_uint_t                      i;
    ngx_atomic_uint_t               want;
    ngx_http_vcita_stats_server_t  *server;

    hash = ngx_crc32_short(name->data,
                           ngx_min(name->len, NGX_HTTP_VCITA_STAT_NAME));
    want = hash ? hash : 1;

    server = ngx_http_vcita_stats_servers(s);

    for (i = 0; i < NGX_HTTP_VCITA_STAT_SERVERS; i++) {

        if (server[i].name == 0) {
            (void) ngx_atomic_cmp_set(&server[i].name, 0, want);
        }

        if (server[i].name == want) {
            break;
        }
    }

    return i;
}


static ngx_http_vcita_stats_server_t *
ngx_http_vcita_stats_servers(ngx_http_vcita_statistics_t *s)
{
    return (ngx_http_vcita_stats_server_t *)
               ngx_http_vcita_stats_block(s, NGX_HTTP_VCITA_STAT_PROCESSES + 1);
}


/* The upper bound of a bucket of call times; 0: none, it is the last one */

ngx_msec_t
ngx_http_vcita_stats_bound(ngx_uint_t bucket)
{
    return (bucket < NGX_HTTP_VCITA_STAT_BUCKETS - 1)
           ? ngx_http_vcita_bounds[bucket] : 0;
}
