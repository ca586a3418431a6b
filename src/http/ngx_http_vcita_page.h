
/*
 * Copyright (C) the vcita OAuth gate authors
 *
 * What a page shows.
 */


#ifndef _NGX_HTTP_VCITA_PAGE_H_INCLUDED_
#define _NGX_HTTP_VCITA_PAGE_H_INCLUDED_


#include "http/ngx_http_vcita_text.h"


typedef struct {
    ngx_uint_t                    status;
    ngx_http_vcita_text_e         title;      /* none: one line, no page */
    ngx_http_vcita_text_e         text;
    ngx_str_t                     detail;     /* shown escaped */
    ngx_http_vcita_text_e         link;
    ngx_str_t                     href;       /* escaped, too */
    ngx_uint_t                    refresh;    /* seconds, 0: none */
    unsigned                      button:1;   /* the link is a form */
    unsigned                      new_tab:1;
} ngx_http_vcita_page_t;


#endif /* _NGX_HTTP_VCITA_PAGE_H_INCLUDED_ */
