
/*
 * Cookies: what is cut out of a line, and what is set.
 * The cutter is held against a slow one that looks at each byte by itself.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "util/ngx_http_vcita_cookie.h"
#include "../fuzz/cookie_line.h"
#include "unit.h"


typedef struct {
    const char           *line;
    const char           *kept;
    const char           *found;
} test_cookie_line_t;


static ngx_array_t *test_cookie_names(const char *names);
static ngx_array_t *test_cookie_array(size_t size);
static ngx_int_t test_cookie_cut(ngx_str_t *line, ngx_array_t *names,
    ngx_str_t *found);
static ngx_int_t test_cookie_cut_by(ngx_str_t *line, ngx_array_t *names,
    ngx_array_t *stems, ngx_str_t *found);
static ngx_str_t test_cookie_show(ngx_array_t *found);
static void test_cookie_reference(ngx_str_t *line, ngx_array_t *names,
    ngx_str_t *kept, ngx_array_t *found);
static ngx_uint_t test_cookie_starts(ngx_str_t *line, size_t i);
static ngx_int_t test_cookie_ours(ngx_str_t *segment, ngx_array_t *names,
    ngx_str_t *value);
static void test_cookie_strip(ngx_str_t *s);
static ngx_uint_t test_cookie_blank(u_char c);
static ngx_str_t test_cookie_out(ngx_http_headers_out_t *out);


static test_cookie_line_t  test_cookie_lines[] = {

    /* nothing of ours */
    { "", "", "" },
    { "a=1", "a=1", "" },
    { "a=1; b=2", "a=1; b=2", "" },
    { "  a=1 ;b=2;; ", "  a=1 ;b=2;; ", "" },
    { ";", ";", "" },
    { " ", " ", "" },
    { "our", "our", "" },
    { "our; a=1", "our; a=1", "" },
    { "=our", "=our", "" },
    { "=our=1", "=our=1", "" },
    { "Our=1; OUR=2", "Our=1; OUR=2", "" },
    { "xour=1; ourx=2; ou=3", "xour=1; ourx=2; ou=3", "" },
    { "a=our=1", "a=our=1", "" },
    { "a=\"; our2=1\"", "a=\"; our2=1\"", "" },
    { "a=1, our=2", "a=1, our=2", "" },
    { "our%3d1", "our%3d1", "" },
    { "o ur=1", "o ur=1", "" },

    /* ours alone */
    { "our=1", "", "0:1|" },
    { "our=", "", "0:|" },
    { "our==", "", "0:=|" },
    { "our=a=b", "", "0:a=b|" },
    { "our=\"1\"", "", "0:\"1\"|" },
    { " our = 1 ", "", "0:1|" },
    { "\tour\t=\t1\t", "", "0:1|" },
    { "our=1;", "", "0:1|" },
    { "our=1; ", "", "0:1|" },
    { "our=1; our=2", "", "0:1|0:2|" },
    { "our=1;our_login=2;our=3", "", "0:1|1:2|0:3|" },
    { "our_login=", "", "1:|" },
    { "; our=1", "", "0:1|" },
    { "our=1 2", "", "0:1 2|" },

    /* first, last, between */
    { "our=1; a=1", "a=1", "0:1|" },
    { "our=1;a=1", "a=1", "0:1|" },
    { "our=1;   a=1; b=2 ", "a=1; b=2 ", "0:1|" },
    { "a=1; our=1", "a=1", "0:1|" },
    { "a=1;our=1", "a=1", "0:1|" },
    { "a=1; our=1;", "a=1", "0:1|" },
    { "a=1; our=1; ", "a=1", "0:1|" },
    { "a=1; our=1; b=2", "a=1; b=2", "0:1|" },
    { "a=1;our=1;b=2", "a=1;b=2", "0:1|" },
    { "a=1 ; our=1 ; b=2", "a=1 ; b=2", "0:1|" },
    { "a=1; our=1; our=2; b=2", "a=1; b=2", "0:1|0:2|" },
    { "our=1; a=1; our=2; b=2; our=3", "a=1; b=2", "0:1|0:2|0:3|" },
    { "a=1; our_login=x; b=2; our=y; c=3", "a=1; b=2; c=3", "1:x|0:y|" },
    { "our=1; our", "our", "0:1|" },
    { "our=1; =our=1", "=our=1", "0:1|" },
    { "a=\"1; our=2\"; b=3", "a=\"1; b=3", "0:2\"|" },
    { "a=1;; our=1;; b=2", "a=1;; ; b=2", "0:1|" },
    { "a=1; our=1;;", "a=1; ;", "0:1|" },
    { "A=1; our=2; a=1; our=3; \xc3\xa9=4", "A=1; a=1; \xc3\xa9=4",
      "0:2|0:3|" }
};


unit_test(cookie_line)
{
    ngx_str_t            line, found, other;
    ngx_uint_t           i, n;
    ngx_array_t         *names, *list;
    test_cookie_line_t  *t;

    names = test_cookie_names("our our_login");
    t = test_cookie_lines;
    n = sizeof(test_cookie_lines) / sizeof(test_cookie_lines[0]);

    for (i = 0; i < n; i++) {
        line = unit_text(t[i].line);

        is_int(test_cookie_cut(&line, names, &found), NGX_OK,
               "line %ui is cut: %s", i, t[i].line);
        is_str(&line, t[i].kept, "line %ui: what stays", i);
        is_str(&found, t[i].found, "line %ui: what was ours", i);

        /* the reference, too, has to know these */

        line = unit_text(t[i].line);
        list = test_cookie_array(sizeof(ngx_http_vcita_found_t));
        test_cookie_reference(&line, names, &other, list);
        is_str(&other, t[i].kept, "line %ui: the reference agrees", i);
        other = test_cookie_show(list);
        is_eq(&other, &found, "line %ui: the reference found the same", i);
    }

    /* names are not taken apart, and none is a prefix of another */

    line = unit_text("__Host-vcita_session_login=l; __Host-vcita_session=s; "
                     "vcita_session=v; __host-vcita_session=h");
    names = test_cookie_names("__Host-vcita_session "
                              "__Host-vcita_session_login");
    test_cookie_cut(&line, names, &found);
    is_str(&line, "vcita_session=v; __host-vcita_session=h",
           "names with prefixes: what stays");
    is_str(&found, "1:l|0:s|", "names with prefixes: what was ours");

    line = unit_text("our=1; a=2");
    test_cookie_cut(&line, test_cookie_names(""), &found);
    is_str(&line, "our=1; a=2", "no names: nothing is ours");
}


unit_test(cookie_random)
{
    ngx_str_t     line, kept, found, want;
    ngx_uint_t    i, j, bad, cut, piece;
    ngx_array_t  *names, *list;

    static const char  *pieces[] = {
        "our=", "our", "o=", "a=", "ou", "r", "=", ";", "; ", ";;", " ", "\t",
        "1", "longer-value", "\"", ",", "\xff", "our_login=", "Our=", "; our=",
        "\x01", "\x1f", "our\x01=", "our \t=", "; \x01our="
    };

    names = test_cookie_names("our our_login o");

    bad = 0;
    cut = 0;

    for (i = 0; i < 20000; i++) {
        line = unit_room(200);
        line.len = 0;

        for (j = unit_random(14); j; j--) {
            piece = unit_random(sizeof(pieces) / sizeof(pieces[0]));
            ngx_memcpy(line.data + line.len, pieces[piece],
                       ngx_strlen(pieces[piece]));
            line.len += ngx_strlen(pieces[piece]);
        }

        list = test_cookie_array(sizeof(ngx_http_vcita_found_t));
        test_cookie_reference(&line, names, &kept, list);
        want = test_cookie_show(list);
        cut += list->nelts;

        line = unit_copy(line.data, line.len);

        if (test_cookie_cut(&line, names, &found) != NGX_OK
            || !unit_same(&line, &kept)
            || !unit_same(&found, &want))
        {
            if (bad++ < 5) {
                is_eq(&line, &kept, "random line %ui: what stays", i);
                is_eq(&found, &want, "random line %ui: what was ours", i);
            }
        }

        if (i % 1000 == 0) {
            ngx_reset_pool(unit_pool);
            names = test_cookie_names("our our_login o");
        }
    }

    is_int(bad, 0, "20,000 random lines are cut as the reference says");
    ok(cut > 10000, "%ui cookies of ours were among them", cut);
}


/* more cookies than are compared, and the stem of all names also elsewhere */

unit_test(cookie_stems)
{
    ngx_str_t     line, kept, found, want;
    ngx_uint_t    i, n, bad;
    const char   *piece;
    ngx_array_t  *names, *stems, *list;

    static const char  *pieces[] = {
        "our=1", "our_login=2", "__Host-our=3", "our2=4", "xour=5", "a=our=6",
        "a=__Host-our=7", "our", "ourour=8", "ou=9", "our =\t10", "=our=11",
        "__Host-=12", "ouour=13", "our_log=14", "", "a=15", "b", "c=\"our=16"
    };

    static const char  *between[] = { "; ", ";", ";\t ", " ; ", "\t;", ";;" };

    for (i = 0, bad = 0; i < 100000 && !bad; i++) {
        ngx_reset_pool(unit_pool);
        names = test_cookie_names("our our_login __Host-our");
        stems = test_cookie_names("our");

        line = unit_room(400);
        line.len = 0;

        for (n = unit_random(34); n; n--) {
            piece = (n % 2) ? pieces[unit_random(19)] : between[unit_random(6)];
            ngx_memcpy(line.data + line.len, piece, ngx_strlen(piece));
            line.len += ngx_strlen(piece);
        }

        list = test_cookie_array(sizeof(ngx_http_vcita_found_t));
        test_cookie_reference(&line, names, &kept, list);
        want = test_cookie_show(list);

        if (test_cookie_cut_by(&line, names, stems, &found) != NGX_OK
            || !unit_same(&line, &kept)
            || !unit_same(&found, &want))
        {
            bad = 1;
            is_eq(&line, &kept, "line %ui with stems: what stays", i);
            is_eq(&found, &want, "line %ui with stems: what was ours", i);
        }
    }

    is_int(bad, 0, "100,000 lines with stems are cut as the reference says");
}


unit_test(cookie_large)
{
    u_char       *p;
    ngx_str_t     line, found;
    ngx_msec_t    start;
    ngx_uint_t    i;
    ngx_array_t  *names;

    names = test_cookie_names("our our_login");

    line = unit_room(64 * 1024);
    p = line.data;

    for (i = 0; p < line.data + line.len - 32; i++) {
        p = ngx_sprintf(p, "%s=%ui; ", i % 2 ? "our" : "a", i);
    }

    line.len = p - line.data;
    line = unit_copy(line.data, line.len);

    start = unit_clock();
    test_cookie_cut(&line, names, &found);
    ok(unit_clock() - start < 500, "64 KiB with a cut at every second cookie");
    ok(line.len > 25000 && ngx_strncmp(line.data, "a=0; a=2; ", 10) == 0,
       "half of it stays");
}


unit_test(cookie_set)
{
    ngx_str_t                value, all;
    ngx_table_elt_t         *h;
    ngx_http_headers_out_t   out;
    ngx_http_vcita_cookie_t  session, login;

    ngx_memzero(&out, sizeof(ngx_http_headers_out_t));
    ngx_list_init(&out.headers, unit_pool, 1, sizeof(ngx_table_elt_t));

    session.name = unit_text("our");
    session.attributes = unit_text("; Path=/; HttpOnly");
    login.name = unit_text("our_login");
    login.attributes = unit_text("");

    value = unit_text("v1");
    is_int(ngx_http_vcita_cookie_set(&out, unit_pool, &session, &value, 3600),
           NGX_OK, "a cookie is set");
    all = test_cookie_out(&out);
    is_str(&all, "Set-Cookie: our=v1; Max-Age=3600; Path=/; HttpOnly\n",
           "its line");

    value = unit_text("l1");
    ngx_http_vcita_cookie_set(&out, unit_pool, &login, &value, 600);

    value = unit_text("");
    ngx_http_vcita_cookie_set(&out, unit_pool, &session, &value, 0);
    all = test_cookie_out(&out);
    is_str(&all, "Set-Cookie: our_login=l1; Max-Age=600\n"
                 "Set-Cookie: our=; Max-Age=0; Path=/; HttpOnly\n",
           "set again: the earlier line of that name only is taken back");

    /* lines of others, however they are spelled, stay */

    h = ngx_list_push(&out.headers);
    ngx_memzero(h, sizeof(ngx_table_elt_t));
    h->hash = 1;
    h->key = unit_text("set-cookie");
    h->value = unit_text("our2=x; our=y");

    h = ngx_list_push(&out.headers);
    ngx_memzero(h, sizeof(ngx_table_elt_t));
    h->hash = 1;
    h->key = unit_text("X-Cookies0");
    h->value = unit_text("our=x");

    h = ngx_list_push(&out.headers);
    ngx_memzero(h, sizeof(ngx_table_elt_t));
    h->hash = 1;
    h->key = unit_text("Set-Cookie");
    h->value = unit_text("our");

    value = unit_text("v2");
    ngx_http_vcita_cookie_set(&out, unit_pool, &session, &value,
                              NGX_MAX_INT_T_VALUE);
    all = test_cookie_out(&out);
    is_str(&all, "Set-Cookie: our_login=l1; Max-Age=600\n"
                 "set-cookie: our2=x; our=y\n"
                 "X-Cookies0: our=x\n"
                 "Set-Cookie: our\n"
                 "Set-Cookie: our=v2; Max-Age=9223372036854775807; Path=/; "
                 "HttpOnly\n",
           "lines of others stay");
}


static ngx_array_t *
test_cookie_names(const char *names)
{
    ngx_str_t     name, *n;
    ngx_array_t  *list;

    list = test_cookie_array(sizeof(ngx_str_t));

    while (unit_word(&names, &name)) {
        n = ngx_array_push(list);
        *n = name;
    }

    return list;
}


static ngx_array_t *
test_cookie_array(size_t size)
{
    ngx_array_t  *a;

    a = ngx_array_create(unit_pool, 1, size);
    if (a == NULL) {
        abort();
    }

    return a;
}


/* a line has a zero byte behind it, as every header value does */

static ngx_int_t
test_cookie_cut(ngx_str_t *line, ngx_array_t *names, ngx_str_t *found)
{
    return test_cookie_cut_by(line, names, names, found);
}


static ngx_int_t
test_cookie_cut_by(ngx_str_t *line, ngx_array_t *names, ngx_array_t *stems,
    ngx_str_t *found)
{
    ngx_int_t     rc;
    ngx_str_t     room;
    ngx_array_t  *list;

    list = test_cookie_array(sizeof(ngx_http_vcita_found_t));

    room = unit_room(line->len + 1);
    ngx_memcpy(room.data, line->data, line->len);
    room.data[line->len] = '\0';
    line->data = room.data;

    rc = cookie_line_cut(line, names, stems, list);

    *found = test_cookie_show(list);

    if (line->len && line->data[line->len] != '\0') {
        return NGX_ERROR;
    }

    return rc;
}


static ngx_str_t
test_cookie_show(ngx_array_t *found)
{
    u_char                  *p;
    ngx_str_t                text;
    ngx_uint_t               i;
    ngx_http_vcita_found_t  *f;

    f = found->elts;
    text = unit_room(64 * 1024 * (found->nelts > 20) + 600);
    p = text.data;

    for (i = 0; i < found->nelts; i++) {
        p = ngx_sprintf(p, "%ui:%V|", f[i].index, &f[i].value);
    }

    text.len = p - text.data;

    return text;
}


/*
 * A line is segments, each from where a cookie begins to where the next one
 * does.  Ours go; if the last one went, so does the separator before it.
 */

static void
test_cookie_reference(ngx_str_t *line, ngx_array_t *names, ngx_str_t *kept,
    ngx_array_t *found)
{
    size_t                   i, end;
    ngx_int_t                index;
    ngx_str_t                segment, value;
    ngx_uint_t               semicolons;
    ngx_http_vcita_found_t  *f;

    *kept = unit_room(line->len);
    kept->len = 0;
    index = NGX_DECLINED;

    for (i = 0; i < line->len; i = end) {

        for (end = i + 1; end < line->len; end++) {
            if (test_cookie_starts(line, end)) {
                break;
            }
        }

        segment.data = line->data + i;
        segment.len = end - i;

        index = test_cookie_ours(&segment, names, &value);

        if (index == NGX_DECLINED) {
            ngx_memcpy(kept->data + kept->len, segment.data, segment.len);
            kept->len += segment.len;
            continue;
        }

        f = ngx_array_push(found);
        f->index = index;
        f->value = value;
    }

    if (index == NGX_DECLINED) {
        return;
    }

    for (semicolons = 0; kept->len; kept->len--) {

        if (kept->data[kept->len - 1] == ';' && semicolons++ == 0) {
            continue;
        }

        if (!test_cookie_blank(kept->data[kept->len - 1])) {
            break;
        }
    }
}


/* only blanks, none of them here, stand between this byte and a semicolon */

static ngx_uint_t
test_cookie_starts(ngx_str_t *line, size_t i)
{
    if (test_cookie_blank(line->data[i])) {
        return 0;
    }

    while (i && test_cookie_blank(line->data[i - 1])) {
        i--;
    }

    return i && line->data[i - 1] == ';';
}


static ngx_int_t
test_cookie_ours(ngx_str_t *segment, ngx_array_t *names, ngx_str_t *value)
{
    size_t       len, eq;
    ngx_str_t   *n, name;
    ngx_uint_t   i;

    for (len = 0; len < segment->len; len++) {
        if (segment->data[len] == ';') {
            break;
        }
    }

    for (eq = 0; eq < len; eq++) {
        if (segment->data[eq] == '=') {
            break;
        }
    }

    if (eq == len) {
        return NGX_DECLINED;
    }

    name.data = segment->data;
    name.len = eq;
    test_cookie_strip(&name);

    value->data = segment->data + eq + 1;
    value->len = len - eq - 1;
    test_cookie_strip(value);

    n = names->elts;

    for (i = 0; i < names->nelts; i++) {
        if (unit_same(&n[i], &name)) {
            return i;
        }
    }

    return NGX_DECLINED;
}


static void
test_cookie_strip(ngx_str_t *s)
{
    while (s->len && test_cookie_blank(s->data[0])) {
        s->data++;
        s->len--;
    }

    while (s->len && test_cookie_blank(s->data[s->len - 1])) {
        s->len--;
    }
}


static ngx_uint_t
test_cookie_blank(u_char c)
{
    return c == ' ' || c == '\t';
}


static ngx_str_t
test_cookie_out(ngx_http_headers_out_t *out)
{
    u_char           *p;
    ngx_str_t         text;
    ngx_uint_t        i;
    ngx_list_part_t  *part;
    ngx_table_elt_t  *h;

    text = unit_room(2000);
    p = text.data;

    for (part = &out->headers.part; part; part = part->next) {
        h = part->elts;

        for (i = 0; i < part->nelts; i++) {
            if (h[i].hash) {
                p = ngx_sprintf(p, "%V: %V\n", &h[i].key, &h[i].value);
            }
        }
    }

    text.len = p - text.data;

    return text;
}
