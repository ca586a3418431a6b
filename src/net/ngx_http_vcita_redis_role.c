
/*
 * Copyright (C) the vcita OAuth gate authors
 *
 * Whether a Redis is the master: what it says of itself, and what it refuses.
 *
 * HELLO tells the role to any user, unlike ROLE, which an ACL has to permit.
 */


#include <ngx_config.h>
#include <ngx_core.h>

#include "net/ngx_http_vcita_redis.h"


/* between two questions for the role of a server in use, at least */
#define NGX_HTTP_VCITA_REDIS_ROLE_PACE     2000

/* how long a server that hides its role is avoided after it refused a write */
#define NGX_HTTP_VCITA_REDIS_ROLE_SUSPECT  4000


static ngx_int_t ngx_http_vcita_redis_role_check(ngx_http_vcita_redis_conn_t *t,
    ngx_http_vcita_redis_reply_t *reply, const char **why);
static ngx_uint_t ngx_http_vcita_redis_role_wanted(
    ngx_http_vcita_redis_conn_t *t);
static ngx_uint_t ngx_http_vcita_redis_role_suspect(
    ngx_http_vcita_redis_conn_t *t);
static ngx_uint_t ngx_http_vcita_redis_role_is(ngx_str_t *text,
    const char *word);


/* Whether the server is to be asked again; the caller then asks */

ngx_uint_t
ngx_http_vcita_redis_role_due(ngx_http_vcita_redis_conn_t *t)
{
    if (!ngx_http_vcita_redis_role_wanted(t)
        || ngx_current_msec - t->role.asked < NGX_HTTP_VCITA_REDIS_ROLE_PACE)
    {
        return 0;
    }

    t->role.asked = ngx_current_msec;

    return 1;
}


/* The reply to HELLO.  NGX_ERROR: the connection has to be given up */

ngx_int_t
ngx_http_vcita_redis_role_answer(ngx_http_vcita_redis_conn_t *t,
    ngx_http_vcita_redis_reply_t *reply)
{
    ngx_int_t    rc;
    const char  *why;

    t->role.asked = ngx_current_msec;

    rc = ngx_http_vcita_redis_role_check(t, reply, &why);

    if (rc == NGX_OK) {
        return NGX_OK;
    }

    /* while the master is looked for, a replica is nothing to report */

    if (rc == NGX_ERROR || t->state == NGX_HTTP_VCITA_REDIS_CONN_READY) {
        ngx_http_vcita_redis_log_say(t, "%s", why);
    }

    t->role.replica = (rc == NGX_DECLINED);
    t->elsewhere = 1;

    return NGX_ERROR;
}


/* The server has refused a command because it is not the master, or not yet */

void
ngx_http_vcita_redis_role_moved(ngx_http_vcita_redis_conn_t *t,
    ngx_http_vcita_redis_reply_t *reply)
{
    ngx_str_t    code;
    ngx_addr_t  *addr;

    ngx_http_vcita_redis_log_refused(t, reply);

    addr = ngx_http_vcita_redis_master_current(&t->master);
    ngx_http_vcita_redis_protocol_code(reply, &code);

    if (addr && !ngx_http_vcita_redis_role_is(&code, "LOADING")
        && addr->socklen <= sizeof(ngx_sockaddr_t)) {
        ngx_memcpy(&t->role.suspect, addr->sockaddr, addr->socklen);
        t->role.socklen = addr->socklen;
        t->role.since = ngx_current_msec;
    }

    t->elsewhere = 1;
}


/*
 * NGX_OK: it is the master, or it does not tell.  NGX_DECLINED: it is a
 * replica, and a master is wanted.  NGX_ERROR: it cannot be used.
 */

static ngx_int_t
ngx_http_vcita_redis_role_check(ngx_http_vcita_redis_conn_t *t,
    ngx_http_vcita_redis_reply_t *reply, const char **why)
{
    ngx_str_t   *mode, *role;
    ngx_uint_t   suspect;

    *why = "is not the master any more, looking for the master";

    mode = ngx_http_vcita_redis_protocol_member(reply, "mode");
    role = ngx_http_vcita_redis_protocol_member(reply, "role");
    suspect = ngx_http_vcita_redis_role_suspect(t);

    if (ngx_http_vcita_redis_role_is(mode, "cluster")) {
        *why = "is a node of a cluster, which is not supported; name a server "
               "whose cluster-enabled is no";
        return NGX_ERROR;
    }

    if (ngx_http_vcita_redis_role_is(mode, "sentinel")) {
        *why = "is a Sentinel, use redis+sentinel://";
        return NGX_ERROR;
    }

    if (role == NULL) {
        return (suspect && ngx_current_msec - t->role.since
                           < NGX_HTTP_VCITA_REDIS_ROLE_SUSPECT)
               ? NGX_DECLINED : NGX_OK;
    }

    if (ngx_http_vcita_redis_role_is(role, "master")) {

        if (suspect) {
            t->role.socklen = 0;
        }

        return NGX_OK;
    }

    return ngx_http_vcita_redis_role_wanted(t) ? NGX_DECLINED : NGX_OK;
}


/* a replica at the only address is read from until it has refused a write */

static ngx_uint_t
ngx_http_vcita_redis_role_wanted(ngx_http_vcita_redis_conn_t *t)
{
    return t->conf->finder || t->role.socklen;
}


static ngx_uint_t
ngx_http_vcita_redis_role_suspect(ngx_http_vcita_redis_conn_t *t)
{
    ngx_addr_t  *addr;

    addr = ngx_http_vcita_redis_master_current(&t->master);

    return t->role.socklen && addr
           && ngx_cmp_sockaddr(addr->sockaddr, addr->socklen,
                               &t->role.suspect.sockaddr, t->role.socklen, 1)
              == NGX_OK;
}


static ngx_uint_t
ngx_http_vcita_redis_role_is(ngx_str_t *text, const char *word)
{
    return text && text->len == ngx_strlen(word)
           && ngx_memcmp(text->data, word, text->len) == 0;
}
