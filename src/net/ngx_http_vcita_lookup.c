
/*
 * Copyright (C) the vcita OAuth gate authors
 *
 * Looks up host names by the system's resolver, off the event loop: each
 * look-up has a thread of its own, whose result arrives by an eventfd.  May
 * touch threads and nginx's connections.
 *
 * A thread touches its look-up, which is on the heap, and nothing of nginx.  It
 * may outlive the worker's event loop: it then frees its look-up itself.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_event.h>

#include <pthread.h>
#include <sys/eventfd.h>

#include "net/ngx_http_vcita_lookup.h"
#include "net/ngx_http_vcita_watch.h"


/* threads of a worker; an abandoned one ends when the resolver gives up */
#define NGX_HTTP_VCITA_LOOKUP_THREADS  32

/* addresses of a name */
#define NGX_HTTP_VCITA_LOOKUP_ADDRS    16


struct ngx_http_vcita_lookup_s {
    ngx_queue_t                 queue;      /* of ended look-ups */
    ngx_http_vcita_lookup_pt    handler;    /* NULL: forgotten */
    void                       *data;
    ngx_log_t                  *log;

    struct addrinfo            *found;
    int                         error;
    in_port_t                   port;
    size_t                      len;
    u_char                      host[1];
};


typedef struct {
    ngx_connection_t           *connection;
    ngx_uint_t                  threads;

    /* protected by the mutex */
    pthread_mutex_t             mutex;
    ngx_queue_t                 ended;
    int                         fd;         /* -1: the worker exits */
} ngx_http_vcita_lookups_t;


static ngx_int_t ngx_http_vcita_lookup_init(ngx_log_t *log);
static ngx_int_t ngx_http_vcita_lookup_thread(ngx_http_vcita_lookup_t *l);
static void *ngx_http_vcita_lookup_run(void *data);
static void ngx_http_vcita_lookup_event_handler(ngx_event_t *ev);
static ngx_http_vcita_lookup_t *ngx_http_vcita_lookup_next(
    ngx_queue_t *ended);
static void ngx_http_vcita_lookup_ended(ngx_queue_t *ended);
static ngx_http_vcita_addrs_t *ngx_http_vcita_lookup_addrs(
    ngx_http_vcita_lookup_t *l);
static ngx_uint_t ngx_http_vcita_lookup_usable(struct addrinfo *ai);
static void ngx_http_vcita_lookup_free(ngx_http_vcita_lookup_t *l);


static ngx_http_vcita_lookups_t  ngx_http_vcita_lookups = {
    .mutex = PTHREAD_MUTEX_INITIALIZER,
    .fd = -1
};


/*
 * Copies the host, which may be an address, too.  The handler is called once,
 * from the event loop, unless the look-up is forgotten; the log must live as
 * long.  NULL: no look-up could be started, and the log says why.
 */

ngx_http_vcita_lookup_t *
ngx_http_vcita_lookup_start(ngx_str_t *host, in_port_t port,
    ngx_http_vcita_lookup_pt handler, void *data, ngx_log_t *log)
{
    ngx_http_vcita_lookup_t  *l;

    if (ngx_http_vcita_lookups.connection == NULL
        && ngx_http_vcita_lookup_init(log) != NGX_OK)
    {
        return NULL;
    }

    if (ngx_http_vcita_lookups.threads >= NGX_HTTP_VCITA_LOOKUP_THREADS) {
        ngx_log_error(NGX_LOG_ERR, log, 0,
                      "\"%V\" is not looked up, %ui other look-ups have not "
                      "ended yet, check the resolver of this machine",
                      host, ngx_http_vcita_lookups.threads);
        return NULL;
    }

    l = ngx_calloc(sizeof(ngx_http_vcita_lookup_t) + host->len, log);
    if (l == NULL) {
        return NULL;
    }

    l->handler = handler;
    l->data = data;
    l->log = log;
    l->port = port;
    l->len = host->len;
    ngx_memcpy(l->host, host->data, host->len);

    if (ngx_http_vcita_lookup_thread(l) != NGX_OK) {
        ngx_free(l);
        return NULL;
    }

    ngx_http_vcita_lookups.threads++;

    return l;
}


/* The handler is not called; the thread goes on, and its result is dropped */

void
ngx_http_vcita_lookup_forget(ngx_http_vcita_lookup_t *l)
{
    l->handler = NULL;
}


/* The number of threads that run for look-ups of this worker */

ngx_uint_t
ngx_http_vcita_lookup_threads(void)
{
    return ngx_http_vcita_lookups.threads;
}


/* Called when the worker exits; no handler is called */

void
ngx_http_vcita_lookup_exit(void)
{
    ngx_queue_t                ended;
    ngx_http_vcita_lookup_t   *l;
    ngx_http_vcita_lookups_t  *s;

    s = &ngx_http_vcita_lookups;

    if (s->connection == NULL) {
        return;
    }

    ngx_http_vcita_lookup_ended(&ended);

    while ((l = ngx_http_vcita_lookup_next(&ended)) != NULL) {
        ngx_http_vcita_lookup_free(l);
    }

    (void) pthread_mutex_lock(&s->mutex);
    s->fd = -1;
    (void) pthread_mutex_unlock(&s->mutex);

    ngx_close_connection(s->connection);
    s->connection = NULL;
}


static ngx_int_t
ngx_http_vcita_lookup_init(ngx_log_t *log)
{
    int                        fd;
    ngx_connection_t          *c;
    ngx_http_vcita_lookups_t  *s;

    s = &ngx_http_vcita_lookups;

    fd = eventfd(0, EFD_CLOEXEC|EFD_NONBLOCK);

    if (fd == -1) {
        ngx_log_error(NGX_LOG_ALERT, log, ngx_errno, "eventfd() failed");
        return NGX_ERROR;
    }

    c = ngx_http_vcita_watch(fd, ngx_http_vcita_lookup_event_handler, log);

    if (c == NULL) {
        return NGX_ERROR;
    }

    ngx_queue_init(&s->ended);
    s->fd = fd;
    s->connection = c;

    return NGX_OK;
}


/* nginx's signal handlers have to run on the thread of the event loop */

static ngx_int_t
ngx_http_vcita_lookup_thread(ngx_http_vcita_lookup_t *l)
{
    int              err;
    sigset_t         all, old;
    pthread_t        thread;
    pthread_attr_t   attr;

    err = pthread_attr_init(&attr);

    if (err == 0) {
        (void) pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);

        (void) sigfillset(&all);
        (void) pthread_sigmask(SIG_SETMASK, &all, &old);

        err = pthread_create(&thread, &attr, ngx_http_vcita_lookup_run, l);

        (void) pthread_sigmask(SIG_SETMASK, &old, NULL);
        (void) pthread_attr_destroy(&attr);
    }

    if (err) {
        ngx_log_error(NGX_LOG_ALERT, l->log, err,
                      "pthread_create() failed for a name look-up");
        return NGX_ERROR;
    }

    return NGX_OK;
}


static void *
ngx_http_vcita_lookup_run(void *data)
{
    ngx_http_vcita_lookup_t *l = data;

    int                        err;
    uint64_t                   one;
    struct addrinfo            hints, *found;
    ngx_http_vcita_lookups_t  *s;

    ngx_memzero(&hints, sizeof(struct addrinfo));

    hints.ai_family = AF_UNSPEC;
    hints.ai_socktype = SOCK_STREAM;
    hints.ai_flags = AI_ADDRCONFIG;

    found = NULL;
    err = getaddrinfo((char *) l->host, NULL, &hints, &found);

    l->error = err;
    l->found = (err == 0) ? found : NULL;

    s = &ngx_http_vcita_lookups;

    (void) pthread_mutex_lock(&s->mutex);

    if (s->fd == -1) {
        ngx_http_vcita_lookup_free(l);

    } else {
        one = 1;
        ngx_queue_insert_tail(&s->ended, &l->queue);

        /* the eventfd is never full: a failure means that it is readable */

        if (write(s->fd, &one, sizeof(uint64_t)) == -1) { /* void */ }
    }

    (void) pthread_mutex_unlock(&s->mutex);

    return NULL;
}


static void
ngx_http_vcita_lookup_event_handler(ngx_event_t *ev)
{
    uint64_t                  n;
    ngx_queue_t               ended;
    ngx_connection_t         *c;
    ngx_http_vcita_addrs_t   *addrs;
    ngx_http_vcita_lookup_t  *l;

    c = ev->data;

    if (read(c->fd, &n, sizeof(uint64_t)) == -1) {

        /* the worker_shutdown_timeout has expired: nothing is to be read */

        return;
    }

    ngx_http_vcita_lookup_ended(&ended);

    while ((l = ngx_http_vcita_lookup_next(&ended)) != NULL) {

        if (l->handler) {
            addrs = ngx_http_vcita_lookup_addrs(l);
            l->handler(l->data, addrs);
        }

        ngx_http_vcita_lookup_free(l);
    }
}


static ngx_http_vcita_lookup_t *
ngx_http_vcita_lookup_next(ngx_queue_t *ended)
{
    ngx_queue_t  *q;

    if (ngx_queue_empty(ended)) {
        return NULL;
    }

    q = ngx_queue_head(ended);
    ngx_queue_remove(q);

    return ngx_queue_data(q, ngx_http_vcita_lookup_t, queue);
}


static void
ngx_http_vcita_lookup_ended(ngx_queue_t *ended)
{
    ngx_queue_t               *q;
    ngx_http_vcita_lookups_t  *s;

    s = &ngx_http_vcita_lookups;

    ngx_queue_init(ended);

    (void) pthread_mutex_lock(&s->mutex);

    while (!ngx_queue_empty(&s->ended)) {
        q = ngx_queue_head(&s->ended);
        ngx_queue_remove(q);
        ngx_queue_insert_tail(ended, q);
        s->threads--;
    }

    (void) pthread_mutex_unlock(&s->mutex);
}


static ngx_http_vcita_addrs_t *
ngx_http_vcita_lookup_addrs(ngx_http_vcita_lookup_t *l)
{
    u_char                  *p;
    ngx_addr_t              *addr;
    ngx_uint_t               n;
    ngx_sockaddr_t          *sockaddr;
    struct addrinfo         *ai;
    ngx_http_vcita_addrs_t  *addrs;

    n = 0;

    for (ai = l->found; ai; ai = ai->ai_next) {
        n += ngx_http_vcita_lookup_usable(ai);
    }

    if (n == 0) {
        ngx_log_error(NGX_LOG_ERR, l->log, 0, "\"%s\" could not be resolved%s"
                      "%s", l->host, l->error ? ": " : "",
                      l->error ? gai_strerror(l->error) : "");
        return NULL;
    }

    n = ngx_min(n, NGX_HTTP_VCITA_LOOKUP_ADDRS);

    addrs = ngx_calloc(sizeof(ngx_http_vcita_addrs_t)
                       + n * (sizeof(ngx_addr_t) + sizeof(ngx_sockaddr_t)
                              + NGX_SOCKADDR_STRLEN)
                       + l->len + 1, l->log);
    if (addrs == NULL) {
        return NULL;
    }

    addrs->addrs = (ngx_addr_t *) (addrs + 1);
    sockaddr = (ngx_sockaddr_t *) (addrs->addrs + n);
    p = (u_char *) (sockaddr + n);

    for (ai = l->found; ai && addrs->naddrs < n; ai = ai->ai_next) {

        if (!ngx_http_vcita_lookup_usable(ai)) {
            continue;
        }

        addr = &addrs->addrs[addrs->naddrs++];

        ngx_memcpy(sockaddr, ai->ai_addr, ai->ai_addrlen);

        addr->sockaddr = &sockaddr->sockaddr;
        addr->socklen = ai->ai_addrlen;
        ngx_inet_set_port(addr->sockaddr, l->port);

        addr->name.data = p;
        addr->name.len = ngx_sock_ntop(addr->sockaddr, addr->socklen, p,
                                       NGX_SOCKADDR_STRLEN, 1);

        p += NGX_SOCKADDR_STRLEN;
        sockaddr++;
    }

    addrs->host.data = p;
    addrs->host.len = l->len;
    ngx_memcpy(p, l->host, l->len);

    return addrs;
}


static ngx_uint_t
ngx_http_vcita_lookup_usable(struct addrinfo *ai)
{
    if (ai->ai_addrlen > sizeof(ngx_sockaddr_t)) {
        return 0;
    }

#if (NGX_HAVE_INET6)
    if (ai->ai_family == AF_INET6) {
        return 1;
    }
#endif

    return ai->ai_family == AF_INET;
}


/* may run in a look-up's thread: ngx_free() is free() */

static void
ngx_http_vcita_lookup_free(ngx_http_vcita_lookup_t *l)
{
    if (l->found) {
        freeaddrinfo(l->found);
    }

    ngx_free(l);
}
