/* A home line between two network namespaces, where the kernel has no netem.
 *
 * usage: link NETNS_A NETNS_B MBIT ONE_WAY_MS LOSS_PERCENT QUEUE_MS
 *
 * NETNS_* are files such as /proc/PID/ns/net. A TUN device is made in each: 10.9.0.1 in A, 10.9.0.2 in B.
 * What enters one leaves the other after it was sent at the rate, waited behind what was sent before (dropped
 * where the queue is longer than QUEUE_MS), was lost by chance, and travelled. Both ways alike.
 * Prints "ready", runs until its standard input ends.  build: cc -O2 -o link link.c */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <poll.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

enum { MTU = 1500, ROOM = 2048, SLOTS = 32768, FRAMING = 38 };

struct packet { int64_t due; int size; unsigned char bytes[ROOM]; };

/* One direction: a ring of packets that are on their way. */
struct way {
    int from, to;
    int64_t free_at; /* when the line has sent everything it was given */
    uint64_t head, tail;
    uint64_t dice;
    struct packet *ring;
};

static double nanoseconds_a_byte, loss;
static int64_t delay, longest_queue;

static int64_t now(void)
{
    struct timespec at;
    clock_gettime(CLOCK_MONOTONIC, &at);
    return at.tv_sec * INT64_C(1000000000) + at.tv_nsec;
}

static void fail(const char *what)
{
    perror(what);
    exit(1);
}

static int device(const char *netns, const char *own, const char *other)
{
    char line[256];
    struct ifreq ask;
    int space = open(netns, O_RDONLY), tun;
    if (space < 0 || setns(space, CLONE_NEWNET) < 0) fail(netns);
    close(space);
    if ((tun = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC)) < 0) fail("/dev/net/tun");
    memset(&ask, 0, sizeof ask);
    ask.ifr_flags = IFF_TUN | IFF_NO_PI;
    strcpy(ask.ifr_name, "home0");
    if (ioctl(tun, TUNSETIFF, &ask) < 0) fail("TUNSETIFF");
    snprintf(line, sizeof line,
             "ip address add %s peer %s dev home0 && ip link set home0 mtu %d txqueuelen 4000 up", own, other, MTU);
    if (system(line) != 0) { fprintf(stderr, "ip failed\n"); exit(1); }
    return tun;
}

static double chance(struct way *one)
{
    one->dice ^= one->dice << 13;
    one->dice ^= one->dice >> 7;
    one->dice ^= one->dice << 17;
    return (double)(one->dice >> 11) / 9007199254740992.0;
}

static void take(struct way *one)
{
    for (;;) {
        struct packet *slot = &one->ring[one->tail % SLOTS];
        ssize_t size = read(one->from, slot->bytes, ROOM);
        int64_t at = now();
        if (size <= 0) return;
        if (one->free_at < at) one->free_at = at;
        if (one->free_at - at > longest_queue || one->tail - one->head >= SLOTS - 1) continue;
        one->free_at += (int64_t)((double)(size + FRAMING) * nanoseconds_a_byte);
        if (chance(one) < loss) continue;
        slot->due = one->free_at + delay;
        slot->size = (int)size;
        one->tail++;
    }
}

static int64_t give(struct way *one, int64_t at)
{
    while (one->head < one->tail) {
        struct packet *first = &one->ring[one->head % SLOTS];
        if (first->due > at) return first->due;
        if (write(one->to, first->bytes, (size_t)first->size) < 0 && errno == EAGAIN) return at + 100000;
        one->head++;
    }
    return INT64_MAX;
}

int main(int count, char **words)
{
    struct way ways[2];
    if (count != 7) { fprintf(stderr, "usage: link NETNS_A NETNS_B MBIT ONE_WAY_MS LOSS_PERCENT QUEUE_MS\n"); return 2; }
    nanoseconds_a_byte = 8000.0 / atof(words[3]);
    delay = (int64_t)(atof(words[4]) * 1e6);
    loss = atof(words[5]) / 100;
    longest_queue = (int64_t)(atof(words[6]) * 1e6);
    int a = device(words[1], "10.9.0.1", "10.9.0.2"), b = device(words[2], "10.9.0.2", "10.9.0.1");
    memset(ways, 0, sizeof ways);
    ways[0].from = ways[1].to = a;
    ways[1].from = ways[0].to = b;
    for (int i = 0; i < 2; i++) {
        ways[i].dice = 88172645463325252u + (uint64_t)i * 977 + (uint64_t)now();
        if (!(ways[i].ring = calloc(SLOTS, sizeof *ways[i].ring))) fail("memory");
    }
    prctl(PR_SET_TIMERSLACK, 1000UL);
    puts("ready");
    fflush(stdout);
    for (;;) {
        struct pollfd ends[3] = {{a, POLLIN, 0}, {b, POLLIN, 0}, {0, POLLIN, 0}};
        int64_t at = now(), next = give(&ways[0], at), other = give(&ways[1], at);
        if (other < next) next = other;
        struct timespec wait, *limit = NULL;
        if (next != INT64_MAX) {
            int64_t left = next > at ? next - at : 0;
            wait.tv_sec = left / INT64_C(1000000000);
            wait.tv_nsec = left % INT64_C(1000000000);
            limit = &wait;
        }
        if (ppoll(ends, 3, limit, NULL) < 0 && errno != EINTR) fail("poll");
        if (ends[0].revents & POLLIN) take(&ways[0]);
        if (ends[1].revents & POLLIN) take(&ways[1]);
        if (ends[2].revents) {
            char byte;
            if (read(0, &byte, 1) <= 0) return 0;
        }
    }
}
