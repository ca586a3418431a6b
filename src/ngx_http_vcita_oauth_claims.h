
/*
 * Copyright (C) the vcita OAuth gate authors
 */


#ifndef _NGX_HTTP_VCITA_OAUTH_CLAIMS_H_INCLUDED_
#define _NGX_HTTP_VCITA_OAUTH_CLAIMS_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>

#include "ngx_http_vcita_oauth_json.h"


/* the claims of an answer, those that are wanted not counted */
#define NGX_HTTP_VCITA_OAUTH_CLAIMS  512


/* what a claim is for: those that a session cannot be without come last */

typedef enum {
    NGX_HTTP_VCITA_OAUTH_CLAIM_OTHER = 0,
    NGX_HTTP_VCITA_OAUTH_CLAIM_NAMED,      /* by the configuration */
    NGX_HTTP_VCITA_OAUTH_CLAIM_RULED,      /* a rule may depend on it */
    NGX_HTTP_VCITA_OAUTH_CLAIM_SUB
} ngx_http_vcita_oauth_wanted_e;


/* a claim that the configuration names */

typedef struct {
    ngx_str_t                          name;
    ngx_http_vcita_oauth_wanted_e      wanted;
} ngx_http_vcita_oauth_wanted_t;


/* the claim has a value; one that has none only takes its name */

#define ngx_http_vcita_oauth_claim_has_value(c)                               \
    ((c)->type != NGX_HTTP_VCITA_OAUTH_JSON_NULL                              \
     && (c)->type != NGX_HTTP_VCITA_OAUTH_JSON_OBJECT)


ngx_int_t ngx_http_vcita_oauth_claims(ngx_pool_t *pool, ngx_array_t *members,
    ngx_array_t *wanted, ngx_array_t *claims);
ngx_int_t ngx_http_vcita_oauth_claims_sub(ngx_array_t *members,
    ngx_str_t *sub);


#endif /* _NGX_HTTP_VCITA_OAUTH_CLAIMS_H_INCLUDED_ */
