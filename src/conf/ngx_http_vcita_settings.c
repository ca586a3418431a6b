
/*
 * Copyright (C) the vcita OAuth gate authors
 *
 * The settings of a client: one table tells of each directive how it is
 * read, inherited and compared.  Values are checked where they are read, so
 * that nginx names the line of the directive.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "conf/ngx_http_vcita_conf.h"
#include "util/ngx_http_vcita_query.h"


typedef enum {
    NGX_HTTP_VCITA_STR = 0,
    NGX_HTTP_VCITA_WORD,
    NGX_HTTP_VCITA_LIST
} ngx_http_vcita_kind_e;


typedef struct {
    const char                *name;
    char                    *(*set)(ngx_conf_t *cf, ngx_command_t *cmd,
                                    void *conf);
    void                      *post;
    size_t                     offset;
    size_t                     size;
    ngx_http_vcita_kind_e      kind;
} ngx_http_vcita_setting_t;


static ngx_http_vcita_client_t *ngx_http_vcita_settings_create(ngx_conf_t *cf);
static ngx_http_vcita_client_t *ngx_http_vcita_settings_default(ngx_conf_t *cf);
static ngx_uint_t ngx_http_vcita_settings_equal(ngx_http_vcita_setting_t *s,
    void *a, void *b);
static ngx_uint_t ngx_http_vcita_settings_list_equal(ngx_array_t *a,
    ngx_array_t *b);
static char *ngx_http_vcita_settings_time_or_off(ngx_conf_t *cf,
    ngx_command_t *cmd, void *conf);
static char *ngx_http_vcita_settings_cookie_token(ngx_conf_t *cf, void *post,
    void *data);
static char *ngx_http_vcita_settings_cookie_host(ngx_conf_t *cf, void *post,
    void *data);
static char *ngx_http_vcita_settings_positive(ngx_conf_t *cf, void *post,
    void *data);


static ngx_conf_post_t  ngx_http_vcita_text_post =
    { ngx_http_vcita_config_text };

static ngx_conf_post_t  ngx_http_vcita_endpoint_post =
    { ngx_http_vcita_url_conf_endpoint };

static ngx_conf_post_t  ngx_http_vcita_cookie_token_post =
    { ngx_http_vcita_settings_cookie_token };

static ngx_conf_post_t  ngx_http_vcita_cookie_host_post =
    { ngx_http_vcita_settings_cookie_host };

static ngx_conf_post_t  ngx_http_vcita_positive_post =
    { ngx_http_vcita_settings_positive };


static ngx_conf_enum_t  ngx_http_vcita_formats[] = {
    { ngx_string("form"), NGX_HTTP_VCITA_FORM },
    { ngx_string("json"), NGX_HTTP_VCITA_JSON },
    { ngx_null_string, 0 }
};


static ngx_conf_enum_t  ngx_http_vcita_userinfos[] = {
    { ngx_string("auto"), NGX_HTTP_VCITA_AUTO },
    { ngx_string("on"), NGX_HTTP_VCITA_ON },
    { ngx_string("off"), NGX_HTTP_VCITA_OFF },
    { ngx_null_string, 0 }
};


static ngx_conf_enum_t  ngx_http_vcita_samesites[] = {
    { ngx_string("lax"), NGX_HTTP_VCITA_LAX },
    { ngx_string("none"), NGX_HTTP_VCITA_NONE },
    { ngx_null_string, 0 }
};


#define ngx_http_vcita_field(name)                                            \
    offsetof(ngx_http_vcita_client_t, name),                                  \
    sizeof(((ngx_http_vcita_client_t *) NULL)->name)


/* in the order of ngx_http_vcita_setting_e */

static ngx_http_vcita_setting_t  ngx_http_vcita_settings[] = {

    { "vcita_oauth_client_id",
      ngx_conf_set_str_slot, &ngx_http_vcita_text_post,
      ngx_http_vcita_field(client_id), NGX_HTTP_VCITA_STR },

    { "vcita_oauth_client_secret",
      ngx_http_vcita_secrets_client_secret, NULL,
      ngx_http_vcita_field(client_secret), NGX_HTTP_VCITA_STR },

    { "vcita_oauth_client_assertion_key",
      ngx_http_vcita_secrets_assertion_key, NULL,
      ngx_http_vcita_field(assertion_key), NGX_HTTP_VCITA_LIST },

    { "vcita_oauth_redirect_uri",
      ngx_http_vcita_url_conf_redirect, NULL,
      ngx_http_vcita_field(redirect), NGX_HTTP_VCITA_STR },

    { "vcita_oauth_token_endpoint",
      ngx_conf_set_str_slot, &ngx_http_vcita_endpoint_post,
      ngx_http_vcita_field(token_endpoint), NGX_HTTP_VCITA_STR },

    { "vcita_oauth_token_format",
      ngx_conf_set_enum_slot, ngx_http_vcita_formats,
      ngx_http_vcita_field(token_format), NGX_HTTP_VCITA_WORD },

    { "vcita_oauth_userinfo_endpoint",
      ngx_conf_set_str_slot, &ngx_http_vcita_endpoint_post,
      ngx_http_vcita_field(userinfo_endpoint), NGX_HTTP_VCITA_STR },

    { "vcita_oauth_userinfo",
      ngx_conf_set_enum_slot, ngx_http_vcita_userinfos,
      ngx_http_vcita_field(userinfo), NGX_HTTP_VCITA_WORD },

    { "vcita_oauth_pkce",
      ngx_conf_set_flag_slot, NULL,
      ngx_http_vcita_field(pkce), NGX_HTTP_VCITA_WORD },

    { "vcita_oauth_issuer",
      ngx_conf_set_str_slot, &ngx_http_vcita_text_post,
      ngx_http_vcita_field(issuer), NGX_HTTP_VCITA_STR },

    { "vcita_oauth_session_key_file",
      ngx_http_vcita_secrets_key_file, NULL,
      ngx_http_vcita_field(session_keys), NGX_HTTP_VCITA_LIST },

    { "vcita_oauth_session_timeout",
      ngx_conf_set_sec_slot, &ngx_http_vcita_positive_post,
      ngx_http_vcita_field(session_timeout), NGX_HTTP_VCITA_WORD },

    { "vcita_oauth_session_idle_timeout",
      ngx_http_vcita_settings_time_or_off, &ngx_http_vcita_positive_post,
      ngx_http_vcita_field(session_idle_timeout), NGX_HTTP_VCITA_WORD },

    { "vcita_oauth_login_timeout",
      ngx_conf_set_sec_slot, &ngx_http_vcita_positive_post,
      ngx_http_vcita_field(login_timeout), NGX_HTTP_VCITA_WORD },

    { "vcita_oauth_session_store",
      ngx_http_vcita_store_conf_directive, NULL,
      ngx_http_vcita_field(storage), NGX_HTTP_VCITA_STR },

    { "vcita_oauth_cookie_name",
      ngx_conf_set_str_slot, &ngx_http_vcita_cookie_token_post,
      ngx_http_vcita_field(cookie_name), NGX_HTTP_VCITA_STR },

    { "vcita_oauth_cookie_domain",
      ngx_conf_set_str_slot, &ngx_http_vcita_cookie_host_post,
      ngx_http_vcita_field(cookie_domain), NGX_HTTP_VCITA_STR },

    { "vcita_oauth_cookie_samesite",
      ngx_conf_set_enum_slot, ngx_http_vcita_samesites,
      ngx_http_vcita_field(cookie_samesite), NGX_HTTP_VCITA_WORD },

    { "vcita_oauth_connect_timeout",
      ngx_conf_set_msec_slot, &ngx_http_vcita_positive_post,
      ngx_http_vcita_field(connect_timeout), NGX_HTTP_VCITA_WORD },

    { "vcita_oauth_timeout",
      ngx_conf_set_msec_slot, &ngx_http_vcita_positive_post,
      ngx_http_vcita_field(timeout), NGX_HTTP_VCITA_WORD },

    { "vcita_oauth_ssl_trusted_certificate",
      ngx_conf_set_str_slot, &ngx_http_vcita_text_post,
      ngx_http_vcita_field(ssl_certificate), NGX_HTTP_VCITA_STR },

    { "vcita_oauth_ssl_verify",
      ngx_conf_set_flag_slot, NULL,
      ngx_http_vcita_field(ssl_verify), NGX_HTTP_VCITA_WORD },

    { "vcita_oauth_http_proxy",
      ngx_http_vcita_secrets_proxy, NULL,
      ngx_http_vcita_field(http_proxy), NGX_HTTP_VCITA_STR }
};


/*
 * The handler of every directive of the client; cmd->offset is which.
 * A level that has one gets a client of its own.
 */

char *
ngx_http_vcita_settings_set(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_vcita_loc_conf_t *vlcf = conf;

    char                      *rv;
    ngx_command_t              command;
    ngx_http_vcita_setting_t  *s;

    s = &ngx_http_vcita_settings[cmd->offset];

    if (vlcf->client == NULL) {
        vlcf->client = ngx_http_vcita_settings_create(cf);
        if (vlcf->client == NULL) {
            return NGX_CONF_ERROR;
        }
    }

    command = *cmd;
    command.offset = s->offset;
    command.post = s->post;

    rv = s->set(cf, &command, vlcf->client);

    if (rv == NGX_CONF_OK && vlcf->client->origin[cmd->offset].file == NULL) {
        ngx_http_vcita_config_origin(cf,
                                     &vlcf->client->origin[cmd->offset]);
    }

    return rv;
}


static ngx_http_vcita_client_t *
ngx_http_vcita_settings_create(ngx_conf_t *cf)
{
    ngx_http_vcita_client_t  *client;

    client = ngx_pcalloc(cf->pool, sizeof(ngx_http_vcita_client_t));
    if (client == NULL) {
        return NULL;
    }

    /*
     * set by ngx_pcalloc():
     *
     *     the strings, origin[], and all that is made of the settings
     */

    client->token_format = NGX_CONF_UNSET_UINT;
    client->userinfo = NGX_CONF_UNSET_UINT;
    client->pkce = NGX_CONF_UNSET;
    client->session_keys.files = NGX_CONF_UNSET_PTR;
    client->session_timeout = NGX_CONF_UNSET;
    client->session_idle_timeout = NGX_CONF_UNSET;
    client->login_timeout = NGX_CONF_UNSET;
    client->cookie_samesite = NGX_CONF_UNSET_UINT;
    client->connect_timeout = NGX_CONF_UNSET_MSEC;
    client->timeout = NGX_CONF_UNSET_MSEC;
    client->ssl_verify = NGX_CONF_UNSET;

    return client;
}


static ngx_http_vcita_client_t *
ngx_http_vcita_settings_default(ngx_conf_t *cf)
{
    ngx_http_vcita_client_t  *client;

    client = ngx_pcalloc(cf->temp_pool, sizeof(ngx_http_vcita_client_t));
    if (client == NULL) {
        return NULL;
    }

    ngx_str_set(&client->token_endpoint, "https://api.vcita.biz/oauth/token");
    ngx_str_set(&client->userinfo_endpoint,
                "https://api.vcita.biz/oauth/userinfo");
    ngx_str_set(&client->storage.text, "cookie");
    ngx_str_set(&client->cookie_name, "vcita_session");

    client->token_format = NGX_HTTP_VCITA_FORM;
    client->userinfo = NGX_HTTP_VCITA_AUTO;
    client->pkce = 1;
    client->session_timeout = 8 * 60 * 60;
    client->session_idle_timeout = 0;
    client->login_timeout = 10 * 60;
    client->cookie_samesite = NGX_HTTP_VCITA_LAX;
    client->connect_timeout = 5000;
    client->timeout = 10000;
    client->ssl_verify = 1;

    return client;
}


/*
 * The client of a level: its parent's, where it has no setting of its
 * own, else its own with the parent's settings, or the defaults, in the gaps.
 * Returns NULL when out of memory.
 */

ngx_http_vcita_client_t *
ngx_http_vcita_settings_merge(ngx_conf_t *cf, ngx_http_vcita_client_t *prev,
    ngx_http_vcita_client_t *client)
{
    ngx_uint_t                 i;
    ngx_http_vcita_setting_t  *s;

    if (prev == NULL) {
        prev = ngx_http_vcita_settings_default(cf);
        if (prev == NULL) {
            return NULL;
        }
    }

    if (client == NULL) {
        client = ngx_http_vcita_settings_create(cf);
        if (client == NULL) {
            return NULL;
        }
    }

    for (i = 0; i < NGX_HTTP_VCITA_SETTINGS; i++) {

        if (client->origin[i].file) {
            continue;
        }

        s = &ngx_http_vcita_settings[i];

        ngx_memcpy((u_char *) client + s->offset, (u_char *) prev + s->offset,
                   s->size);

        client->origin[i] = prev->origin[i];
    }

    return client;
}


/* The first setting in which the two differ, or ..._SETTINGS: they do not */

ngx_uint_t
ngx_http_vcita_settings_differ(ngx_http_vcita_client_t *a,
    ngx_http_vcita_client_t *b)
{
    ngx_uint_t                 i;
    ngx_http_vcita_setting_t  *s;

    for (i = 0; i < NGX_HTTP_VCITA_SETTINGS; i++) {
        s = &ngx_http_vcita_settings[i];

        if (!ngx_http_vcita_settings_equal(s, (u_char *) a + s->offset,
                                           (u_char *) b + s->offset))
        {
            break;
        }
    }

    return i;
}


const char *
ngx_http_vcita_settings_name(ngx_uint_t setting)
{
    return ngx_http_vcita_settings[setting].name;
}


static ngx_uint_t
ngx_http_vcita_settings_equal(ngx_http_vcita_setting_t *s, void *a, void *b)
{
    switch (s->kind) {

    case NGX_HTTP_VCITA_STR:
        return ngx_http_vcita_str_eq(a, b);

    case NGX_HTTP_VCITA_LIST:
        return ngx_http_vcita_settings_list_equal(*(ngx_array_t **) a,
                                                  *(ngx_array_t **) b);

    default: /* NGX_HTTP_VCITA_WORD */
        return ngx_memcmp(a, b, s->size) == 0;
    }
}


static ngx_uint_t
ngx_http_vcita_settings_list_equal(ngx_array_t *a, ngx_array_t *b)
{
    ngx_str_t   *s, *t;
    ngx_uint_t   i;

    if (a == NULL || b == NULL) {
        return a == b;
    }

    if (a->nelts != b->nelts) {
        return 0;
    }

    s = a->elts;
    t = b->elts;

    for (i = 0; i < a->nelts; i++) {

        if (!ngx_http_vcita_str_eq(&s[i], &t[i])) {
            return 0;
        }
    }

    return 1;
}


/* seconds; "off" is 0 */

static char *
ngx_http_vcita_settings_time_or_off(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf)
{
    char  *p = conf;

    time_t     *value;
    ngx_str_t  *arg;

    value = (time_t *) (p + cmd->offset);
    arg = cf->args->elts;

    if (*value == NGX_CONF_UNSET && ngx_strcmp(arg[1].data, "off") == 0) {
        *value = 0;
        return NGX_CONF_OK;
    }

    return ngx_conf_set_sec_slot(cf, cmd, conf);
}


/* RFC 6265, 4.1.1: a token; short, since it is sent with each request */

static char *
ngx_http_vcita_settings_cookie_token(ngx_conf_t *cf, void *post, void *data)
{
    ngx_str_t *name = data;

    u_char      c;
    ngx_uint_t  i;

    if (name->len == 0 || name->len > 64) {
        return "takes 1 to 64 characters";
    }

    for (i = 0; i < name->len; i++) {
        c = name->data[i];

        if (c <= 0x20 || c >= 0x7f
            || ngx_strchr("()<>@,;:\\\"/[]?={}", c))
        {
            return "has a character that no cookie name can have";
        }
    }

    if (ngx_strncasecmp(name->data, (u_char *) "__", 2) == 0) {
        return "gets its __Host- or __Secure- by itself";
    }

    return NGX_CONF_OK;
}


static char *
ngx_http_vcita_settings_cookie_host(ngx_conf_t *cf, void *post, void *data)
{
    ngx_str_t *domain = data;

    if (domain->len && domain->data[0] == '.') {
        domain->data++;
        domain->len--;
    }

    if (ngx_http_vcita_query_authority(domain) != NGX_OK
        || ngx_strlchr(domain->data, domain->data + domain->len, ':'))
    {
        return "is not a domain name";
    }

    ngx_strlow(domain->data, domain->data, domain->len);

    return NGX_CONF_OK;
}


static char *
ngx_http_vcita_settings_positive(ngx_conf_t *cf, void *post, void *data)
{
    time_t *value = data;    /* or ngx_msec_t, of the same size */

    return *value ? NGX_CONF_OK : "must be more than 0";
}
