
/*
 * A module for tests only: "vcita_oauth_unit_test NAME | all;" runs the tests
 * that unit.h registers while the configuration is read, prints TAP on stdout,
 * and is a configuration error if a check failed.  "vcita_oauth_fuzz_replay
 * NAME PATH;" runs a fuzz target with a seed, or with all seeds of a folder.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <stdio.h>
#include "fuzz.h"
#include "unit.h"


#define UNIT_LINE  2048


static char *unit_directive(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
static char *unit_replay(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
static ngx_int_t unit_run(ngx_conf_t *cf, unit_test_t *test);
static void unit_result(ngx_uint_t passed, const char *file,
    ngx_uint_t line, const char *fmt, va_list args);
static void unit_print_mem(const char *title, const u_char *data, size_t len);


ngx_pool_t          *unit_pool;
ngx_log_t           *unit_log;

static unit_test_t  *unit_tests;
static ngx_uint_t    unit_checks;
static ngx_uint_t    unit_failures;
static uint64_t      unit_seed;


static ngx_command_t  ngx_http_vcita_unit_commands[] = {

    { ngx_string("vcita_oauth_unit_test"),
      NGX_MAIN_CONF|NGX_DIRECT_CONF|NGX_CONF_TAKE1,
      unit_directive,
      0,
      0,
      NULL },

    { ngx_string("vcita_oauth_fuzz_replay"),
      NGX_MAIN_CONF|NGX_DIRECT_CONF|NGX_CONF_TAKE2,
      unit_replay,
      0,
      0,
      NULL },

      ngx_null_command
};


static ngx_core_module_t  ngx_http_vcita_oauth_unit_module_ctx = {
    ngx_string("vcita_oauth_unit"),
    NULL,
    NULL
};


ngx_module_t  ngx_http_vcita_oauth_unit_module = {
    NGX_MODULE_V1,
    &ngx_http_vcita_oauth_unit_module_ctx, /* module context */
    ngx_http_vcita_unit_commands,          /* module directives */
    NGX_CORE_MODULE,                       /* module type */
    NULL,                                  /* init master */
    NULL,                                  /* init module */
    NULL,                                  /* init process */
    NULL,                                  /* init thread */
    NULL,                                  /* exit thread */
    NULL,                                  /* exit process */
    NULL,                                  /* exit master */
    NGX_MODULE_V1_PADDING
};


static char *
unit_directive(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_str_t    *value;
    ngx_uint_t    all, found;
    unit_test_t  *test;

    value = cf->args->elts;

    all = (ngx_strcmp(value[1].data, "all") == 0);
    found = 0;

    unit_checks = 0;
    unit_failures = 0;

    for (test = unit_tests; test; test = test->next) {

        if (!all && ngx_strcmp(value[1].data, test->name) != 0) {
            continue;
        }

        found = 1;

        if (unit_run(cf, test) != NGX_OK) {
            return NGX_CONF_ERROR;
        }
    }

    if (!found && !all) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "no unit test \"%V\"",
                           &value[1]);
        return NGX_CONF_ERROR;
    }

    printf("1..%lu%s\n", (unsigned long) unit_checks,
           unit_checks ? "" : " # SKIP no unit tests");
    fflush(stdout);

    if (unit_failures) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "%ui of %ui unit checks failed",
                           unit_failures, unit_checks);
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


static char *
unit_replay(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_int_t       n;
    ngx_str_t      *value;
    fuzz_target_t  *target;

    value = cf->args->elts;

    target = fuzz_find((char *) value[1].data);

    if (target == NULL) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "no fuzz target \"%V\"",
                           &value[1]);
        return NGX_CONF_ERROR;
    }

    n = fuzz_replay(target, (char *) value[2].data, cf->log);

    if (n <= 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "no seeds could be read from \"%V\"", &value[2]);
        return NGX_CONF_ERROR;
    }

    printf("%ld\n", (long) n);
    fflush(stdout);

    return NGX_CONF_OK;
}


static ngx_int_t
unit_run(ngx_conf_t *cf, unit_test_t *test)
{
    unit_pool = ngx_create_pool(NGX_DEFAULT_POOL_SIZE, cf->log);
    if (unit_pool == NULL) {
        return NGX_ERROR;
    }

    unit_log = cf->log;
    unit_seed = 1;

    unit_note("%s", test->name);

    test->run();

    ngx_destroy_pool(unit_pool);
    unit_pool = NULL;

    return NGX_OK;
}


/* in the order of their names: that of the constructors is the linker's */

void
unit_register(unit_test_t *test)
{
    unit_test_t  **next;

    for (next = &unit_tests; *next; next = &(*next)->next) {
        if (ngx_strcmp(test->name, (*next)->name) < 0) {
            break;
        }
    }

    test->next = *next;
    *next = test;
}


ngx_uint_t
unit_ok(ngx_uint_t passed, const char *file, ngx_uint_t line,
    const char *fmt, ...)
{
    va_list  args;

    va_start(args, fmt);
    unit_result(passed, file, line, fmt, args);
    va_end(args);

    return passed;
}


ngx_uint_t
unit_is_int(int64_t got, int64_t want, const char *file, ngx_uint_t line,
    const char *fmt, ...)
{
    va_list     args;
    ngx_uint_t  passed;

    passed = (got == want);

    va_start(args, fmt);
    unit_result(passed, file, line, fmt, args);
    va_end(args);

    if (!passed) {
        unit_note("    got: %L", got);
        unit_note("   want: %L", want);
    }

    return passed;
}


ngx_uint_t
unit_is_mem(const void *got, size_t got_len, const void *want, size_t want_len,
    const char *file, ngx_uint_t line, const char *fmt, ...)
{
    va_list     args;
    ngx_uint_t  passed;

    passed = (got_len == want_len
              && (got_len == 0 || ngx_memcmp(got, want, got_len) == 0));

    va_start(args, fmt);
    unit_result(passed, file, line, fmt, args);
    va_end(args);

    if (!passed) {
        unit_print_mem("   got", got, got_len);
        unit_print_mem("  want", want, want_len);
    }

    return passed;
}


void
unit_note(const char *fmt, ...)
{
    u_char   *last, buf[UNIT_LINE];
    va_list   args;

    va_start(args, fmt);
    last = ngx_vslprintf(buf, buf + sizeof(buf), fmt, args);
    va_end(args);

    printf("# %.*s\n", (int) (last - buf), buf);
    fflush(stdout);
}


static void
unit_result(ngx_uint_t passed, const char *file, ngx_uint_t line,
    const char *fmt, va_list args)
{
    u_char  *p, *last, buf[UNIT_LINE];

    last = ngx_vslprintf(buf, buf + sizeof(buf), fmt, args);

    for (p = buf; p < last; p++) {
        if (*p < 0x20 || *p >= 0x7f || *p == '#') {
            *p = '?';
        }
    }

    unit_checks++;

    printf("%sok %lu - %.*s\n", passed ? "" : "not ",
           (unsigned long) unit_checks, (int) (last - buf), buf);

    if (!passed) {
        unit_failures++;
        printf("#   failed at %s:%lu\n", file, (unsigned long) line);
    }

    /* what follows may crash: nothing stays in the buffer */
    fflush(stdout);
}


static void
unit_print_mem(const char *title, const u_char *data, size_t len)
{
    size_t  i;

    printf("# %s: (%lu bytes) \"", title, (unsigned long) len);

    for (i = 0; i < len && i < UNIT_LINE; i++) {
        if (data[i] < 0x20 || data[i] >= 0x7f || data[i] == '"'
            || data[i] == '\\')
        {
            printf("\\x%02x", data[i]);

        } else {
            putchar(data[i]);
        }
    }

    printf("\"%s\n", i < len ? "..." : "");
    fflush(stdout);
}


ngx_str_t
unit_copy(const void *data, size_t len)
{
    ngx_str_t  s;

    s = unit_room(len);

    if (len) {
        ngx_memcpy(s.data, data, len);
    }

    return s;
}


ngx_str_t
unit_text(const char *text)
{
    return unit_copy(text, ngx_strlen(text));
}


ngx_str_t
unit_room(size_t len)
{
    ngx_str_t  s;

    s.len = len;
    s.data = ngx_pnalloc(unit_pool, len);

    if (s.data == NULL) {
        abort();
    }

    return s;
}


ngx_uint_t
unit_same(const ngx_str_t *one, const ngx_str_t *two)
{
    return one->len == two->len
           && (one->len == 0
               || ngx_memcmp(one->data, two->data, one->len) == 0);
}


void
unit_zone(ngx_shm_zone_t *zone, size_t room)
{
    ngx_slab_pool_t  *pool;

    pool = ngx_pcalloc(unit_pool, sizeof(ngx_slab_pool_t));
    if (pool == NULL) {
        abort();
    }

    pool->data = ngx_pcalloc(unit_pool, room);

    if (pool->data == NULL
        || ngx_shmtx_create(&pool->mutex, &pool->lock, NULL) != NGX_OK)
    {
        abort();
    }

    ngx_memzero(zone, sizeof(ngx_shm_zone_t));

    zone->shm.addr = (u_char *) pool;
}


void
unit_zone_destroy(ngx_shm_zone_t *zone)
{
    ngx_shmtx_destroy(&((ngx_slab_pool_t *) zone->shm.addr)->mutex);
}


ngx_str_t
unit_hex(const char *hex)
{
    u_char     *p;
    ngx_str_t   s;

    s = unit_room(ngx_strlen(hex) / 2);
    p = s.data;

    for ( /* void */ ; *hex; hex++) {

        if (*hex != ' ') {
            *p++ = (u_char) ngx_hextoi((u_char *) hex++, 2);
        }
    }

    return unit_copy(s.data, p - s.data);
}


ngx_uint_t
unit_word(const char **text, ngx_str_t *word)
{
    size_t  len;

    *text += strspn(*text, " ");
    len = strcspn(*text, " ");

    *word = unit_copy(*text, len);
    *text += len;

    return len != 0;
}


/* xorshift64* (Vigna) */

ngx_uint_t
unit_random(ngx_uint_t n)
{
    unit_seed ^= unit_seed >> 12;
    unit_seed ^= unit_seed << 25;
    unit_seed ^= unit_seed >> 27;

    return (ngx_uint_t) ((unit_seed * 0x2545f4914f6cdd1dull) >> 33) % n;
}


ngx_msec_t
unit_clock(void)
{
    struct timeval  tv;

    ngx_gettimeofday(&tv);

    return (ngx_msec_t) tv.tv_sec * 1000 + tv.tv_usec / 1000;
}
