
/*
 * Copyright (C) the vcita OAuth gate authors
 *
 * Where the master of a Redis is: its addresses, and how they are found anew
 * after a failure.  May touch the heap.
 *
 * A round tries each address once.  Before a round that follows a failure the
 * addresses are searched for; they stay as they are if that fails.
 */


#include <ngx_config.h>
#include <ngx_core.h>

#include "net/ngx_http_vcita_redis.h"


/* between two searches, at least */
#define NGX_HTTP_VCITA_REDIS_MASTER_PACE  250


static ngx_int_t ngx_http_vcita_redis_master_lookup(
    ngx_http_vcita_redis_master_t *m);
static void ngx_http_vcita_redis_master_lookup_handler(void *data,
    ngx_http_vcita_addrs_t *addrs);
static void ngx_http_vcita_redis_master_forget(
    ngx_http_vcita_redis_master_t *m);
static ngx_addr_t *ngx_http_vcita_redis_master_addrs(
    ngx_http_vcita_redis_master_t *m, ngx_uint_t *n);
static void ngx_http_vcita_redis_master_take(ngx_http_vcita_redis_master_t *m);


/* The addresses are those of conf->host */

const ngx_http_vcita_redis_finder_t  ngx_http_vcita_redis_master_by_name = {
    ngx_http_vcita_redis_master_lookup,
    ngx_http_vcita_redis_master_forget,
    "has no address, its host name cannot be resolved; requests that need it "
    "get 503 until it can"
};


/* Called at configuration time with conf, log, handler and data set */

void
ngx_http_vcita_redis_master_init(ngx_http_vcita_redis_master_t *m)
{
    m->searched = ngx_current_msec - NGX_HTTP_VCITA_REDIS_MASTER_PACE;
    m->lost = (m->conf->naddrs == 0);
}


/*
 * Called before each attempt to connect.  NGX_OK: the next address may be
 * tried.  NGX_AGAIN: a search runs, and the handler is called when it has
 * ended.  The caller has to limit the time, and may go on without a result.
 */

ngx_int_t
ngx_http_vcita_redis_master_find(ngx_http_vcita_redis_master_t *m)
{
    ngx_uint_t  n;
    ngx_msec_t  passed;

    if (!m->lost || m->tried || m->conf->finder == NULL) {
        return NGX_OK;
    }

    passed = ngx_current_msec - m->searched;

    if (m->search) {
        (void) ngx_http_vcita_redis_master_addrs(m, &n);

        /* a resolver that hangs is waited for once */

        return (n && passed >= m->conf->connect_timeout) ? NGX_OK : NGX_AGAIN;
    }

    if (passed < NGX_HTTP_VCITA_REDIS_MASTER_PACE) {
        return NGX_OK;
    }

    m->searched = ngx_current_msec;

    return (m->conf->finder->start(m) == NGX_AGAIN) ? NGX_AGAIN : NGX_OK;
}


/* Called by a finder; m owns the addresses, NULL: the search has failed */

void
ngx_http_vcita_redis_master_found(ngx_http_vcita_redis_master_t *m,
    ngx_http_vcita_addrs_t *addrs)
{
    m->search = NULL;

    if (addrs) {

        if (m->found) {
            ngx_free(m->found);
        }

        m->found = addrs;
        m->lost = 0;
    }

    m->handler(m->data);
}


/* The next round begins with a search */

void
ngx_http_vcita_redis_master_lost(ngx_http_vcita_redis_master_t *m)
{
    m->lost = 1;
}


/* Called when the worker exits, without a connection */

void
ngx_http_vcita_redis_master_stop(ngx_http_vcita_redis_master_t *m)
{
    if (m->conf->finder) {
        m->conf->finder->stop(m);
        m->search = NULL;
    }

    if (m->found) {
        ngx_free(m->found);
        m->found = NULL;
    }

    if (m->addrs) {
        ngx_free(m->addrs);
        m->addrs = NULL;
    }

    m->address = 0;
}


static ngx_int_t
ngx_http_vcita_redis_master_lookup(ngx_http_vcita_redis_master_t *m)
{
    m->search = ngx_http_vcita_lookup_start(&m->conf->host, m->conf->port,
                                    ngx_http_vcita_redis_master_lookup_handler,
                                            m, m->log);

    return m->search ? NGX_AGAIN : NGX_ERROR;
}


static void
ngx_http_vcita_redis_master_lookup_handler(void *data,
    ngx_http_vcita_addrs_t *addrs)
{
    ngx_http_vcita_redis_master_found(data, addrs);
}


static void
ngx_http_vcita_redis_master_forget(ngx_http_vcita_redis_master_t *m)
{
    if (m->search) {
        ngx_http_vcita_lookup_forget(m->search);
    }
}


/*
 * The address to be tried, and the name that its certificate has to have.
 * Called without a connection.  NULL: all have been tried in this round.
 */

ngx_addr_t *
ngx_http_vcita_redis_master_address(ngx_http_vcita_redis_master_t *m,
    ngx_str_t *host)
{
    ngx_uint_t   n;
    ngx_addr_t  *addrs;

    if (m->tried == 0) {
        ngx_http_vcita_redis_master_take(m);
    }

    *host = m->addrs ? m->addrs->host : m->conf->host;

    if (m->addrs && m->addrs->hosts) {
        *host = m->addrs->hosts[m->address];
    }

    addrs = ngx_http_vcita_redis_master_addrs(m, &n);

    return (m->tried < n) ? &addrs[m->address] : NULL;
}


/* The address has failed in this round; m->tried is zeroed for a new one */

void
ngx_http_vcita_redis_master_next(ngx_http_vcita_redis_master_t *m)
{
    ngx_uint_t  n;

    (void) ngx_http_vcita_redis_master_addrs(m, &n);

    if (n) {
        m->address = (m->address + 1) % n;
        m->tried++;
    }
}


/* The address that is, or was, connected to; NULL: there is none */

ngx_addr_t *
ngx_http_vcita_redis_master_current(ngx_http_vcita_redis_master_t *m)
{
    ngx_uint_t   n;
    ngx_addr_t  *addrs;

    addrs = ngx_http_vcita_redis_master_addrs(m, &n);

    return n ? &addrs[m->address] : NULL;
}


static ngx_addr_t *
ngx_http_vcita_redis_master_addrs(ngx_http_vcita_redis_master_t *m,
    ngx_uint_t *n)
{
    if (m->addrs) {
        *n = m->addrs->naddrs;
        return m->addrs->addrs;
    }

    *n = m->conf->naddrs;

    return m->conf->addrs;
}


/*
 * A round goes on at the same address, if that is there still and the finder
 * has not put the addresses in order
 */

static void
ngx_http_vcita_redis_master_take(ngx_http_vcita_redis_master_t *m)
{
    ngx_uint_t               i, n;
    ngx_addr_t              *addrs;
    ngx_http_vcita_addrs_t  *found;

    found = m->found;

    if (found == NULL) {
        return;
    }

    addrs = ngx_http_vcita_redis_master_addrs(m, &n);

    for (i = 0; n && i < found->naddrs; i++) {

        if (ngx_cmp_sockaddr(addrs[m->address].sockaddr,
                             addrs[m->address].socklen,
                             found->addrs[i].sockaddr, found->addrs[i].socklen,
                             1) == NGX_OK)
        {
            break;
        }
    }

    m->address = (n && i < found->naddrs && found->hosts == NULL) ? i : 0;
    m->good = 0;

    if (m->addrs) {
        ngx_free(m->addrs);
    }

    m->addrs = found;
    m->found = NULL;
}
