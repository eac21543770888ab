#include "ring.h"

#include <stdlib.h>
#include <string.h>

_Static_assert(sizeof(rt_frame) <= RT_FRAME_COST, "a frame's header is larger than it is reckoned");

static size_t cost(size_t size) { return RT_FRAME_COST + (size + 7) / 8 * 8; }

bool rt_ring_open(rt_ring *ring, size_t capacity) {
    *ring = (rt_ring){.octets = malloc(capacity), .capacity = capacity};
    return ring->octets != NULL;
}

void rt_ring_close(rt_ring *ring) {
    free(ring->octets);
    *ring = (rt_ring){0};
}

static void copy_in(rt_ring *ring, size_t place, const void *from, size_t size) {
    place %= ring->capacity;
    size_t first = size < ring->capacity - place ? size : ring->capacity - place;
    memcpy(ring->octets + place, from, first);
    memcpy(ring->octets, (const uint8_t *)from + first, size - first);
}

static void copy_out(const rt_ring *ring, size_t place, void *to, size_t size) {
    place %= ring->capacity;
    size_t first = size < ring->capacity - place ? size : ring->capacity - place;
    memcpy(to, ring->octets + place, first);
    memcpy((uint8_t *)to + first, ring->octets, size - first);
}

bool rt_ring_put(rt_ring *ring, const rt_frame *frame, const uint8_t *payload) {
    if (!ring->octets || cost(frame->size) > ring->capacity - ring->used) {
        ring->dropped++;
        return false;
    }
    size_t end = ring->start + ring->used;
    copy_in(ring, end, frame, sizeof *frame);
    if (frame->size)
        copy_in(ring, end + RT_FRAME_COST, payload, frame->size);
    ring->used += cost(frame->size);
    ring->frames++;
    return true;
}

bool rt_ring_peek(const rt_ring *ring, rt_frame *frame) {
    if (ring->frames == 0)
        return false;
    copy_out(ring, ring->start, frame, sizeof *frame);
    return true;
}

bool rt_ring_take(rt_ring *ring, rt_frame *frame, uint8_t *payload) {
    if (!rt_ring_peek(ring, frame))
        return false;
    copy_out(ring, ring->start + RT_FRAME_COST, payload, frame->size);
    ring->start = (ring->start + cost(frame->size)) % ring->capacity;
    ring->used -= cost(frame->size);
    ring->frames--;
    return true;
}
