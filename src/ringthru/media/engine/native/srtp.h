/* SRTP of one leg (RFC 3711), by libsrtp2, whose functions and sessions Python hands in (see media/leg/protecting.py).
 *
 * Lives here: which session a packet goes through, and what one without proof counts for. Never here: ciphers,
 * keys, and who owns a session: Python does, and takes none away that is named here.
 */
#ifndef RINGTHRU_SRTP_H
#define RINGTHRU_SRTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    RT_SRTP_ROOM = 160,   /* octets that protecting may add */
    RT_SRTP_SOURCES = 16, /* SSRCs of one key; each has a state of its own in the library */
};

/* srtp_protect, srtp_unprotect, srtp_protect_rtcp, srtp_unprotect_rtcp: 0, or what went wrong. */
typedef int (*rt_srtp_call)(void *session, void *packet, int *size);

/* A key of the peer's. Its number (MKI) has ``mki`` octets, before the tails of RTP and RTCP. */
typedef struct {
    void *session; /* NULL: none */
    uint8_t mki, tails[2];
} rt_srtp_key;

typedef struct {
    rt_srtp_call calls[4];
    void *sending; /* NULL: plain RTP */
    rt_srtp_key hearing, before;
    uint32_t sources[RT_SRTP_SOURCES];
    unsigned source_count;
    uint64_t forged; /* packets of somebody without the key */
} rt_srtp;

/* Protect a packet where it is, with RT_SRTP_ROOM behind it; false: nothing is to be sent. */
bool rt_srtp_protect(const rt_srtp *srtp, bool rtcp, uint8_t *data, size_t *size);

/* Write what a datagram holds to ``to``, which is as large, and aligned; false: nothing that can be used. */
bool rt_srtp_open(rt_srtp *srtp, bool rtcp, const uint8_t *data, size_t *size, uint8_t *to);

#endif
