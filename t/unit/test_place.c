
/*
 * Places of callbacks: how many of one login cookie are inside, and what
 * happens when the table is full.
 */


#include <ngx_config.h>
#include <ngx_core.h>

#include "session/ngx_http_vcita_place.h"
#include "unit.h"


#define TEST_PLACE_LEASES  4096
#define TEST_PLACE_LIFE    60000
#define TEST_PLACE_ROOM    (256 * 1024)


static void test_place_of(ngx_http_vcita_place_t *place,
    ngx_http_vcita_places_t *places, u_char *key, ngx_uint_t n);


unit_test(place_full)
{
    u_char                    key[16], other[16];
    ngx_msec_t                now;
    ngx_uint_t                i, inside;
    ngx_shm_zone_t            zone;
    ngx_http_vcita_place_t    one[17], place, *many;
    ngx_http_vcita_places_t   places;

    now = ngx_current_msec;
    ngx_current_msec = 1000000;

    unit_zone(&zone, TEST_PLACE_ROOM);
    places.zone = &zone;

    for (i = 0; i < 17; i++) {
        test_place_of(&one[i], &places, key, 7);
        is_int(ngx_http_vcita_place_ask(&one[i]),
               i < 4 ? NGX_OK : i < 16 ? NGX_AGAIN : NGX_BUSY,
               "callback %ui of one cookie", i);
    }

    many = ngx_pcalloc(unit_pool, (TEST_PLACE_LEASES - 16)
                                  * sizeof(ngx_http_vcita_place_t));
    inside = 0;

    for (i = 0; i < TEST_PLACE_LEASES - 16; i++) {
        test_place_of(&many[i], &places, other, 1000 + i);
        inside += (ngx_http_vcita_place_ask(&many[i]) == NGX_OK
                   && many[i].number);
    }

    is_int(inside, TEST_PLACE_LEASES - 16, "the table is full of others");

    /* those that cannot be counted go on as if they were alone */

    inside = 0;

    for (i = 0; i < 20; i++) {
        test_place_of(&place, &places, other, 1);
        inside += (ngx_http_vcita_place_ask(&place) == NGX_OK
                   && place.number == 0);
        ngx_http_vcita_place_leave(&place);
    }

    is_int(inside, 20, "twenty of one cookie go on, uncounted");

    /* those that were counted before stay so */

    is_int(ngx_http_vcita_place_ask(&one[16]), NGX_BUSY, "no seventeenth");
    is_int(ngx_http_vcita_place_ask(&one[4]), NGX_AGAIN, "the fifth waits");
    ngx_http_vcita_place_leave(&one[0]);
    is_int(ngx_http_vcita_place_ask(&one[4]), NGX_OK, "and comes inside");
    is_int(ngx_http_vcita_place_ask(&one[5]), NGX_AGAIN, "the sixth waits");

    /* one place is free again */

    test_place_of(&place, &places, other, 2);
    is_int(ngx_http_vcita_place_ask(&place), NGX_OK, "another cookie");
    ok(place.number, "is counted");

    test_place_of(&place, &places, other, 3);
    is_int(ngx_http_vcita_place_ask(&place), NGX_OK, "the next");
    is_int(place.number, 0, "is not");

    /* leases that were not renewed are over */

    ngx_current_msec += TEST_PLACE_LIFE - 1;
    is_int(ngx_http_vcita_place_ask(&one[6]), NGX_AGAIN, "one is renewed");
    ngx_current_msec += 2;

    for (i = 0; i < 5; i++) {
        test_place_of(&place, &places, other, 4);
        is_int(ngx_http_vcita_place_ask(&place), i < 4 ? NGX_OK : NGX_AGAIN,
               "callback %ui of a new cookie", i);
        ok(place.number, "is counted");
    }

    is_int(ngx_http_vcita_place_ask(&one[6]), NGX_OK,
           "the one that was renewed has no others before it");

    ngx_current_msec = now;
    unit_zone_destroy(&zone);
}


static void
test_place_of(ngx_http_vcita_place_t *place, ngx_http_vcita_places_t *places,
    u_char *key, ngx_uint_t n)
{
    ngx_memzero(place, sizeof(ngx_http_vcita_place_t));
    ngx_memzero(key, 16);
    ngx_memcpy(key, &n, sizeof(n));

    place->places = places;
    place->key = key;
    place->log = unit_log;
    place->life = TEST_PLACE_LIFE;
}
