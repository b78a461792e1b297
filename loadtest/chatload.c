/* chatload: puts load on one chat server, checks that every message arrives, and prints one line of JSON.
 *
 *   cc -O2 -o chatload chatload.c
 *   ./chatload -a messenger -m pairs -p PORT -n 50 -w 100
 *
 * One thread, one epoll, no library but libc; Linux, little-endian. Traffic goes to 127.0.0.1 only.
 *
 *   -a PROTOCOL   messenger (JSON lines) or irc
 *   -m MODE       pairs   N senders, each to a receiver of its own
 *                 random  N clients, each message to a random other one
 *                 fan     one sender to a group (IRC: a channel) with N other members
 *                 idle    N clients log in and stay quiet, then 10 pairs run closed loop among them
 *                 login   N slots connect, log in and quit over and over
 *   -p PORT       the server's port
 *   -P PID        the server's process id: adds its CPU and memory to the report
 *   -n N          see MODE
 *   -w WINDOW     at most so many undelivered messages a sender (default 1: closed loop, the next message when the
 *                 last one has been delivered)
 *   -t SECONDS    measured interval (default 3)
 *   -T SECONDS    warm-up before it (default 0.5)
 *   -c COUNT      clients that may be logging in at the same time (default 64)
 *   -A COUNT      source addresses 127.0.0.2 and up that the clients are spread over (default 16)
 *   -u MICROS     pause after a pass over the ready sockets (default: 0.2 for each delivery that all windows together
 *                 allow to be under way, in a fan 0.02, at most 2000; no pause if these are less than 2000 deliveries
 *                 or WINDOW is 1)
 *
 * Users are called u00000, u00001 and so on (six characters, so that every line of a kind has one length), all with
 * the password `benchmark`; the group is `bench0`, the channel `#bench`.
 *
 * What is checked. A text is 100 bytes: sender, number in the stream from this sender to this recipient, time of
 * sending (microseconds), recipient, padding. Every byte of it is compared. A number that is not the next one of its
 * stream, a text at the wrong client, an acknowledgement that leaves out or repeats a request, an error from the
 * server and a connection that it closes each end the run with a message on stderr and exit status 1. After the
 * measured interval the senders stop, and everything that was sent must arrive and, in our protocol, be acknowledged,
 * within 20 seconds.
 *
 * What is measured. Deliveries at the receivers inside the measured interval (in a fan: one for each member); the
 * time from just before send() to just after recv(), with one clock reading for each batch, in a histogram with
 * buckets 3 % wide; CPU time of this process (getrusage), of the server (/proc/PID/stat) and of everybody else on the
 * machine (the rest of /proc/stat), each divided by the length of the interval.
 *
 * How it stays fast. One template is copied for each message and only its digits are patched; all that the window
 * allows goes out in a single send(); received bytes are read up to 256 KB at a time into one buffer, and texts are
 * found at fixed distances from the start (ours) or the end (IRC) of a line; epoll is edge-triggered. With a window
 * above 1 there is a short pause after a pass that brought less than a quarter of the windows, so that many messages
 * are handled at once instead of a few again and again: the rest of the windows is worth milliseconds of the server's
 * work, and the server's CPU share in the report shows that it did not wait.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "digits are read eight at a time in little-endian order"
#endif

enum {
    NAME = 6,                /* bytes of every user, group and channel name */
    TEXT = 100,              /* bytes of every text */
    AT_SENDER = 0,           /* places of the four numbers of eight digits in a text */
    AT_SEQUENCE = 9,
    AT_TIME = 18,
    AT_RECIPIENT = 27,
    AT_PADDING = 35,
    MAX_USERS = 100000,      /* five digits in a name */
    MAX_WINDOW = 4096,
    FIRST_ID = 10000000,     /* request ids of messages: eight digits from the first to the last */
    IDLE_PAIRS = 10,
    READ_SIZE = 256 * 1024,
    OUT_SIZE = MAX_WINDOW * 256,
    EVENTS = 2048,
    SUB_BUCKETS = 32,        /* histogram buckets for each doubling */
    BUCKETS = 40 * SUB_BUCKETS,
    CLOCK_MODULUS = 100000000,
};
#define PASSWORD "benchmark"
#define GROUP "bench0"
#define CHANNEL "#bench"
#define SETUP_SECONDS 120.0
#define DRAIN_SECONDS 20.0

enum mode { PAIRS, RANDOM, FAN, IDLE, LOGIN };
enum state { CLOSED, LOGGING_IN, READY, JOINING, JOINED, LEAVING };

struct client {
    int fd;
    enum state state;
    bool dirty;              /* in the list of senders that may send again */
    int peer;                /* pairs: whom it sends to or receives from */
    uint32_t undelivered;    /* messages on their way */
    uint32_t sent;
    uint32_t acknowledged;
    uint32_t next_out;       /* next number of the only stream that it sends (all modes but random) */
    uint32_t next_in;        /* next number of the only stream that it receives (all modes but random) */
    uint32_t started;        /* login: clock at connect */
    char *tail;              /* the incomplete last line received */
    size_t tail_length, tail_size;
    char *pending;           /* what the socket had no room for */
    size_t pending_length, pending_size;
};

struct usage {
    double wall, own_cpu, server_cpu, machine_cpu;
    uint64_t count;
};

/* Options. */
static bool irc;
static enum mode mode;
static const char *mode_name;
static int port, server_pid, count, window = 1, in_flight = 64, addresses = 16, pause_us = -1;
static double seconds = 3.0, warm_up = 0.5;

/* State of the run. */
static struct client *clients;
static int total, epoll_fd;
static bool sending, measuring, answering;
static uint32_t *matrix_out, *matrix_in; /* random: next number from row to column, and at row from column */
static uint16_t left[MAX_WINDOW];        /* fan: members that still miss message number i modulo MAX_WINDOW */
static int *dirty;
static int dirty_count, logged_in, joined;
static uint64_t capacity; /* deliveries that may be under way at one time */
static uint64_t sent_total, delivered, acknowledged, logins;
static uint32_t now_us;
static uint64_t histogram[BUCKETS], samples;
static uint32_t slowest;

/* Prepared bytes. */
static char quads[10000][4];
static char names[MAX_USERS][8];
static char template[512], padding[TEXT];
static size_t template_length, id_at, user_at, text_at;
static char head[64];
static size_t head_length;
static char *in_buffer, *out_buffer;

static void fail(const char *format, ...) __attribute__((noreturn, format(printf, 1, 2)));

static void fail(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    fputs("chatload: ", stderr);
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
    exit(1);
}

/* ---- clock, numbers, histogram ---------------------------------------------------------------------------- */

static double clock_seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static void read_clock(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    now_us = (uint32_t)(((uint64_t)t.tv_sec * 1000000u + (uint64_t)t.tv_nsec / 1000u) % CLOCK_MODULUS);
}

static inline void put8(char *to, uint32_t value)
{
    memcpy(to, quads[value / 10000 % 10000], 4);
    memcpy(to + 4, quads[value % 10000], 4);
}

static inline uint32_t get8(const char *from)
{
    uint64_t v;
    memcpy(&v, from, 8);
    v -= 0x3030303030303030u;
    v = v * 10 + (v >> 8);
    uint64_t even = (v & 0x000000FF000000FFu) * 0x000F424000000064u;
    uint64_t odd = ((v >> 16) & 0x000000FF000000FFu) * 0x0000271000000001u;
    return (uint32_t)((even + odd) >> 32);
}

static void record_latency(uint32_t since)
{
    uint32_t us = now_us >= since ? now_us - since : now_us + CLOCK_MODULUS - since;
    unsigned bucket = us;
    if (us >= SUB_BUCKETS) {
        unsigned shift = 31u - (unsigned)__builtin_clz(us) - 5u;
        bucket = (shift + 1) * SUB_BUCKETS + ((us >> shift) - SUB_BUCKETS);
    }
    histogram[bucket]++;
    samples++;
    if (us > slowest)
        slowest = us;
}

static double percentile(double share)
{
    uint64_t wanted = (uint64_t)((double)samples * share), seen = 0;
    for (unsigned i = 0; i < BUCKETS; i++) {
        seen += histogram[i];
        if (histogram[i] && seen >= wanted) {
            if (i < SUB_BUCKETS)
                return i;
            unsigned shift = i / SUB_BUCKETS - 1;
            return ((double)(i % SUB_BUCKETS) + SUB_BUCKETS + 0.5) * (double)(1u << shift);
        }
    }
    return 0;
}

/* ---- the server's process --------------------------------------------------------------------------------- */

static bool read_file(const char *path, char *to, size_t size)
{
    FILE *file = fopen(path, "r");
    size_t length = file ? fread(to, 1, size - 1, file) : 0;
    to[length] = 0;
    if (file)
        fclose(file);
    return length > 0;
}

static bool read_proc(const char *name, char *to, size_t size)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/%s", server_pid, name);
    return server_pid && read_file(path, to, size);
}

/* Seconds in which any core of the machine was busy. */
static double machine_cpu(void)
{
    char line[256];
    unsigned long user = 0, nice = 0, kernel = 0, interrupts = 0, soft_interrupts = 0;
    if (!read_file("/proc/stat", line, sizeof line)
        || sscanf(line, "cpu %lu %lu %lu %*u %*u %lu %lu", &user, &nice, &kernel, &interrupts, &soft_interrupts) != 5)
        return 0;
    return (double)(user + nice + kernel + interrupts + soft_interrupts) / (double)sysconf(_SC_CLK_TCK);
}

static double server_cpu(void)
{
    char line[1024];
    unsigned long user = 0, kernel = 0;
    if (!read_proc("stat", line, sizeof line))
        return 0;
    char *after_name = strrchr(line, ')');
    if (!after_name
        || sscanf(after_name, ") %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user, &kernel) != 2)
        return 0;
    return (double)(user + kernel) / (double)sysconf(_SC_CLK_TCK);
}

static long server_rss_kb(void)
{
    char line[256];
    long resident = 0;
    if (!read_proc("statm", line, sizeof line) || sscanf(line, "%*d %ld", &resident) != 1)
        return 0;
    return resident * (sysconf(_SC_PAGESIZE) / 1024);
}

static struct usage take_usage(void)
{
    struct rusage r;
    getrusage(RUSAGE_SELF, &r);
    return (struct usage){
        .wall = clock_seconds(),
        .own_cpu = (double)(r.ru_utime.tv_sec + r.ru_stime.tv_sec)
                   + (double)(r.ru_utime.tv_usec + r.ru_stime.tv_usec) * 1e-6,
        .server_cpu = server_cpu(),
        .machine_cpu = machine_cpu(),
        .count = mode == LOGIN ? logins : delivered,
    };
}

/* ---- sockets ---------------------------------------------------------------------------------------------- */

static int number_of(const struct client *c)
{
    return (int)(c - clients);
}

static const char *name_of(const struct client *c)
{
    return names[number_of(c)];
}

static void keep(char **buffer, size_t *length, size_t *size, const char *data, size_t more)
{
    if (*length + more > *size) {
        *size = (*length + more) * 2;
        *buffer = realloc(*buffer, *size);
        if (!*buffer)
            fail("out of memory");
    }
    memmove(*buffer + *length, data, more);
    *length += more;
}

static size_t send_some(struct client *c, const char *data, size_t length)
{
    ssize_t n = send(c->fd, data, length, MSG_NOSIGNAL);
    if (n >= 0)
        return (size_t)n;
    if (errno != EAGAIN && errno != EINTR && errno != EINPROGRESS)
        fail("send for %s: %s", name_of(c), strerror(errno));
    return 0;
}

static void transmit(struct client *c, const char *data, size_t length)
{
    size_t done = c->pending_length ? 0 : send_some(c, data, length);
    if (done == length)
        return;
    keep(&c->pending, &c->pending_length, &c->pending_size, data + done, length - done);
}

static void transmit_pending(struct client *c)
{
    size_t done = send_some(c, c->pending, c->pending_length);
    c->pending_length -= done;
    memmove(c->pending, c->pending + done, c->pending_length);
}

static void request(struct client *c, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void request(struct client *c, const char *format, ...)
{
    char line[512];
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    if (length < 0 || (size_t)length >= sizeof line)
        fail("a request is too long");
    transmit(c, line, (size_t)length);
}

static void open_client(struct client *c)
{
    int on = 1;
    struct sockaddr_in from = {.sin_family = AF_INET}, to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    from.sin_addr.s_addr = htonl(0x7f000002u + (uint32_t)(number_of(c) % addresses));
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    c->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (c->fd < 0)
        fail("socket for %s: %s", name_of(c), strerror(errno));
    setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    setsockopt(c->fd, IPPROTO_TCP, TCP_CONGESTION, "reno", 4); /* the cheapest one; nothing is lost on loopback */
    setsockopt(c->fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
    if (bind(c->fd, (struct sockaddr *)&from, sizeof from))
        fail("bind for %s: %s", name_of(c), strerror(errno));
    if (connect(c->fd, (struct sockaddr *)&to, sizeof to) && errno != EINPROGRESS)
        fail("connect for %s: %s", name_of(c), strerror(errno));
    c->started = now_us;
    c->tail_length = c->pending_length = 0;
    /* Loopback connections are mostly made by now; if not, the request waits until epoll says so. */
    if (irc)
        request(c, "NICK %s\r\nUSER %s 0 * :load\r\n", name_of(c), name_of(c));
    else
        request(c, "{\"type\":\"login\",\"id\":1,\"username\":\"%s\",\"password\":\"" PASSWORD "\"}\n", name_of(c));
    c->state = LOGGING_IN;
    struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLET, .data.u32 = (uint32_t)number_of(c)};
    if (epoll_ctl(epoll_fd, EPOLL_CTL_ADD, c->fd, &event))
        fail("epoll_ctl: %s", strerror(errno));
}

static void close_client(struct client *c)
{
    struct linger reset = {.l_onoff = 1, .l_linger = 0}; /* the server has closed already; leave no TIME_WAIT */
    setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
    close(c->fd);
    c->state = CLOSED;
    logged_in--;
}

/* ---- sending messages ------------------------------------------------------------------------------------- */

static uint32_t random_below(uint32_t limit)
{
    static uint64_t state = 0x9E3779B97F4A7C15u;
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return (uint32_t)(((state >> 32) * limit) >> 32);
}

static char *put_message(char *to, struct client *c)
{
    int me = number_of(c), recipient = c->peer;
    uint32_t sequence;
    if (mode == RANDOM) {
        recipient = (int)random_below((uint32_t)total - 1);
        recipient += recipient >= me;
        sequence = matrix_out[(size_t)me * (size_t)total + (size_t)recipient]++;
    } else {
        sequence = c->next_out++;
    }
    memcpy(to, template, template_length);
    if (!irc)
        put8(to + id_at, FIRST_ID + c->sent);
    if (mode == FAN)
        left[sequence % MAX_WINDOW] = (uint16_t)count;
    else
        memcpy(to + user_at, names[recipient], NAME);
    char *text = to + text_at;
    put8(text + AT_SENDER, (uint32_t)me);
    put8(text + AT_SEQUENCE, sequence);
    put8(text + AT_TIME, now_us);
    put8(text + AT_RECIPIENT, (uint32_t)recipient);
    c->sent++;
    c->undelivered++;
    sent_total++;
    return to + template_length;
}

static void fill_window(struct client *c)
{
    if (!sending)
        return;
    char *end = out_buffer;
    while (c->undelivered < (uint32_t)window)
        end = put_message(end, c);
    if (end != out_buffer)
        transmit(c, out_buffer, (size_t)(end - out_buffer));
}

static void fill_dirty(void)
{
    for (int i = 0; i < dirty_count; i++) {
        clients[dirty[i]].dirty = false;
        fill_window(&clients[dirty[i]]);
    }
    dirty_count = 0;
}

/* ---- receiving -------------------------------------------------------------------------------------------- */

static void wrong_number(const struct client *c, uint32_t sender, uint32_t got, uint32_t expected)
{
    fail("%s: from u%05u to %s came number %u where %u was due", got < expected ? "duplicated or reordered"
         : "lost or reordered", sender, name_of(c), got, expected);
}

static inline void on_text(struct client *c, const char *text)
{
    uint32_t sender = get8(text + AT_SENDER), sequence = get8(text + AT_SEQUENCE);
    uint32_t me = (uint32_t)number_of(c);
    if (sender >= (uint32_t)total || memcmp(text + AT_PADDING, padding + AT_PADDING, TEXT - AT_PADDING))
        fail("a text was changed on its way to %s: %.*s", name_of(c), TEXT, text);
    if (mode != FAN && get8(text + AT_RECIPIENT) != me)
        fail("a text for u%05u came to %s", get8(text + AT_RECIPIENT), name_of(c));
    if (mode != RANDOM && sender != (uint32_t)c->peer)
        fail("a text from u%05u came to %s", sender, name_of(c));
    uint32_t *next = mode == RANDOM ? &matrix_in[(size_t)me * (size_t)total + sender] : &c->next_in;
    if (sequence != *next)
        wrong_number(c, sender, sequence, *next);
    ++*next;
    delivered++;
    if (measuring)
        record_latency(get8(text + AT_TIME));
    if (mode == FAN && --left[sequence % MAX_WINDOW])
        return;
    struct client *from = &clients[sender];
    from->undelivered--;
    struct client *next_one = answering ? c : from;
    if (!next_one->dirty) {
        next_one->dirty = true;
        dirty[dirty_count++] = number_of(next_one);
    }
}

static long field(const char *line, const char *name, long otherwise)
{
    const char *at = strstr(line, name);
    return at ? strtol(at + strlen(name), NULL, 10) : otherwise;
}

static bool starts(const char *line, const char *with)
{
    return !strncmp(line, with, strlen(with));
}

static void on_acknowledgement(struct client *c, const char *line)
{
    long id = field(line, "\"id\":", -1), many = field(line, "\"count\":", 1);
    if (many < 1 || id != (long)FIRST_ID + (long)c->acknowledged + many - 1 || c->acknowledged + many > c->sent)
        fail("acknowledgement to %s after %u of %u sent: %s", name_of(c), c->acknowledged, c->sent, line);
    c->acknowledged += (uint32_t)many;
    acknowledged += (uint64_t)many;
}

static void on_logged_in(struct client *c)
{
    c->state = READY;
    logged_in++;
    if (mode == LOGIN) {
        logins++;
        if (measuring)
            record_latency(c->started);
        c->state = LEAVING;
        request(c, irc ? "QUIT\r\n" : "{\"type\":\"logout\",\"id\":2}\n");
    }
}

static void on_joined(struct client *c)
{
    if (c->state == JOINING) {
        c->state = JOINED;
        joined++;
    }
}

/* A line that is no message in the expected layout. Every line is terminated by a zero here. */
static void on_line_messenger(struct client *c, const char *line)
{
    if (starts(line, "{\"type\":\"sent\""))
        on_acknowledgement(c, line);
    else if (starts(line, "{\"type\":\"message\"") || starts(line, "{\"type\":\"group_message\"")) {
        const char *text = strstr(line, "\"text\":\"");
        if (!text || strlen(text) < 8 + TEXT + 1 || text[8 + TEXT] != '"')
            fail("not a text of this run: %s", line);
        on_text(c, text + 8);
    } else if (starts(line, "{\"type\":\"check\""))
        request(c, "{\"type\":\"alive\"}\n");
    else if (starts(line, "{\"type\":\"welcome\""))
        on_logged_in(c);
    else if (starts(line, "{\"type\":\"created\"") || starts(line, "{\"type\":\"joined\""))
        on_joined(c);
    else if (starts(line, "{\"type\":\"error\"") || starts(line, "{\"type\":\"closing\""))
        fail("the server told %s: %s", name_of(c), line);
    else if (starts(line, "{\"type\":\"hello\"") && field(line, "\"protocol\":", -1) != 1)
        fail("not protocol 1: %s", line);
}

static void on_line_irc(struct client *c, const char *line)
{
    if (starts(line, "PING"))
        request(c, "PONG%s\r\n", line + 4);
    else if (starts(line, "ERROR") && c->state != LEAVING)
        fail("the server told %s: %s", name_of(c), line);
    else if (*line == ':' && strchr(line, ' ')) {
        const char *command = strchr(line, ' ') + 1;
        long numeric = strtol(command, NULL, 10);
        if (numeric == 1)
            on_logged_in(c);
        else if (numeric == 366)
            on_joined(c);
        else if (numeric >= 400 && numeric != 422)
            fail("the server told %s: %s", name_of(c), line);
        else if (starts(command, "PRIVMSG") || starts(command, "KILL"))
            fail("not a text of this run: %s", line);
    }
}

/* Our events: `head`, a name, `","text":"`, the text. Returns the text, or NULL if this is another line. */
static inline const char *text_in_event(const char *line, const char *end)
{
    static const char between[] = "\",\"text\":\"";
    size_t offset = head_length + NAME + sizeof between - 1;
    if ((size_t)(end - line) <= offset + TEXT || memcmp(line, head, head_length)
        || memcmp(line + head_length + NAME, between, sizeof between - 1) || line[offset + TEXT] != '"')
        return NULL;
    return line + offset;
}

/* IRC: everything before the text varies but `PRIVMSG name :`, so it is found from the end of the line. */
static inline const char *text_in_privmsg(const char *line, const char *line_end)
{
    const char *text = line_end - 1 - TEXT;
    if (text - line < 16 || line_end[-1] != '\r' || text[-1] != ':' || memcmp(text - 16, "PRIVMSG ", 8))
        return NULL;
    return text;
}

static void on_lines(struct client *c, char *line, char *end)
{
    while (line < end) {
        const char *text = irc ? NULL : text_in_event(line, end);
        const char *from = text ? text + TEXT : line;
        char *line_end = memchr(from, '\n', (size_t)(end - from));
        if (!line_end)
            break;
        if (irc)
            text = text_in_privmsg(line, line_end);
        if (text) {
            on_text(c, text);
        } else {
            *line_end = 0;
            if (irc && line_end > line && line_end[-1] == '\r')
                line_end[-1] = 0;
            (irc ? on_line_irc : on_line_messenger)(c, line);
        }
        line = line_end + 1;
    }
    c->tail_length = 0;
    if (line < end)
        keep(&c->tail, &c->tail_length, &c->tail_size, line, (size_t)(end - line));
}

/* Returns whether there may be more: epoll tells of new bytes only once, so all of them must be read. */
static bool read_some(struct client *c)
{
    size_t kept = c->tail_length;
    if (kept > READ_SIZE)
        fail("a line for %s is longer than %d bytes", name_of(c), READ_SIZE);
    if (kept)
        memcpy(in_buffer, c->tail, kept);
    ssize_t n = recv(c->fd, in_buffer + kept, READ_SIZE, 0);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return errno == EINTR;
    if (n <= 0 && c->state == LEAVING) {
        close_client(c);
        if (sending)
            open_client(c);
        return false;
    }
    if (n <= 0)
        fail("the server closed the connection of %s%s%s", name_of(c), n ? ": " : "", n ? strerror(errno) : "");
    read_clock();
    on_lines(c, in_buffer, in_buffer + kept + n);
    return n == READ_SIZE || c->state == LEAVING; /* the end of the stream may have come with the last line */
}

/* ---- the loop --------------------------------------------------------------------------------------------- */

static void pump(int timeout_ms)
{
    static struct epoll_event events[EVENTS];
    int n = epoll_wait(epoll_fd, events, EVENTS, timeout_ms);
    if (n < 0 && errno != EINTR)
        fail("epoll_wait: %s", strerror(errno));
    uint64_t delivered_before = delivered;
    read_clock();
    for (int i = 0; i < n; i++) {
        struct client *c = &clients[events[i].data.u32];
        if (c->pending_length && events[i].events & EPOLLOUT)
            transmit_pending(c);
        while (events[i].events & ~(uint32_t)EPOLLOUT && read_some(c))
            ;
        if (mode == PAIRS || mode == IDLE)
            fill_dirty(); /* a receiver has one sender: nothing is gained by waiting for the others */
    }
    fill_dirty();
    if (pause_us > 0 && sending && delivered - delivered_before < capacity / 4) {
        struct timespec t = {.tv_nsec = pause_us * 1000L};
        nanosleep(&t, NULL);
    }
}

static void pump_for(double duration)
{
    double end = clock_seconds() + duration, rest;
    while ((rest = end - clock_seconds()) > 0)
        pump((int)(rest * 1000) + 1);
}

static void log_in(int first, int after)
{
    int begun = first, goal = logged_in + after - first;
    double end = clock_seconds() + SETUP_SECONDS;
    while (logged_in < goal) {
        while (begun < after && begun - first - (logged_in - (goal - after + first)) < in_flight)
            open_client(&clients[begun++]);
        pump(100);
        if (clock_seconds() > end)
            fail("only %d of %d clients were logged in after %.0f s", logged_in, total, SETUP_SECONDS);
    }
}

static void wait_joined(int goal)
{
    double end = clock_seconds() + SETUP_SECONDS;
    while (joined < goal) {
        pump(100);
        if (clock_seconds() > end)
            fail("only %d of %d clients were in the group after %.0f s", joined, total, SETUP_SECONDS);
    }
}

static void make_group(void)
{
    struct client *creator = &clients[0];
    creator->state = JOINING;
    if (irc) {
        request(creator, "JOIN " CHANNEL "\r\n");
    } else {
        char *line = out_buffer;
        line += sprintf(line, "{\"type\":\"creategroup\",\"id\":2,\"group\":\"" GROUP "\",\"users\":[");
        for (int i = 1; i < total; i++)
            line += sprintf(line, "%s\"%s\"", i > 1 ? "," : "", names[i]);
        line += sprintf(line, "]}\n");
        transmit(creator, out_buffer, (size_t)(line - out_buffer));
    }
    wait_joined(1);
    for (int i = 1; i < total; i++) {
        clients[i].state = JOINING;
        request(&clients[i], "%s", irc ? "JOIN " CHANNEL "\r\n"
                : "{\"type\":\"joingroup\",\"id\":2,\"group\":\"" GROUP "\"}\n");
        pump(0);
    }
    wait_joined(total);
}

static void drain(void)
{
    uint64_t expected = sent_total * (mode == FAN ? (uint64_t)count : 1u);
    double end = clock_seconds() + DRAIN_SECONDS;
    while (delivered < expected || (!irc && acknowledged < sent_total)) {
        pump(100);
        if (clock_seconds() > end)
            fail("lost: %llu of %llu deliveries and %llu of %llu acknowledgements came",
                 (unsigned long long)delivered, (unsigned long long)expected, (unsigned long long)acknowledged,
                 (unsigned long long)sent_total);
    }
    pump_for(0.05); /* a duplicate of the last message would come now */
}

static void drain_logins(void)
{
    double end = clock_seconds() + DRAIN_SECONDS;
    for (int i = 0; i < total; i++)
        while (clients[i].state != CLOSED) {
            pump(100);
            if (clock_seconds() > end)
                fail("%s was not logged out within %.0f s", name_of(&clients[i]), DRAIN_SECONDS);
        }
}

/* ---- set-up and report ------------------------------------------------------------------------------------ */

static void prepare_bytes(void)
{
    char digits[16];
    for (int i = 0; i < 10000; i++) {
        snprintf(digits, sizeof digits, "%04d", i);
        memcpy(quads[i], digits, 4);
    }
    for (int i = 0; i < total; i++)
        snprintf(names[i], sizeof names[i], "u%05u", (unsigned)i % MAX_USERS);
    memset(padding, ' ', AT_PADDING);
    for (int i = AT_PADDING; i < TEXT; i++)
        padding[i] = i == AT_PADDING ? ' ' : (char)('a' + i % 26);
    const char *before_user = "PRIVMSG ", *before_text = " :", *after_text = "\r\n";
    const char *target = mode == FAN ? CHANNEL : names[0];
    if (!irc) {
        before_user = mode == FAN ? "{\"type\":\"groupmsg\",\"id\":10000000,\"group\":\""
                                  : "{\"type\":\"msgto\",\"id\":10000000,\"user\":\"";
        before_text = "\",\"text\":\"";
        after_text = "\"}\n";
        target = mode == FAN ? GROUP : names[0];
        id_at = (size_t)(strstr(before_user, "10000000") - before_user);
    }
    user_at = strlen(before_user);
    text_at = user_at + NAME + strlen(before_text);
    template_length = (size_t)snprintf(template, sizeof template, "%s%s%s%.*s%s", before_user, target, before_text,
                                       TEXT, padding, after_text);
    head_length = (size_t)snprintf(head, sizeof head, "%s", mode == FAN
                                   ? "{\"type\":\"group_message\",\"group\":\"" GROUP "\",\"from\":\""
                                   : "{\"type\":\"message\",\"from\":\"");
}

static void prepare_run(void)
{
    struct rlimit files;
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
    total = mode == PAIRS ? 2 * count : mode == FAN ? count + 1 : mode == IDLE ? count + 2 * IDLE_PAIRS : count;
    if (count < 1 || total > MAX_USERS || (mode == RANDOM && count < 2) || (mode == FAN && count > UINT16_MAX))
        fail("-n is out of range");
    if ((rlim_t)total + 16 > files.rlim_cur)
        fail("%d connections need more file descriptors than the limit of %llu", total,
             (unsigned long long)files.rlim_cur);
    prctl(PR_SET_TIMERSLACK, 1000UL);
    epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    clients = calloc((size_t)total, sizeof *clients);
    dirty = calloc((size_t)total, sizeof *dirty);
    in_buffer = malloc(2 * READ_SIZE + 1);
    out_buffer = malloc(OUT_SIZE + MAX_USERS * (NAME + 3));
    if (mode == RANDOM) {
        matrix_out = calloc((size_t)total * (size_t)total, sizeof *matrix_out);
        matrix_in = calloc((size_t)total * (size_t)total, sizeof *matrix_in);
    }
    if (epoll_fd < 0 || !clients || !dirty || !in_buffer || !out_buffer
        || (mode == RANDOM && (!matrix_out || !matrix_in)))
        fail("out of memory");
    int pairs = mode == PAIRS ? count : mode == IDLE ? IDLE_PAIRS : 0;
    for (int i = 0; i < pairs; i++) {
        clients[i].peer = pairs + i;
        clients[pairs + i].peer = i;
    }
    read_clock();
}

static void report(struct usage a, struct usage b)
{
    double wall = b.wall - a.wall, server = b.server_cpu - a.server_cpu, own = b.own_cpu - a.own_cpu;
    double others = server_pid ? b.machine_cpu - a.machine_cpu - own - server : 0;
    uint64_t done = b.count - a.count;
    if (!done)
        fail("nothing was done in the measured interval");
    printf("{\"protocol\":\"%s\",\"mode\":\"%s\",\"count\":%d,\"window\":%d,\"seconds\":%.3f,\"per_second\":%.1f,"
           "\"p50_us\":%.0f,\"p99_us\":%.0f,\"max_us\":%u,\"sent\":%llu,\"generator_cpu\":%.3f,\"server_cpu\":%.3f,"
           "\"others_cpu\":%.3f,\"server_cpu_seconds\":%.2f,\"server_us_each\":%.3f,\"server_rss_kb\":%ld",
           irc ? "irc" : "messenger", mode_name, count, window, wall, (double)done / wall, percentile(0.5),
           percentile(0.99), slowest, (unsigned long long)sent_total, own / wall, server / wall,
           others > 0 ? others / wall : 0, server, server / (double)done * 1e6, server_rss_kb());
}

static void run_messages(void)
{
    long rss_before = server_rss_kb(), rss_after = 0;
    double login_seconds = clock_seconds();
    int senders = mode == PAIRS ? count : mode == IDLE ? IDLE_PAIRS : mode == FAN ? 1 : total;
    if (mode == IDLE) {
        log_in(2 * IDLE_PAIRS, total);
        login_seconds = clock_seconds() - login_seconds;
        pump_for(0.5);
        rss_after = server_rss_kb();
        log_in(0, 2 * IDLE_PAIRS);
    } else {
        log_in(0, total);
        login_seconds = clock_seconds() - login_seconds;
    }
    if (mode == FAN)
        make_group();
    pump_for(0.2);
    capacity = (uint64_t)senders * (uint64_t)window * (mode == FAN ? (uint64_t)count : 1u);
    if (pause_us < 0) {
        uint64_t wanted = capacity / (mode == FAN ? 50 : 5);
        pause_us = window == 1 || capacity < 2000 ? 0 : wanted < 2000 ? (int)wanted : 2000;
    }
    answering = window == 1 && (mode == PAIRS || mode == IDLE);
    sending = true;
    for (int i = 0; i < senders; i++)
        fill_window(&clients[i]);
    pump_for(warm_up);
    struct usage before = take_usage();
    measuring = true;
    pump_for(seconds);
    measuring = false;
    struct usage after = take_usage();
    sending = false;
    drain();
    report(before, after);
    printf(",\"login_seconds\":%.2f", login_seconds);
    if (mode == IDLE)
        printf(",\"idle_rss_before_kb\":%ld,\"idle_rss_after_kb\":%ld,\"idle_rss_kb_each\":%.2f", rss_before, rss_after,
               (double)(rss_after - rss_before) / count);
    printf("}\n");
}

static void run_logins(void)
{
    sending = true;
    for (int i = 0; i < total; i++)
        open_client(&clients[i]);
    pump_for(warm_up);
    struct usage before = take_usage();
    measuring = true;
    pump_for(seconds);
    measuring = false;
    struct usage after = take_usage();
    sending = false;
    drain_logins();
    report(before, after);
    printf("}\n");
}

static int whole(const char *text, int low, int high)
{
    char *end;
    long value = strtol(text, &end, 10);
    if (*end || end == text || value < low || value > high)
        fail("%s is not a whole number from %d to %d", text, low, high);
    return (int)value;
}

int main(int argc, char **argv)
{
    static const char *const modes[] = {"pairs", "random", "fan", "idle", "login"};
    int option;
    while ((option = getopt(argc, argv, "a:m:p:P:n:w:t:T:c:A:u:")) != -1)
        switch (option) {
        case 'a': irc = !strcmp(optarg, "irc"); break;
        case 'm': mode_name = optarg; break;
        case 'p': port = whole(optarg, 1, 65535); break;
        case 'P': server_pid = whole(optarg, 1, INT32_MAX); break;
        case 'n': count = whole(optarg, 1, MAX_USERS); break;
        case 'w': window = whole(optarg, 1, MAX_WINDOW); break;
        case 't': seconds = atof(optarg); break;
        case 'T': warm_up = atof(optarg); break;
        case 'c': in_flight = whole(optarg, 1, MAX_USERS); break;
        case 'A': addresses = whole(optarg, 1, 250); break;
        case 'u': pause_us = whole(optarg, 0, 100000); break;
        default: return 2;
        }
    while (mode_name && mode <= LOGIN && strcmp(modes[mode], mode_name))
        mode++;
    if (!mode_name || mode > LOGIN || !port || !count)
        fail("usage: chatload -a messenger|irc -m pairs|random|fan|idle|login -p PORT -n N [options]");
    if (mode == IDLE || mode == LOGIN)
        window = 1;
    signal(SIGPIPE, SIG_IGN);
    prepare_run();
    prepare_bytes();
    mode == LOGIN ? run_logins() : run_messages();
    return 0;
}
