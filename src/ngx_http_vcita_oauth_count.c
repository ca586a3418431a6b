
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
