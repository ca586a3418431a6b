/*
 * The world as a test wants nginx to see it; preloaded into nginx.
 *
 * Names:
 *   hang-N.test  takes N seconds, then fails for the moment
 *   two.test     127.0.0.2, then 127.0.0.1
 *   X.hosts.test what the file X of the directory VCITA_TEST_HOSTS says, now:
 *                addresses, or nothing, or hang-N
 *
 * The wall clock is as many seconds ahead as the file VCITA_TEST_CLOCK says, now
 * and whenever that changes; the monotonic one is not touched.  (libfaketime
 * does this, too, but does not get along with AddressSanitizer.)
 */

#define _GNU_SOURCE

#include <dlfcn.h>
#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>


static char  clock_file[4096];
static char  hosts_dir[4096];


/* nginx gives its environment up */

__attribute__((constructor)) static void
world_init(void)
{
    char  *name;

    name = getenv("VCITA_TEST_CLOCK");

    if (name && strlen(name) < sizeof(clock_file)) {
        strcpy(clock_file, name);
    }

    name = getenv("VCITA_TEST_HOSTS");

    if (name && strlen(name) < sizeof(hosts_dir) - 256) {
        strcpy(hosts_dir, name);
    }
}


static long
clock_ahead(void)
{
    int      fd;
    char     text[32];
    ssize_t  n;

    if (clock_file[0] == '\0') {
        return 0;
    }

    fd = open(clock_file, O_RDONLY|O_CLOEXEC);
    if (fd == -1) {
        return 0;
    }

    n = read(fd, text, sizeof(text) - 1);
    close(fd);

    text[n > 0 ? n : 0] = '\0';

    return atol(text);
}


int
clock_gettime(clockid_t id, struct timespec *ts)
{
    int  rc;

    rc = (int) syscall(SYS_clock_gettime, id, ts);

    if (rc == 0 && (id == CLOCK_REALTIME || id == CLOCK_REALTIME_COARSE)) {
        ts->tv_sec += clock_ahead();
    }

    return rc;
}


int
gettimeofday(struct timeval *restrict tv, void *restrict tz)
{
    struct timespec  ts;

    (void) tz;

    if (clock_gettime(CLOCK_REALTIME, &ts) == -1) {
        return -1;
    }

    tv->tv_sec = ts.tv_sec;
    tv->tv_usec = ts.tv_nsec / 1000;

    return 0;
}


time_t
time(time_t *t)
{
    struct timespec  ts;

    (void) clock_gettime(CLOCK_REALTIME, &ts);

    if (t) {
        *t = ts.tv_sec;
    }

    return ts.tv_sec;
}


typedef int (*getaddrinfo_pt)(const char *, const char *,
    const struct addrinfo *, struct addrinfo **);


/* the addresses of a name that moves */

static int
hosts_find(getaddrinfo_pt real, const char *name, size_t len,
    const char *service, const struct addrinfo *hints, struct addrinfo **res)
{
    int               rc;
    char              path[4096 + 256], text[512], *p, *rest;
    FILE             *f;
    size_t            n;
    unsigned          seconds;
    struct addrinfo **next;

    snprintf(path, sizeof(path), "%s/%.*s", hosts_dir, (int) len, name);

    f = fopen(path, "re");
    if (f == NULL) {
        return EAI_NONAME;
    }

    n = fread(text, 1, sizeof(text) - 1, f);
    text[n] = '\0';
    fclose(f);

    if (sscanf(text, "hang-%u", &seconds) == 1) {
        (void) poll(NULL, 0, seconds * 1000);
        return EAI_AGAIN;
    }

    *res = NULL;
    next = res;

    for (p = strtok_r(text, " ", &rest); p; p = strtok_r(NULL, " ", &rest)) {

        rc = real(p, service, hints, next);
        if (rc != 0) {
            return rc;
        }

        while (*next) {
            next = &(*next)->ai_next;
        }
    }

    return *res ? 0 : EAI_NONAME;
}


int
getaddrinfo(const char *node, const char *service,
    const struct addrinfo *hints, struct addrinfo **res)
{
    int               rc;
    char             *end;
    unsigned          n;
    struct addrinfo  *a;

    getaddrinfo_pt    real;

    *(void **) &real = dlsym(RTLD_NEXT, "getaddrinfo");

    if (node && sscanf(node, "hang-%u.test", &n) == 1) {

        /* a resolver that is silent for so long: the fault itself */

        (void) poll(NULL, 0, n * 1000);

        return EAI_AGAIN;
    }

    end = node ? strstr(node, ".hosts.test") : NULL;

    if (end) {
        return hosts_find(real, node, end - node, service, hints, res);
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
