
/*
 * Copyright (C) the vcita OAuth gate authors
 *
 * nginx -t messages that name the file and line of a directive.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "session/ngx_http_vcita_config.h"


/* Records the file and line of the directive that nginx is parsing */

void
ngx_http_vcita_config_origin(ngx_conf_t *cf, ngx_http_vcita_origin_t *origin)
{
    origin->file = cf->conf_file->file.name.data;
    origin->line = cf->conf_file->line;
}


/*
 * Logs a message about a directive that was parsed earlier: when merging, nginx
 * would name the closing brace.  Returns NGX_CONF_ERROR.
 */

char *
ngx_http_vcita_config_error(ngx_conf_t *cf, ngx_uint_t level,
    ngx_http_vcita_origin_t *origin, const char *fmt, ...)
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


/* A post handler: the value must be non-empty and without control characters */

char *
ngx_http_vcita_config_text(ngx_conf_t *cf, void *post, void *data)
{
    ngx_str_t *text = data;

    if (text->len == 0) {
        return "is empty";
    }

    return ngx_http_vcita_string_printable(text) ? NGX_CONF_OK
                                                 : "has a control character";
}
