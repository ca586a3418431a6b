
/*
 * What Redis answers, in one piece and in many, and what is no answer; and
 * commands as Redis wants them.
 */


#include <ngx_config.h>
#include <ngx_core.h>

#include "net/ngx_http_vcita_redis.h"
#include "unit.h"


#if (NGX_HTTP_VCITA_REDIS)


#define TEST_REPLY_NONE  99


typedef struct {
    const char            *bytes;
    ngx_uint_t             type;       /* TEST_REPLY_NONE: it is an error */
    const char            *text;
} test_reply_t;


static ngx_uint_t test_reply_one(ngx_str_t *bytes, size_t step,
    ngx_str_t *text);
static ngx_int_t test_reply_array(ngx_str_t *bytes, size_t step,
    ngx_http_vcita_redis_replies_t *r);
static ngx_str_t test_reply_code(const char *refusal);


static test_reply_t  test_replies[] = {
    { "$5\r\nhello\r\n", NGX_HTTP_VCITA_REDIS_REPLY_STRING, "hello" },
    { "$0\r\n\r\n", NGX_HTTP_VCITA_REDIS_REPLY_STRING, "" },
    { "$4\r\n\r\n\r\n\r\n", NGX_HTTP_VCITA_REDIS_REPLY_STRING, "\r\n\r\n" },
    { "+OK\r\n", NGX_HTTP_VCITA_REDIS_REPLY_STATUS, "OK" },
    { "+\r\n", NGX_HTTP_VCITA_REDIS_REPLY_STATUS, "" },
    { "-ERR no\r\n", NGX_HTTP_VCITA_REDIS_REPLY_REFUSAL, "ERR no" },
    { ":0\r\n", NGX_HTTP_VCITA_REDIS_REPLY_NUMBER, "" },
    { ":-12\r\n", NGX_HTTP_VCITA_REDIS_REPLY_NUMBER, "" },
    { "$-1\r\n", NGX_HTTP_VCITA_REDIS_REPLY_NIL, "" },
    { "*-1\r\n", NGX_HTTP_VCITA_REDIS_REPLY_NIL, "" },
    { "*1\r\n+OK\r\n", TEST_REPLY_NONE, "" },
    { "*0\r\n", TEST_REPLY_NONE, "" },
    { "*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n", TEST_REPLY_NONE, "" },
    { "*2147483647\r\n", TEST_REPLY_NONE, "" },
    { "*99999999999999999999\r\n", TEST_REPLY_NONE, "" },
    { "$-2\r\n", TEST_REPLY_NONE, "" },
    { "$99999999999999999999\r\n", TEST_REPLY_NONE, "" },
    { "$x\r\n", TEST_REPLY_NONE, "" },
    { "HTTP/1.1 200 OK\r\n", TEST_REPLY_NONE, "" },
    { "\r\n", TEST_REPLY_NONE, "" }
};


unit_test(reply)
{
    ngx_str_t     bytes, text, want;
    ngx_uint_t    i, n, step, bad;
    test_reply_t *t;

    n = sizeof(test_replies) / sizeof(test_replies[0]);

    for (i = 0; i < n; i++) {
        t = &test_replies[i];
        bytes = unit_text(t->bytes);
        want = unit_text(t->text);
        bad = 0;

        for (step = 1; step <= bytes.len; step++) {
            bad += (test_reply_one(&bytes, step, &text) != t->type
                    || !unit_same(&text, &want));
        }

        is_int(bad, 0, "in pieces of any size: reply %ui", i);
    }
}


unit_test(reply_long)
{
    u_char     *p;
    ngx_str_t   bytes, text;

    bytes = unit_room(100000);

    p = ngx_sprintf(bytes.data, "$%d\r\n", NGX_HTTP_VCITA_REDIS_REPLY_MAX);
    ngx_memset(p, 'x', NGX_HTTP_VCITA_REDIS_REPLY_MAX);
    p += NGX_HTTP_VCITA_REDIS_REPLY_MAX;
    bytes.len = ngx_sprintf(p, "\r\n") - bytes.data;

    is_int(test_reply_one(&bytes, 16384, &text),
           NGX_HTTP_VCITA_REDIS_REPLY_STRING,
           "the longest text");
    is_int(text.len, NGX_HTTP_VCITA_REDIS_REPLY_MAX, "all of it");

    p = ngx_sprintf(bytes.data, "$%d\r\n",
                    NGX_HTTP_VCITA_REDIS_REPLY_MAX + 1);
    ngx_memset(p, 'x', NGX_HTTP_VCITA_REDIS_REPLY_MAX + 1);
    p += NGX_HTTP_VCITA_REDIS_REPLY_MAX + 1;
    bytes.len = ngx_sprintf(p, "\r\n") - bytes.data;

    is_int(test_reply_one(&bytes, 16384, &text), TEST_REPLY_NONE,
           "a byte more");
    is_int(test_reply_one(&bytes, bytes.len, &text), TEST_REPLY_NONE,
           "in one piece, too");

    bytes.len = 100000;
    ngx_memset(bytes.data, '+', bytes.len);

    is_int(test_reply_one(&bytes, 16384, &text), TEST_REPLY_NONE,
           "a line without an end");
}


/* the sanitizers watch */

unit_test(reply_random)
{
    ngx_str_t   bytes, text;
    ngx_uint_t  i, n, count[TEST_REPLY_NONE + 2];

    static const char  alphabet[] = "$$*:+-\r\n\r\n0123456789OKxNIL>,_#(~%!=";

    ngx_memzero(count, sizeof(count));

    for (i = 0; i < 30000; i++) {

        if (i % 2) {
            n = unit_random(sizeof(test_replies) / sizeof(test_replies[0]));
            bytes = unit_text(test_replies[n].bytes);
            bytes.data[unit_random(bytes.len)] ^= 1 << unit_random(8);

        } else {
            bytes = unit_room(1 + unit_random(40));

            for (n = 0; n < bytes.len; n++) {
                bytes.data[n] = alphabet[unit_random(sizeof(alphabet) - 1)];
            }
        }

        n = test_reply_one(&bytes, 1 + unit_random(bytes.len), &text);
        count[ngx_min(n, TEST_REPLY_NONE + 1)]++;
    }

    ok(count[TEST_REPLY_NONE] > 1000, "some are no answers");
    ok(count[NGX_HTTP_VCITA_REDIS_REPLY_STATUS] > 100, "some are");
}


unit_test(reply_meaning)
{
    ngx_str_t                     code;
    ngx_http_vcita_redis_reply_t  r;

    code = test_reply_code("NOAUTH Authentication required.");
    is_str(&code, "NOAUTH", "the code of an error");
    code = test_reply_code("ERR");
    is_str(&code, "ERR", "without a text");
    code = test_reply_code("ERR unknown command 'SET' 'vcita:..' 'secret'");
    is_str(&code, "ERR", "nothing of its text");
    code = test_reply_code("secret");
    is_str(&code, "an error", "what is no code");
    code = test_reply_code("SECRET: words");
    is_str(&code, "an error", "nor this");
    code = test_reply_code("");
    is_str(&code, "an error", "nor nothing");
    code = test_reply_code("ABCDEFGHIJKLMNOPQRSTUVWXYZABCDEFGHIJKLMNOPQ x");
    is_int(code.len, 32, "a long one is cut");

    ngx_memzero(&r, sizeof(ngx_http_vcita_redis_reply_t));

    r.type = NGX_HTTP_VCITA_REDIS_REPLY_OTHER;
    is_int(ngx_http_vcita_redis_protocol_value(&r), NGX_ERROR, "no value");
    is_int(ngx_http_vcita_redis_protocol_status(&r, "OK"), NGX_ERROR,
           "no status");
    is_int(ngx_http_vcita_redis_protocol_number(&r), NGX_ERROR, "no number");

    r.type = NGX_HTTP_VCITA_REDIS_REPLY_NIL;
    is_int(ngx_http_vcita_redis_protocol_value(&r), NGX_DECLINED, "no session");
    is_int(ngx_http_vcita_redis_protocol_status(&r, "OK"), NGX_DECLINED,
           "nothing to replace");

    r.type = NGX_HTTP_VCITA_REDIS_REPLY_STATUS;
    r.text = unit_text("QUEUED");
    is_int(ngx_http_vcita_redis_protocol_status(&r, "OK"), NGX_ERROR,
           "another status");
    r.text = unit_copy("OK\0x", 4);
    is_int(ngx_http_vcita_redis_protocol_status(&r, "OK"), NGX_ERROR,
           "a zero byte does not end it");
    r.text.len = 2;
    is_int(ngx_http_vcita_redis_protocol_status(&r, "OK"), NGX_OK, "OK");
    is_int(ngx_http_vcita_redis_protocol_value(&r), NGX_ERROR,
           "a status is no value");
}


/* an array is read where one is expected; its first texts are kept */

unit_test(reply_array)
{
    size_t                           step;
    ngx_str_t                       *text, bytes;
    ngx_uint_t                       bad;
    ngx_http_vcita_redis_replies_t   r;

    static const char  hello[] =
        "*10\r\n$6\r\nserver\r\n$5\r\nredis\r\n$5\r\nproto\r\n:2\r\n"
        "$4\r\nrole\r\n$6\r\nmaster\r\n$7\r\nmodules\r\n"
        "*1\r\n*2\r\n$4\r\nrole\r\n$7\r\nreplica\r\n"
        "$4\r\nmode\r\n$0\r\n\r\n";

    bytes = unit_text(hello);
    bad = 0;

    for (step = 1; step <= bytes.len; step++) {
        bad += (test_reply_array(&bytes, step, &r) != NGX_OK
                || r.reply.type != NGX_HTTP_VCITA_REDIS_REPLY_ARRAY
                || r.reply.nitems != 10);

        text = ngx_http_vcita_redis_protocol_member(&r.reply, "role");
        bad += (text == NULL || text->len != 6
                || ngx_memcmp(text->data, "master", 6) != 0);

        bad += (ngx_http_vcita_redis_protocol_member(&r.reply, "proto")
                != NULL);
        bad += (ngx_http_vcita_redis_protocol_member(&r.reply, "mode") != NULL);
        bad += (ngx_http_vcita_redis_protocol_member(&r.reply, "rol") != NULL);
        bad += (ngx_http_vcita_redis_protocol_value(&r.reply) != NGX_ERROR);

        ngx_http_vcita_redis_protocol_free(&r);
    }

    is_int(bad, 0, "the members of an array");

    bytes = unit_text("*2\r\n$1\r\na\r\n$1\r\nb\r\n+OK\r\n");
    is_int(test_reply_array(&bytes, bytes.len, &r), NGX_OK, "an array");
    is_int(ngx_http_vcita_redis_protocol_next(&r), NGX_OK, "a status");
    is_int(r.reply.nitems, 0, "which has nothing of the array");
    ngx_http_vcita_redis_protocol_free(&r);
}


/* the first reply; the caller frees */

static ngx_int_t
test_reply_array(ngx_str_t *bytes, size_t step,
    ngx_http_vcita_redis_replies_t *r)
{
    size_t     i;
    ngx_int_t  rc;

    if (ngx_http_vcita_redis_protocol_init(r, unit_log) != NGX_OK) {
        return NGX_ERROR;
    }

    r->array = 1;
    rc = NGX_AGAIN;

    for (i = 0; i < bytes->len && rc == NGX_AGAIN; i += step) {

        rc = ngx_http_vcita_redis_protocol_feed(r, bytes->data + i,
                                                ngx_min(step, bytes->len - i));
        if (rc == NGX_OK) {
            rc = ngx_http_vcita_redis_protocol_next(r);
        }
    }

    return rc;
}


unit_test(command)
{
    ngx_str_t   user, password, bytes, want;
    ngx_uint_t  answers;

    static const char  greeting[] =
        "*3\r\n$4\r\nAUTH\r\n$2\r\nme\r\n$5\r\na\0\r\nb\r\n"
        "*2\r\n$6\r\nSELECT\r\n$2\r\n12\r\n*1\r\n$4\r\nPING\r\n"
        "*2\r\n$5\r\nHELLO\r\n$1\r\n2\r\n";

    ngx_str_null(&user);
    ngx_str_null(&password);

    is_int(ngx_http_vcita_redis_command_greeting(unit_pool, &user, &password,
                                                  0, &bytes, &answers),
           NGX_OK, "the shortest greeting");
    is_str(&bytes, "*1\r\n$4\r\nPING\r\n*2\r\n$5\r\nHELLO\r\n$1\r\n2\r\n",
           "PING, HELLO");
    is_int(answers, 2, "two answers");

    user = unit_text("me");
    password = unit_copy("a\0\r\nb", 5);
    want = unit_copy(greeting, sizeof(greeting) - 1);

    is_int(ngx_http_vcita_redis_command_greeting(unit_pool, &user, &password,
                                                  12, &bytes,
                                                  &answers), NGX_OK,
           "the longest one");
    is_eq(&bytes, &want, "AUTH, SELECT, PING, HELLO");
    is_int(answers, 4, "four answers");
}


/* the type of the only reply, TEST_REPLY_NONE for an error, + 1 for none yet */

static ngx_uint_t
test_reply_one(ngx_str_t *bytes, size_t step, ngx_str_t *text)
{
    size_t                          i;
    ngx_int_t                       rc;
    ngx_uint_t                      type;
    ngx_http_vcita_redis_replies_t  r;

    text->len = 0;
    text->data = NULL;

    if (ngx_http_vcita_redis_protocol_init(&r, unit_log) != NGX_OK) {
        return TEST_REPLY_NONE;
    }

    type = TEST_REPLY_NONE + 1;

    for (i = 0; i < bytes->len; i += step) {

        rc = ngx_http_vcita_redis_protocol_feed(&r, bytes->data + i,
                                                ngx_min(step, bytes->len - i));
        if (rc == NGX_OK) {
            rc = ngx_http_vcita_redis_protocol_next(&r);
        }

        if (rc == NGX_ERROR) {
            type = r.error ? TEST_REPLY_NONE : TEST_REPLY_NONE + 2;
            break;
        }

        if (rc == NGX_OK) {
            type = r.reply.type;
            *text = unit_copy(r.reply.text.data, r.reply.text.len);
        }
    }

    ngx_http_vcita_redis_protocol_free(&r);

    return type;
}


static ngx_str_t
test_reply_code(const char *refusal)
{
    ngx_str_t                     code;
    ngx_http_vcita_redis_reply_t  r;

    r.type = NGX_HTTP_VCITA_REDIS_REPLY_REFUSAL;
    r.text = unit_copy(refusal, ngx_strlen(refusal) + 1);
    r.text.len--;

    ngx_http_vcita_redis_protocol_code(&r, &code);

    return code;
}

#endif
