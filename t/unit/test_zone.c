
/*
 * The zone: what is put is found, ends in time, and goes in the right order
 * where there is no room.
 */


#include <ngx_config.h>
#include <ngx_core.h>

#include "util/ngx_http_vcita_seal.h"
#include "util/ngx_http_vcita_zone.h"
#include "unit.h"


#define TEST_ZONE_KEY   NGX_HTTP_VCITA_ZONE_KEY
#define TEST_ZONE_KEYS  300


typedef struct {
    time_t      ends;                              /* 0: it is not there */
    size_t      len;
    u_char      fill;
} test_zone_model_t;


static void test_zone_make(ngx_http_vcita_zone_t *zone, size_t size);
static void test_zone_free(ngx_http_vcita_zone_t *zone);
static void test_zone_key(ngx_uint_t n, u_char *key);
static ngx_int_t test_zone_put(ngx_http_vcita_zone_t *zone, ngx_uint_t n,
    time_t now, size_t len, time_t ttl);
static ngx_int_t test_zone_write(ngx_http_vcita_zone_t *zone, ngx_uint_t n,
    time_t now, size_t len, time_t ttl, ngx_uint_t provisional);
static ngx_int_t test_zone_put_provisional(ngx_http_vcita_zone_t *zone,
    ngx_uint_t n, time_t now, size_t len);
static ngx_int_t test_zone_get(ngx_http_vcita_zone_t *zone, ngx_uint_t n,
    time_t now, ngx_str_t *value);
static ngx_uint_t test_zone_is(ngx_http_vcita_zone_t *zone, ngx_uint_t n,
    time_t now, size_t len);
static ngx_uint_t test_zone_fill(ngx_http_vcita_zone_t *zone, ngx_uint_t first,
    time_t now, size_t len, time_t ttl);
static ngx_uint_t test_zone_model(ngx_http_vcita_zone_t *zone,
    test_zone_model_t *model, time_t *now);


unit_test(zone)
{
    size_t                  len;
    u_char                  key[TEST_ZONE_KEY], other[TEST_ZONE_KEY];
    ngx_str_t               value, got;
    ngx_uint_t              i;
    ngx_http_vcita_zone_t   zone;

    static size_t  lens[] = { 0, 1, 119, 120, 121, 239, 240, 241, 65535 };

    test_zone_make(&zone, 1024 * 1024);

    for (i = 0; i < sizeof(lens) / sizeof(lens[0]); i++) {
        len = lens[i];

        is_int(test_zone_get(&zone, i, 100, &got), NGX_DECLINED,
               "nothing is there before, %uz", len);
        is_int(test_zone_put(&zone, i, 100, len, 10), NGX_OK, "put, %uz",
               len);
        ok(test_zone_is(&zone, i, 100, len), "it is there, %uz", len);
    }

    for (i = 0; i < sizeof(lens) / sizeof(lens[0]); i++) {
        ok(test_zone_is(&zone, i, 109, lens[i]), "in its last second, %uz",
           lens[i]);
    }

    is_int(zone.sh->entries, i, "they are counted");

    is_int(test_zone_put(&zone, 3, 105, 500, 10), NGX_OK, "put over it");
    ok(test_zone_is(&zone, 3, 114, 500), "the new value, and its end");
    is_int(zone.sh->entries, i, "not one more");

    test_zone_key(0, key);
    ngx_http_vcita_zone_remove(&zone, key, 105);
    ngx_http_vcita_zone_remove(&zone, key, 105);
    is_int(test_zone_get(&zone, 0, 105, &got), NGX_DECLINED, "removed");
    is_int(zone.sh->entries, i - 1, "one less");

    for (i = 1; i < sizeof(lens) / sizeof(lens[0]); i++) {
        is_int(test_zone_get(&zone, i, 110, &got),
               (i == 3) ? NGX_OK : NGX_DECLINED, "ended, %ui", i);
        is_int(ngx_http_vcita_zone_has(&zone, (test_zone_key(i, key), key),
                                       110), (i == 3) ? NGX_OK : NGX_DECLINED,
               "it has none, %ui", i);
    }

    is_int(zone.sh->entries, 1, "those are gone");
    is_int(zone.sh->evicted, 0, "none before its time");

    /* keys that differ in one byte, wherever it is */

    ngx_memset(key, 'k', sizeof(key));
    value = unit_text("the first");
    is_int(ngx_http_vcita_zone_put(&zone, key, 200, &value, 10, 0), NGX_OK,
           "a key");

    for (i = 0; i < TEST_ZONE_KEY; i++) {
        ngx_memcpy(other, key, sizeof(key));
        other[i] ^= (i & 1) ? 0x80 : 0x01;

        is_int(ngx_http_vcita_zone_get(&zone, other, 200, unit_pool, &got),
               NGX_DECLINED, "another one, at %ui", i);

        value = unit_text("another");
        is_int(ngx_http_vcita_zone_put(&zone, other, 200, &value, 10, 0),
               NGX_OK, "another one, put");
        is_int(ngx_http_vcita_zone_get(&zone, other, 200, unit_pool, &got),
               NGX_OK, "another one, found");
        is_str(&got, "another", "its own value");
    }

    is_int(ngx_http_vcita_zone_get(&zone, key, 200, unit_pool, &got), NGX_OK,
           "the first is still there");
    is_str(&got, "the first", "its value");

    test_zone_free(&zone);
}


unit_test(zone_full)
{
    ngx_str_t               got;
    ngx_uint_t              i, n;
    ngx_http_vcita_zone_t   zone;

    test_zone_make(&zone, 8 * ngx_pagesize);

    n = test_zone_fill(&zone, 0, 1000, 300, 3600);
    note("%ui values of 300 bytes in 32k", n);

    ok(n >= 30, "it holds some");
    is_int(zone.sh->evicted, 1, "the last one has cost one");
    is_int(test_zone_get(&zone, 0, 1001, &got), NGX_DECLINED, "the first");

    /* within 10 s a use is none; then it is */

    (void) test_zone_get(&zone, 1, 1009, &got);
    (void) test_zone_get(&zone, 2, 1010, &got);
    (void) test_zone_get(&zone, 4, 1010, &got);

    for (i = 0; i < 4; i++) {
        is_int(test_zone_put(&zone, 10000 + i, 1011, 300, 3600), NGX_OK,
               "one more");
    }

    is_int(test_zone_get(&zone, 1, 1012, &got), NGX_DECLINED,
           "used too soon to count: it went first");
    is_int(test_zone_get(&zone, 3, 1012, &got), NGX_DECLINED, "not used");
    is_int(test_zone_get(&zone, 5, 1012, &got), NGX_DECLINED, "not used");
    is_int(test_zone_get(&zone, 6, 1012, &got), NGX_DECLINED, "not used");
    ok(test_zone_is(&zone, 2, 1012, 300), "used: it stays");
    ok(test_zone_is(&zone, 4, 1012, 300), "used: it stays, too");
    ok(test_zone_is(&zone, 7, 1012, 300), "the next in line");
    is_int(zone.sh->evicted, 5, "they are counted");

    /* a larger value takes the room of several, and one over itself of none */

    is_int(test_zone_put(&zone, 20000, 1030, 3000, 3600), NGX_OK, "larger");
    ok(test_zone_is(&zone, 20000, 1030, 3000), "all of it is there");
    ok(zone.sh->evicted > 10, "some had to go");

    i = zone.sh->evicted;
    is_int(test_zone_put(&zone, 20000, 1030, 3000, 3600), NGX_OK, "again");
    is_int(zone.sh->evicted, i, "nobody had to go");

    /* more than the zone has */

    is_int(test_zone_put(&zone, 30000, 1030, 60000, 3600), NGX_ERROR,
           "too large for it alone");
    is_int(test_zone_get(&zone, 30000, 1030, &got), NGX_DECLINED, "not there");

    test_zone_free(&zone);
}


unit_test(zone_ended_first)
{
    ngx_str_t               got;
    ngx_uint_t              i, n, left;
    ngx_http_vcita_zone_t   zone;

    test_zone_make(&zone, 8 * ngx_pagesize);

    /* the oldest three live long, all others end soon */

    for (i = 0; i < 3; i++) {
        (void) test_zone_put(&zone, i, 1000, 300, 3600);
    }

    n = test_zone_fill(&zone, 3, 1000, 300, 10);
    is_int(zone.sh->evicted, 1, "full");
    is_int(test_zone_get(&zone, 0, 1001, &got), NGX_DECLINED,
           "while none has ended, the least recently used goes");

    left = zone.sh->entries;
    is_int(left, n + 2, "%ui are there", left);

    /* one comes, three that have ended go */

    (void) test_zone_put(&zone, 5000, 1010, 300, 3600);
    is_int(zone.sh->entries, left - 2, "a few at a time");

    /* one that needs the room of many: those who live stay */

    (void) test_zone_put(&zone, 5001, 1010, 4000, 3600);
    is_int(zone.sh->evicted, 1, "nobody who lives had to go");
    ok(test_zone_is(&zone, 1, 1010, 300), "the oldest");
    ok(test_zone_is(&zone, 2, 1010, 300), "the next");

    for (i = 6000; i < 6000 + n - 20; i++) {
        (void) test_zone_put(&zone, i, 1010, 300, 3600);
    }

    is_int(zone.sh->evicted, 1, "and so for all that come");
    ok(test_zone_is(&zone, 1, 1010, 300), "the oldest");

    test_zone_free(&zone);
}


/* however many provisional ones come, the others keep three quarters */

unit_test(zone_provisional)
{
    ngx_str_t               got;
    ngx_uint_t              i, n, kept;
    ngx_http_vcita_zone_t   zone;

    test_zone_make(&zone, 8 * ngx_pagesize);

    for (i = 0; i < 3; i++) {
        (void) test_zone_put(&zone, i, 1000, 300, 3600);
    }

    for (i = 1000; i < 6000; i++) {
        (void) test_zone_put_provisional(&zone, i, 1000, 300);
    }

    n = zone.sh->entries;
    note("%ui values of 300 bytes in 32k", n);

    is_int(zone.sh->provisionals, n - 3, "they have the rest");
    is_int(zone.sh->evicted, 0, "no other one had to go");

    for (i = 0; i < 3; i++) {
        ok(test_zone_is(&zone, i, 1001, 300), "%ui is there", i);
    }

    is_int(test_zone_get(&zone, 6000 - n + 2, 1001, &got), NGX_DECLINED,
           "the oldest has gone");
    ok(test_zone_is(&zone, 6000 - n + 3, 1001, 300), "the next has not");

    /* a use does not help it, a second writing makes it one of the others */

    ok(test_zone_is(&zone, 6000 - n + 3, 1100, 300), "used");
    (void) test_zone_put(&zone, 6000 - n + 4, 1100, 300, 3600);
    is_int(zone.sh->provisionals, n - 4, "one less");

    for (i = 6000; i < 6000 + n; i++) {
        (void) test_zone_put_provisional(&zone, i, 1100, 300);
    }

    is_int(test_zone_get(&zone, 6000 - n + 3, 1101, &got), NGX_DECLINED,
           "the one that was used has gone");
    ok(test_zone_is(&zone, 6000 - n + 4, 1101, 300), "the other stays");
    is_int(zone.sh->evicted, 0, "no other one had to go");

    /* the others displace them down to a quarter, then each other */

    for (i = 10000; i < 10000 + 2 * n; i++) {
        (void) test_zone_put(&zone, i, 1100, 300, 3600);
    }

    is_int(zone.sh->provisionals, zone.sh->entries / 4, "a quarter");
    ok(test_zone_is(&zone, 6000 + n - 1, 1101, 300), "the last of them");
    ok(zone.sh->evicted > 0, "the others are counted");

    /* and they do not grow again beyond it */

    kept = zone.sh->evicted;

    for (i = 20000; i < 25000; i++) {
        (void) test_zone_put_provisional(&zone, i, 1100, 300);
    }

    ok(zone.sh->evicted - kept <= 1, "the others keep their three quarters");
    ok(test_zone_is(&zone, 10000 + 2 * n - 1, 1101, 300), "the last of them");

    /* those that are larger need the room of several */

    (void) test_zone_put(&zone, 30000, 1100, 10000, 3600);
    ok(test_zone_is(&zone, 30000, 1101, 10000), "a large one");
    is_int(zone.sh->provisionals, zone.sh->entries / 4, "a quarter still");

    is_int(test_zone_put(&zone, 30001, 1100, 60000, 3600), NGX_ERROR,
           "too large for it alone");
    is_int(zone.sh->entries, 0, "all have gone");
    is_int(zone.sh->provisionals, 0, "the provisional ones, too");

    test_zone_free(&zone);
}


unit_test(zone_random)
{
    time_t                   now;
    ngx_str_t                got;
    ngx_uint_t               i, bad, n;
    ngx_http_vcita_zone_t    zone;
    test_zone_model_t        model[TEST_ZONE_KEYS];

    test_zone_make(&zone, 1024 * 1024);

    n = test_zone_fill(&zone, 100000, 1, 1000, 10);
    (void) test_zone_put(&zone, 0, 100000, 0, 1);

    ngx_memzero(model, sizeof(model));

    now = 200000;
    bad = 0;

    for (i = 0; i < 30000; i++) {
        bad += test_zone_model(&zone, model, &now);
    }

    is_int(bad, 0, "30000 operations, as if the zone were a list");

    /* what was ended has left nothing behind */

    now += 1000;

    for (i = 0; i < TEST_ZONE_KEYS; i++) {
        (void) test_zone_get(&zone, i, now, &got);
    }

    while (zone.sh->entries > 1) {
        (void) test_zone_put(&zone, 0, now, 0, 1);
    }

    zone.sh->evicted = 0;

    is_int(test_zone_fill(&zone, 100000, now + 10, 1000, 10), n,
           "it holds as much as when it was new");

    test_zone_free(&zone);
}


/* a process that is killed while it holds the lock, and leaves chaos behind */

unit_test(zone_died)
{
    ngx_str_t                  got;
    ngx_uint_t                 i, n;
    ngx_slab_pool_t           *pool;
    ngx_http_vcita_zone_t      zone, other;

    test_zone_make(&zone, 8 * ngx_pagesize);

    pool = zone.pool;
    n = test_zone_fill(&zone, 0, 1000, 300, 3600);

    ngx_http_vcita_zone_lock(&zone);
    ngx_http_vcita_zone_unlock(&zone);
    ok(test_zone_is(&zone, n - 1, 1001, 300), "a lock changes nothing");

    ngx_http_vcita_zone_lock(&zone);
    (void) ngx_shmtx_force_unlock(&pool->mutex, ngx_pid);
    ngx_http_vcita_zone_lock(&zone);

    if (!is_int(zone.sh->entries, 0, "a lock that was never released")) {
        test_zone_free(&zone);
        return;
    }

    (void) test_zone_put(&zone, 1, 1001, 300, 3600);
    ngx_http_vcita_zone_unlock(&zone);

    for (i = 0; i < 3; i++) {
        ngx_http_vcita_zone_lock(&zone);

        zone.sh->rbtree.root->left = (ngx_rbtree_node_t *) 8;
        zone.sh->rbtree.root->right = (ngx_rbtree_node_t *) 8;
        zone.sh->expiry.root = (ngx_rbtree_node_t *) 8;
        zone.sh->queue.prev = (ngx_queue_t *) 8;
        pool->free.next = (ngx_slab_page_t *) 8;

        is_int(ngx_shmtx_force_unlock(&pool->mutex, ngx_pid), 1,
               "what the master does when a worker dies");

        /* another process has pointers of its own */

        ngx_memzero(&other, sizeof(ngx_http_vcita_zone_t));
        other.pool = pool;
        other.name = zone.name;

        ngx_http_vcita_zone_lock(&other);

        is_int(other.sh->entries, 0, "it is empty");
        is_int(test_zone_get(&other, n - 1, 1001, &got), NGX_DECLINED,
               "nothing is found");
        is_int(test_zone_put(&other, 7, 1001, 300, 3600), NGX_OK,
               "and it works");

        ngx_http_vcita_zone_unlock(&other);

        ngx_http_vcita_zone_lock(&zone);
        ok(test_zone_is(&zone, 7, 1001, 300), "for all");
        ngx_http_vcita_zone_unlock(&zone);
    }

    ngx_http_vcita_zone_lock(&zone);

    is_int(test_zone_fill(&zone, 10000, 1002, 300, 3600), n - 1,
           "it holds as much as before");

    ngx_http_vcita_zone_unlock(&zone);

    test_zone_free(&zone);
}


/* the largest value of which so many fit; a plain login takes about 300 */

unit_test(zone_50000)
{
    u_char                  key[TEST_ZONE_KEY], v[480];
    ngx_msec_t              start;
    ngx_str_t               value, got;
    ngx_uint_t              i, missing;
    ngx_http_vcita_zone_t   zone;

    ngx_memset(v, 'v', sizeof(v));

    value.data = v;
    value.len = sizeof(v);

    test_zone_make(&zone, 32 * 1024 * 1024);

    start = unit_clock();

    for (i = 0; i < 50000; i++) {
        test_zone_key(i, key);
        (void) ngx_http_vcita_zone_put(&zone, key, 1, &value, 3600, 0);
    }

    note("written in %M ms", unit_clock() - start);

    is_int(zone.sh->evicted, 0, "50,000 values of 480 bytes fit in 32 MiB");
    is_int(zone.sh->entries, 50000, "all are there");

    missing = 0;

    for (i = 0; i < 50000; i++) {
        ngx_reset_pool(unit_pool);
        missing += (test_zone_get(&zone, i, 3600, &got) != NGX_OK
                    || got.len != sizeof(v));
    }

    is_int(missing, 0, "all are found");

    while (zone.sh->evicted == 0) {
        test_zone_key(i++, key);
        value.len = 300;
        (void) ngx_http_vcita_zone_put(&zone, key, 1, &value, 3600, 0);
    }

    note("%ui of them before the first had to go", zone.sh->entries);

    test_zone_free(&zone);
}


static void
test_zone_make(ngx_http_vcita_zone_t *zone, size_t size)
{
    ngx_slab_pool_t  *pool;

    pool = ngx_memalign(ngx_pagesize, size, unit_log);

    if (pool == NULL) {
        abort();
    }

    ngx_memzero(pool, sizeof(ngx_slab_pool_t));

    pool->end = (u_char *) pool + size;
    pool->min_shift = 3;
    pool->addr = pool;

    ngx_slab_init(pool);

    if (ngx_shmtx_create(&pool->mutex, &pool->lock, NULL) != NGX_OK) {
        abort();
    }

    zone->pool = pool;
    ngx_str_set(&zone->name, "unit");

    if (ngx_http_vcita_zone_init(zone) != NGX_OK) {
        abort();
    }
}


static void
test_zone_free(ngx_http_vcita_zone_t *zone)
{
    ngx_shmtx_destroy(&zone->pool->mutex);
    ngx_free(zone->pool);
}


static void
test_zone_key(ngx_uint_t n, u_char *key)
{
    ngx_str_t  text;

    text.data = (u_char *) &n;
    text.len = sizeof(n);

    (void) ngx_http_vcita_hash_sha256(&text, key);
}


static ngx_int_t
test_zone_put(ngx_http_vcita_zone_t *zone, ngx_uint_t n, time_t now,
    size_t len, time_t ttl)
{
    return test_zone_write(zone, n, now, len, ttl, 0);
}


static ngx_int_t
test_zone_put_provisional(ngx_http_vcita_zone_t *zone, ngx_uint_t n,
    time_t now, size_t len)
{
    return test_zone_write(zone, n, now, len, 300, 1);
}


static ngx_int_t
test_zone_write(ngx_http_vcita_zone_t *zone, ngx_uint_t n, time_t now,
    size_t len, time_t ttl, ngx_uint_t provisional)
{
    u_char     key[TEST_ZONE_KEY];
    ngx_int_t  rc;
    ngx_str_t  value;

    value.len = len;
    value.data = ngx_alloc(len + 1, unit_log);

    if (value.data == NULL) {
        abort();
    }

    ngx_memset(value.data, (u_char) n, len);
    test_zone_key(n, key);

    rc = ngx_http_vcita_zone_put(zone, key, now, &value, ttl, provisional);

    ngx_free(value.data);

    return rc;
}


static ngx_int_t
test_zone_get(ngx_http_vcita_zone_t *zone, ngx_uint_t n, time_t now,
    ngx_str_t *value)
{
    u_char  key[TEST_ZONE_KEY];

    test_zone_key(n, key);

    return ngx_http_vcita_zone_get(zone, key, now, unit_pool, value);
}


/* the value of a key is its number, so many times */

static ngx_uint_t
test_zone_is(ngx_http_vcita_zone_t *zone, ngx_uint_t n, time_t now, size_t len)
{
    size_t     i;
    ngx_str_t  value;

    if (test_zone_get(zone, n, now, &value) != NGX_OK || value.len != len) {
        return 0;
    }

    for (i = 0; i < len; i++) {

        if (value.data[i] != (u_char) n) {
            return 0;
        }
    }

    return 1;
}


/* puts values until the first one has to go; returns how many there were */

static ngx_uint_t
test_zone_fill(ngx_http_vcita_zone_t *zone, ngx_uint_t first, time_t now,
    size_t len, time_t ttl)
{
    ngx_uint_t  n;

    for (n = 0; zone->sh->evicted == 0; n++) {

        if (test_zone_put(zone, first + n, now, len, ttl) != NGX_OK) {
            abort();
        }
    }

    return n;
}


/* one operation on both; returns 1 if they say different things */

static ngx_uint_t
test_zone_model(ngx_http_vcita_zone_t *zone, test_zone_model_t *model,
    time_t *now)
{
    u_char              key[TEST_ZONE_KEY];
    ngx_uint_t          n;
    test_zone_model_t  *m;

    ngx_reset_pool(unit_pool);

    n = unit_random(TEST_ZONE_KEYS);
    m = &model[n];

    *now += (unit_random(10) == 0);

    switch (unit_random(4)) {

    case 0:
        m->len = unit_random(unit_random(20) ? 700 : 5000);
        m->ends = *now + 1 + unit_random(200);

        return test_zone_put(zone, n, *now, m->len, m->ends - *now) != NGX_OK;

    case 1:
        m->ends = 0;

        test_zone_key(n, key);
        ngx_http_vcita_zone_remove(zone, key, *now);

        return 0;

    default:
        return test_zone_is(zone, n, *now, m->len) != (m->ends > *now);
    }
}
