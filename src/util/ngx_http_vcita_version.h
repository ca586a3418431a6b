
/*
 * Copyright (C) the vcita OAuth gate authors
 */


#ifndef _NGX_HTTP_VCITA_VERSION_H_INCLUDED_
#define _NGX_HTTP_VCITA_VERSION_H_INCLUDED_


/* CHANGES and debian/changelog begin with this version */
#define NGX_HTTP_VCITA_VERSION  "1.1.0"


#endif /* _NGX_HTTP_VCITA_VERSION_H_INCLUDED_ */
