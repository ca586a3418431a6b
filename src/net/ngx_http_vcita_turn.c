
/*
 * Copyright (C) the vcita OAuth gate authors
 *
 * Work spread over turns of the event loop, so that a worker answers its other
 * requests in between.  May touch nginx's events.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_event.h>

#include "net/ngx_http_vcita_turn.h"


/* a worker that shuts down does not exit while a timer is left */
#define NGX_HTTP_VCITA_TURN_TIMER  1000


static void ngx_http_vcita_turn_next(ngx_http_vcita_turn_t *turn);
static void ngx_http_vcita_turn_handler(ngx_event_t *ev);


/*
 * NGX_OK: the work is for now.  NGX_AGAIN: the event is called in a later turn,
 * in the order of the calls, unless it is deleted as a posted event.
 */

ngx_int_t
ngx_http_vcita_turn(ngx_http_vcita_turn_t *turn, ngx_event_t *ev)
{
    ngx_int_t  rc;

    if (turn->next.handler == NULL) {
        turn->ident = -1;
        ngx_queue_init(&turn->events);

        turn->next.handler = ngx_http_vcita_turn_handler;
        turn->next.data = turn;
    }

    if (turn->n < turn->most && ngx_queue_empty(&turn->events)) {
        turn->n++;
        rc = NGX_OK;

    } else {
        ngx_post_event(ev, &turn->events);
        rc = NGX_AGAIN;
    }

    ngx_http_vcita_turn_next(turn);

    return rc;
}


static void
ngx_http_vcita_turn_next(ngx_http_vcita_turn_t *turn)
{
    ngx_event_t  *next;

    next = &turn->next;
    next->log = ngx_cycle->log;

    ngx_post_event(next, &ngx_posted_next_events);

    if (!ngx_queue_empty(&turn->events) && !next->timer_set) {
        ngx_add_timer(next, NGX_HTTP_VCITA_TURN_TIMER);
    }
}


static void
ngx_http_vcita_turn_handler(ngx_event_t *ev)
{
    ngx_event_t            *work;
    ngx_queue_t            *q;
    ngx_http_vcita_turn_t  *turn;

    turn = ev->data;

    if (ev->posted) {
        ngx_delete_posted_event(ev);
    }

    if (ev->timer_set) {
        ngx_del_timer(ev);
    }

    turn->n = 0;

    while (turn->n < turn->most && !ngx_queue_empty(&turn->events)) {

        q = ngx_queue_head(&turn->events);
        work = ngx_queue_data(q, ngx_event_t, queue);

        ngx_delete_posted_event(work);

        turn->n++;
        work->handler(work);
    }

    if (turn->n) {
        ngx_http_vcita_turn_next(turn);
    }
}
