
/*
 * Copyright (C) the vcita OAuth gate authors
 *
 * The application: what is made of its settings, once, at configuration time:
 * keys, cookies, certificates.  It says what is missing.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "http/ngx_http_vcita_http.h"


static char *ngx_http_vcita_app_check(ngx_conf_t *cf,
    ngx_http_vcita_app_t *app, ngx_http_vcita_origin_t *user,
    const char *directive);
static char *ngx_http_vcita_app_check_domain(ngx_conf_t *cf,
    ngx_http_vcita_app_t *app);
static char *ngx_http_vcita_app_keys(ngx_conf_t *cf,
    ngx_http_vcita_app_t *app);
static ngx_int_t ngx_http_vcita_app_key(ngx_http_vcita_app_t *app,
    ngx_str_t *secret);
static char *ngx_http_vcita_app_cookie(ngx_conf_t *cf,
    ngx_http_vcita_app_t *app, ngx_uint_t login,
    ngx_http_vcita_cookie_t *cookie);
static char *ngx_http_vcita_app_peer(ngx_conf_t *cf,
    ngx_http_vcita_app_t *app);
static char *ngx_http_vcita_app_store(ngx_conf_t *cf,
    ngx_http_vcita_app_t *app);
static X509_STORE *ngx_http_vcita_app_load(ngx_conf_t *cf, ngx_str_t *file);
static void ngx_http_vcita_app_wipe(void *data);
static void ngx_http_vcita_app_free_store(void *data);


/*
 * Makes an application ready for "user", the directive that needs it; does
 * nothing to one that is ready.
 */

char *
ngx_http_vcita_app_init(ngx_conf_t *cf, ngx_http_vcita_app_t *app,
    ngx_http_vcita_origin_t *user, const char *directive)
{
    ngx_pool_cleanup_t  *cln;

    if (app->ready) {
        return NGX_CONF_OK;
    }

    if (ngx_http_vcita_app_check(cf, app, user, directive) != NGX_CONF_OK)
    {
        return NGX_CONF_ERROR;
    }

    app->https = (app->redirect.scheme.len == sizeof("https://") - 1);

    if (app->cookie_samesite == NGX_HTTP_VCITA_NONE && !app->https) {
        return ngx_http_vcita_conf_error(cf, NGX_LOG_EMERG,
                         &app->origin[NGX_HTTP_VCITA_COOKIE_SAMESITE],
                         "\"vcita_oauth_cookie_samesite none\" needs an https "
                         "redirect_uri");
    }

    if (ngx_http_vcita_app_check_domain(cf, app) != NGX_CONF_OK
        || ngx_http_vcita_app_cookie(cf, app, 0, &app->session_cookie)
           != NGX_CONF_OK
        || ngx_http_vcita_app_cookie(cf, app, 1, &app->login_cookie)
           != NGX_CONF_OK
        || ngx_array_init(&app->authorize, cf->pool, 1,
                          sizeof(ngx_http_vcita_authorize_t *)) != NGX_OK
        || ngx_array_init(&app->derive, cf->pool,
                          app->session_keys.files
                          ? app->session_keys.files->nelts : 1,
                          sizeof(ngx_http_vcita_derive_t))
           != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    cln = ngx_pool_cleanup_add(cf->pool, 0);
    if (cln == NULL) {
        return NGX_CONF_ERROR;
    }

    cln->handler = ngx_http_vcita_app_wipe;
    cln->data = app;

    if (ngx_http_vcita_app_keys(cf, app) != NGX_CONF_OK
        || ngx_http_vcita_app_peer(cf, app) != NGX_CONF_OK)
    {
        return NGX_CONF_ERROR;
    }

    app->ready = 1;

    return NGX_CONF_OK;
}


static char *
ngx_http_vcita_app_check(ngx_conf_t *cf, ngx_http_vcita_app_t *app,
    ngx_http_vcita_origin_t *user, const char *directive)
{
    const char  *missing;

    if (app->client_id.len == 0) {
        missing = "\"vcita_oauth_client_id\"";

    } else if (app->client_secret.len == 0
               && app->assertion_key.names == NULL)
    {
        missing = "\"vcita_oauth_client_secret\" or "
                  "\"vcita_oauth_client_assertion_key\"";

    } else if (app->redirect.uri.len == 0) {
        missing = "\"vcita_oauth_redirect_uri\"";

    } else {
        return NGX_CONF_OK;
    }

    return ngx_http_vcita_conf_error(cf, NGX_LOG_EMERG, user,
                                     "\"%s\" needs %s", directive, missing);
}


static char *
ngx_http_vcita_app_check_domain(ngx_conf_t *cf, ngx_http_vcita_app_t *app)
{
    u_char     *p, *last;
    ngx_str_t  *domain, host;

    domain = &app->cookie_domain;

    if (domain->len == 0 || app->redirect.host) {
        return NGX_CONF_OK;
    }

    host = app->redirect.authority;
    last = host.data + host.len;

    p = ngx_strlchr(host.data, last, ':');

    if (p && host.data[0] != '[') {
        host.len = p - host.data;
        last = p;
    }

    if (host.len >= domain->len
        && ngx_strncasecmp(last - domain->len, domain->data, domain->len)
           == 0
        && (host.len == domain->len || last[-1 - (ssize_t) domain->len]
                                       == '.'))
    {
        return NGX_CONF_OK;
    }

    return ngx_http_vcita_conf_error(cf, NGX_LOG_EMERG,
                               &app->origin[NGX_HTTP_VCITA_COOKIE_DOMAIN],
                               "the host of redirect_uri \"%V\" is outside of "
                               "cookie_domain \"%V\"",
                               &app->redirect.uri, domain);
}


static char *
ngx_http_vcita_app_keys(ngx_conf_t *cf, ngx_http_vcita_app_t *app)
{
    ngx_str_t   fields[2], *secret;
    ngx_uint_t  i, n;

    fields[0] = app->session_cookie.name;
    fields[1] = app->client_id;

    if (ngx_http_vcita_seal_init(&app->session_seal, cf->pool,
                                 "session", fields, 2)
        != NGX_OK
        || ngx_http_vcita_seal_init(&app->state_seal, cf->pool, "state",
                                    fields, 2)
           != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    if (app->session_keys.files) {
        secret = app->session_keys.secrets->elts;
        n = app->session_keys.secrets->nelts;

    } else {
        secret = app->client_secret.len ? &app->client_secret
                                        : &app->assertion_key.secret;
        n = 1;
    }

    for (i = 0; i < n; i++) {

        if (ngx_http_vcita_app_key(app, &secret[i]) != NGX_OK) {
            return NGX_CONF_ERROR;
        }
    }

    return NGX_CONF_OK;
}


static ngx_int_t
ngx_http_vcita_app_key(ngx_http_vcita_app_t *app, ngx_str_t *secret)
{
    ngx_str_t                *salt;
    ngx_http_vcita_derive_t  *d;

    salt = &app->client_id;

    d = ngx_array_push(&app->derive);
    if (d == NULL) {
        return NGX_ERROR;
    }

    if (ngx_http_vcita_seal_key(&app->session_seal, secret, salt,
                                "session")
        != NGX_OK
        || ngx_http_vcita_seal_key(&app->state_seal, secret, salt,
                                   "state")
           != NGX_OK
        || ngx_http_vcita_hkdf(secret, salt, "pkce", d->pkce) != NGX_OK
        || ngx_http_vcita_hkdf(secret, salt, "nonce", d->nonce) != NGX_OK)
    {
        return NGX_ERROR;
    }

    return NGX_OK;
}


/* a name that the browser itself binds to https and to this host */

static char *
ngx_http_vcita_app_cookie(ngx_conf_t *cf, ngx_http_vcita_app_t *app,
    ngx_uint_t login, ngx_http_vcita_cookie_t *cookie)
{
    u_char     *p;
    size_t      len;
    ngx_str_t   domain;

    if (login) {
        ngx_str_null(&domain);

    } else {
        domain = app->cookie_domain;
    }

    len = sizeof("__Secure-") + app->cookie_name.len + sizeof("_login");

    p = ngx_pnalloc(cf->pool, len);
    if (p == NULL) {
        return NGX_CONF_ERROR;
    }

    cookie->name.data = p;

    cookie->name.len = ngx_sprintf(p, "%s%V%s",
                                   !app->https ? ""
                                   : domain.len ? "__Secure-" : "__Host-",
                                   &app->cookie_name, login ? "_login" : "")
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
                    app->cookie_samesite == NGX_HTTP_VCITA_NONE
                    ? "None" : "Lax");

    if (app->https) {
        p = ngx_cpymem(p, "; Secure", sizeof("; Secure") - 1);
    }

    if (app->cookie_samesite == NGX_HTTP_VCITA_NONE) {
        p = ngx_cpymem(p, "; Partitioned", sizeof("; Partitioned") - 1);
    }

    cookie->attributes.len = p - cookie->attributes.data;

    return NGX_CONF_OK;
}


static char *
ngx_http_vcita_app_peer(ngx_conf_t *cf, ngx_http_vcita_app_t *app)
{
    ngx_http_vcita_peer_t  *peer;

    peer = &app->peer;

    peer->proxy = app->http_proxy;
    peer->connect_timeout = app->connect_timeout;
    peer->timeout = app->timeout;
    peer->verify = app->ssl_verify;

    if (!app->ssl_verify
        && (!ngx_http_vcita_loopback(&app->token_endpoint)
            || !ngx_http_vcita_loopback(&app->userinfo_endpoint)))
    {
        (void) ngx_http_vcita_conf_error(cf, NGX_LOG_WARN,
                           &app->origin[NGX_HTTP_VCITA_SSL_VERIFY],
                           "\"vcita_oauth_ssl_verify off\": anyone on the way "
                           "to vcita can read the secret and give out "
                           "identities");
    }

    if (ngx_http_vcita_fetch_check(cf->log) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    return ngx_http_vcita_app_store(cf, app);
}


static char *
ngx_http_vcita_app_store(ngx_conf_t *cf, ngx_http_vcita_app_t *app)
{
    ngx_str_t                    none;
    ngx_http_vcita_main_conf_t  *vmcf;

    vmcf = ngx_http_conf_get_module_main_conf(cf,
                                              ngx_http_vcita_oauth_module);

    if (app->ssl_certificate.len) {

        if (ngx_conf_full_name(cf->cycle, &app->ssl_certificate, 1)
            != NGX_OK)
        {
            return NGX_CONF_ERROR;
        }

        app->peer.store = ngx_http_vcita_app_load(cf, &app->ssl_certificate);

        if (app->peer.store == NULL) {
            return ngx_http_vcita_conf_error(cf, NGX_LOG_EMERG,
                           &app->origin[NGX_HTTP_VCITA_SSL_CERTIFICATE],
                           "vcita_oauth_ssl_trusted_certificate \"%V\" cannot "
                           "be used",
                           &app->ssl_certificate);
        }

        return NGX_CONF_OK;
    }

    if (vmcf->system_store == NULL) {

        ngx_str_null(&none);

        vmcf->system_store = ngx_http_vcita_app_load(cf, &none);

        if (vmcf->system_store == NULL) {
            return NGX_CONF_ERROR;
        }
    }

    app->peer.store = vmcf->system_store;
    app->peer.reuse = 1;

    return NGX_CONF_OK;
}


static X509_STORE *
ngx_http_vcita_app_load(ngx_conf_t *cf, ngx_str_t *file)
{
    X509_STORE          *store;
    ngx_pool_cleanup_t  *cln;

    cln = ngx_pool_cleanup_add(cf->pool, 0);
    if (cln == NULL) {
        return NULL;
    }

    store = ngx_http_vcita_fetch_store(file, cf->log);

    if (store) {
        cln->handler = ngx_http_vcita_app_free_store;
        cln->data = store;
    }

    return store;
}


static void
ngx_http_vcita_app_free_store(void *data)
{
    X509_STORE_free(data);
}


static void
ngx_http_vcita_app_wipe(void *data)
{
    ngx_http_vcita_app_t *app = data;

    ngx_str_t   *secret;
    ngx_uint_t   i;

    if (app->session_keys.files) {

        secret = app->session_keys.secrets->elts;

        for (i = 0; i < app->session_keys.secrets->nelts; i++) {
            ngx_explicit_memzero(secret[i].data, secret[i].len);
        }
    }

    if (app->storage.store) {
        ngx_explicit_memzero(app->storage.text.data, app->storage.text.len);
    }

    ngx_explicit_memzero(app->client_secret.data, app->client_secret.len);
    ngx_explicit_memzero(app->assertion_key.secret.data,
                         app->assertion_key.secret.len);
    ngx_explicit_memzero(app->http_proxy.data, app->http_proxy.len);
    ngx_explicit_memzero(app->derive.elts,
                         app->derive.nelts
                         * sizeof(ngx_http_vcita_derive_t));
}
