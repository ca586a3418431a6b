
/*
 * Copyright (C) the vcita OAuth gate authors
 *
 * The rate limit for requests to vcita, shared by all workers.  May touch the
 * shared zone that it makes.
 *
 * The zone has N slots and the time of each one's last use.  A slot is free one
 * window after that, so no window has more than N calls.  A burst is recorded
 * as if evenly spread, so that the next slots come evenly: otherwise calls of
 * one burst would still be active when the next begins.
 *
 * There is no queue: a caller gets the times of its slots and waits on its own
 * timer.  A caller that would wait too long gets a turn: a time to retry,
 * evenly spaced among such callers, without a reserved slot.
 */


#include <ngx_config.h>
#include <ngx_core.h>

#include "session/ngx_http_vcita_rate.h"


typedef struct {
    ngx_uint_t                   calls;
    ngx_msec_t                   turn;      /* of the next refused caller */
    ngx_msec_t                   slots[1];
} ngx_http_vcita_rate_sh_t;


static ngx_int_t ngx_http_vcita_rate_init(ngx_shm_zone_t *zone, void *data);
static ngx_msec_t ngx_http_vcita_rate_slot(ngx_http_vcita_rate_sh_t *sh,
    ngx_msec_t window, ngx_msec_t **used, ngx_msec_t *use);
static ngx_msec_t ngx_http_vcita_rate_turn(ngx_http_vcita_rate_sh_t *sh,
    ngx_msec_t slot, ngx_msec_t length);


/* Adds the shared zone; called at the end of the configuration */

ngx_int_t
ngx_http_vcita_rate_zone(ngx_conf_t *cf, ngx_http_vcita_rate_t *rate,
    void *tag)
{
    ngx_str_t  name;

    ngx_str_set(&name, "vcita_oauth");

    rate->zone = ngx_shared_memory_add(cf, &name, 16 * ngx_pagesize, tag);

    if (rate->zone == NULL) {
        return NGX_ERROR;
    }

    rate->zone->init = ngx_http_vcita_rate_init;
    rate->zone->data = rate;

    return NGX_OK;
}


static ngx_int_t
ngx_http_vcita_rate_init(ngx_shm_zone_t *zone, void *data)
{
    size_t                     len;
    ngx_slab_pool_t           *pool;
    ngx_http_vcita_rate_t     *rate;
    ngx_http_vcita_rate_sh_t  *sh, *old;

    rate = zone->data;
    pool = (ngx_slab_pool_t *) zone->shm.addr;
    sh = pool->data;

    if (sh && sh->calls == rate->calls) {
        return NGX_OK;
    }

    /* a changed rate starts with free slots */

    len = sizeof(ngx_http_vcita_rate_sh_t)
          + rate->calls * sizeof(ngx_msec_t);

    ngx_shmtx_lock(&pool->mutex);

    old = sh;
    sh = ngx_slab_calloc_locked(pool, len);

    if (sh) {
        sh->calls = rate->calls;
        pool->data = sh;

        if (old) {
            ngx_slab_free_locked(pool, old);
        }
    }

    ngx_shmtx_unlock(&pool->mutex);

    return sh ? NGX_OK : NGX_ERROR;
}


/*
 * Reserves n slots, and sets the delay to each in milliseconds.  NGX_BUSY: the
 * first delay would exceed the patience.  Nothing is reserved then; slots[0] is
 * the delay until a retry is useful.
 */

ngx_int_t
ngx_http_vcita_rate_reserve(ngx_http_vcita_rate_t *rate, ngx_uint_t n,
    ngx_msec_t patience, ngx_msec_t *slots)
{
    ngx_msec_t                 now, slot, use, *used;
    ngx_uint_t                 i;
    ngx_slab_pool_t           *pool;
    ngx_http_vcita_rate_sh_t  *sh;

    if (rate->calls == 0) {
        ngx_memzero(slots, n * sizeof(ngx_msec_t));
        return NGX_OK;
    }

    pool = (ngx_slab_pool_t *) rate->zone->shm.addr;
    now = ngx_current_msec;

    ngx_shmtx_lock(&pool->mutex);

    sh = pool->data;

    for (i = 0; i < n; i++) {

        slot = ngx_http_vcita_rate_slot(sh, rate->window, &used, &use);
        slots[i] = slot - now;

        if (i == 0 && slots[0] > patience) {
            slot = ngx_http_vcita_rate_turn(sh, slot,
                                            n * rate->window / sh->calls);
            ngx_shmtx_unlock(&pool->mutex);

            /*
             * slightly before its turn: late or missing callers would waste
             * slots, and an early caller waits
             */

            slots[0] = slot - now - patience / 2;

            return NGX_BUSY;
        }

        *used = use;
    }

    ngx_shmtx_unlock(&pool->mutex);

    return NGX_OK;
}


/*
 * Takes a slot that is free now.  NGX_BUSY: there is none.  The caller goes on
 * without; it gets no turn and delays no other caller.
 */

ngx_int_t
ngx_http_vcita_rate_take(ngx_http_vcita_rate_t *rate)
{
    ngx_int_t                  rc;
    ngx_msec_t                 slot, use, *used;
    ngx_slab_pool_t           *pool;
    ngx_http_vcita_rate_sh_t  *sh;

    if (rate->calls == 0) {
        return NGX_OK;
    }

    pool = (ngx_slab_pool_t *) rate->zone->shm.addr;
    rc = NGX_BUSY;

    ngx_shmtx_lock(&pool->mutex);

    sh = pool->data;

    slot = ngx_http_vcita_rate_slot(sh, rate->window, &used, &use);

    if (slot == ngx_current_msec) {
        *used = use;
        rc = NGX_OK;
    }

    ngx_shmtx_unlock(&pool->mutex);

    return rc;
}


/* Releases a reserved slot; "slot" is its absolute time in milliseconds */

void
ngx_http_vcita_rate_release(ngx_http_vcita_rate_t *rate, ngx_msec_t slot)
{
    ngx_uint_t                 i;
    ngx_slab_pool_t           *pool;
    ngx_http_vcita_rate_sh_t  *sh;

    if (rate->calls == 0) {
        return;
    }

    pool = (ngx_slab_pool_t *) rate->zone->shm.addr;

    ngx_shmtx_lock(&pool->mutex);

    sh = pool->data;

    for (i = 0; i < sh->calls; i++) {

        if (sh->slots[i] == slot) {
            sh->slots[i] = slot - rate->window;
            break;
        }
    }

    ngx_shmtx_unlock(&pool->mutex);
}


/*
 * Returns the time of the next slot.  To reserve it, the caller writes "use" to
 * "used".  The zone is locked.
 */

static ngx_msec_t
ngx_http_vcita_rate_slot(ngx_http_vcita_rate_sh_t *sh, ngx_msec_t window,
    ngx_msec_t **used, ngx_msec_t *use)
{
    ngx_msec_t  now, slot, newest, *oldest;
    ngx_uint_t  i;

    oldest = &sh->slots[0];
    newest = sh->slots[0];

    for (i = 1; i < sh->calls; i++) {

        if ((ngx_msec_int_t) (sh->slots[i] - *oldest) < 0) {
            oldest = &sh->slots[i];
        }

        if ((ngx_msec_int_t) (sh->slots[i] - newest) > 0) {
            newest = sh->slots[i];
        }
    }

    now = ngx_current_msec;
    slot = *oldest + window;

    *used = oldest;

    if (*oldest && (ngx_msec_int_t) (slot - now) >= 0) {
        *use = slot;
        return slot;
    }

    /* many at once are remembered as if they had come evenly */

    newest += window / sh->calls;
    *use = (newest - now < window) ? newest : now;

    return now;
}


/*
 * The turn of a caller that cannot be served now and takes "length" of time,
 * behind those of all who were sent away before it.  "slot" is the time of the
 * next one that is free; locked.
 */

static ngx_msec_t
ngx_http_vcita_rate_turn(ngx_http_vcita_rate_sh_t *sh, ngx_msec_t slot,
    ngx_msec_t length)
{
    ngx_msec_t  now, turn, away;

    now = ngx_current_msec;
    away = NGX_HTTP_VCITA_RATE_AWAY;

    if ((ngx_msec_int_t) (sh->turn - slot) < 0) {
        sh->turn = slot;
    }

    turn = sh->turn;

    if (turn - now > away) {

        /* one that asks for turns all the time must not keep others out */

        return now + away / 2 + ngx_random() % (away / 2);
    }

    sh->turn += length;

    return turn;
}
