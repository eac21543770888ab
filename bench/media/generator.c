/* The load of the media bench.
 *
 *   generator self SECONDS PAIRS    socket pairs on this core, one datagram at a time: the floor of any relay with a
 *                                   socket for each leg ("selfone", with 1,000 pairs); prints packets a second
 *   generator relay PORT LEGS       the barest relay there can be: epoll, recvfrom, sendto to PORT, no thought; prints
 *                                   "0 0 LEG_PORT …" and then, for each line, the processor time it used
 *   generator bind PORT             waits on standard input for lines "PACKETS_PER_SECOND SECONDS LEG_PORT …", sends
 *                                   to these ports of 127.0.0.1 in turn from PORT, and prints for each line
 *                                   "SENT RECEIVED P50 P90 P99 LARGEST", delays in microseconds
 *
 * The port after PORT takes the relay's RTCP, unread: without it each report would come back as an ICMP error.
 *
 * Every datagram is 172 octets of RTP (PCMU, 20 ms). Sending is open loop: a late relay gets no mercy. A delay is the
 * kernel's time of arrival less the time of sending, which travels in the payload.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { SIZE = 172, BATCH = 32, MOST_LEGS = 16384, SLOTS = 1000000, LOOK = 256 };

static unsigned delays[SLOTS]; /* how often each number of microseconds came; the last is for all beyond */
static int ports[MOST_LEGS];

static double now(clockid_t clock) {
    struct timespec time;
    clock_gettime(clock, &time);
    return time.tv_sec + time.tv_nsec * 1e-9;
}

/* A number of its own for port 0; only a given one is a sink, with a large buffer and times of arrival. */
static int open_socket(int port) {
    int descriptor = socket(AF_INET, SOCK_DGRAM, 0), large = 8 << 20, on = 1;
    struct sockaddr_in here = {.sin_family = AF_INET, .sin_port = htons(port)};
    here.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (port) {
        setsockopt(descriptor, SOL_SOCKET, SO_RCVBUFFORCE, &large, sizeof large);
        setsockopt(descriptor, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof on);
    }
    if (bind(descriptor, (struct sockaddr *)&here, sizeof here) < 0) {
        perror("bind");
        exit(1);
    }
    return descriptor;
}

static void allow_many(void) {
    struct rlimit limit;
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
}

static int self(double seconds, int pairs) {
    static int one[MOST_LEGS], other[MOST_LEGS];
    static struct sockaddr_in to[MOST_LEGS];
    unsigned char datagram[SIZE] = {0x80};
    long packets = 0;
    for (int index = 0; index < pairs; index++) {
        socklen_t length = sizeof to[index];
        one[index] = open_socket(0);
        other[index] = open_socket(0);
        getsockname(other[index], (struct sockaddr *)&to[index], &length);
    }
    double until = now(CLOCK_MONOTONIC) + seconds;
    for (int index = 0; packets % 256 || now(CLOCK_MONOTONIC) < until; index = (index + 1) % pairs, packets++) {
        sendto(one[index], datagram, SIZE, 0, (struct sockaddr *)&to[index], sizeof to[index]);
        if (recv(other[index], datagram, SIZE, 0) != SIZE)
            return 1;
    }
    printf("%.0f\n", packets / seconds);
    return 0;
}

static int port_of(int descriptor) {
    struct sockaddr_in here;
    socklen_t length = sizeof here;
    getsockname(descriptor, (struct sockaddr *)&here, &length);
    return ntohs(here.sin_port);
}

static void pass(int descriptor, const struct sockaddr_in *to) {
    unsigned char datagram[2048];
    struct sockaddr_in from;
    socklen_t length = sizeof from;
    ssize_t size = recvfrom(descriptor, datagram, sizeof datagram, MSG_DONTWAIT, (struct sockaddr *)&from, &length);
    if (size > 0)
        sendto(descriptor, datagram, size, MSG_DONTWAIT, (const struct sockaddr *)to, sizeof *to);
}

static int relay(int port, int legs) {
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(port)};
    struct epoll_event events[LOOK], event = {.events = EPOLLIN, .data.fd = STDIN_FILENO};
    int poll = epoll_create1(0);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    epoll_ctl(poll, EPOLL_CTL_ADD, STDIN_FILENO, &event);
    printf("0 0");
    for (int index = 0; index < legs; index++) {
        event.data.fd = open_socket(0);
        epoll_ctl(poll, EPOLL_CTL_ADD, event.data.fd, &event);
        printf(" %d", port_of(event.data.fd));
    }
    printf("\n");
    fflush(stdout);
    for (;;) {
        int count = epoll_wait(poll, events, LOOK, -1);
        for (int index = 0; index < count; index++) {
            char line[100];
            if (events[index].data.fd != STDIN_FILENO) {
                pass(events[index].data.fd, &to);
            } else if (read(STDIN_FILENO, line, sizeof line) > 0) {
                printf("%f\n", now(CLOCK_PROCESS_CPUTIME_ID));
                fflush(stdout);
            } else {
                return 0;
            }
        }
    }
}

static void fill(unsigned char *datagram, int leg, unsigned sequence) {
    double time = now(CLOCK_REALTIME);
    memset(datagram, 0xFF, SIZE);
    unsigned char header[12] = {0x80, 0, sequence >> 8, sequence};
    unsigned stamp = htonl(sequence * 160), source = htonl(leg + 1);
    memcpy(header + 4, &stamp, 4);
    memcpy(header + 8, &source, 4);
    memcpy(datagram, header, 12);
    memcpy(datagram + 12, &time, sizeof time);
}

/* Take what came; returns how many of this run did. */
static long take(int descriptor, double since) {
    static unsigned char data[BATCH][SIZE];
    static char control[BATCH][64];
    struct mmsghdr messages[BATCH];
    struct iovec parts[BATCH];
    long taken = 0;
    for (int index = 0; index < BATCH; index++) {
        parts[index] = (struct iovec){data[index], SIZE};
        messages[index] = (struct mmsghdr){.msg_hdr = {.msg_iov = &parts[index],
                                                       .msg_iovlen = 1,
                                                       .msg_control = control[index],
                                                       .msg_controllen = sizeof control[index]}};
    }
    int count = recvmmsg(descriptor, messages, BATCH, MSG_DONTWAIT, NULL);
    for (int index = 0; index < count; index++) {
        double sent_at;
        struct timespec came;
        struct cmsghdr *header = CMSG_FIRSTHDR(&messages[index].msg_hdr);
        memcpy(&sent_at, data[index] + 12, sizeof sent_at);
        if (messages[index].msg_len != SIZE || header == NULL || !(sent_at >= since && sent_at < since + 1e6))
            continue; /* silence that the relay sends first, its reports, or of a run before */
        memcpy(&came, CMSG_DATA(header), sizeof came);
        double delay = (came.tv_sec + came.tv_nsec * 1e-9 - sent_at) * 1e6;
        delays[delay < 0 ? 0 : delay >= SLOTS ? SLOTS - 1 : (int)delay]++;
        taken++;
    }
    return taken;
}

static int send_batch(int descriptor, int legs, long *sent, long due, unsigned *sequences) {
    static unsigned char data[BATCH][SIZE];
    struct sockaddr_in to[BATCH];
    struct mmsghdr messages[BATCH];
    struct iovec parts[BATCH];
    int count = due - *sent < BATCH ? due - *sent : BATCH;
    for (int index = 0; index < count; index++) {
        int leg = (*sent + index) % legs;
        to[index] = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons(ports[leg])};
        to[index].sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        fill(data[index], leg, ++sequences[leg]);
        parts[index] = (struct iovec){data[index], SIZE};
        messages[index] = (struct mmsghdr){.msg_hdr = {&to[index], sizeof to[index], &parts[index], 1}};
    }
    int done = sendmmsg(descriptor, messages, count, 0);
    *sent += done > 0 ? done : 0;
    return done;
}

static int at_share(long received, double share) {
    long seen = 0;
    for (int index = 0; index < SLOTS; index++)
        if ((seen += delays[index]) >= received * share)
            return index;
    return SLOTS;
}

static void run(int descriptor, double rate, double seconds, int legs) {
    static unsigned sequences[MOST_LEGS];
    long sent = 0, received = 0;
    memset(delays, 0, sizeof delays);
    while (take(descriptor, now(CLOCK_REALTIME)) > 0 || recv(descriptor, sequences, 0, MSG_DONTWAIT) >= 0)
        ;
    double since = now(CLOCK_REALTIME), began = now(CLOCK_MONOTONIC), passed;
    while ((passed = now(CLOCK_MONOTONIC) - began) < seconds) {
        if (sent < (long)(passed * rate))
            send_batch(descriptor, legs, &sent, (long)(passed * rate), sequences);
        received += take(descriptor, since);
    }
    for (double end = now(CLOCK_MONOTONIC) + 0.3; now(CLOCK_MONOTONIC) < end;)
        received += take(descriptor, since);
    printf("%ld %ld %d %d %d %d\n", sent, received, at_share(received, 0.5), at_share(received, 0.9),
           at_share(received, 0.99), at_share(received, 1));
    fflush(stdout);
}

int main(int count, char **words) {
    static char line[MOST_LEGS * 6 + 100];
    allow_many();
    if (count == 4 && strcmp(words[1], "self") == 0)
        return self(atof(words[2]), atoi(words[3]));
    if (count == 4 && strcmp(words[1], "relay") == 0)
        return relay(atoi(words[2]), atoi(words[3]));
    if (count != 3 || strcmp(words[1], "bind") != 0)
        return 2;
    int descriptor = open_socket(atoi(words[2]));
    open_socket(atoi(words[2]) + 1);
    while (fgets(line, sizeof line, stdin)) {
        int legs = 0;
        double rate = atof(strtok(line, " ")), seconds = atof(strtok(NULL, " "));
        for (char *word; legs < MOST_LEGS && (word = strtok(NULL, " \n"));)
            ports[legs++] = atoi(word);
        run(descriptor, rate, seconds, legs);
    }
    return 0;
}
