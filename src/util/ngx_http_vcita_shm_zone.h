
/*
 * Copyright (C) the vcita OAuth gate authors
 */


#ifndef _NGX_HTTP_VCITA_SHM_ZONE_H_INCLUDED_
#define _NGX_HTTP_VCITA_SHM_ZONE_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>


ngx_shm_zone_t *ngx_http_vcita_shm_zone(ngx_conf_t *cf, const char *name,
    size_t size, ngx_shm_zone_init_pt init, void *data, void *tag);
ngx_int_t ngx_http_vcita_shm_zone_calloc(ngx_shm_zone_t *zone, size_t size);


#endif /* _NGX_HTTP_VCITA_SHM_ZONE_H_INCLUDED_ */
