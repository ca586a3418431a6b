
/*
 * Copyright (C) the vcita OAuth gate authors
 */


#ifndef _NGX_HTTP_VCITA_WATCH_H_INCLUDED_
#define _NGX_HTTP_VCITA_WATCH_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_event.h>


ngx_connection_t *ngx_http_vcita_watch(int fd, ngx_event_handler_pt handler,
    ngx_log_t *log);


#endif /* _NGX_HTTP_VCITA_WATCH_H_INCLUDED_ */
