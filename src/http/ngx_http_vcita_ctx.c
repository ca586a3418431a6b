
/*
 * Copyright (C) the vcita OAuth gate authors
 *
 * The context of a request.  post_read creates it, and internal redirects and
 * subrequests find it again.  It alone has the module's cookies and the query
 * of a callback.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "http/ngx_http_vcita_http.h"


/* the most session cookies of one name that are tried */
#define NGX_HTTP_VCITA_COOKIES_SEEN  8


static void ngx_http_vcita_ctx_release(void *data);
static ngx_int_t ngx_http_vcita_ctx_mask(ngx_http_request_t *r);
static ngx_http_vcita_ctx_t *ngx_http_vcita_ctx_subrequest(
    ngx_http_request_t *r, ngx_http_vcita_ctx_t *main);


/* The handler of the client's request; its address marks the context, too */

void
ngx_http_vcita_ctx_cleanup(void *data)
{
    ngx_http_vcita_ctx_t *ctx = data;

    if (ctx->opened) {
        ngx_http_vcita_memo_release(ctx->opened);
    }
}


/*
 * Holds an entry of the memo for the request, whose variables point into it.
 * Only further entries cost an allocation: those of other clients, or of
 * cookies whose sessions have ended.
 */

ngx_int_t
ngx_http_vcita_ctx_hold(ngx_http_request_t *r, ngx_http_vcita_ctx_t *ctx,
    ngx_http_vcita_memo_entry_t *entry)
{
    ngx_pool_cleanup_t  *cln;

    if (ctx->opened == NULL && ctx->request == NULL) {
        ctx->opened = entry;
        return NGX_OK;
    }

    cln = ngx_pool_cleanup_add(r->pool, 0);
    if (cln == NULL) {
        ngx_http_vcita_memo_release(entry);
        return NGX_ERROR;
    }

    cln->handler = ngx_http_vcita_ctx_release;
    cln->data = entry;

    return NGX_OK;
}


static void
ngx_http_vcita_ctx_release(void *data)
{
    ngx_http_vcita_memo_release(data);
}


/*
 * The context of the client's request, or of a subrequest that has passed an
 * access check; NULL if the server has neither a gated location nor a
 * vcita_oauth_header
 */

ngx_http_vcita_ctx_t *
ngx_http_vcita_ctx_get(ngx_http_request_t *r)
{
    ngx_pool_cleanup_t    *cln;
    ngx_http_vcita_ctx_t  *ctx;

    ctx = ngx_http_get_module_ctx(r, ngx_http_vcita_oauth_module);

    if (ctx || (r == r->main && !r->internal && !r->filter_finalize)) {
        return ctx;
    }

    /* an internal redirect or a subrequest: find the marker */

    for (cln = r->main->pool->cleanup; cln; cln = cln->next) {

        if (cln->handler == ngx_http_vcita_ctx_cleanup) {
            ctx = cln->data;

            if (r == r->main) {
                ctx->redirected = 1;
                ctx->behind = ctx->forbidden;

            } else {
                ctx = ngx_http_vcita_ctx_subrequest(r, ctx);
            }

            ngx_http_set_ctx(r, ctx, ngx_http_vcita_oauth_module);

            return ctx;
        }
    }

    return NULL;
}


/*
 * The context of a subrequest is its own if it has passed an access check, else
 * its parent's.  It is in the list of the main request's context, because an
 * internal redirect of the subrequest clears r->ctx.
 */

static ngx_http_vcita_ctx_t *
ngx_http_vcita_ctx_subrequest(ngx_http_request_t *r,
    ngx_http_vcita_ctx_t *main)
{
    ngx_http_vcita_ctx_t  *ctx;

    for ( /* void */ ; r != r->main; r = r->parent) {

        for (ctx = main->next; ctx; ctx = ctx->next) {

            if (ctx->request == r) {
                return ctx;
            }
        }
    }

    return main;
}


/*
 * The next value of the client's cookie of this kind; "next" starts at 0.
 * NGX_DECLINED: there is no other.  The user agent controls the number of
 * cookies, and each session costs a decryption or a store look-up, so only the
 * first ones are tried.  A login cookie costs a comparison.
 */

ngx_int_t
ngx_http_vcita_ctx_next_cookie(ngx_http_request_t *r, ngx_http_vcita_ctx_t *ctx,
    ngx_http_vcita_client_t *client, ngx_uint_t kind, ngx_uint_t *next,
    ngx_str_t *value)
{
    ngx_uint_t                   i, n;
    ngx_http_vcita_found_t      *found;
    ngx_http_vcita_client_t    **clients;
    ngx_http_vcita_srv_conf_t   *vscf;

    vscf = ngx_http_get_module_srv_conf(r, ngx_http_vcita_oauth_module);

    clients = vscf->clients.elts;
    found = ctx->cookies.elts;
    n = 0;

    for (i = 0; i < ctx->cookies.nelts; i++) {

        if (found[i].index % NGX_HTTP_VCITA_COOKIES != kind
            || clients[found[i].index / NGX_HTTP_VCITA_COOKIES] != client)
        {
            continue;
        }

        if (kind == NGX_HTTP_VCITA_SESSION
            && n++ == NGX_HTTP_VCITA_COOKIES_SEEN)
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


/* Hides the query of a callback, moved or not, from all but the module */

ngx_int_t
ngx_http_vcita_ctx_hide(ngx_http_request_t *r, ngx_http_vcita_ctx_t *ctx)
{
    u_char     *query;
    ngx_str_t  *uri;

    uri = &r->unparsed_uri;

    /* after an internal redirect, r->args may be the error page's own */

    if (!ctx->redirected
        || (uri->len
            && r->args.data >= uri->data
            && r->args.data <= uri->data + uri->len))
    {
        ctx->query = r->args;
        ngx_str_null(&r->args);
    }

    query = ngx_http_vcita_ctx_query(uri);

    if (query) {
        uri->len = query - uri->data;
    }

    return ngx_http_vcita_ctx_mask(r);
}


/* removes the query from $request: it has a code and a state */

static ngx_int_t
ngx_http_vcita_ctx_mask(ngx_http_request_t *r)
{
    u_char     *p, *query, *last, *tail;
    ngx_str_t  *line;

    line = &r->request_line;

    query = ngx_http_vcita_ctx_query(line);

    if (query == NULL) {
        return NGX_OK;
    }

    last = line->data + line->len;

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


/*
 * The start of the query, or NULL.  A request that nginx refused early may have
 * neither r->unparsed_uri nor r->request_line.
 */

u_char *
ngx_http_vcita_ctx_query(ngx_str_t *text)
{
    if (text->len == 0) {
        return NULL;
    }

    return ngx_strlchr(text->data, text->data + text->len, '?');
}


/* The counters of this worker */

ngx_http_vcita_stats_t *
ngx_http_vcita_ctx_counters(ngx_http_request_t *r)
{
    ngx_http_vcita_main_conf_t  *vmcf;

    vmcf = ngx_http_get_module_main_conf(r, ngx_http_vcita_oauth_module);

    return ngx_http_vcita_stats(&vmcf->statistics);
}
