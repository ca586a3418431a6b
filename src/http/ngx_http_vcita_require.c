
/*
 * Copyright (C) the vcita OAuth gate authors
 *
 * Authorization: vcita_oauth_require rules.  A rule has a variable and its
 * allowed values; a session has to meet all rules of a location.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "http/ngx_http_vcita_http.h"


#define NGX_HTTP_VCITA_CLAIM_PREFIX  "vcita_oauth_claim_"


typedef enum {
    NGX_HTTP_VCITA_EXACT = 0,
    NGX_HTTP_VCITA_BEGINS,
    NGX_HTTP_VCITA_ENDS,
    NGX_HTTP_VCITA_DOMAIN,
    NGX_HTTP_VCITA_REGEX
} ngx_http_vcita_match_e;


typedef struct {
    ngx_http_vcita_match_e   match;
    ngx_str_t                text;
#if (NGX_PCRE)
    ngx_regex_t             *regex;
#endif
} ngx_http_vcita_require_value_t;


typedef struct {
    ngx_int_t                index;
    ngx_str_t                name;
    ngx_str_t                claim;     /* empty: no claim */
    ngx_array_t              values;    /* ..._require_value_t */
    ngx_http_vcita_origin_t  origin;
} ngx_http_vcita_require_rule_t;


static char *ngx_http_vcita_require_variable(ngx_conf_t *cf,
    ngx_http_vcita_require_rule_t *rule, ngx_str_t *value);
static char *ngx_http_vcita_require_value(ngx_conf_t *cf,
    ngx_http_vcita_require_value_t *v, ngx_str_t *text);
static char *ngx_http_vcita_require_regex(ngx_conf_t *cf,
    ngx_http_vcita_require_value_t *v, ngx_str_t *text);
static ngx_int_t ngx_http_vcita_require_rule_met(ngx_http_request_t *r,
    ngx_http_vcita_session_t *s, ngx_http_vcita_require_rule_t *rule);
static void ngx_http_vcita_require_unmet(ngx_http_request_t *r,
    ngx_http_vcita_session_t *s, ngx_http_vcita_require_rule_t *rule);
static ngx_int_t ngx_http_vcita_require_match(ngx_http_request_t *r,
    ngx_http_vcita_require_rule_t *rule, ngx_str_t *value);
static ngx_uint_t ngx_http_vcita_require_value_match(ngx_http_request_t *r,
    ngx_http_vcita_require_value_t *v, ngx_str_t *value);


/* NGX_OK: the session meets all rules.  NGX_DECLINED: it does not */

ngx_int_t
ngx_http_vcita_require_met(ngx_http_request_t *r, ngx_http_vcita_session_t *s,
    ngx_array_t *rules)
{
    ngx_int_t                       rc;
    ngx_uint_t                      i;
    ngx_http_vcita_require_rule_t  *rule;

    rule = rules->elts;

    for (i = 0; i < rules->nelts; i++) {

        rc = ngx_http_vcita_require_rule_met(r, s, &rule[i]);

        if (rc == NGX_DECLINED) {
            ngx_http_vcita_require_unmet(r, s, &rule[i]);
        }

        if (rc != NGX_OK) {
            return rc;
        }
    }

    return NGX_OK;
}


/*
 * One line for a refusal, even if its error_page has the same rule.  Only the
 * value of a claim is logged: other variables may have a cookie or a token.
 */

static void
ngx_http_vcita_require_unmet(ngx_http_request_t *r, ngx_http_vcita_session_t *s,
    ngx_http_vcita_require_rule_t *rule)
{
    ngx_str_t                   value, account;
    const char                 *cure;
    ngx_http_vcita_ctx_t       *ctx;
    ngx_http_vcita_loc_conf_t  *vlcf;

    ctx = ngx_http_vcita_ctx_get(r);

    if (ctx && ctx->status) {
        return;
    }

    ngx_http_vcita_identity_account(s, &account);
    ngx_http_vcita_string_shown(&account);

    if (rule->claim.len == 0) {
        ngx_log_error(NGX_LOG_ERR, r->connection->log, 0,
                      "vcita_oauth_require $%V in %s:%ui is not met by account "
                      "\"%V\", log this variable to see its value",
                      &rule->name, rule->origin.file, rule->origin.line,
                      &account);
        return;
    }

    if (ngx_http_vcita_session_claims_get(s, &rule->claim, &value) == NGX_OK)
    {
        ngx_http_vcita_string_shown(&value);

        ngx_log_error(NGX_LOG_ERR, r->connection->log, 0,
                      "vcita_oauth_require $%V in %s:%ui is not met by "
                      "\"%V\" of account \"%V\", add this value or sign in "
                      "with another account",
                      &rule->name, rule->origin.file, rule->origin.line,
                      &value, &account);
        return;
    }

    vlcf = ngx_http_get_module_loc_conf(r, ngx_http_vcita_oauth_module);

    cure = (vlcf->client->userinfo == NGX_HTTP_VCITA_ON)
           ? "check its name" : "set \"vcita_oauth_userinfo on\"";

    ngx_log_error(NGX_LOG_ERR, r->connection->log, 0,
                  "vcita_oauth_require $%V in %s:%ui is not met because the "
                  "session of account \"%V\" has no claim \"%V\", %s",
                  &rule->name, rule->origin.file, rule->origin.line,
                  &account, &rule->claim, cure);
}


static ngx_int_t
ngx_http_vcita_require_rule_met(ngx_http_request_t *r,
    ngx_http_vcita_session_t *s, ngx_http_vcita_require_rule_t *rule)
{
    u_char                     *p, *last;
    ngx_str_t                   lengths, value;
    ngx_http_variable_value_t  *vv;

    if (rule->claim.len
        && ngx_http_vcita_session_claims_get_array(s, &rule->claim, &lengths,
                                                   &value) == NGX_OK)
    {
        /* any element of an array will do */

        last = lengths.data + lengths.len;

        for (p = lengths.data; p < last; p += 2) {

            value.len = (size_t) p[0] << 8 | p[1];

            if (ngx_http_vcita_require_match(r, rule, &value) == NGX_OK) {
                return NGX_OK;
            }

            value.data += value.len + 1;
        }

        return NGX_DECLINED;
    }

    vv = ngx_http_get_flushed_variable(r, rule->index);

    if (vv == NULL) {
        return NGX_ERROR;
    }

    if (vv->not_found) {
        return NGX_DECLINED;
    }

    value.data = vv->data;
    value.len = vv->len;

    return ngx_http_vcita_require_match(r, rule, &value);
}


static ngx_int_t
ngx_http_vcita_require_match(ngx_http_request_t *r,
    ngx_http_vcita_require_rule_t *rule, ngx_str_t *value)
{
    ngx_uint_t                       i;
    ngx_http_vcita_require_value_t  *v;

    if (value->len == 0) {
        return NGX_DECLINED;
    }

    v = rule->values.elts;

    for (i = 0; i < rule->values.nelts; i++) {

        if (ngx_http_vcita_require_value_match(r, &v[i], value)) {
            return NGX_OK;
        }
    }

    return NGX_DECLINED;
}


static ngx_uint_t
ngx_http_vcita_require_value_match(ngx_http_request_t *r,
    ngx_http_vcita_require_value_t *v, ngx_str_t *value)
{
    ngx_str_t  *text;

    text = &v->text;

    switch (v->match) {

    case NGX_HTTP_VCITA_EXACT:
        return value->len == text->len
               && ngx_memcmp(value->data, text->data, text->len) == 0;

    case NGX_HTTP_VCITA_BEGINS:
        return value->len >= text->len
               && ngx_memcmp(value->data, text->data, text->len) == 0;

    case NGX_HTTP_VCITA_ENDS:
        return value->len > text->len
               && ngx_memcmp(value->data + value->len - text->len,
                             text->data, text->len)
                  == 0;

    case NGX_HTTP_VCITA_DOMAIN:

        /* "@" and the domain; a mail address has no second "@" */

        return value->len > text->len
               && ngx_strncasecmp(value->data + value->len - text->len,
                                  text->data, text->len)
                  == 0
               && ngx_strlchr(value->data,
                              value->data + value->len - text->len, '@')
                  == NULL;

    case NGX_HTTP_VCITA_REGEX:
        break;
    }

#if (NGX_PCRE)
    {
    ngx_int_t  rc;

    rc = ngx_regex_exec(v->regex, value, NULL, 0);

    if (rc < NGX_REGEX_NO_MATCHED) {
        ngx_log_error(NGX_LOG_ALERT, r->connection->log, 0,
                      ngx_regex_exec_n " failed: %i using \"%V\"", rc, text);
    }

    return rc >= 0;
    }
#else
    return 0;
#endif
}


/*
 * A map over the module's variables may be read before the access check and
 * would keep that value: the variable of a rule is not cached.
 */

ngx_int_t
ngx_http_vcita_require_init(ngx_conf_t *cf)
{
    ngx_str_t                   *name;
    ngx_uint_t                   i, j;
    ngx_hash_key_t              *key;
    ngx_http_variable_t         *v;
    ngx_http_core_main_conf_t   *cmcf;
    ngx_http_vcita_main_conf_t  *vmcf;

    cmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_core_module);
    vmcf = ngx_http_conf_get_module_main_conf(cf,
                                              ngx_http_vcita_oauth_module);

    key = cmcf->variables_keys->keys.elts;
    name = vmcf->ruled.elts;

    for (i = 0; i < cmcf->variables_keys->keys.nelts; i++) {

        for (j = 0; j < vmcf->ruled.nelts; j++) {

            if (ngx_http_vcita_str_eq(&key[i].key, &name[j])) {
                v = key[i].value;
                v->flags |= NGX_HTTP_VAR_NOCACHEABLE;
            }
        }
    }

    return NGX_OK;
}


/* The rules of a location protect it only if "vcita_oauth" is on */

char *
ngx_http_vcita_require_check(ngx_conf_t *cf, ngx_http_vcita_loc_conf_t *conf)
{
    ngx_http_vcita_origin_t  *origin;

    origin = &conf->origin[NGX_HTTP_VCITA_REQUIRE];

    if (origin->file == NULL) {
        return NGX_CONF_OK;
    }

    if (conf->gate == NGX_HTTP_VCITA_OFF) {
        return ngx_http_vcita_config_error(cf, NGX_LOG_EMERG, origin,
                          "\"vcita_oauth_require\" has no effect where "
                          "\"vcita_oauth\" is \"off\", set \"vcita_oauth on\" "
                          "in this location");
    }

    if (conf->gate == NGX_HTTP_VCITA_OPTIONAL) {
        (void) ngx_http_vcita_config_error(cf, NGX_LOG_WARN, origin,
                        "\"vcita_oauth_require\" lets requests without a "
                        "session through where \"vcita_oauth\" is "
                        "\"optional\", set \"vcita_oauth on\" to refuse them");
    }

    return NGX_CONF_OK;
}


/* vcita_oauth_require $variable value ...; */

char *
ngx_http_vcita_require(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_vcita_loc_conf_t *vlcf = conf;

    ngx_str_t                       *value;
    ngx_uint_t                       i;
    ngx_http_vcita_require_rule_t   *rule;
    ngx_http_vcita_require_value_t  *v;

    value = cf->args->elts;

    if (vlcf->rules == NULL) {
        vlcf->rules = ngx_array_create(cf->pool, 2,
                                       sizeof(ngx_http_vcita_require_rule_t));
        if (vlcf->rules == NULL) {
            return NGX_CONF_ERROR;
        }

        if (cf->cmd_type == NGX_HTTP_LOC_CONF) {
            ngx_http_vcita_config_origin(cf,
                                        &vlcf->origin[NGX_HTTP_VCITA_REQUIRE]);
        }
    }

    rule = ngx_array_push(vlcf->rules);
    if (rule == NULL) {
        return NGX_CONF_ERROR;
    }

    ngx_http_vcita_config_origin(cf, &rule->origin);

    if (ngx_http_vcita_require_variable(cf, rule, &value[1])
        != NGX_CONF_OK
        || ngx_array_init(&rule->values, cf->pool, cf->args->nelts - 2,
                          sizeof(ngx_http_vcita_require_value_t))
           != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    for (i = 2; i < cf->args->nelts; i++) {

        v = ngx_array_push(&rule->values);
        if (v == NULL) {
            return NGX_CONF_ERROR;
        }

        if (ngx_http_vcita_require_value(cf, v, &value[i]) != NGX_CONF_OK)
        {
            return NGX_CONF_ERROR;
        }
    }

    return NGX_CONF_OK;
}


static char *
ngx_http_vcita_require_variable(ngx_conf_t *cf,
    ngx_http_vcita_require_rule_t *rule, ngx_str_t *value)
{
    size_t                       prefix;
    ngx_str_t                   *name;
    ngx_http_vcita_main_conf_t  *vmcf;

    if (value->len < 2 || value->data[0] != '$') {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid variable name \"%V\"", value);
        return NGX_CONF_ERROR;
    }

    vmcf = ngx_http_conf_get_module_main_conf(cf,
                                              ngx_http_vcita_oauth_module);

    name = ngx_array_push(&vmcf->ruled);
    if (name == NULL) {
        return NGX_CONF_ERROR;
    }

    name->data = value->data + 1;
    name->len = value->len - 1;

    ngx_strlow(name->data, name->data, name->len);

    rule->name = *name;
    rule->index = ngx_http_get_variable_index(cf, name);

    if (rule->index == NGX_ERROR) {
        return NGX_CONF_ERROR;
    }

    prefix = sizeof(NGX_HTTP_VCITA_CLAIM_PREFIX) - 1;

    if (name->len > prefix
        && ngx_strncmp(name->data, NGX_HTTP_VCITA_CLAIM_PREFIX, prefix) == 0)
    {
        rule->claim.data = name->data + prefix;
        rule->claim.len = name->len - prefix;

    } else {
        ngx_str_null(&rule->claim);
    }

    return NGX_CONF_OK;
}


static char *
ngx_http_vcita_require_value(ngx_conf_t *cf, ngx_http_vcita_require_value_t *v,
    ngx_str_t *text)
{
    u_char  *star, *last;

    ngx_memzero(v, sizeof(ngx_http_vcita_require_value_t));

    if (text->len && text->data[0] == '~') {
        return ngx_http_vcita_require_regex(cf, v, text);
    }

    v->match = NGX_HTTP_VCITA_EXACT;
    v->text = *text;

    last = text->data + text->len;
    star = ngx_strlchr(text->data, last, '*');

    if (text->len && star == NULL) {
        return NGX_CONF_OK;
    }

    if (text->len > 1 && star == last - 1) {
        v->match = NGX_HTTP_VCITA_BEGINS;
        v->text.len--;
        return NGX_CONF_OK;
    }

    if (text->len > 2
        && star == text->data
        && (star[1] == '.' || star[1] == '@')
        && ngx_strlchr(star + 1, last, '*') == NULL)
    {
        v->match = (star[1] == '@') ? NGX_HTTP_VCITA_DOMAIN
                                    : NGX_HTTP_VCITA_ENDS;
        v->text.data++;
        v->text.len--;
        return NGX_CONF_OK;
    }

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "invalid value \"%V\", use a text, \"prefix*\", "
                       "\"*.suffix\", \"*@domain\", \"~regex\", or \"~*regex\"",
                       text);

    return NGX_CONF_ERROR;
}


static char *
ngx_http_vcita_require_regex(ngx_conf_t *cf, ngx_http_vcita_require_value_t *v,
    ngx_str_t *text)
{
#if (NGX_PCRE)

    u_char               errstr[NGX_MAX_CONF_ERRSTR];
    ngx_regex_compile_t  rc;

    ngx_memzero(&rc, sizeof(ngx_regex_compile_t));

    rc.pattern = *text;
    rc.pattern.data++;
    rc.pattern.len--;

    if (rc.pattern.len && rc.pattern.data[0] == '*') {
        rc.options = NGX_REGEX_CASELESS;
        rc.pattern.data++;
        rc.pattern.len--;
    }

    rc.pool = cf->pool;
    rc.err.len = NGX_MAX_CONF_ERRSTR;
    rc.err.data = errstr;

    if (rc.pattern.len == 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "empty regex in \"%V\"", text);
        return NGX_CONF_ERROR;
    }

    if (ngx_regex_compile(&rc) != NGX_OK) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "%V", &rc.err);
        return NGX_CONF_ERROR;
    }

    v->match = NGX_HTTP_VCITA_REGEX;
    v->text = *text;
    v->regex = rc.regex;

    return NGX_CONF_OK;

#else

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "using regex \"%V\" requires PCRE library", text);
    return NGX_CONF_ERROR;

#endif
}
