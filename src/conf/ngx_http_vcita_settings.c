
/*
 * Copyright (C) the vcita OAuth gate authors
 *
 * The settings: the rows of the list of directives are read, checked,
 * inherited and compared.  Values are checked where they are read, so that
 * nginx names the line of the directive.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "conf/ngx_http_vcita_conf.h"


/* how a member is compared; of a structure, its first member is */

typedef enum {
    NGX_HTTP_VCITA_STR = 0,      /* ngx_str_t */
    NGX_HTTP_VCITA_WORD,         /* a number, unset as NGX_CONF_UNSET is */
    NGX_HTTP_VCITA_LIST,         /* ngx_array_t *, of ngx_str_t */
    NGX_HTTP_VCITA_REPEATED      /* a list to which each directive adds */
} ngx_http_vcita_compare_e;


typedef struct {
    char                      *(*set)(ngx_conf_t *cf, ngx_command_t *cmd,
                                      void *conf);
    ngx_conf_post_handler_pt     check;
    ngx_conf_enum_t             *words;
    ngx_http_vcita_compare_e     compare;
} ngx_http_vcita_kind_t;


typedef struct {
    const char                  *name;
    const char                  *value;       /* NULL: no default */
    ngx_http_vcita_kind_t       *kind;        /* NULL: it is not a value */
    size_t                       offset;
    size_t                       size;
    size_t                       origin;
    unsigned                     client:1;
} ngx_http_vcita_setting_t;


static char *ngx_http_vcita_settings_read(ngx_conf_t *cf,
    ngx_http_vcita_setting_t *s, void *conf);
static char *ngx_http_vcita_settings_inherit(ngx_conf_t *cf, ngx_uint_t client,
    void *prev, void *conf);
static char *ngx_http_vcita_settings_default(ngx_conf_t *cf,
    ngx_http_vcita_setting_t *s, void *conf);
static ngx_uint_t ngx_http_vcita_settings_list_equal(ngx_array_t *a,
    ngx_array_t *b);
static char *ngx_http_vcita_settings_word(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
static char *ngx_http_vcita_settings_str(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
static char *ngx_http_vcita_settings_text(ngx_conf_t *cf, void *post,
    void *data);
static char *ngx_http_vcita_settings_positive(ngx_conf_t *cf, void *post,
    void *data);


static ngx_conf_enum_t  ngx_http_vcita_gates[] = {
    { ngx_string("on"), NGX_HTTP_VCITA_ON },
    { ngx_string("off"), NGX_HTTP_VCITA_OFF },
    { ngx_string("optional"), NGX_HTTP_VCITA_OPTIONAL },
    { ngx_null_string, 0 }
};


static ngx_conf_enum_t  ngx_http_vcita_challenges[] = {
    { ngx_string("auto"), NGX_HTTP_VCITA_AUTO_LOGIN },
    { ngx_string("login"), NGX_HTTP_VCITA_ALWAYS_LOGIN },
    { ngx_string("401"), NGX_HTTP_VCITA_NEVER_LOGIN },
    { ngx_null_string, 0 }
};


static ngx_conf_enum_t  ngx_http_vcita_flags[] = {
    { ngx_string("on"), 1 },
    { ngx_string("off"), 0 },
    { ngx_null_string, 0 }
};


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


/*
 * The kinds of values: one of some words; a string that is a text, which cannot
 * end a header or a cookie, with a further check; a string with its own check
 * alone; a value that its own handler reads and checks
 */

#define ngx_http_vcita_words(words)                                           \
    { ngx_http_vcita_settings_word, NULL, words, NGX_HTTP_VCITA_WORD }

#define ngx_http_vcita_str(check)                                             \
    { ngx_http_vcita_settings_str, check, NULL, NGX_HTTP_VCITA_STR }

#define ngx_http_vcita_raw_str(check)                                         \
    { ngx_conf_set_str_slot, check, NULL, NGX_HTTP_VCITA_STR }

#define ngx_http_vcita_time(set)                                              \
    { set, ngx_http_vcita_settings_positive, NULL, NGX_HTTP_VCITA_WORD }

#define ngx_http_vcita_own(set, compare)                                      \
    { set, NULL, NULL, compare }


static ngx_http_vcita_kind_t  ngx_http_vcita_kind_gate =
    ngx_http_vcita_words(ngx_http_vcita_gates);
static ngx_http_vcita_kind_t  ngx_http_vcita_kind_challenge =
    ngx_http_vcita_words(ngx_http_vcita_challenges);
static ngx_http_vcita_kind_t  ngx_http_vcita_kind_flag =
    ngx_http_vcita_words(ngx_http_vcita_flags);
static ngx_http_vcita_kind_t  ngx_http_vcita_kind_token_format =
    ngx_http_vcita_words(ngx_http_vcita_formats);
static ngx_http_vcita_kind_t  ngx_http_vcita_kind_userinfo =
    ngx_http_vcita_words(ngx_http_vcita_userinfos);
static ngx_http_vcita_kind_t  ngx_http_vcita_kind_samesite =
    ngx_http_vcita_words(ngx_http_vcita_samesites);

static ngx_http_vcita_kind_t  ngx_http_vcita_kind_text =
    ngx_http_vcita_raw_str(ngx_http_vcita_settings_text);
static ngx_http_vcita_kind_t  ngx_http_vcita_kind_any_text =
    ngx_http_vcita_raw_str(ngx_http_vcita_config_text);
static ngx_http_vcita_kind_t  ngx_http_vcita_kind_endpoint =
    ngx_http_vcita_raw_str(ngx_http_vcita_url_conf_endpoint);
static ngx_http_vcita_kind_t  ngx_http_vcita_kind_endpoint_or_off =
    ngx_http_vcita_str(ngx_http_vcita_url_conf_endpoint_or_off);
static ngx_http_vcita_kind_t  ngx_http_vcita_kind_authorize_args =
    ngx_http_vcita_raw_str(ngx_http_vcita_directives_authorize_args);
static ngx_http_vcita_kind_t  ngx_http_vcita_kind_cookie_name =
    ngx_http_vcita_str(ngx_http_vcita_directives_cookie_name);
static ngx_http_vcita_kind_t  ngx_http_vcita_kind_domain =
    ngx_http_vcita_str(ngx_http_vcita_directives_domain);
static ngx_http_vcita_kind_t  ngx_http_vcita_kind_launch =
    ngx_http_vcita_str(ngx_http_vcita_url_conf_launch);

static ngx_http_vcita_kind_t  ngx_http_vcita_kind_seconds =
    ngx_http_vcita_time(ngx_conf_set_sec_slot);
static ngx_http_vcita_kind_t  ngx_http_vcita_kind_seconds_or_off =
    ngx_http_vcita_own(ngx_http_vcita_directives_seconds,
                       NGX_HTTP_VCITA_WORD);
static ngx_http_vcita_kind_t  ngx_http_vcita_kind_idle =
    ngx_http_vcita_own(ngx_http_vcita_directives_idle, NGX_HTTP_VCITA_WORD);
static ngx_http_vcita_kind_t  ngx_http_vcita_kind_msec =
    ngx_http_vcita_time(ngx_conf_set_msec_slot);
static ngx_http_vcita_kind_t  ngx_http_vcita_kind_revalidate =
    ngx_http_vcita_own(ngx_http_vcita_directives_revalidate,
                       NGX_HTTP_VCITA_WORD);
static ngx_http_vcita_kind_t  ngx_http_vcita_kind_scope =
    ngx_http_vcita_own(ngx_http_vcita_directives_scope, NGX_HTTP_VCITA_LIST);
static ngx_http_vcita_kind_t  ngx_http_vcita_kind_bearer =
    ngx_http_vcita_own(ngx_http_vcita_directives_bearer, NGX_HTTP_VCITA_LIST);
static ngx_http_vcita_kind_t  ngx_http_vcita_kind_secret =
    ngx_http_vcita_own(ngx_http_vcita_secrets_client_secret,
                       NGX_HTTP_VCITA_STR);
static ngx_http_vcita_kind_t  ngx_http_vcita_kind_assertion_key =
    ngx_http_vcita_own(ngx_http_vcita_secrets_assertion_key,
                       NGX_HTTP_VCITA_LIST);
static ngx_http_vcita_kind_t  ngx_http_vcita_kind_key_file =
    ngx_http_vcita_own(ngx_http_vcita_secrets_key_file,
                       NGX_HTTP_VCITA_REPEATED);
static ngx_http_vcita_kind_t  ngx_http_vcita_kind_proxy =
    ngx_http_vcita_own(ngx_http_vcita_secrets_proxy, NGX_HTTP_VCITA_STR);
static ngx_http_vcita_kind_t  ngx_http_vcita_kind_redirect_uri =
    ngx_http_vcita_own(ngx_http_vcita_url_conf_redirect, NGX_HTTP_VCITA_STR);
static ngx_http_vcita_kind_t  ngx_http_vcita_kind_authorize_endpoint =
    ngx_http_vcita_own(ngx_http_vcita_url_conf_authorize, NGX_HTTP_VCITA_STR);
static ngx_http_vcita_kind_t  ngx_http_vcita_kind_store =
    ngx_http_vcita_own(ngx_http_vcita_store_conf_directive,
                       NGX_HTTP_VCITA_STR);


#define ngx_http_vcita_client_row(id, name, args, type, member, kind, value)  \
    { name, value, &ngx_http_vcita_kind_##kind,                               \
      offsetof(ngx_http_vcita_client_t, member), sizeof(type),                \
      offsetof(ngx_http_vcita_client_t, origin[id]), 1 },

#define ngx_http_vcita_location_row(id, name, args, type, member, kind, value)\
    { name, value, &ngx_http_vcita_kind_##kind,                               \
      offsetof(ngx_http_vcita_loc_conf_t, member), sizeof(type),              \
      offsetof(ngx_http_vcita_loc_conf_t, origin[id]), 0 },

#define ngx_http_vcita_other_row(id, name, ...)                               \
    { name, NULL, NULL, 0, 0, 0, 0 },

static ngx_http_vcita_setting_t  ngx_http_vcita_settings[] = {
    ngx_http_vcita_directives(ngx_http_vcita_client_row,
                              ngx_http_vcita_location_row,
                              ngx_http_vcita_other_row)
};


/*
 * The handler of all directives but "other" ones; cmd->offset is the row.  A
 * level that sets something of the client gets a client of its own.
 */

char *
ngx_http_vcita_settings_set(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_vcita_loc_conf_t *vlcf = conf;

    char                      *rv;
    ngx_http_vcita_origin_t   *origin;
    ngx_http_vcita_setting_t  *s;

    s = &ngx_http_vcita_settings[cmd->offset];

    if (s->client) {

        if (vlcf->client == NULL) {
            vlcf->client = ngx_pcalloc(cf->pool,
                                       sizeof(ngx_http_vcita_client_t));
            if (vlcf->client == NULL) {
                return NGX_CONF_ERROR;
            }
        }

        conf = vlcf->client;
    }

    origin = (ngx_http_vcita_origin_t *) ((u_char *) conf + s->origin);

    if (origin->file && s->kind->compare != NGX_HTTP_VCITA_REPEATED) {
        return "is duplicate";
    }

    rv = ngx_http_vcita_settings_read(cf, s, conf);

    if (rv == NGX_CONF_OK && origin->file == NULL) {
        ngx_http_vcita_config_origin(cf, origin);
    }

    return rv;
}


static char *
ngx_http_vcita_settings_read(ngx_conf_t *cf, ngx_http_vcita_setting_t *s,
    void *conf)
{
    char           *rv;
    void           *member;
    ngx_command_t   cmd;

    member = (u_char *) conf + s->offset;

    if (s->kind->compare == NGX_HTTP_VCITA_WORD) {

        /* NGX_CONF_UNSET of any type, as nginx's own handlers expect it */

        ngx_memset(member, 0xff, s->size);
    }

    ngx_memzero(&cmd, sizeof(ngx_command_t));

    cmd.offset = s->offset;
    cmd.post = s->kind->words;

    rv = s->kind->set(cf, &cmd, conf);

    if (rv == NGX_CONF_OK && s->kind->check) {
        rv = ngx_http_vcita_directives_dollars(cf,
                                            s->kind->check(cf, NULL, member));
    }

    return rv;
}


/*
 * A level inherits each setting that it does not set.  The http level has no
 * parent: "prev" is NULL, and the defaults apply.  A level that sets nothing
 * of the client shares the client of its parent.
 */

char *
ngx_http_vcita_settings_merge(ngx_conf_t *cf, ngx_http_vcita_loc_conf_t *prev,
    ngx_http_vcita_loc_conf_t *conf)
{
    if (conf->merged) {
        return NGX_CONF_OK;
    }

    conf->merged = 1;

    if (ngx_http_vcita_settings_inherit(cf, 0, prev, conf) != NGX_CONF_OK) {
        return NGX_CONF_ERROR;
    }

    if (conf->client == NULL) {

        if (prev) {
            conf->client = prev->client;
            return NGX_CONF_OK;
        }

        conf->client = ngx_pcalloc(cf->pool, sizeof(ngx_http_vcita_client_t));
        if (conf->client == NULL) {
            return NGX_CONF_ERROR;
        }
    }

    return ngx_http_vcita_settings_inherit(cf, 1, prev ? prev->client : NULL,
                                           conf->client);
}


static char *
ngx_http_vcita_settings_inherit(ngx_conf_t *cf, ngx_uint_t client, void *prev,
    void *conf)
{
    u_char                    *to, *from;
    ngx_uint_t                 i;
    ngx_http_vcita_origin_t   *origin;
    ngx_http_vcita_setting_t  *s;

    to = conf;
    from = prev;

    for (i = 0; i < NGX_HTTP_VCITA_SETTINGS; i++) {
        s = &ngx_http_vcita_settings[i];
        origin = (ngx_http_vcita_origin_t *) (to + s->origin);

        if (s->kind == NULL || s->client != client || origin->file) {
            continue;
        }

        if (from) {
            ngx_memcpy(to + s->offset, from + s->offset, s->size);
            *origin = *(ngx_http_vcita_origin_t *) (from + s->origin);
            continue;
        }

        if (s->value
            && ngx_http_vcita_settings_default(cf, s, conf) != NGX_CONF_OK)
        {
            return NGX_CONF_ERROR;
        }
    }

    return NGX_CONF_OK;
}


/* reads the default as if an operator had written it */

static char *
ngx_http_vcita_settings_default(ngx_conf_t *cf, ngx_http_vcita_setting_t *s,
    void *conf)
{
    char         *rv;
    ngx_str_t     value[2];
    ngx_array_t   args;

    value[0].data = (u_char *) s->name;
    value[0].len = ngx_strlen(s->name);

    /* handlers may write to a value, and rely on its zero byte */

    value[1].data = (u_char *) s->value;
    value[1].len = ngx_strlen(s->value) + 1;

    value[1].data = ngx_pstrdup(cf->pool, &value[1]);
    if (value[1].data == NULL) {
        return NGX_CONF_ERROR;
    }

    value[1].len--;

    args = *cf->args;
    cf->args->elts = value;
    cf->args->nelts = 2;

    rv = ngx_http_vcita_settings_read(cf, s, conf);

    *cf->args = args;

    if (rv != NGX_CONF_OK && rv != NGX_CONF_ERROR) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "the default of \"%s\" %s",
                           s->name, rv);
    }

    return rv;
}


/*
 * The first setting in which the clients differ, or NGX_HTTP_VCITA_SETTINGS:
 * they do not
 */

ngx_uint_t
ngx_http_vcita_settings_differ(ngx_http_vcita_client_t *a,
    ngx_http_vcita_client_t *b)
{
    u_char                    *m, *n;
    ngx_uint_t                 i, equal;
    ngx_http_vcita_setting_t  *s;

    for (i = 0; i < NGX_HTTP_VCITA_SETTINGS; i++) {
        s = &ngx_http_vcita_settings[i];

        if (!s->client) {
            continue;
        }

        m = (u_char *) a + s->offset;
        n = (u_char *) b + s->offset;

        switch (s->kind->compare) {

        case NGX_HTTP_VCITA_STR:
            equal = ngx_http_vcita_str_eq((ngx_str_t *) m, (ngx_str_t *) n);
            break;

        case NGX_HTTP_VCITA_WORD:
            equal = (ngx_memcmp(m, n, s->size) == 0);
            break;

        default: /* NGX_HTTP_VCITA_LIST, NGX_HTTP_VCITA_REPEATED */
            equal = ngx_http_vcita_settings_list_equal(*(ngx_array_t **) m,
                                                       *(ngx_array_t **) n);
        }

        if (!equal) {
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


/* a value that is none of the words is an error, which lists them */

static char *
ngx_http_vcita_settings_word(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    u_char           *p, buf[128];
    ngx_str_t        *value;
    ngx_conf_enum_t  *e, *words;

    value = cf->args->elts;
    words = cmd->post;
    p = buf;

    for (e = words; e->name.len; e++) {

        if (e->name.len == value[1].len
            && ngx_strcasecmp(e->name.data, value[1].data) == 0)
        {
            *(ngx_uint_t *) ((u_char *) conf + cmd->offset) = e->value;
            return NGX_CONF_OK;
        }

        p = ngx_slprintf(p, buf + sizeof(buf), "%s%V",
                         e == words ? "" : e[1].name.len ? ", " : " or ",
                         &e->name);
    }

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "invalid value \"%V\" in %V: %*s",
                       &value[1], &value[0], p - buf, buf);

    return NGX_CONF_ERROR;
}


static char *
ngx_http_vcita_settings_str(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    char  *rv;

    rv = ngx_conf_set_str_slot(cf, cmd, conf);

    return (rv == NGX_CONF_OK)
           ? ngx_http_vcita_settings_text(cf, NULL,
                                          (u_char *) conf + cmd->offset)
           : rv;
}


/* cookie-octets (RFC 6265, 4.1.1): no value can end a header or a cookie */

static char *
ngx_http_vcita_settings_text(ngx_conf_t *cf, void *post, void *data)
{
    ngx_str_t *text = data;

    u_char      c;
    ngx_uint_t  i;

    for (i = 0; i < text->len; i++) {
        c = text->data[i];

        if (c <= 0x20 || c >= 0x7f || ngx_strchr("\",;\\", c)) {
            return "takes printable ASCII without spaces, double quotes, "
                   "commas, semicolons and backslashes";
        }
    }

    return text->len ? NGX_CONF_OK : "is empty";
}


static char *
ngx_http_vcita_settings_positive(ngx_conf_t *cf, void *post, void *data)
{
    time_t *value = data;    /* or ngx_msec_t, of the same size */

    return *value ? NGX_CONF_OK : "must be more than 0";
}
