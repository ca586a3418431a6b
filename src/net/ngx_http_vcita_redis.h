
/*
 * Copyright (C) the vcita OAuth gate authors
 */


#ifndef _NGX_HTTP_VCITA_REDIS_H_INCLUDED_
#define _NGX_HTTP_VCITA_REDIS_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_event.h>

#include "net/ngx_http_vcita_connection.h"
#include "net/ngx_http_vcita_lookup.h"
#include "net/ngx_http_vcita_redis_stats.h"


#define NGX_HTTP_VCITA_REDIS_CACHE_KEY   32

/* lifetime of a cached value in milliseconds, and size of the cache */
#define NGX_HTTP_VCITA_REDIS_CACHE_TIME  1000
#define NGX_HTTP_VCITA_REDIS_CACHE_SIZE  (8 * 1024 * 1024)


typedef struct {
    ngx_rbtree_t               rbtree;
    ngx_rbtree_node_t          sentinel;
    ngx_queue_t                queue;      /* oldest first */
    size_t                     size;
} ngx_http_vcita_redis_cache_t;


void ngx_http_vcita_redis_cache_init(ngx_http_vcita_redis_cache_t *cache);
ngx_int_t ngx_http_vcita_redis_cache_find(ngx_http_vcita_redis_cache_t *cache,
    u_char *key, ngx_msec_t now, ngx_str_t *value);
void ngx_http_vcita_redis_cache_put(ngx_http_vcita_redis_cache_t *cache,
    u_char *key, ngx_msec_t since, ngx_msec_t now, ngx_str_t *value);
void ngx_http_vcita_redis_cache_drop(ngx_http_vcita_redis_cache_t *cache,
    u_char *key);
void ngx_http_vcita_redis_cache_clear(ngx_http_vcita_redis_cache_t *cache);
uint32_t ngx_http_vcita_redis_cache_hash(u_char *key);


/* the longest string sent to Redis or accepted from it, in bytes */
#define NGX_HTTP_VCITA_REDIS_REPLY_MAX  65536


typedef enum {
    NGX_HTTP_VCITA_REDIS_REPLY_STRING = 0,
    NGX_HTTP_VCITA_REDIS_REPLY_STATUS,
    NGX_HTTP_VCITA_REDIS_REPLY_NUMBER,
    NGX_HTTP_VCITA_REDIS_REPLY_NIL,
    NGX_HTTP_VCITA_REDIS_REPLY_REFUSAL,
    NGX_HTTP_VCITA_REDIS_REPLY_ARRAY,
    NGX_HTTP_VCITA_REDIS_REPLY_OTHER
} ngx_http_vcita_redis_reply_e;


/* of an array, the first elements are kept; those that are no text are empty */
#define NGX_HTTP_VCITA_REDIS_REPLY_ITEMS  16


typedef struct {
    ngx_http_vcita_redis_reply_e   type;
    ngx_str_t                      text;       /* owned by the reader */

    /* of an array: as many as it has, the last ones may not be in "items" */
    ngx_uint_t                     nitems;
    ngx_str_t                      items[NGX_HTTP_VCITA_REDIS_REPLY_ITEMS];
} ngx_http_vcita_redis_reply_t;


/* The replies of one connection */

typedef struct {
    void                          *reader;     /* hiredis's */
    ngx_http_vcita_redis_reply_t   reply;
    const char                    *error;      /* set: close the connection */
    ngx_log_t                     *log;
    ngx_uint_t                     nelements;  /* of an array */
    unsigned                       array:1;    /* the next may be an array */
    unsigned                       partial:1;
} ngx_http_vcita_redis_replies_t;


ngx_int_t ngx_http_vcita_redis_protocol_init(ngx_http_vcita_redis_replies_t *r,
    ngx_log_t *log);
void ngx_http_vcita_redis_protocol_free(ngx_http_vcita_redis_replies_t *r);
ngx_int_t ngx_http_vcita_redis_protocol_feed(ngx_http_vcita_redis_replies_t *r,
    u_char *p, size_t len);
ngx_int_t ngx_http_vcita_redis_protocol_next(ngx_http_vcita_redis_replies_t *r);

ngx_int_t ngx_http_vcita_redis_protocol_value(ngx_http_vcita_redis_reply_t *r);
ngx_int_t ngx_http_vcita_redis_protocol_status(ngx_http_vcita_redis_reply_t *r,
    const char *status);
ngx_int_t ngx_http_vcita_redis_protocol_number(ngx_http_vcita_redis_reply_t *r);
ngx_str_t *ngx_http_vcita_redis_protocol_member(
    ngx_http_vcita_redis_reply_t *r, const char *name);
ngx_uint_t ngx_http_vcita_redis_protocol_moved(ngx_http_vcita_redis_reply_t *r);
void ngx_http_vcita_redis_protocol_code(ngx_http_vcita_redis_reply_t *r,
    ngx_str_t *code);
const char *ngx_http_vcita_redis_protocol_hint(ngx_http_vcita_redis_reply_t *r);


/* the longest command, in words */
#define NGX_HTTP_VCITA_REDIS_COMMAND_WORDS  8


ngx_int_t ngx_http_vcita_redis_command_format(ngx_str_t *words, ngx_uint_t n,
    ngx_str_t *bytes);
void ngx_http_vcita_redis_command_free(ngx_str_t *bytes);
ngx_int_t ngx_http_vcita_redis_command_add(ngx_pool_t *pool, ngx_str_t *words,
    ngx_uint_t n, ngx_str_t *bytes, ngx_uint_t *answers);
ngx_int_t ngx_http_vcita_redis_command_greeting(ngx_pool_t *pool,
    ngx_str_t *user, ngx_str_t *password, ngx_uint_t database,
    ngx_str_t *bytes, ngx_uint_t *answers);


typedef struct ngx_http_vcita_redis_master_s  ngx_http_vcita_redis_master_t;


/*
 * How the addresses of a master are found anew: by its name (redis_master.c),
 * or by asking others.  Called in a worker, for one search at a time.
 */

typedef struct {

    /*
     * NGX_AGAIN: ngx_http_vcita_redis_master_found() is to be called once, not
     * before start() has returned.  NGX_ERROR: no search could be started.
     */
    ngx_int_t                 (*start)(ngx_http_vcita_redis_master_t *m);

    /* abandons the search, which then calls nothing */
    void                      (*stop)(ngx_http_vcita_redis_master_t *m);

    /* for the log, if there is no address: "has no address, ..." */
    const char                 *none;

} ngx_http_vcita_redis_finder_t;


typedef struct {
    ngx_str_t                   name;     /* scheme://host, for the log */
    ngx_addr_t                 *addrs;    /* those known at start */
    ngx_uint_t                  naddrs;   /* may be 0 with a finder */
    ngx_str_t                   host;     /* NUL-terminated */
    in_port_t                   port;
    const ngx_http_vcita_redis_finder_t
                               *finder;   /* NULL: they never change */
    void                       *find;     /* the finder's configuration */
    void                       *ssl;      /* ngx_ssl_t; NULL: no TLS */
    ngx_flag_t                  verify;

    ngx_str_t                   user;     /* may be empty */
    ngx_str_t                   password; /* likewise */
    ngx_uint_t                  database;

    ngx_msec_t                  connect_timeout;
    ngx_msec_t                  timeout;

    ngx_http_vcita_redis_stats_t  stats;
} ngx_http_vcita_redis_conn_conf_t;


/*
 * Where the master of a store is, as this worker knows it.  found() replaces
 * the addresses as a whole, and keeps them if a search has failed.
 */

struct ngx_http_vcita_redis_master_s {
    ngx_http_vcita_redis_conn_conf_t  *conf;
    ngx_log_t                         *log;

    /* a search has ended */
    void                             (*handler)(void *data);
    void                              *data;

    ngx_http_vcita_addrs_t            *addrs;    /* NULL: those of conf */
    ngx_http_vcita_addrs_t            *found;    /* taken by the next round */
    ngx_uint_t                         address;
    ngx_uint_t                         tried;    /* of this round */
    ngx_uint_t                         good;     /* was ready: index + 1 */

    void                              *search;   /* the finder's; NULL: none */
    ngx_msec_t                         searched;

    unsigned                           lost:1;   /* find it anew */
};


extern const ngx_http_vcita_redis_finder_t
    ngx_http_vcita_redis_master_by_name;


void ngx_http_vcita_redis_master_init(ngx_http_vcita_redis_master_t *m);
ngx_int_t ngx_http_vcita_redis_master_find(ngx_http_vcita_redis_master_t *m);
void ngx_http_vcita_redis_master_found(ngx_http_vcita_redis_master_t *m,
    ngx_http_vcita_addrs_t *addrs);
void ngx_http_vcita_redis_master_lost(ngx_http_vcita_redis_master_t *m);
void ngx_http_vcita_redis_master_stop(ngx_http_vcita_redis_master_t *m);

ngx_addr_t *ngx_http_vcita_redis_master_address(
    ngx_http_vcita_redis_master_t *m, ngx_str_t *host);
void ngx_http_vcita_redis_master_next(ngx_http_vcita_redis_master_t *m);
ngx_addr_t *ngx_http_vcita_redis_master_current(
    ngx_http_vcita_redis_master_t *m);


/* The role of the server that is connected to */

typedef struct {
    ngx_msec_t                         asked;
    ngx_sockaddr_t                     suspect;  /* has refused a command */
    socklen_t                          socklen;  /* 0: none has */
    ngx_msec_t                         since;
    unsigned                           replica:1;  /* found in this round */
} ngx_http_vcita_redis_role_t;


typedef enum {
    NGX_HTTP_VCITA_REDIS_CONN_CLOSED = 0,
    NGX_HTTP_VCITA_REDIS_CONN_SEARCHING,
    NGX_HTTP_VCITA_REDIS_CONN_CONNECTING,
    NGX_HTTP_VCITA_REDIS_CONN_GREETING,
    NGX_HTTP_VCITA_REDIS_CONN_READY
} ngx_http_vcita_redis_conn_state_e;


typedef struct ngx_http_vcita_redis_conn_s  ngx_http_vcita_redis_conn_t;


/* The owner's callbacks; NGX_ERROR of the first three ends the connection */

typedef struct {
    ngx_int_t                 (*ready)(ngx_http_vcita_redis_conn_t *t);
    ngx_int_t                 (*writable)(ngx_http_vcita_redis_conn_t *t);
    ngx_int_t                 (*answer)(ngx_http_vcita_redis_conn_t *t,
                                        ngx_http_vcita_redis_reply_t *r);

    /* a ready connection was closed; another may be started */
    void                      (*broken)(ngx_http_vcita_redis_conn_t *t);

    /* a new attempt comes after a delay, or not at all */
    void                      (*down)(ngx_http_vcita_redis_conn_t *t);
} ngx_http_vcita_redis_conn_handlers_t;


struct ngx_http_vcita_redis_conn_s {

    /* event ident must be after 3 pointers as in ngx_connection_t */

    ngx_http_vcita_redis_conn_conf_t *conf;
    const ngx_http_vcita_redis_conn_handlers_t
                                     *handlers;
    void                             *data;     /* the owner's */
    ngx_int_t                         ident;

    ngx_http_vcita_connection_t       conn;
    ngx_http_vcita_redis_master_t     master;
    ngx_http_vcita_redis_role_t       role;
    ngx_http_vcita_redis_replies_t    replies;
    ngx_http_vcita_redis_conn_state_e state;

    ngx_str_t                         greeting; /* AUTH, SELECT, PING, HELLO */
    ngx_uint_t                        greetings;
    size_t                            sent;     /* of the greeting */
    ngx_uint_t                        greeted;  /* its replies */
    ngx_uint_t                        left;     /* replies of this turn */

    ngx_event_t                       timer;    /* of "state" */
    ngx_msec_t                        used;     /* the last use */
    ngx_msec_t                        backoff;

    ngx_log_t                         log;
    ngx_msec_t                        logged;

    unsigned                          busy:1;   /* commands wait */
    unsigned                          down:1;
    unsigned                          told:1;   /* the log has it */
    unsigned                          elsewhere:1; /* it is no master */
};


ngx_int_t ngx_http_vcita_redis_connection_init(ngx_http_vcita_redis_conn_t *t,
    ngx_pool_t *pool);
void ngx_http_vcita_redis_connection_start(ngx_http_vcita_redis_conn_t *t);
void ngx_http_vcita_redis_connection_busy(ngx_http_vcita_redis_conn_t *t,
    ngx_uint_t busy);
ngx_int_t ngx_http_vcita_redis_connection_write(ngx_http_vcita_redis_conn_t *t,
    ngx_str_t *bytes, size_t *sent);
void ngx_http_vcita_redis_connection_broken(ngx_http_vcita_redis_conn_t *t);
void ngx_http_vcita_redis_connection_silent(ngx_http_vcita_redis_conn_t *t);
void ngx_http_vcita_redis_connection_end(ngx_http_vcita_redis_conn_t *t);


ngx_uint_t ngx_http_vcita_redis_role_due(ngx_http_vcita_redis_conn_t *t);
ngx_int_t ngx_http_vcita_redis_role_answer(ngx_http_vcita_redis_conn_t *t,
    ngx_http_vcita_redis_reply_t *reply);
void ngx_http_vcita_redis_role_moved(ngx_http_vcita_redis_conn_t *t,
    ngx_http_vcita_redis_reply_t *reply);


void ngx_http_vcita_redis_log_init(ngx_http_vcita_redis_conn_t *t);
void ngx_http_vcita_redis_log_open(ngx_http_vcita_redis_conn_t *t);
void ngx_http_vcita_redis_log_refused(ngx_http_vcita_redis_conn_t *t,
    ngx_http_vcita_redis_reply_t *reply);
void ngx_http_vcita_redis_log_say(ngx_http_vcita_redis_conn_t *t,
    const char *fmt, ...);


/* unanswered commands of a worker, at most */
#define NGX_HTTP_VCITA_REDIS_COMMANDS  1024


typedef struct ngx_http_vcita_redis_s  ngx_http_vcita_redis_t;


/* reply is NULL on failure; it is valid until the handler returns */

typedef void (*ngx_http_vcita_redis_pt)(void *data,
    ngx_http_vcita_redis_reply_t *reply);


typedef struct {
    ngx_queue_t                queue;
    ngx_str_t                  bytes;
    size_t                     sent;
    ngx_msec_t                 since;
    ngx_msec_t                 deadline;
    ngx_http_vcita_redis_pt    handler;
    void                      *data;
    unsigned                   again:1;    /* safe to send twice */
    unsigned                   moved:1;    /* was certainly not executed */
    unsigned                   role:1;     /* asks the server for its role */
} ngx_http_vcita_redis_pending_t;


typedef struct {
    ngx_queue_t                sent;       /* commands, in order */
    ngx_queue_t                moved;      /* for another server */
    ngx_queue_t                unsent;
    ngx_queue_t                failed;     /* their handlers are called */
} ngx_http_vcita_redis_commands_t;


#define ngx_http_vcita_redis_command(q)                                       \
    (ngx_queue_data(q, ngx_http_vcita_redis_pending_t, queue))


void ngx_http_vcita_redis_repeat_init(
    ngx_http_vcita_redis_commands_t *commands);
ngx_uint_t ngx_http_vcita_redis_repeat_refused(
    ngx_http_vcita_redis_pending_t *command,
    ngx_http_vcita_redis_reply_t *reply);
void ngx_http_vcita_redis_repeat_broken(
    ngx_http_vcita_redis_commands_t *commands);
void ngx_http_vcita_redis_repeat_ready(
    ngx_http_vcita_redis_commands_t *commands, ngx_msec_t timeout);
void ngx_http_vcita_redis_repeat_down(
    ngx_http_vcita_redis_commands_t *commands);
void ngx_http_vcita_redis_repeat_end(
    ngx_http_vcita_redis_commands_t *commands);
ngx_http_vcita_redis_pending_t *
    ngx_http_vcita_redis_repeat_first(
    ngx_http_vcita_redis_commands_t *commands);


void ngx_http_vcita_redis_stats_command(ngx_http_vcita_redis_conn_t *t,
    ngx_http_vcita_redis_pending_t *command,
    ngx_http_vcita_redis_reply_t *reply);


ngx_http_vcita_redis_t *ngx_http_vcita_redis_create(ngx_pool_t *pool,
    ngx_http_vcita_redis_conn_conf_t *conf);
ngx_http_vcita_redis_pending_t *ngx_http_vcita_redis_send(
    ngx_http_vcita_redis_t *redis, ngx_str_t *words, ngx_uint_t n,
    ngx_uint_t again, ngx_http_vcita_redis_pt handler, void *data);
void ngx_http_vcita_redis_forget(ngx_http_vcita_redis_pending_t *command);
void ngx_http_vcita_redis_refused(ngx_http_vcita_redis_t *redis,
    ngx_http_vcita_redis_reply_t *reply);
void ngx_http_vcita_redis_exit(void);


#endif /* _NGX_HTTP_VCITA_REDIS_H_INCLUDED_ */
