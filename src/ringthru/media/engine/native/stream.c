/* One leg: what was agreed on, what is heard, and what is due (its rules: stream.h). */
#include "stream.h"

#include <math.h>
#include <string.h>

static const double REBIND_SILENCE = 0.5; /* without the peer, before its stream may come from elsewhere */
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

void rt_send(rt_stream *stream, bool rtcp, uint8_t *data, size_t size) {
    if (rt_srtp_protect(&stream->srtp, rtcp, data, &size))
        stream->emit(stream, rtcp, data, size);
}

static void send_report(rt_stream *stream, bool goodbye, double now) {
    _Alignas(8) uint8_t compound[RT_MAX_COMPOUND + RT_SRTP_ROOM];
    if (goodbye && !rt_speaks(stream, &stream->rtcp_latch))
        return;
    size_t size = rt_reporter_report(&stream->reporter, compound, goodbye, now);
    if (rt_speaks(stream, &stream->rtcp_latch))
        rt_send(stream, true, compound, size);
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
    learn_one(&stream->rtp_latch, first ? NULL : &before.remote_rtp, &agreed->remote_rtp, agreed->learns_after,
              goes_on);
    learn_one(&stream->rtcp_latch, first ? NULL : &before.remote_rtcp, &agreed->remote_rtcp, RT_RTCP_THRESHOLD,
              goes_on);
    stream->rtp_latch.fixed = stream->rtcp_latch.fixed = agreed->fixed;
    if (agreed->ice[0] && stream->checks.octets == NULL)
        rt_ring_open(&stream->checks, RT_CHECKS_KEPT); /* without memory no check is answered */
    stream->heard_at = now;
    stream->timed_out = stream->told_type = stream->told_forged = false;
    if (moved)
        rt_begin_opening(stream, now);
}

void rt_stream_secure(rt_stream *stream, const rt_srtp *srtp) {
    rt_srtp before = stream->srtp;
    stream->srtp = *srtp;
    stream->srtp.forged = before.forged;
    if (before.hearing.session == srtp->hearing.session) {
        memcpy(stream->srtp.sources, before.sources, sizeof before.sources);
        stream->srtp.source_count = before.source_count;
        stream->srtp.before = before.before;
    }
}

bool rt_stream_press(rt_stream *stream, uint8_t event, unsigned milliseconds, double now) {
    if (!stream->has_agreed || stream->agreed.sent_event == RT_NO_TYPE)
        return false;
    bool pressed = rt_press_key(&stream->presser, event, milliseconds, now);
    rt_press_on(stream, now);
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
    if (rt_hear_key(&stream->listener, packet->payload, packet->size, packet->timestamp,
                    stream->agreed.event_rate, &event.number, &event.amount))
        rt_stream_tell(stream, &event);
}

static void keep(rt_stream *stream, const rt_packet *packet) {
    rt_frame frame = {
        .timestamp = packet->timestamp, .sequence = packet->sequence, .size = (uint16_t)packet->size,
        .codec = stream->agreed.codec};
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

/* SRTP without proof is no reason to believe anything, and is told of once. */
static bool open_srtp(rt_stream *stream, bool rtcp, const uint8_t **data, size_t *size, const rt_address *source,
                      uint8_t *opened) {
    uint64_t forged = stream->srtp.forged;
    if (stream->srtp.hearing.session == NULL)
        return true;
    bool proven = rt_srtp_open(&stream->srtp, rtcp, *data, size, opened);
    if (stream->srtp.forged != forged && !stream->told_forged) {
        stream->told_forged = true;
        rt_stream_tell(stream, &(rt_event){.kind = RT_FORGED, .now = *source});
    }
    *data = opened;
    return proven;
}

void rt_stream_receive_rtp(rt_stream *stream, const uint8_t *data, size_t size, const rt_address *source,
                           double now) {
    rt_packet packet;
    _Alignas(8) uint8_t opened[RT_MAX_DATAGRAM];
    if (take_check(stream, data, size, source, false))
        return;
    if (size <= RT_MAX_DATAGRAM && stream->has_agreed && stream->agreed.mux && rt_is_rtcp(data, size)) {
        rt_stream_receive_rtcp(stream, data, size, source, now);
        return;
    }
    if (size > RT_MAX_DATAGRAM || !stream->has_agreed ||
        !open_srtp(stream, false, &data, &size, source, opened) || !rt_read_rtp(data, size, &packet) ||
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
    _Alignas(8) uint8_t opened[RT_MAX_DATAGRAM];
    if (take_check(stream, data, size, source, true))
        return;
    bool heard = size <= RT_MAX_DATAGRAM && stream->has_agreed &&
                 open_srtp(stream, true, &data, &size, source, opened) && rt_valid_compound(data, size) &&
                 rt_latch_judge(&stream->rtcp_latch, source, false, &learned);
    tell_learned(stream, learned, true);
    if (heard)
        rt_reporter_receive_rtcp(&stream->reporter, data, size, now);
    else
        stream->reporter.dropped++;
}

/* Time */

static double silence_limit(const rt_stream *stream) {
    bool both_ways = stream->agreed.sends && stream->agreed.receives;
    return both_ways ? stream->rtp_timeout : stream->hold_timeout; /* who holds a call may be silent */
}

double rt_stream_next_timeout(const rt_stream *stream) {
    if (!stream->has_agreed || stream->closed)
        return INFINITY;
    double when = fmin(stream->reporter.due_at, rt_next_to_send(stream));
    if (!stream->timed_out)
        when = fmin(when, stream->heard_at + silence_limit(stream));
    if (stream->speaker != RT_SPEAKER_NONE)
        when = fmin(when, stream->speaker_due);
    return when;
}

void rt_stream_handle_timeout(rt_stream *stream, double now) {
    if (!stream->has_agreed || stream->closed)
        return;
    rt_open_on(stream, now);
    rt_press_on(stream, now);
    rt_speak_on(stream, now);
    rt_keep_open(stream, now);
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
