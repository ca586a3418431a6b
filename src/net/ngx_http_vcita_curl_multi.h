
/*
 * Copyright (C) the vcita OAuth gate authors
 */


#ifndef _NGX_HTTP_VCITA_CURL_MULTI_H_INCLUDED_
#define _NGX_HTTP_VCITA_CURL_MULTI_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_event.h>

#include <curl/curl.h>


/* concurrent transfers in one worker */
#define NGX_HTTP_VCITA_TRANSFERS  256


typedef struct ngx_http_vcita_transfer_s  ngx_http_vcita_transfer_t;

typedef void (*ngx_http_vcita_transfer_pt)(ngx_http_vcita_transfer_t *t);


/*
 * A transfer.  "code" is its result when "handler" is called; "release" frees
 * the easy handle of a transfer that is still active when the worker exits.
 */

struct ngx_http_vcita_transfer_s {

    /* event ident must be after 3 pointers as in ngx_connection_t */

    void                        *data;
    void                        *dummy[2];
    ngx_int_t                    ident;

    CURL                        *easy;
    CURLcode                     code;

    ngx_http_vcita_transfer_pt   handler;
    ngx_http_vcita_transfer_pt   release;

    ngx_event_t                  done;
    ngx_event_t                  deadline;
    ngx_queue_t                  queue;
    ngx_uint_t                   lookup;      /* unsigned  lookup:1; */
};


ngx_int_t ngx_http_vcita_curl_multi_add(ngx_http_vcita_transfer_t *t,
    ngx_msec_t deadline, ngx_log_t *log);
void ngx_http_vcita_curl_multi_remove(ngx_http_vcita_transfer_t *t);
void ngx_http_vcita_curl_multi_exit(void);


void ngx_http_vcita_resolve_check(ngx_log_t *log);

void ngx_http_vcita_resolve_init(void);
CURLcode ngx_http_vcita_resolve_watch(CURL *easy,
    ngx_uint_t *lookup);
CURLcode ngx_http_vcita_resolve_second(CURL *easy);
void ngx_http_vcita_resolve_leave(CURL *easy, CURLcode code,
    ngx_uint_t lookup);
ngx_uint_t ngx_http_vcita_resolve_abandoned(void);


#endif /* _NGX_HTTP_VCITA_CURL_MULTI_H_INCLUDED_ */
