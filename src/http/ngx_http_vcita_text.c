
/*
 * Copyright (C) the vcita OAuth gate authors
 *
 * The catalogue of the texts of the pages.
 */


#include <ngx_config.h>
#include <ngx_core.h>

#include "http/ngx_http_vcita_text.h"


typedef struct {
    ngx_str_t    code;
    const char  *direction;
    const char  *texts;
} ngx_http_vcita_text_language_t;


/*
 * One string for a language, not a table of pointers: each pointer would cost
 * a relocation when the module is loaded
 */

#define text(key, string)  string "\0"

static const char  ngx_http_vcita_text_en[] =
#include "http/ngx_http_vcita_text_en.h"
;

static const char  ngx_http_vcita_text_es[] =
#include "http/ngx_http_vcita_text_es.h"
;

static const char  ngx_http_vcita_text_fr[] =
#include "http/ngx_http_vcita_text_fr.h"
;

static const char  ngx_http_vcita_text_de[] =
#include "http/ngx_http_vcita_text_de.h"
;

static const char  ngx_http_vcita_text_it[] =
#include "http/ngx_http_vcita_text_it.h"
;

static const char  ngx_http_vcita_text_pt[] =
#include "http/ngx_http_vcita_text_pt.h"
;

static const char  ngx_http_vcita_text_nl[] =
#include "http/ngx_http_vcita_text_nl.h"
;

static const char  ngx_http_vcita_text_pl[] =
#include "http/ngx_http_vcita_text_pl.h"
;

static const char  ngx_http_vcita_text_he[] =
#include "http/ngx_http_vcita_text_he.h"
;

#undef text


/* "*" means the first one that no other range names */

static ngx_http_vcita_text_language_t
    ngx_http_vcita_text_table[NGX_HTTP_VCITA_TEXT_LANGUAGES] =
{
    { ngx_string("en"), "ltr", ngx_http_vcita_text_en },
    { ngx_string("es"), "ltr", ngx_http_vcita_text_es },
    { ngx_string("fr"), "ltr", ngx_http_vcita_text_fr },
    { ngx_string("de"), "ltr", ngx_http_vcita_text_de },
    { ngx_string("it"), "ltr", ngx_http_vcita_text_it },
    { ngx_string("pt"), "ltr", ngx_http_vcita_text_pt },
    { ngx_string("nl"), "ltr", ngx_http_vcita_text_nl },
    { ngx_string("pl"), "ltr", ngx_http_vcita_text_pl },
    { ngx_string("he"), "rtl", ngx_http_vcita_text_he }
};


const char *
ngx_http_vcita_text(ngx_uint_t language, ngx_http_vcita_text_e key)
{
    ngx_uint_t   i;
    const char  *p;

    if (key == NGX_HTTP_VCITA_TEXT_NONE) {
        return "";
    }

    p = ngx_http_vcita_text_table[language].texts;

    for (i = NGX_HTTP_VCITA_TEXT_NONE + 1; i < key; i++) {
        p += ngx_strlen(p) + 1;
    }

    return p;
}


/* The attributes of an element in this language */

u_char *
ngx_http_vcita_text_attributes(u_char *p, ngx_uint_t language)
{
    ngx_http_vcita_text_language_t  *l;

    l = &ngx_http_vcita_text_table[language];

    return ngx_sprintf(p, "lang=\"%V\" dir=\"%s\"", &l->code, l->direction);
}


/* The index of a language by its code; NGX_DECLINED: it has no texts */

ngx_int_t
ngx_http_vcita_text_language(ngx_str_t *code)
{
    u_char     *name;
    ngx_int_t   i;

    if (code->len != 2) {
        return NGX_DECLINED;
    }

    name = code->data;

    /* the code of Hebrew until 1989, which Java still sends */

    if (ngx_strncasecmp(name, (u_char *) "iw", 2) == 0) {
        name = (u_char *) "he";
    }

    for (i = 0; i < NGX_HTTP_VCITA_TEXT_LANGUAGES; i++) {

        if (ngx_strncasecmp(name, ngx_http_vcita_text_table[i].code.data, 2)
            == 0)
        {
            return i;
        }
    }

    return NGX_DECLINED;
}
