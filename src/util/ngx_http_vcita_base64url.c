
/*
 * Copyright (C) the vcita OAuth gate authors
 *
 * base64url without padding (RFC 4648, 5), and a strict decoder.  Touches only
 * the memory it is given.
 */


#include <ngx_config.h>
#include <ngx_core.h>

#include "util/ngx_http_vcita_base64url.h"


#if (defined(__GNUC__) && defined(__x86_64__))

#define NGX_HTTP_VCITA_SSSE3  1

#include <tmmintrin.h>


static size_t ngx_http_vcita_base64url_decode_wide(u_char *dst, u_char *src,
    size_t len);

#endif


/* the value of a base64url character; 0xff: not in the alphabet */

static const u_char  ngx_http_vcita_alphabet[256] = {
    0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
    0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
    0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
    0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
    0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
    0xff, 0xff, 0xff, 0xff, 0xff, 0x3e, 0xff, 0xff,
    0x34, 0x35, 0x36, 0x37, 0x38, 0x39, 0x3a, 0x3b,
    0x3c, 0x3d, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
    0xff, 0x00, 0x01, 0x02, 0x03, 0x04, 0x05, 0x06,
    0x07, 0x08, 0x09, 0x0a, 0x0b, 0x0c, 0x0d, 0x0e,
    0x0f, 0x10, 0x11, 0x12, 0x13, 0x14, 0x15, 0x16,
    0x17, 0x18, 0x19, 0xff, 0xff, 0xff, 0xff, 0x3f,
    0xff, 0x1a, 0x1b, 0x1c, 0x1d, 0x1e, 0x1f, 0x20,
    0x21, 0x22, 0x23, 0x24, 0x25, 0x26, 0x27, 0x28,
    0x29, 0x2a, 0x2b, 0x2c, 0x2d, 0x2e, 0x2f, 0x30,
    0x31, 0x32, 0x33, 0xff, 0xff, 0xff, 0xff, 0xff,
    0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
    0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
    0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
    0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
    0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
    0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
    0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
    0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
    0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
    0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
    0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
    0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
    0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
    0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
    0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
    0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff
};


/* Returns the length */

size_t
ngx_http_vcita_base64url_encode(u_char *dst, u_char *src, size_t len)
{
    ngx_str_t  d, s;

    s.data = src;
    s.len = len;
    d.data = dst;

    ngx_encode_base64url(&d, &s);

    return d.len;
}


/*
 * Accepts one encoding of each value.  NGX_DECLINED: padding, a foreign
 * character, an impossible length, or spare bits that are not zero.  dst may be
 * src->data.
 */

ngx_int_t
ngx_http_vcita_base64url_decode(u_char *dst, ngx_str_t *src)
{
    u_char      *p, *last, a, b, c, d;
    ngx_uint_t   tail;
#if (NGX_HTTP_VCITA_SSSE3)
    size_t       n;
#endif

    tail = src->len % 4;

    if (tail == 1) {
        return NGX_DECLINED;
    }

    p = src->data;
    last = p + src->len - tail;

#if (NGX_HTTP_VCITA_SSSE3)

    if (__builtin_cpu_supports("ssse3")) {
        n = ngx_http_vcita_base64url_decode_wide(dst, p, last - p);

        p += n;
        dst += n / 4 * 3;
    }

#endif

    while (p < last) {
        a = ngx_http_vcita_alphabet[p[0]];
        b = ngx_http_vcita_alphabet[p[1]];
        c = ngx_http_vcita_alphabet[p[2]];
        d = ngx_http_vcita_alphabet[p[3]];

        if ((a | b | c | d) & 0xc0) {
            return NGX_DECLINED;
        }

        *dst++ = (u_char) (a << 2 | b >> 4);
        *dst++ = (u_char) (b << 4 | c >> 2);
        *dst++ = (u_char) (c << 6 | d);

        p += 4;
    }

    if (tail == 0) {
        return NGX_OK;
    }

    a = ngx_http_vcita_alphabet[p[0]];
    b = ngx_http_vcita_alphabet[p[1]];
    c = (tail == 3) ? ngx_http_vcita_alphabet[p[2]] : 0;

    if ((a | b | c) & 0xc0) {
        return NGX_DECLINED;
    }

    *dst++ = (u_char) (a << 2 | b >> 4);

    if (tail == 2) {
        return (b & 0x0f) ? NGX_DECLINED : NGX_OK;
    }

    *dst = (u_char) (b << 4 | c >> 2);

    return (c & 0x03) ? NGX_DECLINED : NGX_OK;
}


#if (NGX_HTTP_VCITA_SSSE3)

/*
 * Decodes 16 characters at a time: the loop below would take a third of the
 * time of a request with a session.  The two halves of a character select its
 * value and whether it is in the alphabet; 16 values of 6 bits become 12
 * bytes.  Stops at a foreign character, and before a 16-byte store could exceed
 * the decoded length.  Returns the number of characters decoded.
 */

__attribute__((target("ssse3")))
static size_t
ngx_http_vcita_base64url_decode_wide(u_char *dst, u_char *src, size_t len)
{
    size_t   n;
    __m128i  text, high, low, valid, value;

    const __m128i  nibble = _mm_set1_epi8(0x0f);
    const __m128i  underscore = _mm_set1_epi8('_');

    /* a bit for each row of ASCII: 2, 3, ... 7 */

    const __m128i  rows = _mm_setr_epi8(0, 0, 0x01, 0x02, 0x04, 0x08, 0x10,
                                        0x20, 0, 0, 0, 0, 0, 0, 0, 0);

    /* the rows that have a character of the alphabet in this column */

    const __m128i  columns = _mm_setr_epi8(0x2a, 0x3e, 0x3e, 0x3e, 0x3e, 0x3e,
                                           0x3e, 0x3e, 0x3e, 0x3e, 0x3c, 0x14,
                                           0x14, 0x15, 0x14, 0x1c);

    /* from a character to its value, by row; '_' uses the row of 'P' */

    const __m128i  offsets = _mm_setr_epi8(0, 0, 62 - '-', 52 - '0', -'A',
                                           -'A', 26 - 'a', 26 - 'a',
                                           0, 0, 0, 0, 0, 0, 0, 0);
    const __m128i  offset = _mm_set1_epi8(63 - '_' + 'A');

    const __m128i  order = _mm_setr_epi8(2, 1, 0, 6, 5, 4, 10, 9, 8, 14, 13,
                                         12, -1, -1, -1, -1);

    for (n = 0; len - n >= 24; n += 16) {

        text = _mm_loadu_si128((__m128i *) (src + n));

        high = _mm_and_si128(_mm_srli_epi16(text, 4), nibble);
        low = _mm_and_si128(text, nibble);

        valid = _mm_and_si128(_mm_shuffle_epi8(columns, low),
                              _mm_shuffle_epi8(rows, high));

        if (_mm_movemask_epi8(_mm_cmpeq_epi8(valid, _mm_setzero_si128()))) {
            break;
        }

        value = _mm_add_epi8(text, _mm_shuffle_epi8(offsets, high));
        value = _mm_add_epi8(value,
                             _mm_and_si128(_mm_cmpeq_epi8(text, underscore),
                                           offset));

        value = _mm_maddubs_epi16(value, _mm_set1_epi16(0x0140));
        value = _mm_madd_epi16(value, _mm_set1_epi32(0x00011000));

        _mm_storeu_si128((__m128i *) dst, _mm_shuffle_epi8(value, order));

        dst += 12;
    }

    return n;
}

#endif
