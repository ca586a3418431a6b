
/*
 * Copyright (C) the vcita OAuth gate authors
 */


#ifndef _NGX_HTTP_VCITA_OAUTH_TALK_H_INCLUDED_
#define _NGX_HTTP_VCITA_OAUTH_TALK_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_event.h>

#include "ngx_http_vcita_oauth_command.h"
#include "ngx_http_vcita_oauth_link.h"
#include "ngx_http_vcita_oauth_reply.h"


typedef struct {
    ngx_str_t                         name;     /* scheme://host, to log */
    ngx_addr_t                       *addrs;
    ngx_uint_t                        naddrs;
    ngx_str_t                         host;     /* ends in a zero byte */
    void                             *ssl;      /* ngx_ssl_t; NULL: plain */
    ngx_flag_t                        verify;

    ngx_str_t                         user;     /* may be empty */
    ngx_str_t                         password; /* likewise */
    ngx_uint_t                        database;

    ngx_msec_t                        connect_timeout;
    ngx_msec_t                        timeout;
} ngx_http_vcita_oauth_talk_conf_t;


typedef enum {
    NGX_HTTP_VCITA_OAUTH_TALK_CLOSED = 0,
    NGX_HTTP_VCITA_OAUTH_TALK_CONNECTING,
    NGX_HTTP_VCITA_OAUTH_TALK_GREETING,
    NGX_HTTP_VCITA_OAUTH_TALK_READY
} ngx_http_vcita_oauth_talk_state_e;


typedef struct ngx_http_vcita_oauth_talk_s  ngx_http_vcita_oauth_talk_t;


/* what the owner is told; NGX_ERROR of the first three ends the connection */

typedef struct {
    ngx_int_t                       (*ready)(ngx_http_vcita_oauth_talk_t *t);
    ngx_int_t                       (*writable)(
                                          ngx_http_vcita_oauth_talk_t *t);
    ngx_int_t                       (*answer)(ngx_http_vcita_oauth_talk_t *t,
                                          ngx_http_vcita_oauth_reply_t *r);

    /* a connection that was ready is closed; another may be started */
    void                            (*broken)(ngx_http_vcita_oauth_talk_t *t);

    /* and will not be tried before some time has gone, or not at all */
    void                            (*down)(ngx_http_vcita_oauth_talk_t *t);
} ngx_http_vcita_oauth_talk_handlers_t;


struct ngx_http_vcita_oauth_talk_s {

    /* event ident must be after 3 pointers as in ngx_connection_t */

    ngx_http_vcita_oauth_talk_conf_t *conf;
    const ngx_http_vcita_oauth_talk_handlers_t
                                     *handlers;
    void                             *data;     /* the owner's */
    ngx_int_t                         ident;

    ngx_http_vcita_oauth_link_t       link;
    ngx_http_vcita_oauth_replies_t    replies;
    ngx_http_vcita_oauth_talk_state_e state;

    ngx_str_t                         greeting; /* AUTH, SELECT, PING */
    ngx_uint_t                        greetings;
    size_t                            sent;     /* bytes of the greeting */
    ngx_uint_t                        greeted;  /* answers to it */

    ngx_event_t                       timer;    /* of the state */
    ngx_msec_t                        used;     /* when, last */
    ngx_msec_t                        backoff;
    ngx_uint_t                        address;
    ngx_uint_t                        tried;    /* addresses */

    ngx_log_t                         log;
    time_t                            logged;

    unsigned                          busy:1;   /* the owner waits */
    unsigned                          down:1;
    unsigned                          told:1;   /* the operator */
    unsigned                          elsewhere:1;
};


ngx_int_t ngx_http_vcita_oauth_talk_init(ngx_http_vcita_oauth_talk_t *t,
    ngx_pool_t *pool);
void ngx_http_vcita_oauth_talk_start(ngx_http_vcita_oauth_talk_t *t);
void ngx_http_vcita_oauth_talk_busy(ngx_http_vcita_oauth_talk_t *t,
    ngx_uint_t busy);
ngx_int_t ngx_http_vcita_oauth_talk_write(ngx_http_vcita_oauth_talk_t *t,
    ngx_str_t *bytes, size_t *sent);
void ngx_http_vcita_oauth_talk_broken(ngx_http_vcita_oauth_talk_t *t);
void ngx_http_vcita_oauth_talk_silent(ngx_http_vcita_oauth_talk_t *t);
void ngx_http_vcita_oauth_talk_end(ngx_http_vcita_oauth_talk_t *t);

void ngx_http_vcita_oauth_talk_refused(ngx_http_vcita_oauth_talk_t *t,
    ngx_http_vcita_oauth_reply_t *reply);
void ngx_http_vcita_oauth_talk_say(ngx_http_vcita_oauth_talk_t *t,
    const char *fmt, ...);


#endif /* _NGX_HTTP_VCITA_OAUTH_TALK_H_INCLUDED_ */
