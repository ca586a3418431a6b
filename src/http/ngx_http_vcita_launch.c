
/*
 * Copyright (C) the vcita OAuth gate authors
 *
 * The launch: vcita opens the app at its redirect_uri, which is also the app's
 * landing page.  It is a request for the callback path without a response of
 * the authorize endpoint.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "http/ngx_http_vcita_http.h"
#include "util/ngx_http_vcita_query.h"


static ngx_int_t ngx_http_vcita_launch_is(ngx_http_request_t *r,
    ngx_str_t *query);
static ngx_int_t ngx_http_vcita_launch_business(ngx_http_request_t *r,
    ngx_str_t *query, ngx_str_t *business);
static ngx_int_t ngx_http_vcita_launch_claim(ngx_http_vcita_ctx_t *ctx,
    ngx_str_t *claim);
static ngx_int_t ngx_http_vcita_launch_go(ngx_http_request_t *r,
    ngx_http_vcita_ctx_t *ctx, ngx_str_t *query);


/*
 * Answers a launch.  NGX_DECLINED: the request is none.  NGX_BUSY: the session
 * store is unavailable.
 */

ngx_int_t
ngx_http_vcita_launch(ngx_http_request_t *r, ngx_http_vcita_ctx_t *ctx)
{
    ngx_int_t  rc;
    ngx_str_t  business, claim;

    rc = ngx_http_vcita_launch_is(r, &ctx->query);

    if (rc != NGX_OK) {
        return (rc == NGX_DECLINED) ? NGX_DECLINED
                                    : NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    rc = ngx_http_vcita_launch_business(r, &ctx->query, &business);

    if (rc == NGX_OK) {
        rc = ngx_http_vcita_session_load(r, ctx, ctx->callback);
    }

    if (rc == NGX_AGAIN) {
        return ngx_http_vcita_wait(r);
    }

    if (rc == NGX_BUSY) {
        return NGX_BUSY;
    }

    if (rc == NGX_ERROR) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ctx->called_back = 1;

    if (rc == NGX_OK
        && ngx_http_vcita_launch_claim(ctx, &claim) == NGX_OK
        && !ngx_http_vcita_str_eq(&claim, &business))
    {
        ctx->launched = 1;

        return ngx_http_vcita_access_closed(r, ctx, ctx->callback);
    }

    return ngx_http_vcita_launch_go(r, ctx, &ctx->query);
}


/*
 * A login for a launch has finished.  There is no second one, so that a launch
 * always ends: the session may still be another business's.
 */

ngx_int_t
ngx_http_vcita_launch_return(ngx_http_request_t *r, ngx_http_vcita_ctx_t *ctx,
    ngx_http_vcita_login_state_t *s)
{
    u_char     *p, *last;
    ngx_str_t   query, business, claim;

    last = s->return_uri.data + s->return_uri.len;
    p = ngx_strlchr(s->return_uri.data, last, '?');

    query.data = p ? p + 1 : last;
    query.len = last - query.data;

    if (ngx_http_vcita_launch_business(r, &query, &business) == NGX_OK
        && ngx_http_vcita_launch_claim(ctx, &claim) == NGX_OK
        && !ngx_http_vcita_str_eq(&claim, &business))
    {
        ngx_log_error(NGX_LOG_WARN, r->connection->log, 0,
                      "the session is of another business than the launch, "
                      "even after a new login");
    }

    return ngx_http_vcita_launch_go(r, ctx, &query);
}


/* NGX_OK: the query has no parameter of an authorization response */

static ngx_int_t
ngx_http_vcita_launch_is(ngx_http_request_t *r, ngx_str_t *query)
{
    ngx_int_t     rc;
    ngx_str_t     value;
    const char  **name;

    static const char  *response[] = { "code", "state", "error", "iss", NULL };

    for (name = response; *name; name++) {

        rc = ngx_http_vcita_query_get(r->pool, query, *name, &value);

        if (rc != NGX_DECLINED) {
            return (rc == NGX_ERROR) ? NGX_ERROR : NGX_DECLINED;
        }
    }

    return NGX_OK;
}


/* NGX_DECLINED: the launch names no business, or more than one */

static ngx_int_t
ngx_http_vcita_launch_business(ngx_http_request_t *r, ngx_str_t *query,
    ngx_str_t *business)
{
    ngx_int_t  rc;

    rc = ngx_http_vcita_query_get(r->pool, query, "business_uid", business);

    if (rc == NGX_ERROR) {
        return NGX_ERROR;
    }

    return (rc == NGX_OK && business->len) ? NGX_OK : NGX_DECLINED;
}


/* the business of the session that was found, or that the exchange has made */

static ngx_int_t
ngx_http_vcita_launch_claim(ngx_http_vcita_ctx_t *ctx, ngx_str_t *claim)
{
    ngx_str_t                 name;
    ngx_uint_t                i, n;
    ngx_http_vcita_member_t  *c;

    static const char  *names[] = { "business_uid", "business_id" };

    for (n = 0; n < 2; n++) {

        name.data = (u_char *) names[n];
        name.len = ngx_strlen(names[n]);

        if (ctx->exchange == NULL) {

            if (ngx_http_vcita_session_claims_get(&ctx->session, &name, claim)
                == NGX_OK
                && claim->len)
            {
                return NGX_OK;
            }

            continue;
        }

        c = ctx->exchange->claims.elts;

        for (i = 0; i < ctx->exchange->claims.nelts; i++) {

            if (ngx_http_vcita_claim_has_value(&c[i])
                && c[i].value.len
                && ngx_http_vcita_str_eq(&c[i].name, &name))
            {
                *claim = c[i].value;
                return NGX_OK;
            }
        }
    }

    return NGX_DECLINED;
}


/* 303 to vcita_oauth_launch; the query only ever follows a path of this site */

static ngx_int_t
ngx_http_vcita_launch_go(ngx_http_request_t *r, ngx_http_vcita_ctx_t *ctx,
    ngx_str_t *query)
{
    u_char     *p;
    ngx_int_t   rc;
    ngx_str_t   location, *launch;

    launch = &ctx->callback->launch;

    p = ngx_pnalloc(r->pool, ctx->origin.len + launch->len + 1 + query->len);
    if (p == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    location.data = p;

    p = ngx_cpymem(p, ctx->origin.data, ctx->origin.len);
    p = ngx_cpymem(p, launch->data, launch->len);

    if (query->len) {
        *p++ = ngx_strlchr(launch->data, launch->data + launch->len, '?')
               ? '&' : '?';
        p = ngx_cpymem(p, query->data, query->len);
    }

    location.len = p - location.data;

    rc = ngx_http_vcita_page_redirect(r, NGX_HTTP_SEE_OTHER, &location);

    return ngx_http_vcita_page_answered(r, rc);
}
