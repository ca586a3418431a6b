
/*
 * Cookies in a list of headers: lines left empty leave it, and the list stays
 * one that nginx can walk and push to.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "util/ngx_http_vcita_cookie.h"
#include "unit.h"


#define TEST_COOKIES_HEADERS  24


typedef struct {
    ngx_uint_t            nalloc;
    const char           *kinds;
    const char           *left;
} test_cookies_list_t;


static ngx_array_t *test_cookies_names(const char *names);
static ngx_array_t *test_cookies_array(size_t size);
static void test_cookies_headers(ngx_http_headers_in_t *in, const char *kinds,
    ngx_uint_t nalloc);
static void test_cookies_push(ngx_list_t *list, u_char key,
    const char *value);
static ngx_str_t test_cookies_walk(ngx_list_t *list);
static ngx_uint_t test_cookies_lists(const char *kinds, ngx_uint_t nalloc);


/* o: another header, c: other cookies, m: others and ours, x: ours only */

static test_cookies_list_t  test_cookies_cases[] = {
    { 4, "", "" },
    { 4, "o", "o" },
    { 4, "x", "" },
    { 4, "xx", "" },
    { 4, "xxxx", "" },
    { 4, "xxxxx", "" },
    { 4, "xoo", "oo" },
    { 4, "oxo", "oo" },
    { 4, "oox", "oo" },
    { 4, "oxxo", "oo" },
    { 4, "xoxo", "oo" },
    { 4, "omcx", "omc" },
    { 4, "oooox", "oooo" },
    { 4, "ooooxx", "oooo" },
    { 4, "ooooxo", "ooooo" },
    { 4, "xxxxo", "o" },
    { 4, "xxxxoo", "oo" },
    { 4, "ooooxxxxo", "ooooo" },
    { 4, "ooooxxxxoooox", "oooooooo" },
    { 4, "oooxxooo", "oooooo" },
    { 4, "oxoxoxoxoxox", "oooooo" },
    { 1, "x", "" },
    { 1, "ox", "o" },
    { 1, "xo", "o" },
    { 1, "oxo", "oo" },
    { 1, "xxx", "" },
    { 1, "xxxmocx", "moc" },
    { 2, "oxxo", "oo" },
    { 20, "oooooxooooox", "oooooooooo" },
    { 20, "xooooooooom", "ooooooooom" }
};


/*
 * Walks are nginx's own, so an empty part behind the first one would
 * make them read a header that is not there.
 */

unit_test(cookie_list)
{
    ngx_str_t               left;
    ngx_uint_t              i, j, n, nalloc, bad;
    ngx_array_t            *names, *found;
    test_cookies_list_t     *t;
    ngx_http_headers_in_t   in;
    char                    kinds[TEST_COOKIES_HEADERS + 1];

    names = test_cookies_names("our our_login");
    t = test_cookies_cases;
    n = sizeof(test_cookies_cases) / sizeof(test_cookies_cases[0]);

    for (i = 0; i < n; i++) {
        test_cookies_headers(&in, t[i].kinds, t[i].nalloc);
        found = test_cookies_array(sizeof(ngx_http_vcita_found_t));

        is_int(ngx_http_vcita_cookie_cut(&in, names, names, found),
               NGX_OK, "list %ui is cut: \"%s\" in parts of %ui", i,
               t[i].kinds, t[i].nalloc);

        left = test_cookies_walk(&in.headers);

        for (j = 0; j < left.len; j += 2) {
            left.data[j / 2] = left.data[j];
        }

        left.len /= 2;
        is_str(&left, t[i].left, "list %ui: what stays", i);

        ok(test_cookies_lists(t[i].kinds, t[i].nalloc),
           "list %ui: values, pointers, and pushes afterwards", i);
    }

    bad = 0;

    for (i = 0; i < 20000; i++) {
        nalloc = 1 + unit_random(6);
        n = unit_random(TEST_COOKIES_HEADERS);

        for (j = 0; j < n; j++) {
            kinds[j] = "ooxxxmcx"[unit_random(8)];
        }

        kinds[n] = '\0';

        if (!test_cookies_lists(kinds, nalloc) && bad++ < 5) {
            note("list \"%s\" in parts of %ui", kinds, nalloc);
        }

        if (i % 1000 == 0) {
            ngx_reset_pool(unit_pool);
        }
    }

    is_int(bad, 0, "20,000 random lists are cut");
}


static ngx_array_t *
test_cookies_names(const char *names)
{
    ngx_str_t     name, *n;
    ngx_array_t  *list;

    list = test_cookies_array(sizeof(ngx_str_t));

    while (unit_word(&names, &name)) {
        n = ngx_array_push(list);
        *n = name;
    }

    return list;
}


static ngx_array_t *
test_cookies_array(size_t size)
{
    ngx_array_t  *a;

    a = ngx_array_create(unit_pool, 1, size);
    if (a == NULL) {
        abort();
    }

    return a;
}


/* each header is one character wide: its kind is its key and its value's end */

static void
test_cookies_headers(ngx_http_headers_in_t *in, const char *kinds,
    ngx_uint_t nalloc)
{
    ngx_uint_t         i;
    ngx_table_elt_t   *h;
#if (nginx_version >= 1023000)
    ngx_table_elt_t  **last;
#else
    ngx_table_elt_t  **ph;
#endif

    ngx_memzero(in, sizeof(ngx_http_headers_in_t));
    ngx_list_init(&in->headers, unit_pool, nalloc, sizeof(ngx_table_elt_t));

#if (nginx_version >= 1023000)
    last = &in->cookie;
#else
    ngx_array_init(&in->cookies, unit_pool, 2, sizeof(ngx_table_elt_t *));
#endif

    for (i = 0; kinds[i]; i++) {

        test_cookies_push(&in->headers, kinds[i],
                         kinds[i] == 'x' ? "our=1; our_login=2"
                         : kinds[i] == 'm' ? "our=1; m=x" : "a=1; b=x");

        if (kinds[i] == 'o') {
            continue;
        }

        h = in->headers.last->elts;
        h += in->headers.last->nelts - 1;

#if (nginx_version >= 1023000)
        *last = h;
        last = &h->next;
#else
        ph = ngx_array_push(&in->cookies);
        *ph = h;
#endif
    }
}


static void
test_cookies_push(ngx_list_t *list, u_char key, const char *value)
{
    ngx_table_elt_t  *h;

    h = ngx_list_push(list);

    if (h == NULL) {
        abort();
    }

    ngx_memzero(h, sizeof(ngx_table_elt_t));

    h->hash = 1;
    h->key = unit_copy(&key, 1);

    h->value = unit_copy(value, ngx_strlen(value) + 1);
    h->value.len--;
}


/* the walk of nginx itself: of each header its key and its value's length */

static ngx_str_t
test_cookies_walk(ngx_list_t *list)
{
    u_char           *p;
    ngx_str_t         text;
    ngx_uint_t        i;
    ngx_list_part_t  *part;
    ngx_table_elt_t  *h;

    text = unit_room(4 * TEST_COOKIES_HEADERS);
    p = text.data;

    part = &list->part;
    h = part->elts;

    for (i = 0; /* void */ ; i++) {

        if (i >= part->nelts) {
            if (part->next == NULL) {
                break;
            }

            part = part->next;
            h = part->elts;
            i = 0;
        }

        if (p == text.data + text.len) {
            abort();
        }

        *p++ = h[i].key.data[0];
        *p++ = (u_char) ('0' + h[i].value.len);
    }

    text.len = p - text.data;

    return text;
}


/* a list of these kinds is cut, pushed to, and walked: 1 if all is well */

static ngx_uint_t
test_cookies_lists(const char *kinds, ngx_uint_t nalloc)
{
    u_char                 *p;
    ngx_str_t               before, want, got;
    ngx_uint_t              i, n;
    ngx_array_t            *names, *found;
    ngx_table_elt_t        *h;
    ngx_list_part_t        *part;
    ngx_http_headers_in_t   in;

    names = test_cookies_names("our our_login");
    found = test_cookies_array(sizeof(ngx_http_vcita_found_t));
    test_cookies_headers(&in, kinds, nalloc);

    before = test_cookies_walk(&in.headers);

    if (before.len != 2 * ngx_strlen(kinds)
        || ngx_http_vcita_cookie_cut(&in, names, names, found)
           != NGX_OK)
    {
        return 0;
    }

    /* no part but the first is empty, and the last one is the last */

    for (part = &in.headers.part; part; part = part->next) {

        if (part != &in.headers.part && part->nelts == 0) {
            return 0;
        }

        if (part->next == NULL && part != in.headers.last) {
            return 0;
        }
    }

    for (i = 0; i < TEST_COOKIES_HEADERS; i++) {
        test_cookies_push(&in.headers, 'p', "");
    }

    want = unit_room(4 * TEST_COOKIES_HEADERS);
    p = want.data;

    for (i = 0; kinds[i]; i++) {

        if (kinds[i] != 'x') {
            *p++ = (u_char) kinds[i];
            *p++ = (kinds[i] == 'm') ? '3' : '8';
        }
    }

    for (i = 0; i < TEST_COOKIES_HEADERS; i++) {
        *p++ = 'p';
        *p++ = '0';
    }

    want.len = p - want.data;
    got = test_cookies_walk(&in.headers);

    if (!unit_same(&got, &want)) {
        return 0;
    }

    /* nginx's own list of the Cookie lines */

    n = 0;

#if (nginx_version >= 1023000)

    for (h = in.cookie; h; h = h->next) {
        n += (h->value.data[h->value.len - 1] == 'x'
              && h->key.data[0] != 'x');
    }

#else

    for (i = 0; i < in.cookies.nelts; i++) {
        h = ((ngx_table_elt_t **) in.cookies.elts)[i];
        n += (h->value.data[h->value.len - 1] == 'x'
              && h->key.data[0] != 'x');
    }

#endif

    for (i = 0; kinds[i]; i++) {
        n -= (kinds[i] == 'm' || kinds[i] == 'c');
    }

    return n == 0;
}
