
/*
 * Copyright (C) the vcita OAuth gate authors
 */


#ifndef _NGX_HTTP_VCITA_TURN_H_INCLUDED_
#define _NGX_HTTP_VCITA_TURN_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_event.h>


/* Work of one kind, of which "most" pieces are done in a turn of the loop */

typedef struct {

    /* event ident must be after 3 pointers as in ngx_connection_t */

    ngx_queue_t   events;
    void         *dummy;
    ngx_int_t     ident;

    ngx_event_t   next;
    ngx_uint_t    n;        /* in this turn so far */
    ngx_uint_t    most;
} ngx_http_vcita_turn_t;


ngx_int_t ngx_http_vcita_turn(ngx_http_vcita_turn_t *turn, ngx_event_t *ev);


#endif /* _NGX_HTTP_VCITA_TURN_H_INCLUDED_ */
