
/*
 * Copyright (C) the vcita OAuth gate authors
 *
 * Sessions in Redis or Valkey, shared by all machines.  A worker caches a
 * session for one second, and one GET serves all concurrent requests for it.
 */


#include <ngx_config.h>
#include <ngx_core.h>

#include "net/ngx_http_vcita_redis.h"
#include "session/ngx_http_vcita_store.h"


/* the length of a key's name */
#define NGX_HTTP_VCITA_STORE_REDIS_NAME                                       \
    (NGX_HTTP_VCITA_STORE_REDIS_PREFIX                                        \
     + 2 * NGX_HTTP_VCITA_STORE_KEY)


typedef struct {
    ngx_http_vcita_redis_t          *redis;
    ngx_str_t                        prefix;
    ngx_http_vcita_redis_cache_t     cache;
    ngx_rbtree_t                     reads;      /* pending */
    ngx_rbtree_node_t                sentinel;
    ngx_queue_t                      stale;      /* pending, outdated */
} ngx_http_vcita_store_redis_t;


/* one GET, for all pending operations that read this session */

typedef struct {
    ngx_str_node_t                   sn;
    ngx_http_vcita_store_redis_t    *store;
    ngx_queue_t                      waiting;
    ngx_queue_t                      queue;      /* if it is outdated */
    ngx_msec_t                       since;
    u_char                           key[NGX_HTTP_VCITA_STORE_KEY];
    unsigned                         stale:1;    /* written meanwhile */
} ngx_http_vcita_store_redis_read_t;


/* a pending operation */

typedef struct {
    ngx_queue_t                      queue;      /* of the read */
    ngx_http_vcita_store_op_t       *op;
    ngx_http_vcita_redis_pending_t  *command;    /* if not a read */
} ngx_http_vcita_store_redis_wait_t;


static void ngx_http_vcita_store_redis_cleanup(void *data);
static ngx_int_t ngx_http_vcita_store_redis_read(
    ngx_http_vcita_store_op_t *op);
static ngx_http_vcita_store_redis_read_t *
    ngx_http_vcita_store_redis_ask(ngx_http_vcita_store_redis_t *s,
    ngx_http_vcita_store_op_t *op);
static void ngx_http_vcita_store_redis_read_handler(void *data,
    ngx_http_vcita_redis_reply_t *reply);
static ngx_int_t ngx_http_vcita_store_redis_value(
    ngx_http_vcita_store_op_t *op, ngx_str_t *value);
static ngx_int_t ngx_http_vcita_store_redis_write(
    ngx_http_vcita_store_op_t *op);
static ngx_int_t ngx_http_vcita_store_redis_end(ngx_http_vcita_store_op_t *op);
static ngx_int_t ngx_http_vcita_store_redis_change(
    ngx_http_vcita_store_op_t *op, ngx_str_t *words, ngx_uint_t n,
    ngx_http_vcita_redis_pt handler);
static void ngx_http_vcita_store_redis_set_handler(void *data,
    ngx_http_vcita_redis_reply_t *reply);
static void ngx_http_vcita_store_redis_end_handler(void *data,
    ngx_http_vcita_redis_reply_t *reply);
static void ngx_http_vcita_store_redis_changed(
    ngx_http_vcita_store_redis_wait_t *w, ngx_http_vcita_redis_reply_t *reply,
    ngx_int_t rc);
static void ngx_http_vcita_store_redis_cancel(ngx_http_vcita_store_op_t *op);
static ngx_http_vcita_store_redis_read_t *
    ngx_http_vcita_store_redis_on_its_way(ngx_http_vcita_store_redis_t *s,
    u_char *key);
static void ngx_http_vcita_store_redis_name(ngx_http_vcita_store_redis_t *s,
    u_char *key, u_char *name, ngx_str_t *word);


static const ngx_http_vcita_store_type_t  ngx_http_vcita_store_redis_type = {
    NGX_HTTP_VCITA_IN_REDIS,
    ngx_http_vcita_store_redis_read,
    ngx_http_vcita_store_redis_write,
    ngx_http_vcita_store_redis_end,
    ngx_http_vcita_store_redis_cancel
};


/* Makes a store at configuration time; the pool owns all arguments */

ngx_int_t
ngx_http_vcita_store_redis_create(ngx_pool_t *pool,
    ngx_http_vcita_redis_conn_conf_t *conf, ngx_str_t *prefix,
    ngx_http_vcita_store_t *store)
{
    ngx_pool_cleanup_t            *cln;
    ngx_http_vcita_store_redis_t  *s;

    cln = ngx_pool_cleanup_add(pool, sizeof(ngx_http_vcita_store_redis_t));
    if (cln == NULL) {
        return NGX_ERROR;
    }

    s = cln->data;
    cln->handler = ngx_http_vcita_store_redis_cleanup;

    s->prefix = *prefix;

    ngx_http_vcita_redis_cache_init(&s->cache);
    ngx_rbtree_init(&s->reads, &s->sentinel, ngx_str_rbtree_insert_value);
    ngx_queue_init(&s->stale);

    s->redis = ngx_http_vcita_redis_create(pool, conf);
    if (s->redis == NULL) {
        return NGX_ERROR;
    }

    store->name = conf->name;
    store->type = &ngx_http_vcita_store_redis_type;
    store->data = s;

    return NGX_OK;
}


ngx_http_vcita_redis_t *
ngx_http_vcita_store_redis_server(ngx_http_vcita_store_t *store,
    ngx_str_t **prefix)
{
    ngx_http_vcita_store_redis_t  *s;

    s = store->data;
    *prefix = &s->prefix;

    return s->redis;
}


/* the cleanup of redis, added later, has freed the pending commands */

static void
ngx_http_vcita_store_redis_cleanup(void *data)
{
    ngx_http_vcita_store_redis_t *s = data;

    ngx_queue_t        *q;
    ngx_rbtree_node_t  *node;

    ngx_http_vcita_redis_cache_clear(&s->cache);

    while (s->reads.root != s->reads.sentinel) {
        node = s->reads.root;
        ngx_rbtree_delete(&s->reads, node);
        ngx_free(node);
    }

    while (!ngx_queue_empty(&s->stale)) {
        q = ngx_queue_head(&s->stale);
        ngx_queue_remove(q);
        ngx_free(ngx_queue_data(q, ngx_http_vcita_store_redis_read_t, queue));
    }
}


static ngx_int_t
ngx_http_vcita_store_redis_read(ngx_http_vcita_store_op_t *op)
{
    ngx_str_t                           value;
    ngx_http_vcita_store_redis_t       *s;
    ngx_http_vcita_store_redis_read_t  *read;
    ngx_http_vcita_store_redis_wait_t  *w;

    s = op->store->data;

    if (ngx_http_vcita_redis_cache_find(&s->cache, op->key, ngx_current_msec,
                                        &value) == NGX_OK)
    {
        return ngx_http_vcita_store_redis_value(op, &value);
    }

    w = ngx_palloc(op->pool, sizeof(ngx_http_vcita_store_redis_wait_t));
    if (w == NULL) {
        return NGX_ERROR;
    }

    read = ngx_http_vcita_store_redis_on_its_way(s, op->key);

    if (read == NULL) {
        read = ngx_http_vcita_store_redis_ask(s, op);
    }

    if (read == NULL) {
        return NGX_ERROR;
    }

    w->op = op;
    w->command = NULL;
    op->state = w;

    ngx_queue_insert_tail(&read->waiting, &w->queue);

    return NGX_AGAIN;
}


static ngx_http_vcita_store_redis_read_t *
ngx_http_vcita_store_redis_ask(ngx_http_vcita_store_redis_t *s,
    ngx_http_vcita_store_op_t *op)
{
    u_char                              name[NGX_HTTP_VCITA_STORE_REDIS_NAME];
    ngx_str_t                           words[2];
    ngx_http_vcita_store_redis_read_t  *read;

    read = ngx_alloc(sizeof(ngx_http_vcita_store_redis_read_t),
                     ngx_cycle->log);
    if (read == NULL) {
        return NULL;
    }

    ngx_str_set(&words[0], "GET");
    ngx_http_vcita_store_redis_name(s, op->key, name, &words[1]);

    if (ngx_http_vcita_redis_send(s->redis, words, 2, 1,
                                  ngx_http_vcita_store_redis_read_handler,
                                  read)
        == NULL)
    {
        ngx_free(read);
        return NULL;
    }

    ngx_memcpy(read->key, op->key, NGX_HTTP_VCITA_STORE_KEY);

    read->sn.node.key = ngx_http_vcita_redis_cache_hash(read->key);
    read->sn.str.len = NGX_HTTP_VCITA_STORE_KEY;
    read->sn.str.data = read->key;

    read->store = s;
    read->since = ngx_current_msec;
    read->stale = 0;

    ngx_queue_init(&read->waiting);
    ngx_rbtree_insert(&s->reads, &read->sn.node);

    return read;
}


/* a handler may cancel other operations and start new ones */

static void
ngx_http_vcita_store_redis_read_handler(void *data,
    ngx_http_vcita_redis_reply_t *reply)
{
    ngx_http_vcita_store_redis_read_t *read = data;

    ngx_int_t                           rc;
    ngx_queue_t                        *q;
    ngx_http_vcita_store_op_t          *op;
    ngx_http_vcita_store_redis_t       *s;
    ngx_http_vcita_store_redis_wait_t  *w;

    s = read->store;
    rc = reply ? ngx_http_vcita_redis_protocol_value(reply) : NGX_ERROR;

    if (reply && rc == NGX_ERROR) {
        ngx_http_vcita_redis_refused(s->redis, reply);
    }

    if (read->stale) {
        ngx_queue_remove(&read->queue);

    } else {
        ngx_rbtree_delete(&s->reads, &read->sn.node);

        if (rc == NGX_OK) {
            ngx_http_vcita_redis_cache_put(&s->cache, read->key, read->since,
                                           ngx_current_msec, &reply->text);
        }
    }

    while (!ngx_queue_empty(&read->waiting)) {

        q = ngx_queue_head(&read->waiting);
        ngx_queue_remove(q);

        w = ngx_queue_data(q, ngx_http_vcita_store_redis_wait_t, queue);
        op = w->op;

        op->state = NULL;
        op->rc = (rc == NGX_OK)
                 ? ngx_http_vcita_store_redis_value(op, &reply->text)
                 : rc;

        op->handler(op);
    }

    ngx_free(read);
}


static ngx_int_t
ngx_http_vcita_store_redis_value(ngx_http_vcita_store_op_t *op,
    ngx_str_t *value)
{
    op->value.len = value->len;

    op->value.data = ngx_pnalloc(op->pool, value->len);
    if (op->value.data == NULL) {
        return NGX_ERROR;
    }

    ngx_memcpy(op->value.data, value->data, value->len);

    return NGX_OK;
}


/* Redis expires the session after its TTL */

static ngx_int_t
ngx_http_vcita_store_redis_write(ngx_http_vcita_store_op_t *op)
{
    u_char      ttl[NGX_TIME_T_LEN];
    u_char      name[NGX_HTTP_VCITA_STORE_REDIS_NAME];
    ngx_str_t   words[NGX_HTTP_VCITA_REDIS_COMMAND_WORDS];
    ngx_uint_t  n;

    if (op->value.len > NGX_HTTP_VCITA_STORE_MAX) {
        return NGX_ERROR;
    }

    ngx_str_set(&words[0], "SET");
    ngx_http_vcita_store_redis_name(op->store->data, op->key, name, &words[1]);
    words[2] = op->value;

    ngx_str_set(&words[3], "EX");
    words[4].data = ttl;
    words[4].len = ngx_sprintf(ttl, "%T", ngx_max(op->ttl, 1)) - ttl;

    n = 5;

    if (op->replace) {
        ngx_str_set(&words[n], "XX");
        n++;
    }

    return ngx_http_vcita_store_redis_change(op, words, n,
                                       ngx_http_vcita_store_redis_set_handler);
}


static ngx_int_t
ngx_http_vcita_store_redis_end(ngx_http_vcita_store_op_t *op)
{
    u_char     name[NGX_HTTP_VCITA_STORE_REDIS_NAME];
    ngx_str_t  words[2];

    ngx_str_set(&words[0], "DEL");
    ngx_http_vcita_store_redis_name(op->store->data, op->key, name, &words[1]);

    return ngx_http_vcita_store_redis_change(op, words, 2,
                                       ngx_http_vcita_store_redis_end_handler);
}


static ngx_int_t
ngx_http_vcita_store_redis_change(ngx_http_vcita_store_op_t *op,
    ngx_str_t *words, ngx_uint_t n, ngx_http_vcita_redis_pt handler)
{
    ngx_http_vcita_store_redis_t       *s;
    ngx_http_vcita_store_redis_read_t  *read;
    ngx_http_vcita_store_redis_wait_t  *w;

    s = op->store->data;

    /*
     * The cached session is dropped; a pending read still serves the
     * operations that already wait for it, but no later ones
     */

    ngx_http_vcita_redis_cache_drop(&s->cache, op->key);

    read = ngx_http_vcita_store_redis_on_its_way(s, op->key);

    if (read) {
        ngx_rbtree_delete(&s->reads, &read->sn.node);
        ngx_queue_insert_tail(&s->stale, &read->queue);
        read->stale = 1;
    }


    w = ngx_palloc(op->pool, sizeof(ngx_http_vcita_store_redis_wait_t));
    if (w == NULL) {
        return NGX_ERROR;
    }

    w->op = op;

    w->command = ngx_http_vcita_redis_send(s->redis, words, n, 0, handler, w);
    if (w->command == NULL) {
        return NGX_ERROR;
    }

    op->state = w;

    return NGX_AGAIN;
}


static void
ngx_http_vcita_store_redis_set_handler(void *data,
    ngx_http_vcita_redis_reply_t *reply)
{
    ngx_http_vcita_store_redis_changed(data, reply,
                      reply ? ngx_http_vcita_redis_protocol_status(reply, "OK")
                            : NGX_ERROR);
}


static void
ngx_http_vcita_store_redis_end_handler(void *data,
    ngx_http_vcita_redis_reply_t *reply)
{
    ngx_http_vcita_store_redis_changed(data, reply,
                            reply ? ngx_http_vcita_redis_protocol_number(reply)
                                  : NGX_ERROR);
}


static void
ngx_http_vcita_store_redis_changed(ngx_http_vcita_store_redis_wait_t *w,
    ngx_http_vcita_redis_reply_t *reply, ngx_int_t rc)
{
    ngx_http_vcita_store_op_t     *op;
    ngx_http_vcita_store_redis_t  *s;

    op = w->op;
    s = op->store->data;

    if (reply && rc == NGX_ERROR) {
        ngx_http_vcita_redis_refused(s->redis, reply);
    }

    op->state = NULL;
    op->rc = rc;
    op->handler(op);
}


static void
ngx_http_vcita_store_redis_cancel(ngx_http_vcita_store_op_t *op)
{
    ngx_http_vcita_store_redis_wait_t  *w;

    w = op->state;

    if (w == NULL) {
        return;
    }

    op->state = NULL;

    if (w->command) {
        ngx_http_vcita_redis_forget(w->command);

    } else {
        ngx_queue_remove(&w->queue);
    }
}


static ngx_http_vcita_store_redis_read_t *
ngx_http_vcita_store_redis_on_its_way(ngx_http_vcita_store_redis_t *s,
    u_char *key)
{
    uint32_t   hash;
    ngx_str_t  name;

    name.data = key;
    name.len = NGX_HTTP_VCITA_STORE_KEY;

    hash = ngx_http_vcita_redis_cache_hash(key);

    return (ngx_http_vcita_store_redis_read_t *)
               ngx_str_rbtree_lookup(&s->reads, &name, hash);
}


/* the prefix and the key in hex, readable in redis-cli */

static void
ngx_http_vcita_store_redis_name(ngx_http_vcita_store_redis_t *s, u_char *key,
    u_char *name, ngx_str_t *word)
{
    u_char  *p;

    p = ngx_cpymem(name, s->prefix.data, s->prefix.len);
    p = ngx_hex_dump(p, key, NGX_HTTP_VCITA_STORE_KEY);

    word->data = name;
    word->len = p - name;
}
