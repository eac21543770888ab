/* What one leg sends by RTP: what its peer is told of others, of itself, and of keys (see media/leg/outgoing.py). */
#include <math.h>
#include <string.h>

#include "stream.h"

static const double OPENING_INTERVAL = 0.02; /* seconds */
static const double KEEPALIVE = 15.0;        /* without a packet of ours (RFC 6263 §6) */
enum { OPENING_PACKETS = 25 };               /* half a second of silence, unless something is heard before */

static void send_rtp(rt_stream *stream, const rt_packet *packet, const uint8_t *payload) {
    _Alignas(8) uint8_t datagram[RT_RTP_HEADER + RT_MAX_DATAGRAM + RT_SRTP_ROOM];
    rt_write_rtp_header(datagram, packet);
    if (packet->size)
        memcpy(datagram + RT_RTP_HEADER, payload, packet->size);
    rt_send(stream, false, datagram, RT_RTP_HEADER + packet->size);
}

bool rt_speaks(const rt_stream *stream, const rt_latch *latch) {
    if (!stream->has_agreed || rt_is_nowhere(&latch->target))
        return false;
    return stream->speak_first || latch->proven;
}

void rt_stream_say(rt_stream *stream, const uint8_t *frame, size_t size, unsigned samples, double now) {
    const rt_agreed *agreed = &stream->agreed;
    if (!agreed->sends || stream->presser.pressing || !rt_speaks(stream, &stream->rtp_latch))
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
    if (stream->heard || !stream->opening_left || !agreed->sends || !rt_speaks(stream, &stream->rtp_latch))
        return;
    stream->opening_left--;
    (agreed->codec <= RT_PCMA ? say_nothing : knock)(stream, now);
    stream->has_opening = true;
    stream->opening_at = now + OPENING_INTERVAL;
}

void rt_begin_opening(rt_stream *stream, double now) {
    stream->heard = false;
    stream->opening_left = OPENING_PACKETS;
    open_way(stream, now);
}

void rt_open_on(rt_stream *stream, double now) {
    if (stream->has_opening && now >= stream->opening_at)
        open_way(stream, now);
}

/* What is due of the keys that are being pressed. */
void rt_press_on(rt_stream *stream, double now) {
    uint8_t payload[RT_KEY_PAYLOAD];
    bool first = false;
    unsigned copies = rt_key_due(&stream->presser, now, stream->agreed.event_rate, payload, &first);
    for (; copies && stream->agreed.sent_event != RT_NO_TYPE && rt_speaks(stream, &stream->rtp_latch); copies--) {
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
void rt_keep_open(rt_stream *stream, double now) {
    if (now < quiet_at(stream) + KEEPALIVE)
        return;
    stream->quiet_since = now;
    if (rt_speaks(stream, &stream->rtp_latch))
        knock(stream, now);
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
    if (!rt_speaks(stream, &stream->rtp_latch))
        return;
    const uint8_t *payload = packet->payload;
    stream->opening_left = 0;
    if (packet->payload_type == theirs->heard_type && theirs->codec != ours->codec) {
        (ours->codec == RT_PCMA ? rt_ulaw_to_alaw : rt_alaw_to_ulaw)(other, packet->payload, packet->size);
        payload = other;
    } else if (packet->payload_type == theirs->heard_event && theirs->event_rate != ours->event_rate &&
               packet->size >= RT_KEY_PAYLOAD) {
        memcpy(other, packet->payload, packet->size);
        rt_key_at_another_rate(other, theirs->event_rate, ours->event_rate);
        payload = other;
    }
    rt_packet sent = rt_sender_forward(&stream->sender, packet, type, packet->size, origin, now);
    send_rtp(stream, &sent, payload);
}

double rt_next_to_send(const rt_stream *stream) {
    double when = quiet_at(stream) + KEEPALIVE;
    if (stream->has_opening && stream->opening_left)
        when = fmin(when, stream->opening_at);
    if (stream->presser.has_at)
        when = fmin(when, stream->presser.at);
    return when;
}
