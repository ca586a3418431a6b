
/*
 * Copyright (C) the vcita OAuth gate authors
 *
 * The look-up: which session a request has.  It is in the cookie itself, or in
 * the store of the application, under the id that is in the cookie.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "http/ngx_http_vcita_http.h"
#include "http/ngx_http_vcita_session_known.h"
#include "http/ngx_http_vcita_subrequest.h"


/* what a request knows of an application, while it is in another one */

typedef struct ngx_http_vcita_known_s  ngx_http_vcita_known_t;

struct ngx_http_vcita_known_s {
    ngx_http_vcita_app_t           *app;
    ngx_http_vcita_session_t        session;
    ngx_str_t                       cookie;
    ngx_uint_t                      sealed_by;
    ngx_int_t                       outcome;
    ngx_http_vcita_ask_t           *lookup;
    ngx_http_vcita_keep_t          *keep;
    ngx_http_vcita_revalidation_t  *revalidation;
    ngx_http_vcita_known_t         *next;
    ngx_uint_t                      alive;  /* unsigned  alive:1; */
};


static ngx_int_t ngx_http_vcita_lookup_begin(ngx_http_request_t *r,
    ngx_http_vcita_ctx_t *ctx, ngx_http_vcita_app_t *app);
static ngx_int_t ngx_http_vcita_lookup_leave(ngx_http_request_t *r,
    ngx_http_vcita_ctx_t *ctx);
static ngx_http_vcita_known_t *ngx_http_vcita_lookup_known(
    ngx_http_vcita_ctx_t *ctx, ngx_http_vcita_app_t *app);
static ngx_int_t ngx_http_vcita_lookup_sealed(ngx_http_request_t *r,
    ngx_http_vcita_ctx_t *ctx, ngx_http_vcita_app_t *app);
static ngx_int_t ngx_http_vcita_lookup_stored(ngx_http_request_t *r,
    ngx_http_vcita_ctx_t *ctx, ngx_http_vcita_app_t *app);
static ngx_int_t ngx_http_vcita_lookup_open(ngx_http_request_t *r,
    ngx_http_vcita_ctx_t *ctx, ngx_http_vcita_app_t *app,
    ngx_http_vcita_store_op_t *op);
static ngx_int_t ngx_http_vcita_lookup_take(ngx_http_request_t *r,
    ngx_http_vcita_ctx_t *ctx, ngx_http_vcita_app_t *app, ngx_str_t *text);


/*
 * NGX_OK: the request has a session of this application, in ctx->session.
 * Of several cookies, the first one that opens counts.  NGX_AGAIN: the store
 * has been asked; the caller waits, and calls this again.  NGX_BUSY: the
 * store does not answer.
 */

ngx_int_t
ngx_http_vcita_find_session(ngx_http_request_t *r, ngx_http_vcita_ctx_t *ctx,
    ngx_http_vcita_app_t *app)
{
    ngx_int_t  rc;

    if (ctx->app != app
        && ngx_http_vcita_lookup_begin(r, ctx, app) != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (!ctx->looking) {
        return ctx->outcome;
    }

    if (app->storage.store) {
        rc = ngx_http_vcita_lookup_stored(r, ctx, app);

    } else {
        rc = ngx_http_vcita_lookup_sealed(r, ctx, app);
    }

    if (rc != NGX_AGAIN) {
        ctx->looking = 0;
        ctx->outcome = rc;
        ctx->alive = (rc == NGX_OK);
    }

    return rc;
}


/*
 * A subrequest that has looked for nothing yet: what the client's request
 * knows of the application, revalidated claims for one, it knows as well
 */

void
ngx_http_vcita_lookup_share(ngx_http_vcita_ctx_t *ctx,
    ngx_http_vcita_ctx_t *main, ngx_http_vcita_app_t *app)
{
    ngx_http_vcita_known_t  *known;

    if (main->app == app && !main->looking) {
        ctx->app = app;
        ctx->session = main->session;
        ctx->outcome = main->outcome;
        ctx->alive = main->alive;
        return;
    }

    known = ngx_http_vcita_lookup_known(main, app);

    if (known) {
        ctx->app = app;
        ctx->session = known->session;
        ctx->outcome = known->outcome;
        ctx->alive = known->alive;
    }
}


/* an internal redirect may lead back to where the request has been before */

static ngx_int_t
ngx_http_vcita_lookup_begin(ngx_http_request_t *r, ngx_http_vcita_ctx_t *ctx,
    ngx_http_vcita_app_t *app)
{
    ngx_http_vcita_known_t  *known;

    if (ctx->app && ngx_http_vcita_lookup_leave(r, ctx) != NGX_OK) {
        return NGX_ERROR;
    }

    ctx->app = app;

    known = ngx_http_vcita_lookup_known(ctx, app);

    if (known) {
        ctx->session = known->session;
        ctx->cookie = known->cookie;
        ctx->sealed_by = known->sealed_by;
        ctx->outcome = known->outcome;
        ctx->lookup = known->lookup;
        ctx->keep = known->keep;
        ctx->revalidation = known->revalidation;
        ctx->alive = known->alive;
        ctx->looking = 0;

        return NGX_OK;
    }

    ctx->lookup = NULL;
    ctx->keep = NULL;
    ctx->revalidation = NULL;
    ctx->alive = 0;
    ctx->looking = 1;
    ctx->looked = 0;

    return NGX_OK;
}


static ngx_int_t
ngx_http_vcita_lookup_leave(ngx_http_request_t *r, ngx_http_vcita_ctx_t *ctx)
{
    ngx_http_vcita_known_t  *known;

    if (ctx->looking) {

        if (ctx->lookup) {
            ngx_http_vcita_ask_cancel(ctx->lookup);
        }

        return NGX_OK;
    }

    known = ngx_http_vcita_lookup_known(ctx, ctx->app);

    if (known == NULL) {
        known = ngx_palloc(r->pool, sizeof(ngx_http_vcita_known_t));
        if (known == NULL) {
            return NGX_ERROR;
        }

        known->next = ctx->known;
        ctx->known = known;
    }

    known->app = ctx->app;
    known->session = ctx->session;
    known->cookie = ctx->cookie;
    known->sealed_by = ctx->sealed_by;
    known->outcome = ctx->outcome;
    known->lookup = ctx->lookup;
    known->keep = ctx->keep;
    known->revalidation = ctx->revalidation;
    known->alive = ctx->alive;

    return NGX_OK;
}


static ngx_http_vcita_known_t *
ngx_http_vcita_lookup_known(ngx_http_vcita_ctx_t *ctx,
    ngx_http_vcita_app_t *app)
{
    ngx_http_vcita_known_t  *known;

    for (known = ctx->known; known; known = known->next) {

        if (known->app == app) {
            break;
        }
    }

    return known;
}


static ngx_int_t
ngx_http_vcita_lookup_sealed(ngx_http_request_t *r, ngx_http_vcita_ctx_t *ctx,
    ngx_http_vcita_app_t *app)
{
    u_char     *room;
    ngx_str_t   text;

    while (ngx_http_vcita_sent_cookie(r, ctx, app, NGX_HTTP_VCITA_SESSION,
                                      &ctx->looked, &ctx->cookie) == NGX_OK)
    {
        room = ngx_pnalloc(r->pool, ngx_http_vcita_open_room(ctx->cookie.len));
        if (room == NULL) {
            return NGX_ERROR;
        }

        if (ngx_http_vcita_open(&app->session_seal, NULL, &ctx->cookie, room,
                                &text, &ctx->sealed_by)
            == NGX_OK
            && ngx_http_vcita_lookup_take(r, ctx, app, &text) == NGX_OK)
        {
            return NGX_OK;
        }
    }

    return NGX_DECLINED;
}


static ngx_int_t
ngx_http_vcita_lookup_stored(ngx_http_request_t *r, ngx_http_vcita_ctx_t *ctx,
    ngx_http_vcita_app_t *app)
{
    ngx_int_t                   rc;
    ngx_http_vcita_store_op_t  *op;

    if (ctx->refused) {

        /* nginx was still reading it: it cannot wait */

        return NGX_DECLINED;
    }

    rc = ctx->lookup ? ngx_http_vcita_ask_result(ctx->lookup) : NGX_DECLINED;

    for ( ;; ) {

        if (rc == NGX_OK) {
            rc = ngx_http_vcita_lookup_open(r, ctx, app, &ctx->lookup->op);
        }

        if (rc != NGX_DECLINED) {
            return rc;
        }

        if (ngx_http_vcita_sent_cookie(r, ctx, app, NGX_HTTP_VCITA_SESSION,
                                       &ctx->looked, &ctx->cookie) != NGX_OK)
        {
            return NGX_DECLINED;
        }

        if (ctx->lookup == NULL) {
            ctx->lookup = ngx_http_vcita_ask_create(r, app->storage.store);
            if (ctx->lookup == NULL) {
                return NGX_ERROR;
            }
        }

        op = &ctx->lookup->op;

        rc = ngx_http_vcita_store_key(&ctx->cookie, op->key);

        if (rc == NGX_OK) {
            rc = ngx_http_vcita_ask(ctx->lookup, op->store->type->read);
        }
    }
}


/* what a store gives opens under no other key than the one it was kept under */

static ngx_int_t
ngx_http_vcita_lookup_open(ngx_http_request_t *r, ngx_http_vcita_ctx_t *ctx,
    ngx_http_vcita_app_t *app, ngx_http_vcita_store_op_t *op)
{
    u_char     *room;
    ngx_str_t   key, text;

    room = ngx_pnalloc(r->pool, op->value.len);
    if (room == NULL) {
        return NGX_ERROR;
    }

    key.data = op->key;
    key.len = sizeof(op->key);

    if (ngx_http_vcita_open_raw(&app->session_seal, &key, &op->value, room,
                                &text, &ctx->sealed_by) != NGX_OK)
    {
        return NGX_DECLINED;
    }

    return ngx_http_vcita_lookup_take(r, ctx, app, &text);
}


static ngx_int_t
ngx_http_vcita_lookup_take(ngx_http_request_t *r, ngx_http_vcita_ctx_t *ctx,
    ngx_http_vcita_app_t *app, ngx_str_t *text)
{
    if (ngx_http_vcita_session_decode(text, &ctx->session) != NGX_OK) {
        return NGX_DECLINED;
    }

    if (ngx_http_vcita_life_left(&ctx->session, ngx_time(),
                                 app->session_timeout,
                                 app->session_idle_timeout)
        == 0)
    {
        return NGX_DECLINED;
    }

    return ngx_http_vcita_known(r, app, &ctx->session);
}
