
/*
 * Copyright (C) the vcita OAuth gate authors
 *
 * libcurl's multi handle on nginx's event loop, one for each worker, created at
 * the first transfer.  May touch libcurl and nginx's events.
 *
 * libcurl's sockets are in an epoll instance of their own, whose descriptor is
 * in nginx's event loop.  libcurl's callbacks only set a timer or post an
 * event, so a transfer never ends while libcurl is on the stack.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_event.h>

#include <openssl/err.h>
#include <sys/epoll.h>

#include "net/ngx_http_vcita_curl_multi.h"
#include "net/ngx_http_vcita_watch.h"


/* sockets handled in one call: a step of a TLS handshake takes 0.5 ms */
#define NGX_HTTP_VCITA_CURL_MULTI_EVENTS  4

/* idle connections kept for requests that may reuse one */
#define NGX_HTTP_VCITA_CURL_MULTI_IDLE    8L

/* libcurl before 8.4 tries the next address only when it is called */
#define NGX_HTTP_VCITA_CURL_MULTI_NUDGED  0x080400
#define NGX_HTTP_VCITA_CURL_MULTI_NUDGE   250
#define NGX_HTTP_VCITA_CURL_MULTI_BUSY    10


typedef struct {

    /* event ident must be after 3 pointers as in ngx_connection_t */

    void                          *dummy[3];
    ngx_int_t                      ident;

    CURLM                         *handle;
    ngx_connection_t              *connection;
    ngx_event_t                    timer;
    ngx_event_t                    kick;
    ngx_event_t                    nudge;
    ngx_queue_t                    active;
    ngx_uint_t                     nactive;
    int                            epoll;
    unsigned                       nudges:1;
    unsigned                       global:1;
} ngx_http_vcita_curl_multi_t;


static ngx_int_t ngx_http_vcita_curl_multi_init(ngx_log_t *log);
static ngx_int_t ngx_http_vcita_curl_multi_init_epoll(ngx_log_t *log);
static ngx_int_t ngx_http_vcita_curl_multi_init_handle(ngx_log_t *log);
static int ngx_http_vcita_curl_multi_socket(CURL *easy, curl_socket_t fd,
    int what, void *data, void *socket_data);
static int ngx_http_vcita_curl_multi_timer(CURLM *handle, long timeout,
    void *data);
static void ngx_http_vcita_curl_multi_epoll_handler(ngx_event_t *ev);
static void ngx_http_vcita_curl_multi_timer_handler(ngx_event_t *ev);
static void ngx_http_vcita_curl_multi_nudge_handler(ngx_event_t *ev);
static void ngx_http_vcita_curl_multi_drain(void);
static void ngx_http_vcita_curl_multi_abort(void);
static void ngx_http_vcita_curl_multi_done_handler(ngx_event_t *ev);
static void ngx_http_vcita_curl_multi_event(ngx_event_t *ev,
    ngx_event_handler_pt handler, void *data);


static ngx_http_vcita_curl_multi_t  ngx_http_vcita_curl_multi;


/*
 * Starts the transfer of t->easy.  NGX_OK: t->handler is called once from the
 * event loop, after at most "deadline" milliseconds, unless the transfer is
 * removed.  NGX_BUSY: the worker has too many transfers.
 */

ngx_int_t
ngx_http_vcita_curl_multi_add(ngx_http_vcita_transfer_t *t, ngx_msec_t deadline,
    ngx_log_t *log)
{
    ngx_http_vcita_curl_multi_t  *m;

    m = &ngx_http_vcita_curl_multi;

    if (m->nactive
        + ngx_http_vcita_resolve_abandoned() >= NGX_HTTP_VCITA_TRANSFERS)
    {
        return NGX_BUSY;
    }

    if (m->handle == NULL && ngx_http_vcita_curl_multi_init(log) != NGX_OK) {
        return NGX_ERROR;
    }

    t->ident = -1;
    t->code = CURLE_OPERATION_TIMEDOUT;
    t->lookup = 0;

    ngx_http_vcita_curl_multi_event(&t->done,
                                    ngx_http_vcita_curl_multi_done_handler, t);
    ngx_http_vcita_curl_multi_event(&t->deadline,
                                    ngx_http_vcita_curl_multi_done_handler, t);

    if (curl_easy_setopt(t->easy, CURLOPT_PRIVATE, t) != CURLE_OK
        || ngx_http_vcita_resolve_second(t->easy) != CURLE_OK
        || ngx_http_vcita_resolve_watch(t->easy, &t->lookup) != CURLE_OK
        || curl_multi_add_handle(m->handle, t->easy) != CURLM_OK)
    {
        return NGX_ERROR;
    }

    ngx_queue_insert_tail(&m->active, &t->queue);
    m->nactive++;

    ngx_add_timer(&t->deadline, deadline);

    if (m->nudges && !m->nudge.timer_set) {
        ngx_add_timer(&m->nudge, NGX_HTTP_VCITA_CURL_MULTI_NUDGE);
    }

    return NGX_OK;
}


/*
 * Removes a transfer: its handler is not called, and the caller owns the easy
 * handle again
 */

void
ngx_http_vcita_curl_multi_remove(ngx_http_vcita_transfer_t *t)
{
    ngx_http_vcita_curl_multi_t  *m;

    m = &ngx_http_vcita_curl_multi;

    if (t->deadline.timer_set) {
        ngx_del_timer(&t->deadline);
    }

    if (t->done.posted) {
        ngx_delete_posted_event(&t->done);
    }

    ngx_queue_remove(&t->queue);
    m->nactive--;

    ngx_http_vcita_resolve_leave(t->easy, t->code, t->lookup);

    (void) curl_multi_remove_handle(m->handle, t->easy);

    ERR_clear_error();
}


/* Called when the worker exits */

void
ngx_http_vcita_curl_multi_exit(void)
{
    ngx_queue_t                  *q;
    ngx_http_vcita_transfer_t    *t;
    ngx_http_vcita_curl_multi_t  *m;

    m = &ngx_http_vcita_curl_multi;

    if (m->handle) {

        while (!ngx_queue_empty(&m->active)) {
            q = ngx_queue_head(&m->active);
            t = ngx_queue_data(q, ngx_http_vcita_transfer_t, queue);

            ngx_http_vcita_curl_multi_remove(t);
            t->release(t);
        }

        (void) curl_multi_cleanup(m->handle);
        ERR_clear_error();

        m->handle = NULL;

        if (m->timer.timer_set) {
            ngx_del_timer(&m->timer);
        }

        if (m->nudge.timer_set) {
            ngx_del_timer(&m->nudge);
        }

        if (m->kick.posted) {
            ngx_delete_posted_event(&m->kick);
        }
    }

    if (m->connection) {
        ngx_close_connection(m->connection);
        m->connection = NULL;
    }

    if (m->global) {
        curl_global_cleanup();
        m->global = 0;
    }
}


static ngx_int_t
ngx_http_vcita_curl_multi_init(ngx_log_t *log)
{
    ngx_http_vcita_curl_multi_t  *m;

    m = &ngx_http_vcita_curl_multi;

    if (!m->global) {

        if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
            ngx_log_error(NGX_LOG_CRIT, log, 0,
                          "curl_global_init() failed");
            return NGX_ERROR;
        }

        m->global = 1;
        m->nudges = (curl_version_info(CURLVERSION_NOW)->version_num
                     < NGX_HTTP_VCITA_CURL_MULTI_NUDGED);
    }

    if (m->connection == NULL
        && ngx_http_vcita_curl_multi_init_epoll(log) != NGX_OK)
    {
        return NGX_ERROR;
    }

    return ngx_http_vcita_curl_multi_init_handle(log);
}


static ngx_int_t
ngx_http_vcita_curl_multi_init_epoll(ngx_log_t *log)
{
    int                           fd;
    ngx_connection_t             *c;
    ngx_http_vcita_curl_multi_t  *m;

    m = &ngx_http_vcita_curl_multi;

    fd = epoll_create1(EPOLL_CLOEXEC);

    if (fd == -1) {
        ngx_log_error(NGX_LOG_ALERT, log, ngx_errno,
                      "epoll_create1() failed");
        return NGX_ERROR;
    }

    c = ngx_http_vcita_watch(fd, ngx_http_vcita_curl_multi_epoll_handler, log);

    if (c == NULL) {
        return NGX_ERROR;
    }

    m->epoll = fd;
    m->connection = c;

    return NGX_OK;
}


static ngx_int_t
ngx_http_vcita_curl_multi_init_handle(ngx_log_t *log)
{
    CURLM                        *handle;
    ngx_http_vcita_curl_multi_t  *m;

    m = &ngx_http_vcita_curl_multi;

    handle = curl_multi_init();

    if (handle == NULL
        || curl_multi_setopt(handle, CURLMOPT_SOCKETFUNCTION,
                             ngx_http_vcita_curl_multi_socket) != CURLM_OK
        || curl_multi_setopt(handle, CURLMOPT_TIMERFUNCTION,
                             ngx_http_vcita_curl_multi_timer) != CURLM_OK
        || curl_multi_setopt(handle, CURLMOPT_PIPELINING, CURLPIPE_NOTHING)
           != CURLM_OK
        || curl_multi_setopt(handle, CURLMOPT_MAXCONNECTS,
                             NGX_HTTP_VCITA_CURL_MULTI_IDLE) != CURLM_OK)
    {
        ngx_log_error(NGX_LOG_CRIT, log, 0,
                      "curl_multi_init() or curl_multi_setopt() failed");

        if (handle) {
            (void) curl_multi_cleanup(handle);
        }

        return NGX_ERROR;
    }

    ngx_http_vcita_resolve_init();

    m->ident = -1;
    m->nactive = 0;
    ngx_queue_init(&m->active);

    ngx_http_vcita_curl_multi_event(&m->timer,
                                    ngx_http_vcita_curl_multi_timer_handler,
                                    m);
    ngx_http_vcita_curl_multi_event(&m->kick,
                                    ngx_http_vcita_curl_multi_timer_handler,
                                    m);
    ngx_http_vcita_curl_multi_event(&m->nudge,
                                    ngx_http_vcita_curl_multi_nudge_handler,
                                    m);

    /* a worker that shuts down waits only for the deadlines of transfers */

    m->timer.cancelable = 1;
    m->nudge.cancelable = 1;

    m->handle = handle;

    return NGX_OK;
}


/*
 * Always returns 0: libcurl ends every transfer of the multi handle on -1.  A
 * transfer whose socket could not be watched ends at its deadline.
 */

static int
ngx_http_vcita_curl_multi_socket(CURL *easy, curl_socket_t fd, int what,
    void *data, void *socket_data)
{
    int                           op;
    struct epoll_event            ee;
    ngx_http_vcita_curl_multi_t  *m;

    m = &ngx_http_vcita_curl_multi;

    ngx_memzero(&ee, sizeof(struct epoll_event));

    if (what == CURL_POLL_REMOVE) {

        /* libcurl has closed a socket that was still connecting */

        (void) epoll_ctl(m->epoll, EPOLL_CTL_DEL, fd, &ee);
        (void) curl_multi_assign(m->handle, fd, NULL);
        return 0;
    }

    ee.data.fd = fd;
    ee.events = ((what & CURL_POLL_IN) ? (uint32_t) EPOLLIN : 0)
                | ((what & CURL_POLL_OUT) ? (uint32_t) EPOLLOUT : 0);

    op = socket_data ? EPOLL_CTL_MOD : EPOLL_CTL_ADD;

    if (epoll_ctl(m->epoll, op, fd, &ee) == -1) {

        op = (op == EPOLL_CTL_MOD) ? EPOLL_CTL_ADD : EPOLL_CTL_MOD;

        if (epoll_ctl(m->epoll, op, fd, &ee) == -1) {
            ngx_log_error(NGX_LOG_ALERT, ngx_cycle->log, ngx_errno,
                          "epoll_ctl() failed for a connection to vcita");
            return 0;
        }
    }

    (void) curl_multi_assign(m->handle, fd, m);

    return 0;
}


static int
ngx_http_vcita_curl_multi_timer(CURLM *handle, long timeout, void *data)
{
    ngx_http_vcita_curl_multi_t  *m;

    m = &ngx_http_vcita_curl_multi;

    /* ngx_add_timer() keeps an old timer that is close to the new one */

    if (m->timer.timer_set) {
        ngx_del_timer(&m->timer);
    }

    if (timeout == 0) {
        ngx_post_event(&m->kick, &ngx_posted_events);

    } else if (timeout > 0) {
        ngx_add_timer(&m->timer, timeout);
    }

    return 0;
}


static void
ngx_http_vcita_curl_multi_epoll_handler(ngx_event_t *ev)
{
    int                           i, n, flags, running;
    ngx_connection_t             *c;
    struct epoll_event            events[NGX_HTTP_VCITA_CURL_MULTI_EVENTS];
    ngx_http_vcita_curl_multi_t  *m;

    c = ev->data;
    m = &ngx_http_vcita_curl_multi;

    if (c->close) {

        /* the worker_shutdown_timeout has expired, once */

        c->close = 0;

        ngx_http_vcita_curl_multi_abort();
        return;
    }

    n = epoll_wait(m->epoll, events, NGX_HTTP_VCITA_CURL_MULTI_EVENTS, 0);

    for (i = 0; i < n; i++) {

        flags = ((events[i].events & EPOLLIN) ? CURL_CSELECT_IN : 0)
                | ((events[i].events & EPOLLOUT) ? CURL_CSELECT_OUT : 0)
                | ((events[i].events & (EPOLLERR|EPOLLHUP))
                   ? CURL_CSELECT_ERR : 0);

        (void) curl_multi_socket_action(m->handle, events[i].data.fd, flags,
                                        &running);
    }

    ngx_http_vcita_curl_multi_drain();
}


static void
ngx_http_vcita_curl_multi_timer_handler(ngx_event_t *ev)
{
    int  running;

    (void) curl_multi_socket_action(ngx_http_vcita_curl_multi.handle,
                                    CURL_SOCKET_TIMEOUT, 0, &running);

    ngx_http_vcita_curl_multi_drain();
}


static void
ngx_http_vcita_curl_multi_nudge_handler(ngx_event_t *ev)
{
    int                           running;
    struct epoll_event            events[NGX_HTTP_VCITA_CURL_MULTI_EVENTS];
    ngx_http_vcita_curl_multi_t  *m;

    m = &ngx_http_vcita_curl_multi;

    if (m->nactive == 0) {
        return;
    }

    /* curl_multi_socket_all() would handle all ready sockets in one call */

    if (epoll_wait(m->epoll, events, NGX_HTTP_VCITA_CURL_MULTI_EVENTS, 0)
        == NGX_HTTP_VCITA_CURL_MULTI_EVENTS)
    {
        ngx_add_timer(ev, NGX_HTTP_VCITA_CURL_MULTI_BUSY);
        return;
    }

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"

    (void) curl_multi_socket_all(m->handle, &running);

#pragma GCC diagnostic pop

    ngx_http_vcita_curl_multi_drain();

    ngx_add_timer(ev, NGX_HTTP_VCITA_CURL_MULTI_NUDGE);
}


/* Posts the handlers of the transfers that have ended */

static void
ngx_http_vcita_curl_multi_drain(void)
{
    int                           left;
    void                         *data;
    CURLMsg                      *msg;
    ngx_http_vcita_transfer_t    *t;
    ngx_http_vcita_curl_multi_t  *m;

    m = &ngx_http_vcita_curl_multi;

    /* nginx would log errors left in OpenSSL's queue at its next handshake */

    ERR_clear_error();

    while ((msg = curl_multi_info_read(m->handle, &left)) != NULL) {

        if (msg->msg != CURLMSG_DONE
            || curl_easy_getinfo(msg->easy_handle, CURLINFO_PRIVATE, &data)
               != CURLE_OK)
        {
            continue;
        }

        t = data;
        t->code = msg->data.result;

        ngx_post_event(&t->done, &ngx_posted_events);
    }
}


static void
ngx_http_vcita_curl_multi_abort(void)
{
    ngx_queue_t                  *q;
    ngx_http_vcita_transfer_t    *t;
    ngx_http_vcita_curl_multi_t  *m;

    m = &ngx_http_vcita_curl_multi;

    if (m->handle == NULL) {
        return;
    }

    for (q = ngx_queue_head(&m->active);
         q != ngx_queue_sentinel(&m->active);
         q = ngx_queue_next(q))
    {
        t = ngx_queue_data(q, ngx_http_vcita_transfer_t, queue);

        ngx_post_event(&t->done, &ngx_posted_events);
    }
}


static void
ngx_http_vcita_curl_multi_done_handler(ngx_event_t *ev)
{
    ngx_http_vcita_transfer_t  *t;

    t = ev->data;

    ngx_http_vcita_curl_multi_remove(t);

    t->handler(t);
}


static void
ngx_http_vcita_curl_multi_event(ngx_event_t *ev, ngx_event_handler_pt handler,
    void *data)
{
    ngx_memzero(ev, sizeof(ngx_event_t));

    ev->handler = handler;
    ev->data = data;
    ev->log = ngx_cycle->log;
}
