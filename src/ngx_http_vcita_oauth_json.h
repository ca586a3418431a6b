
/*
 * Copyright (C) the vcita OAuth gate authors
 */


#ifndef _NGX_HTTP_VCITA_OAUTH_JSON_H_INCLUDED_
#define _NGX_HTTP_VCITA_OAUTH_JSON_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>


#define NGX_HTTP_VCITA_OAUTH_JSON_DEPTH  16

/* the longest name that a member can have, those around it included */
#define NGX_HTTP_VCITA_OAUTH_JSON_NAME   255


typedef enum {
    NGX_HTTP_VCITA_OAUTH_JSON_NULL = 0,
    NGX_HTTP_VCITA_OAUTH_JSON_BOOLEAN,
    NGX_HTTP_VCITA_OAUTH_JSON_NUMBER,
    NGX_HTTP_VCITA_OAUTH_JSON_STRING,
    NGX_HTTP_VCITA_OAUTH_JSON_ARRAY,
    NGX_HTTP_VCITA_OAUTH_JSON_OBJECT
} ngx_http_vcita_oauth_json_type_e;


/*
 * A member of a JSON object, or of an object in it ("brand_theme__locale").
 * The value is text; of an array its scalars joined by commas, with their
 * lengths, two bytes each, in "lengths".  An object has none, its members
 * follow; an array of other than scalars counts as one, without members.
 */

typedef struct {
    ngx_str_t                          name;
    ngx_str_t                          value;
    ngx_str_t                          lengths;
    ngx_uint_t                         depth;
    ngx_http_vcita_oauth_json_type_e   type;
    ngx_uint_t                         once;   /* of a claim: see said.h */
    ngx_uint_t                         wanted; /* see claims.h */
} ngx_http_vcita_oauth_member_t;


ngx_int_t ngx_http_vcita_oauth_json(ngx_pool_t *pool, ngx_str_t *text,
    ngx_array_t *members);
ngx_http_vcita_oauth_member_t *ngx_http_vcita_oauth_member(
    ngx_array_t *members, const char *name);


#endif /* _NGX_HTTP_VCITA_OAUTH_JSON_H_INCLUDED_ */
