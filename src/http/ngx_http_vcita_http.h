
/*
 * Copyright (C) the vcita OAuth gate authors
 *
 * The request context, and the functions that the files of src/http share.
 */


#ifndef _NGX_HTTP_VCITA_HTTP_H_INCLUDED_
#define _NGX_HTTP_VCITA_HTTP_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "http/ngx_http_vcita_page.h"
#include "session/ngx_http_vcita_call.h"
#include "session/ngx_http_vcita_config.h"
#include "session/ngx_http_vcita_token_revoke.h"
#include "util/ngx_http_vcita_hot.h"


/* the longest cookie value of a session */
#define NGX_HTTP_VCITA_COOKIE_MAX     3800

#define NGX_HTTP_VCITA_RETURN_MAX     2048

/* so many logins in so many seconds without a session are a loop */
#define NGX_HTTP_VCITA_LOOP           3
#define NGX_HTTP_VCITA_LOOP_TIME      60

/* what the authorize request had; kept in the state */
#define NGX_HTTP_VCITA_SENT_NONCE     0x01
#define NGX_HTTP_VCITA_SENT_PKCE      0x02
#define NGX_HTTP_VCITA_SENT_PROMPT    0x04

/* state flag: the login belongs to a launch, whose address it returns to */
#define NGX_HTTP_VCITA_LAUNCHED       0x08

/* state flag: max_age and the two hosts follow the head */
#define NGX_HTTP_VCITA_STATE_MORE     0x20

/* the longest host in a state */
#define NGX_HTTP_VCITA_STATE_HOST     255

/* state flags: scheme or host differed from redirect_uri's */
#define NGX_HTTP_VCITA_BEGAN_HTTP     0x40
#define NGX_HTTP_VCITA_BEGAN_HOST     0x80
#define NGX_HTTP_VCITA_BEGAN          0xc0


/* the content of the "state" parameter */

typedef struct {
    uint64_t                      issued;     /* milliseconds */
    ngx_uint_t                    attempt;
    ngx_uint_t                    sent;
    uint32_t                      authorize;
    u_char                        seed[NGX_HTTP_VCITA_SEAL_NONCE];
    u_char                        login[NGX_HTTP_VCITA_HASH_LEN];
    u_char                        session[8]; /* the earlier one, or 0 */
    time_t                        max_age;    /* seconds, 0: any */
    ngx_str_t                     vcita_host; /* of authorize_endpoint */
    ngx_str_t                     host;       /* where the login began */
    ngx_str_t                     return_uri;
    ngx_uint_t                    key;        /* index of the key */
} ngx_http_vcita_login_state_t;


/*
 * issued, attempt, sent, authorize, login, session; where the flag says so,
 * max_age in 4 bytes, vcita_host and host, with 1 byte for the length of each;
 * the return address
 */

#define NGX_HTTP_VCITA_STATE_HEAD                                             \
    (8 + 1 + 1 + 4 + NGX_HTTP_VCITA_HASH_LEN + 8)


typedef struct ngx_http_vcita_exchange_s  ngx_http_vcita_exchange_t;
typedef struct ngx_http_vcita_revalidation_s  ngx_http_vcita_revalidation_t;
typedef struct ngx_http_vcita_session_save_s  ngx_http_vcita_session_save_t;
typedef struct ngx_http_vcita_bearer_s  ngx_http_vcita_bearer_t;


/* a store operation of a request */

typedef struct {
    ngx_http_vcita_store_op_t     op;
    ngx_http_request_t           *request;
    unsigned                      waiting:1;
} ngx_http_vcita_wait_ask_t;


/* values of ctx->event */

#define NGX_HTTP_VCITA_LOGGED_IN      1
#define NGX_HTTP_VCITA_LOGGED_OUT     2
#define NGX_HTTP_VCITA_REFUSED        3
#define NGX_HTTP_VCITA_REVOKED        4

/* variables about the person */

#define NGX_HTTP_VCITA_IDENTITY_EVENT         0
#define NGX_HTTP_VCITA_IDENTITY_SESSION_NAME  1
#define NGX_HTTP_VCITA_IDENTITY_SWITCH        2
#define NGX_HTTP_VCITA_IDENTITY_ACCOUNT       3


/* the session of an event */

typedef struct {
    ngx_http_vcita_session_t      session;
    ngx_http_vcita_client_t      *client;
} ngx_http_vcita_person_t;


typedef struct ngx_http_vcita_ctx_s {
    ngx_http_vcita_client_t        *callback;    /* set if this is a callback */
    ngx_http_vcita_client_t        *moved;         /* at another path */
    ngx_str_t                       query;         /* the callback's */

    ngx_http_vcita_client_t        *client;        /* session looked up in */
    ngx_str_t                       cookie;        /* of the session */
    ngx_uint_t                      sealed_by;     /* index of the key */
    ngx_http_vcita_memo_entry_t    *opened;        /* the first one, held */
    ngx_uint_t                      looked;        /* cookies tried */
    ngx_int_t                       outcome;       /* of the look-up */
    ngx_http_vcita_wait_ask_t      *load;
    ngx_http_vcita_session_save_t  *save;

    ngx_http_vcita_wait_ask_t      *end;           /* a logout's */
    ngx_uint_t                      ended;
    ngx_http_vcita_client_t        *renew;         /* seal the session again */

    ngx_http_vcita_client_t        *origin_client; /* of redirect_uri */
    ngx_str_t                       redirect_uri;
    ngx_str_t                       origin;        /* of the way back */
    ngx_str_t                       login;         /* the login cookie */
    ngx_uint_t                      finished;      /* recent logins */
    time_t                          finished_at;

    ngx_str_t                       error;
    ngx_str_t                       error_description;
    const char                     *cause;         /* of the error */
    ngx_http_vcita_text_e           cause_page;    /* none: by its code */
    ngx_uint_t                      status;        /* of the error response */

    ngx_http_vcita_exchange_t      *exchange;
    ngx_http_vcita_revalidation_t  *revalidation;
    ngx_http_vcita_bearer_t        *bearer;        /* a token, no cookie */
    void                          **passed;        /* where access passed */
    void                          **asked;         /* where access ran */

    ngx_uint_t                      event;         /* for the audit log */
    ngx_http_vcita_person_t        *person;        /* whose it is */
    ngx_http_vcita_client_t        *let_in;        /* by whose gate, or NULL */
    ngx_http_vcita_client_t        *signed_out;    /* by a logout */
    ngx_str_t                       switch_account;

    struct ngx_http_vcita_known_s  *known;         /* for other clients */
    struct ngx_http_vcita_ctx_s    *next;          /* of a subrequest */
    ngx_http_request_t             *request;       /* NULL: the client's */

#if (nginx_version < 1023000)
    ngx_table_elt_t                *cache_control; /* an array of one */
#endif

    unsigned                        looking:1;
    unsigned                        alive:1;
    unsigned                        token:1;      /* a Bearer token's */
    unsigned                        personal:1;   /* for no shared cache */
    unsigned                        called_back:1;
    unsigned                        redirected:1; /* internally */
    unsigned                        refused:1;    /* by nginx, early */
    unsigned                        suspect:1;    /* maybe moved */
    unsigned                        headed:1;     /* by vcita_oauth_header */
    unsigned                        unsent:1;     /* such a header, logged */
    unsigned                        posted:1;     /* what got a 401 */
    unsigned                        aged:1;       /* older than max_age */
    unsigned                        launched:1;   /* it needs a login */
    unsigned                        gated:1;      /* a gate has decided */
    unsigned                        forbidden:1;  /* a rule is not met */
    unsigned                        behind:1;     /* redirected since then */
    unsigned                        logging:1;    /* the log phase */
    unsigned                        marked:1;     /* a login after a logout */

    /* not zeroed by post_read, which sets two, and a look-up the session */

    ngx_array_t                     cookies;       /* ..._found_t, behind */
    ngx_pool_cleanup_t              cleanup;
    ngx_http_vcita_session_t        session;       /* of client, if alive */
} ngx_http_vcita_ctx_t;


/* 1: the login of the session was too long ago for this location */

#define ngx_http_vcita_is_aged(ctx, vlcf)                                     \
    ((vlcf)->max_age                                                          \
     && ngx_http_vcita_session_age(&(ctx)->session, ngx_time())               \
        > (vlcf)->max_age)

/* a callback without a response yet */

#define ngx_http_vcita_is_callback(ctx)                                       \
    ((ctx)->callback && !(ctx)->called_back && !(ctx)->redirected)


typedef enum {
    NGX_HTTP_VCITA_EXCHANGE_TOKEN = 0,
    NGX_HTTP_VCITA_EXCHANGE_ID_TOKEN,
    NGX_HTTP_VCITA_EXCHANGE_USERINFO,
    NGX_HTTP_VCITA_EXCHANGE_SESSION
} ngx_http_vcita_exchange_e;


/* the response after NGX_DECLINED */

typedef struct {
    ngx_uint_t                 status;
    const char                *error;     /* NULL: see ctx->error */
    ngx_uint_t                 retry_after;
    unsigned                   again:1;   /* a new login may help */
} ngx_http_vcita_exchange_failure_t;


struct ngx_http_vcita_exchange_s {
    ngx_http_request_t                *request;
    ngx_http_vcita_ctx_t              *ctx;
    ngx_http_vcita_client_t           *client;

    ngx_http_vcita_login_state_t       state;
    ngx_str_t                          code;

    ngx_http_vcita_exchange_e          step;
    ngx_http_vcita_call_t              call;
    ngx_http_vcita_exchange_failure_t  failure;

    ngx_http_vcita_token_t             token;
    ngx_http_vcita_token_revoke_t     *issued;    /* if the login fails */
    ngx_http_vcita_token_revoke_t     *replaced;  /* if it succeeds */
    ngx_str_t                          sub;       /* the id_token's */
    ngx_array_t                        id_token;  /* ..._member_t */
    ngx_array_t                        claims;    /* ..._member_t */

    unsigned                           saving:1;  /* the session */
};


/* "identified": vcita sends an id_token */

#define ngx_http_vcita_exchange_asks_userinfo(client, identified)             \
    ((client)->userinfo == NGX_HTTP_VCITA_ON                                  \
     || ((client)->userinfo == NGX_HTTP_VCITA_AUTO && !(identified)))

#define ngx_http_vcita_exchange_failed(x, code, reason)                       \
    ((x)->failure.status = code, (x)->failure.error = reason, NGX_DECLINED)

#define ngx_http_vcita_count(r, counter)                                      \
    ngx_http_vcita_stats_add(ngx_http_vcita_ctx_counters(r)->counter, 1)


/* post_read */

ngx_int_t ngx_http_vcita_post_read_handler(ngx_http_request_t *r)
    ngx_http_vcita_hot;
ngx_int_t ngx_http_vcita_post_read_late(ngx_http_request_t *r,
    ngx_http_vcita_srv_conf_t *vscf);

/* ctx */

void ngx_http_vcita_ctx_cleanup(void *data) ngx_http_vcita_hot;
u_char *ngx_http_vcita_ctx_query(ngx_str_t *text);
ngx_int_t ngx_http_vcita_ctx_hide(ngx_http_request_t *r,
    ngx_http_vcita_ctx_t *ctx);
ngx_http_vcita_ctx_t *ngx_http_vcita_ctx_get(ngx_http_request_t *r)
    ngx_http_vcita_hot;
ngx_int_t ngx_http_vcita_ctx_next_cookie(ngx_http_request_t *r,
    ngx_http_vcita_ctx_t *ctx, ngx_http_vcita_client_t *client, ngx_uint_t kind,
    ngx_uint_t *next, ngx_str_t *value) ngx_http_vcita_hot;
ngx_int_t ngx_http_vcita_ctx_hold(ngx_http_request_t *r,
    ngx_http_vcita_ctx_t *ctx, ngx_http_vcita_memo_entry_t *entry)
    ngx_http_vcita_hot;
ngx_http_vcita_stats_t *ngx_http_vcita_ctx_counters(ngx_http_request_t *r)
    ngx_http_vcita_hot;

/* access */

ngx_int_t ngx_http_vcita_access_handler(ngx_http_request_t *r)
    ngx_http_vcita_hot;
ngx_int_t ngx_http_vcita_access_closed(ngx_http_request_t *r,
    ngx_http_vcita_ctx_t *ctx, ngx_http_vcita_client_t *client);

/* bearer */

ngx_uint_t ngx_http_vcita_bearer_is_sent(ngx_http_request_t *r);
ngx_int_t ngx_http_vcita_bearer(ngx_http_request_t *r,
    ngx_http_vcita_ctx_t *ctx, ngx_http_vcita_loc_conf_t *vlcf);

/* challenge */

ngx_int_t ngx_http_vcita_challenge_header(ngx_http_request_t *r);
ngx_uint_t ngx_http_vcita_challenge_redirects(ngx_http_request_t *r);
void ngx_http_vcita_challenge_state(ngx_http_request_t *r,
    ngx_http_vcita_ctx_t *ctx, ngx_http_vcita_login_state_t *state);
ngx_int_t ngx_http_vcita_challenge_link(ngx_http_request_t *r,
    ngx_http_vcita_ctx_t *ctx, ngx_http_vcita_client_t *client,
    ngx_http_vcita_page_t *page);
ngx_int_t ngx_http_vcita_challenge_too_old(ngx_http_request_t *r,
    ngx_http_vcita_ctx_t *ctx);

/* wait */

ngx_int_t ngx_http_vcita_wait(ngx_http_request_t *r);
void ngx_http_vcita_wait_wake(ngx_http_request_t *r);
ngx_http_vcita_wait_ask_t *ngx_http_vcita_wait_ask_create(ngx_http_request_t *r,
    ngx_http_vcita_store_t *store);
ngx_int_t ngx_http_vcita_wait_ask(ngx_http_vcita_wait_ask_t *ask,
    ngx_http_vcita_store_pt what);
ngx_int_t ngx_http_vcita_wait_ask_result(ngx_http_vcita_wait_ask_t *ask);
void ngx_http_vcita_wait_ask_cancel(ngx_http_vcita_wait_ask_t *ask);

/* session_load */

ngx_int_t ngx_http_vcita_session_load(ngx_http_request_t *r,
    ngx_http_vcita_ctx_t *ctx, ngx_http_vcita_client_t *client)
    ngx_http_vcita_hot;
ngx_int_t ngx_http_vcita_session_load_token(ngx_http_request_t *r,
    ngx_http_vcita_ctx_t *ctx, ngx_http_vcita_client_t *client,
    ngx_http_vcita_session_t *s);
void ngx_http_vcita_session_load_share(ngx_http_vcita_ctx_t *ctx,
    ngx_http_vcita_ctx_t *main, ngx_http_vcita_client_t *client);

/* session_memo */

ngx_int_t ngx_http_vcita_session_memo_find(ngx_http_request_t *r,
    ngx_http_vcita_ctx_t *ctx, ngx_http_vcita_client_t *client,
    ngx_http_vcita_memo_key_t *key, ngx_http_vcita_memo_entry_t **entry)
    ngx_http_vcita_hot;
ngx_int_t ngx_http_vcita_session_memo_decode(ngx_http_request_t *r,
    ngx_http_vcita_ctx_t *ctx, ngx_http_vcita_memo_key_t *key,
    ngx_str_t *text, ngx_http_vcita_memo_entry_t **entry);
void ngx_http_vcita_session_memo_keep(ngx_http_request_t *r,
    ngx_http_vcita_memo_entry_t *entry, time_t left) ngx_http_vcita_hot;
void ngx_http_vcita_session_memo_forget(ngx_http_request_t *r,
    ngx_http_vcita_client_t *client, ngx_str_t *cookie);
ngx_int_t ngx_http_vcita_session_memo_init(ngx_conf_t *cf,
    ngx_http_vcita_remembered_t *m);

ngx_http_vcita_memo_entry_t *ngx_http_vcita_session_memo_other(
    ngx_http_request_t *r, ngx_http_vcita_ctx_t *ctx,
    ngx_http_vcita_memo_key_t *key);
ngx_http_vcita_memo_entry_t *ngx_http_vcita_session_memo_create(
    ngx_http_request_t *r, ngx_http_vcita_ctx_t *ctx,
    ngx_http_vcita_memo_key_t *key, size_t size);

/* session_save */

ngx_int_t ngx_http_vcita_session_save(ngx_http_request_t *r,
    ngx_http_vcita_ctx_t *ctx, ngx_http_vcita_client_t *client,
    ngx_str_t *text, time_t max_age);
ngx_int_t ngx_http_vcita_session_save_new(ngx_http_request_t *r,
    ngx_http_vcita_ctx_t *ctx, ngx_http_vcita_client_t *client,
    ngx_http_vcita_session_t *s, ngx_str_t *text, time_t max_age);
size_t ngx_http_vcita_session_save_room(ngx_http_vcita_client_t *client);
ngx_int_t ngx_http_vcita_session_save_result(ngx_http_request_t *r,
    ngx_http_vcita_ctx_t *ctx);
ngx_int_t ngx_http_vcita_session_save_renew(ngx_http_request_t *r,
    ngx_http_vcita_ctx_t *ctx, ngx_http_vcita_loc_conf_t *vlcf)
    ngx_http_vcita_hot;
void ngx_http_vcita_session_save_init(void);
void ngx_http_vcita_session_save_count(ngx_http_request_t *r,
    ngx_http_vcita_client_t *client);

/* require */

ngx_int_t ngx_http_vcita_require_met(ngx_http_request_t *r,
    ngx_http_vcita_session_t *s, ngx_array_t *rules);
ngx_int_t ngx_http_vcita_require_init(ngx_conf_t *cf);
char *ngx_http_vcita_require_check(ngx_conf_t *cf,
    ngx_http_vcita_loc_conf_t *conf);
char *ngx_http_vcita_require(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);

/* login_state */

ngx_int_t ngx_http_vcita_login_state_seal(ngx_http_request_t *r,
    ngx_http_vcita_ctx_t *ctx, ngx_http_vcita_client_t *client,
    ngx_http_vcita_login_state_t *s, ngx_str_t *state);
ngx_int_t ngx_http_vcita_login_state_open(ngx_http_request_t *r,
    ngx_http_vcita_ctx_t *ctx, ngx_http_vcita_client_t *client,
    ngx_str_t *state, ngx_http_vcita_login_state_t *s);
ngx_int_t ngx_http_vcita_login_state_derive(ngx_http_vcita_ctx_t *ctx,
    ngx_http_vcita_login_state_t *s, ngx_http_vcita_hash_key_t *key,
    ngx_str_t *text);

/* login_host */

ngx_int_t ngx_http_vcita_login_host_vcita(ngx_http_request_t *r,
    ngx_http_vcita_ctx_t *ctx, ngx_http_vcita_authorize_t *authorize,
    ngx_http_vcita_login_state_t *s);
u_char *ngx_http_vcita_login_host_prefix(u_char *p,
    ngx_http_vcita_authorize_t *authorize, ngx_http_vcita_login_state_t *s);
void ngx_http_vcita_login_host_own(ngx_http_request_t *r,
    ngx_http_vcita_ctx_t *ctx, ngx_http_vcita_client_t *client,
    ngx_str_t *host);
ngx_int_t ngx_http_vcita_login_host_origin(ngx_http_request_t *r,
    ngx_http_vcita_ctx_t *ctx, ngx_http_vcita_client_t *client,
    ngx_str_t *host);

/* login */

ngx_int_t ngx_http_vcita_login(ngx_http_request_t *r,
    ngx_http_vcita_ctx_t *ctx, ngx_http_vcita_client_t *client,
    ngx_http_vcita_login_state_t *s);
ngx_int_t ngx_http_vcita_login_query(ngx_http_request_t *r,
    ngx_http_vcita_ctx_t *ctx, ngx_http_vcita_client_t *client,
    ngx_http_vcita_login_state_t *s, ngx_http_vcita_authorize_t *authorize,
    ngx_str_t *url);
ngx_int_t ngx_http_vcita_login_match(ngx_http_request_t *r,
    ngx_http_vcita_ctx_t *ctx, ngx_http_vcita_client_t *client,
    ngx_http_vcita_login_state_t *s);
ngx_int_t ngx_http_vcita_login_url(ngx_http_request_t *r,
    ngx_http_vcita_ctx_t *ctx, ngx_http_vcita_client_t *client,
    ngx_http_vcita_login_state_t *s, ngx_str_t *url);
ngx_int_t ngx_http_vcita_login_finished(ngx_http_request_t *r,
    ngx_http_vcita_ctx_t *ctx, ngx_http_vcita_client_t *client);
ngx_int_t ngx_http_vcita_login_mark(ngx_http_request_t *r,
    ngx_http_vcita_ctx_t *ctx, ngx_http_vcita_client_t *client);
ngx_int_t ngx_http_vcita_login_loops(ngx_http_request_t *r,
    ngx_http_vcita_ctx_t *ctx, ngx_http_vcita_client_t *client);
ngx_int_t ngx_http_vcita_login_redirect_uri(ngx_http_request_t *r,
    ngx_http_vcita_ctx_t *ctx, ngx_http_vcita_client_t *client);
ngx_int_t ngx_http_vcita_login_return_uri(ngx_http_request_t *r,
    ngx_str_t *uri);

/* callback */

ngx_int_t ngx_http_vcita_callback_handler(ngx_http_request_t *r)
    ngx_http_vcita_hot;

/* launch */

ngx_int_t ngx_http_vcita_launch(ngx_http_request_t *r,
    ngx_http_vcita_ctx_t *ctx);
ngx_int_t ngx_http_vcita_launch_return(ngx_http_request_t *r,
    ngx_http_vcita_ctx_t *ctx, ngx_http_vcita_login_state_t *s);

/* status */

ngx_int_t ngx_http_vcita_status_handler(ngx_http_request_t *r);

/* revalidate */

ngx_int_t ngx_http_vcita_revalidate(ngx_http_request_t *r,
    ngx_http_vcita_ctx_t *ctx, ngx_http_vcita_loc_conf_t *vlcf)
    ngx_http_vcita_hot;

/* logout */

ngx_int_t ngx_http_vcita_logout_handler(ngx_http_request_t *r);

/* page */

ngx_int_t ngx_http_vcita_page_error(ngx_http_request_t *r,
    ngx_http_vcita_ctx_t *ctx, ngx_http_vcita_page_t *page);
ngx_int_t ngx_http_vcita_page_error_content(ngx_http_request_t *r,
    ngx_http_vcita_ctx_t *ctx, ngx_http_vcita_page_t *page);
ngx_int_t ngx_http_vcita_page_answer(ngx_http_request_t *r,
    ngx_http_vcita_page_t *page);
ngx_int_t ngx_http_vcita_page_link(ngx_http_request_t *r,
    ngx_http_vcita_ctx_t *ctx, ngx_str_t *uri, ngx_http_vcita_page_t *page);
ngx_int_t ngx_http_vcita_page_redirect(ngx_http_request_t *r,
    ngx_uint_t status, ngx_str_t *location);

/* headers */

ngx_table_elt_t *ngx_http_vcita_headers_add(ngx_http_request_t *r,
    const char *name, ngx_str_t *value);
ngx_int_t ngx_http_vcita_headers_challenge(ngx_http_request_t *r,
    ngx_str_t *value);
ngx_int_t ngx_http_vcita_headers_hide(ngx_http_request_t *r,
    ngx_http_vcita_ctx_t *ctx);
ngx_int_t ngx_http_vcita_headers_escape_html(ngx_pool_t *pool,
    ngx_str_t *text);

/* upstream_headers */

ngx_int_t ngx_http_vcita_upstream_headers_remove(ngx_http_request_t *r,
    ngx_http_vcita_header_names_t *names) ngx_http_vcita_hot;
ngx_int_t ngx_http_vcita_upstream_headers_clear(ngx_http_request_t *r,
    ngx_http_vcita_ctx_t *ctx);
ngx_int_t ngx_http_vcita_upstream_headers_set(ngx_http_request_t *r,
    ngx_http_vcita_ctx_t *ctx, ngx_array_t *headers) ngx_http_vcita_hot;

/* errors */

void ngx_http_vcita_errors_describe(ngx_http_vcita_ctx_t *ctx,
    ngx_http_vcita_page_t *page);
const char *ngx_http_vcita_errors_hint(ngx_http_vcita_client_t *client,
    ngx_str_t *error);
ngx_uint_t ngx_http_vcita_errors_is(ngx_str_t *error, const char *code);
const char *ngx_http_vcita_errors_reason_name(ngx_uint_t reason);
void ngx_http_vcita_errors_count(ngx_http_request_t *r, ngx_str_t *error);

/* variables */

ngx_int_t ngx_http_vcita_variables_add(ngx_conf_t *cf);
ngx_int_t ngx_http_vcita_variables_init(ngx_conf_t *cf);
ngx_int_t ngx_http_vcita_variables_wanted(ngx_conf_t *cf);

/* identity */

ngx_http_vcita_session_t *ngx_http_vcita_identity(ngx_http_request_t *r);
ngx_http_vcita_session_t *ngx_http_vcita_identity_logged(
    ngx_http_request_t *r, ngx_http_vcita_client_t **client) ngx_http_vcita_hot;
ngx_uint_t ngx_http_vcita_identity_decided(ngx_http_request_t *r);
void ngx_http_vcita_identity_event(ngx_http_request_t *r,
    ngx_http_vcita_ctx_t *ctx, ngx_uint_t event);
ngx_int_t ngx_http_vcita_identity_login(ngx_http_request_t *r,
    ngx_http_vcita_ctx_t *ctx, ngx_http_vcita_client_t *client,
    ngx_str_t *text);
void ngx_http_vcita_identity_log(ngx_http_request_t *r) ngx_http_vcita_hot;
ngx_int_t ngx_http_vcita_identity_text(ngx_http_request_t *r, ngx_uint_t what,
    ngx_str_t *value);
void ngx_http_vcita_identity_account(ngx_http_vcita_session_t *s,
    ngx_str_t *value);

/* exchange */

ngx_int_t ngx_http_vcita_exchange_start(ngx_http_request_t *r,
    ngx_http_vcita_ctx_t *ctx, ngx_http_vcita_login_state_t *s,
    ngx_str_t *code);
ngx_int_t ngx_http_vcita_exchange(ngx_http_request_t *r,
    ngx_http_vcita_exchange_t *x);

/* token_request */

ngx_int_t ngx_http_vcita_token_request(ngx_http_request_t *r,
    ngx_http_vcita_exchange_t *x);

/* userinfo_request */

ngx_int_t ngx_http_vcita_userinfo_request_id_token(ngx_http_request_t *r,
    ngx_http_vcita_exchange_t *x);
ngx_int_t ngx_http_vcita_userinfo_request(ngx_http_request_t *r,
    ngx_http_vcita_exchange_t *x);
ngx_int_t ngx_http_vcita_userinfo_request_session(ngx_http_request_t *r,
    ngx_http_vcita_exchange_t *x);
void ngx_http_vcita_userinfo_request_dropped(ngx_http_request_t *r,
    ngx_array_t *claims);

/* user_agent */

ngx_uint_t ngx_http_vcita_user_agent_navigates(ngx_http_request_t *r);
ngx_uint_t ngx_http_vcita_user_agent_is_browser(ngx_http_request_t *r);
ngx_uint_t ngx_http_vcita_user_agent_is_person(ngx_http_request_t *r);
ngx_int_t ngx_http_vcita_user_agent_referer(ngx_http_request_t *r,
    ngx_str_t *origin, ngx_str_t *uri);
ngx_uint_t ngx_http_vcita_user_agent_is_foreign(ngx_http_request_t *r);
ngx_uint_t ngx_http_vcita_user_agent_is_automatic(ngx_http_request_t *r,
    ngx_uint_t iframe);
ngx_uint_t ngx_http_vcita_user_agent_is_framed(ngx_http_request_t *r);
ngx_uint_t ngx_http_vcita_user_agent_way(ngx_http_request_t *r,
    ngx_http_vcita_ctx_t *ctx, ngx_http_vcita_client_t *client);

/* session_lost */

ngx_int_t ngx_http_vcita_session_lost_answer(ngx_http_request_t *r,
    ngx_http_vcita_ctx_t *ctx, ngx_http_vcita_client_t *client,
    ngx_uint_t began);
void ngx_http_vcita_session_lost_login_cause(ngx_http_request_t *r,
    ngx_http_vcita_ctx_t *ctx, ngx_http_vcita_client_t *client,
    ngx_uint_t began);

/* session_known */

ngx_int_t ngx_http_vcita_session_known(ngx_http_request_t *r,
    ngx_http_vcita_client_t *client, ngx_http_vcita_session_t *s);
ngx_int_t ngx_http_vcita_session_known_bind(ngx_pool_t *pool,
    ngx_http_vcita_client_t *client, ngx_http_vcita_revocation_case_t *c);
ngx_int_t ngx_http_vcita_session_known_change(ngx_pool_t *pool,
    ngx_http_vcita_client_t *client, ngx_http_vcita_revocation_t *revocation,
    ngx_http_vcita_revocation_case_t *c);
ngx_int_t ngx_http_vcita_session_known_wipe(ngx_pool_t *pool, ngx_str_t *text);

/* callback_moved */

ngx_int_t ngx_http_vcita_callback_moved(ngx_http_request_t *r,
    ngx_http_vcita_ctx_t *ctx, ngx_str_t *query);
ngx_int_t ngx_http_vcita_callback_moved_answer(ngx_http_request_t *r,
    ngx_http_vcita_ctx_t *ctx);

/* subrequest */

ngx_int_t ngx_http_vcita_subrequest_handler(ngx_http_request_t *r);


#endif /* _NGX_HTTP_VCITA_HTTP_H_INCLUDED_ */
