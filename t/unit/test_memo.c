
/*
 * The memo: what it finds, what it lets go of and when, and that this is wiped.
 */


#include <ngx_config.h>
#include <ngx_core.h>

#include "util/ngx_http_vcita_hash.h"
#include "util/ngx_http_vcita_memo.h"
#include "unit.h"


static ngx_http_vcita_memo_key_t test_memo_key(void *owner, ngx_uint_t kind,
    ngx_uint_t n, size_t len);
static ngx_http_vcita_memo_entry_t *test_memo_keep(ngx_http_vcita_memo_t *memo,
    ngx_uint_t n, size_t len, time_t ends);
static ngx_uint_t test_memo_has(ngx_http_vcita_memo_t *memo, ngx_uint_t n,
    size_t len);
static ngx_uint_t test_memo_counted(ngx_http_vcita_memo_t *memo);


static char  test_memo_owner;


/* by "openssl mac ... -macopt c-rounds:1 -macopt d-rounds:3 SIPHASH" */

unit_test(memo_siphash)
{
#if (NGX_HAVE_LITTLE_ENDIAN)
    u_char      p[40], hash[8];
    uint64_t    key[2], h;
    ngx_str_t   want;
    ngx_uint_t  i, j;

    static struct {
        size_t       len;
        const char  *hash;
    } vectors[] = {
        { 0, "dcc40f055801acab" },
        { 8, "8e9a298d11959036" },
        { 24, "8c9c3467b2ae64f4" },
        { 40, "3115e4993236d2c1" }
    };

    for (i = 0; i < sizeof(p); i++) {
        p[i] = (u_char) i;
    }

    ngx_memcpy(key, p, sizeof(key));

    for (i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++) {
        want = unit_hex(vectors[i].hash);
        h = ngx_http_vcita_hash_short(key, p, vectors[i].len);

        for (j = 0; j < 8; j++) {
            hash[j] = (u_char) (h >> (8 * j));
        }

        is_mem(hash, want.data, 8, "SipHash-1-3 of %uz bytes", vectors[i].len);
    }
#endif

    ok(1, "a hash");
}


unit_test(memo_find)
{
    char                          other;
    size_t                        len;
    ngx_uint_t                    i, bad;
    ngx_http_vcita_memo_t        *memo;
    ngx_http_vcita_memo_key_t     key;
    ngx_http_vcita_memo_entry_t  *entry, *found;

    memo = ngx_http_vcita_memo_create(unit_log);

    for (len = 24; len < 150; len++) {
        entry = test_memo_keep(memo, len, len, 100);
        ngx_http_vcita_memo_release(entry);

        key = test_memo_key(&test_memo_owner, 0, len, len);
        found = ngx_http_vcita_memo_find(memo, &key);
        ok(found == entry, "%uz bytes: found", len);
        ngx_http_vcita_memo_release(entry);

        key = test_memo_key(&other, 0, len, len);
        ok(ngx_http_vcita_memo_find(memo, &key) == NULL,
           "%uz bytes: not for another owner", len);

        key = test_memo_key(&test_memo_owner, 1, len, len);
        ok(ngx_http_vcita_memo_find(memo, &key) == NULL,
           "%uz bytes: not of another kind", len);

        key = test_memo_key(&test_memo_owner, 0, len, len);
        bad = 0;

        for (i = 0; i < len * 8; i++) {
            key.value.data[i / 8] ^= 1 << i % 8;
            bad += (ngx_http_vcita_memo_find(memo, &key) != NULL);
            key.value.data[i / 8] ^= 1 << i % 8;
        }

        is_int(bad, 0, "%uz bytes: not with any bit flipped", len);

        /* the same tail */

        key.value = unit_room(len + 1);
        ngx_memset(key.value.data, 'A', len + 1);
        ngx_memcpy(key.value.data + 1, entry->key.value.data, len);
        ok(ngx_http_vcita_memo_find(memo, &key) == NULL,
           "%uz bytes: not with one more before", len);
    }

    key = test_memo_key(&test_memo_owner, 0, 1, 23);
    ok(ngx_http_vcita_memo_find(memo, &key) == NULL, "too short to be found");
    ok(ngx_http_vcita_memo_entry(memo, &key, 10, unit_log) == NULL,
       "too short to be kept");

    key = test_memo_key(&test_memo_owner, 0, 1, 30);
    ok(ngx_http_vcita_memo_entry(memo, &key, NGX_HTTP_VCITA_MEMO_SIZE / 16,
                                 unit_log) == NULL, "too long to be kept");

    entry = ngx_http_vcita_memo_entry(memo, &key, 10, unit_log);
    ok(ngx_http_vcita_memo_find(memo, &key) == NULL,
       "an entry that is not kept is not found");
    ngx_http_vcita_memo_release(entry);

    ngx_http_vcita_memo_destroy(memo);
}


unit_test(memo_bounds)
{
    size_t                        most;
    ngx_uint_t                    i, lost, over;
    ngx_http_vcita_memo_t        *memo;

    memo = ngx_http_vcita_memo_create(unit_log);

    /* the first one is in use all the time */

    for (i = 0; i < 1000; i++) {
        ngx_http_vcita_memo_release(test_memo_keep(memo, i, 40, 100));
        ok(test_memo_has(memo, 0, 40), "%ui: what is used stays", i);
    }

    is_int(memo->entries, NGX_HTTP_VCITA_MEMO_MAX, "the number is bounded");
    is_int(test_memo_counted(memo), NGX_HTTP_VCITA_MEMO_MAX,
           "and that of the table");

    lost = 0;

    for (i = 1000 - NGX_HTTP_VCITA_MEMO_MAX + 1; i < 1000; i++) {
        lost += !test_memo_has(memo, i, 40);
    }

    is_int(lost, 0, "the last ones are there");
    ok(!test_memo_has(memo, 1000 - NGX_HTTP_VCITA_MEMO_MAX, 40),
       "the one before is not");

    /* long ones */

    over = 0;
    most = 0;

    for (i = 1000; i < 2000; i++) {
        ngx_http_vcita_memo_release(test_memo_keep(memo, i, 4000 + i, 100));
        over += (memo->size > NGX_HTTP_VCITA_MEMO_SIZE);
        most = ngx_max(most, memo->size);
    }

    is_int(over, 0, "the bytes are bounded");
    ok(most > NGX_HTTP_VCITA_MEMO_SIZE - 8000, "and used");
    is_int(test_memo_counted(memo), memo->entries, "the table has as many");

    ngx_http_vcita_memo_destroy(memo);
}


/* an entry in use outlives its place; the memory is read under a sanitizer */

unit_test(memo_held)
{
    u_char                       *p;
    ngx_uint_t                    i;
    ngx_http_vcita_memo_t        *memo;
    ngx_http_vcita_memo_key_t     key;
    ngx_http_vcita_memo_entry_t  *entry, *again;

    memo = ngx_http_vcita_memo_create(unit_log);

    entry = test_memo_keep(memo, 1, 40, 100);
    p = entry->data;

    key = test_memo_key(&test_memo_owner, 0, 1, 40);
    again = ngx_http_vcita_memo_find(memo, &key);

    for (i = 2; i < 1000; i++) {
        ngx_http_vcita_memo_release(test_memo_keep(memo, i, 40, 100));
    }

    ok(!test_memo_has(memo, 1, 40), "pushed out");
    is_int(p[0], 1, "and still there for its users");

    ngx_http_vcita_memo_release(entry);
    is_int(p[0], 1, "for the last of them, too");

    ngx_http_vcita_memo_drop(memo, again);
    is_int(p[0], 1, "to be dropped again changes nothing");

    ngx_http_vcita_memo_release(again);

    entry = test_memo_keep(memo, 1, 40, 100);
    p = entry->data;

    ngx_http_vcita_memo_destroy(memo);
    is_int(p[0], 1, "an entry in use outlives the memo");
    ngx_http_vcita_memo_release(entry);
}


unit_test(memo_expire)
{
    ngx_http_vcita_memo_t        *memo;
    ngx_http_vcita_memo_entry_t  *entry;

    memo = ngx_http_vcita_memo_create(unit_log);

    is_int(ngx_http_vcita_memo_expire(memo, 5), 0, "nothing to end");

    ngx_http_vcita_memo_release(test_memo_keep(memo, 1, 40, 100));
    ngx_http_vcita_memo_release(test_memo_keep(memo, 2, 40, 50));
    entry = test_memo_keep(memo, 3, 40, 70);

    is_int(ngx_http_vcita_memo_expire(memo, 49), 50, "the first to end");
    is_int(memo->entries, 3, "all are there");
    is_int(ngx_http_vcita_memo_expire(memo, 50), 70, "the second");
    ok(!test_memo_has(memo, 2, 40), "the first has gone");
    is_int(ngx_http_vcita_memo_expire(memo, 99), 100, "the third");
    ok(!test_memo_has(memo, 3, 40), "one that is in use has gone as well");
    ngx_http_vcita_memo_release(entry);
    is_int(ngx_http_vcita_memo_expire(memo, 1000), 0, "none is left");
    is_int(memo->entries, 0, "none");
    is_int(memo->size, sizeof(ngx_http_vcita_memo_t) + 32, "no bytes");

    ngx_http_vcita_memo_destroy(memo);
}


/* a value of its own for each n */

static ngx_http_vcita_memo_key_t
test_memo_key(void *owner, ngx_uint_t kind, ngx_uint_t n, size_t len)
{
    ngx_http_vcita_memo_key_t  key;

    key.hash = 0;
    key.owner = owner;
    key.kind = kind;
    key.value = unit_room(len);

    ngx_memset(key.value.data, 'A', len);
    ngx_sprintf(key.value.data + len - 8, "%08ui", n);

    return key;
}


static ngx_http_vcita_memo_entry_t *
test_memo_keep(ngx_http_vcita_memo_t *memo, ngx_uint_t n, size_t len,
    time_t ends)
{
    ngx_http_vcita_memo_key_t     key;
    ngx_http_vcita_memo_entry_t  *entry;

    key = test_memo_key(&test_memo_owner, 0, n, len);

    if (ngx_http_vcita_memo_find(memo, &key)) {
        abort();
    }

    entry = ngx_http_vcita_memo_entry(memo, &key, 100, unit_log);
    if (entry == NULL) {
        abort();
    }

    ngx_memset(entry->data, (u_char) n, 100);

    ngx_http_vcita_memo_keep(memo, entry, ends);

    return entry;
}


static ngx_uint_t
test_memo_has(ngx_http_vcita_memo_t *memo, ngx_uint_t n, size_t len)
{
    ngx_http_vcita_memo_key_t     key;
    ngx_http_vcita_memo_entry_t  *entry;

    key = test_memo_key(&test_memo_owner, 0, n, len);

    entry = ngx_http_vcita_memo_find(memo, &key);

    if (entry == NULL) {
        return 0;
    }

    ngx_http_vcita_memo_release(entry);

    return 1;
}


static ngx_uint_t
test_memo_counted(ngx_http_vcita_memo_t *memo)
{
    ngx_uint_t                    i, n;
    ngx_http_vcita_memo_entry_t  *entry;

    n = 0;

    for (i = 0; i < NGX_HTTP_VCITA_MEMO_BUCKETS; i++) {

        for (entry = memo->buckets[i]; entry; entry = entry->next) {
            n++;
        }
    }

    return n;
}
