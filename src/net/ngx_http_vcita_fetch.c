
/*
 * Copyright (C) the vcita OAuth gate authors
 *
 * One HTTP request through libcurl, and its response within size and time
 * limits.  May touch libcurl, OpenSSL's certificate stores, and curl_multi.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_event.h>

#include <openssl/err.h>
#include <openssl/ssl.h>

#include "net/ngx_http_vcita_fetch.h"


#define NGX_HTTP_VCITA_FETCH_HEAD  65536
#define NGX_HTTP_VCITA_FETCH_ROOM  4096
#define NGX_HTTP_VCITA_FETCH_DAY   86400

/* libcurl's own timeout fires first */
#define NGX_HTTP_VCITA_FETCH_LATE  1000


static ngx_int_t ngx_http_vcita_fetch_setup(ngx_http_vcita_fetch_t *f);
static ngx_int_t ngx_http_vcita_fetch_setup_tls(ngx_http_vcita_fetch_t *f);
static ngx_int_t ngx_http_vcita_fetch_setup_method(ngx_http_vcita_fetch_t *f);
static ngx_int_t ngx_http_vcita_fetch_header(ngx_http_vcita_fetch_t *f,
    const char *name, ngx_str_t *value);
static CURLcode ngx_http_vcita_fetch_tls(CURL *easy, void *ssl_ctx,
    void *data);
static size_t ngx_http_vcita_fetch_write(char *p, size_t size,
    size_t n, void *data);
static size_t ngx_http_vcita_fetch_read_header(char *p, size_t size, size_t n,
    void *data);
static void ngx_http_vcita_fetch_retry_after(ngx_http_vcita_fetch_t *f,
    u_char *p, u_char *last);
static void ngx_http_vcita_fetch_done(ngx_http_vcita_transfer_t *t);
static ngx_http_vcita_fetch_e ngx_http_vcita_fetch_outcome(
    ngx_http_vcita_fetch_t *f);
static void ngx_http_vcita_fetch_release(ngx_http_vcita_transfer_t *t);


/*
 * Starts a request.  NGX_AGAIN: f->handler is called once from the event loop,
 * unless the request is cancelled.  NGX_BUSY: the worker has too many
 * transfers.  NGX_ERROR: the request could not be started.  f, its strings and
 * its body must live until then; libcurl does not copy the body.
 */

ngx_int_t
ngx_http_vcita_fetch(ngx_http_vcita_fetch_t *f)
{
    ngx_int_t                   rc;
    ngx_http_vcita_transfer_t  *t;

    f->began = ngx_current_msec;
    f->outcome = NGX_HTTP_VCITA_FETCH_BROKEN;
    f->status = 0;
    f->retry_after = 0;
    f->head = 0;
    f->room = 0;
    f->error[0] = '\0';
    ngx_str_null(&f->answer);

    t = &f->transfer;

    t->data = f;
    t->handler = ngx_http_vcita_fetch_done;
    t->release = ngx_http_vcita_fetch_release;

    t->easy = curl_easy_init();
    if (t->easy == NULL) {
        return NGX_ERROR;
    }

    rc = ngx_http_vcita_fetch_setup(f);

    if (rc == NGX_OK) {
        rc = ngx_http_vcita_curl_multi_add(t,
                                           f->endpoint->timeout
                                           + NGX_HTTP_VCITA_FETCH_LATE, f->log);
    }

    if (rc == NGX_OK) {
        return NGX_AGAIN;
    }

    if (rc == NGX_ERROR) {
        ngx_log_error(NGX_LOG_ERR, f->log, 0,
                      "libcurl could not start the request to \"%V\"",
                      &f->url);
    }

    ngx_http_vcita_fetch_release(t);

    return rc;
}


/* The handler is not called; does nothing if the request has ended */

void
ngx_http_vcita_fetch_cancel(ngx_http_vcita_fetch_t *f)
{
    if (f->transfer.easy) {
        ngx_http_vcita_curl_multi_remove(&f->transfer);
        ngx_http_vcita_fetch_release(&f->transfer);
    }
}


static ngx_int_t
ngx_http_vcita_fetch_setup(ngx_http_vcita_fetch_t *f)
{
    CURL  *e;

    e = f->transfer.easy;

    if (curl_easy_setopt(e, CURLOPT_ERRORBUFFER, f->error) != CURLE_OK
        || curl_easy_setopt(e, CURLOPT_URL, f->url.data) != CURLE_OK
        || curl_easy_setopt(e, CURLOPT_NOSIGNAL, 1L) != CURLE_OK
        || curl_easy_setopt(e, CURLOPT_QUICK_EXIT, 1L) != CURLE_OK
        || curl_easy_setopt(e, CURLOPT_PROTOCOLS_STR, "http,https") != CURLE_OK
        || curl_easy_setopt(e, CURLOPT_FOLLOWLOCATION, 0L) != CURLE_OK
        || curl_easy_setopt(e, CURLOPT_PROXY, f->endpoint->proxy.len
                            ? (char *) f->endpoint->proxy.data
                            : "") != CURLE_OK
        || curl_easy_setopt(e, CURLOPT_NOPROXY, "") != CURLE_OK
        || curl_easy_setopt(e, CURLOPT_HTTP_VERSION,
                            (long) CURL_HTTP_VERSION_1_1) != CURLE_OK
        || curl_easy_setopt(e, CURLOPT_USERAGENT,
                            NGX_HTTP_VCITA_FETCH_AGENT) != CURLE_OK
        || curl_easy_setopt(e, CURLOPT_CONNECTTIMEOUT_MS,
                            (long) f->endpoint->connect_timeout) != CURLE_OK
        || curl_easy_setopt(e, CURLOPT_TIMEOUT_MS, (long) f->endpoint->timeout)
           != CURLE_OK
        || curl_easy_setopt(e, CURLOPT_MAXFILESIZE_LARGE,
                            (curl_off_t) NGX_HTTP_VCITA_FETCH_BODY) != CURLE_OK
        || curl_easy_setopt(e, CURLOPT_WRITEFUNCTION,
                            ngx_http_vcita_fetch_write) != CURLE_OK
        || curl_easy_setopt(e, CURLOPT_WRITEDATA, f) != CURLE_OK
        || curl_easy_setopt(e, CURLOPT_HEADERFUNCTION,
                            ngx_http_vcita_fetch_read_header) != CURLE_OK
        || curl_easy_setopt(e, CURLOPT_HEADERDATA, f) != CURLE_OK)
    {
        return NGX_ERROR;
    }

    if (ngx_http_vcita_fetch_setup_tls(f) != NGX_OK) {
        return NGX_ERROR;
    }

    return ngx_http_vcita_fetch_setup_method(f);
}


/*
 * The X509_STORE is made at configuration time: libcurl's own CA files are
 * parsed again for each connection, which takes at least 50 ms.
 */

static ngx_int_t
ngx_http_vcita_fetch_setup_tls(ngx_http_vcita_fetch_t *f)
{
    CURL  *e;
    long   verify;

    e = f->transfer.easy;
    verify = f->endpoint->verify ? 1L : 0L;

    if (curl_easy_setopt(e, CURLOPT_SSL_VERIFYPEER, verify) != CURLE_OK
        || curl_easy_setopt(e, CURLOPT_SSL_VERIFYHOST, verify * 2)
           != CURLE_OK
        || curl_easy_setopt(e, CURLOPT_CAINFO, NULL) != CURLE_OK
        || curl_easy_setopt(e, CURLOPT_CAPATH, NULL) != CURLE_OK
        || curl_easy_setopt(e, CURLOPT_PROXY_CAINFO, NULL) != CURLE_OK
        || curl_easy_setopt(e, CURLOPT_PROXY_CAPATH, NULL) != CURLE_OK
        || curl_easy_setopt(e, CURLOPT_SSL_CTX_FUNCTION,
                            ngx_http_vcita_fetch_tls) != CURLE_OK
        || curl_easy_setopt(e, CURLOPT_SSL_CTX_DATA, f) != CURLE_OK)
    {
        return NGX_ERROR;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_vcita_fetch_setup_method(ngx_http_vcita_fetch_t *f)
{
    CURL       *e;
    ngx_str_t   value;

    e = f->transfer.easy;

    ngx_str_set(&value, "application/json");

    if (ngx_http_vcita_fetch_header(f, "Accept", &value) != NGX_OK) {
        return NGX_ERROR;
    }

    if (f->bearer.len
        && ngx_http_vcita_fetch_header(f, "Authorization: Bearer",
                                       &f->bearer)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (f->body.len) {

        if (ngx_http_vcita_fetch_header(f, "Content-Type",
                                        &f->content_type) != NGX_OK
            || curl_easy_setopt(e, CURLOPT_POST, 1L) != CURLE_OK
            || curl_easy_setopt(e, CURLOPT_POSTFIELDS, f->body.data)
               != CURLE_OK
            || curl_easy_setopt(e, CURLOPT_POSTFIELDSIZE_LARGE,
                                (curl_off_t) f->body.len) != CURLE_OK)
        {
            return NGX_ERROR;
        }
    }

    /*
     * libcurl sends a POST again if a reused connection turns out to be dead,
     * but an authorization code must be sent once (RFC 6749, 4.1.2).  Neither
     * does libcurl compare the X509_STORE when it reuses a connection.
     */

    if ((f->body.len || !f->endpoint->reuse)
        && (curl_easy_setopt(e, CURLOPT_FRESH_CONNECT, 1L) != CURLE_OK
            || curl_easy_setopt(e, CURLOPT_FORBID_REUSE, 1L) != CURLE_OK))
    {
        return NGX_ERROR;
    }

    if (curl_easy_setopt(e, CURLOPT_HTTPHEADER, f->headers) != CURLE_OK) {
        return NGX_ERROR;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_vcita_fetch_header(ngx_http_vcita_fetch_t *f, const char *name,
    ngx_str_t *value)
{
    u_char             *line;
    size_t              len;
    struct curl_slist  *headers;

    len = ngx_strlen(name) + sizeof(": ") + value->len;

    line = ngx_pnalloc(f->pool, len);
    if (line == NULL) {
        return NGX_ERROR;
    }

    /* a name that includes its scheme needs no ":" */

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
ngx_http_vcita_fetch_tls(CURL *easy, void *ssl_ctx, void *data)
{
    ngx_http_vcita_fetch_t *f = data;

    /* takes a reference: the configuration keeps the store */

    SSL_CTX_set1_cert_store(ssl_ctx, f->endpoint->store);

    return CURLE_OK;
}


static size_t
ngx_http_vcita_fetch_write(char *p, size_t size, size_t n, void *data)
{
    ngx_http_vcita_fetch_t *f = data;

    u_char  *old, *room;
    size_t   len;

    len = size * n;

    if (f->answer.len + len > NGX_HTTP_VCITA_FETCH_BODY) {
        return 0;
    }

    if (f->answer.len + len > f->room) {

        f->room = ngx_max(2 * f->room, NGX_HTTP_VCITA_FETCH_ROOM);
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
ngx_http_vcita_fetch_read_header(char *p, size_t size, size_t n, void *data)
{
    ngx_http_vcita_fetch_t *f = data;

    size_t  len, name;

    len = size * n;
    f->head += len;

    if (f->head > NGX_HTTP_VCITA_FETCH_HEAD) {
        return 0;
    }

    name = sizeof("Retry-After:") - 1;

    if (len > name
        && ngx_strncasecmp((u_char *) p, (u_char *) "Retry-After:", name)
           == 0)
    {
        ngx_http_vcita_fetch_retry_after(f, (u_char *) p + name,
                                         (u_char *) p + len);
    }

    return len;
}


/* Seconds or a date (RFC 9110, 10.2.3), limited to one day */

static void
ngx_http_vcita_fetch_retry_after(ngx_http_vcita_fetch_t *f, u_char *p,
    u_char *last)
{
    time_t  seconds;

    while (p < last && *p == ' ') {
        p++;
    }

    while (last > p && last[-1] <= ' ') {
        last--;
    }

    seconds = ngx_atotm(p, last - p);

    if (seconds == NGX_ERROR) {
        seconds = ngx_parse_http_time(p, last - p);

        if (seconds == NGX_ERROR) {
            return;
        }

        seconds -= ngx_time();
    }

    if (seconds > 0) {
        f->retry_after = ngx_min(seconds, NGX_HTTP_VCITA_FETCH_DAY);
    }
}


static void
ngx_http_vcita_fetch_done(ngx_http_vcita_transfer_t *t)
{
    ngx_http_vcita_fetch_t  *f;

    f = t->data;
    f->outcome = ngx_http_vcita_fetch_outcome(f);

    ngx_http_vcita_fetch_release(t);

    f->handler(f);
}


static ngx_http_vcita_fetch_e
ngx_http_vcita_fetch_outcome(ngx_http_vcita_fetch_t *f)
{
    CURL  *e;
    long   status;

    e = f->transfer.easy;

    switch (f->transfer.code) {

    case CURLE_OK:
        status = 0;
        (void) curl_easy_getinfo(e, CURLINFO_RESPONSE_CODE, &status);
        f->status = status;

        return NGX_HTTP_VCITA_FETCH_OK;

    case CURLE_OPERATION_TIMEDOUT:
        return NGX_HTTP_VCITA_FETCH_TIMEOUT;

    case CURLE_COULDNT_RESOLVE_PROXY:
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_CONNECT:
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_ISSUER_ERROR:
    case CURLE_PROXY:
        return NGX_HTTP_VCITA_FETCH_UNREACHABLE;

    default:
        break;
    }

    /* a proxy that refused CONNECT has forwarded nothing */

    status = 0;
    (void) curl_easy_getinfo(e, CURLINFO_HTTP_CONNECTCODE, &status);

    if (status != 0 && status / 100 != 2) {
        return NGX_HTTP_VCITA_FETCH_UNREACHABLE;
    }

    return NGX_HTTP_VCITA_FETCH_BROKEN;
}


static void
ngx_http_vcita_fetch_release(ngx_http_vcita_transfer_t *t)
{
    struct curl_slist       *h;
    ngx_http_vcita_fetch_t  *f;

    f = t->data;

    curl_easy_cleanup(t->easy);
    t->easy = NULL;

    ERR_clear_error();

    for (h = f->headers; h; h = h->next) {
        ngx_explicit_memzero(h->data, ngx_strlen(h->data));
    }

    curl_slist_free_all(f->headers);
    f->headers = NULL;
}


/* libcurl must use the same OpenSSL as nginx: they share an X509_STORE */

ngx_int_t
ngx_http_vcita_fetch_check(ngx_log_t *log)
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
                  "libcurl was built with \"%s\" but nginx uses \"%s\", "
                  "install the libcurl that uses nginx's OpenSSL",
                  theirs ? theirs : "no TLS", ours);

    return NGX_ERROR;
}


/*
 * The certificates in the file, or the system's if the file name is empty.  The
 * caller owns the store.
 */

X509_STORE *
ngx_http_vcita_fetch_store(ngx_str_t *file, ngx_log_t *log)
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
                  "no certificates could be loaded from \"%s\", check the CA "
                  "file",
                  name ? name : "the system");

    X509_STORE_free(store);
    ERR_clear_error();

    return NULL;
}
