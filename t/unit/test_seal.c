
/*
 * Sealing: strict base64url, and that a box opens only where it should.
 */


#include <ngx_config.h>
#include <ngx_core.h>

#include "util/ngx_http_vcita_seal.h"
#include "unit.h"


static ngx_uint_t test_seal_spelled(const char *alphabet, ngx_str_t *text);
static ngx_int_t test_seal_decode(ngx_str_t *text, ngx_str_t *bytes);
static ngx_http_vcita_seal_t *test_seal_kind(const char *purpose,
    const char *fields, const char *secrets);
static ngx_str_t test_seal_box(ngx_http_vcita_seal_t *s, const char *field,
    ngx_str_t *text);
static ngx_int_t test_seal_open(ngx_http_vcita_seal_t *s, const char *field,
    ngx_str_t *box, ngx_str_t *text, ngx_uint_t *used);
static ngx_int_t test_seal_opens(ngx_http_vcita_seal_t *s, const char *field,
    ngx_str_t *box);
static ngx_uint_t test_seal_id(const char *secret);


static const char  test_seal_alphabet[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";


/* RFC 4648, 10, without the padding */

static const char  *test_seal_base64url[][2] = {
    { "", "" },
    { "f", "Zg" },
    { "fo", "Zm8" },
    { "foo", "Zm9v" },
    { "foob", "Zm9vYg" },
    { "fooba", "Zm9vYmE" },
    { "foobar", "Zm9vYmFy" },
    { "\xfb\xff\xfe", "-__-" }
};


static const char  *test_seal_no_base64url[] = {
    "=", "====", "Zg==", "Zm8=", "Zg=", "Zm9v=", "Zm9v====", "Zm9vYg==",
    "A", "AAAAA", "AAAAAAAAA", "-__-A",
    "+//+", "Zm9v ", " Zm9v", "Zm 9v", "Zm9v\n", "Zm9\r", "Zm9.", "Zm9v,AAA",
    "Zh", "Zm9vYh", "Zm9", "Zm9vYmF", "AB", "AAB", "__", "___",
    "Zm9\xc3", "\xff\xff\xff\xff", "Zm9\x80", "\177m9v"
};


unit_test(seal_base64url)
{
    size_t       len;
    ngx_str_t    text, bytes, back;
    ngx_uint_t   i, n, bad;

    n = sizeof(test_seal_base64url) / sizeof(test_seal_base64url[0]);

    for (i = 0; i < n; i++) {
        bytes = unit_text(test_seal_base64url[i][0]);
        text = unit_room(ngx_strlen(test_seal_base64url[i][1]));

        is_int(ngx_http_vcita_base64url_encode(text.data, bytes.data,
                                               bytes.len), text.len,
               "base64url %ui: length", i);
        is_str(&text, test_seal_base64url[i][1], "base64url %ui", i);

        is_int(test_seal_decode(&text, &back), NGX_OK,
               "base64url %ui is decoded", i);
        is_eq(&back, &bytes, "base64url %ui comes back", i);
    }

    n = sizeof(test_seal_no_base64url) / sizeof(test_seal_no_base64url[0]);

    for (i = 0; i < n; i++) {
        text = unit_text(test_seal_no_base64url[i]);
        is_int(test_seal_decode(&text, &back), NGX_DECLINED,
               "no base64url: %ui", i);
    }

    bad = 0;

    for (i = 0; i < 2000; i++) {
        len = unit_random(100);
        bytes = unit_room(len);
        ngx_http_vcita_hash_random(bytes.data, len);

        text = unit_room((len * 4 + 2) / 3);

        if (ngx_http_vcita_base64url_encode(text.data, bytes.data, len)
            != text.len
            || ngx_http_vcita_base64url_decoded_len(text.len) != len
            || test_seal_decode(&text, &back) != NGX_OK
            || !unit_same(&back, &bytes))
        {
            bad++;
        }
    }

    is_int(bad, 0, "base64url of random bytes comes back");
}


/* nothing is written behind what a text decodes to, of any length, in place */

unit_test(seal_base64url_bound)
{
    u_char       raw[512];
    size_t       len, n;
    ngx_str_t    text;
    ngx_uint_t   i, past, wrong;

    past = 0;
    wrong = 0;

    for (len = 0; len <= 256; len++) {

        if (len % 4 == 1) {
            continue;
        }

        text = unit_room(len);
        ngx_memset(text.data, 'A', len);
        ngx_memset(raw, 0xa5, sizeof(raw));

        n = ngx_http_vcita_base64url_decoded_len(len);
        wrong += (ngx_http_vcita_base64url_decode(raw, &text) != NGX_OK);

        for (i = 0; i < sizeof(raw); i++) {
            past += (i >= n && raw[i] != 0xa5);
            wrong += (i < n && raw[i] != 0);
        }

        wrong += (ngx_http_vcita_base64url_decode(text.data, &text) != NGX_OK);

        for (i = 0; i < n; i++) {
            wrong += (text.data[i] != 0);
        }
    }

    is_int(past, 0, "base64url: no byte is written past the end");
    is_int(wrong, 0, "base64url: the bytes of each length, in place too");
}


/*
 * One byte has 256 values, two have 65,536: so many spellings of two and of
 * three characters are decoded, and no other.
 */

unit_test(seal_base64url_strict)
{
    u_char       c[4], raw[3];
    size_t       len;
    ngx_str_t    text;
    ngx_uint_t   a, b, d, good, bad;

    text.data = c;
    good = 0;
    bad = 0;

    for (a = 0; a < 256; a++) {
        for (b = 0; b < 256; b++) {
            c[0] = (u_char) a;
            c[1] = (u_char) b;
            text.len = 2;

            if (ngx_http_vcita_base64url_decode(raw, &text) != NGX_OK) {
                continue;
            }

            good++;
            len = ngx_http_vcita_base64url_encode(raw + 1, raw, 1);
            bad += !(len == 2 && raw[1] == a && raw[2] == b);
        }
    }

    is_int(good, 256, "so many spellings of one byte");
    is_int(bad, 0, "each of them is the encoder's");

    good = 0;
    bad = 0;

    for (a = 0; a < 64; a++) {
        for (b = 0; b < 64; b++) {
            for (d = 0; d < 256; d++) {
                c[0] = (u_char) test_seal_alphabet[a];
                c[1] = (u_char) test_seal_alphabet[b];
                c[2] = (u_char) d;
                text.len = 3;

                if (ngx_http_vcita_base64url_decode(raw, &text) == NGX_OK) {
                    good++;
                    bad += (raw[0] != (a << 2 | b >> 4)
                            || (raw[1] & 0xf0) != (b << 4 & 0xf0));
                }
            }
        }
    }

    is_int(good, 65536, "so many spellings of two bytes");
    is_int(bad, 0, "each of them is right");

    bad = 0;

    for (a = 0; a < 4; a++) {
        for (b = 0; b < 256; b++) {
            ngx_memcpy(c, "Zm9v", 4);
            c[a] = (u_char) b;
            text.len = 4;

            good = test_seal_spelled(test_seal_alphabet, &text);
            bad += ((ngx_http_vcita_base64url_decode(raw, &text) == NGX_OK)
                    != good);
        }
    }

    is_int(bad, 0, "any byte at any place of four characters");

    bad = 0;

    for (len = 1; len < 400; len += 4) {
        text = unit_room(len);
        ngx_memset(text.data, 'A', len);
        bad += (ngx_http_vcita_base64url_decode(unit_room(len).data, &text)
                != NGX_DECLINED);
    }

    is_int(bad, 0, "no value has one character over a multiple of four");
}


static ngx_uint_t
test_seal_spelled(const char *alphabet, ngx_str_t *text)
{
    size_t  i;

    for (i = 0; i < text->len; i++) {

        if (text->data[i] == '\0'
            || ngx_strchr(alphabet, text->data[i]) == NULL)
        {
            return 0;
        }
    }

    return 1;
}


static ngx_int_t
test_seal_decode(ngx_str_t *text, ngx_str_t *bytes)
{
    *bytes = unit_room(ngx_http_vcita_base64url_decoded_len(text->len));

    return ngx_http_vcita_base64url_decode(bytes->data, text);
}


unit_test(seal_box)
{
    size_t                  len;
    ngx_str_t               text, back, box, other;
    ngx_uint_t              i, used, bad;
    ngx_http_vcita_seal_t  *s;

    s = test_seal_kind("session", "vcita_session client", "secret");

    bad = 0;

    for (len = 0; len < 600; len++) {
        i = (len < 500) ? len : len * 100;

        text = unit_room(i);
        for (used = 0; used < text.len; used++) {
            text.data[used] = (u_char) ngx_random();
        }

        box = test_seal_box(s, "field", &text);
        used = 99;

        bad += (box.len != ngx_http_vcita_seal_len(text.len)
                || !test_seal_spelled(test_seal_alphabet, &box)
                || test_seal_open(s, "field", &box, &back, &used) != NGX_OK
                || used != 0
                || !unit_same(&back, &text));
    }

    is_int(bad, 0, "texts of 0 to 60,000 bytes come back");

    text = unit_text("text");
    box = test_seal_box(s, NULL, &text);
    other = test_seal_box(s, NULL, &text);
    ok(ngx_memcmp(box.data + 4, other.data + 4, 14) != 0, "nonces differ");

    is_int(test_seal_open(s, NULL, &box, &back, &used), NGX_OK,
           "the first box opens");
    is_str(&back, "text", "the text of the first box");
    is_int(test_seal_opens(s, NULL, &other), NGX_OK, "and so does another");
    is_int(test_seal_opens(s, NULL, &box), NGX_OK, "and the first again");

    ngx_str_null(&other);
    is_int(test_seal_opens(s, NULL, &other), NGX_DECLINED, "no box at all");
}


/* a box opens under its own purpose, fields, field and key, and nowhere else */

unit_test(seal_bound)
{
    ngx_str_t               text, box, plain;
    ngx_uint_t              i, n;
    ngx_http_vcita_seal_t  *s, *other;

    static const char  *kinds[][3] = {
        { "state", "name client", "secret" },
        { "Session", "name client", "secret" },
        { "session", "name client2", "secret" },
        { "session", "Name client", "secret" },
        { "session", "client name", "secret" },
        { "session", "nam eclient", "secret" },
        { "session", "nameclient", "secret" },
        { "session", "name", "secret" },
        { "session", "", "secret" },
        { "session", "name client", "Secret" },
        { "session", "name client", "secret2" },
        { "session", "name client", "a b c d e f g h" }
    };

    s = test_seal_kind("session", "name client", "secret");

    text = unit_text("text");
    box = test_seal_box(s, "field", &text);
    plain = test_seal_box(s, NULL, &text);

    n = sizeof(kinds) / sizeof(kinds[0]);

    for (i = 0; i < n; i++) {
        other = test_seal_kind(kinds[i][0], kinds[i][1], kinds[i][2]);

        is_int(test_seal_opens(other, "field", &box), NGX_DECLINED,
               "kind %ui does not open the box", i);
        is_int(test_seal_opens(other, NULL, &box), NGX_DECLINED,
               "kind %ui does not without the field", i);
        is_int(test_seal_opens(other, NULL, &plain), NGX_DECLINED,
               "kind %ui does not open a plain box", i);
    }

    other = test_seal_kind("session", "name client", "secret");

    is_int(test_seal_opens(other, "field", &box), NGX_OK,
           "the same kind made again opens the box");
    is_int(test_seal_opens(other, NULL, &plain), NGX_OK,
           "the same kind made again opens a plain box");

    is_int(test_seal_opens(s, NULL, &box), NGX_DECLINED, "no field");
    is_int(test_seal_opens(s, "", &box), NGX_DECLINED, "an empty field");
    is_int(test_seal_opens(s, "fiel", &box), NGX_DECLINED, "a short field");
    is_int(test_seal_opens(s, "fields", &box), NGX_DECLINED, "a long field");
    is_int(test_seal_opens(s, "Field", &box), NGX_DECLINED, "other case");
    is_int(test_seal_opens(s, "", &plain), NGX_DECLINED,
           "an empty field is not none");
}


unit_test(seal_hostile)
{
    u_char                 *raw;
    ngx_str_t               text, box, bytes, other;
    ngx_uint_t              i, c, bad;
    ngx_http_vcita_seal_t  *s;

    s = test_seal_kind("session", "name client", "secret second");

    text = unit_text("a text of some bytes");
    box = test_seal_box(s, NULL, &text);
    other = unit_room(box.len);

    bad = 0;

    for (i = 0; i < box.len; i++) {
        for (c = 0; c < 256; c++) {
            ngx_memcpy(other.data, box.data, box.len);
            other.data[i] = (u_char) c;

            bad += ((test_seal_opens(s, NULL, &other) == NGX_OK)
                    != (c == box.data[i]));
        }
    }

    is_int(bad, 0, "any other byte at any place of a box");

    bad = 0;

    for (i = 0; i < box.len; i++) {
        other = unit_copy(box.data, i);
        bad += (test_seal_opens(s, NULL, &other) != NGX_DECLINED);

        other = unit_copy(box.data + box.len - i, i);
        bad += (test_seal_opens(s, NULL, &other) != NGX_DECLINED);
    }

    is_int(bad, 0, "a box cut short at any place, at either end");

    bad = 0;

    for (i = 0; i < 64; i++) {
        other = unit_room(box.len + 4);
        ngx_memset(other.data, test_seal_alphabet[i], other.len);
        ngx_memcpy(other.data, box.data, box.len);
        bad += (test_seal_opens(s, NULL, &other) != NGX_DECLINED);

        ngx_memset(other.data, test_seal_alphabet[i], other.len);
        ngx_memcpy(other.data + 4, box.data, box.len);
        bad += (test_seal_opens(s, NULL, &other) != NGX_DECLINED);
    }

    is_int(bad, 0, "a box with more before or behind it");

    test_seal_decode(&box, &bytes);
    raw = bytes.data;
    other = unit_room(box.len);
    bad = 0;

    is_int(raw[0], 1, "the version");

    for (c = 0; c < 256; c++) {

        if (c != 1) {
            raw[0] = (u_char) c;
            ngx_http_vcita_base64url_encode(other.data, raw, bytes.len);
            bad += (test_seal_opens(s, NULL, &other) != NGX_DECLINED);
        }
    }

    is_int(bad, 0, "no other version");

    raw[0] = 1;
    i = raw[1];
    bad = 0;

    for (c = 0; c < 256; c++) {

        if (c != i) {
            raw[1] = (u_char) c;
            ngx_http_vcita_base64url_encode(other.data, raw, bytes.len);
            bad += (test_seal_opens(s, NULL, &other) != NGX_DECLINED);
        }
    }

    is_int(bad, 0, "no other key id");

    raw[1] = (u_char) i;
    ngx_http_vcita_base64url_encode(other.data, raw, bytes.len);
    is_int(test_seal_opens(s, NULL, &other), NGX_OK, "put right, it opens");

    bad = 0;

    for (i = 0; i < 20000; i++) {
        bytes = unit_room(unit_random(90));
        ngx_http_vcita_hash_random(bytes.data, bytes.len);

        if (bytes.len > 1 && i % 2) {
            bytes.data[0] = 1;
            bytes.data[1] = raw[1];
        }

        other = unit_room((bytes.len * 4 + 2) / 3);
        ngx_http_vcita_base64url_encode(other.data, bytes.data, bytes.len);
        bad += (test_seal_opens(s, NULL, &other) != NGX_DECLINED);
    }

    is_int(bad, 0, "random bytes");
}


unit_test(seal_rotation)
{
    char                    ring[64];
    ngx_str_t               text, box, back;
    ngx_uint_t              i, id, used;
    ngx_http_vcita_seal_t  *s, *other;

    text = unit_text("text");
    used = 99;

    s = test_seal_kind("session", "name", "old");
    box = test_seal_box(s, NULL, &text);

    other = test_seal_kind("session", "name", "new old");
    is_int(test_seal_open(other, NULL, &box, &back, &used), NGX_OK,
           "a box of the old key");
    is_int(used, 1, "the old key's index");
    is_str(&back, "text", "the old box's text");

    box = test_seal_box(other, NULL, &text);
    is_int(test_seal_open(other, NULL, &box, &back, &used), NGX_OK,
           "a box of the new key");
    is_int(used, 0, "the first key seals");
    is_int(test_seal_opens(s, NULL, &box), NGX_DECLINED,
           "where the new key is not known");

    other = test_seal_kind("session", "name", "old new");
    is_int(test_seal_open(other, NULL, &box, &back, &used), NGX_OK,
           "the new key before it seals");
    is_int(used, 1, "the new key's index");

    /* another secret whose key has the id of "old" */

    id = test_seal_id("old");

    for (i = 0; i < 100000; i++) {
        ngx_sprintf((u_char *) ring, "twin%ui%Z", i);

        if (test_seal_id(ring) == id) {
            break;
        }
    }

    ngx_sprintf((u_char *) ring, "twin%ui old%Z", i);
    other = test_seal_kind("session", "name", ring);

    box = test_seal_box(s, NULL, &text);
    is_int(test_seal_open(other, NULL, &box, &back, &used), NGX_OK,
           "the second of two keys with one id");
    is_int(used, 1, "the second key's index");
    is_str(&back, "text", "its text, after the first key failed");

    box.data[box.len - 1] ^= 4;
    is_int(test_seal_opens(other, NULL, &box), NGX_DECLINED,
           "neither opens a forged box");

    box = test_seal_box(other, NULL, &text);
    is_int(test_seal_open(other, NULL, &box, &back, &used), NGX_OK,
           "the first of two keys with one id");
    is_int(used, 0, "the first key's index");
    is_int(test_seal_opens(s, NULL, &box), NGX_DECLINED,
           "the id alone opens nothing");
}


/* of the lists, the first key seals; all of it lives as long as the pool */

static ngx_http_vcita_seal_t *
test_seal_kind(const char *purpose, const char *fields, const char *secrets)
{
    ngx_str_t               f[8], secret, salt;
    ngx_uint_t              n;
    ngx_http_vcita_seal_t  *s;

    s = ngx_palloc(unit_pool, sizeof(ngx_http_vcita_seal_t));
    if (s == NULL) {
        abort();
    }

    for (n = 0; unit_word(&fields, &f[n]); n++) {
        /* void */
    }

    if (ngx_http_vcita_seal_init(s, unit_pool, purpose, f, n) != NGX_OK)
    {
        abort();
    }

    salt = unit_text("client");

    while (unit_word(&secrets, &secret)) {

        if (ngx_http_vcita_seal_key(s, &secret, &salt, purpose) != NGX_OK)
        {
            abort();
        }
    }

    return s;
}


static ngx_str_t
test_seal_box(ngx_http_vcita_seal_t *s, const char *field, ngx_str_t *text)
{
    ngx_str_t  f, room, box;

    f = unit_text(field ? field : "");
    room = unit_room(ngx_http_vcita_seal_room(text->len));

    if (ngx_http_vcita_seal(s, field ? &f : NULL, text, room.data, &box)
        != NGX_OK)
    {
        abort();
    }

    return unit_copy(box.data, box.len);
}


static ngx_int_t
test_seal_open(ngx_http_vcita_seal_t *s, const char *field, ngx_str_t *box,
    ngx_str_t *text, ngx_uint_t *used)
{
    ngx_str_t  f, room;

    f = unit_text(field ? field : "");
    room = unit_room(ngx_http_vcita_seal_open_room(box->len));

    return ngx_http_vcita_seal_open(s, field ? &f : NULL, box, room.data, text,
                                    used);
}


static ngx_int_t
test_seal_opens(ngx_http_vcita_seal_t *s, const char *field, ngx_str_t *box)
{
    ngx_str_t   text;
    ngx_uint_t  used;

    return test_seal_open(s, field, box, &text, &used);
}


static ngx_uint_t
test_seal_id(const char *secret)
{
    ngx_http_vcita_seal_key_t  *key;

    key = test_seal_kind("session", "name", secret)->keys.elts;

    return key->id;
}
