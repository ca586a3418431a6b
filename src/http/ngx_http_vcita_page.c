
/*
 * Copyright (C) the vcita OAuth gate authors
 *
 * The module's own responses: pages for people, one line for programs,
 * redirects.  None of them may be cached.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "http/ngx_http_vcita_http.h"


static ngx_int_t ngx_http_vcita_page_headers(ngx_http_request_t *r);
static ngx_uint_t ngx_http_vcita_page_configured(ngx_http_request_t *r,
    ngx_uint_t status);
static ngx_int_t ngx_http_vcita_page_retry(ngx_http_request_t *r,
    ngx_http_vcita_page_t *page);
static ngx_int_t ngx_http_vcita_page_wait(ngx_http_request_t *r,
    ngx_http_vcita_page_t *page);
static ngx_int_t ngx_http_vcita_page_send(ngx_http_request_t *r,
    ngx_uint_t status, const char *type, ngx_str_t *body);
static void ngx_http_vcita_page_discard(ngx_http_request_t *r);


/*
 * Responds to a phase with an error: by the operator's error_page, else by a
 * page of the module, or by one line for a program.  A page without a text gets
 * that of its error code.  Returns the result of a phase handler.
 */

ngx_int_t
ngx_http_vcita_page_error(ngx_http_request_t *r, ngx_http_vcita_ctx_t *ctx,
    ngx_http_vcita_page_t *page)
{
    ngx_int_t  rc;

    rc = ngx_http_vcita_page_error_content(r, ctx, page);

    if (rc == (ngx_int_t) page->status) {
        return rc;
    }

    return ngx_http_vcita_page_answered(r, rc);
}


/* The same for a content handler, whose result finalizes the request */

ngx_int_t
ngx_http_vcita_page_error_content(ngx_http_request_t *r,
    ngx_http_vcita_ctx_t *ctx, ngx_http_vcita_page_t *page)
{
    ctx->status = page->status;

    /* 401 and 503 are not final: a login or another try may help */

    if (ctx->event == 0
        && page->status != NGX_HTTP_UNAUTHORIZED
        && page->status != NGX_HTTP_NOT_ALLOWED
        && page->status != NGX_HTTP_SERVICE_UNAVAILABLE)
    {
        ctx->event = NGX_HTTP_VCITA_REFUSED;
    }

    if (page->text == NGX_HTTP_VCITA_TEXT_NONE) {
        ngx_http_vcita_errors_describe(ctx, page);
    }

    if (ngx_http_vcita_page_configured(r, page->status)) {

        if (ngx_http_vcita_page_headers(r) != NGX_OK
            || ngx_http_vcita_page_retry(r, page) != NGX_OK)
        {
            return NGX_HTTP_INTERNAL_SERVER_ERROR;
        }

        return page->status;
    }

    return ngx_http_vcita_page_answer(r, page);
}


/* 1: nginx has an error_page for this status and may still use it */

static ngx_uint_t
ngx_http_vcita_page_configured(ngx_http_request_t *r,
    ngx_uint_t status)
{
    ngx_uint_t                 i;
    ngx_http_err_page_t       *err_page;
    ngx_http_core_loc_conf_t  *clcf;

    clcf = ngx_http_get_module_loc_conf(r, ngx_http_core_module);

    if (r->error_page || clcf->error_pages == NULL || r->uri_changes == 0) {
        return 0;
    }

    err_page = clcf->error_pages->elts;

    for (i = 0; i < clcf->error_pages->nelts; i++) {

        if (err_page[i].status == (ngx_int_t) status) {
            return 1;
        }
    }

    return 0;
}


/* Sends a page; returns the argument of ngx_http_finalize_request() */

ngx_int_t
ngx_http_vcita_page_answer(ngx_http_request_t *r, ngx_http_vcita_page_t *page)
{
    ngx_str_t  body, csp;

    if (page->title == NGX_HTTP_VCITA_TEXT_NONE) {

        /* one line for a program */

        if (ngx_http_vcita_page_headers(r) != NGX_OK) {
            return NGX_ERROR;
        }

        ngx_str_set(&body, "sign in first\n");

        return ngx_http_vcita_page_send(r, page->status, "text/plain", &body);
    }

    ngx_str_set(&csp, "default-src 'none'; style-src 'unsafe-inline'; "
                      "base-uri 'none'");

    if (page->button) {

        /* clickjacking: no other site may show the button in a frame */

        ngx_str_set(&csp, "default-src 'none'; style-src 'unsafe-inline'; "
                          "base-uri 'none'; frame-ancestors 'none'");
    }

    if (ngx_http_vcita_page_headers(r) != NGX_OK
        || ngx_http_vcita_page_retry(r, page) != NGX_OK
        || ngx_http_vcita_page_wait(r, page) != NGX_OK
        || ngx_http_vcita_headers_add(r, "Content-Security-Policy", &csp)
           == NULL
        || ngx_http_vcita_headers_escape_html(r->pool, &page->detail) != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (ngx_http_vcita_html(r, page, &body) != NGX_OK) {
        return NGX_ERROR;
    }

    return ngx_http_vcita_page_send(r, page->status,
                                    "text/html", &body);
}


/* the wait that a page of the queue shows, in minutes */

static ngx_int_t
ngx_http_vcita_page_wait(ngx_http_request_t *r, ngx_http_vcita_page_t *page)
{
    if (page->refresh == 0) {
        return NGX_OK;
    }

    page->detail.data = ngx_pnalloc(r->pool, NGX_INT_T_LEN);
    if (page->detail.data == NULL) {
        return NGX_ERROR;
    }

    page->detail.len = ngx_sprintf(page->detail.data, "%ui",
                                   (page->refresh + 59) / 60)
                       - page->detail.data;
    page->sentence = NGX_HTTP_VCITA_TEXT_WAIT;

    return NGX_OK;
}


/*
 * Sets page->href to an escaped link: an address of this site, or an absolute
 * URL.  Without an origin there is no link.
 */

ngx_int_t
ngx_http_vcita_page_link(ngx_http_request_t *r, ngx_http_vcita_ctx_t *ctx,
    ngx_str_t *uri, ngx_http_vcita_page_t *page)
{
    u_char  *p;

    if (ctx->origin_client == NULL) {
        return NGX_OK;
    }

    page->href.len = ctx->origin.len + uri->len;

    p = ngx_pnalloc(r->pool, page->href.len);
    if (p == NULL) {
        return NGX_ERROR;
    }

    page->href.data = p;

    p = ngx_cpymem(p, ctx->origin.data, ctx->origin.len);
    ngx_memcpy(p, uri->data, uri->len);

    return ngx_http_vcita_headers_escape_html(r->pool, &page->href);
}


static ngx_int_t
ngx_http_vcita_page_retry(ngx_http_request_t *r, ngx_http_vcita_page_t *page)
{
    ngx_str_t  value;

    if (page->refresh == 0) {
        return NGX_OK;
    }

    value.data = ngx_pnalloc(r->pool, NGX_INT_T_LEN);
    if (value.data == NULL) {
        return NGX_ERROR;
    }

    value.len = ngx_sprintf(value.data, "%ui", page->refresh) - value.data;

    return ngx_http_vcita_headers_add(r, "Retry-After", &value) == NULL
           ? NGX_ERROR : NGX_OK;
}


/* Sends a redirect; the location lives as long as the request */

ngx_int_t
ngx_http_vcita_page_redirect(ngx_http_request_t *r, ngx_uint_t status,
    ngx_str_t *location)
{
    ngx_table_elt_t  *h;

    ngx_http_clear_location(r);
    r->err_status = 0;

    h = ngx_http_vcita_headers_add(r, "Location", location);

    if (h == NULL || ngx_http_vcita_page_headers(r) != NGX_OK) {
        return NGX_ERROR;
    }

    r->headers_out.location = h;
    r->headers_out.status = status;
    r->headers_out.content_length_n = 0;
    r->header_only = 1;

    ngx_http_vcita_page_discard(r);

    return ngx_http_send_header(r);
}


static ngx_int_t
ngx_http_vcita_page_headers(ngx_http_request_t *r)
{
    ngx_str_t  value;

    ngx_str_set(&value, "no-store");

    if (ngx_http_vcita_headers_add(r, "Cache-Control", &value) == NULL) {
        return NGX_ERROR;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_vcita_page_send(ngx_http_request_t *r, ngx_uint_t status,
    const char *type, ngx_str_t *body)
{
    ngx_int_t     rc;
    ngx_buf_t    *b;
    ngx_chain_t   out;

    /* nginx would replace the status by that of an error_page */

    r->err_status = 0;

    r->headers_out.status = status;
    r->headers_out.status_line.len = 0;
    r->headers_out.content_length_n = body->len;
    r->headers_out.content_type.data = (u_char *) type;
    r->headers_out.content_type.len = ngx_strlen(type);
    r->headers_out.content_type_len = r->headers_out.content_type.len;
    r->headers_out.content_type_lowcase = NULL;
    ngx_str_set(&r->headers_out.charset, "utf-8");

    if (status == NGX_HTTP_BAD_REQUEST) {
        r->keepalive = 0;
    }

    ngx_http_vcita_page_discard(r);

    rc = ngx_http_send_header(r);

    if (rc == NGX_ERROR || rc > NGX_OK || r->header_only) {
        return rc;
    }

    b = ngx_calloc_buf(r->pool);
    if (b == NULL) {
        return NGX_ERROR;
    }

    b->pos = body->data;
    b->last = body->data + body->len;
    b->memory = 1;
    b->last_buf = 1;
    b->last_in_chain = 1;

    out.buf = b;
    out.next = NULL;

    return ngx_http_output_filter(r, &out);
}


/*
 * Discards the request body as nginx's special responses do, after the response
 * is sent.  Earlier, a proxied error_page and the discarding would both
 * finalize the request, and free it twice.
 */

static void
ngx_http_vcita_page_discard(ngx_http_request_t *r)
{
    r->expect_tested = 1;

    if (ngx_http_discard_request_body(r) != NGX_OK) {
        r->keepalive = 0;
    }
}
