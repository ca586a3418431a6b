
/*
 * Copyright (C) the vcita OAuth gate authors
 *
 * The login: the login cookie, the redirect to the authorize endpoint, and the
 * return address.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "http/ngx_http_vcita_http.h"
#include "util/ngx_http_vcita_query.h"


/* 43 characters, then ".n.time": the number of recent logins */
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
static u_char *ngx_http_vcita_login_prefix(ngx_pool_t *pool, u_char *p,
    ngx_http_vcita_login_state_t *s, ngx_str_t *prefix);
static u_char *ngx_http_vcita_login_challenge(u_char *p,
    ngx_http_vcita_ctx_t *ctx, ngx_http_vcita_client_t *client,
    ngx_http_vcita_login_state_t *s);


/*
 * Redirects to the authorize endpoint (RFC 6749, 4.1.1).  The caller sets
 * attempt, return address and prompt of the state.  NGX_DONE: answered;
 * NGX_DECLINED: redirect_uri or authorize_endpoint has no valid host.
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


/* Returns the authorize URL instead; the response sets the login cookie */

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

    rc = ngx_http_vcita_login_host_vcita(r, ctx, authorize, s);

    if (rc != NGX_OK) {
        return rc;
    }

    s->authorize = authorize->id;
    s->sent &= NGX_HTTP_VCITA_SENT_PROMPT|NGX_HTTP_VCITA_LAUNCHED
               |NGX_HTTP_VCITA_BEGAN;
    s->sent |= (authorize->openid ? NGX_HTTP_VCITA_SENT_NONCE : 0)
               | (client->pkce ? NGX_HTTP_VCITA_SENT_PKCE : 0);

    if (s->attempt == 0) {
        s->sent |= ngx_http_vcita_user_agent_way(r, ctx, client);
        ngx_http_vcita_login_host_own(r, ctx, client, &s->host);
    }

    if (ngx_http_vcita_login_cookie(r, ctx, client) != NGX_OK
        || ngx_http_vcita_login_set(r, ctx, client) != NGX_OK)
    {
        return NGX_ERROR;
    }

    return ngx_http_vcita_login_query(r, ctx, client, s, authorize, url);
}


/* The authorize URL: the location's prefix, then this login's parameters */

static ngx_int_t
ngx_http_vcita_login_query(ngx_http_request_t *r, ngx_http_vcita_ctx_t *ctx,
    ngx_http_vcita_client_t *client, ngx_http_vcita_login_state_t *s,
    ngx_http_vcita_authorize_t *authorize, ngx_str_t *url)
{
    u_char                   *p;
    size_t                    len;
    ngx_str_t                 state, nonce, prefix;
    ngx_http_vcita_derive_t  *derive;

    if (ngx_http_vcita_login_state_seal(r, ctx, client, s, &state) != NGX_OK) {
        return NGX_ERROR;
    }

    len = authorize->prefix.len + s->vcita_host.len
          + sizeof("&redirect_uri=&state=&nonce=&code_challenge="
                   "&code_challenge_method=S256&prompt=login&max_age=")
          + ngx_http_vcita_query_escaped_len(&ctx->redirect_uri)
          + state.len + 2 * NGX_HTTP_VCITA_TEXT_LEN + NGX_TIME_T_LEN;

    p = ngx_pnalloc(r->pool, len);
    if (p == NULL) {
        return NGX_ERROR;
    }

    url->data = p;
    prefix = authorize->prefix;

    if (authorize->host) {
        prefix.data = ngx_pnalloc(r->pool, prefix.len + s->vcita_host.len);
        if (prefix.data == NULL) {
            return NGX_ERROR;
        }

        prefix.len = ngx_http_vcita_login_host_prefix(prefix.data, authorize, s)
                     - prefix.data;
    }

    p = ngx_http_vcita_login_prefix(r->pool, p, s, &prefix);
    if (p == NULL) {
        return NGX_ERROR;
    }

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

    url->len = p - url->data;

    return NGX_OK;
}


/*
 * Copies the prefix.  The login's prompt and max_age replace the operator's:
 * parameters must not be repeated (RFC 6749, 3.1)
 */

static u_char *
ngx_http_vcita_login_prefix(ngx_pool_t *pool, u_char *p,
    ngx_http_vcita_login_state_t *s, ngx_str_t *prefix)
{
    u_char     *last;
    ngx_str_t   rest, name, value, pair, prompt, max_age;

    if (!(s->sent & NGX_HTTP_VCITA_SENT_PROMPT) && s->max_age == 0) {
        return ngx_cpymem(p, prefix->data, prefix->len);
    }

    ngx_str_set(&prompt, "prompt");
    ngx_str_set(&max_age, "max_age");

    last = prefix->data + prefix->len;

    rest.data = ngx_strlchr(prefix->data, last, '?') + 1;
    rest.len = last - rest.data;

    p = ngx_cpymem(p, prefix->data, rest.data - prefix->data);

    while (ngx_http_vcita_query_next(&rest, &name, &value) == NGX_OK) {

        pair.data = name.data;
        pair.len = rest.data - name.data;

        if (ngx_http_vcita_query_unescape(pool, &name) == NGX_ERROR) {
            return NULL;
        }

        if (((s->sent & NGX_HTTP_VCITA_SENT_PROMPT)
             && ngx_http_vcita_str_eq(&name, &prompt))
            || (s->max_age && ngx_http_vcita_str_eq(&name, &max_age)))
        {
            continue;
        }

        if (p[-1] != '?') {
            *p++ = '&';
        }

        p = ngx_cpymem(p, pair.data, pair.len);
    }

    /* OpenID Connect Core, 3.1.2.1 */

    if (s->sent & NGX_HTTP_VCITA_SENT_PROMPT) {
        p = ngx_cpymem(p, "&prompt=login", sizeof("&prompt=login") - 1);
    }

    if (s->max_age) {
        p = ngx_sprintf(p, "&max_age=%T", s->max_age);
    }

    return p;
}


/* the authorize parameters of the state, or those of this location */

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


/* the browser's login cookie, or a new one, in ctx->login */

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


/* the count is only a hint: an invalid one counts as none */

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
 * NGX_OK if the state was issued to this browser.  Any of its login cookies may
 * match; ctx->login becomes the one that does.
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

    /* a restarted login uses the first login cookie */

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


/* NGX_OK if logins of this browser finish, but their sessions get lost */

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
 * Sets the redirect_uri of this request and the origin of its links in ctx.
 * NGX_DECLINED: its variables do not give a valid host.
 */

ngx_int_t
ngx_http_vcita_login_redirect_uri(ngx_http_request_t *r,
    ngx_http_vcita_ctx_t *ctx, ngx_http_vcita_client_t *client)
{
    u_char     *p;
    ngx_str_t   authority, host;

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

    p = ngx_cpymem(p, client->redirect.scheme.data,
                   client->redirect.scheme.len);
    p = ngx_cpymem(p, authority.data, authority.len);
    p = ngx_cpymem(p, client->redirect.path.data, client->redirect.path.len);

    ctx->redirect_uri.len = p - ctx->redirect_uri.data;
    ctx->origin_client = client;

    ngx_http_vcita_login_host_own(r, ctx, client, &host);

    return ngx_http_vcita_login_host_origin(r, ctx, client, &host);
}


/*
 * The requested URI as sent; the query of a launch is hidden in its context. It
 * can only be a path of this host, since it is always appended to an origin.
 */

ngx_int_t
ngx_http_vcita_login_return_uri(ngx_http_request_t *r, ngx_str_t *uri)
{
    u_char                *p;
    size_t                 len;
    ngx_uint_t             slash;
    ngx_str_t              query;
    ngx_http_vcita_ctx_t  *ctx;

    *uri = r->unparsed_uri;

    ngx_str_null(&query);

    ctx = ngx_http_vcita_ctx_get(r);

    if (ctx && ctx->launched) {
        query = ctx->query;
    }

    slash = (uri->len && uri->data[0] != '/');

    len = slash + uri->len + (query.len ? 1 + query.len : 0);

    if (len > NGX_HTTP_VCITA_RETURN_MAX) {
        ngx_log_error(NGX_LOG_INFO, r->connection->log, 0,
                      "the requested address has more than %d bytes, the way "
                      "back leads to \"/\"", NGX_HTTP_VCITA_RETURN_MAX);
    }

    if (len == 0 || len > NGX_HTTP_VCITA_RETURN_MAX) {
        ngx_str_set(uri, "/");
        return NGX_OK;
    }

    if (len == uri->len) {
        return NGX_OK;
    }

    p = ngx_pnalloc(r->pool, len);
    if (p == NULL) {
        return NGX_ERROR;
    }

    uri->data = p;

    if (slash) {
        *p++ = '/';
    }

    p = ngx_cpymem(p, r->unparsed_uri.data, r->unparsed_uri.len);

    if (query.len) {
        *p++ = '?';
        ngx_memcpy(p, query.data, query.len);
    }

    uri->len = len;

    return NGX_OK;
}
