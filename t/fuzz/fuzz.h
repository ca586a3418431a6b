
/*
 * Fuzzing of what reads foreign bytes.  A target is one file, fuzz_NAME.c,
 * with the same NAME in it and its seeds in seeds/NAME/:
 *
 *     #include <ngx_config.h>
 *     #include <ngx_core.h>
 *     #include "fuzz.h"
 *
 *     fuzz_target(query)
 *     {
 *         ngx_str_t  name;
 *
 *         name = fuzz_line(in);
 *         fuzz_check(decode(encode(in)) == in);
 *     }
 *
 * The body runs once for each input, "in", an ngx_str_t * that it may eat up;
 * fuzz_pool lives as long as the run.  A line "Dictionary: NAME" in the
 * file's first comment names a file of dict/.
 *
 * It is compiled twice: with libFuzzer and sanitizers (tools/fuzz.sh), and
 * into the module of the unit tests, which replays the seeds (t/fuzz.t).
 */


#ifndef _NGX_HTTP_VCITA_OAUTH_FUZZ_H_INCLUDED_
#define _NGX_HTTP_VCITA_OAUTH_FUZZ_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>


typedef struct fuzz_target_s  fuzz_target_t;

struct fuzz_target_s {
    const char     *name;
    void          (*run)(ngx_str_t *in);
    fuzz_target_t  *next;
};


/* of this run, and of all runs together; neither is ever NULL in a target */

extern ngx_pool_t  *fuzz_pool;
extern ngx_pool_t  *fuzz_lasting_pool;


/* registers itself when the program starts: there is no list to keep */

#define fuzz_target(id)                                                       \
                                                                              \
    static void fuzz_run_##id(ngx_str_t *in);                                 \
                                                                              \
    __attribute__((constructor)) static void                                  \
    fuzz_register_##id(void)                                                  \
    {                                                                         \
        static fuzz_target_t  target = { #id, fuzz_run_##id, NULL };          \
                                                                              \
        fuzz_register(&target);                                               \
    }                                                                         \
                                                                              \
    static void                                                               \
    fuzz_run_##id(ngx_str_t *in)


/* what holds for every input; ends the process if it does not */

#define fuzz_check(condition)                                                 \
    if (!(condition)) {                                                       \
        fuzz_failed(#condition, __FILE__, __LINE__);                          \
    }


/* a literal, with its length: a zero byte does not end it */

#define fuzz_str(s)  { sizeof(s) - 1, (u_char *) s }


void fuzz_register(fuzz_target_t *target);
fuzz_target_t *fuzz_find(const char *name);
void fuzz_failed(const char *condition, const char *file, ngx_uint_t line);

/* runs a seed, or all seeds of a folder; returns how many there were */
ngx_int_t fuzz_replay(fuzz_target_t *target, const char *path,
    ngx_log_t *log);


/*
 * Parts of the input, in memory of exactly their size.  Where it is used up:
 * 0, and empty texts.
 */

u_char fuzz_byte(ngx_str_t *in);
ngx_str_t fuzz_take(ngx_str_t *in, size_t len);
ngx_str_t fuzz_line(ngx_str_t *in);

ngx_str_t fuzz_copy(ngx_str_t *text);

/* as nginx keeps the value of a header: a zero byte follows */
ngx_str_t fuzz_header(ngx_str_t *text);

/* a JWT of three lines: header, which is given back, payload, and signature */
ngx_str_t fuzz_jwt(ngx_str_t *in, ngx_str_t *header);

ngx_str_t fuzz_room(size_t len);
void *fuzz_alloc(size_t size);
ngx_array_t *fuzz_array(size_t size);

ngx_uint_t fuzz_same(ngx_str_t *one, ngx_str_t *two);
ngx_uint_t fuzz_same_text(ngx_str_t *one, const char *two);
ngx_uint_t fuzz_inside(ngx_str_t *part, ngx_str_t *whole);
ngx_uint_t fuzz_printable(ngx_str_t *text);
ngx_uint_t fuzz_utf8(ngx_str_t *text);


#endif /* _NGX_HTTP_VCITA_OAUTH_FUZZ_H_INCLUDED_ */
