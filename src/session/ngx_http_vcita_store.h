
/*
 * Copyright (C) the vcita OAuth gate authors
 */


#ifndef _NGX_HTTP_VCITA_STORE_H_INCLUDED_
#define _NGX_HTTP_VCITA_STORE_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>

#include "net/ngx_http_vcita_redis.h"
#include "util/ngx_http_vcita_seal.h"


/* the key of a session: SHA-256 of its id, which is 32 random bytes */
#define NGX_HTTP_VCITA_STORE_KEY  32

/* the id, as the value of a cookie */
#define NGX_HTTP_VCITA_STORE_ID   NGX_HTTP_VCITA_TEXT_LEN

/* the largest value, in bytes */
#define NGX_HTTP_VCITA_STORE_MAX  65535


typedef struct ngx_http_vcita_store_s  ngx_http_vcita_store_t;
typedef struct ngx_http_vcita_store_op_s  ngx_http_vcita_store_op_t;


/*
 * One operation on one session.  The caller sets all fields but rc and state,
 * and must keep the struct in place while the operation is pending.
 */

struct ngx_http_vcita_store_op_s {
    ngx_http_vcita_store_t  *store;
    ngx_pool_t              *pool;     /* for a value read */
    ngx_log_t               *log;

    u_char                   key[NGX_HTTP_VCITA_STORE_KEY];
    ngx_str_t                value;    /* sealed, not text */
    time_t                   ttl;      /* seconds, for a write */
    ngx_uint_t               replace;  /* unsigned  replace:1; for a write */
    ngx_uint_t               provisional;
                                       /* unsigned  provisional:1; too */

    ngx_int_t                rc;       /* for the handler */
    void                   (*handler)(ngx_http_vcita_store_op_t *op);
    void                    *data;     /* the caller's */
    void                    *state;    /* the store's own */
};


/*
 * The operations of a store.  NGX_AGAIN: the operation is pending; its handler
 * is called once, after the call has returned, with the result in op->rc.  The
 * store limits the time.  NGX_ERROR: the store is unavailable or full; it has
 * logged the reason.
 */

typedef ngx_int_t (*ngx_http_vcita_store_pt)(ngx_http_vcita_store_op_t *op);


/* the kinds of stores; a cookie needs no store object */

typedef enum {
    NGX_HTTP_VCITA_IN_COOKIE = 0,
    NGX_HTTP_VCITA_IN_ZONE,
    NGX_HTTP_VCITA_IN_REDIS,
    NGX_HTTP_VCITA_STORES
} ngx_http_vcita_where_e;


typedef struct {
    ngx_http_vcita_where_e   where;

    /* NGX_OK: op->value is set; NGX_DECLINED: there is no such session */
    ngx_http_vcita_store_pt  read;

    /* NGX_DECLINED: op->replace is set, and there is no such session */
    ngx_http_vcita_store_pt  write;

    /* NGX_OK even if there is no such session */
    ngx_http_vcita_store_pt  end;

    /* cancels a pending operation; its handler is not called */
    void                   (*cancel)(ngx_http_vcita_store_op_t *op);

} ngx_http_vcita_store_type_t;


struct ngx_http_vcita_store_s {
    ngx_str_t                           name;    /* for the log */
    const ngx_http_vcita_store_type_t  *type;
    void                               *data;    /* the store's own */
};


ngx_int_t ngx_http_vcita_store_id(u_char *text, u_char *key);
ngx_int_t ngx_http_vcita_store_key(ngx_str_t *id, u_char *key);

/* Constructors of the stores; the result is that of a directive's handler */

char *ngx_http_vcita_store_zone(ngx_conf_t *cf, ngx_str_t *zone,
    ngx_http_vcita_store_t *store);

/* counts the sessions in a zone, and those evicted before their expiry */
void ngx_http_vcita_store_zone_count(ngx_http_vcita_store_t *store,
    ngx_uint_t *sessions, ngx_uint_t *evicted);

/* the longest prefix of a key, in bytes */
#define NGX_HTTP_VCITA_STORE_REDIS_PREFIX  64


ngx_int_t ngx_http_vcita_store_redis_create(ngx_pool_t *pool,
    ngx_http_vcita_redis_conn_conf_t *conf, ngx_str_t *prefix,
    ngx_http_vcita_store_t *store);

/* the server of such a store, for other keys of its prefix */
ngx_http_vcita_redis_t *ngx_http_vcita_store_redis_server(
    ngx_http_vcita_store_t *store, ngx_str_t **prefix);


#endif /* _NGX_HTTP_VCITA_STORE_H_INCLUDED_ */
