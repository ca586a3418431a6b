
/*
 * Fuzzing: the list of targets, and what all of them use.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <stdio.h>
#include "util/ngx_http_vcita_base64url.h"
#include "fuzz.h"


static ngx_str_t fuzz_jwt_part(ngx_str_t *text);
static size_t fuzz_utf8_char(u_char *p, size_t left);
static ngx_uint_t fuzz_utf8_tails(u_char *p, size_t n);


ngx_pool_t            *fuzz_pool;
ngx_pool_t            *fuzz_lasting_pool;

static fuzz_target_t  *fuzz_targets;


void
fuzz_register(fuzz_target_t *target)
{
    target->next = fuzz_targets;
    fuzz_targets = target;
}


fuzz_target_t *
fuzz_find(const char *name)
{
    fuzz_target_t  *target;

    for (target = fuzz_targets; target; target = target->next) {

        if (ngx_strcmp(target->name, name) == 0) {
            return target;
        }
    }

    return NULL;
}


void
fuzz_failed(const char *condition, const char *file, ngx_uint_t line)
{
    fprintf(stderr, "fuzz: %s:%lu: does not hold: %s\n", file,
            (unsigned long) line, condition);
    abort();
}


u_char
fuzz_byte(ngx_str_t *in)
{
    if (in->len == 0) {
        return 0;
    }

    in->len--;

    return *in->data++;
}


ngx_str_t
fuzz_take(ngx_str_t *in, size_t len)
{
    ngx_str_t  part;

    part.data = in->data;
    part.len = ngx_min(len, in->len);

    in->data += part.len;
    in->len -= part.len;

    return fuzz_copy(&part);
}


/* up to a line feed, which is passed over */

ngx_str_t
fuzz_line(ngx_str_t *in)
{
    u_char     *lf;
    ngx_str_t   line;

    lf = in->len ? memchr(in->data, LF, in->len) : NULL;

    line = fuzz_take(in, lf ? (size_t) (lf - in->data) : in->len);

    (void) fuzz_byte(in);

    return line;
}


ngx_str_t
fuzz_copy(ngx_str_t *text)
{
    ngx_str_t  copy;

    copy = fuzz_room(text->len);

    if (text->len) {
        ngx_memcpy(copy.data, text->data, text->len);
    }

    return copy;
}


ngx_str_t
fuzz_header(ngx_str_t *text)
{
    ngx_str_t  copy;

    copy = fuzz_room(text->len + 1);

    copy.len = text->len;
    ngx_memcpy(copy.data, text->data, text->len);
    copy.data[copy.len] = '\0';

    return copy;
}


/* the signature is encoded already, and goes on over line feeds to the end */

ngx_str_t
fuzz_jwt(ngx_str_t *in, ngx_str_t *header)
{
    u_char     *p;
    ngx_str_t   payload, part[2], jwt;

    *header = fuzz_line(in);
    payload = fuzz_line(in);

    part[0] = fuzz_jwt_part(header);
    part[1] = fuzz_jwt_part(&payload);

    jwt = fuzz_room(part[0].len + 1 + part[1].len + 1 + in->len);

    p = ngx_cpymem(jwt.data, part[0].data, part[0].len);
    *p++ = '.';
    p = ngx_cpymem(p, part[1].data, part[1].len);
    *p++ = '.';
    ngx_memcpy(p, in->data, in->len);

    return jwt;
}


static ngx_str_t
fuzz_jwt_part(ngx_str_t *text)
{
    ngx_str_t  part;

    part = fuzz_room((text->len * 4 + 2) / 3);
    ngx_http_vcita_base64url_encode(part.data, text->data, text->len);

    return part;
}


ngx_str_t
fuzz_room(size_t len)
{
    ngx_str_t  room;

    room.len = len;
    room.data = ngx_pnalloc(fuzz_pool, len);

    if (room.data == NULL) {
        abort();
    }

    return room;
}


/* zeros */

void *
fuzz_alloc(size_t size)
{
    void  *p;

    p = ngx_pcalloc(fuzz_pool, size);

    if (p == NULL) {
        abort();
    }

    return p;
}


ngx_array_t *
fuzz_array(size_t size)
{
    ngx_array_t  *array;

    array = ngx_array_create(fuzz_pool, 4, size);

    if (array == NULL) {
        abort();
    }

    return array;
}


ngx_uint_t
fuzz_same(ngx_str_t *one, ngx_str_t *two)
{
    return one->len == two->len
           && (one->len == 0
               || ngx_memcmp(one->data, two->data, one->len) == 0);
}


ngx_uint_t
fuzz_same_text(ngx_str_t *one, const char *two)
{
    ngx_str_t  text;

    text.len = ngx_strlen(two);
    text.data = (u_char *) two;

    return fuzz_same(one, &text);
}


ngx_uint_t
fuzz_inside(ngx_str_t *part, ngx_str_t *whole)
{
    return part->data >= whole->data
           && part->data + part->len <= whole->data + whole->len;
}


ngx_uint_t
fuzz_printable(ngx_str_t *text)
{
    size_t  i;

    for (i = 0; i < text->len; i++) {

        if (iscntrl(text->data[i])) {
            return 0;
        }
    }

    return 1;
}


ngx_uint_t
fuzz_utf8(ngx_str_t *text)
{
    size_t  i, n;

    for (i = 0; i < text->len; i += n) {

        n = fuzz_utf8_char(text->data + i, text->len - i);

        if (n == 0) {
            return 0;
        }
    }

    return 1;
}


/* RFC 3629, 4: the length of the character, 0 if it is none */

static size_t
fuzz_utf8_char(u_char *p, size_t left)
{
    if (p[0] <= 0x7f) {
        return 1;
    }

    if (p[0] >= 0xc2 && p[0] <= 0xdf) {
        return (left >= 2 && fuzz_utf8_tails(p + 1, 1)) ? 2 : 0;
    }

    if (p[0] >= 0xe0 && p[0] <= 0xef) {
        return (left >= 3
                && fuzz_utf8_tails(p + 1, 2)
                && (p[0] != 0xe0 || p[1] >= 0xa0)
                && (p[0] != 0xed || p[1] <= 0x9f)) ? 3 : 0;
    }

    if (p[0] >= 0xf0 && p[0] <= 0xf4) {
        return (left >= 4
                && fuzz_utf8_tails(p + 1, 3)
                && (p[0] != 0xf0 || p[1] >= 0x90)
                && (p[0] != 0xf4 || p[1] <= 0x8f)) ? 4 : 0;
    }

    return 0;
}


static ngx_uint_t
fuzz_utf8_tails(u_char *p, size_t n)
{
    while (n--) {

        if (*p < 0x80 || *p > 0xbf) {
            return 0;
        }

        p++;
    }

    return 1;
}
