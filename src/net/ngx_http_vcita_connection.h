
/*
 * Copyright (C) the vcita OAuth gate authors
 */


#ifndef _NGX_HTTP_VCITA_CONNECTION_H_INCLUDED_
#define _NGX_HTTP_VCITA_CONNECTION_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_event.h>


typedef struct ngx_http_vcita_connection_s  ngx_http_vcita_connection_t;


/* The caller sets the fields down to "writable"; host is NUL-terminated */

struct ngx_http_vcita_connection_s {
    ngx_str_t           host;               /* the name in the certificate */
    void               *ssl;                /* ngx_ssl_t; NULL: no TLS */
    ngx_uint_t          verify;             /* unsigned  verify:1; */
    ngx_log_t          *log;

    /* called only after NGX_AGAIN */
    void              (*opened)(ngx_http_vcita_connection_t *conn,
                              ngx_int_t rc);
    void              (*readable)(ngx_http_vcita_connection_t *conn);
    void              (*writable)(ngx_http_vcita_connection_t *conn);

    ngx_connection_t   *connection;         /* NULL: closed */
};


void *ngx_http_vcita_connection_ssl(ngx_conf_t *cf, ngx_str_t *ca,
    ngx_str_t *cert, ngx_str_t *key);
ngx_int_t ngx_http_vcita_connection_open(ngx_http_vcita_connection_t *conn,
    ngx_addr_t *addr);
void ngx_http_vcita_connection_close(ngx_http_vcita_connection_t *conn);


#endif /* _NGX_HTTP_VCITA_CONNECTION_H_INCLUDED_ */
