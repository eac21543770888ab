/* Feeds the core of the media engine in C packets at random, in every state of two legs: ``fuzz SEED STEPS``.
 *
 * Half of the packets are well-formed and then damaged here and there, for noise alone gets nowhere. What leaves
 * must be well-formed itself. The sanitizers judge the rest.
 */
#include <dlfcn.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "stream.h"

static uint64_t state;
static unsigned long sent;

/* With -DCOUNTING and the linker's --wrap: what is taken from the heap while a packet or a timer is dealt with. */
static unsigned long taken;
static bool at_work;

#ifdef COUNTING
void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *old, size_t size);
void *__wrap_malloc(size_t size) {
    taken += at_work;
    return __real_malloc(size);
}
void *__wrap_calloc(size_t count, size_t size) {
    taken += at_work;
    return __real_calloc(count, size);
}
void *__wrap_realloc(void *old, size_t size) {
    taken += at_work;
    return __real_realloc(old, size);
}
#endif

/* The four functions of libsrtp2 where it is here, and sessions of one key: the same both ways. */
static rt_srtp_call calls[4];
static void *sessions[2][2]; /* of each key: what sends, what hears */

static void make_session(void *library, int key, int inbound) {
    int (*create)(void **, const void *) = NULL;
    void (*set)(void *) = NULL;
    *(void **)&create = dlsym(library, "srtp_create");
    *(void **)&set = dlsym(library, "srtp_crypto_policy_set_rtp_default");
    static uint8_t octets[2][30];
    struct { /* srtp_policy_t of 2.x */
        int ssrc_type;
        unsigned ssrc;
        int rtp[6], rtcp[6];
        void *key, *keys;
        unsigned long count;
        void *ekt;
        unsigned long window;
        int repeat;
        void *extensions;
        int extension_count;
        void *next;
    } policy = {.ssrc_type = inbound ? 2 : 3, .key = octets[key], .window = 128};
    memset(octets[key], key + 1, sizeof octets[key]);
    set(policy.rtp);
    set(policy.rtcp);
    if (create(&sessions[key][inbound], &policy) != 0)
        abort();
}

static bool find_libsrtp(void) {
    static const char *const names[] = {"srtp_protect", "srtp_unprotect", "srtp_protect_rtcp",
                                        "srtp_unprotect_rtcp"};
    void *library = dlopen("libsrtp2.so.1", RTLD_NOW);
    int (*init)(void) = NULL;
    if (library == NULL)
        return false;
    *(void **)&init = dlsym(library, "srtp_init");
    if (init() != 0)
        return false;
    for (int index = 0; index < 4; index++)
        *(void **)&calls[index] = dlsym(library, names[index]);
    for (int index = 0; index < 4; index++)
        make_session(library, index / 2, index % 2);
    return true;
}

static bool protected_of(rt_stream *stream) { return stream->srtp.sending != NULL; }

static uint32_t chance(uint32_t below) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(state >> 33) % below;
}

static void check(rt_stream *stream, bool rtcp, const uint8_t *data, size_t size) {
    rt_packet packet;
    if (protected_of(stream)) {
        sent++;
        if (size < 16 || size > RT_RTP_HEADER + RT_MAX_DATAGRAM + RT_SRTP_ROOM)
            abort();
        return;
    }
    bool valid = rtcp ? rt_valid_compound(data, size) : rt_read_rtp(data, size, &packet);
    if (!valid || size > RT_RTP_HEADER + RT_MAX_DATAGRAM || rt_stream_target(stream, rtcp) == NULL)
        abort();
    sent++;
}

static rt_address somebody(void) {
    rt_address address = {.family = RT_IPV4, .host = {192, 0, 2, (uint8_t)(1 + chance(3))}};
    address.port = (uint16_t)(4000 + chance(3));
    if (chance(20) == 0)
        address = (rt_address){.family = RT_IPV6, .host = {0x20, 1}, .port = 4000};
    return address;
}

static void agree(rt_stream *stream, double now) {
    static const uint8_t types[] = {0, 8, 9, 96};
    rt_agreed agreed = {
        .remote_rtp = somebody(),
        .remote_rtcp = somebody(),
        .clock_rate = chance(4) ? 8000 : 48000,
        .event_rate = chance(4) ? 8000 : 48000,
        .ptime = (uint16_t)(10 + chance(191)),
        .codec = (uint8_t)(1 + chance(3)),
        .sent_type = types[chance(4)],
        .heard_type = types[chance(4)],
        .sent_event = chance(3) ? 101 : RT_NO_TYPE,
        .heard_event = chance(3) ? 101 : RT_NO_TYPE,
        .sends = chance(5) != 0,
        .receives = chance(5) != 0,
        .mux = chance(3) == 0,
        .learns_after = (uint8_t)(1 + chance(RT_MOST_THRESHOLD)),
    };
    if (chance(20) == 0)
        memset(agreed.remote_rtp.host, 0, 16);
    if (chance(2))
        memcpy(agreed.ice, "a:", 3);
    rt_srtp srtp = {0};
    if (calls[0] && chance(2)) {
        int key = (int)chance(2);
        memcpy(srtp.calls, calls, sizeof calls);
        srtp.sending = sessions[key][0];
        srtp.hearing = (rt_srtp_key){sessions[key][1], chance(3) ? 0 : (uint8_t)chance(129), {10, 10}};
        if (chance(2))
            srtp.before = (rt_srtp_key){sessions[1 - key][1], 0, {10, 10}};
    }
    rt_stream_secure(stream, &srtp);
    rt_stream_connect(stream, &agreed, chance(4) != 0, now);
}

static size_t make_packet(uint8_t *data, bool rtcp, uint16_t sequence) {
    size_t size = chance(10) ? 12 + chance(240) : chance(RT_MAX_DATAGRAM + 1);
    for (size_t index = 0; index < size; index++)
        data[index] = (uint8_t)chance(256);
    if (size >= 24 && chance(6) == 0) { /* a connectivity check of ICE */
        data[0] = 0;
        rt_write32(data + 4, 0x2112A442);
        memcpy(data + size - 4, chance(4) ? "a:bc" : "bc:a", 4);
        return size;
    }
    if (size < 12 || chance(4) == 0)
        return size;
    static const uint8_t types[] = {0, 8, 13, 19, 96, 101, 101, 9};
    rt_packet packet = {.sequence = sequence, .timestamp = 160u * sequence, .ssrc = 5};
    packet.payload_type = types[chance(8)];
    if (chance(50) == 0)
        packet.ssrc = chance(9);
    if (!rtcp) {
        rt_write_rtp_header(data, &packet);
    } else {
        unsigned count = chance(3);
        uint8_t type = (uint8_t)(chance(3) ? RT_SENDER_REPORT + chance(2) : RT_SENDER_REPORT + chance(6));
        rt_begin_rtcp(data, count, type);
        size -= size % 4;
        rt_end_rtcp(data, data + size);
        rt_write32(data + 4, 5);
        if (size >= 12)
            rt_write32(data + 8, 77); /* a block about us, perhaps */
    }
    if (chance(3) == 0)
        data[chance((uint32_t)size)] ^= (uint8_t)(1 << chance(8));
    return size;
}

static void command(rt_stream *stream, rt_stream *other, double now) {
    static uint8_t sound[1000];
    uint8_t frame[RT_MAX_DATAGRAM];
    rt_frame header;
    memset(sound, 0x55, sizeof sound);
    memset(frame, 0x55, sizeof frame);
    rt_address source = somebody();
    switch (chance(15)) {
    case 14:
        if (stream->checks.octets && rt_ring_take(&stream->checks, &header, frame))
            rt_stream_nominate(stream, chance(2), &source);
        break;
    case 0:
        agree(stream, now);
        break;
    case 1:
        rt_stream_press(stream, (uint8_t)chance(18), chance(10000), now);
        break;
    case 2:
        rt_stream_set_sink(stream, RT_SINK_STREAM, stream);
        break;
    case 3:
        rt_stream_set_sink(stream, RT_SINK_STREAM, other);
        break;
    case 4:
        rt_stream_late_echo(stream, chance(3000) / 100.0, now);
        break;
    case 5:
        rt_stream_play(stream, sound, chance(sizeof sound), chance(3), chance(sizeof sound), now);
        break;
    case 6:
        rt_stream_feed(stream, now);
        break;
    case 7:
        for (int count = 0; count < 40; count++)
            rt_stream_write(stream, frame, chance(RT_MAX_DATAGRAM), chance(2000));
        break;
    case 8:
        rt_stream_set_sink(stream, RT_SINK_NONE, NULL); /* a late echo must not go on into nothing */
        rt_stream_hush(stream);
        break;
    case 9:
        if (!stream->taps[0].octets)
            rt_ring_open(&stream->taps[0], 1 << chance(18));
        break;
    case 10:
        while (rt_ring_take(&stream->taps[0], &header, frame))
            ;
        break;
    case 11:
        rt_ring_close(&stream->taps[0]);
        break;
    case 12:
        stream->blocks_media = chance(2);
        stream->blocks_keys = chance(2);
        break;
    default:
        stream->feed_finished = chance(2);
    }
}

static void begin(rt_stream *stream) {
    rt_stream_begin(stream, check);
    rt_sender_begin(&stream->sender, 77, (uint16_t)chance(1 << 16), chance(1u << 31) * 2);
    rt_reporter_begin(&stream->reporter, &stream->sender, "nobody@nowhere", state, 4.1e9);
    stream->rtp_timeout = chance(2) ? INFINITY : 5;
    stream->hold_timeout = 30;
}

int main(int count, char **words) {
    static rt_stream streams[2];
    uint8_t data[RT_MAX_DATAGRAM + 1];
    rt_event event;
    uint16_t sequence = 0;
    if (count != 3)
        return 2;
    state = strtoull(words[1], NULL, 10) + 1;
    if (!find_libsrtp())
        printf("without libsrtp2: no SRTP is tried\n");
    double now = 1000;
    begin(&streams[0]);
    begin(&streams[1]);
    for (long left = atol(words[2]); left; left--) {
        rt_stream *stream = &streams[chance(2)], *other = stream == streams ? streams + 1 : streams;
        now += chance(100) ? 0.005 : chance(400) / 10.0;
        if (chance(100) == 0)
            command(stream, other, now);
        bool rtcp = chance(10) == 0;
        sequence = (uint16_t)(chance(1000) ? sequence + chance(3) : chance(1 << 16));
        rt_address source = somebody();
        size_t size = make_packet(data, rtcp, sequence);
        int length = (int)size; /* half of what may be SRTP is made by the key that is used */
        if (protected_of(stream) && size >= 12 && size < RT_MAX_DATAGRAM - RT_SRTP_ROOM && chance(2)) {
            int key = stream->srtp.hearing.session == sessions[1][1];
            _Alignas(8) uint8_t made[RT_MAX_DATAGRAM];
            memcpy(made, data, size);
            if (calls[rtcp ? 2 : 0](sessions[key][0], made, &length) == 0) {
                memcpy(data, made, (size_t)length);
                size = (size_t)length;
                if (chance(4) == 0)
                    data[chance((uint32_t)size)] ^= (uint8_t)(1 << chance(8));
            }
        }
        at_work = true;
        (rtcp ? rt_stream_receive_rtcp : rt_stream_receive_rtp)(stream, data, size, &source, now);
        for (int index = 0; index < 2; index++)
            if (rt_stream_next_timeout(&streams[index]) <= now)
                rt_stream_handle_timeout(&streams[index], now);
        at_work = false;
        while (chance(3) && rt_stream_take_event(stream, &event))
            ;
    }
    for (int index = 0; index < 2; index++) {
        rt_stream_close(&streams[index], now);
        rt_stream_end(&streams[index]);
    }
    printf("%lu packets out, taken from the heap for packets: %lu times\n", sent, taken);
    return 0;
}
