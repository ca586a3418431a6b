
/*
 * Copyright (C) the vcita OAuth gate authors
 *
 * The status, a content handler: the counters, in the text format of
 * Prometheus.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "http/ngx_http_vcita_http.h"
#include "util/ngx_http_vcita_version.h"


/* all but zones and servers, which take this much more each */
#define NGX_HTTP_VCITA_STATUS_ROOM    (20 * 1024)
#define NGX_HTTP_VCITA_STATUS_ZONE    1024
#define NGX_HTTP_VCITA_STATUS_SERVER  (32 * 1024)

/* of the name of a zone, so many bytes are shown; each may become "\u00xx" */
#define NGX_HTTP_VCITA_STATUS_NAME    64


/* counters of one name, told apart by a label; names end with NULL */

typedef struct {
    const char                    *name;
    const char                    *help;
    const char                    *label;
    const char                   **values;
    size_t                         offset;
} ngx_http_vcita_family_t;


/* of one value of a label; "bound" of the last bucket is 0 */

typedef struct {
    const char                    *name;
    const char                    *label;
    const char                    *value;
    ngx_atomic_t                  *times;
    ngx_msec_t                     time;
    ngx_msec_t                   (*bound)(ngx_uint_t bucket);
} ngx_http_vcita_histogram_t;


/* a Redis, or what its Sentinels name; it may be of several stores */

typedef struct {
    u_char                           *name;
    ngx_http_vcita_redis_counters_t  *counters;
} ngx_http_vcita_status_server_t;


static void ngx_http_vcita_status_counters(ngx_buf_t *b,
    ngx_http_vcita_stats_t *sum);
static void ngx_http_vcita_status_failures(ngx_buf_t *b,
    ngx_http_vcita_stats_t *sum);
static void ngx_http_vcita_status_calls(ngx_buf_t *b,
    ngx_http_vcita_stats_t *sum);
static void ngx_http_vcita_status_times(ngx_buf_t *b,
    ngx_http_vcita_stats_t *sum);
static void ngx_http_vcita_status_histogram(ngx_buf_t *b,
    ngx_http_vcita_histogram_t *h);
static void ngx_http_vcita_status_keys(ngx_buf_t *b,
    ngx_http_vcita_jwks_t *jwks);
static void ngx_http_vcita_status_zones(ngx_buf_t *b, ngx_array_t *zones);
static void ngx_http_vcita_status_zone_values(ngx_buf_t *b, ngx_array_t *zones,
    ngx_uint_t evicted);
static ngx_int_t ngx_http_vcita_status_servers(ngx_http_request_t *r,
    ngx_buf_t *b, ngx_http_vcita_main_conf_t *vmcf,
    ngx_http_vcita_stats_t *sum);
static void ngx_http_vcita_status_commands(ngx_buf_t *b,
    ngx_http_vcita_status_server_t *server, ngx_uint_t n);
static void ngx_http_vcita_status_begin(ngx_buf_t *b, const char *name,
    const char *type, const char *help);
static void ngx_http_vcita_status_value(ngx_buf_t *b, const char *name,
    const char *label, const char *value, ngx_uint_t n);
static void ngx_http_vcita_status_print(ngx_buf_t *b, const char *fmt, ...);


static const char  *ngx_http_vcita_decisions[] = {
    "passed", "anonymous", "redirected", "unauthorized", "forbidden",
    "unavailable", NULL
};

static const char  *ngx_http_vcita_agents[] = { "browser", "program", NULL };

static const char  *ngx_http_vcita_wheres[] = {
    "cookie", "zone", "redis", NULL
};

static const char  *ngx_http_vcita_endpoints[] = {
    "token", "userinfo", "keys", "revoke", NULL
};

static const char  *ngx_http_vcita_bearers[] = {
    "passed", "refused", "unavailable", NULL
};

static const char  *ngx_http_vcita_revocations[] = {
    "ok", "invalid", "failed", "dropped", NULL
};

static const char  *ngx_http_vcita_commands[] = {
    "ok", "refused", "failed", NULL
};

static const char  *ngx_http_vcita_outcomes[] = {
    "ok", "refused", "throttled", "error", "unreachable", "timeout", "broken",
    NULL
};


#define ngx_http_vcita_counter(field)                                         \
    offsetof(ngx_http_vcita_stats_t, field)


static ngx_http_vcita_family_t  ngx_http_vcita_families[] = {

    { "requests_total",
      "Requests at the gate, by what became of them.",
      "decision", ngx_http_vcita_decisions,
      ngx_http_vcita_counter(requests) },

    { "logins_started_total",
      "Redirects to vcita's authorize page.",
      NULL, NULL, ngx_http_vcita_counter(logins_started) },

    { "redirects_total",
      "Redirects to vcita's authorize page, by user agent.",
      "agent", ngx_http_vcita_agents, ngx_http_vcita_counter(redirects) },

    { "logins_finished_total",
      "Logins that ended in a session.",
      NULL, NULL, ngx_http_vcita_counter(logins_finished) },

    { "logins_paced_total",
      "Logins that waited for vcita_oauth_rate.",
      NULL, NULL, ngx_http_vcita_counter(logins_paced) },

    { "logins_refused_total",
      "Logins told to come back, because of vcita_oauth_rate.",
      NULL, NULL, ngx_http_vcita_counter(logins_refused) },

    { "sessions_started_total",
      "Sessions that have begun, by where they live.",
      "store", ngx_http_vcita_wheres,
      ngx_http_vcita_counter(sessions) },

    { "sessions_revoked_total",
      "Sessions that vcita_oauth_revalidate has ended.",
      NULL, NULL, ngx_http_vcita_counter(sessions_revoked) },

    { "logouts_total",
      "Logouts.",
      NULL, NULL, ngx_http_vcita_counter(logouts) },

    { "bearer_total",
      "Signed tokens at the gate, by what became of them.",
      "outcome", ngx_http_vcita_bearers,
      ngx_http_vcita_counter(bearer) },

    { "revocations_total",
      "Access tokens given back, by what became of them.",
      "outcome", ngx_http_vcita_revocations,
      ngx_http_vcita_counter(revocations) },

    { NULL, NULL, NULL, NULL, 0 }
};


static ngx_http_vcita_family_t  ngx_http_vcita_server_families[] = {

    { "store_commands_total",
      "Commands to a session store, by what became of them.",
      "outcome", ngx_http_vcita_commands,
      offsetof(ngx_http_vcita_redis_counters_t, commands) },

    { "store_reconnects_total",
      "Connections that replaced one that broke or could not be made.",
      NULL, NULL, offsetof(ngx_http_vcita_redis_counters_t, reconnects) },

    { "store_failovers_total",
      "Changes of the address that serves a session store.",
      NULL, NULL, offsetof(ngx_http_vcita_redis_counters_t, failovers) },

    { NULL, NULL, NULL, NULL, 0 }
};


ngx_int_t
ngx_http_vcita_status_handler(ngx_http_request_t *r)
{
    size_t                       size;
    ngx_str_t                    value;
    ngx_buf_t                   *b;
    ngx_http_vcita_stats_t       sum;
    ngx_http_complex_value_t     cv;
    ngx_http_vcita_main_conf_t  *vmcf;

    if (!(r->method & (NGX_HTTP_GET|NGX_HTTP_HEAD))) {
        return NGX_HTTP_NOT_ALLOWED;
    }

    vmcf = ngx_http_get_module_main_conf(r, ngx_http_vcita_oauth_module);

    size = NGX_HTTP_VCITA_STATUS_ROOM
           + vmcf->zones.nelts * NGX_HTTP_VCITA_STATUS_ZONE
           + vmcf->servers.nelts * NGX_HTTP_VCITA_STATUS_SERVER;

    b = ngx_create_temp_buf(r->pool, size);
    if (b == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ngx_http_vcita_stats_sum(&vmcf->statistics, &sum);

    /* of this module, and of the nginx that it was built for, which loads it */

    ngx_http_vcita_status_begin(b, "build_info", "gauge",
                                "The versions that run here.");
    ngx_http_vcita_status_print(b, "vcita_oauth_build_info{version=\"%s\","
                                   "nginx=\"%s\"} 1\n",
                                NGX_HTTP_VCITA_VERSION, NGINX_VERSION);

    ngx_http_vcita_status_counters(b, &sum);
    ngx_http_vcita_status_failures(b, &sum);
    ngx_http_vcita_status_calls(b, &sum);
    ngx_http_vcita_status_times(b, &sum);

    ngx_http_vcita_status_keys(b, &vmcf->jwks);

    ngx_http_vcita_status_zones(b, &vmcf->zones);

    if (ngx_http_vcita_status_servers(r, b, vmcf, &sum) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ngx_str_set(&value, "no-store");

    if (ngx_http_vcita_headers_add(r, "Cache-Control", &value) == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ngx_memzero(&cv, sizeof(ngx_http_complex_value_t));

    cv.value.data = b->pos;
    cv.value.len = b->last - b->pos;

    ngx_str_set(&value, "text/plain; version=0.0.4; charset=utf-8");

    return ngx_http_send_response(r, NGX_HTTP_OK, &value, &cv);
}


static void
ngx_http_vcita_status_counters(ngx_buf_t *b, ngx_http_vcita_stats_t *sum)
{
    ngx_uint_t                i;
    ngx_atomic_t             *counter;
    ngx_http_vcita_family_t  *f;

    for (f = ngx_http_vcita_families; f->name; f++) {

        counter = (ngx_atomic_t *) ((u_char *) sum + f->offset);

        ngx_http_vcita_status_begin(b, f->name, "counter", f->help);

        if (f->label == NULL) {
            ngx_http_vcita_status_value(b, f->name, NULL, NULL, *counter);
        }

        for (i = 0; f->label && f->values[i]; i++) {
            ngx_http_vcita_status_value(b, f->name, f->label, f->values[i],
                                        counter[i]);
        }
    }
}


static void
ngx_http_vcita_status_failures(ngx_buf_t *b, ngx_http_vcita_stats_t *sum)
{
    ngx_uint_t   i;
    const char  *name, *reason;

    name = "logins_failed_total";

    ngx_http_vcita_status_begin(b, name, "counter",
                                "Logins that failed, by "
                                "$vcita_oauth_error.");

    for (i = 0; i < NGX_HTTP_VCITA_STAT_REASONS; i++) {

        reason = ngx_http_vcita_errors_reason_name(i);

        if (reason == NULL) {
            break;
        }

        ngx_http_vcita_status_value(b, name, "reason", reason,
                                    sum->logins_failed[i]);
    }
}


static void
ngx_http_vcita_status_calls(ngx_buf_t *b, ngx_http_vcita_stats_t *sum)
{
    ngx_uint_t  i, j;

    ngx_http_vcita_status_begin(b, "calls_total", "counter",
                                "Calls to vcita that have ended, by "
                                "endpoint and outcome.");

    for (i = 0; i < NGX_HTTP_VCITA_CALLED; i++) {

        for (j = 0; j < NGX_HTTP_VCITA_CALL_OUTCOMES; j++) {

            ngx_http_vcita_status_print(b,
                                    "vcita_oauth_calls_total{endpoint=\"%s\","
                                    "outcome=\"%s\"} %uA\n",
                                    ngx_http_vcita_endpoints[i],
                                    ngx_http_vcita_outcomes[j],
                                    sum->calls[i][j]);
        }
    }

    ngx_http_vcita_status_begin(b, "calls_in_flight", "gauge",
                                "Calls to vcita under way.");
    ngx_http_vcita_status_value(b, "calls_in_flight", NULL, NULL,
                                sum->in_flight);
}


static void
ngx_http_vcita_status_times(ngx_buf_t *b, ngx_http_vcita_stats_t *sum)
{
    ngx_uint_t                  i;
    ngx_http_vcita_histogram_t  h;

    h.name = "call_duration_seconds";
    h.label = "endpoint";
    h.bound = ngx_http_vcita_stats_bound;

    ngx_http_vcita_status_begin(b, h.name, "histogram",
                                "How long calls to vcita took.");

    for (i = 0; i < NGX_HTTP_VCITA_CALLED; i++) {
        h.value = ngx_http_vcita_endpoints[i];
        h.times = sum->times[i];
        h.time = sum->time[i];

        ngx_http_vcita_status_histogram(b, &h);
    }
}


/* each bucket counts those before it, too, and the last one counts all */

static void
ngx_http_vcita_status_histogram(ngx_buf_t *b, ngx_http_vcita_histogram_t *h)
{
    u_char       bound[NGX_INT_T_LEN + sizeof(".000")];
    ngx_uint_t   i, n;
    ngx_msec_t   ms;

    n = 0;
    i = 0;

    do {
        n += h->times[i];
        ms = h->bound(i++);

        if (ms == 0) {
            ngx_sprintf(bound, "+Inf%Z");

        } else if (ms % 10) {
            ngx_sprintf(bound, "%M.%03M%Z", ms / 1000, ms % 1000);

        } else {
            ngx_sprintf(bound, "%M.%02M%Z", ms / 1000, ms % 1000 / 10);
        }

        ngx_http_vcita_status_print(b, "vcita_oauth_%s_bucket"
                                       "{%s=\"%s\",le=\"%s\"} %ui\n",
                                    h->name, h->label, h->value, bound, n);
    } while (ms);

    ms = h->time;

    ngx_http_vcita_status_print(b, "vcita_oauth_%s_sum{%s=\"%s\"} %M.%03M\n"
                                   "vcita_oauth_%s_count{%s=\"%s\"} %ui\n",
                                h->name, h->label, h->value,
                                ms / 1000, ms % 1000,
                                h->name, h->label, h->value, n);
}


static void
ngx_http_vcita_status_keys(ngx_buf_t *b, ngx_http_vcita_jwks_t *jwks)
{
    ngx_uint_t  age;

    age = jwks->zone ? ngx_http_vcita_jwks_age(jwks) : 0;

    ngx_http_vcita_status_begin(b, "keys_age_seconds", "gauge",
                                "Age of the keys that verify signed tokens, 0: "
                                "none are known.");
    ngx_http_vcita_status_value(b, "keys_age_seconds", NULL, NULL, age);
}


static void
ngx_http_vcita_status_zones(ngx_buf_t *b, ngx_array_t *zones)
{
    if (zones->nelts == 0) {
        return;
    }

    ngx_http_vcita_status_begin(b, "zone_sessions", "gauge",
                                "Sessions in a zone.");
    ngx_http_vcita_status_zone_values(b, zones, 0);

    ngx_http_vcita_status_begin(b, "zone_evicted_total", "counter",
                                "Sessions that a full zone has ended before "
                                "their time.");
    ngx_http_vcita_status_zone_values(b, zones, 1);
}


static void
ngx_http_vcita_status_zone_values(ngx_buf_t *b, ngx_array_t *zones,
    ngx_uint_t evicted)
{
    u_char                   *p;
    u_char                    name[6 * NGX_HTTP_VCITA_STATUS_NAME + 1];
    ngx_uint_t                i, n[2];
    ngx_http_vcita_store_t  **store;

    store = zones->elts;

    for (i = 0; i < zones->nelts; i++) {

        ngx_http_vcita_store_zone_count(store[i], &n[0], &n[1]);

        p = (u_char *) ngx_escape_json(name, store[i]->name.data,
                                       ngx_min(store[i]->name.len,
                                           NGX_HTTP_VCITA_STATUS_NAME));
        *p = '\0';

        ngx_http_vcita_status_value(b,
                              evicted ? "zone_evicted_total" : "zone_sessions",
                              "zone", (char *) name, n[evicted]);
    }
}


static ngx_int_t
ngx_http_vcita_status_servers(ngx_http_request_t *r, ngx_buf_t *b,
    ngx_http_vcita_main_conf_t *vmcf, ngx_http_vcita_stats_t *sum)
{
    size_t                           len;
    ngx_uint_t                       i, k, n;
    ngx_http_vcita_store_t         **store;
    ngx_http_vcita_histogram_t       h;
    ngx_http_vcita_status_server_t   server[NGX_HTTP_VCITA_STAT_SERVERS];

    if (vmcf->servers.nelts == 0) {
        return NGX_OK;
    }

    n = 0;
    store = vmcf->servers.elts;

    for (i = 0; i < vmcf->servers.nelts; i++) {

        k = ngx_http_vcita_stats_server(&vmcf->statistics, &store[i]->name);

        if (k == NGX_HTTP_VCITA_STAT_SERVERS
            || n == NGX_HTTP_VCITA_STAT_SERVERS)
        {
            continue;
        }

        len = ngx_min(store[i]->name.len, NGX_HTTP_VCITA_STAT_NAME);

        server[n].name = ngx_pnalloc(r->pool, 6 * len + 1);
        if (server[n].name == NULL) {
            return NGX_ERROR;
        }

        *(u_char *) ngx_escape_json(server[n].name, store[i]->name.data, len)
            = '\0';

        server[n++].counters = &sum->redis[k];
    }

    ngx_http_vcita_status_begin(b, "store_up", "gauge",
                                "0: a worker has no connection to the session "
                                "store, and tries again.");

    for (i = 0; i < n; i++) {
        ngx_http_vcita_status_value(b, "store_up", "store",
                                    (char *) server[i].name,
                                    server[i].counters->down == 0);
    }

    ngx_http_vcita_status_commands(b, server, n);

    h.name = "store_command_duration_seconds";
    h.label = "store";
    h.bound = ngx_http_vcita_redis_stats_bound;

    ngx_http_vcita_status_begin(b, h.name, "histogram",
                                "How long replies of a session store took.");

    for (i = 0; i < n; i++) {
        h.value = (char *) server[i].name;
        h.times = server[i].counters->times;
        h.time = server[i].counters->time;

        ngx_http_vcita_status_histogram(b, &h);
    }

    return NGX_OK;
}


static void
ngx_http_vcita_status_commands(ngx_buf_t *b,
    ngx_http_vcita_status_server_t *server, ngx_uint_t n)
{
    ngx_uint_t                i, j;
    ngx_atomic_t             *counter;
    ngx_http_vcita_family_t  *f;

    for (f = ngx_http_vcita_server_families; f->name; f++) {

        ngx_http_vcita_status_begin(b, f->name, "counter", f->help);

        for (i = 0; i < n; i++) {

            counter = (ngx_atomic_t *) ((u_char *) server[i].counters
                                        + f->offset);

            if (f->label == NULL) {
                ngx_http_vcita_status_value(b, f->name, "store",
                                            (char *) server[i].name, *counter);
            }

            for (j = 0; f->label && f->values[j]; j++) {
                ngx_http_vcita_status_print(b, "vcita_oauth_%s{store=\"%s\","
                                               "%s=\"%s\"} %uA\n",
                                            f->name, server[i].name, f->label,
                                            f->values[j], counter[j]);
            }
        }
    }
}


static void
ngx_http_vcita_status_begin(ngx_buf_t *b, const char *name, const char *type,
    const char *help)
{
    ngx_http_vcita_status_print(b, "# HELP vcita_oauth_%s %s\n"
                                   "# TYPE vcita_oauth_%s %s\n",
                                name, help, name, type);
}


static void
ngx_http_vcita_status_value(ngx_buf_t *b, const char *name, const char *label,
    const char *value, ngx_uint_t n)
{
    if (label) {
        ngx_http_vcita_status_print(b, "vcita_oauth_%s{%s=\"%s\"} %ui\n",
                                    name, label, value, n);

    } else {
        ngx_http_vcita_status_print(b, "vcita_oauth_%s %ui\n", name, n);
    }
}


static void
ngx_http_vcita_status_print(ngx_buf_t *b, const char *fmt, ...)
{
    va_list  args;

    va_start(args, fmt);
    b->last = ngx_vslprintf(b->last, b->end, fmt, args);
    va_end(args);
}
