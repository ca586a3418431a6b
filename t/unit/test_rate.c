
/*
 * The paces of more client_ids than there is room for.
 */


#include <ngx_config.h>
#include <ngx_core.h>

#include "session/ngx_http_vcita_rate.h"
#include "unit.h"


#define TEST_RATE_PACES  256
#define TEST_RATE_ROOM   (256 * 1024)


static ngx_int_t test_rate_call(ngx_http_vcita_rate_t *rate, ngx_uint_t n);


unit_test(rate_paces)
{
    ngx_msec_t              now;
    ngx_uint_t              i, n;
    ngx_shm_zone_t          zone;
    ngx_http_vcita_rate_t   rate, slower;

    now = ngx_current_msec;
    ngx_current_msec = 1000000;

    unit_zone(&zone, TEST_RATE_ROOM);

    /* one call in 1.1 s */

    ngx_memzero(&rate, sizeof(ngx_http_vcita_rate_t));

    rate.calls = 1;
    rate.window = 1000 + NGX_HTTP_VCITA_RATE_SLACK;
    rate.zone = &zone;

    n = 0;

    for (i = 0; i < TEST_RATE_PACES; i++) {
        n += (test_rate_call(&rate, i) == NGX_OK);
        ngx_current_msec++;
    }

    is_int(n, TEST_RATE_PACES, "each client_id has a slot of its own");

    n = 0;

    for (i = 0; i < TEST_RATE_PACES; i++) {
        n += (test_rate_call(&rate, i) == NGX_BUSY);
        ngx_current_msec++;
    }

    is_int(n, TEST_RATE_PACES, "and no second one within the window");

    /* one more takes the pace that was not used for longest, which is lost */

    is_int(test_rate_call(&rate, 1000), NGX_OK, "one client_id more");
    ngx_current_msec++;
    is_int(test_rate_call(&rate, 1000), NGX_BUSY, "has a pace, too");
    ngx_current_msec++;
    is_int(test_rate_call(&rate, 1), NGX_BUSY, "the others keep theirs");
    is_int(test_rate_call(&rate, 255), NGX_BUSY, "all of them");
    is_int(test_rate_call(&rate, 0), NGX_OK, "but for the first");

    /* a client_id that goes on calling keeps its pace, whatever comes */

    n = 0;
    ngx_current_msec += 2000;
    (void) test_rate_call(&rate, 7);

    for (i = 0; i < 1000; i++) {
        ngx_current_msec++;
        (void) test_rate_call(&rate, 2000 + i);
        n += (test_rate_call(&rate, 7) != NGX_BUSY);
    }

    is_int(n, 0, "a thousand client_ids give it no slot");
    ngx_current_msec += 100;
    is_int(test_rate_call(&rate, 7), NGX_OK, "its window does");

    /* another rate of a client_id is another pace: a reload */

    slower = rate;
    slower.window = 5000;
    is_int(test_rate_call(&slower, 7), NGX_OK, "a new worker's");
    ngx_current_msec += 1101;
    is_int(test_rate_call(&rate, 7), NGX_OK, "an old worker's");
    is_int(test_rate_call(&slower, 7), NGX_BUSY, "they mix nothing");

    ngx_current_msec = now;
    unit_zone_destroy(&zone);
}


/* a call at once, or none */

static ngx_int_t
test_rate_call(ngx_http_vcita_rate_t *rate, ngx_uint_t n)
{
    ngx_http_vcita_rate_ask_t  ask;

    ngx_memzero(&ask, sizeof(ngx_http_vcita_rate_ask_t));

    ask.rate = rate;
    ask.n = 1;
    ask.client_id.data = (u_char *) &n;
    ask.client_id.len = sizeof(n);

    return ngx_http_vcita_rate_reserve(&ask);
}
