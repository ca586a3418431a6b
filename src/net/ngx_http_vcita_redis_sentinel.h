
/*
 * Copyright (C) the vcita OAuth gate authors
 */


#ifndef _NGX_HTTP_VCITA_REDIS_SENTINEL_H_INCLUDED_
#define _NGX_HTTP_VCITA_REDIS_SENTINEL_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_event.h>

#include "net/ngx_http_vcita_connection.h"
#include "net/ngx_http_vcita_redis.h"


/* Sentinels of one store, at most */
#define NGX_HTTP_VCITA_REDIS_SENTINELS      16

/* the longest host name in an answer */
#define NGX_HTTP_VCITA_REDIS_SENTINEL_HOST  255


typedef struct {
    ngx_str_t                   name;      /* host[:port], for the log */
    ngx_str_t                   host;      /* NUL-terminated */
    in_port_t                   port;
    ngx_addr_t                 *addrs;     /* those known at start */
    ngx_uint_t                  naddrs;
    unsigned                    literal:1; /* an address, not a name */
} ngx_http_vcita_redis_sentinel_host_t;


typedef struct {
    ngx_http_vcita_redis_sentinel_host_t
                                hosts[NGX_HTTP_VCITA_REDIS_SENTINELS];
    ngx_uint_t                  nhosts;
    ngx_str_t                   master;    /* its name */

    ngx_str_t                   user;      /* may be empty */
    ngx_str_t                   password;  /* likewise */

    ngx_http_vcita_redis_conn_conf_t
                               *server;    /* its name, TLS and timeouts */
    ngx_str_t                   question;  /* AUTH, SENTINEL */
    ngx_uint_t                  answers;   /* to it */
} ngx_http_vcita_redis_sentinel_conf_t;


/* One Sentinel, as a worker asks it */

typedef struct ngx_http_vcita_redis_sentinel_s
    ngx_http_vcita_redis_sentinel_t;


struct ngx_http_vcita_redis_sentinel_s {
    ngx_http_vcita_redis_sentinel_conf_t  *conf;
    ngx_http_vcita_redis_sentinel_host_t  *host;
    void                                 (*done)(
                                         ngx_http_vcita_redis_sentinel_t *s);
    void                                  *data;

    ngx_http_vcita_connection_t            conn;
    ngx_http_vcita_redis_replies_t         replies;
    size_t                                 sent;
    ngx_uint_t                             replied;
    ngx_event_t                            timer;

    ngx_http_vcita_lookup_t               *lookup;
    ngx_http_vcita_addrs_t                *found;  /* NULL: those of host */
    ngx_uint_t                             first;  /* address to be tried */
    ngx_uint_t                             tried;

    ngx_log_t                              log;
    ngx_msec_t                             logged;

    ngx_str_t                              named;  /* empty: no answer */
    in_port_t                              port;
    u_char                                 text[
                                      NGX_HTTP_VCITA_REDIS_SENTINEL_HOST + 1];
};


void ngx_http_vcita_redis_sentinel_init(ngx_http_vcita_redis_sentinel_t *s);
ngx_int_t ngx_http_vcita_redis_sentinel_question(ngx_pool_t *pool,
    ngx_http_vcita_redis_sentinel_conf_t *conf);
void ngx_http_vcita_redis_sentinel_ask(ngx_http_vcita_redis_sentinel_t *s);
void ngx_http_vcita_redis_sentinel_end(ngx_http_vcita_redis_sentinel_t *s);
ngx_int_t ngx_http_vcita_redis_sentinel_address(
    ngx_http_vcita_redis_reply_t *reply, ngx_str_t **host, in_port_t *port);


/* Where the master may be */

typedef struct {
    ngx_str_t                             *host;      /* or an IP address */
    in_port_t                              port;
    ngx_uint_t                             count;     /* of votes */
    ngx_sockaddr_t                         sockaddr;
    socklen_t                              socklen;   /* 0: unknown */
    ngx_http_vcita_lookup_t               *lookup;
    ngx_http_vcita_addrs_t                *addrs;     /* of the look-up */
    void                                  *data;
} ngx_http_vcita_redis_candidate_t;


void ngx_http_vcita_redis_candidates_literal(
    ngx_http_vcita_redis_candidate_t *c);
ngx_http_vcita_addrs_t *ngx_http_vcita_redis_candidates_addrs(
    ngx_http_vcita_redis_candidate_t *c, ngx_uint_t n, ngx_log_t *log);


ngx_int_t ngx_http_vcita_redis_votes_create(ngx_pool_t *pool,
    ngx_http_vcita_redis_conn_conf_t *server,
    ngx_http_vcita_redis_sentinel_conf_t *conf);


#endif /* _NGX_HTTP_VCITA_REDIS_SENTINEL_H_INCLUDED_ */
