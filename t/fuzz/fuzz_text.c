
/*
 * Texts: UTF-8 of whole characters is never refused (that nothing else passes
 * is JSON's word), what is printable has no control byte, an error code is
 * one, a number is what it says.
 * Dictionary: json
 */


#include <ngx_config.h>
#include <ngx_core.h>

#include "util/ngx_http_vcita_string.h"
#include "vcita/ngx_http_vcita_protocol.h"
#include "fuzz.h"


static void fuzz_text_error(ngx_str_t *text);
static void fuzz_text_number(ngx_str_t *text);


fuzz_target(text)
{
    if (ngx_http_vcita_string_unicode(in) != NGX_OK) {
        fuzz_check(!fuzz_utf8(in) || memchr(in->data, '\\', in->len));
    }

    fuzz_check(ngx_http_vcita_string_printable(in) == fuzz_printable(in));
    fuzz_check(ngx_http_vcita_str_eq(in, in));

    fuzz_text_error(in);
    fuzz_text_number(in);
}


/* one that may be one stays, any other becomes "other" */

static void
fuzz_text_error(ngx_str_t *text)
{
    size_t      i;
    ngx_str_t   error;
    ngx_uint_t  good;

    good = (text->len && text->len <= 64);

    for (i = 0; i < text->len; i++) {

        if (!isalnum(text->data[i]) && !memchr("_.-", text->data[i], 3)) {
            good = 0;
        }
    }

    error = *text;

    ngx_http_vcita_protocol_error_code(&error);

    fuzz_check(good ? error.data == text->data && error.len == text->len
                    : fuzz_same_text(&error, "other"));
}


/* digits, at least one, then a fraction perhaps, which is cut off */

static void
fuzz_text_number(ngx_str_t *text)
{
    char        *p, *end;
    double       want;
    size_t       digits;
    int64_t      got;
    ngx_uint_t   good;

    p = (char *) fuzz_header(text).data;

    digits = strspn(p, "0123456789");
    end = p + digits;

    if (*end == '.') {
        end += 1 + strspn(end + 1, "0123456789");
    }

    good = (digits && end == p + text->len);

    fuzz_check((ngx_http_vcita_string_number(text, &got) == NGX_OK) == good);

    if (good) {
        p[digits] = '\0';
        want = strtod(p, NULL);

        fuzz_check(want < NGX_HTTP_VCITA_NUMBER_MAX
                   ? got == (int64_t) want
                   : got == NGX_HTTP_VCITA_NUMBER_MAX);
    }
}
