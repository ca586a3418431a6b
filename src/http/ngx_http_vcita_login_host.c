
/*
 * Copyright (C) the vcita OAuth gate authors
 *
 * The hosts of a login: that of vcita, which differs for each brand.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "http/ngx_http_vcita_http.h"
#include "util/ngx_http_vcita_query.h"


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
