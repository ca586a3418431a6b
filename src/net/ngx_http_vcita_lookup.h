
/*
 * Copyright (C) the vcita OAuth gate authors
 */


#ifndef _NGX_HTTP_VCITA_LOOKUP_H_INCLUDED_
#define _NGX_HTTP_VCITA_LOOKUP_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>


/* Addresses in one block of memory, which ngx_free() frees */

typedef struct {
    ngx_str_t                   host;      /* NUL-terminated */
    ngx_addr_t                 *addrs;
    ngx_uint_t                  naddrs;    /* at least 1 */
    ngx_str_t                  *hosts;     /* of each; NULL: all are "host" */
} ngx_http_vcita_addrs_t;


typedef struct ngx_http_vcita_lookup_s  ngx_http_vcita_lookup_t;


/* The handler owns the addresses; NULL: the look-up failed, the log says why */

typedef void (*ngx_http_vcita_lookup_pt)(void *data,
    ngx_http_vcita_addrs_t *addrs);


ngx_http_vcita_lookup_t *ngx_http_vcita_lookup_start(ngx_str_t *host,
    in_port_t port, ngx_http_vcita_lookup_pt handler, void *data,
    ngx_log_t *log);
void ngx_http_vcita_lookup_forget(ngx_http_vcita_lookup_t *l);
ngx_uint_t ngx_http_vcita_lookup_threads(void);
void ngx_http_vcita_lookup_exit(void);


#endif /* _NGX_HTTP_VCITA_LOOKUP_H_INCLUDED_ */
