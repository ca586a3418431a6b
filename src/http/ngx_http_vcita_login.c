
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


/* 43 characters, then ".n.time", the number of recent logins, or the mark */
#define NGX_HTTP_VCITA_LOGIN_LEN                                              \
    (NGX_HTTP_VCITA_TEXT_LEN + 1 + 1 + 1 + NGX_TIME_T_LEN)

/*
 * The mark of a logout: until a login finishes, vcita has to ask for the
 * account.  Earlier versions read it as a login of long ago.
 */
#define NGX_HTTP_VCITA_LOGIN_MARK       ".1.0"
#define NGX_HTTP_VCITA_LOGIN_MARK_TIME  (30 * 24 * 60 * 60)


static ngx_int_t ngx_http_vcita_login_cookie(ngx_http_request_t *r,
    ngx_http_vcita_ctx_t *ctx, ngx_http_vcita_client_t *client);
static ngx_int_t ngx_http_vcita_login_create(ngx_http_request_t *r,
    ngx_http_vcita_ctx_t *ctx);
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


/*
 * Redirects to the authorize endpoint (RFC 6749, 4.1.1).  The caller sets
 * attempt, return address and prompt of the state.  NGX_DONE: answered;
 * NGX_DECLINED: redirect_uri or authorize_endpoint has no valid host.
 */

ngx_int_t
ngx_http_vcita_login(ngx_http_request_t *r, ngx_http_vcita_ctx_t *ctx,
    ngx_http_vcita_client_t *client, ngx_http_vcita_login_state_t *s)
{
    ngx_int_t                   rc;
    ngx_str_t                   url;
    ngx_uint_t                  agent;
    ngx_http_vcita_loc_conf_t  *vlcf;

    rc = ngx_http_vcita_login_url(r, ctx, client, s, &url);

    if (rc != NGX_OK) {
        return rc;
    }

    vlcf = ngx_http_get_module_loc_conf(r, ngx_http_vcita_oauth_module);

    /* elsewhere, only navigations are redirected */

    agent = ((vlcf->challenge != NGX_HTTP_VCITA_ALWAYS_LOGIN
              || ngx_http_vcita_user_agent_navigates(r))
             && ngx_http_vcita_user_agent_is_browser(r))
            ? NGX_HTTP_VCITA_BROWSER : NGX_HTTP_VCITA_PROGRAM;

    ngx_http_vcita_count(r, logins_started);
    ngx_http_vcita_count(r, redirects[agent]);

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

    if (ngx_http_vcita_login_cookie(r, ctx, client) != NGX_OK) {
        return NGX_ERROR;
    }

    /* the cookie of a logout keeps its end: its mark does not last for ever */

    if (ctx->marked) {
        s->sent |= NGX_HTTP_VCITA_SENT_PROMPT;

    } else if (ngx_http_vcita_login_set(r, ctx, client) != NGX_OK) {
        return NGX_ERROR;
    }

    return ngx_http_vcita_login_query(r, ctx, client, s, authorize, url);
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


/* the browser's login cookie, or a new one, in ctx->login */

static ngx_int_t
ngx_http_vcita_login_cookie(ngx_http_request_t *r, ngx_http_vcita_ctx_t *ctx,
    ngx_http_vcita_client_t *client)
{
    ngx_uint_t  next;

    if (ctx->login.len) {
        return NGX_OK;
    }

    next = 0;

    if (ngx_http_vcita_login_sent(r, ctx, client, &next) == NGX_OK) {
        return NGX_OK;
    }

    return ngx_http_vcita_login_create(r, ctx);
}


static ngx_int_t
ngx_http_vcita_login_create(ngx_http_request_t *r, ngx_http_vcita_ctx_t *ctx)
{
    u_char  bytes[NGX_HTTP_VCITA_HASH_LEN], *p;

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
    ctx->marked = 0;

    if (value->len == text.len) {
        return NGX_OK;
    }

    p = value->data + text.len;

    if (value->len - text.len == sizeof(NGX_HTTP_VCITA_LOGIN_MARK) - 1
        && ngx_strncmp(p, NGX_HTTP_VCITA_LOGIN_MARK, value->len - text.len)
           == 0)
    {
        ctx->marked = 1;
        return NGX_OK;
    }

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
    time_t      max_age;
    ngx_str_t   value;

    value.data = buf;
    max_age = client->login_timeout;

    p = ngx_cpymem(buf, ctx->login.data, ctx->login.len);

    if (ctx->marked) {
        p = ngx_cpymem(p, NGX_HTTP_VCITA_LOGIN_MARK,
                       sizeof(NGX_HTTP_VCITA_LOGIN_MARK) - 1);
        max_age = ngx_max(max_age, NGX_HTTP_VCITA_LOGIN_MARK_TIME);

    } else if (ctx->finished) {
        p = ngx_sprintf(p, ".%ui.%T", ngx_min(ctx->finished, 9),
                        ctx->finished_at);
    }

    value.len = p - buf;

    return ngx_http_vcita_cookie_set(&r->headers_out, r->pool,
                                     &client->login_cookie, &value, max_age);
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
    ctx->marked = 0;

    return NGX_DECLINED;
}


/* Counts one more finished login in the login cookie */

ngx_int_t
ngx_http_vcita_login_finished(ngx_http_request_t *r, ngx_http_vcita_ctx_t *ctx,
    ngx_http_vcita_client_t *client)
{
    ctx->marked = 0;

    if (ctx->finished++ == 0) {
        ctx->finished_at = ngx_time();
    }

    return ngx_http_vcita_login_set(r, ctx, client);
}


/* Replaces the login cookie at a logout: the next login asks for the account */

ngx_int_t
ngx_http_vcita_login_mark(ngx_http_request_t *r, ngx_http_vcita_ctx_t *ctx,
    ngx_http_vcita_client_t *client)
{
    if (ngx_http_vcita_login_create(r, ctx) != NGX_OK) {
        return NGX_ERROR;
    }

    ctx->finished = 0;
    ctx->marked = 1;

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
