/*
 * What a worker does in one turn of its event loop, from one epoll_wait() of
 * nginx to the next; preloaded into nginx.  The file VCITA_TEST_TURNS has the
 * most of each in a turn so far, as 64-bit numbers:
 *
 *   transfers that libcurl was given, calls of SSL_connect(), replies of Redis,
 *   signatures, nanoseconds of CPU
 *
 * A test writes zeros to begin anew.
 */

#define _GNU_SOURCE

#include <dlfcn.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>


enum { TRANSFERS, HANDSHAKES, REPLIES, SIGNATURES, CPU, KINDS };

/* nginx asks for 512 events, the module's own epoll instance for a few */
enum { OF_NGINX = 64 };

static volatile uint64_t  *most;
static uint64_t            turn[KINDS], began;


__attribute__((constructor)) static void
open_file(void)
{
    int          fd;
    void        *p;
    const char  *name;

    name = getenv("VCITA_TEST_TURNS");

    if (name == NULL || (fd = open(name, O_RDWR)) == -1) {
        return;
    }

    p = mmap(NULL, 4096, PROT_READ|PROT_WRITE, MAP_SHARED, fd, 0);

    if (p != MAP_FAILED) {
        most = p;
    }

    close(fd);
}


static uint64_t
cpu(void)
{
    struct timespec  ts;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);

    return (uint64_t) ts.tv_sec * 1000000000 + ts.tv_nsec;
}


#define instead_of(kind, type, name, params, args)                            \
    type                                                                      \
    name params                                                               \
    {                                                                         \
        static type  (*real) params;                                          \
                                                                              \
        if (real == NULL) {                                                   \
            real = (type (*) params) dlsym(RTLD_NEXT, #name);                 \
        }                                                                     \
                                                                              \
        turn[kind]++;                                                         \
        return real args;                                                     \
    }


instead_of(TRANSFERS, int, curl_multi_add_handle, (void *m, void *e), (m, e))
instead_of(HANDSHAKES, int, SSL_connect, (void *ssl), (ssl))
instead_of(REPLIES, int, redisReaderGetReply, (void *r, void **v), (r, v))
instead_of(SIGNATURES, int, EVP_DigestSign,
           (void *c, unsigned char *s, size_t *n, const void *p, size_t len),
           (c, s, n, p, len))


int
epoll_wait(int fd, struct epoll_event *events, int n, int timeout)
{
    static int  (*real)(int, struct epoll_event *, int, int);
    int          i, ready;

    if (real == NULL) {
        real = (int (*)(int, struct epoll_event *, int, int))
                   dlsym(RTLD_NEXT, "epoll_wait");
    }

    if (n < OF_NGINX || most == NULL) {
        return real(fd, events, n, timeout);
    }

    if (began) {
        turn[CPU] = cpu() - began;
    }

    for (i = 0; i < KINDS; i++) {

        if (turn[i] > most[i]) {
            most[i] = turn[i];
        }

        turn[i] = 0;
    }

    ready = real(fd, events, n, timeout);
    began = cpu();

    return ready;
}
