
/*
 * Copyright (C) the vcita OAuth gate authors
 *
 * One request to a server through libcurl, without ever waiting for it.
 * May touch libcurl, OpenSSL and nginx's events.
 *
 * libcurl's sockets live in an epoll of their own, and that one descriptor in
 * nginx's.  No callback of libcurl's does more than copy bytes, set a timer
 * or post an event, so a request is never resumed with libcurl on the stack.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_event.h>

#include <curl/curl.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <sys/epoll.h>

#include "ngx_http_vcita_oauth_fetch.h"


#define NGX_HTTP_VCITA_OAUTH_FETCH_HEAD    65536
#define NGX_HTTP_VCITA_OAUTH_FETCH_ROOM    4096
#define NGX_HTTP_VCITA_OAUTH_FETCH_EVENTS  64

/* libcurl before 8.4 tries the next address only when it is asked to */
#define NGX_HTTP_VCITA_OAUTH_FETCH_NUDGE   250


typedef struct {

    /* event ident must be after 3 pointers as in ngx_connection_t */

    void                          *dummy[3];
    ngx_int_t                      ident;

    CURLM                         *multi;
    ngx_connection_t              *connection;
    ngx_event_t                    timer;
    ngx_event_t                    kick;
    ngx_event_t                    nudge;
    ngx_queue_t                    active;
    ngx_uint_t                     nactive;
    int                            epoll;
    unsigned                       nudges:1;
    unsigned                       global:1;
} ngx_http_vcita_oauth_fetch_worker_t;


static ngx_int_t ngx_http_vcita_oauth_fetch_init(ngx_log_t *log);
static ngx_int_t ngx_http_vcita_oauth_fetch_init_multi(ngx_log_t *log);
static ngx_int_t ngx_http_vcita_oauth_fetch_init_epoll(ngx_log_t *log);
static ngx_int_t ngx_http_vcita_oauth_fetch_setup(
    ngx_http_vcita_oauth_fetch_t *f);
static ngx_int_t ngx_http_vcita_oauth_fetch_setup_tls(
    ngx_http_vcita_oauth_fetch_t *f);
static ngx_int_t ngx_http_vcita_oauth_fetch_setup_method(
    ngx_http_vcita_oauth_fetch_t *f);
static ngx_int_t ngx_http_vcita_oauth_fetch_header(
    ngx_http_vcita_oauth_fetch_t *f, const char *name, ngx_str_t *value);
static CURLcode ngx_http_vcita_oauth_fetch_tls(CURL *easy, void *ssl_ctx,
    void *data);
static size_t ngx_http_vcita_oauth_fetch_write(char *p, size_t size,
    size_t n, void *data);
static size_t ngx_http_vcita_oauth_fetch_read_header(char *p, size_t size,
    size_t n, void *data);
static int ngx_http_vcita_oauth_fetch_socket(CURL *easy, curl_socket_t fd,
    int what, void *data, void *socket_data);
static int ngx_http_vcita_oauth_fetch_timer(CURLM *multi, long timeout,
    void *data);
static void ngx_http_vcita_oauth_fetch_epoll_handler(ngx_event_t *ev);
static void ngx_http_vcita_oauth_fetch_timer_handler(ngx_event_t *ev);
static void ngx_http_vcita_oauth_fetch_nudge_handler(ngx_event_t *ev);
static void ngx_http_vcita_oauth_fetch_drain(void);
static void ngx_http_vcita_oauth_fetch_abort(void);
static void ngx_http_vcita_oauth_fetch_deadline_handler(ngx_event_t *ev);
static void ngx_http_vcita_oauth_fetch_done_handler(ngx_event_t *ev);
static ngx_http_vcita_oauth_fetch_e ngx_http_vcita_oauth_fetch_outcome(
    ngx_http_vcita_oauth_fetch_t *f);
static void ngx_http_vcita_oauth_fetch_release(
    ngx_http_vcita_oauth_fetch_t *f);
static void ngx_http_vcita_oauth_fetch_event(ngx_event_t *ev,
    ngx_event_handler_pt handler);


static ngx_http_vcita_oauth_fetch_worker_t  ngx_http_vcita_oauth_worker;


/*
 * Starts a fetch.  NGX_AGAIN: f->handler will be called, once, from the event
 * loop, unless the fetch is cancelled.  NGX_BUSY: too many are in flight.
 * NGX_ERROR: it could not be started.  f, its strings and its body must live
 * until then; the body is not copied.
 */

ngx_int_t
ngx_http_vcita_oauth_fetch(ngx_http_vcita_oauth_fetch_t *f)
{
    ngx_http_vcita_oauth_fetch_worker_t  *w;

    w = &ngx_http_vcita_oauth_worker;

    if (w->nactive >= NGX_HTTP_VCITA_OAUTH_FETCH_MAX) {
        return NGX_BUSY;
    }

    if (w->multi == NULL
        && ngx_http_vcita_oauth_fetch_init(f->log) != NGX_OK)
    {
        return NGX_ERROR;
    }

    f->outcome = NGX_HTTP_VCITA_OAUTH_FETCH_BROKEN;
    f->status = 0;
    f->retry_after = 0;
    f->head = 0;
    f->code = CURLE_OK;
    f->error[0] = '\0';
    ngx_str_null(&f->answer);
    f->room = 0;

    f->easy = curl_easy_init();
    if (f->easy == NULL) {
        return NGX_ERROR;
    }

    ngx_queue_insert_tail(&w->active, &f->queue);
    w->nactive++;

    ngx_http_vcita_oauth_fetch_event(&f->done,
                                     ngx_http_vcita_oauth_fetch_done_handler);
    ngx_http_vcita_oauth_fetch_event(&f->deadline,
                                 ngx_http_vcita_oauth_fetch_deadline_handler);

    if (ngx_http_vcita_oauth_fetch_setup(f) != NGX_OK
        || curl_multi_add_handle(w->multi, f->easy) != CURLM_OK)
    {
        ngx_log_error(NGX_LOG_ERR, f->log, 0,
                      "libcurl could not start a request to vcita");
        ngx_http_vcita_oauth_fetch_cancel(f);
        return NGX_ERROR;
    }

    ngx_add_timer(&f->deadline, f->peer->timeout + 1000);

    if (w->nudges && !w->nudge.timer_set) {
        ngx_add_timer(&w->nudge, NGX_HTTP_VCITA_OAUTH_FETCH_NUDGE);
    }

    return NGX_AGAIN;
}


/* Ends a fetch without a call of its handler; does nothing to an ended one */

void
ngx_http_vcita_oauth_fetch_cancel(ngx_http_vcita_oauth_fetch_t *f)
{
    if (f->easy) {
        ngx_http_vcita_oauth_fetch_release(f);
    }
}


/* Gives up all that this worker holds; called when it exits */

void
ngx_http_vcita_oauth_fetch_exit(void)
{
    ngx_queue_t                          *q;
    ngx_http_vcita_oauth_fetch_t         *f;
    ngx_http_vcita_oauth_fetch_worker_t  *w;

    w = &ngx_http_vcita_oauth_worker;

    if (w->multi) {

        while (!ngx_queue_empty(&w->active)) {
            q = ngx_queue_head(&w->active);
            f = ngx_queue_data(q, ngx_http_vcita_oauth_fetch_t, queue);

            ngx_http_vcita_oauth_fetch_release(f);
        }

        curl_multi_cleanup(w->multi);
        ERR_clear_error();

        w->multi = NULL;
    }

    if (w->connection) {

        if (w->timer.timer_set) {
            ngx_del_timer(&w->timer);
        }

        if (w->nudge.timer_set) {
            ngx_del_timer(&w->nudge);
        }

        if (w->kick.posted) {
            ngx_delete_posted_event(&w->kick);
        }

        ngx_close_connection(w->connection);
        w->connection = NULL;
    }

    if (w->global) {
        curl_global_cleanup();
        w->global = 0;
    }
}


static ngx_int_t
ngx_http_vcita_oauth_fetch_init(ngx_log_t *log)
{
    ngx_http_vcita_oauth_fetch_worker_t  *w;

    w = &ngx_http_vcita_oauth_worker;

    if (!w->global) {

        if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
            ngx_log_error(NGX_LOG_CRIT, log, 0,
                          "libcurl could not be initialised");
            return NGX_ERROR;
        }

        w->global = 1;
        w->nudges = (curl_version_info(CURLVERSION_NOW)->version_num
                     < 0x080400);
    }

    if (w->connection == NULL
        && ngx_http_vcita_oauth_fetch_init_epoll(log) != NGX_OK)
    {
        return NGX_ERROR;
    }

    return ngx_http_vcita_oauth_fetch_init_multi(log);
}


static ngx_int_t
ngx_http_vcita_oauth_fetch_init_multi(ngx_log_t *log)
{
    CURLM                                *multi;
    ngx_http_vcita_oauth_fetch_worker_t  *w;

    w = &ngx_http_vcita_oauth_worker;

    multi = curl_multi_init();

    if (multi == NULL
        || curl_multi_setopt(multi, CURLMOPT_SOCKETFUNCTION,
                             ngx_http_vcita_oauth_fetch_socket) != CURLM_OK
        || curl_multi_setopt(multi, CURLMOPT_TIMERFUNCTION,
                             ngx_http_vcita_oauth_fetch_timer) != CURLM_OK
        || curl_multi_setopt(multi, CURLMOPT_PIPELINING, CURLPIPE_NOTHING)
           != CURLM_OK
        || curl_multi_setopt(multi, CURLMOPT_MAXCONNECTS, 8L) != CURLM_OK)
    {
        ngx_log_error(NGX_LOG_CRIT, log, 0,
                      "libcurl could not make a multi handle");

        if (multi) {
            curl_multi_cleanup(multi);
        }

        return NGX_ERROR;
    }

    ngx_queue_init(&w->active);
    w->nactive = 0;
    w->multi = multi;

    ngx_http_vcita_oauth_fetch_event(&w->timer,
                                    ngx_http_vcita_oauth_fetch_timer_handler);
    ngx_http_vcita_oauth_fetch_event(&w->kick,
                                    ngx_http_vcita_oauth_fetch_timer_handler);
    ngx_http_vcita_oauth_fetch_event(&w->nudge,
                                    ngx_http_vcita_oauth_fetch_nudge_handler);

    /* only the deadline of a fetch keeps a worker that quits alive */

    w->timer.cancelable = 1;
    w->nudge.cancelable = 1;

    return NGX_OK;
}


static ngx_int_t
ngx_http_vcita_oauth_fetch_init_epoll(ngx_log_t *log)
{
    int                                   fd;
    ngx_connection_t                     *c;
    ngx_http_vcita_oauth_fetch_worker_t  *w;

    w = &ngx_http_vcita_oauth_worker;

    fd = epoll_create1(EPOLL_CLOEXEC);

    if (fd == -1) {
        ngx_log_error(NGX_LOG_ALERT, log, ngx_errno,
                      "epoll_create1() failed");
        return NGX_ERROR;
    }

    c = ngx_get_connection(fd, ngx_cycle->log);

    if (c == NULL) {
        (void) close(fd);
        return NGX_ERROR;
    }

    c->pool = NULL;
    c->log = ngx_cycle->log;
    c->read->log = c->log;
    c->write->log = c->log;
    c->read->handler = ngx_http_vcita_oauth_fetch_epoll_handler;

    if (ngx_add_event(c->read, NGX_READ_EVENT, NGX_LEVEL_EVENT) != NGX_OK) {
        ngx_close_connection(c);
        return NGX_ERROR;
    }

    w->epoll = fd;
    w->connection = c;

    return NGX_OK;
}


static ngx_int_t
ngx_http_vcita_oauth_fetch_setup(ngx_http_vcita_oauth_fetch_t *f)
{
    CURL  *e;

    e = f->easy;

    if (curl_easy_setopt(e, CURLOPT_PRIVATE, f) != CURLE_OK
        || curl_easy_setopt(e, CURLOPT_ERRORBUFFER, f->error) != CURLE_OK
        || curl_easy_setopt(e, CURLOPT_URL, f->url.data) != CURLE_OK
        || curl_easy_setopt(e, CURLOPT_NOSIGNAL, 1L) != CURLE_OK
        || curl_easy_setopt(e, CURLOPT_QUICK_EXIT, 1L) != CURLE_OK
        || curl_easy_setopt(e, CURLOPT_PROTOCOLS_STR, "http,https")
           != CURLE_OK
        || curl_easy_setopt(e, CURLOPT_FOLLOWLOCATION, 0L) != CURLE_OK
        || curl_easy_setopt(e, CURLOPT_PROXY,
                            f->peer->proxy.len ? (char *) f->peer->proxy.data
                                               : "") != CURLE_OK
        || curl_easy_setopt(e, CURLOPT_HTTP_VERSION,
                            (long) CURL_HTTP_VERSION_1_1) != CURLE_OK
        || curl_easy_setopt(e, CURLOPT_CONNECTTIMEOUT_MS,
                            (long) f->peer->connect_timeout) != CURLE_OK
        || curl_easy_setopt(e, CURLOPT_TIMEOUT_MS, (long) f->peer->timeout)
           != CURLE_OK
        || curl_easy_setopt(e, CURLOPT_MAXFILESIZE_LARGE,
                            (curl_off_t) NGX_HTTP_VCITA_OAUTH_FETCH_BODY)
           != CURLE_OK
        || curl_easy_setopt(e, CURLOPT_WRITEFUNCTION,
                            ngx_http_vcita_oauth_fetch_write) != CURLE_OK
        || curl_easy_setopt(e, CURLOPT_WRITEDATA, f) != CURLE_OK
        || curl_easy_setopt(e, CURLOPT_HEADERFUNCTION,
                            ngx_http_vcita_oauth_fetch_read_header)
           != CURLE_OK
        || curl_easy_setopt(e, CURLOPT_HEADERDATA, f) != CURLE_OK)
    {
        return NGX_ERROR;
    }

    if (ngx_http_vcita_oauth_fetch_setup_tls(f) != NGX_OK) {
        return NGX_ERROR;
    }

    return ngx_http_vcita_oauth_fetch_setup_method(f);
}


/*
 * The certificates are those of the store made at configuration time: the
 * files that libcurl would read by itself cost 50 ms and more per connection.
 */

static ngx_int_t
ngx_http_vcita_oauth_fetch_setup_tls(ngx_http_vcita_oauth_fetch_t *f)
{
    CURL  *e;
    long   verify;

    e = f->easy;
    verify = f->peer->verify ? 1L : 0L;

    if (curl_easy_setopt(e, CURLOPT_SSL_VERIFYPEER, verify) != CURLE_OK
        || curl_easy_setopt(e, CURLOPT_SSL_VERIFYHOST, verify * 2)
           != CURLE_OK
        || curl_easy_setopt(e, CURLOPT_CAINFO, NULL) != CURLE_OK
        || curl_easy_setopt(e, CURLOPT_CAPATH, NULL) != CURLE_OK
        || curl_easy_setopt(e, CURLOPT_SSL_CTX_FUNCTION,
                            ngx_http_vcita_oauth_fetch_tls) != CURLE_OK
        || curl_easy_setopt(e, CURLOPT_SSL_CTX_DATA, f) != CURLE_OK)
    {
        return NGX_ERROR;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_vcita_oauth_fetch_setup_method(ngx_http_vcita_oauth_fetch_t *f)
{
    CURL       *e;
    ngx_str_t   value;

    e = f->easy;

    ngx_str_set(&value, "application/json");

    if (ngx_http_vcita_oauth_fetch_header(f, "Accept", &value) != NGX_OK) {
        return NGX_ERROR;
    }

    if (f->bearer.len
        && ngx_http_vcita_oauth_fetch_header(f, "Authorization: Bearer",
                                             &f->bearer)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (f->body.len) {

        /*
         * libcurl sends a POST again by itself when a connection that it
         * reused turns out dead; a code must go out once
         */

        if (ngx_http_vcita_oauth_fetch_header(f, "Content-Type",
                                              &f->content_type) != NGX_OK
            || curl_easy_setopt(e, CURLOPT_POST, 1L) != CURLE_OK
            || curl_easy_setopt(e, CURLOPT_POSTFIELDS, f->body.data)
               != CURLE_OK
            || curl_easy_setopt(e, CURLOPT_POSTFIELDSIZE_LARGE,
                                (curl_off_t) f->body.len) != CURLE_OK
            || curl_easy_setopt(e, CURLOPT_FRESH_CONNECT, 1L) != CURLE_OK
            || curl_easy_setopt(e, CURLOPT_FORBID_REUSE, 1L) != CURLE_OK)
        {
            return NGX_ERROR;
        }
    }

    if (curl_easy_setopt(e, CURLOPT_HTTPHEADER, f->headers) != CURLE_OK) {
        return NGX_ERROR;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_vcita_oauth_fetch_header(ngx_http_vcita_oauth_fetch_t *f,
    const char *name, ngx_str_t *value)
{
    u_char             *line;
    size_t              len;
    struct curl_slist  *headers;

    len = ngx_strlen(name) + sizeof(": ") + value->len;

    line = ngx_pnalloc(f->pool, len);
    if (line == NULL) {
        return NGX_ERROR;
    }

    /* a name that has its scheme with it needs no colon */

    *ngx_sprintf(line, "%s%s %V", name, ngx_strchr(name, ':') ? "" : ":",
                 value) = '\0';

    headers = curl_slist_append(f->headers, (char *) line);

    ngx_explicit_memzero(line, len);

    if (headers == NULL) {
        return NGX_ERROR;
    }

    f->headers = headers;

    return NGX_OK;
}


static CURLcode
ngx_http_vcita_oauth_fetch_tls(CURL *easy, void *ssl_ctx, void *data)
{
    ngx_http_vcita_oauth_fetch_t *f = data;

    /* a reference: the store stays the configuration's */

    SSL_CTX_set1_cert_store(ssl_ctx, f->peer->store);

    return CURLE_OK;
}


static size_t
ngx_http_vcita_oauth_fetch_write(char *p, size_t size, size_t n, void *data)
{
    ngx_http_vcita_oauth_fetch_t *f = data;

    u_char  *old, *room;
    size_t   len;

    len = size * n;

    if (f->answer.len + len > NGX_HTTP_VCITA_OAUTH_FETCH_BODY) {
        return 0;
    }

    if (f->answer.len + len > f->room) {

        f->room = ngx_max(2 * f->room, NGX_HTTP_VCITA_OAUTH_FETCH_ROOM);
        f->room = ngx_max(f->room, f->answer.len + len);

        room = ngx_pnalloc(f->pool, f->room);
        if (room == NULL) {
            return 0;
        }

        old = f->answer.data;

        if (old) {
            ngx_memcpy(room, old, f->answer.len);
            ngx_explicit_memzero(old, f->answer.len);
            (void) ngx_pfree(f->pool, old);
        }

        f->answer.data = room;
    }

    ngx_memcpy(f->answer.data + f->answer.len, p, len);
    f->answer.len += len;

    return len;
}


static size_t
ngx_http_vcita_oauth_fetch_read_header(char *p, size_t size, size_t n,
    void *data)
{
    ngx_http_vcita_oauth_fetch_t *f = data;

    size_t     len, name;
    ngx_int_t  seconds;

    len = size * n;
    f->head += len;

    if (f->head > NGX_HTTP_VCITA_OAUTH_FETCH_HEAD) {
        return 0;
    }

    name = sizeof("Retry-After:") - 1;

    if (len > name
        && ngx_strncasecmp((u_char *) p, (u_char *) "Retry-After:", name)
           == 0)
    {
        while (name < len && p[name] == ' ') {
            name++;
        }

        while (len > name && (u_char) p[len - 1] <= ' ') {
            len--;
        }

        seconds = ngx_atoi((u_char *) p + name, len - name);

        if (seconds > 0) {
            f->retry_after = seconds;
        }
    }

    return size * n;
}


/*
 * Never fails: -1 would end every fetch of the worker.  A socket that could
 * not be watched ends at the deadline of its own fetch.
 */

static int
ngx_http_vcita_oauth_fetch_socket(CURL *easy, curl_socket_t fd, int what,
    void *data, void *socket_data)
{
    int                                   op;
    struct epoll_event                    ee;
    ngx_http_vcita_oauth_fetch_worker_t  *w;

    w = &ngx_http_vcita_oauth_worker;

    if (what == CURL_POLL_REMOVE) {

        /* a socket that was still connecting is closed already */

        (void) epoll_ctl(w->epoll, EPOLL_CTL_DEL, fd, NULL);
        (void) curl_multi_assign(w->multi, fd, NULL);
        return 0;
    }

    ngx_memzero(&ee, sizeof(struct epoll_event));

    ee.data.fd = fd;
    ee.events = ((what & CURL_POLL_IN) ? (uint32_t) EPOLLIN : 0)
                | ((what & CURL_POLL_OUT) ? (uint32_t) EPOLLOUT : 0);

    op = socket_data ? EPOLL_CTL_MOD : EPOLL_CTL_ADD;

    if (epoll_ctl(w->epoll, op, fd, &ee) == -1) {

        op = (op == EPOLL_CTL_MOD) ? EPOLL_CTL_ADD : EPOLL_CTL_MOD;

        if (epoll_ctl(w->epoll, op, fd, &ee) == -1) {
            ngx_log_error(NGX_LOG_ALERT, ngx_cycle->log, ngx_errno,
                          "epoll_ctl() failed for a connection to vcita");
            return 0;
        }
    }

    (void) curl_multi_assign(w->multi, fd, w);

    return 0;
}


static int
ngx_http_vcita_oauth_fetch_timer(CURLM *multi, long timeout, void *data)
{
    ngx_http_vcita_oauth_fetch_worker_t  *w;

    w = &ngx_http_vcita_oauth_worker;

    /* nginx would keep an old timer that is close to the new one */

    if (w->timer.timer_set) {
        ngx_del_timer(&w->timer);
    }

    if (timeout == 0) {
        ngx_post_event(&w->kick, &ngx_posted_events);
        return 0;
    }

    if (timeout > 0) {
        ngx_add_timer(&w->timer, timeout);
    }

    return 0;
}


static void
ngx_http_vcita_oauth_fetch_epoll_handler(ngx_event_t *ev)
{
    int                                   i, n, flags, running;
    ngx_connection_t                     *c;
    struct epoll_event                    events[
                                          NGX_HTTP_VCITA_OAUTH_FETCH_EVENTS];
    ngx_http_vcita_oauth_fetch_worker_t  *w;

    c = ev->data;
    w = &ngx_http_vcita_oauth_worker;

    if (c->close) {

        /* worker_shutdown_timeout */

        ngx_http_vcita_oauth_fetch_abort();
        return;
    }

    n = epoll_wait(w->epoll, events, NGX_HTTP_VCITA_OAUTH_FETCH_EVENTS, 0);

    for (i = 0; i < n; i++) {
        flags = 0;

        if (events[i].events & EPOLLIN) {
            flags |= CURL_CSELECT_IN;
        }

        if (events[i].events & EPOLLOUT) {
            flags |= CURL_CSELECT_OUT;
        }

        if (events[i].events & (EPOLLERR|EPOLLHUP)) {
            flags |= CURL_CSELECT_ERR;
        }

        (void) curl_multi_socket_action(w->multi, events[i].data.fd, flags,
                                        &running);
    }

    ngx_http_vcita_oauth_fetch_drain();
}


static void
ngx_http_vcita_oauth_fetch_timer_handler(ngx_event_t *ev)
{
    int                                   running;
    ngx_http_vcita_oauth_fetch_worker_t  *w;

    w = &ngx_http_vcita_oauth_worker;

    (void) curl_multi_socket_action(w->multi, CURL_SOCKET_TIMEOUT, 0,
                                    &running);

    ngx_http_vcita_oauth_fetch_drain();
}


static void
ngx_http_vcita_oauth_fetch_nudge_handler(ngx_event_t *ev)
{
    int                                   running;
    ngx_http_vcita_oauth_fetch_worker_t  *w;

    w = &ngx_http_vcita_oauth_worker;

    if (w->nactive == 0) {
        return;
    }

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"

    (void) curl_multi_socket_all(w->multi, &running);

#pragma GCC diagnostic pop

    ngx_http_vcita_oauth_fetch_drain();

    ngx_add_timer(ev, NGX_HTTP_VCITA_OAUTH_FETCH_NUDGE);
}


/* finds out which fetches have ended; their handlers run from posted events */

static void
ngx_http_vcita_oauth_fetch_drain(void)
{
    int                                   left;
    char                                 *private;
    CURLMsg                              *msg;
    ngx_http_vcita_oauth_fetch_t         *f;
    ngx_http_vcita_oauth_fetch_worker_t  *w;

    w = &ngx_http_vcita_oauth_worker;

    /* nginx would report what OpenSSL left behind at its own next handshake */

    ERR_clear_error();

    while ((msg = curl_multi_info_read(w->multi, &left)) != NULL) {

        if (msg->msg != CURLMSG_DONE
            || curl_easy_getinfo(msg->easy_handle, CURLINFO_PRIVATE, &private)
               != CURLE_OK)
        {
            continue;
        }

        f = (ngx_http_vcita_oauth_fetch_t *) private;
        f->code = msg->data.result;
        f->outcome = ngx_http_vcita_oauth_fetch_outcome(f);

        ngx_post_event(&f->done, &ngx_posted_events);
    }
}


static void
ngx_http_vcita_oauth_fetch_abort(void)
{
    ngx_queue_t                          *q;
    ngx_http_vcita_oauth_fetch_t         *f;
    ngx_http_vcita_oauth_fetch_worker_t  *w;

    w = &ngx_http_vcita_oauth_worker;

    for (q = ngx_queue_head(&w->active);
         q != ngx_queue_sentinel(&w->active);
         q = ngx_queue_next(q))
    {
        f = ngx_queue_data(q, ngx_http_vcita_oauth_fetch_t, queue);

        if (!f->done.posted) {
            ngx_post_event(&f->done, &ngx_posted_events);
        }
    }
}


static void
ngx_http_vcita_oauth_fetch_deadline_handler(ngx_event_t *ev)
{
    ngx_http_vcita_oauth_fetch_t  *f;

    f = (ngx_http_vcita_oauth_fetch_t *)
            ((u_char *) ev - offsetof(ngx_http_vcita_oauth_fetch_t, deadline));

    f->outcome = NGX_HTTP_VCITA_OAUTH_FETCH_TIMEOUT;

    ngx_http_vcita_oauth_fetch_done_handler(&f->done);
}


static void
ngx_http_vcita_oauth_fetch_done_handler(ngx_event_t *ev)
{
    ngx_http_vcita_oauth_fetch_t  *f;

    f = (ngx_http_vcita_oauth_fetch_t *)
            ((u_char *) ev - offsetof(ngx_http_vcita_oauth_fetch_t, done));

    ngx_http_vcita_oauth_fetch_release(f);

    f->handler(f);
}


static ngx_http_vcita_oauth_fetch_e
ngx_http_vcita_oauth_fetch_outcome(ngx_http_vcita_oauth_fetch_t *f)
{
    long  status;

    switch (f->code) {

    case CURLE_OK:
        status = 0;
        (void) curl_easy_getinfo(f->easy, CURLINFO_RESPONSE_CODE, &status);
        f->status = status;

        return NGX_HTTP_VCITA_OAUTH_FETCH_OK;

    case CURLE_OPERATION_TIMEDOUT:
        return NGX_HTTP_VCITA_OAUTH_FETCH_TIMEOUT;

    case CURLE_COULDNT_RESOLVE_PROXY:
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_CONNECT:
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_ISSUER_ERROR:
    case CURLE_PROXY:
        return NGX_HTTP_VCITA_OAUTH_FETCH_UNREACHABLE;

    default:
        break;
    }

    /* a proxy that refuses its CONNECT has passed nothing on */

    status = 0;
    (void) curl_easy_getinfo(f->easy, CURLINFO_HTTP_CONNECTCODE, &status);

    if (status != 0 && status != 200) {
        return NGX_HTTP_VCITA_OAUTH_FETCH_UNREACHABLE;
    }

    return NGX_HTTP_VCITA_OAUTH_FETCH_BROKEN;
}


static void
ngx_http_vcita_oauth_fetch_release(ngx_http_vcita_oauth_fetch_t *f)
{
    struct curl_slist                    *h;
    ngx_http_vcita_oauth_fetch_worker_t  *w;

    w = &ngx_http_vcita_oauth_worker;

    if (f->deadline.timer_set) {
        ngx_del_timer(&f->deadline);
    }

    if (f->done.posted) {
        ngx_delete_posted_event(&f->done);
    }

    (void) curl_multi_remove_handle(w->multi, f->easy);
    curl_easy_cleanup(f->easy);
    ERR_clear_error();

    f->easy = NULL;

    ngx_queue_remove(&f->queue);
    w->nactive--;

    for (h = f->headers; h; h = h->next) {
        ngx_explicit_memzero(h->data, ngx_strlen(h->data));
    }

    curl_slist_free_all(f->headers);
    f->headers = NULL;
}


static void
ngx_http_vcita_oauth_fetch_event(ngx_event_t *ev,
    ngx_event_handler_pt handler)
{
    ngx_memzero(ev, sizeof(ngx_event_t));

    ngx_http_vcita_oauth_worker.ident = -1;

    ev->handler = handler;
    ev->data = &ngx_http_vcita_oauth_worker;
    ev->log = ngx_cycle->log;
}


/*
 * libcurl must use the very OpenSSL that nginx does, since a store of
 * certificates is handed over
 */

ngx_int_t
ngx_http_vcita_oauth_fetch_check(ngx_log_t *log)
{
    size_t                    len;
    const char               *ours, *theirs;
    curl_version_info_data   *info;

    info = curl_version_info(CURLVERSION_NOW);

    theirs = info->ssl_version;
    ours = OpenSSL_version(OPENSSL_VERSION);

    /* "OpenSSL/3.0.22" beside "OpenSSL 3.0.22 25 Aug 2026" */

    len = theirs ? ngx_strlen(theirs) : 0;

    if (len > sizeof("OpenSSL/") - 1
        && ngx_strncmp(theirs, "OpenSSL/", sizeof("OpenSSL/") - 1) == 0
        && ngx_strncmp(ours, "OpenSSL ", sizeof("OpenSSL ") - 1) == 0
        && ngx_strncmp(theirs + sizeof("OpenSSL/") - 1,
                       ours + sizeof("OpenSSL ") - 1,
                       len - (sizeof("OpenSSL/") - 1))
           == 0
        && ours[len] == ' ')
    {
        return NGX_OK;
    }

    ngx_log_error(NGX_LOG_EMERG, log, 0,
                  "libcurl was built with \"%s\", nginx uses \"%s\": install "
                  "the libcurl that uses the same OpenSSL",
                  theirs ? theirs : "no TLS", ours);

    return NGX_ERROR;
}


/*
 * The certificates in the file, or, if its name is empty, those that the
 * system trusts.  The caller owns the store.
 */

X509_STORE *
ngx_http_vcita_oauth_fetch_store(ngx_str_t *file, ngx_log_t *log)
{
    const char              *name;
    X509_STORE              *store;
    curl_version_info_data  *info;

    info = curl_version_info(CURLVERSION_NOW);
    name = file->len ? (char *) file->data : info->cainfo;

    store = X509_STORE_new();
    if (store == NULL) {
        return NULL;
    }

    if (name && X509_STORE_load_locations(store, name, NULL) == 1) {
        return store;
    }

    if (file->len == 0 && X509_STORE_set_default_paths(store) == 1) {
        ERR_clear_error();
        return store;
    }

    ngx_log_error(NGX_LOG_EMERG, log, 0,
                  "no certificates could be loaded from \"%s\"", file->data);

    X509_STORE_free(store);
    ERR_clear_error();

    return NULL;
}
