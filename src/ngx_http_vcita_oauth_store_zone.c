
/*
 * Copyright (C) the vcita OAuth gate authors
 *
 * Sessions in shared memory, of all workers of this nginx.  May touch its zone.
 *
 * A session is found by its key in one tree; another one has all of them by
 * the time they end, and a queue by the time they were last used.  Everything
 * lies in blocks of one size, so that the room of any session that ends serves
 * any other.
 */


#include <ngx_config.h>
#include <ngx_core.h>

#include "ngx_http_vcita_oauth_store.h"


/* the size of a block: it holds the head of a session, or a part of a value */
#define NGX_HTTP_VCITA_OAUTH_ZONE_BLOCK   128

/* a value may take this part of the zone */
#define NGX_HTTP_VCITA_OAUTH_ZONE_SHARE   8

/* seconds between two moves of a session in the queue */
#define NGX_HTTP_VCITA_OAUTH_ZONE_TOUCH   10

/* seconds between two words about a zone that is full */
#define NGX_HTTP_VCITA_OAUTH_ZONE_SILENT  60

/* how many that have ended go with one that comes */
#define NGX_HTTP_VCITA_OAUTH_ZONE_SWEEP   3


typedef struct ngx_http_vcita_oauth_zone_part_s
    ngx_http_vcita_oauth_zone_part_t;

struct ngx_http_vcita_oauth_zone_part_s {
    ngx_http_vcita_oauth_zone_part_t  *next;
    u_char                             data[NGX_HTTP_VCITA_OAUTH_ZONE_BLOCK
                                            - sizeof(void *)];
};


/*
 * Lies over a node of the tree from its color on.  The node's key is the start
 * of the session's; here is the rest.
 */

typedef struct {
    u_char                             color;
    u_char                             dummy;
    u_short                            len;
    uint32_t                           used;      /* seconds */
    ngx_rbtree_node_t                  expiry;
    ngx_queue_t                        queue;
    ngx_http_vcita_oauth_zone_part_t  *parts;
    u_char                             key[NGX_HTTP_VCITA_OAUTH_STORE_KEY
                                           - sizeof(ngx_rbtree_key_t)];
} ngx_http_vcita_oauth_zone_session_t;


typedef struct {
    ngx_rbtree_t                       rbtree;
    ngx_rbtree_node_t                  sentinel;
    ngx_rbtree_t                       expiry;
    ngx_rbtree_node_t                  expiry_sentinel;
    ngx_queue_t                        queue;     /* the last used first */
    ngx_uint_t                         sessions;
    ngx_uint_t                         evicted;
    ngx_uint_t                         told;      /* of the evicted */
    time_t                             told_at;
} ngx_http_vcita_oauth_zone_sh_t;


typedef struct {
    ngx_http_vcita_oauth_zone_sh_t    *sh;
    ngx_slab_pool_t                   *pool;
    ngx_shm_zone_t                    *zone;
} ngx_http_vcita_oauth_zone_t;


#define ngx_http_vcita_oauth_zone_node(s)                                     \
    ((ngx_rbtree_node_t *) ((u_char *) (s)                                    \
                            - offsetof(ngx_rbtree_node_t, color)))

#define ngx_http_vcita_oauth_zone_session(node)                               \
    ((ngx_http_vcita_oauth_zone_session_t *) &(node)->color)


static ngx_int_t ngx_http_vcita_oauth_zone_init(ngx_shm_zone_t *shm_zone,
    void *data);
static ngx_int_t ngx_http_vcita_oauth_zone_read(
    ngx_http_vcita_oauth_store_op_t *op);
static ngx_int_t ngx_http_vcita_oauth_zone_write(
    ngx_http_vcita_oauth_store_op_t *op);
static ngx_int_t ngx_http_vcita_oauth_zone_replace(
    ngx_http_vcita_oauth_store_op_t *op);
static ngx_int_t ngx_http_vcita_oauth_zone_end(
    ngx_http_vcita_oauth_store_op_t *op);
static void ngx_http_vcita_oauth_zone_cancel(
    ngx_http_vcita_oauth_store_op_t *op);
static ngx_int_t ngx_http_vcita_oauth_zone_put(
    ngx_http_vcita_oauth_store_op_t *op, ngx_uint_t only);
static void ngx_http_vcita_oauth_zone_full(
    ngx_http_vcita_oauth_zone_t *zone, ngx_log_t *log, ngx_uint_t evicted);
static ngx_http_vcita_oauth_zone_session_t *ngx_http_vcita_oauth_zone_find(
    ngx_http_vcita_oauth_zone_t *zone, u_char *key);
static ngx_http_vcita_oauth_zone_session_t *ngx_http_vcita_oauth_zone_create(
    ngx_http_vcita_oauth_zone_t *zone, ngx_str_t *value);
static void *ngx_http_vcita_oauth_zone_alloc(
    ngx_http_vcita_oauth_zone_t *zone);
static void ngx_http_vcita_oauth_zone_insert(
    ngx_http_vcita_oauth_zone_t *zone, ngx_http_vcita_oauth_zone_session_t *s,
    ngx_http_vcita_oauth_store_op_t *op);
static ngx_int_t ngx_http_vcita_oauth_zone_copy(
    ngx_http_vcita_oauth_zone_session_t *s, ngx_pool_t *pool,
    ngx_str_t *value);
static void ngx_http_vcita_oauth_zone_delete(
    ngx_http_vcita_oauth_zone_t *zone, ngx_http_vcita_oauth_zone_session_t *s);
static void ngx_http_vcita_oauth_zone_free(ngx_http_vcita_oauth_zone_t *zone,
    ngx_http_vcita_oauth_zone_session_t *s);
static ngx_int_t ngx_http_vcita_oauth_zone_expire(
    ngx_http_vcita_oauth_zone_t *zone);
static ngx_int_t ngx_http_vcita_oauth_zone_evict(
    ngx_http_vcita_oauth_zone_t *zone);
static ngx_rbtree_key_t ngx_http_vcita_oauth_zone_hash(u_char *key);
static ngx_int_t ngx_http_vcita_oauth_zone_compare(
    ngx_rbtree_key_t hash, u_char *rest, ngx_rbtree_node_t *node);
static void ngx_http_vcita_oauth_zone_insert_value(ngx_rbtree_node_t *temp,
    ngx_rbtree_node_t *node, ngx_rbtree_node_t *sentinel);


static const ngx_http_vcita_oauth_store_type_t
    ngx_http_vcita_oauth_zone_type =
{
    ngx_http_vcita_oauth_zone_read,
    ngx_http_vcita_oauth_zone_write,
    ngx_http_vcita_oauth_zone_replace,
    ngx_http_vcita_oauth_zone_end,
    ngx_http_vcita_oauth_zone_cancel
};


/* Takes "name:size"; stores that name the same zone share it */

char *
ngx_http_vcita_oauth_store_zone(ngx_conf_t *cf, ngx_str_t *zone,
    ngx_http_vcita_oauth_store_t *store)
{
    u_char                       *p;
    ssize_t                       size;
    ngx_str_t                     name, s;
    ngx_shm_zone_t               *shm_zone;
    ngx_http_vcita_oauth_zone_t  *z;

    name = *zone;

    p = ngx_strlchr(name.data, name.data + name.len, ':');

    if (p == NULL || p == name.data) {
        return "takes a zone as \"zone=name:size\"";
    }

    name.len = p - name.data;

    s.data = p + 1;
    s.len = zone->data + zone->len - s.data;

    size = ngx_parse_size(&s);

    if (size == NGX_ERROR) {
        return "has an invalid zone size";
    }

    if (size < (ssize_t) (8 * ngx_pagesize)) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "zone \"%V\" of vcita_oauth_session_store is too "
                           "small: it takes %uzk at least",
                           zone, 8 * ngx_pagesize / 1024);
        return NGX_CONF_ERROR;
    }

    /* the tag is not the module's: another zone of it has a name, too */

    shm_zone = ngx_shared_memory_add(cf, &name, size,
                                 (void *) &ngx_http_vcita_oauth_zone_type);
    if (shm_zone == NULL) {
        return NGX_CONF_ERROR;
    }

    if (shm_zone->data == NULL) {

        z = ngx_pcalloc(cf->pool, sizeof(ngx_http_vcita_oauth_zone_t));
        if (z == NULL) {
            return NGX_CONF_ERROR;
        }

        z->zone = shm_zone;

        shm_zone->init = ngx_http_vcita_oauth_zone_init;
        shm_zone->data = z;
    }

    store->name = shm_zone->shm.name;
    store->type = &ngx_http_vcita_oauth_zone_type;
    store->data = shm_zone->data;

    return NGX_CONF_OK;
}


static ngx_int_t
ngx_http_vcita_oauth_zone_init(ngx_shm_zone_t *shm_zone, void *data)
{
    ngx_http_vcita_oauth_zone_t *old = data;

    size_t                           len;
    ngx_slab_pool_t                 *pool;
    ngx_http_vcita_oauth_zone_t     *zone;
    ngx_http_vcita_oauth_zone_sh_t  *sh;

    zone = shm_zone->data;

    if (old) {
        zone->sh = old->sh;
        zone->pool = old->pool;

        return NGX_OK;
    }

    pool = (ngx_slab_pool_t *) shm_zone->shm.addr;
    zone->pool = pool;

    if (shm_zone->shm.exists) {
        zone->sh = pool->data;

        return NGX_OK;
    }

    sh = ngx_slab_calloc(pool, sizeof(ngx_http_vcita_oauth_zone_sh_t));
    if (sh == NULL) {
        return NGX_ERROR;
    }

    ngx_rbtree_init(&sh->rbtree, &sh->sentinel,
                    ngx_http_vcita_oauth_zone_insert_value);
    ngx_rbtree_init(&sh->expiry, &sh->expiry_sentinel,
                    ngx_rbtree_insert_value);
    ngx_queue_init(&sh->queue);

    len = sizeof(" in session zone \"\"") + shm_zone->shm.name.len;

    pool->log_ctx = ngx_slab_alloc(pool, len);
    if (pool->log_ctx == NULL) {
        return NGX_ERROR;
    }

    ngx_sprintf(pool->log_ctx, " in session zone \"%V\"%Z",
                &shm_zone->shm.name);

    /* a full zone is not a fault */

    pool->log_nomem = 0;

    pool->data = sh;
    zone->sh = sh;

    return NGX_OK;
}


static ngx_int_t
ngx_http_vcita_oauth_zone_read(ngx_http_vcita_oauth_store_op_t *op)
{
    uint32_t                              now;
    ngx_int_t                             rc;
    ngx_http_vcita_oauth_zone_t          *zone;
    ngx_http_vcita_oauth_zone_session_t  *s;

    zone = op->store->data;
    now = (uint32_t) ngx_time();

    ngx_shmtx_lock(&zone->pool->mutex);

    s = ngx_http_vcita_oauth_zone_find(zone, op->key);

    if (s == NULL) {
        ngx_shmtx_unlock(&zone->pool->mutex);
        return NGX_DECLINED;
    }

    if (now - s->used >= NGX_HTTP_VCITA_OAUTH_ZONE_TOUCH) {
        s->used = now;

        ngx_queue_remove(&s->queue);
        ngx_queue_insert_head(&zone->sh->queue, &s->queue);
    }

    rc = ngx_http_vcita_oauth_zone_copy(s, op->pool, &op->value);

    ngx_shmtx_unlock(&zone->pool->mutex);

    return rc;
}


static ngx_int_t
ngx_http_vcita_oauth_zone_write(ngx_http_vcita_oauth_store_op_t *op)
{
    return ngx_http_vcita_oauth_zone_put(op, 0);
}


static ngx_int_t
ngx_http_vcita_oauth_zone_replace(ngx_http_vcita_oauth_store_op_t *op)
{
    return ngx_http_vcita_oauth_zone_put(op, 1);
}


static ngx_int_t
ngx_http_vcita_oauth_zone_end(ngx_http_vcita_oauth_store_op_t *op)
{
    ngx_http_vcita_oauth_zone_t          *zone;
    ngx_http_vcita_oauth_zone_session_t  *s;

    zone = op->store->data;

    ngx_shmtx_lock(&zone->pool->mutex);

    s = ngx_http_vcita_oauth_zone_find(zone, op->key);

    if (s) {
        ngx_http_vcita_oauth_zone_delete(zone, s);
    }

    ngx_shmtx_unlock(&zone->pool->mutex);

    return NGX_OK;
}


/* nothing is ever pending here */

static void
ngx_http_vcita_oauth_zone_cancel(ngx_http_vcita_oauth_store_op_t *op)
{
}


static ngx_int_t
ngx_http_vcita_oauth_zone_put(ngx_http_vcita_oauth_store_op_t *op,
    ngx_uint_t only)
{
    ngx_uint_t                            i, evicted;
    ngx_http_vcita_oauth_zone_t          *zone;
    ngx_http_vcita_oauth_zone_session_t  *s;

    zone = op->store->data;

    if (op->value.len > NGX_HTTP_VCITA_OAUTH_STORE_MAX
        || op->value.len > zone->zone->shm.size
                           / NGX_HTTP_VCITA_OAUTH_ZONE_SHARE)
    {
        ngx_log_error(NGX_LOG_ERR, op->log, 0,
                      "a session of %uz bytes is too large for zone \"%V\" of "
                      "vcita_oauth_session_store",
                      op->value.len, &zone->zone->shm.name);
        return NGX_ERROR;
    }

    ngx_shmtx_lock(&zone->pool->mutex);

    evicted = zone->sh->evicted;

    s = ngx_http_vcita_oauth_zone_find(zone, op->key);

    if (s) {
        ngx_http_vcita_oauth_zone_delete(zone, s);

    } else if (only) {
        ngx_shmtx_unlock(&zone->pool->mutex);
        return NGX_DECLINED;
    }

    for (i = 0; i < NGX_HTTP_VCITA_OAUTH_ZONE_SWEEP; i++) {

        if (ngx_http_vcita_oauth_zone_expire(zone) != NGX_OK) {
            break;
        }
    }

    s = ngx_http_vcita_oauth_zone_create(zone, &op->value);

    if (s) {
        ngx_http_vcita_oauth_zone_insert(zone, s, op);
    }

    evicted = zone->sh->evicted - evicted;

    /* unlocks the zone */

    ngx_http_vcita_oauth_zone_full(zone, op->log, evicted);

    return s ? NGX_OK : NGX_ERROR;
}


/* says, not too often, that sessions had to go, after it has unlocked */

static void
ngx_http_vcita_oauth_zone_full(ngx_http_vcita_oauth_zone_t *zone,
    ngx_log_t *log, ngx_uint_t evicted)
{
    ngx_uint_t                       n;
    ngx_http_vcita_oauth_zone_sh_t  *sh;

    sh = zone->sh;
    n = 0;

    if (evicted
        && ngx_time() - sh->told_at >= NGX_HTTP_VCITA_OAUTH_ZONE_SILENT)
    {
        n = sh->evicted - sh->told;

        sh->told = sh->evicted;
        sh->told_at = ngx_time();
    }

    ngx_shmtx_unlock(&zone->pool->mutex);

    if (n) {
        ngx_log_error(NGX_LOG_WARN, log, 0,
                      "zone \"%V\" of vcita_oauth_session_store is full: %ui "
                      "sessions have ended before their time, the least "
                      "recently used ones; a larger zone keeps them",
                      &zone->zone->shm.name, n);
    }
}


/* NULL: it is not there, or has ended */

static ngx_http_vcita_oauth_zone_session_t *
ngx_http_vcita_oauth_zone_find(ngx_http_vcita_oauth_zone_t *zone,
    u_char *key)
{
    ngx_int_t                             rc;
    ngx_rbtree_key_t                      hash;
    ngx_rbtree_node_t                    *node, *sentinel;
    ngx_http_vcita_oauth_zone_session_t  *s;

    hash = ngx_http_vcita_oauth_zone_hash(key);

    node = zone->sh->rbtree.root;
    sentinel = zone->sh->rbtree.sentinel;

    while (node != sentinel) {

        rc = ngx_http_vcita_oauth_zone_compare(hash,
                                               key + sizeof(ngx_rbtree_key_t),
                                               node);

        if (rc == 0) {
            s = ngx_http_vcita_oauth_zone_session(node);

            if ((time_t) s->expiry.key > ngx_time()) {
                return s;
            }

            ngx_http_vcita_oauth_zone_delete(zone, s);

            return NULL;
        }

        node = (rc < 0) ? node->left : node->right;
    }

    return NULL;
}


/* makes room for the value, whoever has to go for it, and copies it there */

static ngx_http_vcita_oauth_zone_session_t *
ngx_http_vcita_oauth_zone_create(ngx_http_vcita_oauth_zone_t *zone,
    ngx_str_t *value)
{
    size_t                                 n;
    u_char                                *p, *last;
    ngx_rbtree_node_t                     *node;
    ngx_http_vcita_oauth_zone_part_t     **next;
    ngx_http_vcita_oauth_zone_session_t   *s;

    node = ngx_http_vcita_oauth_zone_alloc(zone);
    if (node == NULL) {
        return NULL;
    }

    s = ngx_http_vcita_oauth_zone_session(node);

    s->len = (u_short) value->len;
    s->parts = NULL;

    next = &s->parts;
    last = value->data + value->len;

    for (p = value->data; p < last; p += n) {

        *next = ngx_http_vcita_oauth_zone_alloc(zone);

        if (*next == NULL) {
            ngx_http_vcita_oauth_zone_free(zone, s);
            return NULL;
        }

        n = ngx_min((size_t) (last - p), sizeof((*next)->data));

        ngx_memcpy((*next)->data, p, n);

        next = &(*next)->next;
        *next = NULL;
    }

    return s;
}


static void *
ngx_http_vcita_oauth_zone_alloc(ngx_http_vcita_oauth_zone_t *zone)
{
    void  *p;

    do {
        p = ngx_slab_alloc_locked(zone->pool,
                                  NGX_HTTP_VCITA_OAUTH_ZONE_BLOCK);

    } while (p == NULL
             && (ngx_http_vcita_oauth_zone_expire(zone) == NGX_OK
                 || ngx_http_vcita_oauth_zone_evict(zone) == NGX_OK));

    return p;
}


static void
ngx_http_vcita_oauth_zone_insert(ngx_http_vcita_oauth_zone_t *zone,
    ngx_http_vcita_oauth_zone_session_t *s,
    ngx_http_vcita_oauth_store_op_t *op)
{
    ngx_rbtree_node_t  *node;

    node = ngx_http_vcita_oauth_zone_node(s);

    node->key = ngx_http_vcita_oauth_zone_hash(op->key);
    ngx_memcpy(s->key, op->key + sizeof(ngx_rbtree_key_t), sizeof(s->key));

    s->expiry.key = (ngx_rbtree_key_t) (ngx_time() + op->ttl);
    s->used = (uint32_t) ngx_time();

    ngx_rbtree_insert(&zone->sh->rbtree, node);
    ngx_rbtree_insert(&zone->sh->expiry, &s->expiry);
    ngx_queue_insert_head(&zone->sh->queue, &s->queue);

    zone->sh->sessions++;
}


static ngx_int_t
ngx_http_vcita_oauth_zone_copy(ngx_http_vcita_oauth_zone_session_t *s,
    ngx_pool_t *pool, ngx_str_t *value)
{
    size_t                             n, len;
    u_char                            *p;
    ngx_http_vcita_oauth_zone_part_t  *part;

    p = ngx_pnalloc(pool, s->len);
    if (p == NULL) {
        return NGX_ERROR;
    }

    value->data = p;
    value->len = s->len;

    len = s->len;

    for (part = s->parts; part; part = part->next) {
        n = ngx_min(len, sizeof(part->data));

        p = ngx_cpymem(p, part->data, n);
        len -= n;
    }

    return NGX_OK;
}


static void
ngx_http_vcita_oauth_zone_delete(ngx_http_vcita_oauth_zone_t *zone,
    ngx_http_vcita_oauth_zone_session_t *s)
{
    ngx_rbtree_delete(&zone->sh->rbtree, ngx_http_vcita_oauth_zone_node(s));
    ngx_rbtree_delete(&zone->sh->expiry, &s->expiry);
    ngx_queue_remove(&s->queue);

    zone->sh->sessions--;

    ngx_http_vcita_oauth_zone_free(zone, s);
}


static void
ngx_http_vcita_oauth_zone_free(ngx_http_vcita_oauth_zone_t *zone,
    ngx_http_vcita_oauth_zone_session_t *s)
{
    ngx_http_vcita_oauth_zone_part_t  *part, *next;

    for (part = s->parts; part; part = next) {
        next = part->next;
        ngx_slab_free_locked(zone->pool, part);
    }

    ngx_slab_free_locked(zone->pool, ngx_http_vcita_oauth_zone_node(s));
}


/* removes the one that ended first.  NGX_DECLINED: none has ended */

static ngx_int_t
ngx_http_vcita_oauth_zone_expire(ngx_http_vcita_oauth_zone_t *zone)
{
    ngx_rbtree_node_t                    *node;
    ngx_http_vcita_oauth_zone_session_t  *s;

    if (zone->sh->expiry.root == zone->sh->expiry.sentinel) {
        return NGX_DECLINED;
    }

    node = ngx_rbtree_min(zone->sh->expiry.root, zone->sh->expiry.sentinel);

    if ((time_t) node->key > ngx_time()) {
        return NGX_DECLINED;
    }

    s = (ngx_http_vcita_oauth_zone_session_t *)
            ((u_char *) node
             - offsetof(ngx_http_vcita_oauth_zone_session_t, expiry));

    ngx_http_vcita_oauth_zone_delete(zone, s);

    return NGX_OK;
}


/* removes the one that was not used for longest.  NGX_DECLINED: none is left */

static ngx_int_t
ngx_http_vcita_oauth_zone_evict(ngx_http_vcita_oauth_zone_t *zone)
{
    ngx_queue_t                          *q;
    ngx_http_vcita_oauth_zone_session_t  *s;

    if (ngx_queue_empty(&zone->sh->queue)) {
        return NGX_DECLINED;
    }

    q = ngx_queue_last(&zone->sh->queue);
    s = ngx_queue_data(q, ngx_http_vcita_oauth_zone_session_t, queue);

    ngx_http_vcita_oauth_zone_delete(zone, s);

    zone->sh->evicted++;

    return NGX_OK;
}


static ngx_rbtree_key_t
ngx_http_vcita_oauth_zone_hash(u_char *key)
{
    ngx_rbtree_key_t  hash;

    ngx_memcpy(&hash, key, sizeof(ngx_rbtree_key_t));

    return hash;
}


static ngx_int_t
ngx_http_vcita_oauth_zone_compare(ngx_rbtree_key_t hash, u_char *rest,
    ngx_rbtree_node_t *node)
{
    ngx_http_vcita_oauth_zone_session_t  *s;

    if (hash != node->key) {
        return (hash < node->key) ? -1 : 1;
    }

    s = ngx_http_vcita_oauth_zone_session(node);

    return ngx_memcmp(rest, s->key, sizeof(s->key));
}


static void
ngx_http_vcita_oauth_zone_insert_value(ngx_rbtree_node_t *temp,
    ngx_rbtree_node_t *node, ngx_rbtree_node_t *sentinel)
{
    ngx_rbtree_node_t                    **p;
    ngx_http_vcita_oauth_zone_session_t   *s;

    s = ngx_http_vcita_oauth_zone_session(node);

    for ( ;; ) {

        p = (ngx_http_vcita_oauth_zone_compare(node->key, s->key, temp) < 0)
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
