/* What a leg says by itself: sounds, what it is fed, a late echo (see media/leg/playing.py). */
#include <math.h>
#include <string.h>

#include "stream.h"

static const double FRAME = 0.02; /* seconds between packets of our own */
static const double FIRST_LOOK = 0.001; /* seconds between looks for the first frame of a feed */
static const double LATE = 0.2;   /* seconds behind, after which we go on from now instead of hurrying after */
static const double LONGEST_DELAY = 60.0;
enum {
    FEED_OCTETS = 64 << 10,
    LATE_OCTETS = 100 * (RT_FRAME_COST + 176), /* for a second: two packets for each of 20 ms */
    LOW_WATER = 10,                            /* frames */
};

static void begin(rt_stream *stream, rt_speaker speaker, double now) {
    stream->speaker = speaker;
    stream->speaker_due = now;
    stream->opening_left = 0;
}

void rt_stream_hush(rt_stream *stream) {
    stream->speaker = RT_SPEAKER_NONE;
    stream->sound = NULL;
    rt_ring_close(&stream->feed);
    rt_ring_close(&stream->late);
}

void rt_stream_play(rt_stream *stream, const uint8_t *ulaw, size_t size, uint32_t times, size_t start,
                    double now) {
    rt_stream_hush(stream);
    stream->sound = ulaw;
    stream->sound_size = size;
    stream->sound_times = times;
    stream->sound_at = start < size ? start : 0;
    stream->sound_said = 0;
    stream->sound_codec = stream->agreed.codec;
    stream->sound_frame = stream->agreed.clock_rate / 50;
    begin(stream, RT_SPEAKER_SOUND, now);
}

bool rt_stream_feed(rt_stream *stream, double now) {
    rt_stream_hush(stream);
    if (!rt_ring_open(&stream->feed, FEED_OCTETS))
        return false;
    stream->feed_finished = stream->feed_told = stream->feed_begun = false;
    begin(stream, RT_SPEAKER_FEED, now);
    return true;
}

bool rt_stream_write(rt_stream *stream, const uint8_t *frame, size_t size, unsigned samples) {
    if (stream->speaker != RT_SPEAKER_FEED || stream->feed_finished || !samples || size > RT_MAX_DATAGRAM)
        return false;
    rt_frame header = {.timestamp = samples, .size = (uint16_t)size};
    if (!rt_ring_put(&stream->feed, &header, frame))
        return false;
    if (stream->feed.frames > LOW_WATER)
        stream->feed_told = false;
    return true;
}

bool rt_stream_late_echo(rt_stream *stream, double delay, double now) {
    rt_stream_hush(stream);
    stream->late_by = fmin(fmax(delay, 0.0), LONGEST_DELAY);
    if (!rt_ring_open(&stream->late, (size_t)((stream->late_by + 1) * LATE_OCTETS)))
        return false;
    rt_stream_set_sink(stream, RT_SINK_LATE, NULL);
    begin(stream, RT_SPEAKER_LATE, now);
    return true;
}

void rt_hold_late(rt_stream *stream, const rt_packet *packet, double now) {
    rt_frame frame = {
        .at = now + stream->late_by,
        .timestamp = packet->timestamp,
        .ssrc = packet->ssrc,
        .sequence = packet->sequence,
        .size = (uint16_t)packet->size,
        .payload_type = packet->payload_type,
        .marker = packet->marker,
    };
    rt_ring_put(&stream->late, &frame, packet->payload);
}

/* Each returns false when there is no more to say. */

static bool say_sound(rt_stream *stream, double now) {
    uint8_t frame[RT_MAX_DATAGRAM];
    size_t size = stream->sound_frame < sizeof frame ? stream->sound_frame : sizeof frame;
    if (stream->sound_at >= stream->sound_size) { /* one time is over */
        stream->sound_said++;
        stream->sound_at = 0;
    }
    if (!stream->sound_size || !size || (stream->sound_times && stream->sound_said >= stream->sound_times))
        return false;
    size_t left = stream->sound_size - stream->sound_at;
    size_t part = left < size ? left : size;
    memset(frame, rt_silence_of(RT_PCMU), size); /* the last one ends in silence */
    memcpy(frame, stream->sound + stream->sound_at, part);
    if (stream->sound_codec != RT_PCMU)
        rt_ulaw_to_alaw(frame, frame, size);
    stream->sound_at += part;
    rt_stream_say(stream, frame, size, (unsigned)size, now);
    stream->speaker_due += FRAME;
    return true;
}

static bool say_fed(rt_stream *stream, double now) {
    uint8_t payload[RT_MAX_DATAGRAM];
    rt_frame frame;
    if (!rt_ring_take(&stream->feed, &frame, payload)) {
        stream->speaker_due += stream->feed_begun ? FRAME : FIRST_LOOK;
        return !stream->feed_finished;
    }
    stream->feed_begun = true;
    rt_stream_say(stream, payload, frame.size, frame.timestamp, now);
    stream->speaker_due += (double)frame.timestamp / stream->sender.clock_rate;
    if (stream->feed.frames <= LOW_WATER && !stream->feed_told && !stream->feed_finished) {
        stream->feed_told = true;
        rt_stream_tell(stream, &(rt_event){.kind = RT_HUNGRY, .amount = stream->feed.frames});
    }
    return true;
}

static bool say_late(rt_stream *stream, double now) {
    uint8_t payload[RT_MAX_DATAGRAM];
    rt_frame frame;
    while (rt_ring_peek(&stream->late, &frame) && frame.at <= now) {
        rt_ring_take(&stream->late, &frame, payload);
        rt_packet packet = {
            .payload = payload,
            .size = frame.size,
            .timestamp = frame.timestamp,
            .ssrc = frame.ssrc,
            .sequence = frame.sequence,
            .payload_type = frame.payload_type,
            .marker = frame.marker,
        };
        rt_stream_pass_on(stream, &packet, stream, now);
    }
    stream->speaker_due = now + FRAME / 2; /* a tick, because packets move no timer */
    return true;
}

void rt_speak_on(rt_stream *stream, double now) {
    bool goes_on = true;
    if (stream->speaker == RT_SPEAKER_NONE || now < stream->speaker_due)
        return;
    if (stream->speaker == RT_SPEAKER_LATE) {
        say_late(stream, now);
        return;
    }
    if (now - stream->speaker_due > LATE)
        stream->speaker_due = now;
    goes_on = stream->speaker == RT_SPEAKER_SOUND ? say_sound(stream, now) : say_fed(stream, now);
    if (!goes_on) {
        rt_stream_hush(stream);
        rt_stream_tell(stream, &(rt_event){.kind = RT_SAID});
    }
}
