
/*
 * JSON and claims: what is an object, which members it has, what they are
 * called as variables, and that no text of 64 KiB takes long.
 */


#include <ngx_config.h>
#include <ngx_core.h>

#include "vcita/ngx_http_vcita_claims.h"
#include "unit.h"


#define TEST_CLAIMS_TEXT   (64 * 1024)
#define TEST_CLAIMS_BOUND  500


typedef struct {
    const char  *text;
    const char  *want;
} test_claims_case_t;


typedef struct {
    const char  *start;
    const char  *member;
    const char  *end;
} test_claims_large_t;


static ngx_array_t *test_claims_members(void);
static ngx_int_t test_claims_parse(ngx_str_t *text, ngx_array_t *members);
static ngx_int_t test_claims_take(ngx_array_t *members, ngx_array_t *claims);
static ngx_str_t test_claims_show(ngx_array_t *members, ngx_uint_t types);
static ngx_int_t test_claims_of(const char *text, ngx_array_t *claims);
static void test_claims_useful(ngx_array_t *claims);
static ngx_array_t *test_claims_deep(ngx_uint_t depth, const char *open,
    const char *close, ngx_int_t *rc);
static ngx_str_t test_claims_repeat(const char *start, const char *piece,
    const char *end, ngx_uint_t n);


/* members are shown as name:type=value, type being one of n, b, 1, s, a */

static test_claims_case_t  test_claims_objects[] = {
    { "{}", "" },
    { " \t\r\n{ } \n", "" },
    { "{\"a\":\"b\"}", "a:s=b|" },
    { "{ \"a\" : \"b\" , \"c\" : null }", "a:s=b|c:n=|" },
    { "{\"t\":true,\"f\":false}", "t:b=true|f:b=false|" },
    { "{\"a\":\"\"}", "a:s=|" },

    { "{\"n\":0,\"m\":-0,\"o\":-1.50,\"p\":1e5,\"q\":1E-2,\"r\":1.5e+3}",
      "n:1=0|m:1=-0|o:1=-1.50|p:1=1e5|q:1=1E-2|r:1=1.5e+3|" },
    { "{\"n\":123456789012345678901234567890,\"m\":1e999999,\"o\":-9e-99999}",
      "n:1=123456789012345678901234567890|m:1=1e999999|o:1=-9e-99999|" },
    { "{\"n\":9223372036854775808,\"m\":0.1234567890123456789012345}",
      "n:1=9223372036854775808|m:1=0.1234567890123456789012345|" },

    { "{\"a\":\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"}", "a:s=\"\\/\b\f\n\r\t|" },
    { "{\"a\":\"\\u0041\\u00e9\\u20ac\\u00E9\"}",
      "a:s=A\xc3\xa9\xe2\x82\xac\xc3\xa9|" },
    { "{\"a\":\"\\ud83d\\ude00\\uD834\\uDD1E\"}",
      "a:s=\xf0\x9f\x98\x80\xf0\x9d\x84\x9e|" },
    { "{\"a\":\"\\udbff\\udfff\\ud800\\udc00\"}",
      "a:s=\xf4\x8f\xbf\xbf\xf0\x90\x80\x80|" },
    { "{\"a\":\"\\ud7ff\\ue000\\uffff\"}",
      "a:s=\xed\x9f\xbf\xee\x80\x80\xef\xbf\xbf|" },
    { "{\"a\":\"\\\\ud800 \\\\\\\\udc00\"}",
      "a:s=\\ud800 \\\\udc00|" },
    { "{\"a\":\"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\x7f\"}",
      "a:s=\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\x7f|" },
    { "{\"\\u0061\\u0062\":1}", "ab:1=1|" },

    { "{\"a\":{\"b\":{\"c\":\"d\"}},\"e\":1}", "a__b__c:s=d|e:1=1|" },
    { "{\"a\":{\"b\":1,\"c\":{\"d\":2},\"e\":3},\"f\":4}",
      "a__b:1=1|a__c__d:1=2|a__e:1=3|f:1=4|" },
    { "{\"a\":{},\"b\":{\"c\":{}}}", "" },
    { "{\"\":1,\"a\":{\"\":2},\"\x20\":3}", " :1=3|" },
    { "{\"\":{\"a\":1,\"b\":{\"c\":2},\"d\":[3]}}", "" },
    { "{\"a\":{\"x\":1},\"b\":{\"x\":2},\"x\":3}",
      "a__x:1=1|b__x:1=2|x:1=3|" },

    { "{\"a\":[]}", "a:a=|" },
    { "{\"a\":[ ]}", "a:a=|" },
    { "{\"a\":[\"b\"]}", "a:a=b(1)|" },
    { "{\"a\":[\"b\",\"c,d\",1,true,null,\"\",-2.5e3]}",
      "a:a=b,c,d,1,true,,,-2.5e3(1 3 1 4 0 0 6)|" },
    { "{\"a\":[\"\"]}", "a:a=(0)|" },
    { "{\"a\":[null]}", "a:a=(0)|" },
    { "{\"a\":[\"b\",{}],\"c\":1}", "c:1=1|" },
    { "{\"a\":[{\"b\":1},\"c\"],\"d\":1}", "d:1=1|" },
    { "{\"a\":[\"b\",[\"c\"]],\"d\":1}", "d:1=1|" },
    { "{\"a\":[[]],\"b\":[[],1],\"c\":[1,[]],\"d\":1}", "d:1=1|" },
    { "{\"a\":[{\"b\":[1,2],\"c\":{\"d\":1}},{\"b\":[1]}],\"e\":[1]}",
      "e:a=1(1)|" },
    { "{\"a\":{\"b\":[1,2],\"c\":[3]}}", "a__b:a=1,2(1 1)|a__c:a=3(1)|" },
    { "{\"a\":[1,2],\"b\":3,\"c\":[4]}",
      "a:a=1,2(1 1)|b:1=3|c:a=4(1)|" }
};


static const char  *test_claims_no_objects[] = {

    /* no object, or not one */
    "", " ", "null", "true", "1", "\"a\"", "[]", "[{}]", "[1]", "a", "{", "}",
    "{}{}", "{},", "{} x", "{}\"", "{}\"}", "{}-", "{}t", "{}1", "{}\\", "{}/",
    "{}\f", "\v{}", "\f{}", "{\v}", "{\f}", "{\"a\"\v:1}", "{\"a\":\f1}",
    "{\"a\":[\v1]}", "{\"a\":[1\f,2]}", "{\"a\":1\v,\"b\":2}",
    "{}]", "{}}", "{} {}", "\xef\xbb\xbf{}",

    /* not JSON */
    "{\"a\"}", "{\"a\":}", "{\"a\":1,}", "{,}", "{\"a\" 1}", "{a:1}",
    "{'a':1}", "{1:1}", "{\"a\":1 \"b\":2}", "{\"a\":1;\"b\":2}",
    "{\"a\":[1,]}",
    "{\"a\":[1", "{\"a\":[1}", "{\"a\":[}", "{\"a\":[1 2]}", "{\"a\":{]}",
    "{\"a\":nul}", "{\"a\":TRUE}", "{\"a\":nan}", "{\"a\":Infinity}",
    "{\"a\":undefined}", "{\"a\":1/*c*/}", "{//c\n\"a\":1}", "{/**/}",
    "{\"a\":01}", "{\"a\":-}", "{\"a\":-01}", "{\"a\":+1}", "{\"a\":1.}",
    "{\"a\":.5}", "{\"a\":1e}", "{\"a\":1e+}", "{\"a\":0x10}", "{\"a\":1_0}",
    "{\"a\":\"b}", "{\"a\":\"b", "{\"a", "{\"a\":\"\\\"}", "{\"a\":\"b\\\"}",
    "{\"a\":\"\\x41\"}", "{\"a\":\"\\u12\"}", "{\"a\":\"\\u12g4\"}",
    "{\"a\":\"\\u\"}", "{\"a\":\"\\'\"}", "{\"a\":\"\\0\"}",
    "{\"a\":\"\\U0041\"}",

    /* control bytes in strings */
    "{\"a\":\"b\nc\"}", "{\"a\":\"b\tc\"}", "{\"a\":\"\x01\"}",
    "{\"a\":\"\x1f\"}", "{\"a\nb\":1}",

    /* not UTF-8: alone, cut short, overlong, surrogates, beyond Unicode */
    "{\"a\":\"\x80\"}", "{\"a\":\"\xc3\"}", "{\"a\":\"\xc3\x28\"}",
    "{\"a\":\"\xff\"}", "{\"a\":\"\xfe\"}", "{\"\xff\":1}",
    "{\"a\":\"\xe2\x82\"}", "{\"a\":\"\xf0\x9f\x98\"}",
    "{\"a\":\"\xc0\x80\"}", "{\"a\":\"\xc1\xbf\"}",
    "{\"a\":\"\xe0\x80\x80\"}", "{\"a\":\"\xe0\x9f\xbf\"}",
    "{\"a\":\"\xf0\x80\x80\x80\"}", "{\"a\":\"\xf0\x8f\xbf\xbf\"}",
    "{\"a\":\"\xed\xa0\x80\"}", "{\"a\":\"\xed\xbf\xbf\"}",
    "{\"a\":\"\xf4\x90\x80\x80\"}", "{\"a\":\"\xf5\x80\x80\x80\"}",
    "{\"a\":\"\xf8\x88\x80\x80\x80\"}", "{\"\xed\xa0\x80\":1}",
    "{\"a\":[\"\xc0\xaf\"]}", "{\"a\":{\"b\":[{\"c\":\"\xc0\xaf\"}]}}",

    /* escaped halves of surrogate pairs */
    "{\"a\":\"\\ud800\"}", "{\"a\":\"\\udbff\"}", "{\"a\":\"\\udc00\"}",
    "{\"a\":\"\\uDFFF\"}", "{\"a\":\"\\ud800x\"}", "{\"a\":\"\\ud800\\n\"}",
    "{\"a\":\"\\ud800\\\"}", "{\"a\":\"\\ud800\\u0041\"}",
    "{\"a\":\"\\ud800\\ud800\"}", "{\"a\":\"\\udc00\\ud800\"}",
    "{\"a\":\"\\ud800\\udc00\\udc00\"}", "{\"a\":\"\\ud83d \\ude00\"}",
    "{\"a\":\"\\\\\\ud800\"}", "{\"\\ud800\":1}", "{\"a\":[\"\\udc00\"]}",
    "{\"a\":\"\\ud83d\xf0\x9f\x98\x80\"}",
    "{\"a\":\"\xed\xa0\xbd\xed\xb8\x80\"}",
    "{\"a\":\"\\ud83d\xed\xb8\x80\"}",
    "{\"a\":\"\xed\xa0\xbd\\ude00\"}",

    /* a member twice, wherever it is and however it is spelled */
    "{\"a\":1,\"a\":1}", "{\"a\":1,\"b\":2,\"a\":null}",
    "{\"a\":1,\"\\u0061\":2}", "{\"\":1,\"\":2}", "{\"a\":{},\"a\":{}}",
    "{\"a\":[],\"a\":[]}", "{\"a\":{\"b\":1,\"b\":2}}",
    "{\"a\":[{\"b\":1,\"b\":2}]}", "{\"a\":[[{\"b\":1,\"b\":2}]]}",
    "{\"a\":{\"b\":{\"c\":1},\"c\":1,\"b\":{\"d\":1}}}",
    "{\"a\":{\"b\":1},\"c\":{\"b\":1},\"a\":2}",
    "{\"\":{\"b\":1,\"b\":2}}", "{\"a\":[{\"\":1,\"\":2}]}",
    "{\"a\\u0000b\":1,\"a\\u0000b\":2}"
};


static const char  *test_claims_no_twins[] = {
    "{\"a\":{\"a\":{\"a\":1}}}", "{\"a\":1,\"A\":2}", "{\"a\":1,\"a \":2}",
    "{\"a\":[{\"b\":1},{\"b\":1},{\"b\":1}]}", "{\"a\":{\"b\":1},\"b\":1}",
    "{\"a\":{\"b\":1},\"a__b\":1}", "{\"a\":{\"b\":1},\"c\":{\"b\":1}}",
    "{\"a\":1,\"a\\u0000\":2,\"a\\u0000b\":3}",
    "{\"e\xcc\x81\":1,\"\xc3\xa9\":2}"
};


/* claims are shown as members are, without their types */

static test_claims_case_t  test_claims_names[] = {
    { "{\"sub\":\"s\",\"email\":\"e@x\"}", "sub=s|email=e@x|" },
    { "{\"a\":1,\"b\":true,\"c\":false,\"d\":-1.50}",
      "a=1|b=true|c=false|d=-1.50|" },

    /* left out */
    { "{\"a\":null,\"b\":\"\",\"c\":[],\"d\":{},\"e\":[null],"
      "\"f\":[\"\"]}", "" },
    { "{\"a\":\"b\\u0000\",\"b\":\"\\n\",\"c\":\"c\\r\\nx:y\","
      "\"d\":\"\\u007f\",\"e\":\"\\u001f\",\"f\":\"x\\ty\","
      "\"g\":[\"a\",\"b\\n\"],\"h\":\" \"}",
      "h= |" },
    { "{\"a\":\"\\u0080\\u009f\\u00a0\"}",
      "a=\xc2\x80\xc2\x9f\xc2\xa0|" },

    /* names of variables */
    { "{\"Sub\":1}", "sub=1|" },
    { "{\"businessUID\":1}", "businessuid=1|" },
    { "{\"a-b.c d:e/f\":1}", "a_b_c_d_e_f=1|" },
    { "{\"https://x.y/z\":1}", "https___x_y_z=1|" },
    { "{\"\xc3\xa9\":1}", "__=1|" },
    { "{\"a\\u0000b\":1}", "a_b=1|" },
    { "{\"0\":1,\"_\":2,\"@[`{\":3}", "0=1|_=2|____=3|" },
    { "{\"brand_theme\":{\"locale\":\"en\"}}", "brand_theme__locale=en|" },
    { "{\"Brand-Theme\":{\"Lo cale\":\"en\"}}", "brand_theme__lo_cale=en|" },

    /* of two that come to one name */
    { "{\"A\":1,\"a\":2}", "a=2|" },
    { "{\"a\":2,\"A\":1}", "a=2|" },
    { "{\"A-B\":1,\"a.b\":2,\"a b\":3}", "a_b=2|" },
    { "{\"A-B\":1,\"a.b\":2,\"a_b\":3}", "a_b=3|" },
    { "{\"a\":{\"b\":1},\"a__b\":2}", "a__b=2|" },
    { "{\"a__b\":2,\"a\":{\"b\":1}}", "a__b=2|" },
    { "{\"a\":{\"B\":1,\"b\":2}}", "a__b=2|" },
    { "{\"A\":{\"b\":1},\"a\":{\"b\":2}}", "a__b=2|" },
    { "{\"A\":{\"b\":1},\"A__b\":2}", "a__b=2|" },
    { "{\"A__b\":2,\"A\":{\"b\":1}}", "a__b=2|" },
    { "{\"A__b\":2,\"a\":{\"b\":1}}", "a__b=1|" },
    { "{\"a\":{\"b__c\":1,\"b\":{\"c\":2}}}", "a__b__c=1|" },
    { "{\"a\":{\"b\":{\"c\":2},\"b__c\":1}}", "a__b__c=1|" },

    /* the one that counts counts whatever its value */
    { "{\"role\":null,\"Role\":\"x\",\"ROLE\":\"y\"}", "" },
    { "{\"Role\":\"x\",\"role\":\"\"}", "" },
    { "{\"Role\":\"x\",\"role\":[]}", "" },
    { "{\"Role\":\"x\",\"role\":[{}]}", "" },
    { "{\"Role\":\"x\",\"role\":{}}", "" },
    { "{\"Role\":\"x\",\"role\":\"\\n\"}", "" },
    { "{\"ROLE\":\"x\",\"Role\":null}", "" },
    { "{\"a\":{\"b\":null},\"A\":{\"b\":1}}", "" },
    { "{\"a\":{\"b\":null,\"B\":1}}", "" },
    { "{\"a__b\":null,\"a\":{\"b\":1}}", "" },
    { "{\"a\":{\"b\":1},\"a__b\":{\"c\":2}}", "a__b__c=2|" },

    /* what stands in an object that does not count */
    { "{\"a\":null,\"A\":{\"b\":1}}", "" },
    { "{\"A\":{\"b\":1,\"c\":{\"d\":2}},\"a\":0,\"e\":3}",
      "a=0|e=3|" },
    { "{\"a__b\":null,\"a\":{\"b\":{\"c\":1},\"d\":2}}", "a__d=2|" },

    /* the order: "sub", what a rule depends on, what is named, others */
    { "{\"a\":1,\"named\":2,\"b\":3,\"Ruled\":4,\"sub\":\"s\"}",
      "sub=s|ruled=4|named=2|a=1|b=3|" },

    /* what an id_token says about itself */
    { "{\"iss\":1,\"aud\":2,\"azp\":3,\"exp\":4,\"iat\":5,\"nbf\":6,"
      "\"nonce\":7,\"at_hash\":8,\"jti\":9,\"EXP\":10,\"at-hash\":11,"
      "\"a\":{\"iss\":12},\"auds\":13}", "a__iss=12|auds=13|" },

    { "{\"Sub\":\"x\",\"SUB\":\"y\",\"sub\":\"z\"}", "sub=z|" },
    { "{\"a\":[\"x\",\"y\"]}", "a=x,y(1 1)|" },
    { "{\"a\":[\"x,y\",\"\"]}", "a=x,y,(3 0)|" }
};


/* texts of 64 KiB whose members are made of "member" and a number */

static test_claims_large_t  test_claims_large[] = {
    { "{\"sub\":\"s\"", ",\"%ui\":1", "}" },
    { "{\"sub\":\"s\"", ",\"member%ui\":\"value\"", "}" },
    { "{\"sub\":\"s\"", ",\"Member%ui\":\"value\"", "}" },
    { "{\"sub\":\"s\"", ",\"%ui\":{\"a\":1}", "}" },
    { "{\"sub\":\"s\"", ",\"%ui\":[1,2]", "}" },
    { "{\"sub\":\"s\"", ",\"%ui\":[{}]", "}" },
    { "{\"sub\":\"s\",\"a\":{\"\":0", ",\"%ui\":1", "}}" },
    { "{\"sub\":\"s\",\"a\":{\"b\":[[{\"\":0", ",\"%ui\":1", "}]]}}" },
    { "{\"sub\":\"s\",\"a\":[0", ",%ui", "]}" },
    { "{\"sub\":\"s\",\"a\":[\"\"", ",\"\\u0041%ui\"", "]}" },
    { "{\"sub\":\"s\",\"a\":[{}", ",{\"a\":%ui}", "]}" },
    { "{\"sub\":\"s\",\"a\":\"", "\\u0041%ui", "\"}" },
    { "{\"sub\":\"s\",\"a\":1", "%ui", "}" }
};


unit_test(claims_json)
{
    ngx_str_t            text, got;
    ngx_uint_t           i, n;
    ngx_array_t         *members;
    test_claims_case_t  *t;

    t = test_claims_objects;
    n = sizeof(test_claims_objects) / sizeof(test_claims_objects[0]);

    for (i = 0; i < n; i++) {
        text = unit_text(t[i].text);
        members = test_claims_members();

        is_int(test_claims_parse(&text, members), NGX_OK,
               "object %ui: %s", i, t[i].text);

        got = test_claims_show(members, 1);
        is_str(&got, t[i].want, "object %ui: its members", i);
    }

    n = sizeof(test_claims_no_twins) / sizeof(test_claims_no_twins[0]);

    for (i = 0; i < n; i++) {
        text = unit_text(test_claims_no_twins[i]);
        is_int(test_claims_parse(&text, test_claims_members()), NGX_OK,
               "no member twice: %s", test_claims_no_twins[i]);
    }

    n = sizeof(test_claims_no_objects) / sizeof(test_claims_no_objects[0]);

    for (i = 0; i < n; i++) {
        text = unit_text(test_claims_no_objects[i]);
        is_int(test_claims_parse(&text, test_claims_members()), NGX_DECLINED,
               "no object %ui: %s", i, test_claims_no_objects[i]);
    }

    ngx_str_null(&text);
    is_int(test_claims_parse(&text, test_claims_members()), NGX_DECLINED,
           "no bytes at all");

    text = unit_copy("{\"a\":\"b\0c\"}", 11);
    is_int(test_claims_parse(&text, test_claims_members()), NGX_DECLINED,
           "a zero byte in a string");

    text = unit_copy("{\"a\":1}\0", 8);
    is_int(test_claims_parse(&text, test_claims_members()), NGX_DECLINED,
           "a zero byte behind the object");

    text = unit_copy("{\"sub\\u0000x\":\"1\",\"a\":\"x\\u0000y\"}", 33);
    members = test_claims_members();
    is_int(test_claims_parse(&text, members), NGX_OK, "escaped zero bytes");
    got = test_claims_show(members, 1);
    text = unit_copy("sub\0x:s=1|a:s=x\0y|", 18);
    is_eq(&got, &text, "are kept");
    ok(ngx_http_vcita_json_member(members, "sub") == NULL,
       "and end no name");
}


unit_test(claims_hostile)
{
    ngx_str_t     text, cut;
    ngx_uint_t    i, bad, good, n;
    ngx_array_t  *members;

    static const char  all[] =
        "{\"s\":\"a\\u00e9\\ud83d\\ude00\xc3\xa9\",\"n\":-1.5e3,"
        "\"o\":{\"a\":[1,\"b\",null],\"b\":[{\"c\":true}]},\"e\":{}}";

    static const char  *pieces[] = {
        "{", "}", "[", "]", ",", ":", "\"", "\"a\":", "\"b\":", "1", "null",
        "true", "\"x\"", "\\", "\\u00", "\\ud800", "\\udc00", "{\"a\":", " ",
        "-", ".", "e", "\xc3", "\xa9", "\x80", "\n", "\xed\xa0\x80", "[]",
        "{}", "\"\"", "/*", "//"
    };

    bad = 0;

    for (i = 0; i < sizeof(all) - 1; i++) {
        cut = unit_copy(all, i);
        bad += (test_claims_parse(&cut, test_claims_members())
                != NGX_DECLINED);
    }

    is_int(bad, 0, "an object cut short at any place");

    cut = unit_copy(all, i);
    is_int(test_claims_parse(&cut, test_claims_members()), NGX_OK, "whole");

    /* whatever comes, the answer is yes or no */

    bad = 0;
    good = 0;

    for (i = 0; i < 50000; i++) {
        text = unit_room(200);
        text.len = 0;

        if (i % 2) {
            text.data[text.len++] = '{';
        }

        for (n = unit_random(16); n; n--) {
            cut = unit_text(pieces[unit_random(sizeof(pieces)
                                               / sizeof(pieces[0]))]);
            ngx_memcpy(text.data + text.len, cut.data, cut.len);
            text.len += cut.len;
        }

        if (i % 2) {
            text.data[text.len++] = '}';
        }

        text = unit_copy(text.data, text.len);
        members = test_claims_members();

        switch (test_claims_parse(&text, members)) {

        case NGX_OK:
            good++;
            (void) test_claims_show(members, 1);
            break;

        case NGX_DECLINED:
            break;

        default:
            bad++;
        }

        if (i % 1000 == 0) {
            ngx_reset_pool(unit_pool);
        }
    }

    is_int(bad, 0, "random texts");
    ok(good > 100, "%ui of them were objects", good);

    /* the same with any byte of a good one changed */

    bad = 0;

    for (i = 0; i < (sizeof(all) - 1) * 256; i++) {
        text = unit_copy(all, sizeof(all) - 1);
        text.data[i / 256] = (u_char) i;
        n = test_claims_parse(&text, test_claims_members());
        bad += (n != (ngx_uint_t) NGX_OK && n != (ngx_uint_t) NGX_DECLINED);

        if (i % 1000 == 0) {
            ngx_reset_pool(unit_pool);
        }
    }

    is_int(bad, 0, "any byte of an object changed");
}


unit_test(claims_depth)
{
    ngx_int_t     rc;
    ngx_str_t     text, got;
    ngx_array_t  *members;

    members = test_claims_deep(NGX_HTTP_VCITA_JSON_DEPTH, "{\"a\":",
                               "}", &rc);
    is_int(rc, NGX_OK, "16 objects in each other");
    got = test_claims_show(members, 1);
    is_str(&got, "a__a__a__a__a__a__a__a__a__a__a__a__a__a__a__a:1=1|",
           "the innermost member");

    (void) test_claims_deep(NGX_HTTP_VCITA_JSON_DEPTH + 1, "{\"a\":",
                            "}", &rc);
    is_int(rc, NGX_DECLINED, "17 objects in each other");

    (void) test_claims_deep(9000, "{\"a\":", "}", &rc);
    is_int(rc, NGX_DECLINED, "9,000 objects in each other");

    text = test_claims_repeat("{\"a\":", "[", "", 15);
    text = test_claims_repeat((char *) text.data, "]", "}", 15);
    is_int(test_claims_parse(&text, test_claims_members()), NGX_OK,
           "15 arrays in an object");

    text = test_claims_repeat("{\"a\":", "[", "", 16);
    text = test_claims_repeat((char *) text.data, "]", "}", 16);
    is_int(test_claims_parse(&text, test_claims_members()), NGX_DECLINED,
           "16 arrays in an object");

    text = test_claims_repeat("", "[", "", TEST_CLAIMS_TEXT);
    is_int(test_claims_parse(&text, test_claims_members()), NGX_DECLINED,
           "64 KiB of [");

    text = test_claims_repeat("{\"a\":", "[", "", TEST_CLAIMS_TEXT);
    is_int(test_claims_parse(&text, test_claims_members()), NGX_DECLINED,
           "64 KiB of [ in an object");

    /* levels that were left do not count */

    text = test_claims_repeat("{\"a\":[0", ",{\"b\":[{\"c\":{}}]}", "]}", 1000);
    is_int(test_claims_parse(&text, test_claims_members()), NGX_OK,
           "1,000 objects beside each other");
}


unit_test(claims_large)
{
    u_char               *p;
    ngx_str_t             text;
    ngx_uint_t            i, j, n;
    ngx_msec_t            start;
    ngx_array_t          *members, *claims;
    test_claims_large_t  *t;

    t = test_claims_large;
    n = sizeof(test_claims_large) / sizeof(test_claims_large[0]);

    for (i = 0; i < n; i++) {
        text = unit_room(TEST_CLAIMS_TEXT);
        p = ngx_cpymem(text.data, t[i].start, ngx_strlen(t[i].start));

        for (j = 0; p < text.data + text.len - 64; j++) {
            p = ngx_sprintf(p, t[i].member, j);
        }

        p = ngx_cpymem(p, t[i].end, ngx_strlen(t[i].end));
        text.len = p - text.data;

        members = test_claims_members();
        claims = test_claims_members();
        start = unit_clock();

        is_int(test_claims_parse(&text, members), NGX_OK,
               "64 KiB of %ui members like %s", j, t[i].member);
        is_int(test_claims_take(members, claims),
               NGX_OK, "and their claims");

        ok(unit_clock() - start < TEST_CLAIMS_BOUND, "soon enough");
        ok(claims->nelts <= NGX_HTTP_VCITA_CLAIMS, "not too many");
        ok(ngx_http_vcita_json_member(claims, "sub") != NULL, "with sub");
    }

    /* names that differ at their ends, in an object of a long name */

    text = test_claims_repeat("{\"", "n", "\":{\"", 240);
    text = test_claims_repeat((char *) text.data, "m", "\":1}}", 10);
    members = test_claims_members();
    is_int(test_claims_parse(&text, members), NGX_OK, "a name of 252 bytes");
    is_int(members->nelts, 2, "is a member, in an object");

    text = test_claims_repeat("{\"", "n", "\":{\"", 240);
    text = test_claims_repeat((char *) text.data, "m", "\":1}}", 14);
    members = test_claims_members();
    is_int(test_claims_parse(&text, members), NGX_OK, "one of 256 bytes");
    is_int(members->nelts, 1, "is none");

    text = test_claims_repeat("{\"a\":1,\"", "n", "\":2,\"b\":3}", 10000);
    members = test_claims_members();
    is_int(test_claims_parse(&text, members), NGX_OK, "10,000 bytes of name");
    text = test_claims_show(members, 1);
    is_str(&text, "a:1=1|b:1=3|", "are no member, and harm no other");

    text = test_claims_repeat("{\"", "n", "\":{\"a\":1,\"b\":[2],"
                              "\"c\":{\"d\":3}},\"b\":4}", 10000);
    members = test_claims_members();
    is_int(test_claims_parse(&text, members), NGX_OK,
           "10,000 bytes of an object's name");
    text = test_claims_show(members, 1);
    is_str(&text, "b:1=4|", "its members are none");
}


unit_test(claims_names)
{
    ngx_str_t             got;
    ngx_uint_t            i, n;
    ngx_array_t          *claims;
    test_claims_case_t   *t;

    t = test_claims_names;
    n = sizeof(test_claims_names) / sizeof(test_claims_names[0]);

    for (i = 0; i < n; i++) {
        claims = test_claims_members();
        is_int(test_claims_of(t[i].text, claims), NGX_OK, "claims %ui: %s", i,
               t[i].text);
        got = test_claims_show(claims, 0);
        is_str(&got, t[i].want, "claims %ui", i);
    }

    /* of several answers the first one that has a claim wins */

    claims = test_claims_members();
    test_claims_of("{\"sub\":\"1\",\"Email\":\"userinfo\"}", claims);
    test_claims_of("{\"sub\":\"2\",\"email\":\"token\",\"x\":1}", claims);
    got = test_claims_show(claims, 0);
    is_str(&got, "sub=1|email=userinfo|x=1|", "claims of two answers");
}


unit_test(claims_limits)
{
    u_char                   *p;
    ngx_str_t                 text;
    ngx_uint_t                i;
    ngx_array_t              *claims;
    ngx_http_vcita_member_t  *m;

    claims = test_claims_members();
    text = test_claims_repeat("{\"a\":\"", "v", "\"}", 256);
    test_claims_of((char *) text.data, claims);
    is_int(claims->nelts, 1, "a value of 256 bytes");

    claims = test_claims_members();
    text = test_claims_repeat("{\"a\":\"", "v", "\"}", 60000);
    test_claims_of((char *) text.data, claims);
    is_int(claims->nelts, 1, "a value of 60,000 bytes");

    claims = test_claims_members();
    text = test_claims_repeat("{\"a\":\"", "\\u0041", "\"}", 256);
    test_claims_of((char *) text.data, claims);
    is_int(claims->nelts, 1, "256 escaped characters");

    claims = test_claims_members();
    text = test_claims_repeat("{\"a\":[1", ",1", "]}", 127);
    test_claims_of((char *) text.data, claims);
    m = claims->elts;
    is_int(claims->nelts, 1, "an array of 255 bytes");
    is_int(m->value.len, 255, "its value");
    is_int(m->lengths.len, 2 * 128, "its lengths");

    claims = test_claims_members();
    text = test_claims_repeat("{\"a\":[\"\"", ",\"\"", "]}", 256);
    test_claims_of((char *) text.data, claims);
    m = claims->elts;
    is_int(claims->nelts, 1, "an array of 257 empty elements");
    is_int(m->lengths.len, 2 * 257, "their lengths");

    claims = test_claims_members();
    text = test_claims_repeat("{\"a\":", "9", "}", 256);
    test_claims_of((char *) text.data, claims);
    is_int(claims->nelts, 1, "a number of 256 digits");

    claims = test_claims_members();
    text = test_claims_repeat("{\"", "n", "\":1}", 255);
    test_claims_of((char *) text.data, claims);
    is_int(claims->nelts, 1, "a name of 255 bytes");

    claims = test_claims_members();
    text = test_claims_repeat("{\"", "n", "\":1}", 256);
    test_claims_of((char *) text.data, claims);
    is_int(claims->nelts, 0, "a name of 256 bytes");

    /* more claims than fit: sub is there, wherever it stands */

    text = unit_room(TEST_CLAIMS_TEXT);
    p = ngx_cpymem(text.data, "{", 1);

    for (i = 0; i < NGX_HTTP_VCITA_CLAIMS + 10; i++) {
        p = ngx_sprintf(p, "\"c%ui\":%ui,", i, i);
    }

    p = ngx_sprintf(p, "\"ruled\":2,\"sub\":\"s\"}");
    *p = '\0';

    claims = test_claims_members();
    is_int(test_claims_of((char *) text.data, claims), NGX_OK, "too many");
    is_int(claims->nelts, NGX_HTTP_VCITA_CLAIMS, "so many stay");

    /* of a second answer there is room for what is wanted alone */

    test_claims_of("{\"x\":1,\"named\":3,\"ruled\":4,\"sub\":\"t\"}", claims);
    is_int(claims->nelts, NGX_HTTP_VCITA_CLAIMS + 1, "one more");

    m = claims->elts;
    is_str(&m[1].name, "ruled", "what a rule depends on is among them");
    is_str(&m[1].value, "2", "as the first answer has it");
    is_str(&m[claims->nelts - 1].name, "named", "what is named, too");

    m = ngx_http_vcita_json_member(claims, "sub");
    ok(m != NULL && m->value.len == 1, "sub is among them");
}


/* what is merged later does not show through what cannot be a claim */

unit_test(claims_merge)
{
    ngx_str_t                 over, under, got;
    ngx_array_t              *claims, *first, *second;
    ngx_http_vcita_member_t  *c;

    over = unit_text("{\"sub\":\"s\",\"role\":null,\"email\":\"new\","
                     "\"x\":\"\",\"y\":[],\"z\":\"a\\nb\",\"o\":{\"p\":\"1\"},"
                     "\"Up\":\"u\"}");
    under = unit_text("{\"sub\":\"t\",\"role\":\"owner\",\"email\":\"old\","
                      "\"x\":\"1\",\"y\":\"2\",\"z\":\"3\",\"o\":\"4\","
                      "\"up\":\"5\",\"only\":\"6\",\"o__q\":\"7\"}");

    claims = test_claims_members();
    first = test_claims_members();
    second = test_claims_members();

    test_claims_parse(&over, first);
    test_claims_parse(&under, second);

    test_claims_take(first, claims);
    test_claims_take(second, claims);
    test_claims_useful(claims);

    got = test_claims_show(claims, 0);
    is_str(&got, "sub=s|email=new|o__p=1|up=u|only=6|o__q=7|", "merged");

    /* nor what stands in an object, through a value that is none */

    claims = test_claims_members();
    first = test_claims_members();
    second = test_claims_members();

    over = unit_text("{\"a\":null,\"b\":{\"x\":1},\"C\":2,\"d__y\":3}");
    under = unit_text("{\"a\":{\"y\":4,\"z\":{\"z\":5}},\"a__x\":6,"
                      "\"b\":{\"x\":7,\"y\":8},\"c\":{\"y\":9},"
                      "\"d\":{\"y\":10,\"z\":11}}");

    test_claims_parse(&over, first);
    test_claims_parse(&under, second);
    test_claims_take(first, claims);
    test_claims_take(second, claims);
    test_claims_useful(claims);

    got = test_claims_show(claims, 0);
    is_str(&got, "b__x=1|c=2|d__y=3|a__x=6|b__y=8|d__z=11|", "merged objects");

    /* of a value that cannot be kept, the length is left, and the name */

    claims = test_claims_members();
    first = test_claims_members();

    over = unit_text("{\"Long\":\"x\\n\",\"b\":null}");
    test_claims_parse(&over, first);
    test_claims_take(first, claims);

    c = claims->elts;
    is_int(claims->nelts, 2, "two are no claims");
    is_str(&c[0].name, "long", "the name");
    is_int(c[0].value.len, 2, "the length");
    is_int(c[0].type, NGX_HTTP_VCITA_JSON_NULL, "no value");
    is_int(c[1].value.len, 0, "another has none");
}


unit_test(claims_member)
{
    ngx_str_t                 text;
    ngx_array_t              *members;
    ngx_http_vcita_member_t  *m;

    text = unit_text("{\"a\":{\"sub\":\"inner\",\"b\":1},\"Sub\":\"upper\","
                     "\"subx\":1,\"su\":1,\"sub\":\"outer\",\"c\":null}");
    members = test_claims_members();
    test_claims_parse(&text, members);

    m = ngx_http_vcita_json_member(members, "sub");
    ok(m != NULL, "a member is found");
    is_str(&m->value, "outer", "that of the outermost object");

    ok(ngx_http_vcita_json_member(members, "a__b") == NULL,
       "an inner one has no name of its own");

    m = ngx_http_vcita_json_member(members, "a");
    ok(m && m->type == NGX_HTTP_VCITA_JSON_OBJECT && m->value.len == 0,
       "an object is there, without a value");

    ok(ngx_http_vcita_json_member(members, "") == NULL, "no name");

    m = ngx_http_vcita_json_member(members, "c");
    ok(m && m->type == NGX_HTTP_VCITA_JSON_NULL, "null is there");
}


static ngx_array_t *
test_claims_members(void)
{
    ngx_array_t  *a;

    a = ngx_array_create(unit_pool, 1, sizeof(ngx_http_vcita_member_t));

    if (a == NULL) {
        abort();
    }

    return a;
}


static ngx_int_t
test_claims_parse(ngx_str_t *text, ngx_array_t *members)
{
    ngx_str_t  copy;

    copy = unit_copy(text->data, text->len);

    return ngx_http_vcita_json_members(unit_pool, &copy, members);
}


/* two are wanted */

static ngx_int_t
test_claims_take(ngx_array_t *members, ngx_array_t *claims)
{
    ngx_array_t                      wanted;
    ngx_http_vcita_claims_wanted_t   w[2];

    ngx_memzero(&wanted, sizeof(ngx_array_t));

    w[0].name = unit_text("named");
    w[0].wanted = NGX_HTTP_VCITA_CLAIM_NAMED;
    w[1].name = unit_text("ruled");
    w[1].wanted = NGX_HTTP_VCITA_CLAIM_RULED;

    wanted.elts = w;
    wanted.nelts = 2;

    return ngx_http_vcita_claims(unit_pool, members, &wanted, claims);
}


static ngx_str_t
test_claims_show(ngx_array_t *members, ngx_uint_t types)
{
    u_char                   *p;
    ngx_str_t                 text;
    ngx_uint_t                i, j;
    ngx_http_vcita_member_t  *m;

    text = unit_room(64 + 700 * members->nelts);
    p = text.data;
    m = members->elts;

    for (i = 0; i < members->nelts; i++) {

        if (m[i].type == NGX_HTTP_VCITA_JSON_OBJECT) {
            continue;
        }

        p = ngx_sprintf(p, "%V", &m[i].name);

        if (types) {
            p = ngx_sprintf(p, ":%c", "nb1sa"[m[i].type]);
        }

        p = ngx_sprintf(p, "=%V", &m[i].value);

        for (j = 0; j < m[i].lengths.len; j += 2) {
            p = ngx_sprintf(p, "%c%ui", j ? ' ' : '(',
                            (ngx_uint_t) m[i].lengths.data[j] << 8
                            | m[i].lengths.data[j + 1]);
        }

        p = ngx_sprintf(p, j ? ")|" : "|");
    }

    text.len = p - text.data;

    return text;
}


static ngx_int_t
test_claims_of(const char *text, ngx_array_t *claims)
{
    ngx_str_t     t;
    ngx_array_t  *members;

    t = unit_text(text);
    members = test_claims_members();

    if (test_claims_parse(&t, members) != NGX_OK) {
        return NGX_ERROR;
    }

    if (test_claims_take(members, claims) != NGX_OK) {
        return NGX_ERROR;
    }

    test_claims_useful(claims);

    return NGX_OK;
}


/* leaves out what is there only to keep its name */

static void
test_claims_useful(ngx_array_t *claims)
{
    ngx_uint_t                i, n;
    ngx_http_vcita_member_t  *c;

    c = claims->elts;
    n = 0;

    for (i = 0; i < claims->nelts; i++) {

        if (c[i].type != NGX_HTTP_VCITA_JSON_NULL) {
            c[n++] = c[i];
        }
    }

    claims->nelts = n;
}


static ngx_array_t *
test_claims_deep(ngx_uint_t depth, const char *open, const char *close,
    ngx_int_t *rc)
{
    ngx_str_t     text;
    ngx_array_t  *members;

    text = test_claims_repeat("", open, "1", depth);
    text = test_claims_repeat((char *) text.data, close, "", depth);

    members = test_claims_members();
    *rc = test_claims_parse(&text, members);

    return members;
}


/* a zero byte stands behind the text */

static ngx_str_t
test_claims_repeat(const char *start, const char *piece, const char *end,
    ngx_uint_t n)
{
    u_char     *p;
    ngx_str_t   text;

    text = unit_room(ngx_strlen(start) + n * ngx_strlen(piece)
                     + ngx_strlen(end) + 1);

    p = ngx_cpymem(text.data, start, ngx_strlen(start));

    while (n--) {
        p = ngx_cpymem(p, piece, ngx_strlen(piece));
    }

    ngx_memcpy(p, end, ngx_strlen(end) + 1);
    text.len--;

    return text;
}
