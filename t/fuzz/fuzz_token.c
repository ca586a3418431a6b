
/*
 * A token answer: a token is a b64token, an error is a code, and nothing that
 * ends in a header or a log has a control byte.  Input: 0 for a status of 200,
 * the body.
 * Dictionary: json
 */


#include <ngx_config.h>
#include <ngx_core.h>

#include "vcita/ngx_http_vcita_protocol.h"
#include "fuzz.h"


static void fuzz_token_good(ngx_http_vcita_token_t *token);
static void fuzz_token_bad(ngx_http_vcita_token_t *token);


fuzz_target(token)
{
    ngx_int_t                rc;
    ngx_str_t                body;
    ngx_uint_t               status;
    ngx_http_vcita_token_t   token;

    status = (fuzz_byte(in) % 2) ? 400 : 200;
    body = fuzz_copy(in);

    rc = ngx_http_vcita_protocol_token_answer(fuzz_pool, status, &body, &token);

    if (rc == NGX_OK) {
        fuzz_check(status == 200);
        fuzz_token_good(&token);
        return;
    }

    fuzz_check(rc == NGX_DECLINED);
    fuzz_token_bad(&token);
}


static void
fuzz_token_good(ngx_http_vcita_token_t *token)
{
    size_t  i, padding;

    padding = 0;

    fuzz_check(token->access_token.len);
    fuzz_check(*token->access_token.data != '=');

    for (i = 0; i < token->access_token.len; i++) {

        if (token->access_token.data[i] == '=') {
            padding++;
            continue;
        }

        fuzz_check(padding == 0);
        fuzz_check(isalnum(token->access_token.data[i])
                   || memchr("-._~+/", token->access_token.data[i], 6));
    }

    fuzz_check(token->token_type.len == 0
               || (token->token_type.len == 6
                   && strncasecmp((char *) token->token_type.data, "bearer",
                                  6)
                      == 0));

    fuzz_check(fuzz_printable(&token->scope));
    fuzz_check(token->expires_in >= 0 && token->expires_in < 10000000000);
    fuzz_check(token->error.len == 0);
    fuzz_check(token->identified || token->id_token.len == 0);
}


static void
fuzz_token_bad(ngx_http_vcita_token_t *token)
{
    size_t  i;

    fuzz_check(token->error.len && token->error.len <= 64);

    for (i = 0; i < token->error.len; i++) {
        fuzz_check(isalnum(token->error.data[i])
                   || memchr("_.-", token->error.data[i], 3));
    }

    fuzz_check(fuzz_printable(&token->error_description));
}
