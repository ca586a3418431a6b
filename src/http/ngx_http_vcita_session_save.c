
/*
 * Copyright (C) the vcita OAuth gate authors
 *
 * Saves a session: seals it, stores it in the cookie or the client's store, and
 * sets the cookie.  A session is sealed again when its idle time restarts, or
 * when another key than the first one has sealed it.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "http/ngx_http_vcita_http.h"


/* the text sizes that fill the largest cookie, and the largest stored value */

#define NGX_HTTP_VCITA_SESSION_MAX                                            \
    (NGX_HTTP_VCITA_COOKIE_MAX / 4 * 3                                        \
     - ngx_http_vcita_seal_raw_len(0))

#define NGX_HTTP_VCITA_STORED_MAX                                             \
    (NGX_HTTP_VCITA_STORE_MAX - ngx_http_vcita_seal_raw_len(0))


struct ngx_http_vcita_session_save_s {
    ngx_http_vcita_wait_ask_t  *ask;
    ngx_http_vcita_cookie_t    *cookie;
    ngx_str_t                   id;
    time_t                      max_age;
    ngx_uint_t                  silent;  /* unsigned  silent:1; no cookie */
};


static ngx_int_t ngx_http_vcita_session_save_cookie(ngx_http_request_t *r,
    ngx_http_vcita_client_t *client, ngx_str_t *text, time_t max_age);
static ngx_http_vcita_session_save_t *ngx_http_vcita_session_save_create(
    ngx_http_request_t *r, ngx_http_vcita_client_t *client, time_t max_age);
static ngx_int_t ngx_http_vcita_session_save_store(ngx_http_request_t *r,
    ngx_http_vcita_ctx_t *ctx, ngx_http_vcita_client_t *client,
    ngx_http_vcita_session_save_t *k, ngx_http_vcita_session_t *s,
    ngx_str_t *text);
static ngx_int_t ngx_http_vcita_session_save_confirm(ngx_http_request_t *r,
    ngx_http_vcita_ctx_t *ctx, ngx_http_vcita_client_t *client);
static ngx_int_t ngx_http_vcita_session_save_filter(ngx_http_request_t *r)
    ngx_http_vcita_hot;
static ngx_int_t ngx_http_vcita_session_save_renewed(ngx_http_request_t *r,
    ngx_http_vcita_ctx_t *ctx, ngx_http_vcita_client_t *client);


static ngx_http_output_header_filter_pt  ngx_http_next_header_filter;


/*
 * Saves ctx->session with a new text under its present id; the cookie lasts for
 * max_age seconds.  The caller wipes the text.
 *
 * NGX_OK: the session is saved, and the cookie is set.  NGX_DECLINED: it has
 * ended since it was found, for example by a logout elsewhere.  NGX_BUSY: the
 * store is unavailable.  NGX_ERROR: memory is exhausted.  NGX_AGAIN: the
 * request waits by ngx_http_vcita_wait(), then calls this or
 * session_save_result() again.  A request saves one session: later calls return
 * the result and ignore the text.
 */

ngx_int_t
ngx_http_vcita_session_save(ngx_http_request_t *r, ngx_http_vcita_ctx_t *ctx,
    ngx_http_vcita_client_t *client, ngx_str_t *text, time_t max_age)
{
    ngx_http_vcita_session_save_t  *k;

    if (ctx->save) {
        return ngx_http_vcita_session_save_result(r, ctx);
    }

    if (client->storage.store == NULL) {
        return ngx_http_vcita_session_save_cookie(r, client, text, max_age);
    }

    k = ngx_http_vcita_session_save_create(r, client, max_age);
    if (k == NULL) {
        return NGX_ERROR;
    }

    k->id = ctx->cookie;
    k->ask->op.replace = 1;
    ngx_memcpy(k->ask->op.key, ctx->load->op.key, sizeof(k->ask->op.key));

    return ngx_http_vcita_session_save_store(r, ctx, client, k, &ctx->session,
                                             text);
}


/* The same for a new session, which gets a new id */

ngx_int_t
ngx_http_vcita_session_save_new(ngx_http_request_t *r,
    ngx_http_vcita_ctx_t *ctx, ngx_http_vcita_client_t *client,
    ngx_http_vcita_session_t *s, ngx_str_t *text, time_t max_age)
{
    ngx_http_vcita_session_save_t  *k;

    if (client->storage.store == NULL) {
        return ngx_http_vcita_session_save_cookie(r, client, text, max_age);
    }

    k = ngx_http_vcita_session_save_create(r, client, max_age);
    if (k == NULL) {
        return NGX_ERROR;
    }

    k->id.len = NGX_HTTP_VCITA_STORE_ID;

    k->id.data = ngx_pnalloc(r->pool, k->id.len);
    if (k->id.data == NULL) {
        return NGX_ERROR;
    }

    if (ngx_http_vcita_store_id(k->id.data, k->ask->op.key) != NGX_OK) {
        return NGX_ERROR;
    }

    return ngx_http_vcita_session_save_store(r, ctx, client, k, s, text);
}


/* The result of saving, as session_save() returns it */

ngx_int_t
ngx_http_vcita_session_save_result(ngx_http_request_t *r,
    ngx_http_vcita_ctx_t *ctx)
{
    ngx_int_t                       rc;
    ngx_http_vcita_session_save_t  *k;

    k = ctx->save;

    rc = ngx_http_vcita_wait_ask_result(k->ask);

    if (rc != NGX_OK || k->silent) {
        return rc;
    }

    return ngx_http_vcita_cookie_set(&r->headers_out, r->pool, k->cookie,
                                     &k->id, k->max_age);
}


/* The longest session text of a client, in bytes */

size_t
ngx_http_vcita_session_save_room(ngx_http_vcita_client_t *client)
{
    return client->storage.store ? NGX_HTTP_VCITA_STORED_MAX
                                 : NGX_HTTP_VCITA_SESSION_MAX;
}


static ngx_int_t
ngx_http_vcita_session_save_cookie(ngx_http_request_t *r,
    ngx_http_vcita_client_t *client, ngx_str_t *text, time_t max_age)
{
    u_char     *room;
    ngx_str_t   box;

    room = ngx_pnalloc(r->pool, ngx_http_vcita_seal_room(text->len));
    if (room == NULL) {
        return NGX_ERROR;
    }

    if (ngx_http_vcita_seal(&client->session_seal, NULL, text, room, &box)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    return ngx_http_vcita_cookie_set(&r->headers_out, r->pool,
                                     &client->session_cookie, &box, max_age);
}


static ngx_http_vcita_session_save_t *
ngx_http_vcita_session_save_create(ngx_http_request_t *r,
    ngx_http_vcita_client_t *client, time_t max_age)
{
    ngx_http_vcita_session_save_t  *k;

    k = ngx_palloc(r->pool, sizeof(ngx_http_vcita_session_save_t));
    if (k == NULL) {
        return NULL;
    }

    k->ask = ngx_http_vcita_wait_ask_create(r, client->storage.store);
    if (k->ask == NULL) {
        return NULL;
    }

    k->cookie = &client->session_cookie;
    k->max_age = max_age;
    k->silent = 0;

    return k;
}


/* the key is associated data: the value opens under no other key */

static ngx_int_t
ngx_http_vcita_session_save_store(ngx_http_request_t *r,
    ngx_http_vcita_ctx_t *ctx, ngx_http_vcita_client_t *client,
    ngx_http_vcita_session_save_t *k, ngx_http_vcita_session_t *s,
    ngx_str_t *text)
{
    u_char                     *room;
    ngx_str_t                   key, box;
    ngx_http_vcita_store_op_t  *op;

    op = &k->ask->op;

    room = ngx_pnalloc(r->pool, ngx_http_vcita_seal_room(text->len));
    if (room == NULL) {
        return NGX_ERROR;
    }

    key.data = op->key;
    key.len = sizeof(op->key);

    if (ngx_http_vcita_seal(&client->session_seal, &key, text, room, &box)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    op->value.data = room;
    op->value.len = ngx_http_vcita_seal_raw_len(text->len);
    op->ttl = ngx_http_vcita_session_ttl(s, ngx_time(), k->max_age);
    op->provisional = s->provisional;

    ctx->save = k;

    (void) ngx_http_vcita_wait_ask(k->ask, op->store->type->write);

    return ngx_http_vcita_session_save_result(r, ctx);
}


void
ngx_http_vcita_session_save_init(void)
{
    ngx_http_next_header_filter = ngx_http_top_header_filter;
    ngx_http_top_header_filter = ngx_http_vcita_session_save_filter;
}


/*
 * Called when the access check passes.  Any request that the rules let in gives
 * a provisional session its whole life.  Unless the configuration says "all",
 * only navigations renew a session: polling scripts are not a person, and
 * caches may keep responses of other requests.  Returns NGX_OK or the result of
 * session_save().
 */

ngx_int_t
ngx_http_vcita_session_save_renew(ngx_http_request_t *r,
    ngx_http_vcita_ctx_t *ctx, ngx_http_vcita_loc_conf_t *vlcf)
{
    time_t                    now;
    ngx_http_vcita_client_t  *client;

    now = ngx_time();
    client = vlcf->client;

    if (ctx->renew == client) {
        return ctx->save ? ngx_http_vcita_session_save_result(r, ctx) : NGX_OK;
    }

    if (ctx->session.provisional
        && client->storage.store
        && ctx->save == NULL
        && !vlcf->logout)
    {
        return ngx_http_vcita_session_save_confirm(r, ctx, client);
    }

    if (ctx->sealed_by == 0
        && !ctx->session.bound
        && !ngx_http_vcita_session_slides(&ctx->session, now,
                                          client->session_idle.timeout))
    {
        return NGX_OK;
    }

    /* a request saves one session only; here a login may have done so */

    if (vlcf->logout
        || ctx->save
        || !(client->session_idle.all
             || ngx_http_vcita_user_agent_navigates(r)))
    {
        return NGX_OK;
    }

    ctx->renew = client;

    /* $vcita_oauth_expires shows it from here on */

    if (client->session_idle.timeout) {
        ctx->session.seen = now;
    }

    ctx->personal = 1;

    /* a header filter cannot wait for a store */

    return client->storage.store
           ? ngx_http_vcita_session_save_renewed(r, ctx, client) : NGX_OK;
}


/*
 * Writes a provisional session for the rest of its life.  Its cookie has that
 * life already.  NGX_DECLINED: the session has ended meanwhile.
 */

static ngx_int_t
ngx_http_vcita_session_save_confirm(ngx_http_request_t *r,
    ngx_http_vcita_ctx_t *ctx, ngx_http_vcita_client_t *client)
{
    time_t                          left;
    ngx_int_t                       rc;
    ngx_str_t                       text;
    ngx_http_vcita_session_save_t  *k;

    left = ngx_http_vcita_session_left(&ctx->session, ngx_time(),
                                       client->session_timeout,
                                       client->session_idle.timeout);

    if (left == 0) {
        return NGX_OK;
    }

    k = ngx_http_vcita_session_save_create(r, client, left);
    if (k == NULL) {
        return NGX_ERROR;
    }

    k->silent = 1;
    k->ask->op.replace = 1;
    ngx_memcpy(k->ask->op.key, ctx->load->op.key, sizeof(k->ask->op.key));

    ctx->renew = client;
    ctx->session.provisional = 0;

    if (ngx_http_vcita_session_reencode(r->pool, &ctx->session, &text)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    rc = ngx_http_vcita_session_save_store(r, ctx, client, k, &ctx->session,
                                           &text);

    ngx_explicit_memzero(text.data, text.len);

    return rc;
}


/*
 * A session in the cookie is sealed when the response begins: a slow response
 * must not replace a newer session by an older one
 */

static ngx_int_t
ngx_http_vcita_session_save_filter(ngx_http_request_t *r)
{
    ngx_http_vcita_ctx_t     *ctx;
    ngx_http_vcita_client_t  *client;

    ctx = ngx_http_get_module_ctx(r, ngx_http_vcita_oauth_module);

    if (ctx == NULL || ctx->renew == NULL || r != r->main) {
        return ngx_http_next_header_filter(r);
    }

    client = ctx->renew;
    ctx->renew = NULL;

    /*
     * after an internal redirect, the session may be another client's, or that
     * of a token, which has no cookie
     */

    if (ctx->alive
        && !ctx->token
        && ctx->client == client
        && client->storage.store == NULL
        && ngx_http_vcita_session_save_renewed(r, ctx, client) == NGX_ERROR)
    {
        return NGX_ERROR;
    }

    return ngx_http_next_header_filter(r);
}


static ngx_int_t
ngx_http_vcita_session_save_renewed(ngx_http_request_t *r,
    ngx_http_vcita_ctx_t *ctx, ngx_http_vcita_client_t *client)
{
    time_t                     now, left;
    ngx_int_t                  rc;
    ngx_str_t                  text;
    ngx_http_vcita_session_t  *s;

    now = ngx_time();
    s = &ctx->session;

    if (client->session_idle.timeout) {
        s->seen = now;
    }

    left = ngx_http_vcita_session_left(s, now, client->session_timeout,
                                       client->session_idle.timeout);

    if (left == 0) {
        return NGX_OK;
    }

    /* vcita may have revoked the session or changed its claims meanwhile */

    rc = ngx_http_vcita_session_known(r, client, s);

    if (rc != NGX_OK) {
        ngx_http_vcita_session_memo_forget(r, client, &ctx->cookie);
        return rc;
    }

    if (ngx_http_vcita_session_reencode(r->pool, s, &text) != NGX_OK) {
        return NGX_ERROR;
    }

    rc = ngx_http_vcita_session_save(r, ctx, client, &text, left);

    ngx_explicit_memzero(text.data, text.len);

    return rc;
}


/* Counts a new session by its store */

void
ngx_http_vcita_session_save_count(ngx_http_request_t *r,
    ngx_http_vcita_client_t *client)
{
    ngx_uint_t               where;
    ngx_http_vcita_stats_t  *stats;

    where = client->storage.store ? client->storage.store->type->where
                                  : NGX_HTTP_VCITA_IN_COOKIE;

    stats = ngx_http_vcita_ctx_counters(r);

    ngx_http_vcita_stats_add(stats->logins_finished, 1);
    ngx_http_vcita_stats_add(stats->sessions[where], 1);
}
