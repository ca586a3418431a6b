
/*
 * Copyright (C) the vcita OAuth gate authors
 */


#ifndef _NGX_HTTP_VCITA_FETCH_H_INCLUDED_
#define _NGX_HTTP_VCITA_FETCH_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_event.h>

#include <curl/curl.h>
#include <openssl/x509.h>

#include "net/ngx_http_vcita_curl_multi.h"
#include "util/ngx_http_vcita_version.h"


#define NGX_HTTP_VCITA_FETCH_BODY    65536

/* nginx loads only modules built for its own version */
#define NGX_HTTP_VCITA_FETCH_AGENT                                            \
    "ngx_http_vcita_oauth/" NGX_HTTP_VCITA_VERSION                            \
    " (nginx/" NGINX_VERSION ")"


typedef enum {
    NGX_HTTP_VCITA_FETCH_OK = 0,      /* a complete response */
    NGX_HTTP_VCITA_FETCH_UNREACHABLE, /* nothing was sent */
    NGX_HTTP_VCITA_FETCH_TIMEOUT,
    NGX_HTTP_VCITA_FETCH_BROKEN       /* possibly received */
} ngx_http_vcita_fetch_e;


/* Connection settings of an endpoint, made at configuration time */

typedef struct {
    X509_STORE                    *store;
    ngx_str_t                      proxy;       /* NUL-terminated or empty */
    ngx_msec_t                     connect_timeout;
    ngx_msec_t                     timeout;
    ngx_uint_t                     verify;      /* unsigned  verify:1; */
    ngx_uint_t                     reuse;       /* unsigned  reuse:1; */
} ngx_http_vcita_endpoint_t;


typedef struct ngx_http_vcita_fetch_s  ngx_http_vcita_fetch_t;

typedef void (*ngx_http_vcita_fetch_pt)(ngx_http_vcita_fetch_t *f);


struct ngx_http_vcita_fetch_s {

    /* set by the caller, the rest zeroed; strings are NUL-terminated */

    ngx_pool_t                   *pool;
    ngx_log_t                    *log;
    ngx_http_vcita_endpoint_t    *endpoint;
    ngx_str_t                     url;
    ngx_str_t                     content_type;
    ngx_str_t                     body;        /* empty: GET */
    ngx_str_t                     bearer;
    ngx_http_vcita_fetch_pt       handler;
    void                         *data;

    /* the result */

    ngx_msec_t                    began;
    ngx_http_vcita_fetch_e        outcome;
    ngx_uint_t                    status;
    ngx_uint_t                    retry_after; /* seconds, 0: absent */
    ngx_str_t                     answer;
    char                          error[CURL_ERROR_SIZE];

    /* private */

    ngx_http_vcita_transfer_t     transfer;
    struct curl_slist            *headers;
    size_t                        room;
    size_t                        head;
};


ngx_int_t ngx_http_vcita_fetch(ngx_http_vcita_fetch_t *f);
void ngx_http_vcita_fetch_cancel(ngx_http_vcita_fetch_t *f);

ngx_int_t ngx_http_vcita_fetch_check(ngx_log_t *log);
X509_STORE *ngx_http_vcita_fetch_store(ngx_str_t *file,
    ngx_log_t *log);


#endif /* _NGX_HTTP_VCITA_FETCH_H_INCLUDED_ */
