
/*
 * Copyright (C) the vcita OAuth gate authors
 *
 * Revalidation: asks vcita at intervals whether it still accepts the token of a
 * session.  One request asks and waits; the others go on with the last result.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "http/ngx_http_vcita_http.h"


/* seconds until a failed call is repeated */
#define NGX_HTTP_VCITA_AGAIN     10

/* milliseconds that a request waits for a slot, and logins behind it wait */
#define NGX_HTTP_VCITA_PATIENCE  2000


/* only calls that were made and failed count towards "stale" */

#define ngx_http_vcita_revalidate_stale(c, stale)                             \
    ((c)->since && (c)->now - (c)->since > (stale))


typedef ngx_int_t (*ngx_http_vcita_asked_pt)(ngx_http_request_t *r,
    ngx_http_vcita_revalidation_t *v);


struct ngx_http_vcita_revalidation_s {
    ngx_http_request_t                 *request;
    ngx_http_vcita_ctx_t               *ctx;
    ngx_http_vcita_client_t            *client;
    ngx_http_vcita_revocation_t        *revocation;
    time_t                              stale;

    ngx_http_vcita_revocation_case_t    vcase;
    ngx_str_t                           token;
    ngx_array_t                         claims;    /* ..._member_t */
    ngx_http_vcita_call_t               call;
    ngx_http_vcita_wait_ask_t          *end;

    ngx_http_vcita_asked_pt             next;
    ngx_int_t                           rc;
};


static ngx_int_t ngx_http_vcita_revalidate_begin(ngx_http_request_t *r,
    ngx_http_vcita_ctx_t *ctx, ngx_http_vcita_loc_conf_t *vlcf);
static ngx_int_t ngx_http_vcita_revalidate_prepare(ngx_http_request_t *r,
    ngx_http_vcita_revalidation_t *v);
static ngx_int_t ngx_http_vcita_revalidate_ask(ngx_http_request_t *r,
    ngx_http_vcita_revalidation_t *v);
static void ngx_http_vcita_revalidate_starved(
    ngx_http_vcita_revalidation_t *v, time_t later);
static void ngx_http_vcita_revalidate_handler(ngx_http_vcita_call_t *call);
static void ngx_http_vcita_revalidate_cleanup(void *data);
static ngx_int_t ngx_http_vcita_revalidate_answer(ngx_http_request_t *r,
    ngx_http_vcita_revalidation_t *v);
static ngx_int_t ngx_http_vcita_revalidate_claims(ngx_http_request_t *r,
    ngx_http_vcita_revalidation_t *v);
static ngx_int_t ngx_http_vcita_revalidate_change(ngx_http_request_t *r,
    ngx_http_vcita_revalidation_t *v, ngx_str_t *text);
static ngx_int_t ngx_http_vcita_revalidate_saved(ngx_http_request_t *r,
    ngx_http_vcita_revalidation_t *v);
static ngx_int_t ngx_http_vcita_revalidate_failed(ngx_http_request_t *r,
    ngx_http_vcita_revalidation_t *v);
static ngx_int_t ngx_http_vcita_revalidate_dead(ngx_http_request_t *r,
    ngx_http_vcita_revalidation_t *v, const char *why);
static ngx_int_t ngx_http_vcita_revalidate_ended(ngx_http_request_t *r,
    ngx_http_vcita_revalidation_t *v);


/*
 * Checks the session in ctx at vcita.  NGX_OK: it is valid, possibly with other
 * claims.  NGX_DECLINED: it has ended.  NGX_AGAIN: the request waits, then
 * calls this again.  NGX_BUSY: the store of the session is unavailable.
 */

ngx_int_t
ngx_http_vcita_revalidate(ngx_http_request_t *r, ngx_http_vcita_ctx_t *ctx,
    ngx_http_vcita_loc_conf_t *vlcf)
{
    ngx_int_t                       rc;
    ngx_http_vcita_main_conf_t     *vmcf;
    ngx_http_vcita_revalidation_t  *v;

    vmcf = ngx_http_get_module_main_conf(r, ngx_http_vcita_oauth_module);

    if (vmcf->revocation.shm_zone == NULL) {
        return NGX_OK;
    }

    v = ctx->revalidation;

    if (v == NULL || v->client != vlcf->client) {
        return ngx_http_vcita_revalidate_begin(r, ctx, vlcf);
    }

    if (v->next == NULL) {
        return v->rc;
    }

    rc = v->next(r, v);

    if (rc != NGX_AGAIN) {
        v->next = NULL;
        v->rc = rc;
    }

    return rc;
}


static ngx_int_t
ngx_http_vcita_revalidate_begin(ngx_http_request_t *r,
    ngx_http_vcita_ctx_t *ctx, ngx_http_vcita_loc_conf_t *vlcf)
{
    ngx_int_t                          rc;
    ngx_http_vcita_main_conf_t        *vmcf;
    ngx_http_vcita_revalidation_t     *v;
    ngx_http_vcita_revocation_case_t   c;

    vmcf = ngx_http_get_module_main_conf(r, ngx_http_vcita_oauth_module);

    if (vlcf->revalidate.interval == 0 || ctx->refused) {

        /* a request that nginx refused while reading it cannot wait */

        return NGX_OK;
    }

    c.session = &ctx->session;
    c.now = ngx_time();
    c.left = ctx->session.expires - c.now;
    c.interval = vlcf->revalidate.interval;
    c.busy = NGX_HTTP_VCITA_AGAIN
             + (NGX_HTTP_VCITA_PATIENCE + vlcf->client->timeout) / 1000;

    rc = ngx_http_vcita_revocation_check(&vmcf->revocation, &c, r->pool);

    if ((rc == NGX_OK || rc == NGX_AGAIN)
        && ngx_http_vcita_session_known_bind(r->pool, vlcf->client, &c)
        != NGX_OK)
    {
        return NGX_DECLINED;
    }

    if (rc == NGX_OK
        && ngx_http_vcita_revalidate_stale(&c, vlcf->revalidate.stale))
    {
        rc = NGX_DECLINED;
    }

    if (rc != NGX_AGAIN) {
        return rc;
    }

    v = ngx_pcalloc(r->pool, sizeof(ngx_http_vcita_revalidation_t));
    if (v == NULL) {
        return NGX_ERROR;
    }

    v->request = r;
    v->ctx = ctx;
    v->client = vlcf->client;
    v->revocation = &vmcf->revocation;
    v->stale = vlcf->revalidate.stale;
    v->vcase = c;

    ctx->revalidation = v;

    rc = ngx_http_vcita_revalidate_prepare(r, v);

    v->rc = (rc == NGX_OK) ? ngx_http_vcita_revalidate_ask(r, v) : rc;

    return v->rc;
}


static ngx_int_t
ngx_http_vcita_revalidate_prepare(ngx_http_request_t *r,
    ngx_http_vcita_revalidation_t *v)
{
    ngx_pool_cleanup_t          *cln;
    ngx_http_vcita_call_t       *call;
    ngx_http_vcita_main_conf_t  *vmcf;

    vmcf = ngx_http_get_module_main_conf(r, ngx_http_vcita_oauth_module);

    cln = ngx_pool_cleanup_add(r->pool, 0);
    if (cln == NULL) {
        return NGX_ERROR;
    }

    cln->handler = ngx_http_vcita_revalidate_cleanup;
    cln->data = v;

    if (ngx_http_vcita_session_token(v->vcase.session, r->pool, &v->token)
        != NGX_OK
        || ngx_http_vcita_session_known_wipe(r->pool, &v->token) != NGX_OK)
    {
        return NGX_ERROR;
    }

    call = &v->call;

    call->fetch.pool = r->pool;
    call->fetch.log = r->connection->log;
    call->fetch.endpoint = &v->client->endpoint;
    call->fetch.bearer = v->token;
    call->rate = &vmcf->rate;
    call->client_id = v->client->client_id;
    call->statistics = &vmcf->statistics;
    call->handler = ngx_http_vcita_revalidate_handler;
    call->data = v;

    /*
     * Logins come first: a free slot of the rate, or none.  But a session that
     * vcita has not confirmed for long takes its turn among the logins.
     */

    if (v->vcase.now - v->vcase.good >= v->stale / 2) {
        call->patience = NGX_HTTP_VCITA_PATIENCE;
        call->yields = 1;
    }

    ngx_http_vcita_call_init(call);

    return NGX_OK;
}


static ngx_int_t
ngx_http_vcita_revalidate_ask(ngx_http_request_t *r,
    ngx_http_vcita_revalidation_t *v)
{
    ngx_int_t               rc;
    ngx_http_vcita_call_t  *call;

    call = &v->call;
    v->vcase.now = ngx_time();

    rc = ngx_http_vcita_call_next(call, 1);

    if (rc == NGX_AGAIN) {
        v->next = ngx_http_vcita_revalidate_ask;
        return NGX_AGAIN;
    }

    if (rc == NGX_OK) {

        /* the request does not wait for another try */

        call->patience = 0;

        rc = ngx_http_vcita_call_send(call, NGX_HTTP_VCITA_USERINFO_CALL,
                                      &v->client->userinfo_endpoint);
    }

    if (rc == NGX_AGAIN) {
        v->next = ngx_http_vcita_revalidate_answer;
        return NGX_AGAIN;
    }

    /* sessions that found no slot together do not come back together */

    ngx_http_vcita_revalidate_starved(v, 1 + ngx_random() % 2);

    return ngx_http_vcita_revalidate_stale(&v->vcase, v->stale) ? NGX_DECLINED
                                                                : NGX_OK;
}


static void
ngx_http_vcita_revalidate_starved(ngx_http_vcita_revalidation_t *v,
    time_t later)
{
    if (ngx_http_vcita_revocation_starved(v->revocation, &v->vcase,
                                          v->call.fetch.pool, later))
    {
        ngx_log_error(NGX_LOG_WARN, v->call.fetch.log, 0,
                      "vcita_oauth_rate has no free slot for "
                      "vcita_oauth_revalidate, sessions go on unconfirmed: "
                      "revalidate less often or raise the rate");
    }
}


static void
ngx_http_vcita_revalidate_handler(ngx_http_vcita_call_t *call)
{
    ngx_http_vcita_revalidation_t *v = call->data;

    ngx_http_vcita_wait_wake(v->request);
}


/*
 * The request ended first: its call counts as failed, or a session whose
 * browser always goes away would never be stale.  But it is not stale at once.
 */

static void
ngx_http_vcita_revalidate_cleanup(void *data)
{
    ngx_http_vcita_revalidation_t *v = data;

    if (v->call.calling) {

        if (v->vcase.starved == 0) {
            v->vcase.starved = v->vcase.now;
        }

        ngx_http_vcita_revocation_failed(v->revocation, &v->vcase,
                                         v->call.fetch.pool,
                                         NGX_HTTP_VCITA_AGAIN);

    } else if (v->call.waiting) {
        ngx_http_vcita_revalidate_starved(v, 0);
    }

    ngx_http_vcita_call_cancel(&v->call);
}


static ngx_int_t
ngx_http_vcita_revalidate_answer(ngx_http_request_t *r,
    ngx_http_vcita_revalidation_t *v)
{
    ngx_int_t                    rc;
    ngx_str_t                    name, sub, known;
    ngx_http_vcita_fetch_t      *f;
    ngx_http_vcita_main_conf_t  *vmcf;

    if (ngx_http_vcita_call_next(&v->call, 1) != NGX_DONE) {
        return NGX_AGAIN;
    }

    f = &v->call.fetch;

    v->next = NULL;
    v->vcase.now = ngx_time();

    if (f->outcome != NGX_HTTP_VCITA_FETCH_OK) {
        return ngx_http_vcita_revalidate_failed(r, v);
    }

    if (f->status == NGX_HTTP_UNAUTHORIZED) {
        return ngx_http_vcita_revalidate_dead(r, v,
                                              "vcita no longer accepts its "
                                              "token");
    }

    if (ngx_array_init(&v->claims, r->pool, 16,
                       sizeof(ngx_http_vcita_member_t))
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    vmcf = ngx_http_get_module_main_conf(r, ngx_http_vcita_oauth_module);

    rc = ngx_http_vcita_protocol_userinfo_answer(r->pool, f->status, &f->answer,
                                                 &vmcf->wanted, &sub,
                                                 &v->claims);

    if (rc == NGX_DECLINED) {
        return ngx_http_vcita_revalidate_failed(r, v);
    }

    if (rc != NGX_OK) {
        return NGX_ERROR;
    }

    ngx_str_set(&name, "sub");

    if (ngx_http_vcita_session_claims_get(v->vcase.session, &name, &known)
        == NGX_OK
        && !ngx_http_vcita_str_eq(&known, &sub))
    {
        return ngx_http_vcita_revalidate_dead(r, v,
                                              "userinfo names another \"sub\" "
                                              "for its token");
    }

    return ngx_http_vcita_revalidate_claims(r, v);
}


/* applies changed claims, to this request too */

static ngx_int_t
ngx_http_vcita_revalidate_claims(ngx_http_request_t *r,
    ngx_http_vcita_revalidation_t *v)
{
    size_t                     limit;
    time_t                     left;
    ngx_int_t                  rc;
    ngx_str_t                  text;
    ngx_uint_t                 same;
    ngx_http_vcita_session_t  *s;

    s = v->vcase.session;

    limit = ngx_http_vcita_session_save_room(v->client)
            - (s->changed ? 0 : NGX_HTTP_VCITA_SESSION_CHANGED);

    rc = ngx_http_vcita_session_claims_replace(r->pool, s, &v->claims, limit,
                                               &text);

    if (rc == NGX_ERROR) {
        return NGX_ERROR;
    }

    if (rc == NGX_DECLINED) {
        return ngx_http_vcita_revalidate_dead(r, v,
                                              "it cannot keep a claim that a "
                                              "vcita_oauth_require may depend "
                                              "on");
    }

    same = ngx_http_vcita_str_eq(&text, &s->text);

    rc = same ? NGX_OK : ngx_http_vcita_revalidate_change(r, v, &text);

    ngx_explicit_memzero(text.data, text.len);

    if (rc != NGX_OK) {
        return rc;
    }

    ngx_http_vcita_revocation_good(v->revocation, &v->vcase, r->pool);

    if (same) {
        return NGX_OK;
    }

    ngx_http_vcita_userinfo_request_dropped(r, &v->claims);

    left = ngx_http_vcita_session_left(s, v->vcase.now,
                                       v->client->session_timeout,
                                       v->client->session_idle.timeout);

    if (left == 0) {
        return NGX_DECLINED;
    }

    v->ctx->personal = 1;

    rc = ngx_http_vcita_session_save(r, v->ctx, v->client, &s->text, left);

    if (rc == NGX_AGAIN) {
        v->next = ngx_http_vcita_revalidate_saved;
    }

    return rc;
}


/*
 * Sets the claims of the session.  Their time is later than that of all known
 * claims, even if the clock was set back.
 */

static ngx_int_t
ngx_http_vcita_revalidate_change(ngx_http_request_t *r,
    ngx_http_vcita_revalidation_t *v, ngx_str_t *text)
{
    uint64_t                   changed;
    ngx_str_t                  again;
    ngx_time_t                *tp;
    ngx_http_vcita_session_t  *s;

    s = v->vcase.session;
    tp = ngx_timeofday();

    changed = ngx_max((uint64_t) tp->sec * 1000 + tp->msec, s->changed + 1);

    /* the memo wipes what it has, when no other request reads it */

    if (s->shared) {
        ngx_http_vcita_session_memo_forget(r, v->client, &v->ctx->cookie);

    } else if (ngx_http_vcita_session_known_wipe(r->pool, &s->text) != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (ngx_http_vcita_session_decode(text, s) != NGX_OK) {
        return NGX_ERROR;
    }

    s->changed = changed;

    if (ngx_http_vcita_session_reencode(r->pool, s, &again) != NGX_OK
        || ngx_http_vcita_session_known_wipe(r->pool, &again) != NGX_OK
        || ngx_http_vcita_session_decode(&again, s) != NGX_OK)
    {
        return NGX_ERROR;
    }

    return ngx_http_vcita_session_known_change(r->pool, v->client,
                                               v->revocation, &v->vcase);
}


static ngx_int_t
ngx_http_vcita_revalidate_saved(ngx_http_request_t *r,
    ngx_http_vcita_revalidation_t *v)
{
    return ngx_http_vcita_session_save_result(r, v->ctx);
}


/* a failure of vcita ends no session before "stale" has passed */

static ngx_int_t
ngx_http_vcita_revalidate_failed(ngx_http_request_t *r,
    ngx_http_vcita_revalidation_t *v)
{
    const char              *hint;
    ngx_http_vcita_fetch_t  *f;

    f = &v->call.fetch;

    if (f->outcome == NGX_HTTP_VCITA_FETCH_OK) {
        hint = ngx_http_vcita_protocol_blocked(f->status, &f->answer);

        ngx_log_error(NGX_LOG_WARN, r->connection->log, 0,
                      "a session could not be revalidated, userinfo endpoint "
                      "\"%V\" returned status %ui%s", &f->url, f->status,
                      hint ? hint : "");

    } else {
        ngx_log_error(NGX_LOG_WARN, r->connection->log, 0,
                      "a session could not be revalidated, userinfo endpoint "
                      "\"%V\" gave no response: %s", &f->url, f->error);
    }

    ngx_http_vcita_revocation_failed(v->revocation, &v->vcase, r->pool,
                                     NGX_HTTP_VCITA_AGAIN);

    return ngx_http_vcita_revalidate_stale(&v->vcase, v->stale) ? NGX_DECLINED
                                                                : NGX_OK;
}


/* recorded until all copies of the cookie have expired */

static ngx_int_t
ngx_http_vcita_revalidate_dead(ngx_http_request_t *r,
    ngx_http_vcita_revalidation_t *v, const char *why)
{
    ngx_int_t  rc;

    ngx_log_error(NGX_LOG_NOTICE, r->connection->log, 0,
                  "revalidation ended a session: %s", why);

    ngx_http_vcita_identity_event(r, v->ctx, NGX_HTTP_VCITA_REVOKED);
    ngx_http_vcita_count(r, sessions_revoked);
    ngx_http_vcita_revocation_dead(v->revocation, &v->vcase, r->pool);

    if (v->client->storage.store == NULL) {
        return NGX_DECLINED;
    }

    v->end = ngx_http_vcita_wait_ask_create(r, v->client->storage.store);
    if (v->end == NULL) {
        return NGX_ERROR;
    }

    ngx_memcpy(v->end->op.key, v->ctx->load->op.key, sizeof(v->end->op.key));

    rc = ngx_http_vcita_wait_ask(v->end, v->client->storage.store->type->end);

    if (rc == NGX_AGAIN) {
        v->next = ngx_http_vcita_revalidate_ended;
        return NGX_AGAIN;
    }

    return NGX_DECLINED;
}


/* the result of the store does not matter: the session has ended */

static ngx_int_t
ngx_http_vcita_revalidate_ended(ngx_http_request_t *r,
    ngx_http_vcita_revalidation_t *v)
{
    return (ngx_http_vcita_wait_ask_result(v->end) == NGX_AGAIN)
           ? NGX_AGAIN : NGX_DECLINED;
}
