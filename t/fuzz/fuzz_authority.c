
/*
 * host[:port], as a client's Host header may bring it into a redirect_uri:
 * what passes leaves no doubt where a URL's host begins and ends.
 */


#include <ngx_config.h>
#include <ngx_core.h>

#include "util/ngx_http_vcita_query.h"
#include "fuzz.h"


static size_t fuzz_authority_host(ngx_str_t *authority);
static ngx_uint_t fuzz_authority_port(ngx_str_t *authority, size_t at);


fuzz_target(authority)
{
    size_t  host;

    host = fuzz_authority_host(in);

    if (ngx_http_vcita_query_authority(in) == NGX_OK) {
        fuzz_check(host);
        fuzz_check(host == in->len || fuzz_authority_port(in, host));
        return;
    }

    fuzz_check(host != in->len || host == 0);
}


/*
 * The length of a host of RFC 3986's characters, 0 if there is none; the
 * shortest address in brackets is "::".
 */

static size_t
fuzz_authority_host(ngx_str_t *authority)
{
    u_char  *p, *end;
    size_t   i, len;

    p = authority->data;
    len = authority->len;

    if (len && *p == '[') {
        end = memchr(p, ']', len);

        for (i = 1; end && p + i < end; i++) {

            if (!isxdigit(p[i]) && p[i] != ':' && p[i] != '.') {
                return 0;
            }
        }

        return (end && i > 2) ? i + 1 : 0;
    }

    for (i = 0; i < len; i++) {

        if (!isalnum(p[i]) && p[i] != '-' && p[i] != '.' && p[i] != '_') {
            break;
        }
    }

    return i;
}


static ngx_uint_t
fuzz_authority_port(ngx_str_t *authority, size_t at)
{
    uint64_t  port;

    if (authority->data[at++] != ':') {
        return 0;
    }

    for (port = 0; at < authority->len; at++) {

        if (!isdigit(authority->data[at])) {
            return 0;
        }

        port = port * 10 + authority->data[at] - '0';

        if (port > 65535) {
            return 0;
        }
    }

    return port != 0;
}
