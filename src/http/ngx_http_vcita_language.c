
/*
 * Copyright (C) the vcita OAuth gate authors
 *
 * The language of a page, by Accept-Language (RFC 9110, 12.5.4).
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "http/ngx_http_vcita_http.h"


#define NGX_HTTP_VCITA_LANGUAGE_ANY    NGX_HTTP_VCITA_TEXT_LANGUAGES

/* how exactly a range names a language */
#define NGX_HTTP_VCITA_LANGUAGE_LONGER  1
#define NGX_HTTP_VCITA_LANGUAGE_EXACT   2


typedef struct {
    ngx_uint_t  named;       /* 0: by no range */
    ngx_uint_t  weight;      /* in thousandths, 0: not acceptable */
    ngx_uint_t  place;       /* of the range in the header */
} ngx_http_vcita_language_choice_t;


static void ngx_http_vcita_language_header(ngx_str_t *value,
    ngx_http_vcita_language_choice_t *choices, ngx_uint_t *place);
static void ngx_http_vcita_language_range(ngx_str_t *range,
    ngx_http_vcita_language_choice_t *choices, ngx_uint_t place);
static ngx_int_t ngx_http_vcita_language_weight(u_char *p, u_char *last);
static ngx_int_t ngx_http_vcita_language_tag(ngx_str_t *tag,
    ngx_uint_t *named);


/* The best language of the pages, English if the request has no wish */

ngx_uint_t
ngx_http_vcita_language(ngx_http_request_t *r)
{
    ngx_uint_t                         i, part_i, best, place;
    ngx_list_part_t                   *part;
    ngx_table_elt_t                   *h;
    ngx_http_vcita_language_choice_t  *choice, *chosen;
    ngx_http_vcita_language_choice_t   choices[NGX_HTTP_VCITA_LANGUAGE_ANY + 1];

    ngx_memzero(choices, sizeof(choices));

    place = 0;
    part_i = 0;
    part = &r->headers_in.headers.part;

    /* nginx has no pointer to this header without NGX_HTTP_HEADERS */

    while ((h = ngx_http_vcita_cookie_header(&part, &part_i)) != NULL) {

        if (h->key.len == sizeof("accept-language") - 1
            && ngx_strncmp(h->lowcase_key, "accept-language", h->key.len) == 0)
        {
            ngx_http_vcita_language_header(&h->value, choices, &place);
        }
    }

    best = 0;
    chosen = NULL;

    for (i = 0; i < NGX_HTTP_VCITA_TEXT_LANGUAGES; i++) {

        choice = choices[i].named ? &choices[i]
                                  : &choices[NGX_HTTP_VCITA_LANGUAGE_ANY];

        if (choice->weight == 0) {
            continue;
        }

        if (chosen == NULL
            || choice->weight > chosen->weight
            || (choice->weight == chosen->weight
                && choice->place < chosen->place))
        {
            best = i;
            chosen = choice;
        }
    }

    return best;
}


static void
ngx_http_vcita_language_header(ngx_str_t *value,
    ngx_http_vcita_language_choice_t *choices, ngx_uint_t *place)
{
    u_char     *p, *last, *end;
    ngx_str_t   range;

    p = value->data;
    last = value->data + value->len;

    while (p < last) {

        end = ngx_strlchr(p, last, ',');

        if (end == NULL) {
            end = last;
        }

        range.data = p;
        range.len = end - p;

        ngx_http_vcita_language_range(&range, choices, (*place)++);

        p = end + 1;
    }
}


static void
ngx_http_vcita_language_range(ngx_str_t *range,
    ngx_http_vcita_language_choice_t *choices, ngx_uint_t place)
{
    u_char                            *p, *last, *semicolon;
    ngx_int_t                          i, weight;
    ngx_str_t                          tag;
    ngx_uint_t                         named;
    ngx_http_vcita_language_choice_t  *choice;

    p = range->data;
    last = range->data + range->len;

    while (p < last && (*p == ' ' || *p == '\t')) {
        p++;
    }

    while (p < last && (last[-1] == ' ' || last[-1] == '\t')) {
        last--;
    }

    weight = 1000;
    semicolon = ngx_strlchr(p, last, ';');

    if (semicolon) {
        weight = ngx_http_vcita_language_weight(semicolon + 1, last);
        last = semicolon;

        while (p < last && (last[-1] == ' ' || last[-1] == '\t')) {
            last--;
        }
    }

    tag.data = p;
    tag.len = last - p;

    i = ngx_http_vcita_language_tag(&tag, &named);

    if (i == NGX_DECLINED || weight == NGX_ERROR) {
        return;
    }

    /* "de-AT;q=0" does not exclude German */

    if (named == NGX_HTTP_VCITA_LANGUAGE_LONGER && weight == 0) {
        return;
    }

    choice = &choices[i];

    if (choice->named == NGX_HTTP_VCITA_LANGUAGE_EXACT && choice->weight == 0) {
        return;
    }

    if (weight == 0
        || choice->named == 0
        || (ngx_uint_t) weight > choice->weight)
    {
        choice->named = named;
        choice->weight = weight;
        choice->place = place;
    }
}


/* the weight of "q=0.5" in thousandths; NGX_ERROR: it is none */

static ngx_int_t
ngx_http_vcita_language_weight(u_char *p, u_char *last)
{
    ngx_int_t   weight;
    ngx_uint_t  unit;

    while (p < last && (*p == ' ' || *p == '\t')) {
        p++;
    }

    if (last - p < 3
        || (p[0] | 0x20) != 'q'
        || p[1] != '='
        || (p[2] != '0' && p[2] != '1'))
    {
        return NGX_ERROR;
    }

    weight = (p[2] - '0') * 1000;
    p += 3;

    if (p == last) {
        return weight;
    }

    if (*p++ != '.' || last - p > 3) {
        return NGX_ERROR;
    }

    for (unit = 100; p < last; p++, unit /= 10) {

        if (*p < '0' || *p > '9') {
            return NGX_ERROR;
        }

        weight += (*p - '0') * unit;
    }

    return (weight <= 1000) ? weight : NGX_ERROR;
}


/* the language of a range, by its first subtag; NGX_DECLINED: there is none */

static ngx_int_t
ngx_http_vcita_language_tag(ngx_str_t *tag, ngx_uint_t *named)
{
    size_t      n;
    ngx_str_t   first;

    *named = NGX_HTTP_VCITA_LANGUAGE_EXACT;

    if (tag->len == 1 && tag->data[0] == '*') {
        return NGX_HTTP_VCITA_LANGUAGE_ANY;
    }

    first = *tag;

    for (n = 0; n < tag->len; n++) {

        if (tag->data[n] == '-') {

            if (*named == NGX_HTTP_VCITA_LANGUAGE_EXACT) {
                *named = NGX_HTTP_VCITA_LANGUAGE_LONGER;
                first.len = n;
            }

        } else if (!isalnum(tag->data[n])) {
            return NGX_DECLINED;
        }
    }

    return ngx_http_vcita_text_language(&first);
}
