
/*
 * The bytes of a state, as if one of our keys had sealed them, and a state
 * that is made of them.  It is the one flow room here: a request without
 * anything but a pool is enough for it.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "http/ngx_http_vcita_http.h"
#include "fuzz.h"


#define FUZZ_STATE_HEAD                                                       \
    (8 + 1 + 1 + 4 + NGX_HTTP_VCITA_HASH_LEN + 8)


typedef struct {
    ngx_http_request_t      r;
    ngx_http_vcita_ctx_t    ctx;
} fuzz_state_t;


static ngx_http_vcita_client_t    fuzz_state_app;
static ngx_http_vcita_hash_key_t  fuzz_state_key;


static void fuzz_state_init(void);
static ngx_uint_t fuzz_state_more(ngx_str_t *tail, ngx_uint_t sent);
static uint64_t fuzz_state_number(ngx_str_t *text, size_t at, size_t len);
static ngx_uint_t fuzz_state_opened(fuzz_state_t *f, ngx_str_t *text,
    ngx_http_vcita_login_state_t *s);
static void fuzz_state_issued(fuzz_state_t *f, ngx_http_vcita_login_state_t *s);
static void fuzz_state_derived(fuzz_state_t *f,
    ngx_http_vcita_login_state_t *s);


fuzz_target(state)
{
    ngx_str_t                      text;
    fuzz_state_t                  *f;
    ngx_http_vcita_login_state_t   s;

    fuzz_state_init();

    f = fuzz_alloc(sizeof(fuzz_state_t));

    f->r.pool = fuzz_pool;
    ngx_str_set(&f->ctx.redirect_uri, "https://a.example/oauth/callback");

    text = fuzz_copy(in);

    if (fuzz_state_opened(f, &text, &s)) {
        fuzz_state_issued(f, &s);
        fuzz_state_derived(f, &s);
    }
}


static void
fuzz_state_init(void)
{
    u_char                  key[NGX_HTTP_VCITA_KEY_LEN];
    ngx_str_t               field, salt, secret;
    ngx_http_vcita_seal_t  *kind;

    kind = &fuzz_state_app.state_seal;

    if (kind->keys.nelts) {
        return;
    }

    ngx_str_set(&field, "client");
    ngx_str_set(&salt, "salt");
    ngx_str_set(&secret, "secret");

    fuzz_check(ngx_http_vcita_seal_init(kind, fuzz_lasting_pool,
                                        "state", &field, 1)
               == NGX_OK);
    fuzz_check(ngx_http_vcita_seal_key(kind, &secret, &salt, "state")
               == NGX_OK);

    ngx_memzero(key, sizeof(key));
    fuzz_check(ngx_http_vcita_hash_key(&fuzz_state_key, key) == NGX_OK);
}


static ngx_uint_t
fuzz_state_opened(fuzz_state_t *f, ngx_str_t *text,
    ngx_http_vcita_login_state_t *s)
{
    ngx_int_t  rc;
    ngx_str_t  room, box, tail;

    room = fuzz_room(ngx_http_vcita_seal_room(text->len));

    fuzz_check(ngx_http_vcita_seal(&fuzz_state_app.state_seal,
                                   &f->ctx.redirect_uri, text, room.data, &box)
               == NGX_OK);

    rc = ngx_http_vcita_login_state_open(&f->r, &f->ctx, &fuzz_state_app, &box,
                                         s);

    /* a state has a return address */

    if (text->len <= FUZZ_STATE_HEAD) {
        fuzz_check(rc == NGX_DECLINED);
        return 0;
    }

    tail.data = text->data + FUZZ_STATE_HEAD;
    tail.len = text->len - FUZZ_STATE_HEAD;

    if (!fuzz_state_more(&tail, text->data[9])) {
        fuzz_check(rc == NGX_DECLINED);
        return 0;
    }

    fuzz_check(rc == NGX_OK && s->key == 0);

    fuzz_check(s->issued == fuzz_state_number(text, 0, 8));
    fuzz_check(s->attempt == fuzz_state_number(text, 8, 1));
    fuzz_check(s->sent == fuzz_state_number(text, 9, 1));
    fuzz_check(s->authorize == fuzz_state_number(text, 10, 4));
    fuzz_check(ngx_memcmp(s->seed,
                          ngx_http_vcita_seal_nonce(room.data),
                          sizeof(s->seed))
               == 0);
    fuzz_check(ngx_memcmp(s->login, text->data + 14, 32) == 0);
    fuzz_check(ngx_memcmp(s->session, text->data + 46, 8) == 0);

    fuzz_check(fuzz_same(&s->return_uri, &tail));

    return 1;
}


/* skips max_age and the two hosts; 0: they do not fit, or no address is left */

static ngx_uint_t
fuzz_state_more(ngx_str_t *tail, ngx_uint_t sent)
{
    size_t      skip;
    ngx_uint_t  i;

    if (!(sent & NGX_HTTP_VCITA_STATE_MORE)) {
        return 1;
    }

    skip = 4;

    for (i = 0; i < 2; i++) {

        if (tail->len <= skip) {
            return 0;
        }

        skip += 1 + tail->data[skip];
    }

    if (tail->len <= skip) {
        return 0;
    }

    tail->data += skip;
    tail->len -= skip;

    return 1;
}


static uint64_t
fuzz_state_number(ngx_str_t *text, size_t at, size_t len)
{
    uint64_t  n;

    for (n = 0; len; len--) {
        n = n * 256 + text->data[at++];
    }

    return n;
}


/* what is sealed opens as it was, and for that redirect_uri alone */

static void
fuzz_state_issued(fuzz_state_t *f, ngx_http_vcita_login_state_t *s)
{
    ngx_str_t                      state;
    ngx_http_vcita_login_state_t   again;

    f->ctx.login.data = s->login;
    f->ctx.login.len = sizeof(s->login);

    s->login[0] |= 1;
    f->ctx.login = fuzz_copy(&f->ctx.login);

    fuzz_check(ngx_http_vcita_login_state_seal(&f->r, &f->ctx, &fuzz_state_app,
                                               s, &state) == NGX_OK);
    fuzz_check(ngx_http_vcita_login_state_open(&f->r, &f->ctx, &fuzz_state_app,
                                               &state, &again)
               == NGX_OK);

    fuzz_check(again.issued == s->issued);
    fuzz_check(again.attempt == s->attempt && again.sent == s->sent);
    fuzz_check(again.authorize == s->authorize);
    fuzz_check(again.max_age == s->max_age);
    fuzz_check(fuzz_same(&again.vcita_host, &s->vcita_host));
    fuzz_check(fuzz_same(&again.host, &s->host));
    fuzz_check(ngx_memcmp(again.seed, s->seed, sizeof(s->seed)) == 0);
    fuzz_check(ngx_memcmp(again.login, s->login, sizeof(s->login)) == 0);
    fuzz_check(fuzz_same(&again.return_uri, &s->return_uri));

    f->ctx.redirect_uri.len--;

    fuzz_check(ngx_http_vcita_login_state_open(&f->r, &f->ctx, &fuzz_state_app,
                                               &state, &again)
               == NGX_DECLINED);
}


/* always the same 43 characters, and others with another login cookie */

static void
fuzz_state_derived(fuzz_state_t *f, ngx_http_vcita_login_state_t *s)
{
    ngx_str_t  one, two;

    one = fuzz_room(NGX_HTTP_VCITA_TEXT_LEN);
    two = fuzz_room(NGX_HTTP_VCITA_TEXT_LEN);

    fuzz_check(ngx_http_vcita_login_state_derive(&f->ctx, s, &fuzz_state_key,
                                                 &one) == NGX_OK);
    fuzz_check(one.len == NGX_HTTP_VCITA_TEXT_LEN);

    fuzz_check(ngx_http_vcita_login_state_derive(&f->ctx, s, &fuzz_state_key,
                                                 &two) == NGX_OK);
    fuzz_check(fuzz_same(&one, &two));

    f->ctx.login.len--;

    fuzz_check(ngx_http_vcita_login_state_derive(&f->ctx, s, &fuzz_state_key,
                                                 &two) == NGX_OK);
    fuzz_check(!fuzz_same(&one, &two));
}
