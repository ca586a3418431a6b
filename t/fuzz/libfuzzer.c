
/*
 * The targets under libFuzzer, outside of nginx: FUZZ_TARGET in the
 * environment names one.  What little the leaves and nginx's own strings,
 * arrays, lists and pools need of the rest of nginx stands here.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <stdio.h>
#include "fuzz.h"


#define FUZZ_POOL_SIZE  16384


int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const u_char *data, size_t size);
void ngx_log_error_core(ngx_uint_t level, ngx_log_t *log, ngx_err_t err,
    const char *fmt, ...);


volatile ngx_cycle_t   *ngx_cycle;
volatile ngx_time_t    *ngx_cached_time;

static ngx_log_t        fuzz_log;
static ngx_cycle_t      fuzz_cycle;
static ngx_time_t       fuzz_time = { 1790000000, 123, 0 };
static fuzz_target_t   *fuzz_chosen;


int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
    char  *name;

    ngx_pagesize = getpagesize();
    ngx_cached_time = &fuzz_time;

    fuzz_cycle.log = &fuzz_log;
    ngx_cycle = &fuzz_cycle;

    name = getenv("FUZZ_TARGET");
    fuzz_chosen = name ? fuzz_find(name) : NULL;

    fuzz_lasting_pool = ngx_create_pool(FUZZ_POOL_SIZE, &fuzz_log);
    fuzz_pool = ngx_create_pool(FUZZ_POOL_SIZE, &fuzz_log);

    if (fuzz_chosen == NULL || fuzz_lasting_pool == NULL || fuzz_pool == NULL)
    {
        fprintf(stderr, "fuzz: FUZZ_TARGET names no target\n");
        exit(2);
    }

    return 0;
}


int
LLVMFuzzerTestOneInput(const u_char *data, size_t size)
{
    ngx_str_t  in;

    in.data = (u_char *) data;
    in.len = size;

    fuzz_chosen->run(&in);

    ngx_reset_pool(fuzz_pool);

    return 0;
}


void
ngx_log_error_core(ngx_uint_t level, ngx_log_t *log, ngx_err_t err,
    const char *fmt, ...)
{
    /* nothing that is linked here logs, but for failures of malloc() */
}
