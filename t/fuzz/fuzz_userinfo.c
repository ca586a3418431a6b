
/*
 * A userinfo answer: it names somebody, or there are no claims.
 * Dictionary: json
 */


#include <ngx_config.h>
#include <ngx_core.h>

#include "vcita/ngx_http_vcita_claims.h"
#include "vcita/ngx_http_vcita_protocol.h"
#include "fuzz.h"


fuzz_target(userinfo)
{
    ngx_int_t                 rc;
    ngx_str_t                 sub;
    ngx_uint_t                i;
    ngx_array_t              *claims, *none, *wanted;
    ngx_http_vcita_member_t  *c;

    wanted = fuzz_array(sizeof(ngx_http_vcita_claims_wanted_t));
    claims = fuzz_array(sizeof(ngx_http_vcita_member_t));
    none = fuzz_array(sizeof(ngx_http_vcita_member_t));

    rc = ngx_http_vcita_protocol_userinfo_answer(fuzz_pool, 401, in, wanted,
                                                 &sub, none);

    fuzz_check(rc == NGX_DECLINED && none->nelts == 0);

    rc = ngx_http_vcita_protocol_userinfo_answer(fuzz_pool, 200, in, wanted,
                                                 &sub, claims);

    if (rc != NGX_OK) {
        fuzz_check(rc == NGX_DECLINED && claims->nelts == 0);
        return;
    }

    c = claims->elts;

    fuzz_check(claims->nelts && claims->nelts <= NGX_HTTP_VCITA_CLAIMS);
    fuzz_check(fuzz_same_text(&c->name, "sub"));
    fuzz_check(c->type == NGX_HTTP_VCITA_JSON_STRING);
    fuzz_check(sub.len && fuzz_same(&c->value, &sub));

    for (i = 0; i < claims->nelts; i++) {

        if (!ngx_http_vcita_claim_has_value(&c[i])) {
            continue;
        }

        fuzz_check(c[i].value.len);
        fuzz_check(fuzz_printable(&c[i].value));
    }
}
