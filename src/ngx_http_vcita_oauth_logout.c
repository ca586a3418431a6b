
/*
 * Copyright (C) the vcita OAuth gate authors
 *
 * The logout, a content handler: the cookies expire, and the browser goes on.
 * Another site cannot log anyone out: it gets a page with a button.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "ngx_http_vcita_oauth.h"


static ngx_int_t ngx_http_vcita_oauth_logout_ask(ngx_http_request_t *r);


ngx_int_t
ngx_http_vcita_oauth_logout_handler(ngx_http_request_t *r)
{
    ngx_int_t                         rc;
    ngx_str_t                         none, location;
    ngx_http_vcita_oauth_app_t       *app;
    ngx_http_vcita_oauth_page_t       page;
    ngx_http_vcita_oauth_loc_conf_t  *vlcf;

    vlcf = ngx_http_get_module_loc_conf(r, ngx_http_vcita_oauth_module);
    app = vlcf->app;

    rc = ngx_http_discard_request_body(r);

    if (rc != NGX_OK) {
        return rc;
    }

    if (ngx_http_vcita_oauth_client_is_foreign(r)) {
        return ngx_http_vcita_oauth_logout_ask(r);
    }

    ngx_str_null(&none);

    if (ngx_http_vcita_oauth_cookie_set(&r->headers_out, r->pool,
                                        &app->session_cookie, &none, 0)
        != NGX_OK
        || ngx_http_vcita_oauth_cookie_set(&r->headers_out, r->pool,
                                           &app->login_cookie, &none, 0)
           != NGX_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (vlcf->logout_uri) {

        if (ngx_http_complex_value(r, vlcf->logout_uri, &location)
            != NGX_OK)
        {
            return NGX_HTTP_INTERNAL_SERVER_ERROR;
        }

        return ngx_http_vcita_oauth_send_redirect(r, NGX_HTTP_SEE_OTHER,
                                                  &location);
    }

    ngx_memzero(&page, sizeof(ngx_http_vcita_oauth_page_t));

    page.status = NGX_HTTP_OK;
    page.title = "You are signed out";
    page.text = "This site has forgotten you. You may still be signed in at "
                "vcita.";

    return ngx_http_vcita_oauth_send_page(r, &page);
}


static ngx_int_t
ngx_http_vcita_oauth_logout_ask(ngx_http_request_t *r)
{
    ngx_http_vcita_oauth_page_t  page;

    ngx_memzero(&page, sizeof(ngx_http_vcita_oauth_page_t));

    page.status = NGX_HTTP_OK;
    page.title = "Do you want to sign out?";
    page.text = "Another site has sent you here.";
    page.link = "Sign out";
    page.button = 1;

    return ngx_http_vcita_oauth_send_page(r, &page);
}
