
/*
 * How long a session lives.
 */


#include <ngx_config.h>
#include <ngx_core.h>

#include "session/ngx_http_vcita_session.h"
#include "util/ngx_http_vcita_string.h"
#include "unit.h"


typedef struct {
    uint64_t     created;
    time_t       seen;
    time_t       expires;
    time_t       now;
    time_t       timeout;
    time_t       idle;
    time_t       left;
} test_life_left_t;


typedef struct {
    uint64_t     created;
    time_t       seen;
    time_t       now;
    time_t       idle;
    ngx_uint_t   slides;
} test_life_slides_t;


/* created, seen, expires; now; timeout, idle; left */

static test_life_left_t  test_life_lefts[] = {

    /* the end */
    { 1000000, 0, 2000, 1000, 9999, 0, 1000 },
    { 1000000, 0, 2000, 1999, 9999, 0, 1 },
    { 1000000, 0, 2000, 2000, 9999, 0, 0 },
    { 1000000, 0, 2000, 2001, 9999, 0, 0 },

    /* the timeout that is configured now */
    { 1000000, 0, 9000, 1099, 100, 0, 1 },
    { 1000000, 0, 9000, 1100, 100, 0, 0 },
    { 1000999, 0, 9000, 1099, 100, 0, 1 },
    { 1000999, 0, 9000, 1100, 100, 0, 0 },
    { 1000000, 0, 9000, 1000, 0, 0, 0 },
    { 1000000, 0, 9000, 1000, 1, 0, 1 },

    /* the idle time, from the login on */
    { 1000000, 0, 9000, 1000, 9999, 50, 50 },
    { 1000000, 0, 9000, 1049, 9999, 50, 1 },
    { 1000999, 0, 9000, 1049, 9999, 50, 1 },
    { 1000000, 0, 9000, 1050, 9999, 50, 0 },
    { 1000000, 0, 9000, 5000, 9999, 50, 0 },

    /* the idle time, from the last navigation on */
    { 1000000, 1040, 9000, 1040, 9999, 50, 50 },
    { 1000000, 1040, 9000, 1050, 9999, 50, 40 },
    { 1000000, 1040, 9000, 1089, 9999, 50, 1 },
    { 1000000, 1040, 9000, 1090, 9999, 50, 0 },
    { 1000000, 1040, 9000, 1090, 9999, 0, 7910 },

    /* never longer than the absolute life */
    { 1000000, 1040, 1060, 1050, 9999, 50, 10 },
    { 1000000, 1040, 1060, 1060, 9999, 50, 0 },
    { 1000000, 1040, 9000, 1050, 60, 50, 10 },
    { 1000000, 1040, 9000, 1060, 60, 50, 0 },

    /* clocks that differ: up to 60 s ahead is now */
    { 1000000, 0, 9000, 999, 100, 0, 100 },
    { 1000000, 0, 9000, 940, 100, 0, 100 },
    { 1000999, 0, 9000, 940, 100, 0, 100 },
    { 1000000, 0, 9000, 939, 100, 0, 0 },
    { 1000000, 0, 9000, 0, 100, 0, 0 },
    { 1000000, 0, 9000, 940, 9999, 50, 50 },
    { 1000000, 0, 9000, 939, 9999, 50, 0 },
    { 1000000, 2000, 9000, 1999, 9999, 50, 50 },
    { 1000000, 2000, 9000, 1940, 9999, 50, 50 },
    { 1000000, 2000, 9000, 1939, 9999, 50, 0 },
    { 1000000, 2000, 9000, 1939, 9999, 0, 0 },
    { 2000000, 1950, 9000, 1940, 9999, 0, 7060 },
    { 2000000, 1950, 9000, 1939, 9999, 0, 0 },

    /* far away */
    { 1000000, 0, NGX_MAX_INT_T_VALUE, 1000, NGX_MAX_INT_T_VALUE, 0,
      NGX_MAX_INT_T_VALUE - 1000 },
    { 1000, 0, NGX_MAX_INT_T_VALUE, 4000000000, NGX_MAX_INT_T_VALUE,
      NGX_MAX_INT_T_VALUE, NGX_MAX_INT_T_VALUE - 4000000000 },
    { 1, 0, NGX_MAX_INT_T_VALUE, 4000000000, 4000000000, 0, 0 },
    { 1000000, NGX_MAX_INT_T_VALUE, 9000, 1000, 100, 50, 0 },
    { 0xffffffffffffffffull, 0, NGX_MAX_INT_T_VALUE, 1000, 100, 0, 0 }
};


/* created, seen; now; idle; slides */

static test_life_slides_t  test_life_slidings[] = {
    { 1000000, 0, 9000, 0, 0 },
    { 1000000, 1000, 9000, 0, 0 },

    { 1000000, 0, 1000, 100, 0 },
    { 1000000, 0, 1010, 100, 0 },
    { 1000000, 0, 1011, 100, 1 },
    { 1000999, 0, 1010, 100, 0 },
    { 1000999, 0, 1011, 100, 1 },

    { 1000000, 2000, 2000, 100, 0 },
    { 1000000, 2000, 2010, 100, 0 },
    { 1000000, 2000, 2011, 100, 1 },
    { 1000000, 2000, 2360, 3600, 0 },
    { 1000000, 2000, 2361, 3600, 1 },
    { 1000000, 2000, 2001, 2, 1 },
    { 1000000, 2000, 2000, 2, 0 },

    /* seen by a clock that is ahead */
    { 1000000, 2000, 1999, 2, 0 },
    { 1000000, 2000, 1940, 100, 0 }
};


unit_test(life_left)
{
    ngx_uint_t                       i, n;
    test_life_left_t             *t;
    ngx_http_vcita_session_t   s;

    t = test_life_lefts;
    n = sizeof(test_life_lefts) / sizeof(test_life_lefts[0]);

    for (i = 0; i < n; i++) {
        ngx_memzero(&s, sizeof(ngx_http_vcita_session_t));
        s.created = t[i].created;
        s.seen = t[i].seen;
        s.expires = t[i].expires;

        is_int(ngx_http_vcita_session_left(&s, t[i].now, t[i].timeout,
                                           t[i].idle), t[i].left,
               "left %ui: at %T, of %uL, seen %T, to %T", i, t[i].now,
               t[i].created, t[i].seen, t[i].expires);
    }
}


/* a time_t may have 32 bits: what it cannot hold is its last second */

unit_test(life_time)
{
    uint64_t  max;

    max = (sizeof(time_t) == 4) ? 0x7fffffff : 0x7fffffffffffffff;

    is_int(ngx_http_vcita_string_time(0), 0, "the beginning");
    is_int(ngx_http_vcita_string_time(1790000000), 1790000000, "now");
    is_int(ngx_http_vcita_string_time(max), max, "the last second");
    is_int(ngx_http_vcita_string_time(max + 1), max, "the one behind it");
    is_int(ngx_http_vcita_string_time((uint64_t) -1), max, "any later");
}


/* what stands in quotes in a log line does not end them */

unit_test(life_shown)
{
    char       *bad[] = { "a\"b", "a\\b", "a\nb", "\x7f", "\xc2\x9b" "31m",
                          "\xe2\x80\xae" "a", "\xef\xbb\xbf", "a\xff",
                          "\xc2", "\xd8\x9c" "a", "\xed\xa0\x80",
                          "\xf3\xa0\x81\x81", "\xef\xbf\xbb" };
    ngx_str_t   text;
    ngx_uint_t  i;

    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        text = unit_text(bad[i]);
        ngx_http_vcita_string_shown(&text);
        is_int(text.len, 0, "bad text %ui is not shown", i);
    }

    text = unit_text("sha\xd7\x9c@example.com");
    ngx_http_vcita_string_shown(&text);
    is_str(&text, "sha\xd7\x9c@example.com", "letters are");

    ngx_str_null(&text);
    ngx_http_vcita_string_shown(&text);
    is_int(text.len, 0, "an empty text");

    /* a letter of two bytes at the end of what is shown */

    text = unit_room(1000);
    ngx_memset(text.data, 'x', 1000);
    text.data[NGX_HTTP_VCITA_STRING_SHOWN - 1] = 0xd7;
    text.data[NGX_HTTP_VCITA_STRING_SHOWN] = 0x9c;

    ngx_http_vcita_string_shown(&text);
    is_int(text.len, NGX_HTTP_VCITA_STRING_SHOWN - 1, "cut before a letter");
}


unit_test(life_slides)
{
    ngx_uint_t                       i, n;
    test_life_slides_t           *t;
    ngx_http_vcita_session_t   s;

    t = test_life_slidings;
    n = sizeof(test_life_slidings) / sizeof(test_life_slidings[0]);

    for (i = 0; i < n; i++) {
        ngx_memzero(&s, sizeof(ngx_http_vcita_session_t));
        s.created = t[i].created;
        s.seen = t[i].seen;

        is_int(ngx_http_vcita_session_slides(&s, t[i].now, t[i].idle),
               t[i].slides, "slides %ui: at %T, of %uL, seen %T, by %T", i,
               t[i].now, t[i].created, t[i].seen, t[i].idle);
    }
}
