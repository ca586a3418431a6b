
/*
 * Copyright (C) the vcita OAuth gate authors
 *
 * The id of a session in a store, which only the cookie has, and the key
 * derived from it: the contents of a store do not reveal the id.  May touch
 * sealing.
 */


#include <ngx_config.h>
#include <ngx_core.h>

#include "session/ngx_http_vcita_store.h"
#include "util/ngx_http_vcita_seal.h"


#define NGX_HTTP_VCITA_STORE_RANDOM  32


/* Makes an id of NGX_HTTP_VCITA_STORE_ID characters, and its key */

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


/* The key of an id.  NGX_DECLINED: the value is not a valid id. */

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
