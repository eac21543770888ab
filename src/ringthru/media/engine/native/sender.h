/* What one leg sends: its own SSRC, and sequence and timestamps that run on whatever feeds them.
 *
 * Each function fills in the header of a packet whose payload the caller has (see media/rtp/sender.py).
 */
#ifndef RINGTHRU_SENDER_H
#define RINGTHRU_SENDER_H

#include "statistics.h"

typedef struct {
    uint32_t ssrc;
    uint32_t clock_rate;
    uint64_t packets;
    uint64_t octets; /* of payload (RFC 3550 §6.4.1) */
    const void *origin; /* the leg whose packets are renumbered; NULL: our own */
    uint32_t origin_ssrc;
    uint32_t timestamp, timestamp_shift, event_timestamp;
    uint16_t sequence, sequence_shift; /* the highest sent */
    bool has_sent;
    double sent_at;
} rt_sender;

void rt_sender_begin(rt_sender *sender, uint32_t ssrc, uint16_t sequence, uint32_t timestamp);

/* Carry on a packet of ``origin``: distances within a source are kept, so that loss before us stays visible. */
rt_packet rt_sender_forward(rt_sender *sender, const rt_packet *packet, uint8_t payload_type, size_t size,
                            const void *origin, double now);

/* A packet of our own, a whole number of its lengths after the last. */
rt_packet rt_sender_originate(rt_sender *sender, uint8_t payload_type, size_t size, unsigned samples, double now);

/* A packet of a telephone event: all of one event bear the timestamp of its first (RFC 4733 §2.3). */
rt_packet rt_sender_event(rt_sender *sender, uint8_t payload_type, size_t size, bool first, double now);

/* An empty packet that only keeps the way open. */
rt_packet rt_sender_keepalive(rt_sender *sender, uint8_t payload_type, double now);

/* A packet of the source that is not sent on must not look like loss. */
void rt_sender_skip(rt_sender *sender, const rt_packet *packet, const void *origin);

/* The timestamp that a packet sent now would bear, for sender reports. */
uint32_t rt_sender_timestamp_at(const rt_sender *sender, double now);

/* A token bucket: what may be echoed, so that two echoes facing each other do not race. */
typedef struct {
    double left, seen_at;
} rt_allowance;

void rt_allowance_begin(rt_allowance *allowance);
bool rt_allowance_take(rt_allowance *allowance, double now);

#endif
