
/*
 * Copyright (C) the vcita OAuth gate authors
 *
 * The key sets that verify tokens: fetched once for all workers, kept in shared
 * memory over reloads, and read by each worker.  May touch the shared zone that
 * it makes, and call vcita.
 *
 * Times are of ngx_current_msec, which no change of the clock moves and which
 * all processes share.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "session/ngx_http_vcita_jwks.h"
#include "util/ngx_http_vcita_hash.h"
#include "util/ngx_http_vcita_shm_zone.h"
#include "vcita/ngx_http_vcita_jwk.h"


/* room for the texts of all sets, twice while one is replaced */
#define NGX_HTTP_VCITA_JWKS_SIZE                                              \
    ((NGX_HTTP_VCITA_JWKS_SETS + 2) * (NGX_HTTP_VCITA_FETCH_BODY + 4096))

/* milliseconds: between two calls, until keys are fetched again, until keys */
/* that could not be fetched again are not used any more                      */
#define NGX_HTTP_VCITA_JWKS_PAUSE   30000
#define NGX_HTTP_VCITA_JWKS_AGED    3600000
#define NGX_HTTP_VCITA_JWKS_DEAD    86400000

/* a call of a worker that neither ends nor dies is over after its times */
#define NGX_HTTP_VCITA_JWKS_SLACK   5000


/* each worker reads the clock at its own time: what is ahead counts as now */

#define ngx_http_vcita_jwks_since(time)                                       \
    ((ngx_msec_t) ((time) - ngx_current_msec) < 60000                         \
     ? 0 : ngx_current_msec - (time))


/* a set; generation 0: no key set has been fetched */

typedef struct {
    u_char                         url[NGX_HTTP_VCITA_HASH_LEN];
    ngx_uint_t                     used;       /* unsigned  used:1; */
    ngx_uint_t                     generation;
    ngx_msec_t                     fetched;
    ngx_uint_t                     calls;
    ngx_msec_t                     called;     /* when the last one began */
    ngx_msec_t                     until;
    ngx_pid_t                      pid;        /* 0: no call in progress */
    ngx_str_t                      text;
} ngx_http_vcita_jwks_sh_t;


typedef struct {
    ngx_http_vcita_jwks_t         *jwks;
    ngx_uint_t                     set;
    ngx_http_vcita_call_t          call;
} ngx_http_vcita_jwks_call_t;


static ngx_int_t ngx_http_vcita_jwks_init(ngx_shm_zone_t *zone, void *data);
static ngx_int_t ngx_http_vcita_jwks_read(ngx_http_vcita_jwks_t *jwks,
    ngx_http_vcita_jwks_set_t *set, ngx_str_t *text);
static void ngx_http_vcita_jwks_forget(ngx_http_vcita_jwks_set_t *set);
static ngx_uint_t ngx_http_vcita_jwks_calling(ngx_http_vcita_jwks_sh_t *sh);
static ngx_int_t ngx_http_vcita_jwks_call(ngx_http_vcita_jwks_t *jwks,
    ngx_uint_t set, ngx_str_t *url, ngx_http_vcita_endpoint_t *endpoint);
static void ngx_http_vcita_jwks_handler(ngx_http_vcita_call_t *call);
static void ngx_http_vcita_jwks_answered(ngx_http_vcita_jwks_call_t *c);
static void ngx_http_vcita_jwks_store(ngx_http_vcita_jwks_t *jwks,
    ngx_uint_t set, ngx_str_t *text, ngx_log_t *log);
static void ngx_http_vcita_jwks_over(ngx_http_vcita_jwks_t *jwks,
    ngx_uint_t set);
static void ngx_http_vcita_jwks_cleanup(void *data);
static ngx_slab_pool_t *ngx_http_vcita_jwks_lock(ngx_http_vcita_jwks_t *jwks);


/* Adds the shared zone; called at the end of the configuration */

ngx_int_t
ngx_http_vcita_jwks_zone(ngx_conf_t *cf, ngx_http_vcita_jwks_t *jwks, void *tag)
{
    ngx_pool_cleanup_t  *cln;

    cln = ngx_pool_cleanup_add(cf->pool, 0);
    if (cln == NULL) {
        return NGX_ERROR;
    }

    cln->handler = ngx_http_vcita_jwks_cleanup;
    cln->data = jwks;

    jwks->zone = ngx_http_vcita_shm_zone(cf, "vcita_oauth_keys",
                                         NGX_HTTP_VCITA_JWKS_SIZE,
                                         ngx_http_vcita_jwks_init, jwks, tag);

    return jwks->zone ? NGX_OK : NGX_ERROR;
}


static ngx_int_t
ngx_http_vcita_jwks_init(ngx_shm_zone_t *zone, void *data)
{
    ((ngx_slab_pool_t *) zone->shm.addr)->log_nomem = 0;

    return ngx_http_vcita_shm_zone_calloc(zone, NGX_HTTP_VCITA_JWKS_SETS
                                          * sizeof(ngx_http_vcita_jwks_sh_t));
}


/* The set of an endpoint.  NGX_DECLINED: there are too many endpoints. */

ngx_int_t
ngx_http_vcita_jwks_find(ngx_http_vcita_jwks_t *jwks, ngx_str_t *url,
    ngx_uint_t *set)
{
    u_char                     hash[NGX_HTTP_VCITA_HASH_LEN];
    ngx_int_t                  rc;
    ngx_uint_t                 i;
    ngx_slab_pool_t           *pool;
    ngx_http_vcita_jwks_sh_t  *sh;

    if (ngx_http_vcita_hash_sha256(url, hash) != NGX_OK) {
        return NGX_ERROR;
    }

    pool = ngx_http_vcita_jwks_lock(jwks);

    sh = pool->data;
    rc = NGX_DECLINED;

    for (i = 0; i < NGX_HTTP_VCITA_JWKS_SETS; i++) {

        if (!sh[i].used) {
            ngx_memcpy(sh[i].url, hash, sizeof(hash));
            sh[i].used = 1;
        }

        if (ngx_memcmp(sh[i].url, hash, sizeof(hash)) == 0) {
            *set = i;
            rc = NGX_OK;
            break;
        }
    }

    ngx_shmtx_unlock(&pool->mutex);

    return rc;
}


/* The keys that are known, read anew where they have changed; NULL: none */

ngx_array_t *
ngx_http_vcita_jwks_keys(ngx_http_vcita_jwks_t *jwks, ngx_uint_t n,
    ngx_uint_t *generation)
{
    u_char                     *copy;
    ngx_str_t                   text;
    ngx_uint_t                  now, valid;
    ngx_slab_pool_t            *pool;
    ngx_http_vcita_jwks_sh_t   *sh;
    ngx_http_vcita_jwks_set_t  *set;

    set = &jwks->sets[n];
    copy = NULL;

    pool = (ngx_slab_pool_t *) jwks->zone->shm.addr;
    sh = (ngx_http_vcita_jwks_sh_t *) pool->data + n;

    if (set->generation
        && set->generation == sh->generation
        && ngx_http_vcita_jwks_since(sh->fetched) < NGX_HTTP_VCITA_JWKS_DEAD)
    {
        goto done;
    }

    (void) ngx_http_vcita_jwks_lock(jwks);

    now = sh->generation;
    valid = now && ngx_http_vcita_jwks_since(sh->fetched)
                   < NGX_HTTP_VCITA_JWKS_DEAD;
    text = sh->text;

    if (valid && now != set->generation) {
        copy = ngx_alloc(text.len + 1, ngx_cycle->log);

        if (copy) {
            ngx_memcpy(copy, text.data, text.len);
        }
    }

    ngx_shmtx_unlock(&pool->mutex);

    if (!valid || now != set->generation) {
        ngx_http_vcita_jwks_forget(set);
    }

    if (copy) {
        text.data = copy;

        if (ngx_http_vcita_jwks_read(jwks, set, &text) == NGX_OK) {
            set->generation = now;
        }

        ngx_free(copy);
    }

done:

    *generation = set->generation;

    return (set->generation && set->keys.nelts) ? &set->keys : NULL;
}


static ngx_int_t
ngx_http_vcita_jwks_read(ngx_http_vcita_jwks_t *jwks,
    ngx_http_vcita_jwks_set_t *set, ngx_str_t *text)
{
    set->pool = ngx_create_pool(NGX_DEFAULT_POOL_SIZE, ngx_cycle->log);
    if (set->pool == NULL) {
        return NGX_ERROR;
    }

    if (ngx_array_init(&set->keys, set->pool, 4,
                       sizeof(ngx_http_vcita_jwk_t))
        != NGX_OK
        || ngx_http_vcita_jwk_set(set->pool, text, &set->keys) != NGX_OK)
    {
        ngx_http_vcita_jwks_forget(set);
        return NGX_ERROR;
    }

    return NGX_OK;
}


static void
ngx_http_vcita_jwks_forget(ngx_http_vcita_jwks_set_t *set)
{
    set->generation = 0;

    if (set->pool) {
        ngx_destroy_pool(set->pool);
        set->pool = NULL;
    }
}


/* 1: the keys should be fetched again */

ngx_uint_t
ngx_http_vcita_jwks_aged(ngx_http_vcita_jwks_t *jwks, ngx_uint_t n)
{
    ngx_slab_pool_t           *pool;
    ngx_http_vcita_jwks_sh_t  *sh;

    /* read without the lock: a wrong result costs one call more or less */

    pool = (ngx_slab_pool_t *) jwks->zone->shm.addr;
    sh = (ngx_http_vcita_jwks_sh_t *) pool->data + n;

    return ngx_http_vcita_jwks_since(sh->fetched) >= NGX_HTTP_VCITA_JWKS_AGED;
}


/*
 * Fetches a set, outside of the rate, unless the last call began a moment ago.
 * NGX_AGAIN: a call is in progress, of this worker or another one.
 * NGX_DECLINED: not now; what is known is all that is known.
 */

ngx_int_t
ngx_http_vcita_jwks_fetch(ngx_http_vcita_jwks_t *jwks, ngx_uint_t n,
    ngx_str_t *url, ngx_http_vcita_endpoint_t *endpoint)
{
    ngx_int_t                  rc;
    ngx_slab_pool_t           *pool;
    ngx_http_vcita_jwks_sh_t  *sh;

    pool = ngx_http_vcita_jwks_lock(jwks);

    sh = (ngx_http_vcita_jwks_sh_t *) pool->data + n;

    if (ngx_http_vcita_jwks_calling(sh)) {
        rc = NGX_AGAIN;

    } else if (sh->calls
               && ngx_http_vcita_jwks_since(sh->called)
                  < NGX_HTTP_VCITA_JWKS_PAUSE)
    {
        rc = NGX_DECLINED;

    } else {
        sh->calls++;
        sh->called = ngx_current_msec;
        sh->until = ngx_current_msec + endpoint->timeout
                    + endpoint->connect_timeout + NGX_HTTP_VCITA_JWKS_SLACK;
        sh->pid = ngx_pid;

        rc = NGX_OK;
    }

    ngx_shmtx_unlock(&pool->mutex);

    if (rc != NGX_OK) {
        return rc;
    }

    if (ngx_http_vcita_jwks_call(jwks, n, url, endpoint) != NGX_OK) {
        ngx_http_vcita_jwks_over(jwks, n);
        return NGX_DECLINED;
    }

    return NGX_AGAIN;
}


static ngx_uint_t
ngx_http_vcita_jwks_calling(ngx_http_vcita_jwks_sh_t *sh)
{
    if (sh->pid == 0) {
        return 0;
    }

    if ((ngx_msec_int_t) (sh->until - ngx_current_msec) < 0
        || (sh->pid != ngx_pid
            && kill(sh->pid, 0) == -1
            && ngx_errno == NGX_ESRCH))
    {
        sh->pid = 0;
    }

    return sh->pid != 0;
}


/* the call has a pool of its own: it outlives the request that needs it */

static ngx_int_t
ngx_http_vcita_jwks_call(ngx_http_vcita_jwks_t *jwks, ngx_uint_t n,
    ngx_str_t *url, ngx_http_vcita_endpoint_t *endpoint)
{
    ngx_pool_t                  *pool;
    ngx_http_vcita_call_t       *call;
    ngx_http_vcita_jwks_call_t  *c;

    pool = ngx_create_pool(NGX_DEFAULT_POOL_SIZE, ngx_cycle->log);
    if (pool == NULL) {
        return NGX_ERROR;
    }

    c = ngx_pcalloc(pool, sizeof(ngx_http_vcita_jwks_call_t));
    if (c == NULL) {
        ngx_destroy_pool(pool);
        return NGX_ERROR;
    }

    c->jwks = jwks;
    c->set = n;

    call = &c->call;

    call->fetch.pool = pool;
    call->fetch.log = ngx_cycle->log;
    call->fetch.endpoint = endpoint;
    call->rate = &jwks->rate;
    call->statistics = jwks->statistics;
    call->handler = ngx_http_vcita_jwks_handler;
    call->data = c;
    call->urgent = 1;

    ngx_http_vcita_call_init(call);

    if (ngx_http_vcita_call_next(call, 1) != NGX_OK
        || ngx_http_vcita_call_send(call, NGX_HTTP_VCITA_KEYS_CALL, url)
           != NGX_AGAIN)
    {
        ngx_http_vcita_call_cancel(call);
        ngx_destroy_pool(pool);
        return NGX_ERROR;
    }

    jwks->sets[n].call = call;

    return NGX_OK;
}


static void
ngx_http_vcita_jwks_handler(ngx_http_vcita_call_t *call)
{
    ngx_http_vcita_jwks_call_t *c = call->data;

    if (ngx_http_vcita_call_next(call, 1) != NGX_DONE) {
        return;
    }

    ngx_http_vcita_jwks_answered(c);
    ngx_http_vcita_jwks_over(c->jwks, c->set);
}


static void
ngx_http_vcita_jwks_answered(ngx_http_vcita_jwks_call_t *c)
{
    ngx_int_t                rc;
    ngx_array_t              keys;
    ngx_http_vcita_fetch_t  *f;

    f = &c->call.fetch;

    if (f->outcome != NGX_HTTP_VCITA_FETCH_OK) {
        ngx_http_vcita_call_unanswered(&c->call);
        return;
    }

    rc = NGX_DECLINED;

    if (f->status == NGX_HTTP_OK
        && ngx_array_init(&keys, f->pool, 4, sizeof(ngx_http_vcita_jwk_t))
           == NGX_OK)
    {
        rc = ngx_http_vcita_jwk_set(f->pool, &f->answer, &keys);
    }

    if (rc != NGX_OK) {
        ngx_log_error(NGX_LOG_ERR, f->log, 0,
                      "jwks endpoint \"%V\" returned status %ui and no key set "
                      "of at most %d keys, earlier keys stay: check "
                      "vcita_oauth_jwks_endpoint and any proxy in between",
                      &f->url, f->status, NGX_HTTP_VCITA_JWK_KEYS);
        return;
    }

    ngx_http_vcita_jwks_store(c->jwks, c->set, &f->answer, f->log);
}


static void
ngx_http_vcita_jwks_store(ngx_http_vcita_jwks_t *jwks, ngx_uint_t n,
    ngx_str_t *text, ngx_log_t *log)
{
    u_char                    *p, *old;
    ngx_slab_pool_t           *pool;
    ngx_http_vcita_jwks_sh_t  *sh;

    pool = ngx_http_vcita_jwks_lock(jwks);

    sh = (ngx_http_vcita_jwks_sh_t *) pool->data + n;

    /* the same text again leaves the workers their keys */

    if (sh->generation
        && sh->text.len == text->len
        && ngx_memcmp(sh->text.data, text->data, text->len) == 0)
    {
        sh->fetched = ngx_current_msec;
        ngx_shmtx_unlock(&pool->mutex);
        return;
    }

    p = ngx_slab_alloc_locked(pool, text->len);

    if (p) {
        old = sh->text.data;

        ngx_memcpy(p, text->data, text->len);

        /* a worker that is killed here leaves no set */

        sh->generation = 0;
        sh->text.data = p;
        sh->text.len = text->len;
        sh->fetched = ngx_current_msec;
        sh->generation = sh->calls;

        if (old) {
            ngx_slab_free_locked(pool, old);
        }
    }

    ngx_shmtx_unlock(&pool->mutex);

    if (p == NULL) {
        ngx_log_error(NGX_LOG_ERR, log, 0,
                      "zone \"%V\" is full, earlier keys stay: configure fewer "
                      "vcita_oauth_jwks_endpoint", &jwks->zone->shm.name);
    }
}


/* Ends the call of this worker, and tells the others */

static void
ngx_http_vcita_jwks_over(ngx_http_vcita_jwks_t *jwks, ngx_uint_t n)
{
    ngx_pool_t                *own;
    ngx_slab_pool_t           *pool;
    ngx_http_vcita_call_t     *call;
    ngx_http_vcita_jwks_sh_t  *sh;

    call = jwks->sets[n].call;

    if (call) {
        jwks->sets[n].call = NULL;
        own = call->fetch.pool;

        ngx_http_vcita_call_cancel(call);
        ngx_destroy_pool(own);
    }

    pool = ngx_http_vcita_jwks_lock(jwks);

    sh = (ngx_http_vcita_jwks_sh_t *) pool->data + n;

    if (sh->pid == ngx_pid) {
        sh->pid = 0;
    }

    ngx_shmtx_unlock(&pool->mutex);
}


/* with the configuration go the keys that were read, and the calls */

static void
ngx_http_vcita_jwks_cleanup(void *data)
{
    ngx_http_vcita_jwks_t *jwks = data;

    ngx_uint_t  i;

    for (i = 0; i < NGX_HTTP_VCITA_JWKS_SETS; i++) {

        if (jwks->sets[i].call) {
            ngx_http_vcita_jwks_over(jwks, i);
        }

        ngx_http_vcita_jwks_forget(&jwks->sets[i]);
    }
}


/* The age of the oldest set, in seconds; 0: there is none */

ngx_uint_t
ngx_http_vcita_jwks_age(ngx_http_vcita_jwks_t *jwks)
{
    ngx_uint_t                 i;
    ngx_msec_t                 age;
    ngx_http_vcita_jwks_sh_t  *sh;

    age = 0;
    sh = ((ngx_slab_pool_t *) jwks->zone->shm.addr)->data;

    for (i = 0; i < NGX_HTTP_VCITA_JWKS_SETS; i++) {

        if (sh[i].generation) {
            age = ngx_max(age, ngx_http_vcita_jwks_since(sh[i].fetched));
        }
    }

    return age / 1000;
}


static ngx_slab_pool_t *
ngx_http_vcita_jwks_lock(ngx_http_vcita_jwks_t *jwks)
{
    ngx_slab_pool_t  *pool;

    pool = (ngx_slab_pool_t *) jwks->zone->shm.addr;

    ngx_shmtx_lock(&pool->mutex);

    return pool;
}
