
/*
 * Copyright (C) the vcita OAuth gate authors
 *
 * How long a session lives: by its own end, by what the configuration gives
 * it, and by when it was last seen.  Times are seconds.
 * May touch a session's times.
 */


#include <ngx_config.h>
#include <ngx_core.h>

#include "ngx_http_vcita_oauth_life.h"
#include "ngx_http_vcita_oauth_text.h"


/*
 * The seconds that a session still has, 0: it is over.  "timeout" is the
 * longest life that the configuration gives a session now, whatever it was
 * given then, and "idle" the longest time between two navigations, 0 for any.
 */

time_t
ngx_http_vcita_oauth_life_left(ngx_http_vcita_oauth_session_t *s,
    time_t now, time_t timeout, time_t idle)
{
    time_t  left, created, seen;

    created = ngx_http_vcita_oauth_text_time(s->created / 1000);
    seen = s->seen ? s->seen : created;

    if (created > now + NGX_HTTP_VCITA_OAUTH_SKEW
        || seen > now + NGX_HTTP_VCITA_OAUTH_SKEW)
    {
        return 0;
    }

    /* by a clock that is ahead of ours: it counts as now */

    created = ngx_min(created, now);
    seen = ngx_min(seen, now);

    left = ngx_min(s->expires - now, timeout - (now - created));

    if (idle) {
        left = ngx_min(left, idle - (now - seen));
    }

    return ngx_max(left, 0);
}


/*
 * Whether a navigation makes an idle time of so many seconds begin anew: at
 * most once in a tenth of it, since each time costs a cookie
 */

ngx_uint_t
ngx_http_vcita_oauth_life_slides(ngx_http_vcita_oauth_session_t *s,
    time_t now, time_t idle)
{
    time_t  seen;

    seen = s->seen ? s->seen
                   : ngx_http_vcita_oauth_text_time(s->created / 1000);

    return idle && now - seen > idle / 10;
}
