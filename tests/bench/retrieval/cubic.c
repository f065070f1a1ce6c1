/* Loaded into the archive (LD_PRELOAD): every connection it takes uses cubic, where a namespace may not choose
 * its own default.  build: cc -O2 -shared -fPIC -o cubic.so cubic.c -ldl */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

typedef int taker(int, struct sockaddr *, socklen_t *);
typedef int taker_with_flags(int, struct sockaddr *, socklen_t *, int);

static int with_cubic(int taken)
{
    if (taken >= 0) setsockopt(taken, IPPROTO_TCP, TCP_CONGESTION, "cubic", 5);
    return taken;
}

int accept(int from, struct sockaddr *who, socklen_t *size)
{
    taker *next = (taker *)dlsym(RTLD_NEXT, "accept");
    return with_cubic(next(from, who, size));
}

int accept4(int from, struct sockaddr *who, socklen_t *size, int flags)
{
    taker_with_flags *next = (taker_with_flags *)dlsym(RTLD_NEXT, "accept4");
    return with_cubic(next(from, who, size, flags));
}
