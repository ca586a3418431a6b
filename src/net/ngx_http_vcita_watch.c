
/*
 * Copyright (C) the vcita OAuth gate authors
 *
 * Descriptors of the system, such as an eventfd, on nginx's event loop.  May
 * touch nginx's events.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_event.h>

#include "net/ngx_http_vcita_watch.h"


/*
 * Calls the handler whenever the descriptor is readable.  The descriptor
 * belongs to the connection, which ngx_close_connection() closes.  NULL: it is
 * closed already.
 */

ngx_connection_t *
ngx_http_vcita_watch(int fd, ngx_event_handler_pt handler, ngx_log_t *log)
{
    ngx_connection_t  *c;

    c = ngx_get_connection(fd, ngx_cycle->log);

    if (c == NULL) {

        if (close(fd) == -1) {
            ngx_log_error(NGX_LOG_ALERT, log, ngx_errno, "close() failed");
        }

        return NULL;
    }

    c->log = ngx_cycle->log;
    c->read->log = c->log;
    c->write->log = c->log;
    c->read->handler = handler;

    if (ngx_add_event(c->read, NGX_READ_EVENT, NGX_LEVEL_EVENT) != NGX_OK) {
        ngx_close_connection(c);
        return NULL;
    }

    return c;
}
