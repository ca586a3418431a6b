
/*
 * Copyright (C) the vcita OAuth gate authors
 *
 * What the revocation cache knows about a session and its cookie lacks: that
 * vcita has revoked it, or has changed its claims.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "http/ngx_http_vcita_http.h"


static void ngx_http_vcita_session_known_wipe_cleanup(void *data);


/*
 * Applies vcita's last response in all locations, with or without revalidation,
 * and to all copies of a cookie.  NGX_OK: the session is valid and has the
 * current claims.  NGX_DECLINED: it was revoked, or the current claims cannot
 * be read.
 */

ngx_int_t
ngx_http_vcita_session_known(ngx_http_request_t *r,
    ngx_http_vcita_client_t *client, ngx_http_vcita_session_t *s)
{
    ngx_int_t                          rc;
    ngx_http_vcita_main_conf_t        *vmcf;
    ngx_http_vcita_revocation_case_t   c;

    vmcf = ngx_http_get_module_main_conf(r, ngx_http_vcita_oauth_module);

    if (vmcf->revocation.shm_zone == NULL) {
        return NGX_OK;
    }

    ngx_memzero(&c, sizeof(ngx_http_vcita_revocation_case_t));

    c.session = s;
    c.now = ngx_time();
    c.left = s->expires - c.now;

    rc = ngx_http_vcita_revocation_check(&vmcf->revocation, &c, r->pool);

    if (rc != NGX_OK) {
        return rc;
    }

    /* after a restart of nginx, a cookie may have newer claims than the zone */

    if (s->changed > c.changed) {
        return ngx_http_vcita_session_known_change(r->pool, client,
                                                   &vmcf->revocation, &c);
    }

    return ngx_http_vcita_session_known_bind(r->pool, client, &c);
}


/* Gives a session the current claims if its own are older */

ngx_int_t
ngx_http_vcita_session_known_bind(ngx_pool_t *pool,
    ngx_http_vcita_client_t *client, ngx_http_vcita_revocation_case_t *c)
{
    u_char                    *room;
    ngx_str_t                  claims, text;
    ngx_uint_t                 used;
    ngx_http_vcita_session_t  *s;

    s = c->session;

    if (s->changed >= c->changed) {
        return NGX_OK;
    }

    room = ngx_pnalloc(pool, c->claims.len + 1);
    if (room == NULL) {
        return NGX_ERROR;
    }

    if (ngx_http_vcita_seal_open_raw(&client->session_seal, &s->id, &c->claims,
                                     room, &claims, &used)
        != NGX_OK)
    {
        return NGX_DECLINED;
    }

    s->changed = c->changed;

    if (ngx_http_vcita_session_with(pool, s, &claims, &text) != NGX_OK
        || ngx_http_vcita_session_known_wipe(pool, &text) != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (ngx_http_vcita_session_decode(&text, s) != NGX_OK) {
        return NGX_DECLINED;
    }

    s->bound = 1;

    return NGX_OK;
}


/* Records the claims of a session, sealed, as the current ones */

ngx_int_t
ngx_http_vcita_session_known_change(ngx_pool_t *pool,
    ngx_http_vcita_client_t *client, ngx_http_vcita_revocation_t *revocation,
    ngx_http_vcita_revocation_case_t *c)
{
    u_char     *room;
    ngx_str_t  *claims, box;

    claims = &c->session->claims;

    room = ngx_pnalloc(pool, ngx_http_vcita_seal_room(claims->len));
    if (room == NULL) {
        return NGX_ERROR;
    }

    if (ngx_http_vcita_seal(&client->session_seal, &c->session->id, claims,
                            room, &box)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    box.data = room;
    box.len = ngx_http_vcita_seal_raw_len(claims->len);

    ngx_http_vcita_revocation_change(revocation, c, pool, &box);

    return NGX_OK;
}


/* A session's text has its token: wipes it when the request ends */

ngx_int_t
ngx_http_vcita_session_known_wipe(ngx_pool_t *pool, ngx_str_t *text)
{
    ngx_pool_cleanup_t  *cln;

    cln = ngx_pool_cleanup_add(pool, sizeof(ngx_str_t));
    if (cln == NULL) {
        return NGX_ERROR;
    }

    *(ngx_str_t *) cln->data = *text;
    cln->handler = ngx_http_vcita_session_known_wipe_cleanup;

    return NGX_OK;
}


static void
ngx_http_vcita_session_known_wipe_cleanup(void *data)
{
    ngx_str_t *text = data;

    ngx_explicit_memzero(text->data, text->len);
}
