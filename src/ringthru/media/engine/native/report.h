/* One leg's reception and reports: counters, RTCP timing, and the compounds sent (see media/rtp/report.py). */
#ifndef RINGTHRU_REPORT_H
#define RINGTHRU_REPORT_H

#include "sender.h"

enum { RT_MAX_CNAME = 32, RT_MAX_COMPOUND = 160 };

typedef struct {
    rt_sender *sender;
    rt_source source;
    bool has_source, heard_since, has_remote_lost, has_round_trip;
    uint8_t cname_size;
    char cname[RT_MAX_CNAME];
    uint64_t chance; /* the state of our random numbers */
    double ntp_offset, due_at, round_trip;
    uint64_t packets, octets, dropped;
    int64_t lost_before, runs_before; /* with earlier SSRCs */
    int32_t remote_lost;
    uint64_t remote_expected;               /* packets sent when the peer told its loss last */
    uint64_t remote_jitter, remote_reports; /* a sum, in timestamp units, and of how many */
    uint64_t sent_before[2]; /* packets sent at the last two reports */
} rt_reporter;

void rt_reporter_begin(rt_reporter *reporter, rt_sender *sender, const char *cname, uint64_t seed,
                       double ntp_offset);

/* The first report comes after half an interval (§6.2). */
void rt_reporter_start(rt_reporter *reporter, double now);

void rt_reporter_receive_rtp(rt_reporter *reporter, const rt_packet *packet, double now);

/* Whether a packet is the next, or nearly, of the source that is heard. */
bool rt_reporter_continues(const rt_reporter *reporter, const rt_packet *packet);

/* Take a valid compound. */
void rt_reporter_receive_rtcp(rt_reporter *reporter, const uint8_t *data, size_t size, double now);

/* Write a compound for now, the next is due an interval later; returns its size. With goodbye, the last. */
size_t rt_reporter_report(rt_reporter *reporter, uint8_t *to, bool goodbye, double now);

int64_t rt_reporter_lost(const rt_reporter *reporter);

#endif
