
/*
 * Copyright (C) the vcita OAuth gate authors
 *
 * The Redis protocol (RESP): commands as bytes, and replies from bytes.  May
 * touch hiredis's reader and formatter.
 *
 * The reader's callbacks accept one flat reply at a time: no command used here
 * returns an array, so no array is ever allocated.
 */


#include <ngx_config.h>
#include <ngx_core.h>

#include <hiredis/hiredis.h>

#include "net/ngx_http_vcita_redis.h"


/* "$65536\r\n", or an error line */
#define NGX_HTTP_VCITA_REDIS_REPLY_LINE  64

/* since hiredis 1.0 */
#if (HIREDIS_MAJOR > 0)
#define NGX_HTTP_VCITA_REDIS_REPLY_ELEMENTS  size_t
#else
#define NGX_HTTP_VCITA_REDIS_REPLY_ELEMENTS  int
#endif


typedef struct {
    ngx_str_t                 code;
    const char               *hint;
} ngx_http_vcita_redis_protocol_hint_t;


static void *ngx_http_vcita_redis_protocol_new_string(const redisReadTask *task,
    char *p, size_t len);
static void *ngx_http_vcita_redis_protocol_new_array(const redisReadTask *task,
    NGX_HTTP_VCITA_REDIS_REPLY_ELEMENTS n);
static void *ngx_http_vcita_redis_protocol_new_integer(
    const redisReadTask *task, long long n);
static void *ngx_http_vcita_redis_protocol_new_nil(const redisReadTask *task);
static void ngx_http_vcita_redis_protocol_delete(void *reply);
static void ngx_http_vcita_redis_protocol_reset(
    ngx_http_vcita_redis_reply_t *reply);


static redisReplyObjectFunctions  ngx_http_vcita_redis_protocol_functions = {
    .createString = ngx_http_vcita_redis_protocol_new_string,
    .createArray = ngx_http_vcita_redis_protocol_new_array,
    .createInteger = ngx_http_vcita_redis_protocol_new_integer,
    .createNil = ngx_http_vcita_redis_protocol_new_nil,
    .freeObject = ngx_http_vcita_redis_protocol_delete
};


static ngx_http_vcita_redis_protocol_hint_t
    ngx_http_vcita_redis_protocol_hints[] = {

    { ngx_string("NOAUTH"),
      "it requires a password, set password= and user=" },

    { ngx_string("WRONGPASS"),
      "it rejects user= or password=" },

    { ngx_string("NOPERM"),
      "its user needs +get +set +del +select +ping, and the keys of this "
      "prefix" },

    { ngx_string("LOADING"),
      "it is still loading its data, wait until it is ready" },

    { ngx_string("READONLY"),
      "it is a replica, name the master instead" },

    { ngx_string("MASTERDOWN"),
      "it is a replica without a master, check the replication" },

    { ngx_string("MOVED"),
      "it is a node of a cluster, which is not supported" },

    { ngx_string("CLUSTERDOWN"),
      "it is a node of a cluster, which is not supported" },

    { ngx_string("OOM"),
      "it is full, check its maxmemory and maxmemory-policy" },

    { ngx_string("MISCONF"),
      "it cannot write to its disk, check its own log" },

    { ngx_string("BUSY"),
      "a script blocks it, check the scripts that it runs" },

    { ngx_string("WRONGTYPE"),
      "another program uses keys of this prefix, set another prefix=" },

    { ngx_null_string, NULL }
};
static ngx_int_t ngx_http_vcita_redis_protocol_command_add(ngx_pool_t *pool,
    ngx_str_t *words, ngx_uint_t n, ngx_str_t *bytes, ngx_uint_t *answers);


/* Starts a new reader for a new connection */

ngx_int_t
ngx_http_vcita_redis_protocol_init(ngx_http_vcita_redis_replies_t *r,
    ngx_log_t *log)
{
    redisReader  *reader;

    ngx_memzero(r, sizeof(ngx_http_vcita_redis_replies_t));

    reader = redisReaderCreateWithFunctions(
                                     &ngx_http_vcita_redis_protocol_functions);
    if (reader == NULL) {
        return NGX_ERROR;
    }

    reader->privdata = r;
    r->reader = reader;
    r->log = log;

    return NGX_OK;
}


void
ngx_http_vcita_redis_protocol_free(ngx_http_vcita_redis_replies_t *r)
{
    if (r->reader) {
        redisReaderFree(r->reader);
        r->reader = NULL;
    }

    ngx_http_vcita_redis_protocol_reset(&r->reply);
}


/* Adds received bytes; NGX_ERROR: r->error is set */

ngx_int_t
ngx_http_vcita_redis_protocol_feed(ngx_http_vcita_redis_replies_t *r, u_char *p,
    size_t len)
{
    if (r->error) {
        return NGX_ERROR;
    }

    if (redisReaderFeed(r->reader, (char *) p, len) != REDIS_OK) {
        r->error = "sent a reply that could not be read, memory is exhausted";
        return NGX_ERROR;
    }

    return NGX_OK;
}


/*
 * NGX_OK: r->reply is valid until the next call.  NGX_AGAIN: it is incomplete.
 * NGX_ERROR: r->error is set, and the connection has to be closed.
 */

ngx_int_t
ngx_http_vcita_redis_protocol_next(ngx_http_vcita_redis_replies_t *r)
{
    void         *reply;
    redisReader  *reader;

    if (r->error) {
        return NGX_ERROR;
    }

    ngx_http_vcita_redis_protocol_reset(&r->reply);

    reader = r->reader;
    reply = NULL;

    if (redisReaderGetReply(reader, &reply) != REDIS_OK) {

        if (r->error == NULL) {
            r->error = "sent a reply that is not valid RESP, is it Redis?";
        }

        return NGX_ERROR;
    }

    if (reply) {

        /* hiredis knows a type that has no callback here */

        if (reply != &r->reply) {
            r->reply.type = NGX_HTTP_VCITA_REDIS_REPLY_OTHER;
        }

        return NGX_OK;
    }

    /* hiredis keeps an incomplete string in its buffer */

    if (reader->len - reader->pos > NGX_HTTP_VCITA_REDIS_REPLY_MAX
                                    + NGX_HTTP_VCITA_REDIS_REPLY_LINE)
    {
        r->error = "sent a reply of over 64 KiB, set another prefix=";
        return NGX_ERROR;
    }

    return NGX_AGAIN;
}


static void *
ngx_http_vcita_redis_protocol_new_string(const redisReadTask *task, char *p,
    size_t len)
{
    ngx_http_vcita_redis_reply_t    *reply;
    ngx_http_vcita_redis_replies_t  *r;

    r = task->privdata;
    reply = &r->reply;

    if (len > NGX_HTTP_VCITA_REDIS_REPLY_MAX) {
        r->error = "sent a reply of over 64 KiB, set another prefix=";
        return NULL;
    }

    reply->text.data = ngx_alloc(len + 1, r->log);

    if (reply->text.data == NULL) {
        r->error = "sent a reply that could not be read, memory is exhausted";
        return NULL;
    }

    if (len) {
        ngx_memcpy(reply->text.data, p, len);
    }

    reply->text.data[len] = '\0';
    reply->text.len = len;

    switch (task->type) {

    case REDIS_REPLY_STRING:
        reply->type = NGX_HTTP_VCITA_REDIS_REPLY_STRING;
        break;

    case REDIS_REPLY_STATUS:
        reply->type = NGX_HTTP_VCITA_REDIS_REPLY_STATUS;
        break;

    case REDIS_REPLY_ERROR:
        reply->type = NGX_HTTP_VCITA_REDIS_REPLY_REFUSAL;
        break;

    default:
        reply->type = NGX_HTTP_VCITA_REDIS_REPLY_OTHER;
        break;
    }

    return reply;
}


static void *
ngx_http_vcita_redis_protocol_new_array(const redisReadTask *task,
    NGX_HTTP_VCITA_REDIS_REPLY_ELEMENTS n)
{
    ngx_http_vcita_redis_replies_t  *r;

    r = task->privdata;
    r->error = "sent an array, which no command here returns";

    return NULL;
}


static void *
ngx_http_vcita_redis_protocol_new_integer(const redisReadTask *task,
    long long n)
{
    ngx_http_vcita_redis_replies_t  *r;

    r = task->privdata;
    r->reply.type = NGX_HTTP_VCITA_REDIS_REPLY_NUMBER;

    return &r->reply;
}


static void *
ngx_http_vcita_redis_protocol_new_nil(const redisReadTask *task)
{
    ngx_http_vcita_redis_replies_t  *r;

    r = task->privdata;
    r->reply.type = NGX_HTTP_VCITA_REDIS_REPLY_NIL;

    return &r->reply;
}


static void
ngx_http_vcita_redis_protocol_delete(void *reply)
{
    /* the only reply object is r->reply, which ..._reset() frees */
}


static void
ngx_http_vcita_redis_protocol_reset(ngx_http_vcita_redis_reply_t *reply)
{
    if (reply->text.data) {
        ngx_free(reply->text.data);
    }

    ngx_str_null(&reply->text);
    reply->type = NGX_HTTP_VCITA_REDIS_REPLY_OTHER;
}


/*
 * A reply to GET.  NGX_OK: the text is the value.  NGX_DECLINED: the key does
 * not exist.  NGX_ERROR: any other reply.
 */

ngx_int_t
ngx_http_vcita_redis_protocol_value(ngx_http_vcita_redis_reply_t *r)
{
    if (r->type == NGX_HTTP_VCITA_REDIS_REPLY_STRING) {
        return NGX_OK;
    }

    return (r->type == NGX_HTTP_VCITA_REDIS_REPLY_NIL) ? NGX_DECLINED
           : NGX_ERROR;
}


/* A reply to SET, AUTH, SELECT, PING; NGX_DECLINED: SET ... XX had no key */

ngx_int_t
ngx_http_vcita_redis_protocol_status(ngx_http_vcita_redis_reply_t *r,
    const char *status)
{
    if (r->type == NGX_HTTP_VCITA_REDIS_REPLY_STATUS) {
        return (r->text.len == ngx_strlen(status)
                && ngx_memcmp(r->text.data, status, r->text.len) == 0)
               ? NGX_OK : NGX_ERROR;
    }

    return (r->type == NGX_HTTP_VCITA_REDIS_REPLY_NIL) ? NGX_DECLINED
           : NGX_ERROR;
}


/* A reply to DEL */

ngx_int_t
ngx_http_vcita_redis_protocol_number(ngx_http_vcita_redis_reply_t *r)
{
    return (r->type == NGX_HTTP_VCITA_REDIS_REPLY_NUMBER) ? NGX_OK : NGX_ERROR;
}


/*
 * The loggable part of an error reply is its first word: the rest may repeat
 * the command and the value in it.
 */

void
ngx_http_vcita_redis_protocol_code(ngx_http_vcita_redis_reply_t *r,
    ngx_str_t *code)
{
    u_char  *p;

    ngx_str_set(code, "a value of the wrong type");

    if (r->type != NGX_HTTP_VCITA_REDIS_REPLY_REFUSAL) {
        return;
    }

    for (p = r->text.data; *p >= 'A' && *p <= 'Z'; p++) { /* void */ }

    if (p == r->text.data || (*p != ' ' && *p != '\0')) {
        ngx_str_set(code, "an error");
        return;
    }

    code->data = r->text.data;
    code->len = ngx_min(p - r->text.data, 32);
}


/* What an operator can do about an error reply */

const char *
ngx_http_vcita_redis_protocol_hint(ngx_http_vcita_redis_reply_t *r)
{
    ngx_str_t                              code;
    ngx_http_vcita_redis_protocol_hint_t  *h;

    ngx_http_vcita_redis_protocol_code(r, &code);

    for (h = ngx_http_vcita_redis_protocol_hints; h->hint; h++) {

        if (h->code.len == code.len
            && ngx_memcmp(h->code.data, code.data, code.len) == 0)
        {
            return h->hint;
        }
    }

    return (r->type == NGX_HTTP_VCITA_REDIS_REPLY_REFUSAL)
           ? "check its own log"
           : "is it Redis?";
}


/* The caller frees the bytes by ..._command_free() */

ngx_int_t
ngx_http_vcita_redis_protocol_command(ngx_str_t *words, ngx_uint_t n,
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
ngx_http_vcita_redis_protocol_command_free(ngx_str_t *bytes)
{
    ngx_explicit_memzero(bytes->data, bytes->len);
    redisFreeCommand((char *) bytes->data);
}


/*
 * The first commands on a connection, PING last: its reply shows that Redis
 * works.  The bytes contain the password, are in the pool, and are the caller's
 * to wipe.
 */

ngx_int_t
ngx_http_vcita_redis_protocol_greeting(ngx_pool_t *pool, ngx_str_t *user,
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

        if (ngx_http_vcita_redis_protocol_command_add(pool, words,
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

        if (ngx_http_vcita_redis_protocol_command_add(pool, words, 2, bytes,
                                                      answers) != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    ngx_str_set(&words[0], "PING");

    return ngx_http_vcita_redis_protocol_command_add(pool, words, 1, bytes,
                                                     answers);
}


static ngx_int_t
ngx_http_vcita_redis_protocol_command_add(ngx_pool_t *pool, ngx_str_t *words,
    ngx_uint_t n, ngx_str_t *bytes, ngx_uint_t *answers)
{
    u_char     *p;
    ngx_str_t   command;

    if (ngx_http_vcita_redis_protocol_command(words, n, &command) != NGX_OK) {
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

    ngx_http_vcita_redis_protocol_command_free(&command);

    return p ? NGX_OK : NGX_ERROR;
}
