#include "report.h"

#include <string.h>

static const double REPORT_INTERVAL = 5.0;  /* seconds; Tmin of §6.2, which governs with two parties */
static const double COMPENSATION = 1.21828; /* e - 3/2, for the randomisation of §6.3.1 */

/* SplitMix64, a number in [0, 1): it scatters reports, and hides nothing. */
static double uniform(rt_reporter *reporter) {
    uint64_t mixed = reporter->chance += 0x9E3779B97F4A7C15;
    mixed = (mixed ^ mixed >> 30) * 0xBF58476D1CE4E5B9;
    mixed = (mixed ^ mixed >> 27) * 0x94D049BB133111EB;
    return (double)((mixed ^ mixed >> 31) >> 11) / 9007199254740992.0;
}

static double interval(rt_reporter *reporter) {
    return REPORT_INTERVAL * (0.5 + uniform(reporter)) / COMPENSATION;
}

void rt_reporter_begin(rt_reporter *reporter, rt_sender *sender, const char *cname, uint64_t seed,
                       double ntp_offset) {
    size_t size = strlen(cname);
    *reporter = (rt_reporter){.sender = sender, .chance = seed, .ntp_offset = ntp_offset};
    reporter->cname_size = (uint8_t)(size < RT_MAX_CNAME ? size : RT_MAX_CNAME);
    memcpy(reporter->cname, cname, reporter->cname_size);
}

void rt_reporter_start(rt_reporter *reporter, double now) { reporter->due_at = now + interval(reporter) / 2; }

void rt_reporter_receive_rtp(rt_reporter *reporter, const rt_packet *packet, double now) {
    rt_source *source = &reporter->source;
    if (!reporter->has_source || source->ssrc != packet->ssrc) {
        if (reporter->has_source) {
            reporter->lost_before += rt_source_lost(source);
            reporter->runs_before += source->loss_runs;
        }
        rt_source_begin(source, packet->ssrc, packet->sequence, reporter->sender->clock_rate);
        reporter->has_source = true;
    }
    /* A source on probation is heard all the same: the latch has judged it already. */
    rt_source_receive(source, packet, now);
    reporter->packets++;
    reporter->octets += packet->size;
    reporter->heard_since = true;
}

bool rt_reporter_continues(const rt_reporter *reporter, const rt_packet *packet) {
    return reporter->has_source && reporter->source.ssrc == packet->ssrc &&
           rt_source_continues(&reporter->source, packet->sequence);
}

static void hear_blocks(rt_reporter *reporter, const uint8_t *blocks, unsigned count, double now) {
    for (unsigned index = 0; index < count; index++) {
        rt_report_block block = rt_read_block(blocks + 24 * index);
        if (block.ssrc != reporter->sender->ssrc)
            continue;
        reporter->remote_lost = block.lost;
        reporter->has_remote_lost = true;
        reporter->remote_expected = reporter->sender->packets;
        reporter->remote_jitter += block.jitter;
        reporter->remote_reports++;
        uint32_t arrival = rt_ntp_middle(rt_ntp(now + reporter->ntp_offset));
        double seconds;
        if (block.last_sr && rt_round_trip(arrival, block.last_sr, block.delay, &seconds)) {
            reporter->round_trip = seconds;
            reporter->has_round_trip = true;
        }
    }
}

static void hear_packet(rt_reporter *reporter, const uint8_t *packet, double now) {
    unsigned count = packet[0] & 0x1F;
    rt_source *source = &reporter->source;
    if (packet[1] == RT_SENDER_REPORT) {
        if (reporter->has_source && rt_read32(packet + 4) == source->ssrc) {
            source->last_sr = rt_read32(packet + 10); /* the middle of its NTP time */
            source->sr_at = now;
            source->has_sr = true;
        }
        hear_blocks(reporter, packet + 28, count, now);
    } else if (packet[1] == RT_RECEIVER_REPORT) {
        hear_blocks(reporter, packet + 8, count, now);
    }
}

void rt_reporter_receive_rtcp(rt_reporter *reporter, const uint8_t *data, size_t size, double now) {
    for (size_t offset = 0; offset < size; offset += 4 * ((size_t)rt_read16(data + offset + 2) + 1))
        hear_packet(reporter, data + offset, now);
}

static uint8_t *write_report(rt_reporter *reporter, uint8_t *to, double now) {
    const rt_sender *sender = reporter->sender;
    bool spoke = sender->packets > reporter->sent_before[0]; /* since the last report but one (§6.4) */
    unsigned blocks = reporter->has_source && reporter->heard_since;
    uint8_t *at = rt_begin_rtcp(to, blocks, spoke ? RT_SENDER_REPORT : RT_RECEIVER_REPORT);
    rt_write32(at, sender->ssrc);
    at += 4;
    if (spoke) {
        uint64_t ntp = rt_ntp(now + reporter->ntp_offset);
        rt_write32(at, (uint32_t)(ntp >> 32));
        rt_write32(at + 4, (uint32_t)ntp);
        rt_write32(at + 8, rt_sender_timestamp_at(sender, now));
        rt_write32(at + 12, (uint32_t)sender->packets);
        rt_write32(at + 16, (uint32_t)sender->octets);
        at += 20;
    }
    if (blocks) {
        rt_report_block block = rt_source_report(&reporter->source, now);
        at = rt_write_block(at, &block);
        reporter->heard_since = false;
    }
    reporter->sent_before[0] = reporter->sent_before[1];
    reporter->sent_before[1] = sender->packets;
    return rt_end_rtcp(to, at);
}

static uint8_t *write_cname(const rt_reporter *reporter, uint8_t *to) {
    uint8_t *at = rt_begin_rtcp(to, 1, RT_SOURCE_DESCRIPTION);
    rt_write32(at, reporter->sender->ssrc);
    at[4] = 1; /* CNAME, the one item that must be sent (§6.5.1) */
    at[5] = reporter->cname_size;
    memcpy(at + 6, reporter->cname, reporter->cname_size);
    size_t used = 6u + reporter->cname_size;
    size_t padding = 4 - used % 4; /* at least one null octet ends the items */
    memset(at + used, 0, padding);
    return rt_end_rtcp(to, at + used + padding);
}

size_t rt_reporter_report(rt_reporter *reporter, uint8_t *to, bool goodbye, double now) {
    if (!goodbye)
        reporter->due_at = now + interval(reporter);
    uint8_t *at = write_cname(reporter, write_report(reporter, to, now));
    if (goodbye) {
        uint8_t *bye = at;
        at = rt_begin_rtcp(bye, 1, RT_GOODBYE);
        rt_write32(at, reporter->sender->ssrc);
        at = rt_end_rtcp(bye, at + 4);
    }
    return (size_t)(at - to);
}

int64_t rt_reporter_lost(const rt_reporter *reporter) {
    int64_t lost = reporter->lost_before + (reporter->has_source ? rt_source_lost(&reporter->source) : 0);
    return lost > 0 ? lost : 0;
}
