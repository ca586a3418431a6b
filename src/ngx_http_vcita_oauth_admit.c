
/*
 * Copyright (C) the vcita OAuth gate authors
 *
 * The admission: a token and claims become a session.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "ngx_http_vcita_oauth.h"


static ngx_int_t ngx_http_vcita_oauth_admit_encode(ngx_http_request_t *r,
    ngx_http_vcita_oauth_session_t *s, ngx_http_vcita_oauth_token_t *token,
    ngx_array_t *claims, size_t limit, ngx_str_t *text);
static ngx_str_t *ngx_http_vcita_oauth_admit_scope(
    ngx_http_vcita_oauth_app_t *app, ngx_http_vcita_oauth_state_t *state,
    ngx_http_vcita_oauth_token_t *token);


/*
 * Makes a new session and keeps it.  NGX_DECLINED: it would be larger than
 * there is room for, even without the claims that can be spared.  NGX_AGAIN,
 * NGX_BUSY: what ngx_http_vcita_oauth_keep_new() says.
 */

ngx_int_t
ngx_http_vcita_oauth_admit(ngx_http_request_t *r,
    ngx_http_vcita_oauth_ctx_t *ctx, ngx_http_vcita_oauth_app_t *app,
    ngx_http_vcita_oauth_state_t *state, ngx_http_vcita_oauth_token_t *token,
    ngx_array_t *claims)
{
    time_t                          max_age;
    ngx_int_t                       rc;
    ngx_str_t                       text;
    ngx_http_vcita_oauth_session_t  s;

    /* never longer than the token's life */

    max_age = app->session_timeout;

    if (token->expires_in && token->expires_in < max_age) {
        max_age = token->expires_in;
    }

    ngx_memzero(&s, sizeof(ngx_http_vcita_oauth_session_t));

    s.expires = ngx_http_vcita_oauth_text_time((uint64_t) ngx_time()
                                               + max_age);
    s.scope = *ngx_http_vcita_oauth_admit_scope(app, state, token);

    rc = ngx_http_vcita_oauth_admit_encode(r, &s, token, claims,
                                           ngx_http_vcita_oauth_keep_room(app),
                                           &text);

    if (rc != NGX_OK) {
        return rc;
    }

    max_age = ngx_http_vcita_oauth_life_left(&s, ngx_time(), max_age,
                                             app->session_idle_timeout);

    rc = ngx_http_vcita_oauth_keep_new(r, ctx, app, &text, max_age);

    ngx_explicit_memzero(text.data, text.len);

    return rc;
}


/* a scope that the answer does not name is the one asked for (RFC 6749, 5.1) */

static ngx_str_t *
ngx_http_vcita_oauth_admit_scope(ngx_http_vcita_oauth_app_t *app,
    ngx_http_vcita_oauth_state_t *state, ngx_http_vcita_oauth_token_t *token)
{
    ngx_uint_t                          i;
    ngx_http_vcita_oauth_authorize_t  **a;

    a = app->authorize.elts;

    for (i = 0; token->scope.len == 0 && i < app->authorize.nelts; i++) {

        if (a[i]->id == state->authorize) {
            return &a[i]->scope;
        }
    }

    return &token->scope;
}


static ngx_int_t
ngx_http_vcita_oauth_admit_encode(ngx_http_request_t *r,
    ngx_http_vcita_oauth_session_t *s, ngx_http_vcita_oauth_token_t *token,
    ngx_array_t *claims, size_t limit, ngx_str_t *text)
{
    u_char       id[NGX_HTTP_VCITA_OAUTH_SESSION_ID];
    ngx_time_t  *tp;

    if (ngx_http_vcita_oauth_random(id, sizeof(id)) != NGX_OK) {
        return NGX_ERROR;
    }

    tp = ngx_timeofday();

    s->created = (uint64_t) tp->sec * 1000 + tp->msec;
    s->id.data = id;
    s->id.len = sizeof(id);
    s->token = token->access_token;

    /* "Bearer" goes without saying */

    if (token->token_type.len
        && ngx_strncmp(token->token_type.data, "Bearer",
                       token->token_type.len)
           != 0)
    {
        s->token_type = token->token_type;
    }

    return ngx_http_vcita_oauth_session_encode(r->pool, s, claims, limit,
                                               text);
}
