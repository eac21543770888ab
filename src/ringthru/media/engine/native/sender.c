#include "sender.h"

#include <math.h>

static const double ECHO_RATE = 150.0; /* packets/s; three times what a phone sends at 20 ms */
static const double ECHO_BURST = 50.0; /* a second of packets that a network held back */

void rt_sender_begin(rt_sender *sender, uint32_t ssrc, uint16_t sequence, uint32_t timestamp) {
    *sender = (rt_sender){
        .ssrc = ssrc,
        .clock_rate = 8000,
        .sequence = (uint16_t)(sequence - 1),
        .timestamp = timestamp,
        .event_timestamp = timestamp,
    };
}

/* Where the clock has got to, at least one sample after the last packet. */
static uint32_t next_timestamp(const rt_sender *sender, double now) {
    if (!sender->has_sent)
        return sender->timestamp;
    double samples = rint((now - sender->sent_at) * sender->clock_rate);
    return sender->timestamp + (uint32_t)(samples < 1 ? 1 : (int64_t)samples);
}

static rt_packet finish(rt_sender *sender, rt_packet packet, double now) {
    packet.ssrc = sender->ssrc;
    if ((uint16_t)(packet.sequence - sender->sequence) < 1 << 15) {
        sender->sequence = packet.sequence;
        sender->timestamp = packet.timestamp;
        sender->sent_at = now;
        sender->has_sent = true;
    }
    sender->packets++;
    sender->octets += packet.size;
    return packet;
}

static bool must_rebase(const rt_sender *sender, const rt_packet *packet, const void *origin) {
    if (sender->origin != origin || sender->origin_ssrc != packet->ssrc)
        return true;
    uint16_t ahead = (uint16_t)(packet->sequence + sender->sequence_shift - sender->sequence);
    return ahead > RT_MAX_DROPOUT && ahead < (1 << 16) - RT_MAX_MISORDER;
}

rt_packet rt_sender_forward(rt_sender *sender, const rt_packet *packet, uint8_t payload_type, size_t size,
                            const void *origin, double now) {
    rt_packet sent = {.payload_type = payload_type, .size = size, .marker = packet->marker};
    if (must_rebase(sender, packet, origin)) {
        sender->timestamp_shift = next_timestamp(sender, now) - packet->timestamp;
        sender->sequence_shift = (uint16_t)(sender->sequence + 1 - packet->sequence);
        sender->origin = origin;
        sender->origin_ssrc = packet->ssrc;
        sent.marker = true; /* a new talkspurt to the receiver (RFC 3551 §4.1) */
    }
    sent.sequence = (uint16_t)(packet->sequence + sender->sequence_shift);
    sent.timestamp = packet->timestamp + sender->timestamp_shift;
    return finish(sender, sent, now);
}

rt_packet rt_sender_originate(rt_sender *sender, uint8_t payload_type, size_t size, unsigned samples, double now) {
    rt_packet sent = {.payload_type = payload_type, .size = size, .marker = !sender->has_sent};
    sent.timestamp = sender->timestamp;
    if (sender->has_sent && samples) {
        double frames = rint((now - sender->sent_at) * sender->clock_rate / samples);
        sent.timestamp += (uint32_t)(frames < 1 ? 1 : (int64_t)frames) * samples;
    }
    sent.sequence = (uint16_t)(sender->sequence + 1);
    sender->origin = NULL;
    return finish(sender, sent, now);
}

rt_packet rt_sender_event(rt_sender *sender, uint8_t payload_type, size_t size, bool first, double now) {
    if (first)
        sender->event_timestamp = next_timestamp(sender, now);
    sender->origin = NULL; /* the audio goes on after the event, as a new talkspurt */
    rt_packet sent = {.payload_type = payload_type, .size = size, .marker = first};
    sent.sequence = (uint16_t)(sender->sequence + 1);
    sent.timestamp = sender->event_timestamp;
    return finish(sender, sent, now);
}

rt_packet rt_sender_keepalive(rt_sender *sender, uint8_t payload_type, double now) {
    rt_packet sent = {.payload_type = payload_type};
    sent.sequence = (uint16_t)(sender->sequence + 1);
    sent.timestamp = next_timestamp(sender, now);
    sender->origin = NULL;
    return finish(sender, sent, now);
}

void rt_sender_skip(rt_sender *sender, const rt_packet *packet, const void *origin) {
    if (sender->origin == origin && sender->origin_ssrc == packet->ssrc)
        sender->sequence_shift--;
}

uint32_t rt_sender_timestamp_at(const rt_sender *sender, double now) {
    double elapsed = sender->has_sent ? now - sender->sent_at : 0.0;
    return sender->timestamp + (uint32_t)(int64_t)(elapsed * sender->clock_rate);
}

void rt_allowance_begin(rt_allowance *allowance) { *allowance = (rt_allowance){.left = ECHO_BURST}; }

bool rt_allowance_take(rt_allowance *allowance, double now) {
    allowance->left = fmin(allowance->left + (now - allowance->seen_at) * ECHO_RATE, ECHO_BURST);
    allowance->seen_at = now;
    if (allowance->left < 1)
        return false;
    allowance->left -= 1;
    return true;
}
