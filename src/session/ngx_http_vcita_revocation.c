
/*
 * Copyright (C) the vcita OAuth gate authors
 *
 * Revocation: the last response of vcita about each session, shared by all
 * workers, so that only one worker asks.  May touch the shared zone that it
 * makes.
 *
 * A session has an entry from the first check until it expires.  If the zone is
 * full, the least recently used entry is evicted; its session is then checked
 * again.
 */


#include <ngx_config.h>
#include <ngx_core.h>

#include "session/ngx_http_vcita_revocation.h"
#include "util/ngx_http_vcita_shm_zone.h"
#include "util/ngx_http_vcita_string.h"


/* about 30,000 sessions, or 15,000 with changed claims */
#define NGX_HTTP_VCITA_REVOCATIONS        (8 * 1024 * 1024)

/* milliseconds between two warnings that the rate is too low */
#define NGX_HTTP_VCITA_REVOCATION_SILENT  60000


/*
 * "good" 0: never checked; "changed" 0: claims as at the login.  All calls
 * since the good one have failed, and "stale" counts from "since"; 0: none has
 * failed.  "starved" is when the first call since then found no slot.
 */

typedef struct {
    time_t                       good;
    time_t                       since;
    time_t                       starved;
    time_t                       next;    /* of the next check */
    uint64_t                     changed;
    ngx_uint_t                   dead;    /* unsigned  dead:1; */
} ngx_http_vcita_revocation_entry_t;

/* an entry, followed by the current claims if they have changed */

#define ngx_http_vcita_revocation_room                                        \
    (NGX_HTTP_VCITA_ZONE_VALUE - sizeof(ngx_http_vcita_revocation_entry_t))


static ngx_int_t ngx_http_vcita_revocation_init(ngx_shm_zone_t *shm_zone,
    void *data);
static void ngx_http_vcita_revocation_times(
    ngx_http_vcita_revocation_case_t *c,
    ngx_http_vcita_revocation_entry_t *entry);
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


/* Adds the shared zone; called at the end of the configuration */

ngx_int_t
ngx_http_vcita_revocation_zone(ngx_conf_t *cf, ngx_http_vcita_revocation_t *v,
    void *tag)
{
    v->shm_zone = ngx_http_vcita_shm_zone(cf, "vcita_oauth_verdicts",
                                          NGX_HTTP_VCITA_REVOCATIONS,
                                          ngx_http_vcita_revocation_init, v,
                                          tag);

    return v->shm_zone ? NGX_OK : NGX_ERROR;
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
 * Looks up a session.  NGX_OK: it is valid; c->good is the time of the last
 * confirmation, c->since the time since which calls for it have failed.
 * NGX_DECLINED: it was revoked.  NGX_AGAIN: it is valid, and the caller has to
 * ask vcita.  Other callers get NGX_OK until the response is recorded or
 * c->busy seconds have passed.
 *
 * If c->changed is later than the session's, the session's claims are outdated.
 * c->claims then has the current claims, or is empty if they are lost.
 */

ngx_int_t
ngx_http_vcita_revocation_check(ngx_http_vcita_revocation_t *v,
    ngx_http_vcita_revocation_case_t *c, ngx_pool_t *pool)
{
    ngx_int_t                          rc;
    ngx_http_vcita_revocation_entry_t  entry;

    ngx_http_vcita_zone_lock(&v->zone);

    rc = ngx_http_vcita_revocation_read(v, c, pool, &entry);

    ngx_http_vcita_revocation_times(c, &entry);

    if (rc == NGX_OK
        && c->interval
        && !entry.dead
        && c->now - entry.good >= c->interval
        && (c->now >= entry.next || entry.next - c->now > c->busy))
    {
        entry.next = c->now + c->busy;
        ngx_http_vcita_revocation_put(v, c, pool, &entry);

        rc = NGX_AGAIN;
    }

    ngx_http_vcita_zone_unlock(&v->zone);

    c->good = entry.good;
    c->since = entry.since;
    c->starved = entry.starved;

    return entry.dead ? NGX_DECLINED : rc;
}


/*
 * A session without an entry counts as confirmed when it began.  If that is
 * longer ago than the interval, for example after a restart of nginx, a check
 * is due but not overdue.  The same holds for times in the future, after the
 * clock was set back.
 */

static void
ngx_http_vcita_revocation_times(ngx_http_vcita_revocation_case_t *c,
    ngx_http_vcita_revocation_entry_t *entry)
{
    if (entry->good == 0) {
        entry->good = ngx_http_vcita_string_time(c->session->created / 1000);
        entry->good = ngx_min(entry->good, c->now);
        entry->good = ngx_max(entry->good, c->now - c->interval);

    } else if (entry->good > c->now) {
        entry->good = c->now - c->interval;
    }

    if (entry->since > c->now) {
        entry->since = c->now - c->interval;
    }

    entry->starved = ngx_min(entry->starved, c->now);
}


/* Reads an entry, and its claims into the case; zeroed if there is none */

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


/* vcita has accepted the token */

void
ngx_http_vcita_revocation_good(ngx_http_vcita_revocation_t *v,
    ngx_http_vcita_revocation_case_t *c, ngx_pool_t *pool)
{
    ngx_http_vcita_revocation_entry_t  entry;

    ngx_memzero(&entry, sizeof(ngx_http_vcita_revocation_entry_t));

    entry.good = c->now;

    ngx_http_vcita_revocation_write(v, c, pool, &entry);
}


/*
 * A call was made and failed: the next check is in "later" seconds.  The time
 * before the first such call, during which there was no slot, does not count.
 */

void
ngx_http_vcita_revocation_failed(ngx_http_vcita_revocation_t *v,
    ngx_http_vcita_revocation_case_t *c, ngx_pool_t *pool, time_t later)
{
    ngx_http_vcita_revocation_entry_t  entry;

    if (c->since == 0) {
        c->since = c->starved ? ngx_max(c->good, c->now - c->interval)
                              : c->good;
    }

    ngx_memzero(&entry, sizeof(ngx_http_vcita_revocation_entry_t));

    entry.good = c->good;
    entry.since = c->since;
    entry.next = c->now + later;

    ngx_http_vcita_revocation_write(v, c, pool, &entry);
}


/*
 * No slot was free for a call.  Returns 1 if a warning is due: the session has
 * missed a whole interval, and the last warning is not recent.
 */

ngx_uint_t
ngx_http_vcita_revocation_starved(ngx_http_vcita_revocation_t *v,
    ngx_http_vcita_revocation_case_t *c, ngx_pool_t *pool, time_t later)
{
    ngx_uint_t                         due;
    ngx_http_vcita_zone_sh_t          *sh;
    ngx_http_vcita_revocation_entry_t  entry;

    if (c->starved == 0) {
        c->starved = c->now;
    }

    ngx_memzero(&entry, sizeof(ngx_http_vcita_revocation_entry_t));

    entry.good = c->good;
    entry.since = c->since;
    entry.starved = c->starved;
    entry.next = c->now + later;

    ngx_http_vcita_revocation_write(v, c, pool, &entry);

    if (c->now - c->starved < c->interval) {
        return 0;
    }

    ngx_http_vcita_zone_lock(&v->zone);

    sh = v->zone.sh;

    due = sh->told == 0
          || ngx_current_msec - sh->told_at >= NGX_HTTP_VCITA_REVOCATION_SILENT;

    if (due) {
        sh->told = 1;
        sh->told_at = ngx_current_msec;
    }

    ngx_http_vcita_zone_unlock(&v->zone);

    return due;
}


/* Revokes the session, including all copies of its cookie */

void
ngx_http_vcita_revocation_dead(ngx_http_vcita_revocation_t *v,
    ngx_http_vcita_revocation_case_t *c, ngx_pool_t *pool)
{
    ngx_http_vcita_revocation_entry_t  entry;

    ngx_memzero(&entry, sizeof(ngx_http_vcita_revocation_entry_t));

    entry.dead = 1;

    ngx_http_vcita_revocation_write(v, c, pool, &entry);
}


/* Keeps the known claims; a revoked session stays revoked */

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
 * Records the session's claims, in a sealed box, as the current ones unless
 * newer ones are known
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
 * Writes an entry with the claims of the case.  An entry that does not fit
 * counts as evicted.
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

    (void) ngx_http_vcita_zone_put(&v->zone, key, c->now, &value, c->left, 0);
}


static void
ngx_http_vcita_revocation_key(ngx_http_vcita_revocation_case_t *c, u_char *key)
{
    ngx_memzero(key, NGX_HTTP_VCITA_ZONE_KEY);
    ngx_memcpy(key, c->session->id.data, c->session->id.len);
}
