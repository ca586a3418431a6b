
/*
 * Copyright (C) the vcita OAuth gate authors
 */


#ifndef _NGX_HTTP_VCITA_REVOCATION_H_INCLUDED_
#define _NGX_HTTP_VCITA_REVOCATION_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>

#include "session/ngx_http_vcita_session.h"
#include "util/ngx_http_vcita_zone.h"


/* The last response of vcita about each session, shared by all workers */

typedef struct {
    ngx_http_vcita_zone_t      zone;
    ngx_shm_zone_t            *shm_zone;
} ngx_http_vcita_revocation_t;


/* A session, and when to ask vcita about it; times in seconds */

typedef struct {
    ngx_http_vcita_session_t  *session;
    time_t                     now;
    time_t                     left;      /* until the cookie expires */
    time_t                     interval;  /* 0: no checks */
    time_t                     busy;      /* for the check under way */

    time_t                     good;      /* last confirmation */
    time_t                     since;     /* calls fail; 0: they do not */
    time_t                     starved;   /* no free slot; likewise */

    uint64_t                   changed;   /* when the claims changed */
    ngx_str_t                  claims;    /* current ones, sealed */
} ngx_http_vcita_revocation_case_t;


ngx_int_t ngx_http_vcita_revocation_zone(ngx_conf_t *cf,
    ngx_http_vcita_revocation_t *v, void *tag);
ngx_int_t ngx_http_vcita_revocation_check(ngx_http_vcita_revocation_t *v,
    ngx_http_vcita_revocation_case_t *c, ngx_pool_t *pool);
void ngx_http_vcita_revocation_good(ngx_http_vcita_revocation_t *v,
    ngx_http_vcita_revocation_case_t *c, ngx_pool_t *pool);
void ngx_http_vcita_revocation_failed(ngx_http_vcita_revocation_t *v,
    ngx_http_vcita_revocation_case_t *c, ngx_pool_t *pool, time_t later);
ngx_uint_t ngx_http_vcita_revocation_starved(ngx_http_vcita_revocation_t *v,
    ngx_http_vcita_revocation_case_t *c, ngx_pool_t *pool, time_t later);
void ngx_http_vcita_revocation_dead(ngx_http_vcita_revocation_t *v,
    ngx_http_vcita_revocation_case_t *c, ngx_pool_t *pool);
void ngx_http_vcita_revocation_change(ngx_http_vcita_revocation_t *v,
    ngx_http_vcita_revocation_case_t *c, ngx_pool_t *pool, ngx_str_t *claims);


#endif /* _NGX_HTTP_VCITA_REVOCATION_H_INCLUDED_ */
