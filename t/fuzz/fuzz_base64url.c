
/*
 * Strict base64url: one spelling for each value, whichever way it is read.
 */


#include <ngx_config.h>
#include <ngx_core.h>

#include "util/ngx_http_vcita_seal.h"
#include "fuzz.h"


static ngx_uint_t fuzz_base64url_plain(ngx_str_t *text);


fuzz_target(base64url)
{
    ngx_str_t  room, text;

    /* as text */

    room = fuzz_room(ngx_http_vcita_base64url_decoded_len(in->len));

    if (ngx_http_vcita_base64url_decode(room.data, in) == NGX_OK) {

        fuzz_check(fuzz_base64url_plain(in));

        text = fuzz_room(in->len);
        text.len = ngx_http_vcita_base64url_encode(text.data, room.data,
                                                   room.len);
        fuzz_check(fuzz_same(&text, in));
    }

    /* as bytes */

    text = fuzz_room((in->len * 4 + 2) / 3);

    fuzz_check(ngx_http_vcita_base64url_encode(text.data, in->data, in->len)
               == text.len);
    fuzz_check(fuzz_base64url_plain(&text));
    fuzz_check(ngx_http_vcita_base64url_decoded_len(text.len) == in->len);

    room = fuzz_room(in->len);

    fuzz_check(ngx_http_vcita_base64url_decode(room.data, &text) == NGX_OK);
    fuzz_check(fuzz_same(&room, in));
}


static ngx_uint_t
fuzz_base64url_plain(ngx_str_t *text)
{
    size_t  i;

    for (i = 0; i < text->len; i++) {

        if (!isalnum(text->data[i]) && text->data[i] != '-'
            && text->data[i] != '_')
        {
            return 0;
        }
    }

    return 1;
}
