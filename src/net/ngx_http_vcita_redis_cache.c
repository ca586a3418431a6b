
/*
 * Copyright (C) the vcita OAuth gate authors
 *
 * Values that a worker has read from Redis within the last second, so that a
 * page and its assets cost one round trip.  May touch the heap.
 */


#include <ngx_config.h>
#include <ngx_core.h>

#include "net/ngx_http_vcita_redis.h"


typedef struct {
    ngx_str_node_t             sn;
    ngx_queue_t                queue;
    ngx_msec_t                 since;
    size_t                     size;
    ngx_str_t                  value;
    u_char                     key[NGX_HTTP_VCITA_REDIS_CACHE_KEY];
} ngx_http_vcita_redis_cache_node_t;


static ngx_http_vcita_redis_cache_node_t *
    ngx_http_vcita_redis_cache_lookup(ngx_http_vcita_redis_cache_t *cache,
    u_char *key);
static void ngx_http_vcita_redis_cache_remove(
    ngx_http_vcita_redis_cache_t *cache,
    ngx_http_vcita_redis_cache_node_t *node);


#define ngx_http_vcita_redis_cache_over(since, now)                           \
    ((ngx_msec_t) ((now) - (since)) >= NGX_HTTP_VCITA_REDIS_CACHE_TIME)


void
ngx_http_vcita_redis_cache_init(ngx_http_vcita_redis_cache_t *cache)
{
    ngx_rbtree_init(&cache->rbtree, &cache->sentinel,
                    ngx_str_rbtree_insert_value);
    ngx_queue_init(&cache->queue);
    cache->size = 0;
}


/* NGX_OK: the value is valid until the next call of any cache function */

ngx_int_t
ngx_http_vcita_redis_cache_find(ngx_http_vcita_redis_cache_t *cache,
    u_char *key, ngx_msec_t now, ngx_str_t *value)
{
    ngx_http_vcita_redis_cache_node_t  *node;

    node = ngx_http_vcita_redis_cache_lookup(cache, key);

    if (node == NULL
        || ngx_http_vcita_redis_cache_over(node->since, now))
    {
        return NGX_DECLINED;
    }

    *value = node->value;

    return NGX_OK;
}


/*
 * Copies a value that was requested at "since".  A value deleted in Redis after
 * that leaves the cache one second after "since" at the latest.
 */

void
ngx_http_vcita_redis_cache_put(ngx_http_vcita_redis_cache_t *cache, u_char *key,
    ngx_msec_t since, ngx_msec_t now, ngx_str_t *value)
{
    size_t                              size;
    ngx_queue_t                        *q;
    ngx_http_vcita_redis_cache_node_t  *node;

    ngx_http_vcita_redis_cache_drop(cache, key);

    size = sizeof(ngx_http_vcita_redis_cache_node_t) + value->len;

    /* expired values go first, then the oldest ones until this fits */

    while (!ngx_queue_empty(&cache->queue)) {

        q = ngx_queue_head(&cache->queue);
        node = ngx_queue_data(q, ngx_http_vcita_redis_cache_node_t, queue);

        if (!ngx_http_vcita_redis_cache_over(node->since, now)
            && cache->size + size <= NGX_HTTP_VCITA_REDIS_CACHE_SIZE)
        {
            break;
        }

        ngx_http_vcita_redis_cache_remove(cache, node);
    }

    if (ngx_http_vcita_redis_cache_over(since, now)
        || cache->size + size > NGX_HTTP_VCITA_REDIS_CACHE_SIZE)
    {
        return;
    }

    node = ngx_alloc(size, ngx_cycle->log);
    if (node == NULL) {
        return;
    }

    ngx_memcpy(node->key, key, NGX_HTTP_VCITA_REDIS_CACHE_KEY);

    node->sn.node.key = ngx_http_vcita_redis_cache_hash(key);
    node->sn.str.len = NGX_HTTP_VCITA_REDIS_CACHE_KEY;
    node->sn.str.data = node->key;

    node->since = since;
    node->size = size;
    node->value.len = value->len;
    node->value.data = (u_char *) (node + 1);

    if (value->len) {
        ngx_memcpy(node->value.data, value->data, value->len);
    }

    ngx_rbtree_insert(&cache->rbtree, &node->sn.node);
    ngx_queue_insert_tail(&cache->queue, &node->queue);
    cache->size += size;
}


void
ngx_http_vcita_redis_cache_drop(ngx_http_vcita_redis_cache_t *cache,
    u_char *key)
{
    ngx_http_vcita_redis_cache_node_t  *node;

    node = ngx_http_vcita_redis_cache_lookup(cache, key);

    if (node) {
        ngx_http_vcita_redis_cache_remove(cache, node);
    }
}


void
ngx_http_vcita_redis_cache_clear(ngx_http_vcita_redis_cache_t *cache)
{
    ngx_queue_t  *q;

    while (!ngx_queue_empty(&cache->queue)) {
        q = ngx_queue_head(&cache->queue);

        ngx_http_vcita_redis_cache_remove(cache,
                  ngx_queue_data(q, ngx_http_vcita_redis_cache_node_t, queue));
    }
}


/* a key is a hash, so its first bytes are evenly distributed */

uint32_t
ngx_http_vcita_redis_cache_hash(u_char *key)
{
    return (uint32_t) key[0] << 24 | key[1] << 16 | key[2] << 8 | key[3];
}


static ngx_http_vcita_redis_cache_node_t *
ngx_http_vcita_redis_cache_lookup(ngx_http_vcita_redis_cache_t *cache,
    u_char *key)
{
    uint32_t   hash;
    ngx_str_t  name;

    name.len = NGX_HTTP_VCITA_REDIS_CACHE_KEY;
    name.data = key;

    hash = ngx_http_vcita_redis_cache_hash(key);

    return (ngx_http_vcita_redis_cache_node_t *)
               ngx_str_rbtree_lookup(&cache->rbtree, &name, hash);
}


static void
ngx_http_vcita_redis_cache_remove(ngx_http_vcita_redis_cache_t *cache,
    ngx_http_vcita_redis_cache_node_t *node)
{
    ngx_rbtree_delete(&cache->rbtree, &node->sn.node);
    ngx_queue_remove(&node->queue);
    cache->size -= node->size;

    ngx_free(node);
}
