
/*
 * Copyright (C) the vcita OAuth gate authors
 */


#ifndef _NGX_HTTP_VCITA_HTTP_H_INCLUDED_
#define _NGX_HTTP_VCITA_HTTP_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "net/ngx_http_vcita_fetch.h"
#include "session/ngx_http_vcita_rate.h"
#include "session/ngx_http_vcita_revocation.h"
#include "session/ngx_http_vcita_session.h"
#include "session/ngx_http_vcita_stats.h"
#include "session/ngx_http_vcita_store.h"
#include "util/ngx_http_vcita_cookie.h"
#include "util/ngx_http_vcita_hash.h"
#include "util/ngx_http_vcita_seal.h"
#include "util/ngx_http_vcita_string.h"
#include "vcita/ngx_http_vcita_assertion.h"
#include "vcita/ngx_http_vcita_protocol.h"


#define NGX_HTTP_VCITA_OFF            0
#define NGX_HTTP_VCITA_ON             1
#define NGX_HTTP_VCITA_OPTIONAL       2
#define NGX_HTTP_VCITA_AUTO           2

#define NGX_HTTP_VCITA_FORM           0
#define NGX_HTTP_VCITA_JSON           1

#define NGX_HTTP_VCITA_LAX            0
#define NGX_HTTP_VCITA_NONE           1

/* a sealed session, as the value of its cookie */
#define NGX_HTTP_VCITA_COOKIE_MAX     3800

#define NGX_HTTP_VCITA_RETURN_MAX     1024

/* how often a login starts again by itself */
#define NGX_HTTP_VCITA_ATTEMPTS       2

/* this many logins finished within so many seconds, and still no session */
#define NGX_HTTP_VCITA_LOOP           3
#define NGX_HTTP_VCITA_LOOP_TIME      60

/* what was sent to the authorize endpoint, kept in the state */
#define NGX_HTTP_VCITA_SENT_NONCE     0x01
#define NGX_HTTP_VCITA_SENT_PKCE      0x02
#define NGX_HTTP_VCITA_SENT_PROMPT    0x04

/* how a login began, if not by redirect_uri's way: beside ..._SENT_PROMPT */
#define NGX_HTTP_VCITA_BEGAN_HTTP     0x40
#define NGX_HTTP_VCITA_BEGAN_HOST     0x80
#define NGX_HTTP_VCITA_BEGAN          0xc0

/* a server's cookie names come in pairs, one for each client */
#define NGX_HTTP_VCITA_SESSION        0
#define NGX_HTTP_VCITA_LOGIN          1
#define NGX_HTTP_VCITA_COOKIES        2

/* a request's cookies of ours that its context has room for */
#define NGX_HTTP_VCITA_FOUND          4


/* where a directive stands */

typedef struct {
    u_char                       *file;
    ngx_uint_t                    line;
} ngx_http_vcita_origin_t;


/* keys that are not for sealing; one pair for each key of the session */

typedef struct {
    u_char                        pkce[NGX_HTTP_VCITA_KEY_LEN];
    u_char                        nonce[NGX_HTTP_VCITA_KEY_LEN];
} ngx_http_vcita_derive_t;


/* the settings that a client consists of: its directives, in order */

typedef enum {
    NGX_HTTP_VCITA_CLIENT_ID = 0,
    NGX_HTTP_VCITA_CLIENT_SECRET,
    NGX_HTTP_VCITA_CLIENT_ASSERTION_KEY,
    NGX_HTTP_VCITA_REDIRECT_URI,
    NGX_HTTP_VCITA_TOKEN_ENDPOINT,
    NGX_HTTP_VCITA_TOKEN_FORMAT,
    NGX_HTTP_VCITA_USERINFO_ENDPOINT,
    NGX_HTTP_VCITA_USERINFO,
    NGX_HTTP_VCITA_PKCE,
    NGX_HTTP_VCITA_ISSUER,
    NGX_HTTP_VCITA_SESSION_KEY_FILE,
    NGX_HTTP_VCITA_SESSION_TIMEOUT,
    NGX_HTTP_VCITA_SESSION_IDLE_TIMEOUT,
    NGX_HTTP_VCITA_LOGIN_TIMEOUT,
    NGX_HTTP_VCITA_SESSION_STORE,
    NGX_HTTP_VCITA_COOKIE_NAME,
    NGX_HTTP_VCITA_COOKIE_DOMAIN,
    NGX_HTTP_VCITA_COOKIE_SAMESITE,
    NGX_HTTP_VCITA_CONNECT_TIMEOUT,
    NGX_HTTP_VCITA_TIMEOUT,
    NGX_HTTP_VCITA_SSL_CERTIFICATE,
    NGX_HTTP_VCITA_SSL_VERIFY,
    NGX_HTTP_VCITA_HTTP_PROXY,
    NGX_HTTP_VCITA_SETTINGS
} ngx_http_vcita_setting_e;


/* a redirect_uri in its parts: scheme with "://", host[:port], the rest */

typedef struct {
    ngx_str_t                     uri;
    ngx_str_t                     scheme;
    ngx_str_t                     authority;
    ngx_str_t                     path;
    ngx_str_t                     callback;   /* as r->uri shows it */
    ngx_http_complex_value_t     *host;       /* NULL: it is literal */
} ngx_http_vcita_redirect_t;


/* the secrets are as many as the files, which come first */

typedef struct {
    ngx_array_t                  *files;      /* ngx_str_t */
    ngx_array_t                  *secrets;    /* ngx_str_t */
} ngx_http_vcita_key_files_t;


/* the file and the kid come first: by them two are compared */

typedef struct {
    ngx_array_t                            *names;     /* NULL: there is none */
    ngx_str_t                               secret;    /* the file's SHA-256 */
    ngx_http_vcita_assertion_signer_t       signer;
} ngx_http_vcita_client_key_t;


/* where sessions live: as configured, and the store */

typedef struct {
    ngx_str_t                     text;
    ngx_http_vcita_store_t       *store;      /* NULL: in the cookie */
} ngx_http_vcita_store_conf_t;


typedef struct {

    /* as configured */

    ngx_str_t                     client_id;
    ngx_str_t                     client_secret;
    ngx_http_vcita_client_key_t   assertion_key;
    ngx_http_vcita_redirect_t     redirect;
    ngx_str_t                     token_endpoint;
    ngx_uint_t                    token_format;
    ngx_str_t                     userinfo_endpoint;
    ngx_uint_t                    userinfo;
    ngx_flag_t                    pkce;
    ngx_str_t                     issuer;
    ngx_http_vcita_key_files_t    session_keys;
    time_t                        session_timeout;
    time_t                        session_idle_timeout; /* 0: off */
    time_t                        login_timeout;
    ngx_http_vcita_store_conf_t   storage;
    ngx_str_t                     cookie_name;
    ngx_str_t                     cookie_domain;
    ngx_uint_t                    cookie_samesite;
    ngx_msec_t                    connect_timeout;
    ngx_msec_t                    timeout;
    ngx_str_t                     ssl_certificate;
    ngx_flag_t                    ssl_verify;
    ngx_str_t                     http_proxy;

    ngx_http_vcita_origin_t       origin[NGX_HTTP_VCITA_SETTINGS];

    /* made of it */

    ngx_http_vcita_seal_t         session_seal;
    ngx_http_vcita_seal_t         state_seal;
    ngx_array_t                   derive;

    ngx_http_vcita_cookie_t       session_cookie;
    ngx_http_vcita_cookie_t       login_cookie;

    ngx_http_vcita_endpoint_t     endpoint;
    ngx_array_t                   authorize;  /* ..._authorize_t * */

    unsigned                      ready:1;
    unsigned                      https:1;
    unsigned                      identified:1; /* so far, by vcita */
    unsigned                      unbound:1;    /* was warned of */
} ngx_http_vcita_client_t;


/*
 * What a location sends to the authorize endpoint.  A state names it by a
 * hash, since a callback may land in another location.
 */

typedef struct {
    uint32_t                      id;
    ngx_str_t                     prefix;     /* up to "&state=" */
    ngx_str_t                     scope;
    unsigned                      openid:1;
    unsigned                      prompt:1;
} ngx_http_vcita_authorize_t;


/* when vcita is asked again about a session; seconds */

typedef struct {
    time_t                        interval;   /* 0: never */
    time_t                        stale;
} ngx_http_vcita_revalidate_t;


typedef struct {
    ngx_http_vcita_rate_t         rate;
    ngx_http_vcita_revocation_t   revocation;
    ngx_http_vcita_statistics_t   statistics;
    ngx_array_t                   zones;      /* ..._store_t * */
    X509_STORE                   *system_store;
    ngx_uint_t                    gates;      /* unsigned  gates:1; */
    ngx_uint_t                    revalidates;
                                              /* unsigned  revalidates:1; */
    ngx_int_t                     request_id; /* a variable's index */
    ngx_array_t                   ruled;      /* ngx_str_t, variables */
    ngx_array_t                   wanted;     /* ..._claims_wanted_t, claims */
} ngx_http_vcita_main_conf_t;


/* the clients of a server; it has none: it has no gate */

typedef struct {
    ngx_array_t                   clients;    /* ..._client_t * */
    ngx_array_t                   cookies;    /* ngx_str_t, in pairs */
    ngx_array_t                   stems;      /* ngx_str_t, of a pair */
} ngx_http_vcita_srv_conf_t;


typedef struct {
    ngx_uint_t                    gate;
    ngx_http_vcita_client_t      *client;
    ngx_array_t                  *scope;      /* ngx_str_t */
    ngx_array_t                  *rules;      /* NULL: none */
    ngx_http_vcita_revalidate_t   revalidate;
    ngx_str_t                     authorize_endpoint;
    ngx_str_t                     authorize_args;
    ngx_http_complex_value_t     *logout_uri;
    ngx_uint_t                    logout;     /* unsigned  logout:1; */

    ngx_http_vcita_authorize_t   *authorize;
    ngx_uint_t                    merged;     /* unsigned  merged:1; */

    ngx_http_vcita_origin_t       gate_origin;
    ngx_http_vcita_origin_t       rules_origin; /* a location's own */
    ngx_http_vcita_origin_t       logout_origin;
    ngx_http_vcita_origin_t       endpoint_origin;
    ngx_http_vcita_origin_t       args_origin;
} ngx_http_vcita_loc_conf_t;


/* what travels through vcita and back in the "state" parameter */

typedef struct {
    uint64_t                      issued;     /* milliseconds */
    ngx_uint_t                    attempt;
    ngx_uint_t                    sent;
    uint32_t                      authorize;
    u_char                        seed[NGX_HTTP_VCITA_SEAL_NONCE];
    u_char                        login[NGX_HTTP_VCITA_HASH_LEN];
    u_char                        session[8]; /* there was, or zeros */
    ngx_str_t                     return_uri;
    ngx_uint_t                    key;        /* that sealed it */
} ngx_http_vcita_login_state_t;


typedef struct ngx_http_vcita_exchange_s  ngx_http_vcita_exchange_t;
typedef struct ngx_http_vcita_revalidation_s  ngx_http_vcita_revalidation_t;
typedef struct ngx_http_vcita_session_save_s  ngx_http_vcita_session_save_t;


/* what a session store is asked for a request */

typedef struct {
    ngx_http_vcita_store_op_t     op;
    ngx_http_request_t           *request;
    unsigned                      waiting:1;
} ngx_http_vcita_wait_ask_t;


typedef struct ngx_http_vcita_ctx_s {
    ngx_array_t                     cookies;       /* ..._found_t */
    ngx_http_vcita_client_t        *callback;      /* this is its callback */
    ngx_http_vcita_client_t        *moved;         /* at another path */
    ngx_str_t                       query;         /* of the callback */

    ngx_http_vcita_client_t        *client;        /* session looked up in */
    ngx_http_vcita_session_t        session;
    ngx_str_t                       cookie;        /* that it came by */
    ngx_uint_t                      sealed_by;     /* which of the keys */
    ngx_uint_t                      looked;        /* how many cookies */
    ngx_int_t                       outcome;       /* when no longer looking */
    ngx_http_vcita_wait_ask_t      *load;
    ngx_http_vcita_session_save_t  *save;

    ngx_http_vcita_wait_ask_t      *end;           /* a logout's */
    ngx_uint_t                      ended;
    ngx_http_vcita_client_t        *renew;         /* to be sealed anew */

    ngx_http_vcita_client_t        *origin_client; /* of redirect_uri */
    ngx_str_t                       redirect_uri;
    ngx_str_t                       origin;
    ngx_str_t                       login;         /* the login cookie */
    ngx_uint_t                      finished;      /* logins, of late */
    time_t                          finished_at;

    ngx_str_t                       error;
    ngx_str_t                       error_description;
    const char                     *cause;         /* of it, for the log */
    const char                     *cause_page;
    ngx_uint_t                      status;        /* an error was answered */

    ngx_http_vcita_exchange_t      *exchange;
    ngx_http_vcita_revalidation_t  *revalidation;
    void                          **passed;        /* the gate, in there */
    void                          **asked;         /* the gate, in there */

    struct ngx_http_vcita_known_s  *known;         /* of other apps */
    struct ngx_http_vcita_ctx_s    *next;          /* of a subrequest */
    ngx_http_request_t             *request;       /* NULL: the client's */

    ngx_http_vcita_found_t          found[NGX_HTTP_VCITA_FOUND];

    unsigned                        looking:1;
    unsigned                        alive:1;
    unsigned                        called_back:1;
    unsigned                        redirected:1; /* internally */
    unsigned                        refused:1;    /* before it was read */
    unsigned                        suspect:1;    /* perhaps moved */
} ngx_http_vcita_ctx_t;


/* the request is a callback that has not been answered, by us or another */

#define ngx_http_vcita_is_callback(ctx)                                       \
    ((ctx)->callback && !(ctx)->called_back && !(ctx)->redirected)


/* entry */

ngx_int_t ngx_http_vcita_post_read_handler(ngx_http_request_t *r);
ngx_int_t ngx_http_vcita_post_read_late(ngx_http_request_t *r);

/* context */

ngx_http_vcita_ctx_t *ngx_http_vcita_ctx_create(ngx_http_request_t *r);
ngx_int_t ngx_http_vcita_ctx_hide(ngx_http_request_t *r,
    ngx_http_vcita_ctx_t *ctx);
ngx_http_vcita_ctx_t *ngx_http_vcita_ctx_get(ngx_http_request_t *r);
ngx_int_t ngx_http_vcita_ctx_next_cookie(ngx_http_request_t *r,
    ngx_http_vcita_ctx_t *ctx, ngx_http_vcita_client_t *client, ngx_uint_t kind,
    ngx_uint_t *next, ngx_str_t *value);

/* an answer made in a phase handler is the end of the request */

#define ngx_http_vcita_page_answered(r, rc)                                   \
    (ngx_http_finalize_request(r, rc), NGX_DONE)

/* gate */

ngx_int_t ngx_http_vcita_access_handler(ngx_http_request_t *r);

/* wait */

ngx_int_t ngx_http_vcita_wait(ngx_http_request_t *r);
void ngx_http_vcita_wait_wake(ngx_http_request_t *r);
ngx_http_vcita_wait_ask_t *ngx_http_vcita_wait_ask_create(ngx_http_request_t *r,
    ngx_http_vcita_store_t *store);
ngx_int_t ngx_http_vcita_wait_ask(ngx_http_vcita_wait_ask_t *ask,
    ngx_http_vcita_store_pt what);
ngx_int_t ngx_http_vcita_wait_ask_result(ngx_http_vcita_wait_ask_t *ask);
void ngx_http_vcita_wait_ask_cancel(ngx_http_vcita_wait_ask_t *ask);

/* look-up, keeping */

ngx_int_t ngx_http_vcita_session_load(ngx_http_request_t *r,
    ngx_http_vcita_ctx_t *ctx, ngx_http_vcita_client_t *client);
ngx_int_t ngx_http_vcita_session_save(ngx_http_request_t *r,
    ngx_http_vcita_ctx_t *ctx, ngx_http_vcita_client_t *client,
    ngx_str_t *text, time_t max_age);
ngx_int_t ngx_http_vcita_session_save_new(ngx_http_request_t *r,
    ngx_http_vcita_ctx_t *ctx, ngx_http_vcita_client_t *client, ngx_str_t *text,
    time_t max_age);
size_t ngx_http_vcita_session_save_room(ngx_http_vcita_client_t *client);
ngx_int_t ngx_http_vcita_session_save_result(ngx_http_request_t *r,
    ngx_http_vcita_ctx_t *ctx);

/* renewal */

ngx_int_t ngx_http_vcita_session_save_renew(ngx_http_request_t *r,
    ngx_http_vcita_ctx_t *ctx, ngx_http_vcita_loc_conf_t *vlcf);
void ngx_http_vcita_session_save_init(void);

/* rules */

ngx_int_t ngx_http_vcita_require_met(ngx_http_request_t *r,
    ngx_http_vcita_session_t *s, ngx_array_t *rules);
ngx_int_t ngx_http_vcita_require_init(ngx_conf_t *cf);
char *ngx_http_vcita_require_check(ngx_conf_t *cf,
    ngx_http_vcita_loc_conf_t *conf);
char *ngx_http_vcita_require(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);

/* state */

ngx_int_t ngx_http_vcita_login_state_seal(ngx_http_request_t *r,
    ngx_http_vcita_ctx_t *ctx, ngx_http_vcita_client_t *client,
    ngx_http_vcita_login_state_t *s, ngx_str_t *state);
ngx_int_t ngx_http_vcita_login_state_open(ngx_http_request_t *r,
    ngx_http_vcita_ctx_t *ctx, ngx_http_vcita_client_t *client,
    ngx_str_t *state, ngx_http_vcita_login_state_t *s);
ngx_int_t ngx_http_vcita_login_state_derive(ngx_http_vcita_ctx_t *ctx,
    ngx_http_vcita_login_state_t *s, u_char *key, ngx_str_t *text);

/* login */

ngx_int_t ngx_http_vcita_login(ngx_http_request_t *r,
    ngx_http_vcita_ctx_t *ctx, ngx_http_vcita_client_t *client,
    ngx_http_vcita_login_state_t *s);
ngx_int_t ngx_http_vcita_login_match(ngx_http_request_t *r,
    ngx_http_vcita_ctx_t *ctx, ngx_http_vcita_client_t *client,
    ngx_http_vcita_login_state_t *s);
ngx_int_t ngx_http_vcita_login_url(ngx_http_request_t *r,
    ngx_http_vcita_ctx_t *ctx, ngx_http_vcita_client_t *client,
    ngx_http_vcita_login_state_t *s, ngx_str_t *url);
ngx_int_t ngx_http_vcita_login_finished(ngx_http_request_t *r,
    ngx_http_vcita_ctx_t *ctx, ngx_http_vcita_client_t *client);
ngx_int_t ngx_http_vcita_login_loops(ngx_http_request_t *r,
    ngx_http_vcita_ctx_t *ctx, ngx_http_vcita_client_t *client);
ngx_int_t ngx_http_vcita_login_redirect_uri(ngx_http_request_t *r,
    ngx_http_vcita_ctx_t *ctx, ngx_http_vcita_client_t *client);
ngx_int_t ngx_http_vcita_login_return_uri(ngx_http_request_t *r,
    ngx_str_t *uri);

/* callback */

ngx_int_t ngx_http_vcita_callback_handler(ngx_http_request_t *r);

/* status */

ngx_int_t ngx_http_vcita_status_handler(ngx_http_request_t *r);

/* revalidation */

ngx_int_t ngx_http_vcita_revalidate(ngx_http_request_t *r,
    ngx_http_vcita_ctx_t *ctx, ngx_http_vcita_loc_conf_t *vlcf);

/* logout */

ngx_int_t ngx_http_vcita_logout_handler(ngx_http_request_t *r);

/* page */

typedef struct {
    ngx_uint_t                    status;
    const char                   *title;
    const char                   *text;
    ngx_str_t                     detail;     /* shown escaped */
    const char                   *link;
    ngx_str_t                     href;       /* escaped, too */
    ngx_uint_t                    refresh;    /* seconds, 0: not */
    unsigned                      button:1;   /* the link is a form */
    unsigned                      new_tab:1;
} ngx_http_vcita_page_t;


ngx_int_t ngx_http_vcita_page_error(ngx_http_request_t *r,
    ngx_http_vcita_ctx_t *ctx, ngx_http_vcita_page_t *page);
ngx_int_t ngx_http_vcita_page_error_content(ngx_http_request_t *r,
    ngx_http_vcita_ctx_t *ctx, ngx_http_vcita_page_t *page);
ngx_int_t ngx_http_vcita_page_answer(ngx_http_request_t *r,
    ngx_http_vcita_page_t *page);
ngx_int_t ngx_http_vcita_page_text(ngx_http_request_t *r, ngx_uint_t status,
    const char *text);
ngx_int_t ngx_http_vcita_page_link(ngx_http_request_t *r,
    ngx_http_vcita_ctx_t *ctx, ngx_str_t *uri, ngx_http_vcita_page_t *page);
ngx_int_t ngx_http_vcita_page_redirect(ngx_http_request_t *r,
    ngx_uint_t status, ngx_str_t *location);

/* headers */

ngx_table_elt_t *ngx_http_vcita_headers_add(ngx_http_request_t *r,
    const char *name, ngx_str_t *value);
ngx_int_t ngx_http_vcita_headers_private(ngx_http_request_t *r);
ngx_int_t ngx_http_vcita_headers_escape_html(ngx_pool_t *pool,
    ngx_str_t *text);

/* errors */

void ngx_http_vcita_errors_describe(ngx_http_vcita_ctx_t *ctx,
    ngx_http_vcita_page_t *page);
const char *ngx_http_vcita_errors_hint(ngx_http_vcita_client_t *client,
    ngx_str_t *error);
ngx_uint_t ngx_http_vcita_errors_is(ngx_str_t *error, const char *code);
ngx_uint_t ngx_http_vcita_errors_reason(ngx_str_t *error);
const char *ngx_http_vcita_errors_reason_name(ngx_uint_t reason);

/* variables */

ngx_int_t ngx_http_vcita_variables_add(ngx_conf_t *cf);
ngx_int_t ngx_http_vcita_variables_init(ngx_conf_t *cf);
ngx_int_t ngx_http_vcita_variables_wanted(ngx_conf_t *cf);

/* directives, settings, storage, clients, servers: configuration time */

char *ngx_http_vcita_directives_gate(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_vcita_directives_scope(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_vcita_directives_authorize_endpoint(ngx_conf_t *cf,
    ngx_command_t *cmd, void *conf);
char *ngx_http_vcita_directives_authorize_args(ngx_conf_t *cf,
    ngx_command_t *cmd, void *conf);
char *ngx_http_vcita_directives_rate(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_vcita_directives_default_scope(ngx_conf_t *cf,
    ngx_http_vcita_loc_conf_t *prev, ngx_http_vcita_loc_conf_t *conf);
void ngx_http_vcita_directives_merge_revalidate(
    ngx_http_vcita_revalidate_t *prev, ngx_http_vcita_revalidate_t *conf);
char *ngx_http_vcita_directives_revalidate(ngx_conf_t *cf,
    ngx_command_t *cmd, void *conf);
char *ngx_http_vcita_directives_logout(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_vcita_directives_status(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);

char *ngx_http_vcita_settings_set(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
ngx_http_vcita_client_t *ngx_http_vcita_settings_merge(ngx_conf_t *cf,
    ngx_http_vcita_client_t *prev, ngx_http_vcita_client_t *client);
ngx_uint_t ngx_http_vcita_settings_differ(ngx_http_vcita_client_t *a,
    ngx_http_vcita_client_t *b);
const char *ngx_http_vcita_settings_name(ngx_uint_t setting);
char *ngx_http_vcita_config_text(ngx_conf_t *cf, void *post, void *data);

char *ngx_http_vcita_secrets_client_secret(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_vcita_secrets_assertion_key(ngx_conf_t *cf,
    ngx_command_t *cmd, void *conf);
char *ngx_http_vcita_secrets_text(ngx_conf_t *cf, ngx_str_t *text);
char *ngx_http_vcita_secrets_key_file(ngx_conf_t *cf,
    ngx_command_t *cmd, void *conf);
char *ngx_http_vcita_secrets_proxy(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);

char *ngx_http_vcita_store_conf_directive(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);

char *ngx_http_vcita_url_conf_endpoint(ngx_conf_t *cf, void *post, void *data);
char *ngx_http_vcita_url_conf_redirect(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
ngx_uint_t ngx_http_vcita_url_conf_loopback(ngx_str_t *url);

char *ngx_http_vcita_client_conf_init(ngx_conf_t *cf,
    ngx_http_vcita_client_t *client, ngx_http_vcita_origin_t *user,
    const char *directive);

char *ngx_http_vcita_server_conf_merge(ngx_conf_t *cf,
    ngx_http_vcita_loc_conf_t *conf, ngx_uint_t redirect);
char *ngx_http_vcita_server_conf_register(ngx_conf_t *cf,
    ngx_http_vcita_loc_conf_t *conf);

char *ngx_http_vcita_config_error(ngx_conf_t *cf, ngx_uint_t level,
    ngx_http_vcita_origin_t *origin, const char *fmt, ...);
void ngx_http_vcita_config_origin(ngx_conf_t *cf,
    ngx_http_vcita_origin_t *origin);


extern ngx_module_t  ngx_http_vcita_oauth_module;


#endif /* _NGX_HTTP_VCITA_HTTP_H_INCLUDED_ */
