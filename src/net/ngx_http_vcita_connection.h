
/*
 * Copyright (C) the vcita OAuth gate authors
 */


#ifndef _NGX_HTTP_VCITA_CONNECTION_H_INCLUDED_
#define _NGX_HTTP_VCITA_CONNECTION_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_event.h>


typedef struct ngx_http_vcita_link_s  ngx_http_vcita_link_t;


/* the owner sets the first group, of which host ends in a zero byte */

struct ngx_http_vcita_link_s {
    ngx_str_t           host;               /* that TLS has to show */
    void               *ssl;                /* ngx_ssl_t; NULL: plain */
    ngx_uint_t          verify;             /* unsigned  verify:1; */
    ngx_log_t          *log;

    /* opened, or failed to; only after NGX_AGAIN */
    void              (*opened)(ngx_http_vcita_link_t *link, ngx_int_t rc);
    void              (*readable)(ngx_http_vcita_link_t *link);
    void              (*writable)(ngx_http_vcita_link_t *link);

    ngx_connection_t   *connection;         /* NULL: it is closed */
};


void *ngx_http_vcita_link_ssl(ngx_conf_t *cf, ngx_str_t *ca);
ngx_int_t ngx_http_vcita_link_open(ngx_http_vcita_link_t *link,
    ngx_addr_t *addr);
void ngx_http_vcita_link_close(ngx_http_vcita_link_t *link);


#endif /* _NGX_HTTP_VCITA_CONNECTION_H_INCLUDED_ */
