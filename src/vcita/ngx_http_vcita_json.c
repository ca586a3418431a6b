
/*
 * Copyright (C) the vcita OAuth gate authors
 *
 * JSON: parses an object into a flat list of members.  May touch yajl and a
 * pool.
 */


#include <ngx_config.h>
#include <ngx_core.h>

#include <yajl/yajl_parse.h>

#include "util/ngx_http_vcita_string.h"
#include "vcita/ngx_http_vcita_claims.h"


/* An open object or array; "name" is the prefix of its members' names */

typedef struct {
    ngx_str_t               name;
    ngx_str_t               key;
    ngx_array_t            *elements;    /* ngx_str_t, of an array */
    ngx_uint_t              number;
    ngx_uint_t              element;
    unsigned                array:1;
    unsigned                skip:1;
    unsigned                mixed:1;
} ngx_http_vcita_level_t;


/* A member's own name, and the number of its object */

typedef struct {
    ngx_str_t               name;
    ngx_uint_t              number;
} ngx_http_vcita_json_key_t;


typedef struct {
    ngx_pool_t             *pool;
    ngx_array_t            *members;
    ngx_array_t             keys;
    ngx_uint_t              objects;
    ngx_uint_t              elements;    /* of arrays, if they are wanted */
    ngx_uint_t              depth;
    ngx_int_t               rc;
    ngx_http_vcita_level_t  levels[NGX_HTTP_VCITA_JSON_DEPTH];
} ngx_http_vcita_json_t;


static ngx_int_t ngx_http_vcita_json_read(ngx_pool_t *pool, ngx_str_t *text,
    ngx_array_t *members, ngx_uint_t elements);
static ngx_int_t ngx_http_vcita_json_parse(ngx_http_vcita_json_t *j,
    ngx_str_t *text);
static ngx_int_t ngx_http_vcita_json_twice(ngx_array_t *keys);
static int ngx_http_vcita_json_key_cmp(const void *one, const void *two);
static int ngx_http_vcita_json_null(void *data);
static int ngx_http_vcita_json_boolean(void *data, int value);
static int ngx_http_vcita_json_number(void *data, const char *p, size_t len);
static int ngx_http_vcita_json_string(void *data, const u_char *p, size_t len);
static int ngx_http_vcita_json_start_map(void *data);
static int ngx_http_vcita_json_key(void *data, const u_char *p, size_t len);
static int ngx_http_vcita_json_start_array(void *data);
static int ngx_http_vcita_json_end_map(void *data);
static int ngx_http_vcita_json_end_array(void *data);
static int ngx_http_vcita_json_start(ngx_http_vcita_json_t *j,
    ngx_uint_t array);
static int ngx_http_vcita_json_scalar(ngx_http_vcita_json_t *j,
    ngx_http_vcita_json_type_e type, const void *p, size_t len);
static int ngx_http_vcita_json_join(ngx_http_vcita_json_t *j,
    ngx_http_vcita_level_t *l, ngx_http_vcita_member_t *m);
static ngx_http_vcita_member_t *ngx_http_vcita_json_add_member(
    ngx_http_vcita_json_t *j, ngx_http_vcita_level_t *l);


static yajl_callbacks  ngx_http_vcita_json_callbacks = {
    ngx_http_vcita_json_null,
    ngx_http_vcita_json_boolean,
    NULL,                                  /* integer */
    NULL,                                  /* double */
    ngx_http_vcita_json_number,
    ngx_http_vcita_json_string,
    ngx_http_vcita_json_start_map,
    ngx_http_vcita_json_key,
    ngx_http_vcita_json_end_map,
    ngx_http_vcita_json_start_array,
    ngx_http_vcita_json_end_array
};


/*
 * Parses the text, appends its members as ..._member_t, and copies the strings
 * to the pool.  NGX_DECLINED: the text is not one JSON object, is not UTF-8, is
 * nested too deep, or has duplicate names in an object.
 */

ngx_int_t
ngx_http_vcita_json_members(ngx_pool_t *pool, ngx_str_t *text,
    ngx_array_t *members)
{
    return ngx_http_vcita_json_read(pool, text, members, 0);
}


/*
 * Also appends the members of objects in arrays, under the array's name
 * ("keys__kid"); those of one object have one number as "element", which is 0
 * outside of arrays
 */

ngx_int_t
ngx_http_vcita_json_elements(ngx_pool_t *pool, ngx_str_t *text,
    ngx_array_t *members)
{
    return ngx_http_vcita_json_read(pool, text, members, 1);
}


static ngx_int_t
ngx_http_vcita_json_read(ngx_pool_t *pool, ngx_str_t *text,
    ngx_array_t *members, ngx_uint_t elements)
{
    ngx_int_t              rc;
    ngx_http_vcita_json_t  j;

    /* yajl takes VT and FF for white space, which they are not (RFC 8259, 2) */

    if (text->len == 0
        || ngx_http_vcita_string_unicode(text) != NGX_OK
        || memchr(text->data, 0x0b, text->len)
        || memchr(text->data, 0x0c, text->len))
    {
        return NGX_DECLINED;
    }

    ngx_memzero(&j, sizeof(ngx_http_vcita_json_t));

    j.pool = pool;
    j.members = members;
    j.elements = elements;
    j.rc = NGX_DECLINED;

    if (ngx_array_init(&j.keys, pool, 16, sizeof(ngx_http_vcita_json_key_t))
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    rc = ngx_http_vcita_json_parse(&j, text);

    if (rc != NGX_OK) {
        return rc;
    }

    return ngx_http_vcita_json_twice(&j.keys);
}


/* Stops at the end of the object: yajl would accept {}" */

static ngx_int_t
ngx_http_vcita_json_parse(ngx_http_vcita_json_t *j, ngx_str_t *text)
{
    size_t       i;
    yajl_handle  handle;

    handle = yajl_alloc(&ngx_http_vcita_json_callbacks, NULL, j);
    if (handle == NULL) {
        return NGX_ERROR;
    }

    (void) yajl_parse(handle, text->data, text->len);

    i = yajl_get_bytes_consumed(handle);

    yajl_free(handle);

    if (j->rc != NGX_OK) {
        return j->rc;
    }

    for ( /* void */ ; i < text->len; i++) {

        if (text->data[i] != ' ' && text->data[i] != '\t'
            && text->data[i] != CR && text->data[i] != LF)
        {
            return NGX_DECLINED;
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_vcita_json_twice(ngx_array_t *keys)
{
    ngx_uint_t                  i;
    ngx_http_vcita_json_key_t  *key;

    key = keys->elts;

    if (keys->nelts < 2) {
        return NGX_OK;
    }

    ngx_qsort(key, keys->nelts, sizeof(ngx_http_vcita_json_key_t),
              ngx_http_vcita_json_key_cmp);

    for (i = 1; i < keys->nelts; i++) {

        if (ngx_http_vcita_json_key_cmp(&key[i - 1], &key[i]) == 0) {
            return NGX_DECLINED;
        }
    }

    return NGX_OK;
}


static int
ngx_http_vcita_json_key_cmp(const void *one, const void *two)
{
    const ngx_http_vcita_json_key_t  *a = one;
    const ngx_http_vcita_json_key_t  *b = two;

    if (a->number != b->number) {
        return (a->number < b->number) ? -1 : 1;
    }

    if (a->name.len != b->name.len) {
        return (a->name.len < b->name.len) ? -1 : 1;
    }

    return ngx_memcmp(a->name.data, b->name.data, a->name.len);
}


static int
ngx_http_vcita_json_null(void *data)
{
    return ngx_http_vcita_json_scalar(data, NGX_HTTP_VCITA_JSON_NULL,
                                      "", 0);
}


static int
ngx_http_vcita_json_boolean(void *data, int value)
{
    return ngx_http_vcita_json_scalar(data, NGX_HTTP_VCITA_JSON_BOOLEAN,
                                      value ? "true" : "false",
                                      value ? 4 : 5);
}


static int
ngx_http_vcita_json_number(void *data, const char *p, size_t len)
{
    return ngx_http_vcita_json_scalar(data, NGX_HTTP_VCITA_JSON_NUMBER, p,
                                      len);
}


static int
ngx_http_vcita_json_string(void *data, const u_char *p, size_t len)
{
    return ngx_http_vcita_json_scalar(data, NGX_HTTP_VCITA_JSON_STRING, p,
                                      len);
}


static int
ngx_http_vcita_json_start_map(void *data)
{
    return ngx_http_vcita_json_start(data, 0);
}


static int
ngx_http_vcita_json_start_array(void *data)
{
    return ngx_http_vcita_json_start(data, 1);
}


static int
ngx_http_vcita_json_start(ngx_http_vcita_json_t *j, ngx_uint_t array)
{
    ngx_http_vcita_level_t   *l, *parent;
    ngx_http_vcita_member_t  *m;

    if (j->depth == NGX_HTTP_VCITA_JSON_DEPTH
        || (j->depth == 0 && array))
    {
        return 0;
    }

    parent = j->depth ? &j->levels[j->depth - 1] : NULL;

    l = &j->levels[j->depth++];
    ngx_memzero(l, sizeof(ngx_http_vcita_level_t));

    l->array = array;
    l->number = array ? 0 : ++j->objects;

    if (parent == NULL) {
        return 1;
    }

    l->name = parent->key;
    l->skip = parent->skip || parent->array || parent->key.len == 0;
    l->element = parent->element;

    if (parent->array) {

        /* an array with nested values has no value */

        parent->mixed = 1;

        if (j->elements && !array && !parent->skip) {
            l->name = parent->name;
            l->element = j->elements++;
            l->skip = 0;

            return 1;
        }
    }

    if (l->skip || array) {
        return 1;
    }

    m = ngx_http_vcita_json_add_member(j, parent);
    if (m == NULL) {
        return 0;
    }

    m->type = NGX_HTTP_VCITA_JSON_OBJECT;
    m->depth--;

    return 1;
}


/* Builds the full name; an empty name is dropped */

static int
ngx_http_vcita_json_key(void *data, const u_char *p, size_t len)
{
    ngx_http_vcita_json_t *j = data;

    u_char                     *name;
    size_t                      prefix;
    ngx_http_vcita_level_t     *l;
    ngx_http_vcita_json_key_t  *key;

    l = &j->levels[j->depth - 1];

    ngx_str_null(&l->key);

    prefix = l->name.len ? l->name.len + 2 : 0;

    name = ngx_pnalloc(j->pool, prefix + len + 1);
    if (name == NULL) {
        j->rc = NGX_ERROR;
        return 0;
    }

    if (prefix) {
        ngx_memcpy(name, l->name.data, l->name.len);
        ngx_memcpy(name + l->name.len, "__", 2);
    }

    ngx_memcpy(name + prefix, p, len);

    key = ngx_array_push(&j->keys);
    if (key == NULL) {
        j->rc = NGX_ERROR;
        return 0;
    }

    key->number = l->number;
    key->name.data = name + prefix;
    key->name.len = len;

    if (len && prefix + len <= NGX_HTTP_VCITA_JSON_NAME) {
        l->key.data = name;
        l->key.len = prefix + len;
    }

    return 1;
}


static int
ngx_http_vcita_json_end_map(void *data)
{
    ngx_http_vcita_json_t *j = data;

    if (--j->depth == 0) {
        j->rc = NGX_OK;
        return 0;
    }

    return 1;
}


static int
ngx_http_vcita_json_end_array(void *data)
{
    ngx_http_vcita_json_t *j = data;

    ngx_http_vcita_level_t   *l;
    ngx_http_vcita_member_t  *m;

    l = &j->levels[--j->depth];

    if (l->skip) {
        return 1;
    }

    m = ngx_http_vcita_json_add_member(j, &j->levels[j->depth - 1]);
    if (m == NULL) {
        return 0;
    }

    if (l->mixed) {
        m->type = NGX_HTTP_VCITA_JSON_OBJECT;
        return 1;
    }

    m->type = NGX_HTTP_VCITA_JSON_ARRAY;

    return ngx_http_vcita_json_join(j, l, m);
}


static int
ngx_http_vcita_json_join(ngx_http_vcita_json_t *j, ngx_http_vcita_level_t *l,
    ngx_http_vcita_member_t *m)
{
    u_char      *p;
    size_t       len;
    ngx_str_t   *e;
    ngx_uint_t   i, n;

    if (l->elements == NULL) {
        return 1;
    }

    e = l->elements->elts;
    n = l->elements->nelts;
    len = n - 1;

    for (i = 0; i < n; i++) {
        len += e[i].len;
    }

    p = ngx_pnalloc(j->pool, n * 2 + len);
    if (p == NULL) {
        j->rc = NGX_ERROR;
        return 0;
    }

    m->lengths.data = p;
    m->lengths.len = n * 2;

    for (i = 0; i < n; i++) {
        *p++ = (u_char) (e[i].len >> 8);
        *p++ = (u_char) e[i].len;
    }

    m->value.data = p;
    m->value.len = len;

    for (i = 0; i < n; i++) {

        if (i) {
            *p++ = ',';
        }

        p = ngx_cpymem(p, e[i].data, e[i].len);

        ngx_explicit_memzero(e[i].data, e[i].len);
    }

    return 1;
}


static int
ngx_http_vcita_json_scalar(ngx_http_vcita_json_t *j,
    ngx_http_vcita_json_type_e type, const void *p, size_t len)
{
    ngx_str_t                *value;
    ngx_http_vcita_level_t   *l;
    ngx_http_vcita_member_t  *m;

    if (j->depth == 0) {

        /* a scalar at the top level is not an object */

        return 0;
    }

    l = &j->levels[j->depth - 1];

    if (l->skip || (!l->array && l->key.len == 0)) {
        return 1;
    }

    if (l->array) {

        if (l->elements == NULL) {
            l->elements = ngx_array_create(j->pool, 4, sizeof(ngx_str_t));
            if (l->elements == NULL) {
                j->rc = NGX_ERROR;
                return 0;
            }
        }

        value = ngx_array_push(l->elements);

    } else {
        m = ngx_http_vcita_json_add_member(j, l);
        value = m ? &m->value : NULL;

        if (m) {
            m->type = type;
        }
    }

    if (value == NULL) {
        j->rc = NGX_ERROR;
        return 0;
    }

    value->len = len;
    value->data = ngx_pnalloc(j->pool, len + 1);
    if (value->data == NULL) {
        j->rc = NGX_ERROR;
        return 0;
    }

    ngx_memcpy(value->data, p, len);

    return 1;
}


static ngx_http_vcita_member_t *
ngx_http_vcita_json_add_member(ngx_http_vcita_json_t *j,
    ngx_http_vcita_level_t *l)
{
    ngx_http_vcita_member_t  *m;

    m = ngx_array_push(j->members);
    if (m == NULL) {
        j->rc = NGX_ERROR;
        return NULL;
    }

    ngx_memzero(m, sizeof(ngx_http_vcita_member_t));

    m->name = l->key;
    m->depth = j->depth;
    m->element = l->element;

    return m;
}


/* Returns a member of the outermost object, or NULL */

ngx_http_vcita_member_t *
ngx_http_vcita_json_member(ngx_array_t *members, const char *name)
{
    size_t                    len;
    ngx_uint_t                i;
    ngx_http_vcita_member_t  *m;

    m = members->elts;
    len = ngx_strlen(name);

    for (i = 0; i < members->nelts; i++) {

        if (m[i].depth == 1
            && m[i].name.len == len
            && ngx_memcmp(m[i].name.data, name, len) == 0)
        {
            return &m[i];
        }
    }

    return NULL;
}
