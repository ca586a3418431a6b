
/*
 * Copyright (C) the vcita OAuth gate authors
 *
 * Verdicts: what vcita last said of a session, known to all workers, so that
 * one of them asks and the others believe it.  May touch a shared zone that
 * it makes itself.
 *
 * A session that has been asked about has an entry until it ends; when the
 * zone is full, the one that was not used for the longest time goes.
 */


#include <ngx_config.h>
#include <ngx_core.h>

#include "ngx_http_vcita_oauth_verdict.h"


/* some 30,000 sessions */
#define NGX_HTTP_VCITA_OAUTH_VERDICTS  (8 * 1024 * 1024)


typedef struct {
    time_t                       good;
    time_t                       next;    /* not to be asked before */
    ngx_uint_t                   dead;    /* unsigned  dead:1; */
} ngx_http_vcita_oauth_verdict_t;


static ngx_int_t ngx_http_vcita_oauth_verdict_init(ngx_shm_zone_t *shm_zone,
    void *data);
static ngx_int_t ngx_http_vcita_oauth_verdict_read(
    ngx_http_vcita_oauth_verdicts_t *v, ngx_http_vcita_oauth_case_t *c,
    ngx_pool_t *pool, ngx_http_vcita_oauth_verdict_t *verdict);
static void ngx_http_vcita_oauth_verdict_put(
    ngx_http_vcita_oauth_verdicts_t *v, ngx_http_vcita_oauth_case_t *c,
    ngx_http_vcita_oauth_verdict_t *verdict);
static void ngx_http_vcita_oauth_verdict_write(
    ngx_http_vcita_oauth_verdicts_t *v, ngx_http_vcita_oauth_case_t *c,
    ngx_http_vcita_oauth_verdict_t *verdict);
static void ngx_http_vcita_oauth_verdict_key(ngx_http_vcita_oauth_case_t *c,
    u_char *key);


/* Adds the shared zone; to be called at the end of configuration */

ngx_int_t
ngx_http_vcita_oauth_verdict_zone(ngx_conf_t *cf,
    ngx_http_vcita_oauth_verdicts_t *v, void *tag)
{
    ngx_str_t  name;

    ngx_str_set(&name, "vcita_oauth_verdicts");

    v->shm_zone = ngx_shared_memory_add(cf, &name,
                                        NGX_HTTP_VCITA_OAUTH_VERDICTS, tag);
    if (v->shm_zone == NULL) {
        return NGX_ERROR;
    }

    v->shm_zone->init = ngx_http_vcita_oauth_verdict_init;
    v->shm_zone->data = v;

    return NGX_OK;
}


static ngx_int_t
ngx_http_vcita_oauth_verdict_init(ngx_shm_zone_t *shm_zone, void *data)
{
    ngx_http_vcita_oauth_verdicts_t *old = data;

    ngx_http_vcita_oauth_verdicts_t  *v;

    v = shm_zone->data;

    if (old) {
        v->zone = old->zone;
        return NGX_OK;
    }

    v->zone.pool = (ngx_slab_pool_t *) shm_zone->shm.addr;

    if (shm_zone->shm.exists) {
        v->zone.sh = v->zone.pool->data;
        return NGX_OK;
    }

    return ngx_http_vcita_oauth_zone_init(&v->zone);
}


/*
 * What is known of a session.  NGX_OK: it is good; c->good tells since when
 * that has not been confirmed.  NGX_DECLINED: it has ended.  NGX_AGAIN: it is
 * good, and the caller is the one who asks vcita; nobody else does so until
 * the caller tells the answer, or c->busy seconds have gone by.
 */

ngx_int_t
ngx_http_vcita_oauth_verdict(ngx_http_vcita_oauth_verdicts_t *v,
    ngx_http_vcita_oauth_case_t *c, ngx_pool_t *pool)
{
    ngx_int_t                       rc;
    ngx_http_vcita_oauth_verdict_t  verdict;

    ngx_shmtx_lock(&v->zone.pool->mutex);

    rc = ngx_http_vcita_oauth_verdict_read(v, c, pool, &verdict);

    if (rc == NGX_OK
        && c->interval
        && !verdict.dead
        && c->now - verdict.good >= c->interval
        && c->now >= verdict.next)
    {
        verdict.next = c->now + c->busy;
        ngx_http_vcita_oauth_verdict_put(v, c, &verdict);

        rc = NGX_AGAIN;
    }

    ngx_shmtx_unlock(&v->zone.pool->mutex);

    c->good = verdict.good;

    return verdict.dead ? NGX_DECLINED : rc;
}


/*
 * A session without an entry was good when it began; one that is older than
 * the interval, since nginx was started anew say, is due, but not overdue.
 */

static ngx_int_t
ngx_http_vcita_oauth_verdict_read(ngx_http_vcita_oauth_verdicts_t *v,
    ngx_http_vcita_oauth_case_t *c, ngx_pool_t *pool,
    ngx_http_vcita_oauth_verdict_t *verdict)
{
    u_char     key[NGX_HTTP_VCITA_OAUTH_ZONE_KEY];
    ngx_int_t  rc;
    ngx_str_t  value;

    ngx_http_vcita_oauth_verdict_key(c, key);

    rc = ngx_http_vcita_oauth_zone_get(&v->zone, key, c->now, pool, &value);

    if (rc == NGX_OK) {
        ngx_memcpy(verdict, value.data,
                   sizeof(ngx_http_vcita_oauth_verdict_t));
        return NGX_OK;
    }

    ngx_memzero(verdict, sizeof(ngx_http_vcita_oauth_verdict_t));

    verdict->good = ngx_max((time_t) (c->session->created / 1000),
                            c->now - c->interval);

    return (rc == NGX_DECLINED) ? NGX_OK : rc;
}


/* vcita knows the token still */

void
ngx_http_vcita_oauth_verdict_good(ngx_http_vcita_oauth_verdicts_t *v,
    ngx_http_vcita_oauth_case_t *c)
{
    ngx_http_vcita_oauth_verdict_t  verdict;

    ngx_memzero(&verdict, sizeof(ngx_http_vcita_oauth_verdict_t));
    verdict.good = c->now;

    ngx_http_vcita_oauth_verdict_write(v, c, &verdict);
}


/* There was no answer: vcita is asked again after so many seconds */

void
ngx_http_vcita_oauth_verdict_later(ngx_http_vcita_oauth_verdicts_t *v,
    ngx_http_vcita_oauth_case_t *c, time_t later)
{
    ngx_http_vcita_oauth_verdict_t  verdict;

    verdict.good = c->good;
    verdict.next = c->now + later;
    verdict.dead = 0;

    ngx_http_vcita_oauth_verdict_write(v, c, &verdict);
}


/* The session has ended, and so have all copies of its cookie */

void
ngx_http_vcita_oauth_verdict_dead(ngx_http_vcita_oauth_verdicts_t *v,
    ngx_http_vcita_oauth_case_t *c)
{
    ngx_http_vcita_oauth_verdict_t  verdict;

    ngx_memzero(&verdict, sizeof(ngx_http_vcita_oauth_verdict_t));
    verdict.dead = 1;

    ngx_http_vcita_oauth_verdict_write(v, c, &verdict);
}


static void
ngx_http_vcita_oauth_verdict_write(ngx_http_vcita_oauth_verdicts_t *v,
    ngx_http_vcita_oauth_case_t *c, ngx_http_vcita_oauth_verdict_t *verdict)
{
    ngx_shmtx_lock(&v->zone.pool->mutex);

    ngx_http_vcita_oauth_verdict_put(v, c, verdict);

    ngx_shmtx_unlock(&v->zone.pool->mutex);
}


/* an entry that finds no room is as if it had been pushed out at once */

static void
ngx_http_vcita_oauth_verdict_put(ngx_http_vcita_oauth_verdicts_t *v,
    ngx_http_vcita_oauth_case_t *c, ngx_http_vcita_oauth_verdict_t *verdict)
{
    u_char     key[NGX_HTTP_VCITA_OAUTH_ZONE_KEY];
    ngx_str_t  value;

    ngx_http_vcita_oauth_verdict_key(c, key);

    value.data = (u_char *) verdict;
    value.len = sizeof(ngx_http_vcita_oauth_verdict_t);

    (void) ngx_http_vcita_oauth_zone_put(&v->zone, key, c->now, &value,
                                         c->left);
}


static void
ngx_http_vcita_oauth_verdict_key(ngx_http_vcita_oauth_case_t *c, u_char *key)
{
    ngx_memzero(key, NGX_HTTP_VCITA_OAUTH_ZONE_KEY);
    ngx_memcpy(key, c->session->id.data, c->session->id.len);
}
