
/*
 * Copyright (C) the vcita OAuth gate authors
 *
 * Completes an OAuth client at configuration time: required settings, keys,
 * cookies, certificates.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "conf/ngx_http_vcita_conf.h"
#include "util/ngx_http_vcita_query.h"


static char *ngx_http_vcita_client_conf_check(ngx_conf_t *cf,
    ngx_http_vcita_client_t *client, ngx_http_vcita_origin_t *user,
    const char *directive);
static char *ngx_http_vcita_client_conf_check_domain(ngx_conf_t *cf,
    ngx_http_vcita_client_t *client);
static char *ngx_http_vcita_client_conf_keys(ngx_conf_t *cf,
    ngx_http_vcita_client_t *client);
static ngx_int_t ngx_http_vcita_client_conf_key(ngx_http_vcita_client_t *client,
    ngx_str_t *secret);
static char *ngx_http_vcita_client_conf_cookie(ngx_conf_t *cf,
    ngx_http_vcita_client_t *client, ngx_uint_t login,
    ngx_http_vcita_cookie_t *cookie);
static char *ngx_http_vcita_client_conf_endpoint(ngx_conf_t *cf,
    ngx_http_vcita_client_t *client);
static char *ngx_http_vcita_client_conf_trust(ngx_conf_t *cf,
    ngx_http_vcita_client_t *client);
static X509_STORE *ngx_http_vcita_client_conf_load_trust(ngx_conf_t *cf,
    ngx_str_t *file);
static void ngx_http_vcita_client_conf_wipe(void *data);
static void ngx_http_vcita_client_conf_free_trust(void *data);


/* Completes a client once; "user" is the line of the directive that needs it */

char *
ngx_http_vcita_client_conf_init(ngx_conf_t *cf, ngx_http_vcita_client_t *client,
    ngx_http_vcita_origin_t *user, const char *directive)
{
    ngx_pool_cleanup_t  *cln;

    if (client->ready) {
        return NGX_CONF_OK;
    }

    if (ngx_http_vcita_client_conf_check(cf, client, user, directive)
        != NGX_CONF_OK)
    {
        return NGX_CONF_ERROR;
    }

    client->https = (client->redirect.scheme.len == sizeof("https://") - 1);

    if (client->cookie_samesite == NGX_HTTP_VCITA_NONE && !client->https) {
        return ngx_http_vcita_config_error(cf, NGX_LOG_EMERG,
                         &client->origin[NGX_HTTP_VCITA_COOKIE_SAMESITE],
                         "\"vcita_oauth_cookie_samesite none\" requires an "
                         "https redirect_uri");
    }

    if (ngx_http_vcita_client_conf_check_domain(cf, client) != NGX_CONF_OK
        || ngx_http_vcita_client_conf_cookie(cf, client, 0,
                                             &client->session_cookie)
           != NGX_CONF_OK
        || ngx_http_vcita_client_conf_cookie(cf, client, 1,
                                             &client->login_cookie)
           != NGX_CONF_OK
        || ngx_array_init(&client->authorize, cf->pool, 1,
                          sizeof(ngx_http_vcita_authorize_t *)) != NGX_OK
        || ngx_array_init(&client->derive, cf->pool,
                          client->session_keys.files
                          ? client->session_keys.files->nelts : 1,
                          sizeof(ngx_http_vcita_derive_t))
           != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    cln = ngx_pool_cleanup_add(cf->pool, 0);
    if (cln == NULL) {
        return NGX_CONF_ERROR;
    }

    cln->handler = ngx_http_vcita_client_conf_wipe;
    cln->data = client;

    if (ngx_http_vcita_client_conf_keys(cf, client) != NGX_CONF_OK
        || ngx_http_vcita_client_conf_endpoint(cf, client) != NGX_CONF_OK)
    {
        return NGX_CONF_ERROR;
    }

    client->ready = 1;

    return NGX_CONF_OK;
}


static char *
ngx_http_vcita_client_conf_check(ngx_conf_t *cf,
    ngx_http_vcita_client_t *client, ngx_http_vcita_origin_t *user,
    const char *directive)
{
    const char  *missing;

    if (client->client_id.len == 0) {
        missing = "\"vcita_oauth_client_id\"";

    } else if (client->client_secret.len == 0
               && client->assertion_key.names == NULL)
    {
        missing = "\"vcita_oauth_client_secret\" or "
                  "\"vcita_oauth_client_assertion_key\"";

    } else if (client->redirect.uri.len == 0) {
        missing = "\"vcita_oauth_redirect_uri\"";

    } else {
        return NGX_CONF_OK;
    }

    return ngx_http_vcita_config_error(cf, NGX_LOG_EMERG, user,
                                       "\"%s\" requires "
                                       "%s", directive, missing);
}


static char *
ngx_http_vcita_client_conf_check_domain(ngx_conf_t *cf,
    ngx_http_vcita_client_t *client)
{
    ngx_str_t  *domain;

    domain = &client->cookie_domain;

    if (domain->len == 0
        || client->redirect.host
        || ngx_http_vcita_query_within(&client->redirect.authority, domain))
    {
        return NGX_CONF_OK;
    }

    return ngx_http_vcita_config_error(cf, NGX_LOG_EMERG,
                               &client->origin[NGX_HTTP_VCITA_COOKIE_DOMAIN],
                               "the host of redirect_uri \"%V\" is not in "
                               "cookie_domain \"%V\"",
                               &client->redirect.uri, domain);
}


static char *
ngx_http_vcita_client_conf_keys(ngx_conf_t *cf, ngx_http_vcita_client_t *client)
{
    ngx_str_t   fields[2], *secret;
    ngx_uint_t  i, n;

    fields[0] = client->session_cookie.name;
    fields[1] = client->client_id;

    if (ngx_http_vcita_seal_init(&client->session_seal, cf->pool,
                                 "session", fields, 2)
        != NGX_OK
        || ngx_http_vcita_seal_init(&client->state_seal, cf->pool, "state",
                                    fields, 2)
           != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    if (client->session_keys.files) {
        secret = client->session_keys.secrets->elts;
        n = client->session_keys.secrets->nelts;

    } else {
        secret = client->client_secret.len ? &client->client_secret
                                           : &client->assertion_key.secret;
        n = 1;
    }

    for (i = 0; i < n; i++) {

        if (ngx_http_vcita_client_conf_key(client, &secret[i]) != NGX_OK) {
            return NGX_CONF_ERROR;
        }
    }

    return NGX_CONF_OK;
}


static ngx_int_t
ngx_http_vcita_client_conf_key(ngx_http_vcita_client_t *client,
    ngx_str_t *secret)
{
    u_char                    pkce[NGX_HTTP_VCITA_KEY_LEN];
    u_char                    nonce[NGX_HTTP_VCITA_KEY_LEN];
    ngx_int_t                 rc;
    ngx_str_t                *salt;
    ngx_http_vcita_derive_t  *d;

    salt = &client->client_id;

    d = ngx_array_push(&client->derive);
    if (d == NULL) {
        return NGX_ERROR;
    }

    rc = NGX_ERROR;

    if (ngx_http_vcita_seal_key(&client->session_seal, secret, salt,
                                "session")
        == NGX_OK
        && ngx_http_vcita_seal_key(&client->state_seal, secret, salt,
                                   "state")
           == NGX_OK
        && ngx_http_vcita_hash_hkdf(secret, salt, "pkce", pkce) == NGX_OK
        && ngx_http_vcita_hash_hkdf(secret, salt, "nonce", nonce) == NGX_OK
        && ngx_http_vcita_hash_key(&d->pkce, pkce) == NGX_OK
        && ngx_http_vcita_hash_key(&d->nonce, nonce) == NGX_OK)
    {
        rc = NGX_OK;
    }

    ngx_explicit_memzero(pkce, sizeof(pkce));
    ngx_explicit_memzero(nonce, sizeof(nonce));

    return rc;
}


/*
 * The prefix of the name makes the browser bind the cookie to https and to this
 * host: __Host- needs "Path=/" and no domain
 */

static char *
ngx_http_vcita_client_conf_cookie(ngx_conf_t *cf,
    ngx_http_vcita_client_t *client, ngx_uint_t login,
    ngx_http_vcita_cookie_t *cookie)
{
    u_char     *p;
    size_t      len;
    ngx_str_t   domain;

    domain = client->cookie_domain;

    len = sizeof("__Secure-") + client->cookie_name.len + sizeof("_login");

    p = ngx_pnalloc(cf->pool, len);
    if (p == NULL) {
        return NGX_CONF_ERROR;
    }

    cookie->name.data = p;

    cookie->name.len = ngx_sprintf(p, "%s%V%s",
                                   !client->https ? ""
                                   : domain.len ? "__Secure-" : "__Host-",
                                   &client->cookie_name, login ? "_login" : "")
                       - p;

    len = sizeof("; Domain=; Path=/; HttpOnly; SameSite=None; Secure; "
                 "Partitioned")
          + domain.len;

    p = ngx_pnalloc(cf->pool, len);
    if (p == NULL) {
        return NGX_CONF_ERROR;
    }

    cookie->attributes.data = p;

    if (domain.len) {
        p = ngx_sprintf(p, "; Domain=%V", &domain);
    }

    p = ngx_sprintf(p, "; Path=/; HttpOnly; SameSite=%s",
                    client->cookie_samesite == NGX_HTTP_VCITA_NONE
                    ? "None" : "Lax");

    if (client->https) {
        p = ngx_cpymem(p, "; Secure", sizeof("; Secure") - 1);
    }

    if (client->cookie_samesite == NGX_HTTP_VCITA_NONE) {
        p = ngx_cpymem(p, "; Partitioned", sizeof("; Partitioned") - 1);
    }

    cookie->attributes.len = p - cookie->attributes.data;

    return NGX_CONF_OK;
}


static char *
ngx_http_vcita_client_conf_endpoint(ngx_conf_t *cf,
    ngx_http_vcita_client_t *client)
{
    ngx_http_vcita_endpoint_t  *endpoint;

    endpoint = &client->endpoint;

    endpoint->proxy = client->http_proxy;
    endpoint->connect_timeout = client->connect_timeout;
    endpoint->timeout = client->timeout;
    endpoint->verify = client->ssl_verify;

    if (!client->ssl_verify
        && (!ngx_http_vcita_url_conf_loopback(&client->token_endpoint)
            || !ngx_http_vcita_url_conf_loopback(&client->userinfo_endpoint)
            || (client->revoke_endpoint.len
                && !ngx_http_vcita_url_conf_loopback(
                                                  &client->revoke_endpoint))))
    {
        (void) ngx_http_vcita_config_error(cf, NGX_LOG_WARN,
                           &client->origin[NGX_HTTP_VCITA_SSL_VERIFY],
                           "\"vcita_oauth_ssl_verify off\" lets attackers "
                           "between nginx and vcita read the secret and forge "
                           "identities, remove it");
    }

    if (ngx_http_vcita_fetch_check(cf->log) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    return ngx_http_vcita_client_conf_trust(cf, client);
}


static char *
ngx_http_vcita_client_conf_trust(ngx_conf_t *cf,
    ngx_http_vcita_client_t *client)
{
    ngx_str_t                    none;
    ngx_http_vcita_main_conf_t  *vmcf;

    vmcf = ngx_http_conf_get_module_main_conf(cf,
                                              ngx_http_vcita_oauth_module);

    if (client->ssl_certificate.len) {

        if (ngx_conf_full_name(cf->cycle, &client->ssl_certificate, 1)
            != NGX_OK)
        {
            return NGX_CONF_ERROR;
        }

        client->endpoint.store = ngx_http_vcita_client_conf_load_trust(cf,
                                                     &client->ssl_certificate);

        if (client->endpoint.store == NULL) {
            return ngx_http_vcita_config_error(cf, NGX_LOG_EMERG,
                           &client->origin[NGX_HTTP_VCITA_SSL_CERTIFICATE],
                           "vcita_oauth_ssl_trusted_certificate \"%V\" cannot "
                           "be used, check the file",
                           &client->ssl_certificate);
        }

        return NGX_CONF_OK;
    }

    if (vmcf->system_store == NULL) {

        ngx_str_null(&none);

        vmcf->system_store = ngx_http_vcita_client_conf_load_trust(cf, &none);

        if (vmcf->system_store == NULL) {
            return NGX_CONF_ERROR;
        }
    }

    client->endpoint.store = vmcf->system_store;
    client->endpoint.reuse = 1;

    return NGX_CONF_OK;
}


static X509_STORE *
ngx_http_vcita_client_conf_load_trust(ngx_conf_t *cf, ngx_str_t *file)
{
    X509_STORE          *store;
    ngx_pool_cleanup_t  *cln;

    cln = ngx_pool_cleanup_add(cf->pool, 0);
    if (cln == NULL) {
        return NULL;
    }

    store = ngx_http_vcita_fetch_store(file, cf->log);

    if (store) {
        cln->handler = ngx_http_vcita_client_conf_free_trust;
        cln->data = store;
    }

    return store;
}


static void
ngx_http_vcita_client_conf_free_trust(void *data)
{
    X509_STORE_free(data);
}


static void
ngx_http_vcita_client_conf_wipe(void *data)
{
    ngx_http_vcita_client_t *client = data;

    ngx_str_t   *secret;
    ngx_uint_t   i;

    if (client->session_keys.files) {

        secret = client->session_keys.secrets->elts;

        for (i = 0; i < client->session_keys.secrets->nelts; i++) {
            ngx_explicit_memzero(secret[i].data, secret[i].len);
        }
    }

    if (client->storage.store) {
        ngx_explicit_memzero(client->storage.text.data,
                             client->storage.text.len);
    }

    ngx_explicit_memzero(client->client_secret.data, client->client_secret.len);
    ngx_explicit_memzero(client->assertion_key.secret.data,
                         client->assertion_key.secret.len);
    ngx_explicit_memzero(client->http_proxy.data, client->http_proxy.len);
    ngx_explicit_memzero(client->derive.elts,
                         client->derive.nelts
                         * sizeof(ngx_http_vcita_derive_t));
}
