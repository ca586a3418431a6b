
/*
 * What Redis answers, in pieces of any size: what comes out does not depend
 * on the pieces, and no text is longer than it may be.  Every other input may
 * have arrays.
 * Dictionary: reply
 */


#include <ngx_config.h>
#include <ngx_core.h>

#include "net/ngx_http_vcita_redis.h"
#include "fuzz.h"


#if (NGX_HTTP_VCITA_REDIS)


#define FUZZ_REPLIES  16


typedef struct {
    ngx_uint_t                     n;
    ngx_uint_t                     failed;
    ngx_http_vcita_redis_reply_t   replies[FUZZ_REPLIES];
} fuzz_replies_t;


static void fuzz_replies(ngx_str_t *in, size_t step, ngx_uint_t array,
    fuzz_replies_t *f);
static void fuzz_reply_array(ngx_http_vcita_redis_reply_t *r);
static void fuzz_reply_meaning(ngx_http_vcita_redis_reply_t *r);


fuzz_target(reply)
{
    size_t           step;
    ngx_uint_t       i;
    fuzz_replies_t  *whole, *pieces;

    step = fuzz_byte(in) + 1;

    whole = fuzz_alloc(sizeof(fuzz_replies_t));
    pieces = fuzz_alloc(sizeof(fuzz_replies_t));

    fuzz_replies(in, in->len, step % 2, whole);
    fuzz_replies(in, step, step % 2, pieces);

    fuzz_check(whole->n == pieces->n);
    fuzz_check(whole->failed == pieces->failed);

    for (i = 0; i < whole->n && i < FUZZ_REPLIES; i++) {
        fuzz_check(whole->replies[i].type == pieces->replies[i].type);
        fuzz_check(fuzz_same(&whole->replies[i].text,
                             &pieces->replies[i].text));
        fuzz_check(whole->replies[i].nitems == pieces->replies[i].nitems);
        fuzz_reply_meaning(&whole->replies[i]);
    }
}


static void
fuzz_replies(ngx_str_t *in, size_t step, ngx_uint_t array, fuzz_replies_t *f)
{
    size_t                           i;
    ngx_int_t                        rc;
    ngx_str_t                        piece;
    ngx_http_vcita_redis_reply_t    *r;
    ngx_http_vcita_redis_replies_t   replies;

    ngx_memzero(f, sizeof(fuzz_replies_t));

    fuzz_check(ngx_http_vcita_redis_protocol_init(&replies, fuzz_pool->log)
               == NGX_OK);

    replies.array = array;

    for (i = 0; i < in->len && !f->failed; i += step) {
        piece.data = in->data + i;
        piece.len = ngx_min(step, in->len - i);
        piece = fuzz_copy(&piece);

        fuzz_check(ngx_http_vcita_redis_protocol_feed(&replies, piece.data,
                                                      piece.len) == NGX_OK);

        for ( ;; ) {
            rc = ngx_http_vcita_redis_protocol_next(&replies);

            if (rc != NGX_OK) {
                break;
            }

            fuzz_reply_array(&replies.reply);

            if (f->n < FUZZ_REPLIES) {
                r = &f->replies[f->n];
                *r = replies.reply;

                if (r->text.data) {
                    r->text = fuzz_header(&r->text);
                }

                fuzz_check(r->text.len <= NGX_HTTP_VCITA_REDIS_REPLY_MAX);
            }

            f->n++;
        }

        fuzz_check(rc == NGX_AGAIN || replies.error != NULL);
        f->failed = (rc == NGX_ERROR);
    }

    ngx_http_vcita_redis_protocol_free(&replies);
}


static void
fuzz_reply_array(ngx_http_vcita_redis_reply_t *r)
{
    ngx_str_t   *role;
    ngx_uint_t   i;

    fuzz_check(r->nitems == 0 || r->type == NGX_HTTP_VCITA_REDIS_REPLY_ARRAY);

    for (i = 0; i < NGX_HTTP_VCITA_REDIS_REPLY_ITEMS; i++) {
        fuzz_check(r->items[i].len == 0 || i < r->nitems);
        fuzz_check(r->items[i].len <= 256);
    }

    role = ngx_http_vcita_redis_protocol_member(r, "role");
    fuzz_check(role == NULL || role->len);
}


static void
fuzz_reply_meaning(ngx_http_vcita_redis_reply_t *r)
{
    ngx_int_t    rc;
    ngx_str_t    code;
    const char  *hint;

    rc = ngx_http_vcita_redis_protocol_value(r);
    fuzz_check((rc == NGX_OK)
               == (r->type == NGX_HTTP_VCITA_REDIS_REPLY_STRING));

    rc = ngx_http_vcita_redis_protocol_status(r, "OK");
    fuzz_check(rc != NGX_OK || fuzz_same_text(&r->text, "OK"));

    ngx_http_vcita_redis_protocol_code(r, &code);
    fuzz_check(code.len && code.len <= 32 && fuzz_printable(&code));

    hint = ngx_http_vcita_redis_protocol_hint(r);
    fuzz_check(hint != NULL);
}

#endif
