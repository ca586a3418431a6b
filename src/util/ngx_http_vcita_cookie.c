
/*
 * Copyright (C) the vcita OAuth gate authors
 *
 * Cookies: removes the module's cookies from a request, and sets them in a
 * response.  May touch header lists and a pool.  Only this file and
 * cookie_drop.c know how nginx keeps Cookie lines, as an array until 1.22 and
 * as a linked list since 1.23.
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


#define ngx_http_vcita_cookie_is_blank(c)  ((c) == ' ' || (c) == '\t')


static ngx_inline ngx_int_t ngx_http_vcita_cookie_cut_line(ngx_str_t *line,
    ngx_array_t *names, ngx_array_t *stems, ngx_array_t *found);
static ngx_inline u_char *ngx_http_vcita_cookie_ours(ngx_array_t *names,
    ngx_array_t *stems, u_char *p, u_char *last, ngx_uint_t *n,
    ngx_str_t **which, u_char **value);
static u_char *ngx_http_vcita_cookie_seek(ngx_array_t *stems,
    u_char *p, u_char *last);
static ngx_inline ngx_http_vcita_found_t *ngx_http_vcita_cookie_push(
    ngx_array_t *found);
static ngx_inline ngx_int_t ngx_http_vcita_cookie_end(ngx_str_t *line,
    ngx_pool_t *pool, u_char *others, u_char *start, u_char *last);
static ngx_int_t ngx_http_vcita_cookie_join(ngx_str_t *line, ngx_pool_t *pool,
    u_char *p, u_char *end, u_char *start, u_char *last);
static ngx_inline u_char *ngx_http_vcita_cookie_next(u_char *p, u_char *last);
static ngx_inline u_char *ngx_http_vcita_cookie_skip(u_char *p, u_char *last);
static ngx_inline u_char *ngx_http_vcita_cookie_unblank(u_char *start,
    u_char *end);
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

ngx_int_t
ngx_http_vcita_cookie_cut(ngx_http_headers_in_t *in, ngx_array_t *names,
    ngx_array_t *stems, ngx_array_t *found)
{
    ngx_int_t          rc;
    ngx_uint_t         empty;
#if (nginx_version >= 1023000)
    ngx_table_elt_t   *h;
#else
    ngx_uint_t         i;
    ngx_table_elt_t  **h;
#endif

    empty = 0;

#if (nginx_version >= 1023000)

    for (h = in->cookie; h; h = h->next) {

        rc = ngx_http_vcita_cookie_cut_line(&h->value, names, stems, found);

        if (rc != NGX_OK) {

            if (rc == NGX_ERROR) {
                return NGX_ERROR;
            }

            empty = 1;
        }
    }

#else

    h = in->cookies.elts;

    for (i = 0; i < in->cookies.nelts; i++) {

        rc = ngx_http_vcita_cookie_cut_line(&h[i]->value, names, stems, found);

        if (rc != NGX_OK) {

            if (rc == NGX_ERROR) {
                return NGX_ERROR;
            }

            empty = 1;
        }
    }

#endif

    return empty ? ngx_http_vcita_cookie_drop(in, found->pool) : NGX_OK;
}


/*
 * The same for one line; NGX_DONE: it is empty.  nginx ends header values with
 * a zero byte, for which the line has room.  From the first removed cookie on,
 * the line is what is kept of it.  It is copied only if a removed cookie was
 * between two others.
 */

static ngx_inline ngx_int_t
ngx_http_vcita_cookie_cut_line(ngx_str_t *line, ngx_array_t *names,
    ngx_array_t *stems, ngx_array_t *found)
{
    u_char                  *p, *end, *last, *start, *value, *others;
    ngx_str_t               *name;
    ngx_uint_t               n;
    ngx_http_vcita_found_t  *f;

    start = line->data;
    last = start + line->len;
    others = NULL;
    n = 0;

    p = ngx_http_vcita_cookie_skip(start, last);

    for ( ;; ) {
        p = ngx_http_vcita_cookie_ours(names, stems, p, last, &n, &name,
                                       &value);
        if (p == NULL) {
            break;
        }

        if (others == NULL) {

            /* the white space before a removed first cookie goes with it */

            line->len = n ? p - start : 0;

        } else if (others != p
                   && ngx_http_vcita_cookie_join(line, found->pool, others, p,
                                                 start, last)
                      != NGX_OK)
        {
            return NGX_ERROR;
        }

        f = ngx_http_vcita_cookie_push(found);
        if (f == NULL) {
            return NGX_ERROR;
        }

        f->index = name - (ngx_str_t *) names->elts;
        f->value.data = value;

        end = memchr(value, ';', last - value);

        if (end == NULL) {
            f->value.len = ngx_http_vcita_cookie_unblank(value, last) - value;
            others = last;
            break;
        }

        f->value.len = ngx_http_vcita_cookie_unblank(value, end) - value;

        p = ngx_http_vcita_cookie_next(end, last);
        others = p;
        n++;
    }

    if (others == NULL) {
        return line->len ? NGX_OK : NGX_DONE;
    }

    return ngx_http_vcita_cookie_end(line, found->pool, others, start, last);
}


/*
 * Returns the next cookie of the module from p on, which is the n-th of the
 * line, and no white space; NULL: there is none.  No name has a semicolon.
 */

static ngx_inline u_char *
ngx_http_vcita_cookie_ours(ngx_array_t *names, ngx_array_t *stems, u_char *p,
    u_char *last, ngx_uint_t *n, ngx_str_t **which, u_char **value)
{
    u_char     *v;
    ngx_str_t  *name, *after;

    after = (ngx_str_t *) names->elts + names->nelts;

    for ( /* void */ ; p < last; (*n)++) {

        if (*n >= NGX_HTTP_VCITA_COOKIE_COMPARED) {

            p = ngx_http_vcita_cookie_seek(stems, p, last);
            if (p == NULL) {
                return NULL;
            }
        }

        for (name = names->elts; name < after; name++) {

            if (*p != *name->data) {
                continue;
            }

            v = p + name->len;

            if (v >= last || ngx_memcmp(p, name->data, name->len) != 0) {
                continue;
            }

            v = ngx_http_vcita_cookie_skip(v, last);

            if (v < last && *v == '=') {
                *which = name;
                *value = ngx_http_vcita_cookie_skip(v + 1, last);

                return p;
            }
        }

        p = memchr(p, ';', last - p);
        if (p == NULL) {
            return NULL;
        }

        p = ngx_http_vcita_cookie_next(p, last);
    }

    return NULL;
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
    } while (ngx_http_vcita_cookie_is_blank(*first));

    return first;
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

static ngx_inline ngx_int_t
ngx_http_vcita_cookie_end(ngx_str_t *line, ngx_pool_t *pool, u_char *others,
    u_char *start, u_char *last)
{
    u_char  *p;

    if (others != last) {
        return ngx_http_vcita_cookie_join(line, pool, others, last, start,
                                          last);
    }

    if (line->len == 0) {
        return NGX_DONE;
    }

    /* removes the separator before a removed last cookie */

    p = line->data + line->len;

    do {
        p--;
    } while (*p != ';');

    if (p > line->data) {
        p = ngx_http_vcita_cookie_unblank(line->data, p);
    }

    line->len = p - line->data;
    *p = '\0';

    return line->len ? NGX_OK : NGX_DONE;
}


/*
 * Appends other cookies to the kept ones.  The line from start to last is not
 * changed: a second piece makes a copy, which is not in it.
 */

static ngx_int_t
ngx_http_vcita_cookie_join(ngx_str_t *line, ngx_pool_t *pool, u_char *p,
    u_char *end, u_char *start, u_char *last)
{
    u_char  *copy;

    if (line->len == 0) {
        line->data = p;

    } else {

        if (line->data >= start && line->data < last) {

            copy = ngx_pnalloc(pool, last - start + 1);
            if (copy == NULL) {
                return NGX_ERROR;
            }

            ngx_memcpy(copy, line->data, line->len);
            line->data = copy;
        }

        ngx_memcpy(line->data + line->len, p, end - p);
    }

    line->len += end - p;

    if (end == last) {
        line->data[line->len] = '\0';
    }

    return NGX_OK;
}


/* Returns the cookie behind the semicolon at p, most often after one space */

static ngx_inline u_char *
ngx_http_vcita_cookie_next(u_char *p, u_char *last)
{
    p++;

    if (p < last && *p == ' ') {
        p++;
    }

    return ngx_http_vcita_cookie_skip(p, last);
}


/* no control character is frequent: most often, one comparison does */

static ngx_inline u_char *
ngx_http_vcita_cookie_skip(u_char *p, u_char *last)
{
    if (*p <= ' ') {

        while (p < last && ngx_http_vcita_cookie_is_blank(*p)) {
            p++;
        }
    }

    return p;
}


static ngx_inline u_char *
ngx_http_vcita_cookie_unblank(u_char *start, u_char *end)
{
    if (end[-1] <= ' ') {

        while (end > start && ngx_http_vcita_cookie_is_blank(end[-1])) {
            end--;
        }
    }

    return end;
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
