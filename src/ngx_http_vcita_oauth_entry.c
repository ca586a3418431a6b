
/*
 * Copyright (C) the vcita OAuth gate authors
 *
 * The entry, POST_READ: once for each request to a server that has a gate,
 * before anything reads its cookies or rewrites its address.  Makes the
 * context, cuts our cookies out of the request, and marks the callback.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "ngx_http_vcita_oauth.h"
#include "ngx_http_vcita_oauth_subrequest.h"


static ngx_int_t ngx_http_vcita_oauth_entry_callback(ngx_http_request_t *r);
static void ngx_http_vcita_oauth_entry_referer(ngx_http_request_t *r,
    ngx_str_t *callback);
static ngx_int_t ngx_http_vcita_oauth_entry_mask(ngx_http_request_t *r);
static void ngx_http_vcita_oauth_ctx_cleanup(void *data);


ngx_int_t
ngx_http_vcita_oauth_entry_handler(ngx_http_request_t *r)
{
    ngx_uint_t                         i;
    ngx_pool_cleanup_t                *cln;
    ngx_http_vcita_oauth_app_t       **app;
    ngx_http_vcita_oauth_ctx_t        *ctx;
    ngx_http_vcita_oauth_srv_conf_t   *vscf;

    vscf = ngx_http_get_module_srv_conf(r, ngx_http_vcita_oauth_module);

    if (vscf->apps.nelts == 0 || r != r->main) {
        return NGX_DECLINED;
    }

    /* the cleanup is also how the context is found after a redirect */

    cln = ngx_pool_cleanup_add(r->pool, sizeof(ngx_http_vcita_oauth_ctx_t));
    if (cln == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ctx = cln->data;
    ngx_memzero(ctx, sizeof(ngx_http_vcita_oauth_ctx_t));

    cln->handler = ngx_http_vcita_oauth_ctx_cleanup;

    /* an array that has room for the usual ones without an allocation */

    ctx->cookies.elts = ctx->found;
    ctx->cookies.size = sizeof(ngx_http_vcita_oauth_found_t);
    ctx->cookies.nalloc = NGX_HTTP_VCITA_OAUTH_FOUND;
    ctx->cookies.pool = r->pool;

    if (ngx_http_vcita_oauth_cookies_cut(&r->headers_in, r->pool,
                                         &vscf->cookies, &vscf->stems,
                                         &ctx->cookies)
        != NGX_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ngx_http_set_ctx(r, ctx, ngx_http_vcita_oauth_module);

    app = vscf->apps.elts;

    for (i = 0; i < vscf->apps.nelts; i++) {

        if (app[i]->redirect.callback.len == r->uri.len
            && ngx_memcmp(app[i]->redirect.callback.data, r->uri.data,
                          r->uri.len)
               == 0)
        {
            ctx->callback = app[i];

            if (ngx_http_vcita_oauth_entry_callback(r) != NGX_OK) {
                return NGX_HTTP_INTERNAL_SERVER_ERROR;
            }
        }

        ngx_http_vcita_oauth_entry_referer(r, &app[i]->redirect.callback);
    }

    return NGX_DECLINED;
}


/* whoever answers a callback, nobody is to store the answer or tell of it */

static ngx_int_t
ngx_http_vcita_oauth_entry_callback(ngx_http_request_t *r)
{
    ngx_str_t  value;

    ngx_str_set(&value, "no-store");

    if (ngx_http_vcita_oauth_add_header(r, "Cache-Control", &value) == NULL) {
        return NGX_ERROR;
    }

    ngx_str_set(&value, "no-referrer");

    if (ngx_http_vcita_oauth_add_header(r, "Referrer-Policy", &value)
        == NULL)
    {
        return NGX_ERROR;
    }

    return ngx_http_vcita_oauth_entry_mask(r);
}


/* nginx logs the referrer with each error: a callback's goes without query */

static void
ngx_http_vcita_oauth_entry_referer(ngx_http_request_t *r, ngx_str_t *callback)
{
    u_char     *query;
    ngx_str_t  *referer;

    if (r->headers_in.referer == NULL) {
        return;
    }

    referer = &r->headers_in.referer->value;

    query = memchr(referer->data, '?', referer->len);

    if (query
        && query - referer->data > (ssize_t) callback->len
        && ngx_strncmp(query - callback->len, callback->data, callback->len)
           == 0)
    {
        referer->len = query - referer->data;
        *query = '\0';
    }
}


/* a code and a state in the query are not for logs: $request is cut */

static ngx_int_t
ngx_http_vcita_oauth_entry_mask(ngx_http_request_t *r)
{
    u_char     *p, *query, *last, *tail;
    ngx_str_t  *line;

    line = &r->request_line;
    last = line->data + line->len;

    query = ngx_strlchr(line->data, last, '?');

    if (query == NULL) {
        return NGX_OK;
    }

    for (tail = last; tail > query && tail[-1] != ' '; tail--) {
        /* void */
    }

    /* from the space before the protocol on, if there is one */

    tail = (tail == query) ? last : tail - 1;

    p = ngx_pnalloc(r->pool, line->len);
    if (p == NULL) {
        return NGX_ERROR;
    }

    last = ngx_cpymem(p, line->data, query - line->data);
    last = ngx_cpymem(last, tail, line->data + line->len - tail);

    line->data = p;
    line->len = last - p;

    return NGX_OK;
}


static void
ngx_http_vcita_oauth_ctx_cleanup(void *data)
{
    ngx_http_vcita_oauth_ctx_t *ctx = data;

    if (ctx->exchange) {
        ngx_http_vcita_oauth_exchange_cancel(ctx->exchange);
    }
}


/*
 * The context of the client's request, or of a subrequest that has been
 * through a gate; NULL where the server has none
 */

ngx_http_vcita_oauth_ctx_t *
ngx_http_vcita_oauth_get_ctx(ngx_http_request_t *r)
{
    ngx_pool_cleanup_t          *cln;
    ngx_http_vcita_oauth_ctx_t  *ctx;

    ctx = ngx_http_get_module_ctx(r, ngx_http_vcita_oauth_module);

    if (ctx || (r == r->main && !r->internal && !r->filter_finalize)) {
        return ctx;
    }

    /* an internal redirect or a subrequest: it is where it was made */

    for (cln = r->main->pool->cleanup; cln; cln = cln->next) {

        if (cln->handler == ngx_http_vcita_oauth_ctx_cleanup) {
            ctx = cln->data;

            if (r == r->main) {
                ctx->redirected = 1;

            } else {
                ctx = ngx_http_vcita_oauth_subrequest_ctx(r, ctx);
            }

            ngx_http_set_ctx(r, ctx, ngx_http_vcita_oauth_module);

            return ctx;
        }
    }

    return NULL;
}


/*
 * The next value of the application's cookie of this kind, "next" beginning
 * at 0.  NGX_DECLINED: there is no other.
 */

ngx_int_t
ngx_http_vcita_oauth_sent_cookie(ngx_http_request_t *r,
    ngx_http_vcita_oauth_ctx_t *ctx, ngx_http_vcita_oauth_app_t *app,
    ngx_uint_t kind, ngx_uint_t *next, ngx_str_t *value)
{
    ngx_http_vcita_oauth_app_t       **apps;
    ngx_http_vcita_oauth_found_t      *found;
    ngx_http_vcita_oauth_srv_conf_t   *vscf;

    vscf = ngx_http_get_module_srv_conf(r, ngx_http_vcita_oauth_module);

    apps = vscf->apps.elts;

    while (*next < ctx->cookies.nelts) {

        found = (ngx_http_vcita_oauth_found_t *) ctx->cookies.elts + *next;
        (*next)++;

        if (found->index % NGX_HTTP_VCITA_OAUTH_COOKIES == kind
            && apps[found->index / NGX_HTTP_VCITA_OAUTH_COOKIES] == app)
        {
            *value = found->value;
            return NGX_OK;
        }
    }

    return NGX_DECLINED;
}
