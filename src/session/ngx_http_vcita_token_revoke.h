
/*
 * Copyright (C) the vcita OAuth gate authors
 */


#ifndef _NGX_HTTP_VCITA_TOKEN_REVOKE_H_INCLUDED_
#define _NGX_HTTP_VCITA_TOKEN_REVOKE_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>

#include "session/ngx_http_vcita_config.h"


typedef struct ngx_http_vcita_token_revoke_s  ngx_http_vcita_token_revoke_t;


ngx_http_vcita_token_revoke_t *ngx_http_vcita_token_revoke_create(
    ngx_http_vcita_main_conf_t *vmcf, ngx_http_vcita_client_t *client,
    ngx_http_vcita_session_t *s);
void ngx_http_vcita_token_revoke_send(ngx_http_vcita_token_revoke_t *t);
void ngx_http_vcita_token_revoke_discard(ngx_http_vcita_token_revoke_t *t);
void ngx_http_vcita_token_revoke_recall(ngx_http_vcita_token_revoke_t *t);
ngx_uint_t ngx_http_vcita_token_revoke_same(ngx_http_vcita_token_revoke_t *a,
    ngx_http_vcita_token_revoke_t *b);
void ngx_http_vcita_token_revoke_exit(void);


#endif /* _NGX_HTTP_VCITA_TOKEN_REVOKE_H_INCLUDED_ */
