
/*
 * A list of headers with Cookie lines in it: a line left empty leaves the
 * list, no other header moves, and the list can still grow.  Each line of the
 * input is a header, a Cookie line if it begins with "c".
 * Dictionary: cookie
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "util/ngx_http_vcita_cookie.h"
#include "fuzz.h"


static ngx_str_t  fuzz_cookie_list_names[] = {
    ngx_string("s"),
    ngx_string("s_login")
};


static void fuzz_cookie_list_fill(ngx_str_t *in,
    ngx_http_headers_in_t *headers, ngx_array_t *all);
static ngx_table_elt_t *fuzz_cookie_list_push(
    ngx_http_headers_in_t *headers, ngx_str_t *value);
static void fuzz_cookie_list_link(ngx_http_headers_in_t *headers,
    ngx_table_elt_t *h);
static ngx_uint_t fuzz_cookie_list_is_cookie(ngx_table_elt_t *h);
static void fuzz_cookie_list_expect(ngx_array_t *all);
static void fuzz_cookie_list_compare(ngx_list_t *list, ngx_array_t *left);
static void fuzz_cookie_list_clean(ngx_http_headers_in_t *headers,
    ngx_array_t *names, ngx_array_t *stems);
static void fuzz_cookie_list_linked(ngx_http_headers_in_t *headers,
    ngx_array_t *left);


fuzz_target(cookie_list)
{
    ngx_str_t                value;
    ngx_array_t              names, stems, *all, *found;
    ngx_table_elt_t        **added;
    ngx_http_headers_in_t   *headers;

    names.elts = fuzz_cookie_list_names;
    names.nelts = sizeof(fuzz_cookie_list_names) / sizeof(ngx_str_t);

    stems.elts = fuzz_cookie_list_names;
    stems.nelts = 1;

    headers = fuzz_alloc(sizeof(ngx_http_headers_in_t));
    all = fuzz_array(sizeof(ngx_table_elt_t *));
    found = fuzz_array(sizeof(ngx_http_vcita_found_t));

    fuzz_cookie_list_fill(in, headers, all);

    fuzz_check(ngx_http_vcita_cookie_cut(headers, &names, &stems, found)
               == NGX_OK);

    fuzz_cookie_list_expect(all);
    fuzz_cookie_list_linked(headers, all);
    fuzz_cookie_list_compare(&headers->headers, all);
    fuzz_cookie_list_clean(headers, &names, &stems);

    ngx_str_set(&value, "new");

    added = ngx_array_push(all);
    fuzz_check(added);
    *added = fuzz_cookie_list_push(headers, &value);

    fuzz_cookie_list_compare(&headers->headers, all);
}


static void
fuzz_cookie_list_fill(ngx_str_t *in, ngx_http_headers_in_t *headers,
    ngx_array_t *all)
{
    u_char             nalloc;
    ngx_str_t          line;
    ngx_table_elt_t   *h, **slot;

    nalloc = fuzz_byte(in);

    fuzz_check(ngx_list_init(&headers->headers, fuzz_pool, 1 + nalloc % 5,
                             sizeof(ngx_table_elt_t))
               == NGX_OK);

#if (nginx_version < 1023000)
    fuzz_check(ngx_array_init(&headers->cookies, fuzz_pool, 2,
                              sizeof(ngx_table_elt_t *))
               == NGX_OK);
#endif

    while (in->len) {
        line = fuzz_line(in);
        h = fuzz_cookie_list_push(headers, &line);

        slot = ngx_array_push(all);
        fuzz_check(slot);
        *slot = h;

        if (fuzz_cookie_list_is_cookie(h)) {
            fuzz_cookie_list_link(headers, h);
        }
    }
}


/* the first byte is the name of the header */

static ngx_table_elt_t *
fuzz_cookie_list_push(ngx_http_headers_in_t *headers, ngx_str_t *value)
{
    ngx_table_elt_t  *h;

    h = ngx_list_push(&headers->headers);
    fuzz_check(h);

    ngx_memzero(h, sizeof(ngx_table_elt_t));

    h->hash = 1;
    h->value = fuzz_header(value);
    h->key.data = (u_char *) "Other";
    h->key.len = 5;

    if (value->len && *value->data == 'c') {
        h->key.data = (u_char *) "Cookie";
        h->key.len = 6;
        h->value.data++;
        h->value.len--;
    }

    return h;
}


static void
fuzz_cookie_list_link(ngx_http_headers_in_t *headers, ngx_table_elt_t *h)
{
#if (nginx_version >= 1023000)
    ngx_table_elt_t  **link;

    for (link = &headers->cookie; *link; link = &(*link)->next) {
        /* void */
    }

    *link = h;
#else
    ngx_table_elt_t  **link;

    link = ngx_array_push(&headers->cookies);
    fuzz_check(link);
    *link = h;
#endif
}


static ngx_uint_t
fuzz_cookie_list_is_cookie(ngx_table_elt_t *h)
{
    return h->key.len == 6;
}


/* leaves those that should be there: all but the lines that are empty now */

static void
fuzz_cookie_list_expect(ngx_array_t *all)
{
    ngx_uint_t         i, n;
    ngx_table_elt_t  **h;

    h = all->elts;
    n = 0;

    for (i = 0; i < all->nelts; i++) {

        if (!fuzz_cookie_list_is_cookie(h[i]) || h[i]->value.len) {
            h[n++] = h[i];
        }
    }

    all->nelts = n;
}


/* the list, walked as nginx walks it */

static void
fuzz_cookie_list_compare(ngx_list_t *list, ngx_array_t *left)
{
    ngx_uint_t         i, n;
    ngx_list_part_t   *part;
    ngx_table_elt_t   *elts, **h;

    h = left->elts;
    n = 0;

    for (part = &list->part; part; part = part->next) {

        fuzz_check(part->nelts || part == &list->part);
        fuzz_check(part->next || part == list->last);

        elts = part->elts;

        for (i = 0; i < part->nelts; i++) {
            fuzz_check(n < left->nelts && h[n] == &elts[i]);
            n++;
        }
    }

    fuzz_check(n == left->nelts);
}


/* no line has one of ours any more */

static void
fuzz_cookie_list_clean(ngx_http_headers_in_t *headers, ngx_array_t *names,
    ngx_array_t *stems)
{
    ngx_array_t  *found;

    found = fuzz_array(sizeof(ngx_http_vcita_found_t));

    fuzz_check(ngx_http_vcita_cookie_cut(headers, names, stems, found)
               == NGX_OK);
    fuzz_check(found->nelts == 0);
}


/* the Cookie lines by themselves */

static void
fuzz_cookie_list_linked(ngx_http_headers_in_t *headers, ngx_array_t *left)
{
    ngx_uint_t         i;
    ngx_table_elt_t  **h;
#if (nginx_version >= 1023000)
    ngx_table_elt_t   *c = headers->cookie;
#else
    ngx_uint_t         n = 0;
    ngx_table_elt_t  **c = headers->cookies.elts;
#endif

    h = left->elts;

    for (i = 0; i < left->nelts; i++) {

        if (!fuzz_cookie_list_is_cookie(h[i])) {
            continue;
        }

#if (nginx_version >= 1023000)
        fuzz_check(c == h[i]);
        c = c->next;
#else
        fuzz_check(n < headers->cookies.nelts && c[n] == h[i]);
        n++;
#endif
    }

#if (nginx_version >= 1023000)
    fuzz_check(c == NULL);
#else
    fuzz_check(n == headers->cookies.nelts);
#endif
}
