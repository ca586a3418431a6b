
/*
 * Copyright (C) the vcita OAuth gate authors
 *
 * Cookies: removes the module's cookies from a request, and sets them in a
 * response.  May touch header lists and a pool.  Only this file knows how nginx
 * keeps Cookie lines, as an array until 1.22 and as a linked list since 1.23.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "util/ngx_http_vcita_cookie.h"


/*
 * So many cookies of a line are compared with the names, the rest is searched
 * for their stems: the search is faster only in a long line
 */
#define NGX_HTTP_VCITA_COOKIE_COMPARED  2


/* the rest of a line while cookies are removed from it */

typedef struct {
    ngx_str_t                    kept;
    u_char                      *copy;
} ngx_http_vcita_cut_t;


static u_char *ngx_http_vcita_cookie_seek(ngx_array_t *stems,
    u_char *p, u_char *last);
static u_char *ngx_http_vcita_cookie_next(u_char *p, u_char *last,
    u_char **end);
static ngx_int_t ngx_http_vcita_cookie_find(ngx_array_t *names, u_char *p,
    u_char *end, ngx_str_t *value);
static ngx_inline ngx_http_vcita_found_t *ngx_http_vcita_cookie_push(
    ngx_array_t *found);
static ngx_int_t ngx_http_vcita_cookie_end(ngx_http_vcita_cut_t *cut,
    ngx_str_t *line, ngx_pool_t *pool, u_char *others, u_char *last);
static ngx_int_t ngx_http_vcita_cookie_join(ngx_http_vcita_cut_t *cut,
    ngx_str_t *line, ngx_pool_t *pool, u_char *p, u_char *end);
static u_char *ngx_http_vcita_cookie_unblank(u_char *start, u_char *end);
static ngx_int_t ngx_http_vcita_cookie_drop(ngx_pool_t *pool, ngx_list_t *list,
    ngx_table_elt_t *h);
static ngx_int_t ngx_http_vcita_cookie_drop_from(ngx_pool_t *pool,
    ngx_list_t *list, ngx_list_part_t *prev, ngx_list_part_t *part,
    ngx_uint_t i);
static void ngx_http_vcita_cookie_unset(ngx_http_headers_out_t *out,
    ngx_str_t *name);


/* this address marks the module's own Set-Cookie lines */

u_char  ngx_http_vcita_set_cookie[] = "Set-Cookie";


/*
 * Removes the named cookies from all Cookie lines and appends their values to
 * "found" in the order sent.  Each name contains one of the stems.  The other
 * cookies stay byte for byte.  A line that becomes empty leaves the header
 * list.
 */

#if (nginx_version >= 1023000)

ngx_int_t
ngx_http_vcita_cookie_cut(ngx_http_headers_in_t *in, ngx_pool_t *pool,
    ngx_array_t *names, ngx_array_t *stems, ngx_array_t *found)
{
    ngx_table_elt_t  *h, **link;

    link = &in->cookie;

    for (h = in->cookie; h; h = h->next) {

        if (ngx_http_vcita_cookie_cut_line(&h->value, pool, names, stems,
                                           found)
            != NGX_OK)
        {
            return NGX_ERROR;
        }

        if (h->value.len) {
            link = &h->next;
            continue;
        }

        *link = h->next;

        if (ngx_http_vcita_cookie_drop(pool, &in->headers, h) != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}

#else

ngx_int_t
ngx_http_vcita_cookie_cut(ngx_http_headers_in_t *in, ngx_pool_t *pool,
    ngx_array_t *names, ngx_array_t *stems, ngx_array_t *found)
{
    ngx_uint_t         i, n;
    ngx_table_elt_t  **h;

    h = in->cookies.elts;
    n = 0;

    for (i = 0; i < in->cookies.nelts; i++) {

        if (ngx_http_vcita_cookie_cut_line(&h[i]->value, pool, names, stems,
                                           found)
            != NGX_OK)
        {
            return NGX_ERROR;
        }

        if (h[i]->value.len) {
            h[n++] = h[i];
            continue;
        }

        if (ngx_http_vcita_cookie_drop(pool, &in->headers, h[i]) != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    in->cookies.nelts = n;

    return NGX_OK;
}

#endif


/*
 * The same for one line.  nginx ends header values with a zero byte, for which
 * the line has room.  The rest of the line is copied only if a removed cookie
 * was between two others.
 */

ngx_int_t
ngx_http_vcita_cookie_cut_line(ngx_str_t *line, ngx_pool_t *pool,
    ngx_array_t *names, ngx_array_t *stems, ngx_array_t *found)
{
    u_char                  *p, *end, *last, *next, *others;
    ngx_int_t                i;
    ngx_str_t                value;
    ngx_uint_t               n;
    ngx_http_vcita_cut_t     cut;
    ngx_http_vcita_found_t  *f;

    ngx_memzero(&cut, sizeof(ngx_http_vcita_cut_t));

    last = line->data + line->len;
    others = line->data;

    for (p = others; p < last && (*p == ' ' || *p == '\t'); p++) {
        /* void */
    }

    for (n = 0; p < last; n++, p = next) {

        if (n >= NGX_HTTP_VCITA_COOKIE_COMPARED) {

            p = ngx_http_vcita_cookie_seek(stems, p, last);
            if (p == NULL) {
                break;
            }
        }

        next = ngx_http_vcita_cookie_next(p, last, &end);

        i = ngx_http_vcita_cookie_find(names, p, end, &value);
        if (i == NGX_DECLINED) {
            continue;
        }

        /* the white space before a removed first cookie is removed with it */

        if (n == 0) {
            p = others;
        }

        if (cut.kept.len == 0) {
            cut.kept.data = others;
            cut.kept.len = p - others;

        } else if (ngx_http_vcita_cookie_join(&cut, line, pool, others, p)
                   != NGX_OK)
        {
            return NGX_ERROR;
        }

        others = next;

        f = ngx_http_vcita_cookie_push(found);
        if (f == NULL) {
            return NGX_ERROR;
        }

        f->index = i;
        f->value = value;
    }

    if (others == line->data) {
        return NGX_OK;
    }

    return ngx_http_vcita_cookie_end(&cut, line, pool, others, last);
}


/* Pushes without a call while there is room, as for each cookie once */

static ngx_inline ngx_http_vcita_found_t *
ngx_http_vcita_cookie_push(ngx_array_t *found)
{
    if (found->nelts < found->nalloc) {
        return (ngx_http_vcita_found_t *) found->elts + found->nelts++;
    }

    return ngx_array_push(found);
}


/* Ends the line, with the other cookies behind the last removed one */

static ngx_int_t
ngx_http_vcita_cookie_end(ngx_http_vcita_cut_t *cut, ngx_str_t *line,
    ngx_pool_t *pool, u_char *others, u_char *last)
{
    u_char  *p, *end;

    if (others == last) {

        /* removes the separator before a removed last cookie */

        p = cut->kept.data;
        end = ngx_http_vcita_cookie_unblank(p, p + cut->kept.len);

        if (end > p && end[-1] == ';') {
            end = ngx_http_vcita_cookie_unblank(p, end - 1);
        }

        cut->kept.len = end - p;

    } else if (cut->kept.len == 0) {
        cut->kept.data = others;
        cut->kept.len = last - others;

    } else if (ngx_http_vcita_cookie_join(cut, line, pool, others, last)
               != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (cut->kept.len) {
        cut->kept.data[cut->kept.len] = '\0';
    }

    *line = cut->kept;

    return NGX_OK;
}


/*
 * Returns the next possible cookie of the module.  memmem() skips the others
 * many bytes at a time.
 */

static u_char *
ngx_http_vcita_cookie_seek(ngx_array_t *stems, u_char *p, u_char *last)
{
    u_char      *first, *hit;
    ngx_str_t   *stem;
    ngx_uint_t   i;

    stem = stems->elts;
    first = NULL;

    for (i = 0; i < stems->nelts; i++) {

        hit = memmem(p, last - p, stem[i].data, stem[i].len);

        if (hit) {
            first = hit;

            /* later stems count only before this match */

            last = ngx_min(last, hit + stem[i].len);
        }
    }

    if (first == NULL) {
        return NULL;
    }

    hit = first;
    first = memrchr(p, ';', hit - p);

    if (first == NULL) {
        return p;
    }

    do {
        first++;
    } while (*first == ' ' || *first == '\t');

    return first;
}


/* Returns the next cookie, and the end of the cookie at p */

static u_char *
ngx_http_vcita_cookie_next(u_char *p, u_char *last, u_char **end)
{
    p = memchr(p, ';', last - p);

    if (p == NULL) {
        *end = last;
        return last;
    }

    *end = p;

    do {
        p++;
    } while (p < last && (*p == ' ' || *p == '\t'));

    return p;
}


/* Returns which name the cookie from p to end has; p is no white space */

static ngx_int_t
ngx_http_vcita_cookie_find(ngx_array_t *names, u_char *p, u_char *end,
    ngx_str_t *value)
{
    u_char     *v;
    ngx_str_t  *name, *after;

    after = (ngx_str_t *) names->elts + names->nelts;

    for (name = names->elts; name < after; name++) {

        if (*p != *name->data
            || (size_t) (end - p) <= name->len
            || ngx_memcmp(p, name->data, name->len) != 0)
        {
            continue;
        }

        v = p + name->len;

        while (v < end && (*v == ' ' || *v == '\t')) {
            v++;
        }

        if (v == end || *v != '=') {
            continue;
        }

        do {
            v++;
        } while (v < end && (*v == ' ' || *v == '\t'));

        value->data = v;
        value->len = ngx_http_vcita_cookie_unblank(v, end) - v;

        return name - (ngx_str_t *) names->elts;
    }

    return NGX_DECLINED;
}


/* Appends other cookies to the kept ones, in a copy: the line is not changed */

static ngx_int_t
ngx_http_vcita_cookie_join(ngx_http_vcita_cut_t *cut, ngx_str_t *line,
    ngx_pool_t *pool, u_char *p, u_char *end)
{
    if (p == end) {
        return NGX_OK;
    }

    if (cut->copy == NULL) {

        cut->copy = ngx_pnalloc(pool, line->len + 1);
        if (cut->copy == NULL) {
            return NGX_ERROR;
        }

        ngx_memcpy(cut->copy, cut->kept.data, cut->kept.len);
        cut->kept.data = cut->copy;
    }

    ngx_memcpy(cut->copy + cut->kept.len, p, end - p);
    cut->kept.len += end - p;

    return NGX_OK;
}


static u_char *
ngx_http_vcita_cookie_unblank(u_char *start, u_char *end)
{
    while (end > start && (end[-1] == ' ' || end[-1] == '\t')) {
        end--;
    }

    return end;
}


/*
 * Removes a header from the list without moving others: nginx keeps pointers to
 * them.  Only the first part may become empty, since nginx's loops read the
 * first header of each further part unconditionally.
 */

static ngx_int_t
ngx_http_vcita_cookie_drop(ngx_pool_t *pool, ngx_list_t *list,
    ngx_table_elt_t *h)
{
    ngx_table_elt_t  *elts;
    ngx_list_part_t  *part, *prev;

    prev = NULL;

    for (part = &list->part; part; part = part->next) {
        elts = part->elts;

        if (h >= elts && h < elts + part->nelts) {
            return ngx_http_vcita_cookie_drop_from(pool, list, prev, part,
                                                   h - elts);
        }

        prev = part;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_vcita_cookie_drop_from(ngx_pool_t *pool, ngx_list_t *list,
    ngx_list_part_t *prev, ngx_list_part_t *part, ngx_uint_t i)
{
    ngx_table_elt_t  *elts;
    ngx_list_part_t  *tail;

    if (part->nelts == 1 && prev) {

        prev->next = part->next;

        if (list->last == part) {
            list->last = prev;
            list->nalloc = ngx_max(prev->nelts, 1);
        }

        return NGX_OK;
    }

    if (i == part->nelts - 1) {
        part->nelts--;
        return NGX_OK;
    }

    elts = part->elts;

    if (i == 0) {
        part->elts = &elts[1];
        part->nelts--;

        if (list->last == part) {
            list->nalloc = part->nelts;
        }

        return NGX_OK;
    }

    tail = ngx_palloc(pool, sizeof(ngx_list_part_t));
    if (tail == NULL) {
        return NGX_ERROR;
    }

    tail->elts = &elts[i + 1];
    tail->nelts = part->nelts - i - 1;
    tail->next = part->next;

    part->nelts = i;
    part->next = tail;

    if (list->last == part) {

        /* marks the tail as full: the next push starts a new part */

        list->last = tail;
        list->nalloc = tail->nelts;
    }

    return NGX_OK;
}


/*
 * Adds a Set-Cookie line and removes an earlier one of the same name. max_age
 * is in seconds; 0 removes the cookie from the browser.
 */

ngx_int_t
ngx_http_vcita_cookie_set(ngx_http_headers_out_t *out,
    ngx_pool_t *pool, ngx_http_vcita_cookie_t *cookie,
    ngx_str_t *value, time_t max_age)
{
    u_char           *p;
    size_t            len;
    ngx_table_elt_t  *h;

    ngx_http_vcita_cookie_unset(out, &cookie->name);

    len = cookie->name.len + 1 + value->len + sizeof("; Max-Age=") - 1
          + NGX_TIME_T_LEN + cookie->attributes.len;

    p = ngx_pnalloc(pool, len);
    if (p == NULL) {
        return NGX_ERROR;
    }

    h = ngx_list_push(&out->headers);
    if (h == NULL) {
        return NGX_ERROR;
    }

    h->hash = 1;
#if (nginx_version >= 1023000)
    h->next = NULL;
#endif
    h->key.len = sizeof("Set-Cookie") - 1;
    h->key.data = ngx_http_vcita_set_cookie;

    h->value.data = p;

    p = ngx_cpymem(p, cookie->name.data, cookie->name.len);
    *p++ = '=';

    if (value->len) {
        p = ngx_cpymem(p, value->data, value->len);
    }

    p = ngx_sprintf(p, "; Max-Age=%T", max_age);
    p = ngx_cpymem(p, cookie->attributes.data, cookie->attributes.len);

    h->value.len = p - h->value.data;

    return NGX_OK;
}


static void
ngx_http_vcita_cookie_unset(ngx_http_headers_out_t *out, ngx_str_t *name)
{
    ngx_uint_t        i;
    ngx_table_elt_t  *h;
    ngx_list_part_t  *part;

    i = 0;
    part = &out->headers.part;

    while ((h = ngx_http_vcita_cookie_header(&part, &i)) != NULL) {

        if (h->hash
            && h->key.len == sizeof("Set-Cookie") - 1
            && h->value.len > name->len
            && h->value.data[name->len] == '='
            && ngx_strncmp(h->value.data, name->data, name->len) == 0
            && ngx_strncasecmp(h->key.data, (u_char *) "Set-Cookie",
                               sizeof("Set-Cookie") - 1)
               == 0)
        {
            h->hash = 0;
        }
    }
}
