
/*
 * The targets inside nginx, by its own pools: each seed once.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <dirent.h>
#include <stdio.h>
#include "fuzz.h"


#define FUZZ_SEED_MAX  65536


static ngx_int_t fuzz_replay_folder(fuzz_target_t *target, const char *path,
    ngx_log_t *log);
static ngx_int_t fuzz_replay_file(fuzz_target_t *target, const char *path,
    ngx_log_t *log);
static ssize_t fuzz_read(const char *path, u_char *buf, size_t size);


/* Returns the number of inputs, NGX_ERROR if one could not be read */

ngx_int_t
fuzz_replay(fuzz_target_t *target, const char *path, ngx_log_t *log)
{
    ngx_file_info_t  fi;

    if (ngx_file_info(path, &fi) == NGX_FILE_ERROR) {
        return NGX_ERROR;
    }

    if (fuzz_lasting_pool == NULL) {
        fuzz_lasting_pool = ngx_create_pool(NGX_DEFAULT_POOL_SIZE, log);

        if (fuzz_lasting_pool == NULL) {
            return NGX_ERROR;
        }
    }

    return ngx_is_dir(&fi) ? fuzz_replay_folder(target, path, log)
                           : fuzz_replay_file(target, path, log);
}


static ngx_int_t
fuzz_replay_folder(fuzz_target_t *target, const char *path, ngx_log_t *log)
{
    DIR            *dir;
    u_char          name[NGX_MAX_PATH];
    ngx_int_t       n;
    struct dirent  *entry;

    dir = opendir(path);
    if (dir == NULL) {
        return NGX_ERROR;
    }

    n = 0;

    while (n != NGX_ERROR && (entry = readdir(dir)) != NULL) {

        if (entry->d_name[0] == '.') {
            continue;
        }

        *ngx_snprintf(name, sizeof(name) - 1, "%s/%s", path, entry->d_name)
            = '\0';

        n = (fuzz_replay_file(target, (char *) name, log) == NGX_ERROR)
            ? NGX_ERROR : n + 1;
    }

    closedir(dir);

    return n;
}


static ngx_int_t
fuzz_replay_file(fuzz_target_t *target, const char *path, ngx_log_t *log)
{
    u_char     *buf;
    ssize_t     n;
    ngx_str_t   in, seed;

    fuzz_pool = ngx_create_pool(NGX_DEFAULT_POOL_SIZE, log);
    if (fuzz_pool == NULL) {
        return NGX_ERROR;
    }

    buf = ngx_palloc(fuzz_pool, FUZZ_SEED_MAX);
    n = buf ? fuzz_read(path, buf, FUZZ_SEED_MAX) : -1;

    if (n < 0) {
        ngx_destroy_pool(fuzz_pool);
        return NGX_ERROR;
    }

    seed.data = buf;
    seed.len = n;

    /* in memory of its own size, as libFuzzer gives it */

    in = fuzz_copy(&seed);

    /* who reads this knows with which input it ended */

    fprintf(stderr, "fuzz: %s: %s\n", target->name, path);
    fflush(stderr);

    target->run(&in);

    ngx_destroy_pool(fuzz_pool);

    return 1;
}


static ssize_t
fuzz_read(const char *path, u_char *buf, size_t size)
{
    ssize_t   n;
    ngx_fd_t  fd;

    fd = ngx_open_file(path, NGX_FILE_RDONLY, NGX_FILE_OPEN, 0);
    if (fd == NGX_INVALID_FILE) {
        return -1;
    }

    n = ngx_read_fd(fd, buf, size);

    (void) ngx_close_file(fd);

    return n;
}
