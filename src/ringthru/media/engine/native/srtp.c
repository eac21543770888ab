#include "srtp.h"

#include <string.h>

#include "wire.h"

enum { OK = 0, AUTH_FAIL = 7, CIPHER_FAIL = 8 }; /* libsrtp's; the last is GCM's forgery in some versions */
enum { UNPROTECT = 1 };
static const size_t SHORTEST[] = {16, 22}; /* octets of an SRTP packet, and of an SRTCP one */

bool rt_srtp_protect(const rt_srtp *srtp, bool rtcp, uint8_t *data, size_t *size) {
    int length = (int)*size;
    if (srtp->sending == NULL)
        return true;
    if (srtp->calls[2 * rtcp](srtp->sending, data, &length) != OK)
        return false; /* one of its number went out before: no key may protect two */
    *size = (size_t)length;
    return true;
}

/* The number of the key is taken out: there is one key. */
static size_t copy(const rt_srtp_key *key, bool rtcp, const uint8_t *data, size_t size, uint8_t *to) {
    size_t tail = key->tails[rtcp], cut = (size_t)key->mki + tail;
    memcpy(to, data, size);
    if (key->mki == 0 || size < cut)
        return size;
    memcpy(to + size - cut, data + size - tail, tail);
    return size - key->mki;
}

static int unprotect(const rt_srtp *srtp, const rt_srtp_key *key, bool rtcp, const uint8_t *data, size_t *size,
                     uint8_t *to) {
    int length = (int)copy(key, rtcp, data, *size, to);
    int status = (size_t)length < SHORTEST[rtcp] ? -1
                                                 : srtp->calls[2 * rtcp + UNPROTECT](key->session, to, &length);
    if (status == OK)
        *size = (size_t)length;
    return status;
}

static bool is_known(const rt_srtp *srtp, uint32_t source) {
    for (unsigned index = 0; index < srtp->source_count; index++)
        if (srtp->sources[index] == source)
            return true;
    return false;
}

static bool is_forged(int status) { return status == AUTH_FAIL || status == CIPHER_FAIL; }

bool rt_srtp_open(rt_srtp *srtp, bool rtcp, const uint8_t *data, size_t *size, uint8_t *to) {
    if (*size < SHORTEST[rtcp])
        return false;
    uint32_t source = rt_read32(data + (rtcp ? 4 : 8));
    bool known = is_known(srtp, source);
    if (!known && srtp->source_count == RT_SRTP_SOURCES)
        return false;
    int status = unprotect(srtp, &srtp->hearing, rtcp, data, size, to);
    if (status == OK)
        srtp->before.session = NULL; /* the peer's new key is heard */
    else if (is_forged(status) && srtp->before.session)
        status = unprotect(srtp, &srtp->before, rtcp, data, size, to);
    srtp->forged += is_forged(status);
    if (status == OK && !known)
        srtp->sources[srtp->source_count++] = source;
    return status == OK;
}
