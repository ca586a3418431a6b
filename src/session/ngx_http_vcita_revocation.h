
/*
 * Copyright (C) the vcita OAuth gate authors
 */


#ifndef _NGX_HTTP_VCITA_REVOCATION_H_INCLUDED_
#define _NGX_HTTP_VCITA_REVOCATION_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>

#include "session/ngx_http_vcita_session.h"
#include "util/ngx_http_vcita_zone.h"


/* vcita's last answer about each session, for all workers */

typedef struct {
    ngx_http_vcita_zone_t      zone;
    ngx_shm_zone_t            *shm_zone;
} ngx_http_vcita_revocation_t;


/* a session, and when vcita is to be asked again; times in seconds */

typedef struct {
    ngx_http_vcita_session_t  *session;
    time_t                     now;
    time_t                     left;      /* until the cookie's end */
    time_t                     interval;  /* 0: not to be asked */
    time_t                     busy;      /* a question takes so long */

    time_t                     good;      /* the last good answer */

    uint64_t                   changed;   /* when the claims changed */
    ngx_str_t                  claims;    /* the current ones, sealed */
} ngx_http_vcita_revocation_case_t;


ngx_int_t ngx_http_vcita_revocation_zone(ngx_conf_t *cf,
    ngx_http_vcita_revocation_t *v, void *tag);
ngx_int_t ngx_http_vcita_revocation_check(ngx_http_vcita_revocation_t *v,
    ngx_http_vcita_revocation_case_t *c, ngx_pool_t *pool);
void ngx_http_vcita_revocation_good(ngx_http_vcita_revocation_t *v,
    ngx_http_vcita_revocation_case_t *c, ngx_pool_t *pool);
void ngx_http_vcita_revocation_postpone(ngx_http_vcita_revocation_t *v,
    ngx_http_vcita_revocation_case_t *c, ngx_pool_t *pool, time_t later);
void ngx_http_vcita_revocation_dead(ngx_http_vcita_revocation_t *v,
    ngx_http_vcita_revocation_case_t *c, ngx_pool_t *pool);
void ngx_http_vcita_revocation_change(ngx_http_vcita_revocation_t *v,
    ngx_http_vcita_revocation_case_t *c, ngx_pool_t *pool, ngx_str_t *claims);


#endif /* _NGX_HTTP_VCITA_REVOCATION_H_INCLUDED_ */
