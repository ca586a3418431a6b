/*
 * Names as a bad resolver gives them; preloaded into nginx by a test.
 *
 *   hang-N.test  takes N seconds, then fails for the moment
 *   two.test     127.0.0.2, then 127.0.0.1
 */

#define _GNU_SOURCE

#include <dlfcn.h>
#include <netdb.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>


int
getaddrinfo(const char *node, const char *service,
    const struct addrinfo *hints, struct addrinfo **res)
{
    int              rc;
    unsigned         n;
    struct addrinfo  *a;

    int  (*real)(const char *, const char *, const struct addrinfo *,
                 struct addrinfo **);

    *(void **) &real = dlsym(RTLD_NEXT, "getaddrinfo");

    if (node && sscanf(node, "hang-%u.test", &n) == 1) {

        for (n *= 10; n; n--) {
            usleep(100000);
        }

        return EAI_AGAIN;
    }

    if (node == NULL || strcmp(node, "two.test") != 0) {
        return real(node, service, hints, res);
    }

    rc = real("127.0.0.2", service, hints, res);
    if (rc != 0) {
        return rc;
    }

    for (a = *res; a->ai_next; a = a->ai_next) { /* void */ }

    return real("127.0.0.1", service, hints, &a->ai_next);
}
