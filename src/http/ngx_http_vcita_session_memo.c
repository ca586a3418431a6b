
/*
 * Copyright (C) the vcita OAuth gate authors
 *
 * The sessions that this worker has opened recently, by their cookies.  The
 * memo keeps the content of a cookie, not a decision: the look-up checks at
 * each use whether the session still lets a request in.  Sessions in a store
 * are not kept, since only the store knows whether they still exist.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "http/ngx_http_vcita_http.h"


/* seconds, the longest time of a timer */
#define NGX_HTTP_VCITA_MEMO_LATER  3600


/* the data of an entry: the text that the session points into follows */

typedef struct {
    ngx_http_vcita_session_t       session;
    ngx_uint_t                     sealed_by;
} ngx_http_vcita_session_memo_t;


static ngx_int_t ngx_http_vcita_session_memo_start(
    ngx_http_vcita_remembered_t *m) ngx_http_vcita_hot;
static void ngx_http_vcita_session_memo_arm(ngx_http_vcita_remembered_t *m,
    time_t left);
static void ngx_http_vcita_session_memo_expire(ngx_event_t *ev);
static void ngx_http_vcita_session_memo_cleanup(void *data);


/*
 * Looks up ctx->cookie.  NGX_OK: ctx->session is set, and the request holds its
 * entry until it ends.  NGX_DECLINED: the memo does not have the cookie.
 */

ngx_int_t
ngx_http_vcita_session_memo_find(ngx_http_request_t *r,
    ngx_http_vcita_ctx_t *ctx, ngx_http_vcita_client_t *client,
    ngx_http_vcita_memo_key_t *key, ngx_http_vcita_memo_entry_t **entry)
{
    ngx_http_vcita_main_conf_t     *vmcf;
    ngx_http_vcita_session_memo_t  *data;

    *entry = NULL;

    vmcf = ngx_http_get_module_main_conf(r, ngx_http_vcita_oauth_module);

    if (ngx_http_vcita_session_memo_start(&vmcf->remembered) != NGX_OK) {
        return NGX_DECLINED;
    }

    key->owner = client;
    key->kind = NGX_HTTP_VCITA_SESSION;
    key->value = ctx->cookie;

    *entry = ngx_http_vcita_memo_find(vmcf->remembered.memo, key);

    if (*entry == NULL) {
        return NGX_DECLINED;
    }

    if (ngx_http_vcita_ctx_hold(r, ctx, *entry) != NGX_OK) {
        *entry = NULL;
        return NGX_ERROR;
    }

    data = (*entry)->data;

    ctx->session = data->session;
    ctx->sealed_by = data->sealed_by;

    return NGX_OK;
}


/*
 * The entry of a key that is not a cookie's, held until the request ends; NULL:
 * the memo does not have it
 */

ngx_http_vcita_memo_entry_t *
ngx_http_vcita_session_memo_other(ngx_http_request_t *r,
    ngx_http_vcita_ctx_t *ctx, ngx_http_vcita_memo_key_t *key)
{
    ngx_http_vcita_main_conf_t   *vmcf;
    ngx_http_vcita_memo_entry_t  *entry;

    vmcf = ngx_http_get_module_main_conf(r, ngx_http_vcita_oauth_module);

    if (ngx_http_vcita_session_memo_start(&vmcf->remembered) != NGX_OK) {
        return NULL;
    }

    entry = ngx_http_vcita_memo_find(vmcf->remembered.memo, key);

    if (entry && ngx_http_vcita_ctx_hold(r, ctx, entry) != NGX_OK) {
        return NULL;
    }

    return entry;
}


/*
 * A new entry for such a key, held likewise and not kept yet; NULL: the memo
 * has the key, or does not take it
 */

ngx_http_vcita_memo_entry_t *
ngx_http_vcita_session_memo_create(ngx_http_request_t *r,
    ngx_http_vcita_ctx_t *ctx, ngx_http_vcita_memo_key_t *key, size_t size)
{
    ngx_http_vcita_main_conf_t   *vmcf;
    ngx_http_vcita_memo_entry_t  *entry;

    vmcf = ngx_http_get_module_main_conf(r, ngx_http_vcita_oauth_module);

    if (vmcf->remembered.memo == NULL) {
        return NULL;
    }

    entry = ngx_http_vcita_memo_find(vmcf->remembered.memo, key);

    if (entry) {
        ngx_http_vcita_memo_release(entry);
        return NULL;
    }

    entry = ngx_http_vcita_memo_entry(vmcf->remembered.memo, key, size,
                                      r->connection->log);

    if (entry && ngx_http_vcita_ctx_hold(r, ctx, entry) != NGX_OK) {
        return NULL;
    }

    return entry;
}


/*
 * Decodes the text of a cookie into a new entry that is not kept yet; if the
 * memo does not take it, into the pool, and "entry" is NULL.  Wipes the text.
 * NGX_DECLINED: the text is not a session.
 */

ngx_int_t
ngx_http_vcita_session_memo_decode(ngx_http_request_t *r,
    ngx_http_vcita_ctx_t *ctx, ngx_http_vcita_memo_key_t *key,
    ngx_str_t *text, ngx_http_vcita_memo_entry_t **entry)
{
    ngx_int_t                       rc;
    ngx_str_t                       copy;
    ngx_http_vcita_main_conf_t     *vmcf;
    ngx_http_vcita_memo_entry_t    *e;
    ngx_http_vcita_session_memo_t  *data;

    vmcf = ngx_http_get_module_main_conf(r, ngx_http_vcita_oauth_module);

    data = NULL;
    e = NULL;

    if (vmcf->remembered.memo) {
        e = ngx_http_vcita_memo_entry(vmcf->remembered.memo, key,
                                      sizeof(ngx_http_vcita_session_memo_t)
                                      + text->len,
                                      r->connection->log);
    }

    copy.len = text->len;

    if (e) {
        data = e->data;
        copy.data = (u_char *) &data[1];

        rc = ngx_http_vcita_ctx_hold(r, ctx, e);

    } else {
        copy.data = ngx_pnalloc(r->pool, copy.len);

        rc = copy.data ? ngx_http_vcita_session_known_wipe(r->pool, &copy)
                       : NGX_ERROR;
    }

    if (rc == NGX_OK) {
        ngx_memcpy(copy.data, text->data, text->len);
    }

    ngx_explicit_memzero(text->data, text->len);

    if (rc != NGX_OK) {
        return NGX_ERROR;
    }

    *entry = e;

    if (e == NULL) {
        return ngx_http_vcita_session_decode(&copy, &ctx->session);
    }

    if (ngx_http_vcita_session_decode(&copy, &data->session) != NGX_OK) {
        return NGX_DECLINED;
    }

    data->session.shared = 1;
    data->sealed_by = ctx->sealed_by;

    ctx->session = data->session;

    return NGX_OK;
}


/* Keeps a new entry; its session has "left" seconds */

void
ngx_http_vcita_session_memo_keep(ngx_http_request_t *r,
    ngx_http_vcita_memo_entry_t *entry, time_t left)
{
    ngx_http_vcita_main_conf_t  *vmcf;

    if (entry == NULL || entry->kept) {
        return;
    }

    vmcf = ngx_http_get_module_main_conf(r, ngx_http_vcita_oauth_module);

    ngx_http_vcita_memo_keep(vmcf->remembered.memo, entry, ngx_time() + left);
    ngx_http_vcita_session_memo_arm(&vmcf->remembered, left);
}


/* Drops the entry of a cookie whose session has ended or changed */

void
ngx_http_vcita_session_memo_forget(ngx_http_request_t *r,
    ngx_http_vcita_client_t *client, ngx_str_t *cookie)
{
    ngx_http_vcita_memo_key_t     key;
    ngx_http_vcita_main_conf_t   *vmcf;
    ngx_http_vcita_memo_entry_t  *entry;

    vmcf = ngx_http_get_module_main_conf(r, ngx_http_vcita_oauth_module);

    if (vmcf->remembered.memo == NULL) {
        return;
    }

    key.owner = client;
    key.kind = NGX_HTTP_VCITA_SESSION;
    key.value = *cookie;

    entry = ngx_http_vcita_memo_find(vmcf->remembered.memo, &key);

    if (entry) {
        ngx_http_vcita_memo_drop(vmcf->remembered.memo, entry);
        ngx_http_vcita_memo_release(entry);
    }
}


/* each worker creates its memo at the first session */

static ngx_int_t
ngx_http_vcita_session_memo_start(ngx_http_vcita_remembered_t *m)
{
    ngx_event_t  *ev;

    if (m->memo) {
        return NGX_OK;
    }

    m->memo = ngx_http_vcita_memo_create(ngx_cycle->log);
    if (m->memo == NULL) {
        return NGX_ERROR;
    }

    ev = &m->timer;

    ngx_memzero(ev, sizeof(ngx_event_t));

    ev->handler = ngx_http_vcita_session_memo_expire;
    ev->data = m;
    ev->log = ngx_cycle->log;
    ev->cancelable = 1;

    return NGX_OK;
}


/* the timer fires when the first entry ends, or earlier */

static void
ngx_http_vcita_session_memo_arm(ngx_http_vcita_remembered_t *m, time_t left)
{
    ngx_msec_t  wait;

    wait = (ngx_msec_t) ngx_min(left, NGX_HTTP_VCITA_MEMO_LATER) * 1000;

    if (m->timer.timer_set
        && (ngx_msec_int_t) (m->timer.timer.key - ngx_current_msec)
           <= (ngx_msec_int_t) wait)
    {
        return;
    }

    ngx_add_timer(&m->timer, wait);
}


static void
ngx_http_vcita_session_memo_expire(ngx_event_t *ev)
{
    time_t                        now, next;
    ngx_http_vcita_remembered_t  *m;

    m = ev->data;
    now = ngx_time();

    next = ngx_http_vcita_memo_expire(m->memo, now);

    if (next) {
        ngx_http_vcita_session_memo_arm(m, next - now);
    }
}


/* Entries are found by the address of a client, so the memo ends with these */

ngx_int_t
ngx_http_vcita_session_memo_init(ngx_conf_t *cf,
    ngx_http_vcita_remembered_t *m)
{
    ngx_pool_cleanup_t  *cln;

    cln = ngx_pool_cleanup_add(cf->pool, 0);
    if (cln == NULL) {
        return NGX_ERROR;
    }

    cln->handler = ngx_http_vcita_session_memo_cleanup;
    cln->data = m;

    return NGX_OK;
}


static void
ngx_http_vcita_session_memo_cleanup(void *data)
{
    ngx_http_vcita_remembered_t *m = data;

    if (m->memo == NULL) {
        return;
    }

    if (m->timer.timer_set) {
        ngx_del_timer(&m->timer);
    }

    ngx_http_vcita_memo_destroy(m->memo);

    m->memo = NULL;
}
