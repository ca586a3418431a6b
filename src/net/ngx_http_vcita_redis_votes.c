
/*
 * Copyright (C) the vcita OAuth gate authors
 *
 * Finds the master of a store by its Sentinels, which are all asked at once.
 * May touch nginx's events.
 *
 * Sentinels may be down, late, wrong, or of different opinions.  An address
 * that more than half of them name comes first, since only a majority can have
 * promoted it; without one, the master that is known so far comes first.  All
 * others follow: the server itself has to say that it is the master.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_event.h>

#include "net/ngx_http_vcita_redis_sentinel.h"


/* at most one log line in so many milliseconds */
#define NGX_HTTP_VCITA_REDIS_VOTES_SILENCE  10000


typedef struct ngx_http_vcita_redis_votes_s  ngx_http_vcita_redis_votes_t;


struct ngx_http_vcita_redis_votes_s {
    ngx_http_vcita_redis_sentinel_conf_t
                                     *conf;
    ngx_http_vcita_redis_sentinel_t  *sentinels;
    ngx_uint_t                        asked;      /* not answered yet */
    ngx_event_t                       late;
    ngx_event_t                       answered;
    ngx_http_vcita_redis_master_t    *master;     /* whose search it is */

    ngx_uint_t                        ncandidates;
    ngx_uint_t                        lookups;
    ngx_http_vcita_redis_candidate_t  candidates[
                                          NGX_HTTP_VCITA_REDIS_SENTINELS + 1];

    ngx_http_vcita_redis_candidate_t  known;      /* was the master */
    ngx_str_t                         host;       /* its host */
    u_char                            text[
                                      NGX_HTTP_VCITA_REDIS_SENTINEL_HOST + 1];

    ngx_msec_t                        logged;
};


static void ngx_http_vcita_redis_votes_cleanup(void *data);
static ngx_int_t ngx_http_vcita_redis_votes_start(
    ngx_http_vcita_redis_master_t *m);
static void ngx_http_vcita_redis_votes_stop(ngx_http_vcita_redis_master_t *m);
static void ngx_http_vcita_redis_votes_known(ngx_http_vcita_redis_votes_t *v,
    ngx_http_vcita_redis_master_t *m);
static void ngx_http_vcita_redis_votes_done(ngx_http_vcita_redis_sentinel_t *s);
static void ngx_http_vcita_redis_votes_handler(ngx_event_t *ev);
static void ngx_http_vcita_redis_votes_count(ngx_http_vcita_redis_votes_t *v);
static ngx_int_t ngx_http_vcita_redis_votes_cmp(const void *one,
    const void *two);
static void ngx_http_vcita_redis_votes_order(ngx_http_vcita_redis_votes_t *v);
static void ngx_http_vcita_redis_votes_resolve(ngx_http_vcita_redis_votes_t *v);
static void ngx_http_vcita_redis_votes_resolved(void *data,
    ngx_http_vcita_addrs_t *addrs);
static void ngx_http_vcita_redis_votes_found(ngx_http_vcita_redis_votes_t *v);
static void ngx_http_vcita_redis_votes_end(ngx_http_vcita_redis_votes_t *v);


static const ngx_http_vcita_redis_finder_t  ngx_http_vcita_redis_votes_finder =
{
    ngx_http_vcita_redis_votes_start,
    ngx_http_vcita_redis_votes_stop,
    "has no address, because no Sentinel names a master; requests that need it "
    "get 503 until one does"
};


/* Called at configuration time; conf and server live as long as the pool */

ngx_int_t
ngx_http_vcita_redis_votes_create(ngx_pool_t *pool,
    ngx_http_vcita_redis_conn_conf_t *server,
    ngx_http_vcita_redis_sentinel_conf_t *conf)
{
    ngx_uint_t                        i;
    ngx_pool_cleanup_t               *cln;
    ngx_http_vcita_redis_votes_t     *v;
    ngx_http_vcita_redis_sentinel_t  *s;

    v = ngx_pcalloc(pool, sizeof(ngx_http_vcita_redis_votes_t));
    if (v == NULL) {
        return NGX_ERROR;
    }

    s = ngx_pcalloc(pool,
                    conf->nhosts * sizeof(ngx_http_vcita_redis_sentinel_t));
    if (s == NULL) {
        return NGX_ERROR;
    }

    cln = ngx_pool_cleanup_add(pool, 0);
    if (cln == NULL) {
        return NGX_ERROR;
    }

    cln->handler = ngx_http_vcita_redis_votes_cleanup;
    cln->data = v;

    v->conf = conf;
    v->sentinels = s;
    v->logged = ngx_current_msec - NGX_HTTP_VCITA_REDIS_VOTES_SILENCE;

    conf->server = server;

    for (i = 0; i < conf->nhosts; i++) {
        s[i].conf = conf;
        s[i].host = &conf->hosts[i];
        s[i].done = ngx_http_vcita_redis_votes_done;
        s[i].data = v;

        ngx_http_vcita_redis_sentinel_init(&s[i]);
    }

    v->late.handler = ngx_http_vcita_redis_votes_handler;
    v->late.data = v;
    v->late.cancelable = 1;

    v->answered.handler = ngx_http_vcita_redis_votes_handler;
    v->answered.data = v;

    server->finder = &ngx_http_vcita_redis_votes_finder;
    server->find = v;

    return ngx_http_vcita_redis_sentinel_question(pool, conf);
}


static void
ngx_http_vcita_redis_votes_cleanup(void *data)
{
    ngx_http_vcita_redis_votes_t *v = data;

    ngx_uint_t                        i;
    ngx_http_vcita_redis_sentinel_t  *s;

    for (i = 0; i < v->conf->nhosts; i++) {
        s = &v->sentinels[i];

        if (s->found) {
            ngx_free(s->found);
        }
    }

    if (v->conf->question.len) {
        ngx_explicit_memzero(v->conf->question.data, v->conf->question.len);
    }

    if (v->conf->password.len) {
        ngx_explicit_memzero(v->conf->password.data, v->conf->password.len);
    }
}


/* Once a Sentinel has answered, half of the time is enough for the others */

static ngx_int_t
ngx_http_vcita_redis_votes_start(ngx_http_vcita_redis_master_t *m)
{
    ngx_uint_t                     i;
    ngx_http_vcita_redis_votes_t  *v;

    v = m->conf->find;

    v->master = m;
    m->search = v;

    /* the log of the pool was that of the old cycle */

    v->late.log = ngx_cycle->log;
    v->answered.log = ngx_cycle->log;

    ngx_http_vcita_redis_votes_known(v, m);

    v->ncandidates = 0;
    v->lookups = 0;
    v->asked = v->conf->nhosts;
    v->late.timedout = 0;

    ngx_add_timer(&v->late, m->conf->connect_timeout / 2);

    for (i = 0; i < v->conf->nhosts; i++) {
        ngx_http_vcita_redis_sentinel_ask(&v->sentinels[i]);
    }

    return NGX_AGAIN;
}


static void
ngx_http_vcita_redis_votes_stop(ngx_http_vcita_redis_master_t *m)
{
    ngx_uint_t                        i;
    ngx_http_vcita_redis_votes_t     *v;
    ngx_http_vcita_redis_sentinel_t  *s;

    v = m->conf->find;

    ngx_http_vcita_redis_votes_end(v);

    for (i = 0; i < v->conf->nhosts; i++) {
        s = &v->sentinels[i];

        if (s->lookup) {
            ngx_http_vcita_lookup_forget(s->lookup);
            s->lookup = NULL;
        }
    }
}


/* Keeps the address that was the master when it was connected to */

static void
ngx_http_vcita_redis_votes_known(ngx_http_vcita_redis_votes_t *v,
    ngx_http_vcita_redis_master_t *m)
{
    ngx_str_t   *host;
    ngx_addr_t  *addr;

    if (m->addrs == NULL || m->good == 0) {
        return;
    }

    addr = &m->addrs->addrs[m->good - 1];
    host = &m->addrs->hosts[m->good - 1];

    ngx_memcpy(&v->known.sockaddr, addr->sockaddr, addr->socklen);
    v->known.socklen = addr->socklen;
    v->known.port = ngx_inet_get_port(addr->sockaddr);

    ngx_memcpy(v->text, host->data, host->len);
    v->text[host->len] = '\0';

    v->host.data = v->text;
    v->host.len = host->len;
    v->known.host = &v->host;
}


static void
ngx_http_vcita_redis_votes_done(ngx_http_vcita_redis_sentinel_t *s)
{
    ngx_http_vcita_redis_votes_t  *v;

    v = s->data;
    v->asked--;

    ngx_post_event(&v->answered, &ngx_posted_events);
}


/* of an answer, and of the timer */

static void
ngx_http_vcita_redis_votes_handler(ngx_event_t *ev)
{
    ngx_uint_t                     i;
    ngx_http_vcita_redis_votes_t  *v;

    v = ev->data;

    ngx_http_vcita_redis_votes_count(v);

    if (v->asked
        && (v->ncandidates == 0
            || (2 * v->candidates[0].count <= v->conf->nhosts
                && !v->late.timedout)))
    {
        return;
    }

    for (i = 0; i < v->conf->nhosts; i++) {
        ngx_http_vcita_redis_sentinel_end(&v->sentinels[i]);
    }

    v->asked = 0;

    if (v->late.timer_set) {
        ngx_del_timer(&v->late);
    }

    if (v->answered.posted) {
        ngx_delete_posted_event(&v->answered);
    }

    if (v->ncandidates) {
        ngx_http_vcita_redis_votes_order(v);
    }

    ngx_http_vcita_redis_votes_resolve(v);
}


static void
ngx_http_vcita_redis_votes_count(ngx_http_vcita_redis_votes_t *v)
{
    ngx_uint_t                         i, n;
    ngx_http_vcita_redis_sentinel_t   *s;
    ngx_http_vcita_redis_candidate_t  *c;

    v->ncandidates = 0;
    c = v->candidates;

    for (i = 0; i < v->conf->nhosts; i++) {
        s = &v->sentinels[i];

        if (s->named.len == 0) {
            continue;
        }

        for (n = 0; n < v->ncandidates; n++) {

            if (c[n].port == s->port
                && c[n].host->len == s->named.len
                && ngx_memcmp(c[n].host->data, s->named.data, s->named.len)
                   == 0)
            {
                break;
            }
        }

        if (n == v->ncandidates) {
            v->ncandidates++;

            ngx_memzero(&c[n], sizeof(ngx_http_vcita_redis_candidate_t));

            c[n].data = v;
            c[n].host = &s->named;
            c[n].port = s->port;
        }

        c[n].count++;
    }

    ngx_sort(c, v->ncandidates, sizeof(ngx_http_vcita_redis_candidate_t),
             ngx_http_vcita_redis_votes_cmp);
}


static ngx_int_t
ngx_http_vcita_redis_votes_cmp(const void *one, const void *two)
{
    const ngx_http_vcita_redis_candidate_t  *first, *second;

    first = one;
    second = two;

    return first->count < second->count;
}


/* Puts the known master first, unless a majority names another */

static void
ngx_http_vcita_redis_votes_order(ngx_http_vcita_redis_votes_t *v)
{
    ngx_uint_t                         n, majority;
    ngx_http_vcita_redis_candidate_t  *c, known;

    c = v->candidates;
    majority = (2 * c[0].count > v->conf->nhosts);

    if (!majority && v->ncandidates > 1
        && ngx_current_msec - v->logged >= NGX_HTTP_VCITA_REDIS_VOTES_SILENCE)
    {
        v->logged = ngx_current_msec;

        ngx_log_error(NGX_LOG_ERR, ngx_cycle->log, 0,
                      "the Sentinels of vcita_oauth_session_store \"%V\" name "
                      "different masters and none has a majority, check their "
                      "own logs", &v->conf->server->name);
    }

    if (v->known.socklen == 0) {
        return;
    }

    for (n = 0; n < v->ncandidates; n++) {

        if (c[n].port == v->known.port
            && c[n].host->len == v->host.len
            && ngx_memcmp(c[n].host->data, v->host.data, v->host.len) == 0)
        {
            break;
        }
    }

    if (n == v->ncandidates) {
        c[n] = v->known;
        v->ncandidates++;
    }

    if (majority) {
        return;
    }

    known = c[n];
    ngx_memmove(&c[1], c, n * sizeof(ngx_http_vcita_redis_candidate_t));
    c[0] = known;
}


static void
ngx_http_vcita_redis_votes_resolve(ngx_http_vcita_redis_votes_t *v)
{
    ngx_uint_t                         i;
    ngx_http_vcita_redis_candidate_t  *c;

    for (i = 0; i < v->ncandidates; i++) {
        c = &v->candidates[i];

        if (c->socklen == 0) {
            ngx_http_vcita_redis_candidates_literal(c);
        }

        if (c->socklen) {
            continue;
        }

        c->lookup = ngx_http_vcita_lookup_start(c->host, c->port,
                                           ngx_http_vcita_redis_votes_resolved,
                                           c, v->master->log);
        if (c->lookup) {
            v->lookups++;
        }
    }

    if (v->lookups == 0) {
        ngx_http_vcita_redis_votes_found(v);
    }
}


static void
ngx_http_vcita_redis_votes_resolved(void *data, ngx_http_vcita_addrs_t *addrs)
{
    ngx_http_vcita_redis_candidate_t *c = data;

    ngx_http_vcita_redis_votes_t  *v;

    c->lookup = NULL;
    c->addrs = addrs;

    v = c->data;
    v->lookups--;

    if (v->lookups == 0) {
        ngx_http_vcita_redis_votes_found(v);
    }
}


static void
ngx_http_vcita_redis_votes_found(ngx_http_vcita_redis_votes_t *v)
{
    ngx_http_vcita_addrs_t  *addrs;

    addrs = ngx_http_vcita_redis_candidates_addrs(v->candidates,
                                                  v->ncandidates,
                                                  v->master->log);

    ngx_http_vcita_redis_votes_end(v);

    ngx_http_vcita_redis_master_found(v->master, addrs);
}


/* Ends a search, whether it has a result or not */

static void
ngx_http_vcita_redis_votes_end(ngx_http_vcita_redis_votes_t *v)
{
    ngx_uint_t                         i;
    ngx_http_vcita_redis_candidate_t  *c;

    for (i = 0; i < v->conf->nhosts; i++) {
        ngx_http_vcita_redis_sentinel_end(&v->sentinels[i]);
    }

    for (i = 0; i < v->ncandidates; i++) {
        c = &v->candidates[i];

        if (c->lookup) {
            ngx_http_vcita_lookup_forget(c->lookup);
            c->lookup = NULL;
        }

        if (c->addrs) {
            ngx_free(c->addrs);
            c->addrs = NULL;
        }
    }

    v->ncandidates = 0;

    if (v->late.timer_set) {
        ngx_del_timer(&v->late);
    }

    if (v->answered.posted) {
        ngx_delete_posted_event(&v->answered);
    }
}
