
/*
 * Copyright (C) the vcita OAuth gate authors
 *
 * Verdicts: what vcita last said of a session, known to all workers, so that
 * one of them asks and the others believe it.  May touch a shared zone that
 * it makes itself.
 *
 * A session that has been asked about has an entry until it ends; when the
 * zone is full, the one that was not used for the longest time goes.  Its
 * session is then asked about anew.
 */


#include <ngx_config.h>
#include <ngx_core.h>

#include "session/ngx_http_vcita_revocation.h"
#include "util/ngx_http_vcita_string.h"


/* some 30,000 sessions, or 15,000 whose claims have changed */
#define NGX_HTTP_VCITA_VERDICTS  (8 * 1024 * 1024)


/* "good" 0: never asked; "said" 0: the claims are those of the login */

typedef struct {
    time_t                       good;
    time_t                       next;    /* not to be asked before */
    uint64_t                     said;
    ngx_uint_t                   dead;    /* unsigned  dead:1; */
} ngx_http_vcita_verdict_t;

/* an entry is a verdict, followed by the current claims if they changed */

#define ngx_http_vcita_verdict_room                                           \
    (NGX_HTTP_VCITA_ZONE_VALUE - sizeof(ngx_http_vcita_verdict_t))


static ngx_int_t ngx_http_vcita_verdict_init(ngx_shm_zone_t *shm_zone,
    void *data);
static ngx_int_t ngx_http_vcita_verdict_read(ngx_http_vcita_verdicts_t *v,
    ngx_http_vcita_case_t *c, ngx_pool_t *pool,
    ngx_http_vcita_verdict_t *verdict);
static void ngx_http_vcita_verdict_write(ngx_http_vcita_verdicts_t *v,
    ngx_http_vcita_case_t *c, ngx_pool_t *pool,
    ngx_http_vcita_verdict_t *verdict);
static void ngx_http_vcita_verdict_put(ngx_http_vcita_verdicts_t *v,
    ngx_http_vcita_case_t *c, ngx_pool_t *pool,
    ngx_http_vcita_verdict_t *verdict);
static void ngx_http_vcita_verdict_key(ngx_http_vcita_case_t *c, u_char *key);


/* Adds the shared zone; to be called at the end of configuration */

ngx_int_t
ngx_http_vcita_verdict_zone(ngx_conf_t *cf, ngx_http_vcita_verdicts_t *v,
    void *tag)
{
    ngx_str_t  name;

    ngx_str_set(&name, "vcita_oauth_verdicts");

    v->shm_zone = ngx_shared_memory_add(cf, &name, NGX_HTTP_VCITA_VERDICTS,
                                        tag);
    if (v->shm_zone == NULL) {
        return NGX_ERROR;
    }

    v->shm_zone->init = ngx_http_vcita_verdict_init;
    v->shm_zone->data = v;

    return NGX_OK;
}


static ngx_int_t
ngx_http_vcita_verdict_init(ngx_shm_zone_t *shm_zone, void *data)
{
    ngx_http_vcita_verdicts_t  *v;

    v = shm_zone->data;

    v->zone.pool = (ngx_slab_pool_t *) shm_zone->shm.addr;
    v->zone.name = shm_zone->shm.name;

    if (data || shm_zone->shm.exists) {
        return NGX_OK;
    }

    return ngx_http_vcita_zone_init(&v->zone);
}


/*
 * What is known of a session.  NGX_OK: it is good; c->good tells since when
 * that has not been confirmed.  NGX_DECLINED: it has ended.  NGX_AGAIN: it is
 * good, and the caller is the one who asks vcita; nobody else does so until
 * the caller tells the answer, or c->busy seconds have gone by.
 *
 * If c->said is later than the session's, the claims of the session are
 * outdated.  c->claims has the current ones, and is empty if they are lost.
 */

ngx_int_t
ngx_http_vcita_verdict(ngx_http_vcita_verdicts_t *v, ngx_http_vcita_case_t *c,
    ngx_pool_t *pool)
{
    ngx_int_t                 rc;
    ngx_http_vcita_verdict_t  verdict;

    ngx_http_vcita_zone_lock(&v->zone);

    rc = ngx_http_vcita_verdict_read(v, c, pool, &verdict);

    /*
     * A session without an entry was good when it began; one that is older
     * than the interval, since nginx was started anew say, is due, but not
     * overdue.
     */

    if (verdict.good == 0) {
        verdict.good = ngx_http_vcita_text_time(c->session->created
                                                / 1000);
        verdict.good = ngx_max(verdict.good, c->now - c->interval);
    }

    if (rc == NGX_OK
        && c->interval
        && !verdict.dead
        && c->now - verdict.good >= c->interval
        && c->now >= verdict.next)
    {
        verdict.next = c->now + c->busy;
        ngx_http_vcita_verdict_put(v, c, pool, &verdict);

        rc = NGX_AGAIN;
    }

    ngx_http_vcita_zone_unlock(&v->zone);

    c->good = verdict.good;

    return verdict.dead ? NGX_DECLINED : rc;
}


/* Reads an entry, its claims into the case; all is zero if there is none */

static ngx_int_t
ngx_http_vcita_verdict_read(ngx_http_vcita_verdicts_t *v,
    ngx_http_vcita_case_t *c, ngx_pool_t *pool,
    ngx_http_vcita_verdict_t *verdict)
{
    u_char     key[NGX_HTTP_VCITA_ZONE_KEY];
    ngx_int_t  rc;
    ngx_str_t  value;

    ngx_memzero(verdict, sizeof(ngx_http_vcita_verdict_t));
    ngx_str_null(&c->claims);

    ngx_http_vcita_verdict_key(c, key);

    rc = ngx_http_vcita_zone_get(&v->zone, key, c->now, pool, &value);

    if (rc == NGX_OK
        && value.len >= sizeof(ngx_http_vcita_verdict_t))
    {
        ngx_memcpy(verdict, value.data, sizeof(ngx_http_vcita_verdict_t));

        c->claims.data = value.data + sizeof(ngx_http_vcita_verdict_t);
        c->claims.len = value.len - sizeof(ngx_http_vcita_verdict_t);
    }

    c->said = verdict->said;

    return (rc == NGX_ERROR) ? NGX_ERROR : NGX_OK;
}


/* vcita knows the token still */

void
ngx_http_vcita_verdict_good(ngx_http_vcita_verdicts_t *v,
    ngx_http_vcita_case_t *c, ngx_pool_t *pool)
{
    ngx_http_vcita_verdict_t  verdict;

    verdict.good = c->now;
    verdict.next = 0;
    verdict.dead = 0;

    ngx_http_vcita_verdict_write(v, c, pool, &verdict);
}


/* There was no answer: vcita is asked again after so many seconds */

void
ngx_http_vcita_verdict_later(ngx_http_vcita_verdicts_t *v,
    ngx_http_vcita_case_t *c, ngx_pool_t *pool, time_t later)
{
    ngx_http_vcita_verdict_t  verdict;

    verdict.good = c->good;
    verdict.next = c->now + later;
    verdict.dead = 0;

    ngx_http_vcita_verdict_write(v, c, pool, &verdict);
}


/* The session has ended, and so have all copies of its cookie */

void
ngx_http_vcita_verdict_dead(ngx_http_vcita_verdicts_t *v,
    ngx_http_vcita_case_t *c, ngx_pool_t *pool)
{
    ngx_http_vcita_verdict_t  verdict;

    verdict.good = 0;
    verdict.next = 0;
    verdict.dead = 1;

    ngx_http_vcita_verdict_write(v, c, pool, &verdict);
}


/* Keeps the claims that are known; a session that has ended stays ended */

static void
ngx_http_vcita_verdict_write(ngx_http_vcita_verdicts_t *v,
    ngx_http_vcita_case_t *c, ngx_pool_t *pool,
    ngx_http_vcita_verdict_t *verdict)
{
    ngx_http_vcita_verdict_t  known;

    ngx_http_vcita_zone_lock(&v->zone);

    if (ngx_http_vcita_verdict_read(v, c, pool, &known) == NGX_OK) {
        verdict->said = known.said;
        verdict->dead |= known.dead;

        ngx_http_vcita_verdict_put(v, c, pool, verdict);
    }

    ngx_http_vcita_zone_unlock(&v->zone);
}


/*
 * The claims of the session, given in a sealed box, are the current ones from
 * now on, unless newer ones are known
 */

void
ngx_http_vcita_verdict_said(ngx_http_vcita_verdicts_t *v,
    ngx_http_vcita_case_t *c, ngx_pool_t *pool, ngx_str_t *claims)
{
    ngx_http_vcita_verdict_t  verdict;

    ngx_http_vcita_zone_lock(&v->zone);

    if (ngx_http_vcita_verdict_read(v, c, pool, &verdict) == NGX_OK
        && verdict.said < c->session->said)
    {
        verdict.said = c->session->said;

        c->said = verdict.said;
        c->claims = *claims;

        ngx_http_vcita_verdict_put(v, c, pool, &verdict);
    }

    ngx_http_vcita_zone_unlock(&v->zone);
}


/*
 * Writes an entry with the claims of the case.  One that finds no room is as if
 * it had been pushed out at once.
 */

static void
ngx_http_vcita_verdict_put(ngx_http_vcita_verdicts_t *v,
    ngx_http_vcita_case_t *c, ngx_pool_t *pool,
    ngx_http_vcita_verdict_t *verdict)
{
    u_char     key[NGX_HTTP_VCITA_ZONE_KEY], *p;
    size_t     len;
    ngx_str_t  value;

    len = (c->claims.len <= ngx_http_vcita_verdict_room) ? c->claims.len : 0;

    value.len = sizeof(ngx_http_vcita_verdict_t) + len;

    value.data = ngx_pnalloc(pool, value.len);
    if (value.data == NULL) {
        return;
    }

    p = ngx_cpymem(value.data, verdict, sizeof(ngx_http_vcita_verdict_t));

    if (len) {
        ngx_memcpy(p, c->claims.data, len);
    }

    ngx_http_vcita_verdict_key(c, key);

    (void) ngx_http_vcita_zone_put(&v->zone, key, c->now, &value, c->left);
}


static void
ngx_http_vcita_verdict_key(ngx_http_vcita_case_t *c, u_char *key)
{
    ngx_memzero(key, NGX_HTTP_VCITA_ZONE_KEY);
    ngx_memcpy(key, c->session->id.data, c->session->id.len);
}
