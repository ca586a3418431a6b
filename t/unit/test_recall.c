
/*
 * What a worker remembers: for a second from when it was asked for, of a
 * limited size, and nothing that was dropped.
 */


#include <ngx_config.h>
#include <ngx_core.h>

#include "net/ngx_http_vcita_redis.h"
#include "unit.h"


#define TEST_RECALL_TIME  NGX_HTTP_VCITA_REDIS_CACHE_TIME
#define TEST_RECALL_KEYS  64


static u_char *test_recall_key(ngx_uint_t n);
static ngx_int_t test_recall_has(ngx_http_vcita_redis_cache_t *cache,
    ngx_uint_t n, ngx_msec_t now, const char *text);
static void test_recall_keep(ngx_http_vcita_redis_cache_t *cache, ngx_uint_t n,
    ngx_msec_t since, ngx_msec_t now, const char *text);


unit_test(cache)
{
    ngx_msec_t                    t;
    ngx_uint_t                    i;
    ngx_http_vcita_redis_cache_t  cache;

    ngx_http_vcita_redis_cache_init(&cache);

    /* just before the clock turns over, too */

    for (i = 0; i < 2; i++) {
        t = i ? (ngx_msec_t) -500 : 5000;

        is_int(test_recall_has(&cache, 1, t, NULL), 1, "nothing is known");

        test_recall_keep(&cache, 1, t, t + 100, "one");
        test_recall_keep(&cache, 2, t + 200, t + 300, "");

        is_int(test_recall_has(&cache, 1, t + 300, "one"), 1, "a value");
        is_int(test_recall_has(&cache, 2, t + 300, ""), 1, "an empty one");
        is_int(test_recall_has(&cache, 3, t + 300, NULL), 1, "another key");

        is_int(test_recall_has(&cache, 1, t + TEST_RECALL_TIME - 1, "one"), 1,
               "for a second");
        is_int(test_recall_has(&cache, 1, t + TEST_RECALL_TIME, NULL), 1,
               "from when it was asked for, not from when it came");
        is_int(test_recall_has(&cache, 2, t + TEST_RECALL_TIME, ""), 1,
               "each by itself");

        test_recall_keep(&cache, 3, t, t + TEST_RECALL_TIME, "late");
        is_int(test_recall_has(&cache, 3, t + TEST_RECALL_TIME, NULL), 1,
               "what took a second is not kept");

        test_recall_keep(&cache, 4, t + 1000, t + 1000, "old");
        test_recall_keep(&cache, 4, t + 1010, t + 1010, "new");
        is_int(test_recall_has(&cache, 4, t + 1020, "new"), 1,
               "the newer value counts");

        ngx_http_vcita_redis_cache_drop(&cache, test_recall_key(4));
        is_int(test_recall_has(&cache, 4, t + 1020, NULL), 1,
               "what is dropped is gone");
        ngx_http_vcita_redis_cache_drop(&cache, test_recall_key(4));

        ngx_http_vcita_redis_cache_clear(&cache);
        is_int(cache.size, 0, "nothing is left");
        ok(ngx_queue_empty(&cache.queue), "in the queue");
        ok(cache.rbtree.root == cache.rbtree.sentinel, "or in the tree");
    }
}


unit_test(recall_size)
{
    ngx_str_t                     value;
    ngx_uint_t                    i, n;
    ngx_http_vcita_redis_cache_t  cache;

    ngx_http_vcita_redis_cache_init(&cache);

    value = unit_room(65535);
    ngx_memset(value.data, 'x', value.len);

    for (i = 0; i < 1000; i++) {
        ngx_http_vcita_redis_cache_put(&cache, test_recall_key(i), 10, 10,
                                       &value);
    }

    ok(cache.size <= NGX_HTTP_VCITA_REDIS_CACHE_SIZE, "8 megabytes");
    ok(cache.size + 70000 > NGX_HTTP_VCITA_REDIS_CACHE_SIZE, "all of them");

    n = 0;

    for (i = 0; i < 1000; i++) {
        n += (ngx_http_vcita_redis_cache_find(&cache, test_recall_key(i), 10,
                                              &value)
              == NGX_OK);
    }

    is_int(n, NGX_HTTP_VCITA_REDIS_CACHE_SIZE / 65700, "so many");
    is_int(ngx_http_vcita_redis_cache_find(&cache, test_recall_key(999), 10,
                                           &value),
           NGX_OK, "the last one is there");
    is_int(ngx_http_vcita_redis_cache_find(&cache, test_recall_key(0), 10,
                                           &value), NGX_DECLINED,
           "the oldest has gone");

    test_recall_keep(&cache, 0, 2000, 2000, "x");
    ok(cache.size < 1000, "what is over leaves when something new comes");

    ngx_http_vcita_redis_cache_clear(&cache);
    is_int(cache.size, 0, "nothing is left");
}


/* against a plain table */

unit_test(recall_random)
{
    u_char                        c;
    ngx_msec_t                    now, since[TEST_RECALL_KEYS];
    ngx_str_t                     value;
    ngx_int_t                     rc;
    ngx_uint_t                    i, n, bad;
    u_char                        kept[TEST_RECALL_KEYS];
    ngx_http_vcita_redis_cache_t  cache;

    ngx_http_vcita_redis_cache_init(&cache);
    ngx_memzero(kept, sizeof(kept));
    ngx_memzero(since, sizeof(since));

    bad = 0;
    now = 100000;

    for (i = 0; i < 50000; i++) {
        now += unit_random(40);
        n = unit_random(TEST_RECALL_KEYS);

        switch (unit_random(4)) {

        case 0:
            c = (u_char) (1 + unit_random(255));
            value.data = &c;
            value.len = 1;

            kept[n] = c;
            since[n] = now;

            ngx_http_vcita_redis_cache_put(&cache, test_recall_key(n), now, now,
                                           &value);
            break;

        case 1:
            kept[n] = 0;
            ngx_http_vcita_redis_cache_drop(&cache, test_recall_key(n));
            break;

        default:
            rc = ngx_http_vcita_redis_cache_find(&cache, test_recall_key(n),
                                                 now, &value);

            if (kept[n] && now - since[n] < TEST_RECALL_TIME) {
                bad += (rc != NGX_OK || value.len != 1
                        || value.data[0] != kept[n]);

            } else {
                bad += (rc != NGX_DECLINED);
            }
        }
    }

    is_int(bad, 0, "as a plain table");

    ngx_http_vcita_redis_cache_clear(&cache);
    is_int(cache.size, 0, "nothing is left");
}


/* keys that begin alike are told apart, too */

static u_char *
test_recall_key(ngx_uint_t n)
{
    static u_char  key[NGX_HTTP_VCITA_REDIS_CACHE_KEY];

    ngx_memzero(key, sizeof(key));

    key[0] = (u_char) (n % 3);
    key[30] = (u_char) (n >> 8);
    key[31] = (u_char) n;

    return key;
}


static ngx_int_t
test_recall_has(ngx_http_vcita_redis_cache_t *cache, ngx_uint_t n,
    ngx_msec_t now, const char *text)
{
    ngx_int_t  rc;
    ngx_str_t  value, want;

    rc = ngx_http_vcita_redis_cache_find(cache, test_recall_key(n), now,
                                         &value);
    if (text == NULL) {
        return rc == NGX_DECLINED;
    }

    want = unit_text(text);

    return rc == NGX_OK && unit_same(&value, &want);
}


static void
test_recall_keep(ngx_http_vcita_redis_cache_t *cache, ngx_uint_t n,
    ngx_msec_t since, ngx_msec_t now, const char *text)
{
    ngx_str_t  value;

    value = unit_text(text);

    ngx_http_vcita_redis_cache_put(cache, test_recall_key(n), since, now,
                                   &value);
}
