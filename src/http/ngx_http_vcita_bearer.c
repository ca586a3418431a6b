
/*
 * Copyright (C) the vcita OAuth gate authors
 *
 * Bearer tokens (RFC 6750) that vcita has signed for a page in its frame: a
 * request with one comes in without any cookie.  The memo keeps what a verified
 * token says, so that each worker checks a signature once; names, times and
 * keys are checked at each use.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "http/ngx_http_vcita_http.h"
#include "vcita/ngx_http_vcita_jwk.h"


/* of a key in the memo: no kind of cookie */
#define NGX_HTTP_VCITA_BEARER_KIND    8

/* milliseconds until a request that waits for the keys looks again */
#define NGX_HTTP_VCITA_BEARER_LOOK    50

/* milliseconds until a reason is logged again */
#define NGX_HTTP_VCITA_BEARER_SILENT  60000

/* of a token's claims; a token is shorter */
#define NGX_HTTP_VCITA_BEARER_LIMIT   16384


/* the data of an entry; the texts follow */

typedef struct {
    ngx_http_vcita_session_t       session;
    ngx_http_vcita_jws_t           jws;
    ngx_uint_t                     generation;
} ngx_http_vcita_bearer_memo_t;


struct ngx_http_vcita_bearer_s {
    ngx_http_request_t            *request;
    ngx_http_vcita_client_t       *client;
    ngx_str_t                      token;
    ngx_http_vcita_jws_t           jws;
    ngx_http_vcita_jws_e           reason;
    ngx_array_t                    members;   /* ..._member_t */
    ngx_event_t                    timer;
};


static ngx_int_t ngx_http_vcita_bearer_token(ngx_http_request_t *r,
    ngx_str_t *token);
static ngx_int_t ngx_http_vcita_bearer_set(ngx_http_request_t *r,
    ngx_http_vcita_main_conf_t *vmcf, ngx_http_vcita_client_t *client);
static ngx_int_t ngx_http_vcita_bearer_remembered(ngx_http_request_t *r,
    ngx_http_vcita_ctx_t *ctx, ngx_http_vcita_loc_conf_t *vlcf,
    ngx_str_t *token);
static void ngx_http_vcita_bearer_refresh(ngx_http_vcita_main_conf_t *vmcf,
    ngx_http_vcita_client_t *client);
static ngx_http_vcita_bearer_t *ngx_http_vcita_bearer_read(
    ngx_http_request_t *r, ngx_http_vcita_ctx_t *ctx,
    ngx_http_vcita_client_t *client, ngx_str_t *token);
static void ngx_http_vcita_bearer_cleanup(void *data);
static ngx_int_t ngx_http_vcita_bearer_verify(ngx_http_request_t *r,
    ngx_http_vcita_ctx_t *ctx, ngx_http_vcita_main_conf_t *vmcf,
    ngx_http_vcita_bearer_t *b);
static void ngx_http_vcita_bearer_look(ngx_event_t *ev);
static ngx_int_t ngx_http_vcita_bearer_keep(ngx_http_request_t *r,
    ngx_http_vcita_ctx_t *ctx, ngx_http_vcita_bearer_t *b,
    ngx_uint_t generation);
static ngx_int_t ngx_http_vcita_bearer_encode(ngx_http_request_t *r,
    ngx_http_vcita_bearer_t *b, ngx_str_t *text);
static void ngx_http_vcita_bearer_session(ngx_http_vcita_jws_t *jws,
    ngx_str_t *text, ngx_http_vcita_session_t *s);
static ngx_int_t ngx_http_vcita_bearer_admit(ngx_http_request_t *r,
    ngx_http_vcita_ctx_t *ctx, ngx_http_vcita_client_t *client,
    ngx_http_vcita_session_t *s);
static ngx_int_t ngx_http_vcita_bearer_refused(ngx_http_request_t *r,
    ngx_http_vcita_jws_e reason);


/* whether the request has a token: then no cookie is looked at */

ngx_uint_t
ngx_http_vcita_bearer_is_sent(ngx_http_request_t *r)
{
    ngx_str_t  token;

    return ngx_http_vcita_bearer_token(r, &token) == NGX_OK;
}


static ngx_int_t
ngx_http_vcita_bearer_token(ngx_http_request_t *r, ngx_str_t *token)
{
    u_char     *p, *last;
    ngx_str_t  *value;

    if (r->headers_in.authorization == NULL) {
        return NGX_DECLINED;
    }

    value = &r->headers_in.authorization->value;
    p = value->data;
    last = p + value->len;

    if (value->len < sizeof("Bearer") - 1
        || ngx_strncasecmp(p, (u_char *) "Bearer", sizeof("Bearer") - 1) != 0)
    {
        return NGX_DECLINED;
    }

    p += sizeof("Bearer") - 1;

    if (p < last && *p != ' ') {
        return NGX_DECLINED;
    }

    while (p < last && *p == ' ') {
        p++;
    }

    token->data = p;
    token->len = last - p;

    return NGX_OK;
}


/*
 * Checks the token of a request.  NGX_OK: ctx->session is the token's.
 * NGX_AGAIN: the request waits for the keys, then calls this again.
 * NGX_DECLINED: the token is refused.  NGX_BUSY: no key is known.
 */

ngx_int_t
ngx_http_vcita_bearer(ngx_http_request_t *r, ngx_http_vcita_ctx_t *ctx,
    ngx_http_vcita_loc_conf_t *vlcf)
{
    ngx_int_t                    rc;
    ngx_str_t                    token;
    ngx_http_vcita_jws_e         reason;
    ngx_http_vcita_bearer_t     *b;
    ngx_http_vcita_main_conf_t  *vmcf;

    if (ngx_http_vcita_bearer_token(r, &token) != NGX_OK) {
        return NGX_ERROR;
    }

    vmcf = ngx_http_get_module_main_conf(r, ngx_http_vcita_oauth_module);

    if (ngx_http_vcita_bearer_set(r, vmcf, vlcf->client) != NGX_OK) {
        return NGX_ERROR;
    }

    b = ctx->bearer;

    if (b == NULL || b->client != vlcf->client) {

        rc = ngx_http_vcita_bearer_remembered(r, ctx, vlcf, &token);

        if (rc != NGX_DONE) {
            return rc;
        }

        b = ngx_http_vcita_bearer_read(r, ctx, vlcf->client, &token);
        if (b == NULL) {
            return NGX_ERROR;
        }
    }

    reason = b->reason;

    if (reason == NGX_HTTP_VCITA_JWS_VALID) {
        reason = ngx_http_vcita_jws_check(&b->jws, vlcf->bearer, ngx_time(),
                                          NGX_HTTP_VCITA_SKEW);
    }

    if (reason != NGX_HTTP_VCITA_JWS_VALID) {
        return ngx_http_vcita_bearer_refused(r, reason);
    }

    return ngx_http_vcita_bearer_verify(r, ctx, vmcf, b);
}


/*
 * Keys are as good as the check of the connection that they came by: clients
 * share those of one address only if they check it alike
 */

static ngx_int_t
ngx_http_vcita_bearer_set(ngx_http_request_t *r,
    ngx_http_vcita_main_conf_t *vmcf, ngx_http_vcita_client_t *client)
{
    ngx_str_t   source;
    ngx_uint_t  set;

    if (client->jwks) {
        return NGX_OK;
    }

    source.data = ngx_pnalloc(r->pool, client->jwks_endpoint.len + 1
                                       + client->ssl_certificate.len);
    if (source.data == NULL) {
        return NGX_ERROR;
    }

    source.len = ngx_sprintf(source.data, "%V%c%V", &client->jwks_endpoint,
                             client->endpoint.verify ? '+' : '-',
                             &client->ssl_certificate)
                 - source.data;

    if (ngx_http_vcita_jwks_find(&vmcf->jwks, &source, &set) != NGX_OK) {
        ngx_log_error(NGX_LOG_ERR, r->connection->log, 0,
                      "more than %d values of vcita_oauth_jwks_endpoint have "
                      "been in use since the start of nginx, restart it",
                      NGX_HTTP_VCITA_JWKS_SETS);

        return NGX_ERROR;
    }

    client->jwks = set + 1;

    return NGX_OK;
}


/* NGX_DONE: the token has to be read */

static ngx_int_t
ngx_http_vcita_bearer_remembered(ngx_http_request_t *r,
    ngx_http_vcita_ctx_t *ctx, ngx_http_vcita_loc_conf_t *vlcf,
    ngx_str_t *token)
{
    ngx_uint_t                     generation;
    ngx_http_vcita_jws_e           reason;
    ngx_http_vcita_client_t       *client;
    ngx_http_vcita_memo_key_t      key;
    ngx_http_vcita_main_conf_t    *vmcf;
    ngx_http_vcita_memo_entry_t   *entry;
    ngx_http_vcita_bearer_memo_t  *data;

    if (token->len > NGX_HTTP_VCITA_JWS_MAX) {
        return NGX_DONE;
    }

    client = vlcf->client;

    key.owner = client;
    key.kind = NGX_HTTP_VCITA_BEARER_KIND;
    key.value = *token;

    entry = ngx_http_vcita_session_memo_other(r, ctx, &key);

    if (entry == NULL) {
        return NGX_DONE;
    }

    data = entry->data;
    vmcf = ngx_http_get_module_main_conf(r, ngx_http_vcita_oauth_module);

    if (ngx_http_vcita_jwks_keys(&vmcf->jwks, client->jwks - 1, &generation)
        == NULL
        || data->generation != generation)
    {
        ngx_http_vcita_memo_drop(vmcf->remembered.memo, entry);
        return NGX_DONE;
    }

    ngx_http_vcita_bearer_refresh(vmcf, client);

    reason = ngx_http_vcita_jws_check(&data->jws, vlcf->bearer, ngx_time(),
                                      NGX_HTTP_VCITA_SKEW);

    if (reason != NGX_HTTP_VCITA_JWS_VALID) {
        return ngx_http_vcita_bearer_refused(r, reason);
    }

    return ngx_http_vcita_bearer_admit(r, ctx, client, &data->session);
}


/* no request waits for keys that are only old */

static void
ngx_http_vcita_bearer_refresh(ngx_http_vcita_main_conf_t *vmcf,
    ngx_http_vcita_client_t *client)
{
    if (ngx_http_vcita_jwks_aged(&vmcf->jwks, client->jwks - 1)) {
        (void) ngx_http_vcita_jwks_fetch(&vmcf->jwks, client->jwks - 1,
                                         &client->jwks_endpoint,
                                         &client->endpoint);
    }
}


static ngx_http_vcita_bearer_t *
ngx_http_vcita_bearer_read(ngx_http_request_t *r, ngx_http_vcita_ctx_t *ctx,
    ngx_http_vcita_client_t *client, ngx_str_t *token)
{
    ngx_pool_cleanup_t       *cln;
    ngx_http_vcita_bearer_t  *b;

    cln = ngx_pool_cleanup_add(r->pool, sizeof(ngx_http_vcita_bearer_t));
    if (cln == NULL) {
        return NULL;
    }

    b = cln->data;
    ngx_memzero(b, sizeof(ngx_http_vcita_bearer_t));

    cln->handler = ngx_http_vcita_bearer_cleanup;

    b->request = r;
    b->client = client;
    b->token = *token;

    b->timer.handler = ngx_http_vcita_bearer_look;
    b->timer.data = b;
    b->timer.log = r->connection->log;

    if (ngx_array_init(&b->members, r->pool, 16,
                       sizeof(ngx_http_vcita_member_t))
        != NGX_OK)
    {
        return NULL;
    }

    b->reason = ngx_http_vcita_jws_read(r->pool, token, &b->jws, &b->members);

    ctx->bearer = b;

    return b;
}


static void
ngx_http_vcita_bearer_cleanup(void *data)
{
    ngx_http_vcita_bearer_t *b = data;

    if (b->timer.timer_set) {
        ngx_del_timer(&b->timer);
    }
}


/* a kid that is unknown, or no key at all, is worth a call */

static ngx_int_t
ngx_http_vcita_bearer_verify(ngx_http_request_t *r, ngx_http_vcita_ctx_t *ctx,
    ngx_http_vcita_main_conf_t *vmcf, ngx_http_vcita_bearer_t *b)
{
    ngx_uint_t                generation;
    ngx_array_t              *keys;
    ngx_http_vcita_jws_e      reason;
    ngx_http_vcita_client_t  *client;

    client = b->client;
    reason = NGX_HTTP_VCITA_JWS_KID;

    keys = ngx_http_vcita_jwks_keys(&vmcf->jwks, client->jwks - 1, &generation);

    if (keys) {
        ngx_http_vcita_bearer_refresh(vmcf, client);

        reason = ngx_http_vcita_jwk_verify(&b->jws, keys);

        if (reason == NGX_HTTP_VCITA_JWS_VALID) {
            return ngx_http_vcita_bearer_keep(r, ctx, b, generation);
        }

        if (reason != NGX_HTTP_VCITA_JWS_KID) {
            return ngx_http_vcita_bearer_refused(r, reason);
        }
    }

    if (ngx_http_vcita_jwks_fetch(&vmcf->jwks, client->jwks - 1,
                                  &client->jwks_endpoint, &client->endpoint)
        == NGX_AGAIN)
    {
        ngx_add_timer(&b->timer, NGX_HTTP_VCITA_BEARER_LOOK);
        return NGX_AGAIN;
    }

    if (keys) {
        return ngx_http_vcita_bearer_refused(r, reason);
    }

    ngx_http_vcita_count(r, bearer[NGX_HTTP_VCITA_BEARER_UNAVAILABLE]);

    return NGX_BUSY;
}


static void
ngx_http_vcita_bearer_look(ngx_event_t *ev)
{
    ngx_http_vcita_bearer_t *b = ev->data;

    ngx_http_vcita_wait_wake(b->request);
}


/*
 * A verified token: its claims become those of a session that has no cookie.
 * The memo keeps them if it can.
 */

static ngx_int_t
ngx_http_vcita_bearer_keep(ngx_http_request_t *r, ngx_http_vcita_ctx_t *ctx,
    ngx_http_vcita_bearer_t *b, ngx_uint_t generation)
{
    ngx_str_t                      text;
    ngx_http_vcita_session_t       s;
    ngx_http_vcita_memo_key_t      key;
    ngx_http_vcita_memo_entry_t   *entry;
    ngx_http_vcita_bearer_memo_t  *data;

    if (ngx_http_vcita_bearer_encode(r, b, &text) != NGX_OK) {
        return NGX_ERROR;
    }

    key.owner = b->client;
    key.kind = NGX_HTTP_VCITA_BEARER_KIND;
    key.value = b->token;

    entry = ngx_http_vcita_session_memo_create(r, ctx, &key,
                                          sizeof(ngx_http_vcita_bearer_memo_t)
                                          + text.len + b->jws.aud.len
                                          + b->jws.lengths.len);
    if (entry == NULL) {

        ngx_http_vcita_bearer_session(&b->jws, &text, &s);

        return ngx_http_vcita_bearer_admit(r, ctx, b->client, &s);
    }

    data = entry->data;

    ngx_memzero(data, sizeof(ngx_http_vcita_bearer_memo_t));

    data->generation = generation;
    data->jws.exp = b->jws.exp;
    data->jws.iat = b->jws.iat;
    data->jws.nbf = b->jws.nbf;

    data->jws.aud.data = (u_char *) &data[1];
    data->jws.aud.len = b->jws.aud.len;
    ngx_memcpy(data->jws.aud.data, b->jws.aud.data, b->jws.aud.len);

    data->jws.lengths.data = data->jws.aud.data + b->jws.aud.len;
    data->jws.lengths.len = b->jws.lengths.len;

    if (b->jws.lengths.len) {
        ngx_memcpy(data->jws.lengths.data, b->jws.lengths.data,
                   b->jws.lengths.len);
    }

    s.text.data = data->jws.lengths.data + b->jws.lengths.len;
    s.text.len = text.len;
    ngx_memcpy(s.text.data, text.data, text.len);

    ngx_http_vcita_bearer_session(&b->jws, &s.text, &data->session);

    data->session.shared = 1;

    if (b->jws.exp > ngx_time()) {
        ngx_http_vcita_session_memo_keep(r, entry, b->jws.exp - ngx_time());
    }

    return ngx_http_vcita_bearer_admit(r, ctx, b->client, &data->session);
}


/* an id, which tells one token from another, and the encoded claims */

static ngx_int_t
ngx_http_vcita_bearer_encode(ngx_http_request_t *r, ngx_http_vcita_bearer_t *b,
    ngx_str_t *text)
{
    u_char                       hash[NGX_HTTP_VCITA_HASH_LEN];
    u_char                      *p;
    size_t                       size;
    ngx_array_t                  claims;
    ngx_http_vcita_main_conf_t  *vmcf;

    vmcf = ngx_http_get_module_main_conf(r, ngx_http_vcita_oauth_module);

    if (ngx_array_init(&claims, r->pool, 16, sizeof(ngx_http_vcita_member_t))
        != NGX_OK
        || ngx_http_vcita_claims(r->pool, &b->members, &vmcf->wanted, &claims)
           != NGX_OK
        || ngx_http_vcita_hash_sha256(&b->token, hash) != NGX_OK)
    {
        return NGX_ERROR;
    }

    size = ngx_http_vcita_session_claims_fit(&claims,
                                             NGX_HTTP_VCITA_SESSION_ID,
                                             NGX_HTTP_VCITA_BEARER_LIMIT);

    if (size > NGX_HTTP_VCITA_BEARER_LIMIT) {
        return NGX_ERROR;
    }

    text->data = ngx_pnalloc(r->pool, size);
    if (text->data == NULL) {
        return NGX_ERROR;
    }

    p = ngx_cpymem(text->data, hash, NGX_HTTP_VCITA_SESSION_ID);
    p = ngx_http_vcita_session_claims_put(p, &claims);

    text->len = p - text->data;

    return NGX_OK;
}


/* there is no access token, and no type or scope of one */

static void
ngx_http_vcita_bearer_session(ngx_http_vcita_jws_t *jws, ngx_str_t *text,
    ngx_http_vcita_session_t *s)
{
    ngx_memzero(s, sizeof(ngx_http_vcita_session_t));

    s->created = (uint64_t) jws->iat * 1000;
    s->expires = jws->exp;

    s->id.data = text->data;
    s->id.len = NGX_HTTP_VCITA_SESSION_ID;

    s->claims.data = text->data + NGX_HTTP_VCITA_SESSION_ID;
    s->claims.len = text->len - NGX_HTTP_VCITA_SESSION_ID;

    s->text = s->claims;
}


static ngx_int_t
ngx_http_vcita_bearer_admit(ngx_http_request_t *r, ngx_http_vcita_ctx_t *ctx,
    ngx_http_vcita_client_t *client, ngx_http_vcita_session_t *s)
{
    ngx_http_vcita_count(r, bearer[NGX_HTTP_VCITA_BEARER_PASSED]);

    return ngx_http_vcita_session_load_token(r, ctx, client, s);
}


/* a flood of forged tokens does not flood the log */

static ngx_int_t
ngx_http_vcita_bearer_refused(ngx_http_request_t *r,
    ngx_http_vcita_jws_e reason)
{
    static ngx_msec_t  logged[NGX_HTTP_VCITA_JWS_REASONS];

    if (reason == NGX_HTTP_VCITA_JWS_MEMORY) {
        return NGX_ERROR;
    }

    ngx_http_vcita_count(r, bearer[NGX_HTTP_VCITA_BEARER_REFUSED]);

    if (logged[reason] == 0
        || ngx_current_msec - logged[reason] >= NGX_HTTP_VCITA_BEARER_SILENT)
    {
        logged[reason] = ngx_current_msec;

        ngx_log_error(NGX_LOG_ERR, r->connection->log, 0,
                      "the Bearer token of the request was refused: %s (logged "
                      "once a minute)", ngx_http_vcita_jws_reason(reason));
    }

    return NGX_DECLINED;
}
