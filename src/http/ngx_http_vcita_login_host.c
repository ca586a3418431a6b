
/*
 * Copyright (C) the vcita OAuth gate authors
 *
 * The hosts of a login: that of vcita, which differs for each brand, and that
 * of the site where the login began, which may share a callback with others.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "http/ngx_http_vcita_http.h"
#include "util/ngx_http_vcita_query.h"


static void ngx_http_vcita_login_host_sent(ngx_http_request_t *r,
    ngx_str_t *host);
static ngx_uint_t ngx_http_vcita_login_host_shares(
    ngx_http_vcita_client_t *client, ngx_str_t *host);


/*
 * Sets the host of the authorize endpoint in the state, if it has variables.
 * All rounds of a login use the same one.  NGX_DECLINED: it is not host[:port].
 */

ngx_int_t
ngx_http_vcita_login_host_vcita(ngx_http_request_t *r,
    ngx_http_vcita_ctx_t *ctx, ngx_http_vcita_authorize_t *authorize,
    ngx_http_vcita_login_state_t *s)
{
    ngx_int_t  rc;
    ngx_str_t  args, host;

    if (authorize->host == NULL) {
        ngx_str_null(&s->vcita_host);
        return NGX_OK;
    }

    if (s->vcita_host.len) {
        return NGX_OK;
    }

    args = r->args;

    if (ctx->launched) {

        /* the hidden query may name the brand */

        r->args = ctx->query;
    }

    rc = ngx_http_complex_value(r, authorize->host, &host);

    r->args = args;

    if (rc != NGX_OK) {
        return NGX_ERROR;
    }

    if (host.len > NGX_HTTP_VCITA_STATE_HOST
        || ngx_http_vcita_query_authority(&host) != NGX_OK)
    {
        return NGX_DECLINED;
    }

    s->vcita_host = host;

    return NGX_OK;
}


/* The authorize URL up to this login's parameters, with vcita's host in it */

u_char *
ngx_http_vcita_login_host_prefix(u_char *p,
    ngx_http_vcita_authorize_t *authorize, ngx_http_vcita_login_state_t *s)
{
    u_char     *rest;
    ngx_str_t  *prefix;

    prefix = &authorize->prefix;
    rest = prefix->data;

    if (authorize->host) {
        p = ngx_cpymem(p, rest, authorize->authority.data - rest);
        p = ngx_cpymem(p, s->vcita_host.data, s->vcita_host.len);
        rest = authorize->authority.data + authorize->authority.len;
    }

    return ngx_cpymem(p, rest, prefix->data + prefix->len - rest);
}


/*
 * The host[:port] of the request, if it shares the client's cookies with the
 * host of redirect_uri, and differs from it; else empty
 */

void
ngx_http_vcita_login_host_own(ngx_http_request_t *r, ngx_http_vcita_ctx_t *ctx,
    ngx_http_vcita_client_t *client, ngx_str_t *host)
{
    ngx_str_t  authority;

    ngx_str_null(host);

    if (client->cookie_domain.len == 0) {
        return;
    }

    ngx_http_vcita_login_host_sent(r, host);

    authority.data = ctx->redirect_uri.data + client->redirect.scheme.len;
    authority.len = ctx->redirect_uri.len - client->redirect.scheme.len
                    - client->redirect.path.len;

    if (!ngx_http_vcita_login_host_shares(client, host)
        || (host->len == authority.len
            && ngx_strncasecmp(host->data, authority.data, host->len) == 0))
    {
        ngx_str_null(host);
    }
}


/*
 * Sets where the way back leads: to the host, by redirect_uri's scheme, or to
 * the origin of redirect_uri.  The configuration may have changed since a state
 * was sealed, so its host is checked again.
 */

ngx_int_t
ngx_http_vcita_login_host_origin(ngx_http_request_t *r,
    ngx_http_vcita_ctx_t *ctx, ngx_http_vcita_client_t *client, ngx_str_t *host)
{
    u_char     *p;
    ngx_str_t  *scheme;

    if (!ngx_http_vcita_login_host_shares(client, host)) {
        ctx->origin.data = ctx->redirect_uri.data;
        ctx->origin.len = ctx->redirect_uri.len - client->redirect.path.len;
        return NGX_OK;
    }

    scheme = &client->redirect.scheme;

    p = ngx_pnalloc(r->pool, scheme->len + host->len);
    if (p == NULL) {
        return NGX_ERROR;
    }

    ctx->origin.data = p;
    ctx->origin.len = scheme->len + host->len;

    p = ngx_cpymem(p, scheme->data, scheme->len);
    ngx_memcpy(p, host->data, host->len);

    return NGX_OK;
}


static void
ngx_http_vcita_login_host_sent(ngx_http_request_t *r, ngx_str_t *host)
{
    if (r->headers_in.host) {
        *host = r->headers_in.host->value;
        return;
    }

    /* the value of :authority, of which HTTP/3 makes no header */

    if (r->http_version >= NGX_HTTP_VERSION_20 && r->host_start && r->host_end)
    {
        host->data = r->host_start;
        host->len = r->host_end - r->host_start;
    }
}


/*
 * 1: the host[:port] is in the client's cookie domain.  nginx lets a header
 * such as "evil.example?.example.com" through, so the characters are checked.
 */

static ngx_uint_t
ngx_http_vcita_login_host_shares(ngx_http_vcita_client_t *client,
    ngx_str_t *host)
{
    if (client->cookie_domain.len == 0
        || host->len == 0
        || host->len > NGX_HTTP_VCITA_STATE_HOST)
    {
        return 0;
    }

    return isalnum(host->data[0])
           && ngx_strlchr(host->data, host->data + host->len, '_') == NULL
           && ngx_http_vcita_query_authority(host) == NGX_OK
           && ngx_http_vcita_query_within(host, &client->cookie_domain);
}
