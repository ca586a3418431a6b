
/*
 * A sealed box that comes from outside: what we have not sealed never opens,
 * whatever its head says.
 */


#include <ngx_config.h>
#include <ngx_core.h>

#include "util/ngx_http_vcita_seal.h"
#include "fuzz.h"


static ngx_http_vcita_seal_t  fuzz_box_kind;


static ngx_http_vcita_seal_t *fuzz_box_keys(void);


fuzz_target(box)
{
    ngx_str_t               room, raw, box, text, field;
    ngx_uint_t              used;
    ngx_http_vcita_seal_t  *kind;

    kind = fuzz_box_keys();

    ngx_str_set(&field, "https://a.example/cb");

    room = fuzz_room(ngx_http_vcita_seal_open_room(in->len));

    fuzz_check(ngx_http_vcita_seal_open(kind, &field, in, room.data, &text,
                                        &used) == NGX_DECLINED);

    /* the same bytes as what a box is the base64url of, under our head */

    raw = fuzz_copy(in);

    if (raw.len > 1) {
        raw.data[0] = 1;
        raw.data[1] = ((ngx_http_vcita_seal_key_t *) kind->keys.elts)->id;
    }

    box = fuzz_room((raw.len * 4 + 2) / 3);
    ngx_http_vcita_base64url_encode(box.data, raw.data, raw.len);

    room = fuzz_room(ngx_http_vcita_seal_open_room(box.len));

    fuzz_check(ngx_http_vcita_seal_open(kind, NULL, &box, room.data, &text,
                                        &used) == NGX_DECLINED);
}


static ngx_http_vcita_seal_t *
fuzz_box_keys(void)
{
    ngx_str_t  field, salt, secret;

    if (fuzz_box_kind.keys.nelts) {
        return &fuzz_box_kind;
    }

    ngx_str_set(&field, "client");
    ngx_str_set(&salt, "salt");
    ngx_str_set(&secret, "one secret");

    fuzz_check(ngx_http_vcita_seal_init(&fuzz_box_kind, fuzz_lasting_pool,
                                        "fuzz",
                                        &field, 1)
               == NGX_OK);
    fuzz_check(ngx_http_vcita_seal_key(&fuzz_box_kind, &secret, &salt,
                                       "fuzz")
               == NGX_OK);

    ngx_str_set(&secret, "another secret");

    fuzz_check(ngx_http_vcita_seal_key(&fuzz_box_kind, &secret, &salt,
                                       "fuzz")
               == NGX_OK);

    return &fuzz_box_kind;
}
