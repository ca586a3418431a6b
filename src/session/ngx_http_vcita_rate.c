
/*
 * Copyright (C) the vcita OAuth gate authors
 *
 * The rate limit for the calls to vcita of each client_id, shared by all
 * workers.  May touch the shared zone that it makes.  "rate_redis" has that of
 * several machines.
 *
 * A pace has N slots and the time of each one's last use.  A slot is free one
 * window after that, so no window has more than N calls.  A burst is recorded
 * as if evenly spread, so that the next slots come evenly: otherwise calls of
 * one burst would still be active when the next begins.
 *
 * There is no queue: a caller gets the times of its slots and waits on its own
 * timer.  A caller that would wait too long may ask for a turn: a time to
 * retry, evenly spaced among such callers, without a reserved slot.
 *
 * A pace belongs to a client_id and a rate, and is made by the first worker
 * that calls.  Nothing is written at configuration time: a reload that fails
 * changes nothing, and old workers with another rate have another pace.
 *
 * Slots that Redis grants are recorded in the pace of this machine, too: it
 * knows the last calls when Redis fails, and delays the first ones after that.
 */


#include <ngx_config.h>
#include <ngx_core.h>

#include "session/ngx_http_vcita_rate.h"
#include "session/ngx_http_vcita_rate_redis.h"
#include "util/ngx_http_vcita_hash.h"
#include "util/ngx_http_vcita_shm_zone.h"


/* if there are more, the least recently used pace starts anew */
#define NGX_HTTP_VCITA_RATE_PACES  256

/* of one pace; a higher rate has as many in a shorter window */
#define NGX_HTTP_VCITA_RATE_SLOTS  64

/* slots released while later ones are reserved; more are lost */
#define NGX_HTTP_VCITA_RATE_SPARE  16

/* of the client_id's hash */
#define NGX_HTTP_VCITA_RATE_KEY    16

#define NGX_HTTP_VCITA_RATE_PAGES  48


typedef struct {
    u_char                       key[NGX_HTTP_VCITA_RATE_KEY];
    ngx_uint_t                   calls;     /* 0: not in use */
    ngx_msec_t                   window;
    ngx_msec_t                   used;
    ngx_msec_t                   turn;      /* of the next refused caller */
    ngx_msec_t                   own;       /* the last not by Redis's time */
    ngx_msec_t                   slots[NGX_HTTP_VCITA_RATE_SLOTS];
    ngx_msec_t                   spare[NGX_HTTP_VCITA_RATE_SPARE];
} ngx_http_vcita_rate_pace_t;


static ngx_int_t ngx_http_vcita_rate_set(ngx_http_vcita_rate_t *rate,
    ngx_int_t n, ngx_uint_t minute);
static ngx_int_t ngx_http_vcita_rate_init(ngx_shm_zone_t *zone, void *data);
static ngx_int_t ngx_http_vcita_rate_own(ngx_http_vcita_rate_ask_t *ask);
#if (NGX_HTTP_VCITA_REDIS)
static ngx_int_t ngx_http_vcita_rate_granted(ngx_http_vcita_rate_ask_t *ask);
#endif
static ngx_http_vcita_rate_pace_t *ngx_http_vcita_rate_lock(
    ngx_http_vcita_rate_ask_t *ask);
static void ngx_http_vcita_rate_unlock(ngx_http_vcita_rate_ask_t *ask);
static ngx_msec_t *ngx_http_vcita_rate_spare(ngx_http_vcita_rate_pace_t *pace);
static ngx_msec_t ngx_http_vcita_rate_slot(ngx_http_vcita_rate_pace_t *pace,
    ngx_msec_t **used, ngx_msec_t *use);


/* "8r/s", "0.8r/s", "48r/m", or "off" */

char *
ngx_http_vcita_rate_parse(ngx_conf_t *cf, ngx_str_t *value,
    ngx_http_vcita_rate_t *rate)
{
    u_char     *p;
    size_t      len;
    ngx_int_t   n;

    if (ngx_strcmp(value->data, "off") == 0) {
        rate->calls = 0;
        return NGX_CONF_OK;
    }

    if (value->len > sizeof("r/s") - 1) {

        len = value->len - (sizeof("r/s") - 1);
        p = value->data + len;

        if (ngx_strcmp(p, "r/s") == 0 && p[-1] != '.') {
            n = ngx_atofp(value->data, len, 3);

            if (ngx_http_vcita_rate_set(rate, n, 0) == NGX_OK) {
                return NGX_CONF_OK;
            }
        }

        if (ngx_strcmp(p, "r/m") == 0) {
            n = ngx_atoi(value->data, len);

            if (ngx_http_vcita_rate_set(rate, n, 1) == NGX_OK) {
                return NGX_CONF_OK;
            }
        }
    }

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "invalid rate \"%V\": it is 1r/s to %dr/s, a fraction "
                       "from 0.017r/s with at most three decimals, 1r/m to "
                       "%dr/m, or off",
                       value, NGX_HTTP_VCITA_RATE_MAX,
                       NGX_HTTP_VCITA_RATE_MAX);

    return NGX_CONF_ERROR;
}


/*
 * n is in calls a minute, or in thousandths of a call a second.  A rate of
 * minutes, or of less than one a second, goes out evenly: one call at a time.
 */

static ngx_int_t
ngx_http_vcita_rate_set(ngx_http_vcita_rate_t *rate, ngx_int_t n,
    ngx_uint_t minute)
{
    ngx_uint_t  calls, parts;

    if (minute) {

        if (n < 1 || n > NGX_HTTP_VCITA_RATE_MAX) {
            return NGX_ERROR;
        }

        rate->calls = 1;
        rate->window = (60000 + NGX_HTTP_VCITA_RATE_SLACK + n - 1) / n;

        return NGX_OK;
    }

    if (n < 17 || n > NGX_HTTP_VCITA_RATE_MAX * 1000) {
        return NGX_ERROR;
    }

    if (n < 1000) {
        rate->calls = 1;
        rate->window = ((60000 + NGX_HTTP_VCITA_RATE_SLACK) * 1000 + 60 * n - 1)
                       / (60 * n);
        return NGX_OK;
    }

    calls = n / 1000;
    parts = (calls + NGX_HTTP_VCITA_RATE_SLOTS - 1) / NGX_HTTP_VCITA_RATE_SLOTS;

    rate->calls = calls / parts;
    rate->window = ((1000 + NGX_HTTP_VCITA_RATE_SLACK) * 1000 * rate->calls
                    + n - 1) / n;

    return NGX_OK;
}


/* Adds the shared zone; called at the end of the configuration */

ngx_int_t
ngx_http_vcita_rate_zone(ngx_conf_t *cf, ngx_http_vcita_rate_t *rate,
    void *tag)
{
    rate->zone = ngx_http_vcita_shm_zone(cf, "vcita_oauth",
                                         NGX_HTTP_VCITA_RATE_PAGES
                                         * ngx_pagesize,
                                         ngx_http_vcita_rate_init, rate, tag);

    return rate->zone ? NGX_OK : NGX_ERROR;
}


static ngx_int_t
ngx_http_vcita_rate_init(ngx_shm_zone_t *zone, void *data)
{
    return ngx_http_vcita_shm_zone_calloc(zone, NGX_HTTP_VCITA_RATE_PACES
                                          * sizeof(ngx_http_vcita_rate_pace_t));
}


/*
 * Reserves n slots of the client_id: sets the delay to each in milliseconds,
 * and the id that releases it.  NGX_BUSY: the first delay would exceed the
 * patience; nothing is reserved then, and slots[0].delay is that delay.
 */

ngx_int_t
ngx_http_vcita_rate_reserve(ngx_http_vcita_rate_ask_t *ask)
{
#if (NGX_HTTP_VCITA_REDIS)
    ngx_int_t  rc;
#endif

    if (ask->rate->calls == 0) {
        ngx_memzero(ask->slots, sizeof(ask->slots));
        return NGX_OK;
    }

#if (NGX_HTTP_VCITA_REDIS)

    if (ask->rate->fleet) {
        rc = ngx_http_vcita_rate_redis_reserve(ask);

        if (rc == NGX_OK) {
            return ngx_http_vcita_rate_granted(ask);
        }

        if (rc != NGX_DECLINED) {
            return rc;
        }
    }

#endif

    return ngx_http_vcita_rate_own(ask);
}


/* the slots of this machine */

static ngx_int_t
ngx_http_vcita_rate_own(ngx_http_vcita_rate_ask_t *ask)
{
    ngx_msec_t                   slot, use, *used, *spare;
    ngx_uint_t                   i;
    ngx_http_vcita_rate_pace_t  *pace;

    pace = ngx_http_vcita_rate_lock(ask);

    for (i = 0; i < ask->n; i++) {

        slot = ngx_http_vcita_rate_slot(pace, &used, &use);
        spare = ngx_http_vcita_rate_spare(pace);

        if (spare && (ngx_msec_int_t) (*spare - slot) < 0) {
            slot = *spare;

        } else {
            spare = NULL;
        }

        ask->slots[i].delay = slot - ngx_current_msec;
        ask->slots[i].id = spare ? slot : use;
        ask->slots[i].fleet = 0;

        if (i == 0 && ask->slots[0].delay > ask->patience) {
            ngx_http_vcita_rate_unlock(ask);
            return NGX_BUSY;
        }

        if (spare) {
            *spare = 0;

        } else {
            *used = use;
            pace->own = slot;
        }
    }

    ngx_http_vcita_rate_unlock(ask);

    return NGX_OK;
}


#if (NGX_HTTP_VCITA_REDIS)

/*
 * Records slots that Redis has granted.  They are delayed behind those that
 * this machine reserved while Redis failed, but not by the latency of replies.
 */

static ngx_int_t
ngx_http_vcita_rate_granted(ngx_http_vcita_rate_ask_t *ask)
{
    ngx_msec_t                   slot, granted, use, *used;
    ngx_uint_t                   i, own;
    ngx_http_vcita_rate_pace_t  *pace;

    pace = ngx_http_vcita_rate_lock(ask);

    for (i = 0; i < ask->n; i++) {

        own = 0;
        slot = ngx_http_vcita_rate_slot(pace, &used, &use);
        granted = ngx_current_msec + ask->slots[i].delay;

        if (pace->own
            && (ngx_msec_int_t) (pace->own + pace->window - granted) > 0
            && (ngx_msec_int_t) (slot - granted) > NGX_HTTP_VCITA_RATE_SLACK)
        {
            ask->slots[i].delay = slot - ngx_current_msec;
            own = 1;

        } else if (ask->slots[i].delay) {
            use = granted;
        }

        if (i == 0 && ask->slots[0].delay > ask->patience) {
            ngx_http_vcita_rate_unlock(ask);
            ngx_http_vcita_rate_redis_cancel(ask);
            return NGX_BUSY;
        }

        if (own) {
            pace->own = slot;
        }

        /* a released slot may come before all that are recorded */

        ask->slots[i].id = 0;

        if (*used == 0 || (ngx_msec_int_t) (use - *used) > 0) {
            ask->slots[i].id = use;
            *used = use;
        }
    }

    ngx_http_vcita_rate_unlock(ask);

    ask->answered = 0;

    return NGX_OK;
}

#endif


/* Releases an unused slot; of several, the last one first */

void
ngx_http_vcita_rate_release(ngx_http_vcita_rate_ask_t *ask, ngx_uint_t i)
{
    ngx_msec_t                   id;
    ngx_uint_t                   n;
    ngx_http_vcita_rate_pace_t  *pace;

    if (ask->rate->calls == 0) {
        return;
    }

#if (NGX_HTTP_VCITA_REDIS)
    ngx_http_vcita_rate_redis_release(ask, i);
#endif

    id = ask->slots[i].id;

    if (id == 0) {
        return;
    }

    pace = ngx_http_vcita_rate_lock(ask);

    for (n = 0; n < pace->calls; n++) {

        if (pace->slots[n] == id) {
            pace->slots[n] = id - pace->window;
            goto done;
        }
    }

    if (ask->slots[i].fleet) {
        goto done;
    }

    /* later slots are reserved already: the next caller takes this one */

    for (n = 0; n < NGX_HTTP_VCITA_RATE_SPARE; n++) {

        if (pace->spare[n] == 0
            || (ngx_msec_int_t) (pace->spare[n] - ngx_current_msec) < 0)
        {
            pace->spare[n] = id;
            break;
        }
    }

done:

    ngx_http_vcita_rate_unlock(ask);
}


/* Ends a question to Redis; may be called more than once */

void
ngx_http_vcita_rate_cancel(ngx_http_vcita_rate_ask_t *ask)
{
#if (NGX_HTTP_VCITA_REDIS)
    ngx_http_vcita_rate_redis_cancel(ask);
#endif
}


/*
 * The turn of a caller that was told NGX_BUSY, behind the turns of all earlier
 * ones: the delay until a retry is useful, in milliseconds.  Turns are of this
 * machine only.
 */

ngx_msec_t
ngx_http_vcita_rate_turn(ngx_http_vcita_rate_ask_t *ask)
{
    ngx_msec_t                   now, slot, away, delay;
    ngx_http_vcita_rate_pace_t  *pace;

    now = ngx_current_msec;
    slot = now + ask->slots[0].delay;
    away = NGX_HTTP_VCITA_RATE_AWAY;

    pace = ngx_http_vcita_rate_lock(ask);

    if ((ngx_msec_int_t) (pace->turn - slot) < 0) {
        pace->turn = slot;
    }

    delay = pace->turn - now;

    if (delay > away) {

        /* a caller that always asks for turns must not block the others */

        delay = away / 2 + ngx_random() % (away / 2);

    } else {
        pace->turn += ask->n * pace->window / pace->calls;
    }

    ngx_http_vcita_rate_unlock(ask);

    /*
     * slightly before its turn: late or missing callers would waste slots, and
     * an early caller waits
     */

    return delay - ask->patience / 2;
}


/* the pace of a client_id and a rate; creates it if there is none */

static ngx_http_vcita_rate_pace_t *
ngx_http_vcita_rate_lock(ngx_http_vcita_rate_ask_t *ask)
{
    u_char                       key[NGX_HTTP_VCITA_HASH_LEN];
    ngx_uint_t                   i;
    ngx_slab_pool_t             *pool;
    ngx_http_vcita_rate_t       *rate;
    ngx_http_vcita_rate_pace_t  *pace, *oldest;

    rate = ask->rate;

    if (ngx_http_vcita_hash_sha256(&ask->client_id, key) != NGX_OK) {
        ngx_memzero(key, sizeof(key));
    }

    pool = (ngx_slab_pool_t *) rate->zone->shm.addr;

    ngx_shmtx_lock(&pool->mutex);

    pace = pool->data;
    oldest = pace;

    for (i = 0; i < NGX_HTTP_VCITA_RATE_PACES; i++) {

        if (pace[i].calls == rate->calls
            && pace[i].window == rate->window
            && ngx_memcmp(pace[i].key, key, sizeof(pace[i].key)) == 0)
        {
            pace[i].used = ngx_current_msec;
            return &pace[i];
        }

        if (oldest->calls
            && (pace[i].calls == 0
                || (ngx_msec_int_t) (pace[i].used - oldest->used) < 0))
        {
            oldest = &pace[i];
        }
    }

    /* the least recently used pace has the oldest slots, which are free */

    ngx_memzero(oldest, sizeof(ngx_http_vcita_rate_pace_t));

    ngx_memcpy(oldest->key, key, sizeof(oldest->key));
    oldest->used = ngx_current_msec;
    oldest->window = rate->window;
    oldest->calls = rate->calls;

    return oldest;
}


static void
ngx_http_vcita_rate_unlock(ngx_http_vcita_rate_ask_t *ask)
{
    ngx_slab_pool_t  *pool;

    pool = (ngx_slab_pool_t *) ask->rate->zone->shm.addr;

    ngx_shmtx_unlock(&pool->mutex);
}


/* the next released slot; NULL: there is none in the future */

static ngx_msec_t *
ngx_http_vcita_rate_spare(ngx_http_vcita_rate_pace_t *pace)
{
    ngx_msec_t  *spare, *next;
    ngx_uint_t   i;

    next = NULL;

    for (i = 0; i < NGX_HTTP_VCITA_RATE_SPARE; i++) {

        spare = &pace->spare[i];

        if (*spare
            && (ngx_msec_int_t) (*spare - ngx_current_msec) >= 0
            && (next == NULL || (ngx_msec_int_t) (*spare - *next) < 0))
        {
            next = spare;
        }
    }

    return next;
}


/*
 * Returns the time of the next slot.  To reserve it, the caller writes "use" to
 * "used".  The zone is locked.
 */

static ngx_msec_t
ngx_http_vcita_rate_slot(ngx_http_vcita_rate_pace_t *pace, ngx_msec_t **used,
    ngx_msec_t *use)
{
    ngx_msec_t  now, slot, newest, *oldest;
    ngx_uint_t  i;

    oldest = &pace->slots[0];
    newest = pace->slots[0];

    for (i = 1; i < pace->calls; i++) {

        if ((ngx_msec_int_t) (pace->slots[i] - *oldest) < 0) {
            oldest = &pace->slots[i];
        }

        if ((ngx_msec_int_t) (pace->slots[i] - newest) > 0) {
            newest = pace->slots[i];
        }
    }

    now = ngx_current_msec;
    slot = *oldest + pace->window;

    *used = oldest;

    if (*oldest && (ngx_msec_int_t) (slot - now) >= 0) {
        *use = slot;
        return slot;
    }

    /* many at once are remembered as if they had come evenly */

    newest += pace->window / pace->calls;
    *use = (newest - now < pace->window) ? newest : now;

    return now;
}
