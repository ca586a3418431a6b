
/*
 * Copyright (C) the vcita OAuth gate authors
 *
 * Sessions in shared memory, for all workers of this nginx.  May touch its
 * zone.
 */


#include <ngx_config.h>
#include <ngx_core.h>

#include "session/ngx_http_vcita_store.h"
#include "util/ngx_http_vcita_zone.h"


/* a session may use at most this fraction of the zone */
#define NGX_HTTP_VCITA_STORE_ZONE_SHARE   8

/* milliseconds between two warnings about a full zone */
#define NGX_HTTP_VCITA_STORE_ZONE_SILENT  60000


typedef struct {
    ngx_http_vcita_zone_t  zone;
    ngx_shm_zone_t        *shm_zone;
} ngx_http_vcita_store_zone_t;


static char *ngx_http_vcita_store_zone_add(ngx_conf_t *cf, ngx_str_t *name,
    size_t size, ngx_http_vcita_store_t *store);
static ngx_int_t ngx_http_vcita_store_zone_init(ngx_shm_zone_t *shm_zone,
    void *data);
static ngx_int_t ngx_http_vcita_store_zone_read(ngx_http_vcita_store_op_t *op);
static ngx_int_t ngx_http_vcita_store_zone_write(
    ngx_http_vcita_store_op_t *op);
static ngx_int_t ngx_http_vcita_store_zone_end(ngx_http_vcita_store_op_t *op);
static void ngx_http_vcita_store_zone_cancel(ngx_http_vcita_store_op_t *op);


static const ngx_http_vcita_store_type_t  ngx_http_vcita_store_zone_type = {
    NGX_HTTP_VCITA_IN_ZONE,
    ngx_http_vcita_store_zone_read,
    ngx_http_vcita_store_zone_write,
    ngx_http_vcita_store_zone_end,
    ngx_http_vcita_store_zone_cancel
};


/* Parses "name:size"; stores that name the same zone share it */

char *
ngx_http_vcita_store_zone(ngx_conf_t *cf, ngx_str_t *zone,
    ngx_http_vcita_store_t *store)
{
    u_char     *p;
    ssize_t     size;
    ngx_str_t   name, s;

    name = *zone;

    p = ngx_strlchr(name.data, name.data + name.len, ':');

    if (p == NULL || p == name.data) {
        return "requires a zone as \"zone=name:size\"";
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
                           "session zone \"%V\" is too small, the minimum is "
                           "%uzk",
                           &name, 8 * ngx_pagesize / 1024);
        return NGX_CONF_ERROR;
    }

    if (name.len == sizeof("vcita_oauth") - 1
        && ngx_strncmp(name.data, "vcita_oauth", name.len) == 0)
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "session zone name \"%V\" is used by another zone "
                           "of the module, choose another name",
                           &name);
        return NGX_CONF_ERROR;
    }

    return ngx_http_vcita_store_zone_add(cf, &name, size, store);
}


static char *
ngx_http_vcita_store_zone_add(ngx_conf_t *cf, ngx_str_t *name, size_t size,
    ngx_http_vcita_store_t *store)
{
    ngx_shm_zone_t               *shm_zone;
    ngx_http_vcita_store_zone_t  *z;

    /* a tag of its own: the module's other zones are not stores */

    shm_zone = ngx_shared_memory_add(cf, name, size,
                                     (void *) &ngx_http_vcita_store_zone_type);
    if (shm_zone == NULL) {
        return NGX_CONF_ERROR;
    }

    if (shm_zone->data == NULL) {

        z = ngx_pcalloc(cf->pool, sizeof(ngx_http_vcita_store_zone_t));
        if (z == NULL) {
            return NGX_CONF_ERROR;
        }

        z->shm_zone = shm_zone;

        shm_zone->init = ngx_http_vcita_store_zone_init;
        shm_zone->data = z;
    }

    store->name = shm_zone->shm.name;
    store->type = &ngx_http_vcita_store_zone_type;
    store->data = shm_zone->data;

    return NGX_CONF_OK;
}


static ngx_int_t
ngx_http_vcita_store_zone_init(ngx_shm_zone_t *shm_zone, void *data)
{
    ngx_http_vcita_zone_t  *zone;

    zone = &((ngx_http_vcita_store_zone_t *) shm_zone->data)->zone;

    zone->pool = (ngx_slab_pool_t *) shm_zone->shm.addr;
    zone->name = shm_zone->shm.name;

    if (data || shm_zone->shm.exists) {
        return NGX_OK;
    }

    return ngx_http_vcita_zone_init(zone);
}


static ngx_int_t
ngx_http_vcita_store_zone_read(ngx_http_vcita_store_op_t *op)
{
    ngx_int_t                     rc;
    ngx_http_vcita_store_zone_t  *z;

    z = op->store->data;

    ngx_http_vcita_zone_lock(&z->zone);

    rc = ngx_http_vcita_zone_get(&z->zone, op->key, ngx_time(), op->pool,
                                 &op->value);

    ngx_http_vcita_zone_unlock(&z->zone);

    return rc;
}


static ngx_int_t
ngx_http_vcita_store_zone_end(ngx_http_vcita_store_op_t *op)
{
    ngx_http_vcita_store_zone_t  *z;

    z = op->store->data;

    ngx_http_vcita_zone_lock(&z->zone);

    ngx_http_vcita_zone_remove(&z->zone, op->key, ngx_time());

    ngx_http_vcita_zone_unlock(&z->zone);

    return NGX_OK;
}


/* no operation is ever pending here */

static void
ngx_http_vcita_store_zone_cancel(ngx_http_vcita_store_op_t *op)
{
}


static ngx_int_t
ngx_http_vcita_store_zone_write(ngx_http_vcita_store_op_t *op)
{
    ngx_int_t                     rc;
    ngx_uint_t                    evicted;
    ngx_http_vcita_zone_t        *zone;
    ngx_http_vcita_zone_sh_t     *sh;
    ngx_http_vcita_store_zone_t  *z;

    z = op->store->data;
    zone = &z->zone;

    if (op->value.len > NGX_HTTP_VCITA_ZONE_VALUE
        || op->value.len
           > z->shm_zone->shm.size / NGX_HTTP_VCITA_STORE_ZONE_SHARE)
    {
        ngx_log_error(NGX_LOG_ERR, op->log, 0,
                      "a session of %uz bytes is too large for session zone "
                      "\"%V\", make the zone larger",
                      op->value.len, &op->store->name);
        return NGX_ERROR;
    }

    ngx_http_vcita_zone_lock(zone);

    rc = op->replace ? ngx_http_vcita_zone_has(zone, op->key, ngx_time())
                     : NGX_OK;

    if (rc == NGX_OK) {
        rc = ngx_http_vcita_zone_put(zone, op->key, ngx_time(), &op->value,
                                     op->ttl, op->provisional);
    }

    /* one warning covers all evictions since the last one */

    sh = zone->sh;
    evicted = sh->evicted - sh->told;

    if (sh->told
        && ngx_current_msec - sh->told_at < NGX_HTTP_VCITA_STORE_ZONE_SILENT)
    {
        evicted = 0;
    }

    if (evicted) {
        sh->told = sh->evicted;
        sh->told_at = ngx_current_msec;
    }

    ngx_http_vcita_zone_unlock(zone);

    if (evicted) {
        ngx_log_error(NGX_LOG_WARN, op->log, 0,
                      "session zone \"%V\" is full, %ui least recently used "
                      "sessions ended early, make the zone larger",
                      &op->store->name, evicted);
    }

    return rc;
}


void
ngx_http_vcita_store_zone_count(ngx_http_vcita_store_t *store,
    ngx_uint_t *sessions, ngx_uint_t *evicted)
{
    ngx_http_vcita_zone_t        *zone;
    ngx_http_vcita_store_zone_t  *z;

    z = store->data;
    zone = &z->zone;

    ngx_http_vcita_zone_lock(zone);

    *sessions = zone->sh->entries;
    *evicted = zone->sh->evicted;

    ngx_http_vcita_zone_unlock(zone);
}
