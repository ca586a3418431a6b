
/*
 * A box of ours opens, under the second key too; changed in any way, or held
 * against another field or kind, it does not.  Input: how to change it, where
 * (2 bytes), with what, the length of the field, the field, the text.
 */


#include <ngx_config.h>
#include <ngx_core.h>

#include "util/ngx_http_vcita_seal.h"
#include "fuzz.h"


enum {
    FUZZ_SEAL_NEW = 0,
    FUZZ_SEAL_ROTATED,
    FUZZ_SEAL_OTHER,
    FUZZ_SEAL_KINDS
};


static ngx_http_vcita_seal_t  fuzz_seal_kinds[FUZZ_SEAL_KINDS];


static ngx_http_vcita_seal_t *fuzz_seal_all(void);
static void fuzz_seal_kind(ngx_http_vcita_seal_t *kind, const char *purpose,
    const char *one, const char *two);
static ngx_int_t fuzz_seal_open(ngx_http_vcita_seal_t *kind, ngx_str_t *field,
    ngx_str_t *box, ngx_str_t *text, ngx_uint_t *used);
static ngx_str_t fuzz_seal_change(ngx_str_t *box, u_char how, size_t where,
    u_char what);


fuzz_target(seal)
{
    u_char                  how, what;
    size_t                  where;
    ngx_str_t               field, other, text, room, box, got, bad;
    ngx_uint_t              used;
    ngx_http_vcita_seal_t  *kind;

    kind = fuzz_seal_all();

    how = fuzz_byte(in);
    where = (size_t) fuzz_byte(in) << 8;
    where |= fuzz_byte(in);
    what = fuzz_byte(in);
    field = fuzz_take(in, fuzz_byte(in));
    text = fuzz_copy(in);

    room = fuzz_room(ngx_http_vcita_seal_room(text.len));

    fuzz_check(ngx_http_vcita_seal(&kind[FUZZ_SEAL_NEW], &field, &text,
                                   room.data, &box)
               == NGX_OK);
    fuzz_check(box.len == ngx_http_vcita_seal_len(text.len));
    fuzz_check(fuzz_inside(&box, &room));

    box = fuzz_copy(&box);

    fuzz_check(fuzz_seal_open(&kind[FUZZ_SEAL_NEW], &field, &box, &got, &used)
               == NGX_OK);
    fuzz_check(used == 0 && fuzz_same(&got, &text));

    fuzz_check(fuzz_seal_open(&kind[FUZZ_SEAL_ROTATED], &field, &box, &got,
                              &used)
               == NGX_OK);
    fuzz_check(used == 1 && fuzz_same(&got, &text));

    fuzz_check(fuzz_seal_open(&kind[FUZZ_SEAL_OTHER], &field, &box, &got,
                              &used)
               == NGX_DECLINED);

    other = fuzz_seal_change(&field, how, where, what);

    if (!fuzz_same(&other, &field)) {
        fuzz_check(fuzz_seal_open(&kind[FUZZ_SEAL_NEW], &other, &box, &got,
                                  &used)
                   == NGX_DECLINED);
    }

    fuzz_check(fuzz_seal_open(&kind[FUZZ_SEAL_NEW], NULL, &box, &got, &used)
               == NGX_DECLINED);

    bad = fuzz_seal_change(&box, how, where, what);

    if (!fuzz_same(&bad, &box)) {
        fuzz_check(fuzz_seal_open(&kind[FUZZ_SEAL_NEW], &field, &bad, &got,
                                  &used)
                   == NGX_DECLINED);
        fuzz_check(fuzz_seal_open(&kind[FUZZ_SEAL_ROTATED], &field, &bad,
                                  &got, &used)
                   == NGX_DECLINED);
    }
}


static ngx_http_vcita_seal_t *
fuzz_seal_all(void)
{
    if (fuzz_seal_kinds[0].keys.nelts == 0) {
        fuzz_seal_kind(&fuzz_seal_kinds[FUZZ_SEAL_NEW], "fuzz", "a", NULL);
        fuzz_seal_kind(&fuzz_seal_kinds[FUZZ_SEAL_ROTATED], "fuzz", "b", "a");
        fuzz_seal_kind(&fuzz_seal_kinds[FUZZ_SEAL_OTHER], "other", "a", NULL);
    }

    return fuzz_seal_kinds;
}


/* the keys come from the same label: what differs is what they are bound to */

static void
fuzz_seal_kind(ngx_http_vcita_seal_t *kind, const char *purpose,
    const char *one, const char *two)
{
    ngx_str_t  field, salt, secret;

    ngx_str_set(&field, "client");
    ngx_str_set(&salt, "salt");

    fuzz_check(ngx_http_vcita_seal_init(kind, fuzz_lasting_pool, purpose,
                                        &field, 1)
               == NGX_OK);

    for ( /* void */ ; one; one = two, two = NULL) {
        secret.data = (u_char *) one;
        secret.len = ngx_strlen(one);

        fuzz_check(ngx_http_vcita_seal_key(kind, &secret, &salt, "fuzz")
                   == NGX_OK);
    }
}


static ngx_int_t
fuzz_seal_open(ngx_http_vcita_seal_t *kind, ngx_str_t *field, ngx_str_t *box,
    ngx_str_t *text, ngx_uint_t *used)
{
    ngx_int_t  rc;
    ngx_str_t  room;

    room = fuzz_room(ngx_http_vcita_seal_open_room(box->len));

    rc = ngx_http_vcita_seal_open(kind, field, box, room.data, text, used);

    if (rc == NGX_OK) {
        fuzz_check(fuzz_inside(text, &room));
    }

    return rc;
}


/* another character, one fewer, one more, cut short, turned, said twice */

static ngx_str_t
fuzz_seal_change(ngx_str_t *box, u_char how, size_t where, u_char what)
{
    size_t     i;
    ngx_str_t  bad;

    i = box->len ? where % box->len : 0;
    bad = fuzz_room(box->len * 2 + 1);

    bad.len = box->len;
    ngx_memcpy(bad.data, box->data, box->len);

    switch (how % 6) {

    case 0:
        if (bad.len) {
            bad.data[i] = what;
        }

        break;

    case 1:
        if (bad.len) {
            ngx_memmove(bad.data + i, bad.data + i + 1, bad.len - i - 1);
            bad.len--;
        }

        break;

    case 2:
        ngx_memmove(bad.data + i + 1, bad.data + i, bad.len - i);
        bad.data[i] = what;
        bad.len++;
        break;

    case 3:
        bad.len = i;
        break;

    case 4:
        ngx_memcpy(bad.data, box->data + i, box->len - i);
        ngx_memcpy(bad.data + box->len - i, box->data, i);
        break;

    default:
        ngx_memcpy(bad.data + bad.len, box->data, box->len);
        bad.len *= 2;
    }

    return fuzz_copy(&bad);
}
