
/*
 * A Cookie line: ours leave it, in order, and the others stay.
 * Dictionary: cookie
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "util/ngx_http_vcita_cookie.h"
#include "cookie_line.h"
#include "fuzz.h"


static ngx_str_t  fuzz_cookie_names[] = {
    ngx_string("s"),
    ngx_string("s_login"),
    ngx_string("__Host-s")
};


static void fuzz_cookie_compare(ngx_str_t *line, ngx_str_t *left,
    ngx_array_t *names, ngx_array_t *found);
static ngx_uint_t fuzz_cookie_next(ngx_str_t *rest, ngx_str_t *segment);
static ngx_int_t fuzz_cookie_ours(ngx_str_t *segment, ngx_array_t *names,
    ngx_str_t *value);
static void fuzz_cookie_strip(ngx_str_t *text);


fuzz_target(cookie)
{
    ngx_str_t     line, sent, again;
    ngx_array_t   names, stems, *found;

    names.elts = fuzz_cookie_names;
    names.nelts = sizeof(fuzz_cookie_names) / sizeof(ngx_str_t);

    /* "s", which is in each of them */

    stems.elts = fuzz_cookie_names;
    stems.nelts = 1;

    line = fuzz_header(in);
    sent = line;
    found = fuzz_array(sizeof(ngx_http_vcita_found_t));

    fuzz_check(cookie_line_cut(&line, &names, &stems, found) == NGX_OK);

    fuzz_cookie_compare(in, &line, &names, found);

    if (found->nelts == 0) {
        fuzz_check(line.data == sent.data && line.len == sent.len);
    }

    if (line.len == 0) {
        return;
    }

    fuzz_check(line.data[line.len] == '\0');

    /* nothing of ours is left, nor made by the cut */

    again = line;
    found->nelts = 0;

    fuzz_check(cookie_line_cut(&again, &names, &stems, found) == NGX_OK);
    fuzz_check(found->nelts == 0);
    fuzz_check(again.data == line.data && again.len == line.len);
}


static void
fuzz_cookie_compare(ngx_str_t *line, ngx_str_t *left, ngx_array_t *names,
    ngx_array_t *found)
{
    ngx_int_t                index;
    ngx_str_t                rest, kept, segment, stays, value;
    ngx_uint_t               n;
    ngx_http_vcita_found_t  *f;

    rest = *line;
    kept = *left;
    f = found->elts;
    n = 0;

    while (fuzz_cookie_next(&rest, &segment)) {

        index = fuzz_cookie_ours(&segment, names, &value);

        if (index != NGX_DECLINED) {
            fuzz_check(n < found->nelts);
            fuzz_check(f[n].index == (ngx_uint_t) index);
            fuzz_check(fuzz_same(&f[n].value, &value));
            n++;
            continue;
        }

        if (segment.len == 0) {
            continue;
        }

        do {
            fuzz_check(fuzz_cookie_next(&kept, &stays));
        } while (stays.len == 0);

        fuzz_check(fuzz_same(&stays, &segment));
    }

    fuzz_check(n == found->nelts);

    while (fuzz_cookie_next(&kept, &stays)) {
        fuzz_check(stays.len == 0);
    }
}


static ngx_uint_t
fuzz_cookie_next(ngx_str_t *rest, ngx_str_t *segment)
{
    size_t  i;

    if (rest->len == 0) {
        return 0;
    }

    for (i = 0; i < rest->len && rest->data[i] != ';'; i++) {
        /* void */
    }

    segment->data = rest->data;
    segment->len = i;

    i += (i < rest->len);

    rest->data += i;
    rest->len -= i;

    fuzz_cookie_strip(segment);

    return 1;
}


static ngx_int_t
fuzz_cookie_ours(ngx_str_t *segment, ngx_array_t *names, ngx_str_t *value)
{
    size_t      i;
    ngx_int_t   n;
    ngx_str_t   name, *elts;

    for (i = 0; i < segment->len && segment->data[i] != '='; i++) {
        /* void */
    }

    if (i == segment->len) {
        return NGX_DECLINED;
    }

    name.data = segment->data;
    name.len = i;

    value->data = segment->data + i + 1;
    value->len = segment->len - i - 1;

    fuzz_cookie_strip(&name);
    fuzz_cookie_strip(value);

    elts = names->elts;

    for (n = 0; n < (ngx_int_t) names->nelts; n++) {

        if (fuzz_same(&elts[n], &name)) {
            return n;
        }
    }

    return NGX_DECLINED;
}


static void
fuzz_cookie_strip(ngx_str_t *text)
{
    while (text->len && (*text->data == ' ' || *text->data == '\t')) {
        text->data++;
        text->len--;
    }

    while (text->len && (text->data[text->len - 1] == ' '
                         || text->data[text->len - 1] == '\t'))
    {
        text->len--;
    }
}
