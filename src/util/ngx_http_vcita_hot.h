
/*
 * Copyright (C) the vcita OAuth gate authors
 *
 * Marks the functions that run for each request with a session: those that
 * callgrind shows for one whose cookie was opened before.  Compilers put them
 * on a few pages of memory beside each other, so a worker whose cpu others used
 * in between has less of its code to fetch again.
 */


#ifndef _NGX_HTTP_VCITA_HOT_H_INCLUDED_
#define _NGX_HTTP_VCITA_HOT_H_INCLUDED_


#if (defined __GNUC__)
#define ngx_http_vcita_hot  __attribute__((hot))
#else
#define ngx_http_vcita_hot
#endif


#endif /* _NGX_HTTP_VCITA_HOT_H_INCLUDED_ */
