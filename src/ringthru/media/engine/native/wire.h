/* RTP and RTCP on the wire (RFC 3550): what makes a datagram valid, and the bytes of ours.
 *
 * Lives here: headers and compounds. Never here: sockets, clocks, what a stream remembers.
 */
#ifndef RINGTHRU_WIRE_H
#define RINGTHRU_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    RT_RTP_HEADER = 12,
    RT_MAX_DATAGRAM = 2048, /* bytes; far above 200 ms of G.711 */
    RT_SENDER_REPORT = 200,
    RT_RECEIVER_REPORT = 201,
    RT_SOURCE_DESCRIPTION = 202,
    RT_GOODBYE = 203,
};

typedef struct {
    const uint8_t *payload;
    size_t size; /* of the payload */
    uint32_t timestamp;
    uint32_t ssrc;
    uint16_t sequence;
    uint8_t payload_type;
    bool marker;
} rt_packet;

/* What a receiver heard of one source (§6.4.1); units as on the wire. */
typedef struct {
    uint32_t ssrc;
    uint8_t fraction_lost;
    int32_t lost; /* 24 bits, signed */
    uint32_t highest_sequence;
    uint32_t jitter;
    uint32_t last_sr;
    uint32_t delay;
} rt_report_block;

uint16_t rt_read16(const uint8_t *from);
uint32_t rt_read32(const uint8_t *from);
void rt_write16(uint8_t *to, uint16_t value);
void rt_write32(uint8_t *to, uint32_t value);

/* Read a packet over contributing sources, extension and padding; false: it is no RTP (§A.1). */
bool rt_read_rtp(const uint8_t *data, size_t size, rt_packet *packet);

/* The twelve octets before a payload. */
void rt_write_rtp_header(uint8_t *to, const rt_packet *packet);

/* Whether a datagram that came to a port of both is RTCP (RFC 5761 §4). */
bool rt_is_rtcp(const uint8_t *data, size_t size);

/* Whether a datagram is STUN (RFC 7983 §7), and whether it holds this name: the rest of it is checked elsewhere. */
bool rt_is_stun(const uint8_t *data, size_t size);
bool rt_names(const uint8_t *data, size_t size, const char *name);

/* Whether a compound passes the checks of §A.2, and each packet in it is as long as its counts say. */
bool rt_valid_compound(const uint8_t *data, size_t size);

rt_report_block rt_read_block(const uint8_t *from);
uint8_t *rt_write_block(uint8_t *to, const rt_report_block *block);

/* Write a packet's four first octets; its length is put in by rt_end_rtcp, which returns where it ends. */
uint8_t *rt_begin_rtcp(uint8_t *to, unsigned count, uint8_t type);
uint8_t *rt_end_rtcp(uint8_t *begin, uint8_t *end);

#endif
