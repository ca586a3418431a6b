
/*
 * For tests only: "vcita_oauth_slow_store folder" puts itself before every
 * session store.  Each operation is pending for a moment, and as long as there
 * is a file "hold" in the folder, or one with the name of the operation, such
 * as "end".  Other files there make the store fail, late ("down") or at once
 * ("dead"), and change what is read: a bit of a value is another ("flip"), a
 * value is the one that was read before it ("mix").  What is to be replaced has
 * ended meanwhile ("gone"), or has no room ("full").
 * "vcita_oauth_slow_fill n" in a location writes n values of no session,
 * "vcita_oauth_slow_load file" the sessions that bench/seal.mjs has sealed.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "http/ngx_http_vcita_http.h"


#define NGX_HTTP_VCITA_SLOW  5


typedef struct {
    ngx_str_t                   folder;
} ngx_http_vcita_slow_conf_t;


typedef struct {
    ngx_int_t                   n;
    ngx_str_t                   file;
} ngx_http_vcita_slow_loc_conf_t;


typedef struct {
    ngx_http_vcita_store_t      real;
    ngx_str_t                   folder;
    ngx_str_t                   last;          /* that was read */
    u_char                      value[NGX_HTTP_VCITA_STORE_MAX];
} ngx_http_vcita_slow_t;


typedef struct {
    ngx_event_t                 timer;
    ngx_connection_t            connection;    /* the timer's, for logs */
    ngx_http_vcita_store_op_t  *op;
    ngx_http_vcita_store_pt     what;
    const char                 *name;
} ngx_http_vcita_slow_op_t;


static void *ngx_http_vcita_slow_create_conf(ngx_conf_t *cf);
static void *ngx_http_vcita_slow_create_loc_conf(ngx_conf_t *cf);
static char *ngx_http_vcita_slow_fill(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
static ngx_int_t ngx_http_vcita_slow_fill_handler(ngx_http_request_t *r);
static char *ngx_http_vcita_slow_load(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
static ngx_int_t ngx_http_vcita_slow_load_handler(ngx_http_request_t *r);
static void ngx_http_vcita_slow_prepare(ngx_http_request_t *r,
    ngx_http_vcita_store_op_t *op, u_char *value);
static ngx_int_t ngx_http_vcita_slow_load_one(ngx_http_vcita_store_op_t *op,
    FILE *file);
static ngx_int_t ngx_http_vcita_slow_init(ngx_conf_t *cf);
static ngx_int_t ngx_http_vcita_slow_server(ngx_conf_t *cf,
    ngx_http_vcita_srv_conf_t *vscf, ngx_str_t *folder);
static ngx_int_t ngx_http_vcita_slow_read(ngx_http_vcita_store_op_t *op);
static ngx_int_t ngx_http_vcita_slow_write(ngx_http_vcita_store_op_t *op);
static ngx_int_t ngx_http_vcita_slow_end(ngx_http_vcita_store_op_t *op);
static void ngx_http_vcita_slow_cancel(ngx_http_vcita_store_op_t *op);
static ngx_int_t ngx_http_vcita_slow_start(ngx_http_vcita_store_op_t *op,
    ngx_http_vcita_store_pt what, const char *name);
static void ngx_http_vcita_slow_timer(ngx_event_t *ev);
static void ngx_http_vcita_slow_change(ngx_http_vcita_slow_t *slow,
    ngx_http_vcita_store_op_t *op);
static ngx_uint_t ngx_http_vcita_slow_told(ngx_http_vcita_slow_t *slow,
    const char *name);


static ngx_command_t  ngx_http_vcita_slow_commands[] = {

    { ngx_string("vcita_oauth_slow_store"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_str_slot,
      NGX_HTTP_MAIN_CONF_OFFSET,
      offsetof(ngx_http_vcita_slow_conf_t, folder),
      NULL },

    { ngx_string("vcita_oauth_slow_fill"),
      NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_http_vcita_slow_fill,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_vcita_slow_loc_conf_t, n),
      NULL },

    { ngx_string("vcita_oauth_slow_load"),
      NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_http_vcita_slow_load,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_vcita_slow_loc_conf_t, file),
      NULL },

      ngx_null_command
};


static ngx_http_module_t  ngx_http_vcita_oauth_slow_module_ctx = {
    NULL,                            /* preconfiguration */
    ngx_http_vcita_slow_init,        /* postconfiguration */

    ngx_http_vcita_slow_create_conf, /* create main configuration */
    NULL,                            /* init main configuration */

    NULL,                                  /* create server configuration */
    NULL,                                  /* merge server configuration */

    ngx_http_vcita_slow_create_loc_conf,
                                           /* create location configuration */
    NULL                                   /* merge location configuration */
};


ngx_module_t  ngx_http_vcita_oauth_slow_module = {
    NGX_MODULE_V1,
    &ngx_http_vcita_oauth_slow_module_ctx, /* module context */
    ngx_http_vcita_slow_commands,          /* module directives */
    NGX_HTTP_MODULE,                       /* module type */
    NULL,                                  /* init master */
    NULL,                                  /* init module */
    NULL,                                  /* init process */
    NULL,                                  /* init thread */
    NULL,                                  /* exit thread */
    NULL,                                  /* exit process */
    NULL,                                  /* exit master */
    NGX_MODULE_V1_PADDING
};


static const ngx_http_vcita_store_type_t  ngx_http_vcita_slow_type = {
    NGX_HTTP_VCITA_IN_REDIS,
    ngx_http_vcita_slow_read,
    ngx_http_vcita_slow_write,
    ngx_http_vcita_slow_end,
    ngx_http_vcita_slow_cancel
};


static void *
ngx_http_vcita_slow_create_conf(ngx_conf_t *cf)
{
    return ngx_pcalloc(cf->pool, sizeof(ngx_http_vcita_slow_conf_t));
}


static void *
ngx_http_vcita_slow_create_loc_conf(ngx_conf_t *cf)
{
    ngx_http_vcita_slow_loc_conf_t  *slcf;

    slcf = ngx_pcalloc(cf->pool, sizeof(ngx_http_vcita_slow_loc_conf_t));

    if (slcf) {
        slcf->n = NGX_CONF_UNSET;
    }

    return slcf;
}


static char *
ngx_http_vcita_slow_fill(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_core_loc_conf_t  *clcf;

    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);
    clcf->handler = ngx_http_vcita_slow_fill_handler;

    return ngx_conf_set_num_slot(cf, cmd, conf);
}


/* the values are no sessions, but look-ups pass them by as if they were */

static ngx_int_t
ngx_http_vcita_slow_fill_handler(ngx_http_request_t *r)
{
    u_char                           value[300];
    ngx_int_t                        i;
    ngx_http_vcita_store_op_t        op;
    ngx_http_vcita_slow_loc_conf_t  *slcf;

    slcf = ngx_http_get_module_loc_conf(r, ngx_http_vcita_oauth_slow_module);

    ngx_memset(value, 'v', sizeof(value));

    ngx_http_vcita_slow_prepare(r, &op, value);
    op.value.len = sizeof(value);

    for (i = 0; i < slcf->n; i++) {

        if (ngx_http_vcita_hash_random(op.key, sizeof(op.key)) != NGX_OK
            || op.store->type->write(&op) != NGX_OK)
        {
            return NGX_HTTP_INTERNAL_SERVER_ERROR;
        }
    }

    return NGX_HTTP_NO_CONTENT;
}


static char *
ngx_http_vcita_slow_load(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_core_loc_conf_t  *clcf;

    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);
    clcf->handler = ngx_http_vcita_slow_load_handler;

    return ngx_conf_set_str_slot(cf, cmd, conf);
}


static ngx_int_t
ngx_http_vcita_slow_load_handler(ngx_http_request_t *r)
{
    FILE                            *file;
    u_char                           value[NGX_HTTP_VCITA_STORE_MAX];
    ngx_int_t                        rc;
    ngx_http_vcita_store_op_t        op;
    ngx_http_vcita_slow_loc_conf_t  *slcf;

    slcf = ngx_http_get_module_loc_conf(r, ngx_http_vcita_oauth_slow_module);

    file = fopen((char *) slcf->file.data, "r");
    if (file == NULL) {
        return NGX_HTTP_NOT_FOUND;
    }

    ngx_http_vcita_slow_prepare(r, &op, value);

    do {
        rc = ngx_http_vcita_slow_load_one(&op, file);
    } while (rc == NGX_OK);

    fclose(file);

    return (rc == NGX_DONE) ? NGX_HTTP_NO_CONTENT
                            : NGX_HTTP_INTERNAL_SERVER_ERROR;
}


/* prepares writes to the store of the location */

static void
ngx_http_vcita_slow_prepare(ngx_http_request_t *r,
    ngx_http_vcita_store_op_t *op, u_char *value)
{
    ngx_http_vcita_loc_conf_t  *vlcf;

    vlcf = ngx_http_get_module_loc_conf(r, ngx_http_vcita_oauth_module);

    ngx_memzero(op, sizeof(ngx_http_vcita_store_op_t));

    op->store = vlcf->client->storage.store;
    op->pool = r->pool;
    op->log = r->connection->log;
    op->value.data = value;
    op->ttl = 8 * 3600;
}


/* a record is a key, the length of the value in two bytes, the value */

static ngx_int_t
ngx_http_vcita_slow_load_one(ngx_http_vcita_store_op_t *op, FILE *file)
{
    u_char  len[2];

    if (fread(op->key, 1, sizeof(op->key), file) != sizeof(op->key)) {
        return feof(file) ? NGX_DONE : NGX_ERROR;
    }

    if (fread(len, 1, sizeof(len), file) != sizeof(len)) {
        return NGX_ERROR;
    }

    op->value.len = len[0] << 8 | len[1];

    if (op->value.len > NGX_HTTP_VCITA_STORE_MAX
        || fread(op->value.data, 1, op->value.len, file) != op->value.len)
    {
        return NGX_ERROR;
    }

    return op->store->type->write(op);
}


/* all clients are registered by now */

static ngx_int_t
ngx_http_vcita_slow_init(ngx_conf_t *cf)
{
    ngx_uint_t                   i;
    ngx_http_core_srv_conf_t   **cscf;
    ngx_http_core_main_conf_t   *cmcf;
    ngx_http_vcita_slow_conf_t  *smcf;

    cmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_core_module);
    smcf = ngx_http_conf_get_module_main_conf(cf,
                                            ngx_http_vcita_oauth_slow_module);

    if (smcf->folder.len == 0) {
        return NGX_OK;
    }

    cscf = cmcf->servers.elts;

    for (i = 0; i < cmcf->servers.nelts; i++) {

        if (ngx_http_vcita_slow_server(cf,
                 cscf[i]->ctx->srv_conf[ngx_http_vcita_oauth_module.ctx_index],
                 &smcf->folder)
            != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_vcita_slow_server(ngx_conf_t *cf, ngx_http_vcita_srv_conf_t *vscf,
    ngx_str_t *folder)
{
    ngx_uint_t                 i;
    ngx_http_vcita_slow_t     *slow;
    ngx_http_vcita_store_t    *store;
    ngx_http_vcita_client_t  **client;

    client = vscf->clients.elts;

    for (i = 0; i < vscf->clients.nelts; i++) {
        store = client[i]->storage.store;

        if (store == NULL || store->type == &ngx_http_vcita_slow_type) {
            continue;
        }

        slow = ngx_pcalloc(cf->pool, sizeof(ngx_http_vcita_slow_t));
        if (slow == NULL) {
            return NGX_ERROR;
        }

        slow->real = *store;
        slow->folder = *folder;

        store->type = &ngx_http_vcita_slow_type;
        store->data = slow;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_vcita_slow_read(ngx_http_vcita_store_op_t *op)
{
    ngx_http_vcita_slow_t *slow = op->store->data;

    return ngx_http_vcita_slow_start(op, slow->real.type->read, "read");
}


static ngx_int_t
ngx_http_vcita_slow_write(ngx_http_vcita_store_op_t *op)
{
    ngx_http_vcita_slow_t *slow = op->store->data;

    return ngx_http_vcita_slow_start(op, slow->real.type->write,
                                     op->replace ? "replace" : "write");
}


static ngx_int_t
ngx_http_vcita_slow_end(ngx_http_vcita_store_op_t *op)
{
    ngx_http_vcita_slow_t *slow = op->store->data;

    return ngx_http_vcita_slow_start(op, slow->real.type->end, "end");
}


static void
ngx_http_vcita_slow_cancel(ngx_http_vcita_store_op_t *op)
{
    ngx_http_vcita_slow_op_t *s = op->state;

    ngx_log_error(NGX_LOG_NOTICE, op->log, 0, "slow store: %s cancelled",
                  s->name);

    ngx_del_timer(&s->timer);
}


static ngx_int_t
ngx_http_vcita_slow_start(ngx_http_vcita_store_op_t *op,
    ngx_http_vcita_store_pt what, const char *name)
{
    ngx_http_vcita_slow_op_t  *s;

    if (ngx_http_vcita_slow_told(op->store->data, "dead")) {
        return NGX_ERROR;
    }

    s = ngx_pcalloc(op->pool, sizeof(ngx_http_vcita_slow_op_t));
    if (s == NULL) {
        return NGX_ERROR;
    }

    s->op = op;
    s->what = what;
    s->name = name;

    s->connection.fd = (ngx_socket_t) -1;

    s->timer.handler = ngx_http_vcita_slow_timer;
    s->timer.data = &s->connection;
    s->timer.log = op->log;

    op->state = s;

    ngx_add_timer(&s->timer, NGX_HTTP_VCITA_SLOW);

    ngx_log_error(NGX_LOG_NOTICE, op->log, 0, "slow store: %s begins", name);

    return NGX_AGAIN;
}


static void
ngx_http_vcita_slow_timer(ngx_event_t *ev)
{
    ngx_http_vcita_slow_t      *slow;
    ngx_http_vcita_store_t     *store;
    ngx_http_vcita_slow_op_t   *s;
    ngx_http_vcita_store_op_t  *op;

    s = (ngx_http_vcita_slow_op_t *) ev;

    op = s->op;
    store = op->store;
    slow = store->data;

    if (ngx_http_vcita_slow_told(slow, "hold")
        || ngx_http_vcita_slow_told(slow, s->name))
    {
        ngx_add_timer(ev, NGX_HTTP_VCITA_SLOW);
        return;
    }

    if (ngx_http_vcita_slow_told(slow, "down")) {
        op->rc = NGX_ERROR;

    } else if (op->replace
               && ngx_http_vcita_slow_told(slow, "gone"))
    {
        op->rc = NGX_DECLINED;

    } else if (op->replace
               && ngx_http_vcita_slow_told(slow, "full"))
    {
        op->rc = NGX_ERROR;

    } else {
        op->store = &slow->real;
        op->rc = s->what(op);
        op->store = store;

        if (s->what == slow->real.type->read && op->rc == NGX_OK) {
            ngx_http_vcita_slow_change(slow, op);
        }
    }

    ngx_log_error(NGX_LOG_NOTICE, op->log, 0, "slow store: %s ends", s->name);

    op->handler(op);
}


static void
ngx_http_vcita_slow_change(ngx_http_vcita_slow_t *slow,
    ngx_http_vcita_store_op_t *op)
{
    if (ngx_http_vcita_slow_told(slow, "flip")) {
        op->value.data[op->value.len / 2] ^= 1;
    }

    if (ngx_http_vcita_slow_told(slow, "mix")) {
        op->value = slow->last;
        return;
    }

    slow->last.data = slow->value;
    slow->last.len = op->value.len;
    ngx_memcpy(slow->value, op->value.data, op->value.len);
}


static ngx_uint_t
ngx_http_vcita_slow_told(ngx_http_vcita_slow_t *slow, const char *name)
{
    u_char           path[NGX_MAX_PATH];
    ngx_file_info_t  fi;

    ngx_sprintf(path, "%V/%s%Z", &slow->folder, name);

    return ngx_file_info(path, &fi) != NGX_FILE_ERROR;
}
