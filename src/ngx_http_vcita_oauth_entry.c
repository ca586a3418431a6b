
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
#include "ngx_http_vcita_oauth_moved.h"
#include "ngx_http_vcita_oauth_subrequest.h"


/* a request's session cookies of one name that are looked at */
#define NGX_HTTP_VCITA_OAUTH_COOKIES_SEEN  8


static ngx_http_vcita_oauth_ctx_t *ngx_http_vcita_oauth_entry_ctx(
    ngx_http_request_t *r, ngx_http_vcita_oauth_srv_conf_t *vscf);
static void ngx_http_vcita_oauth_entry_forget(ngx_http_request_t *r);
static ngx_int_t ngx_http_vcita_oauth_entry_early(ngx_http_request_t *r,
    ngx_http_vcita_oauth_ctx_t *ctx, ngx_http_vcita_oauth_srv_conf_t *vscf);
static void ngx_http_vcita_oauth_entry_line(ngx_http_request_t *r);
static void ngx_http_vcita_oauth_entry_referer(ngx_http_request_t *r,
    ngx_str_t *callback);
static ngx_int_t ngx_http_vcita_oauth_entry_mask(ngx_http_request_t *r);
static void ngx_http_vcita_oauth_ctx_cleanup(void *data);


ngx_int_t
ngx_http_vcita_oauth_entry_handler(ngx_http_request_t *r)
{
    ngx_uint_t                         i;
    ngx_http_vcita_oauth_app_t       **app;
    ngx_http_vcita_oauth_ctx_t        *ctx;
    ngx_http_vcita_oauth_srv_conf_t   *vscf;

    vscf = ngx_http_get_module_srv_conf(r, ngx_http_vcita_oauth_module);

    if (vscf->apps.nelts == 0 || r != r->main) {
        return NGX_DECLINED;
    }

    ctx = ngx_http_vcita_oauth_entry_ctx(r, vscf);
    if (ctx == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    app = vscf->apps.elts;

    for (i = 0; i < vscf->apps.nelts; i++) {

        if (ngx_http_vcita_oauth_same(&app[i]->redirect.callback, &r->uri)) {
            ctx->callback = app[i];
        }

        ngx_http_vcita_oauth_entry_referer(r, &app[i]->redirect.callback);
    }

    if (ctx->callback) {

        if (ngx_http_vcita_oauth_entry_hide(r, ctx) != NGX_OK) {
            return NGX_HTTP_INTERNAL_SERVER_ERROR;
        }

    } else if (r->args.len
               && ngx_http_vcita_oauth_moved(r, ctx, &r->args) == NGX_ERROR)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return NGX_DECLINED;
}


/*
 * SERVER_REWRITE, REWRITE, LOG: the same for a request that nginx refused
 * before POST_READ, for a bad header say, and its error page.  No login starts
 * there.
 */

ngx_int_t
ngx_http_vcita_oauth_entry_late(ngx_http_request_t *r)
{
    ngx_uint_t                         i;
    ngx_http_vcita_oauth_app_t       **app;
    ngx_http_vcita_oauth_ctx_t        *ctx;
    ngx_http_vcita_oauth_srv_conf_t   *vscf;

    vscf = ngx_http_get_module_srv_conf(r, ngx_http_vcita_oauth_module);

    if (vscf->apps.nelts == 0
        || r != r->main
        || ngx_http_vcita_oauth_get_ctx(r))
    {
        return NGX_DECLINED;
    }

    ctx = ngx_http_vcita_oauth_entry_ctx(r, vscf);
    if (ctx == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ctx->redirected = 1;
    ctx->refused = 1;
    ctx->status = r->err_status ? (ngx_uint_t) r->err_status
                                : NGX_HTTP_BAD_REQUEST;

    app = vscf->apps.elts;

    for (i = 0; i < vscf->apps.nelts; i++) {
        ngx_http_vcita_oauth_entry_referer(r, &app[i]->redirect.callback);
    }

    if (ngx_http_vcita_oauth_entry_early(r, ctx, vscf) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (r->internal) {
        ngx_http_vcita_oauth_entry_forget(r);
    }

    return NGX_DECLINED;
}


/*
 * Drops the variables that error_page itself has read, which hold what was
 * taken from the request since; the request id stays the same
 */

static void
ngx_http_vcita_oauth_entry_forget(ngx_http_request_t *r)
{
    ngx_http_variable_value_t          id, *vv;
    ngx_http_core_main_conf_t         *cmcf;
    ngx_http_vcita_oauth_main_conf_t  *vmcf;

    cmcf = ngx_http_get_module_main_conf(r, ngx_http_core_module);
    vmcf = ngx_http_get_module_main_conf(r, ngx_http_vcita_oauth_module);

    vv = &r->variables[vmcf->request_id];
    id = *vv;

    ngx_memzero(r->variables, cmcf->variables.nelts
                              * sizeof(ngx_http_variable_value_t));

    *vv = id;
}


/* makes the context and cuts our cookies out of the request */

static ngx_http_vcita_oauth_ctx_t *
ngx_http_vcita_oauth_entry_ctx(ngx_http_request_t *r,
    ngx_http_vcita_oauth_srv_conf_t *vscf)
{
    ngx_pool_cleanup_t          *cln;
    ngx_http_vcita_oauth_ctx_t  *ctx;

    /* the cleanup is also how the context is found after a redirect */

    cln = ngx_pool_cleanup_add(r->pool, sizeof(ngx_http_vcita_oauth_ctx_t));
    if (cln == NULL) {
        return NULL;
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
        return NULL;
    }

    ngx_http_set_ctx(r, ctx, ngx_http_vcita_oauth_module);

    return ctx;
}


/*
 * The address of a request that was refused early is not normalized, or not
 * even complete, and r->uri may be that of the error page: whatever ends in
 * the callback's path counts as a callback
 */

static ngx_int_t
ngx_http_vcita_oauth_entry_early(ngx_http_request_t *r,
    ngx_http_vcita_oauth_ctx_t *ctx, ngx_http_vcita_oauth_srv_conf_t *vscf)
{
    u_char                       *query, *p, *dst, *src;
    ngx_str_t                    *text, *path, args;
    ngx_uint_t                    i;
    ngx_http_vcita_oauth_app_t  **app;

    ngx_http_vcita_oauth_entry_line(r);

    text = r->unparsed_uri.len ? &r->unparsed_uri : &r->request_line;

    query = ngx_strlchr(text->data, text->data + text->len, '?');

    if (query == NULL) {
        return NGX_OK;
    }

    p = ngx_pnalloc(r->pool, query - text->data);
    if (p == NULL) {
        return NGX_ERROR;
    }

    dst = p;
    src = text->data;

    ngx_unescape_uri(&dst, &src, query - src, 0);

    app = vscf->apps.elts;

    for (i = 0; i < vscf->apps.nelts; i++) {

        path = &app[i]->redirect.callback;

        if (dst - p >= (ssize_t) path->len
            && ngx_memcmp(dst - path->len, path->data, path->len) == 0)
        {
            return ngx_http_vcita_oauth_entry_hide(r, ctx);
        }
    }

    args.data = query + 1;
    args.len = text->data + text->len - args.data;

    return ngx_http_vcita_oauth_moved(r, ctx, &args) == NGX_ERROR ? NGX_ERROR
                                                                  : NGX_OK;
}


/* the request line as nginx makes it up for $request and its own log lines */

static void
ngx_http_vcita_oauth_entry_line(ngx_http_request_t *r)
{
    u_char  *p;

    if (r->request_line.data || r->request_start == NULL) {
        return;
    }

    for (p = r->request_start; p < r->header_in->last; p++) {

        if (*p == CR || *p == LF) {
            break;
        }
    }

    r->request_line.len = p - r->request_start;
    r->request_line.data = r->request_start;
}


/*
 * Takes the query of a callback, moved or not, for the module alone, and no
 * cache is to store the response nor a Referer to repeat the address
 */

ngx_int_t
ngx_http_vcita_oauth_entry_hide(ngx_http_request_t *r,
    ngx_http_vcita_oauth_ctx_t *ctx)
{
    u_char     *query, *last;
    ngx_str_t   value, *uri;

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

    uri = &r->unparsed_uri;
    last = uri->data + uri->len;

    /* after an internal redirect, the arguments may be the error page's own */

    if (!ctx->redirected
        || (r->args.data >= uri->data && r->args.data <= last))
    {
        ctx->query = r->args;
        ngx_str_null(&r->args);
    }

    query = ngx_strlchr(uri->data, last, '?');

    if (query) {
        uri->len = query - uri->data;
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
 * at 0.  NGX_DECLINED: there is no other.  A client chooses how many there
 * are, and each session costs a decryption or a question to a store: only the
 * first ones are looked at.  A login cookie costs a comparison.
 */

ngx_int_t
ngx_http_vcita_oauth_sent_cookie(ngx_http_request_t *r,
    ngx_http_vcita_oauth_ctx_t *ctx, ngx_http_vcita_oauth_app_t *app,
    ngx_uint_t kind, ngx_uint_t *next, ngx_str_t *value)
{
    ngx_uint_t                         i, n;
    ngx_http_vcita_oauth_app_t       **apps;
    ngx_http_vcita_oauth_found_t      *found;
    ngx_http_vcita_oauth_srv_conf_t   *vscf;

    vscf = ngx_http_get_module_srv_conf(r, ngx_http_vcita_oauth_module);

    apps = vscf->apps.elts;
    found = ctx->cookies.elts;
    n = 0;

    for (i = 0; i < ctx->cookies.nelts; i++) {

        if (found[i].index % NGX_HTTP_VCITA_OAUTH_COOKIES != kind
            || apps[found[i].index / NGX_HTTP_VCITA_OAUTH_COOKIES] != app)
        {
            continue;
        }

        if (kind == NGX_HTTP_VCITA_OAUTH_SESSION
            && n++ == NGX_HTTP_VCITA_OAUTH_COOKIES_SEEN)
        {
            break;
        }

        if (i >= *next) {
            *next = i + 1;
            *value = found[i].value;
            return NGX_OK;
        }
    }

    return NGX_DECLINED;
}
