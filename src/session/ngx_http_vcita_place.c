
/*
 * Copyright (C) the vcita OAuth gate authors
 *
 * How many callbacks of one login cookie are in progress, in all workers
 * together, so that one user agent does not use up the rate.  May touch the
 * shared zone that it makes.
 *
 * A callback takes a lease.  The four oldest leases of a cookie are inside, the
 * next twelve wait behind them, and come inside as older ones end.  A lease
 * ends with its worker, too.  The table has no links: a worker that is killed
 * while it writes spoils one lease at most.
 */


#include <ngx_config.h>
#include <ngx_core.h>

#include "session/ngx_http_vcita_place.h"
#include "util/ngx_http_vcita_shm_zone.h"


#define NGX_HTTP_VCITA_PLACE_LEASES  4096

#define NGX_HTTP_VCITA_PLACE_PAGES   56

/* of the login cookie's hash */
#define NGX_HTTP_VCITA_PLACE_KEY     16

/* milliseconds until the next warning that the table is full */
#define NGX_HTTP_VCITA_PLACE_SILENT  60000


typedef struct {
    u_char                         key[NGX_HTTP_VCITA_PLACE_KEY];
    ngx_uint_t                     number;    /* 0: free */
    ngx_msec_t                     until;
    ngx_pid_t                      pid;
} ngx_http_vcita_place_lease_t;


typedef struct {
    ngx_uint_t                     last;      /* number that was given */
    ngx_uint_t                     used;      /* all behind these are free */
    ngx_msec_t                     warned;    /* when it was full; 0: never */
    ngx_http_vcita_place_lease_t   leases[NGX_HTTP_VCITA_PLACE_LEASES];
} ngx_http_vcita_place_sh_t;


static ngx_int_t ngx_http_vcita_place_init(ngx_shm_zone_t *zone, void *data);
static ngx_uint_t ngx_http_vcita_place_older(ngx_http_vcita_place_sh_t *sh,
    u_char *key, ngx_uint_t number);
static ngx_uint_t ngx_http_vcita_place_over(
    ngx_http_vcita_place_lease_t *lease);
static void ngx_http_vcita_place_take(ngx_http_vcita_place_sh_t *sh,
    ngx_http_vcita_place_t *place);


/* Adds the shared zone; called at the end of the configuration */

ngx_int_t
ngx_http_vcita_place_zone(ngx_conf_t *cf, ngx_http_vcita_places_t *places,
    void *tag)
{
    places->zone = ngx_http_vcita_shm_zone(cf, "vcita_oauth_places",
                                           NGX_HTTP_VCITA_PLACE_PAGES
                                           * ngx_pagesize,
                                           ngx_http_vcita_place_init, places,
                                           tag);

    return places->zone ? NGX_OK : NGX_ERROR;
}


static ngx_int_t
ngx_http_vcita_place_init(ngx_shm_zone_t *zone, void *data)
{
    return ngx_http_vcita_shm_zone_calloc(zone,
                                          sizeof(ngx_http_vcita_place_sh_t));
}


/*
 * Takes a place, or asks for a taken one, whose lease is renewed.  NGX_OK: it
 * is inside; NGX_AGAIN: it is behind others, and has to ask again.  NGX_BUSY:
 * too many are behind already, and no place was taken.
 */

ngx_int_t
ngx_http_vcita_place_ask(ngx_http_vcita_place_t *place)
{
    ngx_uint_t                     n;
    ngx_slab_pool_t               *pool;
    ngx_http_vcita_place_sh_t     *sh;
    ngx_http_vcita_place_lease_t  *lease;

    pool = (ngx_slab_pool_t *) place->places->zone->shm.addr;
    sh = pool->data;

    ngx_shmtx_lock(&pool->mutex);

    if (place->number) {
        lease = &sh->leases[place->index];

        if (lease->number == place->number) {
            lease->until = ngx_current_msec + place->life;
        }

        n = ngx_http_vcita_place_older(sh, place->key, place->number);

    } else {
        n = ngx_http_vcita_place_older(sh, place->key, sh->last + 1);

        if (n < NGX_HTTP_VCITA_PLACE_INSIDE + NGX_HTTP_VCITA_PLACE_BEHIND) {
            ngx_http_vcita_place_take(sh, place);
        }
    }

    ngx_shmtx_unlock(&pool->mutex);

    if (n < NGX_HTTP_VCITA_PLACE_INSIDE) {
        return NGX_OK;
    }

    return place->number ? NGX_AGAIN : NGX_BUSY;
}


/* The number of older leases of a key; locked */

static ngx_uint_t
ngx_http_vcita_place_older(ngx_http_vcita_place_sh_t *sh, u_char *key,
    ngx_uint_t number)
{
    ngx_uint_t                     i, n;
    ngx_http_vcita_place_lease_t  *lease;

    n = 0;

    for (i = 0; i < sh->used; i++) {
        lease = &sh->leases[i];

        if (lease->number == 0
            || lease->number >= number
            || ngx_memcmp(lease->key, key, sizeof(lease->key)) != 0)
        {
            continue;
        }

        if (ngx_http_vcita_place_over(lease)) {
            lease->number = 0;
            continue;
        }

        n++;
    }

    return n;
}


/* a pid may be in use again, so a lease has a time, too */

static ngx_uint_t
ngx_http_vcita_place_over(ngx_http_vcita_place_lease_t *lease)
{
    if ((ngx_msec_int_t) (lease->until - ngx_current_msec) < 0) {
        return 1;
    }

    return lease->pid != ngx_pid
           && kill(lease->pid, 0) == -1
           && ngx_errno == NGX_ESRCH;
}


/*
 * Writes a lease.  If the table is full, the callback goes on without one, as
 * if it were the only one of its browser; locked.
 */

static void
ngx_http_vcita_place_take(ngx_http_vcita_place_sh_t *sh,
    ngx_http_vcita_place_t *place)
{
    ngx_uint_t                     i;
    ngx_http_vcita_place_lease_t  *lease;

    for (i = 0; i < NGX_HTTP_VCITA_PLACE_LEASES; i++) {
        lease = &sh->leases[i];

        if (i >= sh->used
            || lease->number == 0
            || (ngx_msec_int_t) (lease->until - ngx_current_msec) < 0)
        {
            goto found;
        }
    }

    if (sh->warned == 0
        || ngx_current_msec - sh->warned >= NGX_HTTP_VCITA_PLACE_SILENT)
    {
        sh->warned = ngx_current_msec;

        ngx_log_error(NGX_LOG_WARN, place->log, 0,
                      "%d callbacks are in progress, further ones are not "
                      "limited for each browser, use limit_req at the callback",
                      NGX_HTTP_VCITA_PLACE_LEASES);
    }

    return;

found:

    lease->number = 0;

    ngx_memcpy(lease->key, place->key, sizeof(lease->key));
    lease->pid = ngx_pid;
    lease->until = ngx_current_msec + place->life;
    lease->number = ++sh->last;

    sh->used = ngx_max(sh->used, i + 1);

    place->index = i;
    place->number = lease->number;
}


/* Releases a place; may be called again */

void
ngx_http_vcita_place_leave(ngx_http_vcita_place_t *place)
{
    ngx_slab_pool_t            *pool;
    ngx_http_vcita_place_sh_t  *sh;

    if (place->number == 0) {
        return;
    }

    pool = (ngx_slab_pool_t *) place->places->zone->shm.addr;
    sh = pool->data;

    ngx_shmtx_lock(&pool->mutex);

    if (sh->leases[place->index].number == place->number) {
        sh->leases[place->index].number = 0;
    }

    while (sh->used && sh->leases[sh->used - 1].number == 0) {
        sh->used--;
    }

    ngx_shmtx_unlock(&pool->mutex);

    place->number = 0;
}
