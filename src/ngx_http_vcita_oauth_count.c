
/*
 * Copyright (C) the vcita OAuth gate authors
 *
 * The counting: what happens to requests, logins and calls, for the status
 * page.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "ngx_http_vcita_oauth.h"
#include "ngx_http_vcita_oauth_count.h"


static ngx_uint_t ngx_http_vcita_oauth_call_outcome(
    ngx_http_vcita_oauth_fetch_t *f);


/* The counters of this worker */

ngx_http_vcita_oauth_stats_t *
ngx_http_vcita_oauth_counters(ngx_http_request_t *r)
{
    ngx_http_vcita_oauth_main_conf_t  *vmcf;

    vmcf = ngx_http_get_module_main_conf(r, ngx_http_vcita_oauth_module);

    return ngx_http_vcita_oauth_stats(&vmcf->statistics);
}


/* Counts a login that has failed, by its reason */

void
ngx_http_vcita_oauth_count_failure(ngx_http_request_t *r, ngx_str_t *error)
{
    ngx_uint_t                     reason;
    ngx_http_vcita_oauth_stats_t  *stats;

    stats = ngx_http_vcita_oauth_counters(r);
    reason = ngx_http_vcita_oauth_reason(error);

    ngx_http_vcita_oauth_stats_add(stats->logins_failed[reason], 1);
}


/* Counts a session that has begun, by where it lives */

void
ngx_http_vcita_oauth_count_session(ngx_http_request_t *r,
    ngx_http_vcita_oauth_app_t *app)
{
    ngx_uint_t                     where;
    ngx_http_vcita_oauth_stats_t  *stats;

    where = app->storage.store ? app->storage.store->type->where
                               : NGX_HTTP_VCITA_OAUTH_IN_COOKIE;

    stats = ngx_http_vcita_oauth_counters(r);

    ngx_http_vcita_oauth_stats_add(stats->logins_finished, 1);
    ngx_http_vcita_oauth_stats_add(stats->sessions[where], 1);
}


/* A call to vcita begins; it ends by ..._called() or ..._call_given_up() */

void
ngx_http_vcita_oauth_calling(ngx_http_request_t *r)
{
    ngx_http_vcita_oauth_stats_t  *stats;

    stats = ngx_http_vcita_oauth_counters(r);

    ngx_http_vcita_oauth_stats_add(stats->in_flight, 1);
}


void
ngx_http_vcita_oauth_called(ngx_http_request_t *r, ngx_uint_t endpoint,
    ngx_http_vcita_oauth_fetch_t *f)
{
    ngx_http_vcita_oauth_stats_t  *stats;

    stats = ngx_http_vcita_oauth_counters(r);

    ngx_http_vcita_oauth_stats_add(stats->in_flight, -1);
    ngx_http_vcita_oauth_stats_call(stats, endpoint,
                                    ngx_http_vcita_oauth_call_outcome(f),
                                    ngx_current_msec - f->began);
}


void
ngx_http_vcita_oauth_call_given_up(ngx_http_request_t *r)
{
    ngx_http_vcita_oauth_stats_t  *stats;

    stats = ngx_http_vcita_oauth_counters(r);

    ngx_http_vcita_oauth_stats_add(stats->in_flight, -1);
}


static ngx_uint_t
ngx_http_vcita_oauth_call_outcome(ngx_http_vcita_oauth_fetch_t *f)
{
    switch (f->outcome) {

    case NGX_HTTP_VCITA_OAUTH_FETCH_UNREACHABLE:
        return NGX_HTTP_VCITA_OAUTH_CALL_UNREACHABLE;

    case NGX_HTTP_VCITA_OAUTH_FETCH_TIMEOUT:
        return NGX_HTTP_VCITA_OAUTH_CALL_TIMEOUT;

    case NGX_HTTP_VCITA_OAUTH_FETCH_BROKEN:
        return NGX_HTTP_VCITA_OAUTH_CALL_BROKEN;

    default: /* NGX_HTTP_VCITA_OAUTH_FETCH_OK */
        break;
    }

    if (f->status == NGX_HTTP_TOO_MANY_REQUESTS
        || f->status == NGX_HTTP_SERVICE_UNAVAILABLE)
    {
        return NGX_HTTP_VCITA_OAUTH_CALL_THROTTLED;
    }

    switch (f->status / 100) {

    case 2:
        return NGX_HTTP_VCITA_OAUTH_CALL_OK;

    case 4:
        return NGX_HTTP_VCITA_OAUTH_CALL_REFUSED;

    default:
        return NGX_HTTP_VCITA_OAUTH_CALL_ERROR;
    }
}
