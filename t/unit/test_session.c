
/*
 * Sessions: what is encoded comes back, and what is not a session is refused.
 */


#include <ngx_config.h>
#include <ngx_core.h>

#include "session/ngx_http_vcita_session.h"
#include "vcita/ngx_http_vcita_claims.h"
#include "unit.h"


#define TEST_SESSION_LIMIT  2800


/* the bytes of a session, what it is seen at, and its bytes then */

typedef struct {
    const char  *bytes;
    time_t       seen;
    const char  *again;
} test_session_again_t;


typedef struct {
    const char  *bytes;
    ngx_int_t    rc;
} test_session_bytes_t;


static void test_session_make(ngx_http_vcita_session_t *s, const char *token);
static ngx_array_t *test_session_claims(void);
static ngx_http_vcita_member_t *test_session_claim(ngx_array_t *claims,
    const char *name, size_t len);
static ngx_str_t test_session_encode(ngx_http_vcita_session_t *s,
    ngx_array_t *claims, size_t limit);
static ngx_int_t test_session_decode(ngx_str_t *text,
    ngx_http_vcita_session_t *s);
static ngx_str_t test_session_value(ngx_http_vcita_session_t *s,
    const char *name);
static void test_session_longest(ngx_http_vcita_session_t *s,
    ngx_uint_t wanted, size_t limit, size_t len);
static ngx_uint_t test_session_same(ngx_http_vcita_session_t *a,
    ngx_http_vcita_session_t *b);


/* created 1 s, expires 2, id of 16 zero bytes, token "t" */

#define TEST_SESSION_TIMES  "81 02 03e8" "82 01 02"
#define TEST_SESSION_ID     "84 10 00000000000000000000000000000000"
#define TEST_SESSION_TOKEN  "05 01 74"
#define TEST_SESSION        TEST_SESSION_TIMES TEST_SESSION_ID               \
                            TEST_SESSION_TOKEN


static test_session_bytes_t  test_session_texts[] = {
    { TEST_SESSION, NGX_OK },
    { TEST_SESSION_TOKEN TEST_SESSION_ID TEST_SESSION_TIMES, NGX_OK },
    { "", NGX_DECLINED },

    /* what has to be there */
    { "82 01 02" TEST_SESSION_ID TEST_SESSION_TOKEN, NGX_DECLINED },
    { "81 01 01" TEST_SESSION_ID TEST_SESSION_TOKEN, NGX_DECLINED },
    { TEST_SESSION_TIMES TEST_SESSION_TOKEN, NGX_DECLINED },
    { TEST_SESSION_TIMES TEST_SESSION_ID, NGX_DECLINED },
    { TEST_SESSION_TIMES TEST_SESSION_ID "05 00", NGX_DECLINED },
    { TEST_SESSION_TIMES TEST_SESSION_ID "06 00", NGX_DECLINED },
    { TEST_SESSION_TIMES TEST_SESSION_ID "06 01 ab", NGX_OK },
    { "81 01 00 82 01 02" TEST_SESSION_ID TEST_SESSION_TOKEN, NGX_DECLINED },
    { "81 01 01 82 01 00" TEST_SESSION_ID TEST_SESSION_TOKEN, NGX_DECLINED },
    { TEST_SESSION_TIMES TEST_SESSION_TOKEN
      "84 0f 000000000000000000000000000000", NGX_DECLINED },
    { TEST_SESSION_TIMES TEST_SESSION_TOKEN
      "84 11 0000000000000000000000000000000000", NGX_DECLINED },
    { TEST_SESSION_TIMES TEST_SESSION_TOKEN "84 00", NGX_DECLINED },

    /* times */
    { TEST_SESSION "81 00", NGX_DECLINED },
    { TEST_SESSION "82 00", NGX_DECLINED },
    { TEST_SESSION "03 00", NGX_DECLINED },
    { TEST_SESSION "81 08 ffffffffffffffff", NGX_OK },
    { TEST_SESSION "81 09 00ffffffffffffffff", NGX_DECLINED },
    { TEST_SESSION "82 08 7fffffffffffffff", NGX_OK },
    { TEST_SESSION "82 08 8000000000000000", NGX_DECLINED },
    { TEST_SESSION "82 08 ffffffffffffffff", NGX_DECLINED },
    { TEST_SESSION "82 08 0000000000000002", NGX_OK },
    { TEST_SESSION "03 08 7fffffffffffffff", NGX_OK },
    { TEST_SESSION "03 08 8000000000000000", NGX_DECLINED },
    { TEST_SESSION "03 09 000000000000000001", NGX_DECLINED },

    /* tags that this build does not know */
    { TEST_SESSION "09 00", NGX_OK },
    { TEST_SESSION "00 00", NGX_OK },
    { TEST_SESSION "7f 02 ffff", NGX_OK },
    { TEST_SESSION "12 03 800180", NGX_OK },
    { "7f 02 ffff 00 01 00" TEST_SESSION, NGX_OK },
    { TEST_SESSION "80 00", NGX_DECLINED },
    { TEST_SESSION "83 01 01", NGX_DECLINED },
    { TEST_SESSION "85 01 74", NGX_DECLINED },
    { TEST_SESSION "90 02 0161", NGX_DECLINED },
    { TEST_SESSION "ff 02 ffff", NGX_DECLINED },
    { "ff 00" TEST_SESSION, NGX_DECLINED },
    { TEST_SESSION "10 03 016162 ff 00", NGX_DECLINED },

    /* lengths */
    { TEST_SESSION "09", NGX_DECLINED },
    { TEST_SESSION "09 01", NGX_DECLINED },
    { TEST_SESSION "09 80", NGX_DECLINED },
    { TEST_SESSION "09 80 00", NGX_OK },
    { TEST_SESSION "09 80 01 00", NGX_OK },
    { TEST_SESSION "09 80 01", NGX_DECLINED },
    { TEST_SESSION "09 80 81 00", NGX_OK },
    { TEST_SESSION "09 81 00 00", NGX_DECLINED },
    { TEST_SESSION "09 ff 7f 00", NGX_DECLINED },
    { TEST_SESSION "09 ff ff 00", NGX_DECLINED },
    { TEST_SESSION "10 7f 00", NGX_DECLINED }
};


/* claims that are none: decoded they do no harm, and none of them is found */

static const char  *test_session_no_claims[] = {
    "10 00", "10 01 00", "10 01 01", "10 01 03", "10 02 0361", "10 03 036162",
    "10 03 616263", "10 03 ff6162", "11 00", "11 01 03", "11 04 03616263",
    "11 05 0361626300", "11 06 036162630001", "11 07 03616263000100",
    "11 08 0361626300020000", "11 06 03616263ffff", "11 06 036162638000",
    "09 05 0361626378", "10 03 036162 63 00", "11 07 03616263000163 00 00",
    "11 06 03616263 0000", "11 07 03616263 0000 78",
    "11 08 03616263 0001 0001", "11 09 03616263 0001 0000 78",
    "11 0a 03616263 0001 0001 7879", "11 0c 03616263 0002 0001 0001 7879"
};


static test_session_again_t  test_session_agains[] = {
    { TEST_SESSION, 0, TEST_SESSION },
    { TEST_SESSION, 7, TEST_SESSION },
    { TEST_SESSION "03 01 05", 7,
      TEST_SESSION },
    { TEST_SESSION "03 01 05", 0,
      TEST_SESSION },
    { TEST_SESSION "03 01 05 03 02 0102", 7,
      TEST_SESSION },
    { TEST_SESSION "03 01 05 08 02 7979", 7,
      TEST_SESSION "08 02 7979" },
    { TEST_SESSION "08 02 7979 03 01 05 10 02 0173", 7,
      TEST_SESSION "08 02 7979 10 02 0173" },

    /* of a later build: not a bit of them changes, nor their order */
    { TEST_SESSION "09 00", 7,
      TEST_SESSION "09 00" },
    { TEST_SESSION "7f 03 000102 03 01 05 09 01 ff", 7,
      TEST_SESSION "7f 03 000102 09 01 ff" },
    { TEST_SESSION "09 8001 ff 03 01 05 09 01 ff", 7,
      TEST_SESSION "09 8001 ff 09 01 ff" },
    { TEST_SESSION "10 02 0173 20 01 78 20 01 78 11 01 00", 7,
      TEST_SESSION "10 02 0173 20 01 78 20 01 78 11 01 00" }
};


unit_test(session_round)
{
    ngx_str_t                  text, token;
    ngx_uint_t                 i, n, bad;
    ngx_array_t               *claims;
    ngx_http_vcita_session_t   s, back;

    static const char  *tokens[] = {
        "00", "ff", "0123456789abcdef", "a", "abc", "0g", "AB", "aB", "/0",
        "9:", "`a", "  ", "abcdef0123456789abcdef0123456789abcdef012345678",
        "eyJhbGciOiJSUzI1NiJ9.e30.c2ln", "~-._+/=="
    };

    static const u_char  hex[] = "0123456789abcdef";

    claims = test_session_claims();
    n = sizeof(tokens) / sizeof(tokens[0]);

    for (i = 0; i < n; i++) {
        test_session_make(&s, tokens[i]);
        text = test_session_encode(&s, claims, TEST_SESSION_LIMIT);

        is_int(test_session_decode(&text, &back), NGX_OK,
               "a session with token %s", tokens[i]);
        ok(test_session_same(&s, &back), "comes back");

        is_int(ngx_http_vcita_session_token(&back, unit_pool, &token), NGX_OK,
               "its token");
        is_str(&token, tokens[i], "is the same");
    }

    /* lower case hex takes half the room */

    test_session_make(&s, "0123456789abcdef0123456789abcdef");
    text = test_session_encode(&s, claims, TEST_SESSION_LIMIT);
    test_session_make(&back, "0123456789abcdef0123456789abcdeF");
    is_int(test_session_encode(&back, claims, TEST_SESSION_LIMIT).len
           - text.len,
           16, "hex is kept as bytes");

    /* times of every length, tokens and scopes of many */

    bad = 0;

    for (i = 0; i < 3000; i++) {
        token = unit_room(1 + unit_random(400));

        for (n = 0; n < token.len; n++) {
            token.data[n] = (i % 2) ? hex[unit_random(16)]
                                    : (u_char) (33 + unit_random(94));
        }

        test_session_make(&s, "x");
        s.token = token;
        s.scope = unit_room(unit_random(300));
        ngx_memset(s.scope.data, 's', s.scope.len);
        s.created = ((uint64_t) 1 << unit_random(64)) - (i % 3 == 0)
                    + (i % 3 == 1);
        s.expires = (time_t) (((uint64_t) 1 << unit_random(63))
                              - (i % 3 == 1) + (i % 3 == 2));
        s.seen = (i % 4) ? (time_t) (((uint64_t) 1 << unit_random(63)) - 1)
                         : 0;
        s.created += (s.created == 0);
        s.expires += (s.expires == 0);

        text = test_session_encode(&s, claims, TEST_SESSION_LIMIT);

        if (test_session_decode(&text, &back) != NGX_OK
            || !test_session_same(&s, &back)
            || ngx_http_vcita_session_token(&back, unit_pool, &token) != NGX_OK
            || !unit_same(&token, &s.token))
        {
            bad++;
        }
    }

    is_int(bad, 0, "random sessions come back");

    test_session_make(&s, "token");
    s.created = 0x7fffffffffffffffull;
    s.expires = NGX_MAX_INT_T_VALUE;
    s.seen = NGX_MAX_INT_T_VALUE;
    text = test_session_encode(&s, claims, TEST_SESSION_LIMIT);
    is_int(test_session_decode(&text, &back), NGX_OK, "times of 2^63 - 1");
    ok(test_session_same(&s, &back), "come back");

    ngx_str_null(&s.token_type);
    s.seen = 0;
    text = test_session_encode(&s, claims, TEST_SESSION_LIMIT);
    test_session_decode(&text, &back);
    is_str(&back.token_type, "Bearer", "Bearer goes without saying");
    is_int(back.seen, 0, "a session that is not sliding");
}


unit_test(session_provisional)
{
    time_t                     now;
    ngx_str_t                  text, again, expected;
    ngx_uint_t                 i;
    ngx_array_t               *claims;
    ngx_http_vcita_session_t   s;

    /* at 1000: the session is from 900; seconds left; seconds in a store */

    static const time_t  ttls[][3] = {
        { 900, 9000, 200 }, { 900, 150, 150 }, { 700, 9000, 1 },
        { 100, 9000, 1 }, { 701, 9000, 1 }, { 1000, 9000, 300 },
        { 1050, 9000, 300 }
    };

    claims = test_session_claims();
    test_session_make(&s, "token");

    s.provisional = 1;
    text = test_session_encode(&s, claims, TEST_SESSION_LIMIT);
    is_int(test_session_decode(&text, &s), NGX_OK, "a provisional session");
    is_int(s.provisional, 1, "is one");

    now = 1000;

    for (i = 0; i < sizeof(ttls) / sizeof(ttls[0]); i++) {
        s.created = (uint64_t) ttls[i][0] * 1000;
        is_int(ngx_http_vcita_session_ttl(&s, now, ttls[i][1]), ttls[i][2],
               "a store keeps it, %ui", i);
    }

    (void) ngx_http_vcita_session_reencode(unit_pool, &s, &again);
    is_int(test_session_decode(&again, &s), NGX_OK, "written again");
    is_int(s.provisional, 1, "it is one");

    s.provisional = 0;
    is_int(ngx_http_vcita_session_ttl(&s, now, 9000), 9000, "its whole life");
    (void) ngx_http_vcita_session_reencode(unit_pool, &s, &again);
    is_int(test_session_decode(&again, &s), NGX_OK, "confirmed");
    is_int(s.provisional, 0, "it is none");
    is_int(again.len, text.len - 2, "the tag alone has gone");

    /* a later build may say more in the tag; what it says goes with it */

    text = unit_hex(TEST_SESSION "0b 02 0102 08 01 73");
    is_int(test_session_decode(&text, &s), NGX_OK, "a tag with a value");
    is_int(s.provisional, 1, "is the same");
    s.provisional = 0;
    (void) ngx_http_vcita_session_reencode(unit_pool, &s, &again);
    expected = unit_hex(TEST_SESSION "08 01 73");
    is_eq(&again, &expected, "and goes");
}


unit_test(session_claims)
{
    ngx_str_t                  text, value, lengths, name;
    ngx_uint_t                 i, n;
    ngx_array_t               *claims;
    ngx_http_vcita_session_t   s;
    ngx_http_vcita_member_t   *m;

    claims = test_session_claims();
    test_session_claim(claims, "sub", 1);
    test_session_claim(claims, "su", 2);
    test_session_claim(claims, "subs", 3);
    m = test_session_claim(claims, "roles", 0);
    m->type = NGX_HTTP_VCITA_JSON_ARRAY;
    m->value = unit_text("a,b,,c,d");
    m->lengths = unit_hex("0001 0003 0000 0001");
    m = test_session_claim(claims, "gone", 5);
    m->type = NGX_HTTP_VCITA_JSON_NULL;
    test_session_claim(claims, "email", 256);

    test_session_make(&s, "token");
    text = test_session_encode(&s, claims, TEST_SESSION_LIMIT);
    is_int(test_session_decode(&text, &s), NGX_OK, "a session with claims");

    is_int(test_session_value(&s, "sub").len, 1, "the claim sub");
    is_int(test_session_value(&s, "su").len, 2, "the claim su");
    is_int(test_session_value(&s, "subs").len, 3, "the claim subs");
    is_int(test_session_value(&s, "email").len, 256, "256 bytes");
    value = test_session_value(&s, "roles");
    is_str(&value, "a,b,,c,d", "an array");

    name = unit_text("roles");
    is_int(ngx_http_vcita_session_claims_get_array(&s, &name, &lengths, &value),
           NGX_OK,
           "the claim roles is an array");
    is_str(&value, "a,b,,c,d", "its value");
    text = unit_hex("0001 0003 0000 0001");
    is_eq(&lengths, &text, "its elements' lengths");

    name = unit_text("sub");
    is_int(ngx_http_vcita_session_claims_get_array(&s, &name, &lengths, &value),
           NGX_DECLINED, "the claim sub is none");
    name = unit_text("rolex");
    is_int(ngx_http_vcita_session_claims_get_array(&s, &name, &lengths, &value),
           NGX_DECLINED, "nor is one that is not there");

    ok(test_session_value(&s, "gone").data == NULL, "a claim left out");
    ok(test_session_value(&s, "s").data == NULL, "no claim s");
    ok(test_session_value(&s, "").data == NULL, "no claim without a name");
    ok(test_session_value(&s, "Sub").data == NULL, "names are lower case");
    ok(test_session_value(&s, "role").data == NULL, "no prefix of a name");

    /* a claim behind tags that this build does not know, and before some */

    text = unit_hex(TEST_SESSION "10 05 0361626378" "12 02 0000"
                    "10 05 0361626479" "08 01 73");
    is_int(test_session_decode(&text, &s), NGX_OK, "claims among others");
    value = test_session_value(&s, "abc");
    is_str(&value, "x", "the first claim");
    value = test_session_value(&s, "abd");
    is_str(&value, "y", "the second claim");
    is_str(&s.scope, "s", "what stands behind them");

    n = sizeof(test_session_no_claims) / sizeof(test_session_no_claims[0]);

    for (i = 0; i < n; i++) {
        text = unit_hex(test_session_no_claims[i]);
        value = unit_hex(TEST_SESSION);
        m = test_session_claim(claims, "room", value.len + text.len);
        ngx_memcpy(m->value.data, value.data, value.len);
        ngx_memcpy(m->value.data + value.len, text.data, text.len);

        if (test_session_decode(&m->value, &s) != NGX_OK) {
            ok(0, "bytes %ui are no session", i);
            continue;
        }

        value = test_session_value(&s, "abc");
        is_int(value.len, 0, "no claim in %s", test_session_no_claims[i]);

        name = unit_text("abc");
        is_int(ngx_http_vcita_session_claims_get_array(&s, &name, &lengths,
                                                       &value), NGX_DECLINED,
               "no array either");
    }
}


/* what a rule depends on has to stay, then comes what is named, then others */

unit_test(session_fit)
{
    size_t                     size, limit;
    ngx_str_t                  text;
    ngx_uint_t                 i, bad;
    ngx_msec_t                 start;
    ngx_array_t               *claims;
    ngx_http_vcita_session_t   s, back;
    ngx_http_vcita_member_t   *m;

    claims = test_session_claims();
    test_session_claim(claims, "a", 100);
    m = test_session_claim(claims, "sub", 256);
    m->wanted = NGX_HTTP_VCITA_CLAIM_SUB;
    test_session_claim(claims, "b", 200);
    m = test_session_claim(claims, "named", 150);
    m->wanted = NGX_HTTP_VCITA_CLAIM_NAMED;
    test_session_claim(claims, "c", 90);
    m = test_session_claim(claims, "ruled", 120);
    m->wanted = NGX_HTTP_VCITA_CLAIM_RULED;

    test_session_make(&s, "token");
    text = test_session_encode(&s, claims, TEST_SESSION_LIMIT);
    size = text.len;

    text = test_session_encode(&s, claims, size - 40);
    test_session_decode(&text, &back);
    m = claims->elts;
    ok(test_session_value(&back, "c").data == NULL, "the last of the others");
    is_int(m[4].type, NGX_HTTP_VCITA_JSON_NULL, "is marked");
    is_int(test_session_value(&back, "a").len, 100, "the first stays");
    is_int(test_session_value(&back, "b").len, 200, "a larger one, too");
    is_int(test_session_value(&back, "named").len, 150, "what is named");
    is_int(test_session_value(&back, "ruled").len, 120, "a rule's");
    is_int(test_session_value(&back, "sub").len, 256, "sub");

    text = test_session_encode(&s, claims, size - 350);
    test_session_decode(&text, &back);
    ok(test_session_value(&back, "b").data == NULL, "then others go");
    ok(test_session_value(&back, "a").data == NULL, "all of them");
    is_int(test_session_value(&back, "named").len, 150, "before what is named");

    text = test_session_encode(&s, claims, size - 500);
    test_session_decode(&text, &back);
    ok(test_session_value(&back, "named").data == NULL, "that comes next");
    is_int(test_session_value(&back, "ruled").len, 120, "a rule's stays");
    is_int(test_session_value(&back, "sub").len, 256, "sub stays");

    is_int(ngx_http_vcita_session_encode(unit_pool, &s, claims, size - 640,
                                         &text), NGX_DECLINED,
           "where a rule's does not fit, nothing does");
    is_int(m[5].type, NGX_HTTP_VCITA_JSON_NULL, "it is marked");
    is_int(m[1].type, NGX_HTTP_VCITA_JSON_STRING, "sub is not");
    is_int(ngx_http_vcita_session_encode(unit_pool, &s, claims, 256, &text),
           NGX_DECLINED, "where sub does not fit, nothing does");
    is_int(ngx_http_vcita_session_encode(unit_pool, &s, claims, 0, &text),
           NGX_DECLINED, "nor in no room");

    test_session_longest(&s, 0, TEST_SESSION_LIMIT, 256);
    test_session_longest(&s, 0, 60000, 256);
    test_session_longest(&s, NGX_HTTP_VCITA_CLAIM_NAMED, TEST_SESSION_LIMIT,
                         1024);
    test_session_longest(&s, NGX_HTTP_VCITA_CLAIM_NAMED, 60000, 16383 - 1 - 4);
    test_session_longest(&s, NGX_HTTP_VCITA_CLAIM_RULED, TEST_SESSION_LIMIT,
                         1024);
    test_session_longest(&s, NGX_HTTP_VCITA_CLAIM_SUB, 60000, 16383 - 1 - 4);

    /* no limit is exceeded, and what fits with ease stays */

    bad = 0;

    for (limit = 0; limit < 1200; limit++) {
        claims = test_session_claims();

        for (i = 0; i < 10; i++) {
            m = test_session_claim(claims, "name",
                                   unit_random(120) + (i == 5));

            if (i == 5) {
                m->name = unit_text("sub");
                m->value.len = ngx_min(m->value.len, 20);
                m->wanted = NGX_HTTP_VCITA_CLAIM_SUB;
            }

            if (i == 7) {
                m->type = NGX_HTTP_VCITA_JSON_ARRAY;
                m->lengths = unit_room(2 * unit_random(100));
                ngx_memzero(m->lengths.data, m->lengths.len);
            }
        }

        switch (ngx_http_vcita_session_encode(unit_pool, &s, claims, limit,
                                              &text))
        {
        case NGX_OK:
            bad += (text.len > limit
                    || test_session_decode(&text, &back) != NGX_OK
                    || test_session_value(&back, "sub").data == NULL);
            break;

        case NGX_DECLINED:
            bad += (limit > 200);
            break;

        default:
            bad++;
        }
    }

    is_int(bad, 0, "every limit up to 1,200 bytes is kept");

    /* a length has two groups of seven bits at most */

    claims = test_session_claims();
    s.token = unit_room(16383);
    ngx_memset(s.token.data, 'x', s.token.len);
    text = test_session_encode(&s, claims, 60000);
    is_int(test_session_decode(&text, &back), NGX_OK, "16,383 bytes of token");
    ok(test_session_same(&s, &back), "come back");

    s.token = unit_room(16384);
    ngx_memset(s.token.data, 'x', s.token.len);
    is_int(ngx_http_vcita_session_encode(unit_pool, &s, claims, 60000, &text),
           NGX_DECLINED, "16,384 bytes of token");

    test_session_make(&s, "token");
    s.scope = unit_room(16384);
    ngx_memset(s.scope.data, 'x', s.scope.len);
    is_int(ngx_http_vcita_session_encode(unit_pool, &s, claims, 60000, &text),
           NGX_DECLINED, "16,384 bytes of scope");

    s.token = unit_room(32766);
    ngx_memset(s.token.data, 'a', s.token.len);
    ngx_str_null(&s.scope);
    text = test_session_encode(&s, claims, 60000);
    is_int(test_session_decode(&text, &back), NGX_OK, "32,766 digits of hex");
    is_int(back.token.len, 16383, "as bytes");

    /* as many and as large claims as there can be */

    claims = test_session_claims();
    test_session_make(&s, "token");

    for (i = 0; i < NGX_HTTP_VCITA_CLAIMS; i++) {
        m = test_session_claim(claims, "claim", 256);
        m->name = unit_room(255);
        ngx_memset(m->name.data, 'n', 255);
    }

    start = unit_clock();
    text = test_session_encode(&s, claims, TEST_SESSION_LIMIT);
    ok(unit_clock() - start < 100, "256 claims are sorted out soon");
    ok(text.len <= TEST_SESSION_LIMIT, "they fit");
    ok(text.len > TEST_SESSION_LIMIT - 600, "as many of them as do");
    is_int(test_session_decode(&text, &back), NGX_OK, "they are a session");
}


/* a claim "name" of "len" bytes is kept, one of a byte more is not */

static void
test_session_longest(ngx_http_vcita_session_t *s, ngx_uint_t wanted,
    size_t limit, size_t len)
{
    size_t                     n;
    ngx_int_t                  rc;
    ngx_str_t                  text;
    ngx_array_t               *claims;
    ngx_http_vcita_member_t   *m;
    ngx_http_vcita_session_t   back;

    for (n = len; n <= len + 1; n++) {
        claims = test_session_claims();
        m = test_session_claim(claims, "name", n);
        m->wanted = wanted;

        rc = ngx_http_vcita_session_encode(unit_pool, s, claims, limit, &text);

        if (n > len && wanted >= NGX_HTTP_VCITA_CLAIM_RULED) {
            is_int(rc, NGX_DECLINED, "%uz bytes that have to stay", n);
            continue;
        }

        is_int(rc, NGX_OK, "%uz bytes in %uz", n, limit);
        is_int(test_session_decode(&text, &back), NGX_OK, "a session");
        is_int(test_session_value(&back, "name").len, (n > len) ? 0 : n,
               "%uz bytes, wanted %ui", n, wanted);
    }
}


unit_test(session_decode)
{
    ngx_str_t                  text, cut;
    ngx_uint_t                 i, n, good, bad;
    ngx_array_t               *claims;
    ngx_http_vcita_session_t   s, back;
    ngx_http_vcita_member_t   *m;

    n = sizeof(test_session_texts) / sizeof(test_session_texts[0]);

    for (i = 0; i < n; i++) {
        text = unit_hex(test_session_texts[i].bytes);
        is_int(test_session_decode(&text, &s), test_session_texts[i].rc,
               "bytes %ui: %s", i, test_session_texts[i].bytes);
    }

    text = unit_hex(TEST_SESSION "03 01 07 07 01 78 08 02 7979 09 00");
    test_session_decode(&text, &s);
    is_int(s.created, 1000, "created");
    is_int(s.expires, 2, "expires");
    is_int(s.seen, 7, "seen");
    is_str(&s.token, "t", "the token");
    is_str(&s.token_type, "x", "the token's type");
    is_str(&s.scope, "yy", "the scope");

    claims = test_session_claims();
    test_session_claim(claims, "sub", 20);
    m = test_session_claim(claims, "roles", 3);
    m->type = NGX_HTTP_VCITA_JSON_ARRAY;
    m->lengths = unit_hex("0001 0001");
    test_session_claim(claims, "email", 200);

    test_session_make(&s, "token");
    text = test_session_encode(&s, claims, TEST_SESSION_LIMIT);
    good = 0;
    bad = 0;

    for (i = 0; i < text.len; i++) {
        cut = unit_copy(text.data, i);

        if (test_session_decode(&cut, &back) == NGX_OK) {
            good++;
            bad += (test_session_value(&back, "email").data != NULL);
        }
    }

    is_int(good, 5, "a session may end behind its token and each tag then");
    is_int(bad, 0, "cut short it is without its last claim");

    cut = unit_room(text.len);

    for (i = 0; i < text.len * 256; i++) {
        ngx_memcpy(cut.data, text.data, text.len);
        cut.data[i / 256] = (u_char) i;

        if (ngx_http_vcita_session_decode(&cut, &back) == NGX_OK) {
            (void) test_session_value(&back, "email");
            (void) test_session_value(&back, "roles");
        }
    }

    ok(1, "a session with any byte changed is read without harm");

    for (i = 0; i < 50000; i++) {
        cut = unit_room(unit_random(60));

        for (n = 0; n < cut.len; n++) {
            cut.data[n] = (u_char) ((unit_random(3) == 0)
                                    ? unit_random(256) : unit_random(20));
        }

        if (test_session_decode(&cut, &back) == NGX_OK) {
            (void) test_session_value(&back, "a");
        }
    }

    ok(1, "random bytes are read without harm");
}


unit_test(session_again)
{
    ngx_str_t                  text, again, rest;
    ngx_uint_t                 i, n;
    ngx_http_vcita_session_t   s, back;

    n = sizeof(test_session_agains) / sizeof(test_session_agains[0]);

    for (i = 0; i < n; i++) {
        text = unit_hex(test_session_agains[i].bytes);
        is_int(ngx_http_vcita_session_decode(&text, &s), NGX_OK,
               "again %ui: a session", i);

        s.seen = test_session_agains[i].seen;
        is_int(ngx_http_vcita_session_reencode(unit_pool, &s, &again), NGX_OK,
               "again %ui: encoded", i);

        rest = again;

        if (s.seen) {
            ok(rest.len > 3 && ngx_memcmp(rest.data, "\x03\x01\x07", 3) == 0,
               "again %ui: seen", i);
            rest.data += 3;
            rest.len -= 3;
        }

        text = unit_hex(test_session_agains[i].again);
        is_eq(&rest, &text, "again %ui: and the rest as it was", i);

        again = unit_copy(again.data, again.len);
        is_int(ngx_http_vcita_session_decode(&again, &back), NGX_OK,
               "again %ui: a session again", i);
        ok(test_session_same(&s, &back), "again %ui: the same one", i);
    }
}


/* other claims, said at another time; all that is no claim stays */

unit_test(session_with)
{
    ngx_str_t                  text, claims, with, want;
    ngx_http_vcita_session_t   s, back;

    text = unit_hex(TEST_SESSION "0a 01 05 03 01 06 09 01 ff"
                    "10 02 0173 12 02 0174 20 01 78");
    is_int(ngx_http_vcita_session_decode(&text, &s), NGX_OK,
           "a session");
    is_int(s.changed, 5, "when its claims were said");

    s.changed = 9;
    claims = unit_hex("10 02 0175 11 08 03616263 0001 0001");

    is_int(ngx_http_vcita_session_with(unit_pool, &s, &claims, &with), NGX_OK,
           "with other claims");

    want = unit_hex("03 01 06 0a 01 09" TEST_SESSION "09 01 ff 20 01 78"
                    "10 02 0175 11 08 03616263 0001 0001");
    is_eq(&with, &want, "these, and all the rest");

    with = unit_copy(with.data, with.len);
    is_int(ngx_http_vcita_session_decode(&with, &back), NGX_OK,
           "is a session");
    ok(test_session_same(&s, &back), "the same one");
    is_int(back.changed, 9, "said then");
    is_eq(&back.claims, &claims, "its claims");

    text = unit_hex(TEST_SESSION "0a 00");
    is_int(ngx_http_vcita_session_decode(&text, &s), NGX_DECLINED,
           "a time that is none");
}


unit_test(session_again_size)
{
    size_t                     limit;
    ngx_str_t                  text;
    ngx_uint_t                 fit, larger;
    ngx_array_t               *claims;
    ngx_http_vcita_session_t   s, back;

    fit = 0;
    larger = 0;

    for (limit = 60; limit < 400; limit++) {
        claims = test_session_claims();
        test_session_claim(claims, "sub", 20);
        test_session_claim(claims, "email", 240);

        test_session_make(&s, "token");
        text = test_session_encode(&s, claims, limit);

        if (text.len == 0) {
            continue;
        }

        (void) ngx_http_vcita_session_decode(&text, &back);
        back.seen = 0xffffffff;
        back.changed = 0xffffffffff;

        (void) ngx_http_vcita_session_reencode(unit_pool, &back, &text);

        fit++;
        larger += (text.len > limit);
    }

    ok(fit > 200, "sessions that fit");
    is_int(larger, 0, "all of them do when they have been seen, and changed");
}


static void
test_session_make(ngx_http_vcita_session_t *s, const char *token)
{
    ngx_memzero(s, sizeof(ngx_http_vcita_session_t));

    s->created = 1700000000123;
    s->expires = 1700028800;
    s->id = unit_hex("000102030405060708090a0b0c0d0eff");
    s->token = unit_text(token);
    s->token_type = unit_text("bearer");
    s->scope = unit_text("openid profile");
}


static ngx_array_t *
test_session_claims(void)
{
    ngx_array_t  *a;

    a = ngx_array_create(unit_pool, 1, sizeof(ngx_http_vcita_member_t));

    if (a == NULL) {
        abort();
    }

    return a;
}


static ngx_http_vcita_member_t *
test_session_claim(ngx_array_t *claims, const char *name, size_t len)
{
    ngx_http_vcita_member_t  *m;

    m = ngx_array_push(claims);

    if (m == NULL) {
        abort();
    }

    ngx_memzero(m, sizeof(ngx_http_vcita_member_t));

    m->name = unit_text(name);
    m->value = unit_room(len);
    ngx_memset(m->value.data, 'v', len);
    m->type = NGX_HTTP_VCITA_JSON_STRING;
    m->depth = 1;

    return m;
}


static ngx_str_t
test_session_encode(ngx_http_vcita_session_t *s, ngx_array_t *claims,
    size_t limit)
{
    ngx_str_t  text;

    if (ngx_http_vcita_session_encode(unit_pool, s, claims, limit, &text)
        != NGX_OK)
    {
        ngx_str_null(&text);
        return text;
    }

    return unit_copy(text.data, text.len);
}


static ngx_int_t
test_session_decode(ngx_str_t *text, ngx_http_vcita_session_t *s)
{
    ngx_str_t  copy;

    copy = unit_copy(text->data, text->len);

    return ngx_http_vcita_session_decode(&copy, s);
}


static ngx_str_t
test_session_value(ngx_http_vcita_session_t *s, const char *name)
{
    ngx_str_t  n, value;

    n = unit_text(name);

    if (ngx_http_vcita_session_claims_get(s, &n, &value) != NGX_OK) {
        ngx_str_null(&value);
    }

    return value;
}


static ngx_uint_t
test_session_same(ngx_http_vcita_session_t *a, ngx_http_vcita_session_t *b)
{
    return a->created == b->created
           && a->seen == b->seen
           && a->expires == b->expires
           && unit_same(&a->id, &b->id)
           && unit_same(&a->token_type, &b->token_type)
           && unit_same(&a->scope, &b->scope)
           && b->token.len == (b->hex ? a->token.len / 2 : a->token.len);
}
