
/*
 * Copyright (C) the vcita OAuth gate authors
 *
 * Configuration at large: messages that name the line of a directive, and
 * files that hold secrets.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "ngx_http_vcita_oauth.h"


#define NGX_HTTP_VCITA_OAUTH_FILE_MAX  65536


static ngx_int_t ngx_http_vcita_oauth_read_fd(ngx_conf_t *cf,
    ngx_str_t *name, ngx_fd_t fd, ngx_str_t *text);


/* Remembers where the directive that is being read stands */

void
ngx_http_vcita_oauth_conf_origin(ngx_conf_t *cf,
    ngx_http_vcita_oauth_origin_t *origin)
{
    origin->file = cf->conf_file->file.name.data;
    origin->line = cf->conf_file->line;
}


/*
 * Logs a message about a directive that was read earlier; nginx itself would
 * name the closing brace.  Returns NGX_CONF_ERROR.
 */

char *
ngx_http_vcita_oauth_conf_error(ngx_conf_t *cf, ngx_uint_t level,
    ngx_http_vcita_oauth_origin_t *origin, const char *fmt, ...)
{
    u_char   buf[NGX_MAX_ERROR_STR], *last;
    va_list  args;

    va_start(args, fmt);
    last = ngx_vslprintf(buf, buf + sizeof(buf) - 1, fmt, args);
    va_end(args);

    *last = '\0';

    if (origin->file) {
        ngx_log_error(level, cf->log, 0, "%s in %s:%ui", buf, origin->file,
                      origin->line);

    } else {
        ngx_log_error(level, cf->log, 0, "%s", buf);
    }

    return NGX_CONF_ERROR;
}


ngx_uint_t
ngx_http_vcita_oauth_same(ngx_str_t *a, ngx_str_t *b)
{
    return a->len == b->len
           && (a->len == 0 || ngx_memcmp(a->data, b->data, a->len) == 0);
}


/*
 * Reads a small file that holds a secret, relative to the configuration.  The
 * text is in cf->pool, with a spare byte behind it; it is the caller's to wipe.
 */

ngx_int_t
ngx_http_vcita_oauth_read_file(ngx_conf_t *cf, ngx_str_t *name,
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

    rc = ngx_http_vcita_oauth_read_fd(cf, name, fd, text);

    if (ngx_close_file(fd) == NGX_FILE_ERROR) {
        ngx_conf_log_error(NGX_LOG_ALERT, cf, ngx_errno,
                           ngx_close_file_n " \"%V\" failed", name);
    }

    return rc;
}


static ngx_int_t
ngx_http_vcita_oauth_read_fd(ngx_conf_t *cf, ngx_str_t *name, ngx_fd_t fd,
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
        || size > NGX_HTTP_VCITA_OAUTH_FILE_MAX)
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"%V\" is not a file, is empty, or has more than "
                           "%d bytes",
                           name, NGX_HTTP_VCITA_OAUTH_FILE_MAX);
        return NGX_ERROR;
    }

    if (fi.st_mode & S_IROTH) {
        ngx_conf_log_error(NGX_LOG_WARN, cf, 0,
                           "\"%V\" can be read by everyone: chmod 600 it",
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
