
/*
 * Slots that Redis grants, beside those of this machine.  Redis is this file.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_event.h>

#if (NGX_HTTP_VCITA_REDIS)

#include "session/ngx_http_vcita_rate_redis.h"
#include "unit.h"


#define TEST_RATE_REDIS_ROOM  (256 * 1024)


static void test_rate_redis_make(ngx_http_vcita_rate_t *rate,
    ngx_shm_zone_t *zone);
static ngx_int_t test_rate_redis_reserve(ngx_http_vcita_rate_ask_t *ask,
    ngx_uint_t n, const char *reply);
static void test_rate_redis_handler(ngx_http_vcita_rate_ask_t *ask);


static ngx_http_vcita_redis_pt   test_rate_redis_replied;
static void                     *test_rate_redis_data;
static ngx_uint_t                test_rate_redis_down;
static ngx_uint_t                test_rate_redis_released;
static ngx_uint_t                test_rate_redis_handled;
static ngx_str_t                 test_rate_redis_prefix = ngx_string("vcita:");


unit_test(rate_redis)
{
    ngx_str_t                   id;
    ngx_uint_t                  i, n;
    ngx_msec_t                  now, last;
    ngx_conf_t                  cf;
    ngx_shm_zone_t              zone;
    ngx_http_vcita_rate_t       rate;
    ngx_http_vcita_store_t      store;
    ngx_http_vcita_rate_ask_t   ask;

    now = ngx_current_msec;
    ngx_current_msec = 1000000;

    ngx_event_timer_init(unit_log);

    ngx_memzero(&cf, sizeof(ngx_conf_t));
    ngx_memzero(&store, sizeof(ngx_http_vcita_store_t));

    cf.pool = unit_pool;
    ngx_str_set(&id, "app1");
    ngx_str_set(&store.name, "redis://test");

    test_rate_redis_make(&rate, &zone);
    ngx_http_vcita_rate_redis_add(&cf, &rate, &id, &store);

    ngx_memzero(&ask, sizeof(ngx_http_vcita_rate_ask_t));
    ask.rate = &rate;
    ask.client_id = id;
    ask.handler = test_rate_redis_handler;

    /* what it grants is taken as it is, in any order */

    is_int(test_rate_redis_reserve(&ask, 2, "0 5000 137 5137"), NGX_OK,
           "granted");
    is_int(ask.slots[0].delay, 0, "at once");
    is_int(ask.slots[1].delay, 137, "and later");

    is_int(test_rate_redis_reserve(&ask, 1, "20000 25000"), NGX_OK, "far away");
    is_int(test_rate_redis_reserve(&ask, 1, "3 5003"), NGX_OK, "a released");
    is_int(ask.slots[0].delay, 3, "is not delayed by it");

    is_int(test_rate_redis_reserve(&ask, 1, "26000"), NGX_BUSY, "no slot");
    is_int(ask.slots[0].delay, 26000, "before that");

    /* a reply that waits for its caller ages */

    ask.n = 1;
    ask.patience = 25000;
    is_int(ngx_http_vcita_rate_reserve(&ask), NGX_AGAIN, "asked");
    test_rate_redis_reserve(&ask, 0, "50 5050");
    ngx_current_msec += 30;
    is_int(ngx_http_vcita_rate_reserve(&ask), NGX_OK, "30 ms later");
    is_int(ask.slots[0].delay, 20, "20 ms are left");

    /* a question that is cancelled, before and after its reply */

    test_rate_redis_released = 0;
    test_rate_redis_handled = 0;

    ask.n = 2;
    is_int(ngx_http_vcita_rate_reserve(&ask), NGX_AGAIN, "asked");
    ngx_http_vcita_rate_cancel(&ask);
    test_rate_redis_reserve(&ask, 0, "0 5000 137 5137");
    is_int(test_rate_redis_released, 2, "both slots are released");
    is_int(test_rate_redis_handled, 0, "and the caller hears nothing");

    is_int(ngx_http_vcita_rate_reserve(&ask), NGX_AGAIN, "asked");
    test_rate_redis_reserve(&ask, 0, "0 5000 137 5137");
    ngx_http_vcita_rate_cancel(&ask);
    is_int(test_rate_redis_released, 4, "released after the reply, too");
    ngx_http_vcita_rate_cancel(&ask);
    is_int(test_rate_redis_released, 4, "once");

    /* Redis fails: the pace knows the calls that it had granted */

    ngx_current_msec += 60000;

    for (i = 0; i < 8; i++) {
        test_rate_redis_reserve(&ask, 1, "0 5000");
    }

    test_rate_redis_down = 1;
    last = 0;
    n = 0;

    for (i = 0; i < 16; i++) {
        is_int(test_rate_redis_reserve(&ask, 1, NULL), NGX_OK, "slot %ui", i);
        n += (i < 8 && ask.slots[0].delay < 1000);
        last = ask.slots[0].delay;
    }

    is_int(n, 0, "none within the window of the last eight");

    /* it is back, and empty: nothing comes before what was reserved */

    test_rate_redis_down = 0;
    n = 0;

    for (i = 0; i < 16; i++) {
        is_int(test_rate_redis_reserve(&ask, 1, "0 5000"), NGX_OK, "granted");
        n += (ask.slots[0].delay < last);
        last = ask.slots[0].delay;
    }

    is_int(n, 0, "no burst");

    ngx_current_msec += 60000;
    is_int(test_rate_redis_reserve(&ask, 1, "0 5000"), NGX_OK, "much later");
    is_int(ask.slots[0].delay, 0, "at once");

    ngx_current_msec = now;
    ngx_shmtx_destroy(&((ngx_slab_pool_t *) zone.shm.addr)->mutex);
}


/* 8r/s fleet */

static void
test_rate_redis_make(ngx_http_vcita_rate_t *rate, ngx_shm_zone_t *zone)
{
    ngx_slab_pool_t  *pool;

    pool = ngx_pcalloc(unit_pool, sizeof(ngx_slab_pool_t));
    pool->data = ngx_pcalloc(unit_pool, TEST_RATE_REDIS_ROOM);

    if (ngx_shmtx_create(&pool->mutex, &pool->lock, NULL) != NGX_OK) {
        abort();
    }

    ngx_memzero(zone, sizeof(ngx_shm_zone_t));

    zone->shm.addr = (u_char *) pool;

    ngx_memzero(rate, sizeof(ngx_http_vcita_rate_t));

    rate->calls = 8;
    rate->window = 1000 + NGX_HTTP_VCITA_RATE_SLACK;
    rate->zone = zone;
    rate->fleet = ngx_array_create(unit_pool, 1, sizeof(void *));
}


/* asks, unless n is 0, and replies; no reply: Redis is down */

static ngx_int_t
test_rate_redis_reserve(ngx_http_vcita_rate_ask_t *ask, ngx_uint_t n,
    const char *text)
{
    ngx_int_t                      rc;
    ngx_http_vcita_redis_reply_t   reply;

    if (n) {
        ask->n = n;
        ask->patience = 25000;

        rc = ngx_http_vcita_rate_reserve(ask);

        if (rc != NGX_AGAIN) {
            return rc;
        }
    }

    reply.type = NGX_HTTP_VCITA_REDIS_REPLY_STRING;
    reply.text.data = (u_char *) text;
    reply.text.len = ngx_strlen(text);

    test_rate_redis_replied(test_rate_redis_data, &reply);

    return n ? ngx_http_vcita_rate_reserve(ask) : NGX_OK;
}


static void
test_rate_redis_handler(ngx_http_vcita_rate_ask_t *ask)
{
    test_rate_redis_handled++;
}


/* Redis */

ngx_http_vcita_redis_t *
ngx_http_vcita_store_redis_server(ngx_http_vcita_store_t *store,
    ngx_str_t **prefix)
{
    *prefix = &test_rate_redis_prefix;

    return (ngx_http_vcita_redis_t *) store;
}


ngx_http_vcita_redis_pending_t *
ngx_http_vcita_redis_send(ngx_http_vcita_redis_t *redis, ngx_str_t *words,
    ngx_uint_t n, ngx_uint_t again, ngx_http_vcita_redis_pt handler,
    void *data)
{
    if (test_rate_redis_down) {
        return NULL;
    }

    if (handler == NULL) {
        test_rate_redis_released++;

    } else {
        test_rate_redis_replied = handler;
        test_rate_redis_data = data;
    }

    return (ngx_http_vcita_redis_pending_t *) redis;
}


void
ngx_http_vcita_redis_refused(ngx_http_vcita_redis_t *redis,
    ngx_http_vcita_redis_reply_t *reply)
{
}

#endif
