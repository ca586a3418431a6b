
/*
 * Copyright (C) the vcita OAuth gate authors
 *
 * Revocation: vcita's last answer about a session, known to all workers, so
 * that one of them asks and the others believe it.  May touch a shared zone
 * that it makes itself.
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
#define NGX_HTTP_VCITA_REVOCATIONS  (8 * 1024 * 1024)


/* "good" 0: never asked; "changed" 0: the claims are those of the login */

typedef struct {
    time_t                       good;
    time_t                       next;    /* not to be asked before */
    uint64_t                     changed;
    ngx_uint_t                   dead;    /* unsigned  dead:1; */
} ngx_http_vcita_revocation_entry_t;

/* an entry is an answer, followed by the current claims if they changed */

#define ngx_http_vcita_revocation_room                                        \
    (NGX_HTTP_VCITA_ZONE_VALUE - sizeof(ngx_http_vcita_revocation_entry_t))


static ngx_int_t ngx_http_vcita_revocation_init(ngx_shm_zone_t *shm_zone,
    void *data);
static ngx_int_t ngx_http_vcita_revocation_read(ngx_http_vcita_revocation_t *v,
    ngx_http_vcita_revocation_case_t *c, ngx_pool_t *pool,
    ngx_http_vcita_revocation_entry_t *entry);
static void ngx_http_vcita_revocation_write(ngx_http_vcita_revocation_t *v,
    ngx_http_vcita_revocation_case_t *c, ngx_pool_t *pool,
    ngx_http_vcita_revocation_entry_t *entry);
static void ngx_http_vcita_revocation_put(ngx_http_vcita_revocation_t *v,
    ngx_http_vcita_revocation_case_t *c, ngx_pool_t *pool,
    ngx_http_vcita_revocation_entry_t *entry);
static void ngx_http_vcita_revocation_key(ngx_http_vcita_revocation_case_t *c,
    u_char *key);


/* Adds the shared zone; to be called at the end of configuration */

ngx_int_t
ngx_http_vcita_revocation_zone(ngx_conf_t *cf, ngx_http_vcita_revocation_t *v,
    void *tag)
{
    ngx_str_t  name;

    ngx_str_set(&name, "vcita_oauth_verdicts");

    v->shm_zone = ngx_shared_memory_add(cf, &name, NGX_HTTP_VCITA_REVOCATIONS,
                                        tag);
    if (v->shm_zone == NULL) {
        return NGX_ERROR;
    }

    v->shm_zone->init = ngx_http_vcita_revocation_init;
    v->shm_zone->data = v;

    return NGX_OK;
}


static ngx_int_t
ngx_http_vcita_revocation_init(ngx_shm_zone_t *shm_zone, void *data)
{
    ngx_http_vcita_revocation_t  *v;

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
 * If c->changed is later than the session's, the claims of the session are
 * outdated.  c->claims has the current ones, and is empty if they are lost.
 */

ngx_int_t
ngx_http_vcita_revocation_check(ngx_http_vcita_revocation_t *v,
    ngx_http_vcita_revocation_case_t *c, ngx_pool_t *pool)
{
    ngx_int_t                          rc;
    ngx_http_vcita_revocation_entry_t  entry;

    ngx_http_vcita_zone_lock(&v->zone);

    rc = ngx_http_vcita_revocation_read(v, c, pool, &entry);

    /*
     * A session without an entry was good when it began; one that is older
     * than the interval, since nginx was started anew say, is due, but not
     * overdue.
     */

    if (entry.good == 0) {
        entry.good = ngx_http_vcita_string_time(c->session->created
                                                / 1000);
        entry.good = ngx_max(entry.good, c->now - c->interval);
    }

    if (rc == NGX_OK
        && c->interval
        && !entry.dead
        && c->now - entry.good >= c->interval
        && c->now >= entry.next)
    {
        entry.next = c->now + c->busy;
        ngx_http_vcita_revocation_put(v, c, pool, &entry);

        rc = NGX_AGAIN;
    }

    ngx_http_vcita_zone_unlock(&v->zone);

    c->good = entry.good;

    return entry.dead ? NGX_DECLINED : rc;
}


/* Reads an entry, its claims into the case; all is zero if there is none */

static ngx_int_t
ngx_http_vcita_revocation_read(ngx_http_vcita_revocation_t *v,
    ngx_http_vcita_revocation_case_t *c, ngx_pool_t *pool,
    ngx_http_vcita_revocation_entry_t *entry)
{
    u_char     key[NGX_HTTP_VCITA_ZONE_KEY];
    ngx_int_t  rc;
    ngx_str_t  value;

    ngx_memzero(entry, sizeof(ngx_http_vcita_revocation_entry_t));
    ngx_str_null(&c->claims);

    ngx_http_vcita_revocation_key(c, key);

    rc = ngx_http_vcita_zone_get(&v->zone, key, c->now, pool, &value);

    if (rc == NGX_OK
        && value.len >= sizeof(ngx_http_vcita_revocation_entry_t))
    {
        ngx_memcpy(entry, value.data,
                   sizeof(ngx_http_vcita_revocation_entry_t));

        c->claims.data = value.data + sizeof(ngx_http_vcita_revocation_entry_t);
        c->claims.len = value.len - sizeof(ngx_http_vcita_revocation_entry_t);
    }

    c->changed = entry->changed;

    return (rc == NGX_ERROR) ? NGX_ERROR : NGX_OK;
}


/* vcita knows the token still */

void
ngx_http_vcita_revocation_good(ngx_http_vcita_revocation_t *v,
    ngx_http_vcita_revocation_case_t *c, ngx_pool_t *pool)
{
    ngx_http_vcita_revocation_entry_t  entry;

    entry.good = c->now;
    entry.next = 0;
    entry.dead = 0;

    ngx_http_vcita_revocation_write(v, c, pool, &entry);
}


/* There was no answer: vcita is asked again after so many seconds */

void
ngx_http_vcita_revocation_postpone(ngx_http_vcita_revocation_t *v,
    ngx_http_vcita_revocation_case_t *c, ngx_pool_t *pool, time_t later)
{
    ngx_http_vcita_revocation_entry_t  entry;

    entry.good = c->good;
    entry.next = c->now + later;
    entry.dead = 0;

    ngx_http_vcita_revocation_write(v, c, pool, &entry);
}


/* The session has ended, and so have all copies of its cookie */

void
ngx_http_vcita_revocation_dead(ngx_http_vcita_revocation_t *v,
    ngx_http_vcita_revocation_case_t *c, ngx_pool_t *pool)
{
    ngx_http_vcita_revocation_entry_t  entry;

    entry.good = 0;
    entry.next = 0;
    entry.dead = 1;

    ngx_http_vcita_revocation_write(v, c, pool, &entry);
}


/* Keeps the claims that are known; a session that has ended stays ended */

static void
ngx_http_vcita_revocation_write(ngx_http_vcita_revocation_t *v,
    ngx_http_vcita_revocation_case_t *c, ngx_pool_t *pool,
    ngx_http_vcita_revocation_entry_t *entry)
{
    ngx_http_vcita_revocation_entry_t  known;

    ngx_http_vcita_zone_lock(&v->zone);

    if (ngx_http_vcita_revocation_read(v, c, pool, &known) == NGX_OK) {
        entry->changed = known.changed;
        entry->dead |= known.dead;

        ngx_http_vcita_revocation_put(v, c, pool, entry);
    }

    ngx_http_vcita_zone_unlock(&v->zone);
}


/*
 * The claims of the session, given in a sealed box, are the current ones from
 * now on, unless newer ones are known
 */

void
ngx_http_vcita_revocation_change(ngx_http_vcita_revocation_t *v,
    ngx_http_vcita_revocation_case_t *c, ngx_pool_t *pool, ngx_str_t *claims)
{
    ngx_http_vcita_revocation_entry_t  entry;

    ngx_http_vcita_zone_lock(&v->zone);

    if (ngx_http_vcita_revocation_read(v, c, pool, &entry) == NGX_OK
        && entry.changed < c->session->changed)
    {
        entry.changed = c->session->changed;

        c->changed = entry.changed;
        c->claims = *claims;

        ngx_http_vcita_revocation_put(v, c, pool, &entry);
    }

    ngx_http_vcita_zone_unlock(&v->zone);
}


/*
 * Writes an entry with the claims of the case.  One that finds no room is as if
 * it had been pushed out at once.
 */

static void
ngx_http_vcita_revocation_put(ngx_http_vcita_revocation_t *v,
    ngx_http_vcita_revocation_case_t *c, ngx_pool_t *pool,
    ngx_http_vcita_revocation_entry_t *entry)
{
    u_char     key[NGX_HTTP_VCITA_ZONE_KEY], *p;
    size_t     len;
    ngx_str_t  value;

    len = (c->claims.len <= ngx_http_vcita_revocation_room) ? c->claims.len : 0;

    value.len = sizeof(ngx_http_vcita_revocation_entry_t) + len;

    value.data = ngx_pnalloc(pool, value.len);
    if (value.data == NULL) {
        return;
    }

    p = ngx_cpymem(value.data, entry,
                   sizeof(ngx_http_vcita_revocation_entry_t));

    if (len) {
        ngx_memcpy(p, c->claims.data, len);
    }

    ngx_http_vcita_revocation_key(c, key);

    (void) ngx_http_vcita_zone_put(&v->zone, key, c->now, &value, c->left);
}


static void
ngx_http_vcita_revocation_key(ngx_http_vcita_revocation_case_t *c, u_char *key)
{
    ngx_memzero(key, NGX_HTTP_VCITA_ZONE_KEY);
    ngx_memcpy(key, c->session->id.data, c->session->id.len);
}
