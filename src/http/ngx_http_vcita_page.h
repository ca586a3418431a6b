
/*
 * Copyright (C) the vcita OAuth gate authors
 *
 * What a page shows.
 */


#ifndef _NGX_HTTP_VCITA_PAGE_H_INCLUDED_
#define _NGX_HTTP_VCITA_PAGE_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "http/ngx_http_vcita_text.h"


typedef struct {
    ngx_uint_t                    status;
    ngx_http_vcita_text_e         title;      /* none: one line, no page */
    ngx_http_vcita_text_e         text;
    ngx_http_vcita_text_e         sentence;   /* with the detail */
    ngx_str_t                     detail;     /* shown escaped */
    ngx_http_vcita_text_e         link;
    ngx_str_t                     href;       /* escaped, too */
    ngx_uint_t                    refresh;    /* seconds, 0: none */
    ngx_uint_t                    language;   /* set by html() */
    unsigned                      button:1;   /* the link is a form */
    unsigned                      new_tab:1;
} ngx_http_vcita_page_t;


/* html */

ngx_int_t ngx_http_vcita_html(ngx_http_request_t *r,
    ngx_http_vcita_page_t *page, ngx_str_t *body);

/* language */

ngx_uint_t ngx_http_vcita_language(ngx_http_request_t *r);


/* in a phase handler, a response ends the request */

#define ngx_http_vcita_page_answered(r, rc)                                   \
    (ngx_http_finalize_request(r, rc), NGX_DONE)


#endif /* _NGX_HTTP_VCITA_PAGE_H_INCLUDED_ */
