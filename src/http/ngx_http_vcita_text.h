
/*
 * Copyright (C) the vcita OAuth gate authors
 *
 * The texts of the pages.  Each language has a file, with each key once and in
 * the same order; the English file is the list of keys.
 */


#ifndef _NGX_HTTP_VCITA_TEXT_H_INCLUDED_
#define _NGX_HTTP_VCITA_TEXT_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>


/*
 * text(key, string)
 *
 *     The string is UTF-8 without any character that is special in HTML.  "%s"
 *     in it stands for a value.
 */

#define text(key, string)  key,

typedef enum {
    NGX_HTTP_VCITA_TEXT_NONE = 0,
#include "http/ngx_http_vcita_text_en.h"
    NGX_HTTP_VCITA_TEXTS
} ngx_http_vcita_text_e;

#undef text


/* languages are numbered; English is the first */
#define NGX_HTTP_VCITA_TEXT_LANGUAGES  9


const char *ngx_http_vcita_text(ngx_uint_t language,
    ngx_http_vcita_text_e key);
u_char *ngx_http_vcita_text_attributes(u_char *p, ngx_uint_t language);
ngx_int_t ngx_http_vcita_text_language(ngx_str_t *code);


#endif /* _NGX_HTTP_VCITA_TEXT_H_INCLUDED_ */
