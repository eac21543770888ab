/* The media of one leg: its RTP, its RTCP, and what becomes of a packet that came in.
 *
 * The same rules as media/leg/stream.py, which tells of them; a test feeds both the same packets. No sockets, no
 * clock, no allocation: what leaves goes through ``emit`` at once.
 */
#ifndef RINGTHRU_STREAM_H
#define RINGTHRU_STREAM_H

#include "address.h"
#include "g711.h"
#include "keys.h"
#include "latch.h"
#include "report.h"
#include "ring.h"
#include "srtp.h"

enum {
    RT_MAX_TAPS = 4,
    RT_MAX_EVENTS = 16,
    RT_EVENTS_FOR_KEYS = 8, /* of them; a flood of keys must not push out the rest */
    RT_NO_TYPE = 255,
    RT_UFRAG = 32,           /* octets, a null among them */
    RT_CHECKS_KEPT = 4 << 10, /* octets */
};

typedef enum {
    RT_LATCHED = 1,
    RT_CONFIRMED,
    RT_FIRST_PACKET,
    RT_TIMEOUT,
    RT_KEY_HEARD,
    RT_SAID,
    RT_HUNGRY,
    RT_UNEXPECTED,
    RT_CHECK, /* a STUN datagram waits in ``checks``: for Python, which has HMAC */
    RT_FORGED,
} rt_event_kind;

typedef struct {
    rt_event_kind kind;
    uint8_t number;  /* of the key, of the payload type */
    bool rtcp;       /* of LATCHED, CONFIRMED and CHECK */
    uint32_t amount; /* milliseconds of a key, frames left */
    double seconds;  /* of silence */
    rt_address was, now;
} rt_event;

/* What one offer and its answer agreed on. A type that was not agreed on is RT_NO_TYPE. */
typedef struct {
    rt_address remote_rtp, remote_rtcp;
    uint32_t clock_rate;
    uint32_t event_rate; /* Hz, the clock of telephone events; never 0 */
    uint16_t ptime;      /* milliseconds */
    uint8_t codec;  /* RT_PCMU, RT_PCMA, or another number */
    uint8_t sent_type, heard_type, sent_event, heard_event;
    bool sends, receives, mux;
    bool fixed;          /* no packet from elsewhere moves where we send */
    uint8_t learns_after; /* so many of them do, 1 to RT_MOST_THRESHOLD */
    char ice[RT_UFRAG]; /* what a check of the peer's must name; empty: no ICE */
} rt_agreed;

typedef enum { RT_SINK_NONE, RT_SINK_STREAM, RT_SINK_LATE } rt_sink;
typedef enum { RT_SPEAKER_NONE, RT_SPEAKER_SOUND, RT_SPEAKER_FEED, RT_SPEAKER_LATE } rt_speaker;

typedef struct rt_stream rt_stream;
typedef void (*rt_emit)(rt_stream *stream, bool rtcp, const uint8_t *data, size_t size);

struct rt_stream {
    rt_emit emit;
    rt_sender sender;
    rt_reporter reporter;
    rt_agreed agreed;
    bool has_agreed, speak_first, heard, ever_heard, timed_out, told_type, told_forged, has_opening, closed;
    bool blocks_media, blocks_keys;
    rt_srtp srtp;
    rt_latch rtp_latch, rtcp_latch;
    rt_allowance allowance;
    rt_key_listener listener;
    rt_key_presser presser;
    double rtp_timeout, hold_timeout, heard_at, quiet_since, opening_at;
    unsigned opening_left;
    rt_sink sink;
    rt_stream *onward; /* of RT_SINK_STREAM: this one (echo), or another (bridge) */
    rt_speaker speaker;
    double speaker_due;
    const uint8_t *sound; /* µ-law, the caller's */
    size_t sound_size, sound_at, sound_frame;
    uint32_t sound_times, sound_said; /* times: 0 for ever */
    uint8_t sound_codec;
    bool feed_finished, feed_told, feed_begun;
    double late_by;
    rt_ring late, feed;
    rt_ring checks;            /* open where ICE was agreed on */
    rt_ring taps[RT_MAX_TAPS]; /* open where they have octets */
    rt_event events[RT_MAX_EVENTS];
    uint8_t first_event, event_count;
};

void rt_stream_begin(rt_stream *stream, rt_emit emit);
void rt_stream_end(rt_stream *stream); /* gives memory back */

void rt_stream_connect(rt_stream *stream, const rt_agreed *agreed, bool speak_first, double now);
/* Before an agreement: what it says of SRTP. A key that goes on keeps the sources it is known of. */
void rt_stream_secure(rt_stream *stream, const rt_srtp *srtp);
bool rt_stream_press(rt_stream *stream, uint8_t event, unsigned milliseconds, double now);
void rt_stream_set_sink(rt_stream *stream, rt_sink sink, rt_stream *onward);
void rt_stream_hush(rt_stream *stream);
void rt_stream_play(rt_stream *stream, const uint8_t *ulaw, size_t size, uint32_t times, size_t start,
                    double now);
bool rt_stream_feed(rt_stream *stream, double now); /* false: no memory */
bool rt_stream_write(rt_stream *stream, const uint8_t *frame, size_t size, unsigned samples);
bool rt_stream_late_echo(rt_stream *stream, double delay, double now); /* false: no memory */
void rt_stream_close(rt_stream *stream, double now); /* says BYE (RFC 3550 §6.3.7) */

void rt_stream_receive_rtp(rt_stream *stream, const uint8_t *data, size_t size, const rt_address *source,
                           double now);
void rt_stream_receive_rtcp(rt_stream *stream, const uint8_t *data, size_t size, const rt_address *source,
                            double now);
double rt_stream_next_timeout(const rt_stream *stream); /* INFINITY before the first agreement */
void rt_stream_handle_timeout(rt_stream *stream, double now);

/* What a check brought that was proven: media goes there from now on. */
void rt_stream_nominate(rt_stream *stream, bool rtcp, const rt_address *source);

const rt_address *rt_stream_target(const rt_stream *stream, bool rtcp); /* NULL before the first agreement */
bool rt_stream_take_event(rt_stream *stream, rt_event *event);

/* Between stream.c, outgoing.c and speaking.c */
void rt_send(rt_stream *stream, bool rtcp, uint8_t *data, size_t size); /* with RT_SRTP_ROOM behind it */
bool rt_speaks(const rt_stream *stream, const rt_latch *latch); /* whether anything may go there now */
void rt_begin_opening(rt_stream *stream, double now);
void rt_open_on(rt_stream *stream, double now);
void rt_press_on(rt_stream *stream, double now);
void rt_keep_open(rt_stream *stream, double now);
double rt_next_to_send(const rt_stream *stream); /* when one of these three is due */
void rt_stream_say(rt_stream *stream, const uint8_t *frame, size_t size, unsigned samples, double now);
void rt_stream_pass_on(rt_stream *stream, const rt_packet *packet, rt_stream *origin, double now);
void rt_stream_tell(rt_stream *stream, const rt_event *event);
void rt_speak_on(rt_stream *stream, double now);
void rt_hold_late(rt_stream *stream, const rt_packet *packet, double now);

#endif
