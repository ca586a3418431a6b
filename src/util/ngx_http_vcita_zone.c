
/*
 * Copyright (C) the vcita OAuth gate authors
 *
 * A cache in shared memory: values of any length with a key and an expiry.  If
 * it is full, the least recently used entry is evicted.  May touch the slab
 * pool that it is given.
 *
 * Provisional entries have a queue of their own.  While they are more than a
 * quarter of all entries, the oldest one of them is evicted, so that however
 * many of them come, the others keep three quarters of a full zone.  Below
 * that, the others make room, since most new entries are provisional at first,
 * and have to last until their next request.
 *
 * One tree orders the entries by key, another one by expiry, and each queue by
 * last use.  All blocks have one size, so the memory of any removed entry
 * serves any new one.
 */


#include <ngx_config.h>
#include <ngx_core.h>

#include "util/ngx_http_vcita_zone.h"


/* a block has the header of an entry or a part of a value */
#define NGX_HTTP_VCITA_ZONE_BLOCK  128

/* an entry moves in the queue at most once in so many seconds */
#define NGX_HTTP_VCITA_ZONE_TOUCH  10

/* expired entries removed for each new one */
#define NGX_HTTP_VCITA_ZONE_SWEEP  3

/* provisional entries may be this fraction of all */
#define NGX_HTTP_VCITA_ZONE_SHARE  4


typedef struct ngx_http_vcita_zone_part_s  ngx_http_vcita_zone_part_t;

struct ngx_http_vcita_zone_part_s {
    ngx_http_vcita_zone_part_t  *next;
    u_char                       data[NGX_HTTP_VCITA_ZONE_BLOCK
                                      - sizeof(void *)];
};


/*
 * Overlays an rbtree node from "color" on.  The node's key is the beginning of
 * the entry's key; the rest of it is here.
 */

typedef struct {
    u_char                       color;
    u_char                       provisional;
    u_short                      len;
    uint32_t                     used;      /* seconds */
    ngx_rbtree_node_t            expiry;
    ngx_queue_t                  queue;
    ngx_http_vcita_zone_part_t  *parts;
    u_char                       key[NGX_HTTP_VCITA_ZONE_KEY
                                     - sizeof(ngx_rbtree_key_t)];
} ngx_http_vcita_zone_entry_t;


/* fails to compile if an entry does not fit into a block */

typedef char  ngx_http_vcita_zone_fits_t[
    (offsetof(ngx_rbtree_node_t, color)
     + sizeof(ngx_http_vcita_zone_entry_t)
     <= NGX_HTTP_VCITA_ZONE_BLOCK) ? 1 : -1];


#define ngx_http_vcita_zone_node(e)                                           \
    ((ngx_rbtree_node_t *) ((u_char *) (e)                                    \
                            - offsetof(ngx_rbtree_node_t, color)))

#define ngx_http_vcita_zone_entry(node)                                       \
    ((ngx_http_vcita_zone_entry_t *) &(node)->color)


static ngx_http_vcita_zone_entry_t *ngx_http_vcita_zone_find(
    ngx_http_vcita_zone_t *zone, u_char *key, time_t now);
static ngx_http_vcita_zone_entry_t *ngx_http_vcita_zone_create(
    ngx_http_vcita_zone_t *zone, ngx_str_t *value, time_t now);
static void *ngx_http_vcita_zone_alloc(ngx_http_vcita_zone_t *zone,
    time_t now);
static ngx_int_t ngx_http_vcita_zone_copy(ngx_http_vcita_zone_entry_t *e,
    ngx_pool_t *pool,
    ngx_str_t *value);
static void ngx_http_vcita_zone_delete(ngx_http_vcita_zone_t *zone,
    ngx_http_vcita_zone_entry_t *e);
static void ngx_http_vcita_zone_free(ngx_http_vcita_zone_t *zone,
    ngx_http_vcita_zone_entry_t *e);
static ngx_int_t ngx_http_vcita_zone_expire(ngx_http_vcita_zone_t *zone,
    time_t now);
static ngx_int_t ngx_http_vcita_zone_evict(ngx_http_vcita_zone_t *zone);
static ngx_rbtree_key_t ngx_http_vcita_zone_hash(u_char *key);
static ngx_int_t ngx_http_vcita_zone_compare(ngx_rbtree_key_t hash,
    u_char *rest, ngx_rbtree_node_t *node);
static void ngx_http_vcita_zone_insert(ngx_rbtree_node_t *temp,
    ngx_rbtree_node_t *node, ngx_rbtree_node_t *sentinel);


/*
 * Initialises a zone in an empty pool.  pool->data is set last: it marks the
 * zone as consistent.
 */

ngx_int_t
ngx_http_vcita_zone_init(ngx_http_vcita_zone_t *zone)
{
    u_char                    *ctx;
    size_t                     len;
    ngx_http_vcita_zone_sh_t  *sh;

    sh = ngx_slab_calloc_locked(zone->pool, sizeof(ngx_http_vcita_zone_sh_t));
    if (sh == NULL) {
        return NGX_ERROR;
    }

    ngx_rbtree_init(&sh->rbtree, &sh->sentinel, ngx_http_vcita_zone_insert);
    ngx_rbtree_init(&sh->expiry, &sh->expiry_sentinel,
                    ngx_rbtree_insert_value);
    ngx_queue_init(&sh->queue);
    ngx_queue_init(&sh->provisional);

    len = sizeof(" in zone \"\"") + zone->name.len;

    ctx = ngx_slab_alloc_locked(zone->pool, len);
    if (ctx == NULL) {
        return NGX_ERROR;
    }

    ngx_sprintf(ctx, " in zone \"%V\"%Z", &zone->name);
    zone->pool->log_ctx = ctx;

    /* running full is expected, do not log it */

    zone->pool->log_nomem = 0;

    ngx_memory_barrier();

    zone->pool->data = sh;
    zone->sh = sh;

    return NGX_OK;
}


/*
 * pool->data is NULL while the zone is locked.  If a worker dies then, the
 * master releases the mutex, and the next lock finds no data: the lists of the
 * zone and of the slab pool may be inconsistent, so both are made anew.
 */

void
ngx_http_vcita_zone_lock(ngx_http_vcita_zone_t *zone)
{
    ngx_shmtx_lock(&zone->pool->mutex);

    zone->sh = zone->pool->data;

    if (zone->sh == NULL) {
        ngx_log_error(NGX_LOG_ALERT, ngx_cycle->log, 0,
                      "shared memory zone \"%V\" was emptied, a process died "
                      "while it changed the zone",
                      &zone->name);

        ngx_slab_init(zone->pool);

        /* cannot fail: the memory sufficed before */

        (void) ngx_http_vcita_zone_init(zone);
    }

    zone->pool->data = NULL;

    ngx_memory_barrier();
}


void
ngx_http_vcita_zone_unlock(ngx_http_vcita_zone_t *zone)
{
    ngx_memory_barrier();

    zone->pool->data = zone->sh;

    ngx_shmtx_unlock(&zone->pool->mutex);
}


/*
 * Copies the value to the pool and updates the last use.  NGX_DECLINED: there
 * is no such entry, or it has expired.
 */

ngx_int_t
ngx_http_vcita_zone_get(ngx_http_vcita_zone_t *zone, u_char *key, time_t now,
    ngx_pool_t *pool, ngx_str_t *value)
{
    ngx_http_vcita_zone_entry_t  *e;

    e = ngx_http_vcita_zone_find(zone, key, now);

    if (e == NULL) {
        return NGX_DECLINED;
    }

    if (!e->provisional
        && (uint32_t) now - e->used >= NGX_HTTP_VCITA_ZONE_TOUCH)
    {
        e->used = (uint32_t) now;

        ngx_queue_remove(&e->queue);
        ngx_queue_insert_head(&zone->sh->queue, &e->queue);
    }

    return ngx_http_vcita_zone_copy(e, pool, value);
}


/* NGX_OK: there is an entry that has not expired; else NGX_DECLINED */

ngx_int_t
ngx_http_vcita_zone_has(ngx_http_vcita_zone_t *zone, u_char *key, time_t now)
{
    return ngx_http_vcita_zone_find(zone, key, now) ? NGX_OK : NGX_DECLINED;
}


/*
 * Stores a value of at most NGX_HTTP_VCITA_ZONE_VALUE bytes for "ttl" seconds
 * and replaces an earlier value of the key.  Expired entries, then the oldest
 * or least recently used ones, are removed if there is no room.  NGX_ERROR: the
 * zone is too small for this value, and is empty now.
 */

ngx_int_t
ngx_http_vcita_zone_put(ngx_http_vcita_zone_t *zone, u_char *key, time_t now,
    ngx_str_t *value, time_t ttl, ngx_uint_t provisional)
{
    ngx_uint_t                    i;
    ngx_rbtree_node_t            *node;
    ngx_http_vcita_zone_entry_t  *e;

    ngx_http_vcita_zone_remove(zone, key, now);

    for (i = 0; i < NGX_HTTP_VCITA_ZONE_SWEEP; i++) {

        if (ngx_http_vcita_zone_expire(zone, now) != NGX_OK) {
            break;
        }
    }

    e = ngx_http_vcita_zone_create(zone, value, now);
    if (e == NULL) {
        return NGX_ERROR;
    }

    node = ngx_http_vcita_zone_node(e);

    node->key = ngx_http_vcita_zone_hash(key);
    ngx_memcpy(e->key, key + sizeof(ngx_rbtree_key_t), sizeof(e->key));

    e->expiry.key = (ngx_rbtree_key_t) (now + ttl);
    e->used = (uint32_t) now;
    e->provisional = (u_char) provisional;

    ngx_rbtree_insert(&zone->sh->rbtree, node);
    ngx_rbtree_insert(&zone->sh->expiry, &e->expiry);
    ngx_queue_insert_head(provisional ? &zone->sh->provisional
                                      : &zone->sh->queue, &e->queue);

    zone->sh->entries++;
    zone->sh->provisionals += provisional;

    return NGX_OK;
}


void
ngx_http_vcita_zone_remove(ngx_http_vcita_zone_t *zone, u_char *key,
    time_t now)
{
    ngx_http_vcita_zone_entry_t  *e;

    e = ngx_http_vcita_zone_find(zone, key, now);

    if (e) {
        ngx_http_vcita_zone_delete(zone, e);
    }
}


/* NULL: there is no such entry, or it has expired */

static ngx_http_vcita_zone_entry_t *
ngx_http_vcita_zone_find(ngx_http_vcita_zone_t *zone,
    u_char *key, time_t now)
{
    u_char                       *rest;
    ngx_int_t                     rc;
    ngx_rbtree_key_t              hash;
    ngx_rbtree_node_t            *node, *sentinel;
    ngx_http_vcita_zone_entry_t  *e;

    hash = ngx_http_vcita_zone_hash(key);
    rest = key + sizeof(ngx_rbtree_key_t);

    node = zone->sh->rbtree.root;
    sentinel = zone->sh->rbtree.sentinel;

    while (node != sentinel) {

        rc = ngx_http_vcita_zone_compare(hash, rest, node);

        if (rc == 0) {
            e = ngx_http_vcita_zone_entry(node);

            if ((time_t) e->expiry.key > now) {
                return e;
            }

            ngx_http_vcita_zone_delete(zone, e);

            return NULL;
        }

        node = (rc < 0) ? node->left : node->right;
    }

    return NULL;
}


/* Allocates an entry with a copy of the value and does not link it yet */

static ngx_http_vcita_zone_entry_t *
ngx_http_vcita_zone_create(ngx_http_vcita_zone_t *zone, ngx_str_t *value,
    time_t now)
{
    size_t                         n;
    u_char                        *p, *last;
    ngx_rbtree_node_t             *node;
    ngx_http_vcita_zone_part_t    *part, **next;
    ngx_http_vcita_zone_entry_t   *e;

    node = ngx_http_vcita_zone_alloc(zone, now);
    if (node == NULL) {
        return NULL;
    }

    e = ngx_http_vcita_zone_entry(node);

    e->len = (u_short) value->len;
    e->parts = NULL;

    next = &e->parts;
    last = value->data + value->len;

    for (p = value->data; p < last; p += n) {

        part = ngx_http_vcita_zone_alloc(zone, now);

        if (part == NULL) {
            ngx_http_vcita_zone_free(zone, e);
            return NULL;
        }

        n = ngx_min((size_t) (last - p), sizeof(part->data));

        ngx_memcpy(part->data, p, n);
        part->next = NULL;

        *next = part;
        next = &part->next;
    }

    return e;
}


/* Allocates a block, evicting other entries if necessary */

static void *
ngx_http_vcita_zone_alloc(ngx_http_vcita_zone_t *zone,
    time_t now)
{
    void  *p;

    for ( ;; ) {

        p = ngx_slab_alloc_locked(zone->pool, NGX_HTTP_VCITA_ZONE_BLOCK);

        if (p
            || (ngx_http_vcita_zone_expire(zone, now) != NGX_OK
                && ngx_http_vcita_zone_evict(zone) != NGX_OK))
        {
            return p;
        }
    }
}


static ngx_int_t
ngx_http_vcita_zone_copy(ngx_http_vcita_zone_entry_t *e, ngx_pool_t *pool,
    ngx_str_t *value)
{
    size_t                       n, len;
    u_char                      *p;
    ngx_http_vcita_zone_part_t  *part;

    len = e->len;

    p = ngx_pnalloc(pool, len);
    if (p == NULL) {
        return NGX_ERROR;
    }

    value->data = p;
    value->len = len;

    for (part = e->parts; part; part = part->next) {
        n = ngx_min(len, sizeof(part->data));

        p = ngx_cpymem(p, part->data, n);
        len -= n;
    }

    return NGX_OK;
}


static void
ngx_http_vcita_zone_delete(ngx_http_vcita_zone_t *zone,
    ngx_http_vcita_zone_entry_t *e)
{
    ngx_rbtree_delete(&zone->sh->rbtree, ngx_http_vcita_zone_node(e));
    ngx_rbtree_delete(&zone->sh->expiry, &e->expiry);
    ngx_queue_remove(&e->queue);

    zone->sh->entries--;
    zone->sh->provisionals -= e->provisional;

    ngx_http_vcita_zone_free(zone, e);
}


static void
ngx_http_vcita_zone_free(ngx_http_vcita_zone_t *zone,
    ngx_http_vcita_zone_entry_t *e)
{
    ngx_http_vcita_zone_part_t  *part, *next;

    for (part = e->parts; part; part = next) {
        next = part->next;
        ngx_slab_free_locked(zone->pool, part);
    }

    ngx_slab_free_locked(zone->pool, ngx_http_vcita_zone_node(e));
}


/* Removes the entry that expired first; NGX_DECLINED: none has expired */

static ngx_int_t
ngx_http_vcita_zone_expire(ngx_http_vcita_zone_t *zone, time_t now)
{
    ngx_rbtree_t                 *expiry;
    ngx_rbtree_node_t            *node;
    ngx_http_vcita_zone_entry_t  *e;

    expiry = &zone->sh->expiry;

    if (expiry->root == expiry->sentinel) {
        return NGX_DECLINED;
    }

    node = ngx_rbtree_min(expiry->root, expiry->sentinel);

    if ((time_t) node->key > now) {
        return NGX_DECLINED;
    }

    e = (ngx_http_vcita_zone_entry_t *)
            ((u_char *) node
             - offsetof(ngx_http_vcita_zone_entry_t, expiry));

    ngx_http_vcita_zone_delete(zone, e);

    return NGX_OK;
}


/*
 * Removes the oldest provisional entry, or the least recently used one of the
 * others, which alone is counted.  NGX_DECLINED: the zone is empty.
 */

static ngx_int_t
ngx_http_vcita_zone_evict(ngx_http_vcita_zone_t *zone)
{
    ngx_queue_t                  *q;
    ngx_http_vcita_zone_sh_t     *sh;
    ngx_http_vcita_zone_entry_t  *e;

    sh = zone->sh;

    if (sh->entries == 0) {
        return NGX_DECLINED;
    }

    if (ngx_queue_empty(&sh->queue)
        || sh->provisionals > sh->entries / NGX_HTTP_VCITA_ZONE_SHARE)
    {
        q = ngx_queue_last(&sh->provisional);

    } else {
        q = ngx_queue_last(&sh->queue);
        sh->evicted++;
    }

    e = ngx_queue_data(q, ngx_http_vcita_zone_entry_t, queue);

    ngx_http_vcita_zone_delete(zone, e);

    return NGX_OK;
}


/* keys are hashes, so any part of a key is evenly distributed */

static ngx_rbtree_key_t
ngx_http_vcita_zone_hash(u_char *key)
{
    ngx_rbtree_key_t  hash;

    ngx_memcpy(&hash, key, sizeof(ngx_rbtree_key_t));

    return hash;
}


static ngx_int_t
ngx_http_vcita_zone_compare(ngx_rbtree_key_t hash, u_char *rest,
    ngx_rbtree_node_t *node)
{
    ngx_http_vcita_zone_entry_t  *e;

    if (hash != node->key) {
        return (hash < node->key) ? -1 : 1;
    }

    e = ngx_http_vcita_zone_entry(node);

    return ngx_memcmp(rest, e->key, sizeof(e->key));
}


static void
ngx_http_vcita_zone_insert(ngx_rbtree_node_t *temp, ngx_rbtree_node_t *node,
    ngx_rbtree_node_t *sentinel)
{
    ngx_rbtree_node_t            **p;
    ngx_http_vcita_zone_entry_t   *e;

    e = ngx_http_vcita_zone_entry(node);

    for ( ;; ) {

        p = (ngx_http_vcita_zone_compare(node->key, e->key, temp) < 0)
            ? &temp->left : &temp->right;

        if (*p == sentinel) {
            break;
        }

        temp = *p;
    }

    *p = node;
    node->parent = temp;
    node->left = sentinel;
    node->right = sentinel;
    ngx_rbt_red(node);
}
