
/*
 * Copyright (C) the vcita OAuth gate authors
 *
 * Request headers of vcita_oauth_header: removed from what the client sent, set
 * once the gate has let the request through.  A subrequest shares the header
 * list of its parent, so neither a header nor a part of the list is changed:
 * the request gets new parts instead.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "http/ngx_http_vcita_http.h"


static ngx_uint_t ngx_http_vcita_upstream_headers_match(
    ngx_http_vcita_header_names_t *names, ngx_table_elt_t *h)
    ngx_http_vcita_hot;
static ngx_uint_t ngx_http_vcita_upstream_headers_same(ngx_str_t *name,
    ngx_str_t *letters);
static ngx_int_t ngx_http_vcita_upstream_headers_rebuild(ngx_http_request_t *r,
    ngx_http_vcita_header_names_t *names);
static ngx_int_t ngx_http_vcita_upstream_headers_keep(ngx_list_t *list,
    ngx_table_elt_t *h);
static void ngx_http_vcita_upstream_headers_unsent(ngx_http_request_t *r,
    ngx_http_vcita_ctx_t *ctx, ngx_http_vcita_header_t *header);
static ngx_int_t ngx_http_vcita_upstream_headers_append(ngx_http_request_t *r,
    ngx_list_part_t *own);


/* Removes all headers of these names, of the client or of a gate */

ngx_int_t
ngx_http_vcita_upstream_headers_remove(ngx_http_request_t *r,
    ngx_http_vcita_header_names_t *names)
{
    ngx_uint_t        i;
    ngx_list_part_t  *part;
    ngx_table_elt_t  *h;

    i = 0;
    part = &r->headers_in.headers.part;

    while ((h = ngx_http_vcita_cookie_header(&part, &i)) != NULL) {

        if (ngx_http_vcita_upstream_headers_match(names, h)) {
            return ngx_http_vcita_upstream_headers_rebuild(r, names);
        }
    }

    return NGX_OK;
}


/* Removes the headers of the gate that has let the request through */

ngx_int_t
ngx_http_vcita_upstream_headers_clear(ngx_http_request_t *r,
    ngx_http_vcita_ctx_t *ctx)
{
    ngx_http_vcita_srv_conf_t  *vscf;

    vscf = ngx_http_get_module_srv_conf(r, ngx_http_vcita_oauth_module);

    ctx->headed = 0;

    return ngx_http_vcita_upstream_headers_remove(r, vscf->headers);
}


/* Most names end in another byte, and need no comparison */

static ngx_uint_t
ngx_http_vcita_upstream_headers_match(ngx_http_vcita_header_names_t *names,
    ngx_table_elt_t *h)
{
    ngx_str_t   *letters;
    ngx_uint_t   i;

    if (h->key.len == 0 || !names->ends[h->key.data[h->key.len - 1]]) {
        return 0;
    }

    letters = names->letters.elts;

    for (i = 0; i < names->letters.nelts; i++) {

        if (ngx_http_vcita_upstream_headers_same(&h->key, &letters[i])) {
            return 1;
        }
    }

    return 0;
}


/*
 * Compares letters and digits only: CGI makes "_" of "-", PHP of ".", too.
 * Names are compared from the end, where they differ sooner.
 */

static ngx_uint_t
ngx_http_vcita_upstream_headers_same(ngx_str_t *name, ngx_str_t *letters)
{
    u_char  c, *p, *q;

    p = name->data + name->len;
    q = letters->data + letters->len;

    while (p > name->data) {
        c = *--p;
        c = ngx_tolower(c);

        if ((c < 'a' || c > 'z') && (c < '0' || c > '9')) {
            continue;
        }

        if (q == letters->data || c != *--q) {
            return 0;
        }
    }

    return q == letters->data;
}


static ngx_int_t
ngx_http_vcita_upstream_headers_rebuild(ngx_http_request_t *r,
    ngx_http_vcita_header_names_t *names)
{
    ngx_uint_t        i;
    ngx_list_t       *list;
    ngx_list_part_t   first, *part;
    ngx_table_elt_t  *h;

    list = &r->headers_in.headers;
    first = list->part;

    /* if memory is exhausted, the list stays empty */

    list->part.nelts = 0;

    if (ngx_list_init(list, r->pool, 1, sizeof(ngx_table_elt_t)) != NGX_OK) {
        list->part.next = NULL;
        return NGX_ERROR;
    }

    i = 0;
    part = &first;

    while ((h = ngx_http_vcita_cookie_header(&part, &i)) != NULL) {

        if (!ngx_http_vcita_upstream_headers_match(names, h)
            && ngx_http_vcita_upstream_headers_keep(list, h) != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


/*
 * Adds the header where it is, since nginx has pointers to it.  Every part is
 * full: its next element may be a removed one.  Only the first part may be
 * empty, because nginx reads the first header of each further part
 * unconditionally.
 */

static ngx_int_t
ngx_http_vcita_upstream_headers_keep(ngx_list_t *list, ngx_table_elt_t *h)
{
    ngx_list_part_t  *last;

    last = list->last;

    if (last->nelts == 0) {
        last->elts = h;

    } else if ((ngx_table_elt_t *) last->elts + last->nelts != h) {

        last = ngx_pcalloc(list->pool, sizeof(ngx_list_part_t));
        if (last == NULL) {
            return NGX_ERROR;
        }

        last->elts = h;

        list->last->next = last;
        list->last = last;
    }

    last->nelts++;
    list->nalloc = last->nelts;

    return NGX_OK;
}


/* Sets the headers of a location whose gate has let the request through */

ngx_int_t
ngx_http_vcita_upstream_headers_set(ngx_http_request_t *r,
    ngx_http_vcita_ctx_t *ctx, ngx_array_t *headers)
{
    ngx_str_t                   value;
    ngx_uint_t                  i, unsent;
    ngx_list_part_t            *part;
    ngx_table_elt_t            *h;
    ngx_http_vcita_header_t    *header;
    ngx_http_variable_value_t  *vv;

    part = ngx_palloc(r->pool, sizeof(ngx_list_part_t)
                               + headers->nelts * sizeof(ngx_table_elt_t));
    if (part == NULL) {
        return NGX_ERROR;
    }

    part->elts = &part[1];
    part->nelts = 0;
    part->next = NULL;

    h = part->elts;
    header = headers->elts;
    unsent = 0;

    for (i = 0; i < headers->nelts; i++) {

        vv = ngx_http_get_flushed_variable(r, header[i].index);

        if (vv == NULL) {
            return NGX_ERROR;
        }

        if (vv->not_found || vv->len == 0) {
            continue;
        }

        value.len = vv->len;
        value.data = vv->data;

        if (!ngx_http_vcita_string_printable(&value)) {
            ngx_http_vcita_upstream_headers_unsent(r, ctx, &header[i]);
            unsent = 1;
            continue;
        }

        h->hash = header[i].hash;
        h->key = header[i].name;
        h->value = value;
        h->lowcase_key = header[i].lowcase.data;
#if (nginx_version >= 1023000)
        h->next = NULL;
#endif

        h++;
        part->nelts++;
    }

    ctx->unsent |= unsent;

    if (part->nelts == 0) {
        return NGX_OK;
    }

    ctx->headed = 1;

    return ngx_http_vcita_upstream_headers_append(r, part);
}


/* once for each request: an internal redirect sets the headers again */

static void
ngx_http_vcita_upstream_headers_unsent(ngx_http_request_t *r,
    ngx_http_vcita_ctx_t *ctx, ngx_http_vcita_header_t *header)
{
    if (ctx->unsent) {
        return;
    }

    ngx_log_error(NGX_LOG_ERR, r->connection->log, 0,
                  "vcita_oauth_header \"%V\" was not sent because $%V has a "
                  "control character, remove it by a map",
                  &header->name, &header->variable);
}


static ngx_int_t
ngx_http_vcita_upstream_headers_append(ngx_http_request_t *r,
    ngx_list_part_t *own)
{
    ngx_list_t       *list;
    ngx_list_part_t  *part, *copy, **link;

    list = &r->headers_in.headers;
    link = &list->part.next;

    /* a request of more than 20 headers has such parts */

    for (part = list->part.next; part; part = part->next) {

        copy = ngx_palloc(r->pool, sizeof(ngx_list_part_t));
        if (copy == NULL) {
            return NGX_ERROR;
        }

        *copy = *part;
        *link = copy;
        link = &copy->next;
    }

    *link = own;

    /* the part is full: other modules add headers to a new one */

    list->last = own;
    list->nalloc = own->nelts;

    return NGX_OK;
}
