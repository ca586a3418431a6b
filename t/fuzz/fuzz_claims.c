
/*
 * Claims of a JSON object: names that variables can have, each once, values
 * that can stand in a header.
 * Dictionary: json
 */


#include <ngx_config.h>
#include <ngx_core.h>

#include "vcita/ngx_http_vcita_claims.h"
#include "fuzz.h"


static ngx_array_t *fuzz_claims_wanted(void);
static void fuzz_claims_one(ngx_http_vcita_member_t *c);
static void fuzz_claims_sub(ngx_array_t *members, ngx_array_t *claims);


fuzz_target(claims)
{
    ngx_uint_t                i, n;
    ngx_array_t              *members, *claims, *wanted;
    ngx_http_vcita_member_t  *c;

    wanted = fuzz_claims_wanted();
    members = fuzz_array(sizeof(ngx_http_vcita_member_t));
    claims = fuzz_array(sizeof(ngx_http_vcita_member_t));

    if (ngx_http_vcita_json_members(fuzz_pool, in, members) != NGX_OK) {
        return;
    }

    fuzz_check(ngx_http_vcita_claims(fuzz_pool, members, wanted,
                                     claims)
               == NGX_OK);
    fuzz_check(claims->nelts <= NGX_HTTP_VCITA_CLAIMS + 2);
    fuzz_check(claims->nelts <= members->nelts);

    c = claims->elts;

    for (i = 0; i < claims->nelts; i++) {
        fuzz_claims_one(&c[i]);

        fuzz_check(i == 0 || c[i].wanted <= c[i - 1].wanted);

        for (n = 0; n < i; n++) {
            fuzz_check(!fuzz_same(&c[n].name, &c[i].name));
        }
    }

    fuzz_claims_sub(members, claims);

    /* none is added by saying it again */

    n = claims->nelts;

    fuzz_check(ngx_http_vcita_claims(fuzz_pool, members, wanted,
                                     claims)
               == NGX_OK);
    fuzz_check(claims->nelts == n);
}


static ngx_array_t *
fuzz_claims_wanted(void)
{
    ngx_array_t                     *wanted;
    ngx_http_vcita_claims_wanted_t  *w;

    wanted = fuzz_array(sizeof(ngx_http_vcita_claims_wanted_t));

    w = ngx_array_push_n(wanted, 2);
    fuzz_check(w);

    ngx_str_set(&w[0].name, "email");
    w[0].wanted = NGX_HTTP_VCITA_CLAIM_NAMED;
    ngx_str_set(&w[1].name, "role");
    w[1].wanted = NGX_HTTP_VCITA_CLAIM_RULED;

    return wanted;
}


static void
fuzz_claims_one(ngx_http_vcita_member_t *c)
{
    size_t  i;

    fuzz_check(c->name.len && c->name.len <= NGX_HTTP_VCITA_JSON_NAME);

    for (i = 0; i < c->name.len; i++) {
        fuzz_check(islower(c->name.data[i]) || isdigit(c->name.data[i])
                   || c->name.data[i] == '_');
    }

    /* what only keeps a name from others */

    if (!ngx_http_vcita_claim_has_value(c)) {
        fuzz_check(c->value.len == 0 || !fuzz_printable(&c->value));
        return;
    }

    fuzz_check(c->value.len);
    fuzz_check(fuzz_printable(&c->value));
}


/* "sub" is what the outermost object says: no other member takes its name */

static void
fuzz_claims_sub(ngx_array_t *members, ngx_array_t *claims)
{
    ngx_str_t                 sub;
    ngx_http_vcita_member_t  *m, *c;

    m = ngx_http_vcita_json_member(members, "sub");

    if (m == NULL) {
        fuzz_check(ngx_http_vcita_claims_sub(members, &sub) == NGX_DECLINED);
        return;
    }

    c = claims->elts;

    fuzz_check(claims->nelts && fuzz_same_text(&c->name, "sub"));

    if (ngx_http_vcita_claims_sub(members, &sub) == NGX_OK) {
        fuzz_check(m->type == NGX_HTTP_VCITA_JSON_STRING);
        fuzz_check(c->type == NGX_HTTP_VCITA_JSON_STRING);
        fuzz_check(fuzz_same(&c->value, &sub));
        fuzz_check(fuzz_same(&m->value, &sub));
    }

    if (ngx_http_vcita_claim_has_value(c)) {
        fuzz_check(fuzz_same(&c->value, &m->value));
    }
}
