
/*
 * Copyright (C) the vcita OAuth gate authors
 *
 * The catalogue of the texts of the pages.
 */


#include <ngx_config.h>
#include <ngx_core.h>

#include "http/ngx_http_vcita_text.h"


/*
 * One string for a language, not a table of pointers: each pointer would cost
 * a relocation when the module is loaded
 */

#define text(key, string)  string "\0"

static const char  ngx_http_vcita_text_en[] =
#include "http/ngx_http_vcita_text_en.h"
;

#undef text


const char *
ngx_http_vcita_text(ngx_http_vcita_text_e key)
{
    ngx_uint_t   i;
    const char  *p;

    if (key == NGX_HTTP_VCITA_TEXT_NONE) {
        return "";
    }

    p = ngx_http_vcita_text_en;

    for (i = NGX_HTTP_VCITA_TEXT_NONE + 1; i < key; i++) {
        p += ngx_strlen(p) + 1;
    }

    return p;
}
