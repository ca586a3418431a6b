
/*
 * Copyright (C) the vcita OAuth gate authors
 */


#ifndef _NGX_HTTP_VCITA_SESSION_H_INCLUDED_
#define _NGX_HTTP_VCITA_SESSION_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>

#include "util/ngx_http_vcita_hot.h"
#include "vcita/ngx_http_vcita_claims.h"


#define NGX_HTTP_VCITA_SESSION_ID       16

/* the longest encoding of "changed" */
#define NGX_HTTP_VCITA_SESSION_CHANGED  (3 + 8)

/* seconds that a store keeps a session that has not been let in yet */
#define NGX_HTTP_VCITA_SESSION_PROVISIONAL  300

/* tolerated clock difference between machines, in seconds */
#define NGX_HTTP_VCITA_SKEW             60


/*
 * Times are Unix time, "created" and "changed" in milliseconds, the others in
 * seconds.  A decoded session points into its text.  "seen" is the last
 * navigation, 0: none since the login.  "changed" is when vcita changed the
 * claims, 0: never since the login.  A session is provisional until the rules
 * of a location have let it in.
 */

typedef struct {
    uint64_t                     created;
    time_t                       seen;
    time_t                       expires;
    uint64_t                     changed;

    ngx_str_t                    id;
    ngx_str_t                    token;
    ngx_str_t                    token_type;
    ngx_str_t                    scope;

    ngx_str_t                    text;
    ngx_str_t                    claims;

    unsigned                     hex:1;    /* token: as bytes */
    unsigned                     bound:1;  /* the cookie has old claims */
    unsigned                     provisional:1;
    unsigned                     shared:1; /* other requests read the text */
} ngx_http_vcita_session_t;


ngx_int_t ngx_http_vcita_session_encode(ngx_pool_t *pool,
    ngx_http_vcita_session_t *s, ngx_array_t *claims, size_t limit,
    ngx_str_t *text);
ngx_int_t ngx_http_vcita_session_decode(ngx_str_t *text,
    ngx_http_vcita_session_t *s);
ngx_int_t ngx_http_vcita_session_reencode(ngx_pool_t *pool,
    ngx_http_vcita_session_t *s, ngx_str_t *text);
ngx_int_t ngx_http_vcita_session_with(ngx_pool_t *pool,
    ngx_http_vcita_session_t *s, ngx_str_t *claims, ngx_str_t *text);
ngx_int_t ngx_http_vcita_session_claims_get(ngx_http_vcita_session_t *s,
    ngx_str_t *name, ngx_str_t *value) ngx_http_vcita_hot;
ngx_int_t ngx_http_vcita_session_claims_get_array(ngx_http_vcita_session_t *s,
    ngx_str_t *name, ngx_str_t *lengths, ngx_str_t *value);
ngx_int_t ngx_http_vcita_session_token(ngx_http_vcita_session_t *s,
    ngx_pool_t *pool, ngx_str_t *token);


time_t ngx_http_vcita_session_left(ngx_http_vcita_session_t *s, time_t now,
    time_t timeout, time_t idle) ngx_http_vcita_hot;
time_t ngx_http_vcita_session_age(ngx_http_vcita_session_t *s, time_t now);
time_t ngx_http_vcita_session_ttl(ngx_http_vcita_session_t *s, time_t now,
    time_t left);
ngx_uint_t ngx_http_vcita_session_slides(ngx_http_vcita_session_t *s,
    time_t now, time_t idle) ngx_http_vcita_hot;


/* name length, name, value */
#define NGX_HTTP_VCITA_TAG_CLAIM       0x10

/* name length, name, number of elements, their lengths, value */
#define NGX_HTTP_VCITA_TAG_ARRAY       0x11

/* flag of both: from an id_token, which userinfo does not repeat */
#define NGX_HTTP_VCITA_TAG_ONCE        0x02

#define NGX_HTTP_VCITA_TAG_KIND        0x03


/* true for the tag of a claim */

#define ngx_http_vcita_session_claims_is_tag(tag)                             \
    (((tag) & ~NGX_HTTP_VCITA_TAG_KIND)                                       \
     == NGX_HTTP_VCITA_TAG_CLAIM)


size_t ngx_http_vcita_session_claims_fit(ngx_array_t *claims, size_t size,
    size_t limit);
u_char *ngx_http_vcita_session_claims_put(u_char *p, ngx_array_t *claims);
ngx_int_t ngx_http_vcita_session_claims_replace(ngx_pool_t *pool,
    ngx_http_vcita_session_t *s, ngx_array_t *claims, size_t limit,
    ngx_str_t *text);


#endif /* _NGX_HTTP_VCITA_SESSION_H_INCLUDED_ */
