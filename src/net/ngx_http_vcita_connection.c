
/*
 * Copyright (C) the vcita OAuth gate authors
 *
 * A client connection to a server that the operator names (Redis), plain or
 * TLS.  It outlives requests.  May touch nginx's connections and events.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_event.h>
#include <ngx_event_connect.h>

#include "net/ngx_http_vcita_connection.h"
#include "net/ngx_http_vcita_fetch.h"


#define NGX_HTTP_VCITA_CONNECTION_POOL  512


static ngx_int_t ngx_http_vcita_connection_start(
    ngx_http_vcita_connection_t *conn);
static void ngx_http_vcita_connection_connect_handler(ngx_event_t *ev);
static void ngx_http_vcita_connection_opened(ngx_http_vcita_connection_t *conn,
    ngx_int_t rc);
static void ngx_http_vcita_connection_read_handler(ngx_event_t *ev);
static void ngx_http_vcita_connection_write_handler(ngx_event_t *ev);

#if (NGX_SSL)

static ngx_int_t ngx_http_vcita_connection_handshake(
    ngx_http_vcita_connection_t *conn);
static ngx_int_t ngx_http_vcita_connection_name(
    ngx_http_vcita_connection_t *conn);
static void ngx_http_vcita_connection_handshake_handler(ngx_connection_t *c);
static void ngx_http_vcita_connection_verify_failed(
    ngx_http_vcita_connection_t *conn);

#endif


/*
 * An ngx_ssl_t in cf->pool.  It trusts the certificates in the file, or the
 * system's if the file name is empty, and shows the certificate if there is
 * one.  NULL: the reason is logged.
 */

void *
ngx_http_vcita_connection_ssl(ngx_conf_t *cf, ngx_str_t *ca, ngx_str_t *cert,
    ngx_str_t *key)
{
#if (NGX_SSL)

    ngx_ssl_t           *ssl;
    X509_STORE          *store;
    ngx_pool_cleanup_t  *cln;

    ssl = ngx_pcalloc(cf->pool, sizeof(ngx_ssl_t));
    if (ssl == NULL) {
        return NULL;
    }

    ssl->log = cf->log;

    if (ngx_ssl_create(ssl, NGX_SSL_TLSv1_2|NGX_SSL_TLSv1_3, NULL)
        != NGX_OK)
    {
        return NULL;
    }

    cln = ngx_pool_cleanup_add(cf->pool, 0);
    if (cln == NULL) {
        ngx_ssl_cleanup_ctx(ssl);
        return NULL;
    }

    cln->handler = ngx_ssl_cleanup_ctx;
    cln->data = ssl;

    store = ngx_http_vcita_fetch_store(ca, cf->log);
    if (store == NULL) {
        return NULL;
    }

    SSL_CTX_set_cert_store(ssl->ctx, store);

    if (cert->len
        && ngx_ssl_certificate(cf, ssl, cert, key, NULL) != NGX_OK)
    {
        return NULL;
    }

    return ssl;

#else

    ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                  "nginx was built without SSL support, \"rediss://\" cannot "
                  "be used");
    return NULL;

#endif
}


/*
 * NGX_OK: the connection is open.  NGX_AGAIN: conn->opened is called once,
 * unless the connection is closed first.  NGX_ERROR: opening failed, and the
 * connection is closed.  The caller has to limit the time.
 */

ngx_int_t
ngx_http_vcita_connection_open(ngx_http_vcita_connection_t *conn,
    ngx_addr_t *addr)
{
    ngx_int_t               rc;
    ngx_connection_t       *c;
    ngx_peer_connection_t   peer;

    ngx_memzero(&peer, sizeof(ngx_peer_connection_t));

    peer.sockaddr = addr->sockaddr;
    peer.socklen = addr->socklen;
    peer.name = &addr->name;
    peer.get = ngx_event_get_peer;
    peer.log = conn->log;
    peer.log_error = NGX_ERROR_ERR;
    peer.so_keepalive = 1;

    rc = ngx_event_connect_peer(&peer);

    if (rc != NGX_OK && rc != NGX_AGAIN) {
        return NGX_ERROR;
    }

    c = peer.connection;
    conn->connection = c;

    c->data = conn;
    c->read->handler = ngx_http_vcita_connection_connect_handler;
    c->write->handler = ngx_http_vcita_connection_connect_handler;

    c->pool = ngx_create_pool(NGX_HTTP_VCITA_CONNECTION_POOL, conn->log);

    if (c->pool == NULL
        || (addr->sockaddr->sa_family != AF_UNIX
            && ngx_tcp_nodelay(c) != NGX_OK))
    {
        ngx_http_vcita_connection_close(conn);
        return NGX_ERROR;
    }

    if (rc == NGX_OK) {
        rc = ngx_http_vcita_connection_start(conn);
    }

    if (rc == NGX_ERROR) {
        ngx_http_vcita_connection_close(conn);
    }

    return rc;
}


/* Does nothing if the connection is closed already */

void
ngx_http_vcita_connection_close(ngx_http_vcita_connection_t *conn)
{
    ngx_pool_t        *pool;
    ngx_connection_t  *c;

    c = conn->connection;

    if (c == NULL) {
        return;
    }

    conn->connection = NULL;

#if (NGX_SSL)

    if (c->ssl) {
        c->ssl->no_wait_shutdown = 1;
        c->ssl->no_send_shutdown = 1;

        (void) ngx_ssl_shutdown(c);
    }

#endif

    pool = c->pool;

    ngx_close_connection(c);

    if (pool) {
        ngx_destroy_pool(pool);
    }
}


/* Called when TCP is connected: starts TLS if it is configured */

static ngx_int_t
ngx_http_vcita_connection_start(ngx_http_vcita_connection_t *conn)
{
    ngx_connection_t  *c;

    c = conn->connection;

#if (NGX_SSL)

    if (conn->ssl && c->ssl == NULL) {
        return ngx_http_vcita_connection_handshake(conn);
    }

#endif

    c->read->handler = ngx_http_vcita_connection_read_handler;
    c->write->handler = ngx_http_vcita_connection_write_handler;

    return ngx_handle_read_event(c->read, 0);
}


static void
ngx_http_vcita_connection_connect_handler(ngx_event_t *ev)
{
    int                           err;
    socklen_t                     len;
    ngx_int_t                     rc;
    ngx_connection_t             *c;
    ngx_http_vcita_connection_t  *conn;

    c = ev->data;
    conn = c->data;

    err = 0;
    len = sizeof(int);

    if (getsockopt(c->fd, SOL_SOCKET, SO_ERROR, (void *) &err, &len) == -1) {
        err = ngx_socket_errno;
    }

    if (err) {
        (void) ngx_connection_error(c, err, "connect() failed");
    }

    rc = (err || c->close) ? NGX_ERROR : ngx_http_vcita_connection_start(conn);

    if (rc != NGX_AGAIN) {
        ngx_http_vcita_connection_opened(conn, rc);
    }
}


static void
ngx_http_vcita_connection_opened(ngx_http_vcita_connection_t *conn,
    ngx_int_t rc)
{
    if (rc != NGX_OK) {
        ngx_http_vcita_connection_close(conn);
    }

    conn->opened(conn, rc);
}


static void
ngx_http_vcita_connection_read_handler(ngx_event_t *ev)
{
    ngx_connection_t             *c;
    ngx_http_vcita_connection_t  *conn;

    c = ev->data;
    conn = c->data;

    conn->readable(conn);
}


static void
ngx_http_vcita_connection_write_handler(ngx_event_t *ev)
{
    ngx_connection_t             *c;
    ngx_http_vcita_connection_t  *conn;

    c = ev->data;
    conn = c->data;

    conn->writable(conn);
}


#if (NGX_SSL)

static ngx_int_t
ngx_http_vcita_connection_handshake(ngx_http_vcita_connection_t *conn)
{
    ngx_int_t          rc;
    ngx_connection_t  *c;

    c = conn->connection;

    if (ngx_ssl_create_connection(conn->ssl, c,
                                  NGX_SSL_BUFFER|NGX_SSL_CLIENT)
        != NGX_OK
        || ngx_http_vcita_connection_name(conn) != NGX_OK)
    {
        return NGX_ERROR;
    }

    rc = ngx_ssl_handshake(c);

    if (rc == NGX_AGAIN) {
        c->ssl->handler = ngx_http_vcita_connection_handshake_handler;
        return NGX_AGAIN;
    }

    if (rc != NGX_OK) {
        ngx_http_vcita_connection_verify_failed(conn);
        return NGX_ERROR;
    }

    return ngx_http_vcita_connection_start(conn);
}


/*
 * OpenSSL checks the host name or IP address while it verifies the certificate
 * chain.  Without SSL_VERIFY_PEER a mismatch does not fail the handshake.
 */

static ngx_int_t
ngx_http_vcita_connection_name(ngx_http_vcita_connection_t *conn)
{
    char               *host;
    SSL                *ssl;
    X509_VERIFY_PARAM  *param;

    ssl = conn->connection->ssl->connection;
    host = (char *) conn->host.data;

    param = SSL_get0_param(ssl);

    if (X509_VERIFY_PARAM_set1_ip_asc(param, host) != 1) {

        ERR_clear_error();

        if (SSL_set_tlsext_host_name(ssl, host) != 1
            || X509_VERIFY_PARAM_set1_host(param, host, conn->host.len) != 1)
        {
            ngx_ssl_error(NGX_LOG_CRIT, conn->log, 0,
                          "could not set the TLS server name \"%s\"", host);
            return NGX_ERROR;
        }

        X509_VERIFY_PARAM_set_hostflags(param,
                                        X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    }

    SSL_set_verify(ssl, conn->verify ? SSL_VERIFY_PEER : SSL_VERIFY_NONE,
                   NULL);

    return NGX_OK;
}


static void
ngx_http_vcita_connection_handshake_handler(ngx_connection_t *c)
{
    ngx_int_t                     rc;
    ngx_http_vcita_connection_t  *conn;

    conn = c->data;

    if (c->ssl->handshaked) {
        rc = ngx_http_vcita_connection_start(conn);

    } else {
        ngx_http_vcita_connection_verify_failed(conn);
        rc = NGX_ERROR;
    }

    ngx_http_vcita_connection_opened(conn, rc);
}


static void
ngx_http_vcita_connection_verify_failed(ngx_http_vcita_connection_t *conn)
{
    long  rc;

    rc = SSL_get_verify_result(conn->connection->ssl->connection);

    if (conn->verify && rc != X509_V_OK) {
        ngx_log_error(NGX_LOG_ERR, conn->log, 0,
                      "the certificate of \"%V\" was rejected: %s",
                      &conn->host, X509_verify_cert_error_string(rc));
    }
}

#endif
