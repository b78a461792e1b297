/* delayline: a long wire between two network namespaces. What comes out of a TUN device in one goes into a TUN device
 * in the other after a fixed time, in order, except for what is lost on the way.
 *
 *   cc -O2 -o delayline delayline.c
 *   ./delayline NAMESPACE_A DEVICE_A NAMESPACE_B DEVICE_B DELAY_MICROSECONDS LOSS_PER_MILLION [SEED]
 *
 * It creates both devices, prints `ready`, and runs until it is killed. Delay and loss are for each direction. Rate and
 * queue are not its business: they come from a queueing discipline (`tc ... tbf`) in front of it. Linux, root.
 */
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

enum { PACKET = 2048, PACKETS = 65536 };

struct line {
    int from, to;
    unsigned head, tail;
    struct { int64_t due; int length; unsigned char data[PACKET]; } *packets;
};

static void fail(const char *what)
{
    fprintf(stderr, "delayline: %s: %s\n", what, strerror(errno));
    exit(1);
}

static int64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000000000LL + t.tv_nsec;
}

static int open_device(const char *space, const char *name)
{
    char path[256];
    snprintf(path, sizeof path, "/run/netns/%s", space);
    int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0 || setns(file, CLONE_NEWNET))
        fail(path);
    close(file);
    int device = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
    struct ifreq request = {.ifr_flags = IFF_TUN | IFF_NO_PI};
    snprintf(request.ifr_name, sizeof request.ifr_name, "%s", name);
    if (device < 0 || ioctl(device, TUNSETIFF, &request))
        fail("/dev/net/tun");
    return device;
}

static uint32_t random_below_a_million(void)
{
    static uint64_t state;
    if (!state)
        state = (uint64_t)random() << 20 ^ 0x9E3779B97F4A7C15u;
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return (uint32_t)((state >> 16) % 1000000u);
}

static void take(struct line *line, int64_t delay, uint32_t loss)
{
    while (line->tail - line->head < PACKETS) {
        unsigned slot = line->tail % PACKETS;
        ssize_t n = read(line->from, line->packets[slot].data, PACKET);
        if (n <= 0)
            return;
        if (random_below_a_million() < loss)
            continue;
        line->packets[slot].length = (int)n;
        line->packets[slot].due = now_ns() + delay;
        line->tail++;
    }
}

static int64_t give(struct line *line, int64_t now)
{
    while (line->head != line->tail) {
        unsigned slot = line->head % PACKETS;
        if (line->packets[slot].due > now)
            return line->packets[slot].due;
        if (write(line->to, line->packets[slot].data, (size_t)line->packets[slot].length) < 0 && errno == EAGAIN)
            return now + 100000;
        line->head++;
    }
    return INT64_MAX;
}

int main(int argc, char **argv)
{
    if (argc < 7) {
        fputs("usage: delayline NAMESPACE_A DEVICE_A NAMESPACE_B DEVICE_B DELAY_US LOSS_PER_MILLION [SEED]\n", stderr);
        return 2;
    }
    int64_t delay = atoll(argv[5]) * 1000;
    uint32_t loss = (uint32_t)atol(argv[6]);
    srandom(argc > 7 ? (unsigned)atol(argv[7]) : 1);
    prctl(PR_SET_TIMERSLACK, 1000UL);
    int a = open_device(argv[1], argv[2]), b = open_device(argv[3], argv[4]);
    struct line lines[2] = {{.from = a, .to = b}, {.from = b, .to = a}};
    for (int i = 0; i < 2; i++) {
        lines[i].packets = calloc(PACKETS, sizeof *lines[i].packets);
        if (!lines[i].packets)
            fail("memory");
    }
    puts("ready");
    fflush(stdout);
    for (;;) {
        int64_t now = now_ns(), next = INT64_MAX;
        for (int i = 0; i < 2; i++) {
            int64_t due = give(&lines[i], now);
            if (due < next)
                next = due;
        }
        struct pollfd files[2] = {{.fd = a, .events = POLLIN}, {.fd = b, .events = POLLIN}};
        int64_t wait = next == INT64_MAX ? 1000000000 : next - now;
        struct timespec timeout = {.tv_sec = wait / 1000000000, .tv_nsec = wait % 1000000000};
        if (ppoll(files, 2, wait > 0 ? &timeout : &(struct timespec){0}, NULL) > 0) {
            for (int i = 0; i < 2; i++)
                take(&lines[i], delay, loss);
        }
    }
}
