/* Frames that wait: for Python to read them, for their time to be said, for a late echo. */
#ifndef RINGTHRU_RING_H
#define RINGTHRU_RING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { RT_FRAME_COST = 32 }; /* octets that a frame takes beside its payload */

typedef struct {
    double at;          /* when it came */
    uint32_t timestamp; /* of what is fed: its samples */
    uint32_t ssrc;
    uint16_t sequence;
    uint16_t size; /* of the payload */
    uint8_t payload_type;
    uint8_t codec;
    bool marker;
} rt_frame;

typedef struct {
    uint8_t *octets;
    size_t capacity, used, start;
    uint32_t frames;
    uint32_t dropped;
} rt_ring;

bool rt_ring_open(rt_ring *ring, size_t capacity); /* false: no memory */
void rt_ring_close(rt_ring *ring);
bool rt_ring_put(rt_ring *ring, const rt_frame *frame, const uint8_t *payload); /* false: full, and counted */
bool rt_ring_peek(const rt_ring *ring, rt_frame *frame);
bool rt_ring_take(rt_ring *ring, rt_frame *frame, uint8_t *payload); /* payload: room for the largest datagram */

#endif
