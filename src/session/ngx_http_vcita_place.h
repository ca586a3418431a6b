
/*
 * Copyright (C) the vcita OAuth gate authors
 */


#ifndef _NGX_HTTP_VCITA_PLACE_H_INCLUDED_
#define _NGX_HTTP_VCITA_PLACE_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>


/* callbacks of one login cookie that hold slots or are at vcita */
#define NGX_HTTP_VCITA_PLACE_INSIDE  4

/* and that wait behind them */
#define NGX_HTTP_VCITA_PLACE_BEHIND  12


typedef struct {
    ngx_shm_zone_t                *zone;
} ngx_http_vcita_places_t;


/* to be filled in up to the life, the rest zeroed */

typedef struct {
    ngx_http_vcita_places_t       *places;    /* NULL: not limited */
    u_char                        *key;       /* a hash of the login cookie */
    ngx_log_t                     *log;
    ngx_msec_t                     life;      /* if it is not asked again */

    /* private */

    ngx_uint_t                     index;
    ngx_uint_t                     number;    /* 0: it has no lease */
} ngx_http_vcita_place_t;


ngx_int_t ngx_http_vcita_place_zone(ngx_conf_t *cf,
    ngx_http_vcita_places_t *places, void *tag);
ngx_int_t ngx_http_vcita_place_ask(ngx_http_vcita_place_t *place);
void ngx_http_vcita_place_leave(ngx_http_vcita_place_t *place);


#endif /* _NGX_HTTP_VCITA_PLACE_H_INCLUDED_ */
