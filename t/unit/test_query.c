
/*
 * Queries, percent-encoding, and host[:port].
 */


#include <ngx_config.h>
#include <ngx_core.h>

#include "util/ngx_http_vcita_query.h"
#include "unit.h"


typedef struct {
    const char  *text;
    const char  *want;
} test_query_case_t;


typedef struct {
    const char  *query;
    const char  *name;
    ngx_int_t    rc;
    const char  *value;
} test_query_get_t;


static ngx_int_t test_query_hex(u_char c);
static ngx_int_t test_query_reference(ngx_str_t *text, ngx_str_t *want);


static test_query_case_t  test_query_pairs[] = {
    { "", "" },
    { "&", "" },
    { "&&&", "" },
    { "a", "a|;" },
    { "a=", "a|;" },
    { "a=1", "a|1;" },
    { "=", "|;" },
    { "=1", "|1;" },
    { "==", "|=;" },
    { "a==1=", "a|=1=;" },
    { "a=1&b=2", "a|1;b|2;" },
    { "a=1&&b=2&", "a|1;b|2;" },
    { "&&a=1&&&&b&&=&", "a|1;b|;|;" },
    { "a=1&a=2", "a|1;a|2;" },
    { "a=1;b=2", "a|1;b=2;" },
    { "a=1?b=2&c=3#d", "a|1?b=2;c|3#d;" },
    { "a%26b=1%3d2&%=%", "a%26b|1%3d2;%|%;" }
};


static test_query_get_t  test_query_gets[] = {
    { "", "a", NGX_DECLINED, "" },
    { "b=1", "a", NGX_DECLINED, "" },
    { "A=1", "a", NGX_DECLINED, "" },
    { "aa=1&xa=2&a%20=3&+a=4", "a", NGX_DECLINED, "" },
    { "a=1", "a", NGX_OK, "1" },
    { "a", "a", NGX_OK, "" },
    { "a=", "a", NGX_OK, "" },
    { "b=2&a=1&c=3", "a", NGX_OK, "1" },
    { "&&a=1&&", "a", NGX_OK, "1" },
    { "A=2&a=1", "a", NGX_OK, "1" },
    { "a=b=c", "a", NGX_OK, "b=c" },
    { "a=b%20c+d%2be", "a", NGX_OK, "b c d+e" },
    { "a=%41%5a%7e%7E", "a", NGX_OK, "AZ~~" },
    { "a=%26%3D%25&b", "a", NGX_OK, "&=%" },
    { "%61=1", "a", NGX_OK, "1" },
    { "co%64e=1", "code", NGX_OK, "1" },
    { "%63%6F%64%65=%31", "code", NGX_OK, "1" },
    { "co%2564e=1", "code", NGX_DECLINED, "" },
    { "a=1&a=1", "a", NGX_ABORT, "" },
    { "a=1&%61=2", "a", NGX_ABORT, "" },
    { "%61=1&%61", "a", NGX_ABORT, "" },
    { "a&b&a", "a", NGX_ABORT, "" },
    { "a=%", "a", NGX_ABORT, "" },
    { "a=%4", "a", NGX_ABORT, "" },
    { "a=%4&b=1", "a", NGX_ABORT, "" },
    { "a=%zz", "a", NGX_ABORT, "" },
    { "a=%4g", "a", NGX_ABORT, "" },
    { "a=%g4", "a", NGX_ABORT, "" },
    { "a=%%34%31", "a", NGX_ABORT, "" },
    { "a=%u0041", "a", NGX_ABORT, "" },
    { "a=% 41", "a", NGX_ABORT, "" },
    { "a=%-1", "a", NGX_ABORT, "" },
    { "%=1&a=2", "a", NGX_OK, "2" },
    { "%zz=1&%6=1&a=2", "a", NGX_OK, "2" },
    { "b=%zz&a=2", "a", NGX_OK, "2" },
    { "a=\xc3\xa9%C3%A9", "a", NGX_OK, "\xc3\xa9\xc3\xa9" },
    { "a=1;a=2", "a", NGX_OK, "1;a=2" }
};


static const char  *test_query_authorities[] = {
    "a", "localhost", "example.com", "EXAMPLE.com", "xn--e1afmkfd.xn--p1ai",
    "127.0.0.1", "a_b.c", "a-b.c", "example.com.", "1",
    "a:1", "a:80", "a:443", "a:65535", "127.0.0.1:8080",
    "[::1]", "[::]", "[::1]:443", "[2001:DB8::a]:1", "[::ffff:127.0.0.1]"
};


static const char  *test_query_no_authorities[] = {
    "", ":", ":80", "a:", "a:0", "a:65536", "a:99999999999999999999",
    "a:80a", "a:-1", "a:+1", "a: 1", "a:80:80", "a::1", "a:80/",
    "a/", "a/b", "a?b", "a#b", "a@b", "user@a", "user:pass@a", "a\\b", "a b",
    "a\tb", "a\r\nb", "a%2eb", "a,b", "a;b", "a'b", "a\"b", "a<b", "a=b",
    "a&b", "a\xc3\xa9", "\xff", "*", "*.a", "a$", "$host", "{a}", "a|b",
    "a`b", "a^b", "a~b", "a!b", "a(b)",
    "[", "[]", "[:", "[:]", "[]:80", "[::1", "[::1]x", "[::1]80", "[::1]:",
    "[::1]:0", "[::g]", "[::1%25eth0]", "[v1.a]", "[::1]]", "::1", "[[::1]]",
    "a[::1]", "[::1]@a", "[::@1]", "[:: ]", "[::/]"
};


unit_test(query_next)
{
    u_char             *p;
    ngx_str_t           rest, name, value, got;
    ngx_uint_t          i, n;
    test_query_case_t  *t;

    t = test_query_pairs;
    n = sizeof(test_query_pairs) / sizeof(test_query_pairs[0]);

    for (i = 0; i < n; i++) {
        rest = unit_text(t[i].text);
        got = unit_room(200);
        p = got.data;

        while (ngx_http_vcita_query_next(&rest, &name, &value) == NGX_OK)
        {
            p = ngx_sprintf(p, "%V|%V;", &name, &value);
        }

        got.len = p - got.data;
        is_str(&got, t[i].want, "pairs %ui: %s", i, t[i].text);

        is_int(ngx_http_vcita_query_next(&rest, &name, &value), NGX_DONE,
               "pairs %ui: the end stays the end", i);
    }

    ngx_str_null(&rest);
    is_int(ngx_http_vcita_query_next(&rest, &name, &value), NGX_DONE,
           "no query");
}


unit_test(query_get)
{
    ngx_int_t          rc;
    ngx_str_t          query, before, value;
    ngx_uint_t         i, n;
    test_query_get_t  *t;

    t = test_query_gets;
    n = sizeof(test_query_gets) / sizeof(test_query_gets[0]);

    for (i = 0; i < n; i++) {
        query = unit_text(t[i].query);
        before = unit_text(t[i].query);

        rc = ngx_http_vcita_query_get(unit_pool, &query, t[i].name, &value);
        is_int(rc, t[i].rc, "get %ui: %s in %s", i, t[i].name, t[i].query);

        if (rc == NGX_OK) {
            is_str(&value, t[i].value, "get %ui: the value", i);
        }

        is_eq(&query, &before, "get %ui: the query is as it was", i);
    }

    query = unit_text("a=%00b");
    before = unit_copy("\0b", 2);
    ngx_http_vcita_query_get(unit_pool, &query, "a", &value);
    is_eq(&value, &before, "a zero byte");

    query = unit_text("a%00=1&a%00b=2");
    is_int(ngx_http_vcita_query_get(unit_pool, &query, "a", &value),
           NGX_DECLINED, "a zero byte does not end a name");
}


unit_test(query_unescape)
{
    u_char      c;
    ngx_int_t   rc;
    ngx_str_t   text, got, want;
    ngx_uint_t  i, n, bad;

    text = unit_text("nothing-to-do%");
    text.len--;
    got = text;
    is_int(ngx_http_vcita_query_unescape(unit_pool, &got), NGX_OK,
           "a text without escapes");
    ok(got.data == text.data, "is left where it is");

    text = unit_text("a%20b%zz and more of it");
    got = text;
    is_int(ngx_http_vcita_query_unescape(unit_pool, &got), NGX_DECLINED,
           "an escape that is none");
    is_eq(&got, &text, "leaves the text as it was");

    bad = 0;

    for (i = 0; i < 65536; i++) {
        text = unit_text("%..");
        text.data[1] = (u_char) (i >> 8);
        text.data[2] = (u_char) i;

        got = text;
        rc = ngx_http_vcita_query_unescape(unit_pool, &got);

        if (test_query_reference(&text, &want) != rc
            || (rc == NGX_OK && !unit_same(&got, &want)))
        {
            bad++;
        }
    }

    is_int(bad, 0, "any two bytes behind a percent sign");

    bad = 0;

    for (i = 0; i < 20000; i++) {
        text = unit_room(unit_random(20));

        for (n = 0; n < text.len; n++) {
            c = (u_char) unit_random(256);
            text.data[n] = (unit_random(4) == 0)
                           ? c : (u_char) "%%%+0123456789abcdefABCDEFg"[c % 27];
        }

        got = text;
        rc = ngx_http_vcita_query_unescape(unit_pool, &got);

        if (test_query_reference(&text, &want) != rc
            || (rc == NGX_OK && !unit_same(&got, &want)))
        {
            bad++;
        }
    }

    is_int(bad, 0, "random texts");
}


static ngx_int_t
test_query_hex(u_char c)
{
    const char  *p;

    static const char  digits[] = "0123456789abcdef0123456789ABCDEF";

    p = c ? strchr(digits, c) : NULL;

    return p ? (p - digits) % 16 : -1;
}


static ngx_int_t
test_query_reference(ngx_str_t *text, ngx_str_t *want)
{
    size_t     i;
    ngx_int_t  high, low;

    *want = unit_room(text->len);
    want->len = 0;

    for (i = 0; i < text->len; i++) {

        if (text->data[i] == '+') {
            want->data[want->len++] = ' ';
            continue;
        }

        if (text->data[i] != '%') {
            want->data[want->len++] = text->data[i];
            continue;
        }

        if (i + 2 >= text->len) {
            return NGX_DECLINED;
        }

        high = test_query_hex(text->data[i + 1]);
        low = test_query_hex(text->data[i + 2]);

        if (high < 0 || low < 0) {
            return NGX_DECLINED;
        }

        want->data[want->len++] = (u_char) (high * 16 + low);
        i += 2;
    }

    return NGX_OK;
}


unit_test(query_escape)
{
    u_char      *p;
    ngx_str_t    text, got;
    ngx_uint_t   i, kept, bad;

    text = unit_room(256);

    for (i = 0; i < 256; i++) {
        text.data[i] = (u_char) i;
    }

    got = unit_room(ngx_http_vcita_query_escaped_len(&text));
    p = ngx_http_vcita_query_escape(got.data, &text);
    is_int(p - got.data, got.len, "the length of what is escaped");

    kept = 0;
    bad = 0;

    for (i = 0; i < got.len; i++) {

        if (got.data[i] == '%') {
            i += 2;
            continue;
        }

        kept++;
        bad += !((got.data[i] >= 'a' && got.data[i] <= 'z')
                 || (got.data[i] >= 'A' && got.data[i] <= 'Z')
                 || (got.data[i] >= '0' && got.data[i] <= '9')
                 || strchr("-._~", got.data[i]) != NULL);
    }

    is_int(kept, 26 + 26 + 10 + 4, "the unreserved characters stay");
    is_int(bad, 0, "and no other");

    is_int(ngx_http_vcita_query_unescape(unit_pool, &got), NGX_OK,
           "what is escaped is unescaped");
    is_eq(&got, &text, "and comes back");

    ngx_str_null(&text);
    is_int(ngx_http_vcita_query_escaped_len(&text), 0, "nothing is escaped");
}


unit_test(query_authority)
{
    u_char      c;
    ngx_str_t   text;
    ngx_uint_t  i, n, bad;

    n = sizeof(test_query_authorities) / sizeof(test_query_authorities[0]);

    for (i = 0; i < n; i++) {
        text = unit_text(test_query_authorities[i]);
        is_int(ngx_http_vcita_query_authority(&text), NGX_OK,
               "an authority: %s", test_query_authorities[i]);
    }

    n = sizeof(test_query_no_authorities)
        / sizeof(test_query_no_authorities[0]);

    for (i = 0; i < n; i++) {
        text = unit_text(test_query_no_authorities[i]);
        is_int(ngx_http_vcita_query_authority(&text), NGX_DECLINED,
               "no authority: %s", test_query_no_authorities[i]);
    }

    bad = 0;

    for (i = 0; i < 256; i++) {
        c = (u_char) i;

        text = unit_text("a.b");
        text.data[1] = c;
        n = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z')
            || (c >= 'A' && c <= 'Z') || c == '-' || c == '.' || c == '_';
        bad += ((ngx_http_vcita_query_authority(&text) == NGX_OK) != n);

        text = unit_text("[:.:]");
        text.data[2] = c;
        n = (test_query_hex(c) >= 0 || c == ':' || c == '.');
        bad += ((ngx_http_vcita_query_authority(&text) == NGX_OK) != n);

        text = unit_text("a:1.2");
        text.data[3] = c;
        n = (c >= '0' && c <= '9');
        bad += ((ngx_http_vcita_query_authority(&text) == NGX_OK) != n);
    }

    is_int(bad, 0, "any byte in a host, a literal and a port");

    text = unit_copy("a\0b", 3);
    is_int(ngx_http_vcita_query_authority(&text), NGX_DECLINED,
           "a zero byte");
}


unit_test(query_within)
{
    ngx_str_t   text, domain;
    ngx_uint_t  i;

    static const char  *in[] = {
        "example.com", "a.example.com", "a.b.example.com", "EXAMPLE.com",
        "a.Example.COM:8443", "example.com:1"
    };

    static const char  *out[] = {
        "", "com", "xample.com", "aexample.com", "example.com.",
        "example.com.a", "a.example.org", "[::1]", "[example.com]", ":",
        "evil:example.com"
    };

    domain = unit_text("example.com");

    for (i = 0; i < sizeof(in) / sizeof(in[0]); i++) {
        text = unit_text(in[i]);
        is_int(ngx_http_vcita_query_within(&text, &domain), 1,
               "in the domain: %s", in[i]);
    }

    for (i = 0; i < sizeof(out) / sizeof(out[0]); i++) {
        text = unit_text(out[i]);
        is_int(ngx_http_vcita_query_within(&text, &domain), 0,
               "not in the domain: %s", out[i]);
    }
}
