
/*
 * Tagged values: each lies within the input, they follow one another without
 * a gap, and one that is written again reads the same.
 */


#include <ngx_config.h>
#include <ngx_core.h>

#include "util/ngx_http_vcita_tlv.h"
#include "fuzz.h"


static void fuzz_tags_again(ngx_http_vcita_tlv_t *t);
static void fuzz_tags_number(ngx_http_vcita_tlv_t *t);


fuzz_target(tags)
{
    ngx_int_t             rc;
    ngx_str_t             rest, from;
    ngx_http_vcita_tlv_t  t;

    rest = *in;

    for ( ;; ) {
        from = rest;

        rc = ngx_http_vcita_tlv_next(&rest, &t);

        if (rc != NGX_OK) {
            break;
        }

        fuzz_check(t.tag <= 0xff);
        fuzz_check(t.tag == *from.data);
        fuzz_check(fuzz_inside(&t.value, &from));
        fuzz_check(t.value.data >= from.data + 2);
        fuzz_check(t.value.data <= from.data + NGX_HTTP_VCITA_TLV_HEAD);
        fuzz_check(rest.data == t.value.data + t.value.len);
        fuzz_check(rest.data + rest.len == in->data + in->len);

        fuzz_tags_again(&t);
        fuzz_tags_number(&t);
    }

    fuzz_check(rc == (rest.len ? NGX_ERROR : NGX_DONE));
}


static void
fuzz_tags_again(ngx_http_vcita_tlv_t *t)
{
    u_char                *p;
    ngx_str_t              text;
    ngx_http_vcita_tlv_t   again;

    text = fuzz_room(NGX_HTTP_VCITA_TLV_HEAD + t->value.len);

    p = ngx_http_vcita_tlv_put(text.data, t->tag, &t->value);
    text.len = p - text.data;

    if (t->value.len == 0) {
        fuzz_check(text.len == 0);
        return;
    }

    fuzz_check(ngx_http_vcita_tlv_next(&text, &again) == NGX_OK);
    fuzz_check(again.tag == t->tag);
    fuzz_check(fuzz_same(&again.value, &t->value));
    fuzz_check(text.len == 0);
}


static void
fuzz_tags_number(ngx_http_vcita_tlv_t *t)
{
    u_char                *p;
    uint64_t               number, same;
    ngx_str_t              text;
    ngx_http_vcita_tlv_t   again;

    if (ngx_http_vcita_tlv_number(&t->value, &number) != NGX_OK) {
        fuzz_check(t->value.len == 0 || t->value.len > sizeof(uint64_t));
        return;
    }

    text = fuzz_room(2 + t->value.len);

    p = ngx_http_vcita_tlv_put_number(text.data, t->tag, number);
    text.len = p - text.data;

    fuzz_check(ngx_http_vcita_tlv_next(&text, &again) == NGX_OK);
    fuzz_check(again.value.len == 1 || *again.value.data);
    fuzz_check(ngx_http_vcita_tlv_number(&again.value, &same) == NGX_OK);
    fuzz_check(same == number);
}
