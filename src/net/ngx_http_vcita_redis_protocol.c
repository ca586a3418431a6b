
/*
 * Copyright (C) the vcita OAuth gate authors
 *
 * The Redis protocol (RESP): replies from bytes.  May touch hiredis's reader.
 *
 * The reader's callbacks accept one flat reply at a time, and an array only
 * where one is expected: of that, a few short texts are kept.
 */


#include <ngx_config.h>
#include <ngx_core.h>

#include <hiredis/hiredis.h>

#include "net/ngx_http_vcita_redis.h"


/* "$65536\r\n", or an error line */
#define NGX_HTTP_VCITA_REDIS_REPLY_LINE  64

/* elements of an array, those of nested ones too, and bytes of its texts */
#define NGX_HTTP_VCITA_REDIS_REPLY_ELEMENTS_MAX  1024
#define NGX_HTTP_VCITA_REDIS_REPLY_ITEM          256

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
static void *ngx_http_vcita_redis_protocol_element(const redisReadTask *task,
    char *p, size_t len);
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
      "it is a replica, name the master or a host name that follows it" },

    { ngx_string("MASTERDOWN"),
      "it is a replica without a master, check the replication" },

    { ngx_string("MOVED"),
      "it is a node of a cluster, which is not supported; name a server whose "
      "cluster-enabled is no" },

    { ngx_string("CLUSTERDOWN"),
      "it is a node of a cluster, which is not supported; name a server whose "
      "cluster-enabled is no" },

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

    /* an array may have begun */

    if (!r->partial) {
        ngx_http_vcita_redis_protocol_reset(&r->reply);
        r->partial = 1;
    }

    reader = r->reader;
    reply = NULL;

    if (redisReaderGetReply(reader, &reply) != REDIS_OK) {

        if (r->error == NULL) {
            r->error = "sent a reply that is not valid RESP, is it Redis?";
        }

        return NGX_ERROR;
    }

    if (reply) {
        r->partial = 0;

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

    if (task->parent) {
        return ngx_http_vcita_redis_protocol_element(task, p, len);
    }

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

    if (task->parent == NULL) {

        if (!r->array) {
            r->error = "sent an array, which no command here returns";
            return NULL;
        }

        r->reply.type = NGX_HTTP_VCITA_REDIS_REPLY_ARRAY;
        r->nelements = 0;

        return &r->reply;
    }

    return ngx_http_vcita_redis_protocol_element(task, NULL, 0);
}


/* an element of an array, or of an array in it */

static void *
ngx_http_vcita_redis_protocol_element(const redisReadTask *task, char *p,
    size_t len)
{
    ngx_str_t                       *item;
    ngx_http_vcita_redis_replies_t  *r;

    r = task->privdata;

    if (++r->nelements > NGX_HTTP_VCITA_REDIS_REPLY_ELEMENTS_MAX) {
        r->error = "sent an array of too many elements, is it Redis?";
        return NULL;
    }

    if (task->parent->parent) {
        return &r->reply;
    }

    if (r->reply.nitems < NGX_HTTP_VCITA_REDIS_REPLY_ITEMS
        && len && len <= NGX_HTTP_VCITA_REDIS_REPLY_ITEM)
    {
        item = &r->reply.items[r->reply.nitems];

        item->data = ngx_alloc(len + 1, r->log);
        if (item->data == NULL) {
            r->error = "sent a reply that could not be read, memory is "
                       "exhausted";
            return NULL;
        }

        ngx_memcpy(item->data, p, len);
        item->data[len] = '\0';
        item->len = len;
    }

    r->reply.nitems++;

    return &r->reply;
}


static void *
ngx_http_vcita_redis_protocol_new_integer(const redisReadTask *task,
    long long n)
{
    ngx_http_vcita_redis_replies_t  *r;

    if (task->parent) {
        return ngx_http_vcita_redis_protocol_element(task, NULL, 0);
    }

    r = task->privdata;
    r->reply.type = NGX_HTTP_VCITA_REDIS_REPLY_NUMBER;

    return &r->reply;
}


static void *
ngx_http_vcita_redis_protocol_new_nil(const redisReadTask *task)
{
    ngx_http_vcita_redis_replies_t  *r;

    if (task->parent) {
        return ngx_http_vcita_redis_protocol_element(task, NULL, 0);
    }

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
    ngx_uint_t  i;

    if (reply->text.data) {
        ngx_free(reply->text.data);
    }

    for (i = 0; i < NGX_HTTP_VCITA_REDIS_REPLY_ITEMS; i++) {

        if (reply->items[i].data) {
            ngx_free(reply->items[i].data);
        }
    }

    ngx_memzero(reply, sizeof(ngx_http_vcita_redis_reply_t));
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


/* The text behind a name in an array of names and values; NULL: none */

ngx_str_t *
ngx_http_vcita_redis_protocol_member(ngx_http_vcita_redis_reply_t *r,
    const char *name)
{
    size_t       len;
    ngx_uint_t   i, n;
    ngx_str_t   *item;

    len = ngx_strlen(name);
    n = ngx_min(r->nitems, NGX_HTTP_VCITA_REDIS_REPLY_ITEMS);

    for (i = 0; i + 1 < n; i += 2) {
        item = &r->items[i];

        if (item->len == len && ngx_memcmp(item->data, name, len) == 0) {
            return item[1].len ? &item[1] : NULL;
        }
    }

    return NULL;
}


/*
 * Whether the server has refused a command, without executing it, because it
 * is not the master, or not yet
 */

ngx_uint_t
ngx_http_vcita_redis_protocol_moved(ngx_http_vcita_redis_reply_t *r)
{
    ngx_str_t  code;

    ngx_http_vcita_redis_protocol_code(r, &code);

    return (code.len == 8 && ngx_memcmp(code.data, "READONLY", 8) == 0)
           || (code.len == 7 && ngx_memcmp(code.data, "LOADING", 7) == 0)
           || (code.len == 10 && ngx_memcmp(code.data, "MASTERDOWN", 10) == 0);
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
