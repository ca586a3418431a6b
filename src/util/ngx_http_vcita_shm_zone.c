
/*
 * Copyright (C) the vcita OAuth gate authors
 *
 * Shared zones of the module: adds one, and allocates the block that it is for.
 * May touch the zone.
 */


#include <ngx_config.h>
#include <ngx_core.h>

#include "util/ngx_http_vcita_shm_zone.h"


/* NULL: an error, which is logged.  The name is a literal: nginx keeps it */

ngx_shm_zone_t *
ngx_http_vcita_shm_zone(ngx_conf_t *cf, const char *name, size_t size,
    ngx_shm_zone_init_pt init, void *data, void *tag)
{
    ngx_str_t        s;
    ngx_shm_zone_t  *zone;

    s.len = ngx_strlen(name);
    s.data = (u_char *) name;

    zone = ngx_shared_memory_add(cf, &s, size, tag);
    if (zone == NULL) {
        return NULL;
    }

    zone->init = init;
    zone->data = data;

    return zone;
}


/* pool->data is the block; after a reload it is there already, as it was */

ngx_int_t
ngx_http_vcita_shm_zone_calloc(ngx_shm_zone_t *zone, size_t size)
{
    ngx_slab_pool_t  *pool;

    pool = (ngx_slab_pool_t *) zone->shm.addr;

    if (pool->data == NULL) {
        pool->data = ngx_slab_calloc(pool, size);
    }

    return pool->data ? NGX_OK : NGX_ERROR;
}
