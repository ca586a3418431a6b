
/*
 * Copyright (C) the vcita OAuth gate authors
 *
 * The state parameter: the sealed data of a login.  Its box is bound to the
 * client and the redirect_uri, its content to the login cookie. code_verifier
 * and nonce are derived from both and never stored.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "http/ngx_http_vcita_http.h"


static u_char *ngx_http_vcita_login_state_put_more(u_char *p,
    ngx_http_vcita_login_state_t *s);
static ngx_int_t ngx_http_vcita_login_state_get_more(u_char **p, u_char *last,
    ngx_http_vcita_login_state_t *s);
static u_char *ngx_http_vcita_login_state_put(u_char *p, uint64_t value,
    size_t len);
static uint64_t ngx_http_vcita_login_state_get(u_char **p, size_t len);


/*
 * Issues a state for the browser whose login cookie is ctx->login.  Sets time,
 * seed, login and session; the caller sets the rest.  The seed is the nonce of
 * the box, which is unique.
 */

ngx_int_t
ngx_http_vcita_login_state_seal(ngx_http_request_t *r,
    ngx_http_vcita_ctx_t *ctx, ngx_http_vcita_client_t *client,
    ngx_http_vcita_login_state_t *s, ngx_str_t *state)
{
    u_char      *p, *room;
    ngx_str_t    text;
    ngx_time_t  *tp;

    tp = ngx_timeofday();
    s->issued = (uint64_t) tp->sec * 1000 + tp->msec;
    s->key = 0;

    if (ngx_http_vcita_hash_sha256(&ctx->login, s->login) != NGX_OK
        || ngx_max(s->vcita_host.len, s->host.len) > NGX_HTTP_VCITA_STATE_HOST)
    {
        return NGX_ERROR;
    }

    ngx_memzero(s->session, sizeof(s->session));

    if (ctx->alive && ctx->client == client) {
        ngx_memcpy(s->session, ctx->session.id.data, sizeof(s->session));
    }

    text.len = NGX_HTTP_VCITA_STATE_HEAD + s->return_uri.len;

    s->sent &= ~NGX_HTTP_VCITA_STATE_MORE;

    if (s->max_age || s->vcita_host.len || s->host.len) {

        s->sent |= NGX_HTTP_VCITA_STATE_MORE;
        text.len += 4 + 1 + s->vcita_host.len + 1 + s->host.len;
    }

    text.data = ngx_pnalloc(r->pool,
                            text.len
                            + ngx_http_vcita_seal_room(text.len));
    if (text.data == NULL) {
        return NGX_ERROR;
    }

    p = text.data;
    room = p + text.len;

    p = ngx_http_vcita_login_state_put(p, s->issued, 8);
    p = ngx_http_vcita_login_state_put(p, s->attempt, 1);
    p = ngx_http_vcita_login_state_put(p, s->sent, 1);
    p = ngx_http_vcita_login_state_put(p, s->authorize, 4);
    p = ngx_cpymem(p, s->login, sizeof(s->login));
    p = ngx_cpymem(p, s->session, sizeof(s->session));

    if (s->sent & NGX_HTTP_VCITA_STATE_MORE) {
        p = ngx_http_vcita_login_state_put_more(p, s);
    }

    ngx_memcpy(p, s->return_uri.data, s->return_uri.len);

    if (ngx_http_vcita_seal(&client->state_seal, &ctx->redirect_uri,
                            &text, room, state)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    ngx_memcpy(s->seed, ngx_http_vcita_seal_nonce(room), sizeof(s->seed));

    return NGX_OK;
}


/*
 * Opens a state.  NGX_DECLINED: invalid, or for another redirect_uri.  The
 * caller checks its age and its browser.
 */

ngx_int_t
ngx_http_vcita_login_state_open(ngx_http_request_t *r,
    ngx_http_vcita_ctx_t *ctx, ngx_http_vcita_client_t *client,
    ngx_str_t *state, ngx_http_vcita_login_state_t *s)
{
    u_char     *p, *last, *room;
    ngx_str_t   text;

    room = ngx_pnalloc(r->pool, ngx_http_vcita_seal_open_room(state->len));
    if (room == NULL) {
        return NGX_ERROR;
    }

    if (ngx_http_vcita_seal_open(&client->state_seal, &ctx->redirect_uri, state,
                                 room, &text, &s->key)
        != NGX_OK
        || text.len <= NGX_HTTP_VCITA_STATE_HEAD)
    {
        return NGX_DECLINED;
    }

    p = text.data;
    last = p + text.len;

    s->issued = ngx_http_vcita_login_state_get(&p, 8);
    s->attempt = ngx_http_vcita_login_state_get(&p, 1);
    s->sent = ngx_http_vcita_login_state_get(&p, 1);
    s->authorize = ngx_http_vcita_login_state_get(&p, 4);

    ngx_memcpy(s->seed, ngx_http_vcita_seal_nonce(room), sizeof(s->seed));

    ngx_memcpy(s->login, p, sizeof(s->login));
    p += sizeof(s->login);

    ngx_memcpy(s->session, p, sizeof(s->session));
    p += sizeof(s->session);

    s->max_age = 0;
    ngx_str_null(&s->vcita_host);
    ngx_str_null(&s->host);

    if ((s->sent & NGX_HTTP_VCITA_STATE_MORE)
        && ngx_http_vcita_login_state_get_more(&p, last, s) != NGX_OK)
    {
        return NGX_DECLINED;
    }

    s->return_uri.data = p;
    s->return_uri.len = last - p;

    return NGX_OK;
}


/*
 * Derives a secret of 43 characters from the state and the login cookie: the
 * code_verifier (RFC 7636, 4.1) or the nonce, depending on the key.  The caller
 * provides the buffer and wipes it.
 */

ngx_int_t
ngx_http_vcita_login_state_derive(ngx_http_vcita_ctx_t *ctx,
    ngx_http_vcita_login_state_t *s, ngx_http_vcita_hash_key_t *key,
    ngx_str_t *text)
{
    u_char     mac[NGX_HTTP_VCITA_HASH_LEN];
    ngx_str_t  parts[2];

    parts[0] = ctx->login;
    parts[1].data = s->seed;
    parts[1].len = sizeof(s->seed);

    if (ngx_http_vcita_hash_hmac_by(key, parts, 2, mac) != NGX_OK) {
        return NGX_ERROR;
    }

    text->len = ngx_http_vcita_base64url_encode(text->data, mac, sizeof(mac));

    ngx_explicit_memzero(mac, sizeof(mac));

    return NGX_OK;
}


static u_char *
ngx_http_vcita_login_state_put_more(u_char *p, ngx_http_vcita_login_state_t *s)
{
    p = ngx_http_vcita_login_state_put(p, s->max_age, 4);
    p = ngx_http_vcita_login_state_put(p, s->vcita_host.len, 1);

    if (s->vcita_host.len) {
        p = ngx_cpymem(p, s->vcita_host.data, s->vcita_host.len);
    }

    p = ngx_http_vcita_login_state_put(p, s->host.len, 1);

    if (s->host.len) {
        p = ngx_cpymem(p, s->host.data, s->host.len);
    }

    return p;
}


/* the box is authentic, so that a wrong length comes from another release */

static ngx_int_t
ngx_http_vcita_login_state_get_more(u_char **p, u_char *last,
    ngx_http_vcita_login_state_t *s)
{
    ngx_uint_t   i;
    ngx_str_t   *host[2];

    host[0] = &s->vcita_host;
    host[1] = &s->host;

    if (last - *p < 4) {
        return NGX_DECLINED;
    }

    s->max_age = ngx_http_vcita_login_state_get(p, 4);

    for (i = 0; i < 2; i++) {

        if (*p == last || last - *p - 1 < **p) {
            return NGX_DECLINED;
        }

        host[i]->len = ngx_http_vcita_login_state_get(p, 1);
        host[i]->data = *p;
        *p += host[i]->len;
    }

    return *p == last ? NGX_DECLINED : NGX_OK;
}


static u_char *
ngx_http_vcita_login_state_put(u_char *p, uint64_t value, size_t len)
{
    while (len--) {
        *p++ = (u_char) (value >> (8 * len));
    }

    return p;
}


static uint64_t
ngx_http_vcita_login_state_get(u_char **p, size_t len)
{
    uint64_t  value;

    for (value = 0; len; len--) {
        value = value << 8 | *(*p)++;
    }

    return value;
}
