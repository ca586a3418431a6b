
/*
 * Copyright (C) the vcita OAuth gate authors
 *
 * The list of directives.  A row is expanded to the command, the member of
 * client or location, its default, and the entries by which the setting is
 * read, inherited and compared.  No other table has to agree with this one.
 */


#ifndef _NGX_HTTP_VCITA_SETTINGS_H_INCLUDED_
#define _NGX_HTTP_VCITA_SETTINGS_H_INCLUDED_


/*
 * client(id, directive, arguments, type, member, kind, default)
 *
 *     A setting of the OAuth client, a member of ngx_http_vcita_client_t.
 *     Locations that differ in it have two clients, and two sessions.
 *
 * location(id, directive, arguments, type, member, kind, default)
 *
 *     A setting in which locations of one client may differ, a member of
 *     ngx_http_vcita_loc_conf_t.
 *
 * other(id, directive, contexts and arguments, handler, configuration, post)
 *
 *     A directive without a value to inherit: its handler does all the work.
 *
 * A kind is an ngx_http_vcita_kind_... of settings.c, which reads and checks a
 * value.  A string that is sent to anyone needs the kind "text", or a stricter
 * one.  The default is written as in nginx.conf; NULL: the member is zeroed.
 */

#define ngx_http_vcita_directives(client, location, other)                    \
                                                                              \
    location(NGX_HTTP_VCITA_GATE, "vcita_oauth",                              \
        NGX_CONF_TAKE1, ngx_uint_t, gate, gate, "off")                        \
    location(NGX_HTTP_VCITA_CHALLENGE, "vcita_oauth_challenge",               \
        NGX_CONF_TAKE1, ngx_uint_t, challenge, challenge, "auto")             \
    location(NGX_HTTP_VCITA_MAX_AGE, "vcita_oauth_max_age",                   \
        NGX_CONF_TAKE1, time_t, max_age, seconds_or_off, "off")               \
    other(NGX_HTTP_VCITA_REQUIRE, "vcita_oauth_require",                      \
        NGX_HTTP_VCITA_ANY_CONF|NGX_CONF_2MORE, ngx_http_vcita_require,       \
        NGX_HTTP_LOC_CONF_OFFSET, NULL)                                       \
    other(NGX_HTTP_VCITA_HEADER, "vcita_oauth_header",                        \
        NGX_HTTP_VCITA_ANY_CONF|NGX_CONF_TAKE2,                               \
        ngx_http_vcita_header_conf_directive, NGX_HTTP_LOC_CONF_OFFSET, NULL) \
                                                                              \
    client(NGX_HTTP_VCITA_CLIENT_ID, "vcita_oauth_client_id",                 \
        NGX_CONF_TAKE1, ngx_str_t, client_id, any_text, NULL)                 \
    client(NGX_HTTP_VCITA_CLIENT_SECRET, "vcita_oauth_client_secret",         \
        NGX_CONF_TAKE1, ngx_str_t, client_secret, secret, NULL)               \
    client(NGX_HTTP_VCITA_CLIENT_ASSERTION_KEY,                               \
        "vcita_oauth_client_assertion_key", NGX_CONF_TAKE12,                  \
        ngx_http_vcita_client_key_t, assertion_key, assertion_key, NULL)      \
    client(NGX_HTTP_VCITA_REDIRECT_URI, "vcita_oauth_redirect_uri",           \
        NGX_CONF_TAKE1, ngx_http_vcita_redirect_t, redirect, redirect_uri,    \
        NULL)                                                                 \
    location(NGX_HTTP_VCITA_SCOPE, "vcita_oauth_scope",                       \
        NGX_CONF_1MORE, ngx_array_t *, scope, scope, "openid")                \
                                                                              \
    location(NGX_HTTP_VCITA_AUTHORIZE_ENDPOINT,                               \
        "vcita_oauth_authorize_endpoint", NGX_CONF_TAKE1,                     \
        ngx_http_vcita_authorize_url_t, authorize_endpoint,                   \
        authorize_endpoint,                                                   \
        "https://app.vcita.com/app/oauth/authorize")                          \
    location(NGX_HTTP_VCITA_AUTHORIZE_ARGS, "vcita_oauth_authorize_args",     \
        NGX_CONF_TAKE1, ngx_str_t, authorize_args, authorize_args, NULL)      \
    client(NGX_HTTP_VCITA_TOKEN_ENDPOINT, "vcita_oauth_token_endpoint",       \
        NGX_CONF_TAKE1, ngx_str_t, token_endpoint, endpoint,                  \
        "https://api.vcita.biz/oauth/token")                                  \
    client(NGX_HTTP_VCITA_LAUNCH, "vcita_oauth_launch",                       \
        NGX_CONF_TAKE1, ngx_str_t, launch, launch, "/")                       \
    client(NGX_HTTP_VCITA_TOKEN_FORMAT, "vcita_oauth_token_format",           \
        NGX_CONF_TAKE1, ngx_uint_t, token_format, token_format, "form")       \
    client(NGX_HTTP_VCITA_USERINFO_ENDPOINT, "vcita_oauth_userinfo_endpoint", \
        NGX_CONF_TAKE1, ngx_str_t, userinfo_endpoint, endpoint,               \
        "https://api.vcita.biz/oauth/userinfo")                               \
    client(NGX_HTTP_VCITA_USERINFO, "vcita_oauth_userinfo",                   \
        NGX_CONF_TAKE1, ngx_uint_t, userinfo, userinfo, "auto")               \
    client(NGX_HTTP_VCITA_JWKS_ENDPOINT, "vcita_oauth_jwks_endpoint",         \
        NGX_CONF_TAKE1, ngx_str_t, jwks_endpoint, endpoint,                   \
        "https://api.vcita.biz/v3/apps/.well-known/jwks.json")                \
    location(NGX_HTTP_VCITA_BEARER, "vcita_oauth_bearer",                     \
        NGX_CONF_1MORE, ngx_array_t *, bearer, bearer, "off")                 \
    client(NGX_HTTP_VCITA_PKCE, "vcita_oauth_pkce",                           \
        NGX_CONF_TAKE1, ngx_uint_t, pkce, flag, "on")                         \
    client(NGX_HTTP_VCITA_ISSUER, "vcita_oauth_issuer",                       \
        NGX_CONF_TAKE1, ngx_str_t, issuer, text, NULL)                        \
                                                                              \
    client(NGX_HTTP_VCITA_SESSION_KEY_FILE, "vcita_oauth_session_key_file",   \
        NGX_CONF_TAKE1, ngx_http_vcita_key_files_t, session_keys, key_file,   \
        NULL)                                                                 \
    client(NGX_HTTP_VCITA_SESSION_TIMEOUT, "vcita_oauth_session_timeout",     \
        NGX_CONF_TAKE1, time_t, session_timeout, seconds, "8h")               \
    client(NGX_HTTP_VCITA_SESSION_IDLE_TIMEOUT,                               \
        "vcita_oauth_session_idle_timeout", NGX_CONF_TAKE12,                  \
        ngx_http_vcita_idle_t, session_idle, idle, "off")                     \
    client(NGX_HTTP_VCITA_LOGIN_TIMEOUT, "vcita_oauth_login_timeout",         \
        NGX_CONF_TAKE1, time_t, login_timeout, seconds, "10m")                \
    client(NGX_HTTP_VCITA_SESSION_STORE, "vcita_oauth_session_store",         \
        NGX_CONF_1MORE, ngx_http_vcita_store_conf_t, storage, store, "cookie")\
    location(NGX_HTTP_VCITA_REVALIDATE, "vcita_oauth_revalidate",             \
        NGX_CONF_TAKE12, ngx_http_vcita_revalidate_t, revalidate, revalidate, \
        "off")                                                                \
    client(NGX_HTTP_VCITA_REVOKE_ENDPOINT, "vcita_oauth_revoke_endpoint",     \
        NGX_CONF_TAKE1, ngx_str_t, revoke_endpoint, endpoint_or_off, "off")   \
                                                                              \
    client(NGX_HTTP_VCITA_COOKIE_NAME, "vcita_oauth_cookie_name",             \
        NGX_CONF_TAKE1, ngx_str_t, cookie_name, cookie_name, "vcita_session") \
    client(NGX_HTTP_VCITA_COOKIE_DOMAIN, "vcita_oauth_cookie_domain",         \
        NGX_CONF_TAKE1, ngx_str_t, cookie_domain, domain, NULL)               \
    client(NGX_HTTP_VCITA_COOKIE_SAMESITE, "vcita_oauth_cookie_samesite",     \
        NGX_CONF_TAKE1, ngx_uint_t, cookie_samesite, samesite, "lax")         \
                                                                              \
    client(NGX_HTTP_VCITA_CONNECT_TIMEOUT, "vcita_oauth_connect_timeout",     \
        NGX_CONF_TAKE1, ngx_msec_t, connect_timeout, msec, "5s")              \
    client(NGX_HTTP_VCITA_TIMEOUT, "vcita_oauth_timeout",                     \
        NGX_CONF_TAKE1, ngx_msec_t, timeout, msec, "10s")                     \
    client(NGX_HTTP_VCITA_SSL_CERTIFICATE,                                    \
        "vcita_oauth_ssl_trusted_certificate", NGX_CONF_TAKE1, ngx_str_t,     \
        ssl_certificate, any_text, NULL)                                      \
    client(NGX_HTTP_VCITA_SSL_VERIFY, "vcita_oauth_ssl_verify",               \
        NGX_CONF_TAKE1, ngx_uint_t, ssl_verify, flag, "on")                   \
    client(NGX_HTTP_VCITA_HTTP_PROXY, "vcita_oauth_http_proxy",               \
        NGX_CONF_TAKE1, ngx_str_t, http_proxy, proxy, NULL)                   \
    other(NGX_HTTP_VCITA_RATE, "vcita_oauth_rate",                            \
        NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE12, ngx_http_vcita_directives_rate,   \
        NGX_HTTP_MAIN_CONF_OFFSET, NULL)                                      \
                                                                              \
    other(NGX_HTTP_VCITA_LOGOUT, "vcita_oauth_logout",                        \
        NGX_HTTP_LOC_CONF|NGX_CONF_NOARGS|NGX_CONF_TAKE1,                     \
        ngx_http_vcita_directives_logout, NGX_HTTP_LOC_CONF_OFFSET,           \
        &ngx_http_vcita_logout_content)                                       \
    other(NGX_HTTP_VCITA_STATUS, "vcita_oauth_status",                        \
        NGX_HTTP_LOC_CONF|NGX_CONF_NOARGS, ngx_http_vcita_directives_status,  \
        NGX_HTTP_LOC_CONF_OFFSET, &ngx_http_vcita_status_content)


#define NGX_HTTP_VCITA_ANY_CONF                                               \
    NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF


/* what a row is expanded to */

#define ngx_http_vcita_directive_none(...)

#define ngx_http_vcita_directive_id(id, ...)                                  \
    id,

#define ngx_http_vcita_directive_member(id, name, args, type, member, ...)    \
    type  member;


typedef enum {
    ngx_http_vcita_directives(ngx_http_vcita_directive_id,
                              ngx_http_vcita_directive_id,
                              ngx_http_vcita_directive_id)
    NGX_HTTP_VCITA_SETTINGS
} ngx_http_vcita_setting_e;


#endif /* _NGX_HTTP_VCITA_SETTINGS_H_INCLUDED_ */
