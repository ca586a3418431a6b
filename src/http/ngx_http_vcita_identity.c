
/*
 * Copyright (C) the vcita OAuth gate authors
 *
 * Whose session the variables show, and what the request was for an audit log:
 * a login, a logout, a refusal or a revocation.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "http/ngx_http_vcita_http.h"


#define NGX_HTTP_VCITA_IDENTITY_LABEL    "vcita_oauth_session"

/* of $vcita_oauth_session, before it is hexadecimal */
#define NGX_HTTP_VCITA_IDENTITY_SESSION  8


/* a subrequest may have its parent's context */

#define ngx_http_vcita_identity_own(r, ctx)                                   \
    ((ctx)->request ? (ctx)->request == (r) : (r) == (r)->main)


static ngx_http_vcita_session_t *ngx_http_vcita_identity_in(
    ngx_http_request_t *r, ngx_http_vcita_ctx_t *ctx);
static ngx_http_vcita_session_t *ngx_http_vcita_identity_person(
    ngx_http_request_t *r, ngx_http_vcita_ctx_t *ctx);
static ngx_int_t ngx_http_vcita_identity_session(ngx_http_request_t *r,
    ngx_str_t *value);
static ngx_int_t ngx_http_vcita_identity_switch(ngx_http_request_t *r,
    ngx_http_vcita_ctx_t *ctx, ngx_str_t *value);


/* the values of $vcita_oauth_event */

static ngx_str_t  ngx_http_vcita_identity_events[] = {
    ngx_null_string,
    ngx_string("login"),
    ngx_string("logout"),
    ngx_string("refused"),
    ngx_string("revoked")
};


/*
 * The session with which the last gate let the request in: that of this
 * location, or of an earlier one if the gate is off here.  A subrequest into
 * a location without a gate has none, and neither has a refused request: no
 * upstream of an error page may take it for a user's.
 */

ngx_http_vcita_session_t *
ngx_http_vcita_identity(ngx_http_request_t *r)
{
    return ngx_http_vcita_identity_in(r, ngx_http_vcita_ctx_get(r));
}


static ngx_http_vcita_session_t *
ngx_http_vcita_identity_in(ngx_http_request_t *r, ngx_http_vcita_ctx_t *ctx)
{
    ngx_http_vcita_loc_conf_t  *vlcf;

    if (ctx == NULL || !ctx->alive || ctx->forbidden) {
        return NULL;
    }

    vlcf = ngx_http_get_module_loc_conf(r, ngx_http_vcita_oauth_module);

    if (vlcf->gate == NGX_HTTP_VCITA_OFF) {
        return (ctx->let_in == ctx->client
                && ngx_http_vcita_identity_own(r, ctx))
               ? &ctx->session : NULL;
    }

    return (ctx->client == vlcf->client) ? &ctx->session : NULL;
}


/*
 * In the log, also the session that this request began, ended or was refused.
 * The headers of a refusal have it, too: no upstream sees these.
 */

ngx_http_vcita_session_t *
ngx_http_vcita_identity_logged(ngx_http_request_t *r,
    ngx_http_vcita_client_t **client)
{
    ngx_http_vcita_ctx_t  *ctx;

    ctx = ngx_http_vcita_ctx_get(r);

    if (ctx
        && ctx->event
        && ctx->person
        && (ctx->logging || (ctx->forbidden && !ctx->behind))
        && ngx_http_vcita_identity_own(r, ctx))
    {
        if (client) {
            *client = ctx->person->client;
        }

        return &ctx->person->session;
    }

    if (ctx && client) {
        *client = ctx->client;
    }

    return ngx_http_vcita_identity_in(r, ctx);
}


/* 1: a gate, or the callback, has decided about the request */

ngx_uint_t
ngx_http_vcita_identity_decided(ngx_http_request_t *r)
{
    ngx_http_vcita_ctx_t       *ctx;
    ngx_http_vcita_loc_conf_t  *vlcf;

    ctx = ngx_http_vcita_ctx_get(r);

    if (ctx == NULL) {
        return 0;
    }

    /* a callback that this or another module has answered */

    if (ctx->callback && (ctx->called_back || r->main->err_status)) {
        return 1;
    }

    vlcf = ngx_http_get_module_loc_conf(r, ngx_http_vcita_oauth_module);

    if (vlcf->gate == NGX_HTTP_VCITA_OFF) {
        return (ctx->gated || ctx->status)
               && ngx_http_vcita_identity_own(r, ctx);
    }

    return ctx->client == vlcf->client;
}


/* Records what happens to the session in ctx; the first event counts */

void
ngx_http_vcita_identity_event(ngx_http_request_t *r, ngx_http_vcita_ctx_t *ctx,
    ngx_uint_t event)
{
    if (ctx->event == 0) {
        ctx->event = event;
    }

    if (ctx->person) {
        return;
    }

    ctx->person = ngx_palloc(r->pool, sizeof(ngx_http_vcita_person_t));
    if (ctx->person == NULL) {
        return;
    }

    ctx->person->session = ctx->session;
    ctx->person->client = ctx->client;
}


/* Records the session of a login by its text; the log needs no token */

ngx_int_t
ngx_http_vcita_identity_login(ngx_http_request_t *r, ngx_http_vcita_ctx_t *ctx,
    ngx_http_vcita_client_t *client, ngx_str_t *text)
{
    ngx_str_t                 copy;
    ngx_http_vcita_person_t  *person;

    person = ngx_palloc(r->pool, sizeof(ngx_http_vcita_person_t));
    if (person == NULL) {
        return NGX_ERROR;
    }

    copy.len = text->len;

    copy.data = ngx_pnalloc(r->pool, copy.len);
    if (copy.data == NULL) {
        return NGX_ERROR;
    }

    ngx_memcpy(copy.data, text->data, text->len);

    person->client = client;

    if (ngx_http_vcita_session_decode(&copy, &person->session) != NGX_OK) {
        return NGX_ERROR;
    }

    ngx_explicit_memzero(person->session.token.data,
                         person->session.token.len);
    ngx_str_null(&person->session.token);

    ctx->person = person;

    return NGX_OK;
}


/* From here on, variables are read for the log */

void
ngx_http_vcita_identity_log(ngx_http_request_t *r)
{
    ngx_http_vcita_ctx_t  *ctx;

    ctx = ngx_http_vcita_ctx_get(r);

    if (ctx && ngx_http_vcita_identity_own(r, ctx)) {
        ctx->logging = 1;
    }
}


/* The value of a variable, empty if there is none */

ngx_int_t
ngx_http_vcita_identity_text(ngx_http_request_t *r, ngx_uint_t what,
    ngx_str_t *value)
{
    ngx_http_vcita_ctx_t      *ctx;
    ngx_http_vcita_session_t  *s;

    ngx_str_null(value);

    ctx = ngx_http_vcita_ctx_get(r);

    if (ctx == NULL) {
        return NGX_OK;
    }

    switch (what) {

    case NGX_HTTP_VCITA_IDENTITY_EVENT:

        if (ngx_http_vcita_identity_own(r, ctx)) {
            *value = ngx_http_vcita_identity_events[ctx->event];
        }

        return NGX_OK;

    case NGX_HTTP_VCITA_IDENTITY_SESSION_NAME:
        return ngx_http_vcita_identity_session(r, value);

    case NGX_HTTP_VCITA_IDENTITY_SWITCH:
        return ngx_http_vcita_identity_switch(r, ctx, value);

    default: /* NGX_HTTP_VCITA_IDENTITY_ACCOUNT */

        s = ngx_http_vcita_identity_person(r, ctx);

        if (s) {
            ngx_http_vcita_identity_account(s, value);
        }

        return NGX_OK;
    }
}


/* The email of the account, else its sub, else an empty string */

void
ngx_http_vcita_identity_account(ngx_http_vcita_session_t *s, ngx_str_t *value)
{
    ngx_str_t  name;

    ngx_str_null(value);
    ngx_str_set(&name, "email");

    if (ngx_http_vcita_session_claims_get(s, &name, value) != NGX_OK
        || value->len == 0)
    {
        ngx_str_set(&name, "sub");
        (void) ngx_http_vcita_session_claims_get(s, &name, value);
    }
}


/* of a refused request, too: for its page, which may say who was refused */

static ngx_http_vcita_session_t *
ngx_http_vcita_identity_person(ngx_http_request_t *r,
    ngx_http_vcita_ctx_t *ctx)
{
    if (ctx->forbidden
        && ctx->person
        && ngx_http_vcita_identity_own(r, ctx))
    {
        return &ctx->person->session;
    }

    return ngx_http_vcita_identity_logged(r, NULL);
}


/* a name for the session: its id cannot be derived from the hash */

static ngx_int_t
ngx_http_vcita_identity_session(ngx_http_request_t *r, ngx_str_t *value)
{
    u_char                    *p;
    u_char                     hash[NGX_HTTP_VCITA_HASH_LEN];
    u_char                     text[sizeof(NGX_HTTP_VCITA_IDENTITY_LABEL)
                                    + NGX_HTTP_VCITA_SESSION_ID];
    ngx_str_t                  label;
    ngx_http_vcita_session_t  *s;

    s = ngx_http_vcita_identity_logged(r, NULL);

    if (s == NULL) {
        return NGX_OK;
    }

    p = ngx_cpymem(text, NGX_HTTP_VCITA_IDENTITY_LABEL,
                   sizeof(NGX_HTTP_VCITA_IDENTITY_LABEL));
    p = ngx_cpymem(p, s->id.data, NGX_HTTP_VCITA_SESSION_ID);

    label.data = text;
    label.len = p - text;

    p = ngx_pnalloc(r->pool, 2 * NGX_HTTP_VCITA_IDENTITY_SESSION);

    if (p == NULL || ngx_http_vcita_hash_sha256(&label, hash) != NGX_OK) {
        return NGX_ERROR;
    }

    value->data = p;
    value->len = ngx_hex_dump(p, hash, NGX_HTTP_VCITA_IDENTITY_SESSION) - p;

    return NGX_OK;
}


/*
 * The address of a login as another account.  A refusal has one ready; after a
 * logout it is made where a variable or the page asks for it.  It has a state,
 * so no log has it.
 */

static ngx_int_t
ngx_http_vcita_identity_switch(ngx_http_request_t *r,
    ngx_http_vcita_ctx_t *ctx, ngx_str_t *value)
{
    ngx_http_vcita_login_state_t  state;

    if (ctx->logging) {
        return NGX_OK;
    }

    if (ctx->signed_out
        && ctx->switch_account.len == 0
        && r == r->main
        && !r->header_sent)
    {
        ngx_memzero(&state, sizeof(ngx_http_vcita_login_state_t));

        /* the address of the logout would end the new session, too */

        ngx_str_set(&state.return_uri, "/");
        state.sent = NGX_HTTP_VCITA_SENT_PROMPT;

        if (ngx_http_vcita_login_url(r, ctx, ctx->signed_out, &state,
                                     &ctx->switch_account)
            == NGX_ERROR)
        {
            return NGX_ERROR;
        }
    }

    *value = ctx->switch_account;

    return NGX_OK;
}
