
/*
 * Copyright (C) the vcita OAuth gate authors
 *
 * Keeping a session: it is sealed, and put where sessions of its application
 * live; the browser gets the cookie for it.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "ngx_http_vcita_oauth.h"


/* the bytes that make a cookie, or a value in a store, of the largest size */

#define NGX_HTTP_VCITA_OAUTH_SESSION_MAX                                      \
    (NGX_HTTP_VCITA_OAUTH_COOKIE_MAX / 4 * 3                                  \
     - ngx_http_vcita_oauth_raw_len(0))

#define NGX_HTTP_VCITA_OAUTH_STORED_MAX                                       \
    (NGX_HTTP_VCITA_OAUTH_STORE_MAX - ngx_http_vcita_oauth_raw_len(0))


struct ngx_http_vcita_oauth_keep_s {
    ngx_http_vcita_oauth_ask_t     *ask;
    ngx_http_vcita_oauth_cookie_t  *cookie;
    ngx_str_t                       id;
    time_t                          max_age;
};


static ngx_int_t ngx_http_vcita_oauth_keep_cookie(ngx_http_request_t *r,
    ngx_http_vcita_oauth_app_t *app, ngx_str_t *text, time_t max_age);
static ngx_http_vcita_oauth_keep_t *ngx_http_vcita_oauth_keep_create(
    ngx_http_request_t *r, ngx_http_vcita_oauth_app_t *app, time_t max_age);
static ngx_int_t ngx_http_vcita_oauth_keep_store(ngx_http_request_t *r,
    ngx_http_vcita_oauth_ctx_t *ctx, ngx_http_vcita_oauth_app_t *app,
    ngx_http_vcita_oauth_keep_t *k, ngx_str_t *text,
    ngx_http_vcita_oauth_store_pt what);


/*
 * Keeps the session that find_session() has found, with a new text, under the
 * id that it has; the cookie lasts for max_age seconds from now.  The text is
 * the caller's to wipe.
 *
 * NGX_OK: it is kept, and the cookie is set; NGX_DECLINED: it has ended since
 * it was found, by a logout elsewhere say, and is not kept; NGX_BUSY: the store
 * does not answer; NGX_ERROR: out of memory.  NGX_AGAIN: the caller waits, by
 * ngx_http_vcita_oauth_wait(), and calls this or kept() again when the request
 * runs again.  A request keeps a session once: later calls return the result,
 * and do not look at the text.
 */

ngx_int_t
ngx_http_vcita_oauth_keep(ngx_http_request_t *r,
    ngx_http_vcita_oauth_ctx_t *ctx, ngx_http_vcita_oauth_app_t *app,
    ngx_str_t *text, time_t max_age)
{
    ngx_http_vcita_oauth_keep_t  *k;

    if (ctx->keep) {
        return ngx_http_vcita_oauth_kept(r, ctx);
    }

    if (app->storage.store == NULL) {
        return ngx_http_vcita_oauth_keep_cookie(r, app, text, max_age);
    }

    k = ngx_http_vcita_oauth_keep_create(r, app, max_age);
    if (k == NULL) {
        return NGX_ERROR;
    }

    k->id = ctx->cookie;
    ngx_memcpy(k->ask->op.key, ctx->lookup->op.key, sizeof(k->ask->op.key));

    return ngx_http_vcita_oauth_keep_store(r, ctx, app, k, text,
                                           app->storage.store->type->replace);
}


/* The same for a new session: it gets an id that nobody has known before */

ngx_int_t
ngx_http_vcita_oauth_keep_new(ngx_http_request_t *r,
    ngx_http_vcita_oauth_ctx_t *ctx, ngx_http_vcita_oauth_app_t *app,
    ngx_str_t *text, time_t max_age)
{
    ngx_http_vcita_oauth_keep_t  *k;

    if (app->storage.store == NULL) {
        return ngx_http_vcita_oauth_keep_cookie(r, app, text, max_age);
    }

    k = ngx_http_vcita_oauth_keep_create(r, app, max_age);
    if (k == NULL) {
        return NGX_ERROR;
    }

    k->id.len = NGX_HTTP_VCITA_OAUTH_STORE_ID;

    k->id.data = ngx_pnalloc(r->pool, k->id.len);
    if (k->id.data == NULL) {
        return NGX_ERROR;
    }

    if (ngx_http_vcita_oauth_store_id(k->id.data, k->ask->op.key) != NGX_OK) {
        return NGX_ERROR;
    }

    return ngx_http_vcita_oauth_keep_store(r, ctx, app, k, text,
                                           app->storage.store->type->write);
}


/* What has become of it: returns what keep() does */

ngx_int_t
ngx_http_vcita_oauth_kept(ngx_http_request_t *r,
    ngx_http_vcita_oauth_ctx_t *ctx)
{
    ngx_int_t                     rc;
    ngx_http_vcita_oauth_keep_t  *k;

    k = ctx->keep;

    rc = ngx_http_vcita_oauth_ask_result(k->ask);

    if (rc != NGX_OK) {
        return rc;
    }

    return ngx_http_vcita_oauth_cookie_set(&r->headers_out, r->pool,
                                           k->cookie, &k->id, k->max_age);
}


/* How many bytes of text can be kept for an application */

size_t
ngx_http_vcita_oauth_keep_room(ngx_http_vcita_oauth_app_t *app)
{
    return app->storage.store ? NGX_HTTP_VCITA_OAUTH_STORED_MAX
                              : NGX_HTTP_VCITA_OAUTH_SESSION_MAX;
}


static ngx_int_t
ngx_http_vcita_oauth_keep_cookie(ngx_http_request_t *r,
    ngx_http_vcita_oauth_app_t *app, ngx_str_t *text, time_t max_age)
{
    u_char     *room;
    ngx_str_t   box;

    room = ngx_pnalloc(r->pool, ngx_http_vcita_oauth_seal_room(text->len));
    if (room == NULL) {
        return NGX_ERROR;
    }

    if (ngx_http_vcita_oauth_seal(&app->session_seal, NULL, text, room, &box)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    return ngx_http_vcita_oauth_cookie_set(&r->headers_out, r->pool,
                                           &app->session_cookie, &box,
                                           max_age);
}


static ngx_http_vcita_oauth_keep_t *
ngx_http_vcita_oauth_keep_create(ngx_http_request_t *r,
    ngx_http_vcita_oauth_app_t *app, time_t max_age)
{
    ngx_http_vcita_oauth_keep_t  *k;

    k = ngx_palloc(r->pool, sizeof(ngx_http_vcita_oauth_keep_t));
    if (k == NULL) {
        return NULL;
    }

    k->ask = ngx_http_vcita_oauth_ask_create(r, app->storage.store);
    if (k->ask == NULL) {
        return NULL;
    }

    k->cookie = &app->session_cookie;
    k->max_age = max_age;

    return k;
}


/* bound to the key: the value of one id is none under another */

static ngx_int_t
ngx_http_vcita_oauth_keep_store(ngx_http_request_t *r,
    ngx_http_vcita_oauth_ctx_t *ctx, ngx_http_vcita_oauth_app_t *app,
    ngx_http_vcita_oauth_keep_t *k, ngx_str_t *text,
    ngx_http_vcita_oauth_store_pt what)
{
    u_char                           *room;
    ngx_str_t                         key, box;
    ngx_http_vcita_oauth_store_op_t  *op;

    op = &k->ask->op;

    room = ngx_pnalloc(r->pool, ngx_http_vcita_oauth_seal_room(text->len));
    if (room == NULL) {
        return NGX_ERROR;
    }

    key.data = op->key;
    key.len = sizeof(op->key);

    if (ngx_http_vcita_oauth_seal(&app->session_seal, &key, text, room, &box)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    op->value.data = room;
    op->value.len = ngx_http_vcita_oauth_raw_len(text->len);
    op->ttl = k->max_age;

    ctx->keep = k;

    (void) ngx_http_vcita_oauth_ask(k->ask, what);

    return ngx_http_vcita_oauth_kept(r, ctx);
}
