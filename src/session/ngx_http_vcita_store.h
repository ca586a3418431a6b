
/*
 * Copyright (C) the vcita OAuth gate authors
 */


#ifndef _NGX_HTTP_VCITA_STORE_H_INCLUDED_
#define _NGX_HTTP_VCITA_STORE_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>

#include "net/ngx_http_vcita_redis.h"
#include "util/ngx_http_vcita_seal.h"


/* what a session is stored under: the SHA-256 of its id, 32 random bytes */
#define NGX_HTTP_VCITA_STORE_KEY  32

/* the id, as the value of a cookie */
#define NGX_HTTP_VCITA_STORE_ID   NGX_HTTP_VCITA_TEXT_LEN

/* the largest value, in bytes */
#define NGX_HTTP_VCITA_STORE_MAX  65535


typedef struct ngx_http_vcita_store_s  ngx_http_vcita_store_t;
typedef struct ngx_http_vcita_store_op_s  ngx_http_vcita_store_op_t;


/*
 * One operation on one session.  The caller sets all but rc and state, and
 * keeps it in place while it is pending.
 */

struct ngx_http_vcita_store_op_s {
    ngx_http_vcita_store_t  *store;
    ngx_pool_t              *pool;     /* a value that is read: there */
    ngx_log_t               *log;

    u_char                   key[NGX_HTTP_VCITA_STORE_KEY];
    ngx_str_t                value;    /* sealed, not text */
    time_t                   ttl;      /* seconds, to write */
    ngx_uint_t               replace;  /* unsigned  replace:1; to write */

    ngx_int_t                rc;       /* for the handler */
    void                   (*handler)(ngx_http_vcita_store_op_t *op);
    void                    *data;     /* the caller's */
    void                    *state;    /* the store's, while pending */
};


/*
 * What a store can do.  NGX_AGAIN: the operation is pending; its handler is
 * called later, once, never before the call has returned, with op->rc as the
 * call would have returned it; how long that can take is the store's to limit.
 * NGX_ERROR: the store does not answer, or has no room; it has logged why.
 */

typedef ngx_int_t (*ngx_http_vcita_store_pt)(ngx_http_vcita_store_op_t *op);


/* where sessions live; a cookie takes no store */

typedef enum {
    NGX_HTTP_VCITA_IN_COOKIE = 0,
    NGX_HTTP_VCITA_IN_ZONE,
    NGX_HTTP_VCITA_IN_REDIS,
    NGX_HTTP_VCITA_STORES
} ngx_http_vcita_where_e;


typedef struct {
    ngx_http_vcita_where_e   where;

    /* NGX_OK: it is in op->value; NGX_DECLINED: there is none */
    ngx_http_vcita_store_pt  read;

    /* over what was there; NGX_DECLINED: op->replace, and nothing was there */
    ngx_http_vcita_store_pt  write;

    /* NGX_OK whether or not it was there */
    ngx_http_vcita_store_pt  end;

    /* of a pending one: its handler is not called any more */
    void                   (*cancel)(ngx_http_vcita_store_op_t *op);

} ngx_http_vcita_store_type_t;


struct ngx_http_vcita_store_s {
    ngx_str_t                           name;    /* for the log */
    const ngx_http_vcita_store_type_t  *type;
    void                               *data;    /* the store's */
};


ngx_int_t ngx_http_vcita_store_id(u_char *text, u_char *key);
ngx_int_t ngx_http_vcita_store_key(ngx_str_t *id, u_char *key);

/*
 * The stores: each fills one in from its part of the configuration, and
 * returns what the handler of a directive does
 */

char *ngx_http_vcita_store_zone(ngx_conf_t *cf, ngx_str_t *zone,
    ngx_http_vcita_store_t *store);

/* how many sessions a zone holds, and how many had to go before their time */
void ngx_http_vcita_store_zone_count(ngx_http_vcita_store_t *store,
    ngx_uint_t *sessions, ngx_uint_t *evicted);

/* in front of a key, in bytes */
#define NGX_HTTP_VCITA_STORE_REDIS_PREFIX  64


ngx_int_t ngx_http_vcita_store_redis_create(ngx_pool_t *pool,
    ngx_http_vcita_redis_conn_conf_t *conf, ngx_str_t *prefix,
    ngx_http_vcita_store_t *store);


#endif /* _NGX_HTTP_VCITA_STORE_H_INCLUDED_ */
