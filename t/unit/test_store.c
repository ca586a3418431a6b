
/*
 * Ids and keys of sessions in a store, and boxes as bytes.
 */


#include <ngx_config.h>
#include <ngx_core.h>

#include "session/ngx_http_vcita_store.h"
#include "util/ngx_http_vcita_seal.h"
#include "unit.h"


#define TEST_STORE_ID   NGX_HTTP_VCITA_STORE_ID
#define TEST_STORE_KEY  NGX_HTTP_VCITA_STORE_KEY


static ngx_http_vcita_seal_t *test_store_seal(void);


unit_test(store_id)
{
    u_char      text[2][TEST_STORE_ID];
    u_char      key[2][TEST_STORE_KEY], again[TEST_STORE_KEY];
    ngx_str_t   id, want;
    ngx_uint_t  i;

    static const char  *bad[] = {
        "",
        "A",
        "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
        "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
        "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAB",
        "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
        "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA+A",
        "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA/A",
        "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA A",
        "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\xc3",
    };

    for (i = 0; i < 2; i++) {
        is_int(ngx_http_vcita_store_id(text[i], key[i]), NGX_OK, "an id");

        id.data = text[i];
        id.len = TEST_STORE_ID;

        is_int(ngx_http_vcita_store_key(&id, again), NGX_OK,
               "it is of the right form");
        is_mem(again, key[i], TEST_STORE_KEY, "its key");
    }

    ok(ngx_memcmp(text[0], text[1], TEST_STORE_ID) != 0, "never the same id");
    ok(ngx_memcmp(key[0], key[1], TEST_STORE_KEY) != 0, "nor the same key");

    /* SHA-256 of 32 zero bytes */

    id = unit_text("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA");
    want = unit_hex("66687aadf862bd776c8fc18b8e9f8e20"
                    "089714856ee233b3902a591d0d5f2925");

    is_int(ngx_http_vcita_store_key(&id, again), NGX_OK, "zero bytes");
    is_mem(again, want.data, TEST_STORE_KEY, "the hash of the bytes");

    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        id = unit_text(bad[i]);

        is_int(ngx_http_vcita_store_key(&id, again), NGX_DECLINED,
               "not an id, %ui", i);
    }
}


unit_test(store_box)
{
    size_t                  i;
    u_char                 *room;
    ngx_str_t               text, got, box, raw, part, one, two;
    ngx_uint_t              used, opened;
    ngx_http_vcita_seal_t  *s;

    s = test_store_seal();

    text = unit_text("what is sealed");
    one = unit_text("one key of a store");
    two = unit_text("two key of a store");

    room = unit_room(ngx_http_vcita_seal_room(text.len)).data;

    is_int(ngx_http_vcita_seal(s, &one, &text, room, &box), NGX_OK,
           "sealed");

    raw = unit_copy(room, ngx_http_vcita_seal_raw_len(text.len));
    room = unit_room(text.len).data;

    is_int(ngx_http_vcita_seal_open_raw(s, &one, &raw, room, &got, &used),
           NGX_OK,
           "its bytes open");
    is_eq(&got, &text, "the text");
    is_int(used, 0, "by the first key");

    is_int(ngx_http_vcita_seal_open_raw(s, &two, &raw, room, &got, &used),
           NGX_DECLINED, "not under another field");
    is_int(ngx_http_vcita_seal_open_raw(s, NULL, &raw, room, &got, &used),
           NGX_DECLINED, "nor under none");

    opened = 0;

    for (i = 0; i < raw.len * 8; i++) {
        raw.data[i / 8] ^= 1 << i % 8;
        opened += (ngx_http_vcita_seal_open_raw(s, &one, &raw, room, &got,
                                                &used) == NGX_OK);
        raw.data[i / 8] ^= 1 << i % 8;
    }

    is_int(opened, 0, "none of its bits may change");

    for (i = 0; i < raw.len; i++) {
        part = unit_copy(raw.data, i);
        opened += (ngx_http_vcita_seal_open_raw(s, &one, &part, room, &got,
                                                &used) == NGX_OK);
    }

    is_int(opened, 0, "nor its length");
    is_int(ngx_http_vcita_seal_open_raw(s, &one, &raw, room, &got, &used),
           NGX_OK,
           "as it was it opens");
}


/* it lives as long as the pool, which frees its keys */

static ngx_http_vcita_seal_t *
test_store_seal(void)
{
    ngx_str_t               secret, salt, fields[1];
    ngx_http_vcita_seal_t  *s;

    s = ngx_pcalloc(unit_pool, sizeof(ngx_http_vcita_seal_t));
    if (s == NULL) {
        abort();
    }

    secret = unit_text("a secret of a good length, to seal with");
    salt = unit_text("app1");
    fields[0] = unit_text("cookie");

    if (ngx_http_vcita_seal_init(s, unit_pool, "session", fields, 1) != NGX_OK
        || ngx_http_vcita_seal_key(s, &secret, &salt, "session") != NGX_OK)
    {
        abort();
    }

    return s;
}
