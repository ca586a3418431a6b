
/*
 * Copyright (C) the vcita OAuth gate authors
 *
 * The query of the authorize URL (RFC 6749, 4.1.1): what the location always
 * sends, and what is this login's alone.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "http/ngx_http_vcita_http.h"
#include "util/ngx_http_vcita_query.h"


static u_char *ngx_http_vcita_login_query_prefix(ngx_pool_t *pool, u_char *p,
    ngx_http_vcita_authorize_t *authorize, ngx_http_vcita_login_state_t *s);
static u_char *ngx_http_vcita_login_query_challenge(u_char *p,
    ngx_http_vcita_ctx_t *ctx, ngx_http_vcita_client_t *client,
    ngx_http_vcita_login_state_t *s);


/* The authorize URL: the location's prefix, then this login's parameters */

ngx_int_t
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

    /* at most: an escaped byte has three */

    len = authorize->prefix.len + s->vcita_host.len
          + sizeof("&redirect_uri=&state=&nonce=&code_challenge="
                   "&code_challenge_method=S256&prompt=login&max_age=")
          + 3 * ctx->redirect_uri.len
          + state.len + 2 * NGX_HTTP_VCITA_TEXT_LEN + NGX_TIME_T_LEN;

    p = ngx_pnalloc(r->pool, len);
    if (p == NULL) {
        return NGX_ERROR;
    }

    url->data = p;

    p = ngx_http_vcita_login_query_prefix(r->pool, p, authorize, s);
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

        if (ngx_http_vcita_login_state_derive(ctx, s, &derive[s->key].nonce,
                                              &nonce)
            != NGX_OK)
        {
            return NGX_ERROR;
        }

        p += nonce.len;
    }

    if (s->sent & NGX_HTTP_VCITA_SENT_PKCE) {

        p = ngx_http_vcita_login_query_challenge(p, ctx, client, s);
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
ngx_http_vcita_login_query_prefix(ngx_pool_t *pool, u_char *p,
    ngx_http_vcita_authorize_t *authorize, ngx_http_vcita_login_state_t *s)
{
    ngx_str_t  prefix, rest, name, value, pair, prompt, max_age;

    if (!(s->sent & NGX_HTTP_VCITA_SENT_PROMPT) && s->max_age == 0) {
        return ngx_http_vcita_login_host_prefix(p, authorize, s);
    }

    prefix.data = ngx_pnalloc(pool,
                              authorize->prefix.len + s->vcita_host.len);
    if (prefix.data == NULL) {
        return NULL;
    }

    prefix.len = ngx_http_vcita_login_host_prefix(prefix.data, authorize, s)
                 - prefix.data;

    ngx_str_set(&prompt, "prompt");
    ngx_str_set(&max_age, "max_age");

    rest.data = ngx_strlchr(prefix.data, prefix.data + prefix.len, '?') + 1;
    rest.len = prefix.data + prefix.len - rest.data;

    p = ngx_cpymem(p, prefix.data, rest.data - prefix.data);

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


/* "&code_challenge=..." (RFC 7636, 4.2 and 4.3) */

static u_char *
ngx_http_vcita_login_query_challenge(u_char *p, ngx_http_vcita_ctx_t *ctx,
    ngx_http_vcita_client_t *client, ngx_http_vcita_login_state_t *s)
{
    u_char                    text[NGX_HTTP_VCITA_TEXT_LEN];
    u_char                    hash[NGX_HTTP_VCITA_HASH_LEN];
    ngx_str_t                 verifier;
    ngx_http_vcita_derive_t  *derive;

    verifier.data = text;
    derive = client->derive.elts;

    if (ngx_http_vcita_login_state_derive(ctx, s, &derive[s->key].pkce,
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
