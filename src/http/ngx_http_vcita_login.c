
/*
 * Copyright (C) the vcita OAuth gate authors
 *
 * The login: the login cookie, the way to vcita's authorize page, and the
 * way back to the address first asked for.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "http/ngx_http_vcita_http.h"
#include "util/ngx_http_vcita_query.h"


/* the characters, and ".n.time": logins finished of late */
#define NGX_HTTP_VCITA_LOGIN_LEN                                              \
    (NGX_HTTP_VCITA_TEXT_LEN + 1 + 1 + 1 + NGX_TIME_T_LEN)


static ngx_int_t ngx_http_vcita_login_cookie(ngx_http_request_t *r,
    ngx_http_vcita_ctx_t *ctx, ngx_http_vcita_client_t *client);
static ngx_int_t ngx_http_vcita_login_sent(ngx_http_request_t *r,
    ngx_http_vcita_ctx_t *ctx, ngx_http_vcita_client_t *client,
    ngx_uint_t *next);
static ngx_int_t ngx_http_vcita_login_parse(ngx_http_vcita_ctx_t *ctx,
    ngx_str_t *value);
static ngx_int_t ngx_http_vcita_login_set(ngx_http_request_t *r,
    ngx_http_vcita_ctx_t *ctx, ngx_http_vcita_client_t *client);
static ngx_http_vcita_authorize_t *ngx_http_vcita_login_authorize(
    ngx_http_request_t *r, ngx_http_vcita_client_t *client,
    ngx_http_vcita_login_state_t *s);
static ngx_int_t ngx_http_vcita_login_query(ngx_http_request_t *r,
    ngx_http_vcita_ctx_t *ctx, ngx_http_vcita_client_t *client,
    ngx_http_vcita_login_state_t *s, ngx_http_vcita_authorize_t *authorize,
    ngx_str_t *url);
static u_char *ngx_http_vcita_login_challenge(u_char *p,
    ngx_http_vcita_ctx_t *ctx, ngx_http_vcita_client_t *client,
    ngx_http_vcita_login_state_t *s);


/*
 * Answers with a redirect to vcita (RFC 6749, 4.1.1).  Of the state, the
 * attempt, the return address and a wish for a prompt are the caller's.
 * NGX_DONE: answered; NGX_DECLINED: the redirect_uri cannot be made.
 */

ngx_int_t
ngx_http_vcita_login(ngx_http_request_t *r, ngx_http_vcita_ctx_t *ctx,
    ngx_http_vcita_client_t *client, ngx_http_vcita_login_state_t *s)
{
    ngx_int_t  rc;
    ngx_str_t  url;

    rc = ngx_http_vcita_login_url(r, ctx, client, s, &url);

    if (rc != NGX_OK) {
        return rc;
    }

    ngx_http_vcita_count(r, logins_started);

    return ngx_http_vcita_page_redirect(r, NGX_HTTP_MOVED_TEMPORARILY, &url);
}


/* The same as an address; the login cookie is set by the answer it is in */

ngx_int_t
ngx_http_vcita_login_url(ngx_http_request_t *r, ngx_http_vcita_ctx_t *ctx,
    ngx_http_vcita_client_t *client, ngx_http_vcita_login_state_t *s,
    ngx_str_t *url)
{
    ngx_int_t                    rc;
    ngx_http_vcita_authorize_t  *authorize;

    rc = ngx_http_vcita_login_redirect_uri(r, ctx, client);

    if (rc != NGX_OK) {
        return rc;
    }

    authorize = ngx_http_vcita_login_authorize(r, client, s);

    s->authorize = authorize->id;
    s->sent &= NGX_HTTP_VCITA_SENT_PROMPT|NGX_HTTP_VCITA_BEGAN;
    s->sent |= (authorize->openid ? NGX_HTTP_VCITA_SENT_NONCE : 0)
               | (client->pkce ? NGX_HTTP_VCITA_SENT_PKCE : 0);

    if (s->attempt == 0) {
        s->sent |= ngx_http_vcita_user_agent_way(r, ctx, client);
    }

    if (ngx_http_vcita_login_cookie(r, ctx, client) != NGX_OK
        || ngx_http_vcita_login_set(r, ctx, client) != NGX_OK)
    {
        return NGX_ERROR;
    }

    return ngx_http_vcita_login_query(r, ctx, client, s, authorize, url);
}


/* the authorize address: what is the same for all, then what is this login's */

static ngx_int_t
ngx_http_vcita_login_query(ngx_http_request_t *r, ngx_http_vcita_ctx_t *ctx,
    ngx_http_vcita_client_t *client, ngx_http_vcita_login_state_t *s,
    ngx_http_vcita_authorize_t *authorize, ngx_str_t *url)
{
    u_char                   *p;
    size_t                    len;
    ngx_str_t                 state, nonce;
    ngx_http_vcita_derive_t  *derive;

    if (ngx_http_vcita_login_state_seal(r, ctx, client, s, &state) != NGX_OK) {
        return NGX_ERROR;
    }

    len = authorize->prefix.len
          + sizeof("&redirect_uri=&state=&nonce=&code_challenge="
                   "&code_challenge_method=S256&prompt=login")
          + ngx_http_vcita_query_escaped_len(&ctx->redirect_uri)
          + state.len + 2 * NGX_HTTP_VCITA_TEXT_LEN;

    p = ngx_pnalloc(r->pool, len);
    if (p == NULL) {
        return NGX_ERROR;
    }

    url->data = p;

    p = ngx_cpymem(p, authorize->prefix.data, authorize->prefix.len);
    p = ngx_cpymem(p, "&redirect_uri=", sizeof("&redirect_uri=") - 1);
    p = ngx_http_vcita_query_escape(p, &ctx->redirect_uri);
    p = ngx_cpymem(p, "&state=", sizeof("&state=") - 1);
    p = ngx_cpymem(p, state.data, state.len);

    if (s->sent & NGX_HTTP_VCITA_SENT_NONCE) {

        /* OpenID Connect Core, 3.1.2.1 */

        p = ngx_cpymem(p, "&nonce=", sizeof("&nonce=") - 1);

        nonce.data = p;
        derive = client->derive.elts;

        if (ngx_http_vcita_login_state_derive(ctx, s, derive[s->key].nonce,
                                              &nonce)
            != NGX_OK)
        {
            return NGX_ERROR;
        }

        p += nonce.len;
    }

    if (s->sent & NGX_HTTP_VCITA_SENT_PKCE) {

        p = ngx_http_vcita_login_challenge(p, ctx, client, s);
        if (p == NULL) {
            return NGX_ERROR;
        }
    }

    if ((s->sent & NGX_HTTP_VCITA_SENT_PROMPT) && !authorize->prompt) {
        p = ngx_cpymem(p, "&prompt=login", sizeof("&prompt=login") - 1);
    }

    url->len = p - url->data;

    return NGX_OK;
}


/* what this login asks vcita for: by the state it began with, or from here */

static ngx_http_vcita_authorize_t *
ngx_http_vcita_login_authorize(ngx_http_request_t *r,
    ngx_http_vcita_client_t *client, ngx_http_vcita_login_state_t *s)
{
    ngx_uint_t                    i;
    ngx_http_vcita_loc_conf_t    *vlcf;
    ngx_http_vcita_authorize_t  **a;

    vlcf = ngx_http_get_module_loc_conf(r, ngx_http_vcita_oauth_module);

    a = client->authorize.elts;

    for (i = 0; s->authorize && i < client->authorize.nelts; i++) {

        if (a[i]->id == s->authorize) {
            return a[i];
        }
    }

    return (vlcf->client == client && vlcf->authorize) ? vlcf->authorize : a[0];
}


/* "&code_challenge=..." (RFC 7636, 4.2 and 4.3) */

static u_char *
ngx_http_vcita_login_challenge(u_char *p, ngx_http_vcita_ctx_t *ctx,
    ngx_http_vcita_client_t *client, ngx_http_vcita_login_state_t *s)
{
    u_char                    text[NGX_HTTP_VCITA_TEXT_LEN];
    u_char                    hash[NGX_HTTP_VCITA_HASH_LEN];
    ngx_str_t                 verifier;
    ngx_http_vcita_derive_t  *derive;

    verifier.data = text;
    derive = client->derive.elts;

    if (ngx_http_vcita_login_state_derive(ctx, s, derive[s->key].pkce,
                                          &verifier) != NGX_OK
        || ngx_http_vcita_hash_sha256(&verifier, hash) != NGX_OK)
    {
        return NULL;
    }

    ngx_explicit_memzero(text, sizeof(text));

    p = ngx_cpymem(p, "&code_challenge=", sizeof("&code_challenge=") - 1);
    p += ngx_http_vcita_base64url_encode(p, hash, sizeof(hash));

    return ngx_cpymem(p, "&code_challenge_method=S256",
                      sizeof("&code_challenge_method=S256") - 1);
}


/* the browser's own login cookie, or a new one, in ctx->login */

static ngx_int_t
ngx_http_vcita_login_cookie(ngx_http_request_t *r, ngx_http_vcita_ctx_t *ctx,
    ngx_http_vcita_client_t *client)
{
    u_char      bytes[NGX_HTTP_VCITA_HASH_LEN], *p;
    ngx_uint_t  next;

    if (ctx->login.len) {
        return NGX_OK;
    }

    next = 0;

    if (ngx_http_vcita_login_sent(r, ctx, client, &next) == NGX_OK) {
        return NGX_OK;
    }

    p = ngx_pnalloc(r->pool, NGX_HTTP_VCITA_TEXT_LEN);
    if (p == NULL) {
        return NGX_ERROR;
    }

    if (ngx_http_vcita_hash_random(bytes, sizeof(bytes)) != NGX_OK) {
        return NGX_ERROR;
    }

    ctx->login.data = p;
    ctx->login.len = ngx_http_vcita_base64url_encode(p, bytes, sizeof(bytes));

    return NGX_OK;
}


/* the next well-formed login cookie of the request, in ctx->login */

static ngx_int_t
ngx_http_vcita_login_sent(ngx_http_request_t *r, ngx_http_vcita_ctx_t *ctx,
    ngx_http_vcita_client_t *client, ngx_uint_t *next)
{
    ngx_str_t  value;

    while (ngx_http_vcita_ctx_next_cookie(r, ctx, client, NGX_HTTP_VCITA_LOGIN,
                                          next, &value)
           == NGX_OK)
    {
        if (ngx_http_vcita_login_parse(ctx, &value) == NGX_OK) {
            return NGX_OK;
        }
    }

    return NGX_DECLINED;
}


/* the count behind the characters is a hint: a wrong one counts as none */

static ngx_int_t
ngx_http_vcita_login_parse(ngx_http_vcita_ctx_t *ctx, ngx_str_t *value)
{
    u_char      bytes[NGX_HTTP_VCITA_HASH_LEN], *p;
    time_t      at;
    ngx_str_t   text;

    text.data = value->data;
    text.len = NGX_HTTP_VCITA_TEXT_LEN;

    if (value->len < text.len
        || ngx_http_vcita_base64url_decode(bytes, &text) != NGX_OK)
    {
        return NGX_DECLINED;
    }

    ctx->login = text;
    ctx->finished = 0;

    if (value->len == text.len) {
        return NGX_OK;
    }

    p = value->data + text.len;

    if (value->len < text.len + sizeof(".n.t") - 1
        || p[0] != '.' || p[1] < '1' || p[1] > '9' || p[2] != '.')
    {
        return NGX_DECLINED;
    }

    at = ngx_atotm(p + 3, value->data + value->len - p - 3);

    if (at == NGX_ERROR) {
        return NGX_DECLINED;
    }

    if (at <= ngx_time() + NGX_HTTP_VCITA_SKEW
        && ngx_time() - at < NGX_HTTP_VCITA_LOOP_TIME)
    {
        ctx->finished = p[1] - '0';
        ctx->finished_at = at;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_vcita_login_set(ngx_http_request_t *r, ngx_http_vcita_ctx_t *ctx,
    ngx_http_vcita_client_t *client)
{
    u_char     *p, buf[NGX_HTTP_VCITA_LOGIN_LEN];
    ngx_str_t   value;

    value.data = buf;

    p = ngx_cpymem(buf, ctx->login.data, ctx->login.len);

    if (ctx->finished) {
        p = ngx_sprintf(p, ".%ui.%T", ngx_min(ctx->finished, 9),
                        ctx->finished_at);
    }

    value.len = p - buf;

    return ngx_http_vcita_cookie_set(&r->headers_out, r->pool,
                                     &client->login_cookie, &value,
                                     client->login_timeout);
}


/*
 * NGX_OK if this browser is the one that the state was issued to.  Any of
 * its login cookies will do; that one is then in ctx->login.
 */

ngx_int_t
ngx_http_vcita_login_match(ngx_http_request_t *r, ngx_http_vcita_ctx_t *ctx,
    ngx_http_vcita_client_t *client, ngx_http_vcita_login_state_t *s)
{
    u_char      hash[NGX_HTTP_VCITA_HASH_LEN];
    ngx_str_t   ours, theirs;
    ngx_uint_t  next;

    next = 0;

    ours.data = s->login;
    ours.len = sizeof(s->login);
    theirs.data = hash;
    theirs.len = sizeof(hash);

    while (ngx_http_vcita_login_sent(r, ctx, client, &next) == NGX_OK) {

        if (ngx_http_vcita_hash_sha256(&ctx->login, hash) == NGX_OK
            && ngx_http_vcita_secret_eq(&ours, &theirs) == NGX_OK)
        {
            return NGX_OK;
        }
    }

    /* a login that starts again uses the first one */

    ngx_str_null(&ctx->login);
    ctx->finished = 0;

    return NGX_DECLINED;
}


/* Counts one more finished login in the login cookie */

ngx_int_t
ngx_http_vcita_login_finished(ngx_http_request_t *r, ngx_http_vcita_ctx_t *ctx,
    ngx_http_vcita_client_t *client)
{
    if (ctx->finished++ == 0) {
        ctx->finished_at = ngx_time();
    }

    return ngx_http_vcita_login_set(r, ctx, client);
}


/* NGX_OK if this browser's logins finish, but their sessions get lost */

ngx_int_t
ngx_http_vcita_login_loops(ngx_http_request_t *r, ngx_http_vcita_ctx_t *ctx,
    ngx_http_vcita_client_t *client)
{
    if (ngx_http_vcita_login_cookie(r, ctx, client) != NGX_OK) {
        return NGX_ERROR;
    }

    return (ctx->finished >= NGX_HTTP_VCITA_LOOP) ? NGX_OK : NGX_DECLINED;
}


/*
 * The redirect_uri and its origin as they are for this request, in ctx.
 * NGX_DECLINED: its variables do not make a host.
 */

ngx_int_t
ngx_http_vcita_login_redirect_uri(ngx_http_request_t *r,
    ngx_http_vcita_ctx_t *ctx, ngx_http_vcita_client_t *client)
{
    u_char     *p;
    ngx_str_t   authority;

    if (ctx->origin_client == client) {
        return NGX_OK;
    }

    if (client->redirect.host == NULL) {
        authority = client->redirect.authority;

    } else {

        if (ngx_http_complex_value(r, client->redirect.host, &authority)
            != NGX_OK)
        {
            return NGX_ERROR;
        }

        if (ngx_http_vcita_query_authority(&authority) != NGX_OK) {
            return NGX_DECLINED;
        }
    }

    p = ngx_pnalloc(r->pool,
                    client->redirect.scheme.len + authority.len
                    + client->redirect.path.len);
    if (p == NULL) {
        return NGX_ERROR;
    }

    ctx->redirect_uri.data = p;
    ctx->origin.data = p;

    p = ngx_cpymem(p, client->redirect.scheme.data,
                   client->redirect.scheme.len);
    p = ngx_cpymem(p, authority.data, authority.len);

    ctx->origin.len = p - ctx->origin.data;

    p = ngx_cpymem(p, client->redirect.path.data, client->redirect.path.len);

    ctx->redirect_uri.len = p - ctx->redirect_uri.data;
    ctx->origin_client = client;

    return NGX_OK;
}


/*
 * The address that the user agent asked for, as sent: never more than a path of
 * this host, since it is only ever used behind an origin.
 */

ngx_int_t
ngx_http_vcita_login_return_uri(ngx_http_request_t *r, ngx_str_t *uri)
{
    u_char  *p;

    *uri = r->unparsed_uri;

    if (uri->len && uri->len <= NGX_HTTP_VCITA_RETURN_MAX
        && uri->data[0] == '/')
    {
        return NGX_OK;
    }

    if (uri->len == 0 || uri->len >= NGX_HTTP_VCITA_RETURN_MAX) {
        ngx_str_set(uri, "/");
        return NGX_OK;
    }

    p = ngx_pnalloc(r->pool, uri->len + 1);
    if (p == NULL) {
        return NGX_ERROR;
    }

    *p = '/';
    ngx_memcpy(p + 1, uri->data, uri->len);

    uri->data = p;
    uri->len++;

    return NGX_OK;
}
