
/*
 * Copyright (C) the vcita OAuth gate authors
 *
 * Which commands may be sent again when a connection ends, and which have
 * failed.
 *
 * Redis may have executed a command without a reply: it fails, unless it may be
 * repeated, which happens once.  A command that was certainly not executed is
 * sent to the next server, once, too.
 */


#include <ngx_config.h>
#include <ngx_core.h>

#include "net/ngx_http_vcita_redis.h"


static void ngx_http_vcita_redis_repeat_moved(
    ngx_http_vcita_redis_commands_t *commands);


void
ngx_http_vcita_redis_repeat_init(ngx_http_vcita_redis_commands_t *commands)
{
    ngx_queue_init(&commands->sent);
    ngx_queue_init(&commands->moved);
    ngx_queue_init(&commands->unsent);
    ngx_queue_init(&commands->failed);
}


/*
 * The reply is a refusal, or comes behind one on the same connection: what was
 * read there may be out of date, what was written there is written.  Returns
 * whether the command is to be sent to another server.
 */

ngx_uint_t
ngx_http_vcita_redis_repeat_refused(ngx_http_vcita_redis_pending_t *command,
    ngx_http_vcita_redis_reply_t *reply)
{
    if (command->moved
        || !(command->again || ngx_http_vcita_redis_protocol_moved(reply)))
    {
        return 0;
    }

    command->moved = 1;
    command->sent = 0;

    return 1;
}


/* A connection ended */

void
ngx_http_vcita_redis_repeat_broken(ngx_http_vcita_redis_commands_t *commands)
{
    ngx_queue_t                     *q;
    ngx_http_vcita_redis_pending_t  *command;

    if (!ngx_queue_empty(&commands->unsent)) {
        q = ngx_queue_head(&commands->unsent);
        command = ngx_http_vcita_redis_command(q);

        if (command->sent) {
            ngx_queue_remove(q);
            ngx_queue_insert_tail(&commands->sent, q);
        }
    }

    while (!ngx_queue_empty(&commands->sent)) {
        q = ngx_queue_last(&commands->sent);
        command = ngx_http_vcita_redis_command(q);

        ngx_queue_remove(q);

        if (command->again) {
            command->again = 0;
            command->sent = 0;
            ngx_queue_insert_head(&commands->unsent, q);

        } else {
            ngx_queue_insert_head(&commands->failed, q);
        }
    }

    ngx_http_vcita_redis_repeat_moved(commands);
}


/*
 * A new connection is ready.  Commands with too little time left for a reply
 * fail: their deadline would end the connection for all others.
 */

void
ngx_http_vcita_redis_repeat_ready(ngx_http_vcita_redis_commands_t *commands,
    ngx_msec_t timeout)
{
    ngx_msec_int_t                   left;
    ngx_queue_t                     *q, *next;
    ngx_http_vcita_redis_pending_t  *command;

    for (q = ngx_queue_head(&commands->unsent);
         q != ngx_queue_sentinel(&commands->unsent);
         q = next)
    {
        next = ngx_queue_next(q);
        command = ngx_http_vcita_redis_command(q);

        left = (ngx_msec_int_t) (command->deadline - ngx_current_msec);

        if (left < (ngx_msec_int_t) (timeout / 10)) {
            ngx_queue_remove(q);
            ngx_queue_insert_tail(&commands->failed, q);

        } else if (left > (ngx_msec_int_t) timeout) {
            command->deadline = ngx_current_msec + timeout;
        }
    }
}


/*
 * No server can be reached.  Commands fail, but for those that a server has
 * refused: they wait for the new master, until their deadline.
 */

void
ngx_http_vcita_redis_repeat_down(ngx_http_vcita_redis_commands_t *commands)
{
    ngx_queue_t                     *q, *next;
    ngx_http_vcita_redis_pending_t  *command;

    while (!ngx_queue_empty(&commands->sent)) {
        q = ngx_queue_head(&commands->sent);
        ngx_queue_remove(q);
        ngx_queue_insert_tail(&commands->failed, q);
    }

    ngx_http_vcita_redis_repeat_moved(commands);

    for (q = ngx_queue_head(&commands->unsent);
         q != ngx_queue_sentinel(&commands->unsent);
         q = next)
    {
        next = ngx_queue_next(q);
        command = ngx_http_vcita_redis_command(q);

        if (command->moved && !ngx_exiting) {

            /* a part of it may have been sent on the old connection */

            command->sent = 0;
            continue;
        }

        ngx_queue_remove(q);
        ngx_queue_insert_tail(&commands->failed, q);
    }
}


static void
ngx_http_vcita_redis_repeat_moved(ngx_http_vcita_redis_commands_t *commands)
{
    ngx_queue_t  *q;

    while (!ngx_queue_empty(&commands->moved)) {
        q = ngx_queue_last(&commands->moved);
        ngx_queue_remove(q);
        ngx_queue_insert_head(&commands->unsent, q);
    }
}


/* The command whose deadline comes first; NULL: there is none */

ngx_http_vcita_redis_pending_t *
ngx_http_vcita_redis_repeat_first(ngx_http_vcita_redis_commands_t *commands)
{
    ngx_uint_t    i;
    ngx_queue_t  *queues[3];

    queues[0] = &commands->moved;
    queues[1] = &commands->sent;
    queues[2] = &commands->unsent;

    for (i = 0; i < 3; i++) {

        if (!ngx_queue_empty(queues[i])) {
            return ngx_http_vcita_redis_command(ngx_queue_head(queues[i]));
        }
    }

    return NULL;
}


/* All commands fail, and no handler is called */

void
ngx_http_vcita_redis_repeat_end(ngx_http_vcita_redis_commands_t *commands)
{
    ngx_queue_t                     *q;
    ngx_http_vcita_redis_pending_t  *command;

    while ((command = ngx_http_vcita_redis_repeat_first(commands)) != NULL) {
        ngx_queue_remove(&command->queue);
        ngx_queue_insert_tail(&commands->failed, &command->queue);
    }

    for (q = ngx_queue_head(&commands->failed);
         q != ngx_queue_sentinel(&commands->failed);
         q = ngx_queue_next(q))
    {
        ngx_http_vcita_redis_command(q)->handler = NULL;
    }
}
