
/*
 * Copyright (C) the vcita OAuth gate authors
 *
 * Secrets in the configuration: values, and the small files with them.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "conf/ngx_http_vcita_conf.h"
#include "util/ngx_http_vcita_query.h"


#define NGX_HTTP_VCITA_FILE_MAX      65536
#define NGX_HTTP_VCITA_KEY_FILE_MIN  32


static char *ngx_http_vcita_secrets_client_key(ngx_conf_t *cf,
    ngx_http_vcita_client_key_t *key, ngx_str_t *pem);
static ngx_uint_t ngx_http_vcita_secrets_is_kid(ngx_str_t *kid);
static ngx_int_t ngx_http_vcita_secrets_read_file(ngx_conf_t *cf,
    ngx_str_t *name, ngx_str_t *text);
static ngx_int_t ngx_http_vcita_secrets_read_fd(ngx_conf_t *cf,
    ngx_str_t *name, ngx_fd_t fd, ngx_str_t *text);


/* A value, or "file:path" for the file's text without its last newline */

char *
ngx_http_vcita_secrets_client_secret(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf)
{
    ngx_str_t  *field, *value;

    field = (ngx_str_t *) ((u_char *) conf + cmd->offset);
    value = cf->args->elts;
    *field = value[1];

    /* nginx reads no environment, and a path without "file:" is a value */

    if (value[1].data[0] == '/'
        || ngx_strncmp(value[1].data, "env:", sizeof("env:") - 1) == 0
        || ngx_strncmp(value[1].data, "${", sizeof("${") - 1) == 0)
    {
        return "is neither a value nor \"file:path\", did you mean "
               "\"file:/path\"?";
    }

    return ngx_http_vcita_secrets_text(cf, field);
}


/* The same for an argument, in place */

char *
ngx_http_vcita_secrets_text(ngx_conf_t *cf, ngx_str_t *text)
{
    ngx_str_t  name;

    if (ngx_strncmp(text->data, "file:", sizeof("file:") - 1) == 0) {

        name.data = text->data + sizeof("file:") - 1;
        name.len = text->len - (sizeof("file:") - 1);

        if (ngx_http_vcita_secrets_read_file(cf, &name, text) != NGX_OK) {
            return NGX_CONF_ERROR;
        }

        if (text->len && text->data[text->len - 1] == LF) {
            text->len--;
        }

        if (text->len && text->data[text->len - 1] == CR) {
            text->len--;
        }

        text->data[text->len] = '\0';
    }

    return ngx_http_vcita_config_text(cf, NULL, text);
}


/* file [kid=id] */

char *
ngx_http_vcita_secrets_assertion_key(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf)
{
    char                         *rv;
    ngx_str_t                    *value, *name, pem;
    ngx_http_vcita_client_key_t  *key;

    key = (ngx_http_vcita_client_key_t *) ((u_char *) conf
                                           + cmd->offset);

    key->names = ngx_array_create(cf->pool, 2, sizeof(ngx_str_t));
    if (key->names == NULL) {
        return NGX_CONF_ERROR;
    }

    name = ngx_array_push_n(key->names, 2);
    if (name == NULL) {
        return NGX_CONF_ERROR;
    }

    value = cf->args->elts;

    name[0] = value[1];
    ngx_str_null(&name[1]);

    if (cf->args->nelts == 3) {

        if (ngx_strncmp(value[2].data, "kid=", 4) != 0) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid parameter \"%V\"", &value[2]);
            return NGX_CONF_ERROR;
        }

        name[1].data = value[2].data + 4;
        name[1].len = value[2].len - 4;

        if (!ngx_http_vcita_secrets_is_kid(&name[1])) {
            return "requires a kid of printable ASCII characters";
        }
    }

    if (ngx_http_vcita_secrets_read_file(cf, &name[0], &pem) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    rv = ngx_http_vcita_secrets_client_key(cf, key, &pem);

    ngx_explicit_memzero(pem.data, pem.len);

    return rv;
}


/* Session keys are derived from the file's hash, the text is wiped */

static char *
ngx_http_vcita_secrets_client_key(ngx_conf_t *cf,
    ngx_http_vcita_client_key_t *key, ngx_str_t *pem)
{
    ngx_int_t    rc;
    ngx_str_t   *name;
    const char  *error;

    name = key->names->elts;

    rc = ngx_http_vcita_assertion_signer(&key->signer, cf->pool, pem, &name[1],
                                         &error);

    if (rc == NGX_DECLINED) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "client assertion key \"%V\" %s", &name[0],
                           error);
    }

    if (rc != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    key->secret.len = NGX_HTTP_VCITA_HASH_LEN;

    key->secret.data = ngx_pnalloc(cf->pool, NGX_HTTP_VCITA_HASH_LEN);
    if (key->secret.data == NULL) {
        return NGX_CONF_ERROR;
    }

    if (ngx_http_vcita_hash_sha256(pem, key->secret.data) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


static ngx_uint_t
ngx_http_vcita_secrets_is_kid(ngx_str_t *kid)
{
    ngx_uint_t  i;

    for (i = 0; i < kid->len; i++) {

        if (kid->data[i] < 0x20 || kid->data[i] > 0x7e) {
            return 0;
        }
    }

    return kid->len != 0;
}


/* The file is read at once, so that nginx names the directive's line */

char *
ngx_http_vcita_secrets_key_file(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_str_t                   *value, *name, *secret, *other;
    ngx_uint_t                   i, n;
    ngx_http_vcita_key_files_t  *keys;

    keys = (ngx_http_vcita_key_files_t *) ((u_char *) conf
                                           + cmd->offset);

    if (keys->files == NULL) {
        keys->files = ngx_array_create(cf->pool, 2, sizeof(ngx_str_t));
        keys->secrets = ngx_array_create(cf->pool, 2, sizeof(ngx_str_t));
        if (keys->files == NULL || keys->secrets == NULL) {
            return NGX_CONF_ERROR;
        }
    }

    name = ngx_array_push(keys->files);
    secret = ngx_array_push(keys->secrets);
    if (name == NULL || secret == NULL) {
        return NGX_CONF_ERROR;
    }

    value = cf->args->elts;
    *name = value[1];

    n = keys->files->nelts - 1;
    name = keys->files->elts;

    if (ngx_http_vcita_secrets_read_file(cf, &name[n], secret) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    if (secret->len < NGX_HTTP_VCITA_KEY_FILE_MIN) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "session key file \"%V\" is shorter than %d bytes, "
                           "make one by \"openssl rand -out %V 48\"",
                           &name[n], NGX_HTTP_VCITA_KEY_FILE_MIN, &name[n]);
        return NGX_CONF_ERROR;
    }

    other = keys->secrets->elts;

    for (i = 0; i < n; i++) {

        if (other[i].len == secret->len
            && ngx_memcmp(other[i].data, secret->data, secret->len) == 0)
        {
            ngx_conf_log_error(NGX_LOG_WARN, cf, 0,
                               "session key files \"%V\" and \"%V\" have the "
                               "same content, remove one",
                               &name[i], &name[n]);
            break;
        }
    }

    return NGX_CONF_OK;
}


/* http or https, [user:password@]host[:port]; never logged: it is a secret */

char *
ngx_http_vcita_secrets_proxy(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    char       *rv;
    u_char     *p, *at, *last;
    ngx_str_t  *url, host;

    rv = ngx_http_vcita_secrets_client_secret(cf, cmd, conf);

    if (rv != NGX_CONF_OK) {
        return rv;
    }

    url = (ngx_str_t *) ((u_char *) conf + cmd->offset);

    if (ngx_strncasecmp(url->data, (u_char *) "https://", 8) == 0) {
        host.data = url->data + 8;

    } else if (ngx_strncasecmp(url->data, (u_char *) "http://", 7) == 0) {
        host.data = url->data + 7;

    } else {
        return "requires an http or https URL";
    }

    last = url->data + url->len;
    at = memrchr(host.data, '@', last - host.data);

    if (at) {

        /* libcurl refuses such a URL and quotes it, which would be logged */

        for (p = host.data; p < at; p++) {
            if (*p <= ' ' || *p == '@' || *p == '/' || *p == '?' || *p == '#')
            {
                return "requires percent-encoding of \"@\", \"/\", \"?\", "
                       "\"#\" and spaces in the user and password";
            }
        }

        host.data = at + 1;
    }

    for (p = host.data; p < last && *p != '/'; p++) {
        /* void */
    }

    host.len = p - host.data;

    if (ngx_http_vcita_query_authority(&host) != NGX_OK) {
        return "has an invalid host";
    }

    return NGX_CONF_OK;
}


/*
 * Reads a small file with a secret; the name is relative to the configuration.
 * The text is in cf->pool with a spare byte after it; the caller wipes it.
 */

static ngx_int_t
ngx_http_vcita_secrets_read_file(ngx_conf_t *cf, ngx_str_t *name,
    ngx_str_t *text)
{
    ngx_fd_t   fd;
    ngx_int_t  rc;

    if (ngx_conf_full_name(cf->cycle, name, 1) != NGX_OK) {
        return NGX_ERROR;
    }

    fd = ngx_open_file(name->data, NGX_FILE_RDONLY, NGX_FILE_OPEN, 0);

    if (fd == NGX_INVALID_FILE) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, ngx_errno,
                           ngx_open_file_n " \"%V\" failed", name);
        return NGX_ERROR;
    }

    rc = ngx_http_vcita_secrets_read_fd(cf, name, fd, text);

    if (ngx_close_file(fd) == NGX_FILE_ERROR) {
        ngx_conf_log_error(NGX_LOG_ALERT, cf, ngx_errno,
                           ngx_close_file_n " \"%V\" failed", name);
    }

    return rc;
}


static ngx_int_t
ngx_http_vcita_secrets_read_fd(ngx_conf_t *cf, ngx_str_t *name, ngx_fd_t fd,
    ngx_str_t *text)
{
    off_t            size;
    ssize_t          n;
    ngx_file_info_t  fi;

    if (ngx_fd_info(fd, &fi) == NGX_FILE_ERROR) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, ngx_errno,
                           ngx_fd_info_n " \"%V\" failed", name);
        return NGX_ERROR;
    }

    size = ngx_file_size(&fi);

    if (!ngx_is_file(&fi)
        || size == 0
        || size > NGX_HTTP_VCITA_FILE_MAX)
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"%V\" is not a regular file of 1 to %d bytes",
                           name, NGX_HTTP_VCITA_FILE_MAX);
        return NGX_ERROR;
    }

    if (fi.st_mode & S_IROTH) {
        ngx_conf_log_error(NGX_LOG_WARN, cf, 0,
                           "\"%V\" is readable by all users, chmod 600 it",
                           name);
    }

    text->data = ngx_pnalloc(cf->pool, size + 1);
    if (text->data == NULL) {
        return NGX_ERROR;
    }

    n = ngx_read_fd(fd, text->data, size);

    if (n != size) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, (n == -1) ? ngx_errno : 0,
                           ngx_read_fd_n " \"%V\" failed", name);
        return NGX_ERROR;
    }

    text->len = size;

    return NGX_OK;
}
