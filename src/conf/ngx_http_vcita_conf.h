
/*
 * Copyright (C) the vcita OAuth gate authors
 *
 * Handlers of directives, and the functions that src/conf shares.
 */


#ifndef _NGX_HTTP_VCITA_CONF_H_INCLUDED_
#define _NGX_HTTP_VCITA_CONF_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "session/ngx_http_vcita_config.h"

#if (NGX_HTTP_VCITA_REDIS)
#include "net/ngx_http_vcita_redis_sentinel.h"
#endif


/* directives */

char *ngx_http_vcita_directives_seconds(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_vcita_directives_dollars(ngx_conf_t *cf, char *rv);
char *ngx_http_vcita_directives_bearer(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_vcita_directives_scope(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_vcita_directives_authorize_args(ngx_conf_t *cf, void *post,
    void *data);
char *ngx_http_vcita_directives_cookie_name(ngx_conf_t *cf, void *post,
    void *data);
char *ngx_http_vcita_directives_domain(ngx_conf_t *cf, void *post, void *data);
char *ngx_http_vcita_directives_idle(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_vcita_directives_rate(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
ngx_int_t ngx_http_vcita_directives_fleet(ngx_conf_t *cf,
    ngx_http_vcita_main_conf_t *vmcf);
char *ngx_http_vcita_directives_revalidate(ngx_conf_t *cf,
    ngx_command_t *cmd, void *conf);
char *ngx_http_vcita_directives_logout(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_vcita_directives_status(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);

/* settings */

char *ngx_http_vcita_settings_set(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_vcita_settings_merge(ngx_conf_t *cf,
    ngx_http_vcita_loc_conf_t *prev, ngx_http_vcita_loc_conf_t *conf);
ngx_uint_t ngx_http_vcita_settings_differ(ngx_http_vcita_client_t *a,
    ngx_http_vcita_client_t *b);
const char *ngx_http_vcita_settings_name(ngx_uint_t setting);

/* secrets */

char *ngx_http_vcita_secrets_client_secret(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_vcita_secrets_assertion_key(ngx_conf_t *cf,
    ngx_command_t *cmd, void *conf);
char *ngx_http_vcita_secrets_text(ngx_conf_t *cf, ngx_str_t *text);
char *ngx_http_vcita_secrets_key_file(ngx_conf_t *cf,
    ngx_command_t *cmd, void *conf);
char *ngx_http_vcita_secrets_proxy(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);

/* store_conf */

char *ngx_http_vcita_store_conf_directive(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);

/* url_conf */

char *ngx_http_vcita_url_conf_endpoint(ngx_conf_t *cf, void *post, void *data);
char *ngx_http_vcita_url_conf_authorize(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_vcita_url_conf_endpoint_or_off(ngx_conf_t *cf, void *post,
    void *data);
char *ngx_http_vcita_url_conf_redirect(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
ngx_uint_t ngx_http_vcita_url_conf_loopback(ngx_str_t *url);
char *ngx_http_vcita_url_conf_launch(ngx_conf_t *cf, void *post, void *data);
ngx_int_t ngx_http_vcita_url_conf_launch_path(ngx_pool_t *pool,
    ngx_str_t *launch, ngx_str_t *path);

/* client_conf */

char *ngx_http_vcita_client_conf_init(ngx_conf_t *cf,
    ngx_http_vcita_client_t *client, ngx_http_vcita_origin_t *user,
    const char *directive);

/* header_conf */

char *ngx_http_vcita_header_conf_directive(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_vcita_header_conf_merge(ngx_conf_t *cf,
    ngx_http_vcita_loc_conf_t *prev, ngx_http_vcita_loc_conf_t *conf);

/* server_conf */

char *ngx_http_vcita_server_conf_merge(ngx_conf_t *cf,
    ngx_http_vcita_loc_conf_t *conf, ngx_uint_t redirect);

#if (NGX_HTTP_VCITA_REDIS)

/* redis_conf */

typedef struct {
    ngx_http_vcita_redis_conn_conf_t  *connection;
    ngx_http_vcita_redis_sentinel_conf_t
                                      *sentinel;   /* NULL: one server */
    ngx_str_t                          address;    /* without the user */
    ngx_str_t                          prefix;
    ngx_str_t                          ca;
    ngx_str_t                          cert;
    ngx_str_t                          key;
    unsigned                           tls:1;
    unsigned                           local:1;    /* on this machine */
} ngx_http_vcita_redis_conf_t;

/* args: the URL and its n - 1 parameters */
char *ngx_http_vcita_redis_conf_store(ngx_conf_t *cf, ngx_str_t *args,
    ngx_uint_t n, ngx_http_vcita_store_t *store);

/* redis_tls_conf */

char *ngx_http_vcita_redis_tls_conf_ca(ngx_conf_t *cf,
    ngx_http_vcita_redis_conf_t *c, ngx_str_t *value);
char *ngx_http_vcita_redis_tls_conf_cert(ngx_conf_t *cf,
    ngx_http_vcita_redis_conf_t *c, ngx_str_t *value);
char *ngx_http_vcita_redis_tls_conf_key(ngx_conf_t *cf,
    ngx_http_vcita_redis_conf_t *c, ngx_str_t *value);
char *ngx_http_vcita_redis_tls_conf_verify(ngx_conf_t *cf,
    ngx_http_vcita_redis_conf_t *c, ngx_str_t *value);
char *ngx_http_vcita_redis_tls_conf_check(ngx_http_vcita_redis_conf_t *c);
char *ngx_http_vcita_redis_tls_conf_create(ngx_conf_t *cf,
    ngx_http_vcita_redis_conf_t *c);

/* sentinel_conf */

char *ngx_http_vcita_sentinel_conf_address(ngx_conf_t *cf,
    ngx_http_vcita_redis_conf_t *c, ngx_str_t *database);
char *ngx_http_vcita_sentinel_conf_user(ngx_conf_t *cf,
    ngx_http_vcita_redis_conf_t *c, ngx_str_t *value);
char *ngx_http_vcita_sentinel_conf_password(ngx_conf_t *cf,
    ngx_http_vcita_redis_conf_t *c, ngx_str_t *value);

#endif


#endif /* _NGX_HTTP_VCITA_CONF_H_INCLUDED_ */
