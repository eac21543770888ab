/* Where to send when the SDP may be wrong: learning a peer's address from its packets (see media/rtp/latch.py). */
#ifndef RINGTHRU_LATCH_H
#define RINGTHRU_LATCH_H

#include "address.h"

enum {
    RT_RTP_THRESHOLD = 10, /* packets from elsewhere */
    RT_RTCP_THRESHOLD = 1,
    RT_LATCH_WINDOW = 2 * RT_RTP_THRESHOLD,
};

typedef enum { RT_NOTHING_LEARNED, RT_LEARNED_CONFIRMED, RT_LEARNED_ELSEWHERE } rt_learned;

typedef struct {
    rt_address target;
    rt_address was; /* before it moved */
    bool learning;
    bool proven; /* packets came from the target, whatever is being learned anew since */
    bool fixed; /* the SDP alone says where the peer is: strangers are never heard, nor followed */
    uint8_t threshold;
    uint8_t seen; /* strangers in the window */
    uint8_t next; /* where the next one goes */
    rt_address strangers[RT_LATCH_WINDOW];
} rt_latch;

/* A new SDP: send to the target, and learn. */
void rt_latch_learn(rt_latch *latch, const rt_address *target, unsigned threshold);

/* Whether to hear a packet of this source; *learned says what came of it. */
bool rt_latch_judge(rt_latch *latch, const rt_address *source, bool comfort_noise, rt_learned *learned);

/* Count a stranger's packet that carries on the stream of a target that fell silent; true: it moved there. */
bool rt_latch_follow(rt_latch *latch, const rt_address *source);

/* The peer proved that it is there, and wants its media there (RFC 8445 §7.3.2). */
rt_learned rt_latch_nominate(rt_latch *latch, const rt_address *source);

#endif
