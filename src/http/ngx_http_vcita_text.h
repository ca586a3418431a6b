
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


const char *ngx_http_vcita_text(ngx_http_vcita_text_e key);


#endif /* _NGX_HTTP_VCITA_TEXT_H_INCLUDED_ */
