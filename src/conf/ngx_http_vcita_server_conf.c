
/*
 * Copyright (C) the vcita OAuth gate authors
 *
 * The registry: which clients a server has, told apart by callback path
 * and cookie name, and what each of its locations asks vcita for.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "conf/ngx_http_vcita_conf.h"
#include "util/ngx_http_vcita_query.h"


static char *ngx_http_vcita_server_conf_register_client(ngx_conf_t *cf,
    ngx_http_vcita_srv_conf_t *vscf, ngx_http_vcita_loc_conf_t *conf);
static char *ngx_http_vcita_server_conf_clash(ngx_conf_t *cf,
    ngx_http_vcita_client_t *a, ngx_http_vcita_client_t *b);
static char *ngx_http_vcita_server_conf_launch(ngx_conf_t *cf,
    ngx_http_vcita_client_t *a, ngx_http_vcita_client_t *b);
static void ngx_http_vcita_server_conf_host(ngx_conf_t *cf,
    ngx_http_vcita_client_t *client);
static char *ngx_http_vcita_server_conf_authorize(ngx_conf_t *cf,
    ngx_http_vcita_loc_conf_t *conf);
static char *ngx_http_vcita_server_conf_authorize_check(ngx_conf_t *cf,
    ngx_http_vcita_origin_t *origin, ngx_str_t *query);
static ngx_http_vcita_authorize_t *ngx_http_vcita_server_conf_authorize_make(
    ngx_conf_t *cf, ngx_http_vcita_loc_conf_t *conf);
static ngx_int_t ngx_http_vcita_server_conf_authorize_scope(ngx_conf_t *cf,
    ngx_array_t *scopes, ngx_http_vcita_authorize_t *a);
static ngx_uint_t ngx_http_vcita_server_conf_authorize_openid(ngx_str_t *scope);
static ngx_int_t ngx_http_vcita_server_conf_authorize_prefix(ngx_conf_t *cf,
    ngx_http_vcita_loc_conf_t *conf, ngx_http_vcita_authorize_t *a);


/*
 * Where a client is used, its server must know it: by a gate, by a
 * logout, or by a redirect_uri at this level, which makes it a callback
 */

char *
ngx_http_vcita_server_conf_merge(ngx_conf_t *cf,
    ngx_http_vcita_loc_conf_t *conf, ngx_uint_t redirect)
{
    const char                  *user;
    ngx_http_vcita_origin_t     *origin;
    ngx_http_vcita_srv_conf_t   *vscf;
    ngx_http_vcita_main_conf_t  *vmcf;

    if (conf->gate != NGX_HTTP_VCITA_OFF) {
        user = "vcita_oauth";
        origin = &conf->origin[NGX_HTTP_VCITA_GATE];

    } else if (conf->logout) {
        user = "vcita_oauth_logout";
        origin = &conf->origin[NGX_HTTP_VCITA_LOGOUT];

    } else if (redirect
               && conf->client->client_id.len
               && (conf->client->client_secret.len
                   || conf->client->assertion_key.names))
    {
        user = "vcita_oauth_redirect_uri";
        origin = &conf->client->origin[NGX_HTTP_VCITA_REDIRECT_URI];

    } else {
        return NGX_CONF_OK;
    }

    if (ngx_http_vcita_client_conf_init(cf, conf->client, origin, user)
        != NGX_CONF_OK)
    {
        return NGX_CONF_ERROR;
    }

    vmcf = ngx_http_conf_get_module_main_conf(cf,
                                              ngx_http_vcita_oauth_module);
    vmcf->gates = 1;

    vscf = ngx_http_conf_get_module_srv_conf(cf, ngx_http_vcita_oauth_module);

    if (ngx_http_vcita_server_conf_register_client(cf, vscf, conf)
        != NGX_CONF_OK)
    {
        return NGX_CONF_ERROR;
    }

    return ngx_http_vcita_server_conf_authorize(cf, conf);
}


/* of two that are alike in all settings, the first serves for both */

static char *
ngx_http_vcita_server_conf_register_client(ngx_conf_t *cf,
    ngx_http_vcita_srv_conf_t *vscf, ngx_http_vcita_loc_conf_t *conf)
{
    ngx_str_t                 *name, *stem;
    ngx_uint_t                 i;
    ngx_http_vcita_client_t  **client;

    client = vscf->clients.elts;

    for (i = 0; i < vscf->clients.nelts; i++) {

        if (ngx_http_vcita_settings_differ(client[i], conf->client)
            == NGX_HTTP_VCITA_SETTINGS)
        {
            conf->client = client[i];
            return NGX_CONF_OK;
        }

        if (ngx_http_vcita_server_conf_clash(cf, client[i], conf->client)
            != NGX_CONF_OK
            || ngx_http_vcita_server_conf_launch(cf, client[i], conf->client)
               != NGX_CONF_OK
            || ngx_http_vcita_server_conf_launch(cf, conf->client, client[i])
               != NGX_CONF_OK)
        {
            return NGX_CONF_ERROR;
        }
    }

    if (ngx_http_vcita_server_conf_launch(cf, conf->client, conf->client)
        != NGX_CONF_OK)
    {
        return NGX_CONF_ERROR;
    }

    client = ngx_array_push(&vscf->clients);
    if (client == NULL) {
        return NGX_CONF_ERROR;
    }

    *client = conf->client;

    name = ngx_array_push_n(&vscf->cookies, NGX_HTTP_VCITA_COOKIES);
    if (name == NULL) {
        return NGX_CONF_ERROR;
    }

    name[NGX_HTTP_VCITA_SESSION] = conf->client->session_cookie.name;
    name[NGX_HTTP_VCITA_LOGIN] = conf->client->login_cookie.name;

    stem = ngx_array_push(&vscf->stems);
    if (stem == NULL) {
        return NGX_CONF_ERROR;
    }

    /* the longest text that both have in them: __Host- and __Secure- differ */

    *stem = name[NGX_HTTP_VCITA_SESSION];

    if (ngx_strncmp(stem->data, name[NGX_HTTP_VCITA_LOGIN].data, stem->len)
        != 0)
    {
        *stem = conf->client->cookie_name;
    }

    ngx_http_vcita_server_conf_host(cf, conf->client);

    return NGX_CONF_OK;
}


/* two clients that differ share neither a callback nor a cookie */

static char *
ngx_http_vcita_server_conf_clash(ngx_conf_t *cf, ngx_http_vcita_client_t *a,
    ngx_http_vcita_client_t *b)
{
    ngx_str_t                *what;
    ngx_uint_t                i;
    const char               *kind;
    ngx_http_vcita_origin_t  *one, *two;

    if (ngx_http_vcita_str_eq(&a->redirect.callback, &b->redirect.callback))
    {
        kind = "callback path";
        what = &b->redirect.callback;

    } else if (ngx_http_vcita_str_eq(&a->session_cookie.name,
                                     &b->session_cookie.name)
               || ngx_http_vcita_str_eq(&a->session_cookie.name,
                                        &b->login_cookie.name))
    {
        kind = "cookie";
        what = &a->session_cookie.name;

    } else if (ngx_http_vcita_str_eq(&a->login_cookie.name,
                                     &b->session_cookie.name)
               || ngx_http_vcita_str_eq(&a->login_cookie.name,
                                        &b->login_cookie.name))
    {
        kind = "cookie";
        what = &a->login_cookie.name;

    } else {
        return NGX_CONF_OK;
    }

    i = ngx_http_vcita_settings_differ(a, b);

    one = &a->origin[i];
    two = &b->origin[i];

    if (one->file == NULL) {
        one = &a->origin[NGX_HTTP_VCITA_REDIRECT_URI];
    }

    if (two->file == NULL) {
        two = &b->origin[NGX_HTTP_VCITA_REDIRECT_URI];
    }

    return ngx_http_vcita_config_error(cf, NGX_LOG_EMERG, two,
                          "two clients of this server share the %s "
                          "\"%V\", but differ in \"%s\", move it to the level "
                          "of the server or give the other client a "
                          "redirect_uri and a cookie_name of its own: see "
                          "%s:%ui, and",
                          kind, what, ngx_http_vcita_settings_name(i),
                          one->file, one->line);
}


/* a launch of "a" that leads to the callback path of "b" would never end */

static char *
ngx_http_vcita_server_conf_launch(ngx_conf_t *cf, ngx_http_vcita_client_t *a,
    ngx_http_vcita_client_t *b)
{
    ngx_str_t  path;

    if (ngx_http_vcita_url_conf_launch_path(cf->temp_pool, &a->launch, &path)
        != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    if (!ngx_http_vcita_str_eq(&path, &b->redirect.callback)) {
        return NGX_CONF_OK;
    }

    return ngx_http_vcita_config_error(cf, NGX_LOG_EMERG,
                          &a->origin[NGX_HTTP_VCITA_LAUNCH],
                          "vcita_oauth_launch \"%V\" is a callback path of its "
                          "server, use another path",
                          &a->launch);
}


/* vcita sends the browser to a host that this server does not answer to */

static void
ngx_http_vcita_server_conf_host(ngx_conf_t *cf, ngx_http_vcita_client_t *client)
{
    u_char                     *p;
    ngx_str_t                   host, *domain;
    ngx_uint_t                  i;
    ngx_http_server_name_t     *name;
    ngx_http_core_srv_conf_t   *cscf;

    host = client->redirect.authority;

    if (client->redirect.host || ngx_http_vcita_url_conf_loopback(&host)) {
        return;
    }

    p = ngx_strlchr(host.data, host.data + host.len, ':');

    if (p && host.data[0] != '[') {
        host.len = p - host.data;
    }

    cscf = ngx_http_conf_get_module_srv_conf(cf, ngx_http_core_module);

    name = cscf->server_names.elts;
    domain = &client->cookie_domain;

    for (i = 0; i < cscf->server_names.nelts; i++) {

        /* logins return from the other host of the domain */

        if (domain->len
            && ngx_http_vcita_query_within(&name[i].name, domain))
        {
            return;
        }

        /* a wildcard, a regex or "_" can match any host */

#if (NGX_PCRE)
        if (name[i].regex) {
            return;
        }
#endif

        if (name[i].name.len == 1 && name[i].name.data[0] == '_') {
            return;
        }

        if (name[i].name.len
            && (ngx_strlchr(name[i].name.data,
                            name[i].name.data + name[i].name.len, '*')
                || name[i].name.data[0] == '.'))
        {
            return;
        }

        if (name[i].name.len == host.len
            && ngx_strncasecmp(name[i].name.data, host.data, host.len) == 0)
        {
            return;
        }
    }

    (void) ngx_http_vcita_config_error(cf, NGX_LOG_WARN,
                            &client->origin[NGX_HTTP_VCITA_REDIRECT_URI],
                            "the host of redirect_uri \"%V\" is not among the "
                            "names of its server, add it to server_name",
                            &client->redirect.uri);
}


static char *
ngx_http_vcita_server_conf_authorize(ngx_conf_t *cf,
    ngx_http_vcita_loc_conf_t *conf)
{
    u_char                       *p, *last;
    ngx_str_t                     query;
    ngx_uint_t                    i;
    ngx_http_vcita_authorize_t   *a, **known;

    p = conf->authorize_endpoint.url.data;
    last = p + conf->authorize_endpoint.url.len;
    p = ngx_strlchr(p, last, '?');

    query.data = p ? p + 1 : last;
    query.len = last - query.data;

    if (ngx_http_vcita_server_conf_authorize_check(cf,
                              &conf->origin[NGX_HTTP_VCITA_AUTHORIZE_ENDPOINT],
                              &query)
        != NGX_CONF_OK
        || ngx_http_vcita_server_conf_authorize_check(cf,
                              &conf->origin[NGX_HTTP_VCITA_AUTHORIZE_ARGS],
                              &conf->authorize_args)
           != NGX_CONF_OK)
    {
        return NGX_CONF_ERROR;
    }

    a = ngx_http_vcita_server_conf_authorize_make(cf, conf);
    if (a == NULL) {
        return NGX_CONF_ERROR;
    }

    /* neither a code_verifier nor a nonce: any browser can bring the code */

    if (conf->gate != NGX_HTTP_VCITA_OFF
        && !a->openid
        && !conf->client->pkce
        && !conf->client->unbound)
    {
        conf->client->unbound = 1;

        (void) ngx_http_vcita_config_error(cf, NGX_LOG_WARN,
                                &conf->client->origin[NGX_HTTP_VCITA_PKCE],
                                "\"vcita_oauth_pkce off\" without openid in "
                                "vcita_oauth_scope lets a stolen code sign in "
                                "another browser, add openid");
    }

    known = conf->client->authorize.elts;

    for (i = 0; i < conf->client->authorize.nelts; i++) {

        if (ngx_http_vcita_str_eq(&known[i]->prefix, &a->prefix)) {
            conf->authorize = known[i];
            return NGX_CONF_OK;
        }
    }

    known = ngx_array_push(&conf->client->authorize);
    if (known == NULL) {
        return NGX_CONF_ERROR;
    }

    *known = a;
    conf->authorize = a;

    return NGX_CONF_OK;
}


static char *
ngx_http_vcita_server_conf_authorize_check(ngx_conf_t *cf,
    ngx_http_vcita_origin_t *origin, ngx_str_t *query)
{
    ngx_str_t     value;
    const char  **name;

    static const char  *ours[] = {
        "response_type", "client_id", "redirect_uri", "scope", "state",
        "nonce", "code_challenge", "code_challenge_method", NULL
    };

    for (name = ours; *name; name++) {

        if (ngx_http_vcita_query_get(cf->temp_pool, query, *name, &value)
            == NGX_DECLINED)
        {
            continue;
        }

        return ngx_http_vcita_config_error(cf, NGX_LOG_EMERG, origin,
                               "\"%s\" in \"%V\" is a parameter that the gate "
                               "sends, remove it",
                               *name, query);
    }

    return NGX_CONF_OK;
}


static ngx_http_vcita_authorize_t *
ngx_http_vcita_server_conf_authorize_make(ngx_conf_t *cf,
    ngx_http_vcita_loc_conf_t *conf)
{
    ngx_http_vcita_authorize_t  *a;

    a = ngx_pcalloc(cf->pool, sizeof(ngx_http_vcita_authorize_t));
    if (a == NULL) {
        return NULL;
    }

    if (ngx_http_vcita_server_conf_authorize_scope(cf, conf->scope, a) != NGX_OK
        || ngx_http_vcita_server_conf_authorize_prefix(cf, conf, a) != NGX_OK)
    {
        return NULL;
    }

    a->id = ngx_crc32_long(a->prefix.data, a->prefix.len);

    return a;
}


static ngx_int_t
ngx_http_vcita_server_conf_authorize_scope(ngx_conf_t *cf, ngx_array_t *scopes,
    ngx_http_vcita_authorize_t *a)
{
    u_char      *p;
    size_t       len;
    ngx_str_t   *scope;
    ngx_uint_t   i;

    scope = scopes->elts;
    len = 0;

    for (i = 0; i < scopes->nelts; i++) {
        len += scope[i].len + 1;
    }

    p = ngx_pnalloc(cf->pool, len);
    if (p == NULL) {
        return NGX_ERROR;
    }

    a->scope.data = p;

    for (i = 0; i < scopes->nelts; i++) {

        if (i) {
            *p++ = ' ';
        }

        p = ngx_cpymem(p, scope[i].data, scope[i].len);
    }

    a->scope.len = p - a->scope.data;
    a->openid = ngx_http_vcita_server_conf_authorize_openid(&a->scope);

    return NGX_OK;
}


/* one of the scopes, which may also have been given as one text, is openid */

static ngx_uint_t
ngx_http_vcita_server_conf_authorize_openid(ngx_str_t *scope)
{
    u_char     *p, *last, *end;
    ngx_str_t   one, openid;

    ngx_str_set(&openid, "openid");

    last = scope->data + scope->len;

    for (p = scope->data; p < last; p = end + 1) {

        end = ngx_strlchr(p, last, ' ');

        if (end == NULL) {
            end = last;
        }

        one.data = p;
        one.len = end - p;

        if (ngx_http_vcita_str_eq(&one, &openid)) {
            return 1;
        }
    }

    return 0;
}


static ngx_int_t
ngx_http_vcita_server_conf_authorize_prefix(ngx_conf_t *cf,
    ngx_http_vcita_loc_conf_t *conf, ngx_http_vcita_authorize_t *a)
{
    u_char     *p;
    size_t      len;
    ngx_str_t  *endpoint, *id;

    id = &conf->client->client_id;
    endpoint = &conf->authorize_endpoint.url;

    len = endpoint->len
          + sizeof("?response_type=code&client_id=&scope=&") - 1
          + ngx_http_vcita_query_escaped_len(id)
          + ngx_http_vcita_query_escaped_len(&a->scope)
          + conf->authorize_args.len;

    p = ngx_pnalloc(cf->pool, len);
    if (p == NULL) {
        return NGX_ERROR;
    }

    a->prefix.data = p;

    p = ngx_cpymem(p, endpoint->data, endpoint->len);

    *p++ = ngx_strlchr(endpoint->data, endpoint->data + endpoint->len, '?')
           ? '&' : '?';

    p = ngx_cpymem(p, "response_type=code&client_id=",
                   sizeof("response_type=code&client_id=") - 1);
    p = ngx_http_vcita_query_escape(p, id);
    p = ngx_cpymem(p, "&scope=", sizeof("&scope=") - 1);
    p = ngx_http_vcita_query_escape(p, &a->scope);

    if (conf->authorize_args.len) {
        *p++ = '&';
        p = ngx_cpymem(p, conf->authorize_args.data,
                       conf->authorize_args.len);
    }

    a->prefix.len = p - a->prefix.data;

    if (conf->authorize_endpoint.host) {
        a->host = conf->authorize_endpoint.host;

        a->authority.len = conf->authorize_endpoint.authority.len;
        a->authority.data = a->prefix.data
                            + (conf->authorize_endpoint.authority.data
                               - endpoint->data);
    }

    return NGX_OK;
}
