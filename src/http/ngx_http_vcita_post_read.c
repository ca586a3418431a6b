
/*
 * Copyright (C) the vcita OAuth gate authors
 *
 * The POST_READ handler: runs once for each request to a server with a gated
 * location, before any module reads its cookies or rewrites its URI.  Creates
 * the context, removes the module's cookies, and marks a callback.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "http/ngx_http_vcita_http.h"


/* so many bytes are zeroed by a few moves, without a call; twice a round */
#define NGX_HTTP_VCITA_POST_READ_ZEROED  64


static ngx_inline ngx_http_vcita_ctx_t *ngx_http_vcita_post_read_ctx(
    ngx_http_request_t *r, ngx_http_vcita_srv_conf_t *vscf);
static ngx_inline ngx_http_vcita_ctx_t *ngx_http_vcita_post_read_create(
    ngx_http_request_t *r, ngx_http_vcita_srv_conf_t *vscf);
static ngx_int_t ngx_http_vcita_post_read_subrequest(ngx_http_request_t *r,
    ngx_http_vcita_srv_conf_t *vscf);
static void ngx_http_vcita_post_read_forget(ngx_http_request_t *r);
static ngx_int_t ngx_http_vcita_post_read_early(ngx_http_request_t *r,
    ngx_http_vcita_ctx_t *ctx, ngx_http_vcita_srv_conf_t *vscf);
static void ngx_http_vcita_post_read_referer(ngx_http_request_t *r,
    ngx_http_vcita_srv_conf_t *vscf);


ngx_int_t
ngx_http_vcita_post_read_handler(ngx_http_request_t *r)
{
    ngx_uint_t                   i;
    ngx_http_vcita_ctx_t        *ctx;
    ngx_http_vcita_client_t    **client;
    ngx_http_vcita_srv_conf_t   *vscf;

    vscf = ngx_http_get_module_srv_conf(r, ngx_http_vcita_oauth_module);

    if ((vscf->clients.nelts == 0 && vscf->headers == NULL) || r != r->main) {
        return NGX_DECLINED;
    }

    ctx = ngx_http_vcita_post_read_ctx(r, vscf);
    if (ctx == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    client = vscf->clients.elts;

    for (i = 0; i < vscf->clients.nelts; i++) {

        if (ngx_http_vcita_str_eq(&client[i]->redirect.callback, &r->uri)) {
            ctx->callback = client[i];
        }
    }

    if (r->headers_in.referer) {
        ngx_http_vcita_post_read_referer(r, vscf);
    }

    if (ctx->callback) {

        if (ngx_http_vcita_headers_hide(r, ctx) != NGX_OK) {
            return NGX_HTTP_INTERNAL_SERVER_ERROR;
        }

    } else if (r->args.len > ngx_http_vcita_seal_len(NGX_HTTP_VCITA_STATE_HEAD)
               && ngx_http_vcita_callback_moved(r, ctx, &r->args) == NGX_ERROR)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return NGX_DECLINED;
}


/*
 * The handler of SERVER_REWRITE, REWRITE and LOG: the same for a request that
 * nginx refused before POST_READ, and for its error page.  No login starts
 * there.
 */

ngx_int_t
ngx_http_vcita_post_read_late(ngx_http_request_t *r,
    ngx_http_vcita_srv_conf_t *vscf)
{
    ngx_http_vcita_ctx_t  *ctx;

    if (r != r->main) {
        return vscf->headers ? ngx_http_vcita_post_read_subrequest(r, vscf)
                             : NGX_DECLINED;
    }

    if (ngx_http_vcita_ctx_get(r)) {
        return NGX_DECLINED;
    }

    ctx = ngx_http_vcita_post_read_ctx(r, vscf);
    if (ctx == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ctx->redirected = 1;
    ctx->refused = 1;
    ctx->status = r->err_status ? (ngx_uint_t) r->err_status
                                : NGX_HTTP_BAD_REQUEST;

    if (r->headers_in.referer) {
        ngx_http_vcita_post_read_referer(r, vscf);
    }

    if (ngx_http_vcita_post_read_early(r, ctx, vscf) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (r->internal) {
        ngx_http_vcita_post_read_forget(r);
    }

    return NGX_DECLINED;
}


/*
 * A subrequest begins without the headers that its parent's gate has set.  Its
 * own ones stay behind an internal redirect.
 */

static ngx_int_t
ngx_http_vcita_post_read_subrequest(ngx_http_request_t *r,
    ngx_http_vcita_srv_conf_t *vscf)
{
    ngx_http_vcita_ctx_t  *ctx;

    ctx = ngx_http_vcita_ctx_get(r);

    if (ctx && ctx->request == r) {
        return NGX_DECLINED;
    }

    if (ngx_http_vcita_upstream_headers_remove(r, vscf->headers) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return NGX_DECLINED;
}


/*
 * Clears the variables that error_page has cached before the cookies and the
 * query were removed; $request_id is kept
 */

static void
ngx_http_vcita_post_read_forget(ngx_http_request_t *r)
{
    ngx_http_variable_value_t    id, *vv;
    ngx_http_core_main_conf_t   *cmcf;
    ngx_http_vcita_main_conf_t  *vmcf;

    cmcf = ngx_http_get_module_main_conf(r, ngx_http_core_module);
    vmcf = ngx_http_get_module_main_conf(r, ngx_http_vcita_oauth_module);

    vv = &r->variables[vmcf->request_id];
    id = *vv;

    ngx_memzero(r->variables, cmcf->variables.nelts
                              * sizeof(ngx_http_variable_value_t));

    *vv = id;
}


/*
 * Creates the context, and removes from the request the module's cookies and
 * the headers that vcita_oauth_header sets
 */

static ngx_inline ngx_http_vcita_ctx_t *
ngx_http_vcita_post_read_ctx(ngx_http_request_t *r,
    ngx_http_vcita_srv_conf_t *vscf)
{
    ngx_http_vcita_ctx_t  *ctx;

    ctx = ngx_http_vcita_post_read_create(r, vscf);
    if (ctx == NULL) {
        return NULL;
    }

    if (vscf->headers
        && ngx_http_vcita_upstream_headers_remove(r, vscf->headers) != NGX_OK)
    {
        return NULL;
    }

    if (ngx_http_vcita_cookie_cut(&r->headers_in, &vscf->cookies, &vscf->stems,
                                  &ctx->cookies)
        != NGX_OK)
    {
        return NULL;
    }

    return ctx;
}


/*
 * One allocation, with room for each of the server's cookies once.  All before
 * ctx->cookies is zeroed, in pieces: for the whole, compilers use an
 * instruction that is slow to start.
 */

static ngx_inline ngx_http_vcita_ctx_t *
ngx_http_vcita_post_read_create(ngx_http_request_t *r,
    ngx_http_vcita_srv_conf_t *vscf)
{
    u_char                *p;
    ngx_http_vcita_ctx_t  *ctx;

    p = ngx_palloc(r->pool, sizeof(ngx_http_vcita_ctx_t)
                            + vscf->cookies.nelts
                              * sizeof(ngx_http_vcita_found_t));
    if (p == NULL) {
        return NULL;
    }

    ctx = (ngx_http_vcita_ctx_t *) p;

    do {
        ngx_memzero(p, NGX_HTTP_VCITA_POST_READ_ZEROED);
        p += NGX_HTTP_VCITA_POST_READ_ZEROED;
        ngx_memzero(p, NGX_HTTP_VCITA_POST_READ_ZEROED);
        p += NGX_HTTP_VCITA_POST_READ_ZEROED;
    } while (p < (u_char *) &ctx->cookies);

    /* as ngx_pool_cleanup_add() */

    ctx->cleanup.handler = ngx_http_vcita_ctx_cleanup;
    ctx->cleanup.data = ctx;
    ctx->cleanup.next = r->pool->cleanup;

    r->pool->cleanup = &ctx->cleanup;

    ctx->cookies.elts = &ctx[1];
    ctx->cookies.nelts = 0;
    ctx->cookies.size = sizeof(ngx_http_vcita_found_t);
    ctx->cookies.nalloc = vscf->cookies.nelts;
    ctx->cookies.pool = r->pool;

    ngx_http_set_ctx(r, ctx, ngx_http_vcita_oauth_module);

    return ctx;
}


/*
 * The URI of a request that was refused early is not normalized and may be
 * incomplete, and r->uri may be that of the error page.  So every URI that ends
 * in the callback path counts as a callback.
 */

static ngx_int_t
ngx_http_vcita_post_read_early(ngx_http_request_t *r, ngx_http_vcita_ctx_t *ctx,
    ngx_http_vcita_srv_conf_t *vscf)
{
    u_char                    *query, *p, *dst, *src;
    ngx_str_t                 *text, *path, args;
    ngx_uint_t                 i;
    ngx_http_vcita_client_t  **client;

    /* the request line as nginx makes it up for $request and its log lines */

    if (r->request_line.data == NULL && r->request_start) {

        for (p = r->request_start; p < r->header_in->last; p++) {
            if (*p == CR || *p == LF) {
                break;
            }
        }

        r->request_line.len = p - r->request_start;
        r->request_line.data = r->request_start;
    }

    text = r->unparsed_uri.len ? &r->unparsed_uri : &r->request_line;

    query = ngx_http_vcita_ctx_query(text);

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

    client = vscf->clients.elts;

    for (i = 0; i < vscf->clients.nelts; i++) {

        path = &client[i]->redirect.callback;

        if (dst - p >= (ssize_t) path->len
            && ngx_memcmp(dst - path->len, path->data, path->len) == 0)
        {
            return ngx_http_vcita_headers_hide(r, ctx);
        }
    }

    args.data = query + 1;
    args.len = text->data + text->len - args.data;

    return ngx_http_vcita_callback_moved(r, ctx, &args) == NGX_ERROR ? NGX_ERROR
                                                                     : NGX_OK;
}


/* nginx logs the Referer with each error: remove a callback's query */

static void
ngx_http_vcita_post_read_referer(ngx_http_request_t *r,
    ngx_http_vcita_srv_conf_t *vscf)
{
    u_char                    *query;
    ngx_str_t                 *referer, *callback;
    ngx_uint_t                 i;
    ngx_http_vcita_client_t  **client;

    referer = &r->headers_in.referer->value;

    query = memchr(referer->data, '?', referer->len);
    if (query == NULL) {
        return;
    }

    client = vscf->clients.elts;

    for (i = 0; i < vscf->clients.nelts; i++) {

        callback = &client[i]->redirect.callback;

        if (query - referer->data > (ssize_t) callback->len
            && ngx_strncmp(query - callback->len, callback->data,
                           callback->len)
               == 0)
        {
            referer->len = query - referer->data;
            *query = '\0';
            return;
        }
    }
}
