
/*
 * Copyright (C) the vcita OAuth gate authors
 *
 * The commands of a worker to one Redis or Valkey, pipelined on one connection:
 * replies come in the order of the commands.  May touch nginx's events.
 *
 * Sending runs from a posted event: no handler is called before
 * ngx_http_vcita_redis_send() has returned.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_event.h>

#include "net/ngx_http_vcita_redis.h"


/* handlers of failed commands that are called in one turn of the loop */
#define NGX_HTTP_VCITA_REDIS_FAIL  100


struct ngx_http_vcita_redis_s {
    ngx_http_vcita_redis_conn_t     connection;
    ngx_http_vcita_redis_commands_t commands;
    ngx_uint_t                      ncommands;
    ngx_event_t                     kick;
    ngx_event_t                     deadline;   /* of the first command */
    ngx_event_t                     fail;       /* more failed commands */
    ngx_queue_t                     queue;      /* of this worker's */
    unsigned                        awake:1;    /* in the queue */
};


static void ngx_http_vcita_redis_cleanup(void *data);
static void ngx_http_vcita_redis_wake(ngx_http_vcita_redis_t *redis);
static void ngx_http_vcita_redis_sleep(ngx_http_vcita_redis_t *redis);
static void ngx_http_vcita_redis_kick_handler(ngx_event_t *ev);
static ngx_int_t ngx_http_vcita_redis_ready(ngx_http_vcita_redis_conn_t *t);
static ngx_int_t ngx_http_vcita_redis_flush(ngx_http_vcita_redis_conn_t *t);
static ngx_int_t ngx_http_vcita_redis_answer(ngx_http_vcita_redis_conn_t *t,
    ngx_http_vcita_redis_reply_t *reply);
static void ngx_http_vcita_redis_broken(ngx_http_vcita_redis_conn_t *t);
static void ngx_http_vcita_redis_down(ngx_http_vcita_redis_conn_t *t);
static void ngx_http_vcita_redis_ask(ngx_http_vcita_redis_t *redis);
static void ngx_http_vcita_redis_expect(ngx_http_vcita_redis_t *redis);
static void ngx_http_vcita_redis_fail(ngx_event_t *ev);
static void ngx_http_vcita_redis_done(ngx_http_vcita_redis_t *redis,
    ngx_http_vcita_redis_pending_t *command,
    ngx_http_vcita_redis_reply_t *reply);
static void ngx_http_vcita_redis_watch(ngx_http_vcita_redis_t *redis);
static void ngx_http_vcita_redis_deadline_handler(ngx_event_t *ev);


static const ngx_http_vcita_redis_conn_handlers_t
    ngx_http_vcita_redis_handlers = {
    ngx_http_vcita_redis_ready,
    ngx_http_vcita_redis_flush,
    ngx_http_vcita_redis_answer,
    ngx_http_vcita_redis_broken,
    ngx_http_vcita_redis_down
};


/* the servers that this worker has used */

static ngx_queue_t  ngx_http_vcita_redis_awake;


/* Called at configuration time; conf must live as long as the pool */

ngx_http_vcita_redis_t *
ngx_http_vcita_redis_create(ngx_pool_t *pool,
    ngx_http_vcita_redis_conn_conf_t *conf)
{
    ngx_pool_cleanup_t      *cln;
    ngx_http_vcita_redis_t  *redis;

    redis = ngx_pcalloc(pool, sizeof(ngx_http_vcita_redis_t));
    if (redis == NULL) {
        return NULL;
    }

    cln = ngx_pool_cleanup_add(pool, 0);
    if (cln == NULL) {
        return NULL;
    }

    cln->handler = ngx_http_vcita_redis_cleanup;
    cln->data = redis;

    redis->connection.conf = conf;
    redis->connection.handlers = &ngx_http_vcita_redis_handlers;
    redis->connection.data = redis;

    if (ngx_http_vcita_redis_connection_init(&redis->connection, pool)
        != NGX_OK)
    {
        return NULL;
    }

    ngx_http_vcita_redis_repeat_init(&redis->commands);

    redis->kick.handler = ngx_http_vcita_redis_kick_handler;
    redis->kick.data = redis;
    redis->kick.log = &redis->connection.log;

    redis->deadline.handler = ngx_http_vcita_redis_deadline_handler;
    redis->deadline.data = redis;
    redis->deadline.log = &redis->connection.log;

    redis->fail.handler = ngx_http_vcita_redis_fail;
    redis->fail.data = redis;
    redis->fail.log = &redis->connection.log;

    return redis;
}


/*
 * Sends a command and copies its words.  The handler is called once, later,
 * unless the command is forgotten.  "again": the command may be sent again on
 * another connection.  NULL: Redis is down, or too many commands are waiting.
 */

ngx_http_vcita_redis_pending_t *
ngx_http_vcita_redis_send(ngx_http_vcita_redis_t *redis, ngx_str_t *words,
    ngx_uint_t n, ngx_uint_t again, ngx_http_vcita_redis_pt handler,
    void *data)
{
    ngx_http_vcita_redis_conn_t     *t;
    ngx_http_vcita_redis_pending_t  *command;

    t = &redis->connection;

    if (t->down) {
        return NULL;
    }

    if (redis->ncommands >= NGX_HTTP_VCITA_REDIS_COMMANDS) {
        ngx_http_vcita_redis_log_say(t, "has %ui unanswered commands, no more "
                                     "are sent", redis->ncommands);
        return NULL;
    }

    command = ngx_calloc(sizeof(ngx_http_vcita_redis_pending_t),
                         ngx_cycle->log);
    if (command == NULL) {
        return NULL;
    }

    if (ngx_http_vcita_redis_command_format(words, n, &command->bytes)
        != NGX_OK)
    {
        ngx_free(command);
        return NULL;
    }

    command->since = ngx_current_msec;
    command->again = again;
    command->handler = handler;
    command->data = data;
    command->deadline = ngx_current_msec + t->conf->timeout;

    if (t->state != NGX_HTTP_VCITA_REDIS_CONN_READY) {
        command->deadline += t->conf->connect_timeout;
    }

    ngx_queue_insert_tail(&redis->commands.unsent, &command->queue);
    redis->ncommands++;

    ngx_http_vcita_redis_wake(redis);
    ngx_http_vcita_redis_watch(redis);
    ngx_post_event(&redis->kick, &ngx_posted_events);

    return command;
}


/* The handler is not called; the reply is read and dropped */

void
ngx_http_vcita_redis_forget(ngx_http_vcita_redis_pending_t *command)
{
    command->handler = NULL;
}


/* Logs a reply that does not fit its command */

void
ngx_http_vcita_redis_refused(ngx_http_vcita_redis_t *redis,
    ngx_http_vcita_redis_reply_t *reply)
{
    ngx_http_vcita_redis_log_refused(&redis->connection, reply);
}


/* Called when the worker exits */

void
ngx_http_vcita_redis_exit(void)
{
    ngx_queue_t  *q;

    if (ngx_http_vcita_redis_awake.next == NULL) {
        return;
    }

    while (!ngx_queue_empty(&ngx_http_vcita_redis_awake)) {
        q = ngx_queue_head(&ngx_http_vcita_redis_awake);

        ngx_http_vcita_redis_sleep(
                             ngx_queue_data(q, ngx_http_vcita_redis_t, queue));
    }

    ngx_http_vcita_lookup_exit();
}


static void
ngx_http_vcita_redis_cleanup(void *data)
{
    ngx_http_vcita_redis_t *redis = data;

    ngx_str_t  *password, *greeting;

    if (redis->awake) {
        ngx_http_vcita_redis_sleep(redis);
    }

    greeting = &redis->connection.greeting;
    password = &redis->connection.conf->password;

    if (greeting->len) {
        ngx_explicit_memzero(greeting->data, greeting->len);
    }

    if (password->len) {
        ngx_explicit_memzero(password->data, password->len);
    }
}


static void
ngx_http_vcita_redis_wake(ngx_http_vcita_redis_t *redis)
{
    if (redis->awake) {
        return;
    }

    if (ngx_http_vcita_redis_awake.next == NULL) {
        ngx_queue_init(&ngx_http_vcita_redis_awake);
    }

    ngx_queue_insert_tail(&ngx_http_vcita_redis_awake, &redis->queue);
    redis->awake = 1;
}


static void
ngx_http_vcita_redis_sleep(ngx_http_vcita_redis_t *redis)
{
    ngx_http_vcita_redis_connection_end(&redis->connection);

    ngx_http_vcita_redis_repeat_end(&redis->commands);

    while (!ngx_queue_empty(&redis->commands.failed)) {
        ngx_http_vcita_redis_fail(&redis->fail);
    }

    if (redis->fail.timer_set) {
        ngx_del_timer(&redis->fail);
    }

    if (redis->kick.posted) {
        ngx_delete_posted_event(&redis->kick);
    }

    ngx_queue_remove(&redis->queue);
    redis->awake = 0;
}


static void
ngx_http_vcita_redis_kick_handler(ngx_event_t *ev)
{
    ngx_http_vcita_redis_t       *redis;
    ngx_http_vcita_redis_conn_t  *t;

    redis = ev->data;
    t = &redis->connection;

    if (t->state != NGX_HTTP_VCITA_REDIS_CONN_READY) {

        if (!ngx_queue_empty(&redis->commands.unsent)) {
            ngx_http_vcita_redis_connection_start(t);
        }

        return;
    }

    if (ngx_http_vcita_redis_flush(t) != NGX_OK) {
        ngx_http_vcita_redis_connection_broken(t);
    }
}


/* From now on no command has a deadline later than that of the next one */

static ngx_int_t
ngx_http_vcita_redis_ready(ngx_http_vcita_redis_conn_t *t)
{
    ngx_http_vcita_redis_t *redis = t->data;

    ngx_http_vcita_redis_repeat_ready(&redis->commands, t->conf->timeout);
    ngx_http_vcita_redis_fail(&redis->fail);

    if (redis->deadline.timer_set) {
        ngx_del_timer(&redis->deadline);
    }

    ngx_http_vcita_redis_watch(redis);

    return ngx_http_vcita_redis_flush(t);
}


static ngx_int_t
ngx_http_vcita_redis_flush(ngx_http_vcita_redis_conn_t *t)
{
    ngx_int_t                        rc;
    ngx_queue_t                     *q;
    ngx_http_vcita_redis_t          *redis;
    ngx_http_vcita_redis_pending_t  *command;

    redis = t->data;

    /* a server that is not the master gets no more commands */

    if (t->elsewhere) {
        return NGX_OK;
    }

    ngx_http_vcita_redis_ask(redis);

    while (!ngx_queue_empty(&redis->commands.unsent)) {

        q = ngx_queue_head(&redis->commands.unsent);
        command = ngx_http_vcita_redis_command(q);

        rc = ngx_http_vcita_redis_connection_write(t, &command->bytes,
                                                   &command->sent);
        if (rc != NGX_OK) {
            return (rc == NGX_AGAIN) ? NGX_OK : NGX_ERROR;
        }

        ngx_queue_remove(q);
        ngx_queue_insert_tail(&redis->commands.sent, q);

        ngx_http_vcita_redis_expect(redis);
    }

    return NGX_OK;
}


/* Before a command, asks a server in use for its role, every few seconds */

static void
ngx_http_vcita_redis_ask(ngx_http_vcita_redis_t *redis)
{
    ngx_queue_t                     *unsent;
    ngx_http_vcita_redis_pending_t  *command;

    static ngx_str_t  words[] = { ngx_string("HELLO"), ngx_string("2") };

    unsent = &redis->commands.unsent;

    if (ngx_queue_empty(unsent)
        || ngx_http_vcita_redis_command(ngx_queue_head(unsent))->sent
        || !ngx_http_vcita_redis_role_due(&redis->connection))
    {
        return;
    }

    command = ngx_http_vcita_redis_send(redis, words, 2, 0, NULL, NULL);

    if (command) {
        command->role = 1;
        ngx_queue_remove(&command->queue);
        ngx_queue_insert_head(unsent, &command->queue);
    }
}


/* only the reply to HELLO may be an array */

static void
ngx_http_vcita_redis_expect(ngx_http_vcita_redis_t *redis)
{
    ngx_queue_t  *sent;

    sent = &redis->commands.sent;

    redis->connection.replies.array =
                    !ngx_queue_empty(sent)
                    && ngx_http_vcita_redis_command(ngx_queue_head(sent))->role;
}


/* NGX_ERROR, too, when the last reply has come of a server that is no master */

static ngx_int_t
ngx_http_vcita_redis_answer(ngx_http_vcita_redis_conn_t *t,
    ngx_http_vcita_redis_reply_t *reply)
{
    ngx_queue_t                     *q;
    ngx_http_vcita_redis_t          *redis;
    ngx_http_vcita_redis_pending_t  *command;

    redis = t->data;

    if (ngx_queue_empty(&redis->commands.sent)) {
        ngx_http_vcita_redis_log_say(t, "sent a reply that matches no command");
        return NGX_ERROR;
    }

    q = ngx_queue_head(&redis->commands.sent);
    command = ngx_http_vcita_redis_command(q);

    if (command->role) {
        (void) ngx_http_vcita_redis_role_answer(t, reply);

    } else if (ngx_http_vcita_redis_protocol_moved(reply)) {
        ngx_http_vcita_redis_role_moved(t, reply);
    }

    if (t->elsewhere && !command->role
        && ngx_http_vcita_redis_repeat_refused(command, reply))
    {
        ngx_queue_remove(q);
        ngx_queue_insert_tail(&redis->commands.moved, q);

    } else {

        /* what was read from a server that is no master is not used */

        ngx_http_vcita_redis_done(redis, command,
                                  (t->elsewhere && command->again) ? NULL
                                                                   : reply);
    }

    ngx_http_vcita_redis_expect(redis);

    return (t->elsewhere && ngx_queue_empty(&redis->commands.sent)) ? NGX_ERROR
                                                                    : NGX_OK;
}


static void
ngx_http_vcita_redis_broken(ngx_http_vcita_redis_conn_t *t)
{
    ngx_http_vcita_redis_t *redis = t->data;

    ngx_http_vcita_redis_repeat_broken(&redis->commands);
    ngx_http_vcita_redis_fail(&redis->fail);

    if (!ngx_queue_empty(&redis->commands.unsent)) {
        ngx_http_vcita_redis_connection_start(t);
    }
}


static void
ngx_http_vcita_redis_down(ngx_http_vcita_redis_conn_t *t)
{
    ngx_http_vcita_redis_t *redis = t->data;

    ngx_http_vcita_redis_repeat_down(&redis->commands);
    ngx_http_vcita_redis_fail(&redis->fail);
}


/*
 * Calls some of the handlers now and the others in later turns of the loop, as
 * each may answer a request
 */

static void
ngx_http_vcita_redis_fail(ngx_event_t *ev)
{
    ngx_uint_t               n;
    ngx_queue_t             *failed;
    ngx_http_vcita_redis_t  *redis;

    redis = ev->data;
    failed = &redis->commands.failed;

    for (n = 0; n < NGX_HTTP_VCITA_REDIS_FAIL; n++) {

        if (ngx_queue_empty(failed)) {
            return;
        }

        ngx_http_vcita_redis_done(redis,
               ngx_http_vcita_redis_command(ngx_queue_head(failed)), NULL);
    }

    ngx_add_timer(ev, 1);
}


static void
ngx_http_vcita_redis_done(ngx_http_vcita_redis_t *redis,
    ngx_http_vcita_redis_pending_t *command,
    ngx_http_vcita_redis_reply_t *reply)
{
    void                     *data;
    ngx_http_vcita_redis_pt   handler;

    handler = command->handler;
    data = command->data;

    ngx_queue_remove(&command->queue);
    redis->ncommands--;

    ngx_http_vcita_redis_stats_command(&redis->connection, command, reply);
    ngx_http_vcita_redis_command_free(&command->bytes);
    ngx_free(command);

    ngx_http_vcita_redis_watch(redis);

    if (handler) {
        handler(data, reply);
    }
}


/* a timer that is already set fires early and is set again */

static void
ngx_http_vcita_redis_watch(ngx_http_vcita_redis_t *redis)
{
    ngx_msec_int_t                   left;
    ngx_http_vcita_redis_pending_t  *command;

    ngx_http_vcita_redis_connection_busy(&redis->connection,
                                         redis->ncommands != 0);

    command = ngx_http_vcita_redis_repeat_first(&redis->commands);

    if (redis->deadline.timer_set && command == NULL) {
        ngx_del_timer(&redis->deadline);

    } else if (command && !redis->deadline.timer_set) {
        left = (ngx_msec_int_t) (command->deadline - ngx_current_msec);
        ngx_add_timer(&redis->deadline, (ngx_msec_t) ngx_max(left, 1));
    }
}


static void
ngx_http_vcita_redis_deadline_handler(ngx_event_t *ev)
{
    ngx_http_vcita_redis_t          *redis;
    ngx_http_vcita_redis_pending_t  *command;

    redis = ev->data;

    for ( ;; ) {
        command = ngx_http_vcita_redis_repeat_first(&redis->commands);

        if (command == NULL
            || (ngx_msec_int_t) (command->deadline - ngx_current_msec) > 0)
        {
            break;
        }

        if (redis->connection.state == NGX_HTTP_VCITA_REDIS_CONN_READY) {

            /* replies may be there, for the next turn of the loop */

            if (!redis->connection.conn.connection->read->posted) {
                ngx_http_vcita_redis_connection_silent(&redis->connection);
            }

            break;
        }

        /* later commands still wait for the connection */

        ngx_queue_remove(&command->queue);
        ngx_queue_insert_tail(&redis->commands.failed, &command->queue);
    }

    ngx_http_vcita_redis_fail(&redis->fail);
    ngx_http_vcita_redis_watch(redis);
}
