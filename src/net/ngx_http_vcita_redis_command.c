
/*
 * Copyright (C) the vcita OAuth gate authors
 *
 * The Redis protocol (RESP): commands as bytes.  May touch hiredis's formatter.
 */


#include <ngx_config.h>
#include <ngx_core.h>

#include <hiredis/hiredis.h>

#include "net/ngx_http_vcita_redis.h"


/* The caller frees the bytes by ..._free() */

ngx_int_t
ngx_http_vcita_redis_command_format(ngx_str_t *words, ngx_uint_t n,
    ngx_str_t *bytes)
{
    int          len;
    char        *p;
    size_t       lens[NGX_HTTP_VCITA_REDIS_COMMAND_WORDS];
    ngx_uint_t   i;
    const char  *argv[NGX_HTTP_VCITA_REDIS_COMMAND_WORDS];

    for (i = 0; i < n; i++) {
        argv[i] = (const char *) words[i].data;
        lens[i] = words[i].len;
    }

    len = redisFormatCommandArgv(&p, (int) n, argv, lens);

    if (len < 0) {
        return NGX_ERROR;
    }

    bytes->data = (u_char *) p;
    bytes->len = len;

    return NGX_OK;
}


void
ngx_http_vcita_redis_command_free(ngx_str_t *bytes)
{
    ngx_explicit_memzero(bytes->data, bytes->len);
    redisFreeCommand((char *) bytes->data);
}


/*
 * The first commands on a connection.  The reply to PING shows that Redis
 * works, that to HELLO, the last one, tells its role; RESP stays at version 2.
 * The bytes contain the password, are in the pool, and the caller wipes them.
 */

ngx_int_t
ngx_http_vcita_redis_command_greeting(ngx_pool_t *pool, ngx_str_t *user,
    ngx_str_t *password, ngx_uint_t database, ngx_str_t *bytes,
    ngx_uint_t *answers)
{
    u_char     number[NGX_INT_T_LEN];
    ngx_str_t  words[3];

    ngx_str_null(bytes);
    *answers = 0;

    if (password->len) {
        ngx_str_set(&words[0], "AUTH");
        words[1] = user->len ? *user : *password;
        words[2] = *password;

        if (ngx_http_vcita_redis_command_add(pool, words,
                                                      user->len ? 3 : 2, bytes,
                                                      answers)
            != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    if (database) {
        ngx_str_set(&words[0], "SELECT");
        words[1].data = number;
        words[1].len = ngx_sprintf(number, "%ui", database) - number;

        if (ngx_http_vcita_redis_command_add(pool, words, 2, bytes,
                                                      answers) != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    ngx_str_set(&words[0], "PING");

    if (ngx_http_vcita_redis_command_add(pool, words, 1, bytes,
                                                  answers) != NGX_OK)
    {
        return NGX_ERROR;
    }

    ngx_str_set(&words[0], "HELLO");
    ngx_str_set(&words[1], "2");

    return ngx_http_vcita_redis_command_add(pool, words, 2, bytes,
                                                     answers);
}


/* Adds a command to bytes in the pool */

ngx_int_t
ngx_http_vcita_redis_command_add(ngx_pool_t *pool, ngx_str_t *words,
    ngx_uint_t n, ngx_str_t *bytes, ngx_uint_t *answers)
{
    u_char     *p;
    ngx_str_t   command;

    if (ngx_http_vcita_redis_command_format(words, n, &command) != NGX_OK) {
        return NGX_ERROR;
    }

    p = ngx_pnalloc(pool, bytes->len + command.len);

    if (p) {

        if (bytes->len) {
            ngx_memcpy(p, bytes->data, bytes->len);
            ngx_explicit_memzero(bytes->data, bytes->len);
        }

        ngx_memcpy(p + bytes->len, command.data, command.len);

        bytes->data = p;
        bytes->len += command.len;
        (*answers)++;
    }

    ngx_http_vcita_redis_command_free(&command);

    return p ? NGX_OK : NGX_ERROR;
}
