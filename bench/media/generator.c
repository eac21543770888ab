/* The load of the media bench.
 *
 *   generator self SECONDS          1,000 socket pairs on this core, one datagram at a time: the floor of any relay
 *                                   with a socket for each leg ("selfone"); prints packets a second
 *   generator bind PORT             waits on standard input for lines "PACKETS_PER_SECOND SECONDS LEG_PORT …", sends
 *                                   to these ports of 127.0.0.1 in turn from PORT, and prints for each line
 *                                   "SENT RECEIVED P50 P90 P99 LARGEST", delays in microseconds
 *
 * Every datagram is 172 octets of RTP (PCMU, 20 ms). Sending is open loop: a late relay gets no mercy. A delay is the
 * kernel's time of arrival less the time of sending, which travels in the payload.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { SIZE = 172, BATCH = 32, PAIRS = 1000, MOST_LEGS = 16384, SLOTS = 1000000 };

static unsigned delays[SLOTS]; /* how often each number of microseconds came; the last is for all beyond */
static int ports[MOST_LEGS];

static double now(clockid_t clock) {
    struct timespec time;
    clock_gettime(clock, &time);
    return time.tv_sec + time.tv_nsec * 1e-9;
}

static int open_socket(int port) {
    int descriptor = socket(AF_INET, SOCK_DGRAM, 0), large = 8 << 20, on = 1;
    struct sockaddr_in here = {.sin_family = AF_INET, .sin_port = htons(port)};
    here.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    setsockopt(descriptor, SOL_SOCKET, SO_RCVBUFFORCE, &large, sizeof large);
    setsockopt(descriptor, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof on);
    if (bind(descriptor, (struct sockaddr *)&here, sizeof here) < 0) {
        perror("bind");
        exit(1);
    }
    return descriptor;
}

static int self(double seconds) {
    static int one[PAIRS], other[PAIRS];
    static struct sockaddr_in to[PAIRS];
    unsigned char datagram[SIZE] = {0x80};
    long packets = 0;
    for (int index = 0; index < PAIRS; index++) {
        socklen_t length = sizeof to[index];
        one[index] = open_socket(0);
        other[index] = open_socket(0);
        getsockname(other[index], (struct sockaddr *)&to[index], &length);
    }
    double until = now(CLOCK_MONOTONIC) + seconds;
    for (int index = 0; packets % 256 || now(CLOCK_MONOTONIC) < until; index = (index + 1) % PAIRS, packets++) {
        sendto(one[index], datagram, SIZE, 0, (struct sockaddr *)&to[index], sizeof to[index]);
        if (recv(other[index], datagram, SIZE, 0) != SIZE)
            return 1;
    }
    printf("%.0f\n", packets / seconds);
    return 0;
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
    if (count == 3 && strcmp(words[1], "self") == 0)
        return self(atof(words[2]));
    if (count != 3 || strcmp(words[1], "bind") != 0)
        return 2;
    int descriptor = open_socket(atoi(words[2]));
    while (fgets(line, sizeof line, stdin)) {
        int legs = 0;
        double rate = atof(strtok(line, " ")), seconds = atof(strtok(NULL, " "));
        for (char *word; legs < MOST_LEGS && (word = strtok(NULL, " \n"));)
            ports[legs++] = atoi(word);
        run(descriptor, rate, seconds, legs);
    }
    return 0;
}
