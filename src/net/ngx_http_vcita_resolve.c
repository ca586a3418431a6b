
/*
 * Copyright (C) the vcita OAuth gate authors
 *
 * libcurl's resolver threads, one for each name look-up.  The thread of an
 * abandoned look-up ends when the system's resolver gives up.  libcurl does not
 * report that, so this file counts the threads of the process.  Also the timers
 * of second addresses.  May touch libcurl and /proc.
 */


#include <ngx_config.h>
#include <ngx_core.h>

#include "net/ngx_http_vcita_curl_multi.h"
#include "net/ngx_http_vcita_lookup.h"


/* https://github.com/curl/curl/issues/21547 */
#define NGX_HTTP_VCITA_THREADS_SPIN  0x081400


/* times in ms of the timers of second addresses */
#define NGX_HTTP_VCITA_RESOLVE_SECOND  CURL_HET_DEFAULT
#define NGX_HTTP_VCITA_RESOLVE_APART   2
#define NGX_HTTP_VCITA_RESOLVE_LATEST  500


typedef struct {
    ngx_uint_t  others;         /* threads before the first look-up */
    ngx_uint_t  left;           /* abandoned look-ups */
    ngx_msec_t  second;         /* the last timer of a second address */
} ngx_http_vcita_resolve_t;


static int ngx_http_vcita_resolve_start(void *resolver, void *reserved,
    void *data);
static ngx_uint_t ngx_http_vcita_resolve_count(void);


static ngx_http_vcita_resolve_t  ngx_http_vcita_resolve;


/* Warns of a libcurl whose look-ups keep the event loop busy */

void
ngx_http_vcita_resolve_check(ngx_log_t *log)
{
    curl_version_info_data  *info;

    info = curl_version_info(CURLVERSION_NOW);

    if (info->version_num == NGX_HTTP_VCITA_THREADS_SPIN) {
        ngx_log_error(NGX_LOG_WARN, log, 0,
                      "libcurl %s uses all of a CPU after its first name "
                      "look-up (curl issue 21547), install another version",
                      info->version);
    }
}


/* Called in each worker before its first look-up */

void
ngx_http_vcita_resolve_init(void)
{
    ngx_http_vcita_resolve.others = ngx_http_vcita_resolve_count();
}


/* Sets *lookup when the transfer looks up a name; the caller zeroes it first */

CURLcode
ngx_http_vcita_resolve_watch(CURL *easy, ngx_uint_t *lookup)
{
    CURLcode  code;

    code = curl_easy_setopt(easy, CURLOPT_RESOLVER_START_DATA, lookup);

    if (code != CURLE_OK) {
        return code;
    }

    return curl_easy_setopt(easy, CURLOPT_RESOLVER_START_FUNCTION,
                            ngx_http_vcita_resolve_start);
}


static int
ngx_http_vcita_resolve_start(void *resolver, void *reserved, void *data)
{
    ngx_uint_t  *lookup;

    lookup = data;
    *lookup = 1;

    return 0;
}


/*
 * libcurl handles all transfers whose timers have expired in one call, and one
 * whose timer of a second address expires may have a TLS handshake to go on
 * with.  So these timers expire one after another.
 */

CURLcode
ngx_http_vcita_resolve_second(CURL *easy)
{
    ngx_msec_int_t             delay;
    ngx_http_vcita_resolve_t  *t;

    t = &ngx_http_vcita_resolve;

    delay = t->second + NGX_HTTP_VCITA_RESOLVE_APART - ngx_current_msec;

    if (delay < NGX_HTTP_VCITA_RESOLVE_SECOND
        || delay > NGX_HTTP_VCITA_RESOLVE_LATEST)
    {
        delay = NGX_HTTP_VCITA_RESOLVE_SECOND;
    }

    t->second = ngx_current_msec + delay;

    return curl_easy_setopt(easy, CURLOPT_HAPPY_EYEBALLS_TIMEOUT_MS,
                            (long) delay);
}


/* Counts an abandoned look-up when a transfer ends before it */

void
ngx_http_vcita_resolve_leave(CURL *easy, CURLcode code, ngx_uint_t lookup)
{
    curl_off_t  found;

    if (!lookup
        || code == CURLE_COULDNT_RESOLVE_HOST
        || code == CURLE_COULDNT_RESOLVE_PROXY)
    {
        return;
    }

    found = 0;
    (void) curl_easy_getinfo(easy, CURLINFO_NAMELOOKUP_TIME_T, &found);

    if (found == 0) {
        ngx_http_vcita_resolve.left++;
    }
}


/*
 * The number of abandoned look-ups whose threads still run.  It may include
 * threads of active look-ups, so it is never too small.
 */

ngx_uint_t
ngx_http_vcita_resolve_abandoned(void)
{
    ngx_uint_t                 n;
    ngx_http_vcita_resolve_t  *t;

    t = &ngx_http_vcita_resolve;

    if (t->left) {
        n = ngx_http_vcita_resolve_count();
        n = (n > t->others) ? n - t->others : 0;

        t->left = ngx_min(t->left, n);
    }

    return t->left;
}


/*
 * The directory has two links, and one more for each thread.  Those of the
 * module's own look-ups are none of libcurl's.
 */

static ngx_uint_t
ngx_http_vcita_resolve_count(void)
{
    ngx_uint_t       own;
    ngx_file_info_t  fi;

    own = 2 + ngx_http_vcita_lookup_threads();

    if (ngx_file_info((u_char *) "/proc/self/task", &fi) == NGX_FILE_ERROR) {
        ngx_log_error(NGX_LOG_ALERT, ngx_cycle->log, ngx_errno,
                      ngx_file_info_n " \"/proc/self/task\" failed");
        return 0;
    }

    return (fi.st_nlink > own) ? fi.st_nlink - own : 0;
}
