
/*
 * Copyright (C) the vcita OAuth gate authors
 */


#ifndef _NGX_HTTP_VCITA_ZONE_H_INCLUDED_
#define _NGX_HTTP_VCITA_ZONE_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>


#define NGX_HTTP_VCITA_ZONE_KEY    32

/* the largest value, in bytes */
#define NGX_HTTP_VCITA_ZONE_VALUE  65535


/* in shared memory */

typedef struct {
    ngx_rbtree_t                 rbtree;
    ngx_rbtree_node_t            sentinel;
    ngx_rbtree_t                 expiry;
    ngx_rbtree_node_t            expiry_sentinel;
    ngx_queue_t                  queue;      /* last used first */
    ngx_queue_t                  provisional; /* last written first */

    ngx_uint_t                   entries;
    ngx_uint_t                   provisionals; /* of these */
    ngx_uint_t                   evicted;    /* early; not provisional */
    ngx_uint_t                   told;       /* of these, already logged */
    ngx_msec_t                   told_at;
} ngx_http_vcita_zone_sh_t;


typedef struct {
    ngx_http_vcita_zone_sh_t  *sh;         /* valid while locked */
    ngx_slab_pool_t           *pool;
    ngx_str_t                  name;
} ngx_http_vcita_zone_t;


ngx_int_t ngx_http_vcita_zone_init(ngx_http_vcita_zone_t *zone);
void ngx_http_vcita_zone_lock(ngx_http_vcita_zone_t *zone);
void ngx_http_vcita_zone_unlock(ngx_http_vcita_zone_t *zone);

/* the caller has locked the zone */

ngx_int_t ngx_http_vcita_zone_get(ngx_http_vcita_zone_t *zone, u_char *key,
    time_t now, ngx_pool_t *pool, ngx_str_t *value);
ngx_int_t ngx_http_vcita_zone_has(ngx_http_vcita_zone_t *zone, u_char *key,
    time_t now);
ngx_int_t ngx_http_vcita_zone_put(ngx_http_vcita_zone_t *zone, u_char *key,
    time_t now, ngx_str_t *value, time_t ttl, ngx_uint_t provisional);
void ngx_http_vcita_zone_remove(ngx_http_vcita_zone_t *zone, u_char *key,
    time_t now);


#endif /* _NGX_HTTP_VCITA_ZONE_H_INCLUDED_ */
