
/*
 * Copyright (C) the vcita OAuth gate authors
 */


#ifndef _NGX_HTTP_VCITA_CLAIMS_H_INCLUDED_
#define _NGX_HTTP_VCITA_CLAIMS_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>


#define NGX_HTTP_VCITA_JSON_DEPTH  16

/* the longest name that a member can have, those around it included */
#define NGX_HTTP_VCITA_JSON_NAME   255


typedef enum {
    NGX_HTTP_VCITA_JSON_NULL = 0,
    NGX_HTTP_VCITA_JSON_BOOLEAN,
    NGX_HTTP_VCITA_JSON_NUMBER,
    NGX_HTTP_VCITA_JSON_STRING,
    NGX_HTTP_VCITA_JSON_ARRAY,
    NGX_HTTP_VCITA_JSON_OBJECT
} ngx_http_vcita_json_type_e;


/*
 * A member of a JSON object, or of an object in it ("brand_theme__locale").
 * The value is text; of an array its scalars joined by commas, with their
 * lengths, two bytes each, in "lengths".  An object has none, its members
 * follow; an array of other than scalars counts as one, without members.
 */

typedef struct {
    ngx_str_t                    name;
    ngx_str_t                    value;
    ngx_str_t                    lengths;
    ngx_uint_t                   depth;
    ngx_http_vcita_json_type_e   type;
    ngx_uint_t                   once;   /* of a claim: see session_claims.h */
    ngx_uint_t                   wanted; /* see claims.h */
} ngx_http_vcita_member_t;


ngx_int_t ngx_http_vcita_json_members(ngx_pool_t *pool, ngx_str_t *text,
    ngx_array_t *members);
ngx_http_vcita_member_t *ngx_http_vcita_json_member(ngx_array_t *members,
    const char *name);


/* the claims of an answer, those that are wanted not counted */
#define NGX_HTTP_VCITA_CLAIMS  512


/* what a claim is for: those that a session cannot be without come last */

typedef enum {
    NGX_HTTP_VCITA_CLAIM_OTHER = 0,
    NGX_HTTP_VCITA_CLAIM_NAMED,      /* by the configuration */
    NGX_HTTP_VCITA_CLAIM_RULED,      /* a rule may depend on it */
    NGX_HTTP_VCITA_CLAIM_SUB
} ngx_http_vcita_wanted_e;


/* a claim that the configuration names */

typedef struct {
    ngx_str_t                    name;
    ngx_http_vcita_wanted_e      wanted;
} ngx_http_vcita_claims_wanted_t;


/* the claim has a value; one that has none only takes its name */

#define ngx_http_vcita_claim_has_value(c)                                     \
    ((c)->type != NGX_HTTP_VCITA_JSON_NULL                                    \
     && (c)->type != NGX_HTTP_VCITA_JSON_OBJECT)


ngx_int_t ngx_http_vcita_claims(ngx_pool_t *pool, ngx_array_t *members,
    ngx_array_t *wanted, ngx_array_t *claims);
ngx_int_t ngx_http_vcita_claims_sub(ngx_array_t *members, ngx_str_t *sub);


#endif /* _NGX_HTTP_VCITA_CLAIMS_H_INCLUDED_ */
