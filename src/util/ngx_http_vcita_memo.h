
/*
 * Copyright (C) the vcita OAuth gate authors
 */


#ifndef _NGX_HTTP_VCITA_MEMO_H_INCLUDED_
#define _NGX_HTTP_VCITA_MEMO_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>

#include "util/ngx_http_vcita_hot.h"


/* entries, and their bytes with those of the table and of malloc() */
#define NGX_HTTP_VCITA_MEMO_MAX      256
#define NGX_HTTP_VCITA_MEMO_SIZE     (320 * 1024)

#define NGX_HTTP_VCITA_MEMO_BUCKETS  512

/* the hash covers the last bytes of a value */
#define NGX_HTTP_VCITA_MEMO_TAIL     24


typedef struct ngx_http_vcita_memo_entry_s  ngx_http_vcita_memo_entry_t;


/*
 * A value is found by its owner, its kind and all its bytes.  The look-up sets
 * the hash.
 */

typedef struct {
    void                         *owner;
    ngx_uint_t                    kind;
    ngx_str_t                     value;
    uint64_t                      hash;
} ngx_http_vcita_memo_key_t;


/* the data is the content of the value; it is constant once it is kept */

struct ngx_http_vcita_memo_entry_s {
    ngx_http_vcita_memo_key_t     key;
    time_t                        ends;
    void                         *data;

    size_t                        size;       /* of the entry, rounded up */
    ngx_uint_t                    users;
    ngx_queue_t                   queue;      /* by last use */
    ngx_http_vcita_memo_entry_t  *next;       /* in its bucket */
    ngx_uint_t                    kept;       /* unsigned  kept:1; */
};


typedef struct {
    uint64_t                      key[2];     /* of the hash */
    size_t                        size;
    ngx_uint_t                    entries;
    ngx_queue_t                   queue;
    ngx_http_vcita_memo_entry_t  *buckets[NGX_HTTP_VCITA_MEMO_BUCKETS];
} ngx_http_vcita_memo_t;


ngx_http_vcita_memo_t *ngx_http_vcita_memo_create(ngx_log_t *log);
void ngx_http_vcita_memo_destroy(ngx_http_vcita_memo_t *memo);
ngx_http_vcita_memo_entry_t *ngx_http_vcita_memo_find(
    ngx_http_vcita_memo_t *memo, ngx_http_vcita_memo_key_t *key)
    ngx_http_vcita_hot;
ngx_http_vcita_memo_entry_t *ngx_http_vcita_memo_entry(
    ngx_http_vcita_memo_t *memo, ngx_http_vcita_memo_key_t *key, size_t size,
    ngx_log_t *log);
void ngx_http_vcita_memo_keep(ngx_http_vcita_memo_t *memo,
    ngx_http_vcita_memo_entry_t *entry, time_t ends);
void ngx_http_vcita_memo_drop(ngx_http_vcita_memo_t *memo,
    ngx_http_vcita_memo_entry_t *entry);
void ngx_http_vcita_memo_release(ngx_http_vcita_memo_entry_t *entry)
    ngx_http_vcita_hot;
time_t ngx_http_vcita_memo_expire(ngx_http_vcita_memo_t *memo, time_t now);


#endif /* _NGX_HTTP_VCITA_MEMO_H_INCLUDED_ */
