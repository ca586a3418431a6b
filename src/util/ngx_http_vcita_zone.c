
/*
 * Copyright (C) the vcita OAuth gate authors
 *
 * Values of any length that are found by a key, end at a time, and go before
 * it where there is no room: the least recently used one first.  May touch the
 * slab pool that it is given.
 *
 * One tree has the entries by key, another one by the time they end, and a
 * queue by the time they were last used.  Everything lies in blocks of one
 * size, so that the room of any entry that goes serves any other.
 */


#include <ngx_config.h>
#include <ngx_core.h>

#include "util/ngx_http_vcita_zone.h"


/* a block holds the head of an entry, or a part of a value */
#define NGX_HTTP_VCITA_ZONE_BLOCK  128

/* seconds between two moves of an entry in the queue */
#define NGX_HTTP_VCITA_ZONE_TOUCH  10

/* how many that have ended go when one comes */
#define NGX_HTTP_VCITA_ZONE_SWEEP  3


typedef struct ngx_http_vcita_zone_part_s  ngx_http_vcita_zone_part_t;

struct ngx_http_vcita_zone_part_s {
    ngx_http_vcita_zone_part_t  *next;
    u_char                       data[NGX_HTTP_VCITA_ZONE_BLOCK
                                      - sizeof(void *)];
};


/*
 * Lies over a node of the tree from its color on.  The node's key is the start
 * of the entry's; here is the rest.
 */

typedef struct {
    u_char                       color;
    u_char                       dummy;
    u_short                      len;
    uint32_t                     used;      /* seconds */
    ngx_rbtree_node_t            expiry;
    ngx_queue_t                  queue;
    ngx_http_vcita_zone_part_t  *parts;
    u_char                       key[NGX_HTTP_VCITA_ZONE_KEY
                                     - sizeof(ngx_rbtree_key_t)];
} ngx_http_vcita_zone_entry_t;


/* an entry that does not fit its block does not compile */

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
 * Makes a new zone in the pool, which has nothing else in it.  The pool's data
 * is set last: it says that the zone is whole.
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

    len = sizeof(" in zone \"\"") + zone->name.len;

    ctx = ngx_slab_alloc_locked(zone->pool, len);
    if (ctx == NULL) {
        return NGX_ERROR;
    }

    ngx_sprintf(ctx, " in zone \"%V\"%Z", &zone->name);
    zone->pool->log_ctx = ctx;

    /* to be full is its nature */

    zone->pool->log_nomem = 0;

    ngx_memory_barrier();

    zone->pool->data = sh;
    zone->sh = sh;

    return NGX_OK;
}


/*
 * The pool has no data while the zone is locked.  When a worker dies in
 * between, the master releases the mutex, and the next lock finds the zone
 * without data: what was half linked then is not to be followed, nor are the
 * lists of the slab pool.
 */

void
ngx_http_vcita_zone_lock(ngx_http_vcita_zone_t *zone)
{
    ngx_shmtx_lock(&zone->pool->mutex);

    zone->sh = zone->pool->data;

    if (zone->sh == NULL) {
        ngx_log_error(NGX_LOG_ALERT, ngx_cycle->log, 0,
                      "shared memory zone \"%V\" has been emptied: a process "
                      "died while it changed the zone",
                      &zone->name);

        ngx_slab_init(zone->pool);

        /* there was room for it before */

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
 * Copies the value to the pool, and counts as a use.  NGX_DECLINED: there is
 * none, or it has ended.
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

    if ((uint32_t) now - e->used >= NGX_HTTP_VCITA_ZONE_TOUCH) {
        e->used = (uint32_t) now;

        ngx_queue_remove(&e->queue);
        ngx_queue_insert_head(&zone->sh->queue, &e->queue);
    }

    return ngx_http_vcita_zone_copy(e, pool, value);
}


/* NGX_OK: there is one, and it has not ended; else NGX_DECLINED */

ngx_int_t
ngx_http_vcita_zone_has(ngx_http_vcita_zone_t *zone, u_char *key, time_t now)
{
    return ngx_http_vcita_zone_find(zone, key, now) ? NGX_OK : NGX_DECLINED;
}


/*
 * Puts a value of at most NGX_HTTP_VCITA_ZONE_VALUE bytes, which ends
 * after "ttl" seconds, over the one of the key.  Others go where there is no
 * room: those that have ended, then those not used for longest.  NGX_ERROR:
 * the zone would be too small for this one alone, and is empty now.
 */

ngx_int_t
ngx_http_vcita_zone_put(ngx_http_vcita_zone_t *zone, u_char *key, time_t now,
    ngx_str_t *value, time_t ttl)
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

    ngx_rbtree_insert(&zone->sh->rbtree, node);
    ngx_rbtree_insert(&zone->sh->expiry, &e->expiry);
    ngx_queue_insert_head(&zone->sh->queue, &e->queue);

    zone->sh->entries++;

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


/* NULL: it is not there, or has ended */

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


/* an entry that is nowhere yet, with a copy of the value */

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


/* a block, whoever has to go for it */

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


/* removes the one that ended first; NGX_DECLINED: none has ended */

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


/* removes the least recently used one; NGX_DECLINED: none is left */

static ngx_int_t
ngx_http_vcita_zone_evict(ngx_http_vcita_zone_t *zone)
{
    ngx_queue_t                  *q;
    ngx_http_vcita_zone_entry_t  *e;

    if (ngx_queue_empty(&zone->sh->queue)) {
        return NGX_DECLINED;
    }

    q = ngx_queue_last(&zone->sh->queue);
    e = ngx_queue_data(q, ngx_http_vcita_zone_entry_t, queue);

    ngx_http_vcita_zone_delete(zone, e);

    zone->sh->evicted++;

    return NGX_OK;
}


/* keys are hashes: any part of one is evenly spread */

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
