
/*
 * Copyright (C) the vcita OAuth gate authors
 *
 * vcita_oauth_header: the request headers that a gate sets, and the names that
 * a server removes from what clients send.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "conf/ngx_http_vcita_conf.h"


static char *ngx_http_vcita_header_conf_name(ngx_conf_t *cf,
    ngx_http_vcita_header_t *header, ngx_str_t *name);
static ngx_int_t ngx_http_vcita_header_conf_letters(ngx_conf_t *cf,
    ngx_str_t *name, ngx_str_t *letters);
static ngx_uint_t ngx_http_vcita_header_conf_reserved(ngx_conf_t *cf,
    ngx_str_t *letters);
static char *ngx_http_vcita_header_conf_variable(ngx_conf_t *cf,
    ngx_http_vcita_header_t *header, ngx_str_t *value);
static ngx_http_vcita_header_t *ngx_http_vcita_header_conf_find(
    ngx_array_t *headers, ngx_str_t *letters);
static char *ngx_http_vcita_header_conf_remove(ngx_conf_t *cf,
    ngx_array_t *headers);
static ngx_http_vcita_header_names_t *ngx_http_vcita_header_conf_names(
    ngx_conf_t *cf);


/* vcita_oauth_header name $variable; */

char *
ngx_http_vcita_header_conf_directive(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf)
{
    ngx_http_vcita_loc_conf_t *vlcf = conf;

    ngx_str_t                *value;
    ngx_http_vcita_header_t   header, *other;

    value = cf->args->elts;

    if (vlcf->headers == NULL) {
        vlcf->headers = ngx_array_create(cf->pool, 2,
                                         sizeof(ngx_http_vcita_header_t));
        if (vlcf->headers == NULL) {
            return NGX_CONF_ERROR;
        }
    }

    if (ngx_http_vcita_header_conf_name(cf, &header, &value[1]) != NGX_CONF_OK
        || ngx_http_vcita_header_conf_variable(cf, &header, &value[2])
           != NGX_CONF_OK)
    {
        return NGX_CONF_ERROR;
    }

    other = ngx_http_vcita_header_conf_find(vlcf->headers, &header.letters);

    if (other) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"%V\" sets \"%V\" twice, also as \"%V\", remove "
                           "one of them",
                           &value[0], &value[1], &other->name);
        return NGX_CONF_ERROR;
    }

    other = ngx_array_push(vlcf->headers);
    if (other == NULL) {
        return NGX_CONF_ERROR;
    }

    *other = header;

    return NGX_CONF_OK;
}


/* a token (RFC 9110, 5.6.2), but for "$" */

static char *
ngx_http_vcita_header_conf_name(ngx_conf_t *cf, ngx_http_vcita_header_t *header,
    ngx_str_t *name)
{
    u_char      c;
    ngx_uint_t  i;

    if (ngx_http_vcita_header_conf_letters(cf, name, &header->letters)
        != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    for (i = 0; i < name->len; i++) {
        c = name->data[i];

        if (c <= 0x20 || c >= 0x7f || ngx_strchr("\"(),/:;<=>?@[\\]{}$", c)) {
            header->letters.len = 0;
            break;
        }
    }

    if (header->letters.len == 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid header name \"%V\" in "
                           "\"vcita_oauth_header\", use letters, digits, and "
                           "\"-\"", name);
        return NGX_CONF_ERROR;
    }

    if (ngx_http_vcita_header_conf_reserved(cf, &header->letters)) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"vcita_oauth_header\" cannot set \"%V\", which "
                           "nginx reads or changes, use another name", name);
        return NGX_CONF_ERROR;
    }

    header->name = *name;

    header->lowcase.len = name->len;
    header->lowcase.data = ngx_pnalloc(cf->pool, name->len);
    if (header->lowcase.data == NULL) {
        return NGX_CONF_ERROR;
    }

    header->hash = ngx_hash_strlow(header->lowcase.data, name->data, name->len);

    return NGX_CONF_OK;
}


static ngx_int_t
ngx_http_vcita_header_conf_letters(ngx_conf_t *cf, ngx_str_t *name,
    ngx_str_t *letters)
{
    u_char      c;
    ngx_uint_t  i;

    letters->len = 0;

    letters->data = ngx_pnalloc(cf->pool, name->len + 1);
    if (letters->data == NULL) {
        return NGX_ERROR;
    }

    for (i = 0; i < name->len; i++) {
        c = ngx_tolower(name->data[i]);

        if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9')) {
            letters->data[letters->len++] = c;
        }
    }

    return NGX_OK;
}


/*
 * 1: nginx or its modules read the header, it describes the body or belongs to
 * the connection (RFC 9110, 7.6.1).  What nginx reads depends on how it was
 * built, the list here does not.
 */

static ngx_uint_t
ngx_http_vcita_header_conf_reserved(ngx_conf_t *cf, ngx_str_t *letters)
{
    ngx_str_t           known;
    const char        **name;
    ngx_http_header_t  *header;

    static const char  *names[] = {
        "accept", "acceptencoding", "acceptlanguage", "cookie", "date",
        "depth", "destination", "http2settings", "overwrite",
        "proxyauthenticate", "proxyauthorization", "proxyconnection", "trailer",
        "via", "xforwardedfor", "xrealip", NULL
    };

    if (letters->len >= sizeof("content") - 1
        && ngx_strncmp(letters->data, "content", sizeof("content") - 1) == 0)
    {
        return 1;
    }

    for (name = names; *name; name++) {

        if (letters->len == ngx_strlen(*name)
            && ngx_strncmp(letters->data, *name, letters->len) == 0)
        {
            return 1;
        }
    }

    for (header = ngx_http_headers_in; header->name.len; header++) {

        if (ngx_http_vcita_header_conf_letters(cf, &header->name, &known)
            != NGX_OK
            || ngx_http_vcita_str_eq(letters, &known))
        {
            return 1;
        }
    }

    return 0;
}


static char *
ngx_http_vcita_header_conf_variable(ngx_conf_t *cf,
    ngx_http_vcita_header_t *header, ngx_str_t *value)
{
    u_char      c;
    ngx_str_t  *name;
    ngx_uint_t  i;

    for (i = 1; i < value->len; i++) {
        c = ngx_tolower(value->data[i]);

        if ((c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '_') {
            break;
        }
    }

    if (i < 2 || i != value->len || value->data[0] != '$') {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"vcita_oauth_header\" takes one variable as its "
                           "value, not \"%V\", use a map to combine several",
                           value);
        return NGX_CONF_ERROR;
    }

    name = &header->variable;

    name->len = value->len - 1;
    name->data = value->data + 1;

    ngx_strlow(name->data, name->data, name->len);

    header->index = ngx_http_get_variable_index(cf, name);

    return (header->index == NGX_ERROR) ? NGX_CONF_ERROR : NGX_CONF_OK;
}


static ngx_http_vcita_header_t *
ngx_http_vcita_header_conf_find(ngx_array_t *headers, ngx_str_t *letters)
{
    ngx_uint_t                i;
    ngx_http_vcita_header_t  *header;

    header = headers->elts;

    for (i = 0; i < headers->nelts; i++) {

        if (ngx_http_vcita_str_eq(&header[i].letters, letters)) {
            return &header[i];
        }
    }

    return NULL;
}


/* A level adds its headers to those that it inherits, or replaces them */

char *
ngx_http_vcita_header_conf_merge(ngx_conf_t *cf,
    ngx_http_vcita_loc_conf_t *prev, ngx_http_vcita_loc_conf_t *conf)
{
    ngx_uint_t                i;
    ngx_http_vcita_header_t  *header, *inherited;

    if (conf->headers == NULL) {
        conf->headers = prev->headers;

    } else if (prev->headers) {
        inherited = prev->headers->elts;

        for (i = 0; i < prev->headers->nelts; i++) {

            if (ngx_http_vcita_header_conf_find(conf->headers,
                                                &inherited[i].letters))
            {
                continue;
            }

            header = ngx_array_push(conf->headers);
            if (header == NULL) {
                return NGX_CONF_ERROR;
            }

            *header = inherited[i];
        }
    }

    return conf->headers ? ngx_http_vcita_header_conf_remove(cf, conf->headers)
                         : NGX_CONF_OK;
}


/* a header that a location of a server sets is removed in all of them */

static char *
ngx_http_vcita_header_conf_remove(ngx_conf_t *cf, ngx_array_t *headers)
{
    u_char                       c;
    ngx_str_t                   *letters;
    ngx_uint_t                   i, j;
    ngx_http_vcita_header_t     *header;
    ngx_http_vcita_srv_conf_t   *vscf;
    ngx_http_vcita_main_conf_t  *vmcf;

    vmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_vcita_oauth_module);
    vmcf->gates = 1;

    vscf = ngx_http_conf_get_module_srv_conf(cf, ngx_http_vcita_oauth_module);

    if (vscf->headers == NULL) {

        vscf->headers = ngx_http_vcita_header_conf_names(cf);
        if (vscf->headers == NULL) {
            return NGX_CONF_ERROR;
        }
    }

    header = headers->elts;

    for (i = 0; i < headers->nelts; i++) {
        letters = vscf->headers->letters.elts;

        for (j = 0; j < vscf->headers->letters.nelts; j++) {

            if (ngx_http_vcita_str_eq(&letters[j], &header[i].letters)) {
                break;
            }
        }

        if (j < vscf->headers->letters.nelts) {
            continue;
        }

        letters = ngx_array_push(&vscf->headers->letters);
        if (letters == NULL) {
            return NGX_CONF_ERROR;
        }

        *letters = header[i].letters;

        c = letters->data[letters->len - 1];

        vscf->headers->ends[c] = 1;
        vscf->headers->ends[ngx_toupper(c)] = 1;
    }

    return NGX_CONF_OK;
}


static ngx_http_vcita_header_names_t *
ngx_http_vcita_header_conf_names(ngx_conf_t *cf)
{
    u_char                          c;
    ngx_uint_t                      i;
    ngx_http_vcita_header_names_t  *names;

    names = ngx_palloc(cf->pool, sizeof(ngx_http_vcita_header_names_t));
    if (names == NULL) {
        return NULL;
    }

    if (ngx_array_init(&names->letters, cf->pool, 2, sizeof(ngx_str_t))
        != NGX_OK)
    {
        return NULL;
    }

    /* a name may end in any byte that is neither a letter nor a digit */

    for (i = 0; i < 256; i++) {
        c = ngx_tolower(i);
        names->ends[i] = (c < 'a' || c > 'z') && (c < '0' || c > '9');
    }

    return names;
}
