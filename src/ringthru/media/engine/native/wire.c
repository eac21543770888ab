#include "wire.h"

#include <string.h>

uint16_t rt_read16(const uint8_t *from) { return (uint16_t)(from[0] << 8 | from[1]); }

uint32_t rt_read32(const uint8_t *from) {
    return (uint32_t)from[0] << 24 | (uint32_t)from[1] << 16 | (uint32_t)from[2] << 8 | from[3];
}

void rt_write16(uint8_t *to, uint16_t value) {
    to[0] = (uint8_t)(value >> 8);
    to[1] = (uint8_t)value;
}

void rt_write32(uint8_t *to, uint32_t value) {
    rt_write16(to, (uint16_t)(value >> 16));
    rt_write16(to + 2, (uint16_t)value);
}

bool rt_read_rtp(const uint8_t *data, size_t size, rt_packet *packet) {
    if (size < RT_RTP_HEADER || data[0] >> 6 != 2)
        return false;
    uint8_t type = data[1] & 0x7F;
    if (type >= 72 && type <= 76)
        return false; /* RTCP's types (§5.1, RFC 5761 §4) */
    size_t start = RT_RTP_HEADER + 4u * (data[0] & 0x0F);
    size_t end = size;
    if (data[0] & 0x10) { /* one extension (§5.3.1) */
        if (end < start + 4)
            return false;
        start += 4 + 4u * rt_read16(data + start + 2);
    }
    if (data[0] & 0x20) { /* the last octet counts the padding, itself included (§5.1) */
        size_t padding = data[size - 1];
        if (padding == 0 || padding > end)
            return false;
        end -= padding;
    }
    if (end < start)
        return false;
    packet->payload = data + start;
    packet->size = end - start;
    packet->payload_type = type;
    packet->marker = data[1] >> 7;
    packet->sequence = rt_read16(data + 2);
    packet->timestamp = rt_read32(data + 4);
    packet->ssrc = rt_read32(data + 8);
    return true;
}

void rt_write_rtp_header(uint8_t *to, const rt_packet *packet) {
    to[0] = 0x80;
    to[1] = (uint8_t)(packet->payload_type | packet->marker << 7);
    rt_write16(to + 2, packet->sequence);
    rt_write32(to + 4, packet->timestamp);
    rt_write32(to + 8, packet->ssrc);
}

bool rt_is_rtcp(const uint8_t *data, size_t size) { return size > 1 && data[1] >= 192 && data[1] <= 223; }

/* One chunk of items, of which a CNAME must not be cut; after it comes what we do not read. */
static bool valid_description(const uint8_t *body, size_t size) {
    if (size < 4)
        return false;
    size_t offset = 4;
    while (offset < size && body[offset] != 0) {
        if (size < offset + 2 || size < offset + 2 + body[offset + 1])
            return false;
        if (body[offset] == 1)
            return true;
        offset += 2u + body[offset + 1];
    }
    return true;
}

static bool valid_body(uint8_t type, unsigned count, const uint8_t *body, size_t size) {
    switch (type) {
    case RT_SENDER_REPORT:
        return size >= 24 + 24u * count;
    case RT_RECEIVER_REPORT:
        return size >= 4 + 24u * count;
    case RT_GOODBYE:
        return size >= 4u * count;
    case RT_SOURCE_DESCRIPTION:
        return count != 1 || valid_description(body, size);
    default:
        return true;
    }
}

bool rt_is_stun(const uint8_t *data, size_t size) {
    return size >= 20 && data[0] < 4 && rt_read32(data + 4) == 0x2112A442;
}

bool rt_names(const uint8_t *data, size_t size, const char *name) {
    size_t length = strlen(name);
    for (size_t at = 20; at + length <= size; at++)
        if (memcmp(data + at, name, length) == 0)
            return true;
    return false;
}

bool rt_valid_compound(const uint8_t *data, size_t size) {
    size_t offset = 0;
    if (size == 0)
        return false;
    while (offset < size) {
        if (size - offset < 4)
            return false;
        const uint8_t *packet = data + offset;
        size_t length = 4 * ((size_t)rt_read16(packet + 2) + 1);
        if (packet[0] >> 6 != 2 || length > size - offset)
            return false;
        if (offset == 0 && packet[1] != RT_SENDER_REPORT && packet[1] != RT_RECEIVER_REPORT)
            return false;
        size_t body = length - 4;
        if (packet[0] & 0x20) { /* only the last one may be padded */
            size_t padding = body ? packet[length - 1] : 0;
            if (offset + length < size || padding == 0 || padding % 4 || padding > body)
                return false;
            body -= padding;
        }
        if (!valid_body(packet[1], packet[0] & 0x1F, packet + 4, body))
            return false;
        offset += length;
    }
    return true;
}

rt_report_block rt_read_block(const uint8_t *from) {
    uint32_t loss = rt_read32(from + 4);
    int32_t lost = (int32_t)(loss & 0xFFFFFF);
    return (rt_report_block){
        .ssrc = rt_read32(from),
        .fraction_lost = (uint8_t)(loss >> 24),
        .lost = lost >= 0x800000 ? lost - 0x1000000 : lost,
        .highest_sequence = rt_read32(from + 8),
        .jitter = rt_read32(from + 12),
        .last_sr = rt_read32(from + 16),
        .delay = rt_read32(from + 20),
    };
}

uint8_t *rt_write_block(uint8_t *to, const rt_report_block *block) {
    rt_write32(to, block->ssrc);
    rt_write32(to + 4, (uint32_t)block->fraction_lost << 24 | ((uint32_t)block->lost & 0xFFFFFF));
    rt_write32(to + 8, block->highest_sequence);
    rt_write32(to + 12, block->jitter);
    rt_write32(to + 16, block->last_sr);
    rt_write32(to + 20, block->delay);
    return to + 24;
}

uint8_t *rt_begin_rtcp(uint8_t *to, unsigned count, uint8_t type) {
    to[0] = (uint8_t)(0x80 | count);
    to[1] = type;
    return to + 4;
}

uint8_t *rt_end_rtcp(uint8_t *begin, uint8_t *end) {
    rt_write16(begin + 2, (uint16_t)((end - begin) / 4 - 1));
    return end;
}
