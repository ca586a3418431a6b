
/*
 * Copyright (C) the vcita OAuth gate authors
 *
 * Where a master may be: hosts that are addresses or have been looked up, as
 * one list of addresses.
 */


#include <ngx_config.h>
#include <ngx_core.h>

#include "net/ngx_http_vcita_redis_sentinel.h"


/* addresses of a list, at most */
#define NGX_HTTP_VCITA_REDIS_CANDIDATES_ADDRS  32


typedef struct {
    ngx_http_vcita_addrs_t     *addrs;
    ngx_uint_t                  max;
    ngx_sockaddr_t             *sockaddr;
    u_char                     *text;
} ngx_http_vcita_redis_candidates_list_t;


static void ngx_http_vcita_redis_candidates_add(
    ngx_http_vcita_redis_candidates_list_t *list, ngx_str_t *host,
    struct sockaddr *sockaddr, socklen_t socklen);


/* Sets c->sockaddr if c->host is an IP address */

void
ngx_http_vcita_redis_candidates_literal(ngx_http_vcita_redis_candidate_t *c)
{
    in_addr_t             addr;
    struct sockaddr_in   *sin;
#if (NGX_HAVE_INET6)
    struct sockaddr_in6  *sin6;
#endif

    ngx_memzero(&c->sockaddr, sizeof(ngx_sockaddr_t));

    addr = ngx_inet_addr(c->host->data, c->host->len);

    if (addr != INADDR_NONE) {
        sin = &c->sockaddr.sockaddr_in;

        sin->sin_family = AF_INET;
        sin->sin_addr.s_addr = addr;
        sin->sin_port = htons(c->port);
        c->socklen = sizeof(struct sockaddr_in);

        return;
    }

#if (NGX_HAVE_INET6)

    sin6 = &c->sockaddr.sockaddr_in6;

    if (ngx_inet6_addr(c->host->data, c->host->len, sin6->sin6_addr.s6_addr)
        == NGX_OK)
    {
        sin6->sin6_family = AF_INET6;
        sin6->sin6_port = htons(c->port);
        c->socklen = sizeof(struct sockaddr_in6);
    }

#endif
}


/*
 * The addresses of all candidates in their order, each with its host; NULL:
 * there is none.  The caller frees the list.
 */

ngx_http_vcita_addrs_t *
ngx_http_vcita_redis_candidates_addrs(ngx_http_vcita_redis_candidate_t *c,
    ngx_uint_t n, ngx_log_t *log)
{
    size_t                                   len;
    ngx_uint_t                               i, k, max;
    ngx_addr_t                              *addr;
    ngx_http_vcita_addrs_t                  *addrs;
    ngx_http_vcita_redis_candidates_list_t   list;

    max = 0;

    for (i = 0; i < n; i++) {
        max += c[i].addrs ? c[i].addrs->naddrs : (c[i].socklen != 0);
    }

    if (max == 0) {
        return NULL;
    }

    max = ngx_min(max, NGX_HTTP_VCITA_REDIS_CANDIDATES_ADDRS);

    len = sizeof(ngx_addr_t) + sizeof(ngx_str_t) + sizeof(ngx_sockaddr_t)
          + NGX_SOCKADDR_STRLEN + NGX_HTTP_VCITA_REDIS_SENTINEL_HOST + 1;

    addrs = ngx_calloc(sizeof(ngx_http_vcita_addrs_t) + max * len, log);
    if (addrs == NULL) {
        return NULL;
    }

    addrs->addrs = (ngx_addr_t *) (addrs + 1);
    addrs->hosts = (ngx_str_t *) (addrs->addrs + max);

    list.addrs = addrs;
    list.max = max;
    list.sockaddr = (ngx_sockaddr_t *) (addrs->hosts + max);
    list.text = (u_char *) (list.sockaddr + max);

    for (i = 0; i < n; i++) {

        if (c[i].addrs == NULL) {

            if (c[i].socklen) {
                ngx_http_vcita_redis_candidates_add(&list, c[i].host,
                                                    &c[i].sockaddr.sockaddr,
                                                    c[i].socklen);
            }

            continue;
        }

        for (k = 0; k < c[i].addrs->naddrs; k++) {
            addr = &c[i].addrs->addrs[k];

            ngx_http_vcita_redis_candidates_add(&list, c[i].host,
                                                addr->sockaddr, addr->socklen);
        }
    }

    addrs->host = addrs->hosts[0];

    return addrs;
}


static void
ngx_http_vcita_redis_candidates_add(
    ngx_http_vcita_redis_candidates_list_t *list, ngx_str_t *host,
    struct sockaddr *sockaddr, socklen_t socklen)
{
    ngx_str_t   *text;
    ngx_addr_t  *addr;

    if (list->addrs->naddrs == list->max) {
        return;
    }

    addr = &list->addrs->addrs[list->addrs->naddrs];
    text = &list->addrs->hosts[list->addrs->naddrs];

    ngx_memcpy(list->sockaddr, sockaddr, socklen);

    addr->sockaddr = &list->sockaddr->sockaddr;
    addr->socklen = socklen;
    addr->name.data = list->text;
    addr->name.len = ngx_sock_ntop(addr->sockaddr, socklen, list->text,
                                   NGX_SOCKADDR_STRLEN, 1);

    list->text += NGX_SOCKADDR_STRLEN;

    /* NUL-terminated, since the memory is zeroed */

    text->data = list->text;
    text->len = host->len;
    ngx_memcpy(text->data, host->data, host->len);

    list->text += NGX_HTTP_VCITA_REDIS_SENTINEL_HOST + 1;
    list->sockaddr++;
    list->addrs->naddrs++;
}
