#include "stream.h"

#include <math.h>
#include <string.h>

static const double OPENING_INTERVAL = 0.02; /* seconds */
static const double REBIND_SILENCE = 0.5;    /* without the peer, before its stream may come from elsewhere */
static const double KEEPALIVE = 15.0;        /* without a packet of ours (RFC 6263 §6) */
enum { OPENING_PACKETS = 25 };               /* half a second of silence, unless something is heard before */
enum { COMFORT_NOISE = 13, OLD_COMFORT_NOISE = 19 }; /* RFC 3389, and its number before */

static bool is_comfort_noise(uint8_t type) { return type == COMFORT_NOISE || type == OLD_COMFORT_NOISE; }

void rt_stream_begin(rt_stream *stream, rt_emit emit) {
    memset(stream, 0, sizeof *stream);
    stream->emit = emit;
    stream->speak_first = true;
    rt_allowance_begin(&stream->allowance);
}

void rt_stream_end(rt_stream *stream) {
    rt_ring_close(&stream->late);
    rt_ring_close(&stream->feed);
    rt_ring_close(&stream->checks);
    for (int index = 0; index < RT_MAX_TAPS; index++)
        rt_ring_close(&stream->taps[index]);
}

/* Events */

void rt_stream_tell(rt_stream *stream, const rt_event *event) {
    bool many = event->kind == RT_KEY_HEARD || event->kind == RT_CHECK;
    unsigned room = many ? RT_EVENTS_FOR_KEYS : RT_MAX_EVENTS;
    if (stream->event_count >= room)
        return;
    stream->events[(stream->first_event + stream->event_count++) % RT_MAX_EVENTS] = *event;
}

bool rt_stream_take_event(rt_stream *stream, rt_event *event) {
    if (stream->event_count == 0)
        return false;
    *event = stream->events[stream->first_event];
    stream->first_event = (uint8_t)((stream->first_event + 1) % RT_MAX_EVENTS);
    stream->event_count--;
    return true;
}

static void tell_learned(rt_stream *stream, rt_learned learned, bool rtcp) {
    const rt_latch *latch = rtcp ? &stream->rtcp_latch : &stream->rtp_latch;
    rt_event event = {.rtcp = rtcp, .was = latch->was, .now = latch->target};
    if (learned == RT_NOTHING_LEARNED)
        return;
    event.kind = learned == RT_LEARNED_CONFIRMED ? RT_CONFIRMED : RT_LATCHED;
    rt_stream_tell(stream, &event);
}

/* Sending */

static void send_rtp(rt_stream *stream, const rt_packet *packet, const uint8_t *payload) {
    uint8_t datagram[RT_RTP_HEADER + RT_MAX_DATAGRAM];
    rt_write_rtp_header(datagram, packet);
    if (packet->size)
        memcpy(datagram + RT_RTP_HEADER, payload, packet->size);
    stream->emit(stream, false, datagram, RT_RTP_HEADER + packet->size);
}

static bool speaks(const rt_stream *stream, const rt_latch *latch) {
    if (!stream->has_agreed || rt_is_nowhere(&latch->target))
        return false;
    return stream->speak_first || !latch->learning;
}

void rt_stream_say(rt_stream *stream, const uint8_t *frame, size_t size, unsigned samples, double now) {
    const rt_agreed *agreed = &stream->agreed;
    if (!agreed->sends || stream->presser.pressing || !speaks(stream, &stream->rtp_latch))
        return;
    rt_packet sent = rt_sender_originate(&stream->sender, agreed->sent_type, size, samples, now);
    send_rtp(stream, &sent, frame);
}

/* An empty packet of a type that nobody knows (RFC 6263 §4.6). */
static void knock(rt_stream *stream, double now) {
    uint8_t unknown = 126;
    while (unknown == stream->agreed.sent_type || unknown == stream->agreed.sent_event)
        unknown--;
    rt_packet sent = rt_sender_keepalive(&stream->sender, unknown, now);
    send_rtp(stream, &sent, NULL);
}

static void say_nothing(rt_stream *stream, double now) {
    const rt_agreed *agreed = &stream->agreed;
    uint8_t silence[RT_MAX_DATAGRAM];
    size_t size = (size_t)agreed->ptime * agreed->clock_rate / 1000;
    if (size > sizeof silence)
        size = sizeof silence;
    memset(silence, rt_silence_of(agreed->codec), size);
    rt_packet sent = rt_sender_originate(&stream->sender, agreed->sent_type, size, (unsigned)size, now);
    send_rtp(stream, &sent, silence);
}

/* One packet of silence, and the time of the next, until the peer is heard. */
static void open_way(rt_stream *stream, double now) {
    const rt_agreed *agreed = &stream->agreed;
    stream->has_opening = false;
    if (stream->heard || !stream->opening_left || !agreed->sends || !speaks(stream, &stream->rtp_latch))
        return;
    stream->opening_left--;
    (agreed->codec <= RT_PCMA ? say_nothing : knock)(stream, now);
    stream->has_opening = true;
    stream->opening_at = now + OPENING_INTERVAL;
}

/* What is due of the keys that are being pressed. */
static void press_on(rt_stream *stream, double now) {
    uint8_t payload[RT_KEY_PAYLOAD];
    bool first = false;
    unsigned copies = rt_key_due(&stream->presser, now, payload, &first);
    for (; copies && stream->agreed.sent_event != RT_NO_TYPE && speaks(stream, &stream->rtp_latch); copies--) {
        stream->opening_left = 0;
        rt_packet sent =
            rt_sender_event(&stream->sender, stream->agreed.sent_event, RT_KEY_PAYLOAD, first, now);
        send_rtp(stream, &sent, payload);
        first = false;
    }
}

static double quiet_at(const rt_stream *stream) {
    const rt_sender *sender = &stream->sender;
    return sender->has_sent ? fmax(sender->sent_at, stream->quiet_since) : stream->quiet_since;
}

/* So that the NATs on the way do not forget us. */
static void keep_open(rt_stream *stream, double now) {
    if (now < quiet_at(stream) + KEEPALIVE)
        return;
    stream->quiet_since = now;
    if (speaks(stream, &stream->rtp_latch))
        knock(stream, now);
}

static void send_report(rt_stream *stream, bool goodbye, double now) {
    uint8_t compound[RT_MAX_COMPOUND];
    if (goodbye && !speaks(stream, &stream->rtcp_latch))
        return;
    size_t size = rt_reporter_report(&stream->reporter, compound, goodbye, now);
    if (speaks(stream, &stream->rtcp_latch))
        stream->emit(stream, true, compound, size);
}

/* What the switch decides */

/* ``goes_on``: ICE does, with the same credentials, and what was proven stays so. */
static void learn_one(rt_latch *latch, const rt_address *before, const rt_address *after, unsigned threshold,
                      bool goes_on) {
    rt_address same = latch->target; /* found by learning, where the SDP still names what it named before */
    bool moved = before == NULL || !rt_same_address(before, after);
    if (moved || !goes_on)
        rt_latch_learn(latch, moved ? after : &same, threshold);
}

void rt_stream_connect(rt_stream *stream, const rt_agreed *agreed, bool speak_first, double now) {
    rt_agreed before = stream->agreed;
    bool first = !stream->has_agreed;
    bool moved = first || !rt_same_address(&before.remote_rtp, &agreed->remote_rtp);
    bool goes_on = before.ice[0] && strcmp(before.ice, agreed->ice) == 0;
    stream->speak_first = speak_first;
    stream->agreed = *agreed;
    stream->has_agreed = true;
    stream->sender.clock_rate = agreed->clock_rate;
    if (first) {
        rt_reporter_start(&stream->reporter, now);
        stream->quiet_since = now;
    }
    learn_one(&stream->rtp_latch, first ? NULL : &before.remote_rtp, &agreed->remote_rtp, RT_RTP_THRESHOLD,
              goes_on);
    learn_one(&stream->rtcp_latch, first ? NULL : &before.remote_rtcp, &agreed->remote_rtcp, RT_RTCP_THRESHOLD,
              goes_on);
    if (agreed->ice[0] && stream->checks.octets == NULL)
        rt_ring_open(&stream->checks, RT_CHECKS_KEPT); /* without memory no check is answered */
    stream->heard_at = now;
    stream->timed_out = stream->told_type = false;
    if (moved) {
        stream->heard = false;
        stream->opening_left = OPENING_PACKETS;
        open_way(stream, now);
    }
}

bool rt_stream_press(rt_stream *stream, uint8_t event, unsigned milliseconds, double now) {
    if (!stream->has_agreed || stream->agreed.sent_event == RT_NO_TYPE)
        return false;
    bool pressed = rt_press_key(&stream->presser, event, milliseconds, now);
    press_on(stream, now);
    return pressed;
}

void rt_stream_set_sink(rt_stream *stream, rt_sink sink, rt_stream *onward) {
    stream->sink = sink;
    stream->onward = onward;
}

void rt_stream_close(rt_stream *stream, double now) {
    send_report(stream, true, now);
    rt_stream_set_sink(stream, RT_SINK_NONE, NULL);
    rt_stream_hush(stream);
    stream->opening_left = 0;
    stream->closed = true;
}

/* What the network brings */

/* A NAT may have given a peer that fell silent another port: the same stream goes on from there. Nobody who does
 * not see the stream knows its SSRC and where its sequence has got to. */
static bool follow(rt_stream *stream, const rt_packet *packet, const rt_address *source, double now,
                   rt_learned *learned) {
    if (now - stream->heard_at < REBIND_SILENCE || !rt_reporter_continues(&stream->reporter, packet))
        return false;
    if (!rt_latch_follow(&stream->rtp_latch, source))
        return false;
    rt_address same = stream->rtcp_latch.target;
    rt_latch_learn(&stream->rtcp_latch, &same, RT_RTCP_THRESHOLD); /* its RTCP has another port, too */
    *learned = RT_LEARNED_ELSEWHERE;
    return true;
}

static void hear(rt_stream *stream, const rt_address *source, double now) {
    stream->heard = true;
    stream->heard_at = now;
    stream->timed_out = false;
    if (!stream->ever_heard) {
        stream->ever_heard = true;
        rt_stream_tell(stream, &(rt_event){.kind = RT_FIRST_PACKET, .now = *source});
    }
}

static void hear_key(rt_stream *stream, const rt_packet *packet) {
    rt_event event = {.kind = RT_KEY_HEARD};
    if (rt_hear_key(&stream->listener, packet->payload, packet->size, packet->timestamp, &event.number,
                    &event.amount))
        rt_stream_tell(stream, &event);
}

static void keep(rt_stream *stream, const rt_packet *packet) {
    rt_frame frame = {
        .timestamp = packet->timestamp, .size = (uint16_t)packet->size, .codec = stream->agreed.codec};
    for (int index = 0; index < RT_MAX_TAPS; index++)
        if (stream->taps[index].octets)
            rt_ring_put(&stream->taps[index], &frame, packet->payload);
}

/* Whether a packet is of a payload type that may come; no other may move the latch. */
static bool is_expected(rt_stream *stream, const rt_packet *packet, const rt_address *source) {
    uint8_t type = packet->payload_type;
    const rt_agreed *agreed = &stream->agreed;
    if (type == agreed->heard_type || type == agreed->heard_event || is_comfort_noise(type))
        return true;
    if (!stream->told_type)
        rt_stream_tell(stream, &(rt_event){.kind = RT_UNEXPECTED, .number = type, .now = *source});
    stream->told_type = true;
    return false;
}

static bool judge(rt_stream *stream, const rt_packet *packet, const rt_address *source, double now) {
    rt_learned learned;
    bool noise = is_comfort_noise(packet->payload_type);
    bool heard = rt_latch_judge(&stream->rtp_latch, source, noise, &learned);
    if (!heard)
        heard = follow(stream, packet, source, now, &learned);
    tell_learned(stream, learned, false);
    return heard;
}

/* Whether a datagram is STUN on a leg with ICE; one that names us is kept for Python, if there is room. */
static bool take_check(rt_stream *stream, const uint8_t *data, size_t size, const rt_address *source, bool rtcp) {
    rt_frame frame = {.size = (uint16_t)size};
    if (size > RT_MAX_DATAGRAM || !stream->has_agreed || !stream->agreed.ice[0] || !rt_is_stun(data, size))
        return false;
    if (stream->event_count >= RT_EVENTS_FOR_KEYS || !rt_names(data, size, stream->agreed.ice) ||
        !stream->checks.octets || !rt_ring_put(&stream->checks, &frame, data))
        stream->reporter.dropped++;
    else
        rt_stream_tell(stream, &(rt_event){.kind = RT_CHECK, .rtcp = rtcp, .now = *source});
    return true;
}

void rt_stream_nominate(rt_stream *stream, bool rtcp, const rt_address *source) {
    tell_learned(stream, rt_latch_nominate(rtcp ? &stream->rtcp_latch : &stream->rtp_latch, source), rtcp);
}

void rt_stream_receive_rtp(rt_stream *stream, const uint8_t *data, size_t size, const rt_address *source,
                           double now) {
    rt_packet packet;
    if (take_check(stream, data, size, source, false))
        return;
    if (size <= RT_MAX_DATAGRAM && stream->has_agreed && stream->agreed.mux && rt_is_rtcp(data, size)) {
        rt_stream_receive_rtcp(stream, data, size, source, now);
        return;
    }
    if (size > RT_MAX_DATAGRAM || !stream->has_agreed || !rt_read_rtp(data, size, &packet) ||
        !is_expected(stream, &packet, source) || !judge(stream, &packet, source, now)) {
        stream->reporter.dropped++;
        return;
    }
    rt_reporter_receive_rtp(&stream->reporter, &packet, now);
    hear(stream, source, now);
    if (packet.payload_type == stream->agreed.heard_event)
        hear_key(stream, &packet);
    else if (packet.payload_type == stream->agreed.heard_type)
        keep(stream, &packet);
    if (!stream->agreed.receives)
        return;
    if (stream->sink == RT_SINK_STREAM)
        rt_stream_pass_on(stream->onward, &packet, stream, now);
    else if (stream->sink == RT_SINK_LATE)
        rt_hold_late(stream, &packet, now);
}

void rt_stream_receive_rtcp(rt_stream *stream, const uint8_t *data, size_t size, const rt_address *source,
                            double now) {
    rt_learned learned = RT_NOTHING_LEARNED;
    if (take_check(stream, data, size, source, true))
        return;
    bool heard = size <= RT_MAX_DATAGRAM && stream->has_agreed && rt_valid_compound(data, size) &&
                 rt_latch_judge(&stream->rtcp_latch, source, false, &learned);
    tell_learned(stream, learned, true);
    if (heard)
        rt_reporter_receive_rtcp(&stream->reporter, data, size, now);
    else
        stream->reporter.dropped++;
}

/* The payload type for our peer, and how the payload is to be changed; RT_NO_TYPE for what was not agreed with it. */
static uint8_t translated(const rt_packet *packet, const rt_agreed *theirs, const rt_agreed *ours) {
    bool laws = theirs->codec <= RT_PCMA && ours->codec <= RT_PCMA;
    if (packet->payload_type == theirs->heard_type)
        return theirs->codec == ours->codec || laws ? ours->sent_type : RT_NO_TYPE;
    return packet->payload_type == theirs->heard_event ? ours->sent_event : RT_NO_TYPE;
}

static bool is_blocked(const rt_stream *stream, const rt_packet *packet) {
    return packet->payload_type == stream->agreed.heard_event ? stream->blocks_keys : stream->blocks_media;
}

void rt_stream_pass_on(rt_stream *stream, const rt_packet *packet, rt_stream *origin, double now) {
    const rt_agreed *ours = &stream->agreed, *theirs = &origin->agreed;
    uint8_t other[RT_MAX_DATAGRAM];
    if (!stream->has_agreed || !origin->has_agreed || !ours->sends)
        return;
    uint8_t type = translated(packet, theirs, ours);
    if (stream->presser.pressing || is_blocked(origin, packet))
        type = RT_NO_TYPE; /* a key that is down takes the audio's place */
    if (type == RT_NO_TYPE || (origin == stream && !rt_allowance_take(&stream->allowance, now))) {
        rt_sender_skip(&stream->sender, packet, origin);
        return;
    }
    if (!speaks(stream, &stream->rtp_latch))
        return;
    const uint8_t *payload = packet->payload;
    stream->opening_left = 0;
    if (packet->payload_type == theirs->heard_type && theirs->codec != ours->codec) {
        (ours->codec == RT_PCMA ? rt_ulaw_to_alaw : rt_alaw_to_ulaw)(other, packet->payload, packet->size);
        payload = other;
    }
    rt_packet sent = rt_sender_forward(&stream->sender, packet, type, packet->size, origin, now);
    send_rtp(stream, &sent, payload);
}

/* Time */

static double silence_limit(const rt_stream *stream) {
    return stream->agreed.receives ? stream->rtp_timeout : stream->hold_timeout;
}

double rt_stream_next_timeout(const rt_stream *stream) {
    if (!stream->has_agreed || stream->closed)
        return INFINITY;
    double when = fmin(stream->reporter.due_at, quiet_at(stream) + KEEPALIVE);
    if (stream->has_opening && stream->opening_left)
        when = fmin(when, stream->opening_at);
    if (stream->presser.has_at)
        when = fmin(when, stream->presser.at);
    if (!stream->timed_out)
        when = fmin(when, stream->heard_at + silence_limit(stream));
    if (stream->speaker != RT_SPEAKER_NONE)
        when = fmin(when, stream->speaker_due);
    return when;
}

void rt_stream_handle_timeout(rt_stream *stream, double now) {
    if (!stream->has_agreed || stream->closed)
        return;
    if (stream->has_opening && now >= stream->opening_at)
        open_way(stream, now);
    press_on(stream, now);
    rt_speak_on(stream, now);
    keep_open(stream, now);
    if (now >= stream->reporter.due_at)
        send_report(stream, false, now);
    if (!stream->timed_out && now >= stream->heard_at + silence_limit(stream)) {
        stream->timed_out = true;
        rt_stream_tell(stream, &(rt_event){.kind = RT_TIMEOUT, .seconds = now - stream->heard_at});
    }
}

const rt_address *rt_stream_target(const rt_stream *stream, bool rtcp) {
    if (!stream->has_agreed)
        return NULL;
    return rtcp && !stream->agreed.mux ? &stream->rtcp_latch.target : &stream->rtp_latch.target;
}
