/* What a receiver knows of one source: RFC 3550 §A.1 (sequence), §A.3 (loss), §A.8 (jitter). */
#ifndef RINGTHRU_STATISTICS_H
#define RINGTHRU_STATISTICS_H

#include "wire.h"

enum {
    RT_MAX_DROPOUT = 3000, /* a gap this long may still be loss */
    RT_MAX_MISORDER = 100, /* a packet this late is still of this run */
    RT_MIN_SEQUENTIAL = 2, /* packets in a row before a source is believed */
    RT_SETTLED = 32,       /* packets after which the estimate of the jitter has forgotten its start at 0 */
    RT_NEW_TIMELINE = 1,   /* seconds; a longer step of the transit is another clock, and no jitter */
};

typedef struct {
    uint32_t ssrc;
    uint32_t clock_rate;
    uint16_t base, highest;
    uint16_t bad; /* what a restarted source would send next */
    bool has_bad, has_transit, has_sr;
    uint8_t probation;
    uint32_t transit;
    int64_t jitter; /* sixteen times the estimate, as §A.8 keeps it */
    int64_t least_jitter, most_jitter; /* of that, once it is settled */
    int64_t steps, stepped;            /* how often the transit was compared, and the sum of |d| */
    int64_t loss_runs;                 /* gaps in the sequence; what comes late leaves its gap counted */
    uint64_t cycles;
    int64_t received, expected_prior, received_prior;
    uint32_t last_sr;
    double sr_at;
} rt_source;

void rt_source_begin(rt_source *source, uint32_t ssrc, uint16_t sequence, uint32_t clock_rate);

/* Count one packet; what does not fit the source's run is not counted. */
void rt_source_receive(rt_source *source, const rt_packet *packet, double now);

/* Whether this number comes soon after the highest; a source on probation has none. */
bool rt_source_continues(const rt_source *source, uint16_t sequence);

int64_t rt_source_lost(const rt_source *source);

/* The mean of |d| of §A.8 over all packets, in timestamp units. */
double rt_source_mean_jitter(const rt_source *source);

/* The block about this source; starts a new interval of the fraction lost. */
rt_report_block rt_source_report(rt_source *source, double now);

/* Seconds since 1900 as 32.32 fixed point (§4), and its middle 32 bits, the form of LSR and DLSR. */
uint64_t rt_ntp(double seconds);
uint32_t rt_ntp_middle(uint64_t ntp);

/* Seconds from our SR to them and back (§6.4.1); false if absurd. */
bool rt_round_trip(uint32_t arrival, uint32_t last_sr, uint32_t delay, double *seconds);

#endif
