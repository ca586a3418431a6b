
/*
 * Copyright (C) the vcita OAuth gate authors
 *
 * What all stores share: the id of a session, which only the browser has, and
 * the key that a store keeps it under.  Who reads a store learns no id of it.
 * May touch sealing.
 */


#include <ngx_config.h>
#include <ngx_core.h>

#include "session/ngx_http_vcita_store.h"
#include "util/ngx_http_vcita_seal.h"


#define NGX_HTTP_VCITA_STORE_RANDOM  32


/*
 * Makes a new id: its NGX_HTTP_VCITA_STORE_ID characters for the cookie,
 * and the key of its session
 */

ngx_int_t
ngx_http_vcita_store_id(u_char *text, u_char *key)
{
    u_char     random[NGX_HTTP_VCITA_STORE_RANDOM];
    ngx_str_t  id;

    if (ngx_http_vcita_hash_random(random, sizeof(random)) != NGX_OK) {
        return NGX_ERROR;
    }

    id.data = text;
    id.len = ngx_http_vcita_base64url_encode(text, random, sizeof(random));

    ngx_explicit_memzero(random, sizeof(random));

    return ngx_http_vcita_store_key(&id, key);
}


/* The key that an id stands for.  NGX_DECLINED: it is not of the form of one */

ngx_int_t
ngx_http_vcita_store_key(ngx_str_t *id, u_char *key)
{
    u_char     random[NGX_HTTP_VCITA_STORE_RANDOM];
    ngx_int_t  rc;
    ngx_str_t  text;

    if (id->len != NGX_HTTP_VCITA_STORE_ID
        || ngx_http_vcita_base64url_decode(random, id) != NGX_OK)
    {
        return NGX_DECLINED;
    }

    text.data = random;
    text.len = sizeof(random);

    rc = ngx_http_vcita_hash_sha256(&text, key);

    ngx_explicit_memzero(random, sizeof(random));

    return rc;
}
