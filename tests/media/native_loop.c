/* Opens, asks and closes legs of the media engine in C while packets come: ``loop SECONDS``.
 *
 * One thread sends to every leg all the time, this one does what the switch does, at random. The address or the
 * thread sanitizer judges; which of them, the build says.
 */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "loop.h"

enum { LEGS = 8 };

static rt_loop loop;
static rt_leg *legs[LEGS];
static atomic_int ports[2 * LEGS];
static atomic_bool over;
static unsigned long heard, told;

static int open_socket(int *port) {
    struct sockaddr_in here = {.sin_family = AF_INET};
    socklen_t length = sizeof here;
    int descriptor = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
    here.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (bind(descriptor, (struct sockaddr *)&here, sizeof here) < 0)
        abort();
    getsockname(descriptor, (struct sockaddr *)&here, &length);
    *port = ntohs(here.sin_port);
    return descriptor;
}

/* A session of SRTP that is no cipher: who uses it without the lock, or after its end, the sanitizers catch. */
typedef struct {
    unsigned long used;
} session;

static session *sessions[LEGS][2];

static int add_tag(void *of, void *packet, int *size) {
    ((session *)of)->used++;
    memset((uint8_t *)packet + *size, 7, 10);
    *size += 10;
    return 0;
}

static int take_tag(void *of, void *packet, int *size) {
    (void)packet;
    ((session *)of)->used++;
    *size -= 10;
    return 0;
}

static void end_sessions(int index) {
    for (int way = 0; way < 2; way++) {
        free(sessions[index][way]);
        sessions[index][way] = NULL;
    }
}

static void secure_leg(int index) {
    session *made[2] = {calloc(1, sizeof *made[0]), calloc(1, sizeof *made[1])};
    rt_srtp srtp = {.calls = {add_tag, take_tag, add_tag, take_tag},
                    .sending = made[0],
                    .hearing = {made[1], 0, {10, 10}}};
    rt_loop_lock(&loop);
    rt_stream_secure(&legs[index]->stream, &srtp);
    rt_loop_unlock(&loop);
    end_sessions(index);
    memcpy(sessions[index], made, sizeof made);
}

static void *send_packets(void *unused) {
    uint8_t datagram[172] = {0};
    int port, descriptor = open_socket(&port);
    for (uint16_t sequence = 0; !atomic_load(&over); sequence++) {
        for (int index = 0; index < 2 * LEGS; index++) {
            struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)atomic_load(&ports[index]))};
            rt_packet packet = {.sequence = sequence, .timestamp = 160u * sequence, .ssrc = 5};
            to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
            rt_write_rtp_header(datagram, &packet);
            sendto(descriptor, datagram, sizeof datagram, 0, (struct sockaddr *)&to, sizeof to);
        }
    }
    close(descriptor);
    return unused;
}

static void open_leg(int index) {
    rt_leg *leg = calloc(1, sizeof *leg);
    int rtp, rtcp;
    rt_stream_begin(&leg->stream, NULL);
    rt_sender_begin(&leg->stream.sender, (uint32_t)index + 1, 1, 1);
    rt_reporter_begin(&leg->stream.reporter, &leg->stream.sender, "us", 7, 4e9);
    leg->stream.rtp_timeout = leg->stream.hold_timeout = 0.05;
    leg->rtp = open_socket(&rtp);
    leg->rtcp = open_socket(&rtcp);
    rt_loop_lock(&loop);
    if (rt_loop_add(&loop, leg) != 0)
        abort();
    rt_agreed agreed = {
        .remote_rtp = {.family = RT_IPV4, .host = {127, 0, 0, 1}, .port = (uint16_t)rtp},
        .remote_rtcp = {.family = RT_IPV4, .host = {127, 0, 0, 1}, .port = (uint16_t)rtcp},
        .clock_rate = 8000,
        .event_rate = 8000,
        .ptime = 20,
        .codec = RT_PCMU,
        .sent_event = 101,
        .heard_event = 101,
        .sends = true,
        .receives = true,
    };
    rt_stream_connect(&leg->stream, &agreed, true, rt_now());
    rt_loop_changed(leg);
    rt_loop_unlock(&loop);
    atomic_store(&ports[2 * index], rtp);
    atomic_store(&ports[2 * index + 1], rtcp);
    legs[index] = leg;
}

static void close_leg(int index) {
    rt_leg *leg = legs[index];
    rt_loop_lock(&loop);
    for (int other = 0; other < LEGS; other++)
        if (legs[other] && legs[other]->stream.onward == &leg->stream)
            rt_stream_set_sink(&legs[other]->stream, RT_SINK_NONE, NULL);
    rt_stream_close(&leg->stream, rt_now());
    rt_loop_remove(&loop, leg);
    rt_loop_unlock(&loop);
    heard += leg->stream.reporter.packets;
    close(leg->rtp);
    close(leg->rtcp);
    rt_stream_end(&leg->stream);
    free(leg);
    legs[index] = NULL;
    end_sessions(index);
}

static void ask(int index, int what) {
    static const uint8_t sound[800];
    rt_stream *stream = &legs[index]->stream;
    rt_loop_lock(&loop);
    switch (what) {
    case 0:
        rt_stream_set_sink(stream, RT_SINK_STREAM, stream);
        break;
    case 1:
        if (legs[(index + 1) % LEGS])
            rt_stream_set_sink(stream, RT_SINK_STREAM, &legs[(index + 1) % LEGS]->stream);
        break;
    case 2:
        rt_stream_play(stream, sound, sizeof sound, 1, 0, rt_now());
        break;
    case 3:
        rt_stream_press(stream, 5, 100, rt_now());
        break;
    case 4:
        rt_stream_late_echo(stream, 0.05, rt_now());
        break;
    default:
        rt_stream_hush(stream);
        rt_stream_set_sink(stream, RT_SINK_NONE, NULL);
    }
    rt_loop_changed(legs[index]);
    rt_loop_unlock(&loop);
}

static void read_events(void) {
    rt_event event;
    rt_leg *leg;
    rt_loop_lock(&loop);
    while ((leg = rt_loop_next_told(&loop)) != NULL)
        while (rt_stream_take_event(&leg->stream, &event))
            told++;
    rt_loop_unlock(&loop);
}

int main(int count, char **words) {
    pthread_t sender;
    if (count != 2 || rt_loop_begin(&loop) != 0)
        return 2;
    pthread_create(&sender, NULL, send_packets, NULL);
    srand(1);
    for (double end = rt_now() + atof(words[1]); rt_now() < end;) {
        int index = rand() % LEGS, what = rand() % 9;
        if (legs[index] == NULL)
            open_leg(index);
        else if (what == 7)
            close_leg(index);
        else if (what == 8)
            secure_leg(index);
        else
            ask(index, what);
        read_events();
        usleep(200);
    }
    for (int index = 0; index < LEGS; index++)
        if (legs[index])
            close_leg(index);
    atomic_store(&over, true);
    pthread_join(sender, NULL);
    rt_loop_end(&loop);
    printf("%lu packets heard, %lu events\n", heard, told);
    return heard > 100 && told > 10 ? 0 : 3;
}
