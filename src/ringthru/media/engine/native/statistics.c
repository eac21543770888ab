#include "statistics.h"

#include <math.h>

static void restart(rt_source *source, uint16_t sequence) {
    source->base = source->highest = sequence;
    source->has_bad = false;
    source->cycles = 0;
    source->received = source->expected_prior = source->received_prior = 0;
}

void rt_source_begin(rt_source *source, uint32_t ssrc, uint16_t sequence, uint32_t clock_rate) {
    *source = (rt_source){.ssrc = ssrc, .clock_rate = clock_rate, .probation = RT_MIN_SEQUENTIAL};
    restart(source, sequence);
    source->highest = (uint16_t)(sequence - 1);
}

static bool on_probation(rt_source *source, uint16_t sequence, uint16_t ahead) {
    source->probation = ahead == 1 ? source->probation - 1 : RT_MIN_SEQUENTIAL - 1;
    source->highest = sequence;
    if (source->probation)
        return false;
    restart(source, sequence);
    source->received = 1;
    return true;
}

static bool in_sequence(rt_source *source, uint16_t sequence) {
    uint16_t ahead = (uint16_t)(sequence - source->highest);
    if (source->probation)
        return on_probation(source, sequence, ahead);
    if (ahead < RT_MAX_DROPOUT) {
        if (sequence < source->highest)
            source->cycles += 1 << 16;
        source->loss_runs += ahead > 1;
        source->highest = sequence;
    } else if (ahead <= (1 << 16) - RT_MAX_MISORDER) {
        if (!source->has_bad || sequence != source->bad) {
            source->has_bad = true;
            source->bad = (uint16_t)(sequence + 1);
            return false;
        }
        restart(source, sequence); /* two in a row: the other side began anew */
    }
    source->received++;
    return true;
}

static void keep_extremes(rt_source *source, int64_t change) {
    if (change > (int64_t)RT_NEW_TIMELINE * source->clock_rate)
        return;
    source->steps++;
    source->stepped += change;
    if (source->steps < RT_SETTLED)
        return;
    if (source->steps == RT_SETTLED || source->jitter < source->least_jitter)
        source->least_jitter = source->jitter;
    if (source->jitter > source->most_jitter)
        source->most_jitter = source->jitter;
}

void rt_source_receive(rt_source *source, const rt_packet *packet, double now) {
    if (!in_sequence(source, packet->sequence))
        return;
    uint32_t arrival = (uint32_t)(int64_t)(now * source->clock_rate);
    uint32_t transit = arrival - packet->timestamp;
    if (source->has_transit) {
        uint32_t change = transit - source->transit;
        uint32_t back = -change; /* |d| of §A.8, over the timestamp's wrap */
        int64_t distance = change && back < change ? back : change;
        source->jitter += distance - ((source->jitter + 8) >> 4);
        keep_extremes(source, distance);
    }
    source->transit = transit;
    source->has_transit = true;
}

bool rt_source_continues(const rt_source *source, uint16_t sequence) {
    uint16_t ahead = (uint16_t)(sequence - source->highest);
    return !source->probation && ahead > 0 && ahead < RT_MAX_DROPOUT;
}

static int64_t expected(const rt_source *source) {
    return source->probation ? 0 : (int64_t)(source->cycles + source->highest) - source->base + 1;
}

int64_t rt_source_lost(const rt_source *source) { return expected(source) - source->received; }

double rt_source_mean_jitter(const rt_source *source) {
    return source->steps ? (double)source->stepped / (double)source->steps : 0.0;
}

rt_report_block rt_source_report(rt_source *source, double now) {
    int64_t due = expected(source) - source->expected_prior;
    int64_t missing = due - (source->received - source->received_prior);
    source->expected_prior = expected(source);
    source->received_prior = source->received;
    int64_t fraction = due > 0 && missing > 0 ? missing * 256 / due : 0;
    int64_t lost = rt_source_lost(source);
    lost = lost < -0x800000 ? -0x800000 : lost > 0x7FFFFF ? 0x7FFFFF : lost;
    return (rt_report_block){
        .ssrc = source->ssrc,
        .fraction_lost = (uint8_t)(fraction > 255 ? 255 : fraction),
        .lost = (int32_t)lost,
        .highest_sequence = (uint32_t)(source->cycles + source->highest),
        .jitter = (uint32_t)(source->jitter >> 4),
        .last_sr = source->has_sr ? source->last_sr : 0,
        .delay = source->has_sr ? (uint32_t)(int64_t)((now - source->sr_at) * 65536) : 0,
    };
}

uint64_t rt_ntp(double seconds) {
    double whole = floor(seconds);
    uint64_t era = (uint64_t)(int64_t)whole & 0xFFFFFFFF; /* the count wraps in 2036 */
    return era << 32 | (uint32_t)((seconds - whole) * 4294967296.0);
}

uint32_t rt_ntp_middle(uint64_t ntp) { return (uint32_t)(ntp >> 16); }

bool rt_round_trip(uint32_t arrival, uint32_t last_sr, uint32_t delay, double *seconds) {
    uint32_t elapsed = arrival - last_sr - delay;
    if (elapsed >= (uint32_t)1 << 31) {
        /* Clocks that tick at different speeds make a round trip of nearly nothing negative. */
        *seconds = 0.0;
        return (uint32_t)-elapsed < 6554; /* a tenth of a second */
    }
    *seconds = elapsed / 65536.0;
    return elapsed < 60 * 65536;
}
