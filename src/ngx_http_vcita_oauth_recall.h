
/*
 * Copyright (C) the vcita OAuth gate authors
 */


#ifndef _NGX_HTTP_VCITA_OAUTH_RECALL_H_INCLUDED_
#define _NGX_HTTP_VCITA_OAUTH_RECALL_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>


#define NGX_HTTP_VCITA_OAUTH_RECALL_KEY   32

/* how long a value is kept, in milliseconds, and how many bytes of them */
#define NGX_HTTP_VCITA_OAUTH_RECALL_TIME  1000
#define NGX_HTTP_VCITA_OAUTH_RECALL_SIZE  (8 * 1024 * 1024)


typedef struct {
    ngx_rbtree_t               rbtree;
    ngx_rbtree_node_t          sentinel;
    ngx_queue_t                queue;      /* the oldest first */
    size_t                     size;
} ngx_http_vcita_oauth_recall_t;


void ngx_http_vcita_oauth_recall_init(ngx_http_vcita_oauth_recall_t *recall);
ngx_int_t ngx_http_vcita_oauth_recall_find(
    ngx_http_vcita_oauth_recall_t *recall, u_char *key, ngx_msec_t now,
    ngx_str_t *value);
void ngx_http_vcita_oauth_recall_keep(ngx_http_vcita_oauth_recall_t *recall,
    u_char *key, ngx_msec_t since, ngx_msec_t now, ngx_str_t *value);
void ngx_http_vcita_oauth_recall_drop(ngx_http_vcita_oauth_recall_t *recall,
    u_char *key);
void ngx_http_vcita_oauth_recall_clear(
    ngx_http_vcita_oauth_recall_t *recall);
uint32_t ngx_http_vcita_oauth_recall_hash(u_char *key);


#endif /* _NGX_HTTP_VCITA_OAUTH_RECALL_H_INCLUDED_ */
