/* An address and port of a peer, small enough to be kept by the dozen. */
#ifndef RINGTHRU_ADDRESS_H
#define RINGTHRU_ADDRESS_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

enum { RT_NO_ADDRESS = 0, RT_IPV4 = 4, RT_IPV6 = 6 };

typedef struct {
    uint8_t host[16]; /* network order; IPv4 in the first four */
    uint32_t scope;   /* of a link-local IPv6 address, to send by; it makes no difference to who it is */
    uint16_t port;    /* host order */
    uint8_t family;
} rt_address;

static inline bool rt_same_address(const rt_address *one, const rt_address *other) {
    return one->port == other->port && one->family == other->family && memcmp(one->host, other->host, 16) == 0;
}

/* 0.0.0.0 and :: are what a held stream names; Linux would take them for this machine. */
static inline bool rt_is_nowhere(const rt_address *address) {
    static const uint8_t zeros[16];
    return memcmp(address->host, zeros, 16) == 0;
}

#endif
