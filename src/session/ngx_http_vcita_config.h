
/*
 * Copyright (C) the vcita OAuth gate authors
 *
 * The configuration as src/conf leaves it and src/http reads it.  It knows no
 * requests.
 */


#ifndef _NGX_HTTP_VCITA_CONFIG_H_INCLUDED_
#define _NGX_HTTP_VCITA_CONFIG_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "net/ngx_http_vcita_fetch.h"
#include "session/ngx_http_vcita_jwks.h"
#include "session/ngx_http_vcita_place.h"
#include "session/ngx_http_vcita_rate.h"
#include "session/ngx_http_vcita_revocation.h"
#include "session/ngx_http_vcita_session.h"
#include "session/ngx_http_vcita_settings.h"
#include "session/ngx_http_vcita_stats.h"
#include "session/ngx_http_vcita_store.h"
#include "util/ngx_http_vcita_cookie.h"
#include "util/ngx_http_vcita_hash.h"
#include "util/ngx_http_vcita_memo.h"
#include "util/ngx_http_vcita_seal.h"
#include "util/ngx_http_vcita_string.h"
#include "vcita/ngx_http_vcita_assertion.h"
#include "vcita/ngx_http_vcita_protocol.h"


#define NGX_HTTP_VCITA_OFF            0
#define NGX_HTTP_VCITA_ON             1
#define NGX_HTTP_VCITA_OPTIONAL       2
#define NGX_HTTP_VCITA_AUTO           2

#define NGX_HTTP_VCITA_AUTO_LOGIN     0
#define NGX_HTTP_VCITA_ALWAYS_LOGIN   1
#define NGX_HTTP_VCITA_NEVER_LOGIN    2

#define NGX_HTTP_VCITA_FORM           0
#define NGX_HTTP_VCITA_JSON           1

#define NGX_HTTP_VCITA_LAX            0
#define NGX_HTTP_VCITA_NONE           1

/* cookie names of a server, in pairs: one pair for each client */
#define NGX_HTTP_VCITA_SESSION        0
#define NGX_HTTP_VCITA_LOGIN          1
#define NGX_HTTP_VCITA_COOKIES        2


/* the file and line of a directive */

typedef struct {
    u_char                       *file;
    ngx_uint_t                    line;
} ngx_http_vcita_origin_t;


/* Keys of one session key that derive values instead of sealing */

typedef struct {
    ngx_http_vcita_hash_key_t     pkce;
    ngx_http_vcita_hash_key_t     nonce;
} ngx_http_vcita_derive_t;


/* A redirect_uri: scheme with "://", host[:port], path */

typedef struct {
    ngx_str_t                     uri;
    ngx_str_t                     scheme;
    ngx_str_t                     authority;
    ngx_str_t                     path;
    ngx_str_t                     callback;   /* in the form of r->uri */
    ngx_http_complex_value_t     *host;       /* NULL: it is literal */
} ngx_http_vcita_redirect_t;


/* An authorize_endpoint; its host[:port] is a part of it */

typedef struct {
    ngx_str_t                     url;
    ngx_str_t                     authority;
    ngx_http_complex_value_t     *host;       /* NULL: it is literal */
} ngx_http_vcita_authorize_url_t;


/* "secrets" begins with the contents of "files" */

typedef struct {
    ngx_array_t                  *files;      /* ngx_str_t */
    ngx_array_t                  *secrets;    /* ngx_str_t */
} ngx_http_vcita_key_files_t;


/* Clients are compared by the first two fields */

typedef struct {
    ngx_array_t                            *names;     /* NULL: not set */
    ngx_str_t                               secret;    /* the file's SHA-256 */
    ngx_http_vcita_assertion_signer_t       signer;
} ngx_http_vcita_client_key_t;


/* When a session without requests ends; seconds, 0: never */

typedef struct {
    time_t                        timeout;
    ngx_uint_t                    all;        /* not only navigations count */
} ngx_http_vcita_idle_t;


/* The session store as configured, and the store itself */

typedef struct {
    ngx_str_t                     text;
    ngx_http_vcita_store_t       *store;      /* NULL: in the cookie */
} ngx_http_vcita_store_conf_t;


typedef struct {

    /* as configured */

    ngx_http_vcita_directives(ngx_http_vcita_directive_member,
                              ngx_http_vcita_directive_none,
                              ngx_http_vcita_directive_none)

    ngx_http_vcita_origin_t       origin[NGX_HTTP_VCITA_SETTINGS];

    /* made of it */

    ngx_http_vcita_seal_t         session_seal;
    ngx_http_vcita_seal_t         state_seal;
    ngx_array_t                   derive;

    ngx_http_vcita_cookie_t       session_cookie;
    ngx_http_vcita_cookie_t       login_cookie;

    ngx_http_vcita_endpoint_t     endpoint;
    ngx_array_t                   authorize;  /* ..._authorize_t * */

    ngx_uint_t                    jwks;       /* set + 1, 0: not looked up */

    unsigned                      ready:1;
    unsigned                      https:1;
    unsigned                      identified:1; /* vcita has sent an id_token */
    unsigned                      unbound:1;    /* the warning was logged */
} ngx_http_vcita_client_t;


/*
 * The authorize parameters of a location.  A state identifies them by a hash of
 * four bytes, since the callback may run in another location.  If two of one
 * client share a hash, a login that starts again may send the other one's.
 */

typedef struct {
    uint32_t                      id;
    ngx_str_t                     prefix;     /* up to "&state=" */
    ngx_str_t                     authority;  /* in it, if "host" is set */
    ngx_http_complex_value_t     *host;
    ngx_str_t                     scope;
    unsigned                      openid:1;
} ngx_http_vcita_authorize_t;


/* How often vcita is asked about a session; seconds */

typedef struct {
    time_t                        interval;   /* 0: never */
    time_t                        stale;
} ngx_http_vcita_revalidate_t;


/* what this worker has opened; NULL: nothing yet */

typedef struct {
    ngx_http_vcita_memo_t        *memo;
    ngx_event_t                   timer;
} ngx_http_vcita_remembered_t;


typedef struct {
    ngx_http_vcita_rate_t         rate;
    ngx_http_vcita_places_t       places;
    ngx_http_vcita_revocation_t   revocation;
    ngx_http_vcita_statistics_t   statistics;
    ngx_http_vcita_remembered_t   remembered;
    ngx_http_vcita_jwks_t         jwks;
    ngx_array_t                   zones;      /* ..._store_t * */
    ngx_array_t                   servers;    /* ..._store_t *, in Redis */
    X509_STORE                   *system_store;
    ngx_uint_t                    gates;      /* unsigned  gates:1; */
    ngx_uint_t                    revalidates;
                                              /* unsigned  revalidates:1; */
    ngx_uint_t                    bearers;    /* unsigned  bearers:1; */
    ngx_int_t                     request_id; /* a variable's index */
    ngx_array_t                   ruled;      /* ngx_str_t, variables */
    ngx_array_t                   wanted;     /* ..._claims_wanted_t, claims */
} ngx_http_vcita_main_conf_t;


/* a vcita_oauth_header */

typedef struct {
    ngx_str_t                     name;
    ngx_str_t                     lowcase;
    ngx_uint_t                    hash;       /* of lowcase */
    ngx_str_t                     letters;    /* and digits of lowcase */
    ngx_str_t                     variable;
    ngx_int_t                     index;      /* of the variable */
} ngx_http_vcita_header_t;


/* The names of the headers that a server removes from all its requests */

typedef struct {
    ngx_array_t                   letters;    /* ngx_str_t */
    u_char                        ends[256];  /* 1: a name may end so */
} ngx_http_vcita_header_names_t;


/* The clients of a server; empty if nothing in the server is gated */

typedef struct {
    ngx_array_t                   clients;    /* ..._client_t * */
    ngx_array_t                   cookies;    /* ngx_str_t, in pairs */
    ngx_array_t                   stems;      /* ngx_str_t, of a pair */
    ngx_http_vcita_header_names_t  *headers;  /* NULL: none */
} ngx_http_vcita_srv_conf_t;


typedef struct {
    ngx_http_vcita_directives(ngx_http_vcita_directive_none,
                              ngx_http_vcita_directive_member,
                              ngx_http_vcita_directive_none)

    ngx_http_vcita_client_t      *client;
    ngx_array_t                  *rules;      /* NULL: none */
    ngx_array_t                  *headers;    /* ..._header_t; NULL: none */
    ngx_http_vcita_authorize_t   *authorize;
    ngx_http_complex_value_t     *logout_uri;
    ngx_uint_t                    logout;     /* unsigned  logout:1; */
    ngx_uint_t                    merged;     /* unsigned  merged:1; */

    ngx_http_vcita_origin_t       origin[NGX_HTTP_VCITA_SETTINGS];
} ngx_http_vcita_loc_conf_t;


char *ngx_http_vcita_config_text(ngx_conf_t *cf, void *post, void *data);
char *ngx_http_vcita_config_error(ngx_conf_t *cf, ngx_uint_t level,
    ngx_http_vcita_origin_t *origin, const char *fmt, ...);
void ngx_http_vcita_config_origin(ngx_conf_t *cf,
    ngx_http_vcita_origin_t *origin);


extern ngx_module_t  ngx_http_vcita_oauth_module;


#endif /* _NGX_HTTP_VCITA_CONFIG_H_INCLUDED_ */
