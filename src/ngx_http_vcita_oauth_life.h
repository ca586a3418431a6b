
/*
 * Copyright (C) the vcita OAuth gate authors
 */


#ifndef _NGX_HTTP_VCITA_OAUTH_LIFE_H_INCLUDED_
#define _NGX_HTTP_VCITA_OAUTH_LIFE_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>

#include "ngx_http_vcita_oauth_session.h"


time_t ngx_http_vcita_oauth_life_left(ngx_http_vcita_oauth_session_t *s,
    time_t now, time_t timeout, time_t idle);
ngx_uint_t ngx_http_vcita_oauth_life_slides(
    ngx_http_vcita_oauth_session_t *s, time_t now, time_t idle);


#endif /* _NGX_HTTP_VCITA_OAUTH_LIFE_H_INCLUDED_ */
