
/*
 * JSON: what is taken is one object of valid UTF-8, its members are what
 * their type says, and the object that they make is taken with the same ones.
 * Dictionary: json
 */


#include <ngx_config.h>
#include <ngx_core.h>

#include "vcita/ngx_http_vcita_claims.h"
#include "fuzz.h"


static void fuzz_json_alone(ngx_str_t *text);
static ngx_uint_t fuzz_json_found(ngx_array_t *members,
    ngx_http_vcita_member_t *m);
static void fuzz_json_member(ngx_http_vcita_member_t *m);
static void fuzz_json_array(ngx_http_vcita_member_t *m);
static ngx_str_t fuzz_json_object(ngx_array_t *members);
static size_t fuzz_json_len(ngx_str_t *text);
static u_char *fuzz_json_put(u_char *p, ngx_http_vcita_member_t *m);
static ngx_uint_t fuzz_json_quoted(ngx_http_vcita_member_t *m);
static ngx_uint_t fuzz_json_outer(ngx_http_vcita_member_t *m);


fuzz_target(json)
{
    ngx_int_t                 rc;
    ngx_str_t                 text;
    ngx_uint_t                i, n;
    ngx_array_t              *members, *again;
    ngx_http_vcita_member_t  *m, *same;

    members = fuzz_array(sizeof(ngx_http_vcita_member_t));

    rc = ngx_http_vcita_json_members(fuzz_pool, in, members);

    if (rc != NGX_OK) {
        fuzz_check(rc == NGX_DECLINED);
        return;
    }

    fuzz_check(fuzz_utf8(in));
    fuzz_json_alone(in);

    m = members->elts;

    for (i = 0; i < members->nelts; i++) {
        fuzz_json_member(&m[i]);
    }

    text = fuzz_json_object(members);
    again = fuzz_array(sizeof(ngx_http_vcita_member_t));

    fuzz_check(ngx_http_vcita_json_members(fuzz_pool, &text, again) == NGX_OK);

    same = again->elts;
    n = 0;

    for (i = 0; i < members->nelts; i++) {

        if (!fuzz_json_outer(&m[i])) {
            continue;
        }

        /* of two that have one name, the second would never be found */

        fuzz_check(fuzz_json_found(members, &m[i]));

        fuzz_check(n < again->nelts);
        fuzz_check(same[n].type == m[i].type);
        fuzz_check(fuzz_same(&same[n].name, &m[i].name));
        fuzz_check(fuzz_same(&same[n].value, &m[i].value));
        n++;
    }

    fuzz_check(n == again->nelts);
}


/* what follows an object makes it none: here another one */

static void
fuzz_json_alone(ngx_str_t *text)
{
    ngx_str_t     more;
    ngx_array_t  *members;

    more = fuzz_room(text->len + 2);

    ngx_memcpy(more.data, text->data, text->len);
    ngx_memcpy(more.data + text->len, "{}", 2);

    members = fuzz_array(sizeof(ngx_http_vcita_member_t));

    fuzz_check(ngx_http_vcita_json_members(fuzz_pool, &more, members)
               == NGX_DECLINED);
}


static ngx_uint_t
fuzz_json_found(ngx_array_t *members, ngx_http_vcita_member_t *m)
{
    u_char  *name;

    name = fuzz_header(&m->name).data;

    /* C's end of a text inside of a name is none of a JSON string */

    return ngx_strlen(name) != m->name.len
           || ngx_http_vcita_json_member(members, (char *) name) == m;
}


static void
fuzz_json_member(ngx_http_vcita_member_t *m)
{
    fuzz_check(fuzz_utf8(&m->name) && fuzz_utf8(&m->value));
    fuzz_check(m->depth >= 1);
    fuzz_check(m->depth <= NGX_HTTP_VCITA_JSON_DEPTH);
    fuzz_check(m->name.len && m->name.len <= NGX_HTTP_VCITA_JSON_NAME);

    switch (m->type) {

    case NGX_HTTP_VCITA_JSON_NULL:
        fuzz_check(m->value.len == 0);
        break;

    case NGX_HTTP_VCITA_JSON_BOOLEAN:
        fuzz_check(fuzz_same_text(&m->value, "true")
                   || fuzz_same_text(&m->value, "false"));
        break;

    case NGX_HTTP_VCITA_JSON_NUMBER:
        fuzz_check(m->value.len && fuzz_printable(&m->value));
        break;

    case NGX_HTTP_VCITA_JSON_STRING:
        break;

    case NGX_HTTP_VCITA_JSON_ARRAY:
        fuzz_json_array(m);
        break;

    case NGX_HTTP_VCITA_JSON_OBJECT:
        fuzz_check(m->value.len == 0);
        break;
    }
}


static void
fuzz_json_array(ngx_http_vcita_member_t *m)
{
    size_t  i, len;

    fuzz_check(m->lengths.len % 2 == 0);

    if (m->lengths.len == 0) {
        fuzz_check(m->value.len == 0);
        return;
    }

    len = m->lengths.len / 2 - 1;

    for (i = 0; i < m->lengths.len; i += 2) {
        len += (size_t) m->lengths.data[i] << 8 | m->lengths.data[i + 1];
    }

    fuzz_check(len == m->value.len);
}


/* the outermost members, without those that hold others */

static ngx_str_t
fuzz_json_object(ngx_array_t *members)
{
    u_char                   *p;
    size_t                    len;
    ngx_str_t                 text;
    ngx_uint_t                i;
    ngx_http_vcita_member_t  *m;

    m = members->elts;
    len = sizeof("{}");

    for (i = 0; i < members->nelts; i++) {
        len += fuzz_json_len(&m[i].name) + fuzz_json_len(&m[i].value)
               + sizeof("\"\":\"\"null,");
    }

    text = fuzz_room(len);

    p = text.data;
    *p++ = '{';

    for (i = 0; i < members->nelts; i++) {

        if (fuzz_json_outer(&m[i])) {

            if (p > text.data + 1) {
                *p++ = ',';
            }

            p = fuzz_json_put(p, &m[i]);
        }
    }

    *p++ = '}';

    text.len = p - text.data;

    return fuzz_copy(&text);
}


static size_t
fuzz_json_len(ngx_str_t *text)
{
    return text->len + ngx_escape_json(NULL, text->data, text->len);
}


static u_char *
fuzz_json_put(u_char *p, ngx_http_vcita_member_t *m)
{
    *p++ = '"';
    p = (u_char *) ngx_escape_json(p, m->name.data, m->name.len);
    *p++ = '"';
    *p++ = ':';

    if (m->type == NGX_HTTP_VCITA_JSON_NULL) {
        return ngx_cpymem(p, "null", 4);
    }

    if (!fuzz_json_quoted(m)) {
        return ngx_cpymem(p, m->value.data, m->value.len);
    }

    *p++ = '"';
    p = (u_char *) ngx_escape_json(p, m->value.data, m->value.len);
    *p++ = '"';

    return p;
}


static ngx_uint_t
fuzz_json_quoted(ngx_http_vcita_member_t *m)
{
    return m->type == NGX_HTTP_VCITA_JSON_STRING;
}


static ngx_uint_t
fuzz_json_outer(ngx_http_vcita_member_t *m)
{
    return m->depth == 1
           && m->type != NGX_HTTP_VCITA_JSON_ARRAY
           && m->type != NGX_HTTP_VCITA_JSON_OBJECT;
}
