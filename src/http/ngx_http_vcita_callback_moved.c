
/*
 * Copyright (C) the vcita OAuth gate authors
 *
 * A callback whose path a proxy or a rewrite has changed on its way to this
 * server.  It is recognised by a state that opens.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "http/ngx_http_vcita_http.h"
#include "util/ngx_http_vcita_query.h"


#define ngx_http_vcita_callback_moved_name(name, s)                           \
    ((name)->len == sizeof(s) - 1                                             \
     && ngx_memcmp((name)->data, s, sizeof(s) - 1) == 0)


static ngx_uint_t ngx_http_vcita_callback_moved_looks(ngx_str_t *query);
static ngx_int_t ngx_http_vcita_callback_moved_find(ngx_http_request_t *r,
    ngx_http_vcita_ctx_t *ctx, ngx_str_t *query);
static ngx_int_t ngx_http_vcita_callback_moved_open(ngx_http_request_t *r,
    ngx_http_vcita_ctx_t *ctx, ngx_str_t *state);


/*
 * Looks for a valid state in a query at another path than the callback's.  If
 * there is one, hides the query and sets ctx->moved.  If the host of a
 * redirect_uri has variables that are not set yet, ctx->suspect makes the
 * access handler look again.
 */

ngx_int_t
ngx_http_vcita_callback_moved(ngx_http_request_t *r, ngx_http_vcita_ctx_t *ctx,
    ngx_str_t *query)
{
    size_t                      size;
    ngx_int_t                   rc;
    ngx_http_variable_value_t  *saved;
    ngx_http_core_main_conf_t  *cmcf;

    if (!ngx_http_vcita_callback_moved_looks(query)) {
        return NGX_DECLINED;
    }

    /* variables evaluated for a foreign state must not stay cached */

    cmcf = ngx_http_get_module_main_conf(r, ngx_http_core_module);

    size = cmcf->variables.nelts * sizeof(ngx_http_variable_value_t);

    saved = ngx_palloc(r->pool, size);
    if (saved == NULL) {
        return NGX_ERROR;
    }

    ngx_memcpy(saved, r->variables, size);

    rc = ngx_http_vcita_callback_moved_find(r, ctx, query);

    ngx_memcpy(r->variables, saved, size);

    ctx->origin_client = NULL;

    if (rc != NGX_OK) {
        ctx->query = *query;
        return rc;
    }

    ctx->suspect = 0;

    if (ngx_http_vcita_headers_hide(r, ctx) != NGX_OK) {
        return NGX_ERROR;
    }

    ngx_log_error(NGX_LOG_ERR, r->connection->log, 0,
                  "a vcita callback has arrived at \"%V\" instead of \"%V\", "
                  "check whether a proxy or a rewrite changes its path, and "
                  "vcita_oauth_redirect_uri",
                  &r->unparsed_uri, &ctx->moved->redirect.path);

    return NGX_OK;
}


/* 1: the query has the parameters of a callback, undecoded */

static ngx_uint_t
ngx_http_vcita_callback_moved_looks(ngx_str_t *query)
{
    u_char      *p, *last;
    ngx_str_t    rest, name, value;
    ngx_uint_t   state, answer;

    /* fast path: few queries have a "state=" */

    last = query->data + query->len;
    p = query->data;

    do {
        p = memchr(p, '=', last - p);

        if (p == NULL) {
            return 0;
        }

        p++;

    } while (p - query->data < (ssize_t) sizeof("state=") - 1
             || ngx_strncmp(p - (sizeof("state=") - 1), "state=",
                            sizeof("state=") - 1)
                != 0);

    rest = *query;
    state = 0;
    answer = 0;

    while (ngx_http_vcita_query_next(&rest, &name, &value) == NGX_OK) {

        if (ngx_http_vcita_callback_moved_name(&name, "state")) {
            state = 1;

        } else if (ngx_http_vcita_callback_moved_name(&name, "code")
                   || ngx_http_vcita_callback_moved_name(&name, "error"))
        {
            answer = 1;
        }
    }

    return state && answer;
}


static ngx_int_t
ngx_http_vcita_callback_moved_find(ngx_http_request_t *r,
    ngx_http_vcita_ctx_t *ctx, ngx_str_t *query)
{
    ngx_int_t  rc;
    ngx_str_t  rest, name, value;

    rest = *query;

    while (ngx_http_vcita_query_next(&rest, &name, &value) == NGX_OK) {

        if (!ngx_http_vcita_callback_moved_name(&name, "state")) {
            continue;
        }

        rc = ngx_http_vcita_query_unescape(r->pool, &value);

        if (rc == NGX_OK) {
            rc = ngx_http_vcita_callback_moved_open(r, ctx, &value);
        }

        if (rc != NGX_DECLINED) {
            return rc;
        }
    }

    return NGX_DECLINED;
}


/* opens a state with the keys of each client of the server */

static ngx_int_t
ngx_http_vcita_callback_moved_open(ngx_http_request_t *r,
    ngx_http_vcita_ctx_t *ctx, ngx_str_t *state)
{
    ngx_int_t                       rc;
    ngx_uint_t                      i;
    ngx_http_vcita_client_t       **client;
    ngx_http_vcita_srv_conf_t      *vscf;
    ngx_http_vcita_login_state_t    s;

    vscf = ngx_http_get_module_srv_conf(r, ngx_http_vcita_oauth_module);

    client = vscf->clients.elts;

    for (i = 0; i < vscf->clients.nelts; i++) {

        rc = ngx_http_vcita_login_redirect_uri(r, ctx, client[i]);

        if (rc == NGX_OK) {
            rc = ngx_http_vcita_login_state_open(r, ctx, client[i], state, &s);
        }

        if (rc == NGX_OK) {
            ctx->moved = client[i];
        }

        if (rc != NGX_DECLINED) {
            return rc;
        }

        if (client[i]->redirect.host) {
            ctx->suspect = 1;
        }
    }

    return NGX_DECLINED;
}


/* The response in a gated location */

ngx_int_t
ngx_http_vcita_callback_moved_answer(ngx_http_request_t *r,
    ngx_http_vcita_ctx_t *ctx)
{
    ngx_str_t              uri;
    ngx_http_vcita_page_t  page;

    ngx_memzero(&page, sizeof(ngx_http_vcita_page_t));
    ngx_str_set(&ctx->error, "callback_elsewhere");
    ngx_str_set(&uri, "/");
    page.status = NGX_HTTP_BAD_REQUEST;

    ngx_http_vcita_errors_count(r, &ctx->error);

    if (ngx_http_vcita_login_redirect_uri(r, ctx, ctx->moved) == NGX_ERROR
        || ngx_http_vcita_page_link(r, ctx, &uri, &page) != NGX_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return ngx_http_vcita_page_error(r, ctx, &page);
}
