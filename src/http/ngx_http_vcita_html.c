
/*
 * Copyright (C) the vcita OAuth gate authors
 *
 * The HTML of a page, complete in one response.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "http/ngx_http_vcita_http.h"
#include "util/ngx_http_vcita_query.h"


/* the longest host name (RFC 1035, 2.3.4) */
#define NGX_HTTP_VCITA_HTML_SITE     253

/* the part of a request id that is read out */
#define NGX_HTTP_VCITA_HTML_SHORT    8


static size_t ngx_http_vcita_html_length(ngx_http_vcita_page_t *page,
    ngx_str_t *site);
static u_char *ngx_http_vcita_html_body(ngx_http_request_t *r,
    ngx_http_vcita_page_t *page, ngx_str_t *site, u_char *p);
static u_char *ngx_http_vcita_html_head(ngx_http_vcita_page_t *page,
    ngx_str_t *site, u_char *p);
static u_char *ngx_http_vcita_html_sentence(ngx_http_vcita_page_t *page,
    u_char *p);
static u_char *ngx_http_vcita_html_way_on(ngx_http_vcita_page_t *page,
    u_char *p);
static u_char *ngx_http_vcita_html_reference(ngx_http_request_t *r,
    ngx_http_vcita_page_t *page, u_char *p);
static u_char *ngx_http_vcita_html_fact(ngx_http_vcita_page_t *page,
    ngx_http_vcita_text_e label, ngx_str_t *value, u_char *p);
static void ngx_http_vcita_html_site(ngx_http_request_t *r, ngx_str_t *site);


/*
 * No icon: its Content-Security-Policy keeps a browser from asking for
 * /favicon.ico, and an icon of "data:" would be an error on the console
 */

#define NGX_HTTP_VCITA_HTML_HEAD                                              \
    "<head>\n"                                                                \
    "<meta charset=\"utf-8\">\n"                                              \
    "<meta name=\"viewport\" content=\"width=device-width\">\n"

/* with "no-referrer", browsers send "Origin: null" with the POST of a form */

#define NGX_HTTP_VCITA_HTML_REFERRER                                          \
    "<meta name=\"referrer\" content=\"%s\">\n"

/*
 * The ring of the focus has a contrast of 3:1 both with the page and with a
 * button, in both color schemes
 */

#define NGX_HTTP_VCITA_HTML_STYLE                                             \
    "<style>\n"                                                               \
    ":root { color-scheme: light dark; }\n"                                   \
    "body { margin: 0; padding: 15vh 1.5rem 2rem; font: 1rem/1.5 "            \
    "system-ui, sans-serif; background: #fff; color: #1b242d; }\n"            \
    "main { max-width: 34rem; margin: auto; overflow-wrap: anywhere; }\n"     \
    "h1 { font-size: 1.5rem; line-height: 1.25; }\n"                          \
    "a, button { display: inline-block; padding: .5rem 1rem; border: "        \
    "1px solid transparent; border-radius: .4rem; font: inherit; "            \
    "text-decoration: none; cursor: pointer; background: #0b57d0; "           \
    "color: #fff; }\n"                                                        \
    ":focus-visible { outline: 3px solid #000; outline-offset: 2px; }\n"      \
    "small { color: #55606b; }\n"                                             \
    "footer { margin-top: 2rem; }\n"                                          \
    "footer p { margin: 0; }\n"                                               \
    "@media (prefers-color-scheme: dark) {\n"                                 \
    "body { background: #14181d; color: #e6eaee; }\n"                         \
    "a, button { background: #1f6feb; }\n"                                    \
    ":focus-visible { outline-color: #fff; }\n"                               \
    "small { color: #a3adb8; }\n"                                             \
    "}\n"                                                                     \
    "</style>\n"

#define NGX_HTTP_VCITA_HTML_ROOM                                              \
    (sizeof(NGX_HTTP_VCITA_HTML_HEAD)                                         \
     + sizeof(NGX_HTTP_VCITA_HTML_REFERRER)                                   \
     + sizeof(NGX_HTTP_VCITA_HTML_STYLE) + 1280)


ngx_int_t
ngx_http_vcita_html(ngx_http_request_t *r, ngx_http_vcita_page_t *page,
    ngx_str_t *body)
{
    u_char     *p;
    ngx_str_t   site;

    page->language = ngx_http_vcita_language(r);

    ngx_http_vcita_html_site(r, &site);

    p = ngx_pnalloc(r->pool, ngx_http_vcita_html_length(page, &site));
    if (p == NULL) {
        return NGX_ERROR;
    }

    body->data = p;
    body->len = ngx_http_vcita_html_body(r, page, &site, p) - p;

    return NGX_OK;
}


static size_t
ngx_http_vcita_html_length(ngx_http_vcita_page_t *page, ngx_str_t *site)
{
    size_t      len;
    ngx_uint_t  i;

    ngx_http_vcita_text_e  texts[] = {
        page->title, page->title, page->text, page->sentence, page->link,
        NGX_HTTP_VCITA_TEXT_CODE, NGX_HTTP_VCITA_TEXT_TIME,
        NGX_HTTP_VCITA_TEXT_REFERENCE, NGX_HTTP_VCITA_TEXT_REQUEST
    };

    len = NGX_HTTP_VCITA_HTML_ROOM + page->detail.len + 2 * page->href.len
          + 2 * site->len;

    for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        len += ngx_strlen(ngx_http_vcita_text(page->language, texts[i]));
    }

    return len;
}


static u_char *
ngx_http_vcita_html_body(ngx_http_request_t *r, ngx_http_vcita_page_t *page,
    ngx_str_t *site, u_char *p)
{
    p = ngx_http_vcita_html_head(page, site, p);

    p = ngx_cpymem(p, "<body>\n<main>\n", sizeof("<body>\n<main>\n") - 1);

    if (site->len) {
        p = ngx_sprintf(p, "<p><small><bdi>%V</bdi></small></p>\n", site);
    }

    p = ngx_sprintf(p, "<h1>%s</h1>\n<p>%s</p>\n",
                    ngx_http_vcita_text(page->language, page->title),
                    ngx_http_vcita_text(page->language, page->text));

    p = ngx_http_vcita_html_sentence(page, p);
    p = ngx_http_vcita_html_way_on(page, p);
    p = ngx_http_vcita_html_reference(r, page, p);

    return ngx_cpymem(p, "</main>\n</body>\n</html>\n",
                      sizeof("</main>\n</body>\n</html>\n") - 1);
}


static u_char *
ngx_http_vcita_html_head(ngx_http_vcita_page_t *page, ngx_str_t *site,
    u_char *p)
{
    p = ngx_cpymem(p, "<!DOCTYPE html>\n<html ",
                   sizeof("<!DOCTYPE html>\n<html ") - 1);
    p = ngx_http_vcita_text_attributes(p, page->language);
    p = ngx_cpymem(p, ">\n" NGX_HTTP_VCITA_HTML_HEAD,
                   sizeof(">\n" NGX_HTTP_VCITA_HTML_HEAD) - 1);

    p = ngx_sprintf(p, NGX_HTTP_VCITA_HTML_REFERRER,
                    page->button ? "same-origin" : "no-referrer");

    if (page->refresh && page->href.len) {
        p = ngx_sprintf(p, "<meta http-equiv=\"refresh\" "
                           "content=\"%ui; url=%V\">\n",
                        page->refresh, &page->href);
    }

    p = ngx_sprintf(p, "<title>%s%s%V</title>\n",
                    ngx_http_vcita_text(page->language, page->title),
                    site->len ? " - " : "", site);

    return ngx_cpymem(p, NGX_HTTP_VCITA_HTML_STYLE "</head>\n",
                      sizeof(NGX_HTTP_VCITA_HTML_STYLE "</head>\n") - 1);
}


/* The detail in its place in the sentence, isolated from its direction */

static u_char *
ngx_http_vcita_html_sentence(ngx_http_vcita_page_t *page, u_char *p)
{
    const char  *text, *value;

    if (page->detail.len == 0
        || page->sentence == NGX_HTTP_VCITA_TEXT_NONE)
    {
        return p;
    }

    text = ngx_http_vcita_text(page->language, page->sentence);
    value = ngx_strstr(text, "%s");

    return ngx_sprintf(p, "<p>%*s<bdi><code>%V</code></bdi>%s</p>\n",
                       (size_t) (value - text), text, &page->detail,
                       value + 2);
}


static u_char *
ngx_http_vcita_html_way_on(ngx_http_vcita_page_t *page, u_char *p)
{
    if (page->link == NGX_HTTP_VCITA_TEXT_NONE) {
        return p;
    }

    if (page->button) {
        return ngx_sprintf(p, "<form method=\"post\"><button>%s</button>"
                              "</form>\n",
                           ngx_http_vcita_text(page->language, page->link));
    }

    if (page->href.len == 0) {
        return p;
    }

    return ngx_sprintf(p, "<p><a href=\"%V\"%s rel=\"noreferrer\">%s</a>"
                          "</p>\n",
                       &page->href,
                       page->new_tab ? " target=\"_blank\"" : "",
                       ngx_http_vcita_text(page->language, page->link));
}


/* what a person reports to the operator: code, time and request id */

static u_char *
ngx_http_vcita_html_reference(ngx_http_request_t *r,
    ngx_http_vcita_page_t *page, u_char *p)
{
    u_char                       buf[sizeof("9999-12-31 23:59:59 UTC") - 1];
    ngx_tm_t                     tm;
    ngx_str_t                    value;
    ngx_http_vcita_ctx_t        *ctx;
    ngx_http_variable_value_t   *vv;
    ngx_http_vcita_main_conf_t  *vmcf;

    p = ngx_cpymem(p, "<footer>\n", sizeof("<footer>\n") - 1);

    ctx = ngx_http_vcita_ctx_get(r);

    if (ctx && ctx->error.len) {
        p = ngx_http_vcita_html_fact(page, NGX_HTTP_VCITA_TEXT_CODE,
                                     &ctx->error, p);
    }

    ngx_gmtime(ngx_time(), &tm);

    value.data = buf;
    value.len = ngx_snprintf(buf, sizeof(buf),
                             "%4d-%02d-%02d %02d:%02d:%02d UTC",
                             tm.ngx_tm_year, tm.ngx_tm_mon, tm.ngx_tm_mday,
                             tm.ngx_tm_hour, tm.ngx_tm_min, tm.ngx_tm_sec)
                - buf;

    p = ngx_http_vcita_html_fact(page, NGX_HTTP_VCITA_TEXT_TIME, &value, p);

    vmcf = ngx_http_get_module_main_conf(r, ngx_http_vcita_oauth_module);

    vv = ngx_http_get_indexed_variable(r, vmcf->request_id);

    if (vv && !vv->not_found) {
        value.data = vv->data;
        value.len = ngx_min(vv->len, NGX_HTTP_VCITA_HTML_SHORT);

        p = ngx_http_vcita_html_fact(page, NGX_HTTP_VCITA_TEXT_REFERENCE,
                                     &value, p);

        value.len = vv->len;

        p = ngx_http_vcita_html_fact(page, NGX_HTTP_VCITA_TEXT_REQUEST, &value,
                                     p);
    }

    return ngx_cpymem(p, "</footer>\n", sizeof("</footer>\n") - 1);
}


static u_char *
ngx_http_vcita_html_fact(ngx_http_vcita_page_t *page,
    ngx_http_vcita_text_e label, ngx_str_t *value, u_char *p)
{
    return ngx_sprintf(p, "<p><small>%s <bdi><code>%V</code></bdi></small>"
                          "</p>\n",
                       ngx_http_vcita_text(page->language, label), value);
}


/*
 * The host of the request, or an empty string.  The client chooses it, and
 * nginx lets characters through that are special in HTML.
 */

static void
ngx_http_vcita_html_site(ngx_http_request_t *r, ngx_str_t *site)
{
    *site = r->headers_in.server;

    if (site->len == 0
        || site->len > NGX_HTTP_VCITA_HTML_SITE
        || ngx_http_vcita_query_authority(site) != NGX_OK)
    {
        ngx_str_set(site, "");
    }
}
