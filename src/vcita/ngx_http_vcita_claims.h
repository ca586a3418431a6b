
/*
 * Copyright (C) the vcita OAuth gate authors
 */


#ifndef _NGX_HTTP_VCITA_CLAIMS_H_INCLUDED_
#define _NGX_HTTP_VCITA_CLAIMS_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>


#define NGX_HTTP_VCITA_JSON_DEPTH  16

/* the longest name of a member, enclosing names included */
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
 * A member of a JSON object, nested ones included ("brand_theme__locale").  The
 * value of an array is its scalars joined by commas; "lengths" has their
 * lengths, two bytes each.  An object has no value, and its members follow.  An
 * array with nested values counts as an object without members.
 */

typedef struct {
    ngx_str_t                    name;
    ngx_str_t                    value;
    ngx_str_t                    lengths;
    ngx_uint_t                   depth;
    ngx_uint_t                   element; /* see json_elements() */
    ngx_http_vcita_json_type_e   type;
    ngx_uint_t                   once;   /* a claim: see session_claims.h */
    ngx_uint_t                   wanted; /* see claims.h */
} ngx_http_vcita_member_t;


ngx_int_t ngx_http_vcita_json_members(ngx_pool_t *pool, ngx_str_t *text,
    ngx_array_t *members);
ngx_int_t ngx_http_vcita_json_elements(ngx_pool_t *pool, ngx_str_t *text,
    ngx_array_t *members);
ngx_http_vcita_member_t *ngx_http_vcita_json_member(ngx_array_t *members,
    const char *name);


/* the most claims of one response, besides the wanted ones */
#define NGX_HTTP_VCITA_CLAIMS  512


/* Use of a claim; a session requires the last two kinds */

typedef enum {
    NGX_HTTP_VCITA_CLAIM_OTHER = 0,
    NGX_HTTP_VCITA_CLAIM_NAMED,      /* in the configuration */
    NGX_HTTP_VCITA_CLAIM_RULED,      /* by a rule */
    NGX_HTTP_VCITA_CLAIM_SUB
} ngx_http_vcita_wanted_e;


/* a claim that the configuration names */

typedef struct {
    ngx_str_t                    name;
    ngx_http_vcita_wanted_e      wanted;
} ngx_http_vcita_claims_wanted_t;


/* false if the claim only takes its name */

#define ngx_http_vcita_claim_has_value(c)                                     \
    ((c)->type != NGX_HTTP_VCITA_JSON_NULL                                    \
     && (c)->type != NGX_HTTP_VCITA_JSON_OBJECT)


ngx_int_t ngx_http_vcita_claims(ngx_pool_t *pool, ngx_array_t *members,
    ngx_array_t *wanted, ngx_array_t *claims);
ngx_int_t ngx_http_vcita_claims_sub(ngx_array_t *members, ngx_str_t *sub);


#endif /* _NGX_HTTP_VCITA_CLAIMS_H_INCLUDED_ */
