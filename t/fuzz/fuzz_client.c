
/*
 * What headers tell of who is asking: what is not there is never found, and
 * what is said last is not overheard.  Input: the method, how many headers
 * are kept together, the headers, a line each.
 * Dictionary: client
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "http/ngx_http_vcita_http.h"
#include "fuzz.h"


static void fuzz_client_fill(ngx_http_request_t *r, ngx_str_t *in);
static void fuzz_client_add(ngx_http_request_t *r, ngx_str_t *line);
static ngx_uint_t fuzz_client_has(ngx_http_request_t *r, const char *name,
    const char *text);


fuzz_target(client)
{
    ngx_str_t            line;
    ngx_uint_t           get;
    ngx_http_request_t  *r;

    r = fuzz_alloc(sizeof(ngx_http_request_t));
    fuzz_client_fill(r, in);

    get = (r->method == NGX_HTTP_GET || r->method == NGX_HTTP_HEAD);

    if (ngx_http_vcita_user_agent_navigates(r)) {
        fuzz_check(get);
        fuzz_check(!fuzz_client_has(r, "sec-fetch-mode", "")
                   || fuzz_client_has(r, "sec-fetch-mode", "navigate"));
        fuzz_check(fuzz_client_has(r, "sec-fetch-mode", "")
                   || !fuzz_client_has(r, "upgrade", ""));
        fuzz_check(fuzz_client_has(r, "sec-fetch-mode", "")
                   || !fuzz_client_has(r, "accept", "")
                   || fuzz_client_has(r, "accept", "*/*")
                   || fuzz_client_has(r, "accept", "text/html"));
    }

    if (ngx_http_vcita_user_agent_is_person(r)) {
        fuzz_check(fuzz_client_has(r, "accept", "text/html")
                   || (r->method == NGX_HTTP_POST
                       && fuzz_client_has(r, "content-type", "/")));
    }

    if (ngx_http_vcita_user_agent_is_foreign(r)) {
        fuzz_check(fuzz_client_has(r, "sec-fetch-site", "cross-site")
                   || (!fuzz_client_has(r, "sec-fetch-site", "")
                       && fuzz_client_has(r, "origin", "")));
    }

    ngx_str_set(&line, "sec-fetch-site: a,Cross-Site ;b");
    fuzz_client_add(r, &line);

    fuzz_check(ngx_http_vcita_user_agent_is_foreign(r));

    ngx_str_set(&line, "sec-fetch-mode:navigate");
    fuzz_client_add(r, &line);

    fuzz_check(ngx_http_vcita_user_agent_navigates(r) == get);

    ngx_str_set(&line, "accept: */*, TEXT/HTML;q=0.1");
    fuzz_client_add(r, &line);

    fuzz_check(ngx_http_vcita_user_agent_is_person(r));
}


static void
fuzz_client_fill(ngx_http_request_t *r, ngx_str_t *in)
{
    u_char      together;
    ngx_str_t   line;

    static ngx_uint_t  methods[] = {
        NGX_HTTP_GET, NGX_HTTP_HEAD, NGX_HTTP_POST, NGX_HTTP_PUT
    };

    r->method = methods[fuzz_byte(in) % 4];

    together = fuzz_byte(in);

    fuzz_check(ngx_list_init(&r->headers_in.headers, fuzz_pool,
                             1 + together % 4, sizeof(ngx_table_elt_t))
               == NGX_OK);

    while (in->len) {
        line = fuzz_line(in);
        fuzz_client_add(r, &line);
    }
}


/* as nginx keeps it: the name as it is and in lower case, the value trimmed */

static void
fuzz_client_add(ngx_http_request_t *r, ngx_str_t *line)
{
    u_char           *colon;
    ngx_str_t         name, value;
    ngx_table_elt_t  *h;

    colon = line->len ? memchr(line->data, ':', line->len) : NULL;

    if (colon == NULL || colon == line->data) {
        return;
    }

    name.data = line->data;
    name.len = colon - line->data;

    value.data = colon + 1;
    value.len = line->len - name.len - 1;

    while (value.len && *value.data == ' ') {
        value.data++;
        value.len--;
    }

    h = ngx_list_push(&r->headers_in.headers);
    fuzz_check(h);

    ngx_memzero(h, sizeof(ngx_table_elt_t));

    h->hash = 1;
    h->key = name;
    h->value = fuzz_copy(&value);
    h->lowcase_key = fuzz_room(name.len).data;

    ngx_strlow(h->lowcase_key, name.data, name.len);

    if (name.len == sizeof("upgrade") - 1
        && ngx_strncmp(h->lowcase_key, "upgrade", name.len) == 0)
    {
        r->headers_in.upgrade = h;
    }
}


/* a header of that name has the text in it, anywhere and in any case */

static ngx_uint_t
fuzz_client_has(ngx_http_request_t *r, const char *name, const char *text)
{
    size_t            i, len;
    ngx_uint_t        n;
    ngx_list_part_t  *part;
    ngx_table_elt_t  *h;

    len = ngx_strlen(text);

    for (part = &r->headers_in.headers.part; part; part = part->next) {
        h = part->elts;

        for (n = 0; n < part->nelts; n++) {

            if (h[n].key.len != ngx_strlen(name)
                || strncasecmp((char *) h[n].key.data, name, h[n].key.len)
                   != 0)
            {
                continue;
            }

            for (i = 0; i + len <= h[n].value.len; i++) {

                if (strncasecmp((char *) h[n].value.data + i, text, len)
                    == 0)
                {
                    return 1;
                }
            }
        }
    }

    return 0;
}
