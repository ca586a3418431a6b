
/*
 * Unit tests of the leaves.  A test file is test_NAME.c:
 *
 *     #include <ngx_config.h>
 *     #include <ngx_core.h>
 *     #include "unit.h"
 *
 *     unit_test(query)
 *     {
 *         ok(1 + 1 == 2, "addition");
 *         is_int(ngx_atoi((u_char *) "12", 2), 12, "a number");
 *         is_str(&got, "wanted", "case %ui", i);
 *     }
 *
 * The body runs while "nginx -t" reads "vcita_oauth_unit_test NAME;" (or all),
 * with unit_pool, a pool of its own, destroyed afterwards, and unit_log.  Names
 * of checks are formats of ngx_sprintf().  All checks return 1 if they passed.
 */


#ifndef _NGX_HTTP_VCITA_OAUTH_UNIT_H_INCLUDED_
#define _NGX_HTTP_VCITA_OAUTH_UNIT_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>


typedef struct unit_test_s  unit_test_t;

struct unit_test_s {
    const char   *name;
    void        (*run)(void);
    unit_test_t  *next;
};


extern ngx_pool_t  *unit_pool;
extern ngx_log_t   *unit_log;


/* registers itself when the module is loaded: there is no list to keep */

#define unit_test(id)                                                         \
                                                                              \
    static void unit_run_##id(void);                                          \
                                                                              \
    __attribute__((constructor)) static void                                  \
    unit_register_##id(void)                                                  \
    {                                                                         \
        static unit_test_t  test = { #id, unit_run_##id, NULL };              \
                                                                              \
        unit_register(&test);                                                 \
    }                                                                         \
                                                                              \
    static void                                                               \
    unit_run_##id(void)


#define ok(condition, ...)                                                    \
    unit_ok((condition) ? 1 : 0, __FILE__, __LINE__, __VA_ARGS__)

/* integers, of any kind that fits an int64_t */
#define is_int(got, want, ...)                                                \
    unit_is_int((int64_t) (got), (int64_t) (want), __FILE__, __LINE__,        \
                __VA_ARGS__)

/* an ngx_str_t * and a C string */
#define is_str(got, want, ...)                                                \
    unit_is_mem((got)->data, (got)->len, want, ngx_strlen(want),              \
                __FILE__, __LINE__, __VA_ARGS__)

/* two ngx_str_t *; zero bytes may be inside */
#define is_eq(got, want, ...)                                                 \
    unit_is_mem((got)->data, (got)->len, (want)->data, (want)->len,           \
                __FILE__, __LINE__, __VA_ARGS__)

/* two pieces of memory of one length */
#define is_mem(got, want, n, ...)                                             \
    unit_is_mem(got, n, want, n, __FILE__, __LINE__, __VA_ARGS__)

/* a line of explanation */
#define note(...)  unit_note(__VA_ARGS__)

/* a literal, with its length: a zero byte does not end it */
#define lit(s)     { sizeof(s) - 1, (u_char *) s }


void unit_register(unit_test_t *test);
ngx_uint_t unit_ok(ngx_uint_t passed, const char *file, ngx_uint_t line,
    const char *fmt, ...);
ngx_uint_t unit_is_int(int64_t got, int64_t want, const char *file,
    ngx_uint_t line, const char *fmt, ...);
ngx_uint_t unit_is_mem(const void *got, size_t got_len, const void *want,
    size_t want_len, const char *file, ngx_uint_t line, const char *fmt, ...);
void unit_note(const char *fmt, ...);

/* in memory of exactly that size: a sanitizer sees what reads or writes on */
ngx_str_t unit_copy(const void *data, size_t len);
ngx_str_t unit_text(const char *text);
ngx_str_t unit_room(size_t len);
ngx_uint_t unit_same(const ngx_str_t *one, const ngx_str_t *two);

/* bytes from hex, blanks between them are passed over */
ngx_str_t unit_hex(const char *hex);

/* a shared zone as if of this process alone: a block of zeroes, its lock */
void unit_zone(ngx_shm_zone_t *zone, size_t room);
void unit_zone_destroy(ngx_shm_zone_t *zone);

/* takes the next of the words that blanks separate; 0: there is none */
ngx_uint_t unit_word(const char **text, ngx_str_t *word);

/* a number below n, of a series that is the same in every run of a test */
ngx_uint_t unit_random(ngx_uint_t n);

/* milliseconds, for the bounds of what must not take long */
ngx_msec_t unit_clock(void);


#endif /* _NGX_HTTP_VCITA_OAUTH_UNIT_H_INCLUDED_ */
