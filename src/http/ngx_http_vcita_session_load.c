
/*
 * Copyright (C) the vcita OAuth gate authors
 *
 * Session look-up: the session is in the cookie, or in the client's store under
 * the id in the cookie.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "http/ngx_http_vcita_http.h"


/* of a cookie's value: browsers keep no longer one (RFC 6265, 6.1) */
#define NGX_HTTP_VCITA_COOKIE_LONGEST  4096


/* the state of another client's look-up in this request */

typedef struct ngx_http_vcita_known_s  ngx_http_vcita_known_t;

struct ngx_http_vcita_known_s {
    ngx_http_vcita_client_t        *client;
    ngx_http_vcita_session_t        session;
    ngx_str_t                       cookie;
    ngx_uint_t                      sealed_by;
    ngx_int_t                       outcome;
    ngx_http_vcita_wait_ask_t      *load;
    ngx_http_vcita_session_save_t  *save;
    ngx_http_vcita_revalidation_t  *revalidation;
    ngx_http_vcita_known_t         *next;
    ngx_uint_t                      alive;  /* unsigned  alive:1; */
};


static ngx_int_t ngx_http_vcita_session_load_begin(ngx_http_request_t *r,
    ngx_http_vcita_ctx_t *ctx, ngx_http_vcita_client_t *client);
static ngx_int_t ngx_http_vcita_session_load_leave(ngx_http_request_t *r,
    ngx_http_vcita_ctx_t *ctx);
static ngx_http_vcita_known_t *ngx_http_vcita_session_load_known(
    ngx_http_vcita_ctx_t *ctx, ngx_http_vcita_client_t *client);
static ngx_int_t ngx_http_vcita_session_load_sealed(ngx_http_request_t *r,
    ngx_http_vcita_ctx_t *ctx, ngx_http_vcita_client_t *client);
static ngx_int_t ngx_http_vcita_session_load_unseal(ngx_http_request_t *r,
    ngx_http_vcita_ctx_t *ctx, ngx_http_vcita_client_t *client,
    ngx_http_vcita_memo_key_t *key, ngx_http_vcita_memo_entry_t **entry);
static ngx_int_t ngx_http_vcita_session_load_stored(ngx_http_request_t *r,
    ngx_http_vcita_ctx_t *ctx, ngx_http_vcita_client_t *client);
static ngx_int_t ngx_http_vcita_session_load_open(ngx_http_request_t *r,
    ngx_http_vcita_ctx_t *ctx, ngx_http_vcita_client_t *client,
    ngx_http_vcita_store_op_t *op);
static ngx_int_t ngx_http_vcita_session_load_check(ngx_http_request_t *r,
    ngx_http_vcita_ctx_t *ctx, ngx_http_vcita_client_t *client, time_t *left)
    ngx_http_vcita_hot;


/*
 * Looks up the session of this client, into ctx->session.  The first cookie
 * that opens counts.  NGX_OK: found.  NGX_AGAIN: the request waits for the
 * store, then calls this again.  NGX_BUSY: the store is unavailable.
 */

ngx_int_t
ngx_http_vcita_session_load(ngx_http_request_t *r, ngx_http_vcita_ctx_t *ctx,
    ngx_http_vcita_client_t *client)
{
    ngx_int_t  rc;

    if (ctx->token) {

        /* an internal redirect: the token opens nothing here */

        ctx->token = 0;
        ctx->client = NULL;
    }

    if (ctx->client != client
        && ngx_http_vcita_session_load_begin(r, ctx, client) != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (!ctx->looking) {
        return ctx->outcome;
    }

    if (client->storage.store) {
        rc = ngx_http_vcita_session_load_stored(r, ctx, client);

    } else {
        rc = ngx_http_vcita_session_load_sealed(r, ctx, client);
    }

    if (rc != NGX_AGAIN) {
        ctx->looking = 0;
        ctx->outcome = rc;
        ctx->alive = (rc == NGX_OK);
    }

    return rc;
}


/* Sets a session that came with the request, not with a cookie */

ngx_int_t
ngx_http_vcita_session_load_token(ngx_http_request_t *r,
    ngx_http_vcita_ctx_t *ctx, ngx_http_vcita_client_t *client,
    ngx_http_vcita_session_t *s)
{
    if (ctx->client && !ctx->token
        && ngx_http_vcita_session_load_leave(r, ctx) != NGX_OK)
    {
        return NGX_ERROR;
    }

    ctx->token = 1;
    ctx->client = client;
    ctx->session = *s;
    ctx->looking = 0;
    ctx->alive = 1;

    return NGX_OK;
}


/*
 * A subrequest starts with what the client's request knows about the session,
 * such as revalidated claims
 */

void
ngx_http_vcita_session_load_share(ngx_http_vcita_ctx_t *ctx,
    ngx_http_vcita_ctx_t *main, ngx_http_vcita_client_t *client)
{
    ngx_http_vcita_known_t  *known;

    if (main->client == client && !main->looking && !main->token) {
        ctx->client = client;
        ctx->session = main->session;
        ctx->outcome = main->outcome;
        ctx->alive = main->alive;
        return;
    }

    known = ngx_http_vcita_session_load_known(main, client);

    if (known) {
        ctx->client = client;
        ctx->session = known->session;
        ctx->outcome = known->outcome;
        ctx->alive = known->alive;
    }
}


/* an internal redirect may return to an earlier client */

static ngx_int_t
ngx_http_vcita_session_load_begin(ngx_http_request_t *r,
    ngx_http_vcita_ctx_t *ctx, ngx_http_vcita_client_t *client)
{
    ngx_http_vcita_known_t  *known;

    if (ctx->client && ngx_http_vcita_session_load_leave(r, ctx) != NGX_OK) {
        return NGX_ERROR;
    }

    ctx->client = client;

    known = ngx_http_vcita_session_load_known(ctx, client);

    if (known) {
        ctx->session = known->session;
        ctx->cookie = known->cookie;
        ctx->sealed_by = known->sealed_by;
        ctx->outcome = known->outcome;
        ctx->load = known->load;
        ctx->save = known->save;
        ctx->revalidation = known->revalidation;
        ctx->alive = known->alive;
        ctx->looking = 0;

        return NGX_OK;
    }

    ctx->load = NULL;
    ctx->save = NULL;
    ctx->revalidation = NULL;
    ctx->alive = 0;
    ctx->looking = 1;
    ctx->looked = 0;

    return NGX_OK;
}


static ngx_int_t
ngx_http_vcita_session_load_leave(ngx_http_request_t *r,
    ngx_http_vcita_ctx_t *ctx)
{
    ngx_http_vcita_known_t  *known;

    if (ctx->looking) {

        if (ctx->load) {
            ngx_http_vcita_wait_ask_cancel(ctx->load);
        }

        return NGX_OK;
    }

    known = ngx_http_vcita_session_load_known(ctx, ctx->client);

    if (known == NULL) {
        known = ngx_palloc(r->pool, sizeof(ngx_http_vcita_known_t));
        if (known == NULL) {
            return NGX_ERROR;
        }

        known->next = ctx->known;
        ctx->known = known;
    }

    known->client = ctx->client;
    known->session = ctx->session;
    known->cookie = ctx->cookie;
    known->sealed_by = ctx->sealed_by;
    known->outcome = ctx->outcome;
    known->load = ctx->load;
    known->save = ctx->save;
    known->revalidation = ctx->revalidation;
    known->alive = ctx->alive;

    return NGX_OK;
}


static ngx_http_vcita_known_t *
ngx_http_vcita_session_load_known(ngx_http_vcita_ctx_t *ctx,
    ngx_http_vcita_client_t *client)
{
    ngx_http_vcita_known_t  *known;

    for (known = ctx->known; known; known = known->next) {

        if (known->client == client) {
            break;
        }
    }

    return known;
}


static ngx_int_t
ngx_http_vcita_session_load_sealed(ngx_http_request_t *r,
    ngx_http_vcita_ctx_t *ctx, ngx_http_vcita_client_t *client)
{
    time_t                        left;
    ngx_int_t                     rc;
    ngx_http_vcita_memo_key_t     key;
    ngx_http_vcita_memo_entry_t  *entry;

    left = 0;

    while (ngx_http_vcita_ctx_next_cookie(r, ctx, client,
                                          NGX_HTTP_VCITA_SESSION, &ctx->looked,
                                          &ctx->cookie) == NGX_OK)
    {
        rc = ngx_http_vcita_session_memo_find(r, ctx, client, &key, &entry);

        if (rc == NGX_DECLINED) {
            rc = ngx_http_vcita_session_load_unseal(r, ctx, client, &key,
                                                    &entry);
        }

        if (rc == NGX_OK) {
            rc = ngx_http_vcita_session_load_check(r, ctx, client, &left);
        }

        if (rc == NGX_OK) {
            ngx_http_vcita_session_memo_keep(r, entry, left);
            return NGX_OK;
        }

        if (entry) {
            ngx_http_vcita_session_memo_forget(r, client, &ctx->cookie);
        }
    }

    return NGX_DECLINED;
}


/*
 * A cookie that does not open costs no allocation.  Only one call at a time
 * uses the room, and the text of a session is wiped from it.
 */

static ngx_int_t
ngx_http_vcita_session_load_unseal(ngx_http_request_t *r,
    ngx_http_vcita_ctx_t *ctx, ngx_http_vcita_client_t *client,
    ngx_http_vcita_memo_key_t *key, ngx_http_vcita_memo_entry_t **entry)
{
    ngx_str_t  text;

    static u_char  room[ngx_http_vcita_seal_open_room(
                                              NGX_HTTP_VCITA_COOKIE_LONGEST)];

    if (ctx->cookie.len > NGX_HTTP_VCITA_COOKIE_LONGEST
        || ngx_http_vcita_seal_open(&client->session_seal, NULL, &ctx->cookie,
                                    room, &text, &ctx->sealed_by)
           != NGX_OK)
    {
        return NGX_DECLINED;
    }

    return ngx_http_vcita_session_memo_decode(r, ctx, key, &text, entry);
}


static ngx_int_t
ngx_http_vcita_session_load_stored(ngx_http_request_t *r,
    ngx_http_vcita_ctx_t *ctx, ngx_http_vcita_client_t *client)
{
    ngx_int_t                   rc;
    ngx_http_vcita_store_op_t  *op;

    if (ctx->refused) {

        /* nginx was still reading the request, so it cannot wait */

        return NGX_DECLINED;
    }

    rc = ctx->load ? ngx_http_vcita_wait_ask_result(ctx->load) : NGX_DECLINED;

    for ( ;; ) {

        if (rc == NGX_OK) {
            rc = ngx_http_vcita_session_load_open(r, ctx, client,
                                                  &ctx->load->op);
        }

        if (rc != NGX_DECLINED) {
            return rc;
        }

        if (ngx_http_vcita_ctx_next_cookie(r, ctx, client,
                                           NGX_HTTP_VCITA_SESSION,
                                           &ctx->looked,
                                           &ctx->cookie) != NGX_OK)
        {
            return NGX_DECLINED;
        }

        if (ctx->load == NULL) {
            ctx->load = ngx_http_vcita_wait_ask_create(r,
                                                       client->storage.store);
            if (ctx->load == NULL) {
                return NGX_ERROR;
            }
        }

        op = &ctx->load->op;

        rc = ngx_http_vcita_store_key(&ctx->cookie, op->key);

        if (rc == NGX_OK) {
            rc = ngx_http_vcita_wait_ask(ctx->load, op->store->type->read);
        }
    }
}


/* a stored session opens only under the key that it was stored under */

static ngx_int_t
ngx_http_vcita_session_load_open(ngx_http_request_t *r,
    ngx_http_vcita_ctx_t *ctx, ngx_http_vcita_client_t *client,
    ngx_http_vcita_store_op_t *op)
{
    u_char     *room;
    time_t      left;
    ngx_str_t   key, text;

    room = ngx_pnalloc(r->pool, op->value.len);
    if (room == NULL) {
        return NGX_ERROR;
    }

    key.data = op->key;
    key.len = sizeof(op->key);

    if (ngx_http_vcita_seal_open_raw(&client->session_seal, &key, &op->value,
                                     room, &text, &ctx->sealed_by) != NGX_OK)
    {
        return NGX_DECLINED;
    }

    if (ngx_http_vcita_session_decode(&text, &ctx->session) != NGX_OK) {
        return NGX_DECLINED;
    }

    return ngx_http_vcita_session_load_check(r, ctx, client, &left);
}


/* at each use: what may have changed since the session was sealed */

static ngx_int_t
ngx_http_vcita_session_load_check(ngx_http_request_t *r,
    ngx_http_vcita_ctx_t *ctx, ngx_http_vcita_client_t *client, time_t *left)
{
    ngx_http_vcita_main_conf_t  *vmcf;

    *left = ngx_http_vcita_session_left(&ctx->session, ngx_time(),
                                        client->session_timeout,
                                        client->session_idle.timeout);

    if (*left == 0) {
        return NGX_DECLINED;
    }

    vmcf = ngx_http_get_module_main_conf(r, ngx_http_vcita_oauth_module);

    return vmcf->revocation.shm_zone
           ? ngx_http_vcita_session_known(r, client, &ctx->session) : NGX_OK;
}
