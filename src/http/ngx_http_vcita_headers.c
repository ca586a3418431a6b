
/*
 * Copyright (C) the vcita OAuth gate authors
 *
 * Response headers: adding them, and a filter module that checks them after
 * "add_header" and "expires".  It removes every Set-Cookie with a cookie name
 * of the module that the module itself has not set, and makes the response to a
 * request with a session private.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "http/ngx_http_vcita_http.h"


/*
 * Most names of this length begin with another letter, and almost all others
 * are written so
 */

#define ngx_http_vcita_headers_is_cache_control(h)                            \
    ((h)->key.len == sizeof("Cache-Control") - 1                              \
     && ((h)->key.data[0] | 0x20) == 'c'                                      \
     && (h)->hash                                                             \
     && (ngx_memcmp((h)->key.data, "Cache-Control",                           \
                    sizeof("Cache-Control") - 1)                              \
         == 0                                                                 \
         || ngx_strncasecmp((h)->key.data, (u_char *) "Cache-Control",        \
                            sizeof("Cache-Control") - 1)                      \
            == 0))


static ngx_int_t ngx_http_vcita_headers_filter(ngx_http_request_t *r)
    ngx_http_vcita_hot;
static ngx_str_t *ngx_http_vcita_headers_cookie(ngx_str_t *value,
    ngx_array_t *names);
static ngx_uint_t ngx_http_vcita_headers_unshared(ngx_str_t *value);
static ngx_int_t ngx_http_vcita_headers_unshare(ngx_http_request_t *r,
    ngx_http_vcita_ctx_t *ctx, ngx_uint_t lines);
static ngx_int_t ngx_http_vcita_headers_link(ngx_http_request_t *r,
    ngx_http_vcita_ctx_t *ctx, ngx_table_elt_t *h);
static ngx_int_t ngx_http_vcita_headers_init(ngx_conf_t *cf);


static ngx_http_output_header_filter_pt  ngx_http_next_header_filter;


static ngx_http_module_t  ngx_http_vcita_oauth_headers_module_ctx = {
    NULL,                            /* preconfiguration */
    ngx_http_vcita_headers_init,     /* postconfiguration */

    NULL,                                  /* create main configuration */
    NULL,                                  /* init main configuration */

    NULL,                                  /* create server configuration */
    NULL,                                  /* merge server configuration */

    NULL,                                  /* create location configuration */
    NULL                                   /* merge location configuration */
};


ngx_module_t  ngx_http_vcita_oauth_headers_module = {
    NGX_MODULE_V1,
    &ngx_http_vcita_oauth_headers_module_ctx, /* module context */
    NULL,                                  /* module directives */
    NGX_HTTP_MODULE,                       /* module type */
    NULL,                                  /* init master */
    NULL,                                  /* init module */
    NULL,                                  /* init process */
    NULL,                                  /* init thread */
    NULL,                                  /* exit thread */
    NULL,                                  /* exit process */
    NULL,                                  /* exit master */
    NGX_MODULE_V1_PADDING
};


static ngx_int_t
ngx_http_vcita_headers_filter(ngx_http_request_t *r)
{
    ngx_str_t                  *name;
    ngx_uint_t                  i, lines, unshared;
    ngx_list_part_t            *part;
    ngx_table_elt_t            *h;
    ngx_http_vcita_ctx_t       *ctx;
    ngx_http_vcita_srv_conf_t  *vscf;

    vscf = ngx_http_get_module_srv_conf(r, ngx_http_vcita_oauth_module);

    if (vscf->cookies.nelts == 0 || r != r->main) {
        return ngx_http_next_header_filter(r);
    }

    i = 0;
    lines = 0;
    unshared = 0;
    part = &r->headers_out.headers.part;

    while ((h = ngx_http_vcita_cookie_header(&part, &i)) != NULL) {

        if (ngx_http_vcita_headers_is_cache_control(h)) {
            lines = 1;
            unshared |= ngx_http_vcita_headers_unshared(&h->value);
            continue;
        }

        if (h->key.len != sizeof("Set-Cookie") - 1
            || h->hash == 0
            || h->key.data == ngx_http_vcita_set_cookie
            || ngx_strncasecmp(h->key.data, (u_char *) "Set-Cookie",
                               sizeof("Set-Cookie") - 1)
               != 0)
        {
            continue;
        }

        name = ngx_http_vcita_headers_cookie(&h->value, &vscf->cookies);

        if (name) {
            ngx_log_error(NGX_LOG_WARN, r->connection->log, 0,
                          "the module removed Set-Cookie \"%V\" from the "
                          "response, rename the upstream's cookie or set "
                          "another vcita_oauth_cookie_name", name);

            h->hash = 0;
        }
    }

    ctx = ngx_http_get_module_ctx(r, ngx_http_vcita_oauth_module);

    if (ctx == NULL) {
        ctx = ngx_http_vcita_ctx_get(r);
    }

    if (ctx
        && ctx->personal
        && !unshared
        && ngx_http_vcita_headers_unshare(r, ctx, lines) != NGX_OK)
    {
        return NGX_ERROR;
    }

    return ngx_http_next_header_filter(r);
}


/*
 * Parses the name of a Set-Cookie as browsers do (RFC 6265, 5.2): white space
 * around it is ignored.  A cookie without a name is sent as its value, so
 * "=name=value" comes back as "name=value".  Browsers differ on whether "name"
 * alone is a name or a value.
 */

static ngx_str_t *
ngx_http_vcita_headers_cookie(ngx_str_t *value, ngx_array_t *names)
{
    u_char      *p, *last, *end;
    ngx_str_t   *name;
    ngx_uint_t   i;

    p = value->data;
    last = p + value->len;

    while (p < last && (*p <= ' ' || *p == '=')) {
        p++;
    }

    name = names->elts;

    for (i = 0; i < names->nelts; i++) {

        if ((size_t) (last - p) < name[i].len
            || ngx_memcmp(p, name[i].data, name[i].len) != 0)
        {
            continue;
        }

        end = p + name[i].len;

        while (end < last && *end <= ' ') {
            end++;
        }

        if (end == last || *end == '=' || *end == ';') {
            return &name[i];
        }
    }

    return NULL;
}


/*
 * 1: a Cache-Control has "no-store" or "private", so that no shared cache may
 * store the response.  A "private" with field names allows it to store the rest
 * (RFC 9111, 5.2.2.7).  Text in quotes is no directive.
 */

static ngx_uint_t
ngx_http_vcita_headers_unshared(ngx_str_t *value)
{
    u_char      ch, *p, *last, *start, *end;
    ngx_uint_t  quoted;

    p = value->data;
    last = p + value->len;

    while (p < last) {

        while (p < last && (*p == ' ' || *p == '\t')) {
            p++;
        }

        start = p;

        for (quoted = 0; p < last && (quoted || *p != ','); p++) {

            ch = *p;

            if (ch == '"') {
                quoted = !quoted;

            } else if (ch == '\\' && quoted && p + 1 < last) {
                p++;
            }
        }

        for (end = p; end > start; end--) {

            if (end[-1] != ' ' && end[-1] != '\t') {
                break;
            }
        }

        if ((end - start == sizeof("private") - 1
             && ngx_strncasecmp(start, (u_char *) "private",
                                sizeof("private") - 1)
                == 0)
            || (end - start == sizeof("no-store") - 1
                && ngx_strncasecmp(start, (u_char *) "no-store",
                                   sizeof("no-store") - 1)
                   == 0))
        {
            return 1;
        }

        p++;
    }

    return 0;
}


/*
 * Adds "Cache-Control: private" before the other lines of that name, because
 * some caches read only the first.  It is in headers_out.cache_control, too,
 * which "gzip_proxied" and $sent_http_cache_control read.
 */

static ngx_int_t
ngx_http_vcita_headers_unshare(ngx_http_request_t *r,
    ngx_http_vcita_ctx_t *ctx, ngx_uint_t lines)
{
    ngx_str_t         value, last;
    ngx_uint_t        i;
    ngx_list_part_t  *part;
    ngx_table_elt_t  *h, *line;

    h = ngx_list_push(&r->headers_out.headers);
    if (h == NULL) {
        return NGX_ERROR;
    }

    h->hash = 1;
    ngx_str_set(&h->key, "Cache-Control");
    ngx_str_set(&h->value, "private");

    if (lines) {

        /* "private" goes to the first line, and all others one further */

        i = 0;
        last = h->value;
        part = &r->headers_out.headers.part;

        while ((line = ngx_http_vcita_cookie_header(&part, &i)) != NULL) {

            if (ngx_http_vcita_headers_is_cache_control(line)) {
                value = line->value;
                line->value = last;
                last = value;
            }
        }
    }

    return ngx_http_vcita_headers_link(r, ctx, h);
}


static ngx_int_t
ngx_http_vcita_headers_link(ngx_http_request_t *r, ngx_http_vcita_ctx_t *ctx,
    ngx_table_elt_t *h)
{
#if (nginx_version >= 1023000)

    ngx_table_elt_t  **line;

    for (line = &r->headers_out.cache_control; *line; line = &(*line)->next) {
        /* void */
    }

    *line = h;
    h->next = NULL;

#else

    ngx_array_t       *lines;
    ngx_table_elt_t  **line;

    lines = &r->headers_out.cache_control;

    if (lines->elts == NULL) {

        /* room for this line without an allocation */

        ctx->cache_control = h;

        lines->elts = &ctx->cache_control;
        lines->nelts = 1;
        lines->size = sizeof(ngx_table_elt_t *);
        lines->nalloc = 1;
        lines->pool = r->pool;

        return NGX_OK;
    }

    line = ngx_array_push(lines);
    if (line == NULL) {
        return NGX_ERROR;
    }

    *line = h;

#endif

    return NGX_OK;
}


static ngx_int_t
ngx_http_vcita_headers_init(ngx_conf_t *cf)
{
    ngx_http_vcita_main_conf_t  *vmcf;

    vmcf = ngx_http_conf_get_module_main_conf(cf,
                                              ngx_http_vcita_oauth_module);

    if (vmcf->gates) {
        ngx_http_next_header_filter = ngx_http_top_header_filter;
        ngx_http_top_header_filter = ngx_http_vcita_headers_filter;
    }

    return NGX_OK;
}


/* Adds a header with a literal name, unless the same header exists */

ngx_table_elt_t *
ngx_http_vcita_headers_add(ngx_http_request_t *r, const char *name,
    ngx_str_t *value)
{
    size_t            len;
    ngx_uint_t        i;
    ngx_table_elt_t  *h;
    ngx_list_part_t  *part;

    i = 0;
    len = ngx_strlen(name);
    part = &r->headers_out.headers.part;

    while ((h = ngx_http_vcita_cookie_header(&part, &i)) != NULL) {

        if (h->hash
            && h->key.len == len
            && ngx_strncmp(h->key.data, name, len) == 0
            && h->value.len == value->len
            && ngx_strncmp(h->value.data, value->data, value->len) == 0)
        {
            return h;
        }
    }

    h = ngx_list_push(&r->headers_out.headers);
    if (h == NULL) {
        return NULL;
    }

    h->hash = 1;
#if (nginx_version >= 1023000)
    h->next = NULL;
#endif
    h->key.data = (u_char *) name;
    h->key.len = len;
    h->value = *value;

    return h;
}


/* Adds a challenge to those of other modules */

ngx_int_t
ngx_http_vcita_headers_challenge(ngx_http_request_t *r, ngx_str_t *value)
{
    ngx_table_elt_t  *h, *www;

    h = ngx_http_vcita_headers_add(r, "WWW-Authenticate", value);
    if (h == NULL) {
        return NGX_ERROR;
    }

    www = r->headers_out.www_authenticate;

#if (nginx_version >= 1023000)
    h->next = (h != www) ? www : NULL;
#endif

    if (www == NULL || www->hash == 0) {
        r->headers_out.www_authenticate = h;
    }

    return NGX_OK;
}


/*
 * Hides the query of a callback.  The response must not be cached, and no
 * Referer may have its address.
 */

ngx_int_t
ngx_http_vcita_headers_hide(ngx_http_request_t *r, ngx_http_vcita_ctx_t *ctx)
{
    ngx_str_t  value;

    ngx_str_set(&value, "no-store");

    if (ngx_http_vcita_headers_add(r, "Cache-Control", &value) == NULL) {
        return NGX_ERROR;
    }

    ngx_str_set(&value, "no-referrer");

    if (ngx_http_vcita_headers_add(r, "Referrer-Policy", &value) == NULL) {
        return NGX_ERROR;
    }

    return ngx_http_vcita_ctx_hide(r, ctx);
}


/* Escapes a text for HTML */

ngx_int_t
ngx_http_vcita_headers_escape_html(ngx_pool_t *pool, ngx_str_t *text)
{
    u_char     *p;
    uintptr_t   extra;

    extra = ngx_escape_html(NULL, text->data, text->len);

    if (extra == 0) {
        return NGX_OK;
    }

    p = ngx_pnalloc(pool, text->len + extra);
    if (p == NULL) {
        return NGX_ERROR;
    }

    text->len = (u_char *) ngx_escape_html(p, text->data, text->len) - p;
    text->data = p;

    return NGX_OK;
}
